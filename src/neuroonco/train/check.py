"""Look at all data before the first step: rows that do not parse, pictures that are not there, samples that are too long."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from neuroonco.train.records import DataCheck, DataPart
from neuroonco.train.rows import RowFiles, TrainingRow
from neuroonco.train.samples import SampleLength

MAX_PROBLEMS = 50
Measure = Callable[[TrainingRow, tuple[int, int] | None], SampleLength]


@dataclass(frozen=True)
class CheckedRows:
    """What can be trained on.

    Attributes:
        check: counts and problems.
        train, held_out: rows; no picture is in both.
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

    Args:
        files: chat JSONL.
        root: of the pictures.
        data: shares and limits of the recipe.
        seed: of what is held out and of ``max_rows``.
        measure: tokens of a row, e.g. :meth:`TrainingProcessor.length`; None counts none.
        progress: told how many rows were read.

    Raises:
        InputError: a file cannot be read at all, or no row can be used.
    """
    raise NotImplementedError
