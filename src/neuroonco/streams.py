"""Records in batches that fit in memory: read by rows, kept in shards, sorted on disk, written in order.

A shard is what became of one piece of a stage's input. Shards are Arrow files, because nothing needs their rows as
Python objects again: :func:`merge` sorts and joins them as columns.
"""

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from neuroonco import columns, store
from neuroonco.outcomes import Dropped, Quarantined, Record, StageOutcome

R = TypeVar("R", bound=Record)
BUCKET_ROWS = 20_000
"""Rows that are sorted in memory at one time."""
GATHERED_ROWS = 8_192
"""Rows that are gathered before they are dealt out to buckets, so that buckets are not written in crumbs."""
RECORDS, DROPPED, QUARANTINED = "records", "dropped", "quarantined"
TIES: Mapping[str, tuple[str, ...]] = {DROPPED: ("reason", "image_path"), QUARANTINED: ("code", "image_path")}
"""By what, after ``slice_id``, an outcome's rows are ordered; records are by their JSON."""
Change = Callable[[pa.Table], pa.Table]


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


# --- sorting ---


def merge(
    tables: Callable[[], Iterable[pa.Table]],
    model: type[Record],
    path: Path,
    *,
    ties: Sequence[str] | None = None,
    change: Change | None = None,
    tally: Callable[[pa.Table], None] | None = None,
) -> int:
    """Write rows to one Parquet file, ordered by ``slice_id``, and return how many.

    What :func:`neuroonco.store.save` writes for the same records in that order is the same to the byte. In memory are
    at most some :data:`BUCKET_ROWS` rows, as far as the ids are hashes.

    Args:
        tables: the rows, in some stable order; called twice.
        model: their record type; without a ``slice_id`` it is ordered by its JSON alone.
        path: target.
        ties: columns of text that order rows of one ``slice_id``, missing values first; None orders them by their JSON.
        change: applied to the ordered rows before they are written, e.g. to rename.
        tally: shown the rows as they are written.
    """
    total = sum(table.num_rows for table in tables())
    buckets = path.parent / f".{path.name}.buckets.tmp"
    written = 0
    try:
        with store.atomic(path) as temporary, columns.parquet_rows(temporary, model) as write:
            for table in _sorted(tables, model, buckets, total, ties):
                ready = table if change is None else change(table)
                if tally is not None:
                    tally(ready)
                write(ready)
                written += ready.num_rows
    finally:
        shutil.rmtree(buckets, ignore_errors=True)
    return written


def _sorted(
    tables: Callable[[], Iterable[pa.Table]], model: type[Record], buckets: Path, total: int, ties: Sequence[str] | None
) -> Iterator[pa.Table]:
    number = -(-total // BUCKET_ROWS)
    if number <= 1 or "slice_id" not in model.model_fields:
        found = list(tables())
        if found:
            yield _ordered(pa.concat_tables(found), model, ties)
        return
    for path in _deal(tables(), buckets, number):
        table = columns.read_arrow(path)
        path.unlink()
        yield _ordered(table, model, ties)


def _deal(tables: Iterable[pa.Table], folder: Path, number: int) -> Iterator[Path]:
    """Deal rows out to files by the beginning of their ids; the files follow each other as the ids do."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    limits = np.array([f"s{k * 65536 // number:04x}" for k in range(1, number)])
    paths = [folder / f"{k:06d}.arrow" for k in range(number)]
    with ExitStack() as open_files:
        writers: dict[int, Any] = {}
        for table in _gathered(tables):
            place = np.searchsorted(limits, _beginnings(table), side="right")
            for k in np.unique(place):
                if k not in writers:
                    writers[k] = open_files.enter_context(pa.ipc.new_file(str(paths[k]), table.schema))
                writers[k].write_table(table.take(pa.array(np.flatnonzero(place == k))))
    yield from (path for path in paths if path.exists())


def _beginnings(table: pa.Table) -> npt.NDArray[np.str_]:
    return np.asarray(pc.utf8_slice_codeunits(table["slice_id"], 0, 5).to_pylist(), dtype="U5")


def _gathered(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    held: list[pa.Table] = []
    for table in tables:
        held.append(table)
        if sum(t.num_rows for t in held) >= GATHERED_ROWS:
            yield pa.concat_tables(held)
            held = []
    if held:
        yield pa.concat_tables(held)


def _ordered(table: pa.Table, model: type[Record], ties: Sequence[str] | None) -> pa.Table:
    if "slice_id" not in table.column_names:
        return table.take(pa.array(_by_json(table, model, range(table.num_rows)), pa.int64()))
    names = ("slice_id", *(ties or ()))
    keys = pa.table({name: pc.fill_null(table[name], "") for name in names})
    order = pc.sort_indices(keys, sort_keys=[(name, "ascending") for name in names])
    table = table.take(order).combine_chunks()
    return table if ties is not None else _settle_ties(table, model)


def _settle_ties(table: pa.Table, model: type[Record]) -> pa.Table:
    """Order rows of one id by their JSON; most ids have one row."""
    ids = table["slice_id"].to_numpy(zero_copy_only=False)
    if len(ids) < 2:
        return table
    changes = np.flatnonzero(ids[1:] != ids[:-1]) + 1
    bounds = np.concatenate([[0], changes, [len(ids)]])
    if len(bounds) == len(ids) + 1:
        return table
    order = np.arange(len(ids))
    for start, stop in pairwise(bounds):
        if stop - start > 1:
            order[start:stop] = _by_json(table, model, range(start, stop))
    return table.take(pa.array(order))


def _by_json(table: pa.Table, model: type[Record], places: range) -> list[int]:
    part = table.slice(places.start, len(places))
    texts = [record.model_dump_json() for record in columns.records_of(part, model, Path("shard"))]
    return sorted(places, key=lambda place: texts[place - places.start])


# --- counting ---


class Tally:
    """Counts rows by one column while they pass; most frequent first, ties by name.

    >>> seen = Tally("reason")
    >>> seen(pa.table({"reason": ["b", "a", "b"]}))
    >>> seen.counts()
    {'b': 2, 'a': 1}
    """

    def __init__(self, column: str) -> None:
        self._column = column
        self._counts: dict[str, int] = {}

    def __call__(self, table: pa.Table) -> None:
        """Count these rows too."""
        for entry in pc.value_counts(table[self._column]).to_pylist():
            name = "(none)" if entry["values"] is None else entry["values"]
            self._counts[name] = self._counts.get(name, 0) + entry["counts"]

    def counts(self) -> dict[str, int]:
        """Numbers so far."""
        return dict(sorted(self._counts.items(), key=lambda item: (-item[1], item[0])))


def repeated(names: Callable[[], Iterable[Sequence[str]]]) -> frozenset[str]:
    """Names that occur more than once, of more than fit in memory: eight bytes are held for each.

    >>> sorted(repeated(lambda: iter([["a", "b"], ["c", "a"]])))
    ['a']

    Args:
        names: gives all names in batches, the same at each call; called twice.
    """
    hashes = np.concatenate([np.empty(0, np.int64), *(_hashes(batch) for batch in names())])
    hashes.sort()
    suspects = np.unique(hashes[1:][hashes[1:] == hashes[:-1]])
    del hashes
    counts: dict[str, int] = {}
    if suspects.size:
        for batch in names():
            found = np.isin(_hashes(batch), suspects)
            for place in map(int, np.flatnonzero(found)):
                counts[batch[place]] = counts.get(batch[place], 0) + 1
    return frozenset(name for name, times in counts.items() if times > 1)


def _hashes(names: Sequence[str]) -> npt.NDArray[np.int64]:
    # Python's own hash: it lasts as long as this process, and two names with one hash are told apart afterwards.
    return np.fromiter((hash(name) for name in names), dtype=np.int64, count=len(names))


def remove_torn(folder: Path) -> None:
    """Remove what a kill in the middle of writing left: temporary files and folders of buckets."""
    for torn in list(folder.rglob(".*.tmp")):
        if torn.is_dir():
            shutil.rmtree(torn, ignore_errors=True)
        else:
            with suppress(FileNotFoundError):
                torn.unlink()
