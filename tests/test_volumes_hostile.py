"""Broken, lying and malicious volumes: one clear line each, before anything large is read."""

import gzip
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import factories_volumes as make
from neuroonco.catalog.drafts import SliceDraft
from neuroonco.catalog.records import MaskRef
from neuroonco.catalog.volumes import complete_volume
from neuroonco.errors import InputError
from neuroonco.vocabulary import MaskKind
from neuroonco.volumes import read_lesion_extent
from neuroonco.volumes.dicom import read_dicom
from neuroonco.volumes.mat import read_cheng
from neuroonco.volumes.nifti import read_nifti

Change = Callable[[bytearray], None]


def good_nifti(tmp_path: Path) -> bytearray:
    image, _ = make.head_lps()
    return bytearray(make.write_nifti(tmp_path / "good.nii", image, make.affine_lps()).read_bytes())


def put(offset: int, form: str, *values: Any) -> Change:
    def change(data: bytearray) -> None:
        struct.pack_into("<" + form, data, offset, *values)

    return change


NIFTI = [
    ("negative side", put(42, "h", -40), "NIFTI_INVALID"),
    ("no side", put(42, "h", 0), "NIFTI_INVALID"),
    ("longer than the file", put(42, "h", 41), "NIFTI_TRUNCATED"),
    ("shorter than the file", put(42, "h", 39), "NIFTI_INVALID"),
    ("promises 68 gigabytes", put(42, "hhh", 4096, 4096, 2048), "VOLUME_TOO_LARGE"),
    ("side beyond every scanner", put(42, "h", 32767), "NIFTI_INVALID"),
    ("five dimensions", put(40, "hhhhhh", 5, 40, 48, 20, 1, 1), "NIFTI_DIMENSIONS"),
    ("two volumes", put(40, "hhhhh", 4, 40, 48, 10, 2), "NIFTI_DIMENSIONS"),
    ("two dimensions", put(40, "h", 2), "NIFTI_DIMENSIONS"),
    ("absurd number of dimensions", put(40, "h", 99), "NIFTI_DIMENSIONS"),
    ("unknown type", put(70, "h", 77), "NIFTI_INVALID"),
    ("complex numbers", put(70, "hh", 32, 64), "NIFTI_TYPE"),
    ("colors", put(70, "hh", 128, 24), "NIFTI_TYPE"),
    ("bits that contradict the type", put(72, "h", 8), "NIFTI_INVALID"),
    ("voxels inside the header", put(108, "f", 8.0), "NIFTI_INVALID"),
    ("voxels nowhere", put(108, "f", float("nan")), "NIFTI_INVALID"),
    ("voxels beyond the end", put(108, "f", 2.0e9), "NIFTI_INVALID"),
    ("slope no number", put(112, "f", float("nan")), "NIFTI_SCALING"),
    ("intercept infinite", put(116, "f", float("inf")), "NIFTI_SCALING"),
    ("affine no number", put(280, "f", float("nan")), "NIFTI_AFFINE"),
    ("affine infinite", put(292, "f", float("inf")), "NIFTI_AFFINE"),
    ("affine flat", put(280, "12f", *(1.0, 1.0, 0.0, 0.0) * 3), "NIFTI_AFFINE"),
    ("affine zero", put(280, "12f", *(0.0,) * 12), "NIFTI_AFFINE"),
    ("voxels of kilometers", put(280, "f", 1.0e6), "NIFTI_AFFINE"),
    ("unknown unit", put(123, "B", 7), "NIFTI_INVALID"),
    ("data in another file", put(344, "4s", b"ni1\0"), "NIFTI_INVALID"),
    ("no NIfTI", put(0, "i", 1234), "NIFTI_INVALID"),
]


@pytest.mark.parametrize(("change", "code"), [(c, code) for _, c, code in NIFTI], ids=[name for name, _, _ in NIFTI])
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
def test_nifti(tmp_path: Path, change: Change, code: str, packed: bool) -> None:
    data = good_nifti(tmp_path)
    change(data)
    path = tmp_path / "bad.nii"
    path.write_bytes(gzip.compress(data) if packed else data)
    with pytest.raises(InputError) as caught:
        read_nifti(path, "bad.nii")
    assert caught.value.code == code
    assert "\n" not in caught.value.line


def test_a_header_can_be_good(tmp_path: Path) -> None:
    """The table above would also pass if nothing could be read."""
    path = tmp_path / "good.nii.gz"
    path.write_bytes(gzip.compress(good_nifti(tmp_path)))
    assert read_nifti(path, "good").shape == make.SHAPE_LPS


@pytest.mark.parametrize("share", [0, 0.001, 0.004, 0.1, 0.5, 0.99, 0.9999])
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
def test_nifti_cut_off(tmp_path: Path, share: float, packed: bool) -> None:
    data = good_nifti(tmp_path)
    path = tmp_path / "cut.nii.gz"
    whole = gzip.compress(data) if packed else bytes(data)
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(InputError, match=r"NIFTI_TRUNCATED|NIFTI_INVALID"):
        read_nifti(path, "cut.nii.gz")


def test_what_a_bomb_unpacks_to_is_not_unpacked(tmp_path: Path) -> None:
    data = good_nifti(tmp_path)
    path = tmp_path / "bomb.nii.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(data)
        for _ in range(64):
            file.write(b"\0" * 1024**2)
    tracemalloc.start()
    with pytest.raises(InputError, match="NIFTI_INVALID"):
        read_nifti(path, "bomb.nii.gz")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * 1024**2


@settings(max_examples=150, deadline=None)
@given(position=st.integers(0, 347), value=st.integers(0, 255))
def test_any_byte_of_a_header_may_be_wrong(tmp_path_factory: pytest.TempPathFactory, position: int, value: int) -> None:
    folder = tmp_path_factory.mktemp("byte")
    data = good_nifti(folder)
    data[position] = value
    (folder / "a.nii").write_bytes(data)
    draft = SliceDraft(source_id="x", path_in_source="a.nii", image_path="a.nii", sample_id="x", reader="nifti")
    outcome = complete_volume(folder, draft)
    assert outcome.kept or outcome.dropped or outcome.quarantined


def test_what_is_no_volume_at_all_is_quarantined(tmp_path: Path) -> None:
    for name, reader in (("a.nii", "nifti"), ("a.mat", "cheng_mat"), ("a.dcm", "dicom")):
        for number, content in enumerate((b"", b"\x1f\x8b", b"hello" * 200, bytes(range(256)) * 8)):
            (tmp_path / f"{number}{name}").write_bytes(content)
            path = f"{number}{name}"
            draft = SliceDraft(source_id="x", path_in_source=path, image_path=path, sample_id="x", reader=reader)  # type: ignore[arg-type]
            outcome = complete_volume(tmp_path, draft)
            assert len(outcome.quarantined) == 1
            assert "\n" not in outcome.quarantined[0].message


def test_paths_stay_inside_the_root(tmp_path: Path) -> None:
    make.write_nifti(tmp_path / "outside.nii", make.head_lps()[1], make.affine_lps())
    (tmp_path / "root").mkdir()
    (tmp_path / "root/link.nii").symlink_to(tmp_path / "outside.nii")
    for name in ("../outside.nii", "link.nii"):
        with pytest.raises(InputError, match="PATH_OUTSIDE_ROOT"):
            read_lesion_extent(tmp_path / "root", MaskRef(path=name, kind=MaskKind.LABELS, slice_index=1))


# --- MAT ---


def changed_mat(tmp_path: Path, change: Callable[[Any, Any], None]) -> Path:
    import h5py

    pixels = np.arange(32 * 40).reshape(32, 40).astype(np.int16)
    path = make.write_cheng(tmp_path / "a.mat", pixels, pixels > 900)
    with h5py.File(path, "r+") as file:
        change(h5py, file)
    return path


def replaced(name: str, make_it: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    def change(h5py: Any, file: Any) -> None:
        del file[name]
        make_it(h5py, file)

    return change


def _external(h5py: Any, file: Any) -> None:
    file["cjdata/image"] = h5py.ExternalLink("other.mat", "/cjdata/image")


def _external_mask(h5py: Any, file: Any) -> None:
    file["cjdata/tumorMask"] = h5py.ExternalLink("/etc/passwd", "/x")


def _soft(h5py: Any, file: Any) -> None:
    file["cjdata/image"] = h5py.SoftLink("/cjdata/tumorMask")


def _external_root(h5py: Any, file: Any) -> None:
    file["cjdata"] = h5py.ExternalLink("other.mat", "/cjdata")


def _external_storage(h5py: Any, file: Any) -> None:
    file["cjdata"].create_dataset("image", (32, 40), "i2", external=[("/etc/passwd", 0, 2560)])


def _virtual(h5py: Any, file: Any) -> None:
    layout = h5py.VirtualLayout((40, 32), "i2")
    layout[:] = h5py.VirtualSource("other.mat", "x", (40, 32))
    file["cjdata"].create_virtual_dataset("image", layout)


def _huge(h5py: Any, file: Any) -> None:
    file["cjdata"].create_dataset("image", (100_000, 100_000), "i2", chunks=(64, 64))


def _huge_chunk(h5py: Any, file: Any) -> None:
    file["cjdata"].create_dataset("image", (40, 32), "i2", maxshape=(None, None), chunks=(8192, 8192))


def _odd_filter(h5py: Any, file: Any) -> None:
    file["cjdata"].create_dataset("image", (40, 32), "i2", chunks=(8, 8), compression="lzf")


def _text(h5py: Any, file: Any) -> None:
    file["cjdata/image"] = "a picture"


def _group(h5py: Any, file: Any) -> None:
    file.create_group("cjdata/image")


def _cube(h5py: Any, file: Any) -> None:
    file["cjdata/image"] = np.zeros((4, 4, 4), dtype=np.int16)


def _line(h5py: Any, file: Any) -> None:
    file["cjdata"] = np.zeros(4)


def _nothing(h5py: Any, file: Any) -> None:
    pass


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (replaced("cjdata", _nothing), "MAT_INVALID"),
        (replaced("cjdata", _line), "MAT_INVALID"),
        (replaced("cjdata", _external_root), "MAT_LINKED"),
        (replaced("cjdata/image", _nothing), "MAT_INVALID"),
        (replaced("cjdata/image", _external), "MAT_LINKED"),
        (replaced("cjdata/image", _soft), "MAT_LINKED"),
        (replaced("cjdata/image", _external_storage), "MAT_LINKED"),
        (replaced("cjdata/image", _virtual), "MAT_LINKED"),
        (replaced("cjdata/image", _huge), "IMAGE_TOO_LARGE"),
        (replaced("cjdata/image", _huge_chunk), "IMAGE_TOO_LARGE"),
        (replaced("cjdata/image", _odd_filter), "MAT_FILTER"),
        (replaced("cjdata/image", _text), "MAT_INVALID"),
        (replaced("cjdata/image", _group), "MAT_INVALID"),
        (replaced("cjdata/image", _cube), "MAT_INVALID"),
        (replaced("cjdata/tumorMask", _external_mask), "MAT_LINKED"),
    ],
)
def test_mat(tmp_path: Path, change: Callable[[Any, Any], None], code: str) -> None:
    make.write_cheng(tmp_path / "other.mat", np.ones((32, 40), dtype=np.int16), None)
    path = changed_mat(tmp_path, change)
    with pytest.raises(InputError) as caught:
        read_cheng(path, "a.mat")
    assert caught.value.code == code
    assert "\n" not in caught.value.line


def test_mat_cut_off(tmp_path: Path) -> None:
    path = changed_mat(tmp_path, _nothing)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(InputError, match="MAT_INVALID"):
        read_cheng(path, "a.mat")


# --- DICOM ---

PIXELS = np.arange(32 * 40).reshape(32, 40).astype(np.uint16)


@pytest.mark.parametrize(
    ("elements", "code", "said"),
    [
        ({"Modality": "CT", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.2"}, "DICOM_MODALITY", "modality CT"),
        ({"Modality": None}, "DICOM_MODALITY", "modality none"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.4.2"}, "DICOM_CLASS", "MR Spectroscopy"),
        ({"NumberOfFrames": 2}, "DICOM_CLASS", "several frames"),
        ({"SamplesPerPixel": 3}, "DICOM_CLASS", "several frames or colors"),
        ({"PixelData": None}, "DICOM_NO_PIXELS", "no pixels"),
        ({"Rows": 0}, "DICOM_NO_PIXELS", "no pixels"),
        ({"Rows": 60000, "Columns": 60000}, "IMAGE_TOO_LARGE", "60000"),
        ({"Rows": 500}, "DICOM_INVALID", ""),
        ({"PixelData": b"\0\0"}, "DICOM_INVALID", ""),
        ({"RescaleSlope": 0}, "DICOM_INVALID", "rescale slope"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "DICOM_CLASS", "PALETTE"),
        ({"ImageOrientationPatient": [1, 0, 0, 1, 0, 0]}, "DICOM_ORIENTATION", "right angle"),
        ({"ImageOrientationPatient": [0, 0, 0, 0, 0, 0]}, "DICOM_ORIENTATION", "right angle"),
    ],
)
def test_dicom(tmp_path: Path, elements: dict[str, Any], code: str, said: str) -> None:
    path = make.write_dicom(tmp_path / "a.dcm", PIXELS, **elements)
    with pytest.raises(InputError) as caught:
        read_dicom(path, "a.dcm")
    assert caught.value.code == code
    assert said in caught.value.line
    assert "\n" not in caught.value.line


@pytest.mark.parametrize(
    "syntax", ["1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.1.99", "1.2"]
)
def test_dicom_that_needs_a_decoder_says_which(tmp_path: Path, syntax: str) -> None:
    path = make.write_dicom(tmp_path / "a.dcm", PIXELS)
    stated = b"1.2.840.10008.1.2.1\0"
    data = path.read_bytes()
    length = struct.pack("<H", len(stated))
    wanted = syntax.encode() + b"\0" * (len(syntax) % 2)
    at = data.index(length + stated)
    total = struct.unpack("<I", data[140:144])[0] + len(wanted) - len(stated)
    data = (
        data[:140] + struct.pack("<I", total) + data[144:at] + struct.pack("<H", len(wanted)) + wanted + data[at + 22 :]
    )
    path.write_bytes(data)
    with pytest.raises(InputError, match="DICOM_COMPRESSED") as caught:
        read_dicom(path, "a.dcm")
    assert syntax in caught.value.line


def test_a_ct_is_quarantined_by_name(tmp_path: Path) -> None:
    make.write_dicom(tmp_path / "a.dcm", PIXELS, Modality="CT")
    draft = SliceDraft(source_id="x", path_in_source="a.dcm", image_path="a.dcm", sample_id="x", reader="dicom")
    (found,) = complete_volume(tmp_path, draft).quarantined
    assert (found.code, found.message) == ("DICOM_MODALITY", "modality CT, not MR")
