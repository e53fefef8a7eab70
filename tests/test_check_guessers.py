"""Guessers that see no image: each channel that gives answers away is found, and a sound file is at chance."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories_check import VALUES, drawn_by_the_law, question
from neuroonco.build.interop import read_closed
from neuroonco.build.records import is_none
from neuroonco.check.blind_rows import blind_rows, twin_rows
from neuroonco.check.folds import FOLDS, folds_of
from neuroonco.check.guessers import Guesses, guess_blind
from neuroonco.check.records import ALWAYS_E, BINARY, MAJORITY, PLAIN, RANKER, REJECTION, SIBLINGS, UNIFORM, BlindRow
from neuroonco.check.rules import CheckRules
from neuroonco.intervals import wilson
from neuroonco.rules import load_rules
from neuroonco.vocabulary import QuestionType

RULES = load_rules("default").section("check", CheckRules)
LOCATION, MODALITY, DIAGNOSIS = QuestionType.LOCATION, QuestionType.MODALITY, QuestionType.DIAGNOSIS
REGIONS = VALUES[LOCATION]


def rows_of(items, **more):
    return {
        (row.guesser, row.question_type, row.subset): row for row in blind_rows(guess_blind(items, 0, **more), RULES)
    }


# --- chance ---


@given(k=st.integers(1, 4), share=st.floats(0, 0.99))
def test_chance_is_what_the_better_of_two_constant_guesses_gets(k, share):
    """By the law each of k terms is right in (1 - share)/k and E in share; no third choice exists."""
    item = question("1", LOCATION, REGIONS[:k], REGIONS[0])
    assert item.chance(share) == max(share, (1 - share) / k)


def test_chance_of_the_shapes_that_occur():
    found = [question("1", LOCATION, REGIONS[:k], REGIONS[0]).chance(0.2) for k in (4, 3, 2)]
    assert found == [0.2, pytest.approx(0.8 / 3), 0.4]
    assert question("1", LOCATION, REGIONS[:2], REGIONS[0], none=False).chance(0.2) == 0.5
    with pytest.raises(ValueError, match="no option"):
        question("1", LOCATION, [], REGIONS[0], none=False).chance(0.2)


def test_none_of_the_above_is_known_in_any_case():
    assert is_none(" None of  the above. ")
    assert is_none("none_of_these")
    assert not is_none("None of the tumors above")


# --- channels ---


def distractors_by_the_answer(_rng, terms, truth, values):
    """Each value is offered and right equally often; only which stand together tells."""
    if truth not in terms:
        return terms
    at = values.index(truth)
    return sorted([truth, *(values[(at + step) % len(values)] for step in (1, 2, 3))], key=lambda t: hash_of(t, truth))


def hash_of(*parts):
    return random.Random(" ".join(parts)).random()


def often_second(rng, terms, truth, _values):
    if truth in terms and rng.random() < 0.5:
        terms.remove(truth)
        terms.insert(1, truth)
    return terms


def odd_in_rejections(_rng, terms, truth, _values):
    return terms if truth in terms else [*terms[:3], "Outside the Image"]


def skewed(number):
    rng = random.Random(7)
    return rng.choices(REGIONS, weights=[8, 4, 2, 1, 1, 1, 1, 1, 1], k=number)


SKEWED = skewed(600)
CHANNELS = {
    "answers are not balanced": {"truths": SKEWED},
    "distractors are fixed by the answer": {"change": distractors_by_the_answer},
    "the letter": {"change": often_second},
    "the wording": {"stem_of": lambda _rng, truth: f"Which region is {'seen' if truth in REGIONS[:4] else 'shown'}?"},
    "odd values in rejection items": {"change": odd_in_rejections},
}


@pytest.mark.parametrize("channel", CHANNELS)
def test_the_ranker_finds_each_channel(channel):
    rows = rows_of(drawn_by_the_law(len(SKEWED), seed=3, **CHANNELS[channel]), siblings=False)
    ranker = rows[RANKER, None, "all"]
    assert ranker.chance == pytest.approx(0.2)
    assert ranker.accuracy.low > ranker.limit, "far above chance, not by luck"
    assert ranker.passes is False
    assert rows[UNIFORM, None, "all"].passes is True


def test_odd_values_give_the_rejection_items_away_and_nothing_else():
    rows = rows_of(drawn_by_the_law(600, seed=3, change=odd_in_rejections), siblings=False)
    assert rows[RANKER, None, REJECTION].accuracy.value > 0.95
    assert rows[RANKER, None, PLAIN].accuracy.value < 0.35


def test_text_that_says_nothing_leaves_every_guesser_at_chance():
    items = [item for kind in VALUES for item in drawn_by_the_law(500, kind, seed=5)]
    rows = rows_of(items)
    assert all(row.passes is not False for row in rows.values())
    for guesser in (UNIFORM, MAJORITY, ALWAYS_E, RANKER, SIBLINGS):
        row = rows[guesser, None, "all"]
        assert row.accuracy.n == 2000
        assert row.chance == pytest.approx((0.2 + 0.2 + 0.8 / 3 + 0.4) / 4)
        assert row.accuracy.value < row.chance + 0.03


def test_siblings_are_seen_by_one_ranker_and_judged_by_none():
    """What one question offers tells the answer of the other; each alone is sound."""
    first = drawn_by_the_law(600, seed=2)
    pairs = dict(zip(REGIONS, REGIONS[1:] + REGIONS[:1], strict=True))
    rng = random.Random(4)
    second = []
    for item in first:
        truth = pairs[item.removed_answer or item.text_of(item.answer)]
        terms = [truth, *rng.sample([value for value in REGIONS if value != truth], 3)]
        rng.shuffle(terms)
        stem = "Where is its center?"
        second.append(question(item.image_id, LOCATION, terms, truth, q_index=1, stem=stem))
    rows = rows_of(first + second)
    assert rows[SIBLINGS, None, "all"].accuracy.value > rows[RANKER, None, "all"].accuracy.value + 0.07
    assert rows[SIBLINGS, None, "all"].limit is None
    assert rows[SIBLINGS, None, "all"].passes is None


# --- channels that only looks, places or signs give away ---


def in_an_order_of_its_own_but_the_truth(rng, terms, truth, _values):
    own = REGIONS[3:] + REGIONS[:3]
    others = sorted((term for term in terms if term != truth), key=lambda t: hash_of("order", str(own.index(t))))
    if truth in terms:
        others.insert(rng.randrange(4), truth)
    return others


def at_a_letter_of_its_own(rng, terms, truth, _values):
    """Each term is right at one letter of its own, and offered there only where it is right, if that can be."""
    arranged = [rng.sample(terms, 4) for _ in range(60)]
    return max(arranged, key=lambda now: sum((REGIONS.index(t) % 4 == n) is (t == truth) for n, t in enumerate(now)))


def drawn_with(mark, number=450):
    """As :func:`drawn_by_the_law`, with each text made new by ``mark``."""
    rng = random.Random(5)
    items = []
    for item in drawn_by_the_law(number, seed=6):
        options = [
            o if o.letter == "E" else o.model_copy(update={"text": mark(rng, o.text, o.letter == item.answer)})
            for o in item.options
        ]
        items.append(item.model_copy(update={"options": tuple(options), "removed_answer": None}))
    return items


def letters(rng, n):
    return "".join(rng.choice("bcdfghjklmnpqrstvwz") for _ in range(n))


LOOKS = {
    "capitals": lambda rng, _text, right: letters(rng, 8).upper() if right else letters(rng, 8),
    "a period at the end": lambda rng, _text, right: letters(rng, rng.randrange(5, 12)) + ("." if right else ""),
    "a blank": lambda rng, _text, right: f"{letters(rng, 4)}{'  ' if right else ' '}{letters(rng, 4 if right else 5)}",
    "the longest": lambda rng, _text, right: letters(rng, 12 if right else rng.randrange(6, 12)),
    "the first of the alphabet": lambda rng, _text, right: ("a" if right else "") + letters(rng, 7 + (not right)),
}


@pytest.mark.parametrize("look", LOOKS)
def test_the_ranker_finds_what_only_looks_tell(look):
    rows = rows_of(drawn_with(LOOKS[look]), siblings=False)
    assert rows[RANKER, None, "all"].accuracy.value > 0.7
    assert rows[MAJORITY, None, "all"].accuracy.value < 0.35


def test_what_says_and_looks_like_nothing_is_at_chance():
    rows = rows_of(drawn_with(lambda rng, _text, _right: letters(rng, rng.randrange(5, 12))), siblings=False)
    assert rows[RANKER, None, "all"].accuracy.value < 0.25


def numbered(stem):
    """A stem of its own for each question, by ``stem(rng, truth)``."""
    return lambda rng, truth: f"Case {rng.randrange(10**9)}: {stem(rng, truth)}"


PLACES = {
    "the others stand in an order of their own": ({"change": in_an_order_of_its_own_but_the_truth}, 0.5),
    "a term is right at one letter only": ({"change": at_a_letter_of_its_own}, 0.8),
    "a word of a stem that is asked once": (
        {"stem_of": numbered(lambda _rng, truth: f"where, says the clinic of {hash_of(truth):.3f}?")},
        0.8,
    ),
}


def redrawn(terms_of, number=450):
    """Questions of which ``terms_of`` makes the options, from whether the truth is among them, and the truth first."""
    rng = random.Random(8)
    items = []
    for n in range(number):
        terms, truth = terms_of(rng, n % 5 > 0)
        items.append(question(f"i{n:04}", LOCATION, terms, truth))
    return items


def in_order_but_the_truth(rng, is_offered):
    terms, truth = sorted(letters(rng, 8) for _ in range(3 + (not is_offered))), letters(rng, 8)
    if is_offered:
        terms.insert(rng.randrange(4), truth)
    return terms, truth


def made_from_the_truth(rng, is_offered):
    """Each wrong option is the right one with a word of its own in place of one of three."""
    words = [letters(rng, 5) for _ in range(3)]
    near = [" ".join(letters(rng, 5) if place == n else word for place, word in enumerate(words)) for n in range(3)]
    truth = " ".join(words)
    terms = [*near, truth] if is_offered else [" ".join(letters(rng, 5) for _ in range(3)) for _ in range(4)]
    rng.shuffle(terms)
    return terms, truth


def numbers_around_the_truth(rng, is_offered):
    """The right number is the second smallest; the words before it keep the alphabet from telling."""
    values = sorted(rng.uniform(1, 99_999) for _ in range(4))
    terms = [f"{letters(rng, 4)} {value:012.5f} mm" for value in values]
    truth = terms[1] if is_offered else "unknown"
    rng.shuffle(terms)
    return terms, truth


@pytest.mark.parametrize("terms_of", [in_order_but_the_truth, made_from_the_truth, numbers_around_the_truth])
def test_the_ranker_finds_what_stands_out_among_options_that_no_two_questions_share(terms_of):
    rows = rows_of(redrawn(terms_of), siblings=False)
    assert rows[RANKER, None, "all"].accuracy.value > 0.5
    assert rows[MAJORITY, None, "all"].accuracy.value < 0.35


@pytest.mark.parametrize("channel", PLACES)
def test_the_ranker_finds_what_places_and_words_tell(channel):
    changes, least = PLACES[channel]
    rows = rows_of(drawn_by_the_law(600, seed=3, **changes), siblings=False)
    assert rows[RANKER, None, "all"].accuracy.value > least
    assert rows[MAJORITY, None, "all"].accuracy.value < 0.3


def with_stems(stem):
    return [
        item.model_copy(update={"question": stem(number, "ABCDE".index(item.answer))})
        for number, item in enumerate(drawn_by_the_law(500, seed=3))
    ]


QUESTION_WORDS = ("who", "how", "why", "what", "when")
STEMS = {
    "blanks of a stem that is asked once": lambda n, place: f"Case {n}: where is it{' ' * place}?",
    "blanks of one stem": lambda _n, place: f"Where is it{' ' * place}?",
    "a word of a stem that is asked once": lambda n, place: (
        f"Case {n}: {('who', 'how', 'why', 'what', 'when')[place]}?"
    ),
    "how many signs": lambda n, place: f"Case {n}: where is it?{'!' * place}",
    "how many words": lambda n, place: f"Case {n}: {' '.join(f'x{n}y{k}' for k in range(place + 1))}?",
}


@pytest.mark.parametrize("channel", STEMS)
def test_the_ranker_finds_what_a_stem_tells_of_the_letter(channel):
    rows = rows_of(with_stems(STEMS[channel]), siblings=False)
    assert rows[RANKER, None, "all"].accuracy.value > 0.9


# --- the simple guessers ---


def test_majority_takes_the_offered_text_that_was_right_most_often_on_other_images():
    often, seldom = REGIONS[:2]
    items = [question(f"i{n}", LOCATION, [seldom, often], often) for n in range(20)]
    items += [question(f"j{n}", LOCATION, [seldom, REGIONS[2]], seldom) for n in range(10)]
    credit = guess_blind(items, 0, siblings=False).credit[MAJORITY]
    assert credit.tolist() == [1.0] * 30
    lone = question("k", LOCATION, [often, REGIONS[5]], REGIONS[5])
    guesses = guess_blind([*items, lone], 0, siblings=False)
    assert guesses.credit[MAJORITY][guesses.items.index(lone)] == 0.0, "its own image is not learned from"


def test_always_e_tries_only_what_offers_e():
    items = [question(f"i{n}", LOCATION, REGIONS[:4], REGIONS[n]) for n in range(5)]
    items.append(question("b", LOCATION, REGIONS[:2], REGIONS[0], none=False))
    rows = rows_of(items, siblings=False)
    assert rows[ALWAYS_E, None, "all"].accuracy.n == 5
    assert rows[ALWAYS_E, None, "all"].accuracy.value == pytest.approx(1 / 5)
    assert rows[ALWAYS_E, None, "all"].chance == pytest.approx(0.2)
    assert (ALWAYS_E, None, BINARY) not in rows
    uniform = rows[UNIFORM, None, "all"]
    assert uniform.accuracy.value == pytest.approx((5 / 5 + 1 / 2) / 6)
    assert uniform.accuracy.n == 6
    assert rows[UNIFORM, None, BINARY].accuracy.value == 0.5


def test_a_question_without_a_right_option_is_tried_by_nobody():
    items = [question(f"i{n}", LOCATION, REGIONS[:4], REGIONS[0]) for n in range(4)]
    broken = items[0].model_copy(update={"answer": "F", "image_id": "z"})
    assert guess_blind([*items, broken], 0).items == items


def test_one_image_trains_nobody():
    items = [question("one", LOCATION, REGIONS[:4], REGIONS[n], q_index=n) for n in range(4)]
    assert set(guess_blind(items, 0).credit) == {UNIFORM, ALWAYS_E}
    assert guess_blind([], 0).credit == {}


# --- folds, twins, order ---


def test_questions_of_an_image_are_in_one_fold_and_folds_are_even():
    items = [question(f"i{n % 53}", LOCATION, REGIONS[:4], REGIONS[0], q_index=n) for n in range(200)]
    folds = folds_of(items, 9)
    assert len({(item.image_id, fold) for item, fold in zip(items, folds.tolist(), strict=True)}) == 53
    images = {item.image_id: fold for item, fold in zip(items, folds.tolist(), strict=True)}
    assert sorted(list(images.values()).count(fold) for fold in range(FOLDS)) == [10, 10, 11, 11, 11]
    assert folds.tolist() != folds_of(items, 10).tolist()


def test_folds_hold_each_answer_evenly_whatever_the_order():
    items = [item for kind in VALUES for item in drawn_by_the_law(300, kind, seed=4)]
    folds = dict(zip([(i.image_id, i.question_type) for i in items], folds_of(items, 3).tolist(), strict=True))
    for kind in VALUES:
        for value in VALUES[kind]:
            found = [folds[i.image_id, kind] for i in items if i.question_type == kind and truth_of(i) == value]
            counts = [found.count(fold) for fold in range(FOLDS)]
            assert max(counts) - min(counts) <= 4, (kind, value, counts)
    mixed = random.Random(2).sample(items, len(items))
    assert dict(zip([(i.image_id, i.question_type) for i in mixed], folds_of(mixed, 3).tolist(), strict=True)) == folds


def truth_of(item):
    return item.removed_answer or item.text_of(item.answer)


def test_letters_are_left_to_chance_among_the_folds():
    """Letters that were as uneven in a fold as in the others would let a guesser learn what chance made of a file."""
    items = [question(f"i{n}", LOCATION, REGIONS[:4], REGIONS[n % 4]) for n in range(400)]
    rng = random.Random(1)
    mixed = []
    for one in items:
        terms = rng.sample(REGIONS[:4], 4)
        mixed.append(question(one.image_id, LOCATION, terms, truth_of(one)))
    assert folds_of(mixed, 0).tolist() == folds_of(items, 0).tolist()


def test_letters_that_a_file_deals_evenly_are_even_in_the_folds():
    """Or a letter that is frequent in a fold would be rare in the others, and hide a weak leak."""
    items = [
        question(f"i{n}", LOCATION, at(REGIONS[:4], n // 4 % 4, REGIONS[n % 4]), REGIONS[n % 4]) for n in range(800)
    ]
    folds = folds_of(items, 0)
    for letter in "ABCD":
        counts = np.bincount(folds[[i.answer == letter for i in items]])
        assert counts.max() - counts.min() <= 4, counts


def at(terms, place, truth):
    others = [term for term in terms if term != truth]
    return [*others[:place], truth, *others[place:]]


def test_answers_that_occur_once_are_dealt_as_others_are():
    """Memory must not grow with images times answers: a table of these would have 900 million cells."""
    items = [question(f"i{n}", LOCATION, [f"{n} mm", f"{n} cm"], f"{n} mm") for n in range(30_000)]
    counts = np.bincount(folds_of(items, 0))
    assert counts.tolist() == [6000] * FOLDS


def test_the_order_of_the_file_changes_nothing():
    items = drawn_by_the_law(150, seed=1) + drawn_by_the_law(150, DIAGNOSIS, seed=1, q_index=1)
    mixed = items[:]
    random.Random(3).shuffle(mixed)
    one, other = guess_blind(items, 0), guess_blind(mixed, 0)
    assert one.items == other.items
    for guesser, credit in one.credit.items():
        np.testing.assert_array_equal(credit, other.credit[guesser])
    assert blind_rows(one, RULES) == blind_rows(other, RULES)


def twinned(number):
    """Questions whose wording tells the answer, each with a twin of the same wording and the truth taken out."""
    items = []
    for n in range(number):
        truth = REGIONS[n % 4]
        stem = f"Is it {truth}, or where?"
        items.append(question(f"i{n:03}", LOCATION, REGIONS[:4], truth, stem=stem))
        items.append(question(f"i{n:03}", LOCATION, REGIONS[4:8], truth, stem=stem, q_index=1, twin_of=0))
    return items


def test_twins_count_in_no_accuracy_and_teach_nothing():
    items = twinned(60)
    alone = [item for item in items if item.twin_of is None]
    with_twins, without = rows_of(items, siblings=False), rows_of(alone, siblings=False)
    assert with_twins == without
    assert with_twins[RANKER, None, "all"].accuracy.value == 1.0
    assert (RANKER, None, REJECTION) not in with_twins, "no rejection item but the twins"


def test_twins_are_counted_as_pairs():
    guesses = guess_blind(twinned(60), 0, siblings=False)
    found = {row.guesser: row.both_right for row in twin_rows(guesses, RULES)}
    assert found[UNIFORM].value == pytest.approx(1 / 25)
    assert found[ALWAYS_E].value == 0.0, "right in every twin, wrong in every question"
    assert {estimate.n for estimate in found.values()} == {60}
    assert twin_rows(guess_blind(drawn_by_the_law(20), 0, siblings=False), RULES) == []


def test_a_pair_is_right_only_if_both_are():
    items = sorted(twinned(4), key=lambda item: (item.image_id, item.q_index))
    credit = {RANKER: np.asarray([1.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0])}
    credit[UNIFORM] = np.full(8, 0.2)
    rows = {row.guesser: row.both_right.value for row in twin_rows(Guesses(items, credit), RULES)}
    assert rows == {RANKER: 0.25, UNIFORM: pytest.approx(0.04)}


# --- intervals ---


def test_questions_of_an_image_that_are_right_together_widen_the_interval():
    items = [question(f"i{n:03}", LOCATION, REGIONS[:4], REGIONS[0], q_index=q) for n in range(100) for q in range(5)]
    together = np.repeat(np.arange(100) % 2, 5).astype(float)
    apart = np.tile([1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0], 50)
    uniform = np.full(500, 0.2)

    def interval(credit):
        rows = blind_rows(Guesses(items, {UNIFORM: uniform, RANKER: credit}), RULES)
        return next(row.accuracy for row in rows if row.guesser == RANKER)

    as_if_independent = wilson(250, 500)
    clustered = interval(together)
    width = clustered.high - clustered.low
    assert (clustered.value, clustered.n) == (0.5, 500)
    assert width > 1.8 * (as_if_independent.high - as_if_independent.low)
    spread_out = interval(apart)
    assert spread_out.high - spread_out.low < as_if_independent.high - as_if_independent.low


def test_a_row_is_judged_by_its_value_or_by_the_lower_end():
    estimate = wilson(30, 100)
    by_value = BlindRow(guesser=RANKER, question_type=None, subset="all", accuracy=estimate, chance=0.2, limit=0.23)
    assert by_value.passes is False
    assert by_value.model_copy(update={"judged_by": "low"}).passes is True
    assert by_value.model_copy(update={"limit": None}).passes is None


# --- the published file ---


def test_the_published_benchmark_is_solved_from_its_text(upstream_root):
    items = read_closed(upstream_root / "mm-neuroonco_benchmark_closed_v1.0.json").records
    rows = rows_of(items)

    def value(guesser, kind=None, subset="all"):
        return rows[guesser, kind, subset].accuracy.value

    assert rows[RANKER, None, "all"].accuracy.n == 3190
    assert rows[RANKER, None, "all"].chance == pytest.approx((3074 / 5 + 116 / 2) / 3190)
    assert 0.82 < value(RANKER) < 0.86
    expected = {
        "diagnosis": 0.757,
        "modality": 0.736,
        "size": 0.886,
        "shape": 0.893,
        "spread": 0.902,
        "location": 0.906,
    }
    for kind, known in expected.items():
        assert value(RANKER, kind) > known - 0.02, "at least about what is known of the file"
    assert rows[RANKER, None, REJECTION].accuracy.n == 606
    assert value(RANKER, subset=REJECTION) > 0.85
    assert rows[RANKER, None, BINARY].accuracy.n == 116
    assert value(ALWAYS_E) == pytest.approx(606 / 3074)
    assert 0.35 < value(MAJORITY) < 0.5
    assert value(SIBLINGS) > value(RANKER)
