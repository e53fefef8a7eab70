"""Ways around a full decode give what Pillow gives, and leave everything unusual to it."""

import struct
import warnings
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from neuroonco.errors import InputError
from neuroonco.images import decode, read_mask_values
from neuroonco.jpeg import decode_jpeg, read_header
from neuroonco.png import START, decode_gray_png, read_color_png
from neuroonco.tiff import raw_pixels

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


def as_color(gray: Pixels, alpha: Pixels | None = None) -> Image.Image:
    return Image.fromarray(np.dstack([gray] * 3 if alpha is None else [gray] * 3 + [alpha]))


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def insert(png: bytes, *chunks: bytes) -> bytes:
    """Put chunks behind the header."""
    return png[:33] + b"".join(chunks) + png[33:]


# --- PNG ---


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 9), st.booleans(), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=60)
def test_color_png_of_equal_channels_decodes_as_its_gray_picture(
    height: int, width: int, seed: int, has_alpha: bool, random: object
) -> None:
    """Every filter is undone, whatever the alpha channel holds."""
    rng = np.random.default_rng(seed)
    gray = smooth(height, width, seed)
    bpp = 4 if has_alpha else 3
    pixels = np.dstack([gray] * 3 + [rng.integers(0, 256, gray.shape, dtype=np.uint8)])[..., :bpp]
    rows = pixels.reshape(height, width * bpp)
    packed = b""
    for number, row in enumerate(rows):
        kind = (number + seed) % 5
        packed += bytes([kind]) + filtered(row, rows[number - 1] if number else np.zeros_like(row), kind, bpp)
    header = struct.pack(">IIBBBBB", width, height, 8, 6 if has_alpha else 2, 0, 0, 0)
    data = START + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(packed)) + chunk(b"IEND", b"")
    assert (np.asarray(Image.open(BytesIO(data))) == pixels).all()  # the file is a PNG that says so
    found = decode_gray_png(data, accept)
    assert found is not None
    assert found[1] == bpp
    assert (found[0] == gray).all()


def filtered(row: Pixels, above: Pixels, kind: int, bpp: int) -> bytes:
    """One row by one of PNG's five filters."""
    here, up = row.astype(int), above.astype(int)
    left = np.concatenate([np.zeros(bpp, int), here[:-bpp]])
    corner = np.concatenate([np.zeros(bpp, int), up[:-bpp]])
    guess = left + up - corner
    near = np.abs(guess - left), np.abs(guess - up), np.abs(guess - corner)
    paeth = np.where((near[0] <= near[1]) & (near[0] <= near[2]), left, np.where(near[1] <= near[2], up, corner))
    return bytes(((here - (0 * here, left, up, (left + up) // 2, paeth)[kind]) % 256).astype(np.uint8))


def test_png_with_one_colored_pixel_is_not_taken_as_gray() -> None:
    pixels = np.dstack([smooth(50, 60)] * 3)
    pixels[49, 59, 2] ^= 1
    data = encoded(Image.fromarray(pixels), "PNG")
    assert decode_gray_png(data, accept) is None
    color = decode(data, "x").color
    assert color is not None
    assert (color == pixels).all()


def _orientation() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(as_color(smooth(40, 60)), "PNG", exif=exif)


def _raw_profile() -> bytes:
    text = PngImagePlugin.PngInfo()
    text.add_text("Software", "x")
    return encoded(as_color(smooth(40, 60)), "PNG", pnginfo=text)


PLAIN = encoded(as_color(smooth(40, 60)), "PNG")
UNUSUAL: dict[str, Callable[[], bytes]] = {
    "gray": lambda: encoded(Image.fromarray(smooth(40, 60)), "PNG"),
    "palette": lambda: encoded(as_color(smooth(40, 60)).convert("P"), "PNG"),
    "orientation": _orientation,
    "text": _raw_profile,
    "transparent color": lambda: insert(PLAIN, chunk(b"tRNS", bytes(6))),
    "profile": lambda: insert(PLAIN, chunk(b"iCCP", b"x\0\0" + zlib.compress(b"y"))),
    "short physical size": lambda: insert(PLAIN, chunk(b"pHYs", b"x")),
    "broken check of a chunk": lambda: insert(PLAIN, chunk(b"sBIT", b"\x08\x08\x08")[:-1] + b"?"),
    "broken check of the header": lambda: PLAIN[:32] + bytes([PLAIN[32] ^ 1]) + PLAIN[33:],
    "orientation behind the pixels": lambda: PLAIN[:-12] + chunk(b"eXIf", b"MM\0*") + PLAIN[-12:],
    "cut off": lambda: PLAIN[: len(PLAIN) // 2],
    "no end": lambda: PLAIN[:-12],
    "more behind the end": lambda: PLAIN + b"x",
    "header alone": lambda: PLAIN[:33],
    "two headers": lambda: insert(PLAIN, PLAIN[8:33]),
}


@pytest.mark.parametrize("what", UNUSUAL)
def test_what_is_no_plain_color_png_is_left_to_pillow(what: str) -> None:
    assert read_color_png(UNUSUAL[what]()) is None


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(b"\0" * (40 * (60 * 3 + 1) - 1), id="too few"),
        pytest.param(b"\0" * (40 * (60 * 3 + 1) + 1), id="too many"),
        pytest.param(b"\5" + b"\0" * (40 * (60 * 3 + 1) - 1), id="a filter that there is not"),
    ],
)
def test_rows_that_do_not_fit_the_header_are_left_to_pillow(rows: bytes) -> None:
    header = struct.pack(">IIBBBBB", 60, 40, 8, 2, 0, 0, 0)
    data = START + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    assert read_color_png(data) is not None
    assert decode_gray_png(data, accept) is None


@pytest.mark.parametrize("damage", ["checksum", "end", "codes"])
def test_damaged_pixels_are_left_to_pillow(damage: str) -> None:
    packed = zlib.compress(b"\0" * (40 * (60 * 3 + 1)))
    packed = {"checksum": packed[:-1] + b"?", "end": packed[:-4], "codes": packed[:2] + b"\xff" * 9}[damage]
    header = struct.pack(">IIBBBBB", 60, 40, 8, 2, 0, 0, 0)
    data = START + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    assert read_color_png(data) is not None
    assert decode_gray_png(data, accept) is None


def test_a_png_that_claims_an_absurd_size_is_refused_before_it_is_unpacked() -> None:
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    data = START + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    with pytest.raises(InputError) as caught:
        decode(data, "x")
    assert caught.value.code == "IMAGE_TOO_LARGE"


# --- JPEG ---


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


# --- TIFF ---


@pytest.mark.parametrize("kind", ["L", "RGB"])
def test_uncompressed_tiff_is_taken_as_it_lies(kind: str) -> None:
    gray = smooth(70, 90)
    image = Image.fromarray(gray) if kind == "L" else Image.fromarray(np.dstack([gray, gray // 2, gray // 3]))
    data = encoded(image, "TIFF")
    with Image.open(BytesIO(data)) as opened:
        found = raw_pixels(opened, data)
        assert found is not None
        assert (found == np.asarray(image)).all()


def test_unusual_tiff_is_left_to_pillow() -> None:
    image = as_color(smooth(70, 90))
    turned = encoded(image, "TIFF", tiffinfo={0x0112: 6})
    files = [
        turned,
        encoded(image, "TIFF", compression="tiff_lzw"),
        encoded(image.convert("CMYK"), "TIFF"),
        encoded(image.convert("I;16"), "TIFF"),
        encoded(image.convert("L"), "TIFF", tiffinfo={262: 0}),
    ]
    whole = encoded(image, "TIFF")
    for data in files:
        with Image.open(BytesIO(data)) as opened:
            if (opened.mode, opened.info.get("compression")) != ("L", "raw"):  # Pillow may write it the usual way
                assert raw_pixels(opened, data) is None
    with Image.open(BytesIO(whole)) as opened:
        assert raw_pixels(opened, whole[:-1000]) is None
    assert decode(turned, "x").luma.shape == (90, 70)


# --- real files ---


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
