"""Agreement of a judge model with people: within one step, and quadratically weighted kappa."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import median

import numpy as np

from neuroonco.build.records import OpenItem
from neuroonco.intervals import Estimate
from neuroonco.resampling import Floats, around
from neuroonco.score.closed.clustering import ClusteredQuestions
from neuroonco.score.open.averages import ratio
from neuroonco.score.open.records import HumanMark

Question = tuple[str, str]
"""Image id and question id."""


def medians(marks: Iterable[HumanMark]) -> dict[Question, float]:
    """One mark an answer: the median of its readers', which can lie between two steps.

    >>> marks = [HumanMark(id="1", question_id="q", mark=mark, reader=name) for name, mark in (("a", 1), ("b", 2))]
    >>> medians(marks)
    {('1', 'q'): 1.5}
    """
    found: dict[Question, list[int]] = {}
    for mark in marks:
        found.setdefault((mark.id, mark.question_id), []).append(mark.mark)
    return {question: float(median(given)) for question, given in found.items()}


def agreement(
    items: Sequence[OpenItem],
    ours: Mapping[Question, int],
    theirs: Mapping[Question, float],
    clusters: ClusteredQuestions,
) -> tuple[Estimate, Estimate]:
    """How well a judge's marks agree with people's.

    Args:
        items: all questions, in the order of ``clusters``.
        ours: marks of the judge. theirs: of people.
        clusters: of the items.

    Returns:
        The share of answers with both marks that differ by at most one step, and kappa with quadratic weights: 1 for
        equal marks, 0 for what independent marks of these shares reach. Kappa has no value where both always give one
        and the same mark.
    """
    rows = np.zeros((len(items), 6))
    for row, item in enumerate(items):
        question = (item.image_id, item.question_id)
        if question in ours and question in theirs:
            x, y = float(ours[question]), theirs[question]
            rows[row] = (1, x, y, x * x, y * y, (x - y) ** 2)
    within = (rows[:, 5] <= 1) & (rows[:, 0] > 0)
    value = weighted_kappa(rows.sum(axis=0)[None])[0]
    known = None if np.isnan(value) else float(value)
    kappa = around(known, weighted_kappa(clusters.totals(rows)), int(rows[:, 0].sum()))
    return ratio(clusters, within.astype(float), rows[:, 0]), kappa


def weighted_kappa(sums: Floats) -> Floats:
    """Kappa with quadratic weights, from sums over answers.

    With these weights the disagreement that is expected by chance needs no table: it is the mean of (x - y)² over all
    pairs of a mark x of the one and a mark y of the other.

    Args:
        sums: (m, 6): the number of answers, and the sums of x, y, x², y² and (x - y)².

    Returns:
        (m,); NaN where chance expects no disagreement. Source: Cohen, Psychol Bull 1968;70:213-220.
    """
    n, x, y, xx, yy, apart = sums.T
    with np.errstate(invalid="ignore", divide="ignore"):
        expected = (xx + yy) / n - 2 * x * y / n**2
        kappa: Floats = np.where(expected > 1e-9, 1 - apart / n / expected, np.nan)
    return kappa
