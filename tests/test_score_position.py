"""Places that a model prefers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2

from closed_items import closed_item, predicted
from neuroonco.build.records import ClosedItem
from neuroonco.predict.records import Prediction
from neuroonco.resampling import Resamples
from neuroonco.score.closed.clustering import ClusteredQuestions
from neuroonco.score.closed.position import bias_of, homogeneity_p
from neuroonco.score.closed.records import PositionBias
from neuroonco.score.closed.score import score_closed
from neuroonco.vocabulary import PredictionStatus


def alone(n: int, resamples: int = 200) -> ClusteredQuestions:
    return ClusteredQuestions("image", np.arange(n), Resamples(n, resamples, 0))


def bias(items: list[ClosedItem], rows: list[Prediction]) -> PositionBias:
    found = score_closed(items, rows, resamples=200).position
    assert found is not None
    return found


def shown(item: ClosedItem, pred: str, order: str | None) -> Prediction:
    return predicted(item, pred).model_copy(update={"shown_order": order})


def test_counts_by_letter() -> None:
    items = [closed_item(str(n), answer) for n, answer in enumerate("AABBE")]
    items.append(closed_item("b", "B", texts=("Abnormal", "Healthy")))
    items.append(closed_item("u", "A"))
    rows = [predicted(i, pred) for i, pred in zip(items, "ABAAEA", strict=False)]
    rows.append(predicted(items[-1], None, PredictionStatus.REFUSED))
    found = bias(items, rows)
    first, second, last = found.by_letter[0], found.by_letter[1], found.by_letter[4]
    assert [p.letter for p in found.by_letter] == list("ABCDE")
    assert (first.offered, first.chosen.value, first.right.value) == (6, pytest.approx(4 / 6), pytest.approx(2 / 6))
    assert (first.recall.value, first.recall.n) == (0.5, 2)
    assert (second.recall.value, second.recall.n) == (0.0, 3)
    # The binary question shows no E.
    assert (last.offered, last.chosen.value, last.recall.value) == (5, 0.2, 1.0)
    assert found.excess.value == pytest.approx((abs(4 - 2) + abs(1 - 3)) / 2 / 6)
    assert found.excess.n == 6
    assert found.recall_spread == pytest.approx(np.std([0.5, 0.0, 1.0]))
    assert found.p_value is None


def test_letters_are_those_that_were_shown() -> None:
    item = closed_item("1", "A")
    found = bias([item], [shown(item, "B", "CABDE")])
    # The truth stood second, the choice third.
    assert [p.letter for p in found.by_letter if p.right.value] == ["B"]
    assert [p.letter for p in found.by_letter if p.chosen.value] == ["C"]


@pytest.mark.parametrize("order", ["ABCD", "ABCDF", "AABCD", "", "abcde", "ABCDEA"])
def test_an_order_that_does_not_fit_is_in_no_figure_of_places(order: str) -> None:
    one, two = closed_item("1", "A"), closed_item("2", "B")
    score = score_closed([one, two], [shown(one, "A", order), shown(two, "B", None)], resamples=200)
    assert score.position is not None
    assert (score.position.left_out, score.position.excess.n, score.accuracy.value) == (1, 1, 1.0)


def test_no_valid_answer_no_position() -> None:
    assert score_closed([closed_item("1", "A")], []).position is None


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40))
def test_excess_is_between_zero_and_one_and_zero_for_the_perfect(pairs: list[tuple[int, int]]) -> None:
    chosen, right = (np.array(column) for column in zip(*pairs, strict=True))
    places = np.full(len(pairs), 4)
    found = bias_of(chosen, right, places, alone(len(pairs), 40)).excess
    assert found.value is not None
    assert 0 <= found.value <= 1
    # The least number of answers that would have to move, counted one by one.
    surplus = np.bincount(chosen, minlength=4) - np.bincount(right, minlength=4)
    assert found.value == pytest.approx(surplus[surplus > 0].sum() / len(pairs))
    perfect = bias_of(right, right, places, alone(len(pairs), 40)).excess
    assert (perfect.value, perfect.low) == (0.0, 0.0)
    assert (perfect.high or 0) > 0


@pytest.mark.parametrize("pull", [0.0, 0.1, 0.4])
@pytest.mark.parametrize("n", [300, 2000])
def test_an_interval_of_the_excess_holds_the_truth(n: int, pull: float) -> None:
    """Of the answers a share goes to the first place whatever stands there; most of the others are right."""
    rng = np.random.default_rng(2)
    held, values, chances = 0, [], []
    for seed in range(100):
        right = rng.integers(0, 5, n)
        free = np.where(rng.random(n) < 0.6, right, rng.integers(0, 5, n))
        chosen = np.where(rng.random(n) < pull, 0, free)
        questions = ClusteredQuestions("image", np.arange(n) // 2, Resamples(n // 2, 200, seed))
        found = bias_of(chosen, right, np.full(n, 5), questions)
        assert found.excess.low is not None
        assert found.excess.high is not None
        held += found.excess.low <= pull * 0.8 <= found.excess.high
        values.append(found.excess.value)
        chances.append(found.excess_by_chance)
    assert held >= 91
    if not pull:
        assert np.mean(chances) == pytest.approx(np.mean(values), rel=0.1)


def flags(pairs: list[tuple[int, int]], places: int) -> tuple[np.ndarray, np.ndarray]:
    chosen, right = (np.array(column)[:, None] == np.arange(places) for column in zip(*pairs, strict=True))
    return chosen, right


def test_with_two_places_it_is_mcnemars_chi_square() -> None:
    pairs = [(0, 1)] * 25 + [(1, 0)] * 10 + [(0, 0)] * 40
    found = homogeneity_p(*flags(pairs, 2), alone(75))
    assert found == pytest.approx(chi2.sf(15**2 / 35, 1))


def test_a_published_table() -> None:
    # Stuart 1955: unaided distance vision of 7477 women, right eye by left; Q = 11.96 with 3 degrees of freedom.
    table = [[1520, 266, 124, 66], [234, 1512, 432, 78], [117, 362, 1772, 205], [36, 82, 179, 492]]
    pairs = [(i, j) for i in range(4) for j in range(4) for _ in range(table[i][j])]
    found = homogeneity_p(*flags(pairs, 4), alone(len(pairs)))
    assert found == pytest.approx(chi2.sf(11.96, 3), rel=0.01)


def test_answers_that_repeat_are_no_further_evidence() -> None:
    pairs = [(0, 1)] * 25 + [(1, 0)] * 10
    fourfold = ClusteredQuestions("image", np.repeat(np.arange(35), 4), Resamples(35, 10, 0))
    once = homogeneity_p(*flags(pairs, 2), alone(35))
    assert homogeneity_p(*flags([p for p in pairs for _ in range(4)], 2), fourfold) == pytest.approx(once)


def test_too_few_answers_have_no_test() -> None:
    assert homogeneity_p(*flags([(0, 1)] * 5 + [(1, 0)] * 4, 2), alone(9)) is None
    assert homogeneity_p(*flags([(0, 0)] * 50, 1), alone(50)) is None
