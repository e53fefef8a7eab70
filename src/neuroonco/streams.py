"""Records in batches that fit in memory: read by rows, kept in shards.

A shard is what became of one piece of a stage's input. Shards are Arrow files, because nothing needs their rows as
Python objects again: :mod:`neuroonco.sorting` sorts and joins them as columns.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Generic, TypeVar

import pyarrow as pa

from neuroonco import columns, store
from neuroonco.outcomes import Dropped, Quarantined, Record, StageOutcome

R = TypeVar("R", bound=Record)
RECORDS, DROPPED, QUARANTINED = "records", "dropped", "quarantined"


# --- rows of a Parquet file ---


@dataclass(frozen=True)
class Rows(Generic[R]):
    """Some consecutive rows of a Parquet file that we wrote: what a worker is given instead of records."""

    path: Path
    model: type[R]
    start: int
    stop: int

    def read(self) -> list[R]:
        """The records, checked.

        Raises:
            InputError: the file is missing or not as written.
        """
        table = _group(self.path, self.path.stat().st_mtime_ns, self.start // columns.ROWS_PER_GROUP)
        first = self.start % columns.ROWS_PER_GROUP
        return columns.records_of(table.slice(first, self.stop - self.start), self.model, self.path)


def rows_of(path: Path, model: type[R], size: int) -> list[Rows[R]]:
    """A Parquet file in pieces of at most so many rows; none crosses a row group.

    Raises:
        InputError: the file is missing or not as written.
    """
    pieces: list[Rows[R]] = []
    start = 0
    for count in columns.group_sizes(path):
        for first in range(start, start + count, size):
            pieces.append(Rows(path, model, first, min(first + size, start + count)))
        start += count
    return pieces


@lru_cache(maxsize=1)
def _group(path: Path, _changed: int, number: int) -> pa.Table:
    """One row group; kept, because the pieces of a group come one after the other."""
    return columns.read_group(path, number)


# --- shards ---


@dataclass
class ShardOutcome(StageOutcome[R]):
    """An outcome with other records beside it, by the name of their file."""

    beside: dict[str, list[Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Shards:
    """Folders of finished shards, in order, and the record types of what they hold.

    Attributes:
        models: file name without suffix -> record type: ``records``, ``dropped``, ``quarantined`` and what lies beside.
    """

    folders: Sequence[Path]
    models: Mapping[str, type[Record]]

    def tables(self, name: str) -> Iterator[pa.Table]:
        """Tables of one kind, shard by shard; a shard without such rows has none."""
        for folder in self.folders:
            path = folder / f"{name}.arrow"
            if path.exists():
                yield columns.read_arrow(path)

    def records(self, name: str, model: type[R]) -> Iterator[R]:
        """Records of one kind, in the order of the shards."""
        for table in self.tables(name):
            yield from columns.records_of(table, model, Path(name))


def save_shard(folder: Path, outcome: StageOutcome[Any], models: Mapping[str, type[Record]]) -> None:
    """Write a shard: ``records.arrow`` last, as its presence says that the shard is whole."""
    beside: dict[str, list[Any]] = outcome.beside if isinstance(outcome, ShardOutcome) else {}
    found = {**beside, QUARANTINED: outcome.quarantined, DROPPED: outcome.dropped}
    for name, records in found.items():
        path = folder / f"{name}.arrow"
        if records:
            _write(path, columns.table_of(records, models[name]))
        else:
            path.unlink(missing_ok=True)
    _write(folder / f"{RECORDS}.arrow", columns.table_of(outcome.kept, models[RECORDS]))


def _write(path: Path, table: pa.Table) -> None:
    with store.atomic(path) as temporary:
        columns.write_arrow(temporary, table)


def is_whole(folder: Path) -> bool:
    """Whether a shard was written to its end."""
    return (folder / f"{RECORDS}.arrow").exists()


def models_of(model: type[Record], beside: Mapping[str, type[Record]]) -> dict[str, type[Record]]:
    """Record types of a shard's files."""
    return {RECORDS: model, DROPPED: Dropped, QUARANTINED: Quarantined, **beside}


def remove_torn(folder: Path) -> None:
    """Remove what a kill in the middle of writing left: temporary files and folders of buckets."""
    for torn in list(folder.rglob(".*.tmp")):
        if torn.is_dir():
            shutil.rmtree(torn, ignore_errors=True)
        else:
            with suppress(FileNotFoundError):
                torn.unlink()
