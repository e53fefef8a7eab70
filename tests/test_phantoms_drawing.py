"""The pen, the outlines and the folder of phantoms."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image
from skimage.measure import regionprops

from neuroonco.errors import UsageError
from neuroonco.head import Box
from neuroonco.phantoms.anatomy import draw_head
from neuroonco.phantoms.conspicuity import conspicuity
from neuroonco.phantoms.drawn_signs import enhancement_of, shows, signal_against, size_of, spread_of, texture_of
from neuroonco.phantoms.edema import EXTENSIVE_FROM, edema_drawn, spread_edema
from neuroonco.phantoms.fields import Field, edge, signed_distance
from neuroonco.phantoms.generate import draw_phantom
from neuroonco.phantoms.head import Head
from neuroonco.phantoms.lesion import Focus, Room, depth_of, foci_plan, place, union
from neuroonco.phantoms.lesion_paint import Brush, body_noise, paint_lesion
from neuroonco.phantoms.mass_effect import displace
from neuroonco.phantoms.outline import ANGLES, outline
from neuroonco.phantoms.plan import LesionPlan
from neuroonco.phantoms.records import PhantomTruth
from neuroonco.phantoms.write import write_phantoms
from neuroonco.store import load_strict
from neuroonco.vocabulary import (
    Edema,
    Enhancement,
    LesionSize,
    LesionSpread,
    Margins,
    MRSequence,
    PhantomStyle,
    Plane,
    Shape,
    SignalIntensity,
    Texture,
)

WHITE = 100.0
BRIGHT_DISC = LesionPlan(
    shape=Shape.ROUND,
    margins=Margins.WELL_CIRCUMSCRIBED,
    texture=Texture.HOMOGENEOUS,
    enhancement=None,
    edema=Edema.ABSENT,
    signal_intensity=SignalIntensity.HYPERINTENSE,
    size=LesionSize.MEDIUM,
    spread=LesionSpread.SOLITARY,
)
FLAT: Field = np.full((256, 256), WHITE, dtype=np.float32)


def disc(radius_px: float, x: float = 128, y: float = 128) -> Focus:
    rows, columns = np.mgrid[:256, :256]
    mask = np.hypot(rows - y, columns - x) < radius_px
    return Focus(mask=mask, depth=depth_of(mask), center=(float(x), float(y)), radius_px=radius_px)


def painted(plan: LesionPlan, sequence: MRSequence, focus: Focus, seed: int = 0, *, faint: bool = False) -> Field:
    brush = Brush(plan, sequence, PhantomStyle.TUNED, WHITE, faint)
    return paint_lesion(FLAT, [focus], brush, np.random.default_rng(seed))[0]


def test_signed_distance_puts_the_outline_between_pixels() -> None:
    mask = np.zeros((9, 9), dtype=bool)
    mask[2:7, 2:7] = True
    depth = signed_distance(mask)
    assert depth[4].tolist() == [-1.5, -0.5, 0.5, 1.5, 2.5, 1.5, 0.5, -0.5, -1.5]
    np.testing.assert_array_equal(edge(depth, 3.0) > 0.5, mask)


@pytest.mark.parametrize("margins", list(Margins))
def test_mask_lies_at_half_coverage(margins: Margins) -> None:
    focus = disc(20)
    brush = Brush(replace(BRIGHT_DISC, margins=margins), MRSequence.T1, PhantomStyle.TUNED, WHITE, faint=False)
    _, coverage = paint_lesion(FLAT, [focus], brush, np.random.default_rng(0))
    np.testing.assert_array_equal(coverage > 0.5, focus.mask)


def test_ill_defined_edges_are_wider() -> None:
    steepest = {}
    for margins in Margins:
        row = painted(replace(BRIGHT_DISC, margins=margins), MRSequence.T2, disc(20))[128]
        steepest[margins] = np.abs(np.diff(row)).max() / (row.max() - WHITE)
    assert steepest[Margins.WELL_CIRCUMSCRIBED] > 0.3
    assert steepest[Margins.ILL_DEFINED] < 0.22


def test_isointense_lesion_leaves_a_trace_and_a_fainter_one_where_it_is_hard() -> None:
    plan = replace(BRIGHT_DISC, signal_intensity=SignalIntensity.ISOINTENSE)
    plain, faint = (painted(plan, MRSequence.T1, disc(20), faint=hard) for hard in (False, True))
    for image in (plain, faint):
        assert abs(image[118:138, 118:138].mean() / WHITE - 1) < 0.04
    assert plain.min() < 0.86 * WHITE < faint.min() < 0.95 * WHITE


@pytest.mark.parametrize("style", list(PhantomStyle))
@pytest.mark.parametrize("enhancement", [Enhancement.SOLID, Enhancement.RING, Enhancement.PATCHY, Enhancement.ABSENT])
def test_enhancement_is_painted_as_it_is_called(enhancement: Enhancement, style: PhantomStyle) -> None:
    plan = replace(BRIGHT_DISC, enhancement=enhancement, signal_intensity=None)
    found = []
    for seed in range(6):
        brush = Brush(plan, MRSequence.T1CE, style, WHITE, faint=False)
        image, coverage = paint_lesion(FLAT, [disc(18)], brush, np.random.default_rng(seed))
        found.append(enhancement_of(image / np.float32(WHITE), disc(18), coverage >= 0.8))
    assert found.count(enhancement) >= 5


def test_enhancement_is_judged_by_where_it_is() -> None:
    focus, everywhere = disc(16), np.ones((256, 256), dtype=bool)
    wall = np.where(focus.depth < 4, 1.7, 0.5).astype(np.float32)
    core = np.where(focus.depth > 8, 1.7, 0.5).astype(np.float32)
    assert enhancement_of(wall, focus, everywhere) is Enhancement.RING
    assert enhancement_of(core, focus, everywhere) is Enhancement.PATCHY
    assert enhancement_of(np.full_like(wall, 1.7), focus, everywhere) is Enhancement.SOLID
    assert enhancement_of(np.full_like(wall, 1.2), focus, everywhere) is Enhancement.ABSENT


def test_texture_is_the_spread_over_the_mean() -> None:
    assert texture_of(np.array([100.0, 106.0] * 9)) is Texture.HOMOGENEOUS
    assert texture_of(np.array([100.0, 120.0] * 9)) is Texture.HETEROGENEOUS


def test_styles_have_different_spectra_inside_a_lesion() -> None:
    def fine_share(style: PhantomStyle) -> float:
        noise = body_noise(30, style, np.random.default_rng(1))
        power = np.abs(np.fft.rfft2(noise)) ** 2
        reach = np.hypot(np.fft.fftfreq(256)[:, None], np.fft.rfftfreq(256)[None])
        return float(power[reach > 1 / 16].sum() / power.sum())

    assert fine_share(PhantomStyle.HELD_OUT) > 1.15 * fine_share(PhantomStyle.TUNED)


@pytest.mark.parametrize("shape", [Shape.ROUND, Shape.OVAL, Shape.LOBULATED, Shape.IRREGULAR])
def test_a_shape_shows_in_its_own_pixels_only(shape: Shape) -> None:
    everywhere = np.ones((256, 256), dtype=bool)
    room = Room(everywhere, everywhere, everywhere, box_px=35_000)
    plan = foci_plan(shape, LesionSize.MEDIUM, LesionSpread.SOLITARY, tiny=False, two=False)
    drawn = [place(plan, room, np.random.default_rng(seed))[0].mask for seed in range(25)]
    assert sum(shows(mask, shape) for mask in drawn) >= 22
    for other in {Shape.ROUND, Shape.OVAL, Shape.LOBULATED, Shape.IRREGULAR} - {shape}:
        assert sum(shows(mask, other) for mask in drawn) <= 3


def test_foci_lie_apart_and_inside() -> None:
    allowed = np.zeros((256, 256), dtype=bool)
    allowed[60:200, 50:200] = True
    room = Room(allowed, allowed, allowed, box_px=30_000)
    for seed in range(12):
        plan = foci_plan(Shape.OVAL, LesionSize.MEDIUM, LesionSpread.SCATTERED, tiny=False, two=False)
        foci = place(plan, room, np.random.default_rng(seed))
        assert not (union(foci) & ~allowed).any()
        assert len(foci) >= 2
        for n, focus in enumerate(foci):
            for other in foci[n + 1 :]:
                assert focus.depth[other.mask].max() < -5


def test_a_lesion_without_room_is_drawn_smaller() -> None:
    narrow = np.zeros((256, 256), dtype=bool)
    narrow[120:135, 120:135] = True
    plan = foci_plan(Shape.ROUND, LesionSize.LARGE, LesionSpread.SOLITARY, tiny=False, two=False)
    focus = place(plan, Room(narrow, narrow, narrow, box_px=30_000), np.random.default_rng(0))[0]
    assert 0 < focus.mask.sum() < 230
    assert not (focus.mask & ~narrow).any()


def axial_head() -> Head:
    return draw_head(Plane.AXIAL, None, np.random.default_rng(12), PhantomStyle.TUNED)


def center_of(head: Head, sign: int) -> tuple[float, float]:
    """Column and row of the white matter of one hemisphere."""
    rows, columns = np.nonzero(head.white_matter & (head.side == sign))
    return float(columns.mean()), float(rows.mean())


def test_mass_effect_pushes_the_brain_away_and_leaves_the_skull() -> None:
    head = axial_head()
    x, y = center_of(head, 1)
    moved = displace(head, [disc(24, x, y)])
    np.testing.assert_array_equal(moved.intracranial, head.intracranial)
    np.testing.assert_array_equal(moved.head, head.head)
    before, after = (np.nonzero(h.side == 1)[1].min() for h in (head, moved))
    middle, shifted = ((h.side[round(y)] > 0).argmax() for h in (head, moved))
    assert shifted < middle - 3  # the midline gives way; the patient's left is at the right
    assert abs(before - after) < 12
    ring = (disc(26, x, y).mask & ~disc(20, x, y).mask).astype(bool)
    assert np.abs(moved.white - head.white)[ring].mean() > 0.05


def test_oedema_follows_white_matter_on_its_own_side() -> None:
    head = axial_head()
    focus = disc(10, *center_of(head, 1))
    found = {
        kind: spread_edema(kind, LesionSize.MEDIUM, focus.mask, head, np.random.default_rng(4))
        for kind in (Edema.MILD, Edema.EXTENSIVE, Edema.ABSENT)
    }
    assert found[Edema.ABSENT] is None
    for kind in (Edema.MILD, Edema.EXTENSIVE):
        edema = found[kind]
        assert edema is not None
        assert edema_drawn(edema, focus.mask) is kind
        assert not (edema & ~head.white_matter).any()
        assert not (edema & head.ventricles).any()
        assert (head.side[edema] > 0).all()


def test_oedema_without_room_is_less_and_says_so() -> None:
    head = axial_head()
    x, y = center_of(head, 1)
    big, nothing = disc(60, x, y).mask, np.zeros((256, 256), dtype=bool)
    edema = spread_edema(Edema.EXTENSIVE, LesionSize.LARGE, big, head, np.random.default_rng(0))
    assert edema is None or edema.sum() < EXTENSIVE_FROM * big.sum()
    assert edema_drawn(edema, big) in (Edema.ABSENT, Edema.MILD)
    assert (
        spread_edema(Edema.MILD, LesionSize.LARGE, big, replace(head, white_matter=nothing), np.random.default_rng(0))
        is None
    )


def test_conspicuity_grows_with_contrast_and_falls_with_noise() -> None:
    focus, seen = disc(14), np.ones((256, 256), dtype=bool)

    def of(level: float, sigma: float) -> float:
        clean = np.where(focus.mask, level, WHITE).astype(np.float32)
        noise = np.random.default_rng(0).normal(0, sigma, clean.shape)
        return conspicuity(clean, np.clip(clean + noise, 0, 255).astype(np.uint8), [focus], seen)

    assert of(WHITE, 3) == 0
    assert of(130, 3) == pytest.approx(10, rel=0.15)
    assert of(130, 6) == pytest.approx(of(130, 3) / 2, rel=0.15)
    assert of(70, 3) == pytest.approx(of(130, 3), rel=0.1)


def test_size_of_takes_the_limits_into_the_larger_class() -> None:
    mask, box = np.zeros((300, 300), dtype=bool), Box(10, 20, 110, 120)
    mask.flat[:139] = True
    assert size_of(mask, box) is LesionSize.SMALL
    mask.flat[:140] = True
    assert size_of(mask, box) is LesionSize.MEDIUM
    mask.flat[:700] = True
    assert size_of(mask, box) is LesionSize.LARGE


def test_spread_of_counts_and_compares() -> None:
    assert spread_of([9]) is LesionSpread.SOLITARY
    assert spread_of([30, 70]) is LesionSpread.DOMINANT_WITH_SATELLITES
    assert spread_of([31, 69]) is LesionSpread.SCATTERED


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([Shape.ROUND, Shape.OVAL, Shape.LOBULATED, Shape.IRREGULAR]), st.integers(0, 2**32 - 1))
@example(Shape.IRREGULAR, 994)  # its first draw has one long tongue and no cleft that grows deep enough
@example(Shape.IRREGULAR, 4014)
def test_outlines_have_unit_area_and_their_shape(shape: Shape, seed: int) -> None:
    radius = outline(shape, np.random.default_rng(seed)) * 60
    rows, columns = np.mgrid[-260:261, -260:261]  # a spike may reach 3.4 times the radius
    limit = np.interp(np.arctan2(rows, columns), ANGLES, radius, period=2 * np.pi)
    part = regionprops((np.hypot(rows, columns) < limit).astype(np.uint8))[0]
    assert part.area == pytest.approx(np.pi * 60**2, rel=0.02)
    if shape is Shape.IRREGULAR:
        assert part.solidity < 0.82
    elif shape is Shape.LOBULATED:
        assert 0.88 < part.solidity < 0.955
    else:
        assert part.solidity > 0.97
        elongation = part.axis_major_length / part.axis_minor_length
        assert elongation <= 1.12 if shape is Shape.ROUND else 1.4 <= elongation <= 2.0


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([150.0] * 10, SignalIntensity.HYPERINTENSE),
        ([60.0] * 10, SignalIntensity.HYPOINTENSE),
        ([104.0, 96.0], SignalIntensity.ISOINTENSE),
        ([150.0] * 4 + [50.0] * 4 + [100.0] * 2, SignalIntensity.MIXED),
        ([150.0] * 3 + [50.0] * 7, SignalIntensity.HYPOINTENSE),  # exactly 30 % is not more than 30 %
    ],
)
def test_signal_against_white_matter(values: list[float], expected: SignalIntensity) -> None:
    assert signal_against(np.array(values), 100.0) is expected


def files_of(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def test_written_folder_holds_what_the_truth_says(tmp_path: Path) -> None:
    truths = write_phantoms(tmp_path / "images", 8, 5, tmp_path / "truth.jsonl")
    assert load_strict(tmp_path / "truth.jsonl", PhantomTruth) == truths
    files = files_of(tmp_path / "images")
    expected = {t.image_path for t in truths} | {t.mask_path for t in truths if t.mask_path is not None}
    assert set(files) == expected
    assert [t.number for t in truths] == list(range(8))
    for truth in truths:
        drawn = draw_phantom(truth.seed, truth.number)
        with Image.open(tmp_path / "images" / truth.image_path) as image:
            assert (image.mode, image.info) == ("L", {})
            np.testing.assert_array_equal(np.asarray(image), drawn.image)
        stem = f"{truth.tumor_type}/phantoms_{truth.sequence}/{truth.plane}_{truth.number:06d}"
        assert truth.image_path == f"{stem}.png"
        if drawn.mask is None:
            assert truth.mask_path is None
        else:
            assert truth.mask_path == f"{stem}_mask.png"
            with Image.open(tmp_path / "images" / truth.mask_path) as mask:
                np.testing.assert_array_equal(np.asarray(mask), drawn.mask * np.uint8(255))


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        write_phantoms(tmp_path / name, 3, seed, tmp_path / f"{name}.jsonl")
    assert files_of(tmp_path / "a") == files_of(tmp_path / "b")
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()
    assert set(files_of(tmp_path / "a").values()).isdisjoint(files_of(tmp_path / "c").values())


def test_truth_must_not_lie_among_the_images(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="TRUTH_IN_ROOT"):
        write_phantoms(tmp_path, 1, 0, tmp_path / "truth.jsonl")
    assert files_of(tmp_path) == {}


def test_negative_count_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="PHANTOM_COUNT"):
        write_phantoms(tmp_path / "images", -1, 0, tmp_path / "truth.jsonl")


def test_bytes_do_not_depend_on_the_number_of_cores() -> None:
    """A process that may use one core draws what one that may use all of them draws."""
    code = (
        "import hashlib, os, sys\n"
        "os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(sys.argv[1])])\n"
        "from neuroonco.phantoms.generate import draw_phantom\n"
        "drawn = [draw_phantom(1, index) for index in range(3)]\n"
        "print(hashlib.sha256(b''.join(p.image.tobytes() for p in drawn)).hexdigest())\n"
    )
    answers = {subprocess.check_output([sys.executable, "-c", code, n]) for n in ("1", "64")}
    assert len(answers) == 1
