"""How a room's database is opened, read and written: one writer at a time, in this process and among all."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, text

from neuroonco import database
from neuroonco.review.room_tables import ROOM

_WRITERS_LOCK = 2603
"""Name of the lock that writers take on PostgreSQL."""


class RoomDatabase:
    """The database of one room.

    Args:
        place: path of a SQLite file, or a URL.
        create: make the room where there is none.

    Raises:
        InputError: no room there, or one that cannot be used.
        PrerequisiteError: no driver for the URL.
    """

    def __init__(self, place: str | Path, *, create: bool) -> None:
        self._engine = database.open_engine(place, ROOM, create=create)
        self._where = database.shown_place(place, ROOM)
        self._writer = threading.Lock()

    def close(self) -> None:
        """Let go of it."""
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection to look with; each statement sees one moment.

        Raises:
            InputError: in place of any error of the database.
        """
        with database.plain_errors(self._where, ROOM), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that nobody else writes beside, safe on disk when the block ends.

        Rooms have few writers: taking turns costs nothing and makes every look inside the block final.

        Raises:
            InputError: in place of any error of the database.
        """
        with self._writer, database.plain_errors(self._where, ROOM), database.writing(self._engine) as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:name)"), {"name": _WRITERS_LOCK})
            yield connection
