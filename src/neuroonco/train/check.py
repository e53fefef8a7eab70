"""Look at all data before the first step: unreadable rows, pictures that are not there, samples that are too long."""

from array import array
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neuroonco.errors import InputError, printable
from neuroonco.store import sha256_file, sha256_text
from neuroonco.train.offered import require_offered
from neuroonco.train.picture_source import size_of
from neuroonco.train.records import DataCheck, DataPart, RowProblem
from neuroonco.train.rows import RowFiles, TrainingRow, names_in_messages, read_rows
from neuroonco.train.samples import SampleLength
from neuroonco.train.token_tally import TokenTally

MAX_PROBLEMS = 50
ROWS_BETWEEN_TELLING = 256
Measure = Callable[[TrainingRow, tuple[int, int] | None], SampleLength]
Size = tuple[int, int]
Code = str
_NO_PICTURE = -1


@dataclass(frozen=True)
class CheckedRows:
    """What can be trained on.

    Attributes:
        check: counts and problems.
        train, held_out: rows; no picture is in both. Rows without a picture are trained on.
        paths: different pictures of both, sorted.
    """

    check: DataCheck
    train: RowFiles
    held_out: RowFiles
    paths: tuple[str, ...]


def check_rows(
    files: Sequence[Path],
    root: Path,
    data: DataPart,
    *,
    seed: int,
    measure: Measure | None = None,
    progress: Callable[[int], None] = lambda _rows: None,
) -> CheckedRows:
    """Read every row once and every picture's head once; bytes held: some 30 a row and one entry a picture.

    Of a row the first problem is told. Which rows are drawn (``max_rows``) and which pictures are held out does not
    depend on the order of files and rows; rows that are the same are drawn as they come. Of the pictures of the drawn
    rows, the share is held out as nearly as a whole number of pictures allows, and at least one where there are two;
    rows of one picture have one side. A row is as long as it is with its own picture, also where shuffled ones are
    shown, so that a control is trained on the very rows of the training that it is compared with.

    Args:
        files: chat JSONL.
        root: of the pictures.
        data: shares and limits of the recipe.
        seed: of what is held out and of ``max_rows``.
        measure: tokens of a row, e.g. :meth:`TrainingProcessor.length`; None counts none.
        progress: told how many rows were read.

    Raises:
        InputError: a file cannot be read at all, or no row can be used.
        PrerequisiteError: a picture is a volume, and the extra ``volumes`` is not installed.
    """
    gathered = _Gathered(root, data, seed, measure)
    read, names_of = 0, names_in_messages(files)
    for number, path in enumerate(files):
        for offset, row in read_rows(path, name=names_of[number]):
            gathered.take(number, offset, row)
            read += 1
            if read % ROWS_BETWEEN_TELLING == 0:
                progress(read)
    progress(read)
    if not gathered.rows:
        raise _nothing_left(gathered)
    chosen = gathered.drawn()
    held_out = chosen & np.isin(gathered.picture_of_row, gathered.held_out(chosen))
    train = chosen & ~held_out
    used = np.unique(gathered.picture_of_row[chosen])
    names = gathered.names
    check = DataCheck(
        rows=gathered.rows,
        train_rows=int(train.sum()),
        held_out_rows=int(held_out.sum()),
        images=int((np.unique(gathered.picture_of_row) != _NO_PICTURE).sum()),
        problems=gathered.problem_counts(),
        first_problems=tuple(gathered.first_problems),
        tokens=gathered.tokens.counts(),
        sha256=sha256_text(*(part for path in files for part in (path.name, sha256_file(path)))),
    )
    paths = tuple(sorted(names[number] for number in used if number != _NO_PICTURE))
    return CheckedRows(check, gathered.files(files, train), gathered.files(files, held_out), paths)


class _Gathered:
    """What is kept of rows that can be used, and what is wrong with the others."""

    def __init__(self, root: Path, data: DataPart, seed: int, measure: Measure | None) -> None:
        self._root, self._data, self._seed, self._measure = root, data, seed, measure
        self._numbers, self._offsets, self._lines = array("I"), array("Q"), array("I")
        self._pictures, self._draws = array("i"), array("Q")
        self._place_of: dict[str, int] = {}
        self._sizes = array("H")
        self._bad: dict[str, tuple[Code, str]] = {}
        self.tokens = TokenTally()
        self._problems: Counter[Code] = Counter()
        self.first_problems: list[RowProblem] = []

    @property
    def rows(self) -> int:
        """Rows that can be used."""
        return len(self._offsets)

    def problem_counts(self) -> dict[Code, int]:
        """Rows that cannot be used by code, most frequent first, ties by name."""
        return dict(sorted(self._problems.items(), key=lambda item: (-item[1], item[0])))

    @property
    def first_missing(self) -> str | None:
        """Path of the first picture that is not under the root."""
        return next((path for path, (code, _) in self._bad.items() if code == "FILE_MISSING"), None)

    @property
    def names(self) -> list[str]:
        """Paths of pictures by their number."""
        return list(self._place_of)

    @property
    def picture_of_row(self) -> NDArray[np.int32]:
        """Number of each row's picture, or -1."""
        return np.frombuffer(self._pictures, np.int32)

    def take(self, number: int, offset: int, row: TrainingRow | RowProblem) -> None:
        """Note one row of a file."""
        if isinstance(row, TrainingRow):
            try:
                picture = self._looked_at(row)
            except InputError as error:
                what = printable(error.what)[:200]
                row = RowProblem(file=row.file, line=row.line, code=error.code, what=what)
        if isinstance(row, RowProblem):
            self._problems[row.code] += 1
            if len(self.first_problems) < MAX_PROBLEMS:
                self.first_problems.append(row)
            return
        self._numbers.append(number)
        self._offsets.append(offset)
        self._lines.append(row.line)
        self._pictures.append(picture)
        if self._data.max_rows is not None:
            said = [part for turn in row.turns for part in (turn.role, turn.text)]
            self._draws.append(_draw(self._seed, "rows", *row.images, *said, row.slice_id or ""))

    def _looked_at(self, row: TrainingRow) -> int:
        """Number of a row's picture; raises what is wrong with the row."""
        require_offered(row.turns)
        picture, size = self._picture(row.images[0]) if row.images else (_NO_PICTURE, None)
        if self._measure is not None:
            length = self._measure(row, size)
            if length.tokens > self._data.max_tokens:
                raise InputError("TOO_LONG", f"{length.tokens} tokens, at most {self._data.max_tokens}")
            self.tokens.add(length)
        return picture

    def _picture(self, path: str) -> tuple[int, Size]:
        """Number and size of a picture; looked at when it first comes."""
        place = self._place_of.get(path)
        if place is None:
            if path not in self._bad:
                try:
                    height_px, width_px = size_of(self._root, path)
                except InputError as error:
                    self._bad[path] = _said_of(error, path)
                else:
                    place = self._place_of[path] = len(self._place_of)
                    self._sizes.extend((height_px, width_px))
            if place is None:
                raise InputError(*self._bad[path])
        return place, (self._sizes[2 * place], self._sizes[2 * place + 1])

    def drawn(self) -> NDArray[np.bool_]:
        """The rows that are used: all, or those with the smallest draws."""
        chosen = np.ones(self.rows, np.bool_)
        if self._data.max_rows is not None and self._data.max_rows < self.rows:
            draws = np.frombuffer(self._draws, np.uint64)
            chosen[np.argsort(draws, kind="stable")[self._data.max_rows :]] = False
        return chosen

    def held_out(self, chosen: NDArray[np.bool_]) -> NDArray[np.int32]:
        """Numbers of pictures whose rows are held out."""
        used: NDArray[np.int32] = np.unique(self.picture_of_row[chosen])
        used = used[used != _NO_PICTURE]
        share = self._data.held_out_share
        if share == 0 or len(used) < 2:
            return np.empty(0, np.int32)
        count = min(max(round(share * len(used)), 1), len(used) - 1)
        names = self.names
        draws = np.fromiter((_draw(self._seed, "held out", names[n]) for n in used), np.uint64, len(used))
        held: NDArray[np.int32] = used[np.argsort(draws, kind="stable")[:count]]
        return held

    def files(self, files: Sequence[Path], wanted: NDArray[np.bool_]) -> RowFiles:
        """Rows in the order of the files."""
        numbers, offsets = np.frombuffer(self._numbers, np.uint32), np.frombuffer(self._offsets, np.uint64)
        places = np.column_stack((numbers[wanted].astype(np.uint64), offsets[wanted]))
        return RowFiles(files, places, np.frombuffer(self._lines, np.uint32)[wanted])


def _draw(seed: int, *names: str) -> int:
    return int(sha256_text(str(seed), *names)[:16], 16)


def _said_of(error: InputError, path: str) -> tuple[Code, str]:
    """What is wrong with a picture in the words of a row's problem."""
    if error.code == "FILE_MISSING":
        return error.code, f"no image {path[:80]!r} under the root"
    code = "PATH_OUTSIDE" if error.code == "PATH_OUTSIDE_ROOT" else "IMAGE_UNREADABLE"
    return code, f"image {path[:80]!r}: {error.what}"


def _nothing_left(gathered: _Gathered) -> InputError:
    counts = ", ".join(f"{n} {code}" for code, n in gathered.problem_counts().items())
    if not counts:
        return InputError("ROWS_NONE", "the files hold no rows", fix="pass files of chat JSONL with rows")
    first, codes = gathered.first_problems[0], set(gathered.problem_counts())
    what = f"no row can be used: {counts}; the first: {first.what}"
    fix = "repair the files"
    if codes <= {"ROW_UNREADABLE", "ROW_INVALID"}:
        what = f"not chat JSONL: {counts}; the first: {first.what}"
        fix = "pass what `neuroonco build instruct` wrote: in each line one JSON object with images and messages"
    elif codes == {"TOO_LONG"}:
        fix = "raise data.max_tokens, or lower data.max_pixels"
    elif (path := gathered.first_missing) is not None:
        fix = f"pass as --root (data.root) the folder from which {printable(path)[:80]!r} is there"
    return InputError("ROWS_NONE", what, where=f"{first.file}, line {first.line}", fix=fix)
