"""Instruction pairs against the rules on leakage and invention, whoever wrote the words.

A pair is read in two parts. The question must not say anything about this slice; the answer may say what the label
says, must say what was asked, and must not say anything else. What cannot be read with certainty is a fault: a pair
that is left out costs little.

A question has to be one of ours or be made of allowed words; an answer has to be made of allowed words, to state its
fact without taking it back, and to speak of nothing else than what was asked.

What this cannot do: it knows words, not meaning. What allowed words say together, a wrong cause or a wrong definition
in the label's own terms, may pass.
"""

import re
from collections.abc import Sequence
from enum import StrEnum

from neuroonco.build.facts import Fact
from neuroonco.build.instruct.assemble import options_text
from neuroonco.build.instruct.brightness import against_physics
from neuroonco.build.instruct.claims import Fault, Found, Said, contradictions, said_in, without_sequences
from neuroonco.build.instruct.denials import taken_back
from neuroonco.build.instruct.forbidden import phrases_in
from neuroonco.build.instruct.known import Known, known_of
from neuroonco.build.instruct.letters import letter_faults
from neuroonco.build.instruct.plain_text import LISTS, LONGEST_ANSWER, plain_faults
from neuroonco.build.instruct.records import CLOSED, OPEN, InstructionPair
from neuroonco.build.instruct.scope import (
    beside_the_question,
    is_binary,
    unknown_in_answer,
    unknown_in_question,
    without_denied_options,
)
from neuroonco.build.instruct.stems import stem_faults
from neuroonco.build.records import ANSWERS, NONE_OF_THE_ABOVE, ClosedItem
from neuroonco.vocabulary import (
    Enhancement,
    MRSequence,
    PairFault,
    QuestionType,
    Sign,
    TumorType,
    assessable,
    comparable,
    display,
    recode,
)

_REASONED = re.compile(r"Final: ([A-E])\nExplanation: ([^\n]+)")
_NOT_GIVEN = re.compile(
    r"\b(?:contrast|agent|gadolinium)\b[^.;]{0,30}\bnot (?:given|administered|injected|used)\b"
    r"|\bwithout contrast\b(?! uptake)",
    re.IGNORECASE,
)
_SIZE_OF_PART = re.compile(r"\b(small|medium|large) (?:part|portion|share|area|fraction)\b", re.IGNORECASE)


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
        if pair.wording == "diagnosis_binary" and asked not in (None, TumorType.HEALTHY):
            asked = TumorType.TUMOR  # a typed tumor may be asked as abnormal
        yield from _question_faults(pair.question, pair, asked, facts)
        yield from _unanswerable(pair.question_type, asked, known)
        yield from _answer_faults(pair.answer, pair, asked, facts, known)
        return
    if item is None or item.question_type is not pair.question_type:
        yield Fault(PairFault.LETTER_INCONSISTENT, "no such closed question")
        return
    tail = options_text(item, pair.file_kind)
    if not pair.question.endswith(tail):
        yield Fault(PairFault.LETTER_INCONSISTENT, "the options are not those of the question")
    right = _right(item)
    yield from _question_faults(pair.question.removesuffix(tail), pair, right, facts)
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
    yield from _explanation_faults(explanation, pair, item, right, facts, known)


# --- the question ---


def _question_faults(stem: str, pair: InstructionPair, asked: StrEnum | None, facts: Sequence[Fact]) -> Found:
    found = stem_faults(stem, pair.question_type, is_binary(asked))
    yield from found
    if not found:  # an unknown word tells nothing new where something else is wrong
        yield from unknown_in_question(stem, pair, asked, facts)


def _unanswerable(kind: QuestionType, asked: StrEnum | None, known: Known) -> Found:
    if asked is not None:
        return
    sign = next((sign for sign in Sign if sign.value == kind.value), None)
    if sign is not None and not assessable(sign, known.sequence):
        yield Fault(PairFault.PHYSICS, f"{kind.value} is asked")
    else:
        yield Fault(PairFault.ANSWER_MISSING, f"the label does not state the {kind.value}")


# --- the answer ---


def _said(text: str, kind: QuestionType, known: Known) -> tuple[Said | None, tuple[Fault, ...]]:
    """What an answer says, with all faults that do not depend on what is asked; None for what is not read."""
    if len(text) > LONGEST_ANSWER or not text.strip():
        return None, (Fault(PairFault.NOT_PLAIN_TEXT, f"an answer of {len(text)} characters"),)
    about_sequence = kind is QuestionType.MODALITY
    spoken = known.without_meanings(text)
    if kind is QuestionType.SIZE:
        spoken = _SIZE_OF_PART.sub(r"\1 size", spoken)
    phrases = phrases_in(spoken)
    said = said_in(spoken, negations="no_negation" not in phrases, about_sequence=about_sequence)
    found = [*plain_faults(text), *(Fault(fault, phrases[name]) for name, fault in LISTS if name in phrases)]
    names = ("not_seen", "anatomy", *(() if about_sequence else ("anatomy_of_contrast",)))
    found += [Fault(PairFault.OTHER_ATTRIBUTE, phrases[name]) for name in names if name in phrases]
    if "doubt" in phrases:
        found.append(Fault(PairFault.ANSWER_MISSING, phrases["doubt"]))
    if "?" in text:
        found.append(Fault(PairFault.ANSWER_MISSING, "asks instead of answering"))
    found += contradictions(said, known, about_sequence=about_sequence)
    if about_sequence and MRSequence in known.values:
        sequence = MRSequence(known.values[MRSequence])
        bare = without_sequences(said)
        if (wrong := against_physics(bare, sequence)) is not None:
            found.append(Fault(PairFault.PHYSICS, wrong))
    if known.values.get(Enhancement) is not None and (given := _NOT_GIVEN.search(text)) is not None:
        found.append(Fault(PairFault.NOT_IN_LABEL, given.group()))
    return said, tuple(found)


def _answer_faults(
    text: str, pair: InstructionPair, asked: StrEnum | None, facts: Sequence[Fact], known: Known
) -> Found:
    said, found = _said(text, pair.question_type, known)
    if said is not None and asked is not None and asked not in said.stated:
        found = (*found, Fault(PairFault.ANSWER_MISSING, asked.value))
    yield from found
    if said is not None and not found:
        yield from _of_wording(said, pair, asked, facts, known, None)


def _explanation_faults(
    text: str, pair: InstructionPair, item: ClosedItem, right: StrEnum | None, facts: Sequence[Fact], known: Known
) -> Found:
    if item.is_rejection and right is not None:
        text = _not_offered(right, text)
    said, found = _said(text, item.question_type, known)
    if said is not None:
        found = (*found, *letter_faults(said, text, item, right))
        if right is not None and right not in said.stated:
            fault = PairFault.ANSWER_MISSING if item.is_rejection else PairFault.LETTER_INCONSISTENT
            found = (*found, Fault(fault, f"does not state {right.value}"))
    yield from found
    if said is not None and not found:
        yield from _of_wording(said, pair, right, facts, known, item)


def _of_wording(
    said: Said,
    pair: InstructionPair,
    asked: StrEnum | None,
    facts: Sequence[Fact],
    known: Known,
    item: ClosedItem | None,
) -> Found:
    """Faults of an answer that says nothing wrong: what is beside the question, taken back, or not understood."""
    if item is not None:
        said = without_denied_options(said, item)
    found = (
        *beside_the_question(said, pair, asked),
        *taken_back(said, known, is_rejection=item is not None and item.is_rejection),
    )
    yield from found or unknown_in_answer(said, pair, asked, facts, item)


def _not_offered(right: StrEnum, text: str) -> str:
    """ "Oval is not offered" denies no oval where no option says it."""
    pattern = rf"\b({re.escape(display(right))}) (?:is|was) not (?:among|offered|listed|an option)\b"
    return re.sub(pattern, r"\1 is missing", text, flags=re.IGNORECASE)


def _right(item: ClosedItem) -> StrEnum | None:
    """The term that a closed question's letter stands for, or that was taken out of its options."""
    text = item.text_of(item.answer)
    return recode(ANSWERS[item.question_type], item.removed_answer if text == NONE_OF_THE_ABOVE else text)


def _agree(right: StrEnum, asked: StrEnum) -> bool:
    """Whether the right option is what the label says; a typed tumor may be asked as abnormal."""
    return comparable(right, asked) or (right is TumorType.TUMOR and asked is not TumorType.HEALTHY)
