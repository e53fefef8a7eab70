"""Tables of a review room, for SQLite and PostgreSQL alike."""

from sqlalchemy import (
    DDL,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    event,
)

from neuroonco.database import Schema

SCHEMA_VERSION = 1
SHARED = ""
"""Stands for the reader in the adjudication's lane, which all adjudicators share."""

metadata = MetaData()
about = Table(
    "neuroonco_room",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", Text, nullable=False),
)
items = Table(
    "neuroonco_room_items",
    metadata,
    Column("key", String(40), primary_key=True),
    Column("position", Integer, nullable=False, unique=True),
    Column("document", Text, nullable=False),
    Column("status", String(20), nullable=False),
    Column("first_closed", Boolean, nullable=False),
    Column("second_closed", Boolean, nullable=False),
    Index("neuroonco_room_standing", "status", "position"),
)
people = Table(
    "neuroonco_room_people",
    metadata,
    Column("name", Text, primary_key=True),
    Column("folded", Text, nullable=False, unique=True),
    Column("role", String(20), nullable=False),
    Column("token_sha256", String(64), unique=True),
)
lanes = Table(
    "neuroonco_room_lanes",
    metadata,
    Column("key", String(40), primary_key=True),
    Column("round", String(20), primary_key=True),
    Column("reader", Text, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("seq", Integer),  # of the judgement in force
    Column("elapsed_s", Float(53), nullable=False),
    Column("draw", String(64), nullable=False),  # the reader's own order of questions
    Index("neuroonco_room_queues", "reader", "round", "draw", "seq"),
    Index("neuroonco_room_in_force", "seq"),
)
events = Table(
    "neuroonco_room_events",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("key", String(40), nullable=False),
    Column("reader", Text, nullable=False),
    Column("round", String(20), nullable=False),
    Column("lane_reader", Text, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("version", Integer),
    Column("judgement", Text),
    Column("undoes", Integer),
    Column("elapsed_s", Float(53)),
    Column("save_id", Text, nullable=False, unique=True),
    Column("at", String(40), nullable=False),
    UniqueConstraint("key", "round", "lane_reader", "version"),  # of two writers, one gets a version
    Index("neuroonco_room_seen", "reader", "key", "kind"),
    Index("neuroonco_room_latest", "reader", "seq"),
    Index("neuroonco_room_history", "key", "seq"),
    sqlite_autoincrement=True,  # a number is never used again
)
sessions = Table(
    "neuroonco_room_sessions",
    metadata,
    Column("secret_sha256", String(64), primary_key=True),
    Column("person", Text, nullable=False),
    Column("by_token", Boolean, nullable=False),
    Column("created_at", String(40), nullable=False),
)


def _when_made(statement: str, dialect: str) -> None:
    ddl = DDL(statement)  # type: ignore[no-untyped-call]
    event.listen(events, "after_create", ddl.execute_if(dialect=dialect))


# Events are appended: the database itself refuses to change or to remove one.
for _action in ("UPDATE", "DELETE"):
    _name = f"neuroonco_room_events_no_{_action.lower()}"
    _refusal = "BEGIN SELECT RAISE(ABORT, 'events stay'); END"
    _when_made(f"CREATE TRIGGER {_name} BEFORE {_action} ON {events.name} {_refusal}", "sqlite")
_when_made(
    "CREATE OR REPLACE FUNCTION neuroonco_room_refuse() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'events stay'; END $$",
    "postgresql",
)
_when_made(
    f"CREATE TRIGGER neuroonco_room_events_stay BEFORE UPDATE OR DELETE ON {events.name} "
    "FOR EACH ROW EXECUTE FUNCTION neuroonco_room_refuse()",
    "postgresql",
)

ROOM = Schema(
    kind="ROOM",
    noun="review room",
    short="room",
    metadata=metadata,
    about=about,
    version=SCHEMA_VERSION,
    missing="set up a room first, or pass the path of one",
    damaged="restore a copy, or set up a new room from an export",
)
