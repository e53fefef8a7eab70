"""Open questions as calls, and replies as predictions: pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from neuroonco.build.records import OpenItem
from neuroonco.models.json_answer import AnswerError, one_object
from neuroonco.models.records import AnswerSchema, ModelAnswer, ModelCall
from neuroonco.models.strict_schema import schema_of
from neuroonco.predict.ask import NO_TEXT, QuestionBrief, answers_form, call_of, numbers_of, why_no_reply
from neuroonco.predict.parse import read_open
from neuroonco.predict.records import OpenPrediction, PromptForm
from neuroonco.predict.telling import told
from neuroonco.vocabulary import PredictionStatus

PLAIN, IMAGE, INSTRUCTION = "predict_open", "predict_open_image", "predict_open_instruction"
NO_ANSWER = "the reply holds no answer to this question"
TEXT = {"type": "string"}


@dataclass(frozen=True)
class OpenQuestions:
    """Puts open questions, one or all of an image, and reads what comes back."""

    brief: QuestionBrief

    @property
    def prompt_name(self) -> str:
        """The prompt that is asked with."""
        if self.brief.form is PromptForm.INSTRUCTION:
            return INSTRUCTION
        return IMAGE if self.brief.per_image else PLAIN

    def call(self, items: Sequence[OpenItem], image_sha256: str | None) -> ModelCall:
        """The call that asks questions about one picture; see :meth:`.ask_closed.ClosedQuestions.call`."""
        if self.brief.per_image:
            numbers = numbers_of(len(items))
            lines = [f"Question {n}: {told(item.question)}" for n, item in zip(numbers, items, strict=True)]
            values = {"questions": "\n".join(lines), "answers": answers_form(numbers, word="your answer")}
            return call_of(self.prompt_name, values, image_sha256, _schema(len(items)), self.brief.max_tokens)
        (item,) = items
        values = {"question": told(item.question)}
        schema = _schema(0) if self.brief.form is PromptForm.FULL else None
        return call_of(self.prompt_name, values, image_sha256, schema, self.brief.max_tokens)

    def predictions(self, items: Sequence[OpenItem], answer: ModelAnswer, model: str) -> list[OpenPrediction]:
        """What an answer says to each question; exactly one prediction a question."""
        if (failed := why_no_reply(answer)) is not None:
            return [_prediction(item, model, answer, *failed) for item in items]
        text = answer.text or ""
        if self.brief.per_image:
            return [
                _answered(item, model, answer, said, NO_ANSWER)
                for item, said in zip(items, read_numbered(text, len(items)), strict=True)
            ]
        return [_answered(item, model, answer, read_open(text), NO_TEXT) for item in items]

    def unasked(
        self, items: Sequence[OpenItem], model: str, status: PredictionStatus, error: str
    ) -> list[OpenPrediction]:
        """Predictions of questions that could not be asked."""
        return [
            OpenPrediction(id=item.image_id, question_id=item.question_id, model=model, status=status, error=error)
            for item in items
        ]


def read_numbered(text: str, count: int) -> list[str | None]:
    """The answers of a reply to numbered questions; None for each that it does not answer with a text.

    >>> read_numbered('{"1": "A round lesion.", "3": 7}', 3)
    ['A round lesion.', None, None]
    """
    try:
        document = one_object(text)
    except AnswerError:
        return [None] * count
    found = (document.get(number) for number in numbers_of(count))
    return [said.strip() or None if isinstance(said, str) else None for said in found]


def _answered(item: OpenItem, model: str, answer: ModelAnswer, said: str | None, why: str) -> OpenPrediction:
    if said is None:
        return _prediction(item, model, answer, PredictionStatus.UNPARSED, why)
    return OpenPrediction(
        id=item.image_id,
        question_id=item.question_id,
        model=model,
        status=PredictionStatus.OK,
        text=said,
        raw=None if said == answer.text else answer.text,
        request_hash=answer.request_hash,
    )


def _prediction(
    item: OpenItem, model: str, answer: ModelAnswer, status: PredictionStatus, error: str | None
) -> OpenPrediction:
    return OpenPrediction(
        id=item.image_id,
        question_id=item.question_id,
        model=model,
        status=status,
        raw=answer.text or None,
        error=error,
        request_hash=answer.request_hash,
    )


@lru_cache(maxsize=64)
def _schema(count: int) -> AnswerSchema:
    """Of a reply to one question (0) or to so many numbered ones."""
    if not count:
        return schema_of("answer", {"answer": TEXT})
    return schema_of("answers", dict.fromkeys(numbers_of(count), TEXT))
