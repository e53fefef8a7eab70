"""The model auditor: one fused label, one slice, one conversation; an answer, or the reason why there is none."""

from functools import partial

from neuroonco.audit.answer_schema import AuditedFields, auditor_schema, read_audit
from neuroonco.audit.interop import REFERENCE_FIELDS
from neuroonco.audit.records import KEEP_ALL, AuditAnswer, FieldActions
from neuroonco.errors import ProviderError
from neuroonco.fusion.records import FusedLabel
from neuroonco.models.conversation import Unreadable, converse
from neuroonco.models.protocol import ModelClient
from neuroonco.models.records import ModelCall, Turn
from neuroonco.outcomes import Quarantined, quarantine_slice
from neuroonco.prompts import prompt
from neuroonco.prompts.render import as_data, render
from neuroonco.semantics.records import DescribedSlice
from neuroonco.store import sha256_bytes
from neuroonco.vocabulary import AuditAction, AuditDecision, MRSequence, Sign, assessable, display

PROMPT = "audit"


def stated_fields(label: FusedLabel) -> dict[str, str]:
    """The fields that a label states, by our name, as a person reads them."""
    values = {"sequence": label.sequence, "region": label.region} | {s.value: label.signs.get(s) for s in Sign}
    return {name: display(value) for name, value in values.items() if value is not None}


def label_text(label: FusedLabel) -> str:
    """A label as lines; all its words are the vocabulary's."""
    stated = stated_fields(label)
    lesion = {True: "there is a lesion", False: "there is no lesion", None: "not known"}[label.lesion_found]
    lines = [f"{theirs}: {stated.get(ours, 'null')}" for theirs, ours in REFERENCE_FIELDS.items()]
    return "\n".join([f"label: {lesion}", *lines])


def audit_call(label: FusedLabel, notes: str, image: bytes, max_tokens: int) -> ModelCall:
    """The request for one audit.

    Args:
        label: of which only the values go in.
        notes: what the source states of the slice and the auditor may know.
        image: bytes of the picture as it is sent.
        max_tokens: limit of the answer.
    """
    asked = prompt(PROMPT)
    turns = render(asked, {"label": label_text(label), "notes": as_data(notes)})
    return ModelCall(
        purpose=asked.name,
        prompt_name=asked.name,
        prompt_sha256=asked.sha256,
        turns=tuple(Turn(role=role, text=text) for role, text in turns),
        image_sha256=sha256_bytes(image),
        schema_=auditor_schema(),
        max_tokens=max_tokens,
    )


async def audit_with_model(
    client: ModelClient, label: FusedLabel, record: DescribedSlice, notes: str, image: bytes, max_tokens: int
) -> AuditAnswer | Quarantined:
    """Let a model audit one label.

    A label that says of no lesion whether there is one states nothing that could be audited, and is accepted unasked.
    A sign that the sequence cannot show is erased, whatever the model says.

    Args:
        client: the model.
        label: what the readings agree on.
        record: the label's slice.
        notes: what the auditor may know of the slice beside the picture.
        image: bytes of its picture as it is sent, PNG or JPEG.
        max_tokens: limit of the answer.

    Returns:
        The answer; quarantined if there is none that can be used, so that the label fails closed.

    Raises:
        PrerequisiteError, ProviderError: see :class:`neuroonco.models.protocol.ModelClient`.
    """
    if label.lesion_found is None:
        return _answer(
            label, client.name, AuditedFields(decision=AuditDecision.ACCEPT, actions=KEEP_ALL, findings=None)
        )
    parse = partial(read_audit, stated=stated_fields(label).keys())
    outcome = await converse(client, audit_call(label, notes, image, max_tokens), image, parse)
    if isinstance(outcome, Unreadable):
        return quarantine_slice(ProviderError(outcome.code, f"audit by {client.name}: {outcome.message}"), record)
    said = outcome.value
    actions = by_physics(said.actions, label, record.sequence or label.sequence)
    return _answer(label, client.name, said.model_copy(update={"actions": actions}))


def by_physics(actions: FieldActions, label: FusedLabel, sequence: MRSequence | None) -> FieldActions:
    """The actions, with ERASE on every stated sign that the sequence cannot show."""
    forbidden = [s.value for s in Sign if label.signs.get(s) is not None and not assessable(s, sequence)]
    return actions.model_copy(update=dict.fromkeys(forbidden, AuditAction.ERASE))


def _answer(label: FusedLabel, auditor: str, said: AuditedFields) -> AuditAnswer:
    return AuditAnswer(
        slice_id=label.slice_id,
        sample_id=label.sample_id,
        auditor=auditor,
        decision=said.decision,
        actions=said.actions,
        findings=said.findings,
    )
