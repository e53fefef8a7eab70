"""Records of prediction: what a model answered, and how it was asked."""

from enum import StrEnum
from typing import Any

from pydantic import Field, SerializerFunctionWrapHandler, field_validator, model_serializer, model_validator
from pydantic_core import PydanticCustomError

from neuroonco.outcomes import Record
from neuroonco.vocabulary import PredictionStatus


class LetterLogprob(Record):
    """Natural logarithm of the probability that a model gives to one letter as its answer.

    Attributes:
        letter: as the benchmark letters the option, not as it was shown.
        logprob: over the model's whole vocabulary, so that the letters' probabilities add up to 1 at most.
    """

    letter: str
    logprob: float = Field(le=1e-6)


class Prediction(Record):
    """The answer of one model to one closed question.

    What is missing is not written to JSON lines, so that a line of a plain run is short.

    Attributes:
        id: the benchmark's image id; a number is read as its digits, so that ids compare as strings.
        q_index: position of the question among the image's questions, from 0.
        pred: letter of the chosen option as the benchmark letters it, None unless ``status`` is ``ok``.
        raw: the reply as it came, with the letters as they were shown; None for built-in baselines and where there
            was none.
        error: why there is no reply, for ``api_error`` and ``missing_image``; why it is none, for ``unparsed``.
        shown_order: the benchmark's letters in the order in which the options were shown (as A, B, …), e.g.
            ``CABDE``; None where they were shown as they stand in the benchmark.
        logprobs: of the offered letters, where the model was asked for them.
        confidence: 0 to 1, how sure the model says it is of ``pred``; None where it does not say.
        request_hash: of the answer in the ledger of model calls; None where there is none.
    """

    id: str
    q_index: int
    model: str
    status: PredictionStatus
    pred: str | None = None
    raw: str | None = None
    error: str | None = None
    shown_order: str | None = None
    logprobs: tuple[LetterLogprob, ...] | None = None
    confidence: float | None = Field(default=None, ge=0, le=1)
    request_hash: str | None = None

    @field_validator("id", mode="before")
    @classmethod
    def _id_as_string(cls, value: Any) -> Any:
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value

    @model_validator(mode="after")
    def _chosen_where_ok(self) -> "Prediction":
        _require_where_ok("pred", self.pred, self.status)
        return self

    @model_serializer(mode="wrap")
    def _short(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {k: v for k, v in write(self).items() if v is not None or k not in _LEFT_OUT_IF_MISSING}


def _require_where_ok(field: str, value: str | None, status: PredictionStatus) -> None:
    """An answer stands where the status is ``ok`` and nowhere else; otherwise nobody knows which of the two holds."""
    if (value is not None) == (status is PredictionStatus.OK):
        return
    what = "there is none" if value is None else f"there is one ({value[:20]!r})"
    raise PydanticCustomError(
        "answer_and_status",
        "{field} stands where status is ok and only there; status is {status}, and {what}",
        {"field": field, "status": status.value, "what": what},
    )


_LEFT_OUT_IF_MISSING = frozenset({"shown_order", "logprobs", "confidence", "request_hash"})


class OpenPrediction(Record):
    """The answer of one model to one open question.

    Attributes:
        id, question_id: as in the benchmark.
        status: ``ok`` where there is a text to score; ``unparsed`` where the reply was empty or cut off.
        text: the answer, None unless ``status`` is ``ok``.
        raw: the reply as it came, where it is not the answer itself (JSON, thoughts, cut off).
        error: as in :class:`Prediction`.
        request_hash: of the answer in the ledger of model calls.
    """

    id: str
    question_id: str
    model: str
    status: PredictionStatus
    text: str | None = None
    raw: str | None = None
    error: str | None = None
    request_hash: str | None = None

    @field_validator("id", "question_id", mode="before")
    @classmethod
    def _id_as_string(cls, value: Any) -> Any:
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value

    @model_validator(mode="after")
    def _answered_where_ok(self) -> "OpenPrediction":
        _require_where_ok("text", self.text, self.status)
        return self


class QuestionKind(StrEnum):
    """What a benchmark asks."""

    CLOSED = "closed"
    OPEN = "open"


class PictureMode(StrEnum):
    """Which picture is shown with a question.

    ``none``: no picture (``blind:MODEL``). ``blank``: a picture of the same size without content. ``shuffled``: the
    picture of another image of the benchmark.
    """

    TRUE = "true"
    NONE = "none"
    BLANK = "blank"
    SHUFFLED = "shuffled"


class Scoring(StrEnum):
    """How an answer is taken from a model: what it writes, or the letter that it finds likeliest."""

    GENERATE = "generate"
    LIKELIHOOD = "likelihood"


class PromptForm(StrEnum):
    """In which words a question is put.

    ``full``: an introduction, the question as data between lines, and the form of the reply. ``instruction``: the
    user's text that instruction data have, letter by letter, for a model that was tuned on them.
    """

    FULL = "full"
    INSTRUCTION = "instruction"


class EvaluationRun(Record):
    """How one model was put to one benchmark: all that a reader needs to repeat it, and nothing of the machine.

    Attributes:
        model: as in the predictions.
        kind: closed or open questions.
        benchmark: name of its file, without folders.
        benchmark_sha256: of the questions, see :func:`neuroonco.predict.run_files.benchmark_hash`.
        unreadable: questions in that file that could not be read: nobody was asked them, and no other count and no hash
            here holds them. A score of such a run is not one of the whole benchmark.
        picture: which picture was shown.
        scoring: how the answer was taken.
        per_image: all questions of an image were asked in one call, so that sibling questions can leak.
        permute_seed: of the order of the options; None where they were shown as they stand.
        asks_confidence: the prompt asks how sure the model is.
        form: in which words the questions were put.
        prompts: name -> sha256 of what was asked with.
        settings: what else decides an answer (``max_tokens``, ``seed``, the endpoint's way of asking), by name.
        status: questions by status.
        calls: put to the model in the last run of the command; ``from_ledger``: answered by the ledger.
        input_tokens, output_tokens, cost_usd: of the calls in ``calls``; None where unknown.
        version: of neuroonco.
    """

    model: str
    kind: QuestionKind
    benchmark: str
    benchmark_sha256: str
    unreadable: int = Field(default=0, ge=0)
    picture: PictureMode = PictureMode.TRUE
    scoring: Scoring = Scoring.GENERATE
    per_image: bool = False
    permute_seed: int | None = None
    asks_confidence: bool = False
    form: PromptForm = PromptForm.FULL
    prompts: dict[str, str] = Field(default_factory=dict)
    settings: dict[str, str] = Field(default_factory=dict)
    status: dict[str, int] = Field(default_factory=dict)
    calls: int = 0
    from_ledger: int = 0
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None
    version: str
