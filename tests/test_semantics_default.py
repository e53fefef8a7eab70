"""Our mask attributes repair the reference's faults."""

import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuroonco import store
from neuroonco.catalog.records import MaskRef
from neuroonco.curate.records import CuratedSlice
from neuroonco.images import Gray, Mask
from neuroonco.masks import LABEL_VALUES_TO, foreground
from neuroonco.rules import load_rules
from neuroonco.semantics.contour import DefaultMeasureRules, outline_of
from neuroonco.semantics.describe import describe, describe_slices
from neuroonco.semantics.lesions import measure_default
from neuroonco.semantics.measure import measure_slices
from neuroonco.semantics.records import LesionSemantics, MeasuredSlice
from neuroonco.vocabulary import (
    ImageRegion,
    LesionSize,
    LesionSpread,
    MaskKind,
    MRSequence,
    Shape,
    TumorType,
)

RULE_SET = load_rules("default")
RULES = RULE_SET.section("measure", DefaultMeasureRules)


def ellipse(major: int, minor: int, angle: float = 0, size: int = 256) -> Mask:
    drawn = cv2.ellipse(
        np.zeros((size, size), np.uint8), (size // 2, size // 2), (major, minor), angle, 0, 360, 255, -1
    )
    return np.asarray(drawn) > 0


def polar(radius_at: "np.ufunc | object", size: int = 256) -> Mask:
    rows, columns = np.indices((size, size)) - size / 2
    angle = np.arctan2(rows, columns)
    return np.hypot(rows, columns) <= radius_at(angle)  # type: ignore[operator]


def shape_of_mask(mask: Mask) -> Shape | None:
    measured = measure_default(mask, RULES)
    assert measured is not None
    return measured.shape


@pytest.mark.parametrize("radius", [5, 12, 30, 70, 110])
def test_disc_has_circularity_one_at_any_size(radius: int) -> None:
    outline = outline_of(ellipse(radius, radius), RULES.smoothing_share)
    assert outline is not None
    assert outline.circularity == pytest.approx(1.0, abs=0.05)
    assert shape_of_mask(ellipse(radius, radius)) is Shape.ROUND


@given(major=st.integers(24, 90), ratio=st.floats(1.45, 2.3), angle=st.floats(0, 180, allow_nan=False))
def test_ovals_are_oval(major: int, ratio: float, angle: float) -> None:
    assert shape_of_mask(ellipse(major, max(10, round(major / ratio)), angle)) is Shape.OVAL


def test_lobes_and_jags() -> None:
    assert shape_of_mask(polar(lambda a: 45 + 11 * np.cos(3 * a))) is Shape.LOBULATED
    assert shape_of_mask(polar(lambda a: 45 + 18 * np.sign(np.cos(9 * a)))) is Shape.IRREGULAR


def test_shape_is_not_judged_on_a_few_pixels() -> None:
    mask = np.zeros((64, 64), dtype=bool)
    mask[30, 30:32] = True
    measured = measure_default(mask, RULES)
    assert measured is not None
    assert measured.shape is None
    assert measured.size is LesionSize.SMALL


def test_stray_pixels_are_not_satellites() -> None:
    mask = ellipse(30, 30)
    mask[5, 5] = mask[250, 3] = True
    measured = measure_default(mask, RULES)
    assert measured is not None
    assert measured.spread is LesionSpread.SOLITARY
    assert measured.geometry is not None
    assert measured.geometry.component_count == 1


def test_real_satellites_and_scatter() -> None:
    mask = ellipse(30, 30)
    mask[10:20, 10:20] = True
    assert measure_default(mask, RULES).spread is LesionSpread.DOMINANT_WITH_SATELLITES  # type: ignore[union-attr]
    two = np.zeros((256, 256), dtype=bool)
    two[20:50, 20:50] = two[200:230, 200:230] = True
    assert measure_default(two, RULES).spread is LesionSpread.SCATTERED  # type: ignore[union-attr]


def test_empty_mask_has_no_attributes() -> None:
    assert measure_default(np.zeros((64, 64), dtype=bool), RULES) is None


@given(st.integers(1, 8), st.integers(0, 2**32 - 1))
def test_label_masks_do_not_vanish(top: int, seed: int) -> None:
    values = np.random.default_rng(seed).integers(0, top + 1, (40, 40)).astype(np.uint8)
    assert np.array_equal(foreground(values), values > 0)


def head(size: int = 256) -> Gray:
    """A picture whose head touches no edge."""
    drawn = cv2.ellipse(np.zeros((size, size), np.uint8), (size // 2, size // 2), (100, 120), 0, 0, 360, 120, -1)
    return np.asarray(drawn, dtype=np.uint8)


def write_slice(folder: Path, mask: Mask) -> None:
    """The picture and mask that :func:`record` names."""
    cv2.imwrite(str(folder / "a.png"), head())
    cv2.imwrite(str(folder / "m.png"), mask.astype(np.uint8) * 255)


def test_the_rule_for_label_masks_is_the_default_of_the_decoder(tmp_path: Path) -> None:
    assert RULES.label_values_to == LABEL_VALUES_TO
    values = np.full((256, 256), 9, np.uint8)
    values[100:150, 100:150] = 20  # brighter than labels, so cut at half the maximum: 10
    write_slice(tmp_path, np.zeros((256, 256), dtype=bool))
    cv2.imwrite(str(tmp_path / "m.png"), values)
    (measured,) = measure_slices([record()], root=tmp_path, rules=RULE_SET).kept
    assert measured.semantics is not None
    assert measured.semantics.geometry is not None
    assert measured.semantics.geometry.area_px == 2500


def test_declared_labels_win() -> None:
    values = np.array([[0, 1, 2, 4]], dtype=np.uint8)
    assert foreground(values, (1, 4)).tolist() == [[False, True, False, True]]


def record(**changes: object) -> CuratedSlice:
    base = {
        "slice_id": "s1",
        "sample_id": "a",
        "source_id": "x",
        "image_path": "a.png",
        "image_sha256": "0" * 64,
        "height_px": 256,
        "width_px": 256,
        "channels": 1,
        "bit_depth": 8,
        "tumor_type": TumorType.GLIOMA,
        "tumor_present": True,
        "mask": MaskRef(path="m.png", kind=MaskKind.BINARY),
    }
    return CuratedSlice.model_validate(base | changes)


def test_a_mask_of_another_size_is_quarantined_and_the_rest_goes_on(tmp_path: Path) -> None:
    write_slice(tmp_path, ellipse(30, 30))
    good, bad = record(), record(slice_id="s2", height_px=128)
    missing = record(slice_id="s3", mask=MaskRef(path="../m.png", kind=MaskKind.BINARY))
    outcome = measure_slices([good, bad, missing], root=tmp_path, rules=RULE_SET)
    assert [r.slice_id for r in outcome.kept] == ["s1"]
    assert [(q.slice_id, q.code) for q in outcome.quarantined] == [
        ("s2", "MASK_SIZE"),
        ("s3", "PATH_OUTSIDE_ROOT"),
    ]


def test_boxes_tell_only_the_place(tmp_path: Path) -> None:
    write_slice(tmp_path, ellipse(9, 9))
    (tmp_path / "b.txt").write_text("0 0.7 0.3 0.1 0.1\n")  # x 179 in a head from 28 to 229: in its right third
    boxed = record(mask=MaskRef(path="b.txt", kind=MaskKind.YOLO_BOXES, lesion_values=(0,)))
    (measured,) = measure_slices([boxed], root=tmp_path, rules=RULE_SET).kept
    assert measured.semantics is not None
    assert measured.semantics.location is ImageRegion.UPPER_RIGHT
    assert (measured.semantics.size, measured.semantics.shape, measured.semantics.spread) == (None, None, None)
    paper = measure_slices([boxed], root=tmp_path, rules=load_rules("paper")).kept[0]
    assert paper.semantics is None


def test_measured_records_survive_parquet(tmp_path: Path) -> None:
    write_slice(tmp_path, ellipse(40, 25))
    kept = measure_slices([record()], root=tmp_path, rules=RULE_SET).kept
    store.save(tmp_path / "x.parquet", kept, MeasuredSlice)
    assert store.load_strict(tmp_path / "x.parquet", MeasuredSlice) == kept


def test_paper_and_default_agree_on_area(tmp_path: Path) -> None:
    write_slice(tmp_path, ellipse(40, 25))
    a, b = (measure_slices([record()], root=tmp_path, rules=load_rules(n)).kept[0] for n in ("paper", "default"))
    assert a.semantics is not None
    assert b.semantics is not None
    assert a.semantics.geometry is not None
    assert b.semantics.geometry is not None
    assert a.semantics.geometry.area_px == b.semantics.geometry.area_px == int(ellipse(40, 25).sum())
    assert math.isclose(a.semantics.geometry.area_share, b.semantics.geometry.area_share)


def test_description_says_what_is_known_and_no_more() -> None:
    plain = MeasuredSlice(**record(mask=None).model_dump() | {"sequence": MRSequence.FLAIR})
    assert describe(plain) == "A FLAIR brain MRI slice. The source states the diagnosis glioma."
    semantics = LesionSemantics(
        size=LesionSize.LARGE,
        shape=Shape.OVAL,
        spread=LesionSpread.SOLITARY,
        location=ImageRegion.UPPER_LEFT,
        rules="default",
    )
    full = plain.model_copy(update={"semantics": semantics, "tumor_type": TumorType.NEURONAL})
    assert describe(full) == (
        "A FLAIR brain MRI slice. The source states the diagnosis neuronal tumor. "
        "The mask shows a single lesion, large, oval; its center lies in the upper left of the image."
    )
    healthy = plain.model_copy(update={"tumor_type": TumorType.HEALTHY, "sequence": None})
    text = "A brain MRI slice. The source states that no tumor is present. The sequence is not stated."
    assert describe(healthy) == text
    assert describe_slices([healthy], rules=RULE_SET).kept[0].description == text
