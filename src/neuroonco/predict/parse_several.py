r"""Read the chosen options from one reply to several numbered questions; each question fails closed for itself."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from neuroonco.predict.parse_letter import read_letter
from neuroonco.predict.parse_text import Pairs, json_objects, spoken

_BULLET = r"^[ \t>#*_\-•(\[|]{0,12}"
_QUESTION = r"(?:question|q)[ \t.#_]{0,3}"
_HEADER = re.compile(
    rf"{_BULLET}(?:{_QUESTION}|(?:answer|a)[ \t.#_]{{0,3}})?(?P<key>\d{{1,4}})[*_)\]]{{0,4}}[ \t]?"
    rf"(?:[.):=\-–—|]{{1,3}}|is\b|→|->)"
    rf"[*_]{{0,3}}(?:[ \t]{{1,9}}|(?=[^\d\s])|$)|{_BULLET}{_QUESTION}(?P<only>\d{{1,4}})[*_]{{0,3}}[ \t]{{0,9}}$",
    re.IGNORECASE | re.MULTILINE,
)
_KEY = re.compile(r"(?:question|answer|q|a)?[\s_.#]{0,3}(?P<key>\d{1,4})\Z", re.IGNORECASE)
_NUMBER_KEYS = ("question", "number", "id", "q", "index")


def read_letters(text: str, questions: Mapping[str, tuple[Sequence[str], Mapping[str, str]]]) -> dict[str, str | None]:
    r"""The option that a reply chooses for each question, None where it does not choose exactly one.

    A question that is missing, answered twice in different ways or unreadable is None; the others are not touched.
    An answer to a question that was not asked is ignored.

    Args:
        text: the reply as it came: JSON (``{"answers": {"1": "C"}}`` or ``{"1": "C"}``) or numbered lines.
        questions: number of each question, as asked -> its offered letters and their texts.

    >>> offered = ("AB", {"A": "Abnormal", "B": "Healthy"})
    >>> read_letters('{"answers": {"1": "A", "2": "B or A", "9": "A"}}', {"1": offered, "2": offered, "3": offered})
    {'1': 'A', '2': None, '3': None}
    >>> read_letters("Q1: A\n2) **B**\n", {"1": offered, "2": offered})
    {'1': 'A', '2': 'B'}
    """
    said = spoken(text)
    answers: dict[str, list[str]] = {key: [] for key in questions}
    for key, answer in _answers(said or ""):
        if key in answers:
            answers[key].append(answer)
    return {key: _one(answers[key], *offered) for key, offered in questions.items()}


def _one(answers: Sequence[str], letters: Sequence[str], texts: Mapping[str, str]) -> str | None:
    """The letter that all answers to a question agree on; one that cannot be read agrees with none."""
    found = {read_letter(answer, letters, texts) for answer in answers}
    return found.pop() if len(found) == 1 else None


def _answers(said: str) -> Iterator[tuple[str, str]]:
    documents = json_objects(said)
    if documents:
        for document in documents:
            yield from _of_document(document)
        return
    headers = list(_HEADER.finditer(said))
    ends = [*(header.start() for header in headers[1:]), len(said)] if headers else []
    for header, end in zip(headers, ends, strict=True):
        yield _plain_key(header["key"] or header["only"]), said[header.end() : end]


def _of_document(document: Pairs) -> Iterator[tuple[str, str]]:
    fields = {key.strip().casefold(): value for key, value in document}
    numbers = [fields[name] for name in _NUMBER_KEYS if isinstance(fields.get(name), int | str)]
    if len(numbers) == 1 and "answer" in fields:
        yield _plain_key(str(numbers[0])), _answer(document)
        return
    for key, value in document:
        if key.strip().casefold() in ("answers", "results", "questions"):
            yield from _of_answers(value)
        else:
            yield _plain_key(key), _answer(value)


def _of_answers(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Pairs):
        yield from _of_document(value)
    elif isinstance(value, list):
        for entry in value:
            if isinstance(entry, Pairs):
                yield from _of_document(entry)


def _answer(value: Any) -> str:
    """An answer as a text to be read; what is neither a text nor an object with one answer reads as nothing."""
    if isinstance(value, Pairs):
        given = [inner for key, inner in value if key.strip().casefold() in ("answer", "letter", "choice", "option")]
        value = given[0] if len(given) == 1 else None
    return value if isinstance(value, str) else ""


def _plain_key(key: str) -> str:
    """The number of a question, however it is written.

    >>> _plain_key("Q2"), _plain_key("question_02"), _plain_key("summary")
    ('2', '2', 'summary')
    """
    match = _KEY.match(key.strip())
    return str(int(match["key"])) if match else key.strip()
