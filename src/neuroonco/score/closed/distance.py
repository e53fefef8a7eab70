"""How far observed frequencies lie from expected ones: a sum of absolute differences, which chance alone raises.

Such a sum is never negative, so that it is above 0 even where nothing differs but by chance, and the more so the fewer
the answers. The middle of its resamples adds chance a second time and does not hold the truth.
"""

from typing import NamedTuple

import numpy as np

from neuroonco.intervals import Estimate
from neuroonco.resampling import Floats
from neuroonco.score.closed.clustering import ClusteredQuestions, Values

ONE_SIDED = 0.975
"""Quantile of either end of a 95 % interval."""


class Distance(NamedTuple):
    """A sum of absolute differences.

    Attributes:
        found: the sum with its interval.
        by_chance: its mean over resamples where no group differed in truth and answers scattered as they do; None
            with fewer than two clusters.
    """

    found: Estimate
    by_chance: float | None


def distance(differences: Floats, among: Values, questions: ClusteredQuestions, *, share: float = 1.0) -> Distance:
    """Sum over groups of ``|difference|`` as shares of answers, 0 to 1.

    With d the sum found and e the errors of the groups' differences, which resampling of clusters shows, the true sum
    is at least d minus the sum of ``|e|``: the low end takes the 97.5 % quantile of that. The true sum is at most d
    minus the sum of e with the signs of the differences found, in expectation: the high end takes its 97.5 %
    quantile. Both hold at least as often as they say; at a true sum of 0 the low end is 0 as often as it says.

    Args:
        differences: (questions, groups) each question's part in each group's difference.
        among: (questions,) the questions that are counted, 0 or 1.
        questions: their clusters.
        share: of the sum that is reported.
    """
    columns = np.concatenate([differences, np.asarray(among, np.float64)[:, None]], axis=1)
    sums = questions.sums(columns)
    total = sums.sum(axis=0)
    if not total[-1]:
        return Distance(Estimate(value=None, low=None, high=None, n=0), None)
    gaps = total[:-1] / total[-1]
    resampled = questions.resamples.totals(sums)
    drawn = resampled[resampled[:, -1] > 0]
    errors = drawn[:, :-1] / drawn[:, -1:] - gaps
    value = share * float(np.abs(gaps).sum())
    if len(errors) < len(resampled) / 2 or not len(errors):
        return Distance(Estimate(value=value, low=None, high=None, n=round(float(total[-1]))), None)
    noise, signed = share * np.abs(errors).sum(axis=1), share * (errors @ np.sign(gaps))
    low = max(0.0, value - float(np.quantile(noise, ONE_SIDED)))
    high = min(1.0, value + float(np.quantile(np.abs(signed), 2 * ONE_SIDED - 1)))
    found = questions.widened(Estimate(value=value, low=low, high=high, n=round(float(total[-1]))), among)
    enough = int((sums[:, -1] > 0).sum()) > 1
    return Distance(found, float(noise.mean()) if enough else None)
