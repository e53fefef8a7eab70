"""Which questions are learned from while others are tried: seeded folds of whole images."""

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from neuroonco.build.records import ClosedItem
from neuroonco.seeded import shuffled

FOLDS = 5
TOO_EVEN_P = 0.01
"""Letters that are more even over the answers than all but this part of random ones are held to be dealt evenly."""


def folds_of(items: Sequence[ClosedItem], seed: int) -> NDArray[np.int64]:
    """The fold of each question, from 0: seeded, all questions of an image in one, answers as even as that allows.

    Images are dealt in a seeded order, those with most questions first, each to the fold that has fewest questions of
    the same answers; of equals, to the one with fewest questions. Time and memory grow with the questions, however many
    answers there are.

    What a file balances, the folds balance: an answer that is frequent in one fold would be rare in the others, every
    learner would do worse than chance, and a weak leak would be hidden. What a file leaves to chance, they leave to
    chance: else it would be as uneven in a fold as in the others, and sound files would seem to leak. Answers are held
    even in any case; their letters, E among them, in question types where they are more even than chance makes them.

    Args:
        items: in any order.
        seed: of the order in which images of equally many questions are dealt.
    """
    even = _types_with_even_letters(items)
    answers: dict[str, Counter[str]] = {}
    for item in items:
        kind, truth = item.reported_type, _truth(item)
        own = answers.setdefault(item.image_id, Counter())
        own[f"{kind}|{truth}"] += 1
        if kind in even:
            own[f"{kind}|{truth}|{item.answer}"] += 1
    images = shuffled(answers, seed, "folds", lambda name: name)
    images.sort(key=lambda name: -answers[name].total())
    held: list[Counter[str]] = [Counter() for _ in range(FOLDS)]
    sizes = [0] * FOLDS
    fold_of: dict[str, int] = {}
    for name in images:
        own = answers[name]
        fold = min(range(FOLDS), key=lambda k: (sum(n * held[k][what] for what, n in own.items()), sizes[k], k))
        fold_of[name] = fold
        held[fold].update(own)
        sizes[fold] += own.total()
    return np.asarray([fold_of[item.image_id] for item in items], np.int64)


def _truth(item: ClosedItem) -> str:
    return item.removed_answer or item.text_of(item.answer) or ""


def _types_with_even_letters(items: Sequence[ClosedItem]) -> set[str]:
    """Question types whose letters go less with the answers than independent ones would, by the chi-square of a table.

    The table is held as its cells that are not empty: with one answer a question it would be as large as the square of
    the questions.
    """
    cells: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    for item in items:
        if item.twin_of is None:
            cells[item.reported_type][_truth(item), item.answer] += 1
    found = set()
    for kind, counts in cells.items():
        truths: Counter[str] = Counter()
        letters: Counter[str] = Counter()
        for (truth, letter), n in counts.items():
            truths[truth] += n
            letters[letter] += n
        total = counts.total()
        # The sum of (seen - expected)² / expected over all cells is n (sum of seen² / (row × column) - 1).
        parts = sum(n * n / (truths[truth] * letters[letter]) for (truth, letter), n in counts.items())
        freedom = (len(truths) - 1) * (len(letters) - 1)
        if freedom and chi2.cdf(total * (parts - 1), freedom) < TOO_EVEN_P:
            found.add(kind)
    return found
