"""JPEG files to pixels by libjpeg-turbo: one pass gives the gray picture and tells whether there is any color.

Only what is plain is decoded here: gray and YCbCr of 8 bits, without an error. For everything else
:func:`decode_jpeg` returns None, and Pillow decodes it or words the error.
"""

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO

import cv2
import numpy as np
import numpy.typing as npt
import simplejpeg
from PIL import Image

Pixels = npt.NDArray[np.uint8]
START = b"\xff\xd8\xff"
CHANNELS = {"Gray": 1, "YCbCr": 3}
"""Color spaces of a JPEG that are decoded here, and their number of channels."""
_ORIENTED = (b"Exif\0", b"http://ns.adobe.com/xap")
"""Beginnings of the segments that may hold an orientation."""
_EXIF_ORIENTATION = 0x0112


@dataclass(frozen=True)
class JpegPixels:
    """A decoded JPEG, upright.

    Attributes:
        gray: luma (height, width), as libjpeg decodes it.
        color: RGB (height, width, 3); None where every pixel is gray.
        channels: of the file.
    """

    gray: Pixels
    color: Pixels | None
    channels: int


def decode_jpeg(data: bytes, check_size: Callable[[tuple[int, int]], None]) -> JpegPixels | None:
    """Decode a plain JPEG.

    Args:
        data: the file's bytes.
        check_size: called with (width, height) of the header before any pixel is decoded; raises if refused.

    Returns:
        None for anything that is no plain, whole JPEG.
    """
    if not data.startswith(START):
        return None
    try:
        height, width, space, _ = simplejpeg.decode_jpeg_header(data)
        if space not in CHANNELS:
            return None
        turn = _orientation(data)
    except Exception:  # bytes from outside: whatever the header's parsers meet, Pillow words the error
        return None
    check_size((width, height))
    color: Pixels | None = None
    try:
        if space == "Gray":
            gray = simplejpeg.decode_jpeg(data, "GRAY")[..., 0]
        else:
            gray, color = gray_and_color(simplejpeg.decode_jpeg(data, "RGB", fastupsample=True))
            if color is not None:
                gray = simplejpeg.decode_jpeg(data, "GRAY")[..., 0]
    except ValueError:
        return None
    if turn is not None:
        gray = turn(gray)
        color = None if color is None else turn(color)
    return JpegPixels(gray, color, CHANNELS[space])


def gray_and_color(pixels: Pixels) -> tuple[Pixels, Pixels | None]:
    """Gray picture of an RGB or RGBA one (height, width, 3 or 4), and its RGB, or None if it has no color.

    >>> gray_and_color(np.full((1, 1, 3), 7, dtype=np.uint8))
    (array([[7]], dtype=uint8), None)
    """
    red, green, blue = cv2.split(pixels)[:3]
    if cv2.norm(red, green, cv2.NORM_INF) == 0 and cv2.norm(red, blue, cv2.NORM_INF) == 0:
        return np.asarray(red, dtype=np.uint8), None
    color = pixels if pixels.shape[2] == 3 else np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGBA2RGB), dtype=np.uint8)
    return np.asarray(cv2.cvtColor(color, cv2.COLOR_RGB2GRAY), dtype=np.uint8), color


def _orientation(data: bytes) -> Callable[[Pixels], Pixels] | None:
    """How to turn the stored pixels upright; None if they are."""
    if not any(mark in data for mark in _ORIENTED):
        return None
    with Image.open(BytesIO(data), formats=("JPEG",)) as image:
        return TURNS.get(image.getexif().get(_EXIF_ORIENTATION, 1))


def _turn(quarters: int, *, mirror: bool) -> Callable[[Pixels], Pixels]:
    """Mirror left to right if asked, then turn counter-clockwise by quarters."""

    def turn(pixels: Pixels) -> Pixels:
        return np.ascontiguousarray(np.rot90(pixels[:, ::-1] if mirror else pixels, quarters))

    return turn


TURNS = {
    2: _turn(0, mirror=True),
    3: _turn(2, mirror=False),
    4: _turn(2, mirror=True),
    5: _turn(1, mirror=True),
    6: _turn(3, mirror=False),
    7: _turn(3, mirror=True),
    8: _turn(1, mirror=False),
}
"""EXIF orientation to what makes the picture upright."""
