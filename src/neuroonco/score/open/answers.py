"""What became of each open question: which answer counts, if any."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from neuroonco.build.records import OpenItem
from neuroonco.predict.records import OpenPrediction
from neuroonco.score.replies import CONFLICTING, MISSING, rows_by_question
from neuroonco.vocabulary import PredictionStatus

STATUSES = (*(status.value for status in PredictionStatus), MISSING, CONFLICTING)
"""What can become of a question, in the order in which it is reported."""


@dataclass(frozen=True)
class Answered:
    """One question and what became of it.

    Attributes:
        status: one of :data:`STATUSES`.
        text: the answer that counts; None unless the status is ``ok``.
    """

    item: OpenItem
    status: str
    text: str | None


def answers(items: Sequence[OpenItem], predictions: Iterable[OpenPrediction]) -> list[Answered]:
    """What became of each question, in the order of the benchmark.

    Several predictions for one question count once if they agree; if they differ, none counts. A failed call counts
    only where there is nothing else. A prediction marked ``ok`` without a word in it is unparsed.

    Raises:
        InputError: the benchmark has the same question twice.
    """
    found = rows_by_question(
        items, predictions, lambda item: (item.image_id, item.question_id), lambda p: (p.id, p.question_id)
    )
    return [_answered(item, rows) for item, rows in found]


def _answered(item: OpenItem, predictions: Sequence[OpenPrediction]) -> Answered:
    said = {(one.status, one.text) for one in predictions}
    if len(said) != 1:
        return Answered(item, CONFLICTING if said else MISSING, None)
    status, text = said.pop()
    if status is not PredictionStatus.OK:
        return Answered(item, status.value, None)
    if text is None or not any(map(str.isalnum, text)):
        return Answered(item, PredictionStatus.UNPARSED.value, None)
    return Answered(item, status.value, text)
