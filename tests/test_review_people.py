"""Who may enter a room: by an invitation, for a while, until it is replaced."""

import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from neuroonco.cli.app import run
from neuroonco.cli.review_room import _ready
from neuroonco.errors import InputError
from neuroonco.review.people import SESSION_HOURS, People
from neuroonco.review.room import Room
from neuroonco.review.room_records import EventKind, Person, Role, Round
from review_rooms import ADJUDICATOR, decide, fill, room_items


class Clock:
    """A clock that goes on when it is told to."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    made, _ = fill(tmp_path)
    with made:
        made.clock = Clock()
        yield made


@pytest.fixture
def people(room: Room) -> People:
    return People(room)


def refused(act: Callable[[], Any]) -> str:
    with pytest.raises(InputError) as error:
        act()
    assert "\n" not in error.value.line
    return error.value.code


def later(room: Room, **passed: float) -> None:
    assert isinstance(room.clock, Clock)
    room.clock.now += timedelta(**passed)


# --- invitations ---


def test_an_invitation_opens_the_room(room: Room, people: People) -> None:
    assert not people.any_token()
    token = people.invite("ann")
    assert len(token) >= 43  # 256 bits in base 64
    assert people.any_token()
    assert [person.has_token for person in room.people()] == [True, False, False]
    entered = people.enter(token)
    assert entered is not None
    person, secret = entered
    assert person == Person(name="ann", has_token=True)
    assert secret != token
    assert people.of_session(secret) == person
    assert people.enter(token) is not None  # on a second machine
    assert people.of_session(secret) == person


@pytest.mark.parametrize("token", ["", "x", "' OR 1=1 --", "\0", "\ud800", "x" * 10_000])
def test_what_is_nobodys_opens_nothing(people: People, token: str) -> None:
    people.invite("ann")
    assert people.enter(token) is None
    assert people.of_session(token) is None
    people.leave(token)


def test_a_hash_is_no_token_and_a_token_no_session(room: Room, people: People, tmp_path: Path) -> None:
    token = people.invite("ann")
    with sqlite3.connect(tmp_path / "room.sqlite") as direct:
        (stored,) = direct.execute("SELECT token_sha256 FROM neuroonco_room_people WHERE name = 'ann'").fetchone()
    direct.close()
    assert people.enter(stored) is None
    assert people.of_session(token) is None
    assert people.enter(token[:-1]) is None


def test_secrets_are_nowhere_on_disk(room: Room, people: People, tmp_path: Path) -> None:
    token = people.invite("ann")
    entered = people.enter(token)
    assert entered is not None
    people.revoke("bob")
    room.close()
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("room.sqlite*"))
    assert token.encode() not in stored
    assert entered[1].encode() not in stored


def test_a_new_token_ends_the_old_one_and_its_sessions(people: People) -> None:
    old, other = people.invite("ann"), people.invite("bob")
    before, bob = people.enter(old), people.enter(other)
    assert before is not None
    assert bob is not None
    new = people.invite("ann")
    assert new != old
    assert people.of_session(before[1]) is None
    assert people.enter(old) is None
    assert people.enter(new) is not None
    assert people.of_session(bob[1]) == bob[0]


def test_revoking_ends_a_token_and_its_sessions(room: Room, people: People) -> None:
    token = people.invite("ann")
    entered = people.enter(token)
    assert entered is not None
    people.revoke("ann")
    assert people.of_session(entered[1]) is None
    assert people.enter(token) is None
    assert not people.any_token()
    people.revoke("ann")


@pytest.mark.parametrize("name", ["nobody", "", "Ann", "ann ", "\0", "\ud800", "a" * 1000])
def test_only_known_people_are_invited(people: People, name: str) -> None:
    assert refused(lambda: people.invite(name)) == "PERSON_UNKNOWN"
    assert refused(lambda: people.revoke(name)) == "PERSON_UNKNOWN"
    assert people.enter_by_name(name) is None


# --- sessions ---


def test_a_session_ends_after_a_working_day(room: Room, people: People) -> None:
    entered = people.enter(people.invite("ann"))
    assert entered is not None
    later(room, hours=SESSION_HOURS, seconds=-1)
    assert people.of_session(entered[1]) == entered[0]
    later(room, seconds=1)
    assert people.of_session(entered[1]) is None


def test_ended_sessions_do_not_pile_up(room: Room, people: People, tmp_path: Path) -> None:
    token = people.invite("ann")
    for _ in range(3):
        people.enter(token)
        later(room, hours=SESSION_HOURS)
    people.enter(token)
    with sqlite3.connect(tmp_path / "room.sqlite") as direct:
        assert direct.execute("SELECT count(*) FROM neuroonco_room_sessions").fetchone() == (1,)
    direct.close()


def test_leaving_ends_one_session(people: People) -> None:
    token = people.invite("ann")
    one, other = people.enter(token), people.enter(token)
    assert one is not None
    assert other is not None
    people.leave(one[1])
    assert people.of_session(one[1]) is None
    assert people.of_session(other[1]) == other[0]


def test_a_session_is_good_in_another_process_of_the_room(room: Room, people: People, tmp_path: Path) -> None:
    entered = people.enter(people.invite("ann"))
    assert entered is not None
    assert isinstance(room.clock, Clock)
    with Room(tmp_path / "room.sqlite", clock=room.clock) as other:
        assert People(other).of_session(entered[1]) == entered[0]


def test_without_tokens_a_name_is_enough_until_somebody_has_one(people: People) -> None:
    entered = people.enter_by_name("ann")
    assert entered is not None
    assert people.of_session(entered[1]) == Person(name="ann")
    people.invite("bob")
    assert people.of_session(entered[1]) is None
    assert people.enter_by_name("ann") is None
    assert people.enter_by_name("bob") is None
    people.revoke("bob")
    assert people.enter_by_name("ann") is not None


# --- enrolling ---


def test_people_are_enrolled_once(room: Room, people: People) -> None:
    dora = people.enroll("dora", Role.READER)
    assert dora == Person(name="dora")
    assert people.enroll("dora", Role.READER) == dora
    people.invite("dora")
    assert people.enroll("dora", Role.READER).has_token
    assert [person.name for person in room.people()] == ["ann", "bob", "chris", "dora"]


@pytest.mark.parametrize("name", ["Dr. Zoë O'Neill-Łaski", "山田 太郎", "محمد", "d_2"])
def test_names_of_any_script(people: People, name: str) -> None:
    assert people.enroll(name, Role.READER).name == name
    assert people.enter_by_name(name) is not None


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "dora ",
        " dora",
        "do  ra",
        "do\nra",
        "do\tra",
        "do\0ra",
        "do\u202era",
        "do\u200dra",
        "\ud800",
        "<b>dora</b>",
        "d" * 61,
        "../dora",
        "-dora",
        "dora\n",
        "dora;x",
    ],
)
def test_odd_names_are_refused(room: Room, people: People, name: str) -> None:
    assert refused(lambda: people.enroll(name, Role.READER)) == "NAME_INVALID"
    assert len(room.people()) == 3


@pytest.mark.parametrize("name", ["Ann", "ANN", "ａｎｎ"])
def test_names_that_look_alike_are_refused(people: People, name: str) -> None:
    assert refused(lambda: people.enroll(name, Role.READER)) == "NAME_INVALID"


def test_one_name_in_two_unicode_spellings_is_one_person(room: Room, people: People) -> None:
    assert people.enroll("Zoe\u0308", Role.READER).name == "Zoë"
    people.enroll("Zoë", Role.READER)
    assert len(room.people()) == 4
    people.invite("Zoe\u0308")


def test_a_role_that_was_used_is_fixed(room: Room, people: People) -> None:
    assert people.enroll("dora", Role.READER).role is Role.READER
    assert people.enroll("dora", Role.ADJUDICATOR).role is Role.ADJUDICATOR
    assert {person.name: person.role for person in room.people()}["dora"] is Role.ADJUDICATOR
    assert refused(lambda: people.enroll("ann", Role.ADJUDICATOR)) == "ROLE_FIXED"  # has questions
    key = room_items()[0].key
    decide(room, key, "ann", "A")
    decide(room, key, "bob", "B")
    room.note_shown(key, ADJUDICATOR, Round.ADJUDICATION, EventKind.MASK_SHOWN)
    assert refused(lambda: people.enroll(ADJUDICATOR, Role.READER)) == "ROLE_FIXED"  # has seen the readers' answers


def test_who_guesses_keeps_nobody_from_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room, _ = fill(tmp_path, 2)
    with room:
        people = People(room)
        token = people.invite("ann")
        writing = room.database.writing
        monkeypatch.setattr(room.database, "writing", lambda: pytest.fail("a wrong token began a transaction"))
        assert people.enter("wrong") is None
        monkeypatch.setattr(room.database, "writing", writing)
        entered = people.enter(token)
        assert entered is not None
        assert entered[0].name == "ann"


def test_the_commands_say_when_everybody_may_choose_a_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    room, _ = fill(tmp_path, 2)
    with room:
        for name in ("ann", "bob"):
            People(room).invite(name)
    said = []
    for name in ("ann", "bob"):
        assert run(["review", "invite", str(tmp_path / "room.sqlite"), name, "--revoke"]) == 0
        said.append("lets every user of its machine choose a name" in capsys.readouterr().err)
    assert said == [False, True]
    for has_tokens in (True, False):
        _ready(open_browser=False, has_tokens=has_tokens)("http://127.0.0.1:8765/")
        printed = capsys.readouterr()
        assert printed.out == "http://127.0.0.1:8765/\n"
        assert ("may sign in under any name" in printed.err) is not has_tokens
