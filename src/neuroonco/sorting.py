"""Sort rows that do not fit in memory: dealt out by their ids to files, each sorted on its own, joined in order."""

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from neuroonco import columns, store
from neuroonco.outcomes import Record
from neuroonco.streams import DROPPED, QUARANTINED

BUCKET_ROWS = 20_000
"""Rows that are sorted in memory at one time."""
GATHERED_ROWS = 8_192
"""Rows that are gathered before they are dealt out to buckets, so that buckets are not written in crumbs."""
TIES: Mapping[str, tuple[str, ...]] = {DROPPED: ("reason", "image_path"), QUARANTINED: ("code", "image_path")}
"""By what, after ``slice_id``, an outcome's rows are ordered; records are by their JSON."""
Change = Callable[[pa.Table], pa.Table]


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
