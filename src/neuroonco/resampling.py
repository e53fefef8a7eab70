"""Bootstrap over slices: what is said of one slice is not independent of the rest said of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from neuroonco.intervals import Estimate, wilson

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
RESAMPLES = 2000
"""Unless told otherwise: the 2.5 % quantile then rests on 50 of them."""
LEAST_RESAMPLES, MOST_RESAMPLES = 100, 100_000
"""That a command takes."""
SEED = 2602
"""Of the draws, unless told otherwise."""
BLOCK = 64
"""Resamples whose weights are turned into floating point at a time."""
KEPT_BYTES = 1 << 27
"""Weights up to this size are kept between figures."""
MIN_SHARE = 0.5
"""Of the resamples must have a figure, or there is no interval."""


@dataclass(frozen=True)
class Resamples:
    """How often each slice is drawn in each resample; the same for the same arguments.

    Attributes:
        slices: how many there are, in an order that does not depend on how they came.
        number: how many resamples.
        seed: of the draws.
    """

    slices: int
    number: int
    seed: int

    @cached_property
    def weights(self) -> npt.NDArray[np.uint8]:
        """(number, slices) counts; a slice drawn more than 255 times counts as 255."""
        return np.concatenate([np.zeros((0, self.slices), np.uint8), *self._drawn(max(self.number, 1))])

    def _drawn(self, rows: int) -> Iterator[npt.NDArray[np.uint8]]:
        rng = np.random.default_rng(self.seed)
        for start in range(0, self.number, rows):
            block = np.zeros((min(rows, self.number - start), self.slices), np.uint8)
            for row in block if self.slices else ():
                counts = np.bincount(rng.integers(0, self.slices, self.slices), minlength=self.slices)
                row[:] = np.minimum(counts, 255)
            yield block

    def blocks(self, rows: int = BLOCK) -> Iterator[npt.NDArray[np.uint8]]:
        """The rows of ``weights`` in order, at most ``rows`` at a time.

        Weights that fit into :data:`KEPT_BYTES` are drawn once and kept; larger ones are drawn anew each time, so that
        memory stays bounded however many slices there are.
        """
        if self.number * self.slices <= KEPT_BYTES:
            yield from (self.weights[i : i + rows] for i in range(0, self.number, rows))
        else:
            yield from self._drawn(rows)

    def totals(self, columns: Counts | Floats) -> Floats:
        """Sums over slices in each resample.

        Args:
            columns: (slices, k) counts or other sums.

        Returns:
            (number, k).
        """
        values = np.asarray(columns, np.float64)
        blocks = [block.astype(np.float64) @ values for block in self.blocks()]
        return np.concatenate(blocks) if blocks else np.zeros((0, values.shape[1]))


def clustered(successes: Counts, n: Counts, resamples: Resamples) -> list[Estimate]:
    """Pooled proportions whose interval takes slices, not values, as independent.

    The interval is the range between the 2.5th and the 97.5th percentile over resamples of whole slices. Where no
    resample differs, as where every value is right, such a range would claim certainty: it is then the Wilson
    interval with as many cases as there are slices with values.

    Args:
        successes: (slices, k) counts.
        n: (slices, k) counts, at least the successes.
        resamples: over these slices.

    Returns:
        k proportions; ``n`` of each is the number of values, not of slices.

    >>> right, stated = np.array([[2], [0], [1]]), np.array([[2], [1], [1]])
    >>> found = clustered(right, stated, Resamples(3, 200, 1))[0]
    >>> found.value, found.n
    (0.75, 4)
    >>> clustered(stated, stated, Resamples(3, 200, 1))[0] == Estimate(value=1.0, low=wilson(3, 3).low, high=1.0, n=4)
    True
    """
    hits, all_ = resamples.totals(successes), resamples.totals(n)
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = np.where(all_ > 0, hits / all_, np.nan)
    return [
        _pooled(int(successes[:, k].sum()), int(n[:, k].sum()), int((n[:, k] > 0).sum()), shares[:, k])
        for k in range(n.shape[1])
    ]


def _pooled(successes: int, n: int, slices: int, shares: Floats) -> Estimate:
    if n == 0:
        return wilson(0, 0)
    value = successes / n
    low, high = percentiles(shares) or (value, value)
    if low == high:
        few = wilson(round(value * slices), slices)
        low, high = few.low or 0.0, few.high or 0.0
    return Estimate(value=value, low=min(low, value), high=max(high, value), n=n)


def around(value: float | None, resampled: Floats, n: int) -> Estimate:
    """A figure that is no proportion, with the middle 95 % of its resamples; no interval where too few have a value.

    Args:
        value: None where there is no figure.
        resampled: the figure in each resample, NaN where it has none.
        n: cases.

    >>> around(0.5, np.array([0.1, 0.4, 0.6]), 9).n, around(None, np.array([np.nan]), 0).low
    (9, None)
    """
    interval = None if value is None else percentiles(resampled)
    if value is None or interval is None:
        return Estimate(value=value, low=None, high=None, n=n)
    return Estimate(value=value, low=min(interval[0], value), high=max(interval[1], value), n=n)


def percentiles(values: Floats) -> tuple[float, float] | None:
    """The middle 95 % of what resamples gave; None where too few of them gave anything.

    >>> percentiles(np.array([np.nan, np.nan, 1.0])) is None
    True
    """
    known = values[~np.isnan(values)]
    if known.size == 0 or known.size < MIN_SHARE * values.size:
        return None
    low, high = np.percentile(known, (2.5, 97.5))
    return float(low), float(high)
