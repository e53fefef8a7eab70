"""Uncompressed TIFF: the pixels are taken from the file's bytes as they lie there."""

import math

import numpy as np
import numpy.typing as npt
from PIL import Image

_CHANNELS = {"L": 1, "RGB": 3}
_TURNED = (0x0112, 0x02BC)
"""Tags that may hold an orientation: its own, and XMP."""


def raw_pixels(image: Image.Image, data: bytes) -> npt.NDArray[np.uint8] | None:
    """Pixels of an opened, not loaded TIFF whose strips lie one after the other, uncompressed and upright.

    Args:
        image: opened from ``data`` by Pillow.
        data: the file's bytes; the result looks at them and cannot be written to.

    Returns:
        (height, width) or (height, width, 3); None for any other picture.
    """
    channels = _CHANNELS.get(image.mode)
    tags = getattr(image, "tag_v2", None)
    tiles = getattr(image, "tile", None)
    if image.format != "TIFF" or channels is None or not tags or not tiles or any(tag in tags for tag in _TURNED):
        return None
    width, height = image.size
    start = place = tiles[0][2]
    row = 0
    for codec, (left, top, right, bottom), offset, args in tiles:
        if codec != "raw" or args != (image.mode, 0, 1) or (left, top, right) != (0, row, width) or offset != place:
            return None
        row, place = bottom, place + (bottom - top) * width * channels
    shape = (height, width) if channels == 1 else (height, width, channels)
    if row != height or place > len(data):
        return None
    return np.frombuffer(data, dtype=np.uint8, count=math.prod(shape), offset=start).reshape(shape)
