"""What every call asks of a ledger in SQLite, by the driver itself: SQLAlchemy's part costs more than SQLite's own.

What is written goes by the statements that SQLAlchemy compiles for every ledger, so that there is one of each.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

from sqlalchemy import Engine

from neuroonco.models.ledger_rows import ANSWER_COLUMNS, answer_of
from neuroonco.models.ledger_tables import OPEN, batch_items, calls, insert_into, texts
from neuroonco.models.ledger_writing import upsert
from neuroonco.models.records import ModelAnswer

Row = dict[str, Any]
_COLUMNS = ", ".join(f"c.{name}" for name in ANSWER_COLUMNS)
_LOOK_UP = f"""
WITH asked(request_hash) AS (VALUES {{marks}})
SELECT asked.request_hash, w.batch_key, {_COLUMNS} FROM asked
LEFT JOIN {calls.name} AS c ON c.request_hash = asked.request_hash
LEFT JOIN {batch_items.name} AS w ON w.request_hash = asked.request_hash AND w.state = '{OPEN}'
"""  # noqa: S608 - names of our own tables
_HELD = f"SELECT {_COLUMNS} FROM {calls.name} AS c WHERE c.request_hash IN ({{marks}})"  # noqa: S608


class SqliteCalls:
    """Looks calls up and keeps them, in groups; errors are those of the driver.

    Args:
        engine: of a SQLite ledger that was checked.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._adding = _Statement(engine, upsert(engine, add_up=True), list(calls.c.keys()))
        self._texts = _Statement(engine, insert_into(engine, texts).on_conflict_do_nothing(), list(texts.c.keys()))

    def look_up(self, request_hashes: Sequence[str]) -> dict[str, tuple[ModelAnswer | None, str | None]]:
        """The answers held, and the batches in which calls without a final one wait, all as they are at one moment."""
        with self._connection() as connection:
            marks = ", ".join(["(?)"] * len(request_hashes))
            found = connection.execute(_LOOK_UP.format(marks=marks), request_hashes).fetchall()
        held = {key: (None if row[0] is None else _answer(row), batch_key) for key, batch_key, *row in found}
        return {key: (a, None if a is not None and a.status.is_final else waits) for key, (a, waits) in held.items()}

    def put(self, new_texts: Sequence[Row], rows: Sequence[Row]) -> dict[str, ModelAnswer]:
        """Keep calls, one after the other, in one commit; gives the answers held then."""
        hashes = list({row["request_hash"]: None for row in rows})
        with self._connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                self._texts.run(connection, new_texts)
                self._adding.run(connection, rows)
                marks = ", ".join("?" * len(hashes))
                found = connection.execute(_HELD.format(marks=marks), hashes).fetchall()
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        return {row[0]: _answer(row) for row in found}

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        pooled = self._engine.raw_connection()
        try:
            yield cast(sqlite3.Connection, pooled.driver_connection)
        finally:
            pooled.close()


class _Statement:
    """A compiled statement, and which values it wants in which order."""

    def __init__(self, engine: Engine, statement: Any, columns: Sequence[str]) -> None:
        compiled = statement.compile(dialect=engine.dialect, column_keys=columns)
        self._text, self._names = str(compiled), list(compiled.positiontup)
        self._fixed = {name: value for name, value in compiled.params.items() if name not in columns}

    def run(self, connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
        """Run it for each row."""
        values = [[row[name] if name in row else self._fixed[name] for name in self._names] for row in rows]
        connection.executemany(self._text, values)


def _answer(values: Sequence[Any]) -> ModelAnswer:
    return answer_of(dict(zip(ANSWER_COLUMNS, values, strict=True)))
