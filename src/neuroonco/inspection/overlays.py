"""What somebody wrote or drew on a picture: letters and scale bars beside the head, colored marks."""

import cv2
import numpy as np
import numpy.typing as npt

from neuroonco.images import Gray
from neuroonco.inspection.content import Content

MARK_WIDTH_TO = 60
"""A letter or a line of text is at most so many pixels of the small copy wide."""
MARK_HEIGHT_TO = 8
"""And at most so many high; what is taller is an ear, the neck or a ghost of the head."""
MARK_SIZE_FROM = 4
"""Width and height together are at least so many: one pixel is noise."""
MARK_SLENDER_TO = 3
"""Height over width from which a part is a streak and no letter."""
MARK_DISTANCE_PX = 4
"""Pixels of the small copy from the head: nearer lie ears, fat that the window cut off, and noise."""
MARKS_LOOKED_AT = 24
"""With more small parts than this only the largest are looked at: noisy air."""
STEEP_PLACES = 4
"""An edge counts if at least so many neighboring pixels differ that much: one speck is no letter."""
STROKE_EDGES = 1.6
"""Steep places over the longer side of the patch, at least."""
COLOR_USUAL_SHARE = 0.9
"""Share of a picture whose color is taken as its tint: a mark covers less than the rest."""
COLOR_SIDE_PX = 48
"""Color is judged on a copy of at most this size: JPEG leaves specks of color along edges."""


def mark_edge(gray: Gray, small: Gray, content: Content) -> float:
    """Steepest edge of letter-like parts beside the head, in gray values from one pixel to the next; 0 if none.

    Letters are printed on the picture, so that their edges are one pixel wide at its full size; those of tissue were
    sampled and are several pixels wide. That is looked up in ``gray`` at the few places found on the small copy.
    """
    if content.hull is None:
        return 0.0
    scale = gray.shape[1] / small.shape[1]
    steepest = 0.0
    for contour in content.others[:MARKS_LOOKED_AT]:
        x, y, width, height = cv2.boundingRect(contour)
        if (
            width > MARK_WIDTH_TO
            or height > min(MARK_HEIGHT_TO, MARK_SLENDER_TO * width)
            or width + height < MARK_SIZE_FROM
        ):
            continue
        if cv2.pointPolygonTest(content.hull, (x + width / 2, y + height / 2), True) > -MARK_DISTANCE_PX:
            continue
        left, top = x + content.left, y + content.top
        patch = gray[
            max(0, int((top - 1) * scale)) : int((top + height + 1) * scale),
            max(0, int((left - 1) * scale)) : int((left + width + 1) * scale),
        ]
        steepest = max(steepest, _edge(patch))
    return steepest


def _edge(patch: Gray) -> float:
    if min(patch.shape) < 2:
        return 0.0
    across, down = cv2.absdiff(patch[:, 1:], patch[:, :-1]), cv2.absdiff(patch[1:], patch[:-1])
    steps = np.concatenate([across.ravel(), down.ravel()])
    if steps.size < STEEP_PLACES:
        return 0.0
    steepest = float(np.partition(steps, -STEEP_PLACES)[-STEEP_PLACES])
    # The corner of a turned white frame has one edge; a stroke has two, one on either side.
    outlined = np.count_nonzero(steps >= steepest / 2) >= STROKE_EDGES * max(patch.shape)
    return steepest if outlined else 0.0


def color_excess(color: npt.NDArray[np.uint8] | None) -> float:
    """How much more colored the most colored spot of a picture is than nine tenths of it, in gray values.

    Args:
        color: (height, width, 3) red, green, blue; None for a gray picture.

    A photograph of a screen is tinted, and more so where it is bright: what a straight line through the gray value
    explains of the differences between channels is taken off first.

    >>> picture = np.full((40, 40, 3), 90, np.uint8)
    >>> color_excess(picture)
    0.0
    >>> picture[10:15, 10:15] = 190, 90, 40
    >>> color_excess(picture) > 50
    True
    """
    if color is None:
        return 0.0
    height, width = color.shape[:2]
    factor = -(-max(height, width) // COLOR_SIDE_PX)
    if factor > 1:
        size = (max(1, width // factor), max(1, height // factor))
        whole = color[: size[1] * factor, : size[0] * factor]
        color = np.asarray(cv2.resize(whole, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    values = color.reshape(-1, 3).astype(np.float32)
    gray = values.mean(axis=1, keepdims=True)
    chroma = values - gray
    if not chroma.any():
        return 0.0
    strength, usual = _strength(chroma - np.median(chroma, axis=0))
    rest, usual_rest = _strength(chroma - _tint(gray, chroma, strength <= usual))
    return float(rest.max() - usual_rest)


def _strength(chroma: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.float32], float]:
    """Span over the channels of each pixel, and what nine tenths do not exceed."""
    strength = chroma.max(axis=1) - chroma.min(axis=1)
    place = int(COLOR_USUAL_SHARE * strength.size)
    return strength, float(np.partition(strength, place)[place])


def _tint(
    gray: npt.NDArray[np.float32], chroma: npt.NDArray[np.float32], usual: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float32]:
    """Color that a pixel's gray value lets expect, by a straight line through the less colored pixels."""
    mean_gray, mean_chroma = gray[usual].mean(), chroma[usual].mean(axis=0)
    centered = gray[usual] - mean_gray
    spread = float((centered * centered).sum())
    slope = (centered * chroma[usual]).sum(axis=0) / spread if spread > 0 else np.zeros(3, np.float32)
    return np.asarray(mean_chroma + (gray - mean_gray) * slope, dtype=np.float32)
