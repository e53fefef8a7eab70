"""Lines of a provider's batch files: a call as a request, and a result as an answer."""

import json
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from typing import IO, Any, Literal

from neuroonco.models.chat_completions import ChatCompletions
from neuroonco.models.dialects import DialectReply, mapping
from neuroonco.models.endpoints import ResolvedModel
from neuroonco.models.ledger_rows import without_keys
from neuroonco.models.records import ModelAnswer, ModelCall
from neuroonco.models.retry import FILTER_CODES, RETRIED_STATUS, MalformedAnswerError, without_key
from neuroonco.vocabulary import CallStatus

ROUTE: Literal["/v1/chat/completions"] = "/v1/chat/completions"
MAX_ERROR_CHARACTERS = 300
_dialect = ChatCompletions()


class Chunk:
    """Requests on their way into one file. The file has no name: a kill leaves no pictures behind."""

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None
        self.calls: dict[str, ModelCall] = {}
        self.size_bytes = 0

    def add(self, request_hash: str, call: ModelCall, line: bytes) -> None:
        """Append one request."""
        if self._file is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115  (closed by `close`)
        self._file.write(line)
        self.calls[request_hash] = call
        self.size_bytes += len(line)

    def only(self, request_hashes: set[str]) -> "Chunk":
        """A chunk of some of the requests: this one, where those are all."""
        if self._file is None or len(request_hashes) == len(self.calls):
            return self
        kept = Chunk()
        self._file.seek(0)
        for (request_hash, call), line in zip(self.calls.items(), self._file, strict=True):
            if request_hash in request_hashes:
                kept.add(request_hash, call, line)
        self.close()
        return kept

    def rewound(self) -> IO[bytes]:
        """The file, from its start.

        Raises:
            ValueError: nothing was added.
        """
        if self._file is None:
            raise ValueError("an empty chunk has no file")
        self._file.seek(0)
        return self._file

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()


def request_line(model: ResolvedModel, request_hash: str, call: ModelCall, image: bytes | None) -> bytes:
    """One request, named by its hash, as a line with its end."""
    body = _dialect.body(call, image, model.endpoint, model.model_id)
    line = {"custom_id": request_hash, "method": "POST", "url": ROUTE, "body": body}
    return json.dumps(line, separators=(",", ":")).encode() + b"\n"


def parsed_line(line: bytes) -> tuple[str, dict[str, Any]] | None:
    """Name and content of a result; None where the line holds none."""
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        return None
    key = document.get("custom_id") if isinstance(document, dict) else None
    return (key, document) if isinstance(key, str) else None


def scrubbed(text: str, key: str | None) -> str:
    r"""A provider's text as one line of bounded length: neither the key nor what looks like one stands in it.

    >>> scrubbed("bad key s3cret-of-ours,\nkey sk-abcdefghij", "s3cret-of-ours")
    'bad key ***,\\nkey [key]'
    """
    return without_keys(without_key(text, key, limit=len(text)))[:MAX_ERROR_CHARACTERS]


def answer_of_line(
    model: ResolvedModel, request_hash: str, document: dict[str, Any], created_at: int, scrub: Callable[[str], str]
) -> ModelAnswer:
    """What a result says: an answer, a refusal, or why there is none.

    Args:
        model: whom the batch asked.
        request_hash: the name of the request.
        document: the result.
        created_at: seconds since 1970, when the batch was created.
        scrub: what the provider says went wrong -> the same without keys.
    """
    response = document.get("response")
    values: dict[str, Any] = {
        "request_hash": request_hash,
        "model": model.name,
        "attempts": 0 if response is None else 1,
        "asked_at": datetime.fromtimestamp(created_at, UTC).isoformat(timespec="milliseconds"),
    }
    found = _outcome(model, response, document.get("error"))
    if found["error"] is not None:
        found["error"] = scrub(found["error"])
    return ModelAnswer(**values, **found)


def _outcome(model: ResolvedModel, response: Any, error: Any) -> dict[str, Any]:
    try:
        if response is None:
            return {"status": CallStatus.FAILED, "error": _error(error, "no response")[1]}
        status = mapping(response, "response").get("status_code")
        if status != 200:
            return _failure(status, response.get("body"))
        return _answer(model, _dialect.reply(response.get("body")))
    except MalformedAnswerError as malformed:
        return {"status": CallStatus.FAILED, "error": f"malformed response: {malformed}"}


def _answer(model: ResolvedModel, reply: DialectReply) -> dict[str, Any]:
    price, cost_usd = model.endpoint.price_usd_per_million, None
    if price is not None and reply.input_tokens is not None and reply.output_tokens is not None:
        cost_usd = price.cost_usd(reply.input_tokens, reply.output_tokens)
    return {
        "status": reply.status,
        "text": reply.text or None,
        "finish_reason": reply.finish_reason,
        "served_model": reply.served_model,
        "input_tokens": reply.input_tokens,
        "output_tokens": reply.output_tokens,
        "cost_usd": cost_usd,
        "error": reply.error,
    }


def _failure(http_status: Any, body: Any) -> dict[str, Any]:
    code, line = _error(body.get("error") if isinstance(body, dict) else None, "no reason given")
    accepted = not isinstance(http_status, int) or http_status in RETRIED_STATUS or http_status >= 500
    status = CallStatus.FAILED if accepted else CallStatus.REJECTED
    return {"status": CallStatus.REFUSED if code in FILTER_CODES else status, "error": f"HTTP {http_status}: {line}"}


def _error(error: Any, otherwise: str) -> tuple[str | None, str]:
    """Code, and one line for a person, of an error as providers write it."""
    if not isinstance(error, dict):
        return None, otherwise
    code, message = error.get("code"), error.get("message")
    parts = [part for part in (code, message) if isinstance(part, str) and part]
    return (code if isinstance(code, str) else None), ": ".join(parts) or otherwise
