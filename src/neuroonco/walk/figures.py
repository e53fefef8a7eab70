"""All figures of a run in one document: scores, blind guesser, AIR, and truth where slices are phantoms."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from neuroonco import store
from neuroonco.audit.records import AuditedLabel
from neuroonco.build.records import ClosedItem
from neuroonco.catalog.records import SliceRecord
from neuroonco.check.gate import check_benchmark
from neuroonco.check.rules import CheckRules
from neuroonco.fusion.records import FusedLabel
from neuroonco.phantoms.records import PhantomTruth
from neuroonco.predict.records import Prediction
from neuroonco.readings.records import LesionReading, Signs
from neuroonco.resampling import Resamples
from neuroonco.rules import RuleSet
from neuroonco.score.attributes import air
from neuroonco.score.closed.score import score_closed
from neuroonco.score.judged import SILENT, Statement
from neuroonco.score.lesions import lesion_report
from neuroonco.score.signs import attribute_report
from neuroonco.score.validation_rules import ValidateRules
from neuroonco.vocabulary import ReadingKind
from neuroonco.walk.folders import AUDIT, CATALOG, FUSE, PHANTOM_TRUTH, PHANTOMS, PREDICT, READ, REVIEW
from neuroonco.walk.leaks import run_leaks
from neuroonco.walk.models import prediction_file

Labels = Mapping[str, Mapping[str, Signs]]
"""Kind of label -> slice id -> signs, for slices in which a lesion was found."""


def figures(run: Path, models: Iterable[str], *, seed: int, rules: RuleSet) -> dict[str, Any]:
    """Compute the figures of a run from its stages' files; JSON-ready, every figure with its n."""
    items = store.load_strict(run / REVIEW / "records.parquet", ClosedItem)
    slices = {r.slice_id: r for r in store.load_strict(run / CATALOG / "records.parquet", SliceRecord)}
    sequences = {slice_id: record.sequence for slice_id, record in slices.items()}
    share = rules.section("check", CheckRules).rejection_share
    answers = {name: store.load_strict(run / PREDICT / prediction_file(name), Prediction) for name in models}
    scores = {
        name: score_closed(items, given, sequences, rejection_share=share).model_dump(mode="json")
        for name, given in answers.items()
    }
    labels = labels_of(run)
    return {
        "models": scores,
        "benchmark_check": check_benchmark(items, seed, rules).document(),
        "leaks": run_leaks(run),
        "air": {kind: air(signs.values()).model_dump(mode="json") for kind, signs in labels.items()},
        "truth": truth_figures(run, slices, labels, rules.section("validate", ValidateRules).resamples),
    }


def labels_of(run: Path) -> dict[str, dict[str, Signs]]:
    """The signs of each kind of label in a run: both readings, fused, audited; lesions only."""
    found: dict[str, dict[str, Signs]] = {kind.value: {} for kind in ReadingKind}
    for reading in store.load_strict(run / READ / "records.parquet", LesionReading):
        if reading.lesion_found and reading.kind is not None:
            found[reading.kind.value][reading.slice_id] = reading.signs
    fused = store.load_strict(run / FUSE / "records.parquet", FusedLabel)
    audited = store.load_strict(run / AUDIT / "records.parquet", AuditedLabel)
    found["fused"] = {r.slice_id: r.signs for r in fused if r.lesion_found}
    found["audited"] = {r.slice_id: r.signs for r in audited if r.lesion_found}
    return found


def truth_figures(
    run: Path, slices: Mapping[str, SliceRecord], labels: Labels, resamples: int
) -> dict[str, Any] | None:
    """Precision and omission against what was drawn, healthy slices included, as `validate` counts.

    Args:
        run: folder of the run.
        slices: catalogue by slice id.
        labels: see :func:`labels_of`.
        resamples: of the bootstrap.

    Returns:
        Kind of label -> figures, JSON-ready; None where the slices are not phantoms.
    """
    path = run / PHANTOMS / PHANTOM_TRUTH
    if not path.exists():
        return None
    truth = {t.image_path: t for t in store.load_strict(path, PhantomTruth)}
    ids = sorted(slice_id for slice_id, r in slices.items() if r.image_path in truth)
    truths = [truth[slices[slice_id].image_path] for slice_id in ids]
    drawn = Resamples(len(ids), resamples, 0)
    document: dict[str, Any] = {}
    for kind, signs in labels.items():
        said = [Statement(found=True, signs=signs[i]) if i in signs else SILENT for i in ids]
        lesion = lesion_report(truths, said, None)
        document[kind] = attribute_report(truths, said, drawn).model_dump(mode="json") | {
            "lesion_found": lesion.found.model_dump(),
            "false_lesion": lesion.false_lesion.model_dump(),
        }
    return document
