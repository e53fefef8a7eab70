"""Agreement coefficients: of one table by the kept libraries, and from sums over questions, for resamples and strata.

A library takes about a millisecond a figure; 2,000 resamples of some hundred figures need the second form. Every
coefficient of it is an *excess* of agreement over the *room* that chance leaves for it. Strata, whose chance differs,
are pooled by adding both up before one is divided by the other.

The value that is reported of one type is the library's. Those of several types, and AC1, which no library here has, are
of the second form: none pools strata. Tests hold it against the libraries, and both against the papers' definitions.
"""

import warnings
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from neuroonco.errors import PrerequisiteError
from neuroonco.resampling import Counts, Floats

MISSING = -1
"""Code of no rating."""
MOST_CELLS = 1 << 22
"""Of questions by categories by categories, which the package ``krippendorff`` lays out in memory (32 MiB), twice."""
TINY = 1e-9
"""Room below this share of the cases is rounding: chance alone gives full agreement, and nothing is defined."""


class Parts(NamedTuple):
    """Agreement beyond chance, and how much there could be; both (rows,), in numbers of cases."""

    excess: Floats
    room: Floats


def ratio(parts: Sequence[Parts]) -> Floats:
    """The coefficient of all strata together: (rows,), NaN where it is not defined.

    >>> ratio([Parts(np.array([3.0, 0.0]), np.array([4.0, 0.0])), Parts(np.array([1.0, 0.0]), np.array([4.0, 0.0]))])
    array([0.5, nan])
    """
    excess, room = (np.sum([part[k] for part in parts], axis=0) for k in (0, 1))
    defined = room > TINY
    found: Floats = np.where(defined, excess / np.where(defined, room, 1.0), np.nan)
    return found


def counts_of(codes: Counts, categories: int) -> Counts:
    """How many readers gave each answer: (questions, categories) of (questions, readers) codes.

    >>> counts_of(np.array([[0, 2, 2], [1, -1, 1]]), 3).tolist()
    [[1, 0, 2], [0, 2, 0]]
    """
    return np.stack([(codes == k).sum(axis=1) for k in range(categories)], axis=1).astype(np.int64)


def usual_number(counts: Counts) -> int:
    """The number of ratings, two or more, that most questions have, the larger where two are as frequent; 0: none has.

    Fleiss' kappa is defined for equally many ratings of every question; the others are left out of it.

    >>> usual_number(np.array([[3, 0], [1, 2], [1, 1], [1, 0]]))
    3
    """
    found = np.bincount(counts.sum(axis=1), minlength=2)
    found[:2] = 0
    return int(len(found) - 1 - np.argmax(found[::-1])) if found.any() else 0


# --- of one table, by the libraries ---


def _library(module: str, name: str) -> Any:
    try:
        return getattr(import_module(module), name)
    except ImportError:
        library, fix = module.partition(".")[0], "pip install 'neuroonco[review]'"
        raise PrerequisiteError("EXTRA_MISSING", f"agreement of readers needs {library}", fix=fix) from None


def _defined(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def cohen(first: Counts, second: Counts) -> float | None:
    """Cohen's kappa of two readers, over the questions that both rated.

    1 is full agreement, 0 what two readers with these shares of answers reach by chance, negative is less.

    Args:
        first, second: (questions,) codes.

    Returns:
        None where both rated nothing, or gave one and the same answer throughout.

    Source: Cohen, Educ Psychol Meas 1960;20:37-46; ``sklearn.metrics.cohen_kappa_score``.

    >>> round(cohen(np.array([0, 0, 1, 1, -1]), np.array([0, 1, 1, 1, 1])), 3)
    0.5
    """
    both = (first != MISSING) & (second != MISSING)
    labels = np.unique(np.concatenate([first[both], second[both]]))
    if labels.size < 2:
        return None
    score = _library("sklearn.metrics", "cohen_kappa_score")
    return _defined(score(first[both], second[both], labels=labels))


def fleiss(counts: Counts) -> float | None:
    """Fleiss' kappa over the questions with the usual number of ratings; see :func:`usual_number`.

    Source: Fleiss, Psychol Bull 1971;76:378-382; ``statsmodels.stats.inter_rater.fleiss_kappa``.

    >>> round(fleiss(np.array([[2, 0], [1, 1], [0, 2], [0, 1]])), 3)
    0.333
    """
    number = usual_number(counts)
    table = counts[counts.sum(axis=1) == number]
    if number == 0 or (table.sum(axis=0) > 0).sum() < 2:
        return None
    return _defined(_library("statsmodels.stats.inter_rater", "fleiss_kappa")(table))


def alpha(counts: Counts, *, ordinal: bool = False) -> float | None:
    """Krippendorff's alpha over the questions with two or more ratings, however many each has.

    Args:
        counts: (questions, categories); with ``ordinal`` in the order of the categories.

    The package lays out questions by categories by categories. Above :data:`MOST_CELLS`, as where a benchmark's answers
    are free text, nominal alpha comes from sums over questions.

    Source: Krippendorff, Computing Krippendorff's Alpha-Reliability, 2011; the package ``krippendorff``.

    >>> round(alpha(np.array([[2, 0], [1, 1], [0, 2], [0, 1]])), 3)
    0.444
    """
    table = counts[counts.sum(axis=1) >= 2]
    if table.size == 0 or (table.sum(axis=0) > 0).sum() < 2:
        return None
    if not ordinal and len(table) * table.shape[1] ** 2 > MOST_CELLS:
        totals = several_sums(table, 0).sum(axis=0)[None]
        return _defined(float(ratio([several_parts(totals, 0).alpha])[0]))
    level = "ordinal" if ordinal else "nominal"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return _defined(_library("krippendorff", "alpha")(value_counts=table, level_of_measurement=level))


# --- from sums over questions ---


class Several(NamedTuple):
    """Parts of the coefficients of any number of readers; those of ``raw`` are agreement and cases."""

    raw: Parts
    ac1: Parts
    fleiss: Parts
    alpha: Parts


def several_sums(counts: Counts, number: int) -> Floats:
    """What each question adds to the sums from which :func:`several_parts` has its figures.

    Args:
        counts: (questions, q).
        number: of ratings that a question needs to count for Fleiss' kappa.

    Returns:
        (questions, 6 + 3q).
    """
    values = counts.astype(np.float64)
    n = values.sum(axis=1)
    paired, full = n >= 2, (n == number) & (n >= 2)
    pairs = np.where(paired, n * (n - 1), 1.0)
    agreed = np.where(paired, (values * (values - 1)).sum(axis=1) / pairs, 0.0)
    apart = np.where(paired, (n * n - (values * values).sum(axis=1)) / np.where(paired, n - 1, 1.0), 0.0)
    alone = np.column_stack([agreed, paired, n > 0, agreed * full, full, apart])
    shares = values / np.where(n > 0, n, 1.0)[:, None]
    return np.concatenate([alone, shares, values * full[:, None], values * paired[:, None]], axis=1)


def several_parts(sums: Floats, number: int) -> Several:
    """Raw agreement, Gwet's AC1, Fleiss' kappa and nominal alpha of the questions in a sum.

    Raw agreement is the share of a question's pairs of readers that gave the same answer, mean over the questions with
    a pair. AC1 takes chance as ``sum p(1-p) / (q-1)`` of the mean shares p of the q categories, of all rated questions.

    Args:
        sums: (rows, 6 + 3q) of :func:`several_sums`; all q categories are in use, in one row or another.
        number: as there.

    Source of AC1 with ratings missing: Gwet, Br J Math Stat Psychol 2008;61:29-48, and Handbook of Inter-Rater
    Reliability, 4th edition, 2014, chapter 5.
    """
    agreed, paired, rated, full_agreed, full, apart = sums[:, :6].T
    shares, of_full, of_paired = np.split(sums[:, 6:], 3, axis=1)
    chance = _ac1_chance(shares, rated)
    marginal = of_full / np.maximum(full * number, 1.0)[:, None]
    expected = (marginal * marginal).sum(axis=1)
    values = of_paired.sum(axis=1)
    by_chance = (values * values - (of_paired * of_paired).sum(axis=1)) / np.maximum(values - 1, 1.0)
    return Several(
        raw=Parts(agreed, paired),
        ac1=_beyond(agreed, paired, chance),
        fleiss=_beyond(full_agreed, full, expected),
        alpha=Parts(by_chance - apart, by_chance),
    )


def _beyond(agreed: Floats, cases: Floats, chance: Floats | None) -> Parts:
    if chance is None:  # one category: nothing could differ, and nothing is said about chance
        return Parts(np.zeros_like(agreed), np.zeros_like(agreed))
    return Parts(agreed - cases * chance, cases * (1 - chance))


def _ac1_chance(shares: Floats, cases: Floats) -> Floats | None:
    if shares.shape[1] < 2:
        return None
    mean = shares / np.maximum(cases, 1.0)[:, None]
    found: Floats = (mean * (1 - mean)).sum(axis=1) / (shares.shape[1] - 1)
    return found


class Pair(NamedTuple):
    """Parts of the coefficients of two readers."""

    raw: Parts
    kappa: Parts
    ac1: Parts


def pair_sums(first: Counts, second: Counts, categories: int) -> Floats:
    """What each question adds to the sums of two readers: (questions, 2 + 2q) of their (questions,) codes."""
    both = (first != MISSING) & (second != MISSING)
    names = np.arange(categories)
    marginals = [(codes[:, None] == names) & both[:, None] for codes in (first, second)]
    return np.column_stack([both & (first == second), both, *marginals]).astype(np.float64)


def pair_parts(sums: Floats, used: npt.NDArray[np.bool_]) -> Pair:
    """Raw agreement, Cohen's kappa and AC1 of two readers.

    Args:
        sums: (rows, 2 + 2q) of :func:`pair_sums`.
        used: (q,) which categories the two gave at all: AC1 counts those.
    """
    agreed, both = sums[:, 0], sums[:, 1]
    first, second = (part[:, used] for part in np.split(sums[:, 2:], 2, axis=1))
    expected = (first * second).sum(axis=1) / np.maximum(both * both, 1.0)
    return Pair(
        raw=Parts(agreed, both),
        kappa=_beyond(agreed, both, expected),
        ac1=_beyond(agreed, both, _ac1_chance((first + second) / 2, both)),
    )


def ordinal_sums(counts: Counts) -> Floats:
    """Coincidences that each question adds: (questions, q * q) of counts in the order of the categories."""
    values = counts.astype(np.float64)
    n = values.sum(axis=1)
    pairs = values[:, :, None] * values[:, None, :] - values[:, :, None] * np.eye(values.shape[1])
    weight = np.where(n >= 2, 1 / np.maximum(n - 1, 1.0), 0.0)
    return (pairs * weight[:, None, None]).reshape(len(values), -1)


def ordinal_parts(sums: Floats) -> Parts:
    """Ordinal alpha: two answers are as far apart as there are ratings between them, each end counting half.

    Args:
        sums: (rows, q * q) of :func:`ordinal_sums`; q is 0 where no rating is in the order, and nothing is defined.
    """
    if not sums.shape[1]:
        return Parts(np.zeros(len(sums)), np.zeros(len(sums)))
    q = round(sums.shape[1] ** 0.5)
    coincidences = sums.reshape(-1, q, q)
    values = coincidences.sum(axis=2)
    middle = np.cumsum(values, axis=1) - values / 2
    distance = (middle[:, :, None] - middle[:, None, :]) ** 2
    seen = (coincidences * distance).sum(axis=(1, 2))
    expected = values[:, :, None] * values[:, None, :] * distance
    by_chance = expected.sum(axis=(1, 2)) / np.maximum(values.sum(axis=1) - 1, 1.0)
    # Squared distances are counts; divided by their scale, rounding is judged in cases as for the other coefficients.
    scale = np.maximum(values.sum(axis=1) ** 2, 1.0)
    return Parts((by_chance - seen) / scale, by_chance / scale)
