"""Records of prediction: what a model answered."""

from neuroonco.outcomes import Record
from neuroonco.vocabulary import PredictionStatus


class Prediction(Record):
    """The answer of one model to one closed question.

    Attributes:
        id: the benchmark's image id.
        q_index: position of the question among the image's questions, from 0.
        pred: letter of the chosen option, None unless ``status`` is ``ok``.
        raw: the reply as it came; None for built-in baselines.
    """

    id: str
    q_index: int
    model: str
    status: PredictionStatus
    pred: str | None = None
    raw: str | None = None
