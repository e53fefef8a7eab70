"""What a question's stem gives away: a finding, a diagnosis, or what only the mask could tell."""

import re
import unicodedata
from enum import StrEnum

from neuroonco.mentions import ANSWER_TERMS, Mention, mentions, other_concepts
from neuroonco.vocabulary import Edema, Enhancement, MRSequence, QuestionType, TumorType

_OR = frozenset(("or", "versus", "vs"))
_SIGNS = re.compile(
    r"\b(?:(?:micro)?calcifi(?:ed|cations?)|(?:poly)?cystic|cysts?|(?:micro)?ha?emorrhag(?:es?|ic)|necro(?:sis|tic)"
    r"|extra[\s-]?axial|intra[\s-]?axial|dur(?:al|a)[\s-](?:based|tail)|butterfly)\b",
    re.IGNORECASE,
)
"""Findings that no question asks for, but that tell of a diagnosis."""
_ASKS = re.compile(
    r"\W*(?:is|are|does|do|has|have|can)\b[^.!?]*?\b(?:there|any|present|visible|seen|show|shows|contain)\b"
)
_ASKED: dict[QuestionType, tuple[StrEnum, ...]] = {
    QuestionType.DIAGNOSIS: (TumorType.TUMOR,),
    QuestionType.ENHANCEMENT: (Enhancement.PRESENT, Enhancement.ABSENT),
    QuestionType.EDEMA: (Edema.PRESENT, Edema.ABSENT),
}
"""What a question with the answers yes and no must name to ask whether it is there."""
_WORDS_AFTER = 4
"""A choice may follow so many words after a value: "solitary lesion or multiple lesions"."""


def named_in_stem(question: str, kind: QuestionType | None = None) -> str | None:
    """The first finding or diagnosis that a stem names, or None.

    Values that the stem puts up for choice ("solitary or multifocal?") are none. A sequence is one only where it is
    asked for. The bare word tumor is one only in a diagnosis question: elsewhere it stands for the lesion. What a
    question of yes and no asks for is none ("Is there a tumor?"). Letters are compared by their plain forms, and
    characters that cannot be seen do not count.

    >>> named_in_stem("Is the glioma solitary or multifocal?"), named_in_stem("Where is the lesion?")
    ('glioma', None)
    >>> named_in_stem("Does the lesion appear solitary or multifocal?"), named_in_stem("How large is the lesion?")
    (None, None)
    >>> named_in_stem("Is edema present?", QuestionType.EDEMA), named_in_stem("What follows from the calcified rim?")
    (None, 'calcified')
    """
    question = _plain(question)
    every = mentions(question, ANSWER_TERMS)
    tumors = {m.value for m in every if _is_tumor(m)}
    chosen = {type(m.value) for m in every if not _is_tumor(m) and _is_choice(question, m)}
    for found in every:
        if isinstance(found.value, MRSequence) and kind is not QuestionType.MODALITY:
            continue
        if found.value is TumorType.TUMOR and not found.finer and kind is not QuestionType.DIAGNOSIS:
            continue
        if (
            kind is not None
            and not found.finer
            and found.value in _ASKED.get(kind, ())
            and _ASKS.match(question.lower())
        ):
            continue
        if _is_tumor(found) and len(tumors) == 1:
            return found.text
        if type(found.value) not in chosen and not _is_choice(question, found):
            return found.text
    others = other_concepts(question)
    if others:
        return others[0]
    sign = _SIGNS.search(question)
    return sign.group() if sign else None


def _plain(text: str) -> str:
    """Full-width and joined letters as plain ones; soft hyphens, joiners and other format characters gone."""
    return "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf")


def _is_tumor(found: Mention) -> bool:
    """Whether a tumor type is named, not only whether there is one."""
    return isinstance(found.value, TumorType) and (found.value.is_specific or found.finer)


def _is_asked_for(question: str, kind: QuestionType | None, found: Mention) -> bool:
    """Whether the question is whether this is there."""
    if kind is None or found.finer or found.value not in _ASKED.get(kind, ()):
        return False
    return _ASKS.match(question) is not None


def _is_choice(question: str, found: Mention) -> bool:
    """Whether "or" stands just before a value, or soon after it."""
    after = re.findall(r"\w+|[.;?!]", question[found.end :])[:_WORDS_AFTER]
    before = re.findall(r"\w+|[.;?!]", question[: found.start])[-2:]
    if {".", ";", "?", "!"} & set(after):
        after = after[: min(after.index(end) for end in ".;?!" if end in after)]
    return any(word.lower() in _OR for word in [*after, *before])
