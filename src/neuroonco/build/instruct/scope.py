"""Whether a pair stays with what was asked, in words that it may use."""

import re
from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum

from neuroonco.build.facts import Fact
from neuroonco.build.instruct.allowed import (
    own_questions,
    unknown_word,
    without_alternatives,
    without_own_denials,
    words_of_answers,
    words_of_questions,
)
from neuroonco.build.instruct.claims import Fault, Found, Said
from neuroonco.build.instruct.denials import blank, denial_start, denies
from neuroonco.build.instruct.letters import LETTER, spelled
from neuroonco.build.instruct.records import OPEN, InstructionPair
from neuroonco.build.records import ANSWERS, ClosedItem
from neuroonco.vocabulary import MRSequence, PairFault, QuestionType, TumorType

DETAIL, REASONING = "detail", "reasoning"
"""Subtypes of pairs about several facts."""
_SIDE = re.compile(
    r"\bon the (?:left|right)\b|\b(?:left|right)(?:most|wards?|-hand|-sided)\b|(?<!is )\bleft\b(?! out\b)"
    r"|(?<!is )(?<!are )(?<!be )\bright\b(?! (?:option|answer|term|one|choice|sequence|part|entity|impression|word|name"
    r"|diagnosis|size|shape|description|reading|category|class)\b)",
    re.IGNORECASE,
)


def is_binary(asked: StrEnum | None) -> bool:
    """Whether abnormal or healthy is asked, where the word lesion gives the answer away."""
    return isinstance(asked, TumorType) and not asked.is_specific


def subtype_of(pair: InstructionPair) -> str:
    """``detail`` or ``reasoning`` for what may speak of several facts, else ``open``.

    The diagnosis may be explained with what the slice shows of the lesion; nothing else is.
    """
    if pair.subtype in (DETAIL, REASONING):
        return pair.subtype
    explains = pair.file_kind != OPEN and pair.question_type is QuestionType.DIAGNOSIS
    return REASONING if explains else OPEN


def beside_the_question(said: Said, pair: InstructionPair, asked: StrEnum | None) -> Found:
    """What is spoken of that was not asked: another fact, a diagnosis or its type, a side."""
    own, subtype = ANSWERS[pair.question_type], subtype_of(pair)
    text = list(said.text)
    for one in said.named:
        blank(text, one.start, one.end)
        if _is_beside(one.value, own, subtype, asked):
            yield Fault(PairFault.OTHER_ATTRIBUTE, f"not asked: {one.text}")
    if (side := _SIDE.search(without_own_denials("".join(text)))) is not None:
        yield Fault(PairFault.OTHER_ATTRIBUTE, side.group())


def _is_beside(value: StrEnum, own: type[StrEnum], subtype: str, asked: StrEnum | None) -> bool:
    if not isinstance(value, TumorType):
        return type(value) is not own and subtype not in (DETAIL, REASONING)
    if is_binary(asked) or subtype == DETAIL:
        return value.is_specific
    if own is TumorType:
        return False
    return value is not TumorType.TUMOR or own is MRSequence  # "the margins of the tumor" are those of the lesion


# --- words ---


def unknown_in_question(stem: str, pair: InstructionPair, asked: StrEnum | None, facts: Sequence[Fact]) -> Found:
    """The first word of a question that it may not use; our own questions may use theirs."""
    if stem in own_questions():
        return
    several = pair.subtype if pair.subtype in (DETAIL, REASONING) else None
    words = words_of_questions(_wordings(pair.question_type, asked, facts, several), several)
    if (word := unknown_word(without_alternatives(stem), words)) is not None:
        yield Fault(PairFault.UNKNOWN_WORD, f"{word} (question)")


def unknown_in_answer(
    said: Said, pair: InstructionPair, asked: StrEnum | None, facts: Sequence[Fact], item: ClosedItem | None
) -> Found:
    """The first word of an answer that it may not use, what it denies of the same kind left out.

    Args:
        said: of the answer, without definitions.
        asked: the right term.
        facts: of the slice.
        item: the closed question that it explains; None for an open one.
    """
    kind = pair.question_type
    text = list(said.text)
    for one in said.named:
        if one.negated and type(one.value) is ANSWERS[kind]:
            blank(text, denial_start(said.text, one.start), one.end)
    rest = "".join(text)
    explained = None
    if item is not None:
        explained = _wordings(kind, asked, facts, None)[0]
        rest = LETTER.sub(" ", rest)
    words = words_of_answers(_spoken_of(kind, asked, facts, subtype_of(pair)), explained)
    if (word := unknown_word(rest, words)) is not None:
        yield Fault(PairFault.UNKNOWN_WORD, word)


def _wordings(kind: QuestionType, asked: StrEnum | None, facts: Sequence[Fact], several: str | None) -> tuple[str, ...]:
    """Wordings that may ask for a fact; of a question about several, those of all that is known."""
    if is_binary(asked):
        return ("diagnosis_binary",)
    names = [f.wording for f in facts if f.question_type is kind or several is not None]
    return tuple(dict.fromkeys(names or [kind.value]))


def _spoken_of(
    kind: QuestionType, asked: StrEnum | None, facts: Sequence[Fact], subtype: str
) -> tuple[tuple[str, StrEnum], ...]:
    """Facts that an answer may speak of."""
    found: list[tuple[str, StrEnum]] = []
    if asked is not None and is_binary(asked):
        found.append(("diagnosis_binary", asked))
    elif asked is not None:
        found += [(f.wording, asked) for f in facts if f.question_type is kind]
    if subtype in (DETAIL, REASONING) and asked is not TumorType.HEALTHY:
        typeless = subtype == DETAIL or is_binary(asked)
        found += [(f.wording, f.value) for f in facts if not (typeless and isinstance(f.value, TumorType))]
    return tuple(dict.fromkeys(found))


def without_denied_options(said: Said, item: ClosedItem) -> Said:
    """What is said, the wrong options that it denies left blank."""
    lower, text = said.text.lower(), list(said.text)
    for option in item.options:
        if option.letter == item.answer:
            continue
        for match in spelled(option.text).finditer(lower):
            if denies(said.text, match.start()):
                blank(text, denial_start(said.text, match.start()), match.end())
    return replace(said, text="".join(text))
