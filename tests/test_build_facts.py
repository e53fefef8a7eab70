"""What may be asked about a slice."""

import pytest

from factories_build import closed_items, make_label, semantics
from neuroonco.build.facts import facts
from neuroonco.build.records import NONE_OF_THE_ABOVE
from neuroonco.readings.records import Signs
from neuroonco.rules import load_rules
from neuroonco.vocabulary import (
    Edema,
    Enhancement,
    ImageRegion,
    Margins,
    MeasureFrame,
    MRSequence,
    QuestionType,
    Shape,
    SignalIntensity,
    Texture,
    TumorType,
)

ALL_SIGNS = Signs(
    shape=Shape.ROUND,
    margins=Margins.ILL_DEFINED,
    texture=Texture.HOMOGENEOUS,
    enhancement=Enhancement.ABSENT,
    edema=Edema.ABSENT,
    signal_intensity=SignalIntensity.MIXED,
)


def asked(label):
    return {f.question_type.value: (f.value, f.label_source) for f in facts(label)}


@pytest.mark.parametrize(
    ("tumor_type", "tumor_present", "lesion_found", "expected"),
    [
        (TumorType.GLIOMA, True, True, True),
        (TumorType.GLIOMA, None, True, True),
        (TumorType.GLIOMA, False, True, False),  # an empty mask: this slice cannot show the patient's glioma
        (TumorType.GLIOMA, True, False, False),
        (TumorType.TUMOR, True, True, True),
        (TumorType.HEALTHY, False, False, True),
        (TumorType.HEALTHY, None, False, True),
        (TumorType.HEALTHY, False, True, False),
        (None, None, False, False),  # no lesion was found, but no source says healthy
        (None, True, True, False),
    ],
)
def test_diagnosis_is_asked_only_where_the_slice_can_show_it(tumor_type, tumor_present, lesion_found, expected):
    label = make_label("a", tumor_type, tumor_present=tumor_present, lesion_found=lesion_found)
    found = asked(label).get("diagnosis")
    assert found == ((tumor_type, "source") if expected else None)


@pytest.mark.parametrize("tumor_type", [TumorType.GLIOMA, TumorType.TUMOR, TumorType.HEALTHY])
def test_readings_that_cannot_tell_leave_the_sources_diagnosis_standing(tumor_type):
    label = make_label("a", tumor_type, signs=ALL_SIGNS).model_copy(update={"lesion_found": None})
    assert asked(label)["diagnosis"] == (tumor_type, "source")
    assert "margins" not in asked(label)


def test_modality_is_the_sources_and_never_the_readings():
    assert asked(make_label("a", sequence=None, seen_sequence=MRSequence.FLAIR)).get("modality") is None
    label = make_label("a", sequence=MRSequence.T1, seen_sequence=MRSequence.T1CE)
    assert asked(label)["modality"] == (MRSequence.T1, "source")


def test_shape_comes_from_the_mask_and_not_from_the_reading():
    label = make_label("a", semantics=semantics(shape=Shape.LOBULATED), signs=ALL_SIGNS)
    assert asked(label)["shape"] == (Shape.LOBULATED, "mask")
    assert "shape" not in asked(make_label("a", signs=ALL_SIGNS))


@pytest.mark.parametrize(
    ("sequence", "visible"),
    [
        (MRSequence.T1, {"signal_intensity"}),
        (MRSequence.T1CE, {"enhancement"}),
        (MRSequence.T2, {"edema", "signal_intensity"}),
        (MRSequence.FLAIR, {"edema", "signal_intensity"}),
        (None, set()),
    ],
)
def test_signs_are_asked_only_where_the_sequence_shows_them_and_absent_is_an_answer(sequence, visible):
    found = asked(make_label("a", sequence=sequence, signs=ALL_SIGNS))
    assert set(found) & {"enhancement", "edema", "signal_intensity"} == visible
    if "edema" in visible:
        assert found["edema"] == (Edema.ABSENT, "audited")


def test_no_lesion_no_signs_and_healthy_has_diagnosis_and_modality_only():
    assert "margins" not in asked(make_label("a", signs=ALL_SIGNS, lesion_found=False))
    healthy = make_label("a", TumorType.HEALTHY, signs=ALL_SIGNS, semantics=semantics())
    assert set(asked(healthy)) == {"diagnosis", "modality"}
    empty = make_label("a", tumor_present=False, signs=ALL_SIGNS, semantics=semantics())
    assert set(asked(empty)) == {"modality"}


def test_unmeasured_attributes_are_not_asked():
    found = asked(make_label("a", semantics=semantics(shape=None, spread=None)))
    assert set(found) == {"diagnosis", "modality", "size", "location"}


def test_order_is_that_of_the_question_types():
    found = [f.question_type for f in facts(make_label("a", semantics=semantics(), signs=ALL_SIGNS))]
    assert found == [q for q in QuestionType if q in found]


@pytest.mark.parametrize(
    ("frame", "names"),
    [
        (MeasureFrame.BRAIN_BOX, {"size_in_head", "shape", "spread", "location_in_head"}),
        (MeasureFrame.CANVAS, {"size", "shape", "spread", "location"}),
        (None, {"size", "shape", "spread", "location"}),  # the rules `paper`
    ],
)
def test_the_wording_goes_with_the_frame_that_was_measured_in(frame, names):
    found = facts(make_label("a", semantics=semantics(frame=frame)))
    assert {f.wording for f in found if f.label_source == "mask"} == names


def test_an_option_of_the_picture_never_stands_beside_one_of_the_head():
    frames = [MeasureFrame.BRAIN_BOX, MeasureFrame.CANVAS]
    rules = load_rules("default")
    labels = [
        make_label(f"{i}", semantics=semantics(location=list(ImageRegion)[i % 9], frame=frames[i // 9 % 2]))
        for i in range(180)
    ]
    items = [x for x in closed_items(labels, 1, rules) if x.question_type is QuestionType.LOCATION]
    by_slice = {x.slice_id: x.slice.semantics.frame for x in labels}
    assert {by_slice[x.slice_id] for x in items} == set(frames)
    for item in items:
        of_picture = [o.text.endswith("of the image") for o in item.options if o.text != NONE_OF_THE_ABOVE]
        assert set(of_picture) == {by_slice[item.slice_id] is MeasureFrame.CANVAS}
        assert ("picture" in item.question) == (by_slice[item.slice_id] is MeasureFrame.CANVAS)
