"""The judge model: one answer to one open question, one mark from 0 to 4 by a fixed rubric, or a reason for none.

It sees the question, the reference and the answer, as data. It sees no picture, no id and not who answered.
"""

from typing import Annotated, Any

from pydantic import BeforeValidator, StrictStr, ValidationError

from neuroonco.build.records import OpenItem
from neuroonco.errors import ProviderError
from neuroonco.models.conversation import Unreadable, converse
from neuroonco.models.json_answer import AnswerError, faults_of, one_object, quoted
from neuroonco.models.protocol import ModelClient
from neuroonco.models.records import AnswerSchema, ModelCall, Turn
from neuroonco.models.strict_schema import schema_of
from neuroonco.outcomes import Quarantined, Record, quarantine
from neuroonco.prompts import prompt
from neuroonco.prompts.render import as_data, render
from neuroonco.score.open.records import HIGHEST_MARK, JudgeMark

PROMPT = "judge_open"
REPAIR_WITHOUT_PICTURE = "repair_text"
MAX_TOKENS = 512
MAX_ANSWER_CHARS = 4_000
"""Of an answer that the judge sees; a longer one is cut, and the cut is marked."""
MAX_REASON_CHARS = 500
MARKS = tuple(range(HIGHEST_MARK + 1))


def _mark(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int) or value not in MARKS:
        raise ValueError(f"{quoted(value)} is none of {', '.join(map(str, MARKS))}")
    return value


class JudgesAnswer(Record):
    """A judge's whole answer; both fields have to be there."""

    reason: StrictStr
    mark: Annotated[int, BeforeValidator(_mark)]


def judge_schema() -> AnswerSchema:
    """The schema of a judge's answer; the reason comes first, so that it is thought of before the mark."""
    return schema_of("mark", {"reason": {"type": "string"}, "mark": {"type": "integer", "enum": list(MARKS)}})


def judge_call(item: OpenItem, answer: str) -> ModelCall:
    """The request for one mark."""
    asked = prompt(PROMPT)
    fields = {"question": item.question, "reference": item.reference_answer, "answer": answer}
    turns = render(asked, {name: as_data(text, MAX_ANSWER_CHARS) for name, text in fields.items()})
    return ModelCall(
        purpose=asked.name,
        prompt_name=asked.name,
        prompt_sha256=asked.sha256,
        turns=tuple(Turn(role=role, text=text) for role, text in turns),
        schema_=judge_schema(),
        max_tokens=MAX_TOKENS,
    )


def read_mark(text: str, _last: bool) -> JudgesAnswer:
    """The mark in a judge's raw answer; nothing is rounded, mended or guessed.

    >>> read_mark('{"reason": "Right.", "mark": 4}', False).mark
    4
    >>> read_mark('{"reason": "Right.", "mark": "4"}', False)
    Traceback (most recent call last):
    neuroonco.models.json_answer.AnswerError: mark: '4' is none of 0, 1, 2, 3, 4

    Raises:
        AnswerError: it is not one JSON object of a reason and a mark.
    """
    try:
        return JudgesAnswer.model_validate(one_object(text))
    except ValidationError as error:
        raise AnswerError(*faults_of(error)) from None


async def judge_with_model(client: ModelClient, item: OpenItem, answer: str) -> JudgeMark | Quarantined:
    """Let a model mark one answer.

    Returns:
        The mark; quarantined where there is none that can be used, so that the answer stays unscored.

    Raises:
        PrerequisiteError, ProviderError: see :class:`neuroonco.models.protocol.ModelClient`.
    """
    outcome = await converse(client, judge_call(item, answer), None, read_mark, repair=REPAIR_WITHOUT_PICTURE)
    if isinstance(outcome, Unreadable):
        error = ProviderError(outcome.code, f"mark by {client.name}: {outcome.message}")
        return quarantine(error, slice_id=f"{item.image_id}#{item.question_id}")
    return JudgeMark(
        id=item.image_id,
        question_id=item.question_id,
        mark=outcome.value.mark,
        reason=as_data(outcome.value.reason, MAX_REASON_CHARS),
        request_hash=outcome.request_hash,
    )
