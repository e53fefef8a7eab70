"""Ways around a full decode give what Pillow gives, and leave everything unusual to it."""

import struct
import warnings
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from neuroonco.errors import InputError
from neuroonco.images import decode, read_mask_values
from neuroonco.jpeg import decode_jpeg, read_header

Pixels = npt.NDArray[np.uint8]


def accept(_size: tuple[int, int]) -> None:
    """Any size will do."""


def smooth(height: int, width: int, seed: int = 0) -> Pixels:
    """A gray picture on which an encoder uses several filters."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width]
    values = 90 + 60 * np.sin(rows / 9) * np.cos(columns / 7) + rng.normal(0, 6, (height, width))
    values[: height // 3] = 0
    return np.clip(values, 0, 255).astype(np.uint8)


def as_color(gray: Pixels) -> Image.Image:
    return Image.fromarray(np.dstack([gray] * 3))


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def test_a_png_that_claims_an_absurd_size_is_refused_before_it_is_unpacked() -> None:
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n"
    data = start + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    with pytest.raises(InputError) as caught:
        decode(data, "x")
    assert caught.value.code == "IMAGE_TOO_LARGE"


def test_fitted_codes_of_a_gray_jpeg_in_color_say_that_it_is_gray() -> None:
    data = encoded(as_color(smooth(70, 90)), "JPEG", optimize=True, quality=90)
    header = read_header(data)
    assert header is not None
    assert header.is_surely_gray
    found = decode_jpeg(data, accept)
    assert found is not None
    assert found.color is None
    assert found.channels == 3
    with Image.open(BytesIO(data)) as image:
        assert (found.gray == np.asarray(image)[..., 0]).all()


@pytest.mark.parametrize("optimize", [True, False])
@pytest.mark.parametrize("subsampling", [0, 2])
def test_one_colored_block_is_seen_whatever_the_codes(optimize: bool, subsampling: int) -> None:
    pixels = np.dstack([smooth(70, 90)] * 3)
    pixels[64:, 80:] = 200, 40, 40
    data = encoded(Image.fromarray(pixels), "JPEG", optimize=optimize, subsampling=subsampling)
    header = read_header(data)
    assert header is not None
    assert not header.is_surely_gray
    found = decode_jpeg(data, accept)
    assert found is not None
    assert found.color is not None


def test_codes_of_a_scan_of_several_prove_nothing() -> None:
    """A progressive file brings further codes with each scan."""
    header = read_header(encoded(as_color(smooth(70, 90)), "JPEG", progressive=True))
    assert header is None or not header.is_surely_gray


@given(st.binary(max_size=80), st.integers(0, 700))
@settings(deadline=None)
def test_reading_a_header_never_fails(noise: bytes, place: int) -> None:
    data = encoded(as_color(smooth(16, 16)), "JPEG", optimize=True)
    read_header(data[:place] + noise + data[place + len(noise) :])
    read_header(b"\xff\xd8\xff" + noise)


def test_real_files_decode_as_pillow_decodes_them(real_root: Path) -> None:
    """Those that are no JPEG, pixel for pixel."""
    looked_at = 0
    for path in sorted(real_root.rglob("*")):
        if path.suffix.lower() in (".png", ".tif"):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                expected = np.asarray(Image.open(path))
            decoded = decode(path.read_bytes(), path.name, min_side_px=1)
            pixels = expected if expected.ndim == 2 else expected[..., :3]
            assert (decoded.pixels == pixels).all(), path
            if "mask" in path.name:
                values = read_mask_values(path.parent, path.name)
                assert (values == (pixels if pixels.ndim == 2 else pixels[..., 0])).all(), path
            looked_at += 1
    assert looked_at
