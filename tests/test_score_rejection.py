"""How a model uses "None of the above": figures from four counts."""

from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score, matthews_corrcoef, precision_score, recall_score

from closed_items import closed_item, predicted
from neuroonco.resampling import Resamples
from neuroonco.score.closed.clustering import ClusteredQuestions
from neuroonco.score.closed.records import Rejection
from neuroonco.score.closed.rejection import rejection
from neuroonco.score.closed.score import score_closed


def alone(n: int, resamples: int = 300) -> ClusteredQuestions:
    """Every question a cluster of its own."""
    return ClusteredQuestions("image", np.arange(n), Resamples(n, resamples, 0))


def of_table(true: int, false: int, missed: int, kept: int) -> Rejection:
    is_none = np.repeat([True, False, True, False], [true, false, missed, kept])
    said = np.repeat([True, True, False, False], [true, false, missed, kept])
    return rejection(np.ones(len(said), bool), is_none, said, alone(len(said)))


def test_a_table_by_hand() -> None:
    found = of_table(30, 20, 10, 140)
    assert (found.true_rejections, found.false_rejections, found.missed_rejections, found.kept) == (30, 20, 10, 140)
    assert (found.recall.value, found.recall.n) == (0.75, 40)
    assert (found.precision.value, found.precision.n) == (0.6, 50)
    assert (found.false_rejection_rate.value, found.false_rejection_rate.n) == (0.125, 160)
    assert (found.f1.value, found.f1.n) == (pytest.approx(2 * 0.75 * 0.6 / 1.35), 40)
    assert (found.youden_j.value, found.youden_j.n) == (pytest.approx(0.625), 200)
    assert found.mcc.value == pytest.approx((30 * 140 - 20 * 10) / sqrt(50 * 40 * 160 * 150))
    # The rates are independent: the variance of J is the sum of theirs.
    spread = 1.96 * sqrt(0.75 * 0.25 / 40 + 0.125 * 0.875 / 160)
    assert found.youden_j.low == pytest.approx(0.625 - spread, abs=0.04)
    assert found.youden_j.high == pytest.approx(0.625 + spread, abs=0.04)


def test_perfect_is_one_and_still_not_certain() -> None:
    found = of_table(40, 0, 0, 160)
    for figure in (found.recall, found.precision, found.f1, found.youden_j, found.mcc):
        assert figure.value == figure.high == 1.0
        assert figure.low is not None
        assert 0.7 < figure.low < 1.0
    assert (found.false_rejection_rate.low, found.youden_j.n) == (0.0, 200)
    assert found.youden_j.low == pytest.approx((found.recall.low or 0) - (found.false_rejection_rate.high or 0))


def test_empty_denominators_have_no_figure() -> None:
    nothing = of_table(0, 0, 0, 0)
    figures = (
        nothing.recall,
        nothing.precision,
        nothing.f1,
        nothing.false_rejection_rate,
        nothing.youden_j,
        nothing.mcc,
    )
    assert {(f.value, f.low, f.high, f.n) for f in figures} == {(None, None, None, 0)}
    never = of_table(0, 0, 5, 20)
    assert (never.precision.value, never.f1.value, never.youden_j.value, never.mcc.value) == (None, 0.0, 0.0, None)
    only_answerable = of_table(0, 3, 0, 20)
    assert (only_answerable.recall.value, only_answerable.youden_j.value) == (None, None)
    assert only_answerable.false_rejection_rate.value == pytest.approx(3 / 23)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_figures_are_those_of_scikit_learn(rows: list[tuple[bool, bool]]) -> None:
    is_none, said = (np.array(column, bool) for column in zip(*rows, strict=True))
    found = rejection(np.ones(len(rows), bool), is_none, said, alone(len(rows), 40))
    if is_none.any():
        assert found.recall.value == pytest.approx(recall_score(is_none, said))
        assert found.f1.value == pytest.approx(f1_score(is_none, said))
    if said.any():
        assert found.precision.value == pytest.approx(precision_score(is_none, said))
    if found.mcc.value is None:  # scikit-learn says 0 where a side of the table is empty
        assert 0 in (is_none.sum(), said.sum(), (~is_none).sum(), (~said).sum())
    else:
        assert found.mcc.value == pytest.approx(matthews_corrcoef(is_none, said))
    for figure in (found.recall, found.precision, found.f1, found.false_rejection_rate, found.youden_j, found.mcc):
        if figure.value is not None and figure.low is not None and figure.high is not None:
            assert figure.low <= figure.value <= figure.high
            assert figure.low < figure.high


@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 12))
def test_who_ignores_the_image_has_no_skill(answers: int, rejects: int, times: int) -> None:
    """Whoever says it as often where it is right as where it is not has J 0, however often that is."""
    found = of_table(rejects * times, rejects * answers, times, answers)
    assert found.youden_j.value == pytest.approx(0)
    assert found.mcc.value == pytest.approx(0)
    assert found.youden_j.low is not None
    assert found.youden_j.high is not None
    assert found.youden_j.low < 0 < found.youden_j.high


@given(st.lists(st.tuples(st.sampled_from("ABE"), st.sampled_from([None, *"ABCDE"])), min_size=1, max_size=20))
def test_always_none_stands_beside_every_model(rows: list[tuple[str, str | None]]) -> None:
    items = [closed_item(str(n), answer) for n, (answer, _) in enumerate(rows)]
    items.append(closed_item("binary", "A", texts=("Abnormal", "Healthy")))
    given_rows = [predicted(item, pred) for item, (_, pred) in zip(items, rows, strict=False)]
    score = score_closed(items, given_rows, resamples=40)
    always = score_closed(items, [predicted(i, "E") for i in items], resamples=40)
    assert score.always_none == always.rejection == always.always_none
    found = score.always_none
    rejections = sum(answer == "E" for answer, _ in rows)
    assert found.precision.value == rejections / len(rows)
    assert found.recall.value == (1.0 if rejections else None)
    assert found.youden_j.value == (0.0 if 0 < rejections < len(rows) else None)


def test_the_questions_of_an_image_are_one_fact() -> None:
    # Five questions an image, all answered alike: the intervals are those of one question an image.
    is_none, said = (np.repeat(row, 5) for row in ([True, False] * 20, [True, False, True, True] * 10))
    many = ClusteredQuestions("image", np.repeat(np.arange(40), 5), Resamples(40, 500, 0))
    wide = rejection(np.ones(200, bool), is_none, said, many)
    one = rejection(
        np.ones(40, bool), is_none[::5], said[::5], ClusteredQuestions("image", np.arange(40), many.resamples)
    )
    for name in ("recall", "precision", "f1", "false_rejection_rate", "youden_j", "mcc"):
        first, second = getattr(wide, name), getattr(one, name)
        assert (first.value, first.low, first.high) == pytest.approx((second.value, second.low, second.high))
