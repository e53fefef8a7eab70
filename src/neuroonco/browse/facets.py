"""What slices can be filtered by, as compact arrays: one value a slice, or several."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Positions = npt.NDArray[np.uint32]
"""Places of slices in the order of their ids."""
Chosen = npt.NDArray[np.bool_]
"""Which slices are chosen, of shape (slices,)."""


@dataclass(frozen=True)
class Coded:
    """One value of each slice.

    Attributes:
        name: in addresses.
        label: for people.
        tokens: values, in the order in which they are shown.
        displays: the same for people.
        codes: for each slice, which of the tokens it has.
    """

    name: str
    label: str
    tokens: tuple[str, ...]
    displays: tuple[str, ...]
    codes: npt.NDArray[np.unsignedinteger[Any]]

    def having(self, tokens: Collection[str]) -> Chosen:
        """The slices with one of some values; a value that no slice has finds none.

        >>> plane = Coded("plane", "Plane", ("axial", "coronal"), ("A", "C"), np.array([0, 1, 0], np.uint8))
        >>> plane.having({"axial"}).tolist(), plane.having({"oblique"}).tolist()
        ([True, False, True], [False, False, False])
        """
        wanted = np.array([token in tokens for token in self.tokens], dtype=bool)
        found: Chosen = wanted[self.codes] if len(self.tokens) else np.zeros(len(self.codes), dtype=bool)
        return found

    def counts(self, chosen: Chosen) -> list[int]:
        """How many of the chosen slices have each value."""
        counted: list[int] = np.bincount(self.codes[chosen], minlength=len(self.tokens)).tolist()
        return counted

    def of(self, position: int) -> tuple[str, ...]:
        """The value of one slice."""
        return (self.tokens[int(self.codes[position])],)

    def at(self, positions: Positions) -> "Coded":
        """The facet of some slices only; values that none of them has go."""
        codes = self.codes[positions]
        used = np.bincount(codes, minlength=len(self.tokens)) > 0
        renamed = (np.cumsum(used) - 1)[codes].astype(self.codes.dtype)
        return Coded(self.name, self.label, _where(self.tokens, used), _where(self.displays, used), renamed)

    @property
    def nbytes(self) -> int:
        """Bytes of what grows with the slices."""
        return int(self.codes.nbytes)


@dataclass(frozen=True)
class Listed:
    """Any number of values of each slice.

    Attributes:
        holders: for each token, the slices that have it, sorted, each once.
        size: how many slices there are.
    """

    name: str
    label: str
    tokens: tuple[str, ...]
    displays: tuple[str, ...]
    holders: tuple[Positions, ...]
    size: int

    def having(self, tokens: Collection[str]) -> Chosen:
        """The slices with one of some values."""
        found = np.zeros(self.size, dtype=bool)
        for token, holders in zip(self.tokens, self.holders, strict=True):
            if token in tokens:
                found[holders] = True
        return found

    def counts(self, chosen: Chosen) -> list[int]:
        """How many of the chosen slices have each value."""
        return [int(chosen[holders].sum()) for holders in self.holders]

    def of(self, position: int) -> tuple[str, ...]:
        """The values of one slice.

        >>> flags = Listed("flag", "Flag", ("a", "b"), ("A", "B"), (np.array([1]), np.array([0, 1])), 2)
        >>> flags.of(1), flags.of(0)
        (('a', 'b'), ('b',))
        """
        found = []
        for token, holders in zip(self.tokens, self.holders, strict=True):
            place = int(np.searchsorted(holders, position))
            if place < len(holders) and int(holders[place]) == position:
                found.append(token)
        return tuple(found)

    def at(self, positions: Positions) -> "Listed":
        """The facet of some slices only; values that none of them has go."""
        places = np.full(self.size, -1, dtype=np.int64)
        places[positions] = np.arange(len(positions))
        moved = [places[holders] for holders in self.holders]
        kept = [np.sort(one[one >= 0]).astype(np.uint32) for one in moved]
        used = np.array([len(one) > 0 for one in kept], dtype=bool)
        holders = tuple(one for one in kept if len(one))
        tokens, displays = _where(self.tokens, used), _where(self.displays, used)
        return Listed(self.name, self.label, tokens, displays, holders, len(positions))

    @property
    def nbytes(self) -> int:
        """Bytes of what grows with the slices."""
        return sum(int(holders.nbytes) for holders in self.holders)


Facet = Coded | Listed


def _where(words: tuple[str, ...], used: npt.NDArray[np.bool_]) -> tuple[str, ...]:
    return tuple(word for word, one in zip(words, used.tolist(), strict=True) if one)
