"""Records of a room as rows of its tables, and back."""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Select, bindparam, select

from neuroonco.review.course import Course
from neuroonco.review.judgement import state_of
from neuroonco.review.room_records import (
    Assignment,
    ItemState,
    Judgement,
    Lane,
    Person,
    ReviewEvent,
    Role,
    RoomItem,
    RoomSettings,
    Round,
)
from neuroonco.review.room_tables import SHARED, about, events, items, lanes, people
from neuroonco.store import sha256_text

Row = dict[str, Any]
_KEY = re.compile(r"q[0-9a-f]{16}")

# Statements that every page and save asks for are made once: making and comparing one takes longer than running it.
_PERSON = select(people.c.name, people.c.role, people.c.token_sha256).where(people.c.name == bindparam("asked"))
_ITEM = select(items.c.document).where(items.c.key == bindparam("asked"))
_READERS = select(lanes.c.reader).where(lanes.c.key == bindparam("asked"), lanes.c.round == Round.FIRST.value)
_HISTORY = select(events).where(events.c.key == bindparam("asked")).order_by(events.c.seq)
_STANDING: Select[Any] = (
    select(
        *(items.c.key, items.c.second_closed),
        *(lanes.c.round, lanes.c.reader, lanes.c.version, lanes.c.elapsed_s),
        *(events.c.judgement, events.c.reader.label("by"), events.c.at),
    )
    .select_from(items.outerjoin(lanes, lanes.c.key == items.c.key).outerjoin(events, events.c.seq == lanes.c.seq))
    .order_by(items.c.position)
)
_STANDING_OF_ONE = _STANDING.where(items.c.key == bindparam("asked"))


def is_key(key: str) -> bool:
    """Whether a text, which may come from an address, could name a question at all."""
    return _KEY.fullmatch(key) is not None


def event_row(event: ReviewEvent) -> Row:
    """An event as it is stored."""
    judgement = event.judgement.model_dump_json(exclude_none=True) if event.judgement else None
    lane_reader = SHARED if event.round is Round.ADJUDICATION else event.reader
    plain = event.model_dump(mode="json", exclude={"judgement"})
    return {**plain, "judgement": judgement, "lane_reader": lane_reader}


def event_of(row: Mapping[str, Any]) -> ReviewEvent:
    """An event as it was stored."""
    values = {name: value for name, value in row.items() if name != "lane_reader"}
    return ReviewEvent.model_validate({**values, "judgement": _judgement(row["judgement"])})


def lane_rows(course: Course) -> dict[tuple[str, str], Row]:
    """A question's lanes as they are stored, by round and reader."""
    rows: dict[tuple[str, str], Row] = {}
    for lane in course.state.lanes:
        reader = SHARED if lane.reader is None else lane.reader
        rows[lane.round.value, reader] = {
            "key": lane.key,
            "round": lane.round.value,
            "reader": reader,
            "version": lane.version,
            "seq": course.seq_in_force(lane),
            "elapsed_s": lane.elapsed_s,
            "draw": sha256_text("queue", reader, lane.key),
        }
    return rows


def standing_row(course: Course) -> Row:
    """What is kept of a course beside its question."""
    return {
        "status": course.state.status.value,
        "first_closed": not course.is_open(Round.FIRST),
        "second_closed": not course.is_open(Round.SECOND),
    }


def item_of(document: str) -> RoomItem:
    """A question as it was stored."""
    return RoomItem.model_validate_json(document)


# --- reading ---


def read_settings(connection: Connection) -> RoomSettings | None:
    """How the room works; None for one that was not set up yet."""
    value = connection.execute(select(about.c.value).where(about.c.name == "settings")).scalar()
    return None if value is None else RoomSettings.model_validate_json(value)


def read_people(connection: Connection) -> list[Person]:
    """Everyone, by name."""
    rows = connection.execute(select(people.c.name, people.c.role, people.c.token_sha256))
    found = [Person(name=name, role=Role(role), has_token=token is not None) for name, role, token in rows]
    return sorted(found, key=lambda person: person.name)


def read_person(connection: Connection, name: str) -> Person | None:
    """One person, by the exact name."""
    row = connection.execute(_PERSON, {"asked": name}).first()
    return None if row is None else Person(name=row[0], role=Role(row[1]), has_token=row[2] is not None)


def read_item(connection: Connection, key: str) -> RoomItem | None:
    """A question; None for a key that names none."""
    if not is_key(key):
        return None
    document = connection.execute(_ITEM, {"asked": key}).scalar()
    return None if document is None else item_of(document)


def read_assignments(connection: Connection) -> list[Assignment]:
    """First-round assignments, by key and reader."""
    rows = connection.execute(select(lanes.c.key, lanes.c.reader).where(lanes.c.round == Round.FIRST.value))
    return [Assignment(key=key, reader=reader) for key, reader in sorted(map(tuple, rows))]


def read_course(connection: Connection, key: str, rounds: int) -> Course:
    """A question's course, from its events."""
    readers = list(connection.execute(_READERS, {"asked": key}).scalars())
    found = connection.execute(_HISTORY, {"asked": key}).mappings()
    return Course(key, readers, rounds, [event_of(dict(row)) for row in found])


def read_states(connection: Connection, rounds: int, key: str | None = None) -> Iterator[ItemState]:
    """Where questions stand, ordered by key, by one statement that sees one moment."""
    if key is None:
        rows = connection.execute(_STANDING).mappings().all()
    elif is_key(key):
        rows = connection.execute(_STANDING_OF_ONE, {"asked": key}).mappings().all()
    else:
        return
    for (name, over), group in groupby(rows, key=lambda row: (row["key"], bool(row["second_closed"]))):
        found = [_lane(row) for row in group if row["round"] is not None]
        yield state_of(name, found, rounds, second_over=over)


def _lane(row: Mapping[Any, Any]) -> Lane:
    return Lane(
        key=row["key"],
        reader=None if row["reader"] == SHARED else row["reader"],
        round=Round(row["round"]),
        version=row["version"],
        judgement=_judgement(row["judgement"]),
        by=row["by"],
        at=row["at"],
        elapsed_s=row["elapsed_s"],
    )


def _judgement(document: str | None) -> Judgement | None:
    return None if document is None else Judgement.model_validate_json(document)


# --- writing ---


def write_lanes(connection: Connection, before: Mapping[tuple[str, str], Row], stood: Row, course: Course) -> None:
    """Bring a question's lanes and standing up to its course, in the transaction that appended the event.

    Args:
        before: its lanes as they are stored. stood: its standing as it is stored.
    """
    after = lane_rows(course)
    for name in before.keys() - after.keys():
        connection.execute(lanes.delete().where(*_is(course.key, name)))
    for name in sorted(after):
        if name not in before:
            connection.execute(lanes.insert(), [after[name]])
        elif after[name] != before[name]:
            connection.execute(lanes.update().where(*_is(course.key, name)), after[name])
    standing = standing_row(course)
    if standing != stood:
        connection.execute(items.update().where(items.c.key == course.key), standing)


def insert_all(connection: Connection, table: Any, rows: Iterable[Row]) -> None:
    """Insert rows, if there are any."""
    listed = list(rows)
    if listed:
        connection.execute(table.insert(), listed)


def _is(key: str, name: tuple[str, str]) -> tuple[Any, ...]:
    return lanes.c.key == key, lanes.c.round == name[0], lanes.c.reader == name[1]
