"""Two models on the same questions."""

import pytest
from scipy.stats import binom

from closed_items import closed_item, predicted
from neuroonco.build.records import ClosedItem
from neuroonco.predict.records import Prediction
from neuroonco.score.closed.compare import compare


def benchmark(images: int, questions: int = 1) -> list[ClosedItem]:
    return [closed_item(f"{n:03}", "A", q_index=q) for n in range(images) for q in range(questions)]


def right_on(items: list[ClosedItem], right: set[int]) -> list[Prediction]:
    return [predicted(item, "A" if n in right else "B") for n, item in enumerate(items)]


def test_counts_difference_and_exact_p() -> None:
    items = benchmark(20)
    result = compare(items, right_on(items, set(range(12))), right_on(items, {0, 1, 2, 3, 12, 13}))
    assert (result.both_right, result.only_a, result.only_b, result.neither) == (4, 8, 2, 6)
    assert result.difference.value == pytest.approx(0.3)
    # two-sided exact: twice the tail of 2 or fewer of 10
    assert result.p_value == pytest.approx(2 * binom.cdf(2, 10, 0.5))
    assert result.difference.low is not None
    assert result.difference.high is not None
    assert -0.05 < result.difference.low < 0.3 < result.difference.high < 0.65


def test_swapping_the_models_mirrors_the_result() -> None:
    items = benchmark(30)
    a, b = right_on(items, set(range(15))), right_on(items, set(range(10, 20)))
    forth, back = compare(items, a, b, seed=5), compare(items, b, a, seed=5)
    assert forth.p_value == back.p_value
    assert forth.difference.value == pytest.approx(-back.difference.value)  # type: ignore[operator]
    assert forth.difference.low == pytest.approx(-back.difference.high)  # type: ignore[operator]


def test_questions_of_one_image_are_resampled_together() -> None:
    # Right or wrong by image, ten questions each: as many independent facts as images, not as questions.
    items = benchmark(10, questions=10)
    a = right_on(items, set(range(50)))
    single = [item for item in items if item.q_index == 0]
    clustered, alone = compare(items, a, []), compare(single, right_on(single, set(range(5))), [])
    assert clustered.difference.images == alone.difference.images == 10
    assert clustered.difference.n == 100
    assert (clustered.difference.low, clustered.difference.high) == (alone.difference.low, alone.difference.high)


def test_order_does_not_matter_and_the_seed_decides() -> None:
    items = benchmark(25, questions=2)
    a, b = right_on(items, set(range(0, 50, 2))), right_on(items, set(range(0, 50, 3)))
    assert compare(items, a, b) == compare(items[::-1], a[::-1], b)
    assert compare(items, a, b, seed=1, resamples=9).difference != compare(items, a, b, seed=2, resamples=9).difference


def test_equal_models_and_no_questions() -> None:
    items = benchmark(3)
    same = compare(items, right_on(items, {0}), right_on(items, {0}))
    assert (same.p_value, same.difference.low, same.difference.high) == (1.0, 0.0, 0.0)
    nothing = compare([], [], [])
    assert (nothing.p_value, nothing.difference.value, nothing.difference.n) == (None, None, 0)
    one = compare(items[:1], right_on(items[:1], {0}), [])
    assert (one.difference.value, one.difference.low) == (1.0, None)
