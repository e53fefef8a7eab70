"""The gate: the published benchmark fails it, ours passes."""

import pytest

from factories_build import skewed_labels
from neuroonco.build.benchmark.closed import closed_items
from neuroonco.build.interop import read_closed
from neuroonco.build.records import ClosedItem, Option
from neuroonco.check.closed_lint import lint
from neuroonco.check.gate import check_benchmark, measure_shortcut
from neuroonco.check.guessers import guess_blind
from neuroonco.rules import load_rules

RULES = load_rules("default")


def item(number=0, *, options=("T2", "FLAIR", "T1"), answer="A", kind="modality", none=True, **changes):
    offered = [Option(letter=letter, text=text) for letter, text in zip("ABCD", options, strict=False)]
    if none:
        offered.append(Option(letter="E", text="None of the above"))
    fields = {
        "image_id": f"{number}",
        "q_index": 0,
        "slice_id": f"{number}",
        "image_path": "x.png",
        "question_type": kind,
        "question": "Which?",
        "options": tuple(offered),
        "answer": answer,
        "label_source": "source",
    }
    return ClosedItem(**{**fields, **changes})


def codes(items):
    return {finding.code: finding.n for finding in lint(items, 20)}


def test_a_sound_question_has_no_finding():
    assert codes([item()]) == {}


@pytest.mark.parametrize(
    ("faulty", "code"),
    [
        (item(options=("T2", "T2", "T1"), answer="C"), "DUPLICATE_OPTION"),
        (item(options=("T2", "T2-weighted", "T1"), answer="C"), "DUPLICATE_OPTION"),
        (item(answer="D"), "ANSWER_NOT_OFFERED"),
        (item(answer="E", is_rejection=True, removed_answer="T1-weighted MRI"), "REMOVED_ANSWER_OFFERED"),
        (
            item(
                kind="enhancement",
                options=("Solid", "Present"),
                answer="E",
                is_rejection=True,
                removed_answer="Ring",
            ),
            "REMOVED_ANSWER_OFFERED",
        ),
        (item(kind="enhancement", options=("Ring", "Present"), answer="A"), "ANSWER_NOT_UNIQUE"),
        (item(answer="E"), "REJECTION_MISMARKED"),
        (item(is_rejection=True, removed_answer="DWI"), "REJECTION_MISMARKED"),
        (item(options=("T2", "None of the above", "T1"), none=False), "NONE_NOT_LAST"),
    ],
)
def test_each_fault_of_a_question_is_an_error_of_its_own(faulty, code):
    found = lint([faulty, item(1)], 20)
    assert [(f.code, f.level, f.n) for f in found if f.level == "error"] == [(code, "error", 1)]
    assert found[0].examples[0].startswith("0#0")


def test_two_questions_at_one_place():
    assert codes([item(), item()]) == {"ITEM_TWICE": 1}


def test_spellings_and_one_sided_options_are_warnings():
    items = [item(i) for i in range(19)] + [item(19, options=("T2", "FLAIR MRI", "T1"))]
    found = {f.code: (f.level, f.examples) for f in lint(items, 20)}
    assert found["SEVERAL_SPELLINGS"] == ("warning", ("modality flair: FLAIR, FLAIR MRI",))
    assert found["ALWAYS_RIGHT"] == ("warning", ("modality T2: 20 of 20",))
    assert found["NEVER_RIGHT"][1] == ("modality None of the above: 0 of 20", "modality T1: 0 of 20")
    assert found["UNBALANCED_LETTERS"][1] == ("3 options: A 20, B 0, C 0",)


def test_the_answer_in_the_path_is_information_only():
    found = lint([item(kind="diagnosis", options=("Glioma",), image_path="glioma/1.png")], 20)
    assert [(f.code, f.level) for f in found] == [("ANSWER_IN_PATH", "info")]


def test_the_published_benchmark_fails(upstream_root):
    items = read_closed(upstream_root / "mm-neuroonco_benchmark_closed_v1.0.json").records
    check = check_benchmark(items, 0, RULES)
    assert not check.passed
    found = {f.code: f.n for f in check.findings}
    removed = [f for f in check.findings if f.code == "REMOVED_ANSWER_OFFERED"]
    assert 37 <= removed[0].n <= 43
    assert found["NEVER_RIGHT"] > 30
    assert "spread Solitary lesion: 148 of 148" in next(
        e for f in lint(items, 100) if f.code == "ALWAYS_RIGHT" for e in [f.examples]
    )
    assert 0.77 <= check.shortcut.accuracy.value <= 0.84
    assert check.shortcut.accuracy.n == 3190
    assert check.shortcut.chance == pytest.approx((3074 / 5 + 116 / 2) / 3190)
    by_type = {one.question_type: one.accuracy.value for one in check.shortcut.by_type}
    assert all(by_type[kind] > 0.84 for kind in ("size", "shape", "spread", "location"))
    assert set(check.document()["shortcut"]) == {"accuracy", "chance", "by_type"}


def test_our_benchmark_passes_and_text_alone_is_at_chance():
    check = check_benchmark(closed_items(skewed_labels(1000), 0, RULES), 0, RULES)
    assert check.passed
    assert check.findings == ()
    accuracy, chance = check.shortcut.accuracy, check.shortcut.chance
    assert accuracy.n > 4000
    assert abs(accuracy.value - chance) < 0.04
    five = next(one for one in check.shortcut.by_type if one.question_type == "location")
    assert five.accuracy.low < 0.2 < five.accuracy.high


def test_the_gate_sees_a_shortcut_without_any_fault_in_a_question():
    """Sound questions whose right answer is always the same term."""
    items = [
        item(i, options=("FLAIR", "T2", "T1") if i % 2 else ("T2", "T1", "FLAIR"), answer="AB"[i % 2])
        for i in range(60)
    ]
    check = check_benchmark(items, 0, RULES)
    assert check.shortcut.accuracy.value == 1.0
    assert [reason.split(":")[0] for reason in check.reasons] == ["SHORTCUT"]


def test_too_little_to_guess_is_no_figure():
    shortcut = measure_shortcut([item()], 0)
    assert shortcut.accuracy.value is None
    assert (shortcut.accuracy.n, shortcut.chance) == (0, None)
    assert check_benchmark([], 0, RULES).reasons == ("EMPTY: there is no question",)
    assert check_benchmark([item()], 0, RULES).passed


def test_an_unanswerable_question_does_not_stop_the_guesser():
    items = [item(i) for i in range(10)] + [item(10, answer="D")]
    check = check_benchmark(items, 0, RULES)
    assert check.shortcut.accuracy.n == 10
    assert any(reason.startswith("ANSWER_NOT_OFFERED") for reason in check.reasons)


def test_guesses_do_not_depend_on_the_order():
    items = closed_items(skewed_labels(80), 0, RULES)

    def right(some):
        guesses = guess_blind(some, 0)
        return {(g.item.image_id, g.item.q_index): g.correct for g in guesses}

    assert right(items) == right(items[::-1])
