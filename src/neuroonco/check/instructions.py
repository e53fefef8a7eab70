"""Closed instruction pairs as questions, so that the guessers that see no image can try them.

The file is read line by line, and of more pairs than the limit a seeded sample is kept, the same whichever order the
lines come in.
"""

import heapq
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from neuroonco import store
from neuroonco.build.records import ClosedItem, Option, is_none
from neuroonco.errors import InputError, printable
from neuroonco.outcomes import Quarantined
from neuroonco.vocabulary import QuestionType, recode

MAX_LINE_BYTES = 4 * 1024**2
"""A longer line is no instruction pair, and is not held in memory."""
MAX_NAMED = 20
"""So many unreadable lines are named; the rest is counted."""

_IMAGE_TOKEN = re.compile(r"\A\s*(?:<image>\s*)+")
_HEAD = re.compile(r"^Options:[ \t]*$", re.MULTILINE)
_OPTION = re.compile(r"\(?([A-Z])[.):][ \t]+(\S.*?)[ \t]*")
_ANSWER = re.compile(r"\s*(?:Final:\s*)?\(?([A-Z])\)?\.?[ \t]*(?:\n.*)?\Z", re.DOTALL)


@dataclass
class PairsRead:
    """What an instruction file held.

    Attributes:
        items: closed pairs, or the sample of them.
        closed_pairs: how many closed pairs could be read.
        open_pairs: how many have no options; nothing can be guessed there.
        unreadable: the first lines that could not be read, with the reason.
        unreadable_lines: how many there are.
    """

    items: list[ClosedItem] = field(default_factory=list)
    closed_pairs: int = 0
    open_pairs: int = 0
    unreadable: list[Quarantined] = field(default_factory=list)
    unreadable_lines: int = 0


def read_pairs(path: Path, seed: int, limit: int) -> PairsRead:
    """Read a chat JSONL of closed pairs, ours or the reference's.

    Args:
        path: ``.jsonl``.
        seed: of the sample.
        limit: how many closed pairs to keep at most.

    Raises:
        InputError: the file is missing, unreadable or holds open pairs only.
    """
    read = PairsRead()
    # The pairs with the smallest hashes stay; the heap has the largest of them on top.
    kept: list[tuple[int, int, ClosedItem]] = []
    for number, line in _lines(path):
        try:
            if line is None:
                raise InputError("LINE_TOO_LONG", f"more than {MAX_LINE_BYTES} bytes")
            item = item_of(store.parse_json(_decoded(line), f"line {number}"), number)
        except InputError as error:
            read.unreadable_lines += 1
            if len(read.unreadable) < MAX_NAMED:
                message = printable(f"line {number} of {path.name}: {error.what}")
                read.unreadable.append(Quarantined(slice_id=f"{path.name}#{number}", code=error.code, message=message))
            continue
        if item is None:
            read.open_pairs += 1
            continue
        read.closed_pairs += 1
        entry = (-int(store.sha256_text(str(seed), "pairs", _decoded(line))[:16], 16), -number, item)
        if len(kept) < limit:
            heapq.heappush(kept, entry)
        else:
            heapq.heappushpop(kept, entry)
    if not read.closed_pairs and read.open_pairs:
        raise InputError(
            "PAIRS_OPEN",
            "open pairs have no options, so that nothing can be guessed without the image",
            where=str(path),
            fix="pass a file of closed pairs",
        )
    read.items = [item for _, _, item in sorted(kept, key=lambda entry: -entry[1])]
    return read


def item_of(row: Any, number: int) -> ClosedItem | None:
    """One chat line as a closed question; None for an open pair.

    The image's path stands for the image, and the line's number for the question's place.

    Args:
        row: ``{"images": [path], "messages": [user, assistant], "meta": {"question_type": …}}``.
        number: of the line, from 1.

    Raises:
        InputError: the row is no pair of a question and its answer.
    """
    images, messages, meta = _part(row, "images", list), _part(row, "messages", list), _part(row, "meta", dict)
    if len(images) != 1 or not isinstance(images[0], str) or not images[0]:
        raise InputError("FIELD_INVALID", "images: expected one path")
    store.require_text(row, f"line {number}")
    user, assistant = _turn(messages, "user"), _turn(messages, "assistant")
    asked = options_of(user)
    if asked is None:
        return None
    question, options = asked
    kind = meta.get("question_type")
    question_type = recode(QuestionType, kind) if isinstance(kind, str) else None
    if question_type is None:
        raise InputError("QUESTION_TYPE_UNKNOWN", f"meta.question_type {str(kind)[:50]!r}: not known")
    found = _ANSWER.match(assistant)
    if found is None:
        raise InputError("ANSWER_UNREADABLE", "the assistant's text begins with no option letter")
    answer = found[1]
    return ClosedItem(
        image_id=images[0],
        q_index=number,
        slice_id=images[0],
        image_path=images[0],
        question_type=question_type,
        question=_shared(question),
        options=options,
        answer=answer,
        is_rejection=any(option.letter == answer and is_none(option.text) for option in options),
        label_source="unknown",
    )


def options_of(text: str) -> tuple[str, tuple[Option, ...]] | None:
    """The question of a user's text, with what follows its options, and the options; None where it offers none.

    Raises:
        InputError: a letter stands twice.

    >>> options_of("<image>\\nWhich?\\nOptions:\\nA. T1\\nB. T2\\n\\nAnswer with the option letter only.")[0]
    'Which?\\nAnswer with the option letter only.'
    >>> options_of("<image>\\nWhich?") is None
    True
    """
    heads = list(_HEAD.finditer(text))
    if not heads:
        return None
    lines = text[heads[-1].end() :].split("\n")
    rest = [place for place, line in enumerate(lines) if line.strip() and not _OPTION.fullmatch(line)]
    end = rest[0] if rest else len(lines)
    options = tuple(_option(found[1], found[2]) for line in lines[:end] if (found := _OPTION.fullmatch(line)))
    if not options:
        return None
    if len({option.letter for option in options}) < len(options):
        raise InputError("LETTER_TWICE", "two options have one letter")
    stem = _IMAGE_TOKEN.sub("", text[: heads[-1].start()]).strip()
    after = "\n".join(lines[end:]).strip()
    return f"{stem}\n{after}" if after else stem, options


@lru_cache(maxsize=4096)
def _option(letter: str, text: str) -> Option:
    """Pairs share their options, so that a hundred thousand of them fit in memory."""
    return Option(letter=letter, text=text)


@lru_cache(maxsize=4096)
def _shared(text: str) -> str:
    return text


def _part(row: Any, name: str, expected: type[Any]) -> Any:
    if not isinstance(row, dict):
        raise InputError("ROW_NOT_AN_OBJECT", f"expected an object, found {type(row).__name__}")
    value = row.get(name)
    if not isinstance(value, expected):
        raise InputError("FIELD_INVALID", f"{name}: expected {'a list' if expected is list else 'an object'}")
    return value


def _turn(messages: list[Any], role: str) -> str:
    texts = [turn.get("content") for turn in messages if isinstance(turn, dict) and turn.get("role") == role]
    if len(texts) != 1 or not isinstance(texts[0], str):
        raise InputError("FIELD_INVALID", f"messages: expected one text of the {role}")
    return texts[0]


def _decoded(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError("ENCODING", f"not UTF-8 at byte {error.start}", fix="save it as UTF-8") from None


def _lines(path: Path) -> Iterator[tuple[int, bytes | None]]:
    """Numbered lines that are not blank; None for one that is too long."""
    if path.suffix != ".jsonl":
        raise InputError("FORMAT_UNKNOWN", f"suffix {path.suffix!r}", where=str(path), fix="use .jsonl")
    if path.exists() and not path.is_file():
        raise InputError("NOT_A_FILE", "not a regular file", where=str(path), fix="pass a file")
    try:
        with path.open("rb") as file:
            number = 0
            while line := file.readline(MAX_LINE_BYTES + 1):
                number += 1
                whole = len(line) <= MAX_LINE_BYTES
                piece = line
                while not piece.endswith(b"\n") and len(piece) > MAX_LINE_BYTES:
                    piece = file.readline(MAX_LINE_BYTES + 1)
                if line.strip():
                    yield number, line if whole else None
    except FileNotFoundError:
        raise InputError("FILE_MISSING", "no such file", where=str(path), fix="check the path") from None
    except OSError as error:
        raise InputError("FILE_UNREADABLE", error.strerror or "unreadable", where=str(path)) from None
