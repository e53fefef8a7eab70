"""How questions are put to a model, whatever they ask: which go into one call, and what became of a call."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from neuroonco.build.records import ClosedItem, OpenItem
from neuroonco.models.records import AnswerSchema, ModelAnswer, ModelCall, Turn
from neuroonco.predict.records import PromptForm, Scoring
from neuroonco.prompts import prompt
from neuroonco.prompts.render import render
from neuroonco.vocabulary import CallStatus, PredictionStatus

Item = TypeVar("Item", ClosedItem, OpenItem)
CUT_OFF = "the reply was cut off at the limit of tokens; raise --max-tokens"
NO_TEXT = "the reply holds no text"
NO_OPTION = "the reply names no option, or more than one"
LEAK = "all questions of an image are asked in one call: sibling questions can leak into each other's answers"
"""What is said wherever a run asked per image."""


@dataclass(frozen=True)
class QuestionBrief:
    """How questions are put to a model.

    Attributes:
        per_image: all questions of an image in one call.
        asks_confidence: the model is asked how sure it is.
        permute_seed: of the order of options; None leaves them as they are.
        scoring: how the answer is taken.
        max_tokens: limit of a reply.
        form: in which words; those of instruction data ask one question at a time, and nothing beside it.
    """

    per_image: bool = False
    asks_confidence: bool = False
    permute_seed: int | None = None
    scoring: Scoring = Scoring.GENERATE
    max_tokens: int = 1024
    form: PromptForm = PromptForm.FULL


@dataclass(frozen=True)
class Unit(Generic[Item]):
    """Questions that are put in one call.

    Attributes:
        places: where they stand in the benchmark, from 0.
        items: the questions, all about one picture; without ``per_image`` there is one.
    """

    places: tuple[int, ...]
    items: tuple[Item, ...]


def units_of(items: Sequence[Item], *, per_image: bool) -> list[Unit[Item]]:
    """Questions as they are put: one by one, or all of an image together.

    A twin repeats a question with the truth put in or taken out, so that either would give the other away: of one
    family of twins a call holds one question.

    Args:
        items: the benchmark.
        per_image: whether an image's questions go together.

    Returns:
        In the order of their first questions, which keeps an image's units together where its questions are.
    """
    if not per_image:
        return [Unit((place,), (item,)) for place, item in enumerate(items)]
    calls: dict[tuple[object, ...], list[dict[object, int]]] = {}
    for place, item in enumerate(items):
        image = (item.image_id, item.image_path, item.image_channel, item.image_slice)
        twin_of = getattr(item, "twin_of", None)
        family: object = place if isinstance(item, OpenItem) else item.q_index if twin_of is None else twin_of
        of_image = calls.setdefault(image, [])
        call = next((call for call in of_image if family not in call), None)
        if call is None:
            of_image.append(call := {})
        call[family] = place
    groups = [tuple(call.values()) for of_image in calls.values() for call in of_image]
    return [Unit(places, tuple(items[place] for place in places)) for places in groups]


def call_of(
    name: str,
    values: dict[str, str],
    image_sha256: str | None,
    schema: AnswerSchema | None,
    max_tokens: int,
    settings: tuple[str, ...] = (),
) -> ModelCall:
    """The call that a prompt makes.

    Args:
        name: of the prompt.
        values: of its placeholders; text from data has passed
            :func:`neuroonco.predict.telling.told`.
        image_sha256: of the picture's bytes as sent; None where none is.
        schema: of the reply.
        max_tokens: its limit.
        settings: see :class:`neuroonco.models.records.ModelCall`.
    """
    asked = prompt(name)
    return ModelCall(
        purpose=name,
        prompt_name=name,
        prompt_sha256=asked.sha256,
        turns=tuple(Turn(role=role, text=text) for role, text in render(asked, values)),
        image_sha256=image_sha256,
        schema_=schema,
        max_tokens=max_tokens,
        settings=settings,
    )


def why_no_reply(answer: ModelAnswer) -> tuple[PredictionStatus, str | None] | None:
    """What a call without a reply to read makes of its questions, and why; None where there is a reply.

    >>> answer = ModelAnswer(request_hash="0", model="m", status=CallStatus.FAILED, error="HTTP 500 (e.g. quota)")
    >>> why_no_reply(answer)
    (<PredictionStatus.API_ERROR: 'api_error'>, 'HTTP 500 (e.g. quota)')
    """
    if answer.status is CallStatus.OK:
        return None if (answer.text or "").strip() else (PredictionStatus.UNPARSED, NO_TEXT)
    if answer.status is CallStatus.TRUNCATED:
        return PredictionStatus.UNPARSED, CUT_OFF
    if answer.status is CallStatus.EMPTY:
        return PredictionStatus.UNPARSED, answer.error or NO_TEXT
    if answer.status is CallStatus.REFUSED:
        return PredictionStatus.REFUSED, None if answer.text else answer.error
    return PredictionStatus.API_ERROR, answer.error or f"the call ended as {answer.status.value}"


def numbers_of(count: int) -> list[str]:
    """Names of the questions of one call, as prompt, schema and reply have them: from 1."""
    return [str(number) for number in range(1, count + 1)]


def answers_form(numbers: Sequence[str], *, word: str) -> str:
    """The form of a reply to numbered questions.

    >>> answers_form(["1", "2"], word="letter")
    '{"1": "letter", "2": "letter"}'
    """
    return "{" + ", ".join(f'"{number}": "{word}"' for number in numbers) + "}"
