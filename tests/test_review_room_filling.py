"""A room is set up once, is set up again from its export as it was, and lies safely on disk."""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from neuroonco import store
from neuroonco.errors import InputError, PrerequisiteError
from neuroonco.review.judgement import judge
from neuroonco.review.room import Room
from neuroonco.review.room_records import (
    Assignment,
    EventKind,
    ItemStatus,
    Judgement,
    Person,
    ReviewEvent,
    Role,
)
from review_rooms import ADJUDICATOR, PEOPLE, READERS, decide, fill, room_items, room_settings
from test_review_room import FIRST, KEY, KEYS, LAST, SECOND, disagree, lane, refused, status


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    made, _ = fill(tmp_path)
    with made:
        yield made


# --- setting up ---


def test_the_same_benchmark_again_adds_only_people_and_assignments(room: Room) -> None:
    decide(room, KEY, "ann", "A")
    dora = Person(name="dora")
    added = [Assignment(key=key, reader="dora") for key in KEYS[:2]]
    assert room.set_up(room_settings(), room_items()[::-1], [dora, PEOPLE[0]], [*added, *room.assignments()]) is False
    assert [person.name for person in room.people()] == ["ann", "bob", "chris", "dora"]
    assert len(room.assignments()) == 22
    assert lane(room, "ann", FIRST).version == 1
    assert sorted(entry.key for entry in room.queue("dora", FIRST)) == KEYS[:2]
    decide(room, KEY, "bob", "A")
    assert status(room) is ItemStatus.FIRST_ROUND
    assert decide(room, KEY, "dora", "A").status is ItemStatus.AGREED


def test_a_new_reader_reopens_only_what_is_still_blind(room: Room) -> None:
    for reader in READERS:
        decide(room, KEYS[0], reader, "A")
    disagree(room, KEYS[1])
    dora = Person(name="dora")
    late = [Assignment(key=key, reader="dora") for key in KEYS[:2]]
    assert room.set_up(room_settings(), room_items(), [dora], late) is False
    assert [status(room, key) for key in KEYS[:2]] == [ItemStatus.FIRST_ROUND] * 2
    assert room.lane(KEYS[1], "ann", SECOND) is None
    decide(room, KEYS[1], "dora", "A")
    room.note_shown(KEYS[1], "dora", SECOND, EventKind.PEERS_SHOWN)
    eve = [Assignment(key=key, reader="eve") for key in (KEYS[2], KEYS[1])]
    assert refused(lambda: room.set_up(room_settings(), room_items(), [Person(name="eve")], eve)) == "ASSIGNMENT_LATE"
    assert len(room.people()) == 4  # all or nothing
    assert len(room.assignments()) == 22


def test_a_room_holds_one_benchmark(room: Room) -> None:
    other = room_settings().model_copy(update={"benchmark_sha256": "1" * 64})
    assert refused(lambda: room.set_up(other, room_items(), PEOPLE, [])) == "ROOM_TAKEN"
    assert refused(lambda: room.set_up(room_settings(), room_items(9), PEOPLE, [])) == "ROOM_TAKEN"
    items = room_items()
    changed = items[0].model_copy(update={"item": items[0].item.model_copy(update={"answer": "B"})})
    assert refused(lambda: room.set_up(room_settings(), [changed, *items[1:]], PEOPLE, [])) == "ROOM_TAKEN"


def test_assignments_are_of_its_own_questions_and_readers(tmp_path: Path) -> None:
    with Room(tmp_path / "r.sqlite", create=True) as room:
        for key, reader in (("q" + "f" * 16, "ann"), (KEY, "nobody"), (KEY, ADJUDICATOR)):
            made = [Assignment(key=key, reader=reader)]
            assert refused(lambda: room.set_up(room_settings(), room_items(), PEOPLE, made)) == "ASSIGNMENT_UNKNOWN"  # noqa: B023
        assert refused(room.settings) == "ROOM_EMPTY"
        assert room.people() == []
        assert room.set_up(room_settings(), room_items(), PEOPLE, []) is True
        assert {state.status for state in room.states()} == {ItemStatus.UNASSIGNED}


def test_questions_have_sound_keys_and_each_its_own(tmp_path: Path) -> None:
    items = room_items()
    with Room(tmp_path / "r.sqlite", create=True) as room:
        odd = items[0].model_copy(update={"key": "../q"})
        assert refused(lambda: room.set_up(room_settings(), [odd], PEOPLE, [])) == "ITEM_KEY_INVALID"
        assert refused(lambda: room.set_up(room_settings(), [items[0], items[0]], PEOPLE, [])) == "ITEM_TWICE"


def test_people_who_look_alike_are_refused(room: Room) -> None:
    for name in ("Ann", "ANN", "ａｎｎ"):
        assert refused(lambda: room.set_up(room_settings(), room_items(), [Person(name=name)], [])) == "NAME_INVALID"  # noqa: B023
    changed = [Person(name="ann", role=Role.ADJUDICATOR)]
    assert refused(lambda: room.set_up(room_settings(), room_items(), changed, [])) == "ROLE_FIXED"


# --- an exported room ---


def history(room: Room) -> list[ReviewEvent]:
    """Some of everything, and the events that it makes."""
    decide(room, KEY, "ann", "A", elapsed_s=3)
    room.undo(KEY, "ann", FIRST, based_on=1, save_id="u")
    decide(room, KEY, "ann", "B", comment="a\nb")
    decide(room, KEY, "bob", "A")
    room.note_shown(KEY, "ann", SECOND, EventKind.PEERS_SHOWN)
    decide(room, KEY, "bob", "B", based_on=0)
    decide(room, KEY, ADJUDICATOR, "A", round=LAST)
    return list(room.events())


def test_an_exported_room_is_set_up_as_it_was(room: Room, tmp_path: Path) -> None:
    events = history(room)
    with Room(tmp_path / "copy.sqlite", create=True) as copy:
        assert copy.set_up(room.settings(), list(room.items()), room.people(), room.assignments(), events)
        assert list(copy.events()) == events
        assert list(copy.states()) == list(room.states())
        assert copy.counts() == room.counts()
        assert copy.set_up(room.settings(), list(room.items()), [], [], events) is False
        assert refused(lambda: copy.set_up(room.settings(), room_items(), [], [], events[1:])) == "ROOM_TAKEN"
        assert decide(copy, KEYS[1], "ann", "A").event.seq == events[-1].seq + 1


FAULTS: dict[str, dict[str, Any]] = {
    "a number that does not rise": {"seq": 1},
    "a number twice": {"seq": 2},
    "a version out of turn": {"version": 9},
    "no version": {"version": None},
    "another question": {"key": "q" + "f" * 16},
    "nobody": {"reader": "nobody"},
    "an adjudicator who reads": {"reader": ADJUDICATOR},
    "no judgement": {"judgement": None},
    "a judgement of another question": {"judgement": Judgement.model_validate({"verdict": "change", "answer": "Z"})},
    "the save of another": {"save_id": "save-0-ann"},
    "no time": {"at": "yesterday"},
    "a time without a zone": {"at": "2026-01-01T00:00:00"},
    "undoing by deciding": {"undoes": 1},
    "a round that has not begun": {"round": SECOND},
    "a kind that changes nothing": {"kind": EventKind.CONFLICTED},
    "undoing what is not there": {"kind": EventKind.UNDONE, "judgement": None, "undoes": 1, "elapsed_s": None},
}


@pytest.mark.parametrize("fault", FAULTS)
def test_events_that_do_not_follow_are_refused(room: Room, tmp_path: Path, fault: str) -> None:
    events = history(room)
    events[2] = events[2].model_copy(update=FAULTS[fault])
    with Room(tmp_path / "copy.sqlite", create=True) as copy:
        assert refused(lambda: copy.set_up(room_settings(), room_items(), PEOPLE, room.assignments(), events)) == (
            "EVENT_INVALID"
        )
        assert list(copy.events()) == []


def test_a_blind_answer_cannot_be_changed_by_an_import(room: Room, tmp_path: Path) -> None:
    events = history(room)
    late = events[3].model_copy(update={"seq": 99, "version": 2, "save_id": "late"})
    shown = events[4].model_copy(update={"seq": 99, "save_id": "again"})
    models = events[4].model_copy(update={"seq": 99, "save_id": "m", "kind": EventKind.MODELS_SHOWN})
    with Room(tmp_path / "copy.sqlite", create=True) as copy:
        for wrong in (late, shown, models):
            made = [*events, wrong]
            assert refused(lambda: copy.set_up(room_settings(), room_items(), PEOPLE, room.assignments(), made)) == (  # noqa: B023
                "EVENT_INVALID"
            )


# --- on disk ---


def test_a_room_is_there_after_it_was_closed(tmp_path: Path) -> None:
    made, _ = fill(tmp_path)
    with made:
        events = history(made)
    with Room(tmp_path / "room.sqlite") as room:
        assert list(room.events()) == events
        assert room.settings() == room_settings()


def test_the_database_itself_refuses_to_change_an_event(room: Room, tmp_path: Path) -> None:
    history(room)
    with sqlite3.connect(tmp_path / "room.sqlite") as direct:
        for statement in ("UPDATE neuroonco_room_events SET reader = 'bob'", "DELETE FROM neuroonco_room_events"):
            with pytest.raises(sqlite3.IntegrityError, match="events stay"):
                direct.execute(statement)
    direct.close()


def test_two_events_never_have_one_version(room: Room, tmp_path: Path) -> None:
    decide(room, KEY, "ann", "A")
    columns = "key, reader, round, lane_reader, kind, version, judgement, save_id, at"
    copied = f"INSERT INTO neuroonco_room_events ({columns}) SELECT {columns.replace('save_id', repr('other'))}"
    with (
        sqlite3.connect(tmp_path / "room.sqlite") as direct,
        pytest.raises(sqlite3.IntegrityError, match=r"neuroonco_room_events\.version"),
    ):
        direct.execute(f"{copied} FROM neuroonco_room_events")
    direct.close()


def test_what_is_no_room_is_named(tmp_path: Path) -> None:
    assert refused(lambda: Room(tmp_path / "none.sqlite")) == "ROOM_MISSING"
    assert not (tmp_path / "none.sqlite").exists()
    (tmp_path / "text").write_text("not a database at all" * 100)
    assert refused(lambda: Room(tmp_path / "text", create=True)) == "ROOM_DAMAGED"
    engine = create_engine(f"sqlite:///{tmp_path / 'other.sqlite'}")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE theirs (a INTEGER)"))
    engine.dispose()
    assert refused(lambda: Room(tmp_path / "other.sqlite", create=True)) == "ROOM_FOREIGN"
    with pytest.raises((InputError, PrerequisiteError)):
        Room("nosuch://host/database")


def test_a_newer_room_is_left_alone(tmp_path: Path) -> None:
    made, _ = fill(tmp_path)
    made.close()
    with sqlite3.connect(tmp_path / "room.sqlite") as direct:
        direct.execute("UPDATE neuroonco_room SET value = '99' WHERE name = 'schema_version'")
    direct.close()
    assert refused(lambda: Room(tmp_path / "room.sqlite")) == "ROOM_NEWER"


def test_an_export_holds_what_the_room_holds(room: Room, tmp_path: Path) -> None:
    events = history(room)
    store.save(tmp_path / "events.jsonl", room.events(), ReviewEvent)
    assert store.load_strict(tmp_path / "events.jsonl", ReviewEvent) == events


def test_looking_does_not_stop_half_way_through_many_pages(tmp_path: Path) -> None:
    items = room_items(1201)
    with Room(tmp_path / "r.sqlite", create=True) as room:
        room.set_up(room_settings(), items, PEOPLE, [Assignment(key=item.key, reader="ann") for item in items])
        assert [item.key for item in room.items()] == sorted(item.key for item in items)
        assert Counter(state.status for state in room.states()) == {ItemStatus.FIRST_ROUND: 1201}
        assert len(room.queue("ann", FIRST)) == 1201
        looking = room.items()
        next(looking)  # a look that is left half-way holds up nobody
        decide(room, items[0].key, "ann", "A")
        events = [
            ReviewEvent(
                seq=n + 1,
                key=item.key,
                reader="ann",
                round=FIRST,
                kind=EventKind.DECIDED,
                version=1,
                judgement=judge(item.item, answer="A"),
                save_id=f"s{n}",
                at="2026-01-01T00:00:00+00:00",
            )
            for n, item in enumerate(items)
        ]
    with Room(tmp_path / "copy.sqlite", create=True) as copy:
        assignments = [Assignment(key=item.key, reader="ann") for item in items]
        copy.set_up(room_settings(), items, PEOPLE, assignments, events)
        assert list(copy.events()) == events
        assert copy.counts()[ItemStatus.AGREED] == 1201
