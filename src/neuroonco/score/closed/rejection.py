"""How a model uses "None of the above", from four counts."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from neuroonco.intervals import Estimate
from neuroonco.resampling import Floats, around
from neuroonco.score.closed.clustering import MIN_CLUSTERS, ClusteredQuestions
from neuroonco.score.closed.records import Rejection

Flags = npt.NDArray[np.bool_]
Table = tuple[Floats, Floats, Floats, Floats]
"""True rejections, false rejections, missed rejections, kept: one number a table."""


def rejection(offered: Flags, is_none: Flags, said_none: Flags, questions: ClusteredQuestions) -> Rejection:
    """The figures of one model.

    Intervals are the middle 95 % over resampled clusters. Where recall or the false-rejection rate is 0 or 1, or rests
    on few clusters, resamples say too little of its spread: it then has at least the Wilson interval of its clusters,
    and F1, J and Matthews' correlation have at least the range that they take over the two intervals.

    Args:
        offered: (questions,) "None of the above" is an option.
        is_none: it is right.
        said_none: it was answered.
        questions: their clusters.

    Source: Youden, Cancer 1950;3:32-35; Matthews, Biochim Biophys Acta 1975;405:442-451.
    """
    positive, negative = offered & is_none, offered & ~is_none
    said = offered & said_none
    cells = np.stack([positive & said, negative & said, positive & ~said, negative & ~said], axis=1)
    counts = cells.sum(axis=0)
    few = min(int((questions.sums(side) > 0).sum()) for side in (positive, negative)) < MIN_CLUSTERS
    observed, resampled = _table(counts[None].astype(np.float64)), _table(questions.totals(cells))
    recall, precision, false_rate = questions.shares(
        np.stack([cells[:, 0], cells[:, 0], cells[:, 1]], axis=1), np.stack([positive, said, negative], axis=1)
    )

    def figure(of: Callable[[Table], Floats], n: int) -> Estimate:
        value = float(of(observed)[0])
        found = around(None if np.isnan(value) else value, of(resampled), n)
        certain = few or any(rate.value in (0.0, 1.0) for rate in (recall, false_rate))
        return _over_rates(of, found, recall, false_rate) if certain else found

    true, false, missed, kept = (int(count) for count in counts)
    return Rejection(
        recall=recall,
        precision=precision,
        f1=figure(f1_of, true + missed),
        false_rejection_rate=false_rate,
        youden_j=figure(youden_of, int(counts.sum())),
        mcc=figure(matthews_of, int(counts.sum())),
        true_rejections=true,
        false_rejections=false,
        missed_rejections=missed,
        kept=kept,
    )


def f1_of(table: Table) -> Floats:
    """Harmonic mean of precision and recall; NaN without rejection items.

    >>> f1_of(_table(np.array([[3.0, 2.0, 1.0, 4.0], [0.0, 2.0, 0.0, 4.0]]))).round(4).tolist()
    [0.6667, nan]
    """
    true, false, missed, _ = table
    return np.where(true + missed > 0, _ratio(2 * true, 2 * true + false + missed), np.nan)


def youden_of(table: Table) -> Floats:
    """Recall minus false-rejection rate; NaN where either has no questions.

    >>> youden_of(_table(np.array([[3.0, 2.0, 1.0, 4.0]]))).round(4).tolist()
    [0.4167]
    """
    true, false, missed, kept = table
    return _ratio(true, true + missed) - _ratio(false, false + kept)


def matthews_of(table: Table) -> Floats:
    """Matthews' correlation; NaN where a row or column of the table is empty.

    >>> matthews_of(_table(np.array([[3.0, 2.0, 1.0, 4.0], [3.0, 2.0, 0.0, 0.0]]))).round(4).tolist()
    [0.4082, nan]
    """
    true, false, missed, kept = table
    sides = (true + false) * (true + missed) * (kept + false) * (kept + missed)
    return _ratio(true * kept - false * missed, np.sqrt(sides))


def _over_rates(of: Callable[[Table], Floats], found: Estimate, recall: Estimate, false_rate: Estimate) -> Estimate:
    """The figure at both ends: each rises with recall and falls with the false-rejection rate."""
    if found.value is None:
        return found
    # A rate without questions takes no part: its counts are 0 whatever its bounds.
    recalls, false_rates = ((rate.low or 0.0, rate.high or 0.0) for rate in (recall, false_rate))
    true, false = np.array(recalls) * recall.n, np.array(false_rates[::-1]) * false_rate.n
    ends = of((true, false, recall.n - true, false_rate.n - false))
    # At a corner where a column is empty the figure has no value; its limit there is 0.
    bounds = [found.value, *np.nan_to_num(ends).tolist(), *(b for b in (found.low, found.high) if b is not None)]
    return found.model_copy(update={"low": min(bounds), "high": max(bounds)})


def _table(counts: Floats) -> Table:
    return counts[:, 0], counts[:, 1], counts[:, 2], counts[:, 3]


def _ratio(above: Floats, below: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Floats = np.where(below > 0, above / below, np.nan)
    return found
