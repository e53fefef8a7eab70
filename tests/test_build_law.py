"""The law of options: given the text, every offered term is right equally often, and E in one of five."""

from collections import Counter
from enum import StrEnum
from fractions import Fraction
from itertools import combinations, permutations
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from neuroonco.build.balance import choose_answers, even_out, layers, option_count
from neuroonco.build.draw import offered_terms, turned
from neuroonco.seeded import random_for
from neuroonco.vocabulary import ImageRegion, TumorType

SHARE = Fraction(1, 5)
REGIONS = list(ImageRegion)


class EveryDraw:
    """Stands in for a random generator: each instance makes one choice of all that there are."""

    def __init__(self, drawn: tuple[StrEnum, ...]) -> None:
        self.drawn = drawn

    def sample(self, population: list[StrEnum], k: int) -> list[StrEnum]:
        assert len(self.drawn) == k
        assert set(self.drawn) <= set(population)
        return list(self.drawn)


def joint(values: list[StrEnum]) -> dict[tuple[frozenset[StrEnum], StrEnum | None], Fraction]:
    """Probability of each (offered set, right term or None), by running the draw with every choice it could make."""
    k = option_count(len(values), 4)
    found: Counter = Counter()
    for truth in values:
        others = [value for value in values if value is not truth]
        for reject, size, share in ((False, k - 1, 1 - SHARE), (True, k, SHARE)):
            for drawn in combinations(others, size):
                weight = Fraction(1, len(values)) * share / comb(len(others), size)
                places = [None] if reject else range(k)
                for place in places:
                    terms = offered_terms(truth, values, k, place, EveryDraw(drawn))
                    assert truth not in terms if reject else terms.index(truth) == place
                    found[frozenset(terms), None if reject else truth] += weight / len(places)
    return found


@pytest.mark.parametrize("n", range(3, 10))
def test_given_the_offered_set_each_term_is_equally_likely_and_none_of_them_in_one_of_five(n):
    values = REGIONS[:n]
    table = joint(values)
    assert sum(table.values()) == 1
    k = option_count(n, 4)
    sets = {offered for offered, _ in table}
    assert len(sets) == comb(n, k)
    for offered in sets:
        total = sum(p for (s, _), p in table.items() if s == offered)
        assert table[offered, None] / total == SHARE
        for term in offered:
            assert table[offered, term] / total == (1 - SHARE) / k


def test_all_orders_are_drawn():
    rejections = {tuple(offered_terms(REGIONS[0], REGIONS[:4], 3, None, random_for(2, str(i)))) for i in range(200)}
    assert rejections == set(permutations(REGIONS[1:4]))
    plain = {tuple(offered_terms(REGIONS[0], REGIONS[:3], 3, 1, random_for(2, str(i)))) for i in range(60)}
    assert plain == {(REGIONS[1], REGIONS[0], REGIONS[2]), (REGIONS[2], REGIONS[0], REGIONS[1])}


@given(st.integers(3, 9), st.integers(0, 10**6), st.booleans())
def test_a_twin_differs_in_the_truth_alone(n, seed, reject):
    values = REGIONS[:n]
    truth = values[seed % n]
    k = option_count(n, 4)
    terms = offered_terms(truth, values, k, None if reject else seed % k, random_for(seed, "a"))
    twin = turned(terms, truth, values, random_for(seed, "b"))
    assert (truth in twin) is (truth not in terms)
    assert len(set(twin)) == k
    differing = [place for place in range(k) if terms[place] is not twin[place]]
    assert len(differing) == 1
    assert truth in (terms[differing[0]], twin[differing[0]])


# --- which are asked ---


@given(st.lists(st.integers(1, 90), max_size=8), st.integers(1, 500), st.integers(1, 30), st.integers(1, 200))
def test_no_answer_is_asked_more_often_than_another_or_than_it_can_be(counts, wanted, least_each, least):
    available = sorted(counts, reverse=True)
    answers, each = choose_answers(available, wanted, least_each, least, 4)
    if len(available) < 2:
        assert (answers, each) == (0, 0)
        return
    assert 2 <= answers <= len(available)
    assert 1 <= each <= available[answers - 1]
    assert answers * each <= max(wanted, answers)
    enough = [
        v
        for v in range(3, len(available) + 1)
        if available[v - 1] >= least_each and v * available[v - 1] >= min(least, wanted)
    ]
    if enough:
        assert answers == max(enough)


def test_a_rare_answer_does_not_cost_the_others_most_of_their_questions():
    assert choose_answers([1000, 1000, 1000, 49], 1000, 25, 200, 4) == (3, 333)  # four of 49 are less than 200
    assert choose_answers([1000, 1000, 1000, 50], 1000, 25, 200, 4) == (4, 50)


@given(
    st.lists(st.lists(st.integers(0, 12), min_size=3, max_size=3), min_size=1, max_size=6),
)
def test_evening_out_keeps_each_answer_at_the_same_number_and_takes_no_more_than_there_is(rows):
    counts = np.array(rows)
    each = int(counts.sum(axis=0).min())
    taken = even_out(counts, each)
    assert (taken.sum(axis=0) == each).all()
    assert (taken <= counts).all()
    assert (taken >= 0).all()


def test_evening_out_prefers_strata_in_which_several_answers_are_found():
    # source 1 has the first answer alone, source 2 the second alone, source 3 both
    counts = np.array([[40, 0], [0, 40], [30, 30]])
    assert even_out(counts, 30).tolist() == [[0, 0], [0, 0], [30, 30]]
    assert even_out(counts, 40).tolist() == [[10, 0], [0, 10], [30, 30]]


def test_many_questions_are_evened_out_as_well_as_few():
    few = np.array([[40, 10, 25], [5, 30, 25], [55, 60, 50]])
    taken = even_out(few * 1000, 90_000)
    assert (taken.sum(axis=0) == 90_000).all()
    spread = taken.max(axis=1) - taken.min(axis=1)
    exact = even_out(few, 90) * 1000
    assert (spread <= (exact.max(axis=1) - exact.min(axis=1)) + 3000).all()


def test_a_twin_takes_every_term_and_place_equally_often():
    values, truth = REGIONS[:7], REGIONS[2]
    offered = [REGIONS[0], truth, REGIONS[1], REGIONS[3]]
    instead = Counter(turned(offered, truth, values, random_for(5, str(i)))[1] for i in range(3000))
    assert set(instead) == set(REGIONS[4:7])
    assert chisquare(list(instead.values())).pvalue > 1e-4
    rejection = [REGIONS[0], REGIONS[1], REGIONS[3], REGIONS[4]]
    places = Counter(turned(rejection, truth, values, random_for(6, str(i))).index(truth) for i in range(3000))
    assert set(places) == {0, 1, 2, 3}
    assert chisquare(list(places.values())).pvalue > 1e-4


@given(st.lists(st.integers(1, 50), min_size=1, max_size=9))
def test_layers_use_each_answer_no_more_often_than_it_can_be(counts):
    available = sorted(counts, reverse=True)
    used = [0] * len(available)
    for answers, each in layers(available):
        assert each > 0
        assert answers >= 3 or (answers == 2 and len(available) == 2)
        for place in range(answers):
            used[place] += each
    assert all(u <= n for u, n in zip(used, available, strict=True))
    if len(available) >= 3:
        assert used[2:] == available[2:]  # the third and all rarer answers are asked whenever they can be


def test_confusion_groups_cover_every_term_once():
    from neuroonco.vocabulary import confusion_groups

    for enum in (TumorType, ImageRegion):
        listed = [term for group in confusion_groups(enum) for term in group]
        assert sorted(listed) == sorted(enum)
