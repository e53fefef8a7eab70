"""What a dialect of an API is: how a call is written in it, and how its answer is read."""

import base64
from dataclasses import dataclass
from typing import Any, Protocol

from neuroonco.models.endpoint_records import Endpoint
from neuroonco.models.records import ModelCall
from neuroonco.models.retry import MalformedAnswerError
from neuroonco.vocabulary import CallStatus

MAX_COUNT = 2**31 - 1
SPENT = "the limit of tokens was spent before the answer began; raise --max-tokens, or reasoning_tokens of the endpoint"
MAX_NAME_CHARACTERS = 200


@dataclass(frozen=True)
class DialectReply:
    """An answer as one dialect gave it, in the words of all of them.

    Attributes:
        finish_reason, served_model: as the endpoint says.
        truncated: it ends at the limit of tokens.
        refused: the model or a filter declined.
    """

    text: str
    finish_reason: str | None = None
    served_model: str | None = None
    truncated: bool = False
    refused: bool = False
    input_tokens: int | None = None
    output_tokens: int | None = None

    @property
    def status(self) -> CallStatus:
        """What the answer is; one without text is none, also where the limit of tokens was spent on thoughts."""
        if self.refused:
            return CallStatus.REFUSED
        if not self.text.strip():
            return CallStatus.EMPTY
        return CallStatus.TRUNCATED if self.truncated else CallStatus.OK

    @property
    def error(self) -> str | None:
        """One line where there is no answer."""
        if self.status is not CallStatus.EMPTY:
            return None
        return SPENT if self.truncated else "answered without text"


class Dialect(Protocol):
    """One API of models."""

    path: str
    """Of its one route, below the base URL."""

    def headers(self, key: str | None) -> dict[str, str]:
        """The headers that carry the key, and whatever else every request needs."""
        ...

    def body(self, call: ModelCall, image: bytes | None, endpoint: Endpoint, model_id: str) -> dict[str, Any]:
        """The request."""
        ...

    def reply(self, document: Any) -> DialectReply:
        """The answer.

        Raises:
            MalformedAnswerError: it is not what the API says.
        """
        ...


def base64_text(data: bytes) -> str:
    """Bytes as base64."""
    return base64.b64encode(data).decode("ascii")


def mapping(value: Any, what: str) -> dict[str, Any]:
    """A JSON object, where the API says that there is one.

    Raises:
        MalformedAnswerError: there is none.
    """
    if not isinstance(value, dict):
        raise MalformedAnswerError(f"no {what}")
    return value


def name_of(value: Any) -> str | None:
    """A short text of the endpoint; None where there is none."""
    return _storable(value[:MAX_NAME_CHARACTERS]) if isinstance(value, str) else None


def _storable(text: str) -> str:
    """Text without halves of characters, which JSON can spell and no file can hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


def count_of(value: Any) -> int | None:
    """A number of tokens; None where there is none.

    >>> count_of(7), count_of(-1), count_of(True), count_of("7")
    (7, None, None, None)
    """
    counted = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_COUNT
    return value if counted else None


def joined_text(content: Any) -> str:
    """Text of a message: a string, or parts of which those of type ``text`` count.

    >>> joined_text("a"), joined_text([{"type": "text", "text": "a"}, {"type": "thinking"}]), joined_text(None)
    ('a', 'a', '')
    """
    if isinstance(content, str):
        return _storable(content)
    parts = content if isinstance(content, list) else []
    texts = [part.get("text") for part in parts if isinstance(part, dict) and part.get("type") == "text"]
    return _storable("".join(text for text in texts if isinstance(text, str)))
