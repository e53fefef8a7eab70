"""Which terms one question is drawn from."""

from collections.abc import Mapping
from enum import StrEnum
from random import Random
from typing import TypeVar

E = TypeVar("E", bound=StrEnum)


def candidates(truth: E, counts: Mapping[E, int], size: int, rng: Random) -> list[E]:
    """Draw the ``size`` terms from which one question's options are taken; the truth is always among them.

    Systematic sampling along a randomly ordered line on which a term's length is its count, conditional on
    the truth being hit: a term is drawn in proportion to how often it is an answer. All questions together
    then have, for every drawn set, each of its members as the truth equally often, so that the set does not
    tell the truth. This is exact while no term holds more than 1/size of the answers; a more frequent one is
    in every set.

    Args:
        truth: the right answer, a key of ``counts``.
        counts: how many questions each term answers, all above 0; at least ``size`` terms.
        size: terms to draw.
        rng: the question's own generator.

    Returns:
        ``size`` distinct terms.

    Source: systematic sampling with unequal probabilities, Madow, Ann Math Stat 1949;20:333-354.
    """
    order = sorted(counts, key=lambda term: term.value)
    rng.shuffle(order)
    drawn: list[E] = []
    while True:  # terms that the sample must hold with certainty leave the line first
        rest = [t for t in order if t not in drawn]
        wanted, total = size - len(drawn), sum(counts[t] for t in rest)
        certain = [t for t in rest if wanted > 0 and counts[t] * wanted >= total]
        if not certain:
            break
        drawn.extend(certain[:wanted])
    if wanted == 0:
        return drawn
    starts: dict[E, int] = {}
    position = 0
    for t in rest:
        starts[t] = position
        position += counts[t] * wanted
    low, width = (starts[truth], counts[truth] * wanted) if truth in starts else (0, position)
    first = (low + rng.randrange(width)) % total
    points = [first + i * total for i in range(wanted)]
    drawn.extend(t for t in rest if any(starts[t] <= p < starts[t] + counts[t] * wanted for p in points))
    return drawn
