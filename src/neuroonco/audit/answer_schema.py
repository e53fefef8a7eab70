"""A model's audit: what its answer has to look like, and what becomes of a field on which it says nothing usable."""

from collections.abc import Collection
from typing import Annotated, Any

from pydantic import BeforeValidator, StrictStr, ValidationError

from neuroonco.audit.interop import REFERENCE_FIELDS
from neuroonco.audit.records import FieldActions
from neuroonco.models.json_answer import AnswerError, faults_of, one_object, quoted
from neuroonco.models.records import AnswerSchema
from neuroonco.models.strict_schema import object_with, one_of, or_null, schema_of
from neuroonco.outcomes import Record
from neuroonco.prompts.render import as_data
from neuroonco.vocabulary import AuditAction, AuditDecision

MAX_FINDINGS_CHARS = 200
NOTHING = ("", "null", "none", "nan", "n/a")
"""Texts that say that there is no finding."""


def _decision(value: Any) -> Any:
    words = {decision.value: decision for decision in AuditDecision}
    found = words.get(value.strip().casefold()) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"{quoted(value)} is neither ACCEPT nor REJECT")
    return found


class AuditorAnswer(Record):
    """An auditor's whole answer; every field has to be there."""

    final_decision: Annotated[AuditDecision, BeforeValidator(_decision)]
    field_actions: dict[StrictStr, Any]
    additional_findings: StrictStr | None


class AuditedFields(Record):
    """What an auditor's answer says.

    Attributes:
        silent: fields of the label on which it said nothing usable; they are erased.
    """

    decision: AuditDecision
    actions: FieldActions
    findings: str | None
    silent: tuple[str, ...] = ()


def auditor_schema() -> AnswerSchema:
    """The schema of an auditor's answer for endpoints that enforce one."""
    actions = {name: or_null(one_of([action.value.upper() for action in AuditAction])) for name in REFERENCE_FIELDS}
    return schema_of(
        "audit",
        {
            "final_decision": one_of([decision.value.upper() for decision in AuditDecision]),
            "field_actions": object_with(actions),
            "additional_findings": or_null({"type": "string"}),
        },
    )


def read_audit(text: str, last: bool, stated: Collection[str]) -> AuditedFields:
    """What an auditor's raw answer says of the fields that a label states.

    Each of them needs an action. One without, or with a word that is none, is a fault; in the last answer it is
    erased instead: what the auditor did not keep does not stand. Actions on fields that the label leaves empty do
    not matter.

    Args:
        text: raw.
        last: whether nothing will be asked after it.
        stated: names of the fields that the label states, as ours.

    Raises:
        AnswerError: it is not one JSON object, it has no decision, or a field is missing or unknown.
    """
    try:
        answer = AuditorAnswer.model_validate(one_object(text))
    except ValidationError as error:
        raise AnswerError(*faults_of(error)) from None
    given = answer.field_actions
    faults = [f"field_actions.{quoted(name)}: no such field" for name in given if name not in REFERENCE_FIELDS]
    actions: dict[str, AuditAction] = {}
    silent = []
    for theirs, ours in REFERENCE_FIELDS.items():
        action = _action(given.get(theirs))
        if ours in stated and action is None:
            silent.append(theirs)
            action = AuditAction.ERASE
        if action is not None:
            actions[ours] = action
    accepted = answer.final_decision is AuditDecision.ACCEPT
    if accepted and not last:
        faults += [f"field_actions.{name}: {_wrong(given, name)}" for name in silent]
    if faults:
        raise AnswerError(*faults)
    return AuditedFields(
        decision=answer.final_decision,
        actions=FieldActions.model_validate(actions),
        findings=_findings(answer.additional_findings),
        silent=tuple(silent) if accepted else (),
    )


def _action(value: Any) -> AuditAction | None:
    words = {action.value: action for action in AuditAction}
    return words.get(value.strip().casefold()) if isinstance(value, str) else None


def _wrong(given: dict[str, Any], name: str) -> str:
    if given.get(name) is None:
        return "missing, and the label states this field"
    return f"{quoted(given[name])} is none of KEEP, DOWNGRADE, ERASE"


def _findings(text: str | None) -> str | None:
    """A few harmless words: they come from a model and go into labels."""
    if text is None or text.strip().casefold() in NOTHING:
        return None
    return as_data(text, MAX_FINDINGS_CHARS) or None
