"""NIfTI volumes: orientation, slices, window, masks, extent; and a tree of cases from files to records."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import factories_volumes as make
from neuroonco import images, masks, volumes
from neuroonco.catalog.records import MaskRef, SliceRecord
from neuroonco.catalog.scan import scan_source
from neuroonco.errors import InputError
from neuroonco.outcomes import StageOutcome
from neuroonco.rules import RULE_SETS, load_rules
from neuroonco.sources import SourceSpec, parse_source
from neuroonco.vocabulary import MaskKind, MRSequence, PatientSide, Plane
from neuroonco.volumes.choice import choose_slices
from neuroonco.volumes.nifti import read_nifti
from neuroonco.volumes.rules import VolumeRules
from neuroonco.volumes.volume import locate, slice_number
from neuroonco.volumes.window import to_gray, window_of

SPEC = """
id = "cases"
name = "Cases"
homepage = "https://example.org"
license = "CC0-1.0"
license_note = "written by a test"
attribution = "none"
citation = "none"
verified = true
layout_note = "written by a test"
priority = 1
priority_note = "test"
folder_hints = ["cases"]

[sequences]
t1 = "t1"
t1ce = "t1ce"
t2 = "t2"
flair = "flair"

[[layout]]
reader = "nifti"
pattern = "{patient}/{patient}_{sequence}.nii.gz"
tumor_type = "glioma"

[layout.mask]
path = "{patient}/{patient}_seg.nii.gz"
kind = "labels"
label_map = { 1 = "necrotic core", 2 = "edema", 4 = "enhancing tumor" }
empty_means_absent = true
"""
# How four cases store the same head: axes in another order, and running the other way.
STORED = {
    "LPS": ((0, 1, 2), (False, False, False)),
    "RAS": ((0, 1, 2), (True, True, False)),
    "SPR": ((2, 1, 0), (False, False, True)),
    "AIL": ((1, 2, 0), (True, True, False)),
}


@pytest.fixture
def spec() -> SourceSpec:
    return parse_source(SPEC, "cases.toml")


def write_case(root: Path, name: str, order: Any, flips: Any, *, seg: bool = True) -> None:
    image, labels = make.head_lps()
    for shift, sequence in enumerate(("t1", "t1ce", "t2", "flair")):
        voxels, affine = make.stored_as(image + np.int16(shift) * (image > 0), make.affine_lps(), order, flips)
        make.write_nifti(root / name / f"{name}_{sequence}.nii.gz", voxels, affine)
    if seg:
        voxels, affine = make.stored_as(labels, make.affine_lps(), order, flips)
        make.write_nifti(root / name / f"{name}_seg.nii.gz", voxels, affine)


def scanned(root: Path, spec: SourceSpec) -> StageOutcome[SliceRecord]:
    return scan_source(root, spec)


def gray_of_reference(values: Any, volume: Any) -> Any:
    """The stated window, computed another way: sorted list and nearest rank."""
    kept = sorted(volume[volume != 0].tolist())
    low, high = (kept[int(np.ceil(p * len(kept) / 100)) - 1] for p in (0.5, 99.5))
    return np.rint(np.clip((values - low) / (high - low), 0, 1) * 255).astype(np.uint8)


def test_a_tree_of_cases_becomes_records(tmp_path: Path, spec: SourceSpec) -> None:
    for name, (order, flips) in STORED.items():
        write_case(tmp_path, name, order, flips)
    outcome = scanned(tmp_path, spec)
    assert (len(outcome.kept), len(outcome.dropped), len(outcome.quarantined)) == (16, 0, 0)
    image, labels = make.head_lps()
    for record in outcome.kept:
        assert record.image_slice == 7  # slice 7 holds 120 lesion pixels, 5, 6 and 8 hold 80
        assert record.plane is Plane.AXIAL
        assert record.display_left is PatientSide.RIGHT
        assert record.spacing_mm == pytest.approx((1.5, 1.0))  # rows are 1.5 mm apart, columns 1
        assert record.thickness_mm == pytest.approx(4.0)
        assert (record.height_px, record.width_px, record.bit_depth, record.channels) == (48, 40, 16, 1)
        assert record.tumor_present is True
        assert record.mask is not None
        assert record.mask.slice_index == 7
        assert record.mask.lesion_values == (1, 2, 4)
        assert not record.is_whole_file
        assert record.sample_id == f"glioma_cases_{record.patient_id}_{record.sequence}_slice_007"
        shift = ("t1", "t1ce", "t2", "flair").index(str(record.sequence))
        shifted = image + np.int16(shift) * (image > 0)
        picture = images.read_picture(tmp_path, record)
        assert np.array_equal(picture, gray_of_reference(shifted[:, :, 7].T, shifted))
        lesion = masks.read_lesion_mask(tmp_path, record.mask, picture.shape)
        assert lesion is not None
        assert np.array_equal(lesion, labels[:, :, 7].T > 0)
        assert np.flatnonzero(lesion.any(axis=0)).max() < 20, "the patient's right is the picture's left"
    assert {r.sequence for r in outcome.kept} == {MRSequence(s) for s in ("t1", "t1ce", "t2", "flair")}
    assert len({r.slice_id for r in outcome.kept}) == len({r.sample_id for r in outcome.kept}) == 16


def test_slices_of_one_volume_have_ids_of_their_own(tmp_path: Path, spec: SourceSpec, rules: VolumeRules) -> None:
    write_case(tmp_path, "a", *STORED["LPS"], seg=False)
    outcome = scanned(tmp_path, spec)
    # no mask: every tenth slice from the middle of 20; whether the tumor shows in it, nobody knows
    flair = [r for r in outcome.kept if r.sequence is MRSequence.FLAIR]
    assert sorted(r.image_slice or 0 for r in flair) == [0, 10]
    assert len({r.slice_id for r in flair}) == 2
    assert {r.tumor_present for r in flair} == {None}
    assert {r.notes for r in flair} == {("mask:FILE_MISSING",)}
    assert len(outcome.quarantined) == 4
    assert rules.every_n == 10


def test_a_mask_of_another_grid_costs_the_mask_only(tmp_path: Path, spec: SourceSpec) -> None:
    image, labels = make.head_lps()
    shifted = make.affine_lps()
    shifted[0, 3] += 1.0
    for name, mask, affine in (
        ("moved", labels, shifted),
        ("small", labels[:, :, :-1], make.affine_lps()),
        ("named", labels + np.uint8(labels == 4), make.affine_lps()),
        ("halves", labels * np.float32(0.5), make.affine_lps()),
    ):
        make.write_nifti(tmp_path / name / f"{name}_flair.nii.gz", image, make.affine_lps())
        make.write_nifti(tmp_path / name / f"{name}_seg.nii.gz", mask, affine)
    outcome = scanned(tmp_path, spec)
    assert {r.patient_id: r.notes for r in outcome.kept} == {
        "moved": ("mask:MASK_AFFINE",),
        "small": ("mask:MASK_SIZE",),
        "named": ("mask:MASK_LABEL_UNKNOWN",),
        "halves": ("mask:MASK_VALUES",),
    }
    assert all(r.mask is None for r in outcome.kept)
    assert len(outcome.quarantined) == 4


def test_a_mask_stored_the_other_way_fits(tmp_path: Path, spec: SourceSpec) -> None:
    image, labels = make.head_lps()
    make.write_nifti(tmp_path / "a/a_t2.nii.gz", image, make.affine_lps())
    make.write_nifti(tmp_path / "a/a_seg.nii.gz", *make.stored_as(labels, make.affine_lps(), *STORED["AIL"]))
    (record,) = scanned(tmp_path, spec).kept
    assert record.mask is not None
    lesion = masks.read_lesion_mask(tmp_path, record.mask, (record.height_px, record.width_px))
    assert np.array_equal(lesion, labels[:, :, 7].T > 0)


def test_an_empty_mask_says_absent(tmp_path: Path, spec: SourceSpec) -> None:
    image, labels = make.head_lps()
    make.write_nifti(tmp_path / "a/a_t2.nii.gz", image, make.affine_lps())
    make.write_nifti(tmp_path / "a/a_seg.nii.gz", labels * 0, make.affine_lps())
    records = scanned(tmp_path, spec).kept
    assert [r.tumor_present for r in records] == [False, False]


@settings(max_examples=40, deadline=None)
@given(order=st.permutations((0, 1, 2)), flips=st.tuples(*[st.booleans()] * 3), plane=st.sampled_from(list(Plane)))
def test_pictures_do_not_depend_on_how_a_volume_is_stored(
    tmp_path_factory: pytest.TempPathFactory, order: list[int], flips: tuple[bool, ...], plane: Plane
) -> None:
    image, _ = make.head_lps()
    voxels, affine = make.stored_as(image, make.affine_lps((1.0, 2.0, 3.0)), (order[0], order[1], order[2]), flips)
    path = make.write_nifti(tmp_path_factory.mktemp("v") / "v.nii", voxels, affine)
    volume = read_nifti(path, "v.nii")
    assert np.array_equal(volume.voxels, image)
    assert volume.affine is not None
    assert np.allclose(volume.affine, make.affine_lps((1.0, 2.0, 3.0)))
    expected = {
        Plane.AXIAL: image[:, :, 9].T,
        Plane.CORONAL: image[:, 9, ::-1].T,
        Plane.SAGITTAL: image[9, :, ::-1].T,
    }[plane]
    assert np.array_equal(volume.take(slice_number(volume.shape, plane, 9)), expected)
    assert volume.pixel_mm(plane) == pytest.approx(
        {Plane.AXIAL: (2, 1), Plane.CORONAL: (3, 1), Plane.SAGITTAL: (3, 2)}[plane]
    )
    sides = {Plane.AXIAL: PatientSide.RIGHT, Plane.CORONAL: PatientSide.RIGHT, Plane.SAGITTAL: None}
    assert volume.display_left(plane) is sides[plane]


def test_an_oblique_volume_takes_the_nearest_axes(tmp_path: Path) -> None:
    image, _ = make.head_lps()
    angle = np.deg2rad(15)
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    voxels, affine = make.stored_as(image, turn @ make.affine_lps(), *STORED["SPR"])
    volume = read_nifti(make.write_nifti(tmp_path / "v.nii", voxels, affine), "v.nii")
    assert np.array_equal(volume.voxels, image)
    assert volume.spacing_mm == pytest.approx((1.0, 1.5, 4.0))


def test_without_orientation_nothing_is_turned_and_no_side_is_known(tmp_path: Path, spec: SourceSpec) -> None:
    image, labels = make.head_lps()
    make.write_nifti(tmp_path / "a/a_t2.nii.gz", image, None)
    make.write_nifti(tmp_path / "a/a_seg.nii.gz", labels, None)
    (record,) = scanned(tmp_path, spec).kept
    assert record.display_left is None
    assert record.plane is None
    assert record.spacing_mm == (2.0, 1.0)
    assert record.thickness_mm == 3.0
    assert record.notes == ("orientation_unknown",)
    assert np.array_equal(images.read_picture(tmp_path, record), gray_of_reference(image[:, :, 7].T, image))
    assert record.mask is not None
    assert volumes.read_lesion_extent(tmp_path, record.mask) is None


def test_extent_of_a_lesion(tmp_path: Path) -> None:
    _, labels = make.head_lps()
    make.write_nifti(tmp_path / "seg.nii.gz", *make.stored_as(labels, make.affine_lps(), *STORED["SPR"]))
    whole = MaskRef(path="seg.nii.gz", kind=MaskKind.LABELS, lesion_values=(1, 2, 4), slice_index=7)
    found = volumes.read_lesion_extent(tmp_path, whole)
    assert found is not None
    assert found.volume_mm3 == pytest.approx((3 * 80 + 120) * 1.0 * 1.5 * 4.0)
    assert found.extent_mm == pytest.approx((10 * 1.0, 12 * 1.5, 4 * 4.0))
    assert found.slice_count == 4
    core = whole.model_copy(update={"lesion_values": (4,)})
    found = volumes.read_lesion_extent(tmp_path, core)
    assert found is not None
    assert found.extent_mm == pytest.approx((4.0, 6 * 1.5, 4.0))
    assert volumes.read_lesion_extent(tmp_path, whole.model_copy(update={"lesion_values": (3,)})) is None
    assert volumes.read_lesion_extent(tmp_path, MaskRef(path="a.png", kind=MaskKind.BINARY)) is None


def test_a_gray_mask_is_cut_by_its_volume_and_not_by_its_slice(tmp_path: Path) -> None:
    voxels = np.zeros((16, 16, 3), dtype=np.uint8)
    voxels[4:8, 4:8, 0] = 255
    voxels[4:8, 4:8, 1] = 60  # the rim of a smoothed mask: less than half of the volume's brightest
    make.write_nifti(tmp_path / "m.nii", voxels, make.affine_lps())
    ref = MaskRef(path="m.nii", kind=MaskKind.BINARY, slice_index=1)
    lesion = masks.read_lesion_mask(tmp_path, ref, (16, 16))
    assert lesion is not None
    assert not lesion.any()


def test_a_scaled_volume_is_read_in_its_units(tmp_path: Path) -> None:
    import nibabel

    image, _ = make.head_lps()
    header = nibabel.Nifti1Header()
    header.set_data_dtype(np.uint8)
    stored = nibabel.Nifti1Image(image / 4.0, make.affine_lps(), header)
    nibabel.save(stored, tmp_path / "v.nii")
    volume = read_nifti(tmp_path / "v.nii", "v.nii")
    assert volume.bit_depth == 8
    assert np.abs(volume.voxels - image / 4.0).max() <= 900 / 4 / 255 / 2 * 1.01


def test_units_of_the_header_count(tmp_path: Path) -> None:
    import nibabel

    image = nibabel.Nifti1Image(np.ones((8, 9, 10), dtype=np.int16), make.affine_lps((0.001, 0.002, 0.003)))
    image.header.set_xyzt_units("meter")
    nibabel.save(image, tmp_path / "v.nii")
    assert read_nifti(tmp_path / "v.nii", "v").spacing_mm == pytest.approx((1.0, 2.0, 3.0))


@given(st.tuples(*[st.integers(1, 9)] * 3), st.data())
def test_a_number_names_one_slice(shape: tuple[int, int, int], data: st.DataObject) -> None:
    number = data.draw(st.integers(0, sum(shape) - 1))
    plane, index = locate(shape, number)
    assert slice_number(shape, plane, index) == number
    with pytest.raises(InputError, match="SLICE_MISSING"):
        locate(shape, sum(shape))


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64])
def test_window_is_the_same_for_every_way_of_counting(dtype: Any) -> None:
    values = np.arange(-60 if np.dtype(dtype).kind != "u" else 0, 120).astype(dtype).reshape(3, -1, 2)
    kept = np.sort(values[values != 0].astype(float))
    low, high = window_of(values, 10, 90)
    assert low == kept[int(np.ceil(0.1 * kept.size)) - 1]
    assert high == kept[int(np.ceil(0.9 * kept.size)) - 1]
    big_endian = values.astype(np.dtype(dtype).newbyteorder(">"))
    assert window_of(big_endian, 10, 90) == (low, high)


def test_window_of_one_gray_and_of_none() -> None:
    assert to_gray(np.array([[0, 5]]), window_of(np.array([[0, 5]]), 0.5, 99.5)).tolist() == [[0, 255]]
    assert window_of(np.array([0.0, np.nan, np.inf, 2.0, 4.0]), 0, 100) == (2.0, 4.0)
    with pytest.raises(InputError, match="VOLUME_EMPTY"):
        window_of(np.zeros((4, 4)), 0.5, 99.5)


@pytest.fixture
def rules() -> VolumeRules:
    return volumes.volume_rules()


def test_the_rules_for_volumes_are_the_same_in_every_set(rules: VolumeRules) -> None:
    for name in RULE_SETS:
        assert load_rules(name).section("volumes", VolumeRules) == rules


def test_choice_of_slices(rules: VolumeRules) -> None:
    lesion = np.array([0, 0, 5, 9, 9, 7, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0])
    tissue = np.array([1, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 8, 9, 3, 1])
    more = rules.model_copy(update={"slices_per_volume": 3, "min_distance_mm": 4.0})
    assert choose_slices(lesion, tissue, 1.0, rules) == [3]
    assert choose_slices(lesion, tissue, 1.0, more) == [3, 10]
    assert choose_slices(lesion, tissue, 2.0, more) == [3, 5, 10]  # two slices are four millimeters
    healthy = rules.model_copy(update={"healthy_slices": 2, "min_distance_mm": 2.0})
    assert choose_slices(lesion, tissue, 1.0, healthy) == [3, 7, 13]  # 12 has less tissue, 8 is beside 7
    every = rules.model_copy(update={"slice_choice": "every_nth", "every_n": 3})
    assert choose_slices(lesion, tissue, 1.0, every) == [2, 5, 8, 11]  # 14 has too little tissue
    assert choose_slices(None, tissue, None, every) == [2, 5, 8, 11]
    assert choose_slices(None, np.zeros(16, dtype=np.int64), 1.0, every) == []


@given(
    st.lists(st.integers(0, 50), min_size=1, max_size=40),
    st.floats(0.2, 6),
    st.integers(1, 4),
    st.integers(0, 3),
    st.floats(0, 20),
)
def test_chosen_slices_keep_their_distance(
    lesion: list[int], distance: float, wanted: int, healthy: int, apart: float
) -> None:
    rules = volumes.volume_rules().model_copy(
        update={"slices_per_volume": wanted, "healthy_slices": healthy, "min_distance_mm": apart}
    )
    area = np.array(lesion)
    chosen = choose_slices(area, np.full(len(area), 100), distance, rules)
    assert chosen == sorted(set(chosen))
    if area.any():
        with_lesion = [i for i in chosen if area[i]]
        assert int(np.argmax(area)) in with_lesion
        assert len(with_lesion) <= wanted
        assert len(chosen) - len(with_lesion) <= healthy
        assert all((b - a) * distance >= apart - 1e-9 for a, b in pairwise(chosen))


def test_a_volume_decodes_once_for_slices_in_a_row(
    tmp_path: Path, spec: SourceSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    from neuroonco.volumes import read

    write_case(tmp_path, "a", *STORED["RAS"])
    records = [r for r in scanned(tmp_path, spec).kept if r.sequence is MRSequence.T2]
    path = tmp_path / records[0].image_path
    opened: list[str] = []
    monkeypatch.setattr(read, "_LAST", read.LastVolumes())
    monkeypatch.setattr(read, "read_nifti", lambda p, w: (opened.append(w), read_nifti(p, w))[1])
    first = records[0].model_copy(update={"image_slice": 3})
    before = images.read_picture(tmp_path, first)
    images.read_picture(tmp_path, records[0])
    assert len(opened) == 1
    image, _ = make.head_lps(lesion_value=50)
    make.write_nifti(path, image[:, :, :-2], make.affine_lps())
    assert not np.array_equal(images.read_picture(tmp_path, first), before), "a changed file is read again"
    assert len(opened) == 2
