"""Stage ``curate``: what happens to each slice of a group of copies, and to one whose picture is bad."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from neuroonco.catalog.records import SliceRecord
from neuroonco.curate.quality import drop_reason
from neuroonco.curate.records import CuratedSlice, DuplicateGroup, GroupMember, QualityFinding
from neuroonco.outcomes import Dropped
from neuroonco.vocabulary import DropReason, DuplicateKind, TumorType, display

COPY_REASONS = {
    DuplicateKind.EXACT_BYTES: DropReason.DUPLICATE_EXACT,
    DuplicateKind.EXACT_PIXELS: DropReason.DUPLICATE_PIXELS,
    DuplicateKind.NEAR: DropReason.DUPLICATE_NEAR,
    DuplicateKind.AUGMENTED: DropReason.DUPLICATE_AUGMENTED,
}


@dataclass(frozen=True)
class Verdict:
    """What curation decides about one slice of a group.

    Attributes:
        group_id, count: of its group.
        flags: findings that it keeps.
        reason, detail: why it is dropped; None if it stays.
        tumor_type: the label that the policy gives it; None if its own stands.
    """

    group_id: str
    count: int
    flags: tuple[str, ...] = ()
    reason: DropReason | None = None
    detail: str | None = None
    tumor_type: TumorType | None = None


def settle_conflicts(
    groups: Iterable[DuplicateGroup], *, policy: str, trust: Mapping[str, int]
) -> tuple[list[DuplicateGroup], dict[str, Verdict]]:
    """Decide about every member of every group.

    Args:
        groups: of copies.
        policy: for contradicting labels: ``drop`` the group; ``majority``: the label whose sources have more trust
            than all others together, else drop; ``keep`` the representative as it is, flagged.
        trust: of each source; a source counts once for a label, however many of its copies carry it.

    Returns:
        The groups with what was decided, and a verdict for each slice id in them.
    """
    settled: list[DuplicateGroup] = []
    verdicts: dict[str, Verdict] = {}
    for group in groups:
        decided = _majority(group.members, trust) if group.conflicting_types and policy == "majority" else None
        drop_all = group.conflicting_types and policy != "keep" and decided is None
        settled.append(group.model_copy(update={"decided_type": decided}))
        found = {"label_conflict": group.conflicting_types, "split_leak": group.leaking_splits}
        flags = tuple(flag for flag, is_so in found.items() if is_so)
        keeper = group.members[0]
        for member in group.members:
            verdict = Verdict(group.group_id, len(group.members), flags)
            if drop_all:
                reason, detail = DropReason.LABEL_CONFLICT, _contradiction(group.members)
            elif member is not keeper and member.kind is not None:
                reason, detail = COPY_REASONS[member.kind], _copy_of(member, group.members)
            else:
                verdicts[member.slice_id] = Verdict(
                    verdict.group_id, verdict.count, flags, tumor_type=None if decided is member.tumor_type else decided
                )
                continue
            verdicts[member.slice_id] = Verdict(verdict.group_id, verdict.count, flags, reason, detail)
    return settled, verdicts


def curate_slice(
    record: SliceRecord,
    *,
    verdict: Verdict | None = None,
    patient_group: str | None = None,
    findings: Sequence[QualityFinding] = (),
) -> CuratedSlice | Dropped:
    """The slice as curation leaves it, or why it is dropped; the worst quality finding comes before copies.

    Args:
        record: from the catalogue.
        verdict: None if it has no copy.
        patient_group: see :func:`neuroonco.curate.patients.patient_groups`.
        findings: what is wrong with its picture.
    """
    for finding in findings:
        if finding.dropped:
            detail = f"{display(finding.flag).lower()}: {finding.score:g}, limit {finding.limit:g}"
            return _dropped(record, drop_reason(finding.flag), detail)
    if verdict is not None and verdict.reason is not None:
        return _dropped(record, verdict.reason, verdict.detail)
    fields = {name: getattr(record, name) for name in SliceRecord.model_fields}
    if verdict is not None and verdict.tumor_type is not None:
        said = "none" if record.tumor_type is None else record.tumor_type.value
        fields["notes"] = (*record.notes, f"label_by_majority:{said}")
        fields["tumor_type"] = verdict.tumor_type
        fields["tumor_present"] = verdict.tumor_type is not TumorType.HEALTHY
        if verdict.tumor_type is TumorType.HEALTHY and record.mask is not None:
            fields["mask"] = None  # a healthy slice has no lesion to outline
            fields["notes"] = (*fields["notes"], "mask:LABEL_BY_MAJORITY")
    return CuratedSlice(
        **fields,
        duplicate_group=None if verdict is None else verdict.group_id,
        duplicate_count=1 if verdict is None else verdict.count,
        patient_group=patient_group,
        flags=(*(verdict.flags if verdict is not None else ()), *(f.flag.value for f in findings)),
    )


def _majority(members: Sequence[GroupMember], trust: Mapping[str, int]) -> TumorType | None:
    """The label that outweighs all others; a generic tumor adds to no specific type and contradicts only healthy."""
    labels = {m.tumor_type for m in members if m.tumor_type is not None}
    if TumorType.HEALTHY not in labels:
        labels.discard(TumorType.TUMOR)
    weights = {
        label: sum(max(1, trust.get(s, 0)) for s in {m.source_id for m in members if m.tumor_type is label})
        for label in labels
    }
    best = max(sorted(weights), key=lambda label: weights[label])
    return best if 2 * weights[best] > sum(weights.values()) else None


def _contradiction(members: Sequence[GroupMember]) -> str:
    return " against ".join(sorted({m.tumor_type.value for m in members if m.tumor_type is not None}))


def _copy_of(member: GroupMember, members: Sequence[GroupMember]) -> str:
    """What it is a copy of: the picture it was matched with, and the one that is kept if that is another one."""
    keeper = members[0]
    matched = next((one for one in members if one.slice_id == member.matched), keeper)
    kept = "" if matched is keeper else f", itself a copy of {_place(keeper)}"
    if member.transform is None:
        said = "bytes" if member.kind is DuplicateKind.EXACT_BYTES else "pixels"
        return f"same {said} as {_place(matched)}{kept}"
    return f"copy of {_place(matched)}: {member.transform}, score {member.score:.2f}{kept}"


def _place(member: GroupMember) -> str:
    place = member.image_path
    if member.image_channel is not None:
        place += f", channel {member.image_channel}"
    if member.image_slice is not None:
        place += f", slice {member.image_slice}"
    return place


def _dropped(record: SliceRecord, reason: DropReason, detail: str | None) -> Dropped:
    return Dropped(
        slice_id=record.slice_id,
        sample_id=record.sample_id,
        source_id=record.source_id,
        image_path=record.image_path,
        reason=reason,
        detail=detail,
    )
