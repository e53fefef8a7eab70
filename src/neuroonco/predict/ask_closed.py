"""Closed questions as calls, and replies as predictions: pure."""

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from neuroonco.build.records import ClosedItem
from neuroonco.models.records import AnswerSchema, ModelAnswer, ModelCall
from neuroonco.models.strict_schema import one_of, schema_of
from neuroonco.predict.ask import (
    NO_OPTION,
    QuestionBrief,
    answers_form,
    call_of,
    numbers_of,
    why_no_reply,
)
from neuroonco.predict.parse import read_confidence, read_letter, read_letters
from neuroonco.predict.permute import Shown, shown_options
from neuroonco.predict.records import LetterLogprob, Prediction, PromptForm, Scoring
from neuroonco.predict.telling import told
from neuroonco.vocabulary import PredictionStatus

PLAIN, CONFIDENCE, LETTER, IMAGE = (
    *("predict_closed", "predict_closed_confidence", "predict_closed_letter", "predict_closed_image"),
)
INSTRUCTION = "predict_closed_instruction"
"""Its text is that of :func:`neuroonco.build.instruct.assemble.options_text`; a test holds them together."""
BAD_LOGPROBS = "no log-probability of every offered letter"
LIKELIHOOD_TOKENS = 64
"""Limit of a reply that is not written, so that --max-tokens makes no other calls of these."""
_KEPT_TO_SCHEMA = re.compile(r'[ \t\n]*\{[ \t\n]*"answer"[ \t\n]*:[ \t\n]*"(?P<letter>[A-Z])"[ \t\n]*\}[ \t\n]*')


@dataclass(frozen=True)
class ClosedQuestions:
    """Puts closed questions, one or all of an image, and reads what comes back."""

    brief: QuestionBrief

    @property
    def prompt_name(self) -> str:
        """The prompt that is asked with."""
        if self.brief.form is PromptForm.INSTRUCTION:
            return INSTRUCTION
        if self.brief.scoring is Scoring.LIKELIHOOD:
            return LETTER
        if self.brief.per_image:
            return IMAGE
        return CONFIDENCE if self.brief.asks_confidence else PLAIN

    def call(self, items: Sequence[ClosedItem], image_sha256: str | None) -> ModelCall:
        """The call that asks questions about one picture.

        Args:
            items: one question, or with ``per_image`` any number.
            image_sha256: of the picture's bytes as sent; None where none is.
        """
        brief, shown = self.brief, self._shown(items)
        if brief.per_image:
            numbers = numbers_of(len(items))
            texts = zip(numbers, items, shown, strict=True)
            blocks = [f"Question {n}: {told(item.question)}\nOptions:\n{_options(s)}" for n, item, s in texts]
            values = {"questions": "\n\n".join(blocks), "answers": answers_form(numbers, word="letter")}
            schema = _image_schema(tuple(one.letters for one in shown))
            return call_of(self.prompt_name, values, image_sha256, schema, brief.max_tokens)
        (item,), (one,) = items, shown
        values = {"question": told(item.question), "options": _options(one)}
        if brief.scoring is Scoring.LIKELIHOOD:
            settings = ("scoring=likelihood", f"letters={','.join(one.letters)}")
            return call_of(self.prompt_name, values, image_sha256, None, LIKELIHOOD_TOKENS, settings)
        is_full = brief.form is PromptForm.FULL  # who was tuned on bare letters writes no JSON
        own = _schema(one.letters, brief.asks_confidence) if is_full else None
        return call_of(self.prompt_name, values, image_sha256, own, brief.max_tokens)

    def predictions(self, items: Sequence[ClosedItem], answer: ModelAnswer, model: str) -> list[Prediction]:
        """What an answer says of each question; exactly one prediction a question, whatever the answer is.

        Args:
            items: as they were asked.
            answer: to their call.
            model: name in the predictions.
        """
        shown = self._shown(items)
        if (failed := why_no_reply(answer)) is not None:
            return [self._prediction(*pair, answer, model, *failed) for pair in zip(items, shown, strict=True)]
        text = answer.text or ""
        if self.brief.scoring is Scoring.LIKELIHOOD:
            return [self._likeliest(*pair, answer, model) for pair in zip(items, shown, strict=True)]
        if self.brief.per_image:
            numbers = numbers_of(len(items))
            found = read_letters(text, {n: (s.letters, s.texts) for n, s in zip(numbers, shown, strict=True)})
            chosen = [found.get(number) for number in numbers]
        else:
            chosen = [_letter_of(text, one) for one in shown]
        confidence = read_confidence(text) if self.brief.asks_confidence else None
        return [
            self._chosen(item, s, answer, model, letter, confidence)
            for item, s, letter in zip(items, shown, chosen, strict=True)
        ]

    def unasked(
        self, items: Sequence[ClosedItem], model: str, status: PredictionStatus, error: str
    ) -> list[Prediction]:
        """Predictions of questions that could not be asked."""
        return [
            Prediction(id=item.image_id, q_index=item.q_index, model=model, status=status, error=error)
            for item in items
        ]

    def _shown(self, items: Sequence[ClosedItem]) -> list[Shown]:
        return [shown_options(item, self.brief.permute_seed) for item in items]

    def _prediction(
        self,
        item: ClosedItem,
        shown: Shown,
        answer: ModelAnswer,
        model: str,
        status: PredictionStatus,
        error: str | None,
    ) -> Prediction:
        return Prediction(
            id=item.image_id,
            q_index=item.q_index,
            model=model,
            status=status,
            raw=answer.text or None,
            error=error,
            shown_order=shown.order,
            request_hash=answer.request_hash,
        )

    def _chosen(
        self,
        item: ClosedItem,
        shown: Shown,
        answer: ModelAnswer,
        model: str,
        letter: str | None,
        confidence: float | None,
    ) -> Prediction:
        if letter is None:
            return self._prediction(item, shown, answer, model, PredictionStatus.UNPARSED, NO_OPTION)
        return Prediction(
            id=item.image_id,
            q_index=item.q_index,
            model=model,
            status=PredictionStatus.OK,
            pred=shown.original[letter],
            raw=answer.text,
            shown_order=shown.order,
            confidence=confidence,
            request_hash=answer.request_hash,
        )

    def _likeliest(self, item: ClosedItem, shown: Shown, answer: ModelAnswer, model: str) -> Prediction:
        found = read_logprobs(answer.text or "", shown.letters)
        if found is None:
            return self._prediction(item, shown, answer, model, PredictionStatus.UNPARSED, BAD_LOGPROBS)
        chosen = self._chosen(item, shown, answer, model, max(found, key=found.__getitem__), None)
        logprobs = tuple(LetterLogprob(letter=shown.original[letter], logprob=value) for letter, value in found.items())
        return chosen.model_copy(update={"logprobs": logprobs})


def read_logprobs(text: str, letters: Sequence[str]) -> dict[str, float] | None:
    """Log-probabilities of the letters shown, in their order; None unless each has a finite one that is one.

    >>> read_logprobs('{"B": -0.1, "A": -2.5}', "AB")
    {'A': -2.5, 'B': -0.1}
    >>> read_logprobs('{"A": -2.5}', "AB") is read_logprobs('{"A": 1, "B": -1}', "AB") is None
    True
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or document.keys() != set(letters):
        return None
    values = [document[letter] for letter in letters]
    if not all(isinstance(v, int | float) and not isinstance(v, bool) and -math.inf < v <= 1e-6 for v in values):
        return None
    return dict(zip(letters, map(float, values), strict=True))


def _letter_of(text: str, shown: Shown) -> str | None:
    """As :func:`read_letter`; a reply that keeps to the schema, as nearly all do, is seen to at a glance.

    An option whose text might be read in the words around the letter is left to the parser.
    """
    kept = _KEPT_TO_SCHEMA.fullmatch(text)
    if kept is not None and kept["letter"] in shown.texts and not any(map(_may_mislead, shown.texts.values())):
        return kept["letter"]
    return read_letter(text, shown.letters, shown.texts)


def _may_mislead(option: str) -> bool:
    return not option.isascii() or "final" in option.lower()  # the parser reads the field as "Final: C"


def _options(shown: Shown) -> str:
    return "\n".join(f"{letter}. {text}" for letter, text in shown.texts.items())


@lru_cache(maxsize=1024)
def _schema(letters: tuple[str, ...], asks_confidence: bool) -> AnswerSchema:
    fields: dict[str, object] = {"answer": one_of(letters)}
    if asks_confidence:
        fields["confidence"] = {"type": "number"}
    return schema_of("answer", fields)


@lru_cache(maxsize=1024)
def _image_schema(letters: tuple[tuple[str, ...], ...]) -> AnswerSchema:
    return schema_of("answers", dict(zip(numbers_of(len(letters)), map(one_of, letters), strict=True)))
