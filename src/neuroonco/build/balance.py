"""Which facts are asked, so that no answer can be told from how often it is right: counts in, counts out."""

from collections.abc import Sequence
from math import log2

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]


def option_count(answers: int, max_options: int) -> int:
    """How many terms a question offers beside ``None of the above``; two answers make a binary question instead.

    >>> [option_count(n, 4) for n in (2, 3, 4, 5, 9)]
    [2, 2, 3, 4, 4]
    """
    return 2 if answers == 2 else min(max_options, answers - 1)


def choose_answers(
    available: Sequence[int], wanted: int, least_each: int, least: int, max_options: int
) -> tuple[int, int]:
    """How many of the answers are asked for, the most frequent first, and how often each.

    As many answers as leave each of them ``least_each`` questions and all of them ``least``; where that is not at least
    three, those that together tell a model most, in bits.

    Args:
        available: questions that each answer could have, most frequent first.
        wanted: questions in all; every answer that is asked for has one at least.
        least_each: questions that an answer should have to be worth a figure of its own.
        least: questions that all answers together should have.
        max_options: terms that a question offers at most.

    Returns:
        Number of answers, and questions of each; (0, 0) where there are not two answers.

    >>> choose_answers([90, 60, 30, 26, 3], wanted=1000, least_each=25, least=100, max_options=4)
    (4, 26)
    >>> choose_answers([900, 600, 300, 26, 3], wanted=1000, least_each=25, least=200, max_options=4)
    (3, 300)
    >>> choose_answers([90, 60, 30, 26, 3], wanted=80, least_each=25, least=200, max_options=4)
    (4, 20)
    >>> choose_answers([9, 8, 1], 100, 25, 200, 4), choose_answers([9], 100, 25, 200, 4)
    ((2, 8), (0, 0))
    """
    figures = min(least, wanted)
    enough = [
        v for v in range(3, len(available) + 1) if available[v - 1] >= least_each and v * available[v - 1] >= figures
    ]
    if enough:
        answers = max(enough)
    else:
        choices = range(2, len(available) + 1)
        answers = max(choices, key=lambda v: (_bits(v, available[v - 1], max_options), v), default=0)
    if answers < 2:
        return 0, 0
    return answers, min(available[answers - 1], max(1, wanted // answers))


def _bits(answers: int, each: int, max_options: int) -> float:
    letters = option_count(answers, max_options) + (answers > 2)
    return log2(letters) * answers * each


def even_out(counts: Counts, each: int) -> Counts:
    """Take questions so that every answer has as many, and within every stratum as evenly as that allows.

    An answer gives up questions first where it stands out most from the other answers of the stratum: where it is the
    only one, a model that recognizes the stratum would know it.

    Args:
        counts: (strata, answers) questions that there are; at least ``each`` an answer.
        each: questions that every answer keeps.

    Returns:
        (strata, answers) questions to take; every column sums to ``each``.

    >>> even_out(np.array([[9, 0], [5, 6]]), 6)
    array([[1, 0],
           [5, 6]])
    """
    taken = counts.astype(np.int64)
    strata, answers = taken.shape
    surplus = taken.sum(axis=0) - each
    while (surplus > 0).any():
        others = (taken.sum(axis=1, keepdims=True) - taken) / max(answers - 1, 1)
        excess = np.where((taken > 0) & (surplus > 0), taken - others, -np.inf)
        place = int(np.argmax(excess))
        stratum, answer = divmod(place, answers)
        # Many at once while much is to go: what the last single steps do decides how even it gets.
        step = max(1, int(excess[stratum, answer] // 4), int(surplus[answer] // (4 * strata)))
        step = min(step, int(taken[stratum, answer]), int(surplus[answer]))
        taken[stratum, answer] -= step
        surplus[answer] -= step
    return taken


def layers(available: Sequence[int]) -> list[tuple[int, int]]:
    """All questions that can be asked if each layer is balanced in itself: how many answers a layer has, and of each.

    The most frequent answers are asked again among themselves, down to three of them; two answers in all make one
    binary layer.

    Args:
        available: questions that each answer could have, most frequent first.

    >>> layers([90, 60, 30, 26, 3]), layers([9, 5]), layers([7])
    ([(5, 3), (4, 23), (3, 4)], [(2, 5)], [])
    """
    if len(available) == 2:
        return [(2, available[1])]
    found = []
    used = 0
    for answers in range(len(available), 2, -1):
        each = available[answers - 1] - used
        if each > 0:
            found.append((answers, each))
            used += each
    return found
