"""The whole precision-omission curve over a confidence, and whether confidences mean what they say."""

import numpy as np
import numpy.typing as npt

from neuroonco.intervals import Estimate, wilson
from neuroonco.resampling import Resamples, around, clustered
from neuroonco.score.confidence_records import Calibration, Curve, CurvePoint, ReliabilityBin
from neuroonco.score.judged import SIGNS, Bools, Floats, SignTable

MAX_POINTS = 41
"""Of a curve, the first one included."""
BINS = 10
OVERALL = "overall"


def curves_of(table: SignTable, resamples: Resamples) -> dict[str, Curve]:
    """Precision and omission if values below a confidence were left out, for each sign and all signs pooled.

    A curve begins with the label as given and runs to the right, towards more omission: values that the reader kept
    back by its own thresholds are not in the label, so that nothing is known of what they would have cost.

    A value without a confidence remains at every threshold. The pooled curve applies one threshold to all signs,
    which is fair only where confidences of different signs mean the same: see the calibration. A threshold that is
    picked from this curve for its precision is picked on the slices that it is then measured on, which flatters it;
    :func:`at_omission` picks by omission.

    Args:
        table: all slices.
        resamples: over these slices, for the pooled curve; single signs have Wilson intervals.
    """
    curves = {OVERALL: _curve(table, np.ones(len(SIGNS), np.bool_), resamples)}
    for column, sign in enumerate(SIGNS):
        curves[sign.value] = _curve(table, np.arange(len(SIGNS)) == column, None)
    return curves


def thresholds_of(confidences: Floats) -> Floats:
    """Where a curve has points: 0, and so many of the confidences that occur that a line through them is smooth.

    >>> thresholds_of(np.array([0.5, 0.9, 0.9, 0.7])).tolist()
    [0.0, 0.7, 0.9]
    """
    distinct = np.unique(confidences)[1:]  # the lowest leaves out nothing, as 0 does
    if distinct.size > MAX_POINTS - 1:
        at = np.linspace(0, confidences.size - 1, MAX_POINTS).round().astype(int)[1:]
        distinct = np.intersect1d(np.sort(confidences)[at], distinct)
    return np.concatenate([[0.0], distinct])


def _curve(table: SignTable, columns: Bools, resamples: Resamples | None) -> Curve:
    stated = table.stated & columns
    known = stated & ~np.isnan(table.confidence)
    thresholds = thresholds_of(table.confidence[known])
    assessable = (table.assessable & columns).sum(1)
    kept = [stated & (~known | (table.confidence >= t)) for t in thresholds]
    counts = np.stack([k.sum(1) for k in kept], axis=1)
    right = np.stack([(k & table.right).sum(1) for k in kept], axis=1)
    exact = np.stack([(k & table.exact).sum(1) for k in kept], axis=1)
    omitted = np.stack([assessable - (k & table.assessable).sum(1) for k in kept], axis=1)
    all_ = np.repeat(assessable[:, None], len(thresholds), axis=1)
    if resamples is None:
        figures = [_each(right, counts), _each(exact, counts), _each(omitted, all_)]
    else:
        pairs = ((right, counts), (exact, counts), (omitted, all_))
        figures = [clustered(successes, n, resamples) for successes, n in pairs]
    points = [
        CurvePoint(threshold=float(t), precision=p, exact=e, omission=o)
        for t, p, e, o in zip(thresholds, *figures, strict=True)
    ]
    return Curve(points=tuple(points), without_confidence=int((stated & ~known).sum()))


def _each(successes: np.ndarray, n: np.ndarray) -> list[Estimate]:
    return [wilson(int(s), int(m)) for s, m in zip(successes.sum(0), n.sum(0), strict=True)]


def at_omission(curve: Curve, limit: float) -> CurvePoint | None:
    """The strictest point whose omission is within a limit; None where the label as given already omits more.

    The choice looks at omission alone, so that the precision found there is not the luckiest of many.

    Args:
        curve: by rising threshold.
        limit: share of assessable signs that may be left empty.
    """
    within = [p for p in curve.points if p.omission.value is not None and p.omission.value <= limit]
    return within[-1] if within else None


def calibration_of(table: SignTable, resamples: Resamples) -> dict[str, Calibration]:
    """:func:`reliability` of each sign, and of all signs pooled.

    Args:
        table: all slices.
        resamples: over these slices, for the interval of the calibration error.
    """
    found = {OVERALL: _calibration(table, np.ones(len(SIGNS), np.bool_), resamples)}
    for column, sign in enumerate(SIGNS):
        found[sign.value] = _calibration(table, np.arange(len(SIGNS)) == column, resamples)
    return found


def _calibration(table: SignTable, columns: Bools, resamples: Resamples) -> Calibration:
    stated = table.stated & columns
    known = stated & ~np.isnan(table.confidence)
    found = reliability(table.confidence[known], table.right[known], int((stated & ~known).sum()))
    rows, number = np.nonzero(known)[0], _bin_of(table.confidence[known])
    sums = np.zeros((table.slices, 2, BINS))  # (right minus confidence, values) by slice and bin
    np.add.at(sums[:, 0], (rows, number), table.right[known] - table.confidence[known])
    np.add.at(sums[:, 1], (rows, number), 1.0)
    drawn = resamples.totals(sums.reshape(table.slices, 2 * BINS)).reshape(resamples.number, 2, BINS)
    values = drawn[:, 1].sum(1)
    with np.errstate(invalid="ignore", divide="ignore"):
        errors = np.where(values > 0, np.abs(drawn[:, 0]).sum(1) / values, np.nan)
    return found.model_copy(update={"ece": around(found.ece.value, errors, found.ece.n)})


def reliability(confidences: Floats, right: Bools, without_confidence: int = 0) -> Calibration:
    """Share of right values in ten bins of confidence, and how far it is from the confidence on average.

    The expected calibration error (ECE) is the mean over values of the distance, in their bin, between the share that
    is right and the mean confidence: 0 where 80 of 100 values of confidence 0.8 are right. It is small also for a
    reader that says the same middling confidence of everything, it does not tell too sure from too modest (the bins
    do), and with few values it is large by chance alone. It has no interval here, where it is not known which values
    are of one slice; see :func:`calibration_of`.

    Args:
        confidences: (n,) from 0 to 1.
        right: (n,) whether each value is.
        without_confidence: for the record.

    Source: Guo et al., On Calibration of Modern Neural Networks, ICML 2017, section 2.

    >>> round(reliability(np.array([0.9, 0.9, 0.9, 0.9]), np.array([True, True, True, False])).ece.value, 3)
    0.15
    """
    number = _bin_of(confidences)
    bins = []
    distance = 0.0
    for k in range(BINS):
        inside = number == k
        n = int(inside.sum())
        mean = float(confidences[inside].mean()) if n else None
        share = wilson(int(right[inside].sum()), n)
        if mean is not None and share.value is not None:
            distance += n * abs(share.value - mean)
        bins.append(ReliabilityBin(low=k / BINS, high=(k + 1) / BINS, mean_confidence=mean, right=share))
    n = confidences.size
    ece = Estimate(value=distance / n if n else None, low=None, high=None, n=n)
    return Calibration(bins=tuple(bins), ece=ece, without_confidence=without_confidence)


def _bin_of(confidences: Floats) -> npt.NDArray[np.intp]:
    return np.minimum((confidences * BINS).astype(np.intp), BINS - 1)
