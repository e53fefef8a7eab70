"""What a benchmark and instruction data share that they must not: looked for fact by fact, whoever split them.

Nothing here comes from the builder's split. It joins slices into groups and hands out whole groups; this looks up each
single fact on both sides, and follows chains of facts through slices that lie on neither.
"""

import posixpath
import unicodedata
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence

from neuroonco.catalog.records import SliceRecord
from neuroonco.curate.records import CuratedSlice, DuplicateGroup, PictureMatch
from neuroonco.outcomes import Record

EXAMPLES = 5
CHAIN = "chain"
"""Kind of a leak whose two ends share nothing, but are joined by slices that lie on neither side."""
MEANINGS = {
    "slice": "the same slice",
    "file": "the same image file, or channels or slices of one",
    "bytes": "files with the same bytes",
    "mask": "the same mask",
    "patient": "the same patient, as the source states it",
    "patient_group": "slices that may be of one patient: neighbors, copies, and what these link",
    "copies": "copies of one picture that curation found",
    "match": "a copy or a neighboring slice, as curation matched the two pictures",
    "group": "the same group, as the benchmark states it",
    "pixels": "the same pixels, maybe flipped or turned",
    "alike": "pictures so alike that one is a copy of the other",
    CHAIN: "joined by such facts through slices that are on neither side",
}
"""Kinds of facts that two slices can share, and what sharing one means."""

Fact = tuple[str, str]
"""Kind, one of :data:`MEANINGS`, and value. Whatever the values, equal facts mean that two slices belong together."""


class KnownSlice(Record):
    """One slice of a side, and what is known of it."""

    slice_id: str
    facts: tuple[Fact, ...]


class Leak(Record):
    """One fact that both sides have.

    Attributes:
        kind: of the fact, or :data:`CHAIN`.
        shared: its value; of a chain that of its last link.
        benchmark, instructions: slices that have it, the first few.
        n_benchmark, n_instructions: how many have it.
        through: slices of neither side that a chain goes through, in its order.
    """

    kind: str
    shared: str
    benchmark: tuple[str, ...]
    instructions: tuple[str, ...]
    n_benchmark: int
    n_instructions: int
    through: tuple[str, ...] = ()


def leaks(
    benchmark: Iterable[KnownSlice], instructions: Iterable[KnownSlice], others: Iterable[KnownSlice] = ()
) -> list[Leak]:
    """Everything that a benchmark and instruction data share, by kind in the order of :data:`MEANINGS` and by value.

    Args:
        benchmark: slices that are asked about.
        instructions: slices that are trained on.
        others: slices that are known and on neither side; what is on a side is left out here.

    Returns:
        A leak for each shared fact; and a chain for each slice of the instructions that shares nothing itself, but is
        reached from the benchmark through others.

    >>> patient = ("patient", "16/P1")
    >>> [leak] = leaks([KnownSlice(slice_id="a", facts=(patient,))], [KnownSlice(slice_id="b", facts=(patient,))])
    >>> leak.kind, leak.shared, leak.benchmark, leak.instructions
    ('patient', '16/P1', ('a',), ('b',))
    """
    tested, trained = _by_id(benchmark), _by_id(instructions)
    rest = {name: facts for name, facts in _by_id(others).items() if name not in tested and name not in trained}
    tested_with, trained_with, rest_with = _holders(tested), _holders(trained), _holders(rest)
    shared = [fact for fact in tested_with if fact in trained_with]
    found = [_leak(fact, tested_with[fact], trained_with[fact]) for fact in shared]
    direct = {name for fact in shared for name in trained_with[fact]}
    found += _chains(tested_with, trained_with, rest, rest_with, direct)
    kinds = list(MEANINGS)
    return sorted(found, key=lambda one: (kinds.index(one.kind), one.shared, one.instructions))


def _by_id(slices: Iterable[KnownSlice]) -> dict[str, set[Fact]]:
    found: dict[str, set[Fact]] = defaultdict(set)
    for one in slices:
        found[one.slice_id].update(one.facts)
    return found


def _holders(slices: Mapping[str, set[Fact]]) -> dict[Fact, list[str]]:
    found: dict[Fact, list[str]] = defaultdict(list)
    for name in sorted(slices):
        for fact in sorted(slices[name]):
            found[fact].append(name)
    return dict(found)


def _leak(fact: Fact, tested: Sequence[str], trained: Sequence[str], through: Sequence[str] = ()) -> Leak:
    return Leak(
        kind=CHAIN if through else fact[0],
        shared=f"{fact[0]} {fact[1]}" if through else fact[1],
        benchmark=tuple(tested[:EXAMPLES]),
        instructions=tuple(trained[:EXAMPLES]),
        n_benchmark=len(tested),
        n_instructions=len(trained),
        through=tuple(through),
    )


def _chains(
    tested_with: Mapping[Fact, list[str]],
    trained_with: Mapping[Fact, list[str]],
    rest: Mapping[str, set[Fact]],
    rest_with: Mapping[Fact, list[str]],
    direct: set[str],
) -> list[Leak]:
    """From the benchmark's slices through those of neither side, breadth first, so that chains are the shortest."""
    came_from: dict[str, tuple[str, str | None]] = {}
    waiting: deque[str] = deque()
    for fact in sorted(tested_with):
        for name in rest_with.get(fact, ()):
            if name not in came_from:
                came_from[name] = (tested_with[fact][0], None)
                waiting.append(name)
    found: list[Leak] = []
    reached = set(direct)
    followed = set(tested_with)  # or the slices of one patient would each look up all the others
    while waiting:
        name = waiting.popleft()
        start, _ = came_from[name]
        for fact in sorted(rest[name] - followed):
            followed.add(fact)
            ends = [end for end in trained_with.get(fact, ()) if end not in reached]
            if ends:
                reached.update(ends)
                found.append(_leak(fact, [start], ends, _way(name, came_from)))
            for further in rest_with[fact]:
                if further not in came_from:
                    came_from[further] = (start, name)
                    waiting.append(further)
    return found


def _way(name: str, came_from: Mapping[str, tuple[str, str | None]]) -> list[str]:
    way: list[str] = []
    step: str | None = name
    while step is not None:
        way.append(step)
        step = came_from[step][1]
    return way[::-1]


def plain_path(path: str) -> str:
    """One spelling of a path as text; no file is looked at, and a link is not followed.

    >>> plain_path("./x//../glioma/a.png"), plain_path("//data/../a.png")
    ('glioma/a.png', '/a.png')
    """
    if not path:
        return path
    plain = posixpath.normpath(unicodedata.normalize("NFC", path).replace("\\", "/"))
    return plain[1:] if plain.startswith("//") else plain  # POSIX leaves the meaning of two slashes open


def file_fact(path: str) -> Fact:
    """That a slice is shown by this file."""
    return "file", plain_path(path)


def facts_of(record: SliceRecord) -> tuple[Fact, ...]:
    """What a catalogued, curated or labelled slice can share with another one."""
    found: list[Fact] = [("slice", record.slice_id), file_fact(record.image_path), ("bytes", record.image_sha256)]
    if record.mask is not None:
        found.append(("mask", plain_path(record.mask.path)))
    if record.patient_id is not None:
        found.append(("patient", f"{record.source_id}/{record.patient_id}"))
    if isinstance(record, CuratedSlice):
        found += [("patient_group", record.patient_group or ""), ("copies", record.duplicate_group or "")]
    return tuple(fact for fact in found if fact[1])


def facts_of_copies(groups: Iterable[DuplicateGroup], matches: Iterable[PictureMatch]) -> dict[str, list[Fact]]:
    """Facts of each slice that curation holds to be a copy or a neighbor of another one, dropped slices included."""
    found: dict[str, list[Fact]] = defaultdict(list)
    for group in groups:
        for member in group.members:
            found[member.slice_id].append(("copies", group.group_id))
    for match in matches:
        for name in (match.first, match.second):
            found[name].append(("match", f"{match.first} {match.second}"))
    return dict(found)
