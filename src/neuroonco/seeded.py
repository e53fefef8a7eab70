"""Seeded draws that depend on what is drawn for, never on the order in which it comes."""

from collections.abc import Callable, Iterable
from random import Random
from typing import TypeVar

from neuroonco.store import sha256_text

T = TypeVar("T")


def random_for(seed: int, *names: str) -> Random:
    """A generator of its own for one named decision."""
    return Random(int(sha256_text(str(seed), *names)[:32], 16))


def shuffled(items: Iterable[T], seed: int, purpose: str, name: Callable[[T], str]) -> list[T]:
    """A seeded order of named items, the same whichever order they come in."""
    return sorted(items, key=lambda item: (sha256_text(str(seed), purpose, name(item)), name(item)))
