"""Fusion: the reference's rules string for string, ours with their properties."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuroonco.fusion.fuse import fuse_pair, fuse_readings
from neuroonco.fusion.interop import decode_fused, encode_fused, encode_healthy
from neuroonco.fusion.paper import fuse_documents, fuse_prediction
from neuroonco.fusion.records import FusedLabel
from neuroonco.outcomes import Dropped
from neuroonco.readings.records import LesionReading, SignConfidences, Signs
from neuroonco.rules import load_rules
from neuroonco.vocabulary import (
    SIGN_VALUES,
    DropReason,
    Edema,
    Enhancement,
    ImageRegion,
    MRSequence,
    ReadingKind,
    Shape,
    Sign,
    SignalIntensity,
    Texture,
    coarsenings,
)

DEFAULT, PAPER = load_rules("default"), load_rules("paper")

signs = st.builds(Signs, **{s.value: st.none() | st.sampled_from(list(SIGN_VALUES[s])) for s in Sign})
readings = st.builds(
    LesionReading,
    slice_id=st.just("s1"),
    sample_id=st.just("a"),
    reader=st.sampled_from(["x", "y"]),
    lesion_found=st.none() | st.booleans(),
    sequence=st.none() | st.sampled_from(list(MRSequence)),
    sequence_seen=st.none() | st.sampled_from(list(MRSequence)),
    region=st.none() | st.sampled_from(list(ImageRegion)),
    signs=signs,
)


def reading(**changes: Any) -> LesionReading:
    return LesionReading(**{"slice_id": "s1", "sample_id": "a", "reader": "x", "lesion_found": True} | changes)


# --- our rules ---


@given(readings)
def test_identical_readings_change_nothing(one: LesionReading) -> None:
    fused = fuse_pair(one, one)
    assert isinstance(fused, FusedLabel)
    assert fused.disagreements == ()
    assert (fused.sequence, fused.sequence_seen) == (one.sequence, one.sequence_seen)
    if one.lesion_found:
        assert (fused.signs, fused.region) == (one.signs, one.region)


@given(readings, readings)
def test_order_does_not_matter(a: LesionReading, b: LesionReading) -> None:
    assert fuse_pair(a, b) == fuse_pair(b, a)


@given(readings, readings)
def test_nothing_is_invented(a: LesionReading, b: LesionReading) -> None:
    fused = fuse_pair(a, b)
    if isinstance(fused, Dropped):
        return
    assert fused.sequence in (None, a.sequence, b.sequence)
    assert fused.sequence_seen in (None, a.sequence_seen, b.sequence_seen)
    assert fused.region in (None, a.region, b.region)
    for sign in Sign:
        value = fused.signs.get(sign)
        if value is not None:
            read_a, read_b = a.signs.get(sign), b.signs.get(sign)
            assert read_a is not None
            assert read_b is not None
            assert value in coarsenings(read_a)
            assert value in coarsenings(read_b)


@given(readings, readings)
def test_every_loss_is_recorded(a: LesionReading, b: LesionReading) -> None:
    fused = fuse_pair(a, b)
    if isinstance(fused, Dropped):
        return
    noted = [d.field for d in fused.disagreements]
    differing = {name for name in ("sequence", "sequence_seen") if getattr(a, name) != getattr(b, name)}
    stated = {s.value: (a.signs.get(s), b.signs.get(s)) for s in Sign} | {"region": (a.region, b.region)}
    if fused.lesion_found:
        differing |= {name for name, values in stated.items() if values[0] != values[1]}
    elif a.lesion_found != b.lesion_found:  # one cannot tell: all that the other states goes, agreed on or not
        differing |= {"lesion_found"} | {name for name, values in stated.items() if values != (None, None)}
    assert sorted(noted) == sorted(differing)


def test_what_is_lost_to_a_reading_that_cannot_tell_has_its_reason() -> None:
    sure = reading(signs=Signs(shape=Shape.OVAL), region=ImageRegion.CENTER)
    fused = fuse_pair(sure, reading(lesion_found=None))
    assert isinstance(fused, FusedLabel)
    assert (fused.lesion_found, fused.signs, fused.region) == (None, Signs(), None)
    assert {(d.field, d.values, d.fused) for d in fused.disagreements} == {
        ("lesion_found", ("lesion", None), None),
        ("region", ("center", None), None),
        ("shape", ("oval", None), None),
    }
    assert {d.reason for d in fused.disagreements} == {"the other reading cannot tell whether there is a lesion"}


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (MRSequence.T1CE, MRSequence.T1CE, MRSequence.T1CE),
        (MRSequence.T1CE, None, MRSequence.T1CE),
        (MRSequence.T1CE, MRSequence.T1, None),
        (MRSequence.T1CE, MRSequence.FLAIR, None),
    ],
)
def test_what_was_seen_is_not_what_is_stated_and_drops_nothing(
    a: MRSequence | None, b: MRSequence | None, expected: MRSequence | None
) -> None:
    fused = fuse_pair(*(reading(sequence=MRSequence.T2, sequence_seen=seen) for seen in (a, b)))
    assert isinstance(fused, FusedLabel)
    assert (fused.sequence, fused.sequence_seen) == (MRSequence.T2, expected)
    assert [d.field for d in fused.disagreements] == ([] if a == b else ["sequence_seen"])


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ({"request_hash": "h"}, {"request_hash": "h", "reader": "y"}, True),
        ({"request_hash": "h"}, {"request_hash": "i"}, False),
        ({"kind": ReadingKind.SKEPTICAL}, {"kind": ReadingKind.SKEPTICAL}, True),
        ({"kind": ReadingKind.SKEPTICAL}, {"kind": ReadingKind.SKEPTICAL, "reader": "y"}, False),
        ({"kind": ReadingKind.SKEPTICAL}, {"kind": ReadingKind.CONSERVATIVE}, False),
        ({}, {}, False),  # the reference's files name neither kind nor reader
    ],
)
def test_one_reading_is_no_two_witnesses(a: dict[str, Any], b: dict[str, Any], same: bool) -> None:
    outcome = fuse_readings([reading(**a)], [reading(**b)], rules=DEFAULT)
    assert [d.reason for d in outcome.dropped] == ([DropReason.SAME_READING] if same else [])
    assert len(outcome.kept) == (not same)


@pytest.mark.parametrize(
    ("sign", "a", "b", "expected"),
    [
        (Sign.SIGNAL_INTENSITY, SignalIntensity.HYPERINTENSE, SignalIntensity.ISOINTENSE, None),
        (Sign.ENHANCEMENT, Enhancement.RING, Enhancement.SOLID, Enhancement.PRESENT),
        (Sign.ENHANCEMENT, Enhancement.RING, Enhancement.PRESENT, Enhancement.PRESENT),
        (Sign.ENHANCEMENT, Enhancement.RING, Enhancement.ABSENT, None),
        (Sign.EDEMA, Edema.MILD, Edema.EXTENSIVE, Edema.PRESENT),
        (Sign.SHAPE, Shape.ROUND, Shape.OVAL, Shape.ROUND_OR_OVAL),
        (Sign.SHAPE, Shape.ROUND, Shape.LOBULATED, None),
        (Sign.TEXTURE, Texture.HOMOGENEOUS, None, None),
    ],
)
def test_differing_signs(sign: Sign, a: Any, b: Any, expected: Any) -> None:
    one, other = (reading(signs=Signs(**{sign.value: v})) for v in (a, b))
    fused = fuse_pair(one, other)
    assert isinstance(fused, FusedLabel)
    assert fused.signs.get(sign) is expected


@pytest.mark.parametrize(
    ("a", "b", "expected", "reason"),
    [
        (ImageRegion.UPPER_LEFT, ImageRegion.UPPER_CENTER, ImageRegion.UPPER_CENTER, "nearer to the middle"),
        (ImageRegion.LOWER_RIGHT, ImageRegion.CENTER, ImageRegion.CENTER, "nearer to the middle"),
        (ImageRegion.UPPER_CENTER, ImageRegion.CENTER_LEFT, None, "neither nearer"),
        (ImageRegion.UPPER_LEFT, ImageRegion.UPPER_RIGHT, None, "distant"),
        (ImageRegion.CENTER, None, None, "one only"),
    ],
)
def test_regions(a: Any, b: Any, expected: ImageRegion | None, reason: str) -> None:
    fused = fuse_pair(reading(region=a), reading(region=b))
    assert isinstance(fused, FusedLabel)
    assert fused.region is expected
    assert reason in fused.disagreements[0].reason
    assert fused.disagreements[0].fused == (None if expected is None else expected.value)


def test_a_fused_value_is_as_sure_as_its_weaker_witness() -> None:
    values = Signs(shape=Shape.ROUND, texture=Texture.HOMOGENEOUS, enhancement=Enhancement.RING)
    one = reading(signs=values, confidences=SignConfidences(shape=0.9, texture=0.8, enhancement=0.7))
    differing = values.model_copy(update={"texture": Texture.HETEROGENEOUS, "enhancement": Enhancement.SOLID})
    other = reading(signs=differing, confidences=SignConfidences(shape=0.95, texture=0.9, enhancement=0.6))
    fused = fuse_pair(one, other)
    assert isinstance(fused, FusedLabel)
    # A sign that is left out has no confidence; the coarser `present` has that of its weaker witness.
    assert fused.confidences == SignConfidences(shape=0.9, enhancement=0.6)
    silent = fuse_pair(one, reading(signs=values))
    assert isinstance(silent, FusedLabel)
    assert silent.confidences == SignConfidences()


def test_a_failed_reading_is_an_error_never_a_vote_for_healthy() -> None:
    failed = reading(lesion_found=None, error="timeout")
    for other in (reading(lesion_found=False), failed):
        dropped = fuse_pair(failed, other)
        assert isinstance(dropped, Dropped)
        assert dropped.reason is DropReason.READING_FAILED


def test_a_non_enhancing_contrast_scan_stays_one() -> None:
    one = reading(sequence=MRSequence.T1CE)
    fused = fuse_pair(one, one)
    assert isinstance(fused, FusedLabel)
    assert fused.sequence is MRSequence.T1CE


@pytest.mark.parametrize(
    ("a", "b", "reason"),
    [
        ({"lesion_found": True}, {"lesion_found": False}, DropReason.LESION_DISPUTED),
        ({"lesion_found": None, "error": "timeout"}, {}, DropReason.READING_FAILED),
        ({"lesion_found": None, "error": "x"}, {"lesion_found": None, "error": "x"}, DropReason.READING_FAILED),
        ({"sequence": MRSequence.T1}, {"sequence": MRSequence.T2}, DropReason.SEQUENCE_CONFLICT),
    ],
)
def test_drops_have_their_reason(a: dict[str, Any], b: dict[str, Any], reason: DropReason) -> None:
    dropped = fuse_pair(reading(**a), reading(**b))
    assert isinstance(dropped, Dropped)
    assert dropped.reason is reason


def test_sets_are_joined_by_id_sorted_and_nothing_disappears() -> None:
    a = [reading(slice_id=i) for i in ("s3", "s1", "s2", "s2")]
    b = [reading(slice_id=i) for i in ("s1", "s4", "s2", "s3")]
    outcome = fuse_readings(a, b, rules=DEFAULT)
    assert [r.slice_id for r in outcome.kept] == ["s1", "s3"]
    assert [(d.slice_id, d.reason) for d in outcome.dropped] == [("s4", DropReason.READING_MISSING)]
    assert [(q.slice_id, q.code) for q in outcome.quarantined] == [("s2", "ID_TWICE")]


@pytest.mark.parametrize(("a", "b"), [(None, None), (None, True), (False, None)])
def test_a_reading_that_cannot_tell_is_no_vote(a: bool | None, b: bool | None) -> None:
    signs = Signs(shape=Shape.OVAL)
    fused = fuse_pair(reading(lesion_found=a, signs=signs), reading(lesion_found=b, signs=signs))
    assert isinstance(fused, FusedLabel)
    assert fused.lesion_found is None
    assert fused.signs == Signs()
    assert encode_fused(fused) is None
    assert encode_healthy(fused) is None


def test_healthy_by_consensus_is_kept_as_a_negative() -> None:
    one = reading(lesion_found=False)
    outcome = fuse_readings([one], [one], rules=DEFAULT)
    assert [r.lesion_found for r in outcome.kept] == [False]
    assert encode_fused(outcome.kept[0]) is None
    assert encode_healthy(outcome.kept[0]) == {"sample_id": "a", "image_path": ""}


# --- the reference's rules ---


def prediction(modality: str = "T1", location: str = "Center", found: str = "True", **texts: Any) -> dict[str, Any]:
    return {
        "meta_info": {"predicted_modality": modality, "predicted_location": location, "lesion_found": found},
        "structured_signs": texts,
    }


@pytest.mark.parametrize(
    ("field", "a", "b", "expected"),
    [
        ("signal_intensity", "Hyperintense", "Isointense", "Isointense"),
        ("signal_intensity", "Isointense", "Hypointense", "Isointense"),
        ("signal_intensity", "Hyperintense", "Hypointense", "null"),
        ("signal_intensity", "Mixed", "Isointense", "null"),
        ("enhancement", "Ring", "Solid", "Present"),
        ("edema", "Mild", "Extensive", "Present"),
        ("edema", "Mild", "none", "null"),
        ("margins", "Well-circumscribed", "well circumscribed", "Well-circumscribed"),
        ("shape", "Round", "Oval", "null"),
        ("texture", None, "Homogeneous", "null"),
        ("shape", "Spiculated", "spiculated", "Spiculated"),
    ],
)
def test_reference_signs(field: str, a: Any, b: Any, expected: str) -> None:
    fused = fuse_prediction(prediction(**{field: a}), prediction(**{field: b}))
    assert isinstance(fused, dict)
    assert fused["structured_signs"][field] == expected


@pytest.mark.parametrize(
    ("a", "b", "enhancement", "expected"),
    [
        ("T1", "T1", None, "t1"),
        ("T1", "Unknown", None, "t1"),
        ("Unknown", "FLAIR", None, "flair"),
        ("Unknown", "Unknown", None, "null"),
        ("T2", "FLAIR", None, "flair"),
        ("T1", "T1_Contrast", "Ring", "t1_contrast"),
        ("T1", "T1_Contrast", None, "t1"),
        ("T1_Contrast", "T1_Contrast", None, "t1"),
        ("T2-FLAIR", "T2", None, "t2"),
        ("T1Gd", "T1", "Ring", "t1"),
        ("T1+C", "T1CE", "Ring", "t1_contrast"),
    ],
)
def test_reference_modalities(a: str, b: str, enhancement: str | None, expected: str) -> None:
    pair = (prediction(m, enhancement=enhancement) for m in (a, b))
    fused = fuse_prediction(*pair)
    assert isinstance(fused, dict)
    assert fused["meta_info"]["predicted_modality"] == expected


def test_reference_location_prefers_the_first() -> None:
    def location(a: str, b: str) -> str:
        fused = fuse_prediction(prediction(location=a), prediction(location=b))
        assert isinstance(fused, dict)
        return str(fused["meta_info"]["predicted_location"])

    assert location("Upper-Left", "Center") == "Upper-Left"
    assert location("null", "Center") == "Center"
    assert location("", "None") == "null"


def test_reference_faults_are_kept() -> None:
    assert fuse_prediction(None, None) == "healthy"  # two failed readings
    assert fuse_prediction(prediction(found="true"), prediction(found="true")) == "healthy"
    assert fuse_prediction(prediction(found="True"), None) == "disputed"
    assert fuse_prediction(prediction("T1"), prediction("T2")) == "conflict"


def test_reference_documents() -> None:
    a = [{"sample_id": i, "ai_prediction": prediction(shape="Oval")} for i in ("y", "x", "only_a")]
    b = [{"sample_id": i, "ai_prediction": prediction(shape="Oval")} for i in ("x", "y")] + [
        {"sample_id": "z", "error": "timeout"}
    ]
    a.append({"sample_id": "z", "error": "timeout"})
    source = [{"sample_id": "x", "image_path": "p/x.png"}, {"sample_id": "z", "image_path": "p/z.png"}]
    fused, healthy, dropped = fuse_documents(a, b, source)
    assert [(r["sample_id"], r["image_path"]) for r in fused] == [("x", "p/x.png"), ("y", "")]
    assert healthy == [{"sample_id": "z", "image_path": "p/z.png"}]
    assert dropped == {"only_a": "missing"}
    assert fused[0]["fused_label"]["structured_signs"] == {
        "shape": "Oval",
        "margins": "null",
        "texture": "null",
        "enhancement": "null",
        "edema": "null",
        "signal_intensity": "null",
    }


@given(readings, readings)
def test_typed_reference_rules_equal_the_string_rules(a: LesionReading, b: LesionReading) -> None:
    outcome = fuse_readings([a], [b], rules=PAPER)
    assert len(outcome.kept) + len(outcome.dropped) == 1
    if outcome.kept and outcome.kept[0].lesion_found:
        row = encode_fused(outcome.kept[0])
        assert row is not None
        assert decode_fused(row) == outcome.kept[0].model_copy(update={"slice_id": "a", "sequence_seen": None})
