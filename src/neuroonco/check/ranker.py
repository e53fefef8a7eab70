"""A trained guesser that never sees an image: how far the text of a benchmark gives its answers away.

A conditional logistic regression over the options of each question: their features, hashed by scikit-learn, give
each option a score, and the softmax of a question's scores is the likelihood of its right answer. Options of one
question compete, which scikit-learn's logistic regression over single options does not know.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import csr_matrix, hstack

PENALTY = 0.3
"""Weight of half the squared coefficients against the log-likelihood."""
MAX_STEPS = 200
TOLERANCE = 1e-6
"""A step that lowers the loss by a smaller part is the last: further ones change no figure of the published file."""
HASHED_COLUMNS = 2**20
"""Room for so many features, so that memory does not grow with what a file says."""

Floats = NDArray[np.float64]
Places = NDArray[np.int64]
Told = Callable[[int, int], None]
"""Called with folds done and all folds."""


@dataclass(frozen=True)
class Design:
    """The options of questions as rows of features.

    Attributes:
        rows: (options, hashed features) counts.
        starts: (questions,) the row at which each question's options start.
        sizes: (questions,) how many options each has, at least one.
        right: (questions,) the row of the right option.
    """

    rows: csr_matrix
    starts: Places
    sizes: Places
    right: Places

    def of(self, chosen: NDArray[np.bool_]) -> "Design":
        """Some of the questions."""
        sizes = self.sizes[chosen]
        starts = np.cumsum(sizes) - sizes
        rows = self.rows[np.flatnonzero(np.repeat(chosen, self.sizes))]
        return Design(rows, starts, sizes, starts + (self.right - self.starts)[chosen])

    def beside(self, other: "Design") -> "Design":
        """The same questions with the features of both."""
        return replace(self, rows=csr_matrix(hstack([self.rows, other.rows], format="csr")))


def design(features: Iterable[list[list[str]]], right: Iterable[int]) -> Design:
    """Hash the features of all options of all questions.

    Args:
        features: of each question, of each option, their names; at least one question.
        right: of each question, the place of its right option.
    """
    from sklearn.feature_extraction import FeatureHasher

    sizes: list[int] = []

    def options() -> Iterable[list[str]]:
        for question in features:
            sizes.append(len(question))
            yield from question

    hasher = FeatureHasher(HASHED_COLUMNS, input_type="string", alternate_sign=False)
    rows = csr_matrix(hasher.transform(options()))
    counts = np.asarray(sizes, np.int64)
    starts = np.cumsum(counts) - counts
    return Design(rows, starts, counts, starts + np.fromiter(right, np.int64, len(counts)))


def rank(
    designs: Sequence[Design], folds: NDArray[np.int64], trains: NDArray[np.bool_], told: Told | None = None
) -> Places:
    """The place of the likeliest option of each question, by models that saw no question of its fold.

    One model is fitted for each set of features, and the likelihoods are multiplied: many features that say nothing
    cost the one that has them some of what the few of another say. To choose the better model by the other folds
    would be no fair trial, since those models learned from the fold that is tried: sound files gained 1.6 points.

    Args:
        designs: the same questions with several sets of features.
        folds: (questions,) the fold of each, from 0; no image in two of them.
        trains: (questions,) whether a model may learn from it.
        told: called after each fold.

    Returns:
        (questions,) places among the question's own options; the first of equals.

    Source: conditional logit, McFadden 1974; fitted by L-BFGS.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # comes with scikit-learn

    chosen = np.zeros(len(folds), np.int64)
    number = int(folds.max()) + 1
    for fold in range(number):
        held_out = folds == fold
        # One thread: the products are small, so that threads would wait for each other most of the time, and their
        # sums would come in an order of their own.
        with threadpool_limits(1, user_api="blas"):
            fitted = [_fit(known.of(trains & ~held_out)) for known in designs]
        tests = [known.of(held_out) for known in designs]
        # The same as the product of likelihoods, since both differ from it by a factor of the question only.
        scores = sum(test.rows @ weights for test, weights in zip(tests, fitted, strict=True))
        starts, ends = tests[0].starts, tests[0].starts + tests[0].sizes
        chosen[held_out] = [int(np.argmax(scores[a:b])) for a, b in zip(starts, ends, strict=True)]
        if told is not None:
            told(fold + 1, number)
    return chosen


def _fit(train: Design) -> Floats:
    """Weights of the hashed features; 0 for those that no question to learn from has."""
    weights = np.zeros(train.rows.shape[1])
    if not len(train.sizes):
        return weights
    columns = np.unique(train.rows.indices)
    rows = train.rows[:, columns]
    turned = rows.T.tocsr()

    def loss(coefficients: Floats) -> tuple[float, Floats]:
        scores = rows @ coefficients
        scores = scores - np.repeat(np.maximum.reduceat(scores, train.starts), train.sizes)
        exponents = np.exp(scores)
        totals = np.add.reduceat(exponents, train.starts)
        likelihood = float(np.sum(scores[train.right] - np.log(totals)))
        residual = exponents / np.repeat(totals, train.sizes)
        residual[train.right] -= 1
        penalty = PENALTY / 2 * float(coefficients @ coefficients)
        return penalty - likelihood, turned @ residual + PENALTY * coefficients

    options = {"maxiter": MAX_STEPS, "ftol": TOLERANCE}
    found = minimize(loss, np.zeros(len(columns)), jac=True, method="L-BFGS-B", options=options)
    weights[columns] = found.x
    return weights
