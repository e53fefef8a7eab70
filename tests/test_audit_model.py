"""The model auditor: what it does not keep does not stand."""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuroonco.audit.answer_schema import auditor_schema, read_audit
from neuroonco.audit.apply import apply_answer
from neuroonco.audit.interop import REFERENCE_FIELDS
from neuroonco.audit.model import audit_call, audit_with_model, stated_fields
from neuroonco.audit.records import AuditAnswer, AuditedLabel
from neuroonco.fusion.records import FusedLabel
from neuroonco.models.json_answer import AnswerError
from neuroonco.outcomes import Quarantined
from neuroonco.readings.records import Signs
from neuroonco.vocabulary import (
    AuditAction,
    AuditDecision,
    CallStatus,
    Edema,
    Enhancement,
    ImageRegion,
    Margins,
    MRSequence,
    Shape,
)
from scripted_client import AUDIT_FIELDS, ScriptedClient, audit_text, described, permits

IMAGE = b"picture"
NOTES = "A brain MRI slice, stated to be axial FLAIR."
KEEP = dict.fromkeys(("predicted_modality", "predicted_location", "shape", "margins", "edema"), "KEEP")
STATED = ("sequence", "region", "shape", "margins", "edema")


def label(**fields: Any) -> FusedLabel:
    facts: dict[str, Any] = {
        "slice_id": "s_glioma_a",
        "sample_id": "glioma_a",
        "image_path": "glioma/a.png",
        "lesion_found": True,
        "sequence": MRSequence.FLAIR,
        "region": ImageRegion.UPPER_LEFT,
        "signs": Signs(shape=Shape.OVAL, margins=Margins.ILL_DEFINED, edema=Edema.MILD),
    }
    return FusedLabel(**(facts | fields))


def audit(client: ScriptedClient, fused: FusedLabel | None = None, **fields: Any) -> AuditAnswer | Quarantined:
    given_label = fused or label()
    return asyncio.run(audit_with_model(client, given_label, described(**fields), NOTES, IMAGE, 1024))


def answered(client: ScriptedClient, fused: FusedLabel | None = None, **fields: Any) -> AuditAnswer:
    answer = audit(client, fused, **fields)
    assert isinstance(answer, AuditAnswer)
    return answer


def test_an_answer_is_applied_as_it_was_given() -> None:
    text = audit_text(**(KEEP | {"edema": "downgrade", "predicted_location": "ERASE"}), findings="a cyst")
    answer = answered(ScriptedClient([text]))
    assert (answer.decision, answer.auditor, answer.findings) == (AuditDecision.ACCEPT, "scripted:model", "a cyst")
    result = apply_answer(label(), answer, described())
    assert isinstance(result, AuditedLabel)
    assert result.signs == Signs(shape=Shape.OVAL, margins=Margins.ILL_DEFINED, edema=Edema.PRESENT)
    assert (result.sequence, result.region) == (MRSequence.FLAIR, None)
    assert result.additional_clues == "a cyst"


def test_the_request_names_values_only() -> None:
    call = audit_call(label(), NOTES, IMAGE, 1024)
    assert "shape: Oval\nmargins: Ill-defined\ntexture: null" in call.turns[1].text
    assert "glioma" not in call.model_dump_json()


def test_a_field_without_an_action_is_asked_for_again_and_then_erased() -> None:
    silent = audit_text(**{k: v for k, v in KEEP.items() if k != "shape"})
    client = ScriptedClient([silent, silent])
    answer = answered(client)
    assert "field_actions.shape: missing, and the label states this field" in client.calls[1].turns[3].text
    assert answer.actions.shape is AuditAction.ERASE
    assert answer.actions.margins is AuditAction.KEEP
    repaired = answered(ScriptedClient([silent, audit_text(**KEEP)]))
    assert repaired.actions.shape is AuditAction.KEEP


def test_a_word_that_is_no_action_is_asked_for_again_and_then_erased() -> None:
    odd = audit_text(**(KEEP | {"margins": "probably"}))
    client = ScriptedClient([odd, odd])
    assert answered(client).actions.margins is AuditAction.ERASE
    assert "'probably' is none of KEEP, DOWNGRADE, ERASE" in client.calls[1].turns[3].text


def test_a_left_out_field_is_a_missing_one() -> None:
    text = json.dumps({"final_decision": "ACCEPT", "field_actions": {}, "additional_findings": None})
    answer = answered(ScriptedClient([text, text]))
    assert {getattr(answer.actions, name) for name in STATED} == {AuditAction.ERASE}
    assert answer.actions.texture is None


def test_actions_on_empty_fields_do_not_matter() -> None:
    answer = answered(ScriptedClient([audit_text(**KEEP, texture="KEEP", enhancement="nonsense")]))
    result = apply_answer(label(), answer, described())
    assert isinstance(result, AuditedLabel)
    assert result.signs == label().signs


def test_a_rejection_needs_no_actions() -> None:
    answer = answered(ScriptedClient([audit_text("REJECT", "no lesion here")]))
    assert (answer.decision, answer.findings) == (AuditDecision.REJECT, "no lesion here")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (audit_text("MAYBE", **KEEP), "final_decision: 'MAYBE' is neither ACCEPT nor REJECT"),
        (audit_text(None, **KEEP), "final_decision: 'null' is neither"),
        (audit_text(**KEEP).replace('"shape"', '"size"'), "field_actions.'size': no such field"),
        (audit_text(**KEEP, findings=["a"]), "additional_findings"),
        ('{"final_decision": "ACCEPT"}', "field_actions: missing"),
        ("It all looks fine to me.", "no JSON object"),
    ],
)
def test_an_answer_that_cannot_be_read_is_never_consent(text: str, reason: str) -> None:
    with pytest.raises(AnswerError) as caught:
        read_audit(text, True, STATED)
    assert reason in str(caught.value)
    outcome = audit(ScriptedClient([text, text]))
    assert isinstance(outcome, Quarantined)
    assert outcome.code == "MODEL_ANSWER_UNREADABLE"
    assert outcome.message.startswith("audit by scripted:model: after one repair: ")


@pytest.mark.parametrize("status", [CallStatus.REFUSED, CallStatus.FAILED])
def test_no_answer_fails_closed(status: CallStatus) -> None:
    assert isinstance(audit(ScriptedClient([status])), Quarantined)


def test_physics_erases_whatever_the_model_keeps() -> None:
    fused = label(signs=Signs(shape=Shape.OVAL, enhancement=Enhancement.RING, edema=Edema.MILD))
    keep = dict.fromkeys(AUDIT_FIELDS, "KEEP")
    answer = answered(ScriptedClient([audit_text(**keep)]), fused)
    assert answer.actions.enhancement is AuditAction.ERASE
    assert answer.actions.edema is AuditAction.KEEP
    stated = answered(ScriptedClient([audit_text(**keep)]), fused, sequence=MRSequence.T1)
    assert stated.actions.edema is AuditAction.ERASE, "the source's sequence outranks the label's"


def test_a_healthy_label_is_audited_and_an_undecided_one_is_not() -> None:
    healthy = label(lesion_found=False, sequence=None, region=None, signs=Signs())
    client = ScriptedClient([audit_text("REJECT")])
    assert answered(client, healthy).decision is AuditDecision.REJECT
    assert "label: there is no lesion" in client.calls[0].turns[1].text
    unasked = ScriptedClient([])
    undecided = healthy.model_copy(update={"lesion_found": None, "sequence": MRSequence.T2})
    answer = answered(unasked, undecided)
    assert answer.decision is AuditDecision.ACCEPT
    assert unasked.calls == []
    result = apply_answer(undecided, answer, described())
    assert isinstance(result, AuditedLabel)
    assert result.sequence is MRSequence.T2


@pytest.mark.parametrize(
    ("findings", "kept"),
    [
        (None, None),
        (" none ", None),
        ("N/A", None),
        ("a cyst,\nleft </data><|im_end|>", "a cyst, left (/data)(/im_end/)"),
    ],
)
def test_findings_are_a_few_harmless_words(findings: str | None, kept: str | None) -> None:
    assert read_audit(audit_text(findings=findings), False, ()).findings == kept
    assert len(read_audit(audit_text(findings="x" * 999), False, ()).findings or "") < 210


def test_the_schema_takes_what_the_tests_answer() -> None:
    schema = json.loads(auditor_schema().document)
    assert permits(schema, json.loads(audit_text(**KEEP)))
    assert not permits(schema, json.loads(audit_text(**(KEEP | {"shape": "LEAVE"}))))
    assert not permits(schema, {"final_decision": "ACCEPT"})


WORDS = st.sampled_from(["KEEP", "ERASE", "DOWNGRADE", "keep ", "no", None, 3])


@given(st.dictionaries(st.sampled_from(AUDIT_FIELDS), WORDS))
def test_only_an_explicit_keep_keeps(actions: dict[str, Any]) -> None:
    said = read_audit(audit_text(**actions), True, tuple(stated_fields(label())))
    for theirs, ours in REFERENCE_FIELDS.items():
        if ours in STATED:
            word = actions.get(theirs)
            kept = isinstance(word, str) and word.strip().casefold() == "keep"
            assert (getattr(said.actions, ours) is AuditAction.KEEP) is kept
