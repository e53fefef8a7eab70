"""What the sources' terms let leave, slice by slice, and the list of these terms that goes along."""

from collections.abc import Iterable, Mapping, Sequence

from neuroonco.audit.records import AuditedLabel
from neuroonco.curate.records import DuplicateGroup
from neuroonco.sources import SourceSpec
from neuroonco.vocabulary import Redistribution

STRICTEST_FIRST = (Redistribution.NONE, Redistribution.POINTERS, Redistribution.DERIVED, Redistribution.IMAGES)


def permitted(
    label: AuditedLabel, sources: Mapping[str, SourceSpec], group_sources: Mapping[str, Iterable[str]]
) -> Redistribution:
    """What of a slice may leave: the strictest of all sources that have a copy of it; unknown means nothing.

    Args:
        label: of the slice.
        sources: their descriptions by id.
        group_sources: sources of the members of each duplicate group; of a group that is not there nothing is known,
            so nothing of it may leave.
    """
    record = label.slice
    members = {record.source_id}
    if record.duplicate_group is not None:
        if record.duplicate_group not in group_sources:
            return Redistribution.NONE
        members.update(group_sources[record.duplicate_group])
    terms = [sources[i].redistribution if i in sources else Redistribution.NONE for i in members]
    return min(terms, key=STRICTEST_FIRST.index)


def sources_of_groups(groups: Iterable[DuplicateGroup]) -> dict[str, list[str]]:
    """Sources of the members of each duplicate group."""
    return {group.group_id: [member.source_id for member in group.members] for group in groups}


def licenses(sources: Sequence[SourceSpec], *, with_redistribution: bool = True) -> str:
    """The list of terms: one entry a source, never one blanket license.

    Args:
        sources: whose slices leave.
        with_redistribution: whether to say what of each may be passed on; where images of some are in the package
            and of others are not, that would tell which source a question without its image is from.
    """
    lines = ["# Licences and attribution", ""]
    for spec in sources:
        lines += [
            f"## {spec.id} {spec.name}",
            "",
            f"- licence: {spec.license}",
            *([f"- may be passed on: {spec.redistribution}"] if with_redistribution else []),
            f"- homepage: {spec.homepage}",
            f"- attribution: {spec.attribution}",
            f"- citation: {spec.citation}",
            "",
        ]
    return "\n".join(lines)
