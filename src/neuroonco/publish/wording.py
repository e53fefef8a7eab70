"""Which questions are worded by this package; of others nothing is known, so that they may say anything."""

import re
from collections.abc import Iterable
from enum import StrEnum
from functools import cache

from neuroonco.build.records import ANSWERS, NONE_OF_THE_ABOVE, ClosedItem, OpenItem
from neuroonco.prompts import load_wordings
from neuroonco.vocabulary import QuestionType


def own_questions(items: Iterable[ClosedItem | OpenItem]) -> int:
    """How many questions ask, offer or answer in words that are not those of the package."""
    return sum(not (_is_known_closed(item) if isinstance(item, ClosedItem) else _is_known_open(item)) for item in items)


def _kind_of(wording: str) -> QuestionType:
    """What a closed wording asks for: its name, or the beginning of it (``size_in_head``)."""
    return next(kind for kind in QuestionType if wording == kind.value or wording.startswith(f"{kind.value}_"))


@cache
def _closed_terms() -> dict[tuple[QuestionType, str], frozenset[str]]:
    """Spellings of a closed question's options, by what it asks and its text."""
    found: dict[tuple[QuestionType, str], frozenset[str]] = {}
    for name, wording in load_wordings().closed.items():
        kind = _kind_of(name)
        terms = frozenset(wording.text_of(value) for value in ANSWERS[kind]) | {NONE_OF_THE_ABOVE}
        for stem in wording.stems:
            found[kind, stem] = found.get((kind, stem), frozenset()) | terms
    return found


def _is_known_closed(item: ClosedItem) -> bool:
    terms = _closed_terms().get((item.question_type, item.question))
    if terms is None:
        return False
    return {option.text for option in item.options} | ({item.removed_answer} - {None}) <= terms


@cache
def _open_words() -> dict[tuple[str, str], tuple[frozenset[str], frozenset[str]]]:
    """Clauses of the reference answer, and key terms, by an open question's type and text."""
    wordings = load_wordings()
    found = {}
    for asked in wordings.open.values():
        pairs: list[tuple[str, StrEnum]] = [(name, value) for name in asked.about for value in ANSWERS[_kind_of(name)]]
        clauses = frozenset(wordings.closed[name].clause(value) for name, value in pairs)
        terms = frozenset(wordings.closed[name].text_of(value) for name, value in pairs)
        for stem in asked.stems:
            found[asked.question_type, stem] = (clauses, terms)
    return found


def _is_known_open(item: OpenItem) -> bool:
    words = _open_words().get((item.question_type, item.question))
    if words is None or not item.reference_answer.endswith("."):
        return False
    clauses, terms = words
    said = re.split(r", (?:and )?", item.reference_answer.removesuffix("."))
    first = said[0][:1].lower() + said[0][1:]
    return {first, *said[1:]} <= clauses and set(item.key_terms) <= terms
