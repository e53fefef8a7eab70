"""Thumbnails of slices, with the lesion's outline drawn around it."""

from base64 import b64encode
from collections.abc import Callable
from io import BytesIO

import cv2
import numpy as np
from PIL import Image

from neuroonco.errors import InputError
from neuroonco.images import Gray, Mask, PictureRef
from neuroonco.report.picture_records import Picture

OUTLINE_RGB = (255, 176, 0)
"""Amber: no gray value comes near it, and it stays visible to the color-blind."""
MAX_SIDE_PX = 256
JPEG_QUALITY = 82
"""Thumbnails that only have to be recognized: a fifth of a PNG's bytes."""
MAX_ALBUM_BYTES = 3_400_000
"""Pictures of one page together; base64 adds a third, so that a page stays below 5 MB."""


class Album:
    """The thumbnails of one page: a picture that cannot be read says why, and a full page takes no more.

    Args:
        read: gives the (height, width) uint8 pixels of a slice or raises ``InputError``.
        max_bytes: of all thumbnails together.
    """

    def __init__(self, read: Callable[[PictureRef], Gray], max_bytes: int = MAX_ALBUM_BYTES) -> None:
        self._read = read
        self._left = max_bytes

    def picture(self, ref: PictureRef, alt: str, max_side_px: int) -> Picture:
        """Thumbnail of a slice, its longer side at most ``max_side_px``."""
        if self._left <= 0:
            return Picture(missing="left out to keep the page small", alt=alt)
        try:
            jpeg = thumbnail_jpeg(self._read(ref), max_side_px)
        except InputError as error:
            return Picture(missing=error.code, alt=alt)
        self._left -= len(jpeg)
        return Picture(jpeg=jpeg, alt=alt)


def thumbnail_jpeg(image: Gray, max_side_px: int) -> bytes:
    """JPEG of a (height, width) uint8 slice, shrunk to fit; the same bytes for the same arguments."""
    buffer = BytesIO()
    Image.fromarray(_shrunk(image, max_side_px)).save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()


def _shrunk(image: Gray, max_side_px: int) -> Gray:
    height, width = image.shape
    scale = min(1.0, max_side_px / max(height, width))
    if scale == 1.0:
        return image
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


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
    small = _shrunk(image, max_side_px)
    size = small.shape[1], small.shape[0]
    buffer = BytesIO()
    _outlined(small, mask, size).save(buffer, "PNG", compress_level=9)
    return buffer.getvalue()


def data_uri(picture: bytes, kind: str = "png") -> str:
    """PNG (or, if said, JPEG) bytes as the value of ``src``, so that the page needs no second file."""
    return f"data:image/{kind};base64," + b64encode(picture).decode("ascii")


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
