"""Seeded draws that depend on what is drawn for, never on the order in which it comes."""

from collections.abc import Callable, Iterable
from random import Random
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from neuroonco.store import sha256_text

T = TypeVar("T")


def random_for(seed: int, *names: str) -> Random:
    """A generator of its own for one named decision."""
    return Random(int(sha256_text(str(seed), *names)[:32], 16))


def shuffled(items: Iterable[T], seed: int, purpose: str, name: Callable[[T], str]) -> list[T]:
    """A seeded order of named items, the same whichever order they come in."""
    return sorted(items, key=lambda item: (sha256_text(str(seed), purpose, name(item)), name(item)))


def remixed(numbers: NDArray[np.uint64], seed: int = 0) -> NDArray[np.uint64]:
    """Other seeded numbers from seeded numbers, so that what is drawn first by the ones is not first by the others.

    Source: SplitMix64, Steele et al., OOPSLA 2014.

    >>> remixed(np.array([0, 1], np.uint64)).tolist()
    [16294208416658607535, 10451216379200822465]
    """
    mixed = numbers + np.uint64(((seed + 1) * 0x9E3779B97F4A7C15) % 2**64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return mixed ^ (mixed >> np.uint64(31))
