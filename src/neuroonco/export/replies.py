"""Replies that another program collected, read as those of ``neuroonco predict`` are."""

from collections.abc import Sequence
from enum import StrEnum
from typing import overload

from neuroonco.build.records import ClosedItem, OpenItem
from neuroonco.models.records import ModelAnswer
from neuroonco.predict.ask import QuestionBrief
from neuroonco.predict.ask_closed import ClosedQuestions
from neuroonco.predict.ask_open import OpenQuestions
from neuroonco.predict.records import OpenPrediction, Prediction
from neuroonco.vocabulary import CallStatus

CLOSED = ClosedQuestions(QuestionBrief())
OPEN = OpenQuestions(QuestionBrief())
"""How exported questions are asked and read: one by one, options as they stand."""


class Ending(StrEnum):
    """How a model came to the end of its reply, as far as a program tells."""

    WHOLE = "whole"
    CUT_OFF = "cut_off"
    REFUSED = "refused"
    FAILED = "failed"


_STATUS = {
    Ending.WHOLE: CallStatus.OK,
    Ending.CUT_OFF: CallStatus.TRUNCATED,
    Ending.REFUSED: CallStatus.REFUSED,
    Ending.FAILED: CallStatus.FAILED,
}


def prompt_of(item: ClosedItem | OpenItem) -> str:
    """All that a model is told of a question, word for word as ``neuroonco predict`` asks it."""
    call = CLOSED.call((item,), None) if isinstance(item, ClosedItem) else OPEN.call((item,), None)
    return "\n\n".join(turn.text for turn in call.turns)


def prompt_hashes(items: Sequence[ClosedItem] | Sequence[OpenItem]) -> dict[str, str]:
    """Name and hash of the prompt that questions are asked with."""
    for item in items[:1]:
        call = CLOSED.call((item,), None) if isinstance(item, ClosedItem) else OPEN.call((item,), None)
        return {call.prompt_name: call.prompt_sha256}
    return {}


@overload
def prediction_of(
    item: ClosedItem, text: str, model: str, ending: Ending = ..., error: str | None = ...
) -> Prediction: ...
@overload
def prediction_of(
    item: OpenItem, text: str, model: str, ending: Ending = ..., error: str | None = ...
) -> OpenPrediction: ...
@overload
def prediction_of(
    item: ClosedItem | OpenItem, text: str, model: str, ending: Ending = ..., error: str | None = ...
) -> Prediction | OpenPrediction: ...
def prediction_of(
    item: ClosedItem | OpenItem, text: str, model: str, ending: Ending = Ending.WHOLE, error: str | None = None
) -> Prediction | OpenPrediction:
    """A reply to a question as a prediction.

    Args:
        item: the question.
        text: the reply as it came.
        model: who replied.
        ending: how the reply ended.
        error: why there is none.

    >>> from neuroonco.build.records import Option
    >>> from neuroonco.vocabulary import QuestionType
    >>> item = ClosedItem(
    ...     image_id="1", q_index=0, slice_id="1", image_path="1.png", question_type=QuestionType.SHAPE,
    ...     question="?", options=(Option(letter="A", text="Round"), Option(letter="B", text="Oval")), answer="A",
    ...     label_source="mask",
    ... )
    >>> [prediction_of(item, "B", "m", ending).status.value for ending in Ending]
    ['ok', 'unparsed', 'refused', 'api_error']
    """
    answer = ModelAnswer(request_hash="", model=model, status=_STATUS[ending], text=text or None, error=error)
    found: Prediction | OpenPrediction
    if isinstance(item, ClosedItem):
        (found,) = CLOSED.predictions((item,), answer, model)
    else:
        (found,) = OPEN.predictions((item,), answer, model)
    return found.model_copy(update={"request_hash": None})  # no ledger holds it
