"""Closed questions: the text says nothing about the answer."""

from collections import Counter, defaultdict
from math import comb

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from factories_build import closed_items, closed_questions, make_label, semantics, skewed_labels
from neuroonco.build.records import ANSWERS, NONE_OF_THE_ABOVE
from neuroonco.check.closed_lint import lint_closed
from neuroonco.check.rules import CheckRules
from neuroonco.rules import load_rules
from neuroonco.vocabulary import (
    Edema,
    Enhancement,
    ImageRegion,
    LesionSpread,
    MRSequence,
    Shape,
    TumorType,
    coarsenings,
    recode,
)

RULES = load_rules("default")
UNLIKELY = 1e-4
"""Chi-square probability below which a draw counts as uneven; the seeds are fixed, so no test is flaky."""


@pytest.fixture(scope="module")
def items():
    return closed_items(skewed_labels(4000), 7, RULES)


def kinds(items):
    """Questions by type and number of options: diagnosis has two kinds."""
    found = defaultdict(list)
    for item in items:
        found[item.question_type.value, len(item.options)].append(item)
    return found


def term(item, text):
    found = recode(ANSWERS[item.question_type], text)
    assert found is not None, text
    return found


def test_every_question_type_is_there(items):
    assert len({item.question_type for item in items}) == 11
    assert ("diagnosis", 2) in kinds(items)
    assert ("diagnosis", 5) in kinds(items)


def test_the_truth_stands_at_every_letter_equally_often(items):
    for kind, own in kinds(items).items():
        plain = [item for item in own if not item.is_rejection]
        letters = Counter(item.answer for item in plain)
        offered = {o.letter for o in own[0].options if o.text != NONE_OF_THE_ABOVE}
        assert set(letters) == offered, kind
        truths = {item.text_of(item.answer) for item in plain}
        assert max(letters.values()) - min(letters.values()) <= len(truths), (kind, letters)


def test_no_option_text_is_right_more_often_than_another(items):
    for kind, own in kinds(items).items():
        offered = Counter(o.text for item in own for o in item.options)
        right = Counter(item.text_of(item.answer) for item in own)
        share = sum(n for text, n in right.items() if text != NONE_OF_THE_ABOVE)
        share /= sum(n for text, n in offered.items() if text != NONE_OF_THE_ABOVE)
        for text, n in offered.items():
            if text == NONE_OF_THE_ABOVE:
                continue
            expected = [n * share, n * (1 - share)]
            assert chisquare([right[text], n - right[text]], expected).pvalue > UNLIKELY, (kind, text)


@pytest.mark.parametrize("values", [4, 5, 6])
def test_no_set_of_options_tells_its_answer_or_that_it_was_removed(values):
    """The whole way from labels to options, with few enough values for every set to be drawn often."""
    regions = list(ImageRegion)[:values]
    labels = [
        make_label(f"{region}{i}", None, sequence=None, semantics=semantics(None, None, None, region))
        for region in regions
        for i in range(600)
    ]
    rules = RULES.with_value("build", "questions_per_type", 10_000)
    own = closed_items(labels, 3, rules)
    assert len(own) == 600 * values
    by_set = defaultdict(Counter)
    for item in own:
        texts = tuple(o.text for o in item.options if o.text != NONE_OF_THE_ABOVE)
        by_set[frozenset(texts)][item.text_of(item.answer)] += 1
    k = min(4, values - 1)
    assert len(by_set) == comb(values, k)
    for texts, right in by_set.items():
        n = sum(right.values())
        assert n > 100
        observed = [right[NONE_OF_THE_ABOVE], *(right[t] for t in sorted(texts))]
        expected = [0.2 * n, *[0.8 / k * n] * k]
        assert chisquare(observed, expected).pvalue > UNLIKELY, (texts, right)


def test_the_share_of_rejection_items_is_exact_in_every_kind(items):
    for (kind, options), own in kinds(items).items():
        rejected = sum(item.is_rejection for item in own)
        assert rejected == (0 if options == 2 else round(0.2 * len(own))), kind


def test_a_rejection_item_offers_neither_its_answer_nor_a_coarser_or_finer_term(items):
    rejections = [item for item in items if item.is_rejection]
    assert len(rejections) > 500
    for item in rejections:
        truth = term(item, item.removed_answer)
        assert item.text_of(item.answer) == NONE_OF_THE_ABOVE
        for option in item.options[:-1]:
            other = term(item, option.text)
            assert other not in coarsenings(truth)
            assert truth not in coarsenings(other)


def test_no_two_options_of_a_question_overlap_and_e_is_last(items):
    for item in items:
        texts = [o.text for o in item.options]
        assert len(set(texts)) == len(texts)
        assert item.answer in {o.letter for o in item.options}
        if item.is_binary:
            assert [o.letter for o in item.options] == ["A", "B"]
            continue
        assert (item.options[-1].letter, texts[-1]) == ("E", NONE_OF_THE_ABOVE)
        assert [o.letter for o in item.options[:-1]] == list("ABCD")[: len(texts) - 1]
        terms = [term(item, text) for text in texts[:-1]]
        assert not any(a is not b and a in coarsenings(b) for a in terms for b in terms)


def test_lint_has_nothing_to_say(items):
    assert lint_closed(items, RULES.section("check", CheckRules), None) == []


def test_answers_are_equally_frequent_within_each_kind(items):
    for kind, own in kinds(items).items():
        truths = Counter(item.removed_answer or item.text_of(item.answer) for item in own)
        assert len(set(truths.values())) == 1, (kind, truths)


def test_binary_questions_are_asked_of_healthy_and_untyped_slices_alike(items):
    binary = [i for i in items if i.is_binary and i.question_type == "diagnosis"]
    assert {o.text for i in binary for o in i.options} == {"Abnormal", "Healthy"}
    right = Counter(i.text_of(i.answer) for i in binary)
    assert right["Abnormal"] == right["Healthy"]


@settings(max_examples=10, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(0, 5))
def test_the_order_of_the_labels_does_not_matter(rng, seed):
    labels = skewed_labels(60)
    shuffled = labels.copy()
    rng.shuffle(shuffled)
    assert closed_items(shuffled, seed, RULES) == closed_items(labels, seed, RULES)


def test_another_seed_gives_other_options():
    labels = skewed_labels(60)
    assert closed_items(labels, 0, RULES) != closed_items(labels, 1, RULES)


def test_no_fact_disappears():
    labels = skewed_labels(300)
    items, left = closed_questions(labels, 0, RULES)
    from neuroonco.build.facts import facts

    assert len(items) + len(left) == sum(len(facts(label)) for label in labels)


def test_a_type_with_one_answer_is_not_asked():
    labels = [make_label(f"{i}", sequence=MRSequence.T2) for i in range(10)]
    items, left = closed_questions(labels, 0, RULES)
    assert items == []
    assert Counter(wording for wording, _, _ in left) == {"diagnosis": 10, "modality": 10}
    assert all(why == "the only answer" for _, _, why in left)


def test_one_tumour_type_is_asked_against_healthy_instead():
    labels = [make_label(f"g{i}", sequence=None) for i in range(6)]
    labels += [make_label(f"h{i}", TumorType.HEALTHY, sequence=None) for i in range(6)]
    items = closed_items(labels, 0, RULES)
    assert len(items) == 12
    assert all(item.is_binary for item in items)
    for item in items:
        healthy = any(label.slice_id == item.slice_id for label in labels[6:])
        assert item.text_of(item.answer) == ("Healthy" if healthy else "Abnormal")


def test_three_answers_give_two_options_and_e():
    labels = [
        make_label(f"{spread}{i}", None, semantics=semantics(None, None, spread, None), sequence=None)
        for spread in LesionSpread
        for i in range(20)
    ]
    items = closed_items(labels, 0, RULES)
    assert len(items) == 60
    assert {tuple(o.letter for o in item.options) for item in items} == {("A", "B", "E")}


@pytest.mark.parametrize(
    ("coarse", "fine", "stays"), [(3, 9, {"ring", "solid"}), (9, 3, {"present"}), (6, 6, {"ring", "solid"})]
)
def test_a_coarse_term_is_never_an_answer_beside_its_finer_terms(coarse, fine, stays):
    from neuroonco.readings.records import Signs

    values = [Enhancement.PRESENT] * coarse + [Enhancement.RING, Enhancement.SOLID] * (fine // 2)
    values += [Enhancement.RING] * (fine % 2) + [Enhancement.ABSENT] * 6
    labels = [
        make_label(f"{i}", None, sequence=MRSequence.T1CE, signs=Signs(enhancement=value))
        for i, value in enumerate(values)
    ]
    items, left = closed_questions(labels, 0, RULES)
    offered = {term(item, o.text).value for item in items for o in item.options if o.text != NONE_OF_THE_ABOVE}
    assert offered - {"absent"} <= stays
    dropped = {answer for _, answer, why in left if "coarser" in why}
    assert dropped == ({"present"} if "ring" in stays else {"ring", "solid"})


def test_round_or_oval_and_round_are_not_offered_together():
    shapes = [Shape.ROUND_OR_OVAL, Shape.ROUND, Shape.LOBULATED, Shape.IRREGULAR, Shape.OVAL]
    labels = [
        make_label(f"{shape}{i}", None, sequence=None, semantics=semantics(None, shape, None, None))
        for shape in shapes
        for i in range(10)
    ]
    offered = {o.text for item in closed_items(labels, 0, RULES) for o in item.options}
    assert offered == {"Round", "Oval", "Lobulated", "Irregular", NONE_OF_THE_ABOVE}


def test_a_rare_answer_does_not_cost_the_frequent_ones_their_questions():
    values = [Edema.MILD] * 50 + [Edema.ABSENT] * 50 + [Edema.EXTENSIVE] * 2
    from neuroonco.readings.records import Signs

    labels = [make_label(f"{i}", None, signs=Signs(edema=v)) for i, v in enumerate(values)]
    items, left = closed_questions(labels, 0, RULES)
    assert Counter(i.question_type.value for i in items) == {"edema": 100}
    of_edema = [(answer, why) for wording, answer, why in left if wording == "edema"]
    assert of_edema == [("extensive", "too rare an answer for a balanced set")] * 2
