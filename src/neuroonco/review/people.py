"""Who may enter a room: invitations, sessions. Tokens are held as hashes; each is shown once and can be replaced."""

import secrets
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, select

from neuroonco.errors import InputError, printable
from neuroonco.review.room import Room
from neuroonco.review.room_filling import add_people
from neuroonco.review.room_names import person_of
from neuroonco.review.room_records import Person, Role
from neuroonco.review.room_rows import read_person
from neuroonco.review.room_tables import events, lanes, people, sessions
from neuroonco.store import sha256_bytes

SESSION_HOURS = 12
_RANDOM_BYTES = 32
_MAX_SECRET = 200


class People:
    """Invitations and sessions of a room, whose clock it uses.

    Tokens have 256 random bits, so that a plain SHA-256 of them is enough; they are compared by their hash.
    """

    def __init__(self, room: Room) -> None:
        self._room = room

    def enroll(self, name: str, role: Role) -> Person:
        """Add a person, or change the role of one who was assigned and has done nothing yet.

        Raises:
            InputError: ``NAME_INVALID``; ``ROLE_FIXED``.
        """
        wanted = person_of(name, role)
        with self._room.database.writing() as connection:
            held = read_person(connection, wanted.name)
            if held is not None and held.role is not role:
                _require_idle(connection, held)
                connection.execute(people.update().where(people.c.name == held.name), {"role": role.value})
                return held.model_copy(update={"role": role})
            add_people(connection, [wanted])
            return held or wanted

    def invite(self, name: str) -> str:
        """A new token for a person; an older one, and all of the person's sessions, end.

        So do all sessions without a token, of anybody: from now on one is needed.

        Raises:
            InputError: ``PERSON_UNKNOWN``.
        """
        token = secrets.token_urlsafe(_RANDOM_BYTES)
        with self._room.database.writing() as connection:
            _set_token(connection, name, _hashed(token))
            connection.execute(sessions.delete().where(sessions.c.by_token.is_(False)))
        return token

    def revoke(self, name: str) -> None:
        """End a person's token and sessions.

        Raises:
            InputError: ``PERSON_UNKNOWN``.
        """
        with self._room.database.writing() as connection:
            _set_token(connection, name, None)

    def any_token(self) -> bool:
        """Whether anybody's invitation is in force."""
        with self._room.database.reading() as connection:
            return _any_token(connection)

    def enter(self, token: str) -> tuple[Person, str] | None:
        """The person whose token it is, and a new session's secret; None for a token that is nobody's."""
        if not token or len(token) > _MAX_SECRET:
            return None
        wanted = select(people.c.name).where(people.c.token_sha256 == _hashed(token))
        with self._room.database.reading() as connection:  # who guesses keeps nobody from writing
            if connection.execute(wanted).first() is None:
                return None
        with self._room.database.writing() as connection:
            name = connection.execute(wanted).scalar()
            return None if name is None else self._begin(connection, name, by_token=True)

    def enter_by_name(self, name: str) -> tuple[Person, str] | None:
        """The same without a token; only for a room on loopback in which nobody has one. None for an unknown name, and
        for everyone once somebody has a token."""
        with self._room.database.writing() as connection:
            known = _known(connection, name)
            if known is None or _any_token(connection):
                return None
            return self._begin(connection, known.name, by_token=False)

    def of_session(self, secret: str) -> Person | None:
        """Whose session it is; None where it ended, or is older than :data:`SESSION_HOURS`."""
        if not secret or len(secret) > _MAX_SECRET:
            return None
        with self._room.database.reading() as connection:
            columns = (sessions.c.person, sessions.c.created_at)
            row = connection.execute(select(*columns).where(sessions.c.secret_sha256 == _hashed(secret))).first()
            if row is None or datetime.fromisoformat(row.created_at) <= self._oldest():
                return None
            return read_person(connection, row.person)

    def leave(self, secret: str) -> None:
        """End a session."""
        with self._room.database.writing() as connection:
            connection.execute(sessions.delete().where(sessions.c.secret_sha256 == _hashed(secret)))

    def _begin(self, connection: Connection, name: str, *, by_token: bool) -> tuple[Person, str]:
        person = read_person(connection, name)
        if person is None:
            raise _unknown(name)
        secret = secrets.token_urlsafe(_RANDOM_BYTES)
        connection.execute(sessions.delete().where(sessions.c.created_at <= _written(self._oldest())))
        begun = {"secret_sha256": _hashed(secret), "person": name, "by_token": by_token}
        connection.execute(sessions.insert(), [{**begun, "created_at": _written(self._room.clock())}])
        return person, secret

    def _oldest(self) -> datetime:
        return self._room.clock() - timedelta(hours=SESSION_HOURS)


def _set_token(connection: Connection, name: str, token_sha256: str | None) -> None:
    known = _known(connection, name)
    if known is None:
        raise _unknown(name)
    connection.execute(people.update().where(people.c.name == known.name), {"token_sha256": token_sha256})
    connection.execute(sessions.delete().where(sessions.c.person == known.name))


def _require_idle(connection: Connection, person: Person) -> None:
    """Whether a role may still change: one that was used says what its bearer had seen."""
    acted = connection.execute(select(events.c.seq).where(events.c.reader == person.name).limit(1)).first()
    assigned = connection.execute(select(lanes.c.key).where(lanes.c.reader == person.name).limit(1)).first()
    if acted is not None or assigned is not None:
        what = f"is a {person.role.value} with questions or judgements"
        raise InputError("ROLE_FIXED", what, where=person.name, fix="enroll under another name")


def _any_token(connection: Connection) -> bool:
    held = select(people.c.name).where(people.c.token_sha256.is_not(None))
    return connection.execute(held.limit(1)).first() is not None


def _known(connection: Connection, name: str) -> Person | None:
    """The person of a name as somebody typed it."""
    try:
        return read_person(connection, person_of(name, Role.READER).name)
    except InputError:
        return None


def _unknown(name: str) -> InputError:
    where = printable(name[:60])
    return InputError("PERSON_UNKNOWN", "nobody of this name", where=where, fix="enroll the person first")


def _hashed(secret: str) -> str:
    return sha256_bytes(secret.encode("utf-8", "surrogatepass"))


def _written(moment: datetime) -> str:
    """A moment as it is stored: of equal length, so that texts are ordered as moments are."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
