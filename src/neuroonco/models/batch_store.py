"""Batches in the ledger: what was handed to a provider, written down before and after, so that no kill loses it."""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Any

from sqlalchemy import func, select, update

from neuroonco.models.ledger import Ledger
from neuroonco.models.ledger_opening import plain_errors, writing
from neuroonco.models.ledger_rows import now
from neuroonco.models.ledger_tables import OPEN, batch_items, batches, insert_into, is_open
from neuroonco.models.records import ModelCall
from neuroonco.outcomes import Record

DONE, RELEASED = "done", "released"
GROUP = 500


class BatchState(StrEnum):
    """How far a batch is, as far as we know.

    ``PREPARED`` may be with the provider or not: the process was killed, or is at it. ``RELEASED`` never arrived
    there. ``COLLECTED`` has given what it will ever give.
    """

    PREPARED = "prepared"
    SUBMITTED = "submitted"
    COLLECTED = "collected"
    RELEASED = "released"


class BatchRow(Record):
    """A batch as the ledger knows it.

    Attributes:
        batch_key: our own name for it, which the provider keeps as metadata.
        n, waiting: requests in it, and those of them that still wait for their answer.
        prepared_at: UTC, ISO 8601.
    """

    batch_key: str
    model: str
    state: BatchState
    n: int
    waiting: int = 0
    provider_file_id: str | None = None
    provider_batch_id: str | None = None
    provider_status: str | None = None
    error: str | None = None
    prepared_at: str


def prepare(ledger: Ledger, batch_key: str, model: str, calls: dict[str, ModelCall]) -> set[str]:
    """Write down a batch that is about to be submitted; gives the requests that are in it.

    Requests that wait in another batch are left out; without any left, there is no batch.
    """
    rows = [
        {"batch_key": batch_key, "request_hash": key, "request": call.model_dump_json(), "state": OPEN}
        for key, call in sorted(calls.items())
    ]
    with plain_errors(ledger.where), writing(ledger.engine) as connection:
        connection.execute(insert_into(ledger.engine, batch_items).on_conflict_do_nothing(), rows)
        own = select(batch_items.c.request_hash).where(batch_items.c.batch_key == batch_key)
        ours = set(connection.execute(own).scalars())
        if ours:
            row = {"batch_key": batch_key, "model": model, "n": len(ours), "prepared_at": now()}
            connection.execute(batches.insert(), [row | {"state": BatchState.PREPARED.value}])
    return ours


def change(ledger: Ledger, batch_key: str, **values: Any) -> None:
    """Write down what became of a batch."""
    with plain_errors(ledger.where), writing(ledger.engine) as connection:
        connection.execute(update(batches).where(batches.c.batch_key == batch_key).values(**values))


def close(ledger: Ledger, batch_key: str, state: BatchState, **values: Any) -> int:
    """End a batch; its requests that still wait are free for another one.

    Returns:
        How many those are.
    """
    with plain_errors(ledger.where), writing(ledger.engine) as connection:
        mine = (batch_items.c.batch_key == batch_key) & is_open
        left = int(connection.execute(select(func.count()).where(mine)).scalar_one())
        connection.execute(update(batch_items).where(mine).values(state=RELEASED, request=""))
        connection.execute(update(batches).where(batches.c.batch_key == batch_key).values(state=state.value, **values))
    return left


def settle(ledger: Ledger, batch_key: str, request_hashes: Iterable[str], state: str) -> None:
    """Write down that requests wait no longer."""
    keys = list(request_hashes)
    with plain_errors(ledger.where), writing(ledger.engine) as connection:
        for start in range(0, len(keys), GROUP):
            mine = batch_items.c.request_hash.in_(keys[start : start + GROUP])
            where = mine & (batch_items.c.batch_key == batch_key)
            connection.execute(update(batch_items).where(where).values(state=state, request=""))


def is_waiting(ledger: Ledger, request_hash: str) -> bool:
    """Whether a request waits in a batch."""
    query = select(batch_items.c.state).where(batch_items.c.request_hash == request_hash, is_open)
    with plain_errors(ledger.where), ledger.engine.connect() as connection:
        return connection.execute(query).first() is not None


def waiting_calls(ledger: Ledger, batch_key: str, request_hashes: list[str]) -> dict[str, ModelCall]:
    """Those of some requests that wait in a batch."""
    with plain_errors(ledger.where), ledger.engine.connect() as connection:
        query = select(batch_items.c.request_hash, batch_items.c.request).where(
            batch_items.c.batch_key == batch_key,
            is_open,
            batch_items.c.request_hash.in_(request_hashes),
        )
        return {row[0]: ModelCall.model_validate_json(row[1]) for row in connection.execute(query)}


def batch_rows(ledger: Ledger, *, model: str | None = None, state: BatchState | None = None) -> Iterator[BatchRow]:
    """Batches in the order in which they were prepared."""
    waiting = select(func.count()).where(batch_items.c.batch_key == batches.c.batch_key, is_open).scalar_subquery()
    query = select(batches, waiting.label("waiting")).order_by(batches.c.prepared_at, batches.c.batch_key)
    if model is not None:
        query = query.where(batches.c.model == model)
    if state is not None:
        query = query.where(batches.c.state == state.value)
    with plain_errors(ledger.where), ledger.engine.connect() as connection:
        rows = [dict(row) for row in connection.execute(query).mappings()]
    return (BatchRow.model_validate(row) for row in rows)
