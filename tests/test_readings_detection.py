"""Lesions found without a mask, on phantoms of a seed that nothing was fitted to, and the parts of the search."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuroonco.phantoms.generate import Phantom, draw_phantom
from neuroonco.readings import abnormal, asymmetry, brain
from neuroonco.readings.brain import View
from neuroonco.readings.candidates import SHAPE_FEATURES, Candidate, pieces_of
from neuroonco.readings.evened import evened
from neuroonco.readings.lesion import at_half_height, by_sequence, detect, feature_names, measured_candidates, overlap
from neuroonco.readings.logistic import load_fitted
from neuroonco.readings.rules import ReadRules
from neuroonco.rules import load_rules
from neuroonco.vocabulary import MRSequence, ReadingKind

RULES = load_rules("default").section("read", ReadRules)
HELD_OUT_SEED, SLICES = 2, 20
KINDS = tuple(ReadingKind)


def viewed(pixels: np.ndarray) -> View:
    view = brain.prepare(np.asarray(pixels, np.float32), 1.0, RULES.min_symmetry)
    assert view is not None
    return view


@pytest.fixture(scope="module")
def slices() -> list[tuple[View, Phantom]]:
    drawn = [draw_phantom(HELD_OUT_SEED, number) for number in range(SLICES)]
    return [(viewed(phantom.image), phantom) for phantom in drawn]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_reported_is_there(kind: ReadingKind, slices: list[tuple[View, Phantom]]) -> None:
    hits, reported, healthy = 0, 0, 0
    for view, phantom in slices:
        found = detect(view, RULES, kind, phantom.truth.sequence)
        if found is None:
            continue
        reported += 1
        healthy += phantom.mask is None
        hits += phantom.mask is not None and bool((found.mask & phantom.mask).any())
        assert found.confidence >= RULES.detect_confidence(kind)
        assert found.outline_confidence <= found.confidence <= 1
        assert found.outline_trusted is (found.outline_confidence >= RULES.detect_outline_from)
        assert found.mask.shape == view.head.shape
        assert not (found.mask & ~view.head).any()
    assert reported >= 4
    assert hits >= 0.75 * reported
    assert healthy <= 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("gray", [215.0, 20.0])
def test_a_plain_lesion_on_a_plain_brain_is_among_the_candidates(kind: ReadingKind, gray: float) -> None:
    y, x = np.mgrid[0:200, 0:200]
    pixels = np.where(((x - 100) / 70) ** 2 + ((y - 100) / 85) ** 2 <= 1, 110.0, 2.0)
    pixels += 8 * np.sin(x / 6.0) * np.cos(y / 7.0) * (pixels > 50)
    lesion = (x - 130) ** 2 + (y - 80) ** 2 <= 14**2
    pixels[lesion] = gray
    view = viewed(cv2.GaussianBlur(pixels, (0, 0), 1) + np.random.default_rng(2).normal(0, 2, pixels.shape))
    best = max(
        measured_candidates(view, kind), key=lambda found: overlap(found[0].on(lesion.shape), np.asarray(lesion))
    )
    outline = at_half_height(best[0].on(lesion.shape), view)
    assert overlap(best[0].on(lesion.shape), np.asarray(lesion)) > 0.7
    assert overlap(outline, np.asarray(lesion)) > 0.85
    assert best[0].bright is (gray > 110)
    assert best[1]["solid"] is not None
    assert best[1]["solid"] > 0.9


def test_a_stricter_rule_never_reports_more(slices: list[tuple[View, Phantom]]) -> None:
    strict = RULES.model_copy(update={"detect_confidence_conservative": 0.9, "detect_confidence_skeptical": 0.9})
    never = RULES.model_copy(update={"detect_confidence_conservative": 1.1, "detect_confidence_skeptical": 1.1})
    for view, phantom in slices[:3]:
        for kind in KINDS:
            usual = detect(view, RULES, kind, phantom.truth.sequence)
            careful = detect(view, strict, kind, phantom.truth.sequence)
            assert careful is None or (usual is not None and np.array_equal(usual.mask, careful.mask))
            assert detect(view, never, kind, phantom.truth.sequence) is None


def test_a_picture_without_brain_has_no_lesion() -> None:
    spot = np.zeros((120, 120), np.float32)
    spot[45:68, 45:68] = 150
    view = viewed(spot)
    if evened(view) is None:
        assert all(detect(view, RULES, kind, None) is None for kind in KINDS)


def test_the_readings_share_nothing_but_shape() -> None:
    assert set(asymmetry.FEATURES) & set(abnormal.FEATURES) <= set(SHAPE_FEATURES)
    for kind in KINDS:
        assert load_fitted(f"detection_{kind.value}").features == feature_names(kind)


def test_measurements_carry_the_names_of_the_models(slices: list[tuple[View, Phantom]]) -> None:
    for kind, names in ((KINDS[0], asymmetry.FEATURES), (KINDS[1], abnormal.FEATURES)):
        seen = [values for view, _ in slices[:3] for _, values in measured_candidates(view, kind)]
        assert seen
        assert all(set(values) == set(names) for values in seen)


def test_measurements_stand_under_their_own_sequence_only() -> None:
    found = by_sequence({"size": 2.0, "edge": None}, MRSequence.T2, bright=False)
    assert found["size"] == 2.0
    assert found["size_t2_dark"] == 2.0
    assert found["t2_dark"] == 1.0
    assert found["edge_t2_dark"] is None
    assert found["edge_t2_bright"] == 0.0
    others = [v for k, v in found.items() if k.startswith("size_") and k != "size_t2_dark"]
    assert others == [0.0] * 7
    assert set(by_sequence({"size": 1.0}, None, bright=True).values()) == {1.0, 0.0}


@given(st.integers(0, 2**16))
@settings(max_examples=15, deadline=None)
def test_pieces_of_level_sets(seed: int) -> None:
    y, x = np.mgrid[0:160, 0:160]
    pixels = np.where((x - 80) ** 2 + (y - 80) ** 2 <= 70**2, 100.0, 2.0)
    view = viewed(pixels + np.random.default_rng(seed).normal(0, 1, pixels.shape))
    noise = np.random.default_rng(seed).random((160, 160)).astype(np.float32)
    excess = np.asarray(cv2.GaussianBlur(noise, (0, 0), 6) * 12 - 6, np.float32)
    levels = (0.0, 0.1, 0.2, 0.4)
    found: list[Candidate] = pieces_of(excess, view.brain, levels, view, bright=True, most=12)
    assert len(found) <= 12
    for candidate in found:
        whole = candidate.on(excess.shape)
        assert whole.sum() == candidate.area_px
        assert candidate.level in levels
        assert 0 <= candidate.stability <= 1
        above = (excess > candidate.level) & view.brain
        assert (whole & ~above).sum() <= round(candidate.filled * candidate.area_px)
