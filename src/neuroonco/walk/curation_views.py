"""Turn the chosen duplicate groups and quality findings into what the pages show, pictures included."""

from collections import defaultdict
from collections.abc import Callable, Hashable

from neuroonco.curate.records import DuplicateGroup, GroupMember, QualityFinding
from neuroonco.images import PictureRef
from neuroonco.report.page import count
from neuroonco.report.picture_records import (
    ContactSheet,
    GroupSection,
    GroupView,
    MemberView,
    SheetPicture,
)
from neuroonco.report.pictures import Album
from neuroonco.report.records import Fact
from neuroonco.vocabulary import DropReason, DuplicateKind, QualityFlag, display, term
from neuroonco.walk.curation_groups import HELD_OUT, TRAINING, First, FlagTally, GroupTally, QualityTally, opposed
from neuroonco.walk.curation_slices import SliceTally

MEMBERS_SHOWN = 6
GROUP_SIDE_PX = 160
SHEET_SIDE_PX = 128


def kind_sections(groups: GroupTally, slices: SliceTally, album: Album) -> tuple[GroupSection, ...]:
    """Groups of each kind, the least alike kind first."""
    return tuple(
        _section(_plural(kind), term(kind).description, groups.by_kind[kind], slices, album, lambda _: 0)
        for kind in groups.by_kind
    )


def conflict_section(groups: GroupTally, slices: SliceTally, album: Album) -> GroupSection:
    """Groups with contradicting labels; each label is among the pictures shown."""
    lead = "Pictures with a new label come first, so that all labels of a group are seen; then the weakest matches."
    return _section("Groups", lead, groups.conflicts, slices, album, lambda m: m.tumor_type)


def leak_sections(groups: GroupTally, slices: SliceTally, album: Album) -> tuple[GroupSection, ...]:
    """Leaks within a source and across sources; each split is among the pictures shown."""
    within = "Training and held-out pictures of one source."
    across = "A training picture of one source is a held-out picture of another."

    def part(member: GroupMember) -> Hashable:
        return member.source_id, member.split

    return (
        _section("Inside one source", within, groups.leaks_within, slices, album, part),
        _section("Across sources", across, groups.leaks_across, slices, album, part),
    )


def contact_sheets(quality: QualityTally, album: Album) -> tuple[ContactSheet, ...]:
    """One sheet a finding, in the vocabulary's order."""
    return tuple(_sheet(flag, quality.flags[flag], album) for flag in QualityFlag if flag in quality.flags)


def place_of(ref: PictureRef) -> str | None:
    """Which part of a file a picture is, in words; None for the whole file."""
    words = []
    if ref.image_channel is not None:
        words.append(f"channel {ref.image_channel}")
    if ref.image_slice is not None:
        words.append(f"slice {ref.image_slice}")
    return ", ".join(words) or None


def _plural(kind: DuplicateKind) -> str:
    return {
        DuplicateKind.AUGMENTED: "Augmented copies",
        DuplicateKind.NEAR: "Near copies",
        DuplicateKind.EXACT_PIXELS: "Pixel-identical copies",
        DuplicateKind.EXACT_BYTES: "Byte-identical files",
    }[kind]


def _section(
    title: str,
    lead: str,
    chosen: First[DuplicateGroup],
    slices: SliceTally,
    album: Album,
    trait: Callable[[GroupMember], Hashable],
) -> GroupSection:
    shown = tuple(_group_view(group, slices, album, trait) for group in chosen.items)
    return GroupSection(title=title, lead=lead, shown=shown, total=chosen.total)


def _group_view(
    group: DuplicateGroup, slices: SliceTally, album: Album, trait: Callable[[GroupMember], Hashable]
) -> GroupView:
    findings = []
    if group.conflicting_types:
        findings.append(f"Contradicting labels: {_who_says_what(group)}")
    if group.leaking_splits:
        findings.append(f"Leak: {_where_it_lies(group)}")
    return GroupView(
        group_id=group.group_id,
        kind=group.kind,
        members=_members(group, slices, album, trait),
        total=len(group.members),
        findings=tuple(findings),
        decision=_decision(group, slices) if group.conflicting_types else None,
    )


def _members(
    group: DuplicateGroup, slices: SliceTally, album: Album, trait: Callable[[GroupMember], Hashable]
) -> tuple[MemberView, ...]:
    """The representative, then members with a new trait, then the others, the weakest match first."""
    ordered = sorted(group.members, key=lambda m: (not m.representative, _strength(m), m.slice_id))
    seen: set[Hashable] = set()
    new: list[GroupMember] = []
    rest: list[GroupMember] = []
    for member in ordered:
        (rest if trait(member) in seen else new).append(member)
        seen.add(trait(member))
    path_of = {m.slice_id: m.image_path for m in group.members if not m.representative}
    return tuple(_member_view(m, path_of, slices, album) for m in [*new, *rest][:MEMBERS_SHOWN])


def _strength(member: GroupMember) -> float:
    return 1.0 if member.score is None else member.score


def _member_view(member: GroupMember, path_of: dict[str, str], slices: SliceTally, album: Album) -> MemberView:
    alt = f"Slice {member.image_path} of source {member.source_id}"
    return MemberView(
        picture=album.picture(member, alt, GROUP_SIDE_PX),
        path=member.image_path,
        place=place_of(member),
        source_id=member.source_id,
        tumor_type=member.tumor_type,
        spelled=slices.spelled.get(member.slice_id),
        split=member.split,
        patient_id=member.patient_id,
        representative=member.representative,
        kind=member.kind,
        transform=member.transform,
        score=member.score,
        matched=None if member.matched is None else path_of.get(member.matched),
        outcome=slices.outcome.get(member.slice_id),
    )


def _who_says_what(group: DuplicateGroup) -> str:
    said = []
    for kind in opposed(group):
        sources = sorted({m.source_id for m in group.members if m.tumor_type is kind})
        said.append(f"{display(kind)} in source {', '.join(sources)}")
    return "; ".join(said)


def _where_it_lies(group: DuplicateGroup) -> str:
    parts: defaultdict[str, set[str]] = defaultdict(set)
    for member in group.members:
        if member.split in (TRAINING, *HELD_OUT):
            parts[str(member.split)].add(member.source_id)
    order = [s for s in (TRAINING, *HELD_OUT) if s in parts]
    return "; ".join(f"{split} of source {', '.join(sorted(parts[split]))}" for split in order)


def _decision(group: DuplicateGroup, slices: SliceTally) -> str:
    ids = {m.slice_id for m in group.members}
    if group.decided_type is not None:
        said = f"the group is labelled {display(group.decided_type)}"
        return said if ids & slices.kept else f"{said}, and no picture of it was kept"
    if ids & slices.kept:
        return "kept and flagged, no label preferred"
    if ids and all(slices.dropped_for.get(i) is DropReason.LABEL_CONFLICT for i in ids):
        return "the whole group was left out"
    if ids and ids <= slices.dropped_for.keys():
        return "no picture of the group was kept; each says why"
    return "not recorded in the files"


def _sheet(flag: QualityFlag, tally: FlagTally, album: Album) -> ContactSheet:
    action = "some dropped, some only flagged"
    if tally.dropped in (0, tally.found):
        action = "dropped" if tally.dropped else "only flagged"
    by_source = sorted(tally.by_source.items(), key=lambda item: (-item[1], item[0]))
    return ContactSheet(
        flag=flag,
        limits=tuple(sorted(tally.limits)[:8]),
        action=action,
        found=tally.found,
        dropped=tally.dropped,
        scores=(tally.low, tally.high),
        by_source=tuple(Fact(name=source, value=count(n)) for source, n in by_source),
        shown=tuple(_sheet_picture(finding, album) for finding in tally.worst.items),
    )


def _sheet_picture(finding: QualityFinding, album: Album) -> SheetPicture:
    alt = f"{display(finding.flag)}: slice {finding.image_path} of source {finding.source_id}"
    return SheetPicture(
        picture=album.picture(finding, alt, SHEET_SIDE_PX),
        path=finding.image_path,
        place=place_of(finding),
        source_id=finding.source_id,
        score=finding.score,
        dropped=finding.dropped,
    )
