"""Count what passes by, without holding it."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc


class Tally:
    """Counts rows by one column while they pass; most frequent first, ties by name.

    >>> seen = Tally("reason")
    >>> seen(pa.table({"reason": ["b", "a", "b"]}))
    >>> seen.counts()
    {'b': 2, 'a': 1}
    """

    def __init__(self, column: str) -> None:
        self._column = column
        self._counts: dict[str, int] = {}

    def __call__(self, table: pa.Table) -> None:
        """Count these rows too."""
        for entry in pc.value_counts(table[self._column]).to_pylist():
            name = "(none)" if entry["values"] is None else entry["values"]
            self._counts[name] = self._counts.get(name, 0) + entry["counts"]

    def counts(self) -> dict[str, int]:
        """Numbers so far."""
        return dict(sorted(self._counts.items(), key=lambda item: (-item[1], item[0])))


def repeated(names: Callable[[], Iterable[Sequence[str]]]) -> frozenset[str]:
    """Names that occur more than once, of more than fit in memory: eight bytes are held for each.

    >>> sorted(repeated(lambda: iter([["a", "b"], ["c", "a"]])))
    ['a']

    Args:
        names: gives all names in batches, the same at each call; called twice.
    """
    hashes = np.concatenate([np.empty(0, np.int64), *(_hashes(batch) for batch in names())])
    hashes.sort()
    suspects = np.unique(hashes[1:][hashes[1:] == hashes[:-1]])
    del hashes
    counts: dict[str, int] = {}
    if suspects.size:
        for batch in names():
            found = np.isin(_hashes(batch), suspects)
            for place in map(int, np.flatnonzero(found)):
                counts[batch[place]] = counts.get(batch[place], 0) + 1
    return frozenset(name for name, times in counts.items() if times > 1)


def _hashes(names: Sequence[str]) -> npt.NDArray[np.int64]:
    # Python's own hash: it lasts as long as this process, and two names with one hash are told apart afterwards.
    return np.fromiter((hash(name) for name in names), dtype=np.int64, count=len(names))
