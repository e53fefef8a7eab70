"""Guessers that see no image: how often each is right on each question of a benchmark.

uniform    draws among the options; counted exactly, with 1/n for a question of n options
always-e   takes ``None of the above``; tries only the questions that offer it
majority   takes the offered text that was most often right for this question type on the other images
ranker     learns from the texts of the other images' questions, see :mod:`neuroonco.check.ranker`
siblings   the ranker, shown also the other questions of the same image; for information, no gate judges it

What is learned is learned 5-fold, all questions of an image in the same fold, so that only regularities of the
benchmark's making can be learned. Twins are tried, and nothing is learned from them.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from neuroonco.build.records import ClosedItem
from neuroonco.check.features import option_features, trace_features, with_siblings
from neuroonco.check.folds import folds_of
from neuroonco.check.ranker import Told, design, rank
from neuroonco.check.records import ALWAYS_E, MAJORITY, RANKER, SIBLINGS, UNIFORM
from neuroonco.check.stem_features import StemFeatures

Floats = NDArray[np.float64]
Progress = Callable[[str, int, int], None]
"""Called with what is done, how far, and of how much."""


@dataclass(frozen=True)
class Guesses:
    """What the guessers got.

    Attributes:
        items: the questions that offer their answer, in an order that does not depend on how they came.
        credit: guesser -> (items,) 1 where it is right, 0 where not, the probability for the uniform draw, NaN where
            it does not try. The trained guessers are missing where there are fewer than two images.
    """

    items: list[ClosedItem]
    credit: dict[str, Floats] = field(default_factory=dict)

    def twins(self) -> list[tuple[int, int]]:
        """Places of the questions that have a twin, and of the twin."""
        place = {(item.image_id, item.q_index): i for i, item in enumerate(self.items) if item.twin_of is None}
        pairs = [
            (place.get((item.image_id, item.twin_of)), i)
            for i, item in enumerate(self.items)
            if item.twin_of is not None
        ]
        return [(question, twin) for question, twin in pairs if question is not None]


def guess_blind(
    items: Iterable[ClosedItem], seed: int, *, siblings: bool = True, progress: Progress | None = None
) -> Guesses:
    """Let every guesser try every question.

    Args:
        items: questions; those whose answer is not offered are left out, nobody can be right there.
        seed: of the folds.
        siblings: also let the ranker see an image's other questions.
        progress: told of finished folds.
    """
    usable = sorted((item for item in items if item.text_of(item.answer) is not None), key=_place)
    guesses = Guesses(usable)
    if not usable:
        return guesses
    guesses.credit[UNIFORM] = np.asarray([1 / len(item.options) for item in usable])
    guesses.credit[ALWAYS_E] = np.asarray([_none_credit(item) for item in usable])
    folds = folds_of(usable, seed)
    trains = np.asarray([item.twin_of is None for item in usable])
    if len(set(folds[trains].tolist())) < 2:
        return guesses
    guesses.credit[MAJORITY] = _majority(usable, folds, trains)
    right = [_right(item) for item in usable]

    def told(what: str) -> Told | None:
        return None if progress is None else lambda done, total: progress(what, done, total)

    stems = StemFeatures(usable)
    traces = design((trace_features(item, stems) for item in usable), right)

    def ranked(features: Iterable[list[list[str]]], what: str) -> Floats:
        plain = design(features, right)
        return _hits(rank((plain, plain.beside(traces)), folds, trains, told(what)), right)

    guesses.credit[RANKER] = ranked((option_features(item, stems) for item in usable), "option ranker")
    if siblings:
        guesses.credit[SIBLINGS] = ranked(with_siblings(usable, stems), "option ranker with siblings")
    return guesses


def _place(item: ClosedItem) -> tuple[str, int, str, tuple[str, ...], str]:
    """What two questions at one place of a faulty file differ in comes last."""
    texts = tuple(f"{option.letter} {option.text}" for option in item.options)
    return item.image_id, item.q_index, item.question, texts, item.answer


def _right(item: ClosedItem) -> int:
    return next(place for place, option in enumerate(item.options) if option.letter == item.answer)


def _none_credit(item: ClosedItem) -> float:
    if item.none_letter is None:
        return float("nan")
    return float(item.rejects)


def _hits(chosen: NDArray[np.int64], right: Sequence[int]) -> Floats:
    return np.asarray(chosen == np.asarray(right), np.float64)


def _majority(items: Sequence[ClosedItem], folds: NDArray[np.int64], trains: NDArray[np.bool_]) -> Floats:
    """Ties, and questions none of whose options was ever right, go to the first text of the alphabet."""
    all_: dict[str, Counter[str]] = defaultdict(Counter)
    of_fold: dict[tuple[str, int], Counter[str]] = defaultdict(Counter)
    for item, fold, train in zip(items, folds.tolist(), trains, strict=True):
        if train:
            kind, text = item.question_type.value, item.options[_right(item)].text
            all_[kind][text] += 1
            of_fold[kind, fold][text] += 1
    credit = np.zeros(len(items))
    for place, (item, fold) in enumerate(zip(items, folds.tolist(), strict=True)):
        kind = item.question_type.value
        known, own = all_[kind], of_fold[kind, fold]
        likeliest = min(item.options, key=lambda option: (own[option.text] - known[option.text], option.text))
        credit[place] = likeliest.letter == item.answer
    return credit
