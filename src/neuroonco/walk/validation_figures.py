"""From the files of a condition to its figures and its worst errors."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from neuroonco import images, masks, store
from neuroonco.audit.records import AuditedLabel
from neuroonco.catalog.records import SliceRecord
from neuroonco.errors import InputError
from neuroonco.fusion.records import FusedLabel
from neuroonco.intervals import wilson
from neuroonco.outcomes import Dropped, Quarantined, count_by
from neuroonco.phantoms.records import PhantomTruth
from neuroonco.readings.records import LesionReading
from neuroonco.report.pictures import outlined_png
from neuroonco.report.validation_records import ErrorExample, ExampleRow, ExampleValue
from neuroonco.score.judged import Label, statement_of
from neuroonco.score.localization import Location, localization
from neuroonco.score.validation import AUDITED, FUSED, KINDS, READINGS, worst_errors
from neuroonco.score.validation_records import RealFigures, RealReport
from neuroonco.vocabulary import Sign, coarsenings, display
from neuroonco.walk.folders import AUDIT, FUSE, READ
from neuroonco.walk.validation_stages import LABEL_STAGES, LOCATE

EXAMPLES = 8
"""Worst errors shown of each condition."""
Labels = dict[str, dict[str, Label]]


def labels_in(run: Path) -> Labels:
    """What every label of a run or condition says: kind -> slice id -> statement.

    The statements alone, so that memory does not hold what the slices are and how the labels came about.
    """
    found: Labels = {kind: {} for kind in KINDS}
    for reading in store.stream(run / READ / "records.parquet", LesionReading):
        if reading.kind is not None:
            found[reading.kind.value][reading.slice_id] = statement_of(reading)
    for fused in store.stream(run / FUSE / "records.parquet", FusedLabel):
        found[FUSED][fused.slice_id] = statement_of(fused)
    for audited in store.stream(run / AUDIT / "records.parquet", AuditedLabel):
        found[AUDITED][audited.slice_id] = statement_of(audited)
    return found


def locations_in(run: Path) -> list[Location]:
    """Boxes of readings against masks."""
    return store.load_strict(run / LOCATE / "records.parquet", Location)


def losses_in(run: Path) -> dict[str, dict[str, int]]:
    """Stage -> reason or error code -> slices that it left out."""
    found: dict[str, dict[str, int]] = {}
    for stage in LABEL_STAGES:
        dropped = store.stream(run / stage / "dropped.parquet", Dropped)
        aside = store.stream(run / stage / "quarantined.parquet", Quarantined)
        counts = count_by([*(d.reason.value for d in dropped), *(q.code for q in aside)])
        if counts:
            found[stage] = counts
    return found


def real_report(run: Path, source_id: str, catalogue: Path, *, masks_given: bool) -> RealReport:
    """Lesions found in slices whose mask shows one, and where.

    Every catalogued slice with an outline counts, also one that no stage could read or whose reading failed: it was
    not found.

    Args:
        run: folder of the condition.
        source_id: of the collection.
        catalogue: records of all slices.
        masks_given: whether the readers saw the masks.
    """
    labels, locations = labels_in(run), locations_in(run)
    slices = {r.slice_id for r in store.stream(catalogue, SliceRecord)}
    lesions = {x.slice_id for x in locations if x.has_lesion}
    empty = {x.slice_id for x in locations} - lesions
    masks_unreadable = _left_out(run / LOCATE)
    figures: dict[str, RealFigures] = {}
    for kind, of_slice in labels.items():
        found = {i for i, label in of_slice.items() if statement_of(label).found}
        cleared = {i for i, label in of_slice.items() if statement_of(label).found is False}
        boxes = [x for x in locations if x.label == kind and x.has_lesion]
        figures[kind] = RealFigures(
            found=wilson(len(found & lesions), len(lesions)),
            missed=wilson(len(cleared & lesions), len(lesions)),
            false_lesion=wilson(len(found & empty), len(empty)),
            localization=localization(boxes) if kind in READINGS else None,
        )
    stages = [stage for stage in LABEL_STAGES if stage not in (FUSE, AUDIT)]
    return RealReport(
        source_id=source_id,
        masks_given=masks_given,
        slices=len(lesions),
        empty=len(empty),
        unlabeled=len(slices - lesions - empty - masks_unreadable),
        masks_unreadable=len(masks_unreadable),
        unreadable=len(set().union(*(_left_out(run / stage) for stage in stages))),
        labels=figures,
    )


def _left_out(stage: Path) -> set[str]:
    """Slices that a stage dropped or could not read, each once however many of its readings were."""
    dropped = store.stream(stage / "dropped.parquet", Dropped)
    aside = store.stream(stage / "quarantined.parquet", Quarantined)
    return {d.slice_id for d in dropped} | {q.slice_id for q in aside}


# --- the worst errors ---


def examples_of(
    name: str, truth: Mapping[str, PhantomTruth], labels: Labels, slices: Mapping[str, SliceRecord], root: Path
) -> list[ErrorExample]:
    """The slices whose last label is most wrong, with their pictures.

    Args:
        name: of the condition.
        truth: by slice id.
        labels: by kind and slice id.
        slices: by slice id, with the true masks.
        root: folder to which their paths are relative.
    """
    judged = AUDITED if AUDITED in labels else FUSED
    worst = worst_errors(truth, labels[judged], EXAMPLES)
    return [_example(name, truth[i], {kind: of.get(i) for kind, of in labels.items()}, slices[i], root) for i in worst]


def _example(
    name: str, truth: PhantomTruth, labels: Mapping[str, Label | None], record: SliceRecord, root: Path
) -> ErrorExample:
    said = {kind: statement_of(label) for kind, label in labels.items()}
    rows = [
        ExampleRow(
            sign="lesion",
            truth="none" if truth.mask_path is None else "there",
            values=tuple(_found(s.found, truth) for s in said.values()),
        )
    ]
    for sign in Sign:
        true, values = truth.signs.get(sign), [s.signs.get(sign) for s in said.values()]
        if true is not None or any(v is not None for v in values):
            accepted: Sequence[object] = () if true is None else coarsenings(true)
            rows.append(
                ExampleRow(
                    sign=display(sign),
                    truth=None if true is None else display(true),
                    values=tuple(
                        ExampleValue(
                            value=None if v is None else display(v), right=None if v is None else v in accepted
                        )
                        for v in values
                    ),
                )
            )
    title = f"{display(truth.tumor_type)}, {display(truth.sequence)}, {display(truth.plane)}"
    cases = ", ".join(display(case).lower() for case in truth.hard_cases)
    return ErrorExample(
        condition=name,
        title=f"{title}, number {truth.number}" + (f"; {cases}" if cases else ""),
        png=_picture(record, root),
        columns=tuple(said),
        rows=tuple(rows),
    )


def _found(found: bool | None, truth: PhantomTruth) -> ExampleValue:
    if found is None:
        return ExampleValue(value=None)
    return ExampleValue(value="there" if found else "none", right=found is (truth.mask_path is not None))


def _picture(record: SliceRecord, root: Path) -> bytes | None:
    try:
        image = images.read_picture(root, record)
        mask = None if record.mask is None else masks.read_lesion_mask(root, record.mask, image.shape)
    except InputError:
        return None
    return outlined_png(image, mask)
