"""Audit answers and audited labels in the reference's JSON, and the reference's audit for typed labels."""

from typing import Any

from neuroonco.audit.paper import apply_to_fused
from neuroonco.audit.records import AuditAnswer, AuditChange, AuditedLabel, FieldActions, unknown_slice
from neuroonco.catalog.interop import source_and_patient
from neuroonco.errors import InputError
from neuroonco.fusion.interop import FUSED_SEQUENCES, decode_fused, encode_fused
from neuroonco.fusion.paper import is_null
from neuroonco.fusion.records import FusedLabel
from neuroonco.outcomes import Dropped
from neuroonco.semantics.records import DescribedSlice
from neuroonco.store import ReferenceCodec
from neuroonco.vocabulary import AuditAction, AuditDecision, MRSequence, Sign, TumorType, interop, recode

REFERENCE_FIELDS = {"predicted_modality": "sequence", "predicted_location": "region"} | {
    sign.value: sign.value for sign in Sign
}
"""The reference's field names and ours."""


def decode_answer(raw: dict[str, Any]) -> AuditAnswer:
    """An answer row ``{"sample_id", "answer"}``; what cannot be read is recorded as an error, never as consent.

    >>> decode_answer({"sample_id": "x", "answer": "looks fine to me"}).error
    'not an object'
    """
    sample_id = raw["sample_id"]
    if not isinstance(sample_id, str):
        raise InputError("FIELD_INVALID", "sample_id must be text")
    answer = raw.get("answer")
    base: dict[str, Any] = {"slice_id": sample_id, "sample_id": sample_id, "auditor": "answers file"}
    if not isinstance(answer, dict):
        return AuditAnswer(**base, error="not an object")
    decision = _enum(AuditDecision, answer.get("final_decision"))
    if decision is None:
        return AuditAnswer(**base, error="final_decision is neither ACCEPT nor REJECT")
    listed = answer.get("field_actions")
    if listed is None:
        listed = {}
    if not isinstance(listed, dict):
        return AuditAnswer(**base, error="field_actions is not an object")
    actions: dict[str, AuditAction] = {}
    for name, text in listed.items():
        if name not in REFERENCE_FIELDS:
            return AuditAnswer(**base, error=f"field_actions names {str(name)[:40]!r}, which no label has")
        # A word that is no action says that something is wrong with the field, not that it stands.
        actions[REFERENCE_FIELDS[name]] = _enum(AuditAction, text) or AuditAction.ERASE
    findings = answer.get("additional_findings")
    return AuditAnswer(
        **base,
        decision=decision,
        actions=FieldActions(**actions),
        findings=None if is_null(findings) else str(findings)[:200],
    )


def _enum(enum: type[Any], text: Any) -> Any:
    return next((v for v in enum if isinstance(text, str) and text.strip().lower() == v.value), None)


def encode_answer(answer: AuditAnswer) -> dict[str, Any]:
    """The reference's answer row, so that one auditor's answers can be replayed."""
    if answer.error is not None or answer.decision is None:
        return {"sample_id": answer.sample_id, "answer": None}
    actions = {
        theirs: action.value.upper()
        for theirs, ours in REFERENCE_FIELDS.items()
        if (action := getattr(answer.actions, ours)) is not None
    }
    body = {
        "final_decision": answer.decision.value.upper(),
        "field_actions": actions,
        "additional_findings": answer.findings,
    }
    return {"sample_id": answer.sample_id, "answer": body}


ANSWER_CODEC: ReferenceCodec[AuditAnswer] = ReferenceCodec(decode_answer, encode_answer)


def apply_as_reference(label: FusedLabel, answer: AuditAnswer, record: DescribedSlice) -> AuditedLabel | Dropped:
    """The reference's audit for typed labels; a healthy consensus, which it never audits, passes unchanged."""
    row = encode_fused(label)
    if row is None:
        return AuditedLabel(
            slice_id=label.slice_id,
            sample_id=label.sample_id,
            slice=record,
            lesion_found=label.lesion_found,
            sequence_seen=label.sequence_seen,
        )
    body = encode_answer(answer)["answer"]
    gold = apply_to_fused(row["fused_label"], body, None)
    fused = decode_fused(
        {
            "sample_id": label.sample_id,
            "fused_label": {k: gold[k] for k in ("meta_info", "structured_signs")},
        },
        slice_id=label.slice_id,
    )
    signs = fused.signs
    before = {"sequence": label.sequence, "region": label.region} | {s.value: label.signs.get(s) for s in Sign}
    # The reference's strings cannot say "absent"; what they leave out of our value is not a change of theirs.
    for sign in Sign:
        value = label.signs.get(sign)
        if value is not None and interop(value) is None:
            signs = signs.with_value(sign, value)
    after = {"sequence": fused.sequence, "region": fused.region} | {s.value: signs.get(s) for s in Sign}
    changes = tuple(
        AuditChange(
            field=name,
            before=str(before[name]),
            after=None if after[name] is None else str(after[name]),
            reason="auditor, reference rules",
        )
        for name in before
        if before[name] is not None and before[name] != after[name]
    )
    return AuditedLabel(
        slice_id=label.slice_id,
        sample_id=label.sample_id,
        slice=record,
        lesion_found=True,
        sequence=fused.sequence,
        sequence_seen=label.sequence_seen if fused.sequence == label.sequence else None,
        region=fused.region,
        signs=signs,
        additional_clues=gold["additional_clues"],
        changes=changes,
    )


def encode_audited(label: AuditedLabel) -> dict[str, Any] | None:
    """The reference's row of an accepted label; None for a healthy consensus."""
    if not label.lesion_found:
        return None
    record = label.slice
    tumor_type = record.tumor_type.value if record.tumor_type is not None else record.source_label
    meta = {
        "predicted_modality": None if label.sequence is None else FUSED_SEQUENCES[label.sequence],
        "predicted_location": interop(label.region),
        "lesion_found": "True",
        "true_tumor_type": tumor_type or "Unknown",
        "true_modality": "unknown" if record.sequence is None else record.sequence.value,
    }
    return {
        "status": "ACCEPT",
        "sample_id": label.sample_id,
        "image_path": record.image_path,
        "gold_label": {
            "meta_info": meta,
            "structured_signs": {s.value: interop(label.signs.get(s)) for s in Sign},
            "additional_clues": label.additional_clues,
        },
    }


def decode_audited(raw: dict[str, Any]) -> AuditedLabel:
    """An accepted row of the reference, with what it says of the source.

    Raises:
        InputError: a field is missing, unknown or not understood.
    """
    if extra := sorted(set(raw) - {"status", "sample_id", "image_path", "gold_label", "logs"}):
        raise InputError("FIELD_UNKNOWN", f"{extra[0]}: no such field")
    gold = raw["gold_label"]
    if not isinstance(gold, dict):
        raise InputError("FIELD_INVALID", "gold_label: expected an object")
    label = {k: gold.get(k) for k in ("meta_info", "structured_signs")}
    fused = decode_fused({"sample_id": raw["sample_id"], "image_path": raw.get("image_path"), "fused_label": label})
    meta = gold["meta_info"]
    stated = meta.get("true_tumor_type")
    tumor_type = recode(TumorType, stated)
    source_id, patient_id = source_and_patient(fused.image_path or "")
    record = unknown_slice(fused).model_copy(
        update={
            "tumor_type": tumor_type,
            "source_label": stated,
            "tumor_present": None if tumor_type is None else tumor_type is not TumorType.HEALTHY,
            "sequence": recode(MRSequence, meta.get("true_modality")),
            "source_id": source_id,
            "patient_id": patient_id,
        }
    )
    clues = gold.get("additional_clues")
    return AuditedLabel(
        slice_id=fused.slice_id,
        sample_id=fused.sample_id,
        slice=record,
        lesion_found=True,
        sequence=fused.sequence,
        region=fused.region,
        signs=fused.signs,
        additional_clues=clues if isinstance(clues, str) else None,
    )


AUDITED_CODEC: ReferenceCodec[AuditedLabel] = ReferenceCodec(decode_audited, encode_audited)
