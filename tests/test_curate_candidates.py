"""Candidate pairs, against a comparison of everything with everything; fingerprints, against turned pictures."""

from collections import Counter
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuroonco.curate.candidates import HASH_BAND_BITS, HASH_BANDS, Pairs, hash_pairs, voted_pairs
from neuroonco.images import Gray
from neuroonco.inspection.fingerprint import all_orientations, fingerprint_of, orientations

LIMITS: dict[str, Any] = {"min_votes": 1, "max_neighbors": 99, "max_pictures_a_word": 99}


def smooth(seed: int, height: int = 96, width: int = 96) -> Gray:
    rng = np.random.default_rng(seed)
    noise = cv2.GaussianBlur(rng.standard_normal((height, width)).astype(np.float32), (0, 0), 6)
    low, high = noise.min(), noise.max()
    return np.asarray(np.rint((noise - low) / (high - low) * 200 + 20), dtype=np.uint8)


def eight(picture: Gray) -> list[Gray]:
    """A picture's flips and right-angle rotations."""
    return [np.ascontiguousarray(np.rot90(one, turns)) for one in (picture, picture[:, ::-1]) for turns in (0, 1, 2, 3)]


def bits(one: int, other: int) -> int:
    return (one ^ other).bit_count()


# --- fingerprints ---


@given(st.integers(0, 10**6))
def test_eight_orientations_follow_from_one_hash(seed: int) -> None:
    picture = smooth(seed)
    turned = [int(fingerprint_of(one), 16) for one in eight(picture)]
    derived = [int(h) for h in orientations(fingerprint_of(picture))]
    assert derived[0] == turned[0]
    # Every derived hash belongs to one orientation; a frequency close to zero may fall on either side.
    nearest = [min(range(8), key=lambda i: bits(one, turned[i])) for one in derived]
    assert sorted(nearest) == list(range(8))
    assert max(bits(one, turned[i]) for one, i in zip(derived, nearest, strict=True)) <= 2


@given(st.integers(0, 10**6), st.floats(0.5, 1.0), st.integers(0, 30))
def test_brightness_and_contrast_do_not_count(seed: int, contrast: float, brightness: int) -> None:
    picture = smooth(seed)
    changed = np.rint(picture * contrast + brightness).astype(np.uint8)
    # Rounding moves frequencies that are close to zero.
    assert bits(int(fingerprint_of(picture), 16), int(fingerprint_of(changed), 16)) <= 4


def test_a_fingerprint_is_sixteen_digits_and_tells_pictures_apart() -> None:
    prints = [fingerprint_of(smooth(seed, 80, 120)) for seed in range(40)]
    assert all(len(p) == 16 and int(p, 16) % 2 == 0 for p in prints)
    values = [int(p, 16) for p in prints]
    assert min(bits(a, b) for i, a in enumerate(values) for b in values[:i]) > 8


@given(st.lists(st.integers(0, 2**64 - 1), max_size=6))
def test_orientations_of_many_are_those_of_each(values: list[int]) -> None:
    found = all_orientations(np.array(values, dtype=np.uint64))
    assert found.shape == (len(values), 8)
    for row, value in zip(found, values, strict=True):
        assert row.tolist() == orientations(f"{value:016x}").tolist()
        # The group of flips and turns is closed: what one orientation can become, all can.
        assert {tuple(sorted(again)) for again in all_orientations(row).tolist()} == {tuple(sorted(row.tolist()))}


# --- words ---


def voted_plainly(
    own: list[list[list[int]]],
    mirrored: list[list[list[int]]],
    *,
    min_votes: int,
    max_neighbors: int,
    max_pictures_a_word: int,
) -> list[list[int]]:
    """What is voted, with every picture asking every other; keypoints by picture, words by table."""
    pictures = len(own)
    sets = [[{(t, w) for k in one for t, w in enumerate(k)} for one in many] for many in (own, mirrored)]
    holders = Counter(word for words in sets[0] for word in words)
    common = {word for word, n in holders.items() if n > max_pictures_a_word}
    best: dict[tuple[int, int], int] = {}
    for i in range(pictures):
        votes = []
        for j in range(pictures):
            filed = sets[0][j] - common
            said = len(sets[0][i] & filed) + len(sets[1][i] & filed)
            if j != i and said >= min_votes:
                votes.append((-said, j))
        for said, j in sorted(votes)[:max_neighbors]:
            pair = (min(i, j), max(i, j))
            best[pair] = max(best.get(pair, 0), -said)
    return [[i, j, n] for (i, j), n in sorted(best.items())]


def voted(own: list[list[list[int]]], mirrored: list[list[list[int]]], tables: int, **limits: Any) -> list[list[int]]:
    flat = [np.array([k for one in many for k in one], dtype=np.uint32).reshape(-1, tables) for many in (own, mirrored)]
    owners = np.array([i for i, one in enumerate(own) for _ in one], dtype=np.int64)
    return voted_pairs(flat[0], flat[1], owners, len(own), **limits).tolist()


@st.composite
def collections(draw: st.DrawFn) -> tuple[list[Any], list[Any], int]:
    """Keypoints of some pictures, own and mirrored; few different words, so that many are shared."""
    tables = draw(st.integers(1, 3))
    word = st.integers(0, draw(st.sampled_from([2, 6, 30])))
    pictures = draw(st.integers(1, 8))
    counts = [draw(st.integers(0, 4)) for _ in range(pictures)]
    keypoint = st.lists(word, min_size=tables, max_size=tables)
    own, mirrored = ([draw(st.lists(keypoint, min_size=n, max_size=n)) for n in counts] for _ in "om")
    return own, mirrored, tables


@given(collections(), st.integers(1, 4), st.integers(1, 8), st.integers(1, 8))
def test_votes_equal_a_plain_count(
    pictures: tuple[list[Any], list[Any], int], min_votes: int, max_neighbors: int, max_pictures_a_word: int
) -> None:
    own, mirrored, tables = pictures
    limits = {"min_votes": min_votes, "max_neighbors": max_neighbors, "max_pictures_a_word": max_pictures_a_word}
    assert voted(own, mirrored, tables, **limits) == voted_plainly(own, mirrored, **limits)


@given(collections(), st.randoms(use_true_random=False))
def test_votes_do_not_depend_on_the_order(pictures: tuple[list[Any], list[Any], int], random: Any) -> None:
    own, mirrored, tables = pictures
    order = list(range(len(own)))
    random.shuffle(order)
    limits = {"min_votes": 2, "max_neighbors": 99, "max_pictures_a_word": 4}
    shuffled = voted([own[i] for i in order], [mirrored[i] for i in order], tables, **limits)
    back = sorted([*sorted((order[i], order[j])), n] for i, j, n in shuffled)
    assert back == voted(own, mirrored, tables, **limits)


def test_mirrored_words_find_what_own_words_do_not() -> None:
    own = [[[1], [2], [3]], [[11], [12], [13]], [[21], [22], [23]]]
    mirrored = [[[11], [12], [13]], [[1], [2], [3]], [[91], [92], [93]]]
    assert voted(own, mirrored, 1, **LIMITS) == [[0, 1, 3]]
    # Words are told apart by their table.
    assert voted([[[1, 2]], [[2, 1]]], [[[8, 8]], [[9, 9]]], 2, **LIMITS) == []


@pytest.mark.parametrize("pictures", [0, 1, 3])
def test_pictures_without_keypoints_have_no_pairs(pictures: int) -> None:
    empty: npt.NDArray[np.uint32] = np.zeros((0, 8), dtype=np.uint32)
    assert voted_pairs(empty, empty, np.zeros(0, dtype=np.int64), pictures, **LIMITS).shape == (0, 3)


def test_many_pictures_are_counted_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    own, mirrored = rng.integers(0, 400, (2, 900, 2), dtype=np.uint32)
    owners = np.repeat(np.arange(300), 3)
    whole = voted_pairs(own, mirrored, owners, 300, min_votes=2, max_neighbors=5, max_pictures_a_word=50)
    monkeypatch.setattr("neuroonco.curate.candidates._VOTES_AT_ONCE", 1)
    parts = voted_pairs(own, mirrored, owners, 300, min_votes=2, max_neighbors=5, max_pictures_a_word=50)
    assert len(whole) > 20
    assert np.array_equal(whole, parts)


# --- hashes ---


def hashed_plainly(turns: npt.NDArray[np.uint64], max_distance: int, max_pictures_a_word: int) -> list[list[int]]:
    """Every orientation of every picture against every other picture, if a band of both is equal and not too common."""
    values = [[int(v) for v in row] for row in turns]

    def band(value: int, number: int) -> int:
        return value >> number * HASH_BAND_BITS & (2**HASH_BAND_BITS - 1)

    holders = Counter((n, band(row[0], n)) for row in values for n in range(HASH_BANDS))
    best: dict[tuple[int, int], int] = {}
    for i, row in enumerate(values):
        for value in row:
            for j, other in enumerate(values):
                shared = any(
                    band(value, n) == band(other[0], n) and holders[n, band(other[0], n)] <= max_pictures_a_word
                    for n in range(HASH_BANDS)
                )
                if i != j and shared and bits(value, other[0]) <= max_distance:
                    pair = (min(i, j), max(i, j))
                    best[pair] = max(best.get(pair, 0), 64 - bits(value, other[0]))
    return [[i, j, n] for (i, j), n in sorted(best.items())]


@st.composite
def hashes(draw: st.DrawFn) -> npt.NDArray[np.uint64]:
    """Orientations of pictures of which some are turned copies with bits flipped."""
    values = draw(st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=3))
    for _ in range(draw(st.integers(0, 6))):
        turned = all_orientations(np.array([draw(st.sampled_from(values))], dtype=np.uint64))[0]
        value = int(turned[draw(st.integers(0, 7))])
        for place in draw(st.lists(st.integers(1, 63), max_size=7)):
            value ^= 1 << place
        values.append(value)
    return all_orientations(np.array(values, dtype=np.uint64) & ~np.uint64(1))


@given(hashes(), st.integers(0, 8), st.integers(1, 6))
def test_hash_pairs_equal_a_plain_comparison(turns: npt.NDArray[np.uint64], distance: int, common: int) -> None:
    found = hash_pairs(turns, max_distance=distance, max_pictures_a_word=common)
    assert found.tolist() == hashed_plainly(turns, distance, common)


@given(st.integers(0, 2**62), st.integers(0, 7), st.sets(st.integers(1, 63), max_size=3))
def test_three_flipped_bits_in_any_orientation_lose_nothing(value: int, turn: int, flipped: set[int]) -> None:
    copy = int(all_orientations(np.array([value << 1], dtype=np.uint64))[0, turn])
    for place in flipped:
        copy ^= 1 << place
    found = hash_pairs(
        all_orientations(np.array([value << 1, copy], dtype=np.uint64)), max_distance=3, max_pictures_a_word=9
    )
    assert found[:, :2].tolist() == [[0, 1]]
    assert found[0, 2] >= 64 - len(flipped)


@given(hashes(), st.randoms(use_true_random=False))
def test_hash_pairs_do_not_depend_on_the_order(turns: npt.NDArray[np.uint64], random: Any) -> None:
    order = list(range(len(turns)))
    random.shuffle(order)
    back = sorted([*sorted((order[i], order[j])), n] for i, j, n in _hashed(turns[order]).tolist())
    assert back == _hashed(turns).tolist()


def test_hash_pairs_are_compared_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    base = np.random.default_rng(5).integers(0, 2**63, 40, dtype=np.uint64) << np.uint64(1)
    turns = all_orientations(np.concatenate([base, base, base ^ np.uint64(4)]))
    whole = _hashed(turns)
    monkeypatch.setattr("neuroonco.curate.candidates._in_parts.__defaults__", (1,))
    assert np.array_equal(_hashed(turns), whole)
    assert len(whole) == 120


@pytest.mark.parametrize("pictures", [0, 1])
def test_one_hash_alone_has_no_pair(pictures: int) -> None:
    assert _hashed(np.zeros((pictures, 8), dtype=np.uint64)).shape == (0, 3)


def _hashed(turns: npt.NDArray[np.uint64]) -> Pairs:
    return hash_pairs(turns, max_distance=6, max_pictures_a_word=99)
