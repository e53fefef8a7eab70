"""Ratios and means over questions, with intervals that resample clusters."""

from collections.abc import Iterable, Sequence

import numpy as np

from neuroonco.intervals import Estimate
from neuroonco.resampling import Floats, around
from neuroonco.score.closed.clustering import FLAT, ClusteredQuestions

Column = Iterable[float]
"""One number a question, in the order of the questions."""


def ratio(clusters: ClusteredQuestions, part: Column, whole: Column, among: Column | None = None) -> Estimate:
    """Sum of one column over the sum of another, 0 to 1, with its 95 % interval over clusters.

    Args:
        clusters: of the questions.
        part: of each question, 0 to its ``whole``.
        whole: of each question, at least 0.
        among: what ``n`` counts; ``whole`` where it is None.
    """
    columns = np.column_stack([_floats(part), _floats(whole)])
    counted = columns[:, 1] if among is None else _floats(among)
    value = _divided(columns.sum(axis=0)[None])[0]
    known = None if np.isnan(value) else float(value)
    return clusters.figure(known, _divided(clusters.totals(columns)), counted)


def mean(clusters: ClusteredQuestions, values: Sequence[float | None]) -> Estimate:
    """The mean of the values that there are, each 0 to 1; ``n``: how many.

    Args:
        clusters: of the questions.
        values: of each question; None where it has none.
    """
    return ratio(clusters, (value or 0.0 for value in values), [value is not None for value in values])


def mean_difference(clusters: ClusteredQuestions, values: Sequence[float | None]) -> Estimate:
    """The mean of differences, -1 to 1; without an interval where no resample differs.

    Args:
        clusters: of the questions.
        values: of each question; None where it has none.
    """
    known = [value is not None for value in values]
    columns = np.column_stack([_floats(value or 0.0 for value in values), _floats(known)])
    return _signed(_divided(columns.sum(axis=0)[None])[0], _divided(clusters.totals(columns)), sum(known))


def ratio_difference(
    clusters: ClusteredQuestions, ours: tuple[Column, Column], theirs: tuple[Column, Column], among: Column
) -> Estimate:
    """One ratio less another over the same questions, -1 to 1, both in the same resamples.

    Args:
        clusters: of the questions.
        ours, theirs: part and whole of each question, as for :func:`ratio`.
        among: what ``n`` counts.

    Returns:
        Without an interval where no resample differs.
    """
    pairs = [np.column_stack([_floats(part), _floats(whole)]) for part, whole in (ours, theirs)]
    value, other = (_divided(columns.sum(axis=0)[None])[0] for columns in pairs)
    resampled, others = (_divided(clusters.totals(columns)) for columns in pairs)
    return _signed(value - other, resampled - others, round(float(_floats(among).sum())))


def _signed(value: float, resampled: Floats, n: int) -> Estimate:
    found = around(None if np.isnan(value) else float(value), resampled, n)
    is_flat = found.low is None or found.high is None or found.high - found.low <= FLAT
    return found.model_copy(update={"low": None, "high": None}) if is_flat else found


def _floats(column: Column) -> Floats:
    return np.fromiter(column, np.float64)


def _divided(columns: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        shares: Floats = np.where(columns[:, 1] > 0, columns[:, 0] / columns[:, 1], np.nan)
    return shares
