"""The sequence by pixels, on phantoms of a seed and of a style that nothing was fitted to."""

import numpy as np
import pytest

from neuroonco.phantoms.generate import draw_phantom
from neuroonco.readings import brain
from neuroonco.readings.brain import View
from neuroonco.readings.rules import ReadRules
from neuroonco.readings.sequence import NAMES, sequence_features, sequence_seen
from neuroonco.rules import load_rules
from neuroonco.vocabulary import MRSequence

RULES = load_rules("default").section("read", ReadRules)
HELD_OUT_SEED, SLICES = 2, 28


def viewed(pixels: np.ndarray) -> View:
    view = brain.prepare(np.asarray(pixels, np.float32), 1.0, RULES.min_symmetry)
    assert view is not None
    return view


@pytest.fixture(scope="module")
def slices() -> list[tuple[View, MRSequence]]:
    drawn = (draw_phantom(HELD_OUT_SEED, number) for number in range(SLICES))
    return [(viewed(phantom.image), phantom.truth.sequence) for phantom in drawn]


def test_most_sequences_are_told_and_those_told_for_sure_are_right(slices: list[tuple[View, MRSequence]]) -> None:
    seen = [(sequence_seen(view, RULES), true) for view, true in slices]
    forced = [max(found.probabilities, key=found.probabilities.__getitem__) == true for found, true in seen]
    sure = [found.sequence is true for found, true in seen if found.sequence is not None]
    assert sum(forced) >= 0.7 * SLICES
    assert len(sure) >= 0.2 * SLICES
    assert sum(sure) >= 0.92 * len(sure)


def test_what_is_said_follows_from_the_probabilities_and_the_rule(slices: list[tuple[View, MRSequence]]) -> None:
    never = RULES.model_copy(update={"sequence_confidence_from": 1.01})
    always = RULES.model_copy(update={"sequence_confidence_from": 0.0})
    for view, _ in slices[:6]:
        found = sequence_seen(view, RULES)
        assert set(found.probabilities) == {sequence.value for sequence in MRSequence}
        assert sum(found.probabilities.values()) == pytest.approx(1)
        assert found.confidence == max(found.probabilities.values())
        assert (found.sequence is not None) is (found.confidence >= RULES.sequence_confidence_from)
        assert sequence_seen(view, never).sequence is None
        assert found.probabilities[str(sequence_seen(view, always).sequence)] == found.confidence


def test_brightness_of_the_display_says_nothing(slices: list[tuple[View, MRSequence]]) -> None:
    for view, _ in slices[:6]:
        darker = viewed(view.pixels * 0.6)
        before, after = sequence_seen(view, RULES).probabilities, sequence_seen(darker, RULES).probabilities
        assert max(before, key=before.__getitem__) == max(after, key=after.__getitem__)


def test_turning_and_mirroring_say_nothing(slices: list[tuple[View, MRSequence]]) -> None:
    for view, _ in slices[:4]:
        plain = sequence_features(view)
        turned = sequence_features(viewed(np.ascontiguousarray(np.rot90(view.pixels)[:, ::-1])))
        for name in ("percentile_30", "percentile_70", "percentile_85", "deep_middle"):
            assert turned[name] == pytest.approx(plain[name], abs=0.05), name


def test_every_measurement_is_named_and_a_picture_without_brain_has_none(
    slices: list[tuple[View, MRSequence]],
) -> None:
    assert set(sequence_features(slices[0][0])) == set(NAMES)
    spot = np.zeros((120, 120), np.float32)
    spot[45:68, 45:68] = 150
    small = sequence_features(viewed(spot + np.random.default_rng(1).normal(4, 1, spot.shape)))
    assert set(small) == set(NAMES)
    assert set(small.values()) == {None} or all(v is None or np.isfinite(v) for v in small.values())
