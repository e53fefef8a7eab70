"""How far a room is: figures, and who may see which of them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuroonco.review.judgement import state_of
from neuroonco.review.progress_figures import Progress, RoundProgress, own, progress
from neuroonco.review.records import Verdict
from neuroonco.review.room_records import (
    Assignment,
    EventKind,
    ItemState,
    ItemStatus,
    Judgement,
    Lane,
    Person,
    ReviewEvent,
    Role,
    Round,
)
from neuroonco.review.web import progress as progress_page
from review_pages import Pages, pages_over
from review_rooms import decide

A = Judgement(verdict=Verdict.ACCEPT, answer="A")
B = Judgement(verdict=Verdict.CHANGE, answer="B")
PEOPLE = [Person(name="Ada", role=Role.ADJUDICATOR), Person(name="Bea"), Person(name="Abe"), Person(name="Zed")]


def key(n: int) -> str:
    return f"q{n:016x}"


def made(n: int, round: Round, reader: str | None, judgement: Judgement | None, by: str | None = None) -> Lane:
    return Lane(key=key(n), reader=reader, round=round, version=1, judgement=judgement, by=by or reader)


def state(n: int, firsts: dict[str, Judgement | None], seconds: dict[str, Judgement | None] | None = None,
          decided_by: str | None = None) -> ItemState:  # fmt: skip
    lanes = [made(n, Round.FIRST, reader, said) for reader, said in firsts.items()]
    lanes += [made(n, Round.SECOND, reader, said) for reader, said in (seconds or {}).items()]
    lanes += [made(n, Round.ADJUDICATION, None, A, decided_by)] if decided_by else []
    return state_of(key(n), lanes, 2)


def event(seq: int, n: int, reader: str, round: Round, kind: EventKind, elapsed_s: float | None = None) -> ReviewEvent:
    return ReviewEvent(seq=seq, key=key(n), reader=reader, round=round, kind=kind, elapsed_s=elapsed_s,
                       save_id=str(seq), at=f"2026-01-01T00:00:{seq:02d}+00:00")  # fmt: skip


STATES = [
    state(1, {"Abe": A, "Bea": A}),
    state(2, {"Abe": A, "Bea": None}),
    state(3, {"Abe": A, "Bea": B}, {"Abe": B, "Bea": None}),
    state(4, {"Abe": A, "Bea": B}, {"Abe": A, "Bea": B}),
    state(5, {"Abe": A, "Bea": B}, {"Abe": A, "Bea": B}, decided_by="Ada"),
    state(6, {"Abe": A, "Bea": B}, {"Abe": None, "Bea": None}, decided_by="Ada"),  # before anybody judged again
    state_of(key(7), [], 2),
]
ASSIGNMENTS = [Assignment(key=key(n), reader=reader) for n in range(1, 7) for reader in ("Abe", "Bea")]
DECIDED, LATE, MASK, UNDONE = EventKind.DECIDED, EventKind.CONFLICTED, EventKind.MASK_SHOWN, EventKind.UNDONE
EVENTS = [
    event(1, 1, "Abe", Round.FIRST, DECIDED, 10),
    event(2, 1, "Abe", Round.FIRST, DECIDED, 20),  # the same question again: 30 s in all
    event(3, 3, "Abe", Round.FIRST, DECIDED, 50),
    event(4, 4, "Abe", Round.FIRST, DECIDED, None),
    event(5, 5, "Abe", Round.FIRST, DECIDED, 0),
    event(6, 2, "Bea", Round.FIRST, DECIDED, 900),
    event(7, 2, "Bea", Round.FIRST, UNDONE),  # not done any more: its time is none of a question that is done
    event(8, 2, "Bea", Round.FIRST, MASK),
    event(9, 3, "Bea", Round.SECOND, MASK),
    event(10, 2, "Bea", Round.FIRST, LATE, 5),
    event(11, 6, "Ada", Round.ADJUDICATION, DECIDED, 7),
    event(12, 6, "Ada", Round.ADJUDICATION, MASK),
    event(13, 6, "Bea", Round.SECOND, MASK),
    event(14, 2, "Bea", Round.FIRST, LATE),
]


def figures() -> Progress:
    return progress(PEOPLE, iter(ASSIGNMENTS), iter(STATES), iter(EVENTS))


def rounds(given: Progress) -> dict[tuple[str, str], RoundProgress]:
    return {(one.person, one.round.value): one for one in given.rounds}


def test_done_and_total_by_reader_and_round() -> None:
    assert [(one.person, one.round.value, one.done, one.total) for one in figures().rounds] == [
        ("Abe", "first", 6, 6),
        ("Abe", "second", 3, 3),  # three judged again; the sixth was decided before
        ("Ada", "adjudication", 2, 3),  # two decided, one in dispute
        ("Bea", "first", 5, 6),
        ("Bea", "second", 2, 3),
    ]


def test_times_are_summed_by_question_and_none_where_nothing_is_known() -> None:
    found = rounds(figures())
    assert (found["Abe", "first"].median_s, found["Abe", "first"].n_timed) == (30.0, 3)  # 0, 30, 50
    assert (found["Bea", "first"].median_s, found["Bea", "first"].n_timed) == (None, 0)
    assert (found["Ada", "adjudication"].median_s, found["Ada", "adjudication"].n_timed) == (7.0, 1)


def test_last_activity_masks_and_conflicts() -> None:
    found = rounds(figures())
    assert found["Abe", "first"].last_at == "2026-01-01T00:00:05+00:00"
    assert found["Abe", "second"].last_at is None
    people = figures().people
    assert [(one.person, one.masks_asked, one.conflicts_kept, (one.last_at or "")[17:19]) for one in people] == [
        ("Abe", 0, 0, "05"), ("Ada", 1, 0, "12"), ("Bea", 3, 2, "14"), ("Zed", 0, 0, "")
    ]  # fmt: skip


def test_questions_by_status_name_every_status() -> None:
    found = figures()
    assert found.statuses == {
        ItemStatus.UNASSIGNED: 1, ItemStatus.FIRST_ROUND: 1, ItemStatus.SECOND_ROUND: 1, ItemStatus.DISPUTED: 1,
        ItemStatus.AGREED: 1, ItemStatus.ADJUDICATED: 2,
    }  # fmt: skip
    assert found.n_items == 7


def test_an_empty_room_has_no_shares() -> None:
    found = progress([PEOPLE[0]], [], [], [])
    (one,) = found.rounds
    assert (one.done, one.total, one.share, one.median_s, one.n_timed, one.last_at) == (0, 0, None, None, 0, None)
    assert (found.n_items, set((found.statuses or {}).values())) == (0, {0})


def test_a_reader_with_blind_work_sees_nothing_that_follows_from_others() -> None:
    mine = own(figures(), "Bea")
    assert [(one.person, one.round.value) for one in mine.rounds] == [("Bea", "first")]
    assert [one.person for one in mine.people] == ["Bea"]
    assert (mine.statuses, mine.n_items) == (None, None)
    assert "Abe" not in mine.model_dump_json()


def test_a_reader_who_has_finished_sees_both_own_rounds() -> None:
    found = figures()
    assert [one.round.value for one in own(found, "Abe").rounds] == ["first"]  # the second was not begun
    known = [one.model_copy(update={"peers_known": 1}) for one in found.people]
    mine = own(found.model_copy(update={"people": tuple(known)}), "Abe")
    assert [(one.person, one.round.value, one.total) for one in mine.rounds][1:] == [("Abe", "second", 1)]
    assert [(one.person, one.round.value) for one in mine.rounds] == [("Abe", "first"), ("Abe", "second")]
    assert (mine.statuses, [one.person for one in mine.people]) == (None, ["Abe"])


@given(st.lists(st.lists(st.sampled_from([A, B, None]), min_size=2, max_size=2), max_size=8))
def test_what_is_done_is_never_more_than_all(firsts: list[list[Judgement | None]]) -> None:
    states = [
        state(n, dict(zip(("Abe", "Bea"), said, strict=True)), {"Abe": said[1]} if said[0] and said[1] else None)
        for n, said in enumerate(firsts)
    ]
    given = [Assignment(key=one.key, reader=reader) for one in states for reader in ("Abe", "Bea")]
    found = progress(PEOPLE, given, states, [])
    assert all(0 <= one.done <= one.total for one in found.rounds)
    assert sum((found.statuses or {}).values()) == len(firsts) == found.n_items


# --- the page ---


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[Pages]:
    with pages_over(tmp_path, 4) as made:
        yield made


def test_a_reader_sees_own_figures_only(pages: Pages) -> None:
    keys = [one.key for one in pages.room.items()]
    for one in keys[:3]:
        decide(pages.room, one, "ann", "A", elapsed_s=30)
        decide(pages.room, one, "bob", "B")
    answer = pages.ann.get("/progress")
    assert answer.status_code == 200
    assert "3 of 4" in answer.text
    assert "30 s" in answer.text
    for hidden in ("bob", "chris", "second round", "disputed"):
        assert hidden not in answer.text[answer.text.index("data-progress") : answer.text.index("</main>")]
    mine = pages.ann.get("/progress?format=json").json()
    assert (mine["statuses"], mine["n_items"]) == (None, None)
    assert [(one["person"], one["round"], one["done"], one["total"]) for one in mine["rounds"]] == [
        ("ann", "first", 3, 4)
    ]
    assert [one["person"] for one in mine["people"]] == ["ann"]
    decide(pages.room, keys[3], "ann", "A")
    mine = pages.ann.get("/progress?format=json").json()
    assert [(one["round"], one["done"], one["total"]) for one in mine["rounds"]] == [("first", 4, 4)]
    pages.ann.get("/queue?round=second")  # from here on ann knows which differ, and cannot change the first round
    mine = pages.ann.get("/progress?format=json").json()
    assert [(one["round"], one["done"], one["total"]) for one in mine["rounds"]] == [("first", 4, 4), ("second", 0, 3)]


def test_figures_are_counted_once_for_each_state_of_the_room(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []

    def counted(*parts: Any) -> Progress:
        made.append(1)
        return progress(*parts)

    monkeypatch.setattr(progress_page, "progress", counted)
    key = next(one.key for one in pages.room.items())
    for _ in range(2):
        assert pages.ann.get("/progress?format=json").json()["rounds"][0]["done"] == 0
        assert len(pages.chris.get("/progress?format=json").json()["people"]) == 3
    assert len(made) == 1
    decide(pages.room, key, "ann", "A")
    assert pages.ann.get("/progress?format=json").json()["rounds"][0]["done"] == 1
    assert pages.chris.get("/progress?format=json").json()["rounds"][0]["done"] == 1
    assert "ann" not in pages.bob.get("/progress?format=json").text
    assert len(made) == 2
    pages.room.set_up(pages.room.settings(), list(pages.room.items()), [Person(name="dora")], [])
    assert len(pages.chris.get("/progress?format=json").json()["people"]) == 4


def test_an_adjudicator_sees_everybody_as_a_page_and_as_json(pages: Pages) -> None:
    key = next(one.key for one in pages.room.items() if one.mask is not None)
    pages.room.note_shown(key, "bob", Round.FIRST, EventKind.MASK_SHOWN)
    decide(pages.room, key, "bob", "B", elapsed_s=65)
    decide(pages.room, key, "bob", "A", based_on=0)  # too late: kept
    chris = pages.chris
    page = chris.get("/progress", headers={"Accept": "text/html,application/json;q=0.5"})
    assert page.headers["content-type"].startswith("text/html")
    assert "1 min 05 s" in page.text
    assert 'max="4" value="1" aria-label="1 of 4 done"' in page.text
    assert "style=" not in page.text
    answer = chris.get("/progress", headers={"Accept": "application/json"})
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json() == chris.get("/progress?format=json").json()
    found = Progress.model_validate(answer.json())
    assert found.n_items == 4
    assert found.statuses is not None
    assert found.statuses[ItemStatus.FIRST_ROUND] == 4
    rows = {(one.person, one.round.value): one for one in found.rounds}
    assert rows.keys() == {("ann", "first"), ("bob", "first"), ("chris", "adjudication")}
    assert (rows["bob", "first"].median_s, rows["bob", "first"].n_timed) == (65.0, 1)
    assert (rows["ann", "first"].median_s, rows["ann", "first"].n_timed) == (None, 0)
    assert {one.person: (one.masks_asked, one.conflicts_kept) for one in found.people} == {
        "ann": (0, 0), "bob": (1, 1), "chris": (0, 0)
    }  # fmt: skip
    assert chris.get("/progress?format=xml").status_code == 422


def test_nobody_who_is_not_signed_in(pages: Pages) -> None:
    for address in ("/progress", "/progress?format=json"):
        answer = pages.stranger().get(address, headers={"Accept": "application/json"})
        assert answer.status_code in (303, 401)
        assert "ann" not in answer.text
