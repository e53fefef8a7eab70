"""Which terms a question offers: drawn uniformly, so that what stands beside the truth says nothing about it."""

from collections.abc import Sequence
from enum import StrEnum
from random import Random
from typing import TypeVar

E = TypeVar("E", bound=StrEnum)


def offered_terms(truth: E, values: Sequence[E], options: int, place: int | None, rng: Random) -> list[E]:
    """The terms of one question, in the order of their letters.

    With n values, each the truth equally often, k options and a share r of rejection items, a set S of k terms is
    offered with each truth t in S with probability (1 - r) / (n C(n - 1, k - 1)), and as a rejection item with
    r k / (n C(n - 1, k - 1)). Whoever knows S alone can only say (1 - r) / k for each term, and r for none of them.

    Args:
        truth: one of the values.
        values: all answers of the pool; more than ``options``, or exactly as many where nothing is rejected.
        options: terms to offer.
        place: of the truth among them, which has to be drawn uniformly too; None leaves the truth out.
        rng: of this question alone.

    >>> from neuroonco.vocabulary import LesionSpread
    >>> sorted(offered_terms(LesionSpread.SOLITARY, list(LesionSpread), 2, None, Random(1)))
    [<LesionSpread.DOMINANT_WITH_SATELLITES: 'dominant_with_satellites'>, <LesionSpread.SCATTERED: 'scattered'>]
    """
    others = [value for value in values if value is not truth]
    if place is None:
        return rng.sample(others, options)
    terms = rng.sample(others, options - 1)
    return [*terms[:place], truth, *terms[place:]]


def turned(terms: Sequence[E], truth: E, values: Sequence[E], rng: Random) -> list[E]:
    """The same terms with the truth put in for one of them, or taken out for one that was not offered.

    Args:
        terms: what a question offers.
        truth: its answer, offered or not.
        values: all answers of the pool; one more than the terms at least.
        rng: of this question alone.
    """
    found = list(terms)
    if truth in found:
        found[found.index(truth)] = rng.choice([value for value in values if value not in found])
    else:
        found[rng.randrange(len(found))] = truth
    return found
