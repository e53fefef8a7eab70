"""Stage ``curate``: what is unusable goes into quarantine, copies are dropped, contradictions are reported."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from neuroonco import images
from neuroonco.catalog.records import SliceRecord
from neuroonco.curate.duplicates import group_exact
from neuroonco.curate.quality import CurateRules, check_quality
from neuroonco.curate.records import CuratedSlice, DuplicateGroup
from neuroonco.errors import InputError
from neuroonco.outcomes import Dropped, StageOutcome, quarantine_slice
from neuroonco.store import sha256_bytes
from neuroonco.vocabulary import DropReason


@dataclass(frozen=True)
class Curation:
    """Outcome of curation and the duplicate groups behind it."""

    outcome: StageOutcome[CuratedSlice]
    groups: list[DuplicateGroup]


def check_slices(records: Iterable[SliceRecord], *, root: Path, rules: CurateRules) -> StageOutcome[SliceRecord]:
    """Decode each slice and pass the usable ones; independent from slice to slice, so it can run in parts."""
    outcome: StageOutcome[SliceRecord] = StageOutcome()
    for record in records:
        try:
            if not record.image_sha256:  # a catalogue in the reference's JSON does not know its files' bytes
                digest = sha256_bytes(images.read_bytes(images.resolve(root, record.image_path), record.image_path))
                record = record.model_copy(update={"image_sha256": digest})
            check_quality(images.read_picture(root, record), record.image_path, rules)
        except InputError as error:
            outcome.quarantined.append(quarantine_slice(error, record))
        else:
            outcome.kept.append(record)
    return outcome


def curate(checked: StageOutcome[SliceRecord], *, priority: Mapping[str, int], rules: CurateRules) -> Curation:
    """Drop copies and contradictions among usable slices.

    Args:
        checked: what :func:`check_slices` returned.
        priority: of each source as representative.
        rules: ``label_conflict_policy`` is ``drop`` (whole group) or ``keep`` (representative, flagged).
    """
    groups = group_exact(checked.kept, priority)
    group_of = {m.slice_id: g for g in groups for m in g.members}
    representative_of = {g.group_id: g.members[0] for g in groups}
    outcome: StageOutcome[CuratedSlice] = StageOutcome(
        dropped=list(checked.dropped), quarantined=list(checked.quarantined)
    )
    for record in sorted(checked.kept, key=lambda r: r.slice_id):
        group = group_of.get(record.slice_id)
        if group is None:
            outcome.kept.append(_curated(record, None, ()))
            continue
        if group.conflicting_types and rules.label_conflict_policy == "drop":
            labels = sorted({m.tumor_type.value for m in group.members if m.tumor_type is not None})
            outcome.dropped.append(_drop(record, DropReason.LABEL_CONFLICT, " against ".join(labels)))
        elif not _is_representative(record, group):
            keeper = representative_of[group.group_id]
            detail = f"same bytes as {keeper.image_path}"
            outcome.dropped.append(_drop(record, DropReason.DUPLICATE_EXACT, detail))
        else:
            outcome.kept.append(_curated(record, group, _flags(group)))
    return Curation(outcome, groups)


def _is_representative(record: SliceRecord, group: DuplicateGroup) -> bool:
    return any(m.representative and m.slice_id == record.slice_id for m in group.members)


def _flags(group: DuplicateGroup) -> tuple[str, ...]:
    flags = []
    if group.conflicting_types:
        flags.append("label_conflict")
    if group.leaking_splits:
        flags.append("split_leak")
    return tuple(flags)


def _curated(record: SliceRecord, group: DuplicateGroup | None, flags: Sequence[str]) -> CuratedSlice:
    return CuratedSlice(
        **{name: getattr(record, name) for name in SliceRecord.model_fields},
        duplicate_group=None if group is None else group.group_id,
        duplicate_count=1 if group is None else len(group.members),
        flags=tuple(flags),
    )


def _drop(record: SliceRecord, reason: DropReason, detail: str) -> Dropped:
    return Dropped(
        slice_id=record.slice_id,
        sample_id=record.sample_id,
        source_id=record.source_id,
        image_path=record.image_path,
        reason=reason,
        detail=detail,
    )
