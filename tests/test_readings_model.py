"""The model reader: what an answer may say, and what becomes of it."""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuroonco.models.json_answer import AnswerError
from neuroonco.outcomes import Quarantined
from neuroonco.readings.answer_schema import read_answer, reader_schema
from neuroonco.readings.interop import decode_reading
from neuroonco.readings.model import Brief, read_with_model, reading_call
from neuroonco.readings.records import LesionReading, Signs
from neuroonco.vocabulary import (
    SIGN_VALUES,
    CallStatus,
    Edema,
    Enhancement,
    ImageRegion,
    LesionBasis,
    Margins,
    MRSequence,
    ReadingKind,
    Shape,
    Sign,
    SignalIntensity,
    Texture,
    assessable,
    display,
)
from scripted_client import ScriptedClient, described, permits, reading_text

IMAGE = b"picture"


def read(client: ScriptedClient, **fields: Any) -> LesionReading | Quarantined:
    kind = ReadingKind.CONSERVATIVE
    return asyncio.run(read_with_model(client, described(**fields), IMAGE, kind, Brief()))


def faults(text: str, *, last: bool = False) -> str:
    with pytest.raises(AnswerError) as caught:
        read_answer(text, last)
    return str(caught.value)


def test_a_whole_answer_becomes_a_reading() -> None:
    text = reading_text(
        shape="Oval",
        margins="Ill-defined",
        texture="Heterogeneous",
        edema="Mild edema",
        signal_intensity="Hyperintense",
    )
    client = ScriptedClient([text])
    reading = read(client)
    assert isinstance(reading, LesionReading)
    assert reading.signs == Signs(
        shape=Shape.OVAL,
        margins=Margins.ILL_DEFINED,
        texture=Texture.HETEROGENEOUS,
        edema=Edema.MILD,
        signal_intensity=SignalIntensity.HYPERINTENSE,
    )
    assert (reading.lesion_found, reading.lesion_basis) == (True, LesionBasis.MODEL)
    assert (reading.sequence, reading.sequence_seen) == (MRSequence.FLAIR, MRSequence.FLAIR)
    assert reading.region is ImageRegion.UPPER_LEFT
    assert (reading.reader, reading.kind) == ("scripted:model", ReadingKind.CONSERVATIVE)
    assert (reading.unrecognized, reading.error) == ((), None)
    sent = reading_call(described(), IMAGE, ReadingKind.CONSERVATIVE, Brief())
    assert reading.request_hash == sent.request_hash(client.name)


def test_no_lesion_and_cannot_tell_are_two_things() -> None:
    healthy = read(ScriptedClient([reading_text(location=None, lesion_found=False)]))
    unclear = read(ScriptedClient([reading_text(location=None, lesion_found=None)]))
    assert isinstance(healthy, LesionReading)
    assert isinstance(unclear, LesionReading)
    assert (healthy.lesion_found, unclear.lesion_found) == (False, None)
    assert (healthy.abstained, unclear.abstained) == (None, "the model cannot tell whether there is a lesion")
    assert healthy.lesion_basis is unclear.lesion_basis is None
    assert healthy.signs == unclear.signs == Signs()


def test_absent_is_a_value_and_null_is_none() -> None:
    assert read_answer(reading_text(edema="No edema"), False).signs.edema is Edema.ABSENT
    assert read_answer(reading_text(edema=None), False).signs.edema is None
    contrast = read_answer(reading_text("T1 with contrast", enhancement="absent"), False)
    assert contrast.signs.enhancement is Enhancement.ABSENT


def test_no_lesion_may_say_that_there_is_no_edema() -> None:
    answer = read_answer(reading_text(location=None, lesion_found=False, edema="No edema"), False)
    assert (answer.lesion_found, answer.signs) == (False, Signs())


@pytest.mark.parametrize(
    ("given_text", "expected"),
    [
        ({"shape": "OVAL"}, Signs(shape=Shape.OVAL)),
        ({"shape": "round/oval"}, Signs(shape=Shape.ROUND_OR_OVAL)),
        ({"margins": "well circumscribed"}, Signs(margins=Margins.WELL_CIRCUMSCRIBED)),
        ({"signal_intensity": "hyper"}, Signs(signal_intensity=SignalIntensity.HYPERINTENSE)),
        ({"edema": "null"}, Signs()),
        ({"edema": " Unknown "}, Signs()),
        ({"edema": "None"}, Signs()),
    ],
)
def test_known_spellings_are_recoded(given_text: dict[str, str], expected: Signs) -> None:
    assert read_answer(reading_text(**given_text), False).signs == expected


@pytest.mark.parametrize(("text", "found"), [("True", True), ("FALSE", False), (True, True), ("null", None)])
def test_lesion_found_may_be_spelled_as_the_reference_does(text: Any, found: bool | None) -> None:
    location = "Upper-Left" if found else None
    assert read_answer(reading_text(location=location, lesion_found=text), False).lesion_found is found


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (reading_text(shape="Butterfly"), "structured_signs.shape: 'Butterfly' is none of Round, Oval, Round or oval"),
        (reading_text(shape=3), "structured_signs.shape: '3' is none of"),
        (reading_text(shape=["Oval"]), "structured_signs.shape"),
        (reading_text("Diffusion"), "meta_info.predicted_modality: 'Diffusion' is none of T1, T1 with contrast"),
        (reading_text(lesion_found=1), "meta_info.lesion_found: '1' is none of true, false, null"),
        (reading_text(lesion_found="yes"), "meta_info.lesion_found: 'yes' is none of"),
        (reading_text(location=None), "lesion_found is true without a predicted_location"),
        (reading_text(lesion_found=False), "lesion_found is false with a predicted_location"),
        (reading_text(lesion_found=None), "lesion_found is null with a predicted_location"),
        (reading_text(location=None, lesion_found=False, shape="Oval"), "false with signs of a lesion: shape"),
        ("{}", "meta_info: missing; structured_signs: missing"),
        ('{"meta_info": null, "structured_signs": {}}', "meta_info"),
        (reading_text()[:-2] + ', "size": null}}', "structured_signs.size: no such field"),
        (reading_text().replace('"shape": null, ', ""), "structured_signs.shape: missing"),
        ('{"error": "I am a text model"}', "error: no such field"),
    ],
)
def test_what_is_wrong_has_a_name_and_stays_wrong_in_the_last_answer(text: str, reason: str) -> None:
    assert reason in faults(text)
    assert reason in faults(text, last=True)


@pytest.mark.parametrize(
    ("sequence", "sign", "value"),
    [
        ("T2", "enhancement", "Ring enhancement"),
        ("T1", "enhancement", "No enhancement"),
        (None, "enhancement", "Enhancement present"),
        ("T1 with contrast", "edema", "Mild edema"),
        ("T1", "edema", "No edema"),
        ("T1 with contrast", "signal_intensity", "Hyperintense"),
        (None, "signal_intensity", "Hypointense"),
    ],
)
def test_what_physics_forbids_is_a_fault_and_emptied_in_the_last_answer(
    sequence: str | None, sign: str, value: str
) -> None:
    text = reading_text(sequence, shape="Oval", **{sign: value})
    assert f"{sign}: cannot be read on" in faults(text)
    answer = read_answer(text, True)
    assert answer.signs == Signs(shape=Shape.OVAL)
    assert [said.split("=")[0] for said in answer.emptied] == [sign]


def test_a_fault_of_physics_is_repaired_once_and_then_emptied_and_named() -> None:
    wrong = reading_text("T2", shape="Oval", enhancement="Ring enhancement")
    client = ScriptedClient([wrong, wrong])
    reading = read(client, sequence=None)
    assert isinstance(reading, LesionReading)
    assert len(client.calls) == 2
    assert reading.signs == Signs(shape=Shape.OVAL)
    assert reading.unrecognized == ("enhancement=ring",)
    assert reading.request_hash == client.calls[1].request_hash(client.name)


def test_signs_need_the_stated_sequence_as_well_as_the_seen_one() -> None:
    seen_t2 = reading_text("T2", edema="Extensive edema", signal_intensity="Hyperintense", texture="Homogeneous")
    reading = read(ScriptedClient([seen_t2]), sequence=MRSequence.T1)
    assert isinstance(reading, LesionReading)
    assert (reading.sequence, reading.sequence_seen) == (MRSequence.T1, MRSequence.T2)
    assert reading.signs == Signs(texture=Texture.HOMOGENEOUS, signal_intensity=SignalIntensity.HYPERINTENSE)
    assert reading.unrecognized == ("edema=extensive",)


def test_without_a_stated_sequence_the_seen_one_counts() -> None:
    reading = read(ScriptedClient([reading_text("T2", edema="Extensive edema")]), sequence=None)
    assert isinstance(reading, LesionReading)
    assert (reading.sequence, reading.signs.edema) == (MRSequence.T2, Edema.EXTENSIVE)


@pytest.mark.parametrize(
    ("script", "code"),
    [
        (["prose", "more prose"], "MODEL_ANSWER_UNREADABLE"),
        ([reading_text(shape="Star"), reading_text(shape="Star")], "MODEL_ANSWER_UNREADABLE"),
        ([CallStatus.REFUSED], "MODEL_REFUSED"),
        ([CallStatus.FAILED], "MODEL_CALL_FAILED"),
        (["prose", CallStatus.TRUNCATED], "MODEL_ANSWER_TRUNCATED"),
    ],
)
def test_no_usable_answer_is_quarantined_never_no_lesion(script: list[str | CallStatus], code: str) -> None:
    outcome = read(ScriptedClient(script))
    assert isinstance(outcome, Quarantined)
    assert (outcome.code, outcome.slice_id) == (code, described().slice_id)
    assert outcome.message.startswith("conservative reading by scripted:model: ")


def test_the_two_readings_are_two_calls_and_a_told_one_a_third() -> None:
    calls = [
        reading_call(described(), IMAGE, kind, Brief(tell_tumor_type=told))
        for kind in ReadingKind
        for told in (False, True)
    ]
    assert len({call.request_hash("m") for call in calls}) == 4
    same = reading_call(described("b"), IMAGE, ReadingKind.CONSERVATIVE, Brief())
    assert same.request_hash("m") == calls[0].request_hash("m"), "the same picture and notes are the same question"


# --- the schema ---

SCHEMA = json.loads(reader_schema().document)


def objects_of(schema: Any) -> list[dict[str, Any]]:
    below = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else []
    here = [schema] if isinstance(schema, dict) and schema.get("type") == "object" else []
    return here + [found for part in below for found in objects_of(part)]


def test_the_schema_is_strict() -> None:
    objects = objects_of(SCHEMA)
    assert len(objects) == 3
    for part in objects:
        assert part["additionalProperties"] is False
        assert part["required"] == list(part["properties"])


def values(sign: Sign) -> st.SearchStrategy[str | None]:
    return st.sampled_from([None, *(display(value) for value in SIGN_VALUES[sign])])


ANSWERS = st.fixed_dictionaries({sign.value: values(sign) for sign in Sign})
SEQUENCES = st.sampled_from([None, *MRSequence])


@given(ANSWERS, SEQUENCES)
def test_whatever_the_schema_permits_is_read_or_has_a_fault_and_never_breaks_physics(
    signs: dict[str, str | None], sequence: MRSequence | None
) -> None:
    text = reading_text(None if sequence is None else display(sequence), **signs)
    assert permits(SCHEMA, json.loads(text))
    answer = read_answer(text, True)
    for sign in Sign:
        if assessable(sign, sequence):
            value = answer.signs.get(sign)
            assert (None if value is None else display(value)) == signs[sign.value]
        else:
            assert answer.signs.get(sign) is None
    if not answer.emptied:
        assert read_answer(text, False) == answer


def test_a_model_answer_is_a_row_of_the_reference() -> None:
    text = reading_text("T1 with contrast", shape="Round", enhancement="Ring enhancement")
    row = decode_reading({"sample_id": "x", "ai_prediction": json.loads(text)})
    assert (row.lesion_found, row.sequence, row.region) == (True, MRSequence.T1CE, ImageRegion.UPPER_LEFT)
    assert row.signs == Signs(shape=Shape.ROUND, enhancement=Enhancement.RING)
