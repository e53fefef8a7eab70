"""Gray pictures that were stored as color PNG: one channel is unfiltered in place of four.

PNG filters each channel by itself, so that channels are equal in the picture exactly where they are equal in the
filtered bytes. A picture whose channels are equal there is put together again as a gray PNG and decoded as one.
Anything unusual is left to Pillow, which words the errors.
"""

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from isal import isal_zlib

from neuroonco.jpeg import plane_if_gray

Pixels = npt.NDArray[np.uint8]
START = b"\x89PNG\r\n\x1a\n"
_COLOR_CHANNELS = {2: 3, 6: 4}
"""PNG's color types that are color of 8 bits, with and without alpha, and their number of channels."""
_HEADER = struct.Struct(">IIBBBBB")
_CHUNK = struct.Struct(">I4s")
_HARMLESS = {b"sBIT": None, b"tIME": None, b"pHYs": 9, b"gAMA": 4, b"sRGB": 1, b"cHRM": 32}
"""Chunks that change no pixel, and the length that each has to have."""
_FILTERS = 5
_END = b"\0\0\0\0IEND\xaeB`\x82"


@dataclass(frozen=True)
class ColorPng:
    """A PNG of 8-bit color, whole by its chunks, not interlaced, without transparent color, profile or orientation.

    Attributes:
        channels: 3, or 4 with alpha.
        packed: the compressed pixels.
    """

    width_px: int
    height_px: int
    channels: int
    packed: bytes


def read_color_png(data: bytes) -> ColorPng | None:
    """Read the chunks of a plain color PNG; None for any other file. Nothing is unpacked.

    >>> read_color_png(b"no PNG") is None
    True
    """
    if not data.startswith(START):
        return None
    header: tuple[int, ...] | None = None
    packed: list[bytes] = []
    place = len(START)
    while place + 12 <= len(data):
        length, kind = _CHUNK.unpack_from(data, place)
        body = data[place + 8 : place + 8 + length]
        end = place + 12 + length
        if end > len(data) or (header is None) != (kind == b"IHDR"):
            return None
        if kind == b"IDAT":
            packed.append(body)
        elif packed:
            return _of(header, packed) if data[place:] == _END else None
        else:
            if zlib.crc32(body, zlib.crc32(kind)).to_bytes(4, "big") != data[end - 4 : end]:
                return None
            if kind == b"IHDR":
                if length != _HEADER.size:
                    return None
                header = _HEADER.unpack(body)
            elif kind not in _HARMLESS or _HARMLESS[kind] not in (None, length):
                return None
        place = end
    return None


def _of(header: tuple[int, ...] | None, packed: list[bytes]) -> ColorPng | None:
    if header is None:
        return None
    width, height, bits, color_type, *rest = header
    if bits != 8 or color_type not in _COLOR_CHANNELS or any(rest) or not width or not height:
        return None
    return ColorPng(width, height, _COLOR_CHANNELS[color_type], packed[0] if len(packed) == 1 else b"".join(packed))


def decode_if_gray(png: ColorPng) -> Pixels | None:
    """Decode a color PNG all of whose pixels are gray.

    Returns:
        (height, width); None if a pixel has a color, or the compressed data are not as they should be.
    """
    row = png.width_px * png.channels + 1
    expected = row * png.height_px
    unpacker = isal_zlib.decompressobj()  # three to six times as fast as zlib
    try:
        unpacked = unpacker.decompress(png.packed, expected + 1)  # never more, whatever the data say
    except isal_zlib.error:  # type: ignore[misc]  # a class, which its stubs call an object
        return None
    if len(unpacked) != expected or not unpacker.eof or unpacker.unused_data:
        return None
    rows = np.frombuffer(unpacked, dtype=np.uint8).reshape(png.height_px, row)
    if rows[:, 0].max() >= _FILTERS:
        return None
    plane = plane_if_gray(rows[:, 1:].reshape(png.height_px, png.width_px, png.channels))
    return None if plane is None else _unfiltered(rows[:, 0], plane)


def _unfiltered(filters: Pixels, plane: Pixels) -> Pixels | None:
    """Undo the filters of each row (height,) of a filtered channel (height, width), by way of a gray PNG."""
    height, width = plane.shape
    packed = zlib.compress(np.column_stack([filters, plane]).data, 0)
    header = _HEADER.pack(width, height, 8, 0, 0, 0, 0)
    gray = START + _chunk(b"IHDR", header) + _chunk(b"IDAT", packed) + _END
    decoded = cv2.imdecode(np.frombuffer(gray, dtype=np.uint8), cv2.IMREAD_UNCHANGED)
    return None if decoded is None or decoded.shape != plane.shape else np.asarray(decoded, dtype=np.uint8)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return _CHUNK.pack(len(body), kind) + body + zlib.crc32(body, zlib.crc32(kind)).to_bytes(4, "big")


def decode_gray_png(data: bytes, check_size: Callable[[tuple[int, int]], None]) -> tuple[Pixels, int] | None:
    """Decode a PNG that is stored as color and is gray.

    Args:
        data: the file's bytes.
        check_size: called with (width, height) before anything is unpacked; raises if refused.

    Returns:
        The picture (height, width), and the number of channels of the file; None for anything else.
    """
    png = read_color_png(data)
    if png is None:
        return None
    check_size((png.width_px, png.height_px))
    gray = decode_if_gray(png)
    return None if gray is None else (gray, png.channels)
