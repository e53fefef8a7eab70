"""Whatever people do, lanes are what follows from the events, and no blind answer changes afterwards."""

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from neuroonco.errors import InputError
from neuroonco.review.course import Course
from neuroonco.review.judgement import agree, in_force, judge
from neuroonco.review.room import Room
from neuroonco.review.room_records import Assignment, EventKind, Lane, Person, ReviewEvent, RoomItem, Round
from review_rooms import ADJUDICATOR, PEOPLE, decide, room_items, room_settings

FIRST, SECOND, LAST = Round

ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["save", "save", "save", "stale", "undo", "mask", "peers", "models", "repeat"]),
        st.sampled_from(["ann", "bob", "dora", ADJUDICATOR]),
        st.sampled_from(list(Round)),
        st.sampled_from("AAB"),
    ),
    max_size=25,
)
SHOWN = {"mask": EventKind.MASK_SHOWN, "peers": EventKind.PEERS_SHOWN, "models": EventKind.MODELS_SHOWN}
Action = tuple[str, str, Round, str]
BEGINNINGS = st.lists(st.sampled_from("AB"), max_size=3)
"""First judgements, so that many examples get to the later rounds."""


@settings(max_examples=150)
@given(ACTIONS, BEGINNINGS, st.integers(1, 2), st.integers(2, 3))
def test_a_course_is_what_its_events_say(
    actions: list[Action], beginning: list[str], rounds: int, readers: int
) -> None:
    item, names = room_items(1)[0], ("ann", "bob", "dora")[:readers]
    course, events = Course(item.key, names, rounds), list[ReviewEvent]()
    for action in [*_began(names, beginning), *actions]:
        event = _candidate(course, item, len(events) + 1, *action)
        before = course.state
        try:
            course.append(event, item.item)
        except InputError as error:
            refusal = error.code
        else:
            refusal = ""
            events.append(event)
        assert refusal in ("", "EVENT_INVALID")
        assert not refusal or course.state == before
    assert list(course.state.lanes) == expected_lanes(item.key, names, rounds, events)
    assert Course(item.key, names, rounds, events).state == course.state
    assert blind_answers_stay(events)


@settings(max_examples=12)
@given(ACTIONS, BEGINNINGS, st.integers(1, 2), st.integers(2, 3))
def test_lanes_are_always_what_follows_from_the_events(
    actions: list[Action], beginning: list[str], rounds: int, readers: int
) -> None:
    names = ("ann", "bob", "dora")[:readers]
    items = room_items(1)
    people, given_to = (*PEOPLE, Person(name="dora")), [Assignment(key=items[0].key, reader=name) for name in names]
    with tempfile.TemporaryDirectory() as folder, Room(Path(folder) / "a", create=True) as room:
        room.set_up(room_settings(rounds=rounds), items, people, given_to)
        for n, action in enumerate([*_began(names, beginning), *actions]):
            _act(room, items[0].key, n, *action)
        check_follows(room, names, rounds)
        with Room(Path(folder) / "b", create=True) as copy:
            assert copy.set_up(room_settings(rounds=rounds), items, people, given_to, list(room.events()))
            assert list(copy.events()) == list(room.events())
            assert list(copy.states()) == list(room.states())
            for name in (*names, ADJUDICATOR):
                assert copy.last_decided(name) == room.last_decided(name)
                assert all(copy.queue(name, round) == room.queue(name, round) for round in Round)


def _began(names: tuple[str, ...], beginning: list[str]) -> list[Action]:
    return [("save", name, FIRST, answer) for name, answer in zip(names, beginning, strict=False)]


def _candidate(
    course: Course, item: RoomItem, seq: int, action: str, person: str, round: Round, answer: str
) -> ReviewEvent:
    """An event that may follow, or not."""
    kinds = {**SHOWN, "undo": EventKind.UNDONE, "repeat": EventKind.CONFLICTED}
    kind = kinds.get(action, EventKind.DECIDED)
    found = course.lane(person, round)
    version = (found.version if found else 0) + (2 if action == "stale" else 1)
    judges = kind in (EventKind.DECIDED, EventKind.CONFLICTED)
    return ReviewEvent(
        seq=seq,
        key=item.key,
        reader=person,
        round=round,
        kind=kind,
        version=version if kind in (EventKind.DECIDED, EventKind.UNDONE) else None,
        judgement=judge(item.item, answer=answer) if judges else None,
        undoes=course.seq_in_force(found) if kind is EventKind.UNDONE and found else None,
        elapsed_s=1 if judges else None,
        save_id=f"s{seq}",
        at=f"2026-01-01T00:00:{seq % 60:02}+00:00",
    )


def _act(room: Room, key: str, n: int, action: str, person: str, round: Round, answer: str) -> None:
    """Do something, unless the room refuses it: then it has to stay as it was."""
    before = list(room.events())
    found = room.lane(key, person, round)
    version = found.version if found else 0
    try:
        if action in SHOWN:
            room.note_shown(key, person, round, SHOWN[action])
        elif action == "undo":
            room.undo(key, person, round, based_on=version, save_id=f"s{n}")
        else:
            save_id = before[-1].save_id if action == "repeat" and before else f"s{n}"
            based_on = version - 1 if action == "stale" else version
            decide(room, key, person, answer, round=round, based_on=based_on, save_id=save_id, elapsed_s=1)
    except (InputError, ValueError) as error:
        allowed = {"LANE_MISSING", "NOTHING_TO_UNDO", "SAVE_ID_TAKEN", "SAVE_ID_INVALID"}
        assert not isinstance(error, InputError) or error.code in allowed  # noqa: PT017 - most actions succeed
        assert list(room.events()) == before


def check_follows(room: Room, readers: tuple[str, ...], rounds: int) -> None:
    """What is kept beside the events is what follows from them."""
    state, events = next(room.states()), list(room.events())
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert blind_answers_stay(events)
    expected = expected_lanes(state.key, readers, rounds, events)
    assert list(state.lanes) == expected
    assert room.counts()[state.status] == 1
    closed = {FIRST: _begins(events, later=True), SECOND: _begins(events, later=False), LAST: None}
    for one in expected:
        assert room.lane(one.key, one.reader or ADJUDICATOR, one.round) == one
        entry = room.queue(one.reader or ADJUDICATOR, one.round)[0]
        assert (entry.version, entry.decided, entry.elapsed_s) == (
            one.version,
            one.judgement is not None,
            one.elapsed_s,
        )
        assert entry.open == (closed[one.round] is None)
    assert sum(len(room.queue(name, round)) for name in (*readers, ADJUDICATOR) for round in Round) == len(expected)


def blind_answers_stay(events: list[ReviewEvent]) -> bool:
    """Whether nothing in force changed in the first round after a later one began, nor in the second after the end."""
    ends = {FIRST: _begins(events, later=True), SECOND: _begins(events, later=False), LAST: None}
    return all(event.seq < (ends[event.round] or event.seq + 1) for event in events if event.version is not None)


def _begins(events: list[ReviewEvent], *, later: bool) -> int | None:
    """The event that closes the first round (``later``), or the second one."""
    if later:
        return next((event.seq for event in events if event.round is not FIRST), None)
    return next((event.seq for event in events if event.round is LAST and event.kind is EventKind.DECIDED), None)


def expected_lanes(key: str, readers: tuple[str, ...], rounds: int, events: list[ReviewEvent]) -> list[Lane]:
    """The rules again, in other words: by looking at all events of a lane each time."""
    expected = [_expected(key, name, FIRST, events) for name in readers]
    made = [one.judgement for one in expected if one.judgement]
    complete = len(made) == len(readers)
    if complete and rounds == 2 and not all(agree(made[0], one) for one in made):
        expected += [_expected(key, name, SECOND, events) for name in readers]
    return [*expected, _expected(key, None, LAST, events)] if complete else expected


def _expected(key: str, reader: str | None, round: Round, events: list[ReviewEvent]) -> Lane:
    mine = [event for event in events if event.round is round and reader in (None, event.reader)]
    versions = [event.version for event in mine if event.version is not None]
    assert versions == list(range(1, len(versions) + 1))
    last = in_force(mine)
    return Lane(
        key=key,
        reader=reader,
        round=round,
        version=len(versions),
        judgement=last.judgement if last else None,
        by=last.reader if last else None,
        at=last.at if last else None,
        elapsed_s=sum(event.elapsed_s or 0 for event in mine),
    )
