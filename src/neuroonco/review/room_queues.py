"""A person's queue of a round, and where a question stands in it; each look costs a few indexed rows."""

from typing import Any

from sqlalchemy import Connection, Row, Select, and_, bindparam, func, or_, select

from neuroonco.review.room_records import QueueEntry, QueuePlace, QueueTotals, Role, Round
from neuroonco.review.room_rows import is_key, read_person
from neuroonco.review.room_tables import SHARED, events, items, lanes

IS_OPEN = or_(
    and_(lanes.c.round == Round.FIRST.value, items.c.first_closed.is_(False)),
    and_(lanes.c.round == Round.SECOND.value, items.c.second_closed.is_(False)),
    lanes.c.round == Round.ADJUDICATION.value,
)
"""Whether what is in force in a lane may still change; of lanes joined to their questions."""
_WITH_ITEMS = lanes.join(items, items.c.key == lanes.c.key)
_MINE = and_(lanes.c.reader == bindparam("owner"), lanes.c.round == bindparam("of"))
_TO_DO = and_(lanes.c.seq.is_(None), IS_OPEN)
_BEFORE, _AFTER = lanes.c.draw < bindparam("draw"), lanes.c.draw > bindparam("draw")

# Statements are made once: making and comparing one takes longer than running it.
_LINES: Select[Any] = (
    select(
        lanes.c.key,
        lanes.c.version,
        lanes.c.seq,
        lanes.c.elapsed_s,
        lanes.c.draw,
        IS_OPEN.label("open"),
        events.c.at,
    )
    .select_from(_WITH_ITEMS.outerjoin(events, events.c.seq == lanes.c.seq))
    .where(_MINE)
)
_LINE = _LINES.where(lanes.c.key == bindparam("asked"))
_SUMMED = select(func.count(), func.count(lanes.c.seq), func.sum(lanes.c.elapsed_s)).where(_MINE)
_COUNTED = select(func.count(), func.count(lanes.c.seq), func.count().filter(lanes.c.draw <= bindparam("draw"))).where(
    _MINE
)
_WAITING = select(func.count()).select_from(_WITH_ITEMS).where(_MINE, _TO_DO)
_PREVIOUS = select(lanes.c.key).where(_MINE, _BEFORE).order_by(lanes.c.draw.desc()).limit(1)
_FOLLOWING = select(lanes.c.key).where(_MINE, _AFTER).order_by(lanes.c.draw).limit(1)
_OPEN = select(lanes.c.key).select_from(_WITH_ITEMS).where(_MINE, _TO_DO).order_by(lanes.c.draw).limit(1)
_OPEN_BEFORE, _OPEN_AFTER = _OPEN.where(_BEFORE), _OPEN.where(_AFTER)


def queue(
    connection: Connection,
    reader: str,
    round: Round,
    *,
    only_open: bool = False,
    start: int = 0,
    limit: int | None = None,
) -> list[QueueEntry]:
    """A person's questions of a round, in an order of the person's own; adjudicators share one."""
    owner = _owner(connection, reader, round)
    if owner is None:
        return []
    numbered = select(lanes.c.key, func.row_number().over(order_by=lanes.c.draw).label("position")).where(_MINE)
    places = numbered.subquery()
    wanted = _LINES.add_columns(places.c.position).join(places, places.c.key == lanes.c.key)
    page = (wanted.where(_TO_DO) if only_open else wanted).order_by(lanes.c.draw).offset(start).limit(limit)
    rows = connection.execute(page, {"owner": owner, "of": round.value})
    return [_entry(row, round, row.position) for row in rows]


def totals(connection: Connection, reader: str, round: Round) -> QueueTotals:
    """A person's queue in numbers."""
    owner = _owner(connection, reader, round)
    if owner is None:
        return QueueTotals(total=0, done=0, open=0, elapsed_s=0.0, next_open=None)
    given = {"owner": owner, "of": round.value, "draw": ""}
    total, done, elapsed_s = connection.execute(_SUMMED, given).one()
    return QueueTotals(
        total=total,
        done=done,
        open=connection.execute(_WAITING, given).scalar() or 0,
        elapsed_s=elapsed_s or 0.0,
        next_open=connection.execute(_OPEN_AFTER, given).scalar(),
    )


def place(connection: Connection, key: str, reader: str, round: Round) -> QueuePlace | None:
    """Where a question stands in a person's queue; None where it is not in it."""
    owner = _owner(connection, reader, round) if is_key(key) else None
    if owner is None:
        return None
    given = {"owner": owner, "of": round.value}
    row = connection.execute(_LINE, given | {"asked": key}).first()
    if row is None:
        return None
    given["draw"] = row.draw
    total, done, position = connection.execute(_COUNTED, given).one()
    next_open = connection.execute(_OPEN_AFTER, given).scalar() or connection.execute(_OPEN_BEFORE, given).scalar()
    return QueuePlace(
        entry=_entry(row, round, position),
        total=total,
        done=done,
        previous=connection.execute(_PREVIOUS, given).scalar(),
        following=connection.execute(_FOLLOWING, given).scalar(),
        next_open=next_open,
    )


def _owner(connection: Connection, reader: str, round: Round) -> str | None:
    """In whose name the lanes of a person's queue are; None for who has none."""
    if round is not Round.ADJUDICATION:
        return reader
    person = read_person(connection, reader)
    return SHARED if person is not None and person.role is Role.ADJUDICATOR else None


def _entry(row: Row[Any], round: Round, position: int) -> QueueEntry:
    return QueueEntry(
        key=row.key,
        round=round,
        position=position,
        version=row.version,
        decided=row.seq is not None,
        open=bool(row.open),
        elapsed_s=row.elapsed_s,
        at=row.at,
    )
