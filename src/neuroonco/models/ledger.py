"""The call ledger: what every model was asked and what it answered, written before anyone uses it."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any

from pydantic import ValidationError
from sqlalchemy import BindParameter, Connection, bindparam, func, select

from neuroonco.errors import InputError, UsageError
from neuroonco.models.grouping import Grouped
from neuroonco.models.ledger_opening import open_engine, plain_errors, shown_place, writing
from neuroonco.models.ledger_records import LedgerEntry
from neuroonco.models.ledger_rows import ANSWER_COLUMNS, answer_of, entry_of, fold, row_of
from neuroonco.models.ledger_sqlite import SqliteCalls
from neuroonco.models.ledger_tables import batch_items, calls, insert_into, is_open, texts
from neuroonco.models.ledger_writing import upsert
from neuroonco.models.records import ModelAnswer, ModelCall

GROUP = 500
"""Calls in one commit or one look-up at most: below the limit of bound values of every database."""
MAX_TEXTS = 256
"""Prompts and schemas held in memory."""
_ASKED_FOR: BindParameter[str] = bindparam("request_hashes", expanding=True)
_HELD = select(*(calls.c[name] for name in ANSWER_COLUMNS)).where(calls.c.request_hash.in_(_ASKED_FOR))
_WAITING = select(batch_items.c.request_hash, batch_items.c.batch_key).where(
    batch_items.c.request_hash.in_(_ASKED_FOR), is_open
)
_HEX = re.compile(r"[0-9a-f]{1,64}")


class Ledger:
    """Calls by request hash, on disk; several tasks, threads and processes may use one at the same time.

    An answer whose status is final is never replaced, whoever comes later with another one: what a stage has used
    stays what a replay will say.

    Args:
        place: path of a SQLite file, or a URL such as ``postgresql+psycopg://host/database``.
        create: make the ledger where there is none.

    Raises:
        InputError: no ledger there, or one that cannot be used; here and in every method.
        PrerequisiteError: no driver for the URL.
    """

    def __init__(self, place: str | Path, *, create: bool = True) -> None:
        self.engine = open_engine(place, create=create)
        self.where = shown_place(place)
        self._texts: dict[str, str] = {}
        # Built once: building a statement costs more than running it.
        self._adding, self._replacing = upsert(self.engine, add_up=True), upsert(self.engine, add_up=False)
        self._sqlite = SqliteCalls(self.engine) if self.engine.dialect.name == "sqlite" else None
        self._reader = Grouped(self._get_group, at_most=GROUP, name="ledger-reader")
        self._writer = Grouped(self._put_group, at_most=GROUP, name="ledger-writer")

    def __enter__(self) -> "Ledger":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Write what waits, and let go of the database."""
        self._reader.close()
        self._writer.close()
        self.engine.dispose()

    # --- one call, from many tasks ---

    async def get(self, request_hash: str) -> ModelAnswer | None:
        """The answer held for a hash; None where there is none."""
        return (await self._reader((request_hash, False)))[0]

    async def look_up(self, request_hash: str) -> tuple[ModelAnswer | None, str | None]:
        """The answer held for a hash, and the key of the provider's batch in which the call waits."""
        return await self._reader((request_hash, True))

    async def put(self, call: ModelCall, answer: ModelAnswer) -> ModelAnswer:
        """Keep an answer; returns once it is safe on disk.

        Returns:
            The answer that the ledger holds now: the given one, or a final one that was there before.
        """
        return await self._writer((call, answer))

    # --- many calls, blocking ---

    def get_many(self, request_hashes: Iterable[str]) -> dict[str, ModelAnswer]:
        """The answers held for some hashes; those without one are left out."""
        found: dict[str, ModelAnswer] = {}
        rest = iter(request_hashes)
        with plain_errors(self.where), self.engine.connect() as connection:
            while group := list(islice(rest, GROUP)):
                found |= self._held(connection, group)
        return found

    def put_many(self, answers: Iterable[tuple[ModelCall, ModelAnswer]]) -> None:
        """Keep answers, some hundred to a commit."""
        rest = iter(answers)
        while group := list(islice(rest, GROUP)):
            self._put_group(group)

    def entries(
        self, *, purpose: str | None = None, model: str | None = None, prefix: str = "", last: int | None = None
    ) -> Iterator[LedgerEntry]:
        """Recorded calls one after the other, by request hash, so that memory does not grow with their number.

        Args:
            purpose, model: only those.
            prefix: beginning of the request hash.
            last: only so many that were asked last, the latest first.

        Raises:
            UsageError: the prefix is no beginning of a hash.
        """
        if prefix and not _HEX.fullmatch(prefix):
            what = f"{prefix!r} is no beginning of a request hash"
            raise UsageError("HASH_PREFIX", what, fix="pass 1 to 64 of 0-9 and a-f")
        query = select(calls)
        if prefix:  # as a range, which the primary key serves; no hash holds a letter beyond f
            query = query.where(calls.c.request_hash >= prefix, calls.c.request_hash < f"{prefix}g")
        if purpose is not None:
            query = query.where(calls.c.purpose == purpose)
        if model is not None:
            query = query.where(calls.c.model == model)
        if last is None:
            query = query.order_by(calls.c.request_hash)
        else:
            latest = func.coalesce(calls.c.asked_at, calls.c.first_asked_at)
            query = query.order_by(latest.desc(), calls.c.request_hash).limit(last)
        with (
            plain_errors(self.where),
            self.engine.connect() as connection,
            connection.execution_options(yield_per=GROUP).execute(query) as found,
        ):
            for row in found.mappings():
                yield self._entry(dict(row))

    def take(self, entries: Iterable[LedgerEntry]) -> int:
        """Import entries of another ledger; one that is held with a final answer, or held at all where the new one
        is not final either, stays as it is.

        Returns:
            How many were taken.
        """
        taken = 0
        rest = iter(entries)
        while group := {entry.request_hash: entry for entry in islice(rest, GROUP)}:
            with plain_errors(self.where), writing(self.engine) as connection:
                held = self._held(connection, list(group))
                new = [entry for key, entry in group.items() if _is_wanted(entry.answer, held.get(key))]
                requests, parts = self._folded([entry.call for entry in new])
                self._write_texts(connection, parts)
                self._write(connection, [_row_of_entry(*pair) for pair in zip(new, requests, strict=True)])
            self._remember(parts)
            taken += len(new)
        return taken

    # --- inside ---

    def _get_group(self, wanted: list[tuple[str, bool]]) -> list[tuple[ModelAnswer | None, str | None]]:
        if self._sqlite is not None:
            with plain_errors(self.where):
                found = self._sqlite.look_up(list({request_hash: None for request_hash, _ in wanted}))
            return [found[key] if asks else (found[key][0], None) for key, asks in wanted]
        waiting: dict[str, str] = {}
        with plain_errors(self.where), self.engine.connect() as connection:
            held = self._held(connection, [request_hash for request_hash, _ in wanted])
            if unknown := [key for key, asks in wanted if asks and (key not in held or not held[key].status.is_final)]:
                rows = connection.execute(_WAITING, {"request_hashes": unknown})
                waiting = {row.request_hash: row.batch_key for row in rows}
        return [(held.get(key), waiting.get(key) if asks else None) for key, asks in wanted]

    def _put_group(self, answers: list[tuple[ModelCall, ModelAnswer]]) -> list[ModelAnswer]:
        for call, answer in answers:
            if call.request_hash(answer.model) != answer.request_hash:
                raise ValueError("this answer is to another call")
        requests, parts = self._folded([call for call, _ in answers])
        rows = [row_of(call, kept, answer) for (call, answer), kept in zip(answers, requests, strict=True)]
        with plain_errors(self.where):
            if self._sqlite is not None:
                held = self._sqlite.put(self._new_texts(parts), rows)
            else:
                with writing(self.engine) as connection:
                    self._write_texts(connection, parts)
                    self._write(connection, rows, add_up=True)
                    held = self._held(connection, [answer.request_hash for _, answer in answers])
        self._remember(parts)
        return [held[answer.request_hash] for _, answer in answers]

    def _held(self, connection: Connection, request_hashes: Sequence[str]) -> dict[str, ModelAnswer]:
        found = connection.execute(_HELD, {"request_hashes": request_hashes})
        return {row["request_hash"]: answer_of(dict(row)) for row in found.mappings()}

    def _folded(self, group: list[ModelCall]) -> tuple[list[str], dict[str, str]]:
        """The requests as they are kept, and their fixed parts, which many share."""
        folded = [fold(call) for call in group]
        parts = {sha256: text for _, own in folded for sha256, text in own.items()}
        return [request for request, _ in folded], parts

    def _new_texts(self, parts: dict[str, str]) -> list[dict[str, Any]]:
        return [{"sha256": sha256, "text": parts[sha256]} for sha256 in sorted(parts.keys() - self._texts.keys())]

    def _write_texts(self, connection: Connection, parts: dict[str, str]) -> None:
        if new := self._new_texts(parts):
            connection.execute(insert_into(self.engine, texts).on_conflict_do_nothing(), new)

    def _remember(self, parts: dict[str, str]) -> None:
        """Parts that are safe on disk need not be written again."""
        if len(self._texts) > MAX_TEXTS:
            self._texts = {}
        self._texts |= parts

    def _write(self, connection: Connection, rows: list[dict[str, Any]], *, add_up: bool = False) -> None:
        """Insert or update rows, those of one hash one after the other."""
        statement = self._adding if add_up else self._replacing
        while rows:
            unique = {row["request_hash"]: row for row in reversed(rows)}
            # Writers that take their rows in the same order cannot wait for each other in a circle.
            connection.execute(statement, [unique[key] for key in sorted(unique)])
            rows = [row for row in rows if row is not unique[row["request_hash"]]]

    def _entry(self, row: Mapping[str, Any]) -> LedgerEntry:
        try:
            return entry_of(row, self._text)
        except (ValidationError, ValueError, KeyError, TypeError):
            where = f"{self.where}, call {row['request_hash']}"
            raise InputError("LEDGER_DAMAGED", "a call is not as written", where=where, fix="restore a copy") from None

    def _text(self, sha256: str) -> str:
        if sha256 not in self._texts:
            with self.engine.connect() as connection:
                found = connection.execute(select(texts.c.text).where(texts.c.sha256 == sha256)).scalar()
            if found is None:
                raise KeyError(sha256)
            self._remember({sha256: str(found)})
        return self._texts[sha256]


def _is_wanted(new: ModelAnswer, held: ModelAnswer | None) -> bool:
    return held is None or (new.status.is_final and not held.status.is_final)


def _row_of_entry(entry: LedgerEntry, request: str) -> dict[str, Any]:
    own = {name: getattr(entry, name) for name in ("attempts_total", "cost_usd_total", "first_asked_at")}
    return row_of(entry.call, request, entry.answer) | own
