"""Instruction pairs against the rules on leakage and invention, whoever wrote the words.

A pair is read in two parts. The question must not say anything about this slice; the answer may say what the label
says, must say what was asked, and must not say anything else. What cannot be read with certainty is a fault: a pair
that is left out costs little.

What this cannot do: it knows words, not meaning. A finding in words that no list holds, a wrong cause or a wrong
definition in the label's own terms pass.
"""

import re
from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache

from neuroonco.build.facts import Fact
from neuroonco.build.instruct.assemble import options_text
from neuroonco.build.instruct.claims import LESION, Fault, Found, Known, Said, contradictions, known_of, said_in
from neuroonco.build.instruct.forbidden import phrases_in
from neuroonco.build.instruct.records import CLOSED, OPEN, InstructionPair
from neuroonco.build.records import ANSWERS, NONE_OF_THE_ABOVE, ClosedItem
from neuroonco.mentions import has_measurement, mentions, other_concepts
from neuroonco.vocabulary import (
    MRSequence,
    PairFault,
    QuestionType,
    Sign,
    TumorType,
    assessable,
    comparable,
    recode,
)

LONGEST_STEM, LONGEST_ANSWER = 400, 1500
"""Characters; no template comes near, and what is longer is no question and no note."""

_PLAIN = re.compile(r"[A-Za-z0-9 ,.;:?!'\"()/+%=&\-\u2013\u2014\u2018\u2019\u201c\u201d\u00b0\u00d7]*")
_HEADING = re.compile(r"\b(?:Final|Explanation|Options|Question|Answer|User|Assistant|System|Human)\s*:")
_REASONED = re.compile(r"Final: ([A-E])\nExplanation: ([^\n]+)")
_DIGITS = re.compile(r"(?<![A-Za-z])\d|\d(?=\s*[x\u00d7]\s*\d)")
_LETTER = re.compile(
    r"\b(?:[Oo]ption|[Aa]nswer|[Cc]hoice|[Ll]etter)s?(?: is| are| would be|:)?:?\s*\(?\"?([A-E])\b(?! \w)"
    r"|\(([A-E])\)|\b([B-E])\b(?!')|\b(?:[Tt]herefore|[Hh]ence|[Tt]hus),? (A)\b(?! \w)"
)
_NONE_RIGHT = re.compile(
    r"\bnone of (?:the )?(?:above|offered|options|listed|these|them|two|choices|answers)|\bno option\b"
    r"|\bnot (?:among|offered|listed)|\bmissing from the list\b",
    re.IGNORECASE,
)
_PLACE = re.compile(
    r"\b(?:left|right)(?:most|ward|-hand)\b|\bon the (?:left|right)\b"
    r"|\b(?:upper|lower|top|bottom) (?:left|right|half|part)\b",
    re.IGNORECASE,
)
_LESION = re.compile(rf"\b(?:{LESION}|disease[ds]?|patholog\w+)\b", re.IGNORECASE)
_CONCEPT = {
    QuestionType.EDEMA: re.compile(r"\b(?:o?edema\w*|swelling|swollen)\b", re.IGNORECASE),
    QuestionType.ENHANCEMENT: re.compile(r"\benhanc\w*", re.IGNORECASE),
}
_LISTS = (
    ("invented_history", PairFault.INVENTED_HISTORY),
    ("measurement", PairFault.MEASUREMENT),
    ("to_a_model", PairFault.NOT_PLAIN_TEXT),
)


def faults(
    pair: InstructionPair, facts: Sequence[Fact], item: ClosedItem | None, sequence: MRSequence | None
) -> tuple[Fault, ...]:
    """What is wrong with an instruction pair.

    Args:
        pair: an open or closed pair.
        facts: all that may be said of its slice.
        item: the closed question that the pair words; None for an open pair.
        sequence: of the slice, by which its signs were read: the stated one, else the label's; None if unknown.

    Returns:
        Each fault once, in the order of :class:`PairFault`, with the words that show it; empty for a sound pair.
    """
    known = known_of(tuple(facts), sequence)
    first: dict[PairFault, str] = {}
    for fault, detail in _all(pair, facts, item, known):
        first.setdefault(fault, detail)
    return tuple(Fault(fault, first[fault]) for fault in PairFault if fault in first)


def _all(pair: InstructionPair, facts: Sequence[Fact], item: ClosedItem | None, known: Known) -> Found:
    asked = next((fact.value for fact in facts if fact.question_type is pair.question_type), None)
    if pair.file_kind == OPEN:
        yield from _stem_faults(pair.question, pair.question_type, _is_binary(asked))
        yield from _unanswerable(pair.question_type, asked, known)
        yield from _answer_faults(pair.answer, pair.question_type, asked, known)
        return
    if item is None or item.question_type is not pair.question_type:
        yield Fault(PairFault.LETTER_INCONSISTENT, "no such closed question")
        return
    tail = options_text(item, pair.file_kind)
    if not pair.question.endswith(tail):
        yield Fault(PairFault.LETTER_INCONSISTENT, "the options are not those of the question")
    right = _right(item)
    yield from _stem_faults(pair.question.removesuffix(tail), pair.question_type, _is_binary(right))
    yield from _unanswerable(pair.question_type, asked, known)
    if right is None or asked is None or not _agree(right, asked):
        yield Fault(PairFault.LETTER_INCONSISTENT, "the letter is not the label's value")
    if pair.file_kind == CLOSED:
        if pair.answer != item.answer:
            yield Fault(PairFault.LETTER_INCONSISTENT, f"{pair.answer[:20]!r} is not {item.answer}")
        return
    parts = _REASONED.fullmatch(pair.answer)
    if parts is None:
        yield Fault(PairFault.LETTER_INCONSISTENT, "not a letter and one explanation")
        return
    letter, explanation = parts.groups()
    if letter != item.answer:
        yield Fault(PairFault.LETTER_INCONSISTENT, f"{letter} is not {item.answer}")
    yield from _explanation_faults(explanation, item, right, known)


# --- the question ---


@lru_cache(maxsize=20_000)
def _stem_faults(stem: str, kind: QuestionType, is_binary: bool) -> tuple[Fault, ...]:
    return tuple(_of_stem(stem, kind, is_binary))


def _of_stem(stem: str, kind: QuestionType, is_binary: bool) -> Found:
    """A question may name what it asks for, and the lesion where the slice is known to have one; nothing else."""
    leak = PairFault.STEM_NAMES_FINDING
    if len(stem) > LONGEST_STEM or not stem.strip():
        yield Fault(PairFault.NOT_PLAIN_TEXT, f"a question of {len(stem)} characters")
        return
    yield from _plain_faults(stem)
    for one in (*(m.text for m in mentions(stem)), *other_concepts(stem)):
        yield Fault(leak, one)
    phrases = phrases_in(stem)
    yield from (Fault(fault, phrases[name]) for name, fault in _LISTS if name in phrases)
    for name in ("not_seen", "anatomy", *(() if kind is QuestionType.MODALITY else ("anatomy_of_contrast",))):
        if name in phrases:
            yield Fault(leak, phrases[name])
    for asked, pattern in _CONCEPT.items():
        if asked is not kind and (found := pattern.search(stem)):
            yield Fault(leak, found.group())
    if found := _PLACE.search(stem):
        yield Fault(leak, found.group())
    if (is_binary or kind is QuestionType.MODALITY) and (found := _LESION.search(stem)):
        yield Fault(leak, found.group())


def _is_binary(asked: StrEnum | None) -> bool:
    """Whether abnormal or healthy is asked, where the word lesion gives the answer away."""
    return isinstance(asked, TumorType) and not asked.is_specific


def _unanswerable(kind: QuestionType, asked: StrEnum | None, known: Known) -> Found:
    if asked is not None:
        return
    sign = next((sign for sign in Sign if sign.value == kind.value), None)
    if sign is not None and not assessable(sign, known.sequence):
        yield Fault(PairFault.PHYSICS, f"{kind.value} is asked")
    else:
        yield Fault(PairFault.ANSWER_MISSING, f"the label does not state the {kind.value}")


# --- the answer ---


def _plain_faults(text: str) -> Found:
    if not _PLAIN.fullmatch(text):
        wrong = next(c for c in text if not _PLAIN.fullmatch(c))
        yield Fault(PairFault.NOT_PLAIN_TEXT, f"U+{ord(wrong):04X}")
    if (heading := _HEADING.search(text)) or (heading := re.search(r"https?:|www\.", text)):
        yield Fault(PairFault.NOT_PLAIN_TEXT, heading.group())
    if measure := has_measurement(text):
        yield Fault(PairFault.MEASUREMENT, measure)
    elif number := _DIGITS.search(text):
        yield Fault(PairFault.MEASUREMENT, number.group())


def _said(text: str, kind: QuestionType, known: Known) -> tuple[Said | None, tuple[Fault, ...]]:
    """What an answer says, with all faults that do not depend on what is asked; None for what is not read."""
    if len(text) > LONGEST_ANSWER or not text.strip():
        return None, (Fault(PairFault.NOT_PLAIN_TEXT, f"an answer of {len(text)} characters"),)
    about_sequence = kind is QuestionType.MODALITY
    spoken = known.without_meanings(text)
    phrases = phrases_in(spoken)
    said = said_in(spoken, negations="no_negation" not in phrases, about_sequence=about_sequence)
    found = [*_plain_faults(text), *(Fault(fault, phrases[name]) for name, fault in _LISTS if name in phrases)]
    names = ("not_seen", "anatomy", *(() if about_sequence else ("anatomy_of_contrast",)))
    found += [Fault(PairFault.OTHER_ATTRIBUTE, phrases[name]) for name in names if name in phrases]
    if "doubt" in phrases:
        found.append(Fault(PairFault.ANSWER_MISSING, phrases["doubt"]))
    found += contradictions(said, known, about_sequence=about_sequence)
    return said, tuple(found)


def _answer_faults(text: str, kind: QuestionType, asked: StrEnum | None, known: Known) -> Found:
    said, found = _said(text, kind, known)
    yield from found
    if said is not None and asked is not None and asked not in said.stated:
        yield Fault(PairFault.ANSWER_MISSING, asked.value)


def _explanation_faults(text: str, item: ClosedItem, right: StrEnum | None, known: Known) -> Found:
    said, found = _said(text, item.question_type, known)
    yield from found
    if said is None:
        return
    for match in _LETTER.finditer(text):
        if item.answer not in match.groups():
            yield Fault(PairFault.LETTER_INCONSISTENT, match.group())
    offered = [recode(ANSWERS[item.question_type], o.text) for o in item.options if o.letter != item.answer]
    for value in said.stated:
        if value is not right and value in offered:
            yield Fault(PairFault.LETTER_INCONSISTENT, f"asserts {value.value}")
    none_right = _NONE_RIGHT.search(text)
    if item.is_rejection and none_right is None:
        yield Fault(PairFault.LETTER_INCONSISTENT, "does not say that no option is right")
    if not item.is_rejection and none_right is not None:
        yield Fault(PairFault.LETTER_INCONSISTENT, none_right.group())
    if right is not None and right not in said.stated:
        fault = PairFault.ANSWER_MISSING if item.is_rejection else PairFault.LETTER_INCONSISTENT
        yield Fault(fault, f"does not state {right.value}")


def _right(item: ClosedItem) -> StrEnum | None:
    """The term that a closed question's letter stands for, or that was taken out of its options."""
    text = item.text_of(item.answer)
    return recode(ANSWERS[item.question_type], item.removed_answer if text == NONE_OF_THE_ABOVE else text)


def _agree(right: StrEnum, asked: StrEnum) -> bool:
    """Whether the right option is what the label says; a typed tumor may be asked as abnormal."""
    return comparable(right, asked) or (right is TumorType.TUMOR and asked is not TumorType.HEALTHY)
