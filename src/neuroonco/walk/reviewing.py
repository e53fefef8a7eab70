"""What a room needs to know of slices beyond the questions: where the lesion's outline is, and what models stated."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from neuroonco import columns, store
from neuroonco.audit.interop import AUDITED_CODEC
from neuroonco.audit.records import AuditedLabel
from neuroonco.catalog.interop import SLICE_CODEC
from neuroonco.catalog.records import MaskRef, SliceRecord
from neuroonco.curate.records import CuratedSlice
from neuroonco.errors import InputError
from neuroonco.outcomes import Quarantined, Record, quarantine_slice
from neuroonco.readings.records import LesionReading, SignConfidences, Signs
from neuroonco.review.room_records import ModelNote
from neuroonco.semantics.records import DescribedSlice
from neuroonco.vocabulary import ImageRegion, MRSequence, ReadingKind, Sign, display
from neuroonco.walk.folders import AUDIT, CATALOG, CURATE, READ

AUDIT_READER = "audit"
AUDITED_KIND = "audited"
R = TypeVar("R", bound=Record)
_RECORDS = "records.parquet"


@dataclass
class SliceContext:
    """What is known of slices, by slice id.

    Attributes:
        masks: outlines.
        notes: what readers and the audit stated, in display words.
        unreadable: rows of a file that could not be read, or of which nobody could say which one holds.
    """

    masks: dict[str, MaskRef] = field(default_factory=dict)
    notes: dict[str, list[ModelNote]] = field(default_factory=dict)
    unreadable: list[Quarantined] = field(default_factory=list)


def context_of_run(run: Path, slice_ids: Collection[str]) -> SliceContext:
    """Outlines from a run's curation (or its catalogue, if it came no further), notes from its readings and its audit.

    Raises:
        InputError: no run, or a file of it is not as written.
    """
    curated, cataloged = run / CURATE / _RECORDS, run / CATALOG / _RECORDS
    if not cataloged.exists():
        raise InputError("RUN_MISSING", "no run with a catalogue here", where=str(run), fix="pass --run FOLDER")
    slices: Sequence[SliceRecord] = (
        _rows(curated, CuratedSlice, slice_ids) if curated.exists() else _rows(cataloged, SliceRecord, slice_ids)
    )
    context = SliceContext()
    _take_masks(context, slices)
    readings = run / READ / _RECORDS
    for reading in _rows(readings, LesionReading, slice_ids) if readings.exists() else ():
        context.notes.setdefault(reading.slice_id, []).append(note_of_reading(reading))
    labels = run / AUDIT / _RECORDS
    for label in _rows(labels, AuditedLabel, slice_ids) if labels.exists() else ():
        context.notes.setdefault(label.slice_id, []).append(note_of_label(label))
    for notes in context.notes.values():
        notes.sort(key=lambda note: (_KINDS.index(note.kind), note.reader))
    return context


def context_of_labels(path: Path, slice_ids: Collection[str]) -> SliceContext:
    """Outlines, and what the audit stated, from a file of audited labels or of slice records of any stage.

    Rows that cannot be read are named and the rest is used; a slice that is stated twice gets no outline.

    Raises:
        InputError: the file is missing or of an unknown format.
    """
    context, wanted = SliceContext(), frozenset(slice_ids)
    if _holds_labels(path):
        loaded = store.load(path, AuditedLabel, AUDITED_CODEC)
        labels = [label for label in loaded.records if label.slice_id in wanted]
        context.unreadable += loaded.unreadable
        _take_masks(context, [label.slice for label in labels])
        for label in labels:
            context.notes.setdefault(label.slice_id, []).append(note_of_label(label))
        return context
    if path.suffix == ".json":
        found = store.load(path, SliceRecord, SLICE_CODEC)
        context.unreadable += found.unreadable
        _take_masks(context, [one for one in found.records if one.slice_id in wanted])
        return context
    described = store.load(path, DescribedSlice)  # which has every field of the earlier stages
    context.unreadable += described.unreadable
    _take_masks(context, [one for one in described.records if one.slice_id in wanted])
    return context


def note_of_reading(reading: LesionReading) -> ModelNote:
    """What one reader stated; a failed reading says so and nothing else."""
    kind = ReadingKind.CONSERVATIVE if reading.kind is None else reading.kind
    if reading.error is not None:
        return ModelNote(reader=reading.reader, kind=kind.value, statements={"Reading": "failed"})
    statements = _statements(reading.lesion_found, reading.sequence, reading.region, reading.signs, reading.confidences)
    return ModelNote(reader=reading.reader, kind=kind.value, statements=statements)


def note_of_label(label: AuditedLabel) -> ModelNote:
    """What the audit let stand; the source's own label of the tumor is none of it."""
    statements = _statements(label.lesion_found, label.sequence, label.region, label.signs, label.confidences)
    return ModelNote(reader=AUDIT_READER, kind=AUDITED_KIND, statements=statements)


_KINDS = [*(kind.value for kind in ReadingKind), AUDITED_KIND]


def _statements(
    lesion_found: bool | None,
    sequence: MRSequence | None,
    region: ImageRegion | None,
    signs: Signs,
    confidences: SignConfidences,
) -> dict[str, str]:
    said = {"Lesion": {True: "found", False: "not found", None: "cannot tell"}[lesion_found]}
    for name, value in (("Sequence", sequence), ("Region", region)):
        if value is not None:
            said[name] = display(value)
    for sign in Sign:
        stated, sure = signs.get(sign), confidences.get(sign)
        if stated is not None:
            said[display(sign)] = display(stated) if sure is None else f"{display(stated)} (confidence {sure:.2f})"
    return said


def _take_masks(context: SliceContext, slices: Iterable[SliceRecord]) -> None:
    masks: dict[str, SliceRecord] = {}
    twice: set[str] = set()
    for record in slices:
        known = masks.setdefault(record.slice_id, record)
        if known.mask != record.mask and record.slice_id not in twice:
            twice.add(record.slice_id)
            what = "the slice is stated twice, with different outlines"
            error = InputError("SLICE_TWICE", what, fix="keep one row a slice")
            context.unreadable.append(quarantine_slice(error, record))
    for slice_id, record in masks.items():
        if record.mask is not None and slice_id not in twice:
            context.masks[slice_id] = record.mask


def _holds_labels(path: Path) -> bool:
    if path.suffix == ".json":
        document = store.read_json(path)
        first = document[0] if isinstance(document, list) and document else None
        return isinstance(first, dict) and "gold_label" in first
    first = store.first_row(path)
    return isinstance(first, dict) and "slice" in first


def _rows(path: Path, model: type[R], slice_ids: Collection[str]) -> list[R]:
    return columns.records_of(columns.read_where(path, "slice_id", sorted(slice_ids)), model, path)
