"""Count slices by source and outcome, gather the catalogue's notes, and follow the pictures that pages show."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from neuroonco.catalog.records import SliceRecord, slice_id_of
from neuroonco.curate.records import CuratedSlice, DuplicateGroup
from neuroonco.outcomes import Dropped, Quarantined
from neuroonco.vocabulary import DropReason, display
from neuroonco.walk.curation_groups import HELD_OUT, TRAINING

NO_SOURCE = "(none)"
MASK_CODES = ("MASK_", "OUTLINE_")
"""How the codes of errors begin that only a mask or label file has."""
IMAGE_WITH_MASK = ".mat"
"""Such a file holds image and mask; if its mask is unfit, the slice itself is set aside."""


class SliceTally:
    """Figures of slices by source, the catalogue's notes, and what became of the members shown."""

    def __init__(self, shown: Iterable[DuplicateGroup]) -> None:
        self._shown = {m.slice_id for group in shown for m in group.members}
        self.counts: Counter[tuple[str, str]] = Counter()
        """By (source, what became of it): a field of :class:`~neuroonco.report.curation_records.SourceFlow`."""
        self.reasons: Counter[tuple[str, DropReason]] = Counter()
        self.types: Counter[tuple[str, str]] = Counter()
        self.patients: defaultdict[str, set[str]] = defaultdict(set)
        self.splits: Counter[tuple[str, str | None]] = Counter()
        self.notes: Counter[tuple[str, str, str]] = Counter()
        self.note_examples: dict[tuple[str, str, str], str] = {}
        self.flagged_conflicts = 0
        self.spelled: dict[str, str | None] = {}
        self.outcome: dict[str, str] = {}
        self.kept: set[str] = set()
        self.dropped_for: dict[str, DropReason] = {}
        self._sides: defaultdict[str, set[bool]] = defaultdict(set)
        self._mask_ids: set[str] = set()

    def add_notes(self, record: SliceRecord) -> None:
        """Take up a record's notes and spelling."""
        if record.slice_id in self._shown:
            self.spelled[record.slice_id] = record.source_label
        for note in record.notes:
            name, _, said = note.partition(":")
            if name == "box_label":
                folder = "not known" if record.tumor_type is None else display(record.tumor_type)
                said = f"{said}\0{folder}"
            key = (name, said, record.source_id)
            self.notes[key] += 1
            self.note_examples.setdefault(key, record.image_path)

    def add_split(self, record: SliceRecord) -> None:
        """Count a catalogued slice of a split, and remember by which id an error of its mask is known."""
        self.splits[record.source_id, record.split] += 1
        if any(note.startswith("mask:") for note in record.notes):
            self._mask_ids.update(_mask_ids(record))

    def add_kept(self, record: CuratedSlice) -> None:
        """Count a slice that passed curation."""
        source = record.source_id
        self.counts[source, "kept"] += 1
        self.counts[source, "with_mask"] += record.mask is not None
        self.types[source, "not known" if record.tumor_type is None else display(record.tumor_type)] += 1
        self.flagged_conflicts += DropReason.LABEL_CONFLICT.value in record.flags
        if record.patient_id is not None:
            self.patients[source].add(record.patient_id)
        if record.patient_group is not None and record.split in (TRAINING, *HELD_OUT):
            self._sides[record.patient_group].add(record.split == TRAINING)
        if record.slice_id in self._shown:
            self.kept.add(record.slice_id)
            words = ", ".join(flag.replace("_", " ") for flag in record.flags)
            self.outcome[record.slice_id] = f"kept, flagged: {words}" if words else "kept"

    def add_listed_out(self, dropped: Dropped, stage: str) -> None:
        """Count a record that the catalogue left out."""
        self.counts[dropped.source_id or NO_SOURCE, "listed_out"] += 1
        self.reasons[stage, dropped.reason] += 1

    def add_dropped(self, dropped: Dropped, stage: str) -> None:
        """Count a record that curation dropped."""
        self.counts[dropped.source_id or NO_SOURCE, _class_of(dropped.reason)] += 1
        self.reasons[stage, dropped.reason] += 1
        if dropped.slice_id in self._shown:
            self.dropped_for[dropped.slice_id] = dropped.reason
            # The cards of a copy say already of what it is one, and how.
            said = dropped.detail is None or _class_of(dropped.reason) == "copies"
            detail = "" if said else f": {dropped.detail}"
            self.outcome[dropped.slice_id] = f"dropped ({display(dropped.reason)}){detail}"

    def add_set_aside(self, row: Quarantined) -> None:
        """Count a row that the catalogue quarantined: a slice, or the mask of a slice that was catalogued without it.

        Needs all records first, see :meth:`add_split`.
        """
        coded = row.code.startswith(MASK_CODES) and not (row.image_path or "").lower().endswith(IMAGE_WITH_MASK)
        if coded or row.slice_id in self._mask_ids:
            self.counts[row.source_id or NO_SOURCE, "masks_set_aside"] += 1
        else:
            self.add_quarantined(row)

    def add_quarantined(self, row: Quarantined) -> None:
        """Count a record that could not be processed."""
        self.counts[row.source_id or NO_SOURCE, "quarantined"] += 1
        if row.slice_id in self._shown:
            self.outcome[row.slice_id] = f"quarantined: {row.code}"

    @property
    def split_patients(self) -> int:
        """Patient groups with kept slices in a training and in a held-out part."""
        return sum(len(sides) == 2 for sides in self._sides.values())


def _mask_ids(record: SliceRecord) -> Iterator[str]:
    """Ids that an error of the record's mask may have: how many folders lie above the source is not in the record."""
    parts = PurePosixPath(record.image_path).parts
    for start in range(len(parts)):
        yield slice_id_of(record.source_id, f"{'/'.join(parts[start:])}#mask", None, record.image_sha256)


def _class_of(reason: DropReason) -> str:
    if reason is DropReason.LABEL_CONFLICT:
        return "conflicts"
    if reason.value.startswith("duplicate_"):
        return "copies"
    return "quality" if reason.value.startswith("quality_") else "other"
