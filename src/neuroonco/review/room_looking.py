"""What can be asked of a room's tables, without changing anything."""

from collections.abc import Iterator

from sqlalchemy import Connection, bindparam, func, select

from neuroonco.review.room_opening import RoomDatabase
from neuroonco.review.room_queues import IS_OPEN
from neuroonco.review.room_records import (
    EventKind,
    ItemStatus,
    Lane,
    ReviewEvent,
    RoomItem,
    Round,
)
from neuroonco.review.room_rows import event_of, is_key, item_of, read_states
from neuroonco.review.room_tables import events, items, lanes

PAGE = 500
"""Rows read at once: memory does not grow with the room, and a slow look holds up no writer."""

# Statements that every page asks for are made once: making and comparing one takes longer than running it.
_SEEN = (
    select(events.c.seq)
    .where(
        events.c.reader == bindparam("person"), events.c.key == bindparam("asked"), events.c.kind == bindparam("what")
    )
    .limit(1)
)
_LAST_DECIDED = (
    select(events)
    .select_from(events.join(lanes, lanes.c.seq == events.c.seq).join(items, items.c.key == lanes.c.key))
    .where(events.c.reader == bindparam("person"), IS_OPEN)
    .order_by(events.c.seq.desc())
    .limit(1)
)


def all_items(database: RoomDatabase) -> Iterator[RoomItem]:
    """All questions, ordered by key."""
    after = -1
    while True:
        with database.reading() as connection:
            page = select(items.c.position, items.c.document).where(items.c.position > after)
            rows = connection.execute(page.order_by(items.c.position).limit(PAGE)).all()
        yield from (item_of(document) for _, document in rows)
        if len(rows) < PAGE:
            return
        after = rows[-1][0]


def all_events(database: RoomDatabase, key: str | None, reader: str | None) -> Iterator[ReviewEvent]:
    """Events in order, of one question or one reader if asked."""
    if key is not None and not is_key(key):
        return
    wanted = select(events).order_by(events.c.seq).limit(PAGE)
    if key is not None:
        wanted = wanted.where(events.c.key == key)
    if reader is not None:
        wanted = wanted.where(events.c.reader == reader)
    after = 0
    while True:
        with database.reading() as connection:
            rows = connection.execute(wanted.where(events.c.seq > after)).mappings().all()
        yield from (event_of(dict(row)) for row in rows)
        if len(rows) < PAGE:
            return
        after = rows[-1]["seq"]


def lane(connection: Connection, key: str, reader: str, round: Round, rounds: int) -> Lane | None:
    """One lane, whoever asks for that of the adjudication."""
    owner = None if round is Round.ADJUDICATION else reader
    state = next(read_states(connection, rounds, key), None)
    found = () if state is None else state.lanes
    return next((one for one in found if one.round is round and one.reader == owner), None)


def has_seen(connection: Connection, key: str, reader: str, kind: EventKind) -> bool:
    """Whether a person has had something shown for a question."""
    given = {"person": reader, "asked": key, "what": kind.value}
    return connection.execute(_SEEN, given).first() is not None


def last_decided(connection: Connection, reader: str) -> ReviewEvent | None:
    """A person's latest judgement that is in force in a lane that is open."""
    row = connection.execute(_LAST_DECIDED, {"person": reader}).mappings().first()
    return None if row is None else event_of(dict(row))


def counts(connection: Connection) -> dict[ItemStatus, int]:
    """How many questions stand where; every status is named."""
    found = connection.execute(select(items.c.status, func.count()).group_by(items.c.status))
    return dict.fromkeys(ItemStatus, 0) | {ItemStatus(row[0]): row[1] for row in found}


def keys_in(connection: Connection, status: ItemStatus) -> list[str]:
    """Keys of the questions that stand somewhere, in order."""
    wanted = select(items.c.key).where(items.c.status == status.value).order_by(items.c.position)
    return list(connection.execute(wanted).scalars())


def last_seq(connection: Connection) -> int:
    """The number of the latest event; 0 where nothing was done."""
    return connection.execute(select(func.max(events.c.seq))).scalar() or 0


def not_begun(connection: Connection, reader: str) -> list[str]:
    """Questions of a reader's second round of which nothing was told to the reader yet, ordered by key."""
    told = select(events.c.key).where(
        events.c.reader == reader, events.c.kind == EventKind.PEERS_SHOWN.value, events.c.key == lanes.c.key
    )
    wanted = select(lanes.c.key).where(lanes.c.reader == reader, lanes.c.round == Round.SECOND.value, ~told.exists())
    return [row.key for row in connection.execute(wanted.order_by(lanes.c.key))]
