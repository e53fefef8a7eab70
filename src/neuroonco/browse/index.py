"""The index of a run's slices: their ids, what they can be filtered by, their groups of copies."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from neuroonco.browse.facets import Chosen, Coded, Facet, Positions

SLICE_ID = re.compile(r"s[0-9a-f]{16}\Z")
"""The only ids that have a page."""
SEARCH = re.compile(r"s?([0-9a-f]{0,16})\Z")
NO_GROUP = -1


@dataclass(frozen=True)
class SliceIndex:
    """Slices in the order of their ids; positions are places in that order.

    Attributes:
        ids: the 16 hexadecimal digits of each id as a number, sorted, each once.
        facets: what can be filtered by, in the order in which it is shown.
        groups: for each slice, which of the group ids is its group of copies, or :data:`NO_GROUP`.
        remarks: what a person should know of the run: stages not reached, files that could not be read.
        left_out: rows of the run whose id is not one of ours, so that they have no page.
    """

    ids: npt.NDArray[np.uint64]
    facets: tuple[Facet, ...] = ()
    groups: npt.NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    group_ids: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    left_out: int = 0

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def nbytes(self) -> int:
        """Bytes of what grows with the slices."""
        return int(self.ids.nbytes + self.groups.nbytes) + sum(facet.nbytes for facet in self.facets)

    def name(self, position: int) -> str:
        """Slice id at a position."""
        return f"s{int(self.ids[position]):016x}"

    def position(self, slice_id: str) -> int | None:
        """Position of a slice; None for an id that is not ours or not there.

        >>> SliceIndex(np.array([7], np.uint64)).position("s0000000000000007")
        0
        """
        if not SLICE_ID.match(slice_id):
            return None
        number = np.uint64(int(slice_id[1:], 16))
        place = int(np.searchsorted(self.ids, number))
        return place if place < len(self.ids) and self.ids[place] == number else None

    def group_of(self, position: int) -> str | None:
        """Id of a slice's group of copies; None where it has none."""
        number = int(self.groups[position]) if len(self.groups) else NO_GROUP
        return None if number == NO_GROUP else self.group_ids[number]

    def facet(self, name: str) -> Facet | None:
        """A facet by its name."""
        return next((facet for facet in self.facets if facet.name == name), None)

    def values(self, position: int) -> dict[str, tuple[str, ...]]:
        """All values of a slice for people, by facet."""
        found = {}
        for facet in self.facets:
            shown = dict(zip(facet.tokens, facet.displays, strict=True))
            found[facet.name] = tuple(shown[token] for token in facet.of(position))
        return found

    def beginning_with(self, text: str) -> Chosen:
        """The slices whose id begins so; the leading ``s`` may be left out. What no id can begin with finds none."""
        chosen = np.zeros(len(self.ids), dtype=bool)
        found = SEARCH.match(text.strip().lower())
        if found is None:
            return chosen
        digits = found.group(1)
        low = np.searchsorted(self.ids, np.uint64(int(digits.ljust(16, "0"), 16)), "left")
        high = np.searchsorted(self.ids, np.uint64(int(digits.ljust(16, "f"), 16)), "right")
        chosen[low:high] = True
        return chosen

    def chosen(self, filters: Mapping[str, Sequence[str]], search: str = "", but: str | None = None) -> Chosen:
        """The slices that pass: one of the values of each facet, and the beginning of the id.

        Args:
            filters: values by name of a facet; of a facet that the run does not have (a stage is not reached) no
                slice has any value.
            search: beginning of the id; empty: any.
            but: a facet that does not count, to say what its other values would find.
        """
        chosen = self.beginning_with(search) if search.strip() else np.ones(len(self.ids), dtype=bool)
        for name, tokens in filters.items():
            if name == but or not tokens:
                continue
            facet = self.facet(name)
            if facet is None:
                return np.zeros(len(self.ids), dtype=bool)
            chosen &= facet.having(frozenset(tokens))
        return chosen

    def at(self, positions: Positions) -> "SliceIndex":
        """The index of some slices only."""
        return SliceIndex(
            ids=self.ids[positions],
            facets=tuple(facet.at(positions) for facet in self.facets),
            groups=self.groups[positions] if len(self.groups) else self.groups,
            group_ids=self.group_ids,
            remarks=self.remarks,
            left_out=self.left_out,
        )


def coded(name: str, label: str, values: npt.NDArray[np.intp], words: Sequence[tuple[str, str]]) -> Coded:
    """A facet of one value a slice, from numbers of (token, display) pairs, in the smallest integers that hold them.

    >>> coded("mask", "Mask", np.array([1, 0]), [("no", "no mask"), ("yes", "mask")]).codes.dtype
    dtype('uint8')
    """
    codes = values.astype(np.min_scalar_type(max(len(words) - 1, 0)))
    return Coded(name, label, tuple(token for token, _ in words), tuple(shown for _, shown in words), codes)
