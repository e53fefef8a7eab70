"""Look at instruction data before anything is trained on it: rows that do not parse, images that are not there."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from neuroonco import images, store
from neuroonco.errors import InputError
from neuroonco.outcomes import Record

IMAGE_TOKEN = "<image>"  # noqa: S105  (a placeholder in text, not a secret)
MAX_PROBLEMS = 50
_OPTION = re.compile(r"^([A-Z])\. ", re.MULTILINE)
_LETTER = re.compile(r"^(?:Final: )?([A-Z])$", re.MULTILINE)


class InstructionCheck(Record):
    """What training would read.

    Attributes:
        rows: rows that can be used.
        images: different images that they name.
        characters: of all texts; the number of tokens depends on the model.
        problem_count: rows that cannot be used.
        problems: the first of them, one line each.
    """

    rows: int
    images: int
    characters: int
    problem_count: int
    problems: tuple[str, ...]


def check_instructions(path: Path, root: Path) -> InstructionCheck:
    """Check each row of a chat JSONL file.

    Raises:
        InputError: the file cannot be read at all.
    """
    used, characters, problems, rows = set(), 0, [], 0
    for number, raw in enumerate(store.jsonl_rows(path), start=1):
        try:
            if isinstance(raw, InputError):
                raise raw
            names, texts = _check_row(raw, root)
        except InputError as error:
            problems.append(f"row {number}: {error.what}")
            continue
        rows += 1
        used.update(names)
        characters += sum(map(len, texts))
    return InstructionCheck(
        rows=rows,
        images=len(used),
        characters=characters,
        problem_count=len(problems),
        problems=tuple(problems[:MAX_PROBLEMS]),
    )


def _check_row(raw: Any, root: Path) -> tuple[list[str], list[str]]:
    if (
        not isinstance(raw, dict)
        or not isinstance(raw.get("images"), list)
        or not isinstance(raw.get("messages"), list)
    ):
        raise InputError("ROW_INVALID", "expected an object with images and messages")
    texts = list(_texts(raw["messages"]))
    tokens = sum(text.count(IMAGE_TOKEN) for text in texts)
    if tokens != len(raw["images"]):
        raise InputError("IMAGE_TOKENS", f"{tokens} image tokens for {len(raw['images'])} images")
    for name in raw["images"]:
        if not isinstance(name, str):
            raise InputError("ROW_INVALID", "an image is not a path")
        if not images.resolve(root, name).is_file():
            raise InputError("FILE_MISSING", f"no image {name[:80]!r} under the root")
    options = set(_OPTION.findall(texts[0]))
    answer = _LETTER.match(texts[-1])
    if options and (answer is None or answer.group(1) not in options):
        raise InputError("LABEL_NOT_OFFERED", f"the answer {texts[-1][:20]!r} is none of the options")
    return raw["images"], texts


def _texts(messages: list[Any]) -> Iterator[str]:
    roles = [m.get("role") if isinstance(m, dict) else None for m in messages]
    if roles != ["user", "assistant"]:
        raise InputError("ROLES", f"expected user and assistant, found {roles[:4]}")
    for message in messages:
        if not isinstance(message.get("content"), str) or not message["content"].strip():
            raise InputError("ROW_INVALID", "a message without text")
        yield message["content"]
