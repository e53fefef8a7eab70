"""Which terms of the vocabulary a text names, and whether it gives a measurement.

A text is cut into words once; every known spelling is looked up from its first word, the longest first. Most spellings
count wherever they stand; everyday words (present, mild, solid, center, normal) only in company, by the rules of
``vocabulary/contexts.toml``. A text that is nothing but a spelling counts as it is: an option, a key term.

What this cannot do: it reads words, not sentences. What a pronoun stands for, a comparison ("larger"), an anatomical
place, a paraphrase that no spelling covers ("a second focus") and a negation more than some words away are not seen;
whose finding it is ("the gray matter is hyperintense") is not known. Questions are not told from statements, but what
is asked for with "how" is not named.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from neuroonco.mention_contexts import Context, Words, allowed, denied, load_contexts, noun_claim
from neuroonco.vocabulary import (
    Edema,
    Enhancement,
    ImageRegion,
    LesionSize,
    LesionSpread,
    Margins,
    MRSequence,
    Shape,
    SignalIntensity,
    Texture,
    TumorType,
    enum_of,
)
from neuroonco.vocabulary.concepts import concept_spellings, display_of, uppers
from neuroonco.vocabulary.recoder import group_of, normalise, spellings

ANSWER_TERMS: tuple[type[StrEnum], ...] = (
    *(TumorType, MRSequence, LesionSize, Shape, LesionSpread, ImageRegion),
    *(Margins, Texture, Enhancement, Edema, SignalIntensity),
)
"""The enumerations whose terms answer questions."""
_NAMED_BY_CONCEPTS = (TumorType, MRSequence)
"""Groups of which finer and other names are looked for in prose too; the others' are phrases of options."""
_JOINT = re.compile(r"[\s_\-\u2010-\u2013]+")
_JOINT_OR_SLASH = re.compile(r"[\s_\-\u2010-\u2013/]+")

_NUMBER = r"\d+(?:[.,]\d+)?"
_MEASUREMENT = re.compile(
    rf"\b[xy]\s*[=:\u2248]\s*{_NUMBER}"
    rf"|\(\s*{_NUMBER}\s*[,;]\s*{_NUMBER}\s*\)"
    rf"|{_NUMBER}\s*(?:%|percent\b|per\s+cent\b)"
    rf"|{_NUMBER}[\s-]*(?:mm|cm|ml|cc|millimet\w+|centimet\w+|px|pixels?)(?![a-z])"
    rf"|\b(?:circularity|elongation|solidity|eccentricity|roundness|coordinates?)\b[^.;]{{0,40}}?{_NUMBER}"
    r"|(?<![\w.])\d+\.\d+(?![\w.]*\d)(?!\s*-?(?:t|tesla)\b)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Mention:
    """One term named in a text.

    Attributes:
        value: the term; a bare "no edema" or "without enhancement" names ``absent``.
        start, end: where it stands, as indices of the text.
        text: the words.
        negated: the words around it deny ``value``: "no ring enhancement", "rather than round". False for a named
            ``absent``, which states it.
        finer: the words say more than ``value`` does: glioblastoma for glioma.
    """

    value: StrEnum
    start: int
    end: int
    text: str
    negated: bool = False
    finer: bool = False


def mentions(text: str, enums: Iterable[type[StrEnum]] = ANSWER_TERMS) -> tuple[Mention, ...]:
    """The terms that a text names, in its order.

    Args:
        enums: of which enumerations; what the words mean is judged against all of :data:`ANSWER_TERMS` in any case,
            so that "heterogeneous enhancement" is never a texture.

    >>> [str(m.value) for m in mentions("Edema present, enhancement absent: a T1CE slice of a GBM.")]
    ['present', 'absent', 't1ce', 'glioma']
    >>> [(str(m.value), m.negated) for m in mentions("Its margins are ill-defined, without ring enhancement or edema.")]
    [('ill_defined', False), ('ring', True), ('absent', False)]
    >>> mentions("How bright is the lesion against normal-appearing deep white matter?")
    ()
    >>> mentions("In which part of the picture does the lesion's center lie?")
    ()
    """
    wanted = frozenset(enums)
    return tuple(m for m in named_in(text)[0] if type(m.value) in wanted)


def other_concepts(text: str) -> tuple[str, ...]:
    """Diagnoses and techniques named in a text that no term of the vocabulary covers, each once, by display name.

    >>> other_concepts("A lymphoma rather than an abscess?")
    ('Lymphoma', 'Abscess')
    """
    return named_in(text)[1]


def named_in(text: str) -> tuple[tuple[Mention, ...], tuple[str, ...]]:
    """What :func:`mentions` and :func:`other_concepts` find in a text, read once."""
    found = tuple(_scan(text))
    named = tuple(m for m in found if isinstance(m, Mention))
    if len(text) < _LONGEST_SPELLING and (alone := _alone(normalise(text))):
        start, end = text.index(text.strip()), len(text.rstrip())
        named = tuple(Mention(value, start, end, text.strip(), finer=finer) for value, finer in alone)
    return named, tuple(dict.fromkeys(m for m in found if isinstance(m, str)))


def has_measurement(text: str) -> str | None:
    """The first coordinate, percentage, length, pixel count or shape index in a text, or None.

    Field strengths ("1.5 T") are none; nor are counts ("3 foci").

    >>> has_measurement("at approximately (x=91, y=93)"), has_measurement("about 1.50% of the image")
    ('x=91', '1.50%')
    >>> has_measurement("a circularity value of 0.63"), has_measurement("T2 at 1.5 T, 3 foci")
    ('circularity value of 0.63', None)
    """
    found = _MEASUREMENT.search(text) if any(map(str.isdigit, text)) else None
    return found.group() if found else None


# --- the table ---

_LONGEST_SPELLING = 90


@dataclass(frozen=True, slots=True)
class _Spelling:
    words: tuple[str, ...]
    value: StrEnum | None
    other: str | None
    finer: bool
    joint: re.Pattern[str]
    contexts: tuple[Context, ...]
    noun: str | None = None


def _meant(enum: type[StrEnum], token: str) -> tuple[StrEnum | None, bool]:
    """The term of ours that a concept is, or is finer than; whether it is finer."""
    ours = {value.value: value for value in enum}
    if token in ours:
        return ours[token], False
    above = sorted(upper for upper in uppers(enum, token) if upper in ours)
    return (ours[max(above, key=lambda upper: len(uppers(enum, upper)))], True) if above else (None, True)


@cache
def _table() -> dict[str, tuple[_Spelling, ...]]:
    """Spellings by their first word, longest first."""
    rules = load_contexts()
    by_place: dict[tuple[str, str], list[Context]] = {}
    for rule in rules.context:
        for spelling in rule.spellings:
            for group in [rule.group] if rule.group else map(group_of, ANSWER_TERMS):
                by_place.setdefault((group, normalise(spelling)), []).append(rule)
    rows: list[_Spelling] = []
    for enum in ANSWER_TERMS:
        group = group_of(enum)
        known = {text: value.value for text, value in spellings(enum).items()}
        if enum in _NAMED_BY_CONCEPTS:
            known |= concept_spellings(enum)
            if enum is TumorType:
                known |= {f"{text}s": token for text, token in known.items() if f"{text}s" not in known}
        joint = _JOINT if enum is MRSequence else _JOINT_OR_SLASH
        for text, token in known.items():
            value, finer = _meant(enum, token)
            other = display_of(enum, token) if value is None else None
            contexts = tuple(by_place.get((group, text), ()))
            rows.append(_Spelling(tuple(text.split()), value, other, finer, joint, contexts))
    for noun in rules.noun:
        for text in noun.spellings:
            rows.append(_Spelling((text,), None, None, False, _JOINT, (), noun.group))
    table: dict[str, list[_Spelling]] = {}
    for row in sorted(rows, key=lambda row: -len(row.words)):
        table.setdefault(row.words[0], []).append(row)
    return {first: tuple(found) for first, found in table.items()}


@cache
def _whole() -> dict[str, tuple[tuple[StrEnum, bool], ...]]:
    table: dict[str, list[tuple[StrEnum, bool]]] = {}
    for enum in ANSWER_TERMS:
        for text, token in concept_spellings(enum).items():
            value, finer = _meant(enum, token)
            if value is not None:
                table.setdefault(text, []).append((value, finer))
    return {text: tuple(values) for text, values in table.items()}


def _alone(text: str) -> tuple[tuple[StrEnum, bool], ...]:
    return _whole().get(text, ())


# --- the scan ---


def _scan(text: str) -> Iterator[Mention | str]:
    """Mentions in order, and display names of concepts that are no term of ours."""
    words = Words(text)
    table = _table()
    i = 0
    while i < len(words.words):
        used = 0
        for row in table.get(words.words[i], ()):
            if len(row.words) < used or not _stands(row, words, i):
                continue
            found = _judge(row, words, i)
            if found is not None or row.contexts:  # what its context refuses, no shorter spelling names
                used = len(row.words)
            if found is not None:
                yield found
        i += used or 1


def _stands(row: _Spelling, words: Words, i: int) -> bool:
    n = len(row.words)
    if n == 1:
        return True
    if tuple(words.words[i : i + n]) != row.words:
        return False
    return all(row.joint.fullmatch(words.gap(j)) for j in range(i, i + n - 1))


def _judge(row: _Spelling, words: Words, i: int) -> Mention | str | None:
    end = i + len(row.words)
    start_at, end_at = words.spans[i][0], words.spans[end - 1][1]
    if row.noun is not None:
        claim = noun_claim(words, i, end)
        if claim is None:
            return None
        value = enum_of(row.noun)("present" if claim else "absent")
        return Mention(value, start_at, end_at, words.text[start_at:end_at])
    if not all(allowed(context, words, i, end) for context in row.contexts):
        return None
    if row.value is None:
        return row.other
    spoken = words.text[start_at:end_at]
    return Mention(row.value, start_at, end_at, spoken, denied(words, i, end), row.finer)
