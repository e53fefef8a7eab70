"""Thumbnails of slices, with the lesion's outline drawn around it."""

from base64 import b64encode
from io import BytesIO

import cv2
import numpy as np
from PIL import Image

from neuroonco.images import Gray, Mask

OUTLINE_RGB = (255, 176, 0)
"""Amber: no gray value comes near it, and it stays visible to the color-blind."""
MAX_SIDE_PX = 256


def outlined_png(image: Gray, mask: Mask | None = None, max_side_px: int = MAX_SIDE_PX) -> bytes:
    """PNG of a slice, shrunk to fit, the outline one pixel wide around (not on) the lesion.

    Args:
        image: (height, width) uint8.
        mask: (height, width) bool; None or empty draws no outline.
        max_side_px: longer side of the result at most; a smaller image keeps its size.

    Returns:
        PNG bytes; the same for the same arguments.

    Raises:
        ValueError: the mask has another shape than the image.
    """
    if mask is not None and mask.shape != image.shape:
        raise ValueError(f"mask {mask.shape}, image {image.shape}")
    height, width = image.shape
    scale = min(1.0, max_side_px / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = image if scale == 1.0 else np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    buffer = BytesIO()
    _outlined(small, mask, size).save(buffer, "PNG", compress_level=9)
    return buffer.getvalue()


def data_uri(png: bytes) -> str:
    """PNG bytes as the value of ``src``, so that the page needs no second file."""
    return "data:image/png;base64," + b64encode(png).decode("ascii")


def _outlined(small: Gray, mask: Mask | None, size: tuple[int, int]) -> Image.Image:
    if mask is None or not mask.any():
        return Image.fromarray(small)
    covered = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    # A lesion of a few pixels must not vanish with the shrinking.
    lesion = (covered >= 0.5 if (covered >= 0.5).any() else covered > 0).astype(np.uint8)
    ring = (cv2.dilate(lesion, np.ones((3, 3), np.uint8)) > 0) & (lesion == 0)
    colored = np.repeat(small[:, :, None], 3, axis=2)
    colored[ring] = OUTLINE_RGB
    return Image.fromarray(colored)
