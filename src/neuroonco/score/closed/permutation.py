"""The same questions with their options in other orders: what stays of a score, and what does a choice depend on."""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from neuroonco.build.records import ClosedItem
from neuroonco.predict.records import Prediction
from neuroonco.score.closed.clustering import ClusteredQuestions
from neuroonco.score.closed.judge import Judged
from neuroonco.score.closed.position import shown_letters
from neuroonco.score.closed.records import PermutationReport

Choices = npt.NDArray[np.int64]
NO_CHOICE = -1


def permutation_report(runs: Sequence[Sequence[Judged]], questions: ClusteredQuestions) -> PermutationReport | None:
    """What several runs of one model say together; None for fewer than two.

    Args:
        runs: the same questions in the same order, each judged once a run.
        questions: their clusters.
    """
    if len(runs) < 2:
        return None
    answers = np.array([_place(q, q.item.answer) for q in runs[0]], np.int64)
    chosen = np.array([[_place(q, q.letter) for q in run] for run in runs], np.int64).reshape(len(runs), -1)
    return report_of(chosen, answers, questions)


def shown_orders(items: Sequence[ClosedItem], predictions: Iterable[Prediction]) -> dict[tuple[str, int], str]:
    """The benchmark's letters in the order in which each answered question showed them; not where nobody knows it."""
    known = {(item.image_id, item.q_index): item for item in items}
    found: dict[tuple[str, int], str] = {}
    for row in predictions:
        item = known.get((row.id, row.q_index))
        order = None if item is None else shown_letters(item, row.shown_order)
        if order is not None:
            found[row.id, row.q_index] = order
    return found


def _place(question: Judged, letter: str | None) -> int:
    letters = [option.letter for option in question.item.options]
    return letters.index(letter) if letter in letters else NO_CHOICE


def report_of(chosen: Choices, answers: Choices, questions: ClusteredQuestions) -> PermutationReport:
    """The same from numbers.

    Args:
        chosen: (runs, questions) number of the chosen option in the benchmark's own order, or :data:`NO_CHOICE`.
        answers: (questions,) number of the right option.
        questions: their clusters.
    """
    right = (chosen == answers) & (chosen != NO_CHOICE)
    options = int(max(chosen.max(initial=0), answers.max(initial=0))) + 1
    votes = np.stack([(chosen == k).sum(axis=0) for k in range(options)], axis=1)
    most = votes.max(axis=1)
    alone = (most > 0) & ((votes == most[:, None]).sum(axis=1) == 1)
    same = (chosen == chosen[0]).all(axis=0) & (chosen[0] != NO_CHOICE)
    return PermutationReport(
        runs=len(chosen),
        accuracy_by_run=tuple(questions.share(run) for run in right),
        always_right=questions.share(right.all(axis=0)),
        ever_right=questions.share(right.any(axis=0)),
        same_choice=questions.share(same),
        majority=questions.share(alone & (votes.argmax(axis=1) == answers)),
    )
