"""Curate a catalogue file outside a run: inspect its pictures first, then as in a run."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from neuroonco import images, pipeline, store
from neuroonco.catalog.records import SliceRecord
from neuroonco.curate.records import CuratedSlice
from neuroonco.digests import code_digest
from neuroonco.errors import InputError
from neuroonco.executors import ExecutorKind, executor
from neuroonco.inspection.inspect import inspect_slice
from neuroonco.inspection.records import Inspection
from neuroonco.outcomes import Dropped, Quarantined, StageOutcome, quarantine_slice
from neuroonco.pictures import LastPicture
from neuroonco.pipeline import Workspace
from neuroonco.rules import RuleSet
from neuroonco.sources import SourceSpec, load_sources
from neuroonco.store import Loaded, sha256_bytes, sha256_text
from neuroonco.streams import DROPPED, QUARANTINED, ShardOutcome, remove_torn
from neuroonco.walk.catalogue import INSPECTIONS
from neuroonco.walk.curation import curate_catalog
from neuroonco.walk.curation_page import write_curation_report
from neuroonco.walk.run import locked

WORK = ".curating"
"""Folder beside the results while they are made."""


def curate_file(
    catalog: Loaded[SliceRecord],
    *,
    root: Path,
    out: Path,
    rules: RuleSet,
    sources: Mapping[str, SourceSpec] | None = None,
    processes: int = 1,
    kind: ExecutorKind = ExecutorKind.PROCESSES,
    progress: Callable[[str, int, int], None] | None = None,
) -> dict[str, Any]:
    """Curate a catalogue into a folder, with its pages, and return the counts; what was cut off goes on from there.

    Args:
        catalog: as loaded; rows that could not be read end among the quarantined.
        root: folder to which image paths are relative.
        out: folder to write.
        rules: rule set.
        sources: source id -> description, for priorities and names; None takes those of the package.
        processes, kind: who works.
        progress: called with (what, done, total).

    Raises:
        InputError: the folder cannot be written.
    """
    sources = load_sources() if sources is None else sources
    once, twice = _once(catalog.records)
    work = out / WORK
    with locked(out), executor(kind, processes) as workers:
        _begin(work, once, root, rules)
        follow = progress or (lambda _what, _done, _total: None)
        inspecting = Workspace(out, work / "inspect", rules, workers, follow, "inspect")
        size = pipeline.LIGHT_SHARD_SIZE
        pieces = [once[i : i + size] for i in range(0, len(once), size)]
        inspect = partial(inspect_records, root=root)
        shards = inspecting.stream(pieces, SliceRecord, inspect, {INSPECTIONS: Inspection})
        inspecting.save_shards(shards)
        rest: StageOutcome[CuratedSlice] = StageOutcome(
            dropped=list(shards.records(DROPPED, Dropped)),
            quarantined=[*shards.records(QUARANTINED, Quarantined), *twice, *catalog.unreadable],
        )
        curated = work / "curate"
        counts = curate_catalog(
            Workspace(out, curated, rules, workers, follow, "curate"),
            records=inspecting.folder / "records.parquet",
            inspections=inspecting.folder / f"{INSPECTIONS}.parquet",
            root=root,
            priority={source_id: spec.priority for source_id, spec in sources.items()},
            rest=rest,
        )
        policy = str(rules.sections["curate"]["label_conflict_policy"].value)
        catalogue = inspecting.folder / "records.parquet"
        write_curation_report(curated, root, curated / "report", catalog=catalogue, sources=sources, policy=policy)
        _finish(curated, out)
        shutil.rmtree(work, ignore_errors=True)
    return counts


def _begin(work: Path, records: Sequence[SliceRecord], root: Path, rules: RuleSet) -> None:
    """Keep what an earlier attempt at the same left, and nothing else."""
    lines = (record.model_dump_json() for record in records)
    code = code_digest(("catalog", "inspection", "curate", "walk"))
    same = sha256_text(code, rules.digest("curate", "duplicates"), str(root.resolve()), *lines)
    mark = work / "same"
    if not (mark.is_file() and mark.read_text("utf-8") == same):
        shutil.rmtree(work, ignore_errors=True)
        store.write_text(mark, same)
    remove_torn(work)


def _finish(curated: Path, out: Path) -> None:
    """Move the results to where they are asked for; each of them is whole at any moment."""
    for path in sorted(curated.glob("*.parquet")):
        path.replace(out / path.name)
    (out / "report").mkdir(exist_ok=True)
    for page in sorted((curated / "report").iterdir()):
        page.replace(out / "report" / page.name)


def inspect_records(records: list[SliceRecord], *, root: Path) -> ShardOutcome[SliceRecord]:
    """Read the pictures of catalogued slices, and hash their files: whose bytes are equal is not taken on trust."""
    outcome: ShardOutcome[SliceRecord] = ShardOutcome()
    inspections: list[Inspection] = []
    last = LastPicture()
    for record in records:
        try:
            digest = sha256_bytes(images.read_bytes(images.resolve(root, record.image_path), record.image_path))
            if record.image_sha256 not in ("", digest):
                what = "the file is not the one that was catalogued"
                raise InputError("FILE_CHANGED", what, where=record.image_path, fix="catalogue again")
            record = record.model_copy(update={"image_sha256": digest})
            gray, color = last.read(root, record)
        except InputError as error:
            outcome.quarantined.append(quarantine_slice(error, record))
            continue
        outcome.kept.append(record)
        inspections.append(inspect_slice(record.slice_id, gray, color))
    outcome.beside[INSPECTIONS] = inspections
    return outcome


def _once(records: Sequence[SliceRecord]) -> tuple[list[SliceRecord], list[Quarantined]]:
    """Records by path, so that slices of one file follow each other; a second record of one id is set aside."""
    seen: set[str] = set()
    once: list[SliceRecord] = []
    twice: list[Quarantined] = []
    for record in records:
        if record.slice_id in seen:
            error = InputError("SLICE_TWICE", f"slice {record.slice_id} is catalogued twice", where=record.image_path)
            twice.append(quarantine_slice(error, record))
        else:
            seen.add(record.slice_id)
            once.append(record)
    return sorted(once, key=lambda r: (r.image_path, r.image_slice or 0, r.image_channel or 0)), twice
