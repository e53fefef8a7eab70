"""What became of each closed question: which answer counts, if any."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from neuroonco.build.records import ClosedItem, is_none
from neuroonco.predict.records import Prediction
from neuroonco.score.replies import CONFLICTING, MISSING, NOT_ANSWERED, rows_by_question
from neuroonco.vocabulary import PredictionStatus

INVALID_LETTER = "invalid_letter"
STATUSES = (*(status.value for status in PredictionStatus), MISSING, CONFLICTING, INVALID_LETTER)
"""What can become of a question, in the order in which it is reported."""


@dataclass(frozen=True)
class Judged:
    """One question and what became of it.

    Attributes:
        status: one of :data:`STATUSES`.
        letter: the answer that counts; None unless the status is ``ok``.
        prediction: the row that counts; None where there is none, or several that differ.
    """

    item: ClosedItem
    status: str
    letter: str | None
    prediction: Prediction | None = None

    @property
    def is_right(self) -> bool:
        """The offered letter chosen is the answer."""
        return self.letter is not None and self.letter == self.item.answer

    @property
    def text(self) -> str | None:
        """Text of the option chosen."""
        return None if self.letter is None else self.item.text_of(self.letter)

    @property
    def rejects(self) -> bool:
        """True if "None of the above" was answered."""
        return self.text is not None and is_none(self.text)


def counted(items: Iterable[ClosedItem]) -> list[ClosedItem]:
    """The questions that count one by one: all but the twins."""
    return [item for item in items if item.twin_of is None]


def judge(items: Sequence[ClosedItem], predictions: Iterable[Prediction]) -> list[Judged]:
    """What became of each question, in benchmark order.

    Several predictions for one question count once if they agree; if they differ, none counts. A failed call says
    nothing, so that it differs from no reply: it counts only where there is nothing else. Ids compare as strings.

    Raises:
        InputError: the benchmark has the same question twice.
    """
    found = rows_by_question(
        items, predictions, lambda item: (item.image_id, item.q_index), lambda p: (p.id, p.q_index)
    )
    return [_judge(item, rows) for item, rows in found]


def is_complete(judged: Iterable[Judged]) -> bool:
    """Every question was put to the model and came back."""
    return not any(question.status in NOT_ANSWERED for question in judged)


def _judge(item: ClosedItem, predictions: Sequence[Prediction]) -> Judged:
    if not predictions:
        return Judged(item, MISSING, None)
    # Rows that agree may differ in what else they carry; the choice among them must not depend on their order.
    first = min(predictions, key=lambda row: row.model_dump_json()) if len(predictions) > 1 else predictions[0]
    if any((other.status, other.pred) != (first.status, first.pred) for other in predictions):
        return Judged(item, CONFLICTING, None)
    if first.status is not PredictionStatus.OK:
        return Judged(item, first.status.value, None, first)
    if first.pred is None:
        return Judged(item, PredictionStatus.UNPARSED.value, None, first)
    if item.text_of(first.pred) is None:
        return Judged(item, INVALID_LETTER, None, first)
    return Judged(item, PredictionStatus.OK.value, first.pred, first)
