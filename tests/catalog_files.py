"""Small image files for the tests of the catalogue."""

import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

SIDE_PX = 32


def save_image(path: Path, size: tuple[int, int] = (SIDE_PX, SIDE_PX), mode: str = "L", value: int = 90) -> Path:
    """An image of (width, height) with a bright corner, so that no two sides look the same."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("L", size, value)
    image.paste(200, (0, 0, 8, 4))
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image, dtype=np.uint16) * 200)
    elif mode != "L":
        image = image.convert(mode)
    image.save(path)
    return path


def save_mask(path: Path, size: tuple[int, int] = (SIDE_PX, SIDE_PX), value: int = 255, empty: bool = False) -> Path:
    """A mask with a square of ``value``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("L", size, 0)
    if not empty:
        image.paste(value, (10, 10, 20, 20))
    image.save(path)
    return path


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds next to nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 9)) + chunk(b"IEND", b"")
    )


def write(path: Path, data: bytes | str) -> Path:
    """A file with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path
