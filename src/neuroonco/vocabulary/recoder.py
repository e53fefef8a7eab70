"""Load ``terms.toml`` and ``synonyms.toml``; map any known spelling to one canonical term."""

import re
import tomllib
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import TypeVar

from pydantic import BaseModel, ConfigDict

from neuroonco.vocabulary import terms as _terms
from neuroonco.vocabulary import work_terms as _work_terms
from neuroonco.vocabulary.terms import Edema, Enhancement, Margins, Shape, Sign, SignalIntensity, Texture

E = TypeVar("E", bound=StrEnum)

SIGN_VALUES: dict[Sign, type[StrEnum]] = {
    Sign.SHAPE: Shape,
    Sign.MARGINS: Margins,
    Sign.TEXTURE: Texture,
    Sign.ENHANCEMENT: Enhancement,
    Sign.EDEMA: Edema,
    Sign.SIGNAL_INTENSITY: SignalIntensity,
}
"""Which enumeration holds the values of which sign."""


class Term(BaseModel):
    """One entry of ``terms.toml``.

    Attributes:
        display: the spelling shown to people and offered as an option.
        description: what it means.
        source: where the definition is from.
        coarser: the token of the next coarser term of the same group, if one is declared.
        interop: the reference's spelling, where it has one (a reading's spelling for signs).
        interop_attribute: the reference's spelling as a mask attribute, where that differs.
        bids: the BIDS suffix, for sequences.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    group: str
    token: str
    display: str
    description: str
    source: str
    coarser: str | None = None
    interop: str | None = None
    interop_attribute: str | None = None
    bids: str | None = None


_ENUMS: tuple[type[StrEnum], ...] = tuple(
    e
    for module in (_terms, _work_terms)
    for e in vars(module).values()
    if isinstance(e, type) and issubclass(e, StrEnum) and e is not StrEnum
)


def group_of(enum: type[StrEnum]) -> str:
    """``MRSequence`` -> ``mr_sequence``: the table of ``terms.toml`` that describes an enumeration."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", enum.__name__).lower()


@cache
def enum_of(group: str) -> type[StrEnum]:
    """The enumeration that a group of ``terms.toml`` describes."""
    for candidate in _ENUMS:
        if group_of(candidate) == group:
            return candidate
    raise KeyError(group)


@cache
def load_terms() -> dict[tuple[str, str], Term]:
    """All terms by (group, token), in file order."""
    tables = tomllib.loads(files("neuroonco.vocabulary").joinpath("terms.toml").read_text("utf-8"))
    return {
        (group, token): Term(group=group, token=token, **entry)
        for group, entries in tables.items()
        for token, entry in entries.items()
    }


def term(value: StrEnum) -> Term:
    """The entry that describes an enumeration's value."""
    return load_terms()[group_of(type(value)), value.value]


def display(value: StrEnum) -> str:
    """The spelling for people.

    >>> display(_terms.ImageRegion.UPPER_LEFT)
    'Upper left of the image'
    """
    return term(value).display


def interop(value: StrEnum | None, *, attribute: bool = False) -> str | None:
    """The reference's spelling, or None where it has none (so its files say null).

    >>> interop(Shape.OVAL), interop(Shape.OVAL, attribute=True), interop(Enhancement.ABSENT)
    ('Oval', 'Round/Oval', None)
    """
    if value is None:
        return None
    entry = term(value)
    return (entry.interop_attribute or entry.interop) if attribute else entry.interop


def coarser(value: E) -> E | None:
    """The declared next coarser term, or None where nothing coarser can be said."""
    token = term(value).coarser
    return None if token is None else type(value)(token)


def coarsenings(value: E) -> tuple[E, ...]:
    """The value itself and all its declared coarser terms, finest first."""
    found = [value]
    while (upper := coarser(found[-1])) is not None:
        found.append(upper)
    return tuple(found)


def comparable(a: StrEnum, b: StrEnum) -> bool:
    """Whether one of two terms of a group is the other, or a coarser term for it.

    >>> comparable(Shape.OVAL, Shape.ROUND_OR_OVAL), comparable(Shape.OVAL, Shape.ROUND)
    (True, False)
    """
    return a in coarsenings(b) or b in coarsenings(a)


def normalise(text: str) -> str:
    """Fold case and punctuation so that spellings can be compared; ``+`` is kept, T1C+ means contrast.

    >>> normalise("  T2_weighted-MRI ")
    't2 weighted mri'
    """
    return re.sub(r"[^a-z0-9+]+", " ", text.casefold()).strip()


@cache
def _aliases(enum: type[StrEnum]) -> dict[str, StrEnum]:
    tables = tomllib.loads(files("neuroonco.vocabulary").joinpath("synonyms.toml").read_text("utf-8"))
    table: dict[str, StrEnum] = {}
    group = group_of(enum)
    for value in enum:
        entry = load_terms().get((group, value.value))
        spellings = [value.value, *tables.get(group, {}).get(value.value, [])]
        if entry is not None:
            spellings += [s for s in (entry.display, entry.interop, entry.bids) if s]
        for spelling in spellings:
            known = table.setdefault(normalise(spelling), value)
            if known is not value:
                raise ValueError(f"synonyms.toml: {spelling!r} names both {known} and {value}")
    if "" in table:
        raise ValueError(f"synonyms.toml: an empty alias in {group}")
    # The reference's mask-attribute spelling may be shared (Round/Oval), so it never overrides another.
    for value in enum:
        entry = load_terms().get((group, value.value))
        if entry is not None and entry.interop_attribute:
            table.setdefault(normalise(entry.interop_attribute), value)
    return table


def spellings(enum: type[StrEnum]) -> dict[str, StrEnum]:
    """Every normalised spelling of an enumeration's terms."""
    return dict(_aliases(enum))


def recode(enum: type[E], text: str | None) -> E | None:
    """Map any known spelling to its canonical term; None for an unknown one, which is never guessed.

    >>> recode(_terms.TumorType, "Schwannoma (VIII nerve)") is None
    True
    >>> recode(_terms.TumorType, "pituitary_tumor")
    <TumorType.PITUITARY: 'pituitary'>
    """
    if text is None:
        return None
    found = _aliases(enum).get(normalise(text))
    return None if found is None else enum(found.value)
