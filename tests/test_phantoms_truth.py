"""What a phantom says of itself must be what can be measured in it."""

from collections import Counter, defaultdict

import numpy as np
import pytest
from scipy.ndimage import binary_dilation, binary_erosion
from skimage.measure import label, regionprops

from neuroonco.head import Box, head_box
from neuroonco.images import Mask
from neuroonco.phantoms.generate import (
    DOMINANT_FROM,
    LARGE_FROM,
    SMALL_BELOW,
    Phantom,
    draw_phantom,
    size_of,
    spread_of,
)
from neuroonco.phantoms.plan import HEALTHY_EVERY, dealt, plan_slice
from neuroonco.rules import load_rules
from neuroonco.semantics.regions import place_in_head, region_of
from neuroonco.vocabulary import (
    Edema,
    Enhancement,
    ImageRegion,
    LesionSize,
    LesionSpread,
    Margins,
    MRSequence,
    Plane,
    Shape,
    SignalIntensity,
    Texture,
    TumorType,
)

N = 200
SEED = 3


@pytest.fixture(scope="module")
def phantoms() -> list[Phantom]:
    return [draw_phantom(SEED, number) for number in range(N)]


@pytest.fixture(scope="module")
def with_lesion(phantoms: list[Phantom]) -> list[tuple[Phantom, Mask]]:
    return [(p, p.mask) for p in phantoms if p.mask is not None]


def largest(mask: Mask) -> Mask:
    labels = label(mask, connectivity=2)
    return np.asarray(labels == 1 + int(np.argmax([r.area for r in regionprops(labels)])))


def test_same_arguments_same_pixels_and_others_differ() -> None:
    first, again = draw_phantom(7, 5), draw_phantom(7, 5)
    assert first.truth == again.truth
    np.testing.assert_array_equal(first.image, again.image)
    assert not np.array_equal(first.image, draw_phantom(8, 5).image)
    assert not np.array_equal(first.image, draw_phantom(7, 6).image)


def test_image_is_a_gray_slice_that_uses_its_range(phantoms: list[Phantom]) -> None:
    for p in phantoms:
        assert p.image.shape == (256, 256)
        assert p.image.dtype == np.uint8
        assert p.image.max() > 130
        assert np.median(p.image[:8, :8]) < 15  # air


def test_limits_of_the_words_are_those_of_the_default_rules() -> None:
    rules = load_rules("default").sections["measure"]
    assert rules["size_small_below_of_box"].value == SMALL_BELOW
    assert rules["size_large_from_of_box"].value == LARGE_FROM
    assert rules["dominant_share_from"].value == DOMINANT_FROM


def test_sixty_slices_hold_every_type_sequence_and_plane() -> None:
    plans = [plan_slice(SEED, number) for number in range(60)]
    types = Counter(p.tumor_type for p in plans)
    assert set(types) == set(TumorType) - {TumorType.TUMOR}
    assert 7 <= types.pop(TumorType.HEALTHY) <= 8
    assert max(types.values()) - min(types.values()) <= 1
    sequences = Counter(p.sequence for p in plans if p.lesion is not None)
    assert set(sequences) == set(MRSequence)
    assert max(sequences.values()) - min(sequences.values()) <= 1
    assert {p.plane for p in plans} == set(Plane)


def test_each_block_holds_one_healthy_slice() -> None:
    for block in range(12):
        numbers = range(block * HEALTHY_EVERY, (block + 1) * HEALTHY_EVERY)
        assert sum(plan_slice(SEED, n).lesion is None for n in numbers) == 1


def test_dealing_is_balanced_and_shuffled() -> None:
    rounds = [[dealt(1, "x", 4 * r + i, "abcd") for i in range(4)] for r in range(8)]
    assert all(sorted(cards) == list("abcd") for cards in rounds)
    assert len({tuple(cards) for cards in rounds}) > 1


def test_signs_are_independent_of_the_type() -> None:
    plans = [plan_slice(SEED, number) for number in range(1600)]
    shapes: dict[TumorType, Counter[Shape]] = defaultdict(Counter)
    for p in plans:
        if p.lesion is not None:
            shapes[p.tumor_type][p.lesion.shape] += 1
    for counts in shapes.values():
        total = sum(counts.values())
        assert all(0.12 < counts[s] / total < 0.38 for s in (Shape.ROUND, Shape.OVAL, Shape.LOBULATED))


def test_healthy_has_no_lesion(phantoms: list[Phantom]) -> None:
    healthy = [p for p in phantoms if p.truth.tumor_type is TumorType.HEALTHY]
    assert len(healthy) == N // HEALTHY_EVERY
    for p in healthy:
        assert p.mask is None
        assert p.edema is None
        assert p.truth.mask_path is None
        assert set(p.truth.signs.model_dump().values()) == {None}
        assert (p.truth.size, p.truth.spread, p.truth.region) == (None, None, None)


def test_size_spread_and_region_agree_with_the_mask(with_lesion: list[tuple[Phantom, Mask]]) -> None:
    for p, mask in with_lesion:
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


def test_lesions_are_drawn_as_planned_and_well_inside_their_class(
    with_lesion: list[tuple[Phantom, Mask]],
) -> None:
    for p, mask in with_lesion:
        plan = plan_slice(SEED, p.truth.number).lesion
        assert plan is not None
        assert p.truth.size is plan.size
        assert p.truth.spread is plan.spread
        assert p.truth.signs.signal_intensity is plan.signal_intensity
        share = mask.sum() / Box(*p.truth.head_box).area_px
        assert min(abs(share - 0.014), abs(share - 0.07)) > 0.0011
        parts = [r.area for r in regionprops(label(mask, connectivity=2))]
        assert min(parts) >= max(20, 0.05 * mask.sum())


def test_what_the_sequence_cannot_show_is_none(with_lesion: list[tuple[Phantom, Mask]]) -> None:
    for p, _ in with_lesion:
        signs, sequence = p.truth.signs, p.truth.sequence
        assert (signs.enhancement is not None) == (sequence is MRSequence.T1CE)
        assert (signs.signal_intensity is None) == (sequence is MRSequence.T1CE)
        assert (signs.edema is not None) == (sequence in (MRSequence.T2, MRSequence.FLAIR))
        assert None not in (signs.shape, signs.margins, signs.texture)


def test_every_term_occurs(with_lesion: list[tuple[Phantom, Mask]]) -> None:
    seen = defaultdict(set)
    for p, _ in with_lesion:
        for sign, value in p.truth.signs:
            seen[sign].add(value)
        seen["size"].add(p.truth.size)
        seen["spread"].add(p.truth.spread)
        seen["plane"].add(p.truth.plane)
    assert seen["shape"] == set(Shape) - {Shape.ROUND_OR_OVAL}
    assert seen["margins"] == set(Margins)
    assert seen["texture"] == set(Texture)
    assert seen["enhancement"] == (set(Enhancement) - {Enhancement.PRESENT}) | {None}
    assert seen["edema"] == (set(Edema) - {Edema.PRESENT}) | {None}
    assert seen["signal_intensity"] == set(SignalIntensity) | {None}
    assert seen["size"] == set(LesionSize)
    assert seen["spread"] == set(LesionSpread)
    assert seen["plane"] == set(Plane)


def test_drawn_shapes_can_be_told_apart(with_lesion: list[tuple[Phantom, Mask]]) -> None:
    solidity, elongation = defaultdict(list), defaultdict(list)
    for p, mask in with_lesion:
        part = regionprops(largest(mask).astype(np.uint8))[0]
        solidity[p.truth.signs.shape].append(part.solidity)
        elongation[p.truth.signs.shape].append(part.axis_major_length / part.axis_minor_length)
    assert max(solidity[Shape.IRREGULAR]) < 0.84
    assert min(solidity[Shape.LOBULATED]) > 0.86
    assert max(solidity[Shape.LOBULATED]) < 0.94 < min(solidity[Shape.OVAL] + solidity[Shape.ROUND])
    assert max(elongation[Shape.ROUND]) <= 1.12
    assert min(elongation[Shape.OVAL]) >= 1.4
    assert max(elongation[Shape.OVAL]) <= 2.0


def test_signal_agrees_with_noise_free_means(with_lesion: list[tuple[Phantom, Mask]]) -> None:
    checked = Counter()
    for p, mask in with_lesion:
        inside = binary_erosion(mask, iterations=2)
        if p.truth.signs.signal_intensity is None or p.reference_white.sum() < 50 or inside.sum() < 30:
            continue
        white = p.noise_free[p.reference_white].mean()
        relative = p.noise_free[inside] / white
        checked[p.truth.signs.signal_intensity] += 1
        if p.truth.signs.signal_intensity is SignalIntensity.HYPERINTENSE:
            assert relative.mean() > 1.2
        elif p.truth.signs.signal_intensity is SignalIntensity.HYPOINTENSE:
            assert relative.mean() < 0.85
        elif p.truth.signs.signal_intensity is SignalIntensity.ISOINTENSE:
            assert abs(relative.mean() - 1) < 0.12
        else:
            assert (relative > 1.1).mean() > 0.27
            assert (relative < 0.9).mean() > 0.27
    assert min(checked.values()) > 15
    assert len(checked) == 4


def test_texture_shows_inside_sharp_lesions(with_lesion: list[tuple[Phantom, Mask]]) -> None:
    spread = defaultdict(list)
    for p, mask in with_lesion:
        inside = binary_erosion(largest(mask), iterations=3)
        if p.truth.signs.margins is Margins.WELL_CIRCUMSCRIBED and inside.sum() > 60:
            spread[p.truth.signs.texture].append(p.noise_free[inside].std() / p.noise_free[inside].mean())
    assert max(spread[Texture.HOMOGENEOUS]) < 0.03
    assert min(spread[Texture.HETEROGENEOUS]) > 0.06


def test_ring_is_brighter_than_its_core_in_the_image(with_lesion: list[tuple[Phantom, Mask]]) -> None:
    ratio = defaultdict(list)
    for p, mask in with_lesion:
        if p.truth.signs.enhancement is not None:
            part = largest(mask)
            radius_px = np.sqrt(part.sum() / np.pi)
            core = binary_erosion(part, iterations=max(3, round(0.45 * radius_px)))
            rim = part & ~binary_erosion(part, iterations=2)
            if core.sum() > 10:
                ratio[p.truth.signs.enhancement].append(p.image[rim].mean() / p.image[core].mean())
    assert min(ratio[Enhancement.RING]) > 1.25
    assert max(ratio[Enhancement.SOLID]) < 1.2


def test_edema_surrounds_the_lesion_in_its_degree(with_lesion: list[tuple[Phantom, Mask]]) -> None:
    ratio = defaultdict(list)
    for p, mask in with_lesion:
        if p.edema is None:
            assert p.truth.signs.edema in (None, Edema.ABSENT)
            continue
        assert not (p.edema & mask).any()
        ratio[p.truth.signs.edema].append(p.edema.sum() / mask.sum())
        core = binary_erosion(p.edema, iterations=2) & ~binary_dilation(mask, iterations=9)
        if core.sum() > 30 and p.reference_white.sum() > 50:
            assert p.noise_free[core].mean() > 1.3 * p.noise_free[p.reference_white].mean()
    assert max(ratio[Edema.MILD]) < 1 < min(ratio[Edema.EXTENSIVE])
    assert min(ratio[Edema.MILD]) > 0.2


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


def test_the_true_box_of_the_head_is_where_the_head_is_seen(phantoms: list[Phantom]) -> None:
    for p in phantoms:
        seen = head_box(p.image)
        assert seen is not None
        assert max(abs(a - b) for a, b in zip(seen, p.truth.head_box, strict=True)) <= 6


def test_the_true_region_is_read_in_the_head_and_not_on_the_canvas(with_lesion: list[tuple[Phantom, Mask]]) -> None:
    in_head = [region_of(*place_in_head(p.image, mask, 0.8)) is p.truth.region for p, mask in with_lesion]
    on_canvas = [region_of(*place_in_head(p.image, mask, 2.0)) is p.truth.region for p, mask in with_lesion]
    assert sum(in_head) / len(in_head) >= 0.98
    assert sum(on_canvas) / len(on_canvas) <= 0.9
