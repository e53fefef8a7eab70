"""Jun Cheng's MAT files and DICOM slices: from files to records, pictures and masks."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import factories_volumes as make
from neuroonco import images, masks
from neuroonco.catalog.drafts import SliceDraft
from neuroonco.catalog.records import SliceRecord
from neuroonco.catalog.scan import scan_source
from neuroonco.catalog.volumes import complete_volume
from neuroonco.errors import InputError, PrerequisiteError
from neuroonco.sources import SourceSpec, parse_source, source
from neuroonco.vocabulary import MRSequence, PatientSide, Plane, TumorType
from neuroonco.volumes.dicom import order_series, read_dicom
from neuroonco.volumes.mat import read_cheng

HEAD = """
id = "{id}"
name = "Test"
homepage = "https://example.org"
license = "CC0-1.0"
license_note = "written by a test"
attribution = "none"
citation = "none"
verified = true
layout_note = "written by a test"
priority = 1
priority_note = "test"
folder_hints = ["{id}"]
"""
CHENG = (
    HEAD.format(id="mat")
    + """
[labels]
1 = "meningioma"
2 = "glioma"
3 = "pituitary"

[[layout]]
reader = "cheng_mat"
pattern = "{number}.mat"
sequence = "t1ce"
"""
)
SERIES = (
    HEAD.format(id="dcm")
    + """
[[layout]]
reader = "dicom"
pattern = "{patient}/{stem}.dcm"
tumor_type = "glioma"
"""
)


@pytest.fixture
def cheng() -> SourceSpec:
    return parse_source(CHENG, "mat.toml")


@pytest.fixture
def series() -> SourceSpec:
    return parse_source(SERIES, "dcm.toml")


def picture() -> np.ndarray:
    """Every pixel different, so that a turned or mirrored picture shows."""
    return np.arange(40 * 56).reshape(40, 56).astype(np.int16) + 1


def only(records: list[SliceRecord]) -> SliceRecord:
    (record,) = records
    return record


# --- MAT ---


def test_mat_files_become_records(tmp_path: Path, cheng: SourceSpec) -> None:
    mask = np.zeros((40, 56), dtype=bool)
    mask[5:12, 30:50] = True
    for number, label in enumerate((1.0, 2.0, 3.0, 9.0, 1.5), start=1):
        make.write_cheng(tmp_path / f"{number}.mat", picture(), mask, label, f"MR{number:04d}")
    outcome = scan_source(tmp_path, cheng)
    assert not outcome.quarantined
    found = {r.image_path: r for r in outcome.kept}
    assert {p: r.tumor_type for p, r in found.items()} == {
        "1.mat": TumorType.MENINGIOMA,
        "2.mat": TumorType.GLIOMA,
        "3.mat": TumorType.PITUITARY,
        "4.mat": None,
        "5.mat": None,
    }
    assert found["1.mat"].sample_id == "meningioma_mat_1"
    assert found["4.mat"].notes == ("label_unmapped:9",)
    assert found["4.mat"].source_label == "9"
    assert {r.patient_id for r in found.values()} == {f"MR{n:04d}" for n in range(1, 6)}
    record = found["2.mat"]
    assert (record.height_px, record.width_px, record.bit_depth) == (40, 56, 16)
    assert record.sequence is MRSequence.T1CE
    assert record.tumor_present is True
    assert record.display_left is None
    assert record.spacing_mm is None
    assert record.is_whole_file
    gray = images.read_picture(tmp_path, record)
    kept = np.sort(picture().ravel())
    low, high = kept[int(np.ceil(0.005 * kept.size)) - 1], kept[int(np.ceil(0.995 * kept.size)) - 1]
    assert np.array_equal(gray, np.rint(np.clip((picture() - low) / (high - low), 0, 1) * 255))
    assert record.mask is not None
    lesion = masks.read_lesion_mask(tmp_path, record.mask, gray.shape)
    assert np.array_equal(lesion, mask)


def test_mat_without_mask_is_kept_with_a_note(tmp_path: Path, cheng: SourceSpec) -> None:
    make.write_cheng(tmp_path / "1.mat", picture(), None)
    make.write_cheng(tmp_path / "2.mat", picture(), np.zeros((40, 56)))
    notes = {r.image_path: (r.mask, r.notes) for r in scan_source(tmp_path, cheng).kept}
    assert notes == {"1.mat": (None, ("mask:FILE_MISSING",)), "2.mat": (None, ("mask:MASK_EMPTY",))}


def test_mat_with_a_mask_of_another_size_is_refused(tmp_path: Path, cheng: SourceSpec) -> None:
    make.write_cheng(tmp_path / "1.mat", picture(), np.zeros((56, 40)))
    outcome = scan_source(tmp_path, cheng)
    assert [q.code for q in outcome.quarantined] == ["MASK_SIZE"]


@pytest.mark.parametrize("codes", [[7, 7], [0], [0xD800], [ord("a")] * 65, []])
def test_a_patient_that_is_no_line_of_text_is_unknown(tmp_path: Path, codes: list[int]) -> None:
    import h5py

    path = make.write_cheng(tmp_path / "1.mat", picture(), None)
    with h5py.File(path, "r+") as file:
        del file["cjdata/PID"]
        file["cjdata/PID"] = np.array([codes], dtype=np.uint16)
    assert read_cheng(path, "1.mat").patient_id is None


def test_mat_packed_by_the_libraries_own_filters_is_read(tmp_path: Path) -> None:
    import h5py

    path = make.write_cheng(tmp_path / "1.mat", picture(), None)
    with h5py.File(path, "r+") as file:
        del file["cjdata/image"]
        packed = {"chunks": (8, 8), "compression": "gzip", "shuffle": True, "fletcher32": True}
        file["cjdata"].create_dataset("image", data=picture().T, **packed)
    assert np.array_equal(read_cheng(path, "1.mat").image, picture())


# --- DICOM ---


def test_dicom_files_become_records_without_names(tmp_path: Path, series: SourceSpec) -> None:
    pixels = picture().astype(np.uint16)
    for number in (3, 1, 2):
        make.write_dicom(
            tmp_path / "case/" / f"IM{number}.dcm", pixels + number, ImagePositionPatient=[0, 0, -7.0 * number]
        )
    outcome = scan_source(tmp_path, series)
    assert len(outcome.kept) == 3
    for record in outcome.kept:
        assert record.plane is Plane.AXIAL
        assert record.spacing_mm == (0.5, 0.75)
        assert record.thickness_mm == 6.5
        assert record.display_left is PatientSide.RIGHT
        assert record.bit_depth == 12
        assert record.patient_id == "case"
        assert "Mustermann" not in record.model_dump_json()
        number = int(record.image_path[-5])
        low, high = number + 12, number + picture().size - 11  # 0.5 % of 2,240 pixels are 11.2
        expected = np.rint(np.clip((picture() + number - low) / (high - low), 0, 1) * 255)
        assert np.array_equal(images.read_picture(tmp_path, record), expected)
    slices = [(r.image_path, read_dicom(tmp_path / r.image_path, r.image_path)) for r in outcome.kept]
    assert list(order_series(slices).values()) == [["case/IM3.dcm", "case/IM2.dcm", "case/IM1.dcm"]]


def test_a_patient_known_by_the_file_alone_becomes_a_hash(tmp_path: Path) -> None:
    make.write_dicom(tmp_path / "a.dcm", picture())
    make.write_dicom(tmp_path / "b.dcm", picture(), PatientID="Mustermann-2")
    make.write_dicom(tmp_path / "c.dcm", picture(), PatientID=None)
    ids = []
    for name in ("a.dcm", "b.dcm", "c.dcm"):
        draft = SliceDraft(source_id="x", path_in_source=name, image_path=name, sample_id=name, reader="dicom")
        ids.append(only(complete_volume(tmp_path, draft).kept).patient_id)
    assert ids[0] != ids[1]
    assert ids[2] is None
    assert all(i is not None and len(i) == 13 and "Muster" not in i for i in ids[:2])


@pytest.mark.parametrize(
    ("orientation", "plane", "left"),
    [
        ([1, 0, 0, 0, 1, 0], Plane.AXIAL, PatientSide.RIGHT),
        ([-1, 0, 0, 0, 1, 0], Plane.AXIAL, PatientSide.LEFT),
        ([1, 0, 0, 0, 0, -1], Plane.CORONAL, PatientSide.RIGHT),
        ([0, 1, 0, 0, 0, -1], Plane.SAGITTAL, None),
        ([0.98, 0.19899748742132398, 0, -0.19899748742132398, 0.98, 0], Plane.AXIAL, PatientSide.RIGHT),
        (None, None, None),
    ],
)
def test_sides_come_from_the_orientation(
    tmp_path: Path, orientation: list[float] | None, plane: Plane | None, left: PatientSide | None
) -> None:
    path = make.write_dicom(tmp_path / "a.dcm", picture(), ImageOrientationPatient=orientation)
    found = read_dicom(path, "a.dcm")
    assert (found.plane, found.display_left) == (plane, left)


def test_values_are_rescaled_and_low_is_white_turned_over(tmp_path: Path) -> None:
    pixels = picture()
    scaled = make.write_dicom(tmp_path / "a.dcm", pixels, RescaleSlope=2, RescaleIntercept=-10)
    assert np.array_equal(read_dicom(scaled, "a").values, pixels * 2 - 10)
    white = make.write_dicom(tmp_path / "b.dcm", pixels, PhotometricInterpretation="MONOCHROME1")
    assert np.array_equal(read_dicom(white, "b").values, pixels.max() - pixels)


@given(st.permutations(range(6)), st.sampled_from([(0, 0, 1), (0, 1, 0), (0.6, 0, 0.8)]))
def test_a_series_is_ordered_by_place(order: list[int], direction: tuple[float, float, float]) -> None:
    from neuroonco.volumes.dicom import DicomSlice

    normal = np.array(direction)
    rows = np.array([0.0, 1, 0]) if direction[1] == 0 else np.array([1.0, 0, 0])
    columns = np.cross(normal, rows)
    slices = [
        (
            f"{place}.dcm",
            DicomSlice(
                values=np.zeros((1, 1)),
                bit_depth=12,
                spacing_mm=None,
                thickness_mm=None,
                rows=tuple(rows),
                columns=tuple(columns),
                position_mm=tuple(normal * place * 3.0 + rows * (place % 2)),
                patient_id=None,
                series="s",
            ),
        )
        for place in order
    ]
    assert order_series(slices) == {"s": [f"{place}.dcm" for place in range(6)]}


# --- the extra ---


@pytest.mark.parametrize(
    ("name", "reader", "library"),
    [("a.nii.gz", "nifti", "nibabel"), ("a.mat", "cheng_mat", "h5py"), ("a.dcm", "dicom", "pydicom")],
)
def test_without_the_extra_one_line_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, reader: str, library: str
) -> None:
    import sys

    (tmp_path / name).write_bytes(b"x" * 600)
    monkeypatch.setitem(sys.modules, library, None)
    draft = SliceDraft(source_id="x", path_in_source=name, image_path=name, sample_id="x", reader=reader)  # type: ignore[arg-type]
    with pytest.raises(PrerequisiteError) as caught:
        complete_volume(tmp_path, draft)
    assert caught.value.exit_code == 4
    assert caught.value.line == (
        f"error[EXTRA_MISSING]: this kind of file needs {library}; fix: pip install 'neuroonco[volumes]'"
    )


def test_nothing_of_the_extra_is_imported_before_it_is_needed() -> None:
    import subprocess
    import sys

    code = (
        "import sys, neuroonco.volumes, neuroonco.masks, neuroonco.catalog.scan; "
        "print([m for m in ('nibabel', 'pydicom', 'h5py') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_name_that_no_reader_knows_is_refused(tmp_path: Path) -> None:
    make.write_dicom(tmp_path / "IM0001", picture())
    draft = SliceDraft(source_id="x", path_in_source="IM0001", image_path="IM0001", sample_id="x", reader="dicom")
    assert [q.code for q in complete_volume(tmp_path, draft).quarantined] == ["VOLUME_FORMAT"]
    record = SliceRecord.model_construct(image_path="a.png", image_slice=3, image_channel=None)
    (tmp_path / "a.png").write_bytes(b"x")
    with pytest.raises(InputError, match="VOLUME_FORMAT"):
        images.read_picture(tmp_path, record)


# --- shipped sources ---


def test_the_shipped_source_reads_mat_files(tmp_path: Path) -> None:
    mask = picture() % 7 == 0
    make.write_cheng(tmp_path / "brainTumorDataPublic_1766/12.mat", picture(), mask, 3.0, "MR0007")
    record = only(scan_source(tmp_path, source("07")).kept)
    assert (record.tumor_type, record.sequence, record.patient_id) == (TumorType.PITUITARY, MRSequence.T1CE, "MR0007")


def test_the_shipped_source_reads_volumes(tmp_path: Path) -> None:
    image, labels = make.head_lps()
    for name in ("t1", "t1ce", "t2", "flair", "seg"):
        voxels = labels if name == "seg" else image
        path = tmp_path / f"BraTS2021_00001/BraTS2021_00001_{name}.nii.gz"
        make.write_nifti(path, *make.stored_as(voxels, make.affine_lps(), (0, 1, 2), (False, True, False)))
    outcome = scan_source(tmp_path, source("16"))
    assert not outcome.quarantined
    assert {r.sequence for r in outcome.kept} == {MRSequence(s) for s in ("t1", "t1ce", "t2", "flair")}
    assert {(r.patient_id, r.image_slice, r.display_left) for r in outcome.kept} == {
        ("BraTS2021_00001", 7, PatientSide.RIGHT)
    }


def test_arrays_of_the_collection_are_stored_transposed(tmp_path: Path, real_root: Path) -> None:
    """A slice that one collection publishes as HDF5 stores it, and another one upright."""
    stored = images.read_image(real_root, "07_figshare/3006.png")
    upright = images.read_image(real_root, "03_brain_tumor_mri_yolo/Val/Glioma/images/gg (95).jpg")
    path = make.write_cheng(tmp_path / "1.mat", stored.T.astype(np.int16), None)
    read = np.clip(read_cheng(path, "1.mat").image, 0, 255).astype(np.uint8)
    small = [cv2.resize(a, (96, 96), interpolation=cv2.INTER_AREA).ravel() for a in (read, upright, read.T)]
    assert np.corrcoef(small[0], small[1])[0, 1] > 0.999
    assert np.corrcoef(small[2], small[1])[0, 1] < 0.8
