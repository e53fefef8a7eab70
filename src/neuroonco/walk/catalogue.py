"""The stage `catalog`: every file is read and decoded once, and its slices are catalogued and inspected together."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import pyarrow as pa
import pyarrow.compute as pc

from neuroonco import pipeline
from neuroonco.catalog.records import SliceRecord
from neuroonco.catalog.scan import catalog_files, list_files
from neuroonco.errors import InputError
from neuroonco.inspection.inspect import inspect_slice
from neuroonco.inspection.records import Inspection
from neuroonco.outcomes import StageOutcome, quarantine_slice
from neuroonco.pictures import LastPicture
from neuroonco.pipeline import Workspace
from neuroonco.sorting import Change
from neuroonco.sources import SourceSpec, load_sources
from neuroonco.streams import RECORDS, ShardOutcome, Shards
from neuroonco.tallies import repeated
from neuroonco.walk.described import keep_sources

INSPECTIONS = "inspections"
"""Name of the file beside the records, without suffix."""
Job = tuple[str, str]
"""Source id, and path relative to the source's folder."""


def catalog(
    ws: Workspace, *, root: Path, folders: Mapping[str, str], sources: Mapping[str, SourceSpec]
) -> dict[str, Any]:
    """Catalogue and inspect the sources' folders, file by file, and keep their descriptions beside the records."""
    keep_sources(ws.folder, sources)
    jobs: list[Job] = []
    rest: StageOutcome[SliceRecord] = StageOutcome()
    for source_id, folder in folders.items():
        listing = list_files(root, sources[source_id], folder)
        jobs += [(source_id, path) for path in listing.images]
        rest.extend(listing.outcome)
    size = pipeline.LIGHT_SHARD_SIZE
    pieces = [jobs[i : i + size] for i in range(0, len(jobs), size)]
    work = partial(catalog_jobs, root=root, folders=dict(folders), sources=dict(sources))
    shards = ws.stream(pieces, SliceRecord, work, {INSPECTIONS: Inspection})
    return ws.save_shards(shards, rest=rest, change=unique_names(shards))


def catalog_jobs(
    jobs: list[Job], *, root: Path, folders: Mapping[str, str], sources: Mapping[str, SourceSpec] | None = None
) -> ShardOutcome[SliceRecord]:
    """Catalogue some files and inspect their slices while their pixels are at hand.

    Args:
        jobs: the files.
        root: folder to which all paths in the records are relative.
        folders: source id -> folder under the root.
        sources: source id -> description; None takes those of the package. They come along with the work, so that a
            worker reads no TOML and cannot see another state of a user's folder than the others do.
    """
    sources = load_sources() if sources is None else sources
    outcome: ShardOutcome[SliceRecord] = ShardOutcome()
    inspections: list[Inspection] = []
    last = LastPicture()
    with one_thread():
        for source_id, path in jobs:
            found = catalog_files(root, sources[source_id], folders[source_id], [path], last.decode)
            outcome.dropped += found.dropped
            outcome.quarantined += found.quarantined
            for record in found.kept:
                try:
                    gray, color = last.read(root, record)
                except InputError as error:  # the file changed, or one slice of a volume cannot be read
                    outcome.quarantined.append(quarantine_slice(error, record))
                    continue
                outcome.kept.append(record)
                inspections.append(inspect_slice(record.slice_id, gray, color))
    outcome.beside[INSPECTIONS] = inspections
    return outcome


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep OpenCV from spreading one small picture over threads: work is spread over pictures, and threads that wait
    for each other cost a third more CPU.

    The number is put back for what follows in this process.
    """
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)


def unique_names(shards: Shards) -> Change:
    """What :func:`neuroonco.catalog.sample_ids.unique_sample_ids` does, for records that do not fit in memory.

    Returns:
        Gives records that share a ``sample_id`` their ``slice_id`` as a suffix, or as the whole name.
    """

    def names() -> Iterator[list[str]]:
        for table in shards.tables(RECORDS):
            yield table["sample_id"].to_pylist()

    shared = repeated(names)
    if not shared:
        return lambda table: table

    def suffixed(table: pa.Table) -> pa.Array:
        return _where_in(table["sample_id"], shared, pc.binary_join_element_wise(*_pair(table), "_"))

    def renamed() -> Iterator[list[str]]:
        for table in shards.tables(RECORDS):
            yield suffixed(table).to_pylist()

    still_shared = repeated(renamed)

    def change(table: pa.Table) -> pa.Table:
        unique = _where_in(suffixed(table), still_shared, table["slice_id"])
        return table.set_column(table.column_names.index("sample_id"), "sample_id", unique)

    return change


def _pair(table: pa.Table) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
    return table["sample_id"], table["slice_id"]


def _where_in(names: pa.Array, chosen: frozenset[str], others: pa.Array) -> pa.Array:
    return pc.if_else(pc.is_in(names, pa.array(sorted(chosen), pa.string())), others, names)
