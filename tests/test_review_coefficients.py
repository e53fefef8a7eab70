"""Agreement coefficients: published worked examples, and sums over questions against the libraries."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from neuroonco.resampling import Counts
from neuroonco.review.coefficients import (
    MISSING,
    Pair,
    Parts,
    Several,
    alpha,
    cohen,
    counts_of,
    fleiss,
    ordinal_parts,
    ordinal_sums,
    pair_parts,
    pair_sums,
    ratio,
    several_parts,
    several_sums,
    usual_number,
)

N = MISSING
# Krippendorff, Computing Krippendorff's Alpha-Reliability, 2011, section C: four observers, twelve units. The same
# table is `cac.raw4raters` of Gwet's R package irrCAC (Handbook, 4th edition, 2014, p. 120).
FOUR_OBSERVERS = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, N, N, N],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, N, 3],
        [N, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, N],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, N],
    ]
).T
# Fleiss, Psychol Bull 1971;76:378-382, Table 1: 30 patients, six psychiatrists each; columns: depression, personality
# disorder, schizophrenia, neurosis, other. As in the R package irr (`diagnoses`) and the tests of statsmodels.
DIAGNOSES = np.array(
    [
        *([0, 0, 0, 6, 0], [0, 3, 0, 0, 3], [0, 1, 4, 0, 1], [0, 0, 0, 0, 6], [0, 3, 0, 3, 0], [2, 0, 4, 0, 0]),
        *([0, 0, 4, 0, 2], [2, 0, 3, 1, 0], [2, 0, 0, 4, 0], [0, 0, 0, 0, 6], [1, 0, 0, 5, 0], [1, 1, 0, 4, 0]),
        *([0, 3, 3, 0, 0], [1, 0, 0, 5, 0], [0, 2, 0, 3, 1], [0, 0, 5, 0, 1], [3, 0, 0, 1, 2], [5, 1, 0, 0, 0]),
        *([0, 2, 0, 4, 0], [1, 0, 2, 0, 3], [0, 0, 0, 0, 6], [0, 1, 0, 5, 0], [0, 2, 0, 1, 3], [2, 0, 0, 4, 0]),
        *([1, 0, 0, 4, 1], [0, 5, 0, 1, 0], [4, 0, 0, 0, 2], [0, 2, 0, 4, 0], [1, 0, 5, 0, 0], [0, 0, 0, 0, 6]),
    ]
)
# Feinstein and Cicchetti, J Clin Epidemiol 1990;43:543-549: the same raw agreement, balanced and prevalent.
BALANCED, PREVALENT = [[40, 9], [6, 45]], [[80, 10], [5, 5]]
# `cont3x3abstractors` of irrCAC: two abstractors, ectopic, abnormal and normal pregnancies.
ABSTRACTORS = [[13, 0, 0], [0, 20, 7], [0, 4, 56]]


def ratings(table: list[list[int]]) -> Counts:
    """(questions, 2) codes that have a table of counts."""
    found = [[i, j] for i, row in enumerate(table) for j, n in enumerate(row) for _ in range(n)]
    return np.array(found, np.int64)


def compact(codes: Counts) -> tuple[Counts, int]:
    used = np.unique(codes[codes != N])
    return np.where(codes == N, N, np.searchsorted(used, codes)), len(used)


def several(codes: Counts) -> Several:
    codes, q = compact(codes)
    counts = counts_of(codes, q)
    number = usual_number(counts)
    return several_parts(several_sums(counts, number).sum(axis=0)[None], number)


def two(codes: Counts) -> Pair:
    codes, q = compact(codes)
    sums = pair_sums(codes[:, 0], codes[:, 1], q).sum(axis=0)
    return pair_parts(sums[None], (sums[2 : 2 + q] + sums[2 + q :]) > 0)


def one(parts: Parts) -> float | None:
    value = float(ratio([parts])[0])
    return None if np.isnan(value) else value


def ordinal(codes: Counts) -> Parts:
    codes, q = compact(codes)
    return ordinal_parts(ordinal_sums(counts_of(codes, q)).sum(axis=0)[None])


def test_krippendorff_four_observers_twelve_units() -> None:
    counts = counts_of(FOUR_OBSERVERS - 1, 5)
    assert alpha(counts) == pytest.approx(0.743, abs=5e-4)
    assert alpha(counts, ordinal=True) == pytest.approx(0.815, abs=5e-4)
    assert one(several(FOUR_OBSERVERS).alpha) == pytest.approx(0.743, abs=5e-4)
    assert one(ordinal(FOUR_OBSERVERS)) == pytest.approx(0.815, abs=5e-4)


def test_krippendorff_two_observers_binary() -> None:
    codes = np.array([[0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]]).T
    assert alpha(counts_of(codes, 2)) == pytest.approx(0.095, abs=5e-4)
    assert one(several(codes).alpha) == pytest.approx(0.095, abs=5e-4)


def test_gwet_four_raters_twelve_subjects_with_ratings_missing() -> None:
    """irrCAC's output for this table: percent agreement 0.818, AC1 0.77544."""
    found = several(FOUR_OBSERVERS)
    assert one(found.raw) == pytest.approx(0.818, abs=5e-4)
    assert one(found.ac1) == pytest.approx(0.77544, abs=5e-6)


def test_gwet_two_abstractors() -> None:
    """irrCAC's output: Cohen's kappa 0.7964094, AC1 0.8493305."""
    codes = ratings(ABSTRACTORS)
    assert cohen(codes[:, 0], codes[:, 1]) == pytest.approx(0.7964094, abs=5e-8)
    assert one(two(codes).kappa) == pytest.approx(0.7964094, abs=5e-8)
    assert one(two(codes).ac1) == pytest.approx(0.8493305, abs=5e-8)
    assert one(several(codes).ac1) == pytest.approx(0.8493305, abs=5e-8)


def test_fleiss_psychiatric_diagnoses() -> None:
    """0.430 in the paper; 0.4302445 by the R package irr."""
    assert DIAGNOSES.sum(axis=1).tolist() == [6] * 30
    assert fleiss(DIAGNOSES) == pytest.approx(0.4302445, abs=5e-8)
    sums = several_sums(DIAGNOSES, 6).sum(axis=0)[None]
    assert one(several_parts(sums, 6).fleiss) == pytest.approx(0.4302445, abs=5e-8)


@pytest.mark.parametrize(("table", "kappa", "ac1"), [(BALANCED, 0.70, 0.70), (PREVALENT, 0.32, 0.81)])
def test_feinstein_and_cicchetti_one_agreement_two_kappas(table: list[list[int]], kappa: float, ac1: float) -> None:
    """Kappas as published; AC1 by hand: (0.85 - 2p(1-p)) / (1 - 2p(1-p)) with p 0.475 and 0.875."""
    found = two(ratings(table))
    assert one(found.raw) == pytest.approx(0.85)
    assert one(found.kappa) == pytest.approx(kappa, abs=5e-3)
    assert one(found.ac1) == pytest.approx(ac1, abs=5e-3)


def test_nothing_is_defined_where_all_ratings_are_the_same() -> None:
    codes = np.zeros((4, 3), np.int64)
    counts = counts_of(codes, 1)
    assert cohen(codes[:, 0], codes[:, 1]) is None
    assert fleiss(counts) is None
    assert alpha(counts) is None
    assert alpha(counts, ordinal=True) is None
    found = several(codes)
    assert one(found.raw) == 1.0
    assert [one(found.ac1), one(found.fleiss), one(found.alpha), one(ordinal(codes))] == [None] * 4
    assert one(two(codes[:, :2]).kappa) is None
    assert one(two(codes[:, :2]).ac1) is None


def test_nothing_is_defined_without_a_second_rating() -> None:
    codes = np.array([[0, N], [1, N], [N, 1]])
    assert cohen(codes[:, 0], codes[:, 1]) is None
    assert fleiss(counts_of(codes, 2)) is None
    assert alpha(counts_of(codes, 2)) is None
    found = several(codes)
    assert [one(part) for part in found] == [None] * 4
    assert [one(part) for part in two(codes)] == [None] * 3


def test_strata_are_not_paid_for_their_differences() -> None:
    """Two types without agreement beyond chance: pooled as one table they look well agreed, as strata they do not."""
    chance = [[25, 25], [25, 25]]
    first, second = ratings(chance), ratings(chance) + 2
    as_one = two(np.concatenate([first, second]))
    assert one(as_one.kappa) == pytest.approx(1 / 3)
    assert float(ratio([two(first).kappa, two(second).kappa])[0]) == pytest.approx(0.0)


def test_a_stratum_of_one_answer_has_no_weight() -> None:
    same = np.zeros((50, 2), np.int64)
    found = ratio([two(ratings(BALANCED)).kappa, two(same).kappa])
    assert float(found[0]) == pytest.approx(one(two(ratings(BALANCED)).kappa))


# --- sums over questions say what the libraries say ---

TABLES = st.tuples(st.integers(1, 12), st.integers(2, 5), st.integers(1, 5)).flatmap(
    lambda s: arrays(np.int64, (s[0], s[1]), elements=st.integers(-1, s[2] - 1))
)


def same(found: float | None, expected: float | None) -> None:
    assert (found is None) == (expected is None)
    if expected is not None:
        assert found == pytest.approx(expected, abs=1e-9)


@given(TABLES)
def test_sums_equal_the_libraries(codes: Counts) -> None:
    assume((codes != N).any())
    codes, q = compact(codes)
    counts = counts_of(codes, q)
    found = several(codes)
    same(one(found.fleiss), fleiss(counts))
    same(one(found.alpha), alpha(counts))
    same(one(ordinal(codes)), alpha(counts, ordinal=True))
    for second in range(1, codes.shape[1]):
        same(one(two(codes[:, [0, second]]).kappa), cohen(codes[:, 0], codes[:, second]))


@given(TABLES)
def test_both_forms_are_what_the_papers_define(codes: Counts) -> None:
    """Over pairs of ratings and of values, without tables of counts; also where nobody rated."""
    q = compact(codes)[1]
    units = [[int(c) for c in row if c != N] for row in codes]
    paired = [row for row in units if len(row) >= 2]
    nominal, by_order = krippendorff(paired, ordinal=False), krippendorff(paired, ordinal=True)
    compacted = compact(codes)[0] if q else codes
    counts = counts_of(compacted, q) if q else np.zeros((len(codes), 0), np.int64)
    same(alpha(counts), nominal)
    same(alpha(counts, ordinal=True), by_order)
    sums = several_sums(counts, usual_number(counts)).sum(axis=0)[None]
    same(one(several_parts(sums, usual_number(counts)).alpha), nominal)
    same(one(ordinal_parts(ordinal_sums(counts).sum(axis=0)[None])), by_order)
    for second in range(1, codes.shape[1]):
        expected = by_definition([(int(a), int(b)) for a, b in codes[:, [0, second]] if a != N and b != N])
        same(cohen(codes[:, 0], codes[:, second]), expected)


def krippendorff(units: list[list[int]], *, ordinal: bool) -> float | None:
    values = [value for unit in units for value in unit]

    def apart(a: int, b: int) -> float:
        if not ordinal or a == b:
            return float(a != b)
        low, high = min(a, b), max(a, b)
        return (sum(low <= v <= high for v in values) - (values.count(low) + values.count(high)) / 2) ** 2

    expected = sum(apart(a, b) for a, b in permutations(values, 2)) / max(len(values) - 1, 1)
    observed = sum(sum(apart(a, b) for a, b in permutations(unit, 2)) / (len(unit) - 1) for unit in units)
    return 1 - observed / expected if expected else None


def by_definition(pairs: list[tuple[int, int]]) -> float | None:
    """Cohen's kappa: agreement seen, and that of every first answer with every second one."""
    if not pairs or len({value for pair in pairs for value in pair}) == 1:
        return None
    seen = sum(a == b for a, b in pairs) / len(pairs)
    chance = sum(a == b for a, _ in pairs for _, b in pairs) / len(pairs) ** 2
    return (seen - chance) / (1 - chance)


@given(TABLES)
def test_raw_agreement_and_ac1_by_counting_pairs(codes: Counts) -> None:
    assume((codes != N).any())
    codes, q = compact(codes)
    given_ = [[int(c) for c in row if c != N] for row in codes]
    shares = []
    for row in given_:
        pairs = [row[i] == row[j] for i in range(len(row)) for j in range(len(row)) if i != j]
        if pairs:
            shares.append(sum(pairs) / len(pairs))
    rated = [row for row in given_ if row]
    mean = [sum(row.count(k) / len(row) for row in rated) / len(rated) for k in range(q)]
    found = several(codes)
    raw = sum(shares) / len(shares) if shares else None
    same(one(found.raw), raw)
    if raw is None or q == 1:
        assert one(found.ac1) is None
    else:
        chance = sum(p * (1 - p) for p in mean) / (q - 1)
        same(one(found.ac1), (raw - chance) / (1 - chance))


@given(TABLES, st.randoms())
def test_coefficients_do_not_depend_on_names_or_order(codes: Counts, random: object) -> None:
    assume((codes != N).any())
    codes, q = compact(codes)
    renamed = np.where(codes == N, N, q - 1 - codes)[::-1, ::-1]
    for before, after in zip(several(codes), several(renamed), strict=True):
        same(one(after), one(before))
    same(one(ordinal(renamed)), one(ordinal(codes)))


@given(TABLES)
def test_ac1_is_at_least_what_chance_leaves(codes: Counts) -> None:
    assume((codes != N).any())
    for part in several(codes):
        value = one(part)
        assert value is None or -1 - 1e-9 <= value <= 1 + 1e-9
