"""Values for the viewer: what the file states, bit by bit, and the first window."""

import base64
import json
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

import factories_volumes as make
from neuroonco import images
from neuroonco.errors import InputError
from neuroonco.raw_values import RawValues, read_raw
from neuroonco.viewer import values as values_module
from neuroonco.viewer.embedding import data_block, json_block
from neuroonco.viewer.records import SliceFacts
from neuroonco.viewer.values import as_stored, read_values, wire_bytes
from neuroonco.viewer.window_table import window_table


@dataclass(frozen=True)
class Ref:
    image_path: str
    image_channel: int | None = None
    image_slice: int | None = None


RNG = np.random.default_rng(7)


def meant(stored: Any, facts: SliceFacts) -> Any:
    """Stored values in the file's units."""
    return facts.intercept + facts.slope * stored.astype(np.float64)


def shown(stored: Any, facts: SliceFacts) -> Any:
    """The picture at the first window."""
    return window_table(facts.bits, facts.slope, facts.intercept, facts.center, facts.width)[stored]


def test_an_8_bit_picture_stays_as_it_is(tmp_path: Path) -> None:
    pixels = RNG.integers(3, 250, (40, 50), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    stored, facts = read_values(tmp_path, Ref("a.png"))
    assert stored.dtype == np.uint8
    assert (stored == pixels).all()
    assert facts == SliceFacts(
        width_px=50, height_px=40, channels=1, bits=8, slope=1, intercept=0, center=128, width=256,
        least=float(pixels.min()), most=float(pixels.max()),
    )  # fmt: skip
    assert (shown(stored, facts) == pixels).all(), "the first window is full range"


def test_gray_stored_in_color_has_one_channel_and_color_three(tmp_path: Path) -> None:
    gray = RNG.integers(0, 256, (40, 50), dtype=np.uint8)
    color = RNG.integers(0, 256, (40, 50, 3), dtype=np.uint8)
    Image.fromarray(np.repeat(gray[..., None], 3, axis=2)).save(tmp_path / "gray.png")
    Image.fromarray(color).save(tmp_path / "color.png")
    assert (read_values(tmp_path, Ref("gray.png"))[0] == gray).all()
    stored, facts = read_values(tmp_path, Ref("color.png"))
    assert facts.channels == 3
    assert (stored == color).all()
    assert wire_bytes(stored) == color.tobytes(), "interleaved, row by row"
    picked, facts = read_values(tmp_path, Ref("color.png", image_channel=2))
    assert facts.channels == 1
    assert (picked == color[..., 2]).all()


@pytest.mark.parametrize("channel", [0, 3, -1])
def test_a_channel_that_is_not_there(tmp_path: Path, channel: int) -> None:
    Image.fromarray(np.zeros((40, 40), dtype=np.uint8)).save(tmp_path / "gray.png")
    Image.fromarray(RNG.integers(0, 256, (40, 40, 3), dtype=np.uint8)).save(tmp_path / "color.png")
    with pytest.raises(InputError, match="CHANNEL_MISSING"):
        read_values(tmp_path, Ref("gray.png" if channel == 0 else "color.png", image_channel=channel))


@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_16_bits_are_kept_to_the_last(tmp_path: Path, suffix: str) -> None:
    pixels = RNG.integers(0, 65536, (40, 50), dtype=np.uint16)
    pixels[0, :2] = (0, 65535)
    Image.fromarray(pixels).save(tmp_path / f"a.{suffix}")
    stored, facts = read_values(tmp_path, Ref(f"a.{suffix}"))
    assert stored.dtype == np.uint16
    assert (facts.bits, facts.slope, facts.intercept) == (16, 1, 0)
    assert (stored == pixels).all()
    assert np.frombuffer(wire_bytes(stored), dtype="<u2").tolist() == pixels.ravel().tolist()


def test_the_first_window_shows_what_the_measuring_code_sees(tmp_path: Path) -> None:
    """One hot pixel must not darken the rest; window_of says where the window lies, in the file's units."""
    pixels = np.zeros((60, 60), dtype=np.uint16)
    pixels[5:55, 5:55] = RNG.integers(1000, 3000, (50, 50))
    pixels[30, 30] = 60000
    Image.fromarray(pixels).save(tmp_path / "hot.png")
    stored, facts = read_values(tmp_path, Ref("hot.png"))
    assert facts.most == 60000
    assert 1000 < facts.center < 3000
    assert facts.width < 2100
    gray = images.read_picture(tmp_path, Ref("hot.png"))
    assert np.abs(shown(stored, facts).astype(int) - gray).max() <= 1, "halves are rounded otherwise"


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_pictures_stand_upright(tmp_path: Path, orientation: int, dtype: Any) -> None:
    pixels = RNG.integers(0, 256, (40, 60)).astype(dtype)
    picture = Image.fromarray(pixels)
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture.save(tmp_path / "a.png", exif=exif)
    stored, facts = read_values(tmp_path, Ref("a.png"))
    turned = {1: pixels, 3: np.rot90(pixels, 2), 6: np.rot90(pixels, -1), 8: np.rot90(pixels)}[orientation]
    assert (stored == turned).all()
    assert (facts.height_px, facts.width_px) == turned.shape


def test_floating_point_pictures(tmp_path: Path) -> None:
    pixels = (RNG.random((40, 50)) * 2 - 1).astype(np.float32)
    pixels[0, 0], pixels[0, 1] = np.nan, np.inf
    Image.fromarray(pixels).save(tmp_path / "a.tiff")
    stored, facts = read_values(tmp_path, Ref("a.tiff"))
    finite = pixels[np.isfinite(pixels)]
    assert (facts.least, facts.most) == (float(finite.min()), float(finite.max()))
    assert stored[0, 0] == stored[0, 1] == 0, "what is not a number becomes the least"
    error = np.abs(meant(stored, facts)[1:] - pixels[1:]).max()
    assert error <= (facts.most - facts.least) / 65535 / 2 * 1.001
    assert facts.least <= facts.center <= facts.most
    gray = images.read_picture(tmp_path, Ref("a.tiff"))
    assert np.abs(shown(stored, facts).astype(int) - gray)[1:].max() <= 1


def test_a_nifti_slice_has_the_window_of_its_volume(tmp_path: Path) -> None:
    voxels, _ = make.head_lps()
    voxels[..., 3] -= 60
    make.write_nifti(tmp_path / "a.nii.gz", voxels, make.affine_lps())
    for number in (3, 7, 22):
        ref = Ref("a.nii.gz", image_slice=number)
        stored, facts = read_values(tmp_path, ref)
        assert facts.slope == 1
        assert (facts.center, facts.width) == (
            read_values(tmp_path, Ref("a.nii.gz", image_slice=10))[1].center,
            read_values(tmp_path, Ref("a.nii.gz", image_slice=10))[1].width,
        )
        assert np.abs(shown(stored, facts).astype(int) - images.read_picture(tmp_path, ref)).max() <= 1
    stored, facts = read_values(tmp_path, Ref("a.nii.gz", image_slice=3))
    assert facts.intercept == voxels[..., 3].min() == -60
    assert (meant(stored, facts) == voxels[..., 3].T).all(), "axial slices stand as rows to posterior"


def test_a_slice_of_a_volume_has_to_be_named(tmp_path: Path) -> None:
    make.write_nifti(tmp_path / "a.nii", make.head_lps()[0], make.affine_lps())
    for number in (None, 10_000, -1):
        with pytest.raises(InputError, match="SLICE_MISSING"):
            read_values(tmp_path, Ref("a.nii", image_slice=number))
    with pytest.raises(InputError, match="VOLUME_FORMAT"):
        read_values(tmp_path, Ref("a.png", image_slice=2))


def test_a_blank_volume_can_be_shown(tmp_path: Path) -> None:
    make.write_nifti(tmp_path / "a.nii", np.zeros((40, 40, 3), dtype=np.int16), make.affine_lps())
    stored, facts = read_values(tmp_path, Ref("a.nii", image_slice=1))
    assert not stored.any()
    assert facts.width >= 1
    assert not shown(stored, facts)[0, 0] or facts.least == 0


def test_rescaled_dicom_is_counted_without_loss(tmp_path: Path) -> None:
    """3.7 * v - 12.5 is no whole number, but lies on an even grid: the stored numbers come back."""
    pixels = RNG.integers(0, 4096, (40, 50), dtype=np.uint16)
    pixels[0, :3] = (0, 1, 4095)
    make.write_dicom(tmp_path / "a.dcm", pixels, RescaleSlope="3.7", RescaleIntercept="-12.5")
    stored, facts = read_values(tmp_path, Ref("a.dcm"))
    assert (stored == pixels).all()
    assert facts.slope == pytest.approx(3.7, rel=1e-9)
    assert facts.intercept == -12.5
    assert np.abs(shown(stored, facts).astype(int) - images.read_picture(tmp_path, Ref("a.dcm"))).max() <= 1


def test_dicom_without_rescaling_and_cheng(tmp_path: Path) -> None:
    pixels = RNG.integers(5, 4096, (40, 50), dtype=np.uint16)
    make.write_dicom(tmp_path / "a.dcm", pixels)
    stored, facts = read_values(tmp_path, Ref("a.dcm"))
    assert (stored == pixels).all()
    assert (facts.slope, facts.intercept) == (1, 0)
    signed = RNG.integers(-200, 3000, (40, 50)).astype(np.int16)
    make.write_cheng(tmp_path / "a.mat", signed, None)
    stored, facts = read_values(tmp_path, Ref("a.mat"))
    assert (meant(stored, facts) == signed).all()
    assert (facts.least, facts.most) == (signed.min(), signed.max())


@given(
    arrays.arrays(np.int32, st.tuples(st.integers(1, 6), st.integers(1, 6)), elements=st.integers(-32768, 32767)),
    st.sampled_from([np.int16, np.uint16, ">i2", ">u2", np.int32, np.int64, np.float32, np.float64]),
)
def test_whole_numbers_are_never_changed(values: Any, dtype: Any) -> None:
    moved = (values + 32768 if np.dtype(dtype).kind == "u" else values).astype(dtype)
    stored, facts = as_stored(RawValues(moved, (0.0, 1.0)))
    assert facts.slope == 1
    assert (meant(stored, facts) == moved).all()
    assert stored.dtype in (np.uint8, np.uint16)


@given(
    arrays.arrays(
        np.float64, st.tuples(st.integers(1, 6), st.integers(1, 6)), elements=st.floats(-1e12, 1e12, width=64)
    )
)
def test_floating_point_is_rounded_by_half_a_step_at_most(values: Any) -> None:
    span = float(values.max() - values.min())
    if 0 < span < 1e-290:
        return
    stored, facts = as_stored(RawValues(values, (float(values.min()), float(values.max()))))
    assert facts.width > 0
    assert np.abs(meant(stored, facts) - values).max() <= span / 65535 * 0.501 + 1e-9 * max(abs(facts.least), span)
    window_table(facts.bits, facts.slope, facts.intercept, facts.center, facts.width)


@pytest.mark.parametrize("values", [[-1e308, 1e308], [0.0, 5e-324]])
def test_ranges_beyond_floating_point_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, values: list[float]
) -> None:
    monkeypatch.setattr(values_module, "read_raw", lambda *_: RawValues(np.array([values]), (0.0, 1.0)))
    with pytest.raises(InputError, match="VALUES_EXTREME"):
        read_values(tmp_path, Ref("a.tiff"))


@pytest.mark.parametrize("fill", [0.5, np.nan, np.inf])
def test_pictures_of_one_value_or_none(fill: float) -> None:
    stored, facts = as_stored(RawValues(np.full((3, 4), fill), (0.0, 0.0)))
    assert not stored.any()
    assert facts.least == facts.most == (0.5 if fill == 0.5 else 0)
    json.loads(facts.model_dump_json())


def header_only_png(width: int, height: int) -> bytes:
    """A PNG that promises pixels and has few."""
    whole = BytesIO()
    Image.fromarray(np.zeros((40, 40), dtype=np.uint16)).save(whole, "PNG")
    data = bytearray(whole.getvalue())
    data[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    return bytes(data)


@pytest.mark.parametrize(("width", "height"), [(60000, 60000), (8193, 40), (8000, 8000)])
def test_bombs_are_refused_by_their_header(tmp_path: Path, width: int, height: int) -> None:
    (tmp_path / "bomb.png").write_bytes(header_only_png(width, height))
    with pytest.raises(InputError, match="IMAGE_TOO_LARGE"):
        read_values(tmp_path, Ref("bomb.png"))


def test_more_pixels_than_can_be_shown(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((4001, 4000), dtype=np.uint8)).save(tmp_path / "large.png")
    with pytest.raises(InputError, match=r"IMAGE_TOO_LARGE.*4000 x 4001 px, at most 16000000"):
        read_values(tmp_path, Ref("large.png"))


@pytest.mark.parametrize("path", ["../a.png", "/etc/passwd", "a\0.png", "b/../../a.png", "C:/a.png", "..\\a.png", ""])
def test_paths_stay_below_the_root(tmp_path: Path, path: str) -> None:
    Image.fromarray(np.zeros((40, 40), dtype=np.uint8)).save(tmp_path / "a.png")
    (tmp_path / "root").mkdir()
    with pytest.raises(InputError, match="PATH_OUTSIDE_ROOT"):
        read_values(tmp_path / "root", Ref(path))


def test_links_stay_below_the_root(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((40, 40), dtype=np.uint8)).save(tmp_path / "a.png")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "a.png").symlink_to(tmp_path / "a.png")
    with pytest.raises(InputError, match="PATH_OUTSIDE_ROOT"):
        read_values(tmp_path / "root", Ref("a.png"))


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-600])


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (truncated, "IMAGE_TRUNCATED|IMAGE_UNDECODABLE"),
        (lambda path: path.write_bytes(b"GIF89a no"), "IMAGE_UNDECODABLE"),
        (lambda path: path.write_bytes(b""), "IMAGE_EMPTY"),
        (lambda path: path.unlink(), "FILE_MISSING"),
    ],
)
def test_spoiled_files(tmp_path: Path, spoil: Callable[[Path], Any], code: str) -> None:
    Image.fromarray(RNG.integers(0, 65536, (40, 50), dtype=np.uint16)).save(tmp_path / "a.png")
    spoil(tmp_path / "a.png")
    with pytest.raises(InputError, match=code):
        read_values(tmp_path, Ref("a.png"))


def test_raw_values_know_where_the_pipeline_has_no_window(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((40, 40), dtype=np.uint8)).save(tmp_path / "a.png")
    Image.fromarray(np.zeros((40, 40), dtype=np.uint16)).save(tmp_path / "b.png")
    assert read_raw(tmp_path, Ref("a.png")).window is None
    assert read_raw(tmp_path, Ref("b.png")).window == (0.0, 0.0)


def test_a_data_block_holds_the_same_bytes() -> None:
    pixels = RNG.integers(0, 65536, (5, 7)).astype(np.uint16)
    stored, facts = as_stored(RawValues(pixels, (10.0, 20.0)))
    mask = pixels > 30000
    text = data_block(stored, facts, mask)
    assert not re.search("[<>&]", text)
    block = json.loads(text)
    assert SliceFacts.model_validate(block["facts"]) == facts
    assert zlib.decompress(base64.b64decode(block["zlib_base64"])) == pixels.astype("<u2").tobytes()
    assert zlib.decompress(base64.b64decode(block["mask_zlib_base64"])) == mask.astype(np.uint8).tobytes()
    assert json.loads(data_block(stored, facts))["mask_zlib_base64"] is None
    with pytest.raises(ValueError, match="mask of shape"):
        data_block(stored, facts, mask.T)
    with pytest.raises(ValueError, match="facts of"):
        data_block(stored.T, facts)


@given(st.recursive(st.text(), lambda inner: st.dictionaries(st.text(), inner)))
def test_json_in_a_script_cannot_end_it(content: Any) -> None:
    text = json_block(content)
    assert not set(text) & set("<>&\u2028\u2029")
    assert json.loads(text) == content


def test_json_in_a_script_by_example() -> None:
    hostile = "</script><!--<script>\u2028&lt;"
    assert json.loads(json_block([hostile])) == [hostile]
    assert "<" not in json_block([hostile])
    with pytest.raises(ValueError, match="JSON"):
        json_block(float("nan"))
