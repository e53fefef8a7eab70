"""What an option of a question means, so that spellings of one thing are one thing."""

from functools import cache

from neuroonco.build.records import ANSWERS, NONE_OF_THE_ABOVE, ClosedItem, Option, is_none
from neuroonco.prompts import load_wordings
from neuroonco.vocabulary import QuestionType, TumorType
from neuroonco.vocabulary.concepts import display_of, meaning, overlap

NONE_MEANING = "none_of_the_above"
_UNKNOWN = "="
"""Begins the meaning of a text that nothing is known about: then only equal texts mean the same."""


@cache
def meaning_of(kind: QuestionType, text: str) -> str:
    """Token of what an option means; for an unknown one its text with case, spaces, ``-`` and ``_`` folded.

    >>> meaning_of(QuestionType.DIAGNOSIS, "brain_metastasis"), meaning_of(QuestionType.SIZE, "1-3  cm")
    ('metastasis', '=1 3 cm')
    """
    if is_none(text):
        return NONE_MEANING
    folded = " ".join(text.casefold().replace("_", " ").replace("-", " ").split())
    return meaning(ANSWERS[kind], text) or _UNKNOWN + folded


def is_known(token: str) -> bool:
    """Whether the vocabulary or its concepts know what an option means."""
    return not token.startswith(_UNKNOWN)


@cache
def overlapping(kind: QuestionType, a: str, b: str) -> bool:
    """Whether two meanings are the same, or one is a coarser name for the other."""
    if a == b or not is_known(a) or not is_known(b) or NONE_MEANING in (a, b):
        return a == b
    return overlap(ANSWERS[kind], a, b)


@cache
def _our_wordings() -> dict[str, str]:
    """Names of our wordings by their questions; a question that two of them share is of neither."""
    found: dict[str, str] = {}
    shared: set[str] = set()
    for name, wording in load_wordings().closed.items():
        for stem in wording.stems:
            if found.setdefault(stem, name) != name:
                shared.add(stem)
    return {stem: name for stem, name in found.items() if stem not in shared}


def wording_of(item: ClosedItem) -> str | None:
    """Name of the wording in ``questions.toml`` that asks a question in these words, or None."""
    return _our_wordings().get(item.question)


def canonical_text(item: ClosedItem, token: str) -> str | None:
    """The one spelling of a meaning among a question's options, or None for a meaning that is not known.

    Our own wordings have spellings of their own for some terms. In other people's, a tumor is called abnormal where
    healthy stands beside it.
    """
    enum = ANSWERS[item.question_type]
    if token == NONE_MEANING:
        return NONE_OF_THE_ABOVE
    if not is_known(token):
        return None
    name = wording_of(item)
    if name is None and token == TumorType.TUMOR and TumorType.HEALTHY in meanings(item):
        name = "diagnosis_binary"
    if name is None or token not in {value.value for value in enum}:
        return display_of(enum, token)
    return load_wordings().closed[name].text_of(enum(token))


def place(item: ClosedItem) -> str:
    """Name of a question in findings."""
    return f"{item.image_id}#{item.q_index}"


def meanings(item: ClosedItem) -> tuple[str, ...]:
    """Meanings of a question's options, in order."""
    return tuple(meaning_of(item.question_type, option.text) for option in item.options)


def real_options(item: ClosedItem) -> tuple[Option, ...]:
    """The options but ``None of the above``."""
    return tuple(o for o in item.options if meaning_of(item.question_type, o.text) != NONE_MEANING)


def offers_none(item: ClosedItem) -> bool:
    """Whether ``None of the above`` is among the options."""
    return NONE_MEANING in meanings(item)


def truth_of(item: ClosedItem) -> str | None:
    """Meaning of the true answer, of a rejection item the one that was removed; None where it is not known."""
    text = item.removed_answer if item.is_rejection else item.text_of(item.answer)
    found = None if text is None else meaning_of(item.question_type, text)
    return None if found == NONE_MEANING else found
