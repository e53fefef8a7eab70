"""Groups of terms that are mistaken for one another, from ``confusion.toml``."""

import tomllib
from enum import StrEnum
from functools import cache
from importlib.resources import files

from neuroonco.vocabulary.recoder import enum_of


@cache
def _groups() -> dict[type[StrEnum], tuple[tuple[StrEnum, ...], ...]]:
    tables = tomllib.loads(files("neuroonco.vocabulary").joinpath("confusion.toml").read_text("utf-8"))
    found = {}
    for group, entries in tables.items():
        enum = enum_of(group)
        found[enum] = tuple(tuple(map(enum, tokens)) for name, tokens in entries.items() if name != "source")
        listed = [term for terms in found[enum] for term in terms]
        if len(set(listed)) != len(listed) or set(listed) != set(enum):
            raise ValueError(f"confusion.toml: every term of {group} has to stand in one group")
    return found


def confusion_groups(enum: type[StrEnum]) -> tuple[tuple[StrEnum, ...], ...]:
    """Groups of terms that are mistaken for one another; no term is in two, and every term is in one.

    >>> from neuroonco.vocabulary.terms import TumorType
    >>> [term.value for term in confusion_groups(TumorType)[1]]
    ['meningioma', 'pituitary', 'schwannoma']
    """
    return _groups().get(enum, (tuple(enum),))
