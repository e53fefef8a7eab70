"""What an answer in free words states: for each attribute one value at most, and the values that it denies.

Words are found by ``neuroonco.mentions``; whether they are stated is decided in :mod:`neuroonco.score.open.standing`.
An answer that states several values of an attribute which cannot hold together states none of them. A sentence that
names three or more of them lists words, and nothing in it is a statement: listing all terms says nothing.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache

from neuroonco.mentions import ANSWER_TERMS
from neuroonco.score.open.naming import Named, named_in_text, plain
from neuroonco.score.open.standing import Standing, sentence_around
from neuroonco.score.open.wordings import STRONG
from neuroonco.vocabulary import MRSequence, TumorType
from neuroonco.vocabulary.concepts import uppers

LISTED_VALUES = 3
"""Values of one attribute, none coarser than another, with which a sentence is a list of words."""
_RANGE = re.compile(r"[\s\-\u2010-\u2013]*(?:to|or|/)[\s\-\u2010-\u2013]*", re.IGNORECASE)


_OFFER = re.compile(
    r"\b(?:is|are|was|were|does|do|did|has|have|can|could|would|whether)\b(?:(?!\bor\b)[^.;?]){1,200}?"
    r"\b(?P<or>or)\b[^.;?]{1,200}",
    re.IGNORECASE,
)
_WORDS_BEFORE_OR = 3


@dataclass(frozen=True)
class Statements:
    """What a text states.

    Attributes:
        stated: the one value of an attribute, as a token of the vocabulary or of its concepts.
        denied: values that are denied, by attribute.
        beside: values that a text says in passing beside a stronger statement, by attribute: the "primarily solitary"
            of a dominant core with satellites. They are not stated.
        ambiguous: attributes of which several values are stated, or one is stated and denied; none of them counts.
    """

    stated: Mapping[type[StrEnum], str]
    denied: Mapping[type[StrEnum], frozenset[str]]
    ambiguous: frozenset[type[StrEnum]]
    beside: Mapping[type[StrEnum], frozenset[str]] = field(default_factory=dict)


def read_statements(text: str, *, a_lesion_is_a_tumor: bool = True) -> Statements:
    """What a text states and denies.

    Args:
        a_lesion_is_a_tumor: "a mass" says of an answer that it calls the slice abnormal; of a reference it says nothing
            that an answer would have to repeat.

    >>> found = read_statements("A glioma rather than a meningioma, round, without edema. Ring or patchy enhancement.")
    >>> sorted(found.stated.values())
    ['absent', 'glioma', 'present', 'round']
    >>> read_statements("The differential includes glioma and metastasis.").stated
    {}
    """
    return _read(text, a_lesion_is_a_tumor)


@lru_cache(maxsize=8192)
def _read(text: str, a_lesion_is_a_tumor: bool) -> Statements:
    spoken = plain(text)
    stated: dict[type[StrEnum], str] = {}
    denied: dict[type[StrEnum], frozenset[str]] = {}
    beside: dict[type[StrEnum], frozenset[str]] = {}
    ambiguous: set[type[StrEnum]] = set()
    named = _without_lists(spoken, list(_with_ranges(spoken, named_in_text(spoken, a_lesion_is_a_tumor))))
    for enum in ANSWER_TERMS:
        said = [one for one in named if one.enum is enum and one.standing is Standing.STATED]
        against = frozenset(one.token for one in named if one.enum is enum and one.standing is Standing.DENIED)
        if against:
            denied[enum] = against
        if not said:
            continue
        finest = _finest(enum, _strongest(said))
        # A strong statement denies coarser words in another sense: satellites "rather than multiple equal foci".
        coarser = uppers(enum, finest) if finest and all(one.strength < STRONG for one in said) else frozenset()
        if finest is None or against & {finest, *coarser}:
            ambiguous.add(enum)
        else:
            stated[enum] = finest
            if others := {one.token for one in said} - _strongest(said) - uppers(enum, finest):
                beside[enum] = frozenset(others)
    return Statements(stated, denied, frozenset(ambiguous), beside)


def named_values(text: str) -> dict[type[StrEnum], str]:
    """What a question gives away: the value of an attribute that it names, whether it asks for it or not.

    Where it names several that cannot hold together, or one as an alternative to something else, it asks which, and
    gives none away.

    >>> named_values("Is the glioma solitary or multifocal?")
    {<enum 'TumorType'>: 'glioma'}
    >>> named_values("Is the glioma solitary, or does it look otherwise?")
    {<enum 'TumorType'>: 'glioma'}
    """
    spoken = plain(text)
    named = list(_with_ranges(spoken, named_in_text(spoken)))
    open_to_choice = set(_offered(spoken, named))
    found: dict[type[StrEnum], list[Named]] = {}
    for one in named:
        found.setdefault(one.enum, []).append(one)
    finest = {enum: _finest(enum, _strongest(said)) for enum, said in found.items() if enum not in open_to_choice}
    return {enum: token for enum, token in finest.items() if token is not None}


def _offered(spoken: str, named: Iterable[Named]) -> Iterator[type[StrEnum]]:
    """Attributes of which a value stands right before the "or" of "is it ... or ...?".

    Diagnoses and sequences are what is asked about: "does the glioma look solitary or otherwise?" offers no glioma.
    """
    said = [one for one in named if one.enum not in (TumorType, MRSequence)]
    for match in _OFFER.finditer(spoken):
        before = [one for one in said if match.start() <= one.start and one.end <= match.start("or")]
        last = max(before, key=lambda one: one.end, default=None)
        if last is not None and len(spoken[last.end : match.start("or")].split()) <= _WORDS_BEFORE_OR:
            yield last.enum


def _strongest(said: Iterable[Named]) -> set[str]:
    """The tokens of the strongest statements."""
    by_strength: dict[int, set[str]] = {}
    for one in said:
        by_strength.setdefault(one.strength, set()).add(one.token)
    return by_strength[max(by_strength)]


def _finest(enum: type[StrEnum], tokens: Iterable[str]) -> str | None:
    """The one token that all others are coarser for; None where there is none."""
    kept = _without_coarser(enum, tokens)
    return kept.pop() if len(kept) == 1 else None


def _without_coarser(enum: type[StrEnum], tokens: Iterable[str]) -> set[str]:
    kept = set(tokens)
    return kept - {upper for token in kept for upper in uppers(enum, token)}


def _without_lists(spoken: str, named: list[Named]) -> list[Named]:
    """What is named outside of sentences that are lists of words."""
    sentences = [sentence_around(spoken, one.start, one.end)[0] for one in named]
    values: dict[tuple[int, type[StrEnum]], list[Named]] = {}
    for one, sentence in zip(named, sentences, strict=True):
        if one.standing is Standing.STATED:
            values.setdefault((sentence, one.enum), []).append(one)
    lists = {
        sentence
        for (sentence, enum), said in values.items()
        if len(_without_coarser(enum, _strongest(said))) >= LISTED_VALUES
    }
    return [one for one, sentence in zip(named, sentences, strict=True) if sentence not in lists]


def _with_ranges(spoken: str, named: list[Named]) -> Iterator[Named]:
    """ "Round to oval" states their coarser term, and neither of the two."""
    i = 0
    while i < len(named):
        one = named[i]
        other = named[i + 1] if i + 1 < len(named) else None
        if other is not None and other.enum is one.enum and other.standing is one.standing is Standing.STATED:
            shared = uppers(one.enum, one.token) & uppers(one.enum, other.token)
            if shared and one.token != other.token and _RANGE.fullmatch(spoken[one.end : other.start]):
                nearest = max(shared, key=lambda token: (len(uppers(one.enum, token)), token))
                yield Named(one.enum, nearest, one.start, other.end, one.standing)
                i += 2
                continue
        yield one
        i += 1
