"""Which pictures may be copies of each other: those that share rare words. Nothing is compared pair by pair.

Two searches with one index. Keypoints vote with their words, in the picture's own and in its mirrored form; hashes
are cut into bands, in all eight orientations. Both cost as many steps as there are shared words, not as there are
pairs of pictures: a word that very many pictures have says nothing and is left out.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy import sparse

Words = npt.NDArray[np.uint32]
Pairs = npt.NDArray[np.int64]
"""Shape (n, 3): index of one picture, of a later one, and their votes."""
HASH_BANDS = 4
HASH_BAND_BITS = 16
_VOTES_AT_ONCE = 16_000_000
"""Votes that are counted at one time, if every picture shared a word with every other."""


def voted_pairs(
    own: Words,
    mirrored: Words,
    owners: npt.NDArray[np.int64],
    pictures: int,
    *,
    min_votes: int,
    max_neighbors: int,
    max_pictures_a_word: int,
) -> Pairs:
    """Pairs of pictures whose keypoints share at least so many words.

    Args:
        own: (keypoints, tables) words.
        mirrored: the same keypoints' words in the mirrored picture.
        owners: (keypoints,) index of the picture that each belongs to.
        pictures: how many there are.
        min_votes: shared words that a pair needs.
        max_neighbors: of each picture the pairs with most votes are kept.
        max_pictures_a_word: a word that more pictures have is left out.

    Returns:
        Pairs ordered by their indices.

    >>> own = np.array([[1], [2], [1], [2], [9]], dtype=np.uint32)
    >>> nothing = np.full((5, 1), 7, dtype=np.uint32)
    >>> voted_pairs(own, nothing + np.arange(5, dtype=np.uint32)[:, None] * 100, np.array([0, 0, 1, 1, 2]), 3,
    ...             min_votes=2, max_neighbors=5, max_pictures_a_word=10).tolist()
    [[0, 1, 2]]
    """
    tables = [
        _shared(
            _coded(own[:, t], owners, pictures), _coded(mirrored[:, t], owners, pictures), pictures, max_pictures_a_word
        )
        for t in range(own.shape[1])
    ]
    filed = sparse.hstack([table[0] for table in tables], format="csr")
    asked = sparse.hstack([table[1] for table in tables], format="csr")
    del tables
    asked += filed
    by_word = filed.T.tocsr()
    del filed
    rows = max(64, _VOTES_AT_ONCE // max(1, pictures))
    found = [
        _best(asked[start : start + rows] @ by_word, start, min_votes, max_neighbors)
        for start in range(0, pictures, rows)
    ]
    return _each_once(np.concatenate(found) if found else np.zeros((0, 3), dtype=np.int64))


def hash_pairs(orientations: npt.NDArray[np.uint64], *, max_distance: int, max_pictures_a_word: int) -> Pairs:
    """Pairs of pictures of which one orientation's hash is within a Hamming distance of the other's own.

    With four bands all pairs up to a distance of 3 are found, and most of those a little further apart.

    Args:
        orientations: (pictures, 8) from :func:`neuroonco.inspection.fingerprint.orientations`, own hash first.
        max_distance: bits that may differ.
        max_pictures_a_word: a band that more pictures have is left out: it says nothing.

    Returns:
        Pairs ordered by their indices; votes are 64 less the distance.

    >>> hashes = np.array([[0b1011] * 8, [0b1010] * 8, [2**63 - 1] * 8], dtype=np.uint64)
    >>> hash_pairs(hashes, max_distance=2, max_pictures_a_word=10).tolist()
    [[0, 1, 63]]
    """
    found = [np.zeros((0, 3), dtype=np.int64)]
    for band in range(HASH_BANDS):
        bands = orientations >> np.uint64(band * HASH_BAND_BITS) & np.uint64(2**HASH_BAND_BITS - 1)
        order = np.argsort(bands[:, 0], kind="stable")
        filed = bands[order, 0]
        for turn in range(orientations.shape[1]):
            first = np.searchsorted(filed, bands[:, turn], side="left")
            counts = np.searchsorted(filed, bands[:, turn], side="right") - first
            counts[counts > max_pictures_a_word] = 0
            for some in _in_parts(counts):
                one = np.repeat(some, counts[some])
                steps = np.arange(len(one)) - np.repeat(np.cumsum(counts[some]) - counts[some], counts[some])
                other = order[np.repeat(first[some], counts[some]) + steps]
                distance = np.bitwise_count(orientations[one, turn] ^ orientations[other, 0])
                near = (distance <= max_distance) & (one != other)
                found.append(np.stack([one[near], other[near], 64 - distance[near].astype(np.int64)], axis=1))
    return _each_once(np.concatenate(found))


def _in_parts(counts: npt.NDArray[np.int64], pairs_at_once: int = 4_000_000) -> Iterator[npt.NDArray[np.int64]]:
    """Indices of pictures, in pieces that have so many pairs together."""
    used = np.flatnonzero(counts)
    ends = np.cumsum(counts[used])
    start = 0
    while start < len(used):
        base = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, base + pairs_at_once, side="right")))
        yield used[start:stop]
        start = stop


def _shared(
    own: npt.NDArray[np.int64],
    mirrored: npt.NDArray[np.int64],
    pictures: int,
    max_pictures_a_word: int,
) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
    """Pictures x words, for the words of one table that several pictures have: own, and mirrored."""
    codes = _distinct(own)  # each picture counts once for a word
    words = codes // pictures
    starts = np.flatnonzero(np.diff(words, prepend=-1))
    vocabulary, size = words[starts], np.diff(starts, append=len(words))
    del words
    asked = _distinct(mirrored)
    asked_words = asked // pictures
    asked_place = np.searchsorted(vocabulary, asked_words)
    asked_place[asked_place == len(vocabulary)] = 0
    known = (vocabulary[asked_place] == asked_words) if len(vocabulary) else np.zeros(0, dtype=bool)
    del asked_words
    asked, asked_place = asked[known], asked_place[known]
    # A word of one picture alone matters only if another picture's mirror image has it.
    useful = size > 1
    useful[asked_place] = True
    useful &= size <= max_pictures_a_word
    columns = np.cumsum(useful) - 1
    asked_keep = useful[asked_place]
    shape = (pictures, int(useful.sum()))
    return (
        _counted(codes[np.repeat(useful, size)] % pictures, np.repeat(columns[useful], size[useful]), shape),
        _counted(asked[asked_keep] % pictures, columns[asked_place[asked_keep]], shape),
    )


def _coded(words: npt.NDArray[np.uint32], owners: npt.NDArray[np.int64], pictures: int) -> npt.NDArray[np.int64]:
    """One number for a word and its picture."""
    codes = words.astype(np.int64)
    codes *= pictures
    codes += owners
    return codes


def _distinct(codes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Sorted, each once; numpy's own way goes through a hash table, which is many times slower for millions."""
    codes.sort()
    first = np.ones(len(codes), dtype=bool)
    first[1:] = codes[1:] != codes[:-1]
    return codes[first]


def _counted(rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64], shape: tuple[int, int]) -> sparse.csr_matrix:
    return sparse.csr_matrix((np.ones(len(rows), dtype=np.int16), (rows, columns)), shape=shape)


def _best(votes: sparse.csr_matrix, start: int, min_votes: int, max_neighbors: int) -> Pairs:
    found = []
    for row in range(votes.shape[0]):
        part = slice(votes.indptr[row], votes.indptr[row + 1])
        others, counts = votes.indices[part].astype(np.int64), votes.data[part].astype(np.int64)
        enough = (counts >= min_votes) & (others != start + row)
        others, counts = others[enough], counts[enough]
        order = np.lexsort((others, -counts))[:max_neighbors]
        one = np.full(len(order), start + row, dtype=np.int64)
        found.append(np.stack([one, others[order], counts[order]], axis=1))
    return np.concatenate(found)


def _each_once(pairs: Pairs) -> Pairs:
    """Lower index first, every pair once with its most votes, ordered."""
    low, high = pairs[:, :2].min(axis=1), pairs[:, :2].max(axis=1)
    order = np.lexsort((-pairs[:, 2], high, low))
    low, high, votes = low[order], high[order], pairs[order, 2]
    first = np.ones(len(order), dtype=bool)
    first[1:] = (low[1:] != low[:-1]) | (high[1:] != high[:-1])
    return np.stack([low[first], high[first], votes[first]], axis=1)
