"""A writer's answer: what it has to look like, and which of its parts can be used.

Every part that was asked for has a name of its own: an open question the wording of its fact, a closed one
``question_<q_index>``. Of an open question the answer is asked for, of a closed one the explanation; the questions
themselves are never a writer's. A part that is missing or cannot be used falls away with a reason and takes no other
part with it. An answer with a part that nobody asked for, or with one twice, is unreadable as a whole: whose words they
are would be a guess.
"""

import re
import unicodedata
from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator, Field, StrictStr, ValidationError

from neuroonco.build.facts import Fact
from neuroonco.build.instruct.records import ClosedDraft, MissingPart, OpenDraft
from neuroonco.build.records import ClosedItem
from neuroonco.models.json_answer import AnswerError, faults_of, one_object, quoted
from neuroonco.models.records import AnswerSchema
from neuroonco.models.strict_schema import object_with, one_of, schema_of
from neuroonco.outcomes import Record
from neuroonco.prompts import load_wordings

MAX_ANSWER_CHARS = 300
MAX_EXPLANATION_CHARS = 600
MAX_REASON_CHARS = 200
MARKUP = frozenset("<>{}[]|`\\")
"""Characters of tags, templates and lists: none of them belongs into a sentence, and some would end a chat's turn."""
_HEADING = re.compile(r"\b(final|explanation|options|answer|question)\s*:", re.IGNORECASE)

T = TypeVar("T", bound=Record)


def _text(limit: int) -> BeforeValidator:
    def plain(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        line = " ".join(unicodedata.normalize("NFKC", value).split())
        if not line:
            raise ValueError("empty")
        if len(line) > limit:
            raise ValueError(f"longer than {limit} characters")
        if MARKUP.intersection(line) or any(unicodedata.category(c)[0] == "C" for c in line):
            raise ValueError("holds markup or characters that cannot be seen; write plain sentences")
        if found := _HEADING.search(line):
            raise ValueError(f"holds the heading {quoted(found[0])}; write plain sentences")
        return line

    return BeforeValidator(plain)


class OpenWords(Record):
    """What is said of one fact."""

    answer: Annotated[StrictStr, _text(MAX_ANSWER_CHARS)]


class ClosedWords(Record):
    """What is said of one closed question; the letter shows where the explanation went."""

    explanation: Annotated[StrictStr, _text(MAX_EXPLANATION_CHARS)]
    answer: StrictStr


class WriterAnswer(Record):
    """A writer's whole answer; a part of which nothing was asked may be left out."""

    open: dict[StrictStr, Any] = Field(default_factory=dict)
    closed: dict[StrictStr, Any] = Field(default_factory=dict)


class WordedParts(Record):
    """What of a writer's answer can be used, in the order in which it was asked for, and what cannot."""

    open: tuple[OpenDraft, ...] = ()
    closed: tuple[ClosedDraft, ...] = ()
    missing: tuple[MissingPart, ...] = ()


def closed_name(item: ClosedItem) -> str:
    """Name of a closed question in request and answer."""
    return f"question_{item.q_index}"


def writer_schema(facts: Sequence[Fact], items: Sequence[ClosedItem]) -> AnswerSchema:
    """The schema of a writer's answer for endpoints that enforce one: exactly the parts that are asked for.

    The explanation stands before the letter, so that the letter follows from it.
    """
    text = {"type": "string"}
    fields: dict[str, Any] = {}
    if facts:
        fields["open"] = object_with({f.wording: object_with({"answer": text}) for f in facts})
    if items:
        fields["closed"] = object_with(
            {
                closed_name(item): object_with(
                    {"explanation": text, "answer": one_of([option.letter for option in item.options])}
                )
                for item in items
            }
        )
    return schema_of("instruct", fields)


def read_draft(text: str, last: bool, facts: Sequence[Fact], items: Sequence[ClosedItem]) -> WordedParts:
    """What a writer's raw answer says of some facts and closed questions.

    A part that cannot be used is a fault; in the last answer it is missing instead. Stems are those of the benchmark.

    Args:
        text: raw.
        last: whether nothing will be asked after it.
        facts, items: what was asked for, the facts as they are asked openly.

    Raises:
        AnswerError: it is not one JSON object, a part was not asked for, or no part can be used.
    """
    try:
        answer = WriterAnswer.model_validate(one_object(text))
    except ValidationError as error:
        raise AnswerError(*faults_of(error)) from None
    asked = {f"open.{f.wording}" for f in facts} | {f"closed.{closed_name(item)}" for item in items}
    given = [("open", name) for name in answer.open] + [("closed", name) for name in answer.closed]
    strange = [f"{kind}.{quoted(name)}: was not asked for" for kind, name in given if f"{kind}.{name}" not in asked]
    if strange:
        raise AnswerError(*strange)
    opened: list[OpenDraft] = []
    closed: list[ClosedDraft] = []
    missing: list[MissingPart] = []
    for fact in facts:
        words, reason = _part(OpenWords, answer.open, fact.wording)
        if words is None:
            missing.append(MissingPart(wording=fact.wording, reason=reason))
        else:
            stem = load_wordings().closed[fact.wording].open_question
            opened.append(OpenDraft(wording=fact.wording, question=stem, answer=words.answer))
    for item in items:
        said, reason = _part(ClosedWords, answer.closed, closed_name(item))
        if said is None:
            missing.append(MissingPart(q_index=item.q_index, reason=reason))
        elif said.answer.strip().upper() != item.answer:
            reason = f"answer: {quoted(said.answer)} is not the right letter, which is {item.answer}"
            missing.append(MissingPart(q_index=item.q_index, reason=reason))
        else:
            closed.append(ClosedDraft(q_index=item.q_index, question=item.question, explanation=said.explanation))
    if missing and (not last or not (opened or closed)):
        raise AnswerError(*(f"{_name_of(part)}: {part.reason}" for part in missing))
    return WordedParts(open=tuple(opened), closed=tuple(closed), missing=tuple(missing))


def _part(record: type[T], given: dict[str, Any], name: str) -> tuple[T | None, str]:
    """One part, or why there is none."""
    if given.get(name) is None:
        return None, "missing"
    try:
        return record.model_validate(given[name]), ""
    except ValidationError as error:
        return None, "; ".join(faults_of(error))[:MAX_REASON_CHARS]


def _name_of(part: MissingPart) -> str:
    return f"open.{part.wording}" if part.wording is not None else f"closed.question_{part.q_index}"
