"""How alike two aligned pictures are, block by block: copies agree everywhere, neighboring slices here and there."""

import cv2
import numpy as np
import numpy.typing as npt

from neuroonco.curate.registration import Alignment, mirrored
from neuroonco.images import Gray

BLOCK_PX = 12
_FINE_PX, _COARSE_PX = 0.8, 2.5
_EDGE_PX = 9
"""Beside the edge of the other picture nothing is compared: what lies behind the edge leaks into the filter."""


def share_alike(
    first: Gray,
    second: Gray,
    alignment: Alignment,
    *,
    block_correlation: float,
    min_texture: float,
    min_texture_share: float,
) -> tuple[float, int]:
    """Share of the textured blocks in which the two pictures, high-pass filtered, correlate at least so much.

    A correlation over the whole picture is ruled by the scalp, which neighboring slices and the other sequences of
    a slice share; a mark on the picture spoils it. Blocks weigh the same, so a mark costs its own blocks only.

    Args:
        first, second: working pictures (height, width).
        alignment: of the second on the first.
        block_correlation: Pearson's r from which a block counts as alike.
        min_texture: standard deviation of the filtered gray values that a block needs in both pictures.
        min_texture_share: and its share of the variance of the picture's well textured blocks, in one of them.

    Returns:
        The share, and the number of textured blocks; a share of 0 without any.
    """
    height, width = second.shape
    moving = mirrored(first, alignment)
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    laid: Gray = np.asarray(
        cv2.warpAffine(moving, alignment.affine, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE),
        dtype=np.uint8,
    )
    flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    inside = cv2.warpAffine(np.full_like(moving, 255), alignment.affine, (width, height), flags=flags)
    inside = cv2.erode(inside, np.ones((_EDGE_PX, _EDGE_PX), dtype=np.uint8), borderValue=0)
    overlap = (inside > 0).astype(np.float32)
    one, two = _filtered(laid) * overlap, _filtered(second) * overlap
    covered = _blocks(overlap)
    used = covered >= BLOCK_PX**2 / 2
    if not used.any():
        return 0.0, 0
    variance_one = _blocks(one * one)[used] / covered[used]
    variance_two = _blocks(two * two)[used] / covered[used]
    product = _blocks(one * two)[used] / covered[used]
    textured = np.minimum(variance_one, variance_two) > min_texture**2
    strong = (variance_one > min_texture_share * np.percentile(variance_one, 85)) | (
        variance_two > min_texture_share * np.percentile(variance_two, 85)
    )
    textured &= strong
    if not textured.any():
        return 0.0, 0
    correlation = product[textured] / np.sqrt(variance_one[textured] * variance_two[textured])
    return float((correlation >= block_correlation).mean()), int(textured.sum())


def _filtered(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    values = picture.astype(np.float32)
    fine = cv2.GaussianBlur(values, (0, 0), _FINE_PX)
    return np.asarray(fine - cv2.GaussianBlur(values, (0, 0), _COARSE_PX), dtype=np.float32)


def _blocks(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    rows, columns = values.shape[0] // BLOCK_PX, values.shape[1] // BLOCK_PX
    cut = values[: rows * BLOCK_PX, : columns * BLOCK_PX]
    return np.asarray(cut.reshape(rows, BLOCK_PX, columns, BLOCK_PX).sum(axis=(1, 3)))
