"""What each stage of the walk does: read the earlier stages' files, call the room's verb, write the outcome."""

from functools import partial
from pathlib import Path
from typing import Any

from neuroonco import store
from neuroonco.audit.apply import apply_answers
from neuroonco.audit.physics import PhysicsRules, answer_labels
from neuroonco.audit.records import AuditAnswer, AuditedLabel
from neuroonco.build.build import build_benchmark, build_instructions, write_benchmark, write_instructions
from neuroonco.build.records import ClosedItem
from neuroonco.catalog.records import SliceRecord
from neuroonco.catalog.scan import catalog_files, list_files, merge
from neuroonco.curate.curate import check_slices
from neuroonco.curate.curate import curate as curate_slices
from neuroonco.curate.quality import CurateRules
from neuroonco.curate.records import CuratedSlice, DuplicateGroup
from neuroonco.fusion.fuse import fuse_readings
from neuroonco.fusion.records import FusedLabel
from neuroonco.outcomes import StageOutcome, reasons
from neuroonco.phantoms.records import PhantomTruth
from neuroonco.phantoms.write import write_images
from neuroonco.pipeline import Workspace
from neuroonco.predict.predict import predict_to
from neuroonco.readings.read import read_slices
from neuroonco.readings.records import LesionReading
from neuroonco.readings.rules import ReadRules
from neuroonco.review.records import ReviewDecision
from neuroonco.review.sheet import apply_decisions
from neuroonco.semantics.describe import describe_slices
from neuroonco.semantics.measure import measure_slices
from neuroonco.semantics.records import DescribedSlice, MeasuredSlice
from neuroonco.sources import load_sources, source
from neuroonco.vocabulary import ReadingKind
from neuroonco.walk.figures import figures
from neuroonco.walk.folders import (
    AUDIT,
    BUILD,
    CATALOG,
    CURATE,
    DESCRIBE,
    FUSE,
    MEASURE,
    PHANTOM_IMAGES,
    PHANTOM_TRUTH,
    READ,
    REVIEW,
)
from neuroonco.walk.models import model_named


def phantoms(ws: Workspace, *, number: int, seed: int) -> dict[str, Any]:
    """Draw synthetic slices with known truth."""
    draw = partial(_draw, root=ws.folder / PHANTOM_IMAGES, seed=seed)
    outcome = ws.in_shards(list(range(number)), PhantomTruth, draw)
    store.save(ws.folder / PHANTOM_TRUTH, outcome.kept, PhantomTruth)
    return outcome.counts()


def _draw(numbers: list[int], *, root: Path, seed: int) -> StageOutcome[PhantomTruth]:
    return StageOutcome(kept=list(write_images(root, numbers, seed)))


def catalog(ws: Workspace, *, root: Path, folders: dict[str, str]) -> dict[str, Any]:
    """Catalogue the sources' folders, file by file."""
    listings = {source_id: list_files(root, source(source_id), folder) for source_id, folder in folders.items()}
    jobs = [(source_id, path) for source_id, listing in listings.items() for path in listing.images]
    outcome = ws.in_shards(jobs, SliceRecord, partial(_catalog_shard, root=root, folders=folders))
    for listing in listings.values():
        outcome.extend(listing.outcome)
    merged = merge(outcome)
    return ws.save(merged, SliceRecord) | {"dropped_by_reason": reasons(merged.dropped)}


def _catalog_shard(jobs: list[tuple[str, str]], *, root: Path, folders: dict[str, str]) -> StageOutcome[SliceRecord]:
    outcome: StageOutcome[SliceRecord] = StageOutcome()
    for source_id in sorted({source_id for source_id, _ in jobs}):
        paths = [path for job_source, path in jobs if job_source == source_id]
        outcome.extend(catalog_files(root, source(source_id), folders[source_id], paths))
    return outcome


def curate(ws: Workspace, *, root: Path) -> dict[str, Any]:
    """Set unusable files aside, drop copies and contradictions."""
    rules = ws.rules.section("curate", CurateRules)
    records = store.load_strict(ws.input(CATALOG), SliceRecord)
    checked = ws.in_shards(records, SliceRecord, partial(check_slices, root=root, rules=rules))
    priority = {source_id: spec.priority for source_id, spec in load_sources().items()}
    result = curate_slices(checked, priority=priority, rules=rules)
    store.save(ws.folder / "duplicate_groups.parquet", result.groups, DuplicateGroup)
    counts = ws.save(result.outcome, CuratedSlice)
    return counts | {
        "dropped_by_reason": reasons(result.outcome.dropped),
        "duplicate_groups": len(result.groups),
        "conflicting_groups": sum(g.conflicting_types for g in result.groups),
        "leaking_groups": sum(g.leaking_splits for g in result.groups),
    }


def measure(ws: Workspace, *, root: Path) -> dict[str, Any]:
    """Turn masks into attributes."""
    records = store.load_strict(ws.input(CURATE), CuratedSlice)
    outcome = ws.in_shards(records, MeasuredSlice, partial(measure_slices, root=root, rules=ws.rules))
    counts = ws.save(outcome, MeasuredSlice)
    return counts | {
        "with_mask": sum(r.mask is not None for r in outcome.kept),
        "measured": sum(r.semantics is not None for r in outcome.kept),
    }


def describe(ws: Workspace) -> dict[str, Any]:
    """Turn attributes into text."""
    records = store.load_strict(ws.input(MEASURE), MeasuredSlice)
    return ws.save(describe_slices(records, rules=ws.rules), DescribedSlice)


def read(ws: Workspace, *, root: Path) -> dict[str, Any]:
    """Read every slice twice, conservatively and skeptically."""
    rules = ws.rules.section("read", ReadRules)
    records = store.load_strict(ws.input(DESCRIBE), DescribedSlice)
    outcome = ws.in_shards(records, LesionReading, partial(_read_both, root=root, rules=rules))
    counts = ws.save(outcome, LesionReading)
    found = {k: sum(bool(r.lesion_found) for r in outcome.kept if r.kind is k) for k in ReadingKind}
    return counts | {"lesion_found": {kind.value: n for kind, n in found.items()}}


def _read_both(records: list[DescribedSlice], *, root: Path, rules: ReadRules) -> StageOutcome[LesionReading]:
    outcome: StageOutcome[LesionReading] = StageOutcome()
    for kind in ReadingKind:
        outcome.extend(read_slices(records, root=root, kind=kind, rules=rules))
    return outcome


def readings_of_kind(run: Path, kind: ReadingKind) -> list[LesionReading]:
    """One of the two sets of readings of a run."""
    return [r for r in store.load_strict(run / READ / "records.parquet", LesionReading) if r.kind is kind]


def fuse(ws: Workspace) -> dict[str, Any]:
    """Keep what both readings agree on."""
    first, second = (readings_of_kind(ws.run, kind) for kind in ReadingKind)
    outcome = fuse_readings(first, second, rules=ws.rules)
    counts = ws.save(outcome, FusedLabel)
    return counts | {
        "dropped_by_reason": reasons(outcome.dropped),
        "lesion": sum(r.lesion_found is True for r in outcome.kept),
        "healthy": sum(r.lesion_found is False for r in outcome.kept),
        "undecided": sum(r.lesion_found is None for r in outcome.kept),
    }


def audit(ws: Workspace, *, root: Path) -> dict[str, Any]:
    """Check the fused labels by MR physics."""
    labels = store.load_strict(ws.input(FUSE), FusedLabel)
    slices = {r.slice_id: r for r in store.load_strict(ws.input(DESCRIBE), DescribedSlice)}
    rules = ws.rules.section("audit_physics", PhysicsRules)
    pairs = [(label, slices[label.slice_id]) for label in labels]
    answered = ws.in_shards(pairs, AuditAnswer, partial(_answer_shard, root=root, rules=rules))
    store.save(ws.folder / "answers.parquet", answered.kept, AuditAnswer)
    failed = {q.slice_id for q in answered.quarantined}
    outcome = apply_answers(
        [label for label in labels if label.slice_id not in failed],
        {a.slice_id: a for a in answered.kept},
        slices,
        rules=ws.rules,
    )
    outcome.quarantined += answered.quarantined
    counts = ws.save(outcome, AuditedLabel)
    return counts | {
        "dropped_by_reason": reasons(outcome.dropped),
        "fields_changed": sum(len(r.changes) for r in outcome.kept),
    }


def _answer_shard(
    pairs: list[tuple[FusedLabel, DescribedSlice]], *, root: Path, rules: PhysicsRules
) -> StageOutcome[AuditAnswer]:
    slices = {record.slice_id: record for _, record in pairs}
    return answer_labels([label for label, _ in pairs], slices, root=root, rules=rules)


def build(ws: Workspace, *, seed: int) -> dict[str, Any]:
    """Make benchmark and instructions from disjoint groups of slices."""
    labels = store.load_strict(ws.input(AUDIT), AuditedLabel)
    benchmark = build_benchmark(labels, seed=seed, rules=ws.rules)
    instructions = build_instructions(labels, seed=seed, rules=ws.rules)
    write_benchmark(ws.folder / "benchmark", benchmark)
    write_instructions(ws.folder / "instructions", instructions)
    outcome = StageOutcome(benchmark.closed, benchmark.dropped, benchmark.quarantined)
    counts = ws.save(outcome, ClosedItem)
    return counts | {
        "dropped_by_reason": reasons(outcome.dropped),
        "benchmark": benchmark.counts(),
        "instructions": instructions.counts(),
    }


def review(ws: Workspace, *, decisions: Path | None) -> dict[str, Any]:
    """Apply readers' decisions; without any, every item stays and counts as unreviewed."""
    items = store.load_strict(ws.input(BUILD), ClosedItem)
    given = [] if decisions is None else store.load_strict(decisions, ReviewDecision)
    outcome = apply_decisions(items, given)
    return ws.save(outcome, ClosedItem) | {"decisions": len(given)}


def predict(ws: Workspace, *, root: Path, models: list[str], seed: int) -> dict[str, Any]:
    """Let each model answer the benchmark."""
    items = store.load_strict(ws.input(REVIEW), ClosedItem)
    counts: dict[str, Any] = {}
    for number, name in enumerate(models):
        ws.progress(ws.name, number, len(models))
        model = model_named(name, items, seed=seed, rules=ws.rules)
        predictions = predict_to(ws.folder / f"{name}.jsonl", items, model, root=root)
        counts[name] = {s: sum(p.status == s for p in predictions) for s in sorted({p.status for p in predictions})}
    ws.progress(ws.name, len(models), len(models))
    return {"kept": len(items) * len(models), "dropped": 0, "quarantined": 0, "models": counts}


def score(ws: Workspace, *, models: list[str], seed: int) -> dict[str, Any]:
    """Compute every figure of the report."""
    document = figures(ws.run, models, seed=seed, rules=ws.rules)
    store.write_json(ws.folder / "scores.json", document)
    return {"kept": len(models), "dropped": 0, "quarantined": 0}
