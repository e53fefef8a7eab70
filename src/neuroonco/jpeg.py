"""JPEG files to pixels by libjpeg-turbo: one pass gives the gray picture and tells whether there is any color.

Only what is plain is decoded here: gray and YCbCr of 8 bits, without an error. For everything else
:func:`decode_jpeg` returns None, and Pillow decodes it or words the error.
"""

import threading
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
MAX_HELD_BYTES = 16 * 1024**2
"""Memory for one picture that is kept for the next."""
_ORIENTED = (b"Exif\0", b"http://ns.adobe.com/xap")
"""Beginnings of the segments that may hold an orientation."""
_EXIF_ORIENTATION = 0x0112
_HUFFMAN_TABLES, _SCAN = 0xC4, 0xDA
_FIRST_FRAME, _WITHOUT_BODY = 0xC0, range(0xD0, 0xDA)
_SEQUENTIAL = (0xC0, 0xC1)
"""Markers of frames whose coefficients come in one scan, by Huffman codes."""


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
        header = read_header(data)
        turn = _orientation(data, data if header is None else data[: header.size])
    except Exception:  # bytes from outside: whatever the header's parsers meet, Pillow words the error
        return None
    check_size((width, height))
    color: Pixels | None = None
    try:
        if space == "Gray" or (header is not None and header.is_surely_gray):
            gray = simplejpeg.decode_jpeg(data, "GRAY")[..., 0]
        else:
            held = _SCRATCH.room(3 * height * width)
            pixels = simplejpeg.decode_jpeg(data, "RGB", fastupsample=True, buffer=held)
            plane = plane_if_gray(pixels)
            if plane is None:
                color, gray = pixels.copy(), simplejpeg.decode_jpeg(data, "GRAY")[..., 0]
            else:
                gray = plane
    except ValueError:
        return None
    if turn is not None:
        gray = turn(gray)
        color = None if color is None else turn(color)
    return JpegPixels(gray, color, CHANNELS[space])


@dataclass(frozen=True)
class Header:
    """What stands before the pixels of a JPEG.

    Attributes:
        size: bytes up to the first scan's data.
        is_surely_gray: True if the file's codes have no word for a color. A coder that fits the Huffman tables to a
            gray picture stored in color leaves, for both color components, one code for "no change of the mean" and
            one for "end of block"; all their samples are then exactly neutral. Decoding the gray component alone
            gives the same picture for two thirds of the time. False says nothing.
    """

    size: int
    is_surely_gray: bool


def read_header(data: bytes) -> Header | None:
    """Walk the segments of a JPEG up to its first scan; None if they are not as they should be.

    >>> read_header(b"no JPEG") is None
    True
    """
    tables: dict[int, bytes] = {}
    components: bytes | None = None
    place = 2
    while place + 4 <= len(data) and data[place] == 0xFF:
        marker, length = data[place + 1], data[place + 2] << 8 | data[place + 3]
        body = data[place + 4 : place + 2 + length]
        alone = marker < _FIRST_FRAME or marker == 0xFF or marker in _WITHOUT_BODY
        if alone or length < 2 or len(body) != length - 2:
            return None
        place += 2 + length
        if marker == _HUFFMAN_TABLES:
            if not _note_tables(body, tables):
                return None
        elif marker in _SEQUENTIAL:
            components = body[6:]
        elif marker == _SCAN:
            return Header(place, components is not None and _is_surely_gray(components, body, tables))
    return None


def _note_tables(body: bytes, tables: dict[int, bytes]) -> bool:
    """Note the symbols of each Huffman table, by its class and number; False if a table is cut off."""
    place = 0
    while place < len(body):
        start = place + 17
        count = sum(body[place + 1 : start])
        if start + count > len(body):
            return False
        tables[body[place]] = body[start : start + count]
        place = start + count
    return True


def _is_surely_gray(components: bytes, scan: bytes, tables: dict[int, bytes]) -> bool:
    """Whether a scan of three components has, for the second and third, only codes for blocks of zeros."""
    if len(components) != 9 or len(scan) != 10 or scan[0] != 3:
        return False
    if scan[1:7:2] != components[::3]:  # the components in the order of the frame
        return False
    return all(tables.get(t >> 4) == b"\0" and tables.get(0x10 | t & 15) == b"\0" for t in (scan[4], scan[6]))


def gray_and_color(pixels: Pixels) -> tuple[Pixels, Pixels | None]:
    """Gray picture of an RGB or RGBA one (height, width, 3 or 4), and its RGB, or None if it has no color.

    >>> gray_and_color(np.full((1, 1, 3), 7, dtype=np.uint8))
    (array([[7]], dtype=uint8), None)
    """
    plane = plane_if_gray(pixels)
    if plane is not None:
        return plane, None
    color = pixels if pixels.shape[2] == 3 else np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGBA2RGB), dtype=np.uint8)
    return np.asarray(cv2.cvtColor(color, cv2.COLOR_RGB2GRAY), dtype=np.uint8), color


def plane_if_gray(pixels: Pixels) -> Pixels | None:
    """The first channel of a picture (height, width, 3 or 4) if the next two equal it, as an array of its own."""
    height, width, channels = pixels.shape
    size = height * width
    first = np.empty((height, width), dtype=np.uint8)
    rest = _SCRATCH.rest((channels - 1) * size)
    others = [rest[k * size : (k + 1) * size].reshape(height, width) for k in range(channels - 1)]
    cv2.split(pixels, [first, *others])
    equal = all(cv2.norm(first, other, cv2.NORM_INF) == 0 for other in others[:2])
    return first if equal else None


class _Scratch(threading.local):
    """Memory that is used again from picture to picture: asking the system for it each time costs as much as a third
    of the decoding. What is too large for it is asked for each time, so that it is not held for ever."""

    def __init__(self) -> None:
        self._room = np.empty(0, dtype=np.uint8)
        self._rest = np.empty(0, dtype=np.uint8)

    def room(self, size: int) -> Pixels:
        """For a decoded picture."""
        if size > self._room.size:
            fresh = np.empty(size, dtype=np.uint8)
            if size > MAX_HELD_BYTES:
                return fresh
            self._room = fresh
        return self._room

    def rest(self, size: int) -> Pixels:
        """For its channels."""
        if size > self._rest.size:
            fresh = np.empty(size, dtype=np.uint8)
            if size > MAX_HELD_BYTES:
                return fresh
            self._rest = fresh
        return self._rest


_SCRATCH = _Scratch()


def _orientation(data: bytes, header: bytes) -> Callable[[Pixels], Pixels] | None:
    """How to turn the stored pixels upright; None if they are. Segments that say so stand in the header."""
    if not any(mark in header for mark in _ORIENTED):
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
