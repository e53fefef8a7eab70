"""Several writers at once, and one that is killed: what was acknowledged is there, once."""

import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import review_writers
from neuroonco.review.room import Room
from neuroonco.review.room_records import EventKind, Round, Saved, SaveOutcome
from review_rooms import READERS, decide, fill, judgement_of, room_items

KEYS = [item.key for item in room_items()]
WRITER = review_writers.__file__
Started = subprocess.Popen[str]


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    made, _ = fill(tmp_path)
    with made:
        yield made


@pytest.fixture
def place(tmp_path: Path, room: Room) -> str:
    return str(tmp_path / "room.sqlite")


def start(place: str, reader: str, first: int, last: int) -> Started:
    command = [sys.executable, str(WRITER), place, reader, str(first), str(last)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def go(process: Started) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def at_once(*acts: Callable[[], Saved]) -> list[Saved]:
    """Do several things in threads that begin together."""
    gate = threading.Barrier(len(acts))

    def one(act: Callable[[], Saved]) -> Saved:
        gate.wait()
        return act()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(one, acts))


def test_two_tabs_at_once_get_one_version(room: Room) -> None:
    for n in range(10):
        key = KEYS[n]
        saved = at_once(
            lambda: decide(room, key, "ann", "A", based_on=0, save_id=f"tab-1-{key}"),  # noqa: B023
            lambda: decide(room, key, "ann", "B", based_on=0, save_id=f"tab-2-{key}"),  # noqa: B023
        )
        assert sorted(one.outcome for one in saved) == [SaveOutcome.CONFLICT, SaveOutcome.SAVED]
        lost = next(one.event for one in saved if one.outcome is SaveOutcome.CONFLICT)
        won = next(one.event for one in saved if one.outcome is SaveOutcome.SAVED)
        assert [event for event in room.events(key) if event.kind is EventKind.CONFLICTED] == [lost]
        lane = room.lane(key, "ann", Round.FIRST)
        assert lane is not None
        assert (lane.version, lane.judgement) == (1, won.judgement)


def test_one_save_sent_twice_at_once_is_one_event(room: Room) -> None:
    saved = at_once(*[lambda: decide(room, KEYS[0], "ann", "A", based_on=0, save_id="s")] * 4)
    assert Counter(one.outcome for one in saved) == {SaveOutcome.SAVED: 1, SaveOutcome.REPEATED: 3}
    assert len({one.event.seq for one in saved}) == 1
    assert len(list(room.events())) == 1


def test_what_is_shown_twice_at_once_is_noted_once(room: Room) -> None:
    def show() -> int:
        return room.note_shown(KEYS[0], "ann", Round.FIRST, EventKind.MASK_SHOWN).seq

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(lambda _: show(), range(8))) == {1}
    assert len(list(room.events())) == 1


def test_eight_threads_lose_and_double_nothing(room: Room) -> None:
    """Each pair of threads writes into the same lanes, two readers of each question."""

    def work(number: int) -> list[Saved]:
        made = []
        for n in range(12):
            key, reader = KEYS[(n + number) % 4], READERS[number % 2]
            lane = room.lane(key, reader, Round.FIRST)
            judgement = judgement_of(room, key, "AB"[n % 2], comment=f"{number} {n}")
            version = lane.version if lane else 0
            saves = {"based_on": version, "save_id": f"t{number}-{n}"}
            made.append(room.save(key, reader, Round.FIRST, judgement, **saves))
        return made

    with ThreadPoolExecutor(8) as pool:
        made = [one for each in pool.map(work, range(8)) for one in each]
    check_nothing_lost(room, {one.event.save_id: one.event.seq for one in made}, 96)
    outcomes = Counter(event.kind for event in room.events())
    assert outcomes[EventKind.DECIDED] == sum(one.outcome is SaveOutcome.SAVED for one in made)


def test_two_processes_lose_and_double_nothing(room: Room, place: str) -> None:
    started = [start(place, reader, 0, 40) for reader in READERS]
    for process in started:
        go(process)
    said = [line.split() for process in started for line in process.communicate(timeout=120)[0].splitlines()]
    assert [process.returncode for process in started] == [0, 0]
    assert Counter(outcome for _, _, outcome in said) == {"saved": 80}
    check_nothing_lost(room, {save_id: int(seq) for seq, save_id, _ in said}, 80)
    for key in KEYS:
        for reader in READERS:
            lane = room.lane(key, reader, Round.FIRST)
            assert lane is not None
            assert lane.version == 4


def check_nothing_lost(room: Room, acknowledged: dict[str, int], n: int) -> None:
    events = list(room.events())
    assert {event.save_id: event.seq for event in events} == acknowledged
    assert len(events) == len(acknowledged) == n
    for key in KEYS:
        for reader in READERS:
            versions = [e.version for e in events if (e.key, e.reader) == (key, reader) and e.version is not None]
            assert versions == list(range(1, len(versions) + 1))
            lane = room.lane(key, reader, Round.FIRST)
            assert lane is not None
            assert lane.version == len(versions)


@pytest.mark.parametrize("acknowledged", [1, 7, 60])
def test_what_was_acknowledged_survives_a_kill(room: Room, place: str, acknowledged: int) -> None:
    process = start(place, "ann", 0, 100_000)
    assert process.stdout is not None
    go(process)
    said = [process.stdout.readline().split() for _ in range(acknowledged)]
    process.kill()
    rest, _ = process.communicate()
    assert process.returncode == -9
    said += [line.split() for line in rest.splitlines(keepends=True) if line.endswith("\n")]
    with sqlite3.connect(place) as direct:
        assert direct.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    direct.close()
    with Room(place) as opened:
        events = list(opened.events())
        held = {event.save_id: event.seq for event in events}
        assert len(held) == len(events)
        assert held | {save_id: int(seq) for seq, save_id, _ in said} == held
        assert len(said) <= len(held) <= len(said) + 1  # one may be safe that the process could not acknowledge
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        for key in KEYS:
            lane = opened.lane(key, "ann", Round.FIRST)
            mine = [event for event in events if event.key == key]
            assert lane is not None
            assert lane.version == len(mine)
            assert lane.judgement == (mine[-1].judgement if mine else None)
        assert decide(opened, KEYS[0], "bob", "A").outcome is SaveOutcome.SAVED
