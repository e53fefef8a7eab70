"""Stage ``audit``: apply an auditor's answers to fused labels. Fail closed; nothing is ever added."""

from collections.abc import Iterable, Mapping

from neuroonco.audit.interop import apply_as_reference
from neuroonco.audit.records import AuditAnswer, AuditChange, AuditedLabel, unknown_slice
from neuroonco.fusion.records import FusedLabel
from neuroonco.outcomes import Dropped, Quarantined, StageOutcome
from neuroonco.readings.records import SignConfidences, Signs
from neuroonco.rules import RuleSet
from neuroonco.semantics.records import DescribedSlice
from neuroonco.vocabulary import AuditAction, AuditDecision, DropReason, MRSequence, Sign, assessable, coarser, display

SILENCE = "auditor said nothing"


def match_answers(
    labels: Iterable[FusedLabel], answers: Iterable[AuditAnswer]
) -> tuple[dict[str, AuditAnswer], list[Quarantined]]:
    """Find the answer to each label in a file of answers.

    Args:
        labels: fused labels.
        answers: in any order; an answer belongs to the label with its ``slice_id`` or, failing that, its ``sample_id``,
            as a file in the reference's JSON knows a slice by the latter alone.

    Returns:
        Answers by the label's ``slice_id``, and the labels to which there are answers that differ: which of them the
        auditor meant nobody can tell. A label without an answer is in neither.
    """
    by_slice: dict[str, list[AuditAnswer]] = {}
    by_sample: dict[str, list[AuditAnswer]] = {}
    for answer in answers:
        by_slice.setdefault(answer.slice_id, []).append(answer)
        by_sample.setdefault(answer.sample_id, []).append(answer)
    found: dict[str, AuditAnswer] = {}
    differing: list[Quarantined] = []
    for label in labels:
        own = by_slice.get(label.slice_id) or by_sample.get(label.sample_id) or []
        if any(_said(answer) != _said(own[0]) for answer in own):
            differing.append(
                Quarantined(
                    slice_id=label.slice_id,
                    sample_id=label.sample_id,
                    image_path=label.image_path,
                    code="ANSWERS_DIFFER",
                    message=f"{len(own)} answers to one label, and they differ; fix: keep one",
                )
            )
        elif own:
            found[label.slice_id] = own[0]
    return found, differing


def _said(answer: AuditAnswer) -> AuditAnswer:
    return answer.model_copy(update={"slice_id": "", "sample_id": "", "auditor": ""})


def apply_answers(
    labels: Iterable[FusedLabel],
    answers: Mapping[str, AuditAnswer],
    slices: Mapping[str, DescribedSlice],
    *,
    rules: RuleSet,
) -> StageOutcome[AuditedLabel]:
    """Apply answers to labels.

    Args:
        labels: fused labels, lesions and healthy ones.
        answers: by ``slice_id``; a label without one is dropped.
        slices: the source's facts by ``slice_id``; a label without one keeps only what was read.
        rules: set ``paper`` or ``default``.

    Returns:
        Labels that stand, in the order given; dropped are the rejected and the unaudited.
    """
    outcome: StageOutcome[AuditedLabel] = StageOutcome()
    for label in labels:
        record = slices.get(label.slice_id) or unknown_slice(label)
        answer = answers.get(label.slice_id)
        if answer is None:
            outcome.dropped.append(_drop(label, record, DropReason.AUDIT_MISSING, None))
            continue
        apply = apply_as_reference if rules.name == "paper" else apply_answer
        result = apply(label, answer, record)
        if isinstance(result, AuditedLabel):
            outcome.kept.append(result)
        else:
            outcome.dropped.append(result)
    return outcome


def apply_answer(label: FusedLabel, answer: AuditAnswer, record: DescribedSlice) -> AuditedLabel | Dropped:
    """Apply one answer by our rules.

    An unreadable answer, or one without a decision, is never an acceptance. KEEP leaves a field, ERASE empties
    it, and so does saying nothing of it; DOWNGRADE puts its declared coarser term, or nothing where none is declared.
    Whatever the auditor says, signs that the sequence cannot show go: the sequence that the source states or, where it
    states none, the label's; and none where the auditor took the label's, by which the signs were read.
    """
    if answer.error is not None or answer.decision is None:
        detail = answer.error or "no final decision"
        return _drop(label, record, DropReason.AUDIT_UNREADABLE, detail)
    if answer.decision is AuditDecision.REJECT:
        return _drop(label, record, DropReason.AUDIT_REJECTED, answer.findings)

    changes: list[AuditChange] = []
    sequence, seen, region, signs = label.sequence, label.sequence_seen, label.region, label.signs
    actions = answer.actions
    known = record.sequence or sequence
    if actions.sequence is not AuditAction.KEEP:
        if sequence is not None:
            changes.append(_change("sequence", sequence, None, _why(actions.sequence)))
            known = None
        if seen not in (None, sequence):
            changes.append(_change("sequence_seen", str(seen), None, _why(actions.sequence)))
        sequence = seen = None
    if region is not None and actions.region is not AuditAction.KEEP:
        changes.append(_change("region", region, None, _why(actions.region)))
        region = None
    for sign in Sign:
        action: AuditAction | None = getattr(actions, sign.value)
        value = signs.get(sign)
        if value is None or action is AuditAction.KEEP:
            continue
        after = coarser(value) if action is AuditAction.DOWNGRADE else None
        changes.append(_change(sign.value, value, after, _why(action)))
        signs = signs.with_value(sign, after)
    signs = _assessable_only(signs, known, changes)
    return AuditedLabel(
        slice_id=label.slice_id,
        sample_id=label.sample_id,
        slice=record,
        lesion_found=label.lesion_found,
        sequence=sequence,
        sequence_seen=seen,
        region=region,
        signs=signs,
        confidences=confidences_left(label.confidences, signs),
        additional_clues=answer.findings,
        changes=tuple(changes),
    )


def _why(action: AuditAction | None) -> str:
    return SILENCE if action is None else f"auditor: {action}"


def confidences_left(before: SignConfidences, signs: Signs) -> SignConfidences:
    """Confidences of the signs that are still stated."""
    return SignConfidences(**{s.value: before.get(s) for s in Sign if signs.get(s) is not None})


def _assessable_only(signs: Signs, sequence: MRSequence | None, changes: list[AuditChange]) -> Signs:
    for sign in Sign:
        value = signs.get(sign)
        if value is not None and not assessable(sign, sequence):
            shown = "an unknown sequence" if sequence is None else display(sequence)
            changes.append(_change(sign.value, value, None, f"not assessable on {shown}"))
            signs = signs.with_value(sign, None)
    return signs


def _change(field: str, before: str, after: str | None, reason: str) -> AuditChange:
    return AuditChange(field=field, before=str(before), after=None if after is None else str(after), reason=reason)


def _drop(label: FusedLabel, record: DescribedSlice, reason: DropReason, detail: str | None) -> Dropped:
    return Dropped(
        slice_id=label.slice_id,
        sample_id=label.sample_id,
        source_id=record.source_id,
        image_path=record.image_path,
        reason=reason,
        detail=detail,
    )
