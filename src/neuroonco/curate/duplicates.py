"""From matches to groups of copies: who represents each, and what its members disagree about."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from neuroonco.catalog.records import SliceRecord
from neuroonco.curate.records import DuplicateGroup, GroupMember, PictureMatch
from neuroonco.curate.registration import Change
from neuroonco.vocabulary import DuplicateKind, MRSequence, TumorType

HELD_OUT_SPLITS = ("test", "val")
KINDS = tuple(DuplicateKind)
IDENTICAL = (DuplicateKind.EXACT_BYTES, DuplicateKind.EXACT_PIXELS)


def identical(keys: Iterable[tuple[str, str]], kind: DuplicateKind) -> list[PictureMatch]:
    """Matches between slices with the same key: each of them with the first one.

    Args:
        keys: slice id and what is compared; an empty key is left alone.
        kind: of the matches.

    >>> [(m.first, m.second) for m in identical([("b", "x"), ("a", "x"), ("c", "")], DuplicateKind.EXACT_BYTES)]
    [('a', 'b')]
    """
    by_key: dict[str, list[str]] = defaultdict(list)
    for slice_id, key in keys:
        if key:
            by_key[key].append(slice_id)
    return [
        PictureMatch(first=members[0], second=other, kind=kind)
        for key in sorted(by_key)
        if len(members := sorted(by_key[key])) > 1
        for other in members[1:]
    ]


@dataclass
class _Joined:
    """What is stated of pictures that were joined so far: files, and the sequence of each patient's pictures."""

    files: set[str]
    sequences: dict[tuple[str, str], MRSequence]

    def contradicts(self, other: "_Joined") -> bool:
        """Whether a picture here and one there are stated to be different ones."""
        if not self.files.isdisjoint(other.files):
            return True
        shared = self.sequences.keys() & other.sequences.keys()
        return any(self.sequences[patient] is not other.sequences[patient] for patient in shared)


def tell_apart(
    matches: Iterable[PictureMatch],
    sequences: Mapping[str, tuple[str, str, MRSequence]],
    files: Mapping[str, str],
) -> list[PictureMatch]:
    """The matches, of which those that would make copies of stated different pictures are neighbors only.

    Two sequences of one patient can look alike where nothing enhances, and so can slices of one volume: what a source
    states to be different pictures are not copies of each other, nor both copies of a third one. The best matches are
    taken first. Identical pictures are copies whatever is stated.

    Args:
        matches: of all kinds.
        sequences: of slices whose patient and sequence are stated: source, patient, sequence.
        files: path of each slice's file.

    Returns:
        All matches, identical ones first, then by falling score.
    """
    parent: dict[str, str] = {}
    joined: dict[str, _Joined] = {}

    def root(name: str) -> str:
        if name not in parent:
            parent[name] = name
            stated = sequences.get(name)
            joined[name] = _Joined({files[name]}, {} if stated is None else {stated[:2]: stated[2]})
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    told: list[PictureMatch] = []
    for match in sorted(matches, key=lambda m: (m.kind not in IDENTICAL, -m.score, m.first, m.second)):
        one, other = root(match.first), root(match.second)
        if match.kind is not None and one != other:
            if match.kind not in IDENTICAL and joined[one].contradicts(joined[other]):
                match = match.model_copy(update={"kind": None})
            else:
                parent[other] = one
                joined[one].files |= joined[other].files
                joined[one].sequences |= joined.pop(other).sequences
        told.append(match)
    return told


def components(pairs: Iterable[tuple[str, str]]) -> list[list[str]]:
    """Connected names, sorted, of at least two each.

    >>> components([("a", "b"), ("c", "d"), ("b", "e")])
    [['a', 'b', 'e'], ['c', 'd']]
    """
    linked = list(pairs)
    names = sorted({name for pair in linked for name in pair})
    if not names:
        return []
    place = {name: i for i, name in enumerate(names)}
    rows, columns = [place[a] for a, _ in linked], [place[b] for _, b in linked]
    graph = csr_matrix((np.ones(len(linked), dtype=np.int8), (rows, columns)), shape=(len(names), len(names)))
    _, labels = connected_components(graph, directed=False)
    found: dict[int, list[str]] = defaultdict(list)
    for name, label in zip(names, labels, strict=True):
        found[int(label)].append(name)
    return sorted(found.values())


def group_copies(
    matches: Sequence[PictureMatch],
    records: Mapping[str, SliceRecord],
    priority: Mapping[str, int],
    bytes_per_px: Mapping[str, float] | None = None,
) -> list[DuplicateGroup]:
    """Group slices that are copies of each other, directly or through others.

    The representative is, in this order: one with a mask image, one with any mask, one with a known sequence, one
    with a specific tumour type, the source of higher priority, the larger picture, the less compressed file, the
    lower source id, the lower path. So it does not depend on the order of the records.

    Args:
        matches: those without a kind are left out.
        records: every slice in a match.
        priority: of each source; higher wins; a source that is not listed has 0.
        bytes_per_px: of each slice's file, if known.

    Returns:
        Groups of two or more, sorted by id.
    """
    copies = [m for m in matches if m.kind is not None]
    by_slice: dict[str, list[PictureMatch]] = defaultdict(list)
    for match in copies:
        by_slice[match.first].append(match)
        by_slice[match.second].append(match)
    groups = []
    for names in components((m.first, m.second) for m in copies):
        members = [records[name] for name in names]
        ordered = sorted(members, key=lambda r: _rank(r, priority, bytes_per_px or {}))
        groups.append(_group(ordered, by_slice))
    return sorted(groups, key=lambda g: g.group_id)


def _rank(
    record: SliceRecord, priority: Mapping[str, int], bytes_per_px: Mapping[str, float]
) -> tuple[bool | float | str, ...]:
    return (
        record.mask is None or record.mask.kind.value.startswith("yolo"),
        record.mask is None,
        record.sequence is None,
        record.tumor_type is None or not record.tumor_type.is_specific,
        -priority.get(record.source_id, 0),
        -record.height_px * record.width_px,
        -bytes_per_px.get(record.slice_id, 0.0),
        record.source_id,
        record.image_path,
        record.slice_id,
    )


def _group(ordered: Sequence[SliceRecord], by_slice: Mapping[str, Sequence[PictureMatch]]) -> DuplicateGroup:
    links = _links_to(ordered[0].slice_id, by_slice)
    members = []
    for record in ordered:
        link = links.get(record.slice_id)
        members.append(
            GroupMember(
                slice_id=record.slice_id,
                source_id=record.source_id,
                image_path=record.image_path,
                image_channel=record.image_channel,
                image_slice=record.image_slice,
                tumor_type=record.tumor_type,
                split=record.split,
                patient_id=record.patient_id,
                representative=record is ordered[0],
                kind=None if link is None else link.kind,
                matched=None if link is None else link.first,
                transform=None if link is None else _words(link),
                score=None if link is None else link.score,
            )
        )
    kinds = [m.kind for m in members if m.kind is not None]
    return DuplicateGroup(
        group_id="g" + ordered[0].slice_id.removeprefix("s"),
        kind=max(kinds, key=KINDS.index),
        members=tuple(members),
        conflicting_types=conflicting({r.tumor_type for r in ordered}),
        leaking_splits=leaking(ordered),
    )


def _links_to(start: str, by_slice: Mapping[str, Sequence[PictureMatch]]) -> dict[str, PictureMatch]:
    """For each member the match that leads one step nearer to the representative, seen from there; best kinds first."""
    links: dict[str, PictureMatch] = {}
    reached, frontier = {start}, [start]
    while frontier:
        found: dict[str, PictureMatch] = {}
        for name in frontier:
            for match in by_slice[name]:
                seen = match if match.first == name else _reversed(match)
                if seen.second not in reached:
                    best = found.get(seen.second)
                    if best is None or _strength(seen) > _strength(best):
                        found[seen.second] = seen
        links |= found
        reached |= found.keys()
        frontier = sorted(found)
    return links


def _strength(match: PictureMatch) -> tuple[int, float, str]:
    return (-KINDS.index(match.kind) if match.kind is not None else -len(KINDS), match.score, match.first)


def _change(match: PictureMatch) -> Change:
    return Change(match.mirrored, match.rotation_deg, match.scale, match.stretch)


def _reversed(match: PictureMatch) -> PictureMatch:
    back = _change(match).inverse()
    return match.model_copy(
        update={
            "first": match.second,
            "second": match.first,
            "rotation_deg": back.rotation_deg,
            "scale": back.scale,
        }
    )


def _words(match: PictureMatch) -> str | None:
    if match.kind in IDENTICAL:
        return None
    return _change(match).words


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
