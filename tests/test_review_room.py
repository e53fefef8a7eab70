"""A room keeps every action, lets nobody change a blind answer afterwards, and says what became of each save."""

import math
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from neuroonco.errors import InputError
from neuroonco.review.judgement import judge
from neuroonco.review.room import Room
from neuroonco.review.room_records import (
    Assignment,
    EventKind,
    ItemStatus,
    Lane,
    Person,
    Role,
    Round,
    SaveOutcome,
)
from review_rooms import ADJUDICATOR, PEOPLE, READERS, decide, fill, judgement_of, room_items, room_settings

KEYS = [item.key for item in sorted(room_items(), key=lambda item: item.key)]
KEY = KEYS[0]
FIRST, SECOND, LAST = Round


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    made, _ = fill(tmp_path)
    with made:
        yield made


def refused(act: Callable[[], Any]) -> str:
    with pytest.raises(InputError) as error:
        act()
    assert "\n" not in error.value.line
    return error.value.code


def lane(room: Room, reader: str, round: Round, key: str = KEY) -> Lane:
    found = room.lane(key, reader, round)
    assert found is not None
    return found


def status(room: Room, key: str = KEY) -> ItemStatus:
    state = room.state(key)
    assert state is not None
    return state.status


def disagree(room: Room, key: str = KEY) -> None:
    decide(room, key, "ann", "A")
    decide(room, key, "bob", "B")


# --- looking ---


def test_a_new_room_is_as_it_was_set_up(room: Room) -> None:
    assert room.settings() == room_settings()
    assert [item.key for item in room.items()] == KEYS
    assert {item.key: item for item in room.items()} == {item.key: item for item in room_items()}
    assert room.people() == sorted(PEOPLE, key=lambda person: person.name)
    assert room.assignments() == [Assignment(key=key, reader=reader) for key in KEYS for reader in READERS]
    assert list(room.events()) == []
    states = list(room.states())
    assert [state.key for state in states] == KEYS
    assert {state.status for state in states} == {ItemStatus.FIRST_ROUND}
    assert states[0].lanes == tuple(Lane(key=KEY, reader=reader, round=FIRST) for reader in READERS)
    assert room.counts() == {one: 10 if one is ItemStatus.FIRST_ROUND else 0 for one in ItemStatus}


@pytest.mark.parametrize("key", ["q" + "f" * 16, "", "q1", "../etc", "q\0", "q" + "0" * 15 + "\ud800"])
def test_a_key_that_names_nothing_finds_nothing(room: Room, key: str) -> None:
    assert room.item(key) is None
    assert room.state(key) is None
    assert room.lane(key, "ann", FIRST) is None
    assert list(room.events(key)) == []
    judgement = judgement_of(room, KEY, "A")
    assert refused(lambda: room.save(key, "ann", FIRST, judgement, based_on=0, save_id="s")) == "LANE_MISSING"
    assert refused(lambda: room.note_shown(key, "ann", FIRST, EventKind.MASK_SHOWN)) == "LANE_MISSING"


def test_each_reader_has_an_order_of_their_own(room: Room) -> None:
    ann, bob = ([entry.key for entry in room.queue(reader, FIRST)] for reader in READERS)
    assert sorted(ann) == sorted(bob) == KEYS
    assert ann != bob
    assert ann != KEYS
    decide(room, ann[3], "ann", "A")
    assert [entry.key for entry in room.queue("ann", FIRST)] == ann
    assert [entry.decided for entry in room.queue("ann", FIRST)] == [n == 3 for n in range(10)]


@pytest.mark.parametrize("round", [FIRST, SECOND])
def test_a_place_in_the_queue_is_what_the_whole_queue_says(room: Room, round: Round) -> None:
    for key in KEYS[:7]:  # 0-4 differ and come again, 5 and 6 agree
        decide(room, key, "ann", "A")
        decide(room, key, "bob", "B" if key in KEYS[:5] else "A")
    decide(room, KEYS[0], "ann", "A", round=SECOND)
    decide(room, KEYS[3], "bob", "A", round=SECOND)
    room.undo(KEYS[6], "ann", FIRST, based_on=1, save_id="back")
    decide(room, KEYS[1], ADJUDICATOR, "A", round=LAST, comment="seen")
    queue = room.queue("ann", round)
    assert [entry.position for entry in queue] == list(range(1, len(queue) + 1))
    to_do = [entry for entry in queue if entry.open and not entry.decided]
    assert 0 < len(to_do) < len(queue) - 1
    assert room.queue("ann", round, only_open=True) == to_do
    assert room.queue("ann", round, only_open=True, start=1, limit=1) == to_do[1:2]
    assert room.queue("ann", round, start=2, limit=2) == queue[2:4]
    totals = room.queue_totals("ann", round)
    assert (totals.total, totals.open, totals.next_open) == (len(queue), len(to_do), to_do[0].key)
    assert totals.done == sum(entry.decided for entry in queue)
    for n, entry in enumerate(queue):
        place = room.place(entry.key, "ann", round)
        assert place is not None
        assert place.entry == entry
        around = [one.key for one in (*queue[n + 1 :], *queue[:n]) if one in to_do]
        assert place.next_open == (around[0] if around else None)
        assert place.previous == (queue[n - 1].key if n else None)
        assert place.following == (queue[n + 1].key if n + 1 < len(queue) else None)
        assert (place.total, place.done) == (totals.total, totals.done)
        lane = room.lane(entry.key, "ann", round)
        assert lane is not None
        assert entry.at == lane.at
    assert room.place(KEYS[9], "ann", SECOND) is room.place(KEYS[0], "nobody", FIRST) is None
    assert room.place("q' or 1=1", "ann", FIRST) is room.place(KEYS[0], "ann", LAST) is None


def test_a_decision_taken_back_leaves_a_dispute_and_nobody_waits_for_readers_who_may_not_act(room: Room) -> None:
    disagree(room)
    decide(room, KEY, ADJUDICATOR, "A", round=LAST, comment="clear")
    assert room.undo(KEY, ADJUDICATOR, LAST, based_on=1, save_id="back").status is ItemStatus.DISPUTED
    assert decide(room, KEY, "ann", "B", round=SECOND).outcome is SaveOutcome.CLOSED
    assert room.keys_in(ItemStatus.DISPUTED) == [KEY]
    state = room.state(KEY)
    assert state is not None
    assert state.status is ItemStatus.DISPUTED
    assert next(one for one in room.states() if one.key == KEY) == state


def test_the_last_event_has_the_highest_number(room: Room) -> None:
    assert room.last_seq() == 0
    decide(room, KEY, "ann", "A")
    decide(room, KEYS[1], "bob", "A")
    assert room.last_seq() == [event.seq for event in room.events()][-1] == 2


def test_queues_of_later_rounds_hold_what_has_got_there(room: Room) -> None:
    assert room.queue("ann", SECOND) == room.queue(ADJUDICATOR, LAST) == []
    disagree(room)
    for reader in READERS:
        decide(room, KEYS[1], reader, "B")
    assert [entry.key for entry in room.queue("ann", SECOND)] == [KEY]
    assert {entry.key for entry in room.queue(ADJUDICATOR, LAST)} == {KEY, KEYS[1]}
    assert room.queue("ann", LAST) == []
    assert room.queue("nobody", FIRST) == []
    assert room.keys_in(ItemStatus.SECOND_ROUND) == [KEY]
    assert room.keys_in(ItemStatus.AGREED) == [KEYS[1]]


def test_events_can_be_asked_for_by_question_and_person(room: Room) -> None:
    disagree(room)
    decide(room, KEYS[1], "ann", "A")
    found = list(room.events())
    assert [(event.seq, event.key, event.reader) for event in found] == [
        (1, KEY, "ann"),
        (2, KEY, "bob"),
        (3, KEYS[1], "ann"),
    ]
    assert list(room.events(KEY)) == found[:2]
    assert list(room.events(reader="ann")) == [found[0], found[2]]
    assert list(room.events(KEY, "bob")) == [found[1]]


# --- saving ---


def test_a_save_is_an_event_and_what_is_in_force(room: Room) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    saved = decide(room, KEY, "ann", "B", comment="mass effect", elapsed_s=12.5)
    assert saved.outcome is SaveOutcome.SAVED
    assert saved.status is ItemStatus.FIRST_ROUND
    assert saved.lane == room.lane(KEY, "ann", FIRST)
    assert (saved.lane.version, saved.lane.by, saved.lane.elapsed_s) == (1, "ann", 12.5)
    assert saved.lane.judgement == judgement_of(room, KEY, "B", comment="mass effect")
    assert list(room.events()) == [saved.event]
    assert before <= datetime.fromisoformat(saved.event.at) <= datetime.now(UTC) + timedelta(seconds=1)
    again = decide(room, KEY, "ann", "A", elapsed_s=2)
    assert (again.lane.version, again.lane.elapsed_s, again.event.elapsed_s) == (2, 14.5, 2)


@pytest.mark.parametrize(
    ("given_s", "kept_s"), [(None, None), (-1.0, None), (math.nan, None), (math.inf, None), (1e9, 86400.0), (0.0, 0.0)]
)
def test_a_clock_that_is_wrong_costs_no_judgement(room: Room, given_s: float | None, kept_s: float | None) -> None:
    saved = decide(room, KEY, "ann", "A", elapsed_s=given_s)
    assert (saved.outcome, saved.event.elapsed_s) == (SaveOutcome.SAVED, kept_s)


def test_a_save_that_comes_twice_is_one_event(room: Room) -> None:
    first = decide(room, KEY, "ann", "A", save_id="tab-1")
    again = decide(room, KEY, "ann", "A", save_id="tab-1", based_on=0, elapsed_s=3)
    assert again.outcome is SaveOutcome.REPEATED
    assert again.event == first.event
    assert decide(room, KEY, "ann", "B").lane.version == 2
    late = decide(room, KEY, "ann", "A", save_id="tab-1", based_on=0)
    assert (late.outcome, late.event, late.lane.version) == (SaveOutcome.REPEATED, first.event, 2)
    assert len(list(room.events())) == 2


def test_an_id_belongs_to_one_save(room: Room) -> None:
    decide(room, KEY, "ann", "A", save_id="s")
    takes = (
        lambda: decide(room, KEY, "ann", "B", save_id="s"),
        lambda: decide(room, KEY, "bob", "A", save_id="s"),
        lambda: decide(room, KEYS[1], "ann", "A", save_id="s"),
        lambda: room.undo(KEY, "ann", FIRST, based_on=1, save_id="s"),
    )
    assert [refused(take) for take in takes] == ["SAVE_ID_TAKEN"] * 4
    room.undo(KEY, "ann", FIRST, based_on=1, save_id="u")
    assert refused(lambda: decide(room, KEY, "ann", "A", save_id="u")) == "SAVE_ID_TAKEN"
    assert len(list(room.events())) == 2


@pytest.mark.parametrize("save_id", [" ", "mask_shown first q ann", "a\0", "\ud800", "x" * 81, "é"])
def test_ids_are_plain(room: Room, save_id: str) -> None:
    assert refused(lambda: decide(room, KEY, "ann", "A", save_id=save_id)) == "SAVE_ID_INVALID"


def test_only_those_who_were_asked_may_save(room: Room) -> None:
    judgement = judgement_of(room, KEY, "A")
    tries = [("nobody", FIRST), (ADJUDICATOR, FIRST), ("ann", SECOND), ("ann", LAST), (ADJUDICATOR, LAST), ("", FIRST)]
    for person, round in tries:
        assert refused(lambda: room.save(KEY, person, round, judgement, based_on=0, save_id="s")) == "LANE_MISSING"  # noqa: B023
    disagree(room)
    assert refused(lambda: room.save(KEY, "ann", LAST, judgement, based_on=0, save_id="s")) == "LANE_MISSING"
    assert room.save(KEY, ADJUDICATOR, LAST, judgement, based_on=0, save_id="s").outcome is SaveOutcome.SAVED


def test_a_judgement_that_no_choice_makes_is_refused(room: Room) -> None:
    item = room.item(KEY)
    assert item is not None
    wrong = next(option.letter for option in item.item.options if option.letter != item.item.answer)
    made = judge(item.item, answer=wrong)
    false = made.model_copy(update={"verdict": judge(item.item, answer=item.item.answer).verdict})
    nul = made.model_copy(update={"comment": "a\0b"})
    beyond = made.model_copy(update={"answer": "Z"})
    codes = [
        refused(lambda: room.save(KEY, "ann", FIRST, one, based_on=0, save_id="s"))  # noqa: B023
        for one in (false, nul, beyond)
    ]
    assert codes == ["JUDGEMENT_INVALID", "TEXT_INVALID", "ANSWER_NOT_OFFERED"]
    assert list(room.events()) == []


# --- conflicts ---


def test_a_stale_save_is_kept_and_not_in_force(room: Room) -> None:
    decide(room, KEY, "ann", "A")
    stale = decide(room, KEY, "ann", "B", based_on=0, save_id="tab-2", elapsed_s=4)
    assert stale.outcome is SaveOutcome.CONFLICT
    assert (stale.event.kind, stale.event.version) == (EventKind.CONFLICTED, None)
    assert stale.event.judgement == judgement_of(room, KEY, "B")
    assert stale.lane.judgement == judgement_of(room, KEY, "A")
    assert (stale.lane.version, stale.lane.elapsed_s) == (1, 4)
    again = decide(room, KEY, "ann", "B", based_on=0, save_id="tab-2")
    assert (again.outcome, again.event) == (SaveOutcome.CONFLICT, stale.event)
    chosen = decide(room, KEY, "ann", "B", based_on=1)
    assert (chosen.outcome, chosen.lane.version) == (SaveOutcome.SAVED, 2)
    again = decide(room, KEY, "ann", "B", based_on=0, save_id="tab-2")
    assert (again.outcome, again.event) == (SaveOutcome.CONFLICT, stale.event)
    assert len(list(room.events())) == 3


def test_two_adjudicators_share_one_lane(tmp_path: Path) -> None:
    made, _ = fill(tmp_path)
    with made as room:
        room.set_up(room_settings(), room_items(), [Person(name="dana", role=Role.ADJUDICATOR)], [])
        disagree(room)
        one = decide(room, KEY, "chris", "A", round=LAST, based_on=0)
        other = decide(room, KEY, "dana", "B", round=LAST, based_on=0)
        assert (one.outcome, other.outcome) == (SaveOutcome.SAVED, SaveOutcome.CONFLICT)
        assert room.lane(KEY, "dana", LAST) == room.lane(KEY, "chris", LAST) == other.lane
        assert (other.lane.reader, other.lane.by) == (None, "chris")
        assert room.last_decided("dana") is None
        taken_back = room.undo(KEY, "dana", LAST, based_on=1, save_id="u")
        assert (taken_back.outcome, taken_back.lane.judgement) == (SaveOutcome.SAVED, None)
        assert taken_back.status is ItemStatus.DISPUTED


# --- rounds ---


def test_the_second_round_begins_when_the_first_judgements_differ(room: Room) -> None:
    decide(room, KEY, "ann", "A")
    assert room.lane(KEY, "ann", SECOND) is None
    assert decide(room, KEY, "bob", "B").status is ItemStatus.SECOND_ROUND
    for reader in READERS:
        assert lane(room, reader, SECOND) == Lane(key=KEY, reader=reader, round=SECOND)
    assert lane(room, ADJUDICATOR, LAST).reader is None


def test_a_second_round_that_nobody_saw_may_vanish(room: Room) -> None:
    disagree(room)
    changed = decide(room, KEY, "bob", "A")
    assert (changed.outcome, changed.status) == (SaveOutcome.SAVED, ItemStatus.AGREED)
    assert room.lane(KEY, "ann", SECOND) is None
    assert room.queue("ann", SECOND) == []
    room.undo(KEY, "bob", FIRST, based_on=2, save_id="u1")
    assert status(room) is ItemStatus.SECOND_ROUND
    room.undo(KEY, "bob", FIRST, based_on=3, save_id="u2")
    assert status(room) is ItemStatus.FIRST_ROUND
    assert room.lane(KEY, ADJUDICATOR, LAST) is None
    assert room.queue(ADJUDICATOR, LAST) == []


@pytest.mark.parametrize("kind", [EventKind.PEERS_SHOWN, EventKind.MASK_SHOWN, None])
def test_nobody_changes_a_blind_answer_once_the_second_round_has_begun(room: Room, kind: EventKind | None) -> None:
    disagree(room)
    if kind is None:
        decide(room, KEY, "ann", "B", round=SECOND)
    else:
        room.note_shown(KEY, "ann", SECOND, kind)
    late = decide(room, KEY, "bob", "A", save_id="late")
    assert late.outcome is SaveOutcome.CLOSED
    assert late.event.kind is EventKind.CONFLICTED
    assert late.lane.judgement == judgement_of(room, KEY, "B")
    again = decide(room, KEY, "bob", "A", save_id="late")
    assert (again.outcome, again.event) == (SaveOutcome.CLOSED, late.event)
    undone = room.undo(KEY, "bob", FIRST, based_on=1, save_id="u")
    assert undone.outcome is SaveOutcome.CLOSED
    assert undone.lane.judgement == judgement_of(room, KEY, "B")
    assert [entry.open for entry in room.queue("bob", FIRST) if entry.key == KEY] == [False]
    assert [entry.open for entry in room.queue("bob", SECOND)] == [True]


def test_a_stale_save_stays_a_conflict_after_the_lane_has_closed(room: Room) -> None:
    decide(room, KEY, "ann", "A")
    decide(room, KEY, "ann", "B", based_on=0, save_id="tab-2")
    decide(room, KEY, "bob", "B")
    room.note_shown(KEY, "ann", SECOND, EventKind.PEERS_SHOWN)
    assert decide(room, KEY, "ann", "B", based_on=0, save_id="tab-2").outcome is SaveOutcome.CONFLICT


def test_the_second_round_ends_with_the_adjudication_for_good(room: Room) -> None:
    disagree(room)
    decide(room, KEY, "ann", "A", round=SECOND)
    assert decide(room, KEY, "bob", "B", round=SECOND).status is ItemStatus.DISPUTED
    room.note_shown(KEY, ADJUDICATOR, LAST, EventKind.MODELS_SHOWN)
    assert decide(room, KEY, "ann", "B", round=SECOND).outcome is SaveOutcome.SAVED  # to look is not to decide
    decide(room, KEY, ADJUDICATOR, "A", round=LAST)
    assert status(room) is ItemStatus.ADJUDICATED
    assert decide(room, KEY, "bob", "A", round=SECOND).outcome is SaveOutcome.CLOSED
    room.undo(KEY, ADJUDICATOR, LAST, based_on=1, save_id="u")
    assert status(room) is ItemStatus.AGREED  # both said B the second time
    assert decide(room, KEY, "bob", "A", round=SECOND).outcome is SaveOutcome.CLOSED
    assert decide(room, KEY, ADJUDICATOR, "B", round=LAST).outcome is SaveOutcome.SAVED


def test_an_adjudicator_may_overrule_what_readers_agree_on(room: Room) -> None:
    for reader in READERS:
        decide(room, KEY, reader, "A")
    saved = decide(room, KEY, ADJUDICATOR, "B", round=LAST, comment="artifact")
    assert saved.status is ItemStatus.ADJUDICATED
    state = room.state(KEY)
    assert state is not None
    assert state.judgement == judgement_of(room, KEY, "B", comment="artifact")


def test_with_one_round_a_difference_goes_to_the_adjudicator(tmp_path: Path) -> None:
    made, _ = fill(tmp_path, rounds=1)
    with made as room:
        disagree(room)
        assert status(room) is ItemStatus.DISPUTED
        assert room.lane(KEY, "ann", SECOND) is None
        assert decide(room, KEY, "ann", "B").status is ItemStatus.AGREED


# --- undoing ---


def test_undo_brings_back_what_was_before(room: Room) -> None:
    decide(room, KEY, "ann", "A", elapsed_s=1)
    decide(room, KEY, "ann", "B", elapsed_s=2)
    undone = room.undo(KEY, "ann", FIRST, based_on=2, save_id="u1")
    assert (undone.outcome, undone.event.undoes, undone.event.version) == (SaveOutcome.SAVED, 2, 3)
    assert undone.lane.judgement == judgement_of(room, KEY, "A")
    assert undone.lane.elapsed_s == 3
    again = room.undo(KEY, "ann", FIRST, based_on=2, save_id="u1")
    assert (again.outcome, again.event) == (SaveOutcome.REPEATED, undone.event)
    twice = room.undo(KEY, "ann", FIRST, based_on=2, save_id="u2")  # a second click on the same page
    assert (twice.outcome, twice.event, twice.lane.version) == (SaveOutcome.CONFLICT, undone.event, 3)
    empty = room.undo(KEY, "ann", FIRST, based_on=3, save_id="u3")
    assert (empty.lane.judgement, empty.lane.by, empty.lane.version) == (None, None, 4)
    assert refused(lambda: room.undo(KEY, "ann", FIRST, based_on=4, save_id="u4")) == "NOTHING_TO_UNDO"
    assert decide(room, KEY, "ann", "A").lane.version == 5
    assert len(list(room.events())) == 5


def test_there_has_to_be_something_to_undo(room: Room) -> None:
    assert refused(lambda: room.undo(KEY, "ann", FIRST, based_on=0, save_id="u")) == "NOTHING_TO_UNDO"
    assert refused(lambda: room.undo(KEY, "ann", FIRST, based_on=7, save_id="u")) == "NOTHING_TO_UNDO"
    assert refused(lambda: room.undo(KEY, "ann", SECOND, based_on=0, save_id="u")) == "LANE_MISSING"
    decide(room, KEY, "bob", "A")
    assert refused(lambda: room.undo(KEY, "ann", FIRST, based_on=0, save_id="u")) == "NOTHING_TO_UNDO"
    assert room.lane(KEY, "bob", FIRST) == lane(room, "bob", FIRST)


def test_the_last_decision_is_the_last_that_can_be_undone(room: Room) -> None:
    assert room.last_decided("ann") is None
    one = decide(room, KEYS[0], "ann", "A").event
    two = decide(room, KEYS[1], "ann", "A").event
    decide(room, KEYS[0], "ann", "B", based_on=0)  # too late: not in force
    decide(room, KEYS[1], "bob", "B")
    assert room.last_decided("ann") == two
    room.note_shown(KEYS[1], "bob", SECOND, EventKind.PEERS_SHOWN)
    assert room.last_decided("ann") == one
    again = decide(room, KEYS[1], "ann", "B", round=SECOND).event
    assert room.last_decided("ann") == again
    decide(room, KEYS[1], ADJUDICATOR, "A", round=LAST)
    assert room.last_decided("ann") == one
    room.undo(KEYS[0], "ann", FIRST, based_on=1, save_id="u")
    assert room.last_decided("ann") is None
    assert room.last_decided(ADJUDICATOR) is not None


# --- what was shown ---


def test_what_is_shown_is_written_down_once(room: Room) -> None:
    assert not room.has_seen(KEY, "ann", EventKind.MASK_SHOWN)
    seen = room.note_shown(KEY, "ann", FIRST, EventKind.MASK_SHOWN)
    assert room.note_shown(KEY, "ann", FIRST, EventKind.MASK_SHOWN) == seen
    assert list(room.events()) == [seen]
    assert (seen.version, seen.judgement, seen.seq) == (None, None, 1)
    assert room.has_seen(KEY, "ann", EventKind.MASK_SHOWN)
    assert not room.has_seen(KEY, "bob", EventKind.MASK_SHOWN)
    assert not room.has_seen(KEYS[1], "ann", EventKind.MASK_SHOWN)
    assert not room.has_seen(KEY, "ann", EventKind.PEERS_SHOWN)
    assert lane(room, "ann", FIRST).version == 0


@pytest.mark.parametrize(
    ("round", "kind"),
    [
        (FIRST, EventKind.PEERS_SHOWN),
        (FIRST, EventKind.MODELS_SHOWN),
        (SECOND, EventKind.MODELS_SHOWN),
        (SECOND, EventKind.DECIDED),
    ],
)
def test_a_round_shows_no_more_than_it_may(room: Room, round: Round, kind: EventKind) -> None:
    disagree(room)
    with pytest.raises(ValueError, match="has no place"):
        room.note_shown(KEY, "ann", round, kind)
    assert len(list(room.events())) == 2


def test_nothing_is_shown_to_those_who_have_no_part(room: Room) -> None:
    tries = [("ann", SECOND), ("ann", LAST), (ADJUDICATOR, LAST), (ADJUDICATOR, FIRST), ("nobody", FIRST)]
    for person, round in tries:
        assert refused(lambda: room.note_shown(KEY, person, round, EventKind.MASK_SHOWN)) == "LANE_MISSING"  # noqa: B023
