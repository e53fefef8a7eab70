"""Rows of chat JSONL: parsed one at a time, found again by their place, and never all in memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from neuroonco import store
from neuroonco.errors import InputError, printable
from neuroonco.models.records import Turn
from neuroonco.train.records import RowProblem
from neuroonco.train.row_forms import conversation_of

MAX_ROW_BYTES = 1024**2
"""A longer line is no conversation about a picture, and is not held in memory."""
BOM = b"\xef\xbb\xbf"
_MAX_SAID = 200


@dataclass(frozen=True)
class TrainingRow:
    """One conversation about a picture.

    Attributes:
        file, line: where it stands: name of the file, and line from 1.
        images: paths relative to the root, as many as the first user turn had placeholders; today at most one. One
            picture has one path: ``./a//b.png`` is ``a/b.png``.
        turns: optional ``system``, then ``user`` and ``assistant`` in turn, ending with ``assistant``; texts without
            the placeholder of the image and the line break behind it.
        slice_id: ``meta.id``, or None.
    """

    file: str
    line: int
    images: tuple[str, ...]
    turns: tuple[Turn, ...]
    slice_id: str | None


def names_in_messages(files: Sequence[Path]) -> tuple[str, ...]:
    r"""Names of files without control characters; where two are the same, each with the name of its folder.

    >>> names_in_messages([Path("/data/a/x.jsonl"), Path("/data/b/x.jsonl"), Path("/data/y.jsonl")])
    ('a/x.jsonl', 'b/x.jsonl', 'y.jsonl')
    """
    names = [path.name for path in files]
    full = [f"{path.absolute().parent.name}/{path.name}" if names.count(path.name) > 1 else path.name for path in files]
    return tuple(map(printable, full))


def read_rows(path: Path, *, name: str | None = None) -> Iterator[tuple[int, TrainingRow | RowProblem]]:
    """Rows of one file with the byte offsets of their lines; what cannot be used is a problem, and never an exception.

    Blank lines are no rows, but are counted as lines. A byte order mark at the head of the file is passed over.

    Args:
        path: of the file.
        name: what it is called in messages; None takes its own.

    Raises:
        InputError: the file cannot be opened.
    """
    name = printable(path.name) if name is None else name
    try:
        if path.exists() and not path.is_file():
            raise InputError("NOT_A_FILE", "not a regular file", where=name, fix="pass a file of chat JSONL")
        with path.open("rb") as file:
            for number, (offset, line) in enumerate(_lines(file), start=1):
                if line is None:
                    yield offset, _problem(name, number, "ROW_UNREADABLE", f"longer than {MAX_ROW_BYTES} bytes")
                elif (row := _parsed(line, offset, name, number)) is not None:
                    yield offset, row
    except FileNotFoundError:
        raise InputError("FILE_MISSING", "no such file", where=name, fix="check the path") from None
    except OSError as error:
        raise InputError("FILE_UNREADABLE", error.strerror or "unreadable", where=name) from None


class RowFiles:
    """Rows of files by their place: 16 bytes a row are held, and a row is read when it is asked for.

    May be used by several threads, after a fork, and pickled: a file is opened for each row that is read.

    Args:
        files: in the order of the recipe.
        places: (file number, byte offset) of the rows that are used, in order; a sequence of pairs or an array
            (rows, 2).
        lines: of each of them, from 1; without them, lines are counted in the files.
    """

    def __init__(
        self,
        files: Sequence[Path],
        places: Sequence[tuple[int, int]] | NDArray[np.uint64],
        lines: NDArray[np.uint32] | None = None,
    ) -> None:
        pairs = np.asarray(places, dtype=np.uint64).reshape(-1, 2)
        self._files, self._names = tuple(files), names_in_messages(files)
        self._numbers = pairs[:, 0].astype(np.uint32)
        self._offsets = np.ascontiguousarray(pairs[:, 1])
        self._lines = self._counted() if lines is None else lines.astype(np.uint32)

    def __len__(self) -> int:
        return len(self._offsets)

    def __getitem__(self, place: int) -> TrainingRow:
        """The row of a place.

        Raises:
            IndexError: no such place.
            InputError: ``ROW_CHANGED``: no row that can be used begins there any more.
        """
        path, offset, number = self._files[self._numbers[place]], int(self._offsets[place]), int(self._lines[place])
        name = self._names[self._numbers[place]]
        try:
            with path.open("rb") as file:
                file.seek(offset)
                line = file.readline(MAX_ROW_BYTES + 2)
        except OSError as error:
            raise InputError("FILE_UNREADABLE", error.strerror or "unreadable", where=name) from None
        row = _parsed(line, offset, name, number)
        if not isinstance(row, TrainingRow):
            where = f"{name}, line {number}"
            raise InputError("ROW_CHANGED", "the file has changed since it was checked", where=where, fix="start again")
        return row

    def _counted(self) -> NDArray[np.uint32]:
        lines = np.zeros(len(self), np.uint32)
        for number in np.unique(self._numbers):
            with self._files[number].open("rb") as file:
                heads = np.fromiter((offset for offset, _ in _lines(file)), np.uint64)
            mine = self._numbers == number
            lines[mine] = np.searchsorted(heads, self._offsets[mine]) + 1
        return lines


# --- lines ---


def _lines(file: IO[bytes]) -> Iterator[tuple[int, bytes | None]]:
    """Lines with their offsets; None in place of one that is too long."""
    offset = 0
    while line := file.readline(MAX_ROW_BYTES + 2):
        length = len(line)
        is_long = len(line.rstrip(b"\r\n")) > MAX_ROW_BYTES
        rest = line
        while not rest.endswith(b"\n") and (rest := file.readline(MAX_ROW_BYTES)):
            is_long, length = True, length + len(rest)
        yield offset, None if is_long else line
        offset += length


def _parsed(line: bytes, offset: int, file: str, number: int) -> TrainingRow | RowProblem | None:
    """The row of a line; None for a blank one."""
    data = line.removeprefix(BOM) if offset == 0 else line
    if not (data := data.strip()):
        return None
    try:
        raw = store.parse_json(data.decode("utf-8"), f"line {number}")
        if b"\\u" in data:  # without an escape, UTF-8 cannot spell half of a character
            store.require_text(raw, f"line {number}")
    except UnicodeDecodeError as error:
        return _problem(file, number, "ROW_UNREADABLE", f"not UTF-8 at byte {error.start} of the line")
    except InputError as error:
        return _problem(file, number, "ROW_UNREADABLE", error.what)
    try:
        return TrainingRow(file, number, *conversation_of(raw))
    except InputError as error:
        return _problem(file, number, error.code, error.what)


def _problem(file: str, line: int, code: str, what: str) -> RowProblem:
    return RowProblem(file=file, line=line, code=code, what=printable(what)[:_MAX_SAID])
