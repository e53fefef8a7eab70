"""Multinomial logistic models, small enough to be read: fitted once, stored as JSON, applied without any library.

The fit is convex and starts at zero, so the same rows give the same model.
"""

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError
from scipy.optimize import minimize

from neuroonco.errors import InputError
from neuroonco.outcomes import Record
from neuroonco.vocabulary import PhantomStyle

Floats = npt.NDArray[np.float64]
FeatureValues = Mapping[str, float | None]
"""Measurements of one slice by name; None, or no entry, where it could not be measured."""

FAR = 4.0
"""A measurement counts as at most so many standard deviations from the mean: strange pictures persuade no more than
odd ones."""
DIGITS = 6
"""Significant digits that are stored."""


class FittedOn(Record):
    """The rows a model was fitted to.

    Attributes:
        seed, style, number: of the series of phantoms.
        rows: of them that could be used.
        note: what was measured in them, e.g. ``with mask``.
    """

    seed: int
    style: PhantomStyle
    number: int
    rows: int
    note: str


class LogisticModel(Record):
    """A multinomial logistic regression.

    Attributes:
        name: of its file.
        features: names of the measurements, in the order of the columns.
        means, scales: by which each is standardised; of the rows where it was measured.
        classes: the answers, in the order of the rows of ``weights``.
        weights: (classes, features) of the standardised measurements.
        missing: (classes, features), what it adds that a measurement is missing.
        intercepts: one a class.
        l2: strength of the penalty on the weights.
    """

    name: str
    features: tuple[str, ...]
    means: tuple[float, ...]
    scales: tuple[float, ...]
    classes: tuple[str, ...]
    weights: tuple[tuple[float, ...], ...]
    missing: tuple[tuple[float, ...], ...]
    intercepts: tuple[float, ...]
    l2: float
    fitted_on: FittedOn

    def probabilities(self, values: FeatureValues) -> dict[str, float]:
        """Probability of each class; they sum to 1.

        A missing measurement counts as the mean of those that the model was fitted to, and adds its ``missing``
        weight, which is zero where hardly any row lacked it. Others than the model's are ignored.
        """
        shown, lacking = _standardised([values], self.features, self.means, self.scales)
        scores = (
            np.asarray(self.intercepts) + np.asarray(self.weights) @ shown[0] + np.asarray(self.missing) @ lacking[0]
        )
        odds = np.exp(scores - scores.max())
        return dict(zip(self.classes, (odds / odds.sum()).tolist(), strict=True))

    def best(self, values: FeatureValues) -> tuple[str, float]:
        """The most probable class and its probability."""
        return max(self.probabilities(values).items(), key=lambda item: item[1])

    def to_json(self) -> str:
        """The text of its file: one line a field, so that a change shows."""
        fields = self.model_dump(mode="json")
        lines = (f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in fields.items())
        return "{\n" + ",\n".join(lines) + "\n}\n"


def fit_logistic(
    rows: Sequence[FeatureValues],
    labels: Sequence[str],
    *,
    name: str,
    features: Sequence[str],
    l2: float,
    fitted_on: FittedOn,
    classes: Sequence[str] | None = None,
    balanced: bool = False,
    min_missing: int = 8,
) -> LogisticModel:
    """Fit by penalised maximum likelihood: sum of log losses plus ``l2 / 2`` times the sum of squared weights.

    Args:
        rows: measurements, one mapping a slice.
        labels: the true class of each row.
        name: of the model.
        features: names to use.
        l2: penalty, above 0; intercepts are free.
        fitted_on: stored with the model.
        classes: all answers, in order; as they occur, sorted, if not given.
        balanced: whether each class weighs alike however often it occurs.
        min_missing: rows that must lack a measurement before its being missing gets a weight.

    Raises:
        ValueError: no rows, rows and labels of different number, an unknown label, or no penalty.
    """
    if not rows or len(rows) != len(labels):
        raise ValueError(f"{len(rows)} rows and {len(labels)} labels: need as many of both, and some")
    if l2 <= 0:
        raise ValueError(f"l2 = {l2}: without a penalty separable rows have no solution")
    names = tuple(classes) if classes is not None else tuple(sorted(set(labels)))
    if unknown := sorted(set(labels) - set(names)):
        raise ValueError(f"labels {unknown} are none of the classes {names}")
    means, scales = _spread(rows, features)
    shown, lacking = _standardised(rows, features, means, scales)
    lacking = lacking * (lacking.sum(axis=0) >= min_missing)
    truth = np.array([[label == c for c in names] for label in labels], dtype=np.float64)
    counts = np.maximum(truth.sum(axis=0), 1)
    weight = (truth @ (len(labels) / (len(names) * counts))) if balanced else np.ones(len(labels))
    weights, intercepts = _minimise(np.hstack([shown, lacking]), truth, weight, l2)
    split = len(features)
    return LogisticModel(
        name=name,
        features=tuple(features),
        means=means,
        scales=scales,
        classes=names,
        weights=tuple(_rounded(row) for row in weights[:, :split]),
        missing=tuple(_rounded(row) for row in weights[:, split:]),
        intercepts=_rounded(intercepts),
        l2=l2,
        fitted_on=fitted_on,
    )


@cache
def load_fitted(name: str) -> LogisticModel:
    """A model of the package by the name of its file in ``readings/fitted``.

    Raises:
        InputError: no such model, or its file is not one.
    """
    fix = "remake the files: scripts/fit_reader.py"
    if not re.fullmatch(r"[a-z0-9_]+", name):
        raise InputError("MODEL_FILE_NAME", f"{name!r} is no name of a fitted model", fix=fix)
    path = files("neuroonco.readings") / "fitted" / f"{name}.json"
    if not path.is_file():
        raise InputError("MODEL_FILE_MISSING", f"no fitted model {name!r}", fix=fix)
    try:
        return LogisticModel.model_validate_json(path.read_text("utf-8"))
    except ValidationError as error:
        message = error.errors(include_url=False)[0]["msg"]
        raise InputError("MODEL_FILE_INVALID", message, where=f"readings/fitted/{name}.json", fix=fix) from None


def _rounded(values: Iterable[float]) -> tuple[float, ...]:
    return tuple(float(f"{value:.{DIGITS}g}") + 0.0 for value in values)


def _known(value: float | None) -> float:
    return math.nan if value is None or not math.isfinite(value) else float(value)


def _table(rows: Sequence[FeatureValues], features: Sequence[str]) -> Floats:
    return np.array([[_known(row.get(f)) for f in features] for row in rows], dtype=np.float64).reshape(len(rows), -1)


def _spread(rows: Sequence[FeatureValues], features: Sequence[str]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each feature where it is known; 0 and 1 where it never is."""
    means, scales = [], []
    for column in _table(rows, features).T:
        known = column[~np.isnan(column)]
        means.append(float(known.mean()) if known.size else 0.0)
        sd = float(known.std()) if known.size else 0.0
        scales.append(sd if sd > 1e-9 else 1.0)
    return _rounded(means), _rounded(scales)


def _standardised(
    rows: Sequence[FeatureValues], features: Sequence[str], means: Sequence[float], scales: Sequence[float]
) -> tuple[Floats, Floats]:
    """Standardised values with 0 where unknown, and 1 where unknown, both (rows, features)."""
    table = (_table(rows, features) - np.asarray(means)) / np.asarray(scales)
    lacking = np.isnan(table)
    return np.where(lacking, 0.0, np.clip(table, -FAR, FAR)), lacking.astype(np.float64)


def _minimise(table: Floats, truth: Floats, weight: Floats, l2: float) -> tuple[Floats, Floats]:
    n_classes, n_columns = truth.shape[1], table.shape[1]

    def loss(flat: Floats) -> tuple[float, Floats]:
        matrix = flat.reshape(n_classes, n_columns + 1)
        scores = table @ matrix[:, :-1].T + matrix[:, -1]
        scores = scores - scores.max(axis=1, keepdims=True)
        logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        wrong = (np.exp(logs) - truth) * weight[:, None]
        gradient = np.hstack([wrong.T @ table + l2 * matrix[:, :-1], wrong.sum(axis=0)[:, None]])
        value = -float((weight * (truth * logs).sum(axis=1)).sum()) + 0.5 * l2 * float((matrix[:, :-1] ** 2).sum())
        return value, gradient.ravel()

    start = np.zeros(n_classes * (n_columns + 1))
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 2000, "ftol": 1e-12, "gtol": 1e-7})
    matrix = found.x.reshape(n_classes, n_columns + 1)
    return matrix[:, :-1], matrix[:, -1] - matrix[:, -1].mean()
