"""Which questions are learned from while others are tried: seeded folds of whole images."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from neuroonco.build.records import ClosedItem
from neuroonco.seeded import shuffled

FOLDS = 5


def folds_of(items: Sequence[ClosedItem], seed: int) -> NDArray[np.int64]:
    """The fold of each question, from 0: seeded, all questions of an image in one, answers as even as that allows.

    Images are dealt in a seeded order, those with most questions first, each to the fold that has fewest questions of
    the same answers and letters; of equals, to the one with fewest questions. Where answers are exactly balanced, one
    that is frequent in a fold is rare in the others: uneven folds would make every learner do worse than chance, and
    hide a weak leak. Time and memory grow with the questions, however many answers there are.

    Args:
        items: in any order.
        seed: of the order in which images of equally many questions are dealt.
    """
    answers: dict[str, Counter[str]] = {}
    for item in items:
        answers.setdefault(item.image_id, Counter()).update(_evenly(item))
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


def _evenly(item: ClosedItem) -> tuple[str, ...]:
    """What the folds hold evenly: the true answer, whether it is offered, and its letter."""
    kind, right = item.question_type.value, item.text_of(item.answer)
    asked = f"{kind} {len(item.options)}"
    truth = item.removed_answer or right
    return f"{asked}|{truth}", f"{asked}|{truth}|{right}", f"{asked}|@{item.answer}"
