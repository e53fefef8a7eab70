"""Rows of chat JSONL: parsed one at a time, found again by their place, and never all in memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from neuroonco.models.records import Turn
from neuroonco.train.records import RowProblem

IMAGE_TOKEN = "<image>"  # noqa: S105  (a placeholder in text, not a secret)


@dataclass(frozen=True)
class TrainingRow:
    """One conversation about a picture.

    Attributes:
        file, line: where it stands: name of the file, and line from 1.
        images: paths relative to the root, as many as the first user turn had placeholders; today at most one.
        turns: optional ``system``, then ``user`` and ``assistant`` in turn, ending with ``assistant``; texts without
            the placeholder of the image and the line break behind it.
        slice_id: ``meta.id``, or None.
    """

    file: str
    line: int
    images: tuple[str, ...]
    turns: tuple[Turn, ...]
    slice_id: str | None


def read_rows(path: Path) -> Iterator[tuple[int, TrainingRow | RowProblem]]:
    """Rows of one file with the byte offsets of their lines; what cannot be used is a problem, and never an exception.

    Raises:
        InputError: the file cannot be opened.
    """
    raise NotImplementedError


class RowFiles:
    """Rows of files by their place: 8 bytes a row are held, and a row is read when it is asked for.

    May be used after a fork: files are opened by the process that reads.

    Args:
        files: in the order of the recipe.
        places: (file number, byte offset) of the rows that are used, in order; see ``train/check.py``.
    """

    def __init__(self, files: Sequence[Path], places: Sequence[tuple[int, int]]) -> None:
        raise NotImplementedError

    def __len__(self) -> int:
        raise NotImplementedError

    def __getitem__(self, place: int) -> TrainingRow:
        raise NotImplementedError
