"""Sizes and places are relative to the brain box; sides and millimeters are told where they are known, never else."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuroonco import masks, store
from neuroonco.catalog.records import MaskRef
from neuroonco.curate.records import CuratedSlice
from neuroonco.head import Box, head_box
from neuroonco.images import Gray, Mask, read_image, read_mask_values
from neuroonco.phantoms.generate import draw_phantom
from neuroonco.rules import load_rules
from neuroonco.semantics.contour import DefaultMeasureRules
from neuroonco.semantics.describe import describe
from neuroonco.semantics.frame import Frame, frame_of
from neuroonco.semantics.lesions import diameters, measure_default
from neuroonco.semantics.measure import measure_slices
from neuroonco.semantics.paper import PaperMeasureRules, measure_paper
from neuroonco.semantics.records import LesionSemantics, MeasuredSlice
from neuroonco.vocabulary import (
    ImageRegion,
    Laterality,
    LesionSize,
    LesionSpread,
    MaskKind,
    MeasureFrame,
    PatientSide,
    Plane,
    Shape,
)

RULE_SET = load_rules("default")
RULES = RULE_SET.section("measure", DefaultMeasureRules)
PAPER = load_rules("paper").section("measure", PaperMeasureRules)
SIDE = 256
HEAD = Box(48, 68, 209, 189)


def discs(*foci: tuple[int, int, int]) -> Mask:
    """Discs as (x, y, radius)."""
    canvas = np.zeros((SIDE, SIDE), np.uint8)
    for x, y, radius in foci:
        cv2.circle(canvas, (x, y), radius, 255, -1)
    return canvas > 0


def framed(display_left: PatientSide | None = None, spacing: tuple[float, float] | None = None) -> Frame:
    return Frame(MeasureFrame.BRAIN_BOX, HEAD, spacing, display_left)


def measured(mask: Mask, frame: Frame | None = None) -> LesionSemantics:
    found = measure_default(mask, RULES, frame)
    assert found is not None
    return found


def against_box(gray: Gray, mask: Mask) -> LesionSemantics:
    return measured(mask, frame_of(head_box(gray), (gray.shape[0], gray.shape[1])))


def grown(pixels: np.ndarray, level: int | bool) -> np.ndarray:
    """Padded by half of the height and half of the width."""
    y, x = pixels.shape[0] // 4, pixels.shape[1] // 4
    return np.pad(pixels, ((y, y), (x, x)), constant_values=level)


# --- the frame ---


def test_places_and_sizes_are_those_in_the_box() -> None:
    lesion = discs((80, 60, 8))  # near the head's upper left corner, but in the middle cell of nothing else
    in_box, on_canvas = measured(lesion, framed()), measured(lesion)
    assert (in_box.location, on_canvas.location) == (ImageRegion.UPPER_LEFT, ImageRegion.UPPER_LEFT)
    off_center = discs((95, 95, 8))
    assert measured(off_center, framed()).location is ImageRegion.UPPER_LEFT
    assert measured(off_center).location is ImageRegion.CENTER
    geometry = in_box.geometry
    assert geometry is not None
    assert geometry.brain_box == (48, 68, 209, 189)
    assert geometry.area_share_of_box == pytest.approx(geometry.area_px / (161 * 121))
    assert (in_box.frame, on_canvas.frame) == (MeasureFrame.BRAIN_BOX, MeasureFrame.CANVAS)
    assert on_canvas.geometry is not None
    assert (on_canvas.geometry.brain_box, on_canvas.geometry.area_share_of_box) == (None, None)


def test_size_limits_belong_to_the_frame() -> None:
    box_px = HEAD.area_px
    for share, size in ((0.012, LesionSize.SMALL), (0.016, LesionSize.MEDIUM), (0.066, LesionSize.MEDIUM),
                        (0.075, LesionSize.LARGE)):  # fmt: skip
        lesion = discs((128, 128, round((share * box_px / np.pi) ** 0.5)))
        assert measured(lesion, framed()).size is size, share
    assert measured(discs((128, 128, 16))).size is LesionSize.MEDIUM  # 0.012 of the canvas


@settings(max_examples=15, deadline=None)
@given(number=st.integers(0, 200), level=st.sampled_from([0, 90, 255]))
def test_padding_changes_no_word(number: int, level: int) -> None:
    phantom = draw_phantom(31, number)
    if phantom.mask is None:
        return
    before = against_box(phantom.image, phantom.mask)
    after = against_box(grown(phantom.image, level), grown(phantom.mask, False))
    assert before.frame is after.frame is MeasureFrame.BRAIN_BOX
    assert (before.size, before.location, before.shape, before.spread) == (
        after.size, after.location, after.shape, after.spread)  # fmt: skip


def test_padding_changes_no_word_of_a_real_slice_and_many_of_the_papers(real_root: Path) -> None:
    papers, n = 0, 0
    for path in sorted(real_root.glob("07*/*_mask.png")) + sorted(real_root.glob("lgg*/**/*_mask.tif")):
        name = path.relative_to(real_root).as_posix()
        mask = masks.foreground(read_mask_values(real_root, name))
        if not mask.any():
            continue
        gray = read_image(real_root, name.replace("_mask", ""), 1 if name.endswith(".tif") else None)
        before = against_box(gray, mask)
        for level in (0, 255):
            after = against_box(grown(gray, level), grown(mask, False))
            assert (before.size, before.location) == (after.size, after.location), name
        values, wide = (m.astype(np.uint8) * np.uint8(255) for m in (mask, grown(mask, False)))
        first, second = measure_paper(values, PAPER), measure_paper(wide, PAPER)
        assert first is not None
        assert second is not None
        papers += first.size is not second.size
        n += 1
    assert n >= 30
    assert papers / n > 0.3


# --- each lesion ---


def test_each_lesion_has_its_place_and_the_one_place_is_the_largests() -> None:
    two = discs((85, 70, 14), (172, 190, 12))
    found = measured(two, framed())
    assert found.spread is LesionSpread.SCATTERED
    assert [part.location for part in found.lesions] == [ImageRegion.UPPER_LEFT, ImageRegion.LOWER_RIGHT]
    assert found.location is ImageRegion.UPPER_LEFT
    paper = measure_paper(two.astype(np.uint8) * np.uint8(255), PAPER)
    assert paper is not None
    assert paper.location is ImageRegion.CENTER  # where there is nothing
    assert not two[128, 128]


@given(st.lists(st.tuples(st.integers(30, 220), st.integers(30, 220), st.integers(3, 20)), min_size=1, max_size=5))
def test_the_lesions_are_the_components_largest_first(foci: list[tuple[int, int, int]]) -> None:
    mask = discs(*foci)
    found = measured(mask)
    assert found.geometry is not None
    assert len(found.lesions) == found.geometry.component_count
    areas = [part.area_px for part in found.lesions]
    assert areas == sorted(areas, reverse=True)
    assert sum(areas) == found.geometry.area_px
    assert sum(part.share for part in found.lesions) == pytest.approx(1)
    for part in found.lesions:
        top, left, bottom, right = part.bbox
        assert mask[top:bottom, left:right].sum() >= part.area_px
        assert top <= part.centroid_y * SIDE <= bottom
        assert left <= part.centroid_x * SIDE <= right


@given(st.lists(st.tuples(st.integers(0, 255), st.integers(0, 255)), max_size=6))
def test_stray_pixels_change_no_word(strays: list[tuple[int, int]]) -> None:
    clean = discs((120, 120, 30))
    noisy = clean.copy()
    for y, x in strays:
        if not clean[max(0, y - 2) : y + 3, max(0, x - 2) : x + 3].any():
            noisy[y, x] = True
    before, after = measured(clean, framed()), measured(noisy, framed())
    assert before == after.model_copy(update={"geometry": before.geometry})
    assert after.lesions == before.lesions


# --- millimeters and sides ---


@given(st.integers(8, 60), st.integers(6, 40), st.floats(0, 180), st.sampled_from([(1.0, 1.0), (0.5, 0.5), (2.0, 0.8)]))
def test_diameters_of_ellipses(a: int, b: int, angle: float, spacing: tuple[float, float]) -> None:
    a, b = max(a, b), min(a, b)
    rows, columns = np.indices((160, 160)) - 79.5
    turn = np.deg2rad(angle)
    y, x = rows * spacing[0], columns * spacing[1]
    u, v = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    scale = min(spacing)
    inside = (u / (a * scale)) ** 2 + (v / (b * scale)) ** 2 <= 1
    long, short = diameters(inside, spacing)
    assert long == pytest.approx(2 * a * scale, abs=2 * max(spacing))
    if a > 1.3 * b:  # else the longest diameter of the pixels may run anywhere
        assert short == pytest.approx(2 * b * scale, abs=3 * max(spacing))


def test_millimeters_only_where_the_pixel_is_known() -> None:
    lesion = discs((128, 128, 20))
    plain, sized = measured(lesion, framed()), measured(lesion, framed(spacing=(0.5, 0.5)))
    assert plain.area_mm2 is None
    assert plain.lesions[0].long_axis_mm is None
    assert plain.lesions[0].long_axis_px == pytest.approx(41, abs=0.5)
    assert sized.area_mm2 == pytest.approx(lesion.sum() * 0.25)
    assert sized.lesions[0].area_mm2 == sized.area_mm2
    assert sized.lesions[0].long_axis_mm == pytest.approx(20.5, abs=0.3)
    assert sized.size is plain.size  # the word stays relative to the head


def test_a_ball_is_round_on_pixels_that_are_not_square() -> None:
    rows, columns = np.indices((SIDE, SIDE)) - 127.5
    ball = (4.0 * rows) ** 2 + (0.8 * columns) ** 2 <= 24**2
    known = measured(ball, framed(spacing=(4.0, 0.8)))
    assert known.shape is Shape.ROUND
    assert known.geometry is not None
    assert known.geometry.elongation == pytest.approx(1.0, abs=0.05)
    assert measured(ball, framed()).shape is Shape.OVAL  # nothing tells


@pytest.mark.parametrize(
    ("foci", "side"),
    [
        (((90, 128, 12),), Laterality.RIGHT),
        (((170, 128, 12),), Laterality.LEFT),
        (((130, 128, 12),), Laterality.MIDLINE),
        (((90, 128, 12), (170, 128, 10)), Laterality.BILATERAL),
        (((90, 128, 12), (90, 180, 10)), Laterality.RIGHT),
    ],
)
def test_display_left_is_patient_right(foci: tuple[tuple[int, int, int], ...], side: Laterality) -> None:
    assert measured(discs(*foci), framed(PatientSide.RIGHT)).side is side
    mirrored = {Laterality.LEFT: Laterality.RIGHT, Laterality.RIGHT: Laterality.LEFT}.get(side, side)
    assert measured(discs(*foci), framed(PatientSide.LEFT)).side is mirrored
    assert measured(discs(*foci), framed(None)).side is None
    on_canvas = Frame(MeasureFrame.CANVAS, Box(0, 0, SIDE, SIDE), None, PatientSide.RIGHT)
    assert measured(discs(*foci), on_canvas).side is None


@pytest.mark.parametrize(
    ("plane", "known"), [(Plane.AXIAL, True), (Plane.CORONAL, True), (Plane.SAGITTAL, False), (None, False)]
)
def test_only_planes_that_show_both_sides_have_one(plane: Plane | None, known: bool) -> None:
    frame = frame_of(HEAD, (SIDE, SIDE), record(plane=plane, display_left=PatientSide.RIGHT))
    assert (measured(discs((90, 128, 12)), frame).side is not None) is known


# --- the stage ---


def record(**changes: object) -> CuratedSlice:
    base = {
        "slice_id": "s1",
        "sample_id": "a",
        "source_id": "x",
        "image_path": "a.png",
        "image_sha256": "0" * 64,
        "height_px": SIDE,
        "width_px": SIDE,
        "channels": 1,
        "bit_depth": 8,
        "tumor_present": True,
        "mask": MaskRef(path="m.png", kind=MaskKind.BINARY),
    }
    return CuratedSlice.model_validate(base | changes)


def write(folder: Path, gray: Gray, mask: Mask) -> None:
    cv2.imwrite(str(folder / "a.png"), gray)
    cv2.imwrite(str(folder / "m.png"), mask.astype(np.uint8) * 255)


def head() -> Gray:
    drawn = cv2.ellipse(np.zeros((SIDE, SIDE), np.uint8), (128, 128), (60, 80), 0, 0, 360, 120, -1)
    return np.asarray(drawn, dtype=np.uint8)


def test_the_stage_measures_against_the_picture(tmp_path: Path) -> None:
    write(tmp_path, head(), discs((95, 95, 12)))
    known = {"plane": Plane.AXIAL, "display_left": PatientSide.RIGHT, "spacing_mm": (0.9, 0.9), "sequence": "flair"}
    kept = measure_slices([record(**known)], root=tmp_path, rules=RULE_SET).kept
    found = kept[0].semantics
    assert found is not None
    assert (found.frame, found.location, found.side) == (
        MeasureFrame.BRAIN_BOX, ImageRegion.UPPER_LEFT, Laterality.RIGHT)  # fmt: skip
    store.save(tmp_path / "x.parquet", kept, MeasuredSlice)
    assert store.load_strict(tmp_path / "x.parquet", MeasuredSlice) == kept
    assert describe(kept[0]).endswith(
        "The mask shows a single lesion, medium, round; its center lies in the upper left of the head as displayed, "
        "on the patient's right. It measures 22 x 22 mm on this slice."
    )


def test_without_a_box_the_canvas_is_taken_and_said(tmp_path: Path) -> None:
    write(tmp_path, np.full((SIDE, SIDE), 50, np.uint8), discs((95, 95, 12)))
    (kept,) = measure_slices([record()], root=tmp_path, rules=RULE_SET).kept
    assert kept.semantics is not None
    assert (kept.semantics.frame, kept.semantics.location) == (MeasureFrame.CANVAS, ImageRegion.CENTER)


def test_a_box_without_the_lesion_is_not_the_heads(tmp_path: Path) -> None:
    gray = np.zeros((SIDE, SIDE), np.uint8)
    cv2.circle(gray, (60, 60), 40, 200, -1)
    write(tmp_path, gray, discs((180, 180, 20)))
    (kept,) = measure_slices([record()], root=tmp_path, rules=RULE_SET).kept
    assert kept.semantics is not None
    assert kept.semantics.frame is MeasureFrame.CANVAS


def test_a_picture_that_cannot_serve_is_quarantined(tmp_path: Path) -> None:
    write(tmp_path, head()[:200], discs((95, 95, 12)))
    missing = record(slice_id="s2", image_path="b.png")
    outcome = measure_slices([record(), missing], root=tmp_path, rules=RULE_SET)
    assert [q.code for q in outcome.quarantined] == ["IMAGE_SIZE", "FILE_MISSING"]
    unmasked = measure_slices([missing.model_copy(update={"mask": None})], root=tmp_path, rules=RULE_SET)
    assert len(unmasked.kept) == 1  # nothing to measure, nothing to read
    assert len(measure_slices([record(), missing], root=tmp_path, rules=load_rules("paper")).kept) == 2


def test_a_second_slice_of_one_id_is_quarantined(tmp_path: Path) -> None:
    write(tmp_path, head(), discs((95, 95, 12)))
    twice = [record(), record(image_path="other.png"), record(slice_id="s2")]
    outcome = measure_slices(twice, root=tmp_path, rules=RULE_SET)
    assert [r.slice_id for r in outcome.kept] == ["s1", "s2"]
    (second,) = outcome.quarantined
    assert (second.code, second.image_path) == ("SLICE_ID_TWICE", "other.png")
    assert "'a.png'" in second.message
    assert len(measure_slices(twice, root=tmp_path, rules=load_rules("paper")).kept) == 3


# --- words ---


@pytest.mark.parametrize(
    ("foci", "text"),
    [
        (
            ((85, 70, 14), (172, 190, 12)),
            "The mask shows 2 lesions, together medium; the largest is round and centered in the upper left of the "
            "head as displayed, the other in the lower right.",
        ),
        (
            ((85, 70, 20), (172, 190, 5), (172, 128, 4)),
            "The mask shows one dominant lesion with 2 satellites, together large; the largest is round and centered "
            "in the upper left of the head as displayed, others in the lower right and center right.",
        ),
        (
            ((80, 70, 14), (100, 88, 6)),
            "The mask shows one dominant lesion with a satellite, together medium; the largest is round and centered "
            "in the upper left of the head as displayed, as is the other.",
        ),
    ],
)
def test_text_tells_where_each_lesion_is(foci: tuple[tuple[int, int, int], ...], text: str) -> None:
    described = MeasuredSlice(**record().model_dump() | {"semantics": measured(discs(*foci), framed())})
    assert describe(described).endswith(text)
