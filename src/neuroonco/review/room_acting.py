"""One change to one question of a room, inside a transaction: the event that it becomes, and what follows from it."""

import math
import re
from uuid import uuid4

from sqlalchemy import Connection, select

from neuroonco.errors import InputError
from neuroonco.review.course import SHOWN, lane_missing
from neuroonco.review.judgement import restated
from neuroonco.review.room_records import (
    EventKind,
    Judgement,
    Lane,
    ReviewEvent,
    Role,
    Round,
    Saved,
    SaveOutcome,
)
from neuroonco.review.room_rows import (
    event_of,
    event_row,
    lane_rows,
    read_course,
    read_item,
    read_person,
    standing_row,
    write_lanes,
)
from neuroonco.review.room_tables import events

_SAVE_ID = re.compile(r"[A-Za-z0-9_.:-]{1,80}")
"""What browsers send. Our own ids have spaces, so that no browser can take one of them."""
_MAX_ELAPSED_S = 86400.0


class Acting:
    """What one person does to one question at one moment.

    Args:
        connection: of a transaction that nobody else writes beside.
        rounds: of the room.
        at: the moment, UTC, ISO 8601.

    Raises:
        InputError: ``LANE_MISSING``: the person has no part in this round of the question.
    """

    def __init__(self, connection: Connection, key: str, person: str, round: Round, *, rounds: int, at: str) -> None:
        self._connection, self._person, self._round, self._at = connection, person, round, at
        item, known = read_item(connection, key), read_person(connection, person)
        wanted = Role.ADJUDICATOR if round is Round.ADJUDICATION else Role.READER
        if item is None or known is None or known.role is not wanted:
            raise lane_missing(key, round)
        self._item = item.item
        self._course = read_course(connection, key, rounds)
        self._lane = self._course.require(person, round)
        self._before = lane_rows(self._course), standing_row(self._course)

    def save(self, judgement: Judgement, *, based_on: int, save_id: str, elapsed_s: float | None) -> Saved:
        """See :meth:`neuroonco.review.room.Room.save`."""
        held = self._held(save_id)
        if held is not None:
            if held.kind not in (EventKind.DECIDED, EventKind.CONFLICTED) or held.judgement != judgement:
                raise _taken(save_id)
            return self._said(self._outcome_of(held), held)
        if restated(self._item, judgement) != judgement:
            fix = "make it by judge"
            raise InputError("JUDGEMENT_INVALID", "the verdict does not follow from the choice", fix=fix)
        outcome = self._course.outcome(self._person, self._round, based_on)
        saves = outcome is SaveOutcome.SAVED
        event = self._append(
            EventKind.DECIDED if saves else EventKind.CONFLICTED,
            save_id,
            version=self._lane.version + 1 if saves else None,
            judgement=judgement,
            elapsed_s=_sound_time(elapsed_s),
        )
        return self._said(outcome, event)

    def undo(self, *, based_on: int, save_id: str) -> Saved:
        """See :meth:`neuroonco.review.room.Room.undo`."""
        held = self._held(save_id)
        if held is not None:
            if held.kind is not EventKind.UNDONE:
                raise _taken(save_id)
            return self._said(SaveOutcome.REPEATED, held)
        outcome = self._course.outcome(self._person, self._round, based_on)
        latest = self._course.latest_change(self._lane)
        undoes = self._course.seq_in_force(self._lane)
        if latest is None or (undoes is None and outcome is SaveOutcome.SAVED):
            raise InputError("NOTHING_TO_UNDO", "nothing is decided here", fix="decide first")
        if outcome is not SaveOutcome.SAVED:
            return self._said(outcome, latest)
        event = self._append(EventKind.UNDONE, save_id, version=self._lane.version + 1, undoes=undoes)
        return self._said(outcome, event)

    def note_shown(self, kind: EventKind) -> ReviewEvent:
        """See :meth:`neuroonco.review.room.Room.note_shown`."""
        if kind not in SHOWN[self._round]:
            raise ValueError(f"{kind.value} has no place in the round {self._round.value}")
        held = self._course.shown(self._person, self._round, kind)
        if held is not None:
            return held
        return self._append(kind, f"shown {uuid4().hex}")

    def _held(self, save_id: str) -> ReviewEvent | None:
        """The event of a save that came before."""
        if not _SAVE_ID.fullmatch(save_id):
            raise InputError("SAVE_ID_INVALID", "not an id of a save", fix="send 1 to 80 letters, digits and _ . : -")
        row = self._connection.execute(select(events).where(events.c.save_id == save_id)).mappings().first()
        if row is None:
            return None
        held = event_of(dict(row))
        if (held.key, held.reader, held.round) != (self._lane.key, self._person, self._round):
            raise _taken(save_id)
        return held

    def _outcome_of(self, held: ReviewEvent) -> SaveOutcome:
        """What to say to a save that comes again: what was kept beside is still not in force."""
        if held.kind is EventKind.DECIDED:
            return SaveOutcome.REPEATED
        return SaveOutcome.CONFLICT if self._course.before(held.seq).is_open(self._round) else SaveOutcome.CLOSED

    def _append(
        self,
        kind: EventKind,
        save_id: str,
        *,
        version: int | None = None,
        judgement: Judgement | None = None,
        undoes: int | None = None,
        elapsed_s: float | None = None,
    ) -> ReviewEvent:
        event = ReviewEvent(
            seq=0,
            key=self._lane.key,
            reader=self._person,
            round=self._round,
            kind=kind,
            version=version,
            judgement=judgement,
            undoes=undoes,
            elapsed_s=elapsed_s,
            save_id=save_id,
            at=self._at,
        )
        row = {name: value for name, value in event_row(event).items() if name != "seq"}
        inserted = self._connection.execute(events.insert().values(row)).inserted_primary_key
        event = event.model_copy(update={"seq": int(inserted[0]) if inserted else 0})
        self._course.append(event, self._item)
        write_lanes(self._connection, *self._before, self._course)
        return event

    def _said(self, outcome: SaveOutcome, event: ReviewEvent) -> Saved:
        lane: Lane = self._course.require(self._person, self._round)
        return Saved(outcome=outcome, event=event, lane=lane, status=self._course.state.status)


def _taken(save_id: str) -> InputError:
    return InputError(
        "SAVE_ID_TAKEN", "another save has this id", where=save_id[:80], fix="send a new id with each save"
    )


def _sound_time(elapsed_s: float | None) -> float | None:
    """A time as it is kept: what a browser's clock got wrong is unknown, and never costs a judgement."""
    if elapsed_s is None or not math.isfinite(elapsed_s) or elapsed_s < 0:
        return None
    return min(float(elapsed_s), _MAX_ELAPSED_S)
