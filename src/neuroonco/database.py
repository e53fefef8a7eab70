"""Databases that the project keeps: SQLite by path, PostgreSQL by URL; checked when opened, safe when written."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, MetaData, Table, create_engine, event, inspect, select, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from neuroonco.errors import InputError, PrerequisiteError

BUSY_TIMEOUT_S = 60
"""How long one process waits for another one's commit before it gives up."""


@dataclass(frozen=True)
class Schema:
    """What a kind of database holds, and how messages speak of it.

    Attributes:
        kind: beginning of its error codes, e.g. ``LEDGER``.
        noun: e.g. ``call ledger``; ``short`` e.g. ``ledger``.
        metadata: its tables.
        about: the table of names and values that holds ``schema_version``.
        version: of the tables.
        missing: what to do where there is none.
        damaged: what to do where it cannot be read.
    """

    kind: str
    noun: str
    short: str
    metadata: MetaData
    about: Table
    version: int
    missing: str
    damaged: str

    def error(self, code: str, what: str, where: str, fix: str) -> InputError:
        """An error of this kind of database."""
        return InputError(f"{self.kind}_{code}", what, where=where, fix=fix)


def open_engine(place: str | Path, schema: Schema, *, create: bool) -> Engine:
    """Engine of a checked database.

    Args:
        place: a path for SQLite, or a URL such as ``postgresql+psycopg://host/database``.
        schema: what has to be in it.
        create: make it where there is none.

    Raises:
        InputError: none there, or one that cannot be used: foreign, damaged, of a newer version.
        PrerequisiteError: the URL names a database whose driver is not installed.
    """
    url, where = _url(place, schema), shown_place(place, schema)
    options: dict[str, Any] = {"pool_pre_ping": True}
    if url.get_backend_name() == "sqlite":
        path = _checked_path(Path(url.database or ""), schema, create=create)
        url = url if create or _is_writable(path) else _archived(path)
        options = {"connect_args": {"timeout": BUSY_TIMEOUT_S, "check_same_thread": False}}
    try:
        engine = create_engine(url, hide_parameters=True, **options)
    except (ModuleNotFoundError, NoSuchModuleError):
        fix = "pip install 'psycopg[binary]', and write postgresql+psycopg://"
        raise PrerequisiteError(f"{schema.kind}_DRIVER", "no driver for this database", where=where, fix=fix) from None
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _on_connect)
        event.listen(engine, "begin", _on_begin)
    try:
        with plain_errors(where, schema):
            _check(engine, where, schema, create=create)
    except BaseException:
        engine.dispose()
        raise
    return engine


def _url(place: str | Path, schema: Schema) -> URL:
    if isinstance(place, Path) or "://" not in place:
        return URL.create("sqlite", database=str(place))
    try:
        return make_url(place)
    except (ArgumentError, ValueError):  # the URL may hold a password: it is not repeated
        fix = "write postgresql+psycopg://host/database"
        raise InputError(f"{schema.kind}_URL", "not a database URL", fix=fix) from None


def shown_place(place: str | Path, schema: Schema) -> str:
    """Where a database is, without a password.

    Raises:
        InputError: not a URL.
    """
    url = _url(place, schema)
    return str(url.database) if url.get_backend_name() == "sqlite" else url.render_as_string(hide_password=True)


def _checked_path(path: Path, schema: Schema, *, create: bool) -> Path:
    try:
        if create and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not path.is_file():
            raise InputError("NOT_A_FILE", "not a regular file", where=str(path), fix=f"pass a {schema.short} file")
        if not create and not path.exists():
            raise schema.error("MISSING", f"no such {schema.short}", str(path), schema.missing)
    except OSError as error:
        raise schema.error("UNREADABLE", error.strerror or "unreadable", str(path), "check the path") from None
    return path


def _is_writable(path: Path) -> bool:
    return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)


def _archived(path: Path) -> URL:
    """A database on a medium that cannot be written: it is read as it lies there, unless somebody else is at it."""
    query = {"uri": "true", "mode": "ro"}
    if not path.with_name(path.name + "-wal").exists():
        query["immutable"] = "1"
    return URL.create("sqlite", database=path.absolute().as_uri(), query=query)


def _on_connect(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions are begun below; the driver's own begin reads before it locks
    connection.execute("PRAGMA synchronous=FULL")


def _on_begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that may write: committed, and safe on disk, when the block ends.

    On SQLite it takes the lock at its start, so that it never has to give up half-way.
    """
    with engine.execution_options(writes=True).begin() as connection:
        yield connection


@contextmanager
def plain_errors(where: str, schema: Schema) -> Iterator[None]:
    """Say in one line what a database cannot do, without the statement and its values.

    Raises:
        InputError: in place of any error of the database.
    """
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        reason = str(error.orig if isinstance(error, DBAPIError) else error).strip()
        what = reason.splitlines()[0] if reason else type(error).__name__
        if "not a database" in what or "malformed" in what:
            raise schema.error("DAMAGED", what, where, schema.damaged) from None
        if "locked" in what:
            fix = "end the other process, or use PostgreSQL for many writers"
            raise schema.error("BUSY", what, where, fix) from None
        raise schema.error("FAILED", what, where, "check the path, the disk, the address") from None


def _check(engine: Engine, where: str, schema: Schema, *, create: bool) -> None:
    """Make the tables where there are none; refuse what is not ours. A foreign file is left as it is."""
    about = schema.about
    with writing(engine) if create else engine.begin() as connection:
        if engine.dialect.name == "postgresql" and create:
            connection.execute(text("SELECT pg_advisory_xact_lock(2602)"))  # two processes may open a new one at once
        found = set(inspect(connection).get_table_names())
        if about.name not in found:
            ours = set(schema.metadata.tables)
            if (found if engine.dialect.name == "sqlite" else found & ours) or not create:
                fix = f"pass the path of a {schema.short}, or of no file at all"
                raise schema.error("FOREIGN", f"not a {schema.noun}", where, fix)
            schema.metadata.create_all(connection)
            connection.execute(about.insert(), [{"name": "schema_version", "value": str(schema.version)}])
        value = connection.execute(select(about.c.value).where(about.c.name == "schema_version")).scalar()
    if value is None or not str(value).isdecimal():
        raise schema.error("FOREIGN", f"not a {schema.noun}: no version", where, "pass another path")
    if int(value) > schema.version:
        what = f"written by a newer version (schema {value}, known is {schema.version})"
        raise schema.error("NEWER", what, where, "update neuroonco")
    if engine.dialect.name == "sqlite" and "mode" not in engine.url.query:
        with engine.connect() as connection:
            raw = connection.connection.dbapi_connection
            if raw is not None:
                raw.execute("PRAGMA journal_mode=WAL")  # type: ignore[attr-defined, unused-ignore]
