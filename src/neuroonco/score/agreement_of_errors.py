"""Whether two readings err on the same slices: what fusing them can gain, and what it cannot."""

import numpy as np

from neuroonco.resampling import Resamples, around, percentiles
from neuroonco.score.judged import SIGNS, Floats, SignTable
from neuroonco.score.validation_records import Correlation, ErrorCorrelation

MIN_SPREAD = 1e-9
"""Variances below this are rounding."""


def error_correlation(
    first: SignTable, second: SignTable, resamples: Resamples, *, all_assessable: bool
) -> ErrorCorrelation:
    """Correlation (phi) of "the first reading is wrong" and "the second reading is wrong".

    1: they are wrong on the same values, and fusing them removes no error. 0: the errors of one say nothing about
    those of the other, and where both agree an error is as rare as the product of their error rates, or rarer still
    because two wrong values must also be the same. Below 0: one is right where the other is wrong.

    It says nothing about how often they err: two nearly perfect readings that share their one error correlate at 1.
    Its largest possible value is below 1 where their error rates differ. ``overall`` pools all signs, so that a sign
    which both read badly among signs that both read well makes errors look shared which are independent within each
    sign; ``within_signs`` takes each sign's own error rates out. With ``all_assessable`` False, the cases are those
    that neither reader shied away from, so that two readers that abstain on hard slices look better than they are;
    with True, a reader that abstains looks right, which lowers the correlation of two readers that abstain in
    different places. Read both.

    Args:
        first, second: the same slices in the same order; swapping them changes ``only_first`` and ``only_second``
            alone.
        resamples: over these slices.
        all_assessable: False: values that both state, whether assessable or not. True: all assessable signs, where a
            sign left empty is no error.
    """
    cases = first.assessable if all_assessable else first.stated & second.stated
    wrong_a = cases & first.stated & ~first.right
    wrong_b = cases & second.stated & ~second.right
    # (slices, signs, 4): both wrong, only the first, only the second, neither
    found = (wrong_a & wrong_b, wrong_a & ~wrong_b, wrong_b & ~wrong_a, cases & ~wrong_a & ~wrong_b)
    cells = np.stack(found, axis=2).astype(np.int64)
    drawn = resamples.totals(cells.reshape(len(cells), 4 * len(SIGNS))).reshape(resamples.number, len(SIGNS), 4)
    counts = cells.sum(0).astype(np.float64)
    by_sign = {sign.value: _correlation(counts[column], phi(drawn[:, column])) for column, sign in enumerate(SIGNS)}
    overall = _correlation(counts.sum(0), phi(drawn.sum(1)))
    value = float(_within(counts[None])[0])
    within = around(None if np.isnan(value) else value, _within(drawn), int(counts.sum()))
    return ErrorCorrelation(by_sign=by_sign, overall=overall, within_signs=within)


def phi(cells: Floats) -> Floats:
    """Phi coefficient of 2 x 2 tables; NaN where a margin is empty.

    Args:
        cells: (..., 4) counts: both, only the first, only the second, neither.

    Source: Yule 1912; equal to Pearson's correlation of two 0-1 variables.

    >>> phi(np.array([[2.0, 0, 0, 2], [1, 1, 1, 1], [0, 0, 0, 4]])).tolist()
    [1.0, 0.0, nan]
    """
    both, first, second, neither = np.moveaxis(np.asarray(cells, np.float64), -1, 0)
    margins = (both + first) * (second + neither) * (both + second) * (first + neither)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(margins > 0, (both * neither - first * second) / np.sqrt(margins), np.nan)


def _within(cells: Floats) -> Floats:
    """Correlation of errors about each sign's own error rates: sums of covariances and variances over signs.

    Args:
        cells: (resamples, signs, 4), see :func:`phi`.

    Returns:
        (resamples,), NaN where one of the two never varies within a sign.
    """
    both, first, second, _ = np.moveaxis(cells, -1, 0)
    n = np.maximum(cells.sum(2), 1)
    rate_a, rate_b = both + first, both + second
    covariance = (both - rate_a * rate_b / n).sum(1)
    spread_a = (rate_a * (1 - rate_a / n)).sum(1)
    spread_b = (rate_b * (1 - rate_b / n)).sum(1)
    varies = (spread_a >= MIN_SPREAD) & (spread_b >= MIN_SPREAD)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(varies, covariance / np.sqrt(spread_a * spread_b), np.nan)


def _correlation(counts: Floats, resampled: Floats) -> Correlation:
    value = float(phi(counts))
    interval = None if np.isnan(value) else percentiles(resampled)
    both, first, second, neither = (int(c) for c in counts)
    return Correlation(
        value=None if np.isnan(value) else value,
        low=None if interval is None else min(interval[0], value),
        high=None if interval is None else max(interval[1], value),
        n=both + first + second + neither,
        both=both,
        only_first=first,
        only_second=second,
        neither=neither,
    )
