"""One figure of agreement: its parts, stratum by stratum and resample by resample, and the interval they give."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, stdtrit

from neuroonco.intervals import Estimate, wilson
from neuroonco.resampling import MIN_SHARE, Counts, Floats, Resamples
from neuroonco.review import coefficients
from neuroonco.review.coefficients import Parts

MIN_CLUSTERS = 10
"""Resamples of fewer clusters know too little of chance."""
FLAT = 1e-12
"""Resamples that differ by less do not differ: sums of floating point."""

Mask = npt.NDArray[np.bool_]


@dataclass
class Figure:
    """Parts of one coefficient, stratum by stratum; their first row is the data, the others are resamples.

    Attributes:
        touched: (clusters,) which have a question that counts.
        n: questions that count.
        known: the figure by a library, where there is one stratum.
    """

    touched: Mask
    parts: list[Parts] = field(default_factory=list)
    n: int = 0
    known: float | None = None

    def add(self, parts: Parts, counts: Mask, cluster_of: Counts) -> None:
        """Take in a stratum; ``counts`` are its questions that count, ``cluster_of`` the clusters of all of them."""
        self.parts.append(parts)
        self.n += int(counts.sum())
        self.touched[cluster_of[counts]] = True

    def estimate(self, *, is_share: bool = False) -> Estimate:
        """Value and interval.

        Where resamples know too little, the interval of a share takes in Wilson's with as many cases as clusters, and
        that of a coefficient is None.
        """
        if not self.n:
            return Estimate(value=None, low=None, high=None, n=0)
        found = coefficients.ratio(self.parts)
        point = float(found[0]) if self.known is None and not np.isnan(found[0]) else self.known
        few = int(self.touched.sum())
        interval = None if point is None else middle(found[1:], few)
        if point is None or interval is None:
            return Estimate(value=point, low=None, high=None, n=self.n)
        low, high = min(interval[0], point), max(interval[1], point)
        if few < MIN_CLUSTERS or high - low <= FLAT:
            if not is_share:
                return Estimate(value=point, low=None, high=None, n=self.n)
            broad = wilson(round(point * few), few)
            low = min(low, 0.0 if broad.low is None else broad.low)
            high = max(high, 1.0 if broad.high is None else broad.high)
        return Estimate(value=point, low=low, high=high, n=self.n)


def middle(values: Floats, clusters: int) -> tuple[float, float] | None:
    """The middle of what resamples gave, somewhat more than 95 % of it; None where too few of them gave anything.

    Resamples of few clusters spread too little, by the square root of (k - 1) / k, and the middle 95 % takes the normal
    for the t distribution. Quantiles further out make both good: the "expanded percentile interval" of Hesterberg,
    Am Stat 2015;69:371-386.

    Args:
        values: the figure in each resample, NaN where it has none.
        clusters: that count for the figure.

    >>> hundred = np.arange(101) / 100
    >>> [[round(end, 3) for end in middle(hundred, clusters)] for clusters in (12, 40, 1000)]
    [[0.011, 0.989], [0.02, 0.98], [0.025, 0.975]]
    >>> middle(np.array([np.nan, np.nan, 1.0]), 9) is None
    True
    """
    known = values[~np.isnan(values)]
    if known.size == 0 or known.size < MIN_SHARE * values.size:
        return None
    tail = float(ndtr(stdtrit(clusters - 1, 0.025) * (clusters / (clusters - 1)) ** 0.5)) if clusters > 1 else 0.0
    low, high = np.quantile(known, (tail, 1 - tail))
    return float(low), float(high)


def totals_of(sums: Floats, cluster_of: Counts, drawn: Resamples) -> Floats:
    """(1 + resamples, k) sums of (questions, k): of all, and in each resample."""
    present, at = np.unique(cluster_of, return_inverse=True)
    by_cluster = np.zeros((present.size, sums.shape[1]))
    np.add.at(by_cluster, at, sums)
    resampled = [weights[:, present].astype(np.float64) @ by_cluster for weights in drawn.blocks()]
    return np.concatenate([sums.sum(axis=0)[None], *resampled])
