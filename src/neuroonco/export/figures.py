"""Figures that another program shows: taken from our scores, so that they cannot differ from them."""

from collections.abc import Mapping, Sequence
from math import nan

from neuroonco.build.records import REPORTED_TYPES
from neuroonco.export.records import ExportedOpenQuestion, ExportedQuestion, Question
from neuroonco.intervals import Estimate
from neuroonco.predict.records import OpenPrediction, Prediction
from neuroonco.score.closed.score import score_closed
from neuroonco.score.open.score import score_open

TYPE = "type_"
"""What the names of figures by question type begin with."""
CLOSED = ("accuracy", "macro_by_type")
REJECTION = (
    *("rejection_recall", "rejection_precision", "rejection_f1", "false_rejection_rate"),
    *("youden_j", "mcc", "rejection_recall_of_always_none", "false_rejection_rate_of_always_none"),
)
"""Figures of benchmarks that offer "None of the above"."""
OPEN = (
    *("attribute_f1", "attribute_recall", "attribute_precision", "attribute_contradicted"),
    *("keyword_gain", "rouge_l", "bleu", "chrf"),
)
UNANSWERED = ("unparsed", "refused", "not_asked")
"""Shares of questions without an answer; what was not asked makes the others incomplete."""
LOWER_IS_BETTER = frozenset(
    {"false_rejection_rate", "false_rejection_rate_of_always_none", "attribute_contradicted", *UNANSWERED}
)
_NOT_ASKED = ("missing", "conflicting", "api_error", "missing_image")
_RESAMPLES = 1
"""Programs show figures without our intervals, so that none are drawn."""


def figure_names(questions: Sequence[Question]) -> tuple[str, ...]:
    """Names of the figures that questions give, known before anybody has answered."""
    closed = [one.item() for one in questions if isinstance(one, ExportedQuestion)]
    if not closed:
        return (*OPEN, *UNANSWERED)
    types = {item.reported_type for item in closed}
    return (
        *CLOSED,
        *(("binary", "multiple_choice") if len({item.is_binary for item in closed}) == 2 else ()),
        *(REJECTION if any(item.none_letter for item in closed) else ()),
        *(TYPE + kind for kind in REPORTED_TYPES if kind in types),
        *UNANSWERED,
    )


def figures(questions: Sequence[Question], predictions: Sequence[Prediction | OpenPrediction]) -> dict[str, float]:
    """Figures by name, over all questions; NaN where there is nothing to divide by.

    Args:
        questions: what was asked, of one kind; every one of them counts, answered or not.
        predictions: under the opaque names.
    """
    closed = [one.item() for one in questions if isinstance(one, ExportedQuestion)]
    opened = [one.item() for one in questions if isinstance(one, ExportedOpenQuestion)]
    estimates: Mapping[str, Estimate]
    if closed or not opened:
        given = [one for one in predictions if isinstance(one, Prediction)]
        score = score_closed(closed, given, resamples=_RESAMPLES)
        rejection, always = score.rejection, score.always_none
        status = score.status
        estimates = {
            "accuracy": score.accuracy,
            "macro_by_type": score.macro_by_type,
            "binary": score.binary,
            "multiple_choice": score.multiple_choice,
            "rejection_recall": rejection.recall,
            "rejection_precision": rejection.precision,
            "rejection_f1": rejection.f1,
            "false_rejection_rate": rejection.false_rejection_rate,
            "youden_j": rejection.youden_j,
            "mcc": rejection.mcc,
            "rejection_recall_of_always_none": always.recall,
            "false_rejection_rate_of_always_none": always.false_rejection_rate,
            **{TYPE + kind: estimate for kind, estimate in score.by_type.items()},
        }
    else:
        answers = [one for one in predictions if isinstance(one, OpenPrediction)]
        open_score = score_open(opened, answers, resamples=_RESAMPLES)
        status = open_score.status
        estimates = {
            "attribute_f1": open_score.attributes.f1,
            "attribute_recall": open_score.attributes.recall,
            "attribute_precision": open_score.attributes.precision,
            "attribute_contradicted": open_score.attributes.contradicted,
            "keyword_gain": open_score.keywords.gain,
            "rouge_l": open_score.rouge_l,
            "bleu": open_score.bleu,
            "chrf": open_score.chrf,
        }
    found = {name: nan if one.value is None else one.value for name, one in estimates.items()}
    names = figure_names(questions)
    return {name: value for name, value in (found | _unanswered(status, len(questions))).items() if name in names}


def _unanswered(status: Mapping[str, int], n: int) -> dict[str, float]:
    counts = {
        "unparsed": status["unparsed"] + status.get("invalid_letter", 0),
        "refused": status["refused"],
        "not_asked": sum(status[name] for name in _NOT_ASKED),
    }
    return {name: count / n if n else nan for name, count in counts.items()}
