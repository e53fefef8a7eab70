"""A review room on disk: questions, lanes and the events that nobody can change."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from sqlalchemy import Connection

from neuroonco.errors import InputError
from neuroonco.review import room_looking as looking
from neuroonco.review import room_queues as queues
from neuroonco.review.course import lane_missing
from neuroonco.review.room_acting import Acting
from neuroonco.review.room_filling import fill_room
from neuroonco.review.room_opening import RoomDatabase
from neuroonco.review.room_records import (
    Assignment,
    EventKind,
    ItemState,
    ItemStatus,
    Judgement,
    Lane,
    Person,
    QueueEntry,
    QueuePlace,
    QueueTotals,
    ReviewEvent,
    RoomItem,
    RoomSettings,
    Round,
    Saved,
)
from neuroonco.review.room_rows import read_assignments, read_item, read_people, read_settings, read_states


def utc_now() -> datetime:
    """The time of the server."""
    return datetime.now(UTC)


class Room:
    """A review room; several threads and processes may use one at the same time.

    Every change is one transaction (``BEGIN IMMEDIATE`` and ``synchronous=FULL`` on SQLite, one writer at a time), and
    a method that returns has it safe on disk. Events are appended; lanes are what follows from them, kept beside them
    in the same transaction.

    Args:
        place: path of a SQLite file, or a URL such as ``postgresql+psycopg://host/database``.
        create: make the room where there is none.
        clock: tells the time of events.

    Raises:
        InputError: no room there, or one that cannot be used (``ROOM_MISSING``, ``ROOM_FOREIGN``, ``ROOM_NEWER``, ...),
            here and in every method.
        PrerequisiteError: no driver for the URL.
    """

    def __init__(self, place: str | Path, *, create: bool = False, clock: Callable[[], datetime] = utc_now) -> None:
        self.database = RoomDatabase(place, create=create)
        self.clock = clock
        self._settings: RoomSettings | None = None

    def __enter__(self) -> "Room":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database."""
        self.database.close()

    # --- setting up ---

    def set_up(
        self,
        settings: RoomSettings,
        items: Sequence[RoomItem],
        people: Sequence[Person],
        assignments: Sequence[Assignment],
        events: Sequence[ReviewEvent] = (),
    ) -> bool:
        """Fill an empty room, all or nothing; ``events`` are those of an exported room, in order.

        Returns:
            False where the room holds exactly this benchmark already (same hash, same questions): nothing is changed
            but people and assignments that are new.

        Raises:
            InputError: ``ROOM_TAKEN``: it holds another benchmark; ``ASSIGNMENT_UNKNOWN``: of a question or person that
                is not there; ``EVENT_INVALID``: an event that does not follow from those before.
        """
        with self.database.writing() as connection:
            return fill_room(connection, settings, items, people, assignments, events)

    def settings(self) -> RoomSettings:
        """How the room works.

        Raises:
            InputError: ``ROOM_EMPTY``: it was never set up; in every method that needs to know.
        """
        if self._settings is None:  # once set up, they are fixed
            with self.database.reading() as connection:
                self._settings = read_settings(connection)
        if self._settings is None:
            raise InputError("ROOM_EMPTY", "the room was never set up", fix="set it up from a benchmark")
        return self._settings

    # --- looking ---

    def item(self, key: str) -> RoomItem | None:
        """A question; None for a key that names none."""
        with self.database.reading() as connection:
            return read_item(connection, key)

    def items(self) -> Iterator[RoomItem]:
        """All questions, ordered by key."""
        return looking.all_items(self.database)

    def people(self) -> list[Person]:
        """Everyone, by name."""
        with self.database.reading() as connection:
            return read_people(connection)

    def assignments(self) -> list[Assignment]:
        """First-round assignments, by key and reader."""
        with self.database.reading() as connection:
            return read_assignments(connection)

    def queue(
        self, reader: str, round: Round, *, only_open: bool = False, start: int = 0, limit: int | None = None
    ) -> list[QueueEntry]:
        """A reader's questions of a round, in the reader's own order, which is fixed and drawn for each reader.

        First round: all that are assigned. Second: those assigned whose first judgements differ (or did when the
        reader judged again). Adjudication: for an adjudicator, all that may be decided.

        Args:
            only_open: those that are still to do.
            start, limit: which lines of these, from 0; all without a limit.
        """
        with self.database.reading() as connection:
            return queues.queue(connection, reader, round, only_open=only_open, start=start, limit=limit)

    def queue_totals(self, reader: str, round: Round) -> QueueTotals:
        """The queue in numbers."""
        with self.database.reading() as connection:
            return queues.totals(connection, reader, round)

    def place(self, key: str, reader: str, round: Round) -> QueuePlace | None:
        """Where a question stands in a reader's queue; None where it is not in it."""
        with self.database.reading() as connection:
            return queues.place(connection, key, reader, round)

    def state(self, key: str) -> ItemState | None:
        """Where a question stands."""
        rounds = self.settings().rounds
        with self.database.reading() as connection:
            return next(read_states(connection, rounds, key), None)

    def states(self) -> Iterator[ItemState]:
        """Where all questions stand, ordered by key; one pass over the tables."""
        rounds = self.settings().rounds
        with self.database.reading() as connection:
            found = list(read_states(connection, rounds))  # a look that somebody leaves half-way holds up nobody
        return iter(found)

    def counts(self) -> dict[ItemStatus, int]:
        """How many questions stand where; every status is named."""
        with self.database.reading() as connection:
            return looking.counts(connection)

    def keys_in(self, status: ItemStatus) -> list[str]:
        """Keys of the questions that stand somewhere, in order."""
        with self.database.reading() as connection:
            return looking.keys_in(connection, status)

    def lane(self, key: str, reader: str, round: Round) -> Lane | None:
        """One lane; in the adjudication that of all adjudicators, whoever asks. None: not assigned, or the
        round has not begun."""
        rounds = self.settings().rounds
        with self.database.reading() as connection:
            return looking.lane(connection, key, reader, round, rounds)

    def events(self, key: str | None = None, reader: str | None = None) -> Iterator[ReviewEvent]:
        """Events in order, of one question or one reader if asked."""
        return looking.all_events(self.database, key, reader)

    def last_seq(self) -> int:
        """The number of the latest event; 0 where nothing was done."""
        with self.database.reading() as connection:
            return looking.last_seq(connection)

    def has_seen(self, key: str, reader: str, kind: EventKind) -> bool:
        """Whether a person has had something shown for a question, in any round."""
        with self.database.reading() as connection:
            return looking.has_seen(connection, key, reader, kind)

    # --- acting ---

    def save(
        self,
        key: str,
        reader: str,
        round: Round,
        judgement: Judgement,
        *,
        based_on: int,
        save_id: str,
        elapsed_s: float | None = None,
    ) -> Saved:
        """Append a judgement; it comes into force unless the lane has moved on or a later round has begun.

        Args:
            based_on: version of the lane that the person saw.
            save_id: chosen anew for each save; the same one again changes nothing.

        Raises:
            InputError: ``LANE_MISSING``: no such question, not assigned, or the round has not begun; ``SAVE_ID_TAKEN``:
                the same id with another judgement.
        """
        with self.database.writing() as connection:
            acting = self._acting(connection, key, reader, round)
            return acting.save(judgement, based_on=based_on, save_id=save_id, elapsed_s=elapsed_s)

    def undo(self, key: str, reader: str, round: Round, *, based_on: int, save_id: str) -> Saved:
        """Take back the judgement in force in a lane, by an event that compensates it; the one before it comes back.

        Raises:
            InputError: ``LANE_MISSING``, or ``NOTHING_TO_UNDO``.
        """
        with self.database.writing() as connection:
            return self._acting(connection, key, reader, round).undo(based_on=based_on, save_id=save_id)

    def last_decided(self, reader: str) -> ReviewEvent | None:
        """The reader's latest judgement that is in force and can still be undone; what ``u`` takes back."""
        with self.database.reading() as connection:
            return looking.last_decided(connection, reader)

    def note_shown(self, key: str, person: str, round: Round, kind: EventKind) -> ReviewEvent:
        """Write down that something was shown (mask, peers, models); once for a person, question, round and kind.

        Raises:
            InputError: ``LANE_MISSING``.
        """
        with self.database.writing() as connection:
            return self._acting(connection, key, person, round).note_shown(kind)

    def begin_second(self, reader: str) -> int:
        """Write down, for all questions of a reader's second round, that the reader knows of the others' judgements.

        Returns:
            For how many it was not written before; their first round is closed from now on.
        """
        with self.database.reading() as connection:
            new = looking.not_begun(connection, reader)
        if not new:
            return 0
        with self.database.writing() as connection:
            still = looking.not_begun(connection, reader)
            for key in still:
                self._acting(connection, key, reader, Round.SECOND).note_shown(EventKind.PEERS_SHOWN)
        return len(still)

    def _acting(self, connection: Connection, key: str, person: str, round: Round) -> Acting:
        at = self.clock().astimezone(UTC).isoformat(timespec="milliseconds")
        if self._settings is None:
            self._settings = read_settings(connection)
        if self._settings is None:
            raise lane_missing(key, round)
        return Acting(connection, key, person, round, rounds=self._settings.rounds, at=at)
