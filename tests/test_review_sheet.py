"""Blind review: what goes out names nothing, what comes back is applied or set aside."""

import json

import pytest

from factories_build import closed_items, skewed_labels
from neuroonco import store
from neuroonco.review.records import ReviewDecision, SheetRow, Verdict
from neuroonco.review.sheet import apply_decisions, export_sheet, item_key, unreviewed
from neuroonco.rules import load_rules
from neuroonco.vocabulary import DropReason

ITEMS = [
    item.model_copy(update={"image_id": f"glioma_{item.image_id}", "image_path": "glioma/a.png"})
    for item in closed_items(skewed_labels(60), 0, load_rules("default"))
]
PLAIN = next(i for i in ITEMS if not i.is_rejection and len(i.options) == 5)
REJECTION = next(i for i in ITEMS if i.is_rejection)


def decide(item, verdict, reader="r1", new_answer=None, comment=None, new_question=None):
    return ReviewDecision(
        item=item_key(item),
        reader=reader,
        verdict=verdict,
        new_answer=new_answer,
        new_question=new_question,
        comment=comment,
    )


def test_the_sheet_is_blind():
    rows = export_sheet(ITEMS)
    assert {row.item for row in rows} == {item_key(item) for item in ITEMS}
    assert set(SheetRow.model_fields) == {"item", "question", "options"}
    for row in rows:
        shown = json.dumps(row.model_dump())
        assert "glioma_" not in shown
        assert ".png" not in shown
    assert rows == export_sheet(ITEMS[::-1])


def test_round_trip(tmp_path):
    store.save(tmp_path / "sheet.jsonl", export_sheet(ITEMS), SheetRow)
    rows = store.load_strict(tmp_path / "sheet.jsonl", SheetRow)
    decisions = [ReviewDecision(item=r.item, reader="r1", verdict=Verdict.ACCEPT) for r in rows]
    store.save(tmp_path / "decisions.jsonl", decisions, ReviewDecision)
    read = store.load_strict(tmp_path / "decisions.jsonl", ReviewDecision)
    outcome = apply_decisions(ITEMS, read)
    assert outcome.kept == ITEMS
    assert outcome.counts() == {"kept": len(ITEMS), "dropped": 0, "quarantined": 0}
    assert unreviewed(ITEMS, read) == 0


def test_undecided_questions_stay_and_are_counted():
    decisions = [decide(PLAIN, Verdict.ACCEPT)]
    assert apply_decisions(ITEMS, decisions).kept == ITEMS
    assert unreviewed(ITEMS, decisions) == len(ITEMS) - 1


def test_a_changed_answer():
    letter = next(o.letter for o in PLAIN.options if o.letter not in (PLAIN.answer, "E"))
    (kept,) = apply_decisions([PLAIN], [decide(PLAIN, Verdict.CHANGE, new_answer=letter)]).kept
    assert (kept.answer, kept.is_rejection, kept.label_source) == (letter, False, "review")
    assert kept.options == PLAIN.options


def test_a_change_from_and_to_none_of_the_above_moves_the_mark():
    (kept,) = apply_decisions([REJECTION], [decide(REJECTION, Verdict.CHANGE, new_answer="A")]).kept
    assert (kept.answer, kept.is_rejection, kept.removed_answer) == ("A", False, None)
    (kept,) = apply_decisions([PLAIN], [decide(PLAIN, Verdict.CHANGE, new_answer="E")]).kept
    assert (kept.answer, kept.is_rejection, kept.removed_answer) == ("E", True, None)


def test_new_words_come_with_an_accepted_or_changed_answer():
    letter = next(o.letter for o in PLAIN.options if o.letter not in (PLAIN.answer, "E"))
    (kept,) = apply_decisions([PLAIN], [decide(PLAIN, Verdict.ACCEPT, new_question="Which?")]).kept
    assert kept == PLAIN.model_copy(update={"question": "Which?"})
    (kept,) = apply_decisions([PLAIN], [decide(PLAIN, Verdict.CHANGE, new_answer=letter, new_question="Which?")]).kept
    assert (kept.question, kept.answer, kept.label_source) == ("Which?", letter, "review")


def test_none_of_the_above_is_known_in_any_spelling():
    spelled = tuple(o if o.letter != "E" else o.model_copy(update={"text": "none of these"}) for o in PLAIN.options)
    item = PLAIN.model_copy(update={"options": spelled})
    (kept,) = apply_decisions([item], [decide(item, Verdict.CHANGE, new_answer="E")]).kept
    assert kept.is_rejection


@pytest.mark.parametrize("verdict", [Verdict.REJECT, Verdict.UNANSWERABLE])
def test_rejected_questions_are_dropped_with_their_reason(verdict):
    outcome = apply_decisions([PLAIN], [decide(PLAIN, verdict, comment="two lesions")])
    assert outcome.kept == []
    (dropped,) = outcome.dropped
    assert dropped.reason is DropReason.REVIEW_REJECTED
    assert dropped.detail == f"question {PLAIN.q_index}: {verdict.value}; two lesions"


@pytest.mark.parametrize(
    ("decisions", "code"),
    [
        ([decide(PLAIN, Verdict.ACCEPT), decide(PLAIN, Verdict.REJECT, "r2")], "DECISIONS_DIFFER"),
        (
            [
                decide(PLAIN, Verdict.CHANGE, new_answer="A"),
                decide(PLAIN, Verdict.CHANGE, "r2", new_answer="B"),
            ],
            "DECISIONS_DIFFER",
        ),
        ([decide(PLAIN, Verdict.CHANGE)], "NEW_ANSWER_NOT_OFFERED"),
        ([decide(PLAIN, Verdict.CHANGE, new_answer="F")], "NEW_ANSWER_NOT_OFFERED"),
        ([decide(PLAIN, Verdict.ACCEPT, new_answer="A")], "NEW_ANSWER_UNEXPECTED"),
        ([decide(PLAIN, Verdict.REJECT, new_question="Which?")], "NEW_QUESTION_UNEXPECTED"),
        ([decide(PLAIN, Verdict.ACCEPT, new_question=" ")], "NEW_QUESTION_UNEXPECTED"),
        (
            [decide(PLAIN, Verdict.ACCEPT), decide(PLAIN, Verdict.ACCEPT, "r2", new_question="Which?")],
            "DECISIONS_DIFFER",
        ),
    ],
)
def test_what_cannot_be_applied_is_set_aside_and_the_rest_goes_on(decisions, code):
    outcome = apply_decisions([PLAIN, REJECTION], decisions)
    assert outcome.kept == [REJECTION]
    assert [(q.code, q.slice_id) for q in outcome.quarantined] == [(code, PLAIN.slice_id)]


def test_two_readers_who_agree_are_one_decision():
    decisions = [decide(PLAIN, Verdict.ACCEPT), decide(PLAIN, Verdict.ACCEPT, "r2")]
    assert apply_decisions([PLAIN], decisions).kept == [PLAIN]


def test_a_decision_about_no_question_is_reported():
    stray = ReviewDecision(item="q00", reader="r1", verdict=Verdict.REJECT)
    outcome = apply_decisions([PLAIN], [stray])
    assert outcome.kept == [PLAIN]
    assert [q.code for q in outcome.quarantined] == ["DECISION_WITHOUT_ITEM"]


TWIN = PLAIN.model_copy(
    update={"q_index": 90, "twin_of": PLAIN.q_index, "answer": "E", "is_rejection": True, "removed_answer": "x"}
)


@pytest.mark.parametrize(
    ("decisions", "kept"),
    [
        ([], [PLAIN, TWIN]),
        ([decide(PLAIN, Verdict.ACCEPT)], [PLAIN, TWIN]),
        ([decide(TWIN, Verdict.REJECT)], [PLAIN]),
        ([decide(PLAIN, Verdict.REJECT)], []),
        ([decide(PLAIN, Verdict.CHANGE)], []),  # without an answer: set aside
        ([decide(PLAIN, Verdict.CHANGE, new_answer="E")], [PLAIN]),
        ([decide(TWIN, Verdict.CHANGE, new_answer="A")], [PLAIN]),
        ([decide(PLAIN, Verdict.ACCEPT, new_question="Which?")], [PLAIN]),
        ([decide(TWIN, Verdict.ACCEPT, new_question="Which?")], [PLAIN]),
        ([decide(one, Verdict.ACCEPT, new_question="Which?") for one in (PLAIN, TWIN)], [PLAIN, TWIN]),
    ],
)
def test_a_twin_stays_only_beside_its_question(decisions, kept):
    outcome = apply_decisions([PLAIN, TWIN, REJECTION], decisions)
    assert [item_key(item) for item in outcome.kept] == [item_key(item) for item in [*kept, REJECTION]]
    assert len(outcome.kept) + len(outcome.dropped) + len(outcome.quarantined) == 3
    assert {one.reason for one in outcome.dropped} <= {DropReason.REVIEW_REJECTED}


def test_a_twin_whose_question_was_never_there_stays():
    assert apply_decisions([TWIN], [decide(TWIN, Verdict.ACCEPT)]).kept == [TWIN]
