"""Measure labels that are there already: two files of readings, or a run on phantoms."""

from collections.abc import Iterable
from pathlib import Path

from neuroonco import store
from neuroonco.audit.apply import apply_answers
from neuroonco.audit.physics import PhysicsRules, answer_labels
from neuroonco.audit.records import AuditedLabel
from neuroonco.catalog.records import SliceRecord
from neuroonco.errors import InputError
from neuroonco.fusion.fuse import fuse_readings
from neuroonco.fusion.records import FusedLabel
from neuroonco.outcomes import StageOutcome, count_by
from neuroonco.phantoms.records import PhantomTruth
from neuroonco.readings.interop import READING_CODEC
from neuroonco.readings.records import LesionReading
from neuroonco.report.validation_records import ErrorExample
from neuroonco.rules import RuleSet, load_rules
from neuroonco.score.localization import Location
from neuroonco.score.validation import AUDITED, FUSED, READINGS, evaluate
from neuroonco.score.validation_records import Condition
from neuroonco.score.validation_rules import ValidateRules
from neuroonco.semantics.interop import DESCRIBED_CODEC
from neuroonco.semantics.records import DescribedSlice
from neuroonco.vocabulary import Sign
from neuroonco.walk.folders import AUDIT, CATALOG, FUSE, PHANTOM_IMAGES, PHANTOM_TRUTH, PHANTOMS, READ
from neuroonco.walk.profile import PHYSICS
from neuroonco.walk.run import locked
from neuroonco.walk.validate import Validated, report_of, write_validation
from neuroonco.walk.validation_figures import Labels, examples_of, labels_in, losses_in
from neuroonco.walk.validation_sets import by_slice
from neuroonco.walk.validation_stages import location_of


def validate_files(
    out: Path,
    first: Path,
    second: Path,
    truth: Path,
    *,
    slices: Path | None = None,
    root: Path | None = None,
    rules: str = "default",
) -> Validated:
    """Measure two files of readings, whoever made them.

    A phantom of the truth that neither file reads counts as left empty.

    Args:
        out: folder for the document and the page.
        first, second: readings of the same slices; the first one counts as conservative.
        truth: of the phantoms that were read.
        slices: catalogue or later file: needed where readings do not name their images, and for the audit.
        root: folder of the images: with it and ``slices``, labels are audited and errors are shown.
        rules: rule set.

    Raises:
        InputError: a file cannot be used, a confidence is no share, or no reading belongs to a phantom of the truth.
    """
    rule_set = load_rules(rules)
    truths = {t.image_path: t for t in store.load_strict(truth, PhantomTruth)}
    a, b = (_readings(path) for path in (first, second))
    known = {} if slices is None else _slices(slices)
    of_slice = _truth_of([*a, *b], truths, known, truth)
    fused = fuse_readings(a, b, rules=rule_set)
    labels: Labels = {kind: {r.slice_id: r for r in side} for kind, side in zip(READINGS, (a, b), strict=True)}
    labels[FUSED] = {r.slice_id: r for r in fused.kept}
    dropped = {FUSE: count_by(d.reason.value for d in fused.dropped)}
    locations: list[Location] = []
    of_id = {i: s for i in of_slice if (s := known.get(i)) is not None}
    if root is not None and of_id:
        outcome = _audited(fused.kept, of_id, root, rule_set)
        labels[AUDITED] = {r.slice_id: r for r in outcome.kept}
        dropped[AUDIT] = count_by([*(d.reason.value for d in outcome.dropped), *(q.code for q in outcome.quarantined)])
        kinds = zip(READINGS, (a, b), strict=True)
        named = [r.model_copy(update={"kind": kind}) for kind, side in kinds for r in side if r.slice_id in of_id]
        locations = [x for r in named if (x := location_of(r, of_id[r.slice_id], root)) is not None]
    figures = evaluate(
        of_slice,
        labels,
        Condition(name="readings_from_files", masks_given=None, sequence_stated=None),
        locations=locations,
        dropped={stage: counts for stage, counts in dropped.items() if counts},
        resamples=rule_set.section("validate", ValidateRules).resamples,
    )
    examples: list[ErrorExample] = []
    if root is not None and of_slice.keys() <= of_id.keys():
        examples = examples_of(figures.condition.name, of_slice, labels, of_id, root)
    reader = " and ".join(dict.fromkeys(r.reader for r in (*a[:1], *b[:1])))
    report = report_of(reader, PHYSICS if AUDITED in labels else None, rule_set, [figures])
    with locked(out):
        return write_validation(out, report, examples)


def validate_run(out: Path, run: Path, *, rules: str = "default") -> Validated:
    """Measure the labels of a run on phantoms, which were made with masks and stated sequences.

    Args:
        out: folder for the document and the page.
        run: folder of the run.
        rules: rule set, for the aims.

    Raises:
        InputError: it is no finished run on phantoms.
    """
    path = run / PHANTOMS / PHANTOM_TRUTH
    if not path.is_file():
        fix = "pass the folder of a run on phantoms, e.g. of `neuroonco demo`"
        raise InputError("TRUTH_MISSING", "no truth of phantoms in this run", where=str(run), fix=fix)
    rule_set = load_rules(rules)
    catalogue = run / CATALOG / "records.parquet"
    truth = by_slice({t.image_path: t for t in store.load_strict(path, PhantomTruth)}, catalogue)
    labels, root = labels_in(run), run / PHANTOMS / PHANTOM_IMAGES
    slices = {r.slice_id: r for r in store.stream(catalogue, SliceRecord)}
    readings = store.load_strict(run / READ / "records.parquet", LesionReading)
    figures = evaluate(
        truth,
        labels,
        Condition(name="run", masks_given=True, sequence_stated=True),
        locations=[x for r in readings if (x := location_of(r, slices[r.slice_id], root)) is not None],
        dropped=losses_in(run),
        resamples=rule_set.section("validate", ValidateRules).resamples,
    )
    examples = examples_of("run", truth, labels, slices, root)
    names = " and ".join(dict.fromkeys(r.reader for r in readings))
    with locked(out):
        return write_validation(out, report_of(names or "none", "as in the run", rule_set, [figures]), examples)


def _readings(path: Path) -> list[LesionReading]:
    readings = store.load_strict(path, LesionReading, READING_CODEC)
    for reading in readings:
        for sign in Sign:
            confidence = reading.confidences.get(sign)
            if confidence is not None and not 0 <= confidence <= 1:
                what = f"confidence {confidence:g} in {sign.value}"
                where = f"{path}, {reading.slice_id}"
                raise InputError("CONFIDENCE_RANGE", what, where=where, fix="use shares from 0 to 1")
    return readings


def _slices(path: Path) -> dict[str, DescribedSlice]:
    records = store.load_strict(path, DescribedSlice, DESCRIBED_CODEC)
    return {r.sample_id: r for r in records} | {r.slice_id: r for r in records}


def _truth_of(
    readings: Iterable[LesionReading],
    truths: dict[str, PhantomTruth],
    known: dict[str, DescribedSlice],
    where: Path,
) -> dict[str, PhantomTruth]:
    """Truth by slice id; a phantom that nobody read is there under its path."""
    found: dict[str, PhantomTruth] = {}
    for reading in readings:
        record = known.get(reading.slice_id, known.get(reading.sample_id))
        path = reading.image_path if record is None else record.image_path
        if path in truths:
            found[reading.slice_id] = truths[path]
    if not found:
        fix = "readings must name their images as the truth does; pass --slices FILE if they name none"
        raise InputError("TRUTH_UNMATCHED", "no reading is of a phantom of this truth", where=str(where), fix=fix)
    read = {t.image_path for t in found.values()}
    return found | {path: t for path, t in truths.items() if path not in read}


def _audited(
    labels: list[FusedLabel], slices: dict[str, DescribedSlice], root: Path, rules: RuleSet
) -> StageOutcome[AuditedLabel]:
    known = [label for label in labels if label.slice_id in slices]
    answered = answer_labels(known, slices, root=root, rules=rules.section("audit_physics", PhysicsRules))
    failed = {q.slice_id for q in answered.quarantined}
    outcome = apply_answers(
        [label for label in known if label.slice_id not in failed],
        {a.slice_id: a for a in answered.kept},
        slices,
        rules=rules,
    )
    outcome.quarantined += answered.quarantined
    return outcome
