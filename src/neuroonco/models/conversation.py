"""Put one question to a model: one answer, one chance to repair it, and then a named reason, never a default."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from neuroonco.errors import printable
from neuroonco.models.json_answer import AnswerError
from neuroonco.models.protocol import ModelClient
from neuroonco.models.records import ModelAnswer, ModelCall, Turn
from neuroonco.prompts import Prompt, prompt
from neuroonco.prompts.render import as_data, render
from neuroonco.vocabulary import CallStatus

T = TypeVar("T")
Parse = Callable[[str, bool], T]
"""From the raw text, and whether it is the last answer there will be, to what it says; raises ``AnswerError``."""

REPAIR = "repair"
CUT_OFF = "the answer was cut off before its end; give the JSON object alone"
CODES = {
    CallStatus.REFUSED: "MODEL_REFUSED",
    CallStatus.TRUNCATED: "MODEL_ANSWER_TRUNCATED",
    CallStatus.EMPTY: "MODEL_ANSWER_EMPTY",
    CallStatus.FAILED: "MODEL_CALL_FAILED",
    CallStatus.REJECTED: "MODEL_CALL_REJECTED",
}
"""Code of a slice that is quarantined because a call ended in this way."""
UNREADABLE = "MODEL_ANSWER_UNREADABLE"
UNFINISHED_CODES = frozenset(code for status, code in CODES.items() if not status.is_final)
"""Codes of what the next run asks again."""
MAX_REASON_CHARS = 300


@dataclass(frozen=True)
class Parsed(Generic[T]):
    """An answer that could be read.

    Attributes:
        request_hash: of the call that it answers, in the ledger.
        repaired: whether it took the second call.
    """

    value: T
    request_hash: str
    repaired: bool


@dataclass(frozen=True)
class Unreadable:
    """No answer that could be used.

    Attributes:
        code: why, see ``CODES`` and ``UNREADABLE``.
        message: one line.
        request_hash: of the last call.
    """

    code: str
    message: str
    request_hash: str


async def converse(
    client: ModelClient, call: ModelCall, image: bytes | None, parse: Parse[T], *, repair: str = REPAIR
) -> Parsed[T] | Unreadable:
    """Ask, read the answer, and ask once more if it cannot be used.

    The second call holds the whole conversation, so that it has a hash of its own and is asked once only, like the
    first. A refusal and a call that failed are not argued with.

    Args:
        client: whom to ask.
        call: what to ask.
        image: bytes of its picture.
        parse: reads an answer.
        repair: name of the prompt that asks once more.

    Raises:
        PrerequisiteError, ProviderError: see :class:`neuroonco.models.protocol.ModelClient`.
    """
    answer = await client.ask(call, image)
    first = AnswerError(CUT_OFF) if _is_cut_off(answer) else _settle(answer, parse, last=False)
    if not isinstance(first, AnswerError):
        return first
    again = repair_call(call, answer.text or "", first.faults, prompt(repair))
    repaired = await client.ask(again, image)
    second = _settle(repaired, parse, last=True)
    if isinstance(second, AnswerError):
        return Unreadable(UNREADABLE, _line(f"after one repair: {second}"), repaired.request_hash)
    return second


def _is_cut_off(answer: ModelAnswer) -> bool:
    return answer.status is CallStatus.TRUNCATED and bool((answer.text or "").strip())


def _settle(answer: ModelAnswer, parse: Parse[T], *, last: bool) -> Parsed[T] | Unreadable | AnswerError:
    text = answer.text or ""
    status = CallStatus.EMPTY if answer.status is CallStatus.OK and not text.strip() else answer.status
    if status is not CallStatus.OK:
        return Unreadable(CODES[status], _line(answer.error or f"the call ended as {status}"), answer.request_hash)
    try:
        return Parsed(parse(text, last), answer.request_hash, repaired=last)
    except AnswerError as error:
        return error


def repair_call(call: ModelCall, raw: str, faults: Sequence[str], repair: Prompt) -> ModelCall:
    """The call that asks once more: the same conversation, the answer as it came, and what was wrong with it."""
    listed = "\n".join(f"- {as_data(fault)}" for fault in faults)
    turns = [Turn(role=role, text=text) for role, text in render(repair, {"faults": listed})]
    return call.model_copy(
        update={"purpose": f"{call.purpose}_{REPAIR}", "turns": (*call.turns, Turn(role="assistant", text=raw), *turns)}
    )


def _line(text: str) -> str:
    return printable(text)[:MAX_REASON_CHARS]
