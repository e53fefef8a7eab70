"""Byte-identical files across sources: group them, choose one representative, find contradictions."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from neuroonco.catalog.records import SliceRecord
from neuroonco.curate.records import DuplicateGroup, GroupMember
from neuroonco.vocabulary import TumorType

HELD_OUT_SPLITS = ("test", "val")


def group_exact(records: Iterable[SliceRecord], priority: Mapping[str, int]) -> list[DuplicateGroup]:
    """Group records whose files have the same bytes and that show the same channel.

    The representative is, in this order: one with a mask image, one with any mask, one with a known sequence, one
    with a specific tumour type, the source of higher priority, the lower source id, the lower path. So it does
    not depend on the order of the records.

    Args:
        records: catalogue records; those without a content hash are left alone.
        priority: of each source; higher wins; a source that is not listed has 0.

    Returns:
        Groups of two or more, sorted by id.
    """
    by_content: dict[tuple[str, int | None], list[SliceRecord]] = defaultdict(list)
    for record in records:
        if record.image_sha256:
            by_content[record.image_sha256, record.image_channel].append(record)
    groups = [
        _group(sha256, members, priority)
        for (sha256, _), members in sorted(by_content.items(), key=lambda item: (item[0][0], item[0][1] or 0))
        if len(members) > 1
    ]
    return sorted(groups, key=lambda g: (g.group_id, g.members[0].slice_id))


def _group(sha256: str, members: Sequence[SliceRecord], priority: Mapping[str, int]) -> DuplicateGroup:
    ordered = sorted(members, key=lambda r: _rank(r, priority))
    return DuplicateGroup(
        group_id=f"g{sha256[:16]}",
        members=tuple(
            GroupMember(
                slice_id=r.slice_id,
                source_id=r.source_id,
                image_path=r.image_path,
                tumor_type=r.tumor_type,
                split=r.split,
                representative=r is ordered[0],
            )
            for r in ordered
        ),
        conflicting_types=conflicting({r.tumor_type for r in members}),
        leaking_splits=leaking(members),
    )


def _rank(record: SliceRecord, priority: Mapping[str, int]) -> tuple[bool | int | str, ...]:
    return (
        record.mask is None or record.mask.kind.value.startswith("yolo"),
        record.mask is None,
        record.sequence is None,
        record.tumor_type is None or not record.tumor_type.is_specific,
        -priority.get(record.source_id, 0),
        record.source_id,
        record.image_path,
    )


def conflicting(types: Iterable[TumorType | None]) -> bool:
    """Whether labels of one image contradict each other; a generic tumour agrees with any tumour type.

    >>> conflicting({TumorType.TUMOR, TumorType.GLIOMA}), conflicting({TumorType.TUMOR, TumorType.HEALTHY})
    (False, True)
    """
    known = {t for t in types if t is not None}
    if len(known) > 1 and TumorType.HEALTHY not in known:
        known.discard(TumorType.TUMOR)
    return len(known) > 1


def leaking(members: Iterable[SliceRecord]) -> bool:
    """Whether the same image lies in the training part and in a held-out part, within or across sources."""
    splits = {r.split for r in members}
    return "train" in splits and any(s in splits for s in HELD_OUT_SPLITS)
