"""What a phantom says of itself must be what can be measured in it."""

from collections import Counter, defaultdict
from functools import cache

import numpy as np
import pytest
from scipy.ndimage import binary_dilation, binary_erosion
from skimage.measure import label, regionprops

from neuroonco.head import Box, head_box, head_box_with
from neuroonco.images import Mask
from neuroonco.phantoms import generate
from neuroonco.phantoms.conspicuity import SEEN_FROM
from neuroonco.phantoms.drawn_signs import DOMINANT_FROM, LARGE_FROM, SMALL_BELOW
from neuroonco.phantoms.edema import EXTENSIVE_FROM, MILD_FROM
from neuroonco.phantoms.generate import Phantom, draw_phantom, mirrored
from neuroonco.phantoms.plan import HEALTHY_EVERY, plan_slice
from neuroonco.rules import load_rules
from neuroonco.semantics.contour import DefaultMeasureRules, outline_of, shape_of
from neuroonco.semantics.regions import place_in_head, region_of
from neuroonco.vocabulary import (
    Edema,
    Enhancement,
    HardCase,
    ImageRegion,
    LesionSize,
    LesionSpread,
    Margins,
    MRSequence,
    PhantomStyle,
    Plane,
    Shape,
    Sign,
    SignalIntensity,
    Texture,
    assessable,
)

N = {PhantomStyle.TUNED: 72, PhantomStyle.HELD_OUT: 16}
SEED = 3
Drawn = list[tuple[Phantom, Mask]]


@cache
def phantoms(style: PhantomStyle = PhantomStyle.TUNED) -> list[Phantom]:
    return [draw_phantom(SEED, number, style) for number in range(N[style])]


def with_lesion() -> Drawn:
    drawn = [p for style in PhantomStyle for p in phantoms(style)]
    return [(p, p.mask) for p in drawn if p.mask is not None]


def largest(mask: Mask) -> Mask:
    labels = label(mask, connectivity=2)
    return np.asarray(labels == 1 + int(np.argmax([r.area for r in regionprops(labels)])))


def white_of(p: Phantom) -> float | None:
    """Signal of normal white matter in the noise-free picture, where the slice shows enough of it."""
    return float(p.noise_free[p.reference_white].mean()) if p.reference_white.sum() >= 50 else None


def test_same_arguments_same_pixels_and_others_differ() -> None:
    first, again = draw_phantom(7, 5), draw_phantom(7, 5)
    assert first.truth == again.truth
    np.testing.assert_array_equal(first.image, again.image)
    assert not np.array_equal(first.image, draw_phantom(8, 5).image)
    assert not np.array_equal(first.image, draw_phantom(7, 6).image)
    assert not np.array_equal(first.image, draw_phantom(7, 5, PhantomStyle.HELD_OUT).image)


def test_a_slice_does_not_depend_on_those_drawn_before() -> None:
    for number in (4,):
        np.testing.assert_array_equal(draw_phantom(SEED, number).image, phantoms()[number].image)


def test_image_is_a_gray_slice_that_uses_its_range() -> None:
    for p in phantoms():
        assert p.image.shape == (256, 256)
        assert p.image.dtype == np.uint8
        assert p.image.max() > 120
        assert np.median(p.image[:8, :8]) < 15  # air


def test_limits_of_the_words_are_those_of_the_default_rules() -> None:
    rules = load_rules("default").sections["measure"]
    assert rules["size_small_below_of_box"].value == SMALL_BELOW
    assert rules["size_large_from_of_box"].value == LARGE_FROM
    assert rules["dominant_share_from"].value == DOMINANT_FROM


def test_healthy_has_no_lesion() -> None:
    healthy = [p for p in phantoms() if p.mask is None]
    assert len(healthy) == N[PhantomStyle.TUNED] // HEALTHY_EVERY
    for p in healthy:
        assert p.edema is None
        assert p.truth.mask_path is None
        assert set(p.truth.signs.model_dump().values()) == {None}
        assert (p.truth.size, p.truth.spread, p.truth.region) == (None, None, None)
        assert (p.truth.conspicuity, p.truth.conspicuous) == (None, None)


def test_size_spread_and_region_agree_with_the_mask() -> None:
    for p, mask in with_lesion():
        top, left, bottom, right = p.truth.head_box
        share = mask.sum() / ((bottom - top) * (right - left))
        expected = "small" if share < 0.014 else "medium" if share < 0.07 else "large"
        assert p.truth.size == expected
        parts = [r.area for r in regionprops(label(mask, connectivity=2))]
        if p.truth.spread is LesionSpread.SOLITARY:
            assert len(parts) == 1
        else:
            assert len(parts) > 1
            dominant = max(parts) / sum(parts) >= 0.7
            assert dominant == (p.truth.spread is LesionSpread.DOMINANT_WITH_SATELLITES)
        y, x = (c + 0.5 for c in regionprops(largest(mask).astype(np.uint8))[0].centroid)
        row, column = int(3 * (y - top) / (bottom - top)), int(3 * (x - left) / (right - left))
        assert p.truth.region is list(ImageRegion)[3 * row + column]


def test_the_measured_box_gives_the_same_size_and_region() -> None:
    right = Counter[str]()
    for p, mask in with_lesion():
        box = head_box_with(p.image, mask, 0.8)
        assert box is not None
        share = mask.sum() / box.area_px
        size = LesionSize.SMALL if share < 0.014 else LesionSize.MEDIUM if share < 0.07 else LesionSize.LARGE
        right["size"] += size is p.truth.size
        right["region"] += region_of(*place_in_head(p.image, mask, 0.8)) is p.truth.region
        right["canvas"] += region_of(*place_in_head(p.image, mask, 2.0)) is p.truth.region
    n = len(with_lesion())
    assert min(right["size"], right["region"]) >= 0.97 * n
    assert right["canvas"] <= 0.93 * n


def test_most_lesions_are_drawn_as_planned() -> None:
    missed, large = Counter[str](), []
    for p, mask in with_lesion():
        plan = plan_slice(SEED, p.truth.number, p.truth.style)
        assert plan.lesion is not None
        missed["size"] += p.truth.size is not plan.lesion.size
        missed["spread"] += p.truth.spread is not plan.lesion.spread
        missed["hard"] += p.truth.hard_cases != plan.hard_cases
        for sign in Sign:
            if assessable(sign, p.truth.sequence):
                missed[sign] += p.truth.signs.get(sign) is not getattr(plan.lesion, sign.value)
        if p.truth.size is LesionSize.LARGE:
            large.append(mask.sum() / Box(*p.truth.head_box).area_px)
    assert missed.pop(Sign.EDEMA) <= 14  # where there is no room for it, less is drawn, and the truth says so
    assert max(missed.values()) <= 4
    assert max(large) > 0.12


def test_what_the_sequence_cannot_show_is_none() -> None:
    for p, _ in with_lesion():
        for sign in set(Sign) - {Sign.SHAPE}:
            assert (p.truth.signs.get(sign) is not None) == assessable(sign, p.truth.sequence)
    assert sum(p.truth.signs.shape is None for p, _ in with_lesion()) <= 3


def test_every_term_occurs() -> None:
    seen = defaultdict(set)
    for p, _ in with_lesion():
        for sign, value in p.truth.signs:
            seen[sign].add(value)
        seen["size"].add(p.truth.size)
        seen["spread"].add(p.truth.spread)
        seen["plane"].add(p.truth.plane)
        seen["hard"].update(p.truth.hard_cases)
    assert seen["shape"] - {None} == set(Shape) - {Shape.ROUND_OR_OVAL}
    assert seen["margins"] == set(Margins)
    assert seen["texture"] == set(Texture)
    assert seen["enhancement"] == (set(Enhancement) - {Enhancement.PRESENT}) | {None}
    assert seen["edema"] == (set(Edema) - {Edema.PRESENT}) | {None}
    assert seen["signal_intensity"] == set(SignalIntensity) | {None}
    assert seen["size"] == set(LesionSize)
    assert seen["spread"] == set(LesionSpread)
    assert seen["plane"] == set(Plane)
    assert seen["hard"] == set(HardCase)


def test_drawn_shapes_are_those_of_the_measuring_rules() -> None:
    rules = load_rules("default").section("measure", DefaultMeasureRules)
    right = n = 0
    for p, mask in with_lesion():
        outline = outline_of(largest(mask), rules.smoothing_share)
        if outline is not None and p.truth.signs.shape is not None:
            n += 1
            right += shape_of(outline, rules) is p.truth.signs.shape
    assert right / n > 0.94


def test_signal_agrees_with_the_noise_free_picture() -> None:
    checked = Counter[SignalIntensity]()
    for p, mask in with_lesion():
        inside, white = binary_erosion(mask, iterations=2), white_of(p)
        if p.truth.signs.signal_intensity is None or white is None or inside.sum() < 30:
            continue
        relative = p.noise_free[inside] / white
        checked[p.truth.signs.signal_intensity] += 1
        if p.truth.signs.signal_intensity is SignalIntensity.HYPERINTENSE:
            assert relative.mean() > 1.12
        elif p.truth.signs.signal_intensity is SignalIntensity.HYPOINTENSE:
            assert relative.mean() < 0.88
        elif p.truth.signs.signal_intensity is SignalIntensity.ISOINTENSE:
            assert abs(relative.mean() - 1) < 0.13
        else:
            assert (relative > 1.1).mean() > 0.27
            assert (relative < 0.9).mean() > 0.27
    assert min(checked.values()) > 6
    assert len(checked) == 4


def test_texture_shows_inside_lesions() -> None:
    spread = defaultdict(list)
    for p, mask in with_lesion():
        inside = binary_erosion(largest(mask), iterations=3)
        if p.truth.signs.margins is Margins.WELL_CIRCUMSCRIBED and inside.sum() > 60:
            spread[p.truth.signs.texture].append(p.noise_free[inside].std() / p.noise_free[inside].mean())
    assert max(spread[Texture.HOMOGENEOUS]) < 0.075
    assert min(spread[Texture.HETEROGENEOUS]) > 0.06
    assert np.median(spread[Texture.HETEROGENEOUS]) > 3 * np.median(spread[Texture.HOMOGENEOUS])


def test_enhancement_agrees_with_the_noise_free_picture() -> None:
    shares = defaultdict(list)
    for p, mask in with_lesion():
        white = white_of(p)
        if p.truth.signs.enhancement is None or white is None or p.truth.signs.margins is Margins.ILL_DEFINED:
            continue
        part = binary_erosion(largest(mask))
        inner = binary_erosion(part, iterations=max(2, round(0.3 * np.sqrt(part.sum() / np.pi))))
        if inner.sum() >= 12:
            rim, core = ((p.noise_free[where] > 1.25 * white).mean() for where in (part & ~inner, inner))
            shares[p.truth.signs.enhancement].append((rim, core))
    assert all(rim > core + 0.25 for rim, core in shares[Enhancement.RING])
    assert all(min(rim, core) > 0.75 for rim, core in shares[Enhancement.SOLID])
    assert all(max(rim, core) < 0.05 for rim, core in shares[Enhancement.ABSENT])
    assert all(0.05 < (rim + core) / 2 < 0.85 for rim, core in shares[Enhancement.PATCHY])
    assert set(shares) == {Enhancement.RING, Enhancement.SOLID, Enhancement.ABSENT, Enhancement.PATCHY}


def test_edema_surrounds_the_lesion_in_its_degree() -> None:
    ratio = defaultdict(list)
    for p, mask in with_lesion():
        if p.truth.sequence not in (MRSequence.T2, MRSequence.FLAIR):
            continue
        ratio[p.truth.signs.edema].append(0.0 if p.edema is None else p.edema.sum() / mask.sum())
        if p.edema is None:
            continue
        assert not (p.edema & mask).any()
        assert (p.edema & binary_dilation(mask, iterations=4)).any()
        core, white = binary_erosion(p.edema, iterations=2) & ~binary_dilation(mask, iterations=9), white_of(p)
        if core.sum() > 30 and white is not None:
            assert p.noise_free[core].mean() > 1.35 * white
    assert max(ratio[Edema.ABSENT]) < MILD_FROM <= min(ratio[Edema.MILD])
    assert max(ratio[Edema.MILD]) < EXTENSIVE_FROM <= min(ratio[Edema.EXTENSIVE])


def test_edema_stays_in_the_hemisphere_of_a_lesion_that_does() -> None:
    checked = 0
    for p, mask in with_lesion():
        if p.truth.plane is Plane.SAGITTAL or p.edema is None:
            continue
        columns = np.nonzero(mask)[1]
        box = Box(*p.truth.head_box)
        middle, margin = (box.left + box.right) / 2, 0.08 * box.width_px
        on_left, on_right = columns.max() < middle - margin, columns.min() > middle + margin
        if on_left or on_right:
            beyond = np.nonzero(p.edema)[1] > middle + margin if on_left else np.nonzero(p.edema)[1] < middle - margin
            checked += 1
            assert beyond.mean() < 0.02
    assert checked > 5


def test_the_conspicuity_gate_follows_the_contrast() -> None:
    drawn = with_lesion()
    assert all(p.truth.conspicuous == ((p.truth.conspicuity or 0) >= SEEN_FROM) for p, _ in drawn)
    seen = sum(bool(p.truth.conspicuous) for p, _ in drawn)
    assert 0.75 * len(drawn) < seen < len(drawn)
    hidden = [p.truth for p, _ in drawn if HardCase.ISOINTENSE in p.truth.hard_cases]
    others = [p.truth for p, _ in drawn if p.truth.signs.enhancement is Enhancement.SOLID]
    assert np.median([t.conspicuity for t in hidden]) < 0.6 * np.median([t.conspicuity for t in others])


def test_the_true_box_of_the_head_is_where_the_head_is_seen() -> None:
    off = []
    for p in phantoms():
        seen = head_box(p.image)
        assert seen is not None
        off.append(max(abs(a - b) for a, b in zip(seen, p.truth.head_box, strict=True)))
    assert np.mean(np.array(off) <= 6) > 0.97


@pytest.mark.parametrize("hard", [HardCase.SMALL, HardCase.NEAR_RIM, HardCase.TWO_LESIONS])
def test_hard_cases_are_what_their_name_says(hard: HardCase) -> None:
    cases = [(p, mask) for p, mask in with_lesion() if hard in p.truth.hard_cases]
    assert cases
    for p, mask in cases:
        box = Box(*p.truth.head_box)
        if hard is HardCase.SMALL:
            assert mask.sum() < 0.007 * box.area_px
            assert p.truth.spread is LesionSpread.SOLITARY
        elif hard is HardCase.TWO_LESIONS:
            areas = sorted(r.area for r in regionprops(label(mask, connectivity=2)))
            assert len(areas) == 2
            assert areas[0] > 0.5 * areas[1]
        elif p.truth.stripped:
            # Outside the contents of the skull, a stripped slice is black.
            brain = p.noise_free > 8
            assert (binary_dilation(mask, iterations=8) & ~brain).any()


def test_a_mirrored_slice_is_the_other_one_from_right_to_left() -> None:
    p = next(p for p, _ in with_lesion() if "left" in (p.truth.region or "") and not p.truth.hard_cases)
    other = mirrored(p)
    np.testing.assert_array_equal(other.image, p.image[:, ::-1])
    np.testing.assert_array_equal(other.mask, np.asarray(p.mask)[:, ::-1])
    np.testing.assert_array_equal(other.noise_free, p.noise_free[:, ::-1])
    assert other.truth.region == str(p.truth.region).replace("left", "right")
    assert mirrored(other).truth == p.truth


def test_a_slice_planned_as_mirrored_is_stored_so(monkeypatch: pytest.MonkeyPatch) -> None:
    planned = [n for n in range(N[PhantomStyle.TUNED]) if HardCase.MIRRORED in plan_slice(SEED, n).hard_cases]
    assert planned
    monkeypatch.setattr(generate, "mirrored", lambda phantom: phantom)
    for number in planned:
        straight, stored = draw_phantom(SEED, number), phantoms()[number]
        assert HardCase.MIRRORED in stored.truth.hard_cases
        np.testing.assert_array_equal(stored.image, straight.image[:, ::-1])
        if stored.mask is not None:
            np.testing.assert_array_equal(stored.mask, np.asarray(straight.mask)[:, ::-1])
            assert stored.truth.region is region_of(*place_in_head(stored.image, stored.mask, 0.8))
