"""Repair: what is mended, that nothing else is touched, and that each change is written down."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factories_build import closed_items, skewed_labels
from neuroonco.build.interop import read_closed
from neuroonco.build.records import ClosedItem, Option
from neuroonco.check.closed_lint import lint_closed, removed_still_offered
from neuroonco.check.meanings import meaning_of, truth_of
from neuroonco.check.repair import repair_closed
from neuroonco.check.rules import CheckRules
from neuroonco.rules import load_rules
from test_check_lint import item

RULES = load_rules("default")
CHECK = RULES.section("check", CheckRules)
ANSWERED = [item(100 + n, options=(text, "x", "y")) for n, text in enumerate(("T1", "T2", "FLAIR", "T1 with contrast"))]
"""Questions of which every sequence is an answer, so that any may replace an option."""


def repaired(one, others=ANSWERED, seed=0):
    result = repair_closed([one, *others], seed)
    mine = [change for change in result.changes if change.image_id == one.image_id]
    return result.items[0], mine, result


def texts(one):
    return {o.letter: o.text for o in one.options}


def test_spellings_become_the_vocabularys_and_the_answer_keeps_its_letter():
    one = item(options=("T1_CE", "DIFFUSION", "T2-weighted MRI"), answer="C")
    mended, changes, _ = repaired(one)
    assert texts(mended) == {"A": "T1 with contrast", "B": "DWI", "C": "T2", "E": "None of the above"}
    assert mended.answer == "C"
    assert {c.code for c in changes} == {"SEVERAL_SPELLINGS"}
    assert (changes[0].before, changes[0].after) == ("A: T1_CE", "A: T1 with contrast")


def test_the_removed_answer_is_spelled_as_the_options_are():
    one = item(options=("T1", "T2"), answer="E", is_rejection=True, removed_answer="flair mri")
    mended, changes, _ = repaired(one)
    assert mended.removed_answer == "FLAIR"
    assert [(c.before, c.after) for c in changes] == [("removed: flair mri", "removed: FLAIR")]


def test_unknown_texts_take_their_most_frequent_spelling():
    items = [item(n, kind="size", options=("Medium", text)) for n, text in enumerate(("odd_one", "Odd one", "odd_one"))]
    assert {texts(one)["B"] for one in repair_closed(items, 0).items} == {"Odd one"}


def test_a_duplicate_gives_way_to_an_answer_given_elsewhere():
    for seed in range(20):
        mended, changes, _ = repaired(item(options=("T2", "T2-weighted", "FLAIR"), answer="B"), seed=seed)
        assert texts(mended)["B"] == "T2"
        assert texts(mended)["A"] in {"T1", "T1 with contrast"}
        assert [c.code for c in changes if c.code != "SEVERAL_SPELLINGS"] == ["DUPLICATE_OPTION"]
    drawn = {texts(repaired(item(options=("T2", "T2", "FLAIR")), seed=seed)[0])["B"] for seed in range(20)}
    assert drawn == {"T1", "T1 with contrast"}


def test_a_duplicate_without_any_replacement_is_taken_away():
    one = item(options=("T2", "FLAIR", "T2", "T1"), answer="D")
    mended, changes, _ = repaired(one, others=[])
    assert texts(mended) == {"A": "T2", "B": "FLAIR", "C": "T1", "E": "None of the above"}
    assert mended.answer == "C"
    assert [(c.code, c.before, c.after) for c in changes] == [("DUPLICATE_OPTION", "C: T2", "")]


def test_two_options_are_never_made_one():
    one = item(kind="diagnosis", options=("Healthy", "Normal"), none=False)
    mended, changes, result = repaired(one, others=[])
    assert len(mended.options) == 2
    assert [c.code for c in changes] == ["SEVERAL_SPELLINGS"]
    assert "DUPLICATE_OPTION" in {f.code for f in result.left}


def test_a_removed_answer_that_is_still_offered_is_replaced():
    one = item(options=("MRI brain FLAIR", "T2", "T1"), answer="E", is_rejection=True, removed_answer="FLAIR")
    mended, changes, _ = repaired(one)
    assert texts(mended)["A"] == "T1 with contrast"
    assert (mended.answer, mended.is_rejection, mended.removed_answer) == ("E", True, "FLAIR")
    assert [c.code for c in changes] == ["SEVERAL_SPELLINGS", "REMOVED_ANSWER_OFFERED"]


def test_a_finer_name_beside_the_answer_is_replaced_and_the_answer_never():
    others = [
        item(200 + n, kind="diagnosis", options=(name, "Abscess")) for n, name in enumerate(("Glioma", "Schwannoma"))
    ]
    mended, _, _ = repaired(item(kind="diagnosis", options=("Glioblastoma", "Glioma"), answer="A"), others)
    assert texts(mended) == {"A": "Glioblastoma", "B": "Schwannoma", "E": "None of the above"}


@pytest.mark.parametrize(
    ("broken", "is_rejection", "removed"),
    [
        (item(answer="E"), True, None),
        (item(answer="E", removed_answer="DWI"), True, "DWI"),
        (item(is_rejection=True, removed_answer="DWI"), False, None),
        (item(removed_answer="DWI"), False, None),
    ],
)
def test_marks_follow_the_text(broken, is_rejection, removed):
    mended, changes, result = repaired(broken)
    assert (mended.is_rejection, mended.removed_answer) == (is_rejection, removed)
    assert [c.code for c in changes] == ["REJECTION_MISMARKED"]
    assert ("REMOVED_ANSWER_UNKNOWN" in {f.code for f in result.left}) is (is_rejection and removed is None)


def test_none_of_the_above_goes_last_to_e_with_the_answer_following():
    mended, changes, _ = repaired(item(options=("None of the Above", "T2", "T1"), answer="C", none=False))
    assert texts(mended) == {"A": "T2", "B": "T1", "E": "None of the above"}
    assert mended.answer == "B"
    assert [c.code for c in changes] == ["NONE_NOT_LAST", "SEVERAL_SPELLINGS"]
    rejected = item(options=("None of the above", "T2"), answer="A", none=False, is_rejection=True, removed_answer="T1")
    assert repaired(rejected)[0].answer == "E"


@pytest.mark.parametrize("answer", ["b", "B.", "(B)", "flair"])
def test_an_answer_in_other_words(answer):
    mended, _, result = repaired(item(answer=answer))
    if answer == "(B)":
        assert "ANSWER_NOT_OFFERED" in {f.code for f in result.left}
    else:
        assert mended.answer == "B"


def test_what_needs_judgment_is_left_and_listed():
    asked = item(question="Which sequence shows this glioma?")
    mended, changes, result = repaired(asked)
    assert (mended, changes) == (asked, [])
    assert "STEM_NAMES_FINDING" in {f.code for f in result.left}


def test_ours_needs_no_repair():
    items = closed_items(skewed_labels(300), 0, RULES)
    result = repair_closed(items, 0)
    assert (result.changes, result.left) == ((), ())
    assert result.items == tuple(items)


SPELLED = ("T1", "t1_weighted", "T2", "T2-weighted MRI", "FLAIR", "T1_CE", "DWI", "ct", "CT without contrast", "odd")


@st.composite
def files(draw):
    made = []
    for number in range(draw(st.integers(1, 6))):
        offered = draw(st.lists(st.sampled_from((*SPELLED, "None of the above")), min_size=2, max_size=4))
        answer = draw(st.sampled_from("ABCDE"))
        removed = draw(st.none() | st.sampled_from(SPELLED))
        none = draw(st.booleans())
        rejection = draw(st.booleans())
        made.append(
            item(number, options=offered, answer=answer, none=none, is_rejection=rejection, removed_answer=removed)
        )
    return made


@settings(max_examples=200)
@given(files(), st.integers(0, 3))
def test_repair_is_stable_deterministic_and_keeps_every_true_answer(items, seed):
    result = repair_closed(items, seed, CHECK)
    assert result == repair_closed(items, seed, CHECK)
    assert repair_closed(result.items, seed + 1, CHECK).changes == ()
    touched = {change.image_id for change in result.changes}
    for before, after in zip(items, result.items, strict=True):
        assert (before.image_id, before.question, before.q_index) == (after.image_id, after.question, after.q_index)
        assert (before == after) is (before.image_id not in touched)
        right = before.text_of(before.answer)
        if right is not None:
            meant = meaning_of(before.question_type, right)
            assert meaning_of(after.question_type, after.text_of(after.answer)) == meant
        letters = [o.letter for o in after.options]
        assert len(set(letters)) == len(letters)
        assert right is None or not removed_still_offered(after) or len(after.options) == 2
        assert right is not None or after.text_of(after.answer) is None or after.answer != before.answer


def test_other_questions_do_not_change_what_is_drawn():
    one = item(options=("T2", "T2", "FLAIR"))
    assert repaired(one)[0] == repaired(one, others=[*ANSWERED[::-1], item(77)])[0]


def test_the_published_file_after_repair(upstream_root):
    items = read_closed(upstream_root / "mm-neuroonco_benchmark_closed_v1.0.json").records
    result = repair_closed(items, 0)
    left = {f.code: f.n for f in result.left}
    assert not {f.code for f in result.left if f.level == "error"}
    assert left == {"NEVER_RIGHT": 25, "ALWAYS_RIGHT": 1, "UNBALANCED_ANSWERS": 8, "ANSWER_IN_PATH": 1962}
    assert [truth_of(one) for one in result.items] == [truth_of(one) for one in items]
    assert lint_closed(result.items, CHECK) == list(result.left)
    options = {o.text for one in result.items if one.question_type == "modality" for o in one.options}
    assert len(options) == 9


def test_changes_and_items_are_records():
    one = item(options=("T2", "FLAIR MRI"))
    assert isinstance(one, ClosedItem)
    assert repair_closed([one], 0).model_dump()["changes"][0]["code"] == "SEVERAL_SPELLINGS"
    assert Option(letter="B", text="FLAIR") in repair_closed([one], 0).items[0].options


# --- what must not be guessed ---


@pytest.mark.parametrize("removed", [None, "a disease nobody knows"])
def test_nothing_is_drawn_for_a_rejection_item_whose_truth_is_not_known(removed):
    """Whatever is drawn could be the answer that was removed, and E would no longer be right."""
    one = item(options=("T2", "T2-weighted", "DWI"), answer="E", is_rejection=True, removed_answer=removed)
    for seed in range(10):
        mended, changes, _ = repaired(one, seed=seed)
        assert texts(mended) == {"A": "T2", "B": "DWI", "E": "None of the above"}
        assert mended.answer == "E"
        assert [(c.code, c.after) for c in changes if c.code == "DUPLICATE_OPTION"] == [("DUPLICATE_OPTION", "")]
    shortest = one.model_copy(update={"options": one.options[:2]})
    assert texts(repaired(shortest)[0]) == {"A": "T2", "B": "T2"}
