"""The room on PostgreSQL, where the variable NEUROONCO_TEST_POSTGRES names a database that may be emptied."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

import test_review_kill as writers
import test_review_people as entering
import test_review_room as shared
import test_review_room_filling as filling
from neuroonco.review.people import People
from neuroonco.review.room import Room
from neuroonco.review.room_tables import metadata
from review_rooms import PEOPLE, decide, fill, room_items, room_settings

URL = os.environ.get("NEUROONCO_TEST_POSTGRES", "")
pytestmark = pytest.mark.skipif(not URL, reason="NEUROONCO_TEST_POSTGRES names no database")


def emptied() -> None:
    engine = create_engine(URL)
    metadata.drop_all(engine)
    engine.dispose()


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    emptied()
    made, _ = fill(tmp_path, place=URL)
    with made:
        yield made


@pytest.mark.parametrize(
    "check",
    [
        shared.test_a_new_room_is_as_it_was_set_up,
        shared.test_queues_of_later_rounds_hold_what_has_got_there,
        shared.test_events_can_be_asked_for_by_question_and_person,
        shared.test_a_save_is_an_event_and_what_is_in_force,
        shared.test_a_save_that_comes_twice_is_one_event,
        shared.test_an_id_belongs_to_one_save,
        shared.test_only_those_who_were_asked_may_save,
        shared.test_a_judgement_that_no_choice_makes_is_refused,
        shared.test_a_stale_save_is_kept_and_not_in_force,
        shared.test_a_second_round_that_nobody_saw_may_vanish,
        shared.test_a_stale_save_stays_a_conflict_after_the_lane_has_closed,
        shared.test_the_second_round_ends_with_the_adjudication_for_good,
        shared.test_an_adjudicator_may_overrule_what_readers_agree_on,
        shared.test_undo_brings_back_what_was_before,
        shared.test_the_last_decision_is_the_last_that_can_be_undone,
        shared.test_what_is_shown_is_written_down_once,
        filling.test_the_same_benchmark_again_adds_only_people_and_assignments,
        filling.test_a_new_reader_reopens_only_what_is_still_blind,
        filling.test_a_room_holds_one_benchmark,
        filling.test_people_who_look_alike_are_refused,
        writers.test_two_tabs_at_once_get_one_version,
        writers.test_one_save_sent_twice_at_once_is_one_event,
        writers.test_what_is_shown_twice_at_once_is_noted_once,
        writers.test_eight_threads_lose_and_double_nothing,
    ],
)
def test_it_is_the_same_as_on_sqlite(room: Room, check: Callable[[Room], None]) -> None:
    check(room)


@pytest.mark.parametrize(
    "check",
    [
        entering.test_a_new_token_ends_the_old_one_and_its_sessions,
        entering.test_leaving_ends_one_session,
        entering.test_without_tokens_a_name_is_enough_until_somebody_has_one,
    ],
)
def test_people_enter_as_on_sqlite(room: Room, check: Callable[[People], None]) -> None:
    room.clock = entering.Clock()
    check(People(room))


@pytest.mark.parametrize("key", ["", "q\0", "q" + "0" * 15 + "\ud800"])
def test_a_key_that_names_nothing_finds_nothing(room: Room, key: str) -> None:
    shared.test_a_key_that_names_nothing_finds_nothing(room, key)


@pytest.mark.parametrize("name", ["\0", "\ud800", "nobody"])
def test_only_known_people_are_invited(room: Room, name: str) -> None:
    entering.test_only_known_people_are_invited(People(room), name)


def test_two_processes_lose_and_double_nothing(room: Room) -> None:
    writers.test_two_processes_lose_and_double_nothing(room, URL)


def test_a_room_moves_from_one_kind_to_the_other_and_back(room: Room, tmp_path: Path) -> None:
    events = filling.history(room)
    kept = (room.settings(), list(room.items()), room.people(), room.assignments(), events)
    states = list(room.states())
    with Room(tmp_path / "copy.sqlite", create=True) as copy:
        copy.set_up(*kept)
        assert list(copy.states()) == states
        back = list(copy.events())
    room.close()
    emptied()
    with Room(URL, create=True) as again:
        assert again.set_up(room_settings(), room_items(), PEOPLE, kept[3], back) is True
        assert list(again.events()) == events
        assert list(again.states()) == states
        assert decide(again, shared.KEYS[1], "ann", "A").event.seq == events[-1].seq + 1


def test_the_database_itself_refuses_to_change_an_event(room: Room) -> None:
    filling.history(room)
    engine = create_engine(URL)
    for statement in ("UPDATE neuroonco_room_events SET reader = 'bob'", "DELETE FROM neuroonco_room_events"):
        with pytest.raises(DBAPIError, match="events stay"), engine.begin() as connection:
            connection.execute(text(statement))
    engine.dispose()
