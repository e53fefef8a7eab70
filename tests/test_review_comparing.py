"""Judgements side by side: what differs, the words of a new wording, the history."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from closed_items import closed_item
from neuroonco.review.judgement import agree, judge, state_of
from neuroonco.review.room_records import (
    EventKind,
    ItemState,
    Judgement,
    Lane,
    RejectReason,
    ReviewEvent,
    Round,
)
from neuroonco.review.web.comparing import (
    Column,
    Difference,
    MaskUse,
    PieceKind,
    differences,
    differences_of,
    side_by_side,
    word_changes,
)
from neuroonco.review.web.history import history

KEY = "q0123456789abcdef"
ITEM = closed_item("glioma_0001", "A")
ACCEPTS, CHANGES = judge(ITEM, answer="A"), judge(ITEM, answer="B")
REJECTS, NOT_JUDGEABLE = judge(ITEM, reason=RejectReason.POOR_IMAGE), judge(ITEM, unanswerable=True)
REWORDED = judge(ITEM, answer="A", new_question="What lesion is shown?")

WORDINGS = st.sampled_from([None, "What is seen?", "What lesion is shown?"])
JUDGEMENTS = st.one_of(
    st.builds(lambda letter, words: judge(ITEM, answer=letter, new_question=words), st.sampled_from("ABC"), WORDINGS),
    st.builds(lambda why, words: judge(ITEM, reason=why, new_question=words), st.sampled_from(list(RejectReason)[:4]),
              WORDINGS),
    st.builds(lambda words: judge(ITEM, unanswerable=True, new_question=words), WORDINGS),
)  # fmt: skip


def lane(reader: str, round: Round, judgement: Judgement | None, elapsed_s: float = 0.0) -> Lane:
    return Lane(key=KEY, reader=reader, round=round, version=1, judgement=judgement, by=reader, elapsed_s=elapsed_s)


def numbered(
    *given: tuple[str, Round, EventKind, Judgement | None], elapsed_s: float | None = None
) -> list[ReviewEvent]:
    return [
        ReviewEvent(seq=n, key=KEY, reader=reader, round=round, kind=kind, judgement=judgement, save_id=f"s{n}",
                    version=1 if kind is EventKind.DECIDED else None, elapsed_s=elapsed_s if judgement else None,
                    at=f"2026-01-01T00:00:{n:02d}+00:00")
        for n, (reader, round, kind, judgement) in enumerate(given, start=1)
    ]  # fmt: skip


@given(JUDGEMENTS, JUDGEMENTS)
def test_there_is_a_difference_exactly_where_judgements_disagree(first: Judgement, second: Judgement) -> None:
    assert (differences(first, second) == ()) == agree(first, second)
    assert differences(first, second) == differences(second, first)


@pytest.mark.parametrize(
    ("first", "second", "kinds"),
    [
        (ACCEPTS, CHANGES, (Difference.ANSWER,)),
        (CHANGES, judge(ITEM, answer="C"), (Difference.ANSWER,)),
        (ACCEPTS, REJECTS, (Difference.VERDICT,)),
        (REJECTS, NOT_JUDGEABLE, (Difference.VERDICT,)),
        (ACCEPTS, REWORDED, (Difference.WORDING,)),
        (CHANGES, REWORDED, (Difference.ANSWER, Difference.WORDING)),
        (REJECTS, judge(ITEM, reason=RejectReason.OTHER, comment="no brain"), ()),
        (ACCEPTS, judge(ITEM, answer="A", comment="sure"), ()),
    ],
)
def test_one_difference_has_one_name(first: Judgement, second: Judgement, kinds: tuple[Difference, ...]) -> None:
    assert differences(first, second) == kinds


def state(firsts: list[Judgement | None], seconds: list[Judgement | None] | None = None) -> ItemState:
    lanes = [lane(f"R{n}", Round.FIRST, one) for n, one in enumerate(firsts)]
    lanes += [lane(f"R{n}", Round.SECOND, one) for n, one in enumerate(seconds or [])]
    return state_of(KEY, lanes, 2)


def test_a_question_differs_as_in_the_last_round_that_all_have_finished() -> None:
    assert differences_of(state([ACCEPTS, None])) == ()
    assert differences_of(state([ACCEPTS, CHANGES], [None, None])) == (Difference.ANSWER,)
    assert differences_of(state([ACCEPTS, CHANGES], [REJECTS, None])) == (Difference.ANSWER,)  # not yet the second
    assert differences_of(state([ACCEPTS, CHANGES], [REJECTS, CHANGES])) == (Difference.VERDICT,)
    assert differences_of(state([ACCEPTS, CHANGES], [CHANGES, CHANGES])) == ()
    assert differences_of(state([ACCEPTS, CHANGES, REJECTS])) == (Difference.ANSWER, Difference.VERDICT)


def columns(*lanes: Lane, events: list[ReviewEvent] | None = None) -> list[Column]:
    return side_by_side(ITEM, lanes, events or [])


def test_each_cell_says_from_whom_it_differs() -> None:
    shown = columns(
        lane("Cho", Round.FIRST, CHANGES), lane("Abe", Round.FIRST, ACCEPTS), lane("Bea", Round.FIRST, ACCEPTS)
    )
    assert [(one.reader, one.differs_from) for one in shown] == [
        ("Abe", {Difference.ANSWER: ("Cho",)}),
        ("Bea", {Difference.ANSWER: ("Cho",)}),
        ("Cho", {Difference.ANSWER: ("Abe", "Bea")}),
    ]
    assert [one.answer_text for one in shown] == ["A. Glioma", "A. Glioma", "B. Meningioma"]


def test_rounds_are_compared_apart_and_a_change_of_mind_is_said() -> None:
    shown = columns(
        lane("Bea", Round.SECOND, CHANGES), lane("Abe", Round.FIRST, ACCEPTS), lane("Bea", Round.FIRST, CHANGES),
        lane("Abe", Round.SECOND, CHANGES),
        Lane(key=KEY, reader=None, round=Round.ADJUDICATION, judgement=REJECTS, by="Ada"),
    )  # fmt: skip
    assert [(one.round, one.reader) for one in shown] == [
        (Round.FIRST, "Abe"), (Round.FIRST, "Bea"), (Round.SECOND, "Abe"), (Round.SECOND, "Bea")
    ]  # fmt: skip
    assert [bool(one.differs_from) for one in shown] == [True, True, False, False]
    assert [one.changed for one in shown] == [(), (), (Difference.ANSWER,), ()]


def test_nothing_said_differs_from_nothing() -> None:
    shown = columns(lane("Abe", Round.FIRST, None), lane("Bea", Round.FIRST, CHANGES))
    assert [one.differs_from for one in shown] == [{}, {}]
    assert (shown[0].verdict_text, shown[0].answer_text, shown[0].elapsed_s) == (None, None, None)


def test_time_is_none_where_no_save_measured_it_and_zero_is_a_time() -> None:
    lanes = (lane("Abe", Round.FIRST, ACCEPTS), lane("Bea", Round.FIRST, ACCEPTS))
    timed = numbered(("Abe", Round.FIRST, EventKind.DECIDED, ACCEPTS), elapsed_s=0.0)
    assert [one.elapsed_s for one in columns(*lanes, events=timed)] == [0.0, None]


DECIDED, MASK = EventKind.DECIDED, EventKind.MASK_SHOWN


@pytest.mark.parametrize(
    ("events", "first", "second"),
    [
        ([(Round.FIRST, DECIDED), (Round.SECOND, DECIDED)], MaskUse.NEVER, MaskUse.NEVER),
        ([(Round.FIRST, MASK), (Round.FIRST, DECIDED), (Round.SECOND, DECIDED)], MaskUse.BEFORE, MaskUse.BEFORE),
        ([(Round.FIRST, DECIDED), (Round.FIRST, MASK), (Round.SECOND, DECIDED)], MaskUse.AFTER, MaskUse.BEFORE),
        ([(Round.FIRST, DECIDED), (Round.SECOND, MASK), (Round.SECOND, DECIDED)], MaskUse.NEVER, MaskUse.BEFORE),
        ([(Round.FIRST, DECIDED), (Round.FIRST, MASK), (Round.FIRST, DECIDED)], MaskUse.BEFORE, MaskUse.BEFORE),
    ],
)
def test_mask_says_whether_it_was_seen_before_judging(
    events: list[tuple[Round, EventKind]], first: MaskUse, second: MaskUse
) -> None:
    done = numbered(*(("Abe", round, kind, ACCEPTS if kind is DECIDED else None) for round, kind in events))
    done += [one.model_copy(update={"reader": "Bea", "seq": one.seq + 50}) for one in numbered(
        ("Bea", Round.FIRST, MASK, None))]  # fmt: skip  # of somebody else
    shown = columns(lane("Abe", Round.FIRST, ACCEPTS), lane("Abe", Round.SECOND, ACCEPTS), events=done)
    assert [one.mask for one in shown] == [first, second]


TEXTS = st.text(st.sampled_from("ab \n?<éñ"), max_size=40)


@given(TEXTS, TEXTS)
def test_pieces_make_both_texts_again(old: str, new: str) -> None:
    pieces = word_changes(old, new)
    assert "".join(one.text for one in pieces if one.kind is not PieceKind.INSERTED) == old
    assert "".join(one.text for one in pieces if one.kind is not PieceKind.DELETED) == new
    assert all(one.text for one in pieces)
    assert old != new or all(one.kind is PieceKind.SAME for one in pieces)


def test_words_are_never_cut_and_a_phrase_is_one_change() -> None:
    assert [(one.kind.value, one.text) for one in word_changes("Which tumor is it?", "Which kind of mass is it?")] == [
        ("same", "Which "), ("deleted", "tumor"), ("inserted", "kind of mass"), ("same", " is it?")
    ]  # fmt: skip
    assert [(one.kind.value, one.text) for one in word_changes("see glioma", "see gliomas")] == [
        ("same", "see "), ("deleted", "glioma"), ("inserted", "gliomas")
    ]  # fmt: skip


@pytest.mark.parametrize(("old", "new"), [("a b " * 500, "b a a " * 333), ("a b " * 500, "b a a " * 33)])
def test_texts_of_the_greatest_length_can_be_compared(old: str, new: str) -> None:
    assert "".join(one.text for one in word_changes(old, new) if one.kind is not PieceKind.DELETED) == new


def test_history_says_everything_in_order() -> None:
    events = numbered(
        ("Abe", Round.FIRST, MASK, None),
        ("Abe", Round.FIRST, DECIDED, judge(ITEM, answer="B", new_question="What <b>is</b> it?", comment="ring")),
        ("Ada", Round.ADJUDICATION, EventKind.MODELS_SHOWN, None),
        ("Ada", Round.ADJUDICATION, EventKind.CONFLICTED, REJECTS),
        elapsed_s=62,
    )
    events.append(events[0].model_copy(update={"seq": 9, "kind": EventKind.UNDONE, "undoes": 2}))
    assert [(one.number, one.person, one.round, one.in_words) for one in history(ITEM, events)] == [
        (1, "Abe", "first round", "had the outline of the lesion shown"),
        (2, "Abe", "first round", "gives another answer: B. Meningioma; new wording: “What <b>is</b> it?”; "
            "comment: “ring”; after 1 min 02 s"),
        (3, "Ada", "adjudication", "had the models' notes shown"),
        (4, "Ada", "adjudication", "came too late; kept, but not in force: rejects the question: the picture is too "
            "poor for any question; after 1 min 02 s"),
        (9, "Abe", "first round", "took back number 2"),
    ]  # fmt: skip
