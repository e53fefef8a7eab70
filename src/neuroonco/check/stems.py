"""What a question's stem gives away: a finding, a diagnosis, or what only the mask could tell."""

import re

from neuroonco.mentions import ANSWER_TERMS, Mention, mentions, other_concepts
from neuroonco.vocabulary import MRSequence, QuestionType, TumorType

_OR = frozenset(("or", "versus", "vs"))
_WORDS_AFTER = 4
"""A choice may follow so many words after a value: "solitary lesion or multiple lesions"."""


def named_in_stem(question: str, kind: QuestionType | None = None) -> str | None:
    """The first finding or diagnosis that a stem names, or None.

    Values that the stem puts up for choice ("solitary or multifocal?") are none. A sequence is one only where it is
    asked for. The bare word tumor is one only in a diagnosis question: elsewhere it stands for the lesion.

    >>> named_in_stem("Is the glioma solitary or multifocal?"), named_in_stem("Where is the lesion?")
    ('glioma', None)
    >>> named_in_stem("Does the lesion appear solitary or multifocal?"), named_in_stem("How large is the lesion?")
    (None, None)
    """
    every = mentions(question, ANSWER_TERMS)
    tumors = {m.value for m in every if _is_tumor(m)}
    chosen = {type(m.value) for m in every if not _is_tumor(m) and _is_choice(question, m)}
    for found in every:
        if isinstance(found.value, MRSequence) and kind is not QuestionType.MODALITY:
            continue
        if found.value is TumorType.TUMOR and not found.finer and kind is not QuestionType.DIAGNOSIS:
            continue
        if _is_tumor(found) and len(tumors) == 1:
            return found.text
        if type(found.value) not in chosen and not _is_choice(question, found):
            return found.text
    others = other_concepts(question)
    return others[0] if others else None


def _is_tumor(found: Mention) -> bool:
    """Whether a tumor type is named, not only whether there is one."""
    return isinstance(found.value, TumorType) and (found.value.is_specific or found.finer)


def _is_choice(question: str, found: Mention) -> bool:
    """Whether "or" stands just before a value, or soon after it."""
    after = re.findall(r"\w+|[.;?!]", question[found.end :])[:_WORDS_AFTER]
    before = re.findall(r"\w+|[.;?!]", question[: found.start])[-2:]
    if {".", ";", "?", "!"} & set(after):
        after = after[: min(after.index(end) for end in ".;?!" if end in after)]
    return any(word.lower() in _OR for word in [*after, *before])
