"""Drafts and closed questions as instruction pairs of the three kinds, in the published format."""

from collections.abc import Sequence

from neuroonco.audit.records import AuditedLabel
from neuroonco.build.facts import Fact
from neuroonco.build.instruct.records import (
    CLOSED,
    CLOSED_WITH_REASON,
    OPEN,
    TEMPLATES,
    Draft,
    InstructionPair,
)
from neuroonco.build.instruct.wordings import question_type_of
from neuroonco.build.records import ClosedItem
from neuroonco.errors import InputError
from neuroonco.prompts import load_wordings
from neuroonco.vocabulary import QuestionType

ASK = {
    CLOSED: "Answer with the option letter only.",
    CLOSED_WITH_REASON: "Give the option letter first, as `Final: <letter>`, then a short explanation.",
}


def pairs(
    label: AuditedLabel, facts: Sequence[Fact], items: Sequence[ClosedItem], draft: Draft, group_id: str | None = None
) -> list[InstructionPair]:
    """The pairs of one slice: open ones, then closed ones, then closed ones with an explanation.

    What the draft does not word is not made. Options and letters come from the items alone, so that a pair whose answer
    is a letter is in nobody's words but the templates'.

    Args:
        label: of the slice.
        facts: all that may be said of it; a question about several facts is filed under the first of them.
        items: its closed questions.
        draft: the words.
        group_id: of the slice, as a split keeps it together.

    Raises:
        InputError: the draft belongs to another slice, or words something that has no wording.
    """
    if draft.slice_id != label.slice_id:
        raise InputError("DRAFT_MISMATCH", f"a draft of {draft.slice_id}", where=label.slice_id)
    made = []
    for index, opened in enumerate(draft.open):
        kind, subtype = _asked(opened.wording, facts)
        one = _pair(label, OPEN, index, kind, subtype, opened.question, opened.answer, group_id)
        writer = opened.writer or draft.writer
        made.append(one.model_copy(update={"wording": opened.wording, "writer": writer}))
    worded = {one.q_index: one for one in draft.closed}
    for file_kind in (CLOSED, CLOSED_WITH_REASON):
        for item in items:
            closed = worded.get(item.q_index)
            if closed is None:
                continue
            subtype = "binary" if item.is_binary else "none_of_the_above" if item.is_rejection else "options"
            question = closed.question + options_text(item, file_kind)
            answer = item.answer if file_kind == CLOSED else reasoned(item.answer, closed.explanation)
            kind = item.question_type
            one = _pair(label, file_kind, item.q_index, kind, subtype, question, answer, group_id)
            writer = TEMPLATES if file_kind == CLOSED else draft.writer
            made.append(one.model_copy(update={"writer": writer}))
    return made


def options_text(item: ClosedItem, file_kind: str) -> str:
    """What follows the stem of a closed question in the user's text."""
    options = "\n".join([f"{option.letter}. {option.text}" for option in item.options])
    return f"\nOptions:\n{options}\n\n{ASK[file_kind]}"


def reasoned(letter: str, explanation: str) -> str:
    r"""The assistant's text of a closed question with an explanation.

    >>> reasoned("D", "The sequence is T2.")
    'Final: D\nExplanation: The sequence is T2.'
    """
    return f"Final: {letter}\nExplanation: {explanation}"


def _asked(wording: str, facts: Sequence[Fact]) -> tuple[QuestionType, str]:
    """Question type and subtype of an open question."""
    wordings = load_wordings()
    if wording in wordings.closed:
        return question_type_of(wording), "open"
    several = wordings.open.get(wording)
    first = next((f for f in facts if several is not None and f.wording in several.about), None)
    if several is None or first is None:
        raise InputError("DRAFT_WORDING_UNKNOWN", f"{wording!r} asks nothing that is known of the slice")
    kind = QuestionType.DIAGNOSIS if "diagnosis" in several.needs else first.question_type
    return kind, several.question_type.lower()


def _pair(
    label: AuditedLabel,
    file_kind: str,
    index: int,
    question_type: QuestionType,
    subtype: str,
    question: str,
    answer: str,
    group_id: str | None,
) -> InstructionPair:
    record = label.slice
    return InstructionPair(
        pair_id=f"{record.slice_id}_{file_kind}_{index}",
        pair_index=index,
        slice_id=record.slice_id,
        image_path=record.image_path,
        image_channel=record.image_channel,
        image_slice=record.image_slice,
        file_kind=file_kind,
        question_type=question_type,
        subtype=subtype,
        question=question,
        answer=answer,
        source_id=record.source_id,
        group_id=group_id,
    )
