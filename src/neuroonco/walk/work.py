"""What each stage of the walk does: read the earlier stages' files, call the room's verb, write the outcome."""

import shutil
from collections import Counter
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from neuroonco import columns, pipeline, store
from neuroonco.build.benchmark.build import build_benchmark
from neuroonco.build.index import index_labels
from neuroonco.build.instruct.build import build_instructions
from neuroonco.build.instruct.mixture import Mixture
from neuroonco.build.labels import LabelFile
from neuroonco.build.leftovers import DROPPED_FILE, QUARANTINED_FILE
from neuroonco.build.records import ClosedItem
from neuroonco.curate.records import CuratedSlice
from neuroonco.fusion.fuse import fuse_readings
from neuroonco.fusion.records import FusedLabel
from neuroonco.outcomes import StageOutcome
from neuroonco.phantoms.records import PhantomTruth
from neuroonco.phantoms.write import write_images
from neuroonco.pipeline import INCOMPLETE, Workspace
from neuroonco.predict.ask import QuestionBrief
from neuroonco.predict.predict import predict_to
from neuroonco.predict.records import Prediction, QuestionKind
from neuroonco.readings.records import LesionReading
from neuroonco.review.records import ReviewDecision
from neuroonco.review.sheet import apply_decisions
from neuroonco.rules import RuleSet
from neuroonco.semantics.describe import describe_slices
from neuroonco.semantics.measure import measure_slices
from neuroonco.semantics.records import DescribedSlice, MeasuredSlice
from neuroonco.streams import Rows, rows_of
from neuroonco.vocabulary import PhantomStyle, ReadingKind
from neuroonco.walk.asking import Asking
from neuroonco.walk.catalogue import INSPECTIONS
from neuroonco.walk.curation import curate_catalog
from neuroonco.walk.disagreements import score_disagreements
from neuroonco.walk.figures import figures
from neuroonco.walk.folders import (
    AUDIT,
    BENCHMARK,
    BUILD,
    CATALOG,
    CURATE,
    DESCRIBE,
    INSTRUCTIONS,
    MEASURE,
    PHANTOM_IMAGES,
    PHANTOM_TRUTH,
    READ,
    REVIEW,
)
from neuroonco.walk.models import NamedModel, model_named, prediction_file
from neuroonco.walk.predicting import counts_of, evaluate


def phantoms(ws: Workspace, *, number: int, seed: int, style: PhantomStyle) -> dict[str, Any]:
    """Draw synthetic slices with known truth."""
    draw = partial(_draw, root=ws.folder / PHANTOM_IMAGES, seed=seed, style=style)
    outcome = ws.in_shards(list(range(number)), PhantomTruth, draw)
    store.save(ws.folder / PHANTOM_TRUTH, outcome.kept, PhantomTruth)
    return outcome.counts()


def _draw(numbers: list[int], *, root: Path, seed: int, style: PhantomStyle) -> StageOutcome[PhantomTruth]:
    return StageOutcome(kept=list(write_images(root, numbers, seed, style)))


def curate(ws: Workspace, *, root: Path, priority: Mapping[str, int]) -> dict[str, Any]:
    """Judge pictures, drop copies and contradictions, group patients."""
    return curate_catalog(
        ws,
        records=ws.input(CATALOG),
        inspections=ws.input(CATALOG, f"{INSPECTIONS}.parquet"),
        root=root,
        priority=priority,
    )


def measure(ws: Workspace, *, root: Path) -> dict[str, Any]:
    """Turn masks into attributes."""
    counts = {"with_mask": 0, "measured": 0}

    def tally(table: pa.Table) -> None:
        counts["with_mask"] += table.num_rows - table["mask"].null_count
        counts["measured"] += table.num_rows - table["semantics"].null_count

    pieces = rows_of(ws.input(CURATE), CuratedSlice, pipeline.LIGHT_SHARD_SIZE)
    shards = ws.stream(pieces, MeasuredSlice, partial(_measure, root=root, rules=ws.rules))
    return ws.save_shards(shards, tally=tally) | counts


def _measure(rows: Rows[CuratedSlice], *, root: Path, rules: RuleSet) -> StageOutcome[MeasuredSlice]:
    return measure_slices(rows.read(), root=root, rules=rules)


def describe(ws: Workspace) -> dict[str, Any]:
    """Turn attributes into text."""
    pieces = rows_of(ws.input(MEASURE), MeasuredSlice, pipeline.LIGHT_SHARD_SIZE)
    return ws.save_shards(ws.stream(pieces, DescribedSlice, partial(_describe, rules=ws.rules)))


def _describe(rows: Rows[MeasuredSlice], *, rules: RuleSet) -> StageOutcome[DescribedSlice]:
    return describe_slices(rows.read(), rules=rules)


def fuse(ws: Workspace) -> dict[str, Any]:
    """Keep what both readings agree on."""
    found = {"lesion": 0, "healthy": 0, "undecided": 0}

    def tally(table: pa.Table) -> None:
        answers = Counter(table["lesion_found"].to_pylist())
        for name, answer in (("lesion", True), ("healthy", False), ("undecided", None)):
            found[name] += answers[answer]

    pieces = rows_of(ws.input(DESCRIBE), DescribedSlice, pipeline.LIGHT_SHARD_SIZE)
    shards = ws.stream(pieces, FusedLabel, partial(_fuse, readings=ws.input(READ), rules=ws.rules))
    return ws.save_shards(shards, tally=tally) | found


def _fuse(rows: Rows[DescribedSlice], *, readings: Path, rules: RuleSet) -> StageOutcome[FusedLabel]:
    table = columns.read_where(readings, "slice_id", [record.slice_id for record in rows.read()])
    both = columns.records_of(table, LesionReading, readings)
    first, second = ([r for r in both if r.kind is kind] for kind in ReadingKind)
    return fuse_readings(first, second, rules=rules)


def build(ws: Workspace, *, seed: int, mixture: Mixture | None = None) -> dict[str, Any]:
    """Make benchmark and instructions from disjoint groups of slices."""
    labels = LabelFile(ws.input(AUDIT))
    index = index_labels(labels, seed)
    folder = ws.folder / BENCHMARK
    benchmark = build_benchmark(folder, labels, seed=seed, rules=ws.rules, index=index)
    instructions = build_instructions(
        ws.folder / INSTRUCTIONS,
        labels,
        seed=seed,
        rules=ws.rules,
        index=index,
        mixture=mixture,
        progress=lambda _what, done, total: ws.progress(ws.name, done, total),
    )
    store.save(ws.folder / "records.parquet", benchmark.closed, ClosedItem)
    for name in (DROPPED_FILE, QUARANTINED_FILE):  # what the walk counts of this stage is the benchmark's
        shutil.copyfile(folder / name, ws.folder / name)
    return {
        "kept": len(benchmark.closed),
        "dropped": benchmark.dropped,
        "quarantined": benchmark.quarantined,
        "dropped_by_reason": benchmark.dropped_by_reason,
        "benchmark": benchmark.counts(),
        "instructions": instructions,
    }


def review(ws: Workspace, *, decisions: Path | None) -> dict[str, Any]:
    """Apply readers' decisions; without any, every item stays and counts as unreviewed."""
    items = store.load_strict(ws.input(BUILD), ClosedItem)
    given = [] if decisions is None else store.load_strict(decisions, ReviewDecision)
    outcome = apply_decisions(items, given)
    return ws.save(outcome, ClosedItem) | {"decisions": len(given)}


def predict(ws: Workspace, *, root: Path, models: list[NamedModel], seed: int, asking: Asking) -> dict[str, Any]:
    """Let each model answer the benchmark."""
    items = store.load_strict(ws.input(REVIEW), ClosedItem)
    counts: dict[str, Any] = {}
    waiting = 0
    for number, model in enumerate(models):
        ws.progress(ws.name, number, len(models))
        path = ws.folder / prediction_file(model.name)
        if model.asked is None:
            built_in = model_named(model.name, items, seed=seed, rules=ws.rules)
            counts[model.name] = counts_of(predict_to(path, items, built_in, root=root, rules=ws.rules.digest("read")))
            continue
        shown = f"{ws.name} {model.name}"
        evaluated = evaluate(
            items,
            QuestionKind.CLOSED,
            model,
            QuestionBrief(),
            asking,
            asking.place(ws.run),
            root=root,
            seed=seed,
            benchmark=REVIEW,
            progress=partial(ws.progress, shown),
        )
        for line in evaluated.warnings:
            asking.say(line)
        store.save(path, evaluated.predictions, Prediction)
        counts[model.name] = evaluated.about.status
        waiting += evaluated.waiting
    ws.progress(ws.name, len(models), len(models))
    found = {"kept": len(items) * len(models), "dropped": 0, "quarantined": 0, "models": counts}
    return found | ({INCOMPLETE: waiting} if waiting else {})


def score(ws: Workspace, *, models: list[str], seed: int) -> dict[str, Any]:
    """Compute every figure of the report."""
    document = figures(ws.run, models, seed=seed, rules=ws.rules)
    document |= score_disagreements(ws.run, ws.folder, seed=seed, rules=ws.rules)
    store.write_json(ws.folder / "scores.json", document)
    return {"kept": len(models), "dropped": 0, "quarantined": 0}
