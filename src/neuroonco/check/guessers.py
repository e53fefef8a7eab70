"""A guesser that never sees an image: how far the text of a benchmark gives its answers away.

A conditional logistic regression over the options of each question. Each option is described by its text, its
letter, the question, and which other options stand beside it. Trained and tested 5-fold, all questions of an
image in the same fold, so that only regularities of the benchmark's making are learned.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import csr_matrix

from neuroonco.build.records import ClosedItem
from neuroonco.seeded import shuffled

FOLDS = 5
PENALTY = 1.0
"""Weight of the squared coefficients against the log-likelihood."""
MAX_STEPS = 200

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Guess:
    """What was guessed for one question, and how likely a blind draw is right.

    Attributes:
        correct: the guessed option is the right one.
        chance: one over the number of options.
    """

    item: ClosedItem
    correct: bool
    chance: float


def guess_blind(items: Sequence[ClosedItem], seed: int) -> list[Guess]:
    """Guess every question from text alone, with a model that was trained on the other images.

    Args:
        items: questions whose answer is offered; others cannot be guessed and must not be here.
        seed: of the folds.

    Returns:
        One guess a question, in the order of ``items``; none if there are fewer than two images.

    Source: conditional logit, McFadden 1974; fitted by L-BFGS.
    """
    images = shuffled({item.image_id for item in items}, seed, "folds", lambda name: name)
    if len(images) < 2:
        return []
    fold_of = {name: place % min(FOLDS, len(images)) for place, name in enumerate(images)}
    guesses: dict[int, Guess] = {}
    for fold in range(min(FOLDS, len(images))):
        train = [item for item in items if fold_of[item.image_id] != fold]
        test = [(place, item) for place, item in enumerate(items) if fold_of[item.image_id] == fold]
        model = _fit(train)
        for (place, item), chosen in zip(test, model.choose([item for _, item in test]), strict=True):
            correct = item.options[chosen].letter == item.answer
            guesses[place] = Guess(item, correct, 1 / len(item.options))
    return [guesses[place] for place in range(len(items))]


@dataclass(frozen=True)
class _Model:
    names: dict[str, int]
    weights: Floats

    def choose(self, items: Sequence[ClosedItem]) -> list[int]:
        """Index of the likeliest option of each question; the first of equals."""
        matrix, starts = _design(items, self.names)
        scores = matrix @ self.weights
        ends = [*starts[1:], len(scores)]
        return [int(np.argmax(scores[a:b])) for a, b in zip(starts, ends, strict=True)]


def _features(item: ClosedItem) -> list[list[str]]:
    """Names of the features of each option."""
    kind = item.question_type.value
    texts = [option.text for option in item.options]
    rows = []
    for option in item.options:
        own = option.text
        beside = [f"beside|{kind}|{own}|{text}" for text in sorted(set(texts)) if text != own]
        folded = own.casefold().replace("_", " ")
        rows.append(
            [
                f"text|{kind}|{own}",
                f"letter|{kind}|{option.letter}",
                f"question|{item.question}|{folded}",
                *beside,
            ]
        )
    return rows


def _design(items: Sequence[ClosedItem], names: dict[str, int]) -> tuple[csr_matrix, list[int]]:
    """One row an option, one column a known feature; and the row at which each question starts."""
    indices: list[int] = []
    pointers = [0]
    starts: list[int] = []
    for item in items:
        starts.append(len(pointers) - 1)
        for row in _features(item):
            indices.extend(sorted({names[name] for name in row if name in names}))
            pointers.append(len(indices))
    shape = (len(pointers) - 1, len(names))
    return csr_matrix((np.ones(len(indices)), indices, pointers), shape=shape), starts


def _fit(items: Sequence[ClosedItem]) -> _Model:
    seen: dict[str, int] = {}
    for item in items:
        for name in {name for row in _features(item) for name in row}:
            seen[name] = seen.get(name, 0) + 1
    names = {name: place for place, name in enumerate(sorted(n for n, count in seen.items() if count > 1))}
    matrix, starts = _design(items, names)
    first = np.asarray(starts)
    right = np.asarray(
        [
            start + next(i for i, option in enumerate(item.options) if option.letter == item.answer)
            for start, item in zip(starts, items, strict=True)
        ]
    )
    sizes = np.asarray([len(item.options) for item in items])

    def loss(weights: Floats) -> tuple[float, Floats]:
        scores = matrix @ weights
        scores = scores - np.repeat(np.maximum.reduceat(scores, first), sizes)
        exponents = np.exp(scores)
        totals = np.add.reduceat(exponents, first)
        likelihood = float(np.sum(scores[right] - np.log(totals)))
        residual = exponents / np.repeat(totals, sizes)
        residual[right] -= 1
        return PENALTY / 2 * float(weights @ weights) - likelihood, matrix.T @ residual + PENALTY * weights

    fitted = minimize(loss, np.zeros(len(names)), jac=True, method="L-BFGS-B", options={"maxiter": MAX_STEPS})
    return _Model(names, np.asarray(fitted.x, dtype=np.float64))
