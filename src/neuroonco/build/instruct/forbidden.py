"""Phrases that no instruction pair may hold, from ``forbidden.toml``: found word by word."""

import re
import tomllib
from functools import cache, lru_cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict

_WORD = re.compile(r"[a-z0-9]+")


class PhraseList(BaseModel):
    """One list of ``forbidden.toml``.

    Attributes:
        phrases: words in a row; a word that ends in ``*`` may go on.
        unless: longer phrases that are allowed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    description: str
    source: str
    phrases: tuple[str, ...]
    unless: tuple[str, ...] = ()


@cache
def load_forbidden() -> dict[str, PhraseList]:
    """The lists by name."""
    tables = tomllib.loads(files("neuroonco.build.instruct").joinpath("forbidden.toml").read_text("utf-8"))
    return {name: PhraseList(**table) for name, table in tables.items() if name != "version"}


def phrases_in(text: str) -> dict[str, str]:
    """The first phrase of each list that a text holds, by name of the list.

    >>> phrases_in("A 54-year-old patient with the image of a cyst")
    {'invented_history': 'year', 'not_seen': 'cyst'}
    >>> phrases_in("The image shows courage and maturity.")
    {}
    """
    words = _WORD.findall(text.lower())
    found: dict[str, str] = {}
    for i, word in enumerate(words):
        for name, rest, excused in _beginning_with(word):
            if name in found or not _follows(rest, words, i + 1):
                continue
            if not any(_follows(one, words, i) for one in excused):
                found[name] = " ".join(words[i : i + 1 + len(rest)])
    return found


def _follows(rest: tuple[str, ...], words: list[str], start: int) -> bool:
    if start + len(rest) > len(words):
        return False
    return all(_is(words[start + n], pattern) for n, pattern in enumerate(rest))


def _is(word: str, pattern: str) -> bool:
    return word.startswith(pattern[:-1]) if pattern.endswith("*") else word == pattern


@lru_cache(maxsize=50_000)
def _beginning_with(word: str) -> tuple[tuple[str, tuple[str, ...], tuple[tuple[str, ...], ...]], ...]:
    """Lists and remaining words of the phrases that a word begins, with what would excuse them."""
    return tuple(
        (name, tuple(rest), tuple(tuple(one.split()) for one in table.unless if one.split()[0] == word))
        for name, table in load_forbidden().items()
        for first, *rest in map(str.split, table.phrases)
        if _is(word, first)
    )
