"""Records of prediction: what a model answered."""

from typing import Any

from pydantic import field_validator

from neuroonco.outcomes import Record
from neuroonco.vocabulary import PredictionStatus


class Prediction(Record):
    """The answer of one model to one closed question.

    Attributes:
        id: the benchmark's image id; a number is read as its digits, so that ids compare as strings.
        q_index: position of the question among the image's questions, from 0.
        pred: letter of the chosen option, None unless ``status`` is ``ok``.
        raw: the reply as it came; None for built-in baselines and where there was none.
        error: why there is no reply, for ``api_error`` and ``missing_image``.
    """

    id: str
    q_index: int
    model: str
    status: PredictionStatus
    pred: str | None = None
    raw: str | None = None
    error: str | None = None

    @field_validator("id", mode="before")
    @classmethod
    def _id_as_string(cls, value: Any) -> Any:
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value
