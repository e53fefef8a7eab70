"""Count duplicate groups and quality findings, one after the other, and choose those to show on the way.

The choice follows a stated order, so that it does not depend on chance; what is held does not grow with the groups.
"""

from bisect import insort
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from neuroonco.curate.records import DuplicateGroup, QualityFinding
from neuroonco.vocabulary import DuplicateKind, QualityFlag, TumorType

T = TypeVar("T")
TRAINING = "train"
HELD_OUT = ("val", "test")
GROUPS_A_KIND = {
    DuplicateKind.AUGMENTED: 24,
    DuplicateKind.NEAR: 24,
    DuplicateKind.EXACT_PIXELS: 12,
    DuplicateKind.EXACT_BYTES: 12,
}
"""Groups shown of each kind, in the order of the page: what is least alike needs eyes most."""
CONFLICTS_SHOWN = 60
LEAKS_SHOWN = 30
SHEET_PICTURES = 48


class First(Generic[T]):
    """The first few items by key; keys must differ.

    >>> first = First[str](2)
    >>> for n, word in [(3, "c"), (1, "a"), (2, "b")]:
    ...     first.add((n,), word)
    >>> first.items, first.total
    (['a', 'b'], 3)
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept: list[tuple[tuple[Any, ...], T]] = []
        self.total = 0

    def add(self, key: tuple[Any, ...], item: T) -> None:
        """Offer an item."""
        self.total += 1
        if len(self._kept) < self._limit or key < self._kept[-1][0]:
            insort(self._kept, (key, item), key=lambda pair: pair[0])
            del self._kept[self._limit :]

    @property
    def items(self) -> list[T]:
        """The items, in order of their keys."""
        return [item for _, item in self._kept]


def weakest(group: DuplicateGroup) -> float | None:
    """Lowest score at which a member was matched; None if no score is stated."""
    return min((m.score for m in group.members if m.score is not None), default=None)


def leak_pairs(group: DuplicateGroup) -> Counter[tuple[str, str]]:
    """Held-out pictures of a group by (source of a training copy, source of the held-out picture)."""
    trained = {m.source_id for m in group.members if m.split == TRAINING}
    return Counter((t, m.source_id) for m in group.members if m.split in HELD_OUT for t in trained)


def opposed(group: DuplicateGroup) -> list[TumorType]:
    """Tumor types of a conflict, in the vocabulary's order; a generic tumor only where it contradicts one."""
    types = {m.tumor_type for m in group.members if m.tumor_type is not None}
    if TumorType.HEALTHY not in types and len(types) > 1:
        types.discard(TumorType.TUMOR)
    return [t for t in TumorType if t in types]


class GroupTally:
    """Figures of duplicate groups, and the groups to show."""

    def __init__(self) -> None:
        self.groups: Counter[DuplicateKind] = Counter()
        self.pictures: Counter[DuplicateKind] = Counter()
        self.conflicting: Counter[DuplicateKind] = Counter()
        self.leaking: Counter[DuplicateKind] = Counter()
        self.weakest: dict[DuplicateKind, float] = {}
        self.shared: Counter[tuple[str, str]] = Counter()
        self.opposed: Counter[tuple[TumorType, ...]] = Counter()
        self.decided = 0
        self.within = 0
        self.across = 0
        self.leak_pairs: Counter[tuple[str, str]] = Counter()
        self.leak_splits: Counter[tuple[str, str | None]] = Counter()
        self.by_kind = {kind: First[DuplicateGroup](limit) for kind, limit in GROUPS_A_KIND.items()}
        self.conflicts = First[DuplicateGroup](CONFLICTS_SHOWN)
        self.leaks_within = First[DuplicateGroup](LEAKS_SHOWN)
        self.leaks_across = First[DuplicateGroup](LEAKS_SHOWN)

    def add(self, group: DuplicateGroup) -> None:
        """Count one group."""
        score = weakest(group)
        key = (1.0 if score is None else score, group.group_id, self.groups.total())
        self.groups[group.kind] += 1
        self.pictures[group.kind] += len(group.members)
        self.by_kind[group.kind].add(key, group)
        if score is not None:
            self.weakest[group.kind] = min(score, self.weakest.get(group.kind, score))
        held = Counter(m.source_id for m in group.members)
        for source, n in held.items():
            for other in held:
                if other != source or n > 1:
                    self.shared[source, other] += n
        if group.conflicting_types:
            self.conflicting[group.kind] += 1
            self.opposed[tuple(opposed(group))] += 1
            self.decided += group.decided_type is not None
            self.conflicts.add(key, group)
        if group.leaking_splits:
            self._add_leak(key, group)

    def _add_leak(self, key: tuple[Any, ...], group: DuplicateGroup) -> None:
        self.leaking[group.kind] += 1
        pairs = leak_pairs(group)
        self.leak_pairs.update(pairs)
        self.leak_splits.update((m.source_id, m.split) for m in group.members)
        if any(t == h for t, h in pairs):
            self.within += 1
            self.leaks_within.add(key, group)
        if any(t != h for t, h in pairs):
            self.across += 1
            self.leaks_across.add(key, group)

    def shown(self) -> list[DuplicateGroup]:
        """All groups that some page shows."""
        chosen = [*self.by_kind.values(), self.conflicts, self.leaks_within, self.leaks_across]
        return [group for first in chosen for group in first.items]


@dataclass
class FlagTally:
    """Figures of one quality finding."""

    found: int = 0
    dropped: int = 0
    limits: set[float] = field(default_factory=set)
    low: float = float("inf")
    high: float = float("-inf")
    by_source: Counter[str] = field(default_factory=Counter)
    worst: First[QualityFinding] = field(default_factory=lambda: First(SHEET_PICTURES))

    def add(self, finding: QualityFinding) -> None:
        """Count one finding; the farther beyond its limit, the worse, whichever side the limit is on."""
        self.found += 1
        self.dropped += finding.dropped
        self.limits.add(finding.limit)
        self.low, self.high = min(self.low, finding.score), max(self.high, finding.score)
        self.by_source[finding.source_id] += 1
        self.worst.add((-abs(finding.score - finding.limit), finding.slice_id, self.found), finding)


class QualityTally:
    """Figures of quality findings."""

    def __init__(self) -> None:
        self.flags: defaultdict[QualityFlag, FlagTally] = defaultdict(FlagTally)
        self.pictures: set[str] = set()

    def add(self, finding: QualityFinding) -> None:
        """Count one finding."""
        self.flags[finding.flag].add(finding)
        self.pictures.add(finding.slice_id)
