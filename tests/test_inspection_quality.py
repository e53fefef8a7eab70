"""Quality scores: each fault put on a drawn slice shows in its score, and sound slices stay sound."""

from collections.abc import Sequence

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from neuroonco.catalog.records import SliceRecord
from neuroonco.curate.quality import CurateRules, judge_quality
from neuroonco.images import Gray
from neuroonco.inspection.content import find_content, reduce_picture
from neuroonco.inspection.overlays import color_excess
from neuroonco.inspection.quality import score_quality
from neuroonco.inspection.records import QualityScores
from neuroonco.phantoms.generate import draw_phantom
from neuroonco.rules import load_rules
from neuroonco.vocabulary import QualityFlag

RULES = load_rules("default").section("curate", CurateRules)
RECORD = SliceRecord(
    slice_id="s1",
    sample_id="x1",
    source_id="phantoms",
    image_path="a.png",
    image_sha256="a" * 64,
    height_px=256,
    width_px=256,
    channels=1,
    bit_depth=8,
)
SLICES: list[Gray] = [draw_phantom(5, number).image for number in range(12)]


def flags(gray: Gray, color: Gray | None = None) -> set[QualityFlag]:
    return {f.flag for f in judge_quality(RECORD, score_quality(gray, color), RULES)}


def as_gray(values: object) -> Gray:
    return np.clip(np.asarray(values), 0, 255).astype(np.uint8)


def mosaic(tiles: Sequence[Gray], rows: int, columns: int) -> Gray:
    lines = [np.hstack(tiles[row * columns : (row + 1) * columns]) for row in range(rows)]
    return np.vstack(lines)


@pytest.mark.parametrize("number", range(len(SLICES)))
def test_drawn_slices_are_sound(number: int) -> None:
    assert flags(SLICES[number]) == set()


@pytest.mark.parametrize("number", range(len(SLICES)))
def test_faults_are_found(number: int) -> None:
    sound = SLICES[number]
    wide = sound.astype(np.float64)
    assert QualityFlag.BLURRED in flags(as_gray(cv2.GaussianBlur(wide, (0, 0), 2.56)))
    assert QualityFlag.OVEREXPOSED in flags(as_gray(wide * 4))
    assert QualityFlag.UNDEREXPOSED in flags(as_gray(wide / 4))
    assert QualityFlag.LOW_CONTRAST in flags(as_gray(wide / 6))
    assert QualityFlag.WIDE_BORDER in flags(np.pad(sound, 150))
    assert QualityFlag.WIDE_BORDER in flags(cv2.rectangle(sound.copy(), (0, 0), (255, 255), 255, 4))
    assert QualityFlag.NOT_BRAIN in flags(as_gray(255 - wide))
    lettered = cv2.putText(sound.copy(), "R 1.5T", (3, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.35, 255, 1)
    assert flags(lettered) == {QualityFlag.TEXT_OVERLAY}


def test_letters_over_gray_air_and_a_scale_bar_are_found() -> None:
    gray_air = np.maximum(SLICES[0], 20)
    lettered = cv2.putText(gray_air.copy(), "W 400", (3, 250), cv2.FONT_HERSHEY_SIMPLEX, 0.35, 230, 1)
    assert QualityFlag.TEXT_OVERLAY in flags(lettered)
    small = np.pad(SLICES[0], ((0, 30), (0, 0)))
    assert QualityFlag.TEXT_OVERLAY in flags(cv2.rectangle(small, (80, 270), (170, 273), 255, -1))


def test_a_soft_bright_spot_beside_the_head_is_no_letter() -> None:
    picture = np.pad(SLICES[0], 30)
    spot = np.zeros(picture.shape)
    spot[15, 30] = 1
    spot = cv2.GaussianBlur(spot, (0, 0), 3)
    soft = as_gray(picture + 200 * spot / spot.max())
    assert QualityFlag.TEXT_OVERLAY not in flags(soft)


@pytest.mark.parametrize(("rows", "columns"), [(2, 2), (2, 3), (3, 3), (1, 3)])
def test_mosaics_of_different_slices_are_found(rows: int, columns: int) -> None:
    assert QualityFlag.MOSAIC in flags(mosaic(SLICES[: rows * columns], rows, columns))


def test_touching_tiles_of_neighboring_slices_are_found() -> None:
    tile = SLICES[1]
    content = find_content(tile, tile)
    assert content.hull is not None
    rows, columns = np.nonzero(tile > 40)
    cropped = tile[rows.min() : rows.max(), columns.min() : columns.max()]
    noisy = [as_gray(cropped + np.random.default_rng(n).normal(0, 4, cropped.shape)) for n in range(4)]
    for shape in ((2, 2), (1, 2), (2, 1), (1, 3)):
        scores = score_quality(mosaic(noisy, *shape))
        assert scores.tile_similarity is not None
        assert scores.tile_similarity > 0.9


def test_a_colored_arrow_is_found_and_a_tint_is_not() -> None:
    gray = SLICES[2]
    colored = cv2.cvtColor(gray, cv2.COLOR_GRAY2RGB)
    tinted = as_gray(colored * np.array([0.9, 0.95, 1.1]) + np.array([0, 4, 10]))
    assert color_excess(tinted) < 3
    cv2.arrowedLine(colored, (60, 60), (120, 120), (255, 220, 0), 2, tipLength=0.3)
    reduced = cv2.resize(colored, (32, 32), interpolation=cv2.INTER_AREA)
    for picture in (colored, reduced):
        assert flags(gray, as_gray(picture)) == {QualityFlag.COLOR_ANNOTATION}


def ct_like(thickness_px: int = 10, gap_px: int = 0, noise: float = 6) -> Gray:
    """Gray brain in a bright ring; a dark gap between them makes it the fat and skull of MR."""
    picture = np.zeros((256, 256), np.uint8)
    axes = (80, 100)
    cv2.ellipse(picture, (128, 128), axes, 0, 0, 360, 60, -1)
    cv2.ellipse(picture, (128, 128), (axes[0] - 4, axes[1] - 4), 0, 0, 360, 255, -1)
    within = 4 + thickness_px
    cv2.ellipse(picture, (128, 128), (axes[0] - within, axes[1] - within), 0, 0, 360, 0, -1)
    within += gap_px
    cv2.ellipse(picture, (128, 128), (axes[0] - within, axes[1] - within), 0, 0, 360, 95, -1)
    return as_gray(picture + np.random.default_rng(1).normal(0, noise, picture.shape) * (picture > 0))


def test_bone_on_gray_brain_is_ct() -> None:
    assert QualityFlag.CT in flags(ct_like())
    assert QualityFlag.CT in flags(np.rot90(ct_like()).copy())
    assert QualityFlag.CT in flags(as_gray(ct_like() * 0.8))  # bone need not be white, only even


def test_fat_outside_a_dark_skull_is_not_ct() -> None:
    assert QualityFlag.CT not in flags(ct_like(gap_px=6))


def test_an_uneven_ring_is_not_ct() -> None:
    shade = np.linspace(0.45, 1, 256)[:, None]
    assert QualityFlag.CT not in flags(as_gray(ct_like() * shade))


def test_the_dark_background_of_a_chart_and_a_blank_page() -> None:
    page = np.full((300, 400), 255, np.uint8)
    cv2.putText(page, "Figure 3", (40, 150), cv2.FONT_HERSHEY_SIMPLEX, 1.5, 0, 2)
    assert QualityFlag.NOT_BRAIN in flags(page)
    assert QualityFlag.NOT_BRAIN in flags(np.full((300, 400), 7, np.uint8))
    writing = np.zeros((300, 300), np.uint8)
    for line in range(10):
        cv2.putText(writing, "Lorem ipsum dolor sit", (5, 25 + 28 * line), cv2.FONT_HERSHEY_SIMPLEX, 0.7, 220, 2)
    assert QualityFlag.NOT_BRAIN in flags(writing)


def test_scores_of_a_known_picture() -> None:
    picture = np.zeros((200, 200), np.uint8)
    picture[50:150, 60:160] = 120
    picture[90:110, 100:120] = 252
    scores = score_quality(picture)
    assert (scores.outside_share, scores.head_level, scores.top_level) == (0.75, 120, 252)
    assert scores.clipped_share == pytest.approx(0.04, abs=0.006)
    assert (scores.mark_edge, scores.frame_share, scores.color_excess, scores.corner_air) == (0, 0, 0, 1)
    framed = picture.copy()
    framed[:2], framed[:, -4:] = 255, 255
    assert score_quality(framed).frame_share == pytest.approx(1 - 0.99 * 0.98, abs=1e-4)


def test_sharpness_does_not_depend_on_enlarging() -> None:
    """A slice enlarged fourfold has the detail it had, and one that lost it is blurred at any size."""
    for slice_ in SLICES[:4]:
        plain = score_quality(slice_).sharpness
        enlarged = score_quality(as_gray(cv2.resize(slice_, (1024, 1024), interpolation=cv2.INTER_CUBIC))).sharpness
        assert plain is not None
        assert enlarged is not None
        assert enlarged == pytest.approx(plain, abs=0.05)


def test_the_small_copy_may_be_given() -> None:
    for slice_ in SLICES[:3]:
        assert score_quality(slice_, small=reduce_picture(slice_)) == score_quality(slice_)


@settings(max_examples=60, deadline=None)
@given(hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40)))
def test_any_picture_has_scores_and_the_same_twice(picture: Gray) -> None:
    first, second = score_quality(picture), score_quality(picture.copy())
    assert first == second
    assert isinstance(first, QualityScores)
    assert 0 <= first.bone_ring <= 1
    for share in (first.outside_share, first.clipped_share, first.corner_air, first.frame_share):
        assert share is None or 0 <= share <= 1


@settings(max_examples=30, deadline=None)
@given(number=st.integers(0, len(SLICES) - 1), turns=st.integers(0, 3), flip=st.booleans())
def test_turning_changes_no_flag(number: int, turns: int, flip: bool) -> None:
    turned = np.rot90(SLICES[number], turns)
    assert flags(np.ascontiguousarray(turned[:, ::-1] if flip else turned)) == set()
