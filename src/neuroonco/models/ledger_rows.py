"""How a call and its answer lie in the tables of the ledger."""

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from neuroonco.models.ledger_records import LedgerEntry
from neuroonco.models.records import ModelAnswer, ModelCall
from neuroonco.store import sha256_text
from neuroonco.vocabulary import CallStatus

ANSWER_COLUMNS = tuple(ModelAnswer.model_fields)
FINAL = tuple(status.value for status in CallStatus if status.is_final)
MAX_COUNT = 2**31 - 1
"""Token counts beyond this are no counts; they are not kept."""
_SECRET = re.compile(
    r"(?i)\b(bearer\s+|(?:api[-_ ]?)?key\s*[=:]\s*|(?:sk|pk|gsk|hf|xai)[-_])(?=\S{6})\S+|\bAIza\S{10,}"
)


def now() -> str:
    """This moment, UTC, ISO 8601 to the microsecond."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def without_keys(message: str) -> str:
    """Blank what looks like an API key: some providers repeat the key in their error message.

    >>> without_keys("Incorrect API key provided: sk-abcdef1234567")
    'Incorrect API key provided: [key]'
    """
    return _SECRET.sub("[key]", message)


def fold(call: ModelCall) -> tuple[str, dict[str, str]]:
    """A call as JSON whose fixed parts, the system turns and the schema, are named by hash; and those parts.

    Hundreds of thousands of calls share one prompt; it is kept once.
    """
    document = call.model_dump(mode="json")
    parts: dict[str, str] = {}
    for holder, name in _fixed(document):
        sha256 = sha256_text(holder[name])
        parts[sha256] = holder[name]
        holder[name] = {"sha256": sha256}
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")), parts


def unfold(request: str, text_of: Callable[[str], str]) -> ModelCall:
    """The reverse of :func:`fold`.

    Args:
        request: JSON as kept.
        text_of: hash to text.

    Raises:
        ValidationError: not as written by us.
    """
    document = json.loads(request)
    for holder, name in _fixed(document):
        holder[name] = text_of(holder[name]["sha256"])
    return ModelCall.model_validate(document)


def _fixed(document: dict[str, Any]) -> list[tuple[dict[str, Any], str]]:
    """Places of the parts that many calls share."""
    places = [(turn, "text") for turn in document["turns"] if turn["role"] == "system"]
    if document["schema_"] is not None:
        places.append((document["schema_"], "document"))
    return places


def row_of(call: ModelCall, request: str, answer: ModelAnswer) -> dict[str, Any]:
    """The row of a call that was just answered."""
    row = answer.model_dump(mode="json") | {
        "purpose": call.purpose,
        "prompt_name": call.prompt_name,
        "prompt_sha256": call.prompt_sha256,
        "image_sha256": call.image_sha256,
        "request": request,
        "attempts_total": answer.attempts,
        "cost_usd_total": answer.cost_usd,
        "first_asked_at": answer.asked_at or now(),
    }
    if answer.error is not None:
        row["error"] = without_keys(answer.error)
    for name in ("input_tokens", "output_tokens"):
        if row[name] is not None and not 0 <= row[name] <= MAX_COUNT:
            row[name] = None
    # PostgreSQL has no NUL in texts; both kinds of ledger are to hold the same.
    return {name: value.replace("\0", "\ufffd") if isinstance(value, str) else value for name, value in row.items()}


def answer_of(row: Mapping[str, Any]) -> ModelAnswer:
    """The answer in a row."""
    return ModelAnswer.model_validate({name: row[name] for name in ANSWER_COLUMNS})


def entry_of(row: Mapping[str, Any], text_of: Callable[[str], str]) -> LedgerEntry:
    """A whole row as a record."""
    return LedgerEntry(
        request_hash=row["request_hash"],
        call=unfold(row["request"], text_of),
        answer=answer_of(row),
        attempts_total=row["attempts_total"],
        cost_usd_total=row["cost_usd_total"],
        first_asked_at=row["first_asked_at"],
    )
