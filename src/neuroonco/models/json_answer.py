"""Read one JSON object from what a model wrote; anything doubtful is a fault with a name, nothing is completed.

What stands around the object does not matter: prose, a code fence, a leading block of thoughts. What matters is that
there is exactly one object to take. Two that differ, a key twice, a number that is none, or a brace that opens no whole
object are faults, because choosing or mending would be guessing. Braces around plain words are prose.
"""

import json
import re
from typing import Any

from pydantic import ValidationError

from neuroonco.errors import printable

MAX_ANSWER_CHARS = 100_000
MAX_QUOTED_CHARS = 60
_THOUGHTS = re.compile(r"\A\s*<(think|thinking)>.*?</\1>", re.DOTALL)
_OPEN_THOUGHTS = re.compile(r"\A\s*<think(ing)?>")
_PROSE = re.compile(r"""\{(?!\s*\})[^{}[\]"':]*\}""")
"""Braces around something, but no quote, colon, bracket or brace."""


class AnswerError(ValueError):
    """An answer that cannot be used as it is.

    Args:
        faults: what is wrong, one line each, in words that the model can act on.
    """

    def __init__(self, *faults: str) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


def one_object(text: str) -> dict[str, Any]:
    """The one JSON object of an answer; the same object twice counts as one.

    Raises:
        AnswerError: there is none, more than one, or one that is broken.

    >>> one_object('Sure! {"a": 1} That is all.')
    {'a': 1}
    >>> one_object('{"a": 1} or rather {"a": 2}')
    Traceback (most recent call last):
    neuroonco.models.json_answer.AnswerError: two different JSON objects
    """
    if len(text) > MAX_ANSWER_CHARS:
        raise AnswerError(f"longer than {MAX_ANSWER_CHARS} characters")
    spoken = _THOUGHTS.sub("", text, count=1)
    if _OPEN_THOUGHTS.match(spoken):
        raise AnswerError("the thoughts do not end, so that there is no answer")
    found: dict[str, dict[str, Any]] = {}
    start = 0
    while (opening := spoken.find("{", start)) >= 0:
        if (prose := _PROSE.match(spoken, opening)) is not None:
            start = prose.end()
            continue
        value, start = _decode(spoken, opening)
        found[json.dumps(value, sort_keys=True)] = value
    if not found:
        raise AnswerError("no JSON object")
    if len(found) > 1:
        raise AnswerError("two different JSON objects")
    return next(iter(found.values()))


def _decode(text: str, start: int) -> tuple[dict[str, Any], int]:
    try:
        value, end = _DECODER.raw_decode(text, start)
    except json.JSONDecodeError as error:
        raise AnswerError(f"the JSON object is broken or cut off: {error.msg}") from None
    except RecursionError:
        raise AnswerError("the JSON object is nested too deeply") from None
    except AnswerError:
        raise
    except ValueError:  # an integer of more digits than Python converts
        raise AnswerError("a number in the JSON object is too long") from None
    return value, end


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise AnswerError(f"key {quoted(next(k for k in keys if keys.count(k) > 1))} twice in one object")
    return found


def _no_constant(name: str) -> Any:
    raise AnswerError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)


def quoted(value: Any) -> str:
    """What a model wrote, short and on one line, for a message.

    >>> quoted("a" * 100) == "'" + "a" * 60 + "…'"
    True
    """
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    short = text if len(text) <= MAX_QUOTED_CHARS else text[:MAX_QUOTED_CHARS] + "…"
    return f"'{printable(short)}'"


def faults_of(error: ValidationError) -> tuple[str, ...]:
    """What pydantic found, as lines that a model can act on.

    Args:
        error: of the record that describes the answer.
    """
    lines = []
    for entry in error.errors(include_url=False):
        field = ".".join(printable(str(part))[:MAX_QUOTED_CHARS] for part in entry["loc"]) or "the answer"
        kind = entry["type"]
        if kind == "missing":
            lines.append(f"{field}: missing")
        elif kind == "extra_forbidden":
            lines.append(f"{field}: no such field")
        elif kind == "value_error":
            lines.append(f"{field}: {entry['ctx']['error']}")
        else:
            lines.append(f"{field}: {entry['msg']}, not {quoted(entry['input'])}")
    return tuple(lines)
