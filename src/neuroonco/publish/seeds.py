"""Seeds that nobody can guess or search for: from a known one follows which slice a published name stands for.

A question's options are drawn from the seed, the slice id and what is asked. Slice ids follow from the collections, so
that who has these and the seed can draw the options of every slice and look which images offer the same.
"""

from collections.abc import Iterable

from neuroonco.build.records import ClosedItem, OpenItem
from neuroonco.errors import InputError

LEAST_PRIVATE_SEED = 2**56
"""Below it every seed can be tried; ``docs/publish-benchmark.md`` says how long that takes."""
DRAW_A_SEED = "python3 -c 'import secrets; print(2**62 + secrets.randbits(62))'"
"""Prints a seed of 62 random bits, all of which pass and fit into a column of 64-bit integers."""


def is_guessable(seed: int | None) -> bool:
    """Whether a seed is unknown, or small enough to be tried; of a large one nothing says that it was drawn.

    >>> is_guessable(2602), is_guessable(None), is_guessable(2**62 + 5)
    (True, True, False)
    """
    return seed is None or seed < LEAST_PRIVATE_SEED


def require_private_seeds(items: Iterable[ClosedItem | OpenItem]) -> None:
    """Refuse questions that were built with a seed that can be guessed.

    Raises:
        InputError: one of them was.
    """
    for seed in {item.seed for item in items}:
        if is_guessable(seed):
            told = "with no seed that is stated" if seed is None else f"with seed {seed}"
            what = f"built {told}: it can be guessed, and from it follows which slice each name stands for"
            fix = (
                f'build again with --seed "$({DRAW_A_SEED})" (of a run: `seed` in its profile) and show the seed to '
                "nobody, or pass --guessable-seed to publish names that can be undone"
            )
            raise InputError("SEED_GUESSABLE", what, fix=fix)
