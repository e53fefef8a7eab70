"""Whether a model prefers places among the options, whatever stands there."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2

from neuroonco.build.records import ClosedItem
from neuroonco.intervals import wilson
from neuroonco.score.closed.clustering import ClusteredQuestions
from neuroonco.score.closed.distance import distance
from neuroonco.score.closed.judge import Judged
from neuroonco.score.closed.records import Position, PositionBias

Places = npt.NDArray[np.int64]
PLACES = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
NOWHERE = -1
MIN_ONE_SIDED = 10
"""Answers that a place needs on one side only, chosen or right, for the chi-square distribution to hold: half of them
are expected on either side, and 5 is the usual least."""


def position_bias(judged: Sequence[Judged], questions: ClusteredQuestions) -> PositionBias | None:
    """Bias over the questions with a valid answer; None where there are none."""
    placed = [_places(q) for q in judged]
    if not any(p is not None for p in placed):
        return None
    chosen, right, shown = np.array([p or (NOWHERE, NOWHERE, 0) for p in placed], np.int64).T
    left_out = sum(p is None and q.letter is not None for p, q in zip(placed, judged, strict=True))
    return bias_of(chosen, right, shown, questions, left_out)


def shown_letters(item: ClosedItem, shown_order: str | None) -> str | None:
    """The benchmark's letters in the order in which they were shown; None where an order does not fit the question."""
    letters = "".join(option.letter for option in item.options)
    order = letters if shown_order is None else shown_order
    return order if sorted(order) == sorted(letters) and len(order) <= len(PLACES) else None


def _places(question: Judged) -> tuple[int, int, int] | None:
    """Place of the chosen and of the right option, and how many places there are."""
    item, letter = question.item, question.letter
    order = shown_letters(item, question.prediction.shown_order if question.prediction else None)
    if letter is None or order is None or item.answer not in order:
        return None
    return order.index(letter), order.index(item.answer), len(order)


def bias_of(
    chosen: Places, right: Places, shown: Places, questions: ClusteredQuestions, left_out: int = 0
) -> PositionBias:
    """The same from places, counted from 0.

    Args:
        chosen, right: (questions,) place of the chosen and of the right option; :data:`NOWHERE` for a question that
            does not count.
        shown: (questions,) how many places there are.
        questions: their clusters.
        left_out: valid answers that do not count, as nobody knows where the options stood.
    """
    counts = chosen != NOWHERE
    places = np.arange(int(shown[counts].max(initial=0)))
    offered = counts[:, None] & (shown[:, None] > places)
    is_chosen, is_right = chosen[:, None] == places, right[:, None] == places
    by_letter = tuple(
        Position(
            letter=PLACES[k],
            offered=int(offered[:, k].sum()),
            chosen=wilson(int(is_chosen[:, k].sum()), int(offered[:, k].sum())),
            right=wilson(int(is_right[:, k].sum()), int(offered[:, k].sum())),
            recall=wilson(int((is_chosen & is_right)[:, k].sum()), int(is_right[:, k].sum())),
        )
        for k in places
    )
    excess = distance(is_chosen.astype(np.float64) - is_right, counts, questions, share=0.5)
    recalls = [p.recall.value for p in by_letter if p.recall.value is not None]
    return PositionBias(
        by_letter=by_letter,
        excess=excess.found,
        excess_by_chance=excess.by_chance,
        p_value=homogeneity_p(is_chosen, is_right, questions),
        recall_spread=float(np.std(recalls)) if len(recalls) > 1 else None,
        left_out=left_out,
    )


def homogeneity_p(
    is_chosen: npt.NDArray[np.bool_], is_right: npt.NDArray[np.bool_], questions: ClusteredQuestions
) -> float | None:
    """P of the hypothesis that each place is chosen as often as it is right (Stuart and Maxwell's test).

    The same questions give both counts, so that they are paired: the covariance of the differences is that of the
    questions' own differences, added up within clusters first. With two places and clusters of one question it is
    McNemar's chi-square.

    Args:
        is_chosen, is_right: (questions, places).
        questions: their clusters.

    Returns:
        None with one place, or where a place has fewer than :data:`MIN_ONE_SIDED` answers on one side only.

    Source: Stuart, Biometrika 1955;42:412-416; Maxwell, Br J Psychiatry 1970;116:651-655.
    """
    if is_chosen.shape[1] < 2 or int((is_chosen != is_right).sum(axis=0).min()) < MIN_ONE_SIDED:
        return None
    differences = questions.sums(is_chosen.astype(np.int64) - is_right)[:, :-1]
    total, covariance = differences.sum(axis=0), differences.T @ differences
    rank = int(np.linalg.matrix_rank(covariance))
    if rank < covariance.shape[0]:
        return None
    return float(chi2.sf(total @ np.linalg.solve(covariance, total), rank))
