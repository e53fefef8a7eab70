"""Measured, described and fused records in the reference's JSON, shown whole by golden files."""

import json
from pathlib import Path

import pytest

from neuroonco import store
from neuroonco.catalog.records import MaskRef
from neuroonco.errors import InputError
from neuroonco.fusion.interop import FUSED_CODEC, HEALTHY_CODEC
from neuroonco.fusion.records import FusedLabel
from neuroonco.readings.records import Signs
from neuroonco.rules import load_rules
from neuroonco.semantics.describe import describe_slices
from neuroonco.semantics.interop import DESCRIBED_CODEC, MEASURED_CODEC
from neuroonco.semantics.records import DescribedSlice, LesionSemantics, MeasuredSlice
from neuroonco.vocabulary import (
    Edema,
    Enhancement,
    ImageRegion,
    LesionSize,
    LesionSpread,
    MaskKind,
    MRSequence,
    Shape,
    TumorType,
)

GOLDEN = Path(__file__).parent / "golden"


def measured(number: int, tumor_type: TumorType, semantics: LesionSemantics | None) -> MeasuredSlice:
    name = f"{tumor_type.value}/16_t1_mask/case{number}/case{number}_t1.png"
    mask = MaskRef(path=name.replace("_t1.png", "_seg.png"), kind=MaskKind.LABELS) if semantics else None
    return MeasuredSlice(
        slice_id=f"s{number}",
        sample_id=f"{tumor_type.value}_16_t1_mask_case{number}_t1",
        source_id="16",
        image_path=name,
        image_sha256="0" * 64,
        height_px=240,
        width_px=200,
        channels=1,
        bit_depth=8,
        tumor_present=tumor_type is not TumorType.HEALTHY,
        tumor_type=tumor_type,
        sequence=MRSequence.T1,
        mask=mask,
        semantics=semantics,
    )


SLICES = [
    measured(
        1,
        TumorType.GLIOMA,
        LesionSemantics(
            size=LesionSize.LARGE,
            shape=Shape.OVAL,
            spread=LesionSpread.DOMINANT_WITH_SATELLITES,
            location=ImageRegion.UPPER_LEFT,
            rules="default",
        ),
    ),
    measured(2, TumorType.NEURONAL, None),
    measured(3, TumorType.HEALTHY, None),
]
FUSED = [
    FusedLabel(
        slice_id="s1",
        sample_id="a",
        image_path="a.png",
        lesion_found=True,
        sequence=MRSequence.T1CE,
        region=ImageRegion.CENTER_RIGHT,
        signs=Signs(shape=Shape.ROUND, enhancement=Enhancement.RING, edema=Edema.ABSENT),
    ),
    FusedLabel(slice_id="s2", sample_id="b", lesion_found=True),
    FusedLabel(slice_id="s3", sample_id="c", image_path="c.png", lesion_found=False),
    FusedLabel(slice_id="s4", sample_id="d", image_path="d.png", lesion_found=None),
]


def written(path: Path) -> str:
    return path.read_text("utf-8")


def test_measured_format(tmp_path: Path) -> None:
    path = tmp_path / "measured_reference.json"
    assert store.save(path, SLICES, MeasuredSlice, MEASURED_CODEC) == 0
    assert written(path) == written(GOLDEN / path.name)
    again = store.load_strict(path, MeasuredSlice, MEASURED_CODEC)
    assert [r.semantics.shape if r.semantics else None for r in again] == [Shape.ROUND_OR_OVAL, None, None]
    assert [r.patient_id for r in again] == ["case1", "case2", "case3"]


def test_described_format(tmp_path: Path) -> None:
    described = describe_slices(SLICES, rules=load_rules("paper")).kept
    path = tmp_path / "described_reference.json"
    store.save(path, described, DescribedSlice, DESCRIBED_CODEC)
    assert written(path) == written(GOLDEN / path.name)
    assert [r.description for r in store.load_strict(path, DescribedSlice, DESCRIBED_CODEC)] == [
        r.description for r in described
    ]


def test_fused_and_healthy_formats(tmp_path: Path) -> None:
    fused, healthy = tmp_path / "fused_reference.json", tmp_path / "healthy_reference.json"
    assert store.save(fused, FUSED, FusedLabel, FUSED_CODEC) == 2
    assert store.save(healthy, FUSED, FusedLabel, HEALTHY_CODEC) == 3
    assert written(fused) == written(GOLDEN / fused.name)
    assert json.loads(written(healthy)) == [{"sample_id": "c", "image_path": "c.png"}]
    again = store.load_strict(fused, FusedLabel, FUSED_CODEC)
    assert again[0].signs == Signs(shape=Shape.ROUND, enhancement=Enhancement.RING), "absent has no word there"


def test_a_label_keeps_its_own_spelling_on_its_way_through_the_references_files() -> None:
    row = MEASURED_CODEC.encode(SLICES[0])
    assert row is not None
    for spelling, said in {
        "Metastases": "showing signs of Metastases.",
        "pituitary tumor": "showing signs of Pituitary Tumor.",
        "abnormal": "showing signs of Abnormal.",
        "no tumor": "appears normal",
    }.items():
        record = MEASURED_CODEC.decode(row | {"tumor_type": spelling, "medical_semantics": None})
        encoded = MEASURED_CODEC.encode(record)
        assert encoded is not None
        assert encoded["tumor_type"] == spelling
        (described,) = describe_slices([record], rules=load_rules("paper")).kept
        assert said in (described.description or "")


@pytest.mark.parametrize(
    "semantics", [5, {"size": "Huge"}, {"size": "Medium", "colour": "red"}, {"size": 3}, {"shape": ["x"]}]
)
def test_unknown_attributes_are_refused(semantics: object) -> None:
    row = MEASURED_CODEC.encode(SLICES[0])
    assert row is not None
    with pytest.raises(InputError, match="FIELD_INVALID"):
        MEASURED_CODEC.decode(row | {"medical_semantics": semantics})
