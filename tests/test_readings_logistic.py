"""Logistic models: what they learn, what they say where something is missing, and how they are stored."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuroonco.errors import InputError
from neuroonco.readings.logistic import FittedOn, LogisticModel, fit_logistic, load_fitted
from neuroonco.vocabulary import PhantomStyle

ON = FittedOn(seed=1, style=PhantomStyle.TUNED, number=0, rows=0, note="drawn in a test")
BY_HAND = LogisticModel(
    name="by_hand",
    features=("x", "y"),
    means=(10.0, 0.0),
    scales=(2.0, 1.0),
    classes=("no", "yes"),
    weights=((0.0, 0.0), (1.0, -2.0)),
    missing=((0.0, 0.0), (0.0, math.log(3))),
    intercepts=(0.0, 0.0),
    l2=1.0,
    fitted_on=ON,
)


def rows_of(table: np.ndarray) -> list[dict[str, float | None]]:
    return [{f"f{n}": float(value) for n, value in enumerate(row)} for row in table]


def test_probabilities_by_hand() -> None:
    # (12 - 10) / 2 = 1 standard deviation, times 1; y = 0.5 times -2: odds exp(0) = 1
    assert BY_HAND.probabilities({"x": 12.0, "y": 0.5})["yes"] == pytest.approx(0.5)
    assert BY_HAND.probabilities({"x": 14.0, "y": 0.0})["yes"] == pytest.approx(math.e**2 / (1 + math.e**2))


def test_a_missing_measurement_is_the_mean_and_adds_its_own_weight() -> None:
    assert BY_HAND.probabilities({"x": 10.0, "y": None})["yes"] == pytest.approx(0.75)
    assert BY_HAND.probabilities({"x": 10.0}) == BY_HAND.probabilities({"x": 10.0, "y": math.nan, "z": 5.0})


def test_far_measurements_persuade_no_more_than_odd_ones() -> None:
    assert BY_HAND.probabilities({"x": 1e9, "y": 0.0}) == BY_HAND.probabilities({"x": 18.0, "y": 0.0})


@given(st.floats(-1e12, 1e12), st.floats(-1e12, 1e12) | st.none())
def test_probabilities_sum_to_one(x: float, y: float | None) -> None:
    found = BY_HAND.probabilities({"x": x, "y": y})
    assert sum(found.values()) == pytest.approx(1)
    assert BY_HAND.best({"x": x, "y": y})[1] == max(found.values()) >= 0.5


def test_known_weights_are_recovered() -> None:
    rng = np.random.default_rng(5)
    table = rng.normal(size=(4000, 3))
    true = np.array([2.0, -1.0, 0.0])
    labels = np.where(rng.random(4000) < 1 / (1 + np.exp(-(table @ true + 0.7))), "yes", "no").tolist()
    model = fit_logistic(rows_of(table), labels, name="m", features=("f0", "f1", "f2"), l2=1e-3, fitted_on=ON)
    learned = (np.array(model.weights[1]) - np.array(model.weights[0])) / np.array(model.scales)
    assert learned == pytest.approx(true, abs=0.15)
    shift = np.array(model.means) @ learned
    assert model.intercepts[1] - model.intercepts[0] - shift == pytest.approx(0.7, abs=0.15)


def test_a_penalty_shrinks_and_balance_forgets_how_often_a_class_occurs() -> None:
    rng = np.random.default_rng(6)
    labels = ["rare"] * 40 + ["usual"] * 360
    table = np.concatenate([rng.normal(1, 1, (40, 1)), rng.normal(0, 1, (360, 1))])
    rows = rows_of(table)
    loose, tight = (
        fit_logistic(rows, labels, name="m", features=("f0",), l2=l2, fitted_on=ON) for l2 in (0.01, 1000.0)
    )
    assert abs(tight.weights[0][0]) < 0.2 * abs(loose.weights[0][0])
    assert tight.probabilities({})["rare"] == pytest.approx(0.1, abs=0.02)
    balanced = fit_logistic(rows, labels, name="m", features=("f0",), l2=1000.0, fitted_on=ON, balanced=True)
    assert balanced.probabilities({})["rare"] == pytest.approx(0.5, abs=0.05)


def test_being_missing_is_learned_only_from_enough_rows() -> None:
    rows: list[dict[str, float | None]] = [{"f0": None, "f1": 0.0}] * 20 + [{"f0": 1.0, "f1": 0.0}] * 20
    labels = ["a"] * 20 + ["b"] * 20
    learned = fit_logistic(rows, labels, name="m", features=("f0", "f1"), l2=0.1, fitted_on=ON)
    assert learned.probabilities({"f1": 0.0})["a"] > 0.9
    untold = fit_logistic(rows, labels, name="m", features=("f0", "f1"), l2=0.1, fitted_on=ON, min_missing=21)
    assert untold.probabilities({"f1": 0.0})["a"] == pytest.approx(0.5)


def test_the_file_holds_the_model_and_the_fit_repeats_to_the_byte() -> None:
    table = np.random.default_rng(7).normal(size=(60, 2))
    labels = ["a" if row[0] > 0 else "b" for row in table]
    first, second = (
        fit_logistic(rows_of(table), labels, name="m", features=("f0", "f1"), l2=1.0, fitted_on=ON) for _ in range(2)
    )
    assert first.to_json() == second.to_json()
    assert LogisticModel.model_validate_json(first.to_json()) == first


@pytest.mark.parametrize(
    ("rows", "labels", "l2"),
    [([], [], 1.0), ([{"f0": 1.0}], ["a", "b"], 1.0), ([{"f0": 1.0}], ["c"], 1.0), ([{"f0": 1.0}], ["a"], 0.0)],
)
def test_what_cannot_be_fitted_is_refused(rows: list, labels: list, l2: float) -> None:
    with pytest.raises(ValueError, match=r"rows|classes|penalty"):
        fit_logistic(rows, labels, name="m", features=("f0",), l2=l2, fitted_on=ON, classes=("a", "b"))


@pytest.mark.parametrize("name", ["no_such_model", "../rules/default", ""])
def test_an_unknown_model_is_an_input_error(name: str) -> None:
    with pytest.raises(InputError, match="fitted model"):
        load_fitted(name)
