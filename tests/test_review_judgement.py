"""What a choice means, when two judgements agree, where a question stands."""

from collections.abc import Sequence
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuroonco.build.records import NONE_OF_THE_ABOVE
from neuroonco.errors import InputError
from neuroonco.review.judgement import agree, differ, in_force, judge, restated, state_of, unfinished
from neuroonco.review.records import Verdict
from neuroonco.review.room_records import (
    MAX_TEXT,
    EventKind,
    ItemStatus,
    Judgement,
    Lane,
    RejectReason,
    ReviewEvent,
    Round,
)
from review_rooms import item_with

ITEM = item_with("Which type?", ("Glioma", "Meningioma", NONE_OF_THE_ABOVE), answer="B").item
A = judge(ITEM, answer="A")
B = judge(ITEM, answer="B")
KEY = "q" + "0" * 16


def code_of(**made: Any) -> str:
    with pytest.raises(InputError) as refused:
        judge(ITEM, **made)
    assert "\n" not in refused.value.line
    return refused.value.code


# --- judging ---


def test_the_verdict_follows_from_the_choice() -> None:
    assert (B.verdict, B.answer) == (Verdict.ACCEPT, "B")
    assert (A.verdict, A.answer) == (Verdict.CHANGE, "A")
    assert judge(ITEM, answer="C").verdict is Verdict.CHANGE
    assert judge(ITEM, unanswerable=True) == Judgement(verdict=Verdict.UNANSWERABLE)
    rejected = judge(ITEM, reason=RejectReason.POOR_IMAGE)
    assert rejected == Judgement(verdict=Verdict.REJECT, reason=RejectReason.POOR_IMAGE)


def test_exactly_one_choice() -> None:
    assert code_of() == "JUDGEMENT_NONE"
    assert code_of(comment="hm", new_question="Which?") == "JUDGEMENT_NONE"
    assert code_of(answer="A", unanswerable=True) == "JUDGEMENT_SEVERAL"
    assert code_of(answer="A", reason=RejectReason.OTHER, comment="x") == "JUDGEMENT_SEVERAL"
    assert code_of(unanswerable=True, reason=RejectReason.POOR_IMAGE) == "JUDGEMENT_SEVERAL"


@pytest.mark.parametrize("answer", ["D", "a", "", " A", "AB", "Glioma", "\0", "\ud800"])
def test_only_an_offered_letter_is_an_answer(answer: str) -> None:
    assert code_of(answer=answer) == "ANSWER_NOT_OFFERED"


def test_texts_are_stripped_and_an_unchanged_wording_is_none() -> None:
    made = judge(ITEM, answer="A", new_question="  Which kind?\r\n", comment="\n one\r\ntwo\tthree \n")
    assert made.new_question == "Which kind?"
    assert made.comment == "one\ntwo\tthree"
    same = judge(ITEM, answer="A", new_question=" Which type? ", comment=" \r\n ")
    assert (same.new_question, same.comment) == (None, None)


def test_another_reason_has_to_be_said() -> None:
    assert code_of(reason=RejectReason.OTHER) == "COMMENT_NEEDED"
    assert code_of(reason=RejectReason.OTHER, comment="  \n") == "COMMENT_NEEDED"
    assert judge(ITEM, reason=RejectReason.OTHER, comment="twice in the set").comment == "twice in the set"


def test_texts_have_an_end() -> None:
    assert judge(ITEM, answer="A", comment=" " + "x" * MAX_TEXT + "\n").comment == "x" * MAX_TEXT
    assert code_of(answer="A", comment="x" * (MAX_TEXT + 1)) == "TEXT_TOO_LONG"
    assert code_of(answer="A", new_question="x" * (MAX_TEXT + 1)) == "TEXT_TOO_LONG"


@pytest.mark.parametrize(
    "char",
    ["\0", "\x01", "\x1b", "\x7f", "\x85", "\ud800", "\u202e", "\u2066", "\u2028", "\ufeff", "\u200b", "\U000e0041"],
)
def test_what_is_not_text_is_refused(char: str) -> None:
    assert code_of(answer="A", comment=f"one{char}two") == "TEXT_INVALID"
    assert code_of(answer="A", new_question=f"one{char}two") == "TEXT_INVALID"


def test_lines_are_for_comments() -> None:
    assert code_of(answer="A", new_question="one\ntwo") == "TEXT_INVALID"
    assert code_of(answer="A", new_question="one\ttwo") == "TEXT_INVALID"


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", "Größe 3×4 mm²", "脑肿瘤", "ورم\u200fدماغي", "👩\u200d⚕"]
)
def test_text_of_any_script_is_kept_as_it_is(text: str) -> None:
    made = judge(ITEM, answer="A", new_question=text, comment=text)
    assert (made.new_question, made.comment) == (text, text)


@given(st.text(max_size=60), st.text(max_size=60))
def test_what_is_taken_is_taken_again(wording: str, comment: str) -> None:
    try:
        made = judge(ITEM, answer="A", new_question=wording, comment=comment)
    except InputError as error:
        code = error.code
    else:
        code = ""
    if code:
        assert code == "TEXT_INVALID"
        return
    assert restated(ITEM, made) == made
    assert Judgement.model_validate_json(made.model_dump_json()) == made


def test_a_false_verdict_is_not_what_the_choice_makes() -> None:
    false = Judgement(verdict=Verdict.ACCEPT, answer="A")
    assert restated(ITEM, false) != false
    with pytest.raises(InputError):
        restated(ITEM, Judgement(verdict=Verdict.REJECT))


# --- agreeing ---


def test_agreement_is_about_what_becomes_of_the_question() -> None:
    assert agree(A, judge(ITEM, answer="A", comment="sure"))
    assert not agree(A, B)
    assert not agree(A, judge(ITEM, answer="A", new_question="Which kind?"))
    assert not agree(judge(ITEM, unanswerable=True), judge(ITEM, reason=RejectReason.POOR_IMAGE))
    assert agree(judge(ITEM, reason=RejectReason.POOR_IMAGE), judge(ITEM, reason=RejectReason.UNCLEAR_WORDING))


def test_the_wording_of_a_question_that_goes_is_no_difference() -> None:
    plain, reworded = (
        judge(ITEM, reason=RejectReason.UNCLEAR_WORDING, new_question=text) for text in (None, "Which kind?")
    )
    assert agree(plain, reworded)


# --- what is in force ---


def event(seq: int, kind: EventKind, undoes: int | None = None) -> ReviewEvent:
    return ReviewEvent(
        seq=seq,
        key=KEY,
        reader="ann",
        round=Round.FIRST,
        kind=kind,
        judgement=A if kind is EventKind.DECIDED else None,
        undoes=undoes,
        save_id=f"s{seq}",
        at="2026-01-01T00:00:00+00:00",
    )


def test_undoing_brings_back_what_was_before() -> None:
    events = [event(1, EventKind.DECIDED), event(2, EventKind.DECIDED), event(3, EventKind.MASK_SHOWN)]
    assert in_force([]) is None
    assert in_force(events) == events[1]
    events.append(event(4, EventKind.UNDONE, undoes=2))
    assert in_force(events) == events[0]
    events.append(event(5, EventKind.UNDONE, undoes=1))
    assert in_force(events) is None
    events.append(event(6, EventKind.DECIDED))
    assert in_force(events) == events[5]


def test_what_came_too_late_is_not_in_force() -> None:
    events = [event(1, EventKind.DECIDED), event(2, EventKind.CONFLICTED)]
    assert in_force(events) == events[0]


# --- where a question stands ---


def lanes_of(round: Round, made: Sequence[Judgement | None]) -> list[Lane]:
    return [Lane(key=KEY, reader=f"r{n}", round=round, judgement=one) for n, one in enumerate(made)]


def status(first: Sequence[Judgement | None], second: Sequence[Judgement | None] = (), rounds: int = 2) -> ItemStatus:
    lanes = lanes_of(Round.FIRST, first) + lanes_of(Round.SECOND, second)
    return state_of(KEY, lanes, rounds).status


def test_the_way_of_a_question() -> None:
    assert status([]) is ItemStatus.UNASSIGNED
    assert status([None, None]) is ItemStatus.FIRST_ROUND
    assert status([A, None]) is ItemStatus.FIRST_ROUND
    assert status([A]) is ItemStatus.AGREED
    assert status([A, A]) is ItemStatus.AGREED
    assert status([A, B]) is ItemStatus.SECOND_ROUND
    assert status([A, B], rounds=1) is ItemStatus.DISPUTED
    assert status([A, B], [A, None]) is ItemStatus.SECOND_ROUND
    assert status([A, B], [A, A]) is ItemStatus.AGREED
    assert status([A, B], [A, B]) is ItemStatus.DISPUTED
    assert status([A, A, B], [B, B, B]) is ItemStatus.AGREED
    assert status([A, A, B], [A, B, B]) is ItemStatus.DISPUTED


def test_what_stands_is_what_was_said_last() -> None:
    second = lanes_of(Round.FIRST, [A, B]) + lanes_of(Round.SECOND, [B, B])
    assert state_of(KEY, second, 2).judgement == B
    assert state_of(KEY, second[:2], 2).judgement is None
    none = Lane(key=KEY, reader=None, round=Round.ADJUDICATION)
    decided = none.model_copy(update={"judgement": A})
    assert state_of(KEY, [*second, none], 2).status is ItemStatus.AGREED
    adjudicated = state_of(KEY, [*second, decided], 2)
    assert (adjudicated.status, adjudicated.judgement) == (ItemStatus.ADJUDICATED, A)


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_lanes_come_in_order_whatever_order_they_are_given_in(order: Sequence[int]) -> None:
    lanes = [*lanes_of(Round.FIRST, [A, B]), *lanes_of(Round.SECOND, [A])]
    lanes.append(Lane(key=KEY, reader=None, round=Round.ADJUDICATION))
    assert state_of(KEY, [lanes[n] for n in order], 2).lanes == tuple(lanes)


def test_differing_needs_all_of_them() -> None:
    assert not differ([])
    assert not differ(lanes_of(Round.FIRST, [A, None]))
    assert not differ(lanes_of(Round.FIRST, [A, A]))
    assert differ(lanes_of(Round.FIRST, [A, A, B]))


def test_readers_are_done_once_it_is_settled_or_disputed() -> None:
    assert [one for one in ItemStatus if not unfinished(one)] == [
        ItemStatus.DISPUTED,
        ItemStatus.AGREED,
        ItemStatus.ADJUDICATED,
    ]
