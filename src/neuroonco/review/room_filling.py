"""How an empty room is filled: questions, people, assignments, and the events of an exported room."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection, select, text

from neuroonco.errors import InputError
from neuroonco.review.course import Course
from neuroonco.review.room_names import folded, person_of
from neuroonco.review.room_records import (
    Assignment,
    Person,
    ReviewEvent,
    Role,
    RoomItem,
    RoomSettings,
    Round,
)
from neuroonco.review.room_rows import (
    event_of,
    event_row,
    insert_all,
    is_key,
    item_of,
    lane_rows,
    read_assignments,
    read_course,
    read_people,
    read_settings,
    standing_row,
    write_lanes,
)
from neuroonco.review.room_tables import about, events, items, lanes, people


def fill_room(
    connection: Connection,
    settings: RoomSettings,
    room_items: Sequence[RoomItem],
    newcomers: Sequence[Person],
    assignments: Sequence[Assignment],
    history: Sequence[ReviewEvent],
) -> bool:
    """Fill an empty room, inside a transaction; see :meth:`neuroonco.review.room.Room.set_up`."""
    by_key = _by_key(room_items)
    held = read_settings(connection)
    if held is not None:
        _require_same(connection, held, settings, by_key, history)
        roles = add_people(connection, newcomers)
        _assign(connection, held.rounds, by_key, roles, assignments)
        return False
    roles = add_people(connection, newcomers)
    readers = _readers(by_key, roles, assignments)
    courses = {key: Course(key, readers.get(key, ()), settings.rounds) for key in sorted(by_key)}
    _replay(courses, by_key, roles, history)
    insert_all(connection, about, [{"name": "settings", "value": settings.model_dump_json()}])
    insert_all(
        connection,
        items,
        (
            {"key": key, "position": n, "document": by_key[key].model_dump_json(), **standing_row(course)}
            for n, (key, course) in enumerate(courses.items())
        ),
    )
    insert_all(connection, lanes, (row for course in courses.values() for row in lane_rows(course).values()))
    insert_all(connection, events, map(event_row, history))
    if history and connection.dialect.name == "postgresql":
        go_on = f"SELECT setval(pg_get_serial_sequence('{events.name}', 'seq'), :last)"
        connection.execute(text(go_on), {"last": history[-1].seq})
    return True


def add_people(connection: Connection, newcomers: Iterable[Person]) -> dict[str, Role]:
    """Add those who are not there yet; gives everyone's role.

    Raises:
        InputError: ``NAME_INVALID``: no name, or one like another's; ``ROLE_FIXED``: there already, with another role.
    """
    roles = {person.name: person.role for person in read_people(connection)}
    spelled = {folded(name): name for name in roles}
    for given in newcomers:
        person = person_of(given.name, given.role)
        name = spelled.setdefault(folded(person.name), person.name)
        if name != person.name:
            raise InputError("NAME_INVALID", f"too like the name {name}", where=person.name, fix="choose another name")
        if name not in roles:
            row = {"name": name, "folded": folded(name), "role": person.role.value, "token_sha256": None}
            connection.execute(people.insert(), [row])
        elif roles[name] is not person.role:
            raise InputError("ROLE_FIXED", f"is a {roles[name].value} already", where=name, fix="keep the role")
        roles[name] = person.role
    return roles


def _by_key(room_items: Sequence[RoomItem]) -> dict[str, RoomItem]:
    by_key: dict[str, RoomItem] = {}
    for item in room_items:
        if not is_key(item.key):
            raise InputError("ITEM_KEY_INVALID", "not a question's key", where=item.key[:40], fix="use item_key")
        if item.key in by_key:
            raise InputError("ITEM_TWICE", "two questions of one key", where=item.key, fix="keep one of them")
        by_key[item.key] = item
    return by_key


def _require_same(
    connection: Connection,
    held: RoomSettings,
    settings: RoomSettings,
    by_key: dict[str, RoomItem],
    history: Sequence[ReviewEvent],
) -> None:
    """Whether the room holds exactly this benchmark, and these events first."""
    taken = InputError("ROOM_TAKEN", f"it holds another benchmark: {held.title}", fix="choose a new place for the room")
    documents = {row[0]: row[1] for row in connection.execute(select(items.c.key, items.c.document))}
    if held.benchmark_sha256 != settings.benchmark_sha256 or documents.keys() != by_key.keys():
        raise taken
    if any(item_of(document).item != by_key[key].item for key, document in documents.items()):
        raise taken
    if history:
        first = connection.execute(select(events).order_by(events.c.seq).limit(len(history))).mappings()
        if [event_of(dict(row)) for row in first] != list(history):
            raise InputError("ROOM_TAKEN", "it holds other events", fix="choose a new place for the room")


def _readers(
    by_key: dict[str, RoomItem], roles: dict[str, Role], assignments: Iterable[Assignment]
) -> dict[str, set[str]]:
    """Readers by question, each checked."""
    readers: dict[str, set[str]] = {}
    for one in assignments:
        if one.key not in by_key:
            fix = "assign the room's own questions"
            raise InputError("ASSIGNMENT_UNKNOWN", "no such question", where=one.key[:40], fix=fix)
        if roles.get(one.reader) is not Role.READER:
            what = "no such reader" if one.reader not in roles else "an adjudicator does not read blind"
            raise InputError("ASSIGNMENT_UNKNOWN", what, where=one.reader, fix="name a person who reads")
        readers.setdefault(one.key, set()).add(one.reader)
    return readers


def _assign(
    connection: Connection,
    rounds: int,
    by_key: dict[str, RoomItem],
    roles: dict[str, Role],
    assignments: Iterable[Assignment],
) -> None:
    """Add the assignments that are new; never to a question whose first round is over for good."""
    there: dict[str, set[str]] = {}
    for one in read_assignments(connection):
        there.setdefault(one.key, set()).add(one.reader)
    for key, readers in sorted(_readers(by_key, roles, assignments).items()):
        held = there.get(key, set())
        if readers <= held:
            continue
        course = read_course(connection, key, rounds)
        if not course.is_open(Round.FIRST):
            what = "the question's first round is over: nobody can still read it blind"
            raise InputError("ASSIGNMENT_LATE", what, where=key, fix="leave it to those who have it")
        write_lanes(connection, lane_rows(course), standing_row(course), course.joined(readers | held))


def _replay(
    courses: dict[str, Course], by_key: dict[str, RoomItem], roles: dict[str, Role], history: Sequence[ReviewEvent]
) -> None:
    """Take each question through its events.

    Raises:
        InputError: ``EVENT_INVALID``.
    """
    last, save_ids = 0, set[str]()
    for event in history:
        course = courses.get(event.key)
        wanted = Role.ADJUDICATOR if event.round is Round.ADJUDICATION else Role.READER
        fault = None
        if course is None:
            fault = "of no question"
        elif roles.get(event.reader) is not wanted:
            fault = f"not of a {wanted.value}"
        elif event.seq <= last or event.seq >= 2**31:
            fault = "its number does not follow"
        elif event.save_id in save_ids or not event.save_id.isprintable() or len(event.save_id) > 200:
            fault = "its save id is not its own"
        elif not _is_time(event.at):
            fault = "its time is no time"
        if course is None or fault is not None:
            fix = "export the room again; events are never edited"
            raise InputError("EVENT_INVALID", fault or "", where=f"event {event.seq}", fix=fix)
        course.append(event, by_key[event.key].item)
        last = event.seq
        save_ids.add(event.save_id)


def _is_time(at: str) -> bool:
    try:
        return len(at) <= 40 and datetime.fromisoformat(at).utcoffset() is not None
    except ValueError:
        return False
