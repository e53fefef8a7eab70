"""Blind review of closed questions: the sheet that goes out, and the decisions that come back."""

from collections.abc import Iterable, Sequence

from neuroonco.build.records import ClosedItem, is_none
from neuroonco.errors import InputError
from neuroonco.outcomes import Dropped, Quarantined, StageOutcome, quarantine
from neuroonco.review.records import ReviewDecision, SheetRow, Verdict
from neuroonco.store import sha256_text
from neuroonco.vocabulary import DropReason


def item_key(item: ClosedItem) -> str:
    """Opaque key of a question: an image id may name the diagnosis, this does not."""
    return "q" + sha256_text(item.image_id, str(item.q_index))[:16]


def export_sheet(items: Iterable[ClosedItem]) -> list[SheetRow]:
    """What readers are shown, ordered by key, so that questions about one image do not stand together."""
    rows = [
        SheetRow(
            item=item_key(item),
            question=item.question,
            options=tuple(f"{option.letter}. {option.text}" for option in item.options),
        )
        for item in items
    ]
    return sorted(rows, key=lambda row: row.item)


def apply_decisions(items: Sequence[ClosedItem], decisions: Sequence[ReviewDecision]) -> StageOutcome[ClosedItem]:
    """Apply the readers' decisions, in the order of the questions.

    Accepted and undecided questions stay, in new words where a decision has them; a changed one stays with its new
    answer; a rejected or unanswerable one is dropped. Where decisions about one question differ, or a new answer is
    not offered, the question is quarantined: no reader outvotes another. So is a decision about no question. A twin
    that stays behind without its question, or is no longer its twin, is dropped: see :func:`twin_fault`.
    """
    outcome: StageOutcome[ClosedItem] = StageOutcome()
    by_item: dict[str, list[ReviewDecision]] = {}
    for decision in decisions:
        by_item.setdefault(decision.item, []).append(decision)
    for item in items:
        made = by_item.pop(item_key(item), [])
        try:
            result = _decide(item, made)
        except InputError as error:
            outcome.quarantined.append(_set_aside(item, error))
            continue
        if isinstance(result, Dropped):
            outcome.dropped.append(result)
        else:
            outcome.kept.append(result)
    _drop_lone_twins(items, outcome)
    for key in sorted(by_item):
        lost = InputError("DECISION_WITHOUT_ITEM", f"no question has the key {key[:50]!r}", fix="use this sheet's keys")
        outcome.quarantined.append(quarantine(lost, slice_id=key[:50]))
    return outcome


def twin_fault(first: ClosedItem | None, twin: ClosedItem) -> str | None:
    """Why a twin may not stay beside its question; None where it may.

    It stays only while exactly one of the two has ``None of the above`` as its truth and both ask in the same words:
    alone it would be one more question in a benchmark whose answers were balanced without it.

    Args:
        first: the question that it repeats, as it is now; None where it is no longer there.
    """
    if first is None:
        return "the question that it repeats is not in the benchmark"
    if first.rejects == twin.rejects or first.question != twin.question:
        return "it and the question that it repeats no longer differ in the truth alone"
    return None


def unreviewed(items: Iterable[ClosedItem], decisions: Iterable[ReviewDecision]) -> int:
    """How many questions nobody has decided about."""
    decided = {decision.item for decision in decisions}
    return sum(item_key(item) not in decided for item in items)


def with_answer(item: ClosedItem, letter: str | None) -> ClosedItem:
    """The question with another answer; the marks of a rejection follow it, and the answer counts as reviewed.

    Raises:
        InputError: ``NEW_ANSWER_NOT_OFFERED``.
    """
    text = None if letter is None else item.text_of(letter)
    if letter is None or text is None:
        raise InputError("NEW_ANSWER_NOT_OFFERED", f"new answer {letter!r}", fix="name one of the options' letters")
    rejection = is_none(text)
    return item.model_copy(
        update={
            "answer": letter,
            "is_rejection": rejection,
            "removed_answer": item.removed_answer if rejection else None,
            "label_source": "review",
        }
    )


def with_wording(item: ClosedItem, question: str | None) -> ClosedItem:
    """The question in other words; as it is where there are none."""
    return item if question is None else item.model_copy(update={"question": question})


def _decide(item: ClosedItem, made: Sequence[ReviewDecision]) -> ClosedItem | Dropped:
    if not made:
        return item
    if len({(one.verdict, one.new_answer, one.new_question) for one in made}) > 1:
        said = ", ".join(sorted(f"{one.reader}: {one.verdict.value}" for one in made))
        raise InputError("DECISIONS_DIFFER", said, fix="let the readers agree and apply their decisions again")
    first = made[0]
    stays = first.verdict in (Verdict.ACCEPT, Verdict.CHANGE)
    if first.new_question is not None and (not stays or not first.new_question.strip()):
        said = f"{first.verdict.value} with {'a new question' if first.new_question.strip() else 'no words'}"
        raise InputError("NEW_QUESTION_UNEXPECTED", said, fix="give new words with accept or change")
    if first.verdict is Verdict.CHANGE:
        return with_wording(with_answer(item, first.new_answer), first.new_question)
    if first.new_answer is not None:
        said = f"{first.verdict.value} with a new answer"
        raise InputError("NEW_ANSWER_UNEXPECTED", said, fix="use change")
    if first.verdict is Verdict.ACCEPT:
        return with_wording(item, first.new_question)
    comments = sorted({one.comment for one in made if one.comment})
    return _dropped(item, "; ".join([first.verdict.value, *comments]))


def _drop_lone_twins(items: Iterable[ClosedItem], outcome: StageOutcome[ClosedItem]) -> None:
    """Leave out twins of questions that decisions took away or changed, as an exported review does."""
    before = {(item.image_id, item.q_index): item for item in items}
    now = {(item.image_id, item.q_index): item for item in outcome.kept}
    kept = []
    for item in outcome.kept:
        place, twin_of = (item.image_id, item.q_index), item.twin_of
        first = None if twin_of is None else before.get((item.image_id, twin_of))
        if first is not None and twin_of is not None:
            stays = now.get((item.image_id, twin_of))
            fault = None if (first, before[place]) == (stays, item) else twin_fault(stays, item)
            if fault is not None:
                outcome.dropped.append(_dropped(item, fault))
                continue
        kept.append(item)
    outcome.kept[:] = kept


def _dropped(item: ClosedItem, why: str) -> Dropped:
    return Dropped(
        slice_id=item.slice_id,
        sample_id=item.image_id,
        source_id=item.source_id,
        image_path=item.image_path,
        reason=DropReason.REVIEW_REJECTED,
        detail=f"question {item.q_index}: {why}",
    )


def _set_aside(item: ClosedItem, error: InputError) -> Quarantined:
    return quarantine(
        error,
        slice_id=item.slice_id,
        sample_id=item.image_id,
        source_id=item.source_id,
        image_path=item.image_path,
    )
