"""The gate: which figures fail a benchmark, which are only shown, and what happens where nothing can be judged."""

import random

import pytest

from factories_build import closed_items, skewed_labels
from factories_check import VALUES, drawn_by_the_law, question
from neuroonco.build.interop import read_closed, read_open
from neuroonco.check.gate import check_benchmark, check_open, check_pairs
from neuroonco.check.records import ALWAYS_E, RANKER, SIBLINGS, BenchmarkCheck
from neuroonco.check.rules import CheckRules
from neuroonco.rules import load_rules
from neuroonco.vocabulary import QuestionType

RULES = load_rules("default")
CHECK = RULES.section("check", CheckRules)
LOCATION, MODALITY = QuestionType.LOCATION, QuestionType.MODALITY
REGIONS = VALUES[LOCATION]


def shortcuts(checked):
    return [reason for reason in checked.reasons if reason.startswith("SHORTCUT")]


def by_the_law(per_type=500, seed=5):
    items = []
    for q_index, kind in enumerate(VALUES):
        items += drawn_by_the_law(per_type, kind, seed=seed, q_index=q_index)
    return items


def test_two_thousand_questions_drawn_by_the_law_pass():
    checked = check_benchmark(by_the_law(), 0, RULES)
    assert shortcuts(checked) == []
    assert checked.questions == 2000
    judged = [row for row in checked.blind if row.limit is not None]
    assert len(judged) == 4 * (1 + len(VALUES)), "four guessers, over all and in each type"
    assert all(row.passes for row in judged)
    assert all(row.limit is None for row in checked.blind if row.guesser == SIBLINGS or row.subset != "all")
    for row in judged:
        gain = CHECK.max_gain if row.question_type is None else CHECK.max_gain_of_type
        assert row.limit == pytest.approx(row.chance + gain)


def test_always_e_fails_where_half_of_the_answers_are_removed():
    checked = check_benchmark(drawn_by_the_law(600, share=0.5), 0, RULES)
    row = checked.row(ALWAYS_E)
    assert (row.accuracy.value, row.chance, row.passes) == (0.5, pytest.approx(0.2), False)
    assert any(reason.startswith("SHORTCUT: always-e is right in 0.500 of all") for reason in checked.reasons)


def test_a_type_may_gain_more_than_the_whole():
    """A guesser that is 4 points above chance in everything: allowed in each type, not over all."""
    items = []
    for kind in (QuestionType.LOCATION, QuestionType.DIAGNOSIS):
        items += drawn_by_the_law(500, kind, share=0.24, q_index=len(items) // 500)
    checked = check_benchmark(items, 0, RULES, siblings=False)
    assert checked.row(ALWAYS_E).passes is False
    assert [checked.row(ALWAYS_E, kind).passes for kind in ("location", "diagnosis")] == [True, True]


def test_few_questions_are_judged_by_the_lower_end_and_not_by_type():
    few = drawn_by_the_law(CHECK.min_questions - 1, share=0.26)
    enough = drawn_by_the_law(CHECK.min_questions, share=0.26)
    row = check_benchmark(few, 0, RULES).row(ALWAYS_E)
    assert row.accuracy.value > row.limit > row.accuracy.low
    assert (row.judged_by, row.passes) == ("low", True)
    assert check_benchmark(few, 0, RULES).row(ALWAYS_E, "location").limit is None
    row = check_benchmark(enough, 0, RULES).row(ALWAYS_E)
    assert (row.judged_by, row.passes) == ("value", False)
    assert check_benchmark(enough, 0, RULES).row(ALWAYS_E, "location").limit is not None


def test_few_questions_that_are_all_given_away_fail():
    items = [question(f"i{n}", LOCATION, REGIONS[:4], REGIONS[0]) for n in range(30)]
    checked = check_benchmark(items, 0, RULES)
    assert checked.row(RANKER).accuracy.value == 1.0
    assert any(reason.startswith("SHORTCUT: ranker is right in at least 0.") for reason in checked.reasons)


def test_nothing_to_judge_fails():
    assert check_benchmark([], 0, RULES).reasons == ("EMPTY: there is no question",)
    lone = check_benchmark([question("a", LOCATION, REGIONS[:4], REGIONS[0])], 0, RULES)
    assert [reason.split(":")[0] for reason in lone.reasons] == ["NOT_JUDGED"]
    twins = [question(f"i{n}", LOCATION, REGIONS[:4], REGIONS[0], q_index=1, twin_of=0).model_copy() for n in range(5)]
    assert any(reason.startswith("NOT_JUDGED") for reason in check_benchmark(twins, 0, RULES).reasons)


def test_an_error_of_the_wording_fails_alone():
    items = by_the_law(60)
    options = (*items[0].options[:3], items[0].options[0].model_copy(update={"letter": "D"}), items[0].options[4])
    broken = items[0].model_copy(
        update={"options": options, "answer": "A", "is_rejection": False, "removed_answer": None}
    )
    checked = check_benchmark([broken, *items[1:]], 0, RULES)
    assert shortcuts(checked) == []
    assert "DUPLICATE_OPTION: 1" in checked.reasons
    assert not checked.passed


def test_the_order_of_the_file_changes_nothing():
    items = by_the_law(60)
    mixed = items[:]
    random.Random(1).shuffle(mixed)
    one, other = check_benchmark(items, 3, RULES), check_benchmark(mixed, 3, RULES)
    assert (one.blind, one.twins, one.reasons) == (other.blind, other.twins, other.reasons)


def test_the_document_is_the_check():
    checked = check_benchmark(by_the_law(60), 3, RULES)
    document = checked.document()
    assert set(document) == {"questions", "findings", "blind", "twins", "passed", "reasons"}
    assert document["passed"] is checked.passed
    assert [row["passes"] for row in document["blind"]] == [row.passes for row in checked.blind]
    blind = [{k: v for k, v in row.items() if k != "passes"} for row in document["blind"]]
    fields = {"questions", "findings", "twins", "reasons"}
    assert BenchmarkCheck(**{k: document[k] for k in fields}, blind=blind) == checked


def test_progress_tells_of_every_fold():
    told = []
    check_benchmark(by_the_law(30), 0, RULES, progress=lambda *step: told.append(step))
    assert [step[1:] for step in told] == [(n, 5) for n in range(1, 6)] * 2
    assert len({what for what, _, _ in told}) == 2


def test_pairs_are_judged_without_what_a_chat_line_cannot_say():
    items = [
        item.model_copy(update={"removed_answer": None, "q_index": 0, "image_id": f"i{n // 2}"})
        for n, item in enumerate(drawn_by_the_law(400))
    ]
    checked = check_pairs(items, 0, RULES)
    assert checked.passed, checked.reasons
    assert checked.row(SIBLINGS) is None
    assert not check_benchmark(items, 0, RULES).passed, "as a benchmark, two questions stand at one place"


def test_our_benchmark_passes_and_text_alone_is_at_chance():
    checked = check_benchmark(closed_items(skewed_labels(1000), 0, RULES), 0, RULES)
    assert checked.passed, checked.reasons
    assert checked.row(RANKER).accuracy.n > 2000
    # Answers are exactly balanced, so what is frequent in four folds is rare in the fifth: a little below chance.
    assert -0.06 < checked.row(RANKER).accuracy.value - checked.row(RANKER).chance < 0.02


def test_the_published_benchmark_fails(upstream_root):
    items = read_closed(upstream_root / "mm-neuroonco_benchmark_closed_v1.0.json").records
    checked = check_benchmark(items, 0, RULES, siblings=False)
    for kind in ("diagnosis", "modality", "size", "shape", "spread", "location"):
        assert checked.row(RANKER, kind).passes is False
    assert checked.row(ALWAYS_E).passes is True
    assert {reason.split(":")[0] for reason in checked.reasons} >= {"SHORTCUT", "REMOVED_ANSWER_OFFERED"}


def test_open_questions_are_linted_and_nobody_guesses(upstream_root):
    items = read_open(upstream_root / "mm-neuroonco_benchmark_open_v1.0.json").records
    checked = check_open(items)
    assert (checked.questions, checked.blind) == (1215, ())
    assert any(reason.startswith("KEYWORDS_MISSING: 83") for reason in checked.reasons)
    assert check_open([]).reasons == ("EMPTY: there is no question",)
