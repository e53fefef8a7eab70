"""Which rows speak for which question, before they are judged: the same for closed and open ones."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TypeVar

from neuroonco.build.records import ClosedItem, OpenItem
from neuroonco.errors import InputError
from neuroonco.predict.records import OpenPrediction, Prediction
from neuroonco.vocabulary import PredictionStatus

Item = TypeVar("Item", ClosedItem, OpenItem)
Row = TypeVar("Row", Prediction, OpenPrediction)
MISSING, CONFLICTING = "missing", "conflicting"
NOT_ANSWERED = (MISSING, CONFLICTING, PredictionStatus.API_ERROR.value, PredictionStatus.MISSING_IMAGE.value)
"""What makes a score incomplete: it says nothing of the model."""
_FAILED = (PredictionStatus.API_ERROR, PredictionStatus.MISSING_IMAGE)


def rows_by_question(
    items: Sequence[Item],
    rows: Iterable[Row],
    key_of_item: Callable[[Item], tuple[str, Hashable]],
    key_of_row: Callable[[Row], tuple[str, Hashable]],
) -> list[tuple[Item, list[Row]]]:
    """Each question with the rows that speak for it, in benchmark order.

    A failed call says nothing, so that it differs from no reply: it is left out where there is anything else. Where
    nothing but failures of both kinds is there, the failed calls are named.

    Args:
        items: the benchmark.
        rows: predictions in any order; several for one question, or none.
        key_of_item: image id, and which of its questions it is.
        key_of_row: the same of a prediction.

    Raises:
        InputError: the benchmark has the same question twice.
    """
    by_key: dict[tuple[str, Hashable], list[Row]] = {}
    for row in rows:
        by_key.setdefault(key_of_row(row), []).append(row)
    seen: set[tuple[str, Hashable]] = set()
    found = []
    for item in items:
        key = key_of_item(item)
        if key in seen:
            where = f"id {key[0]}, question {key[1]}"
            raise InputError("QUESTION_TWICE", "the benchmark has this question twice", where=where)
        seen.add(key)
        found.append((item, _that_speak(by_key.get(key, []))))
    return found


def _that_speak(rows: list[Row]) -> list[Row]:
    said = [row for row in rows if row.status not in _FAILED]
    if said or len({row.status for row in rows}) < len(_FAILED):
        return said or rows
    return [row for row in rows if row.status is PredictionStatus.API_ERROR]
