"""Blind review of closed questions: the sheet that goes out, and the decisions that come back."""

from collections.abc import Iterable, Sequence

from neuroonco.build.records import NONE_OF_THE_ABOVE, ClosedItem
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

    Accepted and undecided questions stay; a changed one stays with its new answer; a rejected or
    unanswerable one is dropped. Where decisions about one question differ, or a new answer is not offered,
    the question is quarantined: no reader outvotes another. A decision about no question is quarantined too.
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
    for key in sorted(by_item):
        lost = InputError("DECISION_WITHOUT_ITEM", f"no question has the key {key[:50]!r}", fix="use this sheet's keys")
        outcome.quarantined.append(quarantine(lost, slice_id=key[:50]))
    return outcome


def unreviewed(items: Iterable[ClosedItem], decisions: Iterable[ReviewDecision]) -> int:
    """How many questions nobody has decided about."""
    decided = {decision.item for decision in decisions}
    return sum(item_key(item) not in decided for item in items)


def _decide(item: ClosedItem, made: Sequence[ReviewDecision]) -> ClosedItem | Dropped:
    if not made:
        return item
    if len({(one.verdict, one.new_answer) for one in made}) > 1:
        said = ", ".join(sorted(f"{one.reader}: {one.verdict.value}" for one in made))
        raise InputError("DECISIONS_DIFFER", said, fix="let the readers agree and import again")
    first = made[0]
    if first.verdict is Verdict.CHANGE:
        return _changed(item, first.new_answer)
    if first.new_answer is not None:
        said = f"{first.verdict.value} with a new answer"
        raise InputError("NEW_ANSWER_UNEXPECTED", said, fix="use change")
    if first.verdict is Verdict.ACCEPT:
        return item
    comments = sorted({one.comment for one in made if one.comment})
    return Dropped(
        slice_id=item.slice_id,
        sample_id=item.image_id,
        source_id=item.source_id,
        image_path=item.image_path,
        reason=DropReason.REVIEW_REJECTED,
        detail="; ".join([f"question {item.q_index}: {first.verdict.value}", *comments]),
    )


def _changed(item: ClosedItem, letter: str | None) -> ClosedItem:
    text = None if letter is None else item.text_of(letter)
    if letter is None or text is None:
        raise InputError("NEW_ANSWER_NOT_OFFERED", f"new answer {letter!r}", fix="name one of the options' letters")
    rejection = text == NONE_OF_THE_ABOVE
    return item.model_copy(
        update={
            "answer": letter,
            "is_rejection": rejection,
            "removed_answer": item.removed_answer if rejection else None,
            "label_source": "review",
        }
    )


def _set_aside(item: ClosedItem, error: InputError) -> Quarantined:
    return quarantine(
        error,
        slice_id=item.slice_id,
        sample_id=item.image_id,
        source_id=item.source_id,
        image_path=item.image_path,
    )
