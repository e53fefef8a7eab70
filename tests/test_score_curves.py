"""Curves over confidence and calibration, counted by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories_validation import fused_of, truth_of
from neuroonco.intervals import wilson
from neuroonco.readings.records import SignConfidences, Signs
from neuroonco.resampling import Resamples, clustered, percentiles
from neuroonco.score.curves import MAX_POINTS, at_omission, calibration_of, curves_of, reliability, thresholds_of
from neuroonco.score.judged import SignTable, Statement, sign_table, statement_of
from neuroonco.vocabulary import Shape, Texture


def shapes(values: list[tuple[bool, float | None]]) -> SignTable:
    """Slices whose shape is stated, right or wrong, with a confidence; texture is assessable and never stated."""
    truths = [truth_of(i, signs=Signs(shape=Shape.ROUND, texture=Texture.HOMOGENEOUS)) for i in range(len(values))]
    labels = [
        fused_of(i, Signs(shape=Shape.ROUND if right else Shape.OVAL), SignConfidences(shape=confidence))
        for i, (right, confidence) in enumerate(values)
    ]
    return sign_table(truths, [statement_of(label) for label in labels])


VALUES = [(False, 0.5), (True, 0.6), (False, 0.8), (True, 0.8), (True, 0.9), (True, None)]


def test_each_point_by_hand() -> None:
    curve = curves_of(shapes(VALUES), Resamples(6, 100, 0))["shape"]
    assert [p.threshold for p in curve.points] == [0.0, 0.6, 0.8, 0.9]
    assert [p.precision for p in curve.points] == [wilson(4, 6), wilson(4, 5), wilson(3, 4), wilson(2, 2)]
    assert [p.exact for p in curve.points] == [p.precision for p in curve.points]
    assert [p.omission for p in curve.points] == [wilson(0, 6), wilson(1, 6), wilson(2, 6), wilson(4, 6)]
    assert curve.without_confidence == 1


def test_the_pooled_curve_begins_with_the_label_as_given() -> None:
    curve = curves_of(shapes(VALUES), Resamples(6, 200, 0))["overall"]
    first, last = curve.points[0], curve.points[-1]
    assert (first.precision.value, first.precision.n) == (4 / 6, 6)
    assert (first.omission.value, first.omission.n) == (6 / 12, 12)
    assert (last.precision.value, last.omission.value) == (1.0, 10 / 12)
    assert first.precision.low is not None
    assert first.precision.low < 4 / 6 < (first.precision.high or 0)


def test_coarser_values_are_right_and_not_exact_along_the_curve() -> None:
    truths = [truth_of(i, signs=Signs(shape=Shape.OVAL)) for i in range(2)]
    said = [(Shape.OVAL, 0.5), (Shape.ROUND_OR_OVAL, 0.9)]
    labels = [fused_of(i, Signs(shape=s), SignConfidences(shape=c)) for i, (s, c) in enumerate(said)]
    curve = curves_of(sign_table(truths, [statement_of(x) for x in labels]), Resamples(2, 50, 0))["shape"]
    assert [p.precision for p in curve.points] == [wilson(2, 2), wilson(1, 1)]
    assert [p.exact for p in curve.points] == [wilson(1, 2), wilson(0, 1)]


def test_labels_without_confidence_are_one_point() -> None:
    curve = curves_of(shapes([(True, None), (False, None)]), Resamples(2, 50, 0))["shape"]
    assert [p.precision for p in curve.points] == [wilson(1, 2)]
    assert curve.without_confidence == 2
    nothing = curves_of(sign_table([], []), Resamples(0, 50, 0))["overall"]
    assert (nothing.points[0].precision.value, nothing.points[0].omission.value) == (None, None)


def test_a_threshold_is_picked_by_omission_alone() -> None:
    curve = curves_of(shapes(VALUES), Resamples(6, 50, 0))["shape"]
    point = at_omission(curve, 0.4)
    assert point is not None
    assert (point.threshold, point.precision) == (0.8, wilson(3, 4))  # although 0.6 was more precise
    assert at_omission(curves_of(shapes(VALUES), Resamples(6, 50, 0))["overall"], 0.4) is None


def test_many_confidences_make_a_curve_of_few_points() -> None:
    confidences = np.linspace(0.3, 0.9, 500)
    found = thresholds_of(confidences)
    assert found[0] == 0
    assert found[-1] == 0.9
    assert found.size == MAX_POINTS
    assert (np.diff(found) > 0).all()
    assert thresholds_of(np.array([])).tolist() == [0.0]


values = st.lists(st.tuples(st.booleans(), st.none() | st.floats(0, 1)), max_size=60)


@given(values)
def test_omission_never_falls_and_fewer_values_remain(stated: list[tuple[bool, float | None]]) -> None:
    for curve in curves_of(shapes(stated), Resamples(len(stated), 5, 0)).values():
        omissions = [p.omission.value or 0 for p in curve.points]
        kept = [p.precision.n for p in curve.points]
        assert omissions == sorted(omissions)
        assert kept == sorted(kept, reverse=True)
        assert [p.threshold for p in curve.points] == sorted({p.threshold for p in curve.points})


# --- calibration ---


def test_ece_by_hand() -> None:
    confidences = np.array([0.95, 0.95, 0.65, 0.65, 0.61, 1.0])
    right = np.array([True, False, True, True, False, True])
    found = reliability(confidences, right, 2)
    top, middle = found.bins[9], found.bins[6]
    assert (top.right, middle.right) == (wilson(2, 3), wilson(2, 3))
    assert top.mean_confidence == pytest.approx(2.9 / 3)
    distance = 3 * abs(2 / 3 - 2.9 / 3) + 3 * abs(2 / 3 - 1.91 / 3)
    assert found.ece.value == pytest.approx(distance / 6)
    assert (found.ece.n, found.without_confidence) == (6, 2)
    assert found.bins[0].mean_confidence is None
    assert [b.low for b in found.bins] == pytest.approx([k / 10 for k in range(10)])


def test_no_confidence_no_calibration() -> None:
    found = calibration_of(shapes([(True, None)]), Resamples(1, 20, 0))["overall"]
    assert (found.ece.value, found.ece.low, found.ece.n, found.without_confidence) == (None, None, 0, 1)
    assert calibration_of(shapes([(True, 1.0), (True, 1.0)]), Resamples(2, 20, 0))["shape"].ece.value == 0.0


def test_the_calibration_error_has_an_interval_over_slices() -> None:
    # Confidence 0.8 where 60 of 100 are right: the error is 0.2, and its spread that of the share that is right.
    found = calibration_of(shapes([(i < 60, 0.8) for i in range(100)]), Resamples(100, 2000, 0))["shape"].ece
    assert (found.value, found.n) == (pytest.approx(0.2), 100)
    assert found.low == pytest.approx(0.2 - 1.96 * 0.049, abs=0.02)
    assert found.high == pytest.approx(0.2 + 1.96 * 0.049, abs=0.02)


# --- resampling ---


def test_an_interval_over_slices_is_wider_than_over_values() -> None:
    right = np.repeat([[4], [0]], 20, axis=0)
    stated = np.full((40, 1), 4)
    found = clustered(right, stated, Resamples(40, 2000, 1))[0]
    independent = wilson(80, 160)
    assert (found.value, found.n) == (0.5, 160)
    assert found.low == pytest.approx(wilson(20, 40).low, abs=0.03)
    assert (found.low or 0) < (independent.low or 0)


def test_certainty_is_never_claimed() -> None:
    all_right = np.full((12, 1), 5)
    found = clustered(all_right, all_right, Resamples(12, 100, 1))[0]
    assert (found.value, found.low, found.n) == (1.0, wilson(12, 12).low, 60)
    none_right = clustered(np.zeros_like(all_right), all_right, Resamples(12, 100, 1))[0]
    assert (none_right.low, none_right.high) == (0.0, wilson(0, 12).high)
    one = clustered(np.array([[1]]), np.array([[2]]), Resamples(1, 100, 1))[0]
    assert (one.low or 0) < 0.5 < (one.high or 1)


def test_the_same_seed_draws_the_same_slices() -> None:
    first, second, other = (Resamples(30, 20, seed).weights for seed in (1, 1, 2))
    assert (first == second).all()
    assert (first != other).any()
    assert (first.sum(1) == 30).all()
    assert percentiles(np.array([])) is None


def test_a_statement_without_lesion_has_no_confidence() -> None:
    table = sign_table([truth_of(0, signs=Signs(shape=Shape.ROUND))], [Statement(found=None)])
    assert np.isnan(table.confidence).all()
    assert not table.stated.any()
