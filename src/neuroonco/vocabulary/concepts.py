"""What other people's options mean: our terms, finer names of them, and what is none of our terms.

``recode`` knows our terms only, and a label is never made from anything else. To compare the options of a file of any
origin more must be known: that ``primary_CNS_lymphoma`` is a lymphoma, and that a glioblastoma is a glioma. That is in
``concepts.toml``; nothing there becomes a label.

>>> tumors = enum_of("tumor_type")
>>> meaning(tumors, "GBM"), meaning(tumors, "brain_metastasis"), meaning(tumors, "gout")
('glioblastoma', 'metastasis', None)
>>> overlap(tumors, "glioblastoma", "glioma"), overlap(tumors, "glioblastoma", "astrocytoma")
(True, False)
"""

import tomllib
from enum import StrEnum
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict

from neuroonco.vocabulary.recoder import coarser, display, enum_of, group_of, normalise, spellings


class Concept(BaseModel):
    """One entry of ``concepts.toml``.

    Attributes:
        display: canonical spelling; None for a term of ours, which has one already.
        under: the next coarser concept of the group.
        covers: terms of ours that it is coarser for.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    display: str | None = None
    spellings: tuple[str, ...] = ()
    under: str | None = None
    covers: tuple[str, ...] = ()
    description: str | None = None
    source: str | None = None


@cache
def load_concepts() -> dict[str, dict[str, Concept]]:
    """Concepts by group and token.

    Raises:
        ValueError: an entry contradicts the vocabulary or another entry; the package is broken.
    """
    tables = tomllib.loads(files("neuroonco.vocabulary").joinpath("concepts.toml").read_text("utf-8"))
    found = {group: {token: Concept(**entry) for token, entry in of.items()} for group, of in tables.items()}
    for group, concepts in found.items():
        ours = {value.value for value in enum_of(group)}
        for token, concept in concepts.items():
            if (token in ours) != (concept.display is None):
                raise ValueError(f"concepts.toml: {group}.{token} needs a display name if it is no term, and only then")
            uppers = [concept.under] if concept.under else []
            if unknown := set(uppers + list(concept.covers)) - ours - set(concepts):
                raise ValueError(f"concepts.toml: {group}.{token} names unknown {sorted(unknown)}")
    return found


@cache
def concept_spellings(enum: type[StrEnum]) -> dict[str, str]:
    """Normalised spelling -> token, of the concepts and of our terms.

    Raises:
        ValueError: one spelling names two things.
    """
    table = {spelling: value.value for spelling, value in spellings(enum).items()}
    for token, concept in load_concepts().get(group_of(enum), {}).items():
        for spelling in (token, *concept.spellings, *([concept.display] if concept.display else [])):
            known = table.setdefault(normalise(spelling), token)
            if known != token:
                raise ValueError(f"concepts.toml: {spelling!r} names both {known} and {token}")
    return table


def meaning(enum: type[StrEnum], text: str) -> str | None:
    """Token of what a text means among the answers of a question; None for what is not known.

    Comparisons (``< 1 cm``) are never known: their signs do not survive the folding of spellings.
    """
    if any(sign in text for sign in "<>≤≥="):
        return None
    return concept_spellings(enum).get(normalise(text))


def display_of(enum: type[StrEnum], token: str) -> str:
    """Canonical spelling of a token.

    >>> display_of(enum_of("mr_sequence"), "dwi"), display_of(enum_of("tumor_type"), "embryonal")
    ('DWI', 'Embryonal tumor')
    """
    if token in {value.value for value in enum}:
        return display(enum(token))
    return load_concepts()[group_of(enum)][token].display or token


@cache
def uppers(enum: type[StrEnum], token: str) -> frozenset[str]:
    """All coarser tokens, without the token itself.

    >>> sorted(uppers(enum_of("tumor_type"), "glioblastoma"))
    ['glioma', 'high_grade_glioma', 'tumor']
    >>> sorted(uppers(enum_of("image_region"), "upper_left"))
    ['left_side']
    """
    concepts = load_concepts().get(group_of(enum), {})
    next_up = {name for name, concept in concepts.items() if token in concept.covers}
    if token in concepts and concepts[token].under:
        next_up.add(concepts[token].under or "")
    if token in {value.value for value in enum}:
        upper = coarser(enum(token))
        next_up |= {upper.value} if upper is not None else set()
    return frozenset(next_up.union(*(uppers(enum, name) for name in next_up)))


def overlap(enum: type[StrEnum], a: str, b: str) -> bool:
    """Whether one of two tokens is the other or a coarser name for it, so that both cannot stand in one list."""
    return a == b or a in uppers(enum, b) or b in uppers(enum, a)
