"""The Wilson interval: what a report may rest on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from neuroonco.intervals import wilson


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_bounds_hold_the_value_and_stay_between_0_and_1(case: tuple[int, int]) -> None:
    successes, n = case
    estimate = wilson(successes, n)
    assert estimate.value is not None
    assert estimate.low is not None
    assert estimate.high is not None
    assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1
    assert estimate.low < estimate.high


@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_it_agrees_with_scipy(case: tuple[int, int]) -> None:
    successes, n = case
    theirs = binomtest(successes, n).proportion_ci(0.95, "wilson")
    ours = wilson(successes, n)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


def test_nothing_is_none_and_not_zero() -> None:
    nothing = wilson(0, 0)
    assert (nothing.value, nothing.low, nothing.high, nothing.n) == (None, None, None, 0)


def test_more_confidence_is_wider() -> None:
    assert wilson(5, 20, 0.99).low < wilson(5, 20).low  # type: ignore[operator]


@pytest.mark.parametrize(("successes", "n", "confidence"), [(3, 2, 0.95), (-1, 2, 0.95), (1, 2, 1.0)])
def test_impossible_counts_are_refused(successes: int, n: int, confidence: float) -> None:
    with pytest.raises(ValueError, match=r"successes|confidence"):
        wilson(successes, n, confidence)
