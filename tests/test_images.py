"""Decoding: odd formats become gray, hostile ones one line."""

import os
import struct
import zlib
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from neuroonco import images
from neuroonco.errors import InputError
from neuroonco.pictures import LastPicture


def encode(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def ramp(mode: str = "L") -> Image.Image:
    gray = np.tile(np.arange(64, dtype=np.uint8) * 4, (48, 1))
    return Image.fromarray(gray).convert(mode)


def png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "P", "CMYK"])
def test_colour_modes_give_the_same_gray(mode: str) -> None:
    kind = "TIFF" if mode == "CMYK" else "PNG"
    decoded = images.decode(encode(ramp(mode), kind), "x")
    gray = decoded.gray()
    assert gray.shape == (48, 64)
    assert gray.dtype == np.uint8
    assert np.abs(gray.astype(int) - np.asarray(ramp()).astype(int)).max() <= 1
    assert decoded.is_gray


def test_one_hot_pixel_does_not_darken_a_picture_of_many_bits() -> None:
    values = np.zeros((48, 64), dtype=np.uint16)
    values[:, 20:] = np.linspace(1000, 3000, 44).astype(np.uint16)
    values[5, 5] = 65535
    for kind, stored in (("PNG", values), ("TIFF", values.astype(np.int32)), ("TIFF", values.astype(np.float32))):
        gray = images.decode(encode(Image.fromarray(stored), kind), "x").gray()
        assert gray[0, 41] == pytest.approx(127, abs=3), "by the maximum it would be 8"
        assert (gray[0, 0], gray[0, 63], gray[5, 5]) == (0, 255, 255)


@pytest.mark.parametrize("value", [0, 900])
def test_sixteen_bits_of_one_value_are_black(value: int) -> None:
    data = encode(Image.fromarray(np.full((48, 64), value, dtype=np.uint16)))
    assert not images.decode(data, "x").gray().any()


def test_labels_of_sixteen_bits_stay_apart(tmp_path: Path) -> None:
    """The window of a picture would make the smallest label background."""
    values = np.zeros((48, 64), dtype=np.uint16)
    values[10:20], values[20:30] = 1000, 2000
    Image.fromarray(values).save(tmp_path / "m.png")
    assert np.unique(images.read_mask_values(tmp_path, "m.png")).tolist() == [0, 128, 255]


def test_sixteen_bit_is_scaled_by_its_own_range() -> None:
    values = np.linspace(1000, 3000, 64 * 48).reshape(48, 64).astype(np.uint16)
    decoded = images.decode(encode(Image.fromarray(values)), "x")
    assert decoded.bit_depth == 16
    assert (decoded.gray().min(), decoded.gray().max()) == (0, 255)
    assert np.all(np.diff(decoded.gray().ravel().astype(int)) >= 0)


def test_exif_orientation_is_applied() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # rotate by 90 degrees to display
    decoded = images.decode(encode(ramp(), "JPEG", exif=exif, quality=95), "x")
    assert decoded.gray().shape == (64, 48)
    assert decoded.gray()[0].mean() < 20 < 230 < decoded.gray()[-1].mean()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"hello, I am no image at all", "IMAGE_UNDECODABLE"),
        (encode(ramp(), "JPEG")[:300], "IMAGE_TRUNCATED"),
        (png_header(20_000, 20_000), "IMAGE_TOO_LARGE"),
        (png_header(60_000, 60_000), "IMAGE_TOO_LARGE"),
        (encode(ramp().resize((8, 8))), "IMAGE_TOO_SMALL"),
        (png_header(64, 64), "IMAGE_"),
    ],
)
def test_hostile_bytes(data: bytes, code: str) -> None:
    with pytest.raises(InputError) as caught:
        images.decode(data, "x.png")
    assert caught.value.code.startswith(code)
    assert "\n" not in caught.value.line


@given(st.binary(max_size=200), st.sampled_from(["PNG", "JPEG", "TIFF", "BMP", "GIF"]), st.integers(0, 400))
def test_broken_files_are_one_line_or_an_image(noise: bytes, kind: str, place: int) -> None:
    data = bytearray(encode(ramp(), kind))
    place %= len(data)
    data[place : place + len(noise)] = noise
    code = "IMAGE_"
    try:
        dtype = images.decode(bytes(data), "x").pixels.dtype
    except InputError as error:
        dtype, code = np.dtype(np.uint8), error.code
    assert dtype == np.uint8
    assert code.startswith("IMAGE_")


def by_pillow(data: bytes) -> np.ndarray:
    """The reference: Pillow's pixels, upright, without alpha."""
    with Image.open(BytesIO(data)) as image:
        upright = ImageOps.exif_transpose(image)
    return np.asarray(upright.convert("L") if upright.mode in ("L", "LA", "1") else upright.convert("RGB"))


def test_real_files_decode_to_what_pillow_says(real_root: Path) -> None:
    """All gray files exactly; of a color JPEG the luma is libjpeg's own, and colors differ by its way of upsampling."""
    files = sorted(p for p in real_root.rglob("*") if p.suffix.lower() in images.IMAGE_SUFFIXES)
    colored = 0
    for path in files:
        data = path.read_bytes()
        decoded, expected = images.decode(data, path.name, min_side_px=1), by_pillow(data)
        assert decoded.channels == (1 if expected.ndim == 2 else 3), path
        if expected.ndim == 2:
            assert np.array_equal(decoded.gray(), expected), path
        elif path.suffix.lower() in (".png", ".tif"):
            assert np.array_equal(decoded.pixels, expected), path
            assert np.array_equal(decoded.gray(), cv2.cvtColor(expected, cv2.COLOR_RGB2GRAY)), path
        elif (expected == expected[..., :1]).all():
            assert decoded.is_gray, path
            assert np.array_equal(decoded.gray(), expected[..., 0]), path
        else:
            colored += 1
            stored = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
            assert np.array_equal(decoded.gray(), stored), path
            assert np.abs(decoded.pixels.astype(int) - expected).mean() < 2, path
    assert len(files) > 900
    assert colored > 10


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_every_orientation_of_a_jpeg_is_turned_as_pillow_does(orientation: int, mode: str) -> None:
    corner = np.zeros((40, 72), dtype=np.uint8)
    corner[:16, :24], corner[24:, :8] = 250, 120
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encode(Image.fromarray(corner).convert(mode), "JPEG", exif=exif, quality=95)
    decoded, expected = images.decode(data, "x"), by_pillow(data)
    assert np.array_equal(decoded.pixels, expected)
    assert decoded.gray().flags.c_contiguous


def test_a_jpeg_in_color_keeps_its_channels_apart() -> None:
    pixels = np.zeros((48, 64, 3), dtype=np.uint8)
    pixels[..., 0], pixels[:, 32:, 1] = 200, 100
    decoded = images.decode(encode(Image.fromarray(pixels), "JPEG", quality=100, subsampling=0), "x")
    assert not decoded.is_gray
    assert [round(float(decoded.gray(c)[:, 40:].mean())) for c in range(3)] == pytest.approx([200, 100, 0], abs=2)
    assert decoded.gray()[:, 40:].mean() == pytest.approx(0.299 * 200 + 0.587 * 100, abs=2)


def test_one_pixel_of_color_is_color() -> None:
    pixels = np.full((48, 64, 4), 90, dtype=np.uint8)
    assert images.decode(encode(Image.fromarray(pixels)), "x").is_gray, "alpha is no color"
    pixels[47, 63, 2] = 91
    assert not images.decode(encode(Image.fromarray(pixels)), "x").is_gray


def test_pictures_do_not_share_memory() -> None:
    """Decoders use their memory again; what they gave away stays as it was."""
    rng = np.random.default_rng(1)
    kept = []
    for number, mode in enumerate(["L", "RGB", "RGBA", "RGB"] * 4):
        shape = (40 + 7 * number, 300 - 11 * number)
        gray = Image.fromarray(rng.integers(0, 255, shape, dtype=np.uint8)).convert(mode)
        noise = rng.integers(0, 255, (*shape, 3 + number % 2), dtype=np.uint8)
        for data in (encode(gray), encode(Image.fromarray(noise)), encode(gray.convert("RGB"), "JPEG"),
                     encode(Image.fromarray(noise[..., :3]), "JPEG")):  # fmt: skip
            decoded = images.decode(data, "x")
            kept.append((data, decoded, decoded.gray().copy(), decoded.pixels.copy()))
    for data, decoded, gray, pixels in kept:
        assert np.array_equal(decoded.gray(), gray)
        assert np.array_equal(decoded.pixels, pixels)
        assert np.array_equal(images.decode(data, "x").pixels, pixels)


def test_a_jpeg_cut_anywhere_is_never_half_a_picture() -> None:
    whole = encode(ramp("RGB").resize((320, 240)), "JPEG", quality=90)
    for length in range(1, len(whole) - 2, 97):
        with pytest.raises(InputError, match="IMAGE_"):
            images.decode(whole[:length], "x")


def test_a_jpeg_that_lies_about_its_size_is_refused_unread() -> None:
    data = bytearray(encode(ramp(), "JPEG"))
    place = data.index(b"\xff\xc0") + 5
    data[place : place + 4] = struct.pack(">HH", 60_000, 60_000)
    with pytest.raises(InputError, match="IMAGE_TOO_LARGE"):
        images.decode(bytes(data), "x")


def test_the_last_picture_is_remembered_and_no_other() -> None:
    last = LastPicture()
    first = last.decode(encode(ramp()), "a")
    assert last.picture("a") is first
    assert last.picture("b") is None
    with pytest.raises(InputError):
        last.decode(b"no image", "a")
    assert last.picture("a") is None, "a file that changed for the worse is not answered from memory"


@pytest.mark.parametrize("path", ["../a.png", "/etc/passwd", "a/../../b", "a\\b", "C:/x", "", "a\0b"])
def test_paths_stay_inside_the_root(tmp_path: Path, path: str) -> None:
    with pytest.raises(InputError, match="PATH_OUTSIDE_ROOT"):
        images.resolve(tmp_path, path)


def test_links_stay_inside_the_root(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside.png"
    root.mkdir()
    outside.write_bytes(encode(ramp()))
    (root / "in.png").write_bytes(encode(ramp()))
    (root / "out.png").symlink_to(outside)
    (root / "alias.png").symlink_to(root / "in.png")
    (root / "beside").symlink_to(tmp_path)
    (root / "circle").symlink_to(root / "circle")
    for path in ("beside/outside.png", "beside/none.png", "circle", "circle/a.png"):
        with pytest.raises(InputError, match="PATH_OUTSIDE_ROOT"):
            images.resolve(root, path)
    with pytest.raises(InputError, match="PATH_OUTSIDE_ROOT"):
        images.read_image(root, "out.png")
    assert images.read_image(root, "alias.png").shape == (48, 64)


def test_missing_empty_and_special_files(tmp_path: Path) -> None:
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "folder.png").mkdir()
    os.mkfifo(tmp_path / "pipe.png")  # reading it would wait for ever
    for name, code in [
        ("empty.png", "IMAGE_EMPTY"),
        ("no.png", "FILE_MISSING"),
        ("folder.png", "FILE_MISSING"),
        ("pipe.png", "FILE_MISSING"),
    ]:
        with pytest.raises(InputError) as caught:
            images.read_image(tmp_path, name)
        assert caught.value.code == code


def test_label_masks_keep_their_values(tmp_path: Path) -> None:
    labels = np.zeros((40, 40), dtype=np.uint8)
    labels[10:20, 10:20], labels[20:30, 20:30] = 2, 4
    palette = Image.fromarray(labels).convert("P")
    palette.putpalette([0, 0, 0, 9, 9, 9, 255, 0, 0, 0, 255, 0, 0, 0, 255])
    sixteen = Image.fromarray(labels.astype(np.uint16))
    for name, image in [("gray.png", Image.fromarray(labels)), ("palette.png", palette), ("sixteen.png", sixteen)]:
        image.save(tmp_path / name)
        assert sorted(np.unique(images.read_mask_values(tmp_path, name))) == [0, 2, 4], name
