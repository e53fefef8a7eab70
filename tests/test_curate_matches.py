"""Copies are verified by laying one picture over the other: keypoints, maps, likeness, and each kind of copy."""

from itertools import combinations

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories_curate import DUPLICATES, copies, match, matched, phantom, record
from neuroonco.curate.duplicates import group_copies
from neuroonco.curate.keypoints import MAX_KEYPOINTS, WORKING_SIDE_PX, keypoints_of, words_of, working_picture
from neuroonco.curate.matches import CandidatePair, View, verify_pairs
from neuroonco.curate.pictures import Picture, decode_keypoints, encode_keypoints, picture_of
from neuroonco.curate.registration import (
    Alignment,
    Change,
    change_of,
    from_keypoints,
    from_orientation,
    mirrored,
    plausible,
    refine,
)
from neuroonco.curate.similarity import BLOCK_PX, share_alike
from neuroonco.errors import InputError
from neuroonco.images import Gray
from neuroonco.phantoms.acquire import acquire
from neuroonco.phantoms.anatomy import draw_head
from neuroonco.phantoms.contrast import paint_head
from neuroonco.vocabulary import DuplicateKind, MRSequence, PhantomStyle, Plane

PHANTOMS = 8
IDENTITY = Alignment(False, np.eye(2, 3, dtype=np.float32), 0)
Map = npt.NDArray[np.float64]


def share(first: Gray, second: Gray, alignment: Alignment = IDENTITY) -> tuple[float, int]:
    return share_alike(
        first,
        second,
        alignment,
        block_correlation=DUPLICATES.block_correlation,
        min_texture=DUPLICATES.min_texture,
        min_texture_share=DUPLICATES.min_texture_share,
    )


# --- keypoints ---


@pytest.mark.parametrize("number", range(4))
def test_signatures_of_the_mirrored_picture_follow(number: int) -> None:
    picture = working_picture(phantom(number))
    there = keypoints_of(np.ascontiguousarray(picture[:, ::-1]))
    here = keypoints_of(picture).mirror()
    distance = np.linalg.norm(here.points[:, None] - there.points[None], axis=2)

    def shared(signatures: npt.NDArray[np.uint8]) -> float:
        bits = np.bitwise_count(signatures[:, None] ^ there.signatures[None]).sum(axis=2)
        return float(((distance < 1.5) & (bits < 20)).any(axis=1).mean())

    assert shared(here.signatures) > 0.75
    assert shared(here.mirrored) < 0.2  # but for details that are symmetric themselves


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((256, 208), (160, 130)),
        ((64, 64), (160, 160)),
        ((4096, 64), (160, 8)),
        ((64, 4096), (8, 160)),
        ((161, 9), (160, 9)),
    ],
)
def test_working_pictures_of_extreme_proportions(size: tuple[int, int], expected: tuple[int, int]) -> None:
    picture = np.random.default_rng(1).integers(0, 255, size, dtype=np.uint8)
    small = working_picture(picture)
    assert small.shape == expected
    assert max(small.shape) == WORKING_SIDE_PX
    assert len(keypoints_of(small).points) <= MAX_KEYPOINTS


def test_a_blank_picture_has_no_keypoints_and_none_survive_encoding() -> None:
    none = keypoints_of(np.full((160, 120), 90, dtype=np.uint8))
    assert (none.points.shape, none.signatures.shape, none.mirrored.shape) == ((0, 2), (0, 24), (0, 24))
    assert words_of(none.signatures).shape == (0, 8)
    back = decode_keypoints(encode_keypoints("s1", none))
    assert (back.points.shape, back.signatures.shape, back.width_px) == ((0, 2), (0, 24), 120)


def test_keypoints_are_the_same_after_encoding() -> None:
    found = keypoints_of(working_picture(phantom(0)))
    back = decode_keypoints(encode_keypoints("s1", found))
    assert len(found.points) > 30
    assert np.array_equal(back.points, found.points)
    assert np.array_equal(back.signatures, found.signatures)
    assert np.array_equal(back.mirrored, found.mirrored)
    assert back.width_px == found.width_px == 130


def test_words_are_the_bits_of_a_signature() -> None:
    signature = np.arange(24, dtype=np.uint8)[None]
    assert [f"{w:06x}" for w in words_of(signature)[0].tolist()][:3] == ["000102", "030405", "060708"]


# --- maps ---


def map_of(first: Gray, size: tuple[int, int], flip: bool, degrees: float, scale: float) -> Map:
    """From the second picture (height, width) to the first one, of which it is a turned, scaled, mirrored copy."""
    turn = cv2.getRotationMatrix2D(((first.shape[1] - 1) / 2, (first.shape[0] - 1) / 2), degrees, scale)
    turn[:, 2] += (size[1] - first.shape[1]) / 2, (size[0] - first.shape[0]) / 2
    back: Map = np.asarray(cv2.invertAffineTransform(turn), dtype=np.float64)
    return back


def copied(first: Gray, size: tuple[int, int], flip: bool, back: Map) -> Gray:
    moving = np.ascontiguousarray(first[:, ::-1]) if flip else first
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(moving, back, size[::-1], flags=flags), dtype=np.uint8)


def error_px(alignment: Alignment, back: Map, size: tuple[int, int], first: Gray) -> float:
    """Largest distance between where both maps lead, over the part of the second picture that the first one covers."""
    grid = np.stack(np.meshgrid(np.arange(0, size[1], 5), np.arange(0, size[0], 5)), axis=-1).reshape(-1, 2)
    there = grid @ back[:, :2].T + back[:, 2]
    inside = ((there >= 0) & (there <= (first.shape[1] - 1, first.shape[0] - 1))).all(axis=1)
    found = grid @ alignment.affine[:, :2].T.astype(float) + alignment.affine[:, 2]
    return float(np.linalg.norm(there - found, axis=1)[inside].max())


CASES = [
    (False, 0.0, 1.0),
    (False, 12.0, 0.9),
    (False, -35.0, 1.2),
    (False, 90.0, 1.0),
    (True, 0.0, 1.0),
    (True, 180.0, 0.8),
    (True, -8.0, 1.1),
]


@pytest.mark.parametrize(("flip", "degrees", "scale"), CASES)
@pytest.mark.parametrize("size", [(160, 130), (150, 160), (96, 160)])
def test_known_maps_are_recovered(flip: bool, degrees: float, scale: float, size: tuple[int, int]) -> None:
    first = working_picture(phantom(1))
    assert first.shape == (160, 130)
    back = map_of(first, size, flip, degrees, scale)
    second = copied(first, size, flip, back)
    found = from_keypoints(keypoints_of(first), keypoints_of(second), min_inliers=DUPLICATES.min_inliers)
    assert found is not None
    assert found.mirrored is flip
    assert found.inliers >= DUPLICATES.min_inliers
    better = refine(first, second, found)
    assert better is not None
    assert error_px(found, back, size, first) < 4
    assert error_px(better, back, size, first) < 0.6
    change = change_of(better)
    assert change.mirrored is flip
    assert abs((change.rotation_deg - degrees + 180) % 360 - 180) < 0.5
    assert change.scale == pytest.approx(scale, abs=0.01)
    assert change.stretch == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("sizes", [((160, 130), (160, 130)), ((160, 130), (130, 160)), ((120, 160), (160, 98))])
def test_whole_pictures_lie_on_each_other_in_eight_ways(sizes: tuple[tuple[int, int], tuple[int, int]]) -> None:
    first, second = sizes
    corners = [(x, y) for x in (-0.5, second[1] - 0.5) for y in (-0.5, second[0] - 0.5)]
    wanted = {(x, y) for x in (-0.5, first[1] - 0.5) for y in (-0.5, first[0] - 0.5)}
    seen = set()
    for alignment in from_orientation(first, second):
        there = np.array(corners) @ alignment.affine[:, :2].T + alignment.affine[:, 2]
        places = [(round(float(x), 3), round(float(y), 3)) for x, y in there]
        assert set(places) == wanted
        seen.add((alignment.mirrored, tuple(places)))
        assert np.linalg.det(alignment.affine[:, :2]) > 0
    assert len(seen) == 8


def test_orientations_are_exact() -> None:
    first = np.random.default_rng(2).integers(0, 255, (50, 70), dtype=np.uint8)
    words = []
    for flip in (False, True):
        for turns in range(4):
            second = np.ascontiguousarray(np.rot90(first[:, ::-1] if flip else first, turns))
            fitting = []
            for one in from_orientation(first.shape[:2], second.shape[:2]):
                laid = cv2.warpAffine(
                    mirrored(first, one), one.affine, second.shape[::-1], flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
                )
                if np.array_equal(laid, second):
                    fitting.append(change_of(one).words)
            words += fitting
            assert len(fitting) == 1
    assert words == [
        "same place",
        "rotate 90.0 deg",
        "rotate 180.0 deg",
        "rotate -90.0 deg",
        "flip left-right",
        "flip left-right, rotate 90.0 deg",
        "flip top-bottom",
        "flip left-right, rotate -90.0 deg",
    ]


@given(st.booleans(), st.floats(-179, 179), st.floats(0.3, 3))
def test_an_inverse_undoes_the_change(flip: bool, degrees: float, scale: float) -> None:
    """As matrices: mirror first, then turn and scale."""

    def matrix(change: Change) -> Map:
        angle = np.radians(change.rotation_deg)
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        return np.asarray(change.scale * turn @ np.diag([-1 if change.mirrored else 1, 1]), dtype=np.float64)

    change = Change(flip, degrees, scale, 1.0)
    assert matrix(change.inverse()) @ matrix(change) == pytest.approx(np.eye(2), abs=1e-9)


@pytest.mark.parametrize(
    ("linear", "possible"),
    [
        ([[1, 0], [0, 1]], True),
        ([[0, -1], [1, 0]], True),
        ([[-1, 0], [0, 1]], False),  # inside out
        ([[0.2, 0], [0, 0.2]], False),
        ([[5, 0], [0, 5]], False),
        ([[2, 0], [0, 1]], False),  # stretched
        ([[1.5, 0], [0, 1]], True),
        ([[1, 0.9], [0, 1]], False),  # sheared
        ([[np.nan, 0], [0, 1]], False),
        ([[0, 0], [0, 0]], False),
    ],
)
def test_implausible_maps_are_refused(linear: list[list[float]], possible: bool) -> None:
    affine = np.concatenate([np.array(linear), np.zeros((2, 1))], axis=1).astype(np.float32)
    assert plausible(affine) is possible


@pytest.mark.parametrize("flat", [(True, True), (True, False), (False, True)])
@pytest.mark.parametrize("size", [(160, 120), (8, 160)])
def test_flat_pictures_cost_no_error(flat: tuple[bool, bool], size: tuple[int, int]) -> None:
    textured = np.random.default_rng(3).integers(0, 255, size, dtype=np.uint8)
    one, two = (np.full(size, 90, dtype=np.uint8) if is_flat else textured for is_flat in flat)
    found = refine(one, two, IDENTITY)
    assert found is None or plausible(found.affine)
    assert share(one, two) == (0.0, 0)
    assert from_keypoints(keypoints_of(one), keypoints_of(two), min_inliers=10) is None


# --- likeness ---


@pytest.mark.parametrize("number", range(4))
def test_a_picture_is_like_itself(number: int) -> None:
    picture = working_picture(phantom(number))
    score, blocks = share(picture, picture)
    assert score == 1.0
    assert blocks > 40


def test_a_mark_costs_its_blocks_only() -> None:
    picture = working_picture(phantom(0))
    marked = picture.copy()
    at = 5 * BLOCK_PX
    marked[at : at + 2 * BLOCK_PX, at : at + 2 * BLOCK_PX] = np.random.default_rng(0).integers(0, 255, (24, 24))
    score, blocks = share(picture, marked)
    lost = round((1 - score) * blocks)
    assert 4 <= lost <= 16  # the marked blocks, and at most those around them
    assert share(marked, picture)[0] == pytest.approx(score, abs=0.02)


def test_contrast_and_brightness_do_not_count() -> None:
    picture = working_picture(phantom(2))
    darker = np.rint(picture * 0.5 + 20).astype(np.uint8)
    assert share(picture, darker)[0] > 0.95


def test_different_heads_share_nothing() -> None:
    pictures = [working_picture(phantom(i)) for i in range(PHANTOMS)]
    assert max(share(a, b)[0] for a, b in combinations(pictures, 2)) < 0.1


# --- each kind of copy ---


def copies_of(kind: str) -> list[tuple[Gray, Gray]]:
    rng = np.random.default_rng([7, *kind.encode()])
    return [
        (phantom(i), np.asarray(cv2.imdecode(np.frombuffer(copies().jpeg_of(kind, phantom(i), rng), np.uint8), 0)))
        for i in range(PHANTOMS)
    ]


FOUND_AT_LEAST = {
    "reencoded": 8, "resized": 8, "squashed": 8, "gamma": 8, "windowed": 8, "watermarked": 6, "padded": 7,
    "cropped": 7, "flipped": 8, "quarter_turned": 8, "turned": 7, "augmented": 6, "zoomed": 6,
}  # fmt: skip


def test_all_kinds_of_copies_are_tried() -> None:
    assert set(FOUND_AT_LEAST) == set(copies().KINDS)


@pytest.mark.parametrize("kind", FOUND_AT_LEAST)
def test_copies_are_found_with_their_kind(kind: str) -> None:
    found = [matched(*pair) for pair in copies_of(kind)]
    hits = [m for m in found if m is not None and m.kind is not None]
    assert len(hits) >= FOUND_AT_LEAST[kind]
    expected = DuplicateKind.NEAR if kind in copies().NEAR else DuplicateKind.AUGMENTED
    assert {m.kind for m in hits} == {expected}
    assert all(DUPLICATES.copy_from <= m.score <= 1 and m.blocks >= DUPLICATES.min_blocks for m in hits)


def words(first: Gray, second: Gray) -> str:
    found = matched(first, second)
    assert found is not None
    (group,) = group_copies([found], {"s0": record(0, image_path="a.png"), "s1": record(1, image_path="b.png")}, {})
    said = group.members[1].transform
    assert said is not None
    return said


def test_copies_say_what_was_done() -> None:
    picture = phantom(1)
    assert words(picture, np.ascontiguousarray(picture[:, ::-1])) == "flip left-right"
    assert words(picture, np.ascontiguousarray(picture[::-1])) == "flip top-bottom"
    assert words(picture, np.ascontiguousarray(np.rot90(picture))) == "rotate 90.0 deg"
    assert words(picture, np.ascontiguousarray(np.rot90(picture, -1))) == "rotate -90.0 deg"
    assert words(picture, np.ascontiguousarray(np.rot90(picture, 2))) == "rotate 180.0 deg"
    turned = cv2.getRotationMatrix2D((104, 128), 7, 1)
    said = words(picture, np.asarray(cv2.warpAffine(picture, turned, (208, 256)), dtype=np.uint8))
    assert said.startswith(("rotate 7.0 deg", "rotate 6.9 deg", "rotate 7.1 deg"))
    assert words(picture, np.asarray(cv2.resize(picture, (180, 222)), dtype=np.uint8)) == "same place"


def test_a_match_reversed_is_the_inverse() -> None:
    picture = phantom(3)
    turn = cv2.getRotationMatrix2D((104, 128), 11, 0.85)
    moved = np.asarray(cv2.warpAffine(picture[:, ::-1].copy(), turn, (208, 256)), dtype=np.uint8)
    there, back = matched(picture, moved), matched(moved, picture)
    assert there is not None
    assert back is not None
    assert there.mirrored
    assert back.mirrored
    assert there.rotation_deg == pytest.approx(11, abs=0.5)
    assert back.rotation_deg == pytest.approx(11, abs=0.5)
    assert there.scale * back.scale == pytest.approx(1, abs=0.02)


def test_different_heads_are_no_copies() -> None:
    found = [matched(phantom(i), phantom(j)) for i, j in combinations(range(PHANTOMS), 2)]
    assert [m for m in found if m is not None and m.kind is not None] == []


@pytest.mark.parametrize("seed", range(4))
def test_other_sequences_of_a_head_are_no_copies(seed: int) -> None:
    style = PhantomStyle.TUNED
    head = draw_head(Plane.AXIAL, None, np.random.default_rng(seed), style)
    rng = np.random.default_rng(100 + seed)
    drawn = {sequence: acquire(paint_head(head, sequence, style, rng), head, style, (), rng) for sequence in MRSequence}
    for first, second in combinations(MRSequence, 2):
        if {first, second} == {MRSequence.T1, MRSequence.T1CE}:
            continue  # without a lesion, the generator draws these two nearly alike
        found = matched(drawn[first], drawn[second])
        assert found is None or found.kind is None


def test_a_picture_that_is_gone_costs_only_its_pairs() -> None:
    pictures = {f"s{i}": phantom(i // 2) for i in range(4)}
    views = [View(picture_of(record(i)), keypoints_of(working_picture(pictures[f"s{i}"]))) for i in range(4)]

    def read(picture: Picture) -> Gray:
        if picture.slice_id == "s1":
            raise InputError("FILE_MISSING", "gone", where=picture.image_path)
        return pictures[picture.slice_id]

    pairs = [CandidatePair(views[0], views[1], False), CandidatePair(views[2], views[3], False)]
    outcome = verify_pairs(pairs, read=read, rules=DUPLICATES)
    assert [(m.first, m.second, m.kind, m.score) for m in outcome.kept] == [("s2", "s3", DuplicateKind.NEAR, 1.0)]
    assert [q.code for q in outcome.quarantined] == ["FILE_MISSING"]
    assert match(2, 3).score == 1.0
