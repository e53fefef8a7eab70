"""What the task in an exported folder does while lmms-eval runs it; its own file only names these functions."""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from neuroonco.build.records import ClosedItem
from neuroonco.export.figures import figures
from neuroonco.export.reading import read_questions
from neuroonco.export.records import Question
from neuroonco.export.replies import prediction_of
from neuroonco.predict.records import OpenPrediction, Prediction
from neuroonco.vocabulary import PredictionStatus

MODEL = "lmms-eval"
"""Name of the model while lmms-eval runs; its log says which one it was."""
Given = dict[str, Any]
"""What is known of one question after its reply: ``name``, ``status``, ``answer``, ``image``, and for the accuracy
``score`` (0 or 1). It stands in the log once a figure, so that the reply is not in it."""
ACCURACY = "accuracy"


@cache
def questions_of(folder: Path) -> dict[str, Question]:
    """The questions of an exported folder by name.

    Raises:
        InputError: they cannot be read.
    """
    return {one.name: one for one in read_questions(folder)}


def read_reply(folder: Path, name: str, text: str, figure_names: Sequence[str]) -> dict[str, Given]:
    """A reply to one question, read by the one parser of this package, for each figure.

    Args:
        folder: of the export.
        name: of the question.
        text: the reply; lmms-eval does not say whether it was cut off or refused.
        figure_names: what is summed up later. Only ``accuracy`` is given a ``score``, because lmms-eval shows the
            standard error of scores beside whatever the figure is.
    """
    question = questions_of(folder)[name]
    found = prediction_of(question.item(), text, MODEL)
    answer = found.pred if isinstance(found, Prediction) else found.text
    given = {"name": name, "status": found.status.value, "answer": answer, "image": question.image}
    scored = given | {"score": float(answer == question.target)}
    return {figure: scored if figure == ACCURACY else given for figure in figure_names}


def figure_of(folder: Path, name: str) -> Callable[[Sequence[Given]], float]:
    """The function that sums up one figure over what :func:`read_reply` gave for each question.

    It is over the questions that lmms-eval asked: with ``--limit`` these are not all.
    """

    def sum_up(given: Sequence[Given]) -> float:
        every = questions_of(folder)
        asked = [every[one["name"]] for one in given]
        predictions = [_prediction(question, one) for question, one in zip(asked, given, strict=True)]
        return figures(asked, predictions).get(name, float("nan"))

    return sum_up


def _prediction(question: Question, given: Given) -> Prediction | OpenPrediction:
    item, status, answer = question.item(), PredictionStatus(given["status"]), given["answer"]
    if isinstance(item, ClosedItem):
        return Prediction(id=item.image_id, q_index=item.q_index, model=MODEL, status=status, pred=answer)
    return OpenPrediction(id=item.image_id, question_id=item.question_id, model=MODEL, status=status, text=answer)
