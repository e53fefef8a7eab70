"""What became of each open question: which answer counts, if any."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from neuroonco.build.records import OpenItem
from neuroonco.errors import InputError
from neuroonco.predict.records import OpenPrediction
from neuroonco.vocabulary import PredictionStatus

MISSING, CONFLICTING = "missing", "conflicting"
STATUSES = (*(status.value for status in PredictionStatus), MISSING, CONFLICTING)
"""What can become of a question, in the order in which it is reported."""
NOT_ANSWERED = (MISSING, CONFLICTING, PredictionStatus.API_ERROR.value, PredictionStatus.MISSING_IMAGE.value)
"""What makes a score incomplete: it says nothing of the model."""


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

    Several predictions for one question count once if they agree; if they differ, none counts. A prediction marked
    ``ok`` without a word in it is unparsed.

    Raises:
        InputError: the benchmark has the same question twice.
    """
    by_key: dict[tuple[str, str], list[OpenPrediction]] = {}
    for prediction in predictions:
        by_key.setdefault((prediction.id, prediction.question_id), []).append(prediction)
    seen: set[tuple[str, str]] = set()
    found = []
    for item in items:
        key = (item.image_id, item.question_id)
        if key in seen:
            where = f"id {item.image_id}, question {item.question_id}"
            raise InputError("QUESTION_TWICE", "the benchmark has this question twice", where=where)
        seen.add(key)
        found.append(_answered(item, by_key.get(key, [])))
    return found


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
