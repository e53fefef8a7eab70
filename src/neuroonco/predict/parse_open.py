"""Read the answer to an open question, and how sure a model says it is; fail closed."""

import math
import re
from collections.abc import Iterator
from typing import Any

from neuroonco.predict.parse_context import stands_alone
from neuroonco.predict.parse_text import Pairs, json_objects, json_objects_at, spoken, unfenced

MAX_PERCENT = 100
_ANSWER_KEYS = ("answer", "final_answer", "final answer", "response")
_LEADING = re.compile(r"\A[*_#\s]{0,8}(?:final\s)?answer[*_]{0,3}\s?:[*_]{0,3}\s*", re.IGNORECASE)
_FENCE = re.compile(r"\A```\w{0,12}\s{0,9}")
_TAGGED = re.compile(r"<(?:answer|\|begin_of_box\|)>([^<>]+)<(?:/answer|\|end_of_box\|)>", re.IGNORECASE)
_STATED = re.compile(
    r"\bconfiden(?:ce|t)(?:[ \t](?:level|score))?[\"'*_]{0,3}[ \t]?(?:is|of|[:=])[\"'*_]{0,3}[ \t]?[\"'*_]{0,3}[ \t]?"
    r"(?P<number>\d{1,3}(?:\.\d{1,6})?|\.\d{1,6})[ \t]?(?P<unit>%|/[ \t]?\d{1,3}\b|percent\b)?(?P<more>[\d.]{0,9}\d)?",
    re.IGNORECASE,
)


def read_open(text: str) -> str | None:
    r"""The answer of a reply to an open question, or None if it is empty, cut off in its thoughts or broken JSON.

    Args:
        text: the reply as it came: ``{"answer": …}``, in a fence or not, with words around it or not, or plain text.

    >>> read_open('<think>A ring?</think>{"answer": "A ring-enhancing mass."}')
    'A ring-enhancing mass.'
    >>> read_open("Answer: No edema.")
    'No edema.'
    >>> read_open('{"answer": "A ring-enh') is None
    True
    """
    said = spoken(text)
    if not said:
        return None
    inside = _TAGGED.findall(said)
    said = unfenced(inside[0].strip() if len(inside) == 1 else said)
    found = [
        [*map(_as_text, _values(document, _ANSWER_KEYS))]
        for start, end, document in json_objects_at(said)
        if stands_alone(said, start, end)
    ]
    answers = [answer for of_one in found for answer in of_one]
    if answers:
        # The same answer in two objects is one answer; a key twice in one object is a broken object.
        return answers[0] if len(set(answers)) == 1 and all(len(of_one) <= 1 for of_one in found) else None
    if _FENCE.sub("", said).startswith("{"):
        return None  # cut off, broken, or without an answer
    return _LEADING.sub("", said, count=1).strip() or None


def read_confidence(text: str) -> float | None:
    r"""How sure a reply says that it is, from 0 to 1; None if it does not say so in one number of a known scale.

    A bare number from 0 to 1 is a share, one above 10 a percentage; between them nobody knows whether it is meant of 5,
    10 or 100.

    >>> read_confidence('{"answer": "C", "confidence": 0.8}'), read_confidence("C\nConfidence: 85 %")
    (0.8, 0.85)
    >>> read_confidence("Confidence: 8/10"), read_confidence("Confidence: 8"), read_confidence("Confidence: high")
    (0.8, None, None)
    """
    said = spoken(text)
    if not said:
        return None
    stated = [value for document in json_objects(said) for value in _values(document, ("confidence",))]
    shares = {_share(value) for value in stated} or {_share(match) for match in _matches(said)}
    return shares.pop() if len(shares) == 1 else None


def _as_text(value: Any) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


def _values(document: Pairs, keys: tuple[str, ...]) -> list[Any]:
    return [value for key, value in document if key.strip().casefold() in keys]


def _matches(text: str) -> Iterator[str]:
    for match in _STATED.finditer(text):
        yield match["number"] + (match["unit"] or "").replace("percent", "%") + (match["more"] or "")


_NUMBER = re.compile(r"(?P<number>\d{1,3}(?:\.\d{1,18})?|\.\d{1,18})\s?(?P<unit>%|/\s?(?P<of>\d{1,3}))?\Z")


def _share(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return _of_scale(float(value)) if math.isfinite(value) else None
    if not isinstance(value, str) or (match := _NUMBER.match(value.strip())) is None:
        return None
    number, unit = float(match["number"]), match["unit"]
    if unit is None:
        return _of_scale(number)
    whole = MAX_PERCENT if unit == "%" else int(match["of"])
    return number / whole if whole > 0 and number <= whole else None


def _of_scale(number: float) -> float | None:
    if 0 <= number <= 1:
        return number
    return number / MAX_PERCENT if 10 < number <= MAX_PERCENT else None
