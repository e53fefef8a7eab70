"""The measuring reader on drawn slices whose answer is known, and on pictures that are none."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuroonco.images import Gray, Mask
from neuroonco.readings.brain import to_working_size
from neuroonco.readings.measuring import SliceFindings, read_slice
from neuroonco.readings.records import Signs
from neuroonco.readings.rules import ReadRules
from neuroonco.rules import load_rules
from neuroonco.vocabulary import (
    Edema,
    Enhancement,
    ImageRegion,
    LesionBasis,
    Margins,
    MRSequence,
    ReadingKind,
    Shape,
    Sign,
    SignalIntensity,
    Texture,
    coarsenings,
)

RULES = load_rules("default").section("read", ReadRules)
KINDS = tuple(ReadingKind)
SIDE = 256
WHITE = 100


def disc(x: float, y: float, radius: float, stretch: float = 1.0) -> Mask:
    rows, columns = np.mgrid[0:SIDE, 0:SIDE]
    return np.asarray(((columns - x) / stretch) ** 2 + (rows - y) ** 2 <= radius**2)


def star(x: float, y: float, radius: float, spikes: int = 9) -> Mask:
    angles = np.linspace(0, 2 * np.pi, 2 * spikes, endpoint=False)
    reach = np.where(np.arange(2 * spikes) % 2 == 0, 1.3, 0.6) * radius
    points = np.stack([x + reach * np.cos(angles), y + reach * np.sin(angles)], axis=1)
    return cv2.fillPoly(np.zeros((SIDE, SIDE), np.uint8), [points.round().astype(np.int32)], 1) > 0


def lobes(x: float, y: float, radius: float) -> Mask:
    return disc(x - radius, y, radius) | disc(x + radius, y, radius) | disc(x, y + 1.2 * radius, radius)


def draw(values: list[tuple[Mask, float]], blur_px: float = 0.6) -> Gray:
    """A head of white matter on air, with parts painted one over the other, slight noise."""
    image = np.where(disc(127.5, 127.5, 95), float(WHITE), 3.0).astype(np.float32)
    for mask, value in values:
        soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), blur_px)
        image += soft * (value - image)
    image += np.random.default_rng(3).normal(0, 2, image.shape).astype(np.float32)
    return np.clip(image.round(), 0, 255).astype(np.uint8)


def signs(image: Gray, mask: Mask | None, kind: ReadingKind, sequence: MRSequence | None) -> Signs:
    return read_slice(image, mask, kind, RULES, sequence).signs


LESION = disc(82, 110, 20)


@pytest.mark.parametrize("kind", KINDS)
class TestKnownAnswers:
    def test_sharp_bright_disc(self, kind: ReadingKind) -> None:
        found = read_slice(draw([(LESION, 170)]), LESION, kind, RULES, MRSequence.FLAIR)
        assert found.lesion_found
        assert found.region is ImageRegion.CENTER_LEFT
        assert (found.lesion_basis, found.lesion_box) == (LesionBasis.MASK, (90, 62, 131, 103))
        assert found.signs.model_copy(update={"edema": None}) == Signs(
            shape=Shape.ROUND,
            margins=Margins.WELL_CIRCUMSCRIBED,
            texture=Texture.HOMOGENEOUS,
            signal_intensity=SignalIntensity.HYPERINTENSE,
        )
        assert found.signs.edema in (Edema.ABSENT, None)

    def test_blurred_edge_is_ill_defined(self, kind: ReadingKind) -> None:
        found = signs(draw([(LESION, 170)], blur_px=5), LESION, kind, MRSequence.T1)
        assert found.margins is Margins.ILL_DEFINED

    def test_no_contrast_says_nothing_of_margins(self, kind: ReadingKind) -> None:
        found = signs(draw([]), LESION, kind, MRSequence.T1)
        assert found.margins is None or kind is ReadingKind.SKEPTICAL
        assert found.signal_intensity is SignalIntensity.ISOINTENSE

    @pytest.mark.parametrize(
        ("mask", "shape"),
        [
            (LESION, Shape.ROUND),
            (disc(82, 110, 14, stretch=1.8), Shape.OVAL),
            (star(82, 110, 24), Shape.IRREGULAR),
            (lobes(90, 110, 13), Shape.LOBULATED),
        ],
    )
    def test_shapes(self, kind: ReadingKind, mask: Mask, shape: Shape) -> None:
        assert signs(draw([(mask, 170)]), mask, kind, MRSequence.FLAIR).shape is shape

    @pytest.mark.parametrize(
        ("value", "signal"),
        [
            (60, SignalIntensity.HYPOINTENSE),
            (100, SignalIntensity.ISOINTENSE),
            (150, SignalIntensity.HYPERINTENSE),
        ],
    )
    @pytest.mark.parametrize("sequence", [MRSequence.T1, MRSequence.T2, MRSequence.FLAIR])
    def test_signal(self, kind: ReadingKind, value: float, signal: SignalIntensity, sequence: MRSequence) -> None:
        assert signs(draw([(LESION, value)]), LESION, kind, sequence).signal_intensity is signal

    def test_half_bright_half_dark_is_mixed_and_heterogeneous(self, kind: ReadingKind) -> None:
        checked = LESION & ((np.indices((SIDE, SIDE)).sum(axis=0) // 10) % 2 == 0)
        found = signs(draw([(LESION, 60), (checked, 160)]), LESION, kind, MRSequence.T2)
        assert found.signal_intensity is SignalIntensity.MIXED
        assert found.texture is Texture.HETEROGENEOUS

    @pytest.mark.parametrize(
        ("parts", "enhancement"),
        [
            ([(LESION, 190)], Enhancement.SOLID),
            ([(LESION, 190), (disc(82, 110, 13), 70)], Enhancement.RING),
            ([(LESION, 80)], Enhancement.ABSENT),
            ([(LESION, 95), (disc(78, 104, 7), 190), (disc(92, 118, 6), 190)], Enhancement.PATCHY),
        ],
    )
    def test_enhancement(self, kind: ReadingKind, parts: list[tuple[Mask, float]], enhancement: Enhancement) -> None:
        assert signs(draw(parts), LESION, kind, MRSequence.T1CE).enhancement in coarsenings(enhancement)

    @pytest.mark.parametrize(
        ("halo", "edema"),
        [(disc(82, 110, 25), Edema.MILD), (disc(82, 110, 34), Edema.EXTENSIVE)],
    )
    def test_edema(self, kind: ReadingKind, halo: Mask, edema: Edema) -> None:
        image = draw([(halo, 165), (LESION, 60)])
        assert signs(image, LESION, kind, MRSequence.FLAIR).edema in (*coarsenings(edema), None)

    def test_bright_cortex_beside_the_lesion_is_no_edema(self, kind: ReadingKind) -> None:
        cortex = disc(127.5, 127.5, 93) & ~disc(127.5, 127.5, 88)
        image = draw([(cortex, 1.35 * WHITE), (disc(60, 110, 18), 170)])
        assert signs(image, disc(60, 110, 18), kind, MRSequence.FLAIR).edema in (Edema.ABSENT, None)


@settings(deadline=None, max_examples=16)
@given(st.sampled_from([None, *MRSequence]), st.sampled_from(KINDS), st.sampled_from([60.0, 170.0]))
def test_physics_gates_signs(sequence: MRSequence | None, kind: ReadingKind, value: float) -> None:
    read = read_slice(draw([(LESION, value)]), LESION, kind, RULES, sequence)
    found, by = read.signs, read.sequence
    assert by is (sequence if sequence is not None else read.sequence_seen)
    if by is not MRSequence.T1CE:
        assert found.enhancement is None
    if by not in (MRSequence.T2, MRSequence.FLAIR):
        assert found.edema is None
    if by in (None, MRSequence.T1CE):
        assert found.signal_intensity is None
    else:
        assert found.signal_intensity is not None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sequence", [None, *MRSequence])
@pytest.mark.parametrize("value", [0, 128, 255])
def test_pictures_of_nothing(kind: ReadingKind, sequence: MRSequence | None, value: int) -> None:
    image = np.full((64, 96), value, np.uint8)
    mask = np.zeros((64, 96), bool)
    mask[20:40, 30:60] = True
    nothing = SliceFindings(lesion_found=None, sequence=sequence, abstained="no head found")
    assert read_slice(image, None, kind, RULES, sequence) == nothing
    found = read_slice(image, mask, kind, RULES, sequence)
    assert found.lesion_found
    assert found.region is ImageRegion.CENTER
    assert found.signs == Signs()


@pytest.mark.parametrize("kind", KINDS)
def test_empty_mask_means_no_lesion_and_none_means_search(kind: ReadingKind) -> None:
    image = draw([(LESION, 190)])
    empty = np.zeros((SIDE, SIDE), bool)
    assert read_slice(image, empty, kind, RULES, MRSequence.FLAIR).lesion_found is False
    searched = read_slice(image, None, kind, RULES, MRSequence.FLAIR)
    assert (searched.lesion_found, searched.lesion_basis) == (True, LesionBasis.DETECTED)
    top, left, bottom, right = searched.lesion_box
    assert top <= 110 < bottom
    assert left <= 82 < right
    assert searched.signs.signal_intensity in (SignalIntensity.HYPERINTENSE, None)
    assert read_slice(draw([]), None, kind, RULES, MRSequence.FLAIR).lesion_found is None


@pytest.mark.parametrize("kind", KINDS)
def test_odd_masks_are_read_without_signs(kind: ReadingKind) -> None:
    image = draw([(LESION, 170)])
    pixel = np.zeros((SIDE, SIDE), bool)
    pixel[110, 130] = True
    everything = np.ones((SIDE, SIDE), bool)
    for mask, region in ((pixel, ImageRegion.CENTER), (everything, ImageRegion.CENTER)):
        found = read_slice(image, mask, kind, RULES, MRSequence.FLAIR)
        assert found.lesion_found
        assert found.region is region
        assert found.signs == Signs()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sequence", list(MRSequence))
def test_mask_at_the_border_of_the_image(kind: ReadingKind, sequence: MRSequence) -> None:
    mask = np.zeros((SIDE, SIDE), bool)
    mask[:40, :30] = True
    found = read_slice(draw([]), mask, kind, RULES, sequence)
    assert found.region is ImageRegion.UPPER_LEFT
    assert found.signs.margins is None
    line = np.zeros((SIDE, SIDE), bool)
    line[128, 40:200] = True
    assert read_slice(draw([]), line, kind, RULES, sequence).signs.texture is None


@pytest.mark.parametrize("kind", KINDS)
def test_large_images_are_read_at_working_size(kind: ReadingKind) -> None:
    image = draw([(LESION, 170)])
    large = cv2.resize(image, (1500, 1500), interpolation=cv2.INTER_CUBIC)
    mask = cv2.resize(LESION.astype(np.uint8), (1500, 1500), interpolation=cv2.INTER_NEAREST) > 0
    small = signs(image, LESION, kind, MRSequence.FLAIR)
    assert signs(large, mask, kind, MRSequence.FLAIR) == small
    dot = np.zeros((1500, 1500), bool)
    dot[700, 700] = True
    shrunk = to_working_size(large, dot, RULES.working_side_px)[1]
    assert shrunk is not None
    assert shrunk.sum() == 1  # a tiny lesion does not vanish


def test_reading_twice_gives_the_same() -> None:
    image = draw([(star(82, 110, 24), 150)], blur_px=2)
    for kind in KINDS:
        first = read_slice(image, star(82, 110, 24), kind, RULES, MRSequence.T2)
        assert read_slice(image, star(82, 110, 24), kind, RULES, MRSequence.T2) == first


def test_both_rule_sets_fill_the_section() -> None:
    paper = load_rules("paper").section("read", ReadRules)
    assert paper.box_holds_from > 1, "regions are of the canvas, as the reference's attributes"
    assert paper.model_copy(update={"box_holds_from": RULES.box_holds_from}) == RULES


def test_every_sign_is_assigned() -> None:
    assert {s.value for s in Sign} == set(Signs.model_fields)


@pytest.mark.parametrize("kind", KINDS)
def test_the_region_is_of_the_head_and_padding_does_not_move_it(kind: ReadingKind) -> None:
    image = draw([(LESION, 170)])
    padded, mask = np.pad(image, ((0, 256), (0, 256)), constant_values=3), np.pad(LESION, ((0, 256), (0, 256)))
    on_canvas = RULES.model_copy(update={"box_holds_from": 2.0})
    assert read_slice(padded, mask, kind, RULES, None).region is ImageRegion.CENTER_LEFT
    assert read_slice(padded, mask, kind, on_canvas, None).region is ImageRegion.UPPER_LEFT


def test_the_region_is_that_of_the_largest_lesion() -> None:
    both = disc(70, 90, 16) | disc(180, 170, 10)
    found = read_slice(draw([(both, 170)]), both, ReadingKind.CONSERVATIVE, RULES, None)
    assert found.region is ImageRegion.UPPER_LEFT
