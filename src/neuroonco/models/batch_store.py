"""Batches in the ledger: what was handed to a provider, written down before and after, so that no kill loses it."""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Any

from sqlalchemy import func, select, update

from neuroonco.models.ledger import GROUP, Ledger
from neuroonco.models.ledger_opening import plain_errors, writing
from neuroonco.models.ledger_rows import now
from neuroonco.models.ledger_tables import OPEN, batch_items, batches, insert_into, is_open
from neuroonco.models.records import ModelCall
from neuroonco.outcomes import Record

DONE, RELEASED = "done", "released"


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
        prepared_at: UTC, ISO 8601; renewed right before the provider is asked to begin.
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


def confirm(ledger: Ledger, batch_key: str, provider_file_id: str) -> bool:
    """Renew a prepared batch right before the provider is asked to begin it.

    Returns:
        False where another process, or the user, gave it up meanwhile: its requests may be in another batch already.
    """
    mine = (batches.c.batch_key == batch_key) & (batches.c.state == BatchState.PREPARED.value)
    renewed = update(batches).where(mine).values(provider_file_id=provider_file_id, prepared_at=now())
    with plain_errors(ledger.where), writing(ledger.engine) as connection:
        return connection.execute(renewed).rowcount == 1


def change(ledger: Ledger, batch_key: str, **values: Any) -> None:
    """Write down what became of a batch."""
    with plain_errors(ledger.where), writing(ledger.engine) as connection:
        connection.execute(update(batches).where(batches.c.batch_key == batch_key).values(**values))


def close(
    ledger: Ledger, batch_key: str, state: BatchState, *, as_read: BatchRow | None = None, **values: Any
) -> int | None:
    """End a batch; its requests that still wait are free for another one.

    Args:
        ledger, batch_key, state: of what, and how it ended.
        as_read: end it only if nobody has moved it on since this was read.
        values: further columns.

    Returns:
        How many requests are free now; None where somebody has moved it on, and nothing was done.
    """
    ended = update(batches).where(batches.c.batch_key == batch_key).values(state=state.value, **values)
    if as_read is not None:
        ended = ended.where(batches.c.state == as_read.state.value, batches.c.prepared_at == as_read.prepared_at)
    with plain_errors(ledger.where), writing(ledger.engine) as connection:
        if connection.execute(ended).rowcount != 1:
            return None
        mine = (batch_items.c.batch_key == batch_key) & is_open
        return connection.execute(update(batch_items).where(mine).values(state=RELEASED, request="")).rowcount


def settle(ledger: Ledger, batch_key: str, request_hashes: Iterable[str], state: str) -> None:
    """Write down that requests wait no longer."""
    keys = list(request_hashes)
    with plain_errors(ledger.where), writing(ledger.engine) as connection:
        for start in range(0, len(keys), GROUP):
            mine = batch_items.c.request_hash.in_(keys[start : start + GROUP])
            where = mine & (batch_items.c.batch_key == batch_key)
            connection.execute(update(batch_items).where(where).values(state=state, request=""))


def waiting_in(ledger: Ledger, request_hash: str) -> str | None:
    """Key of the batch in which a request waits; None where it does not."""
    query = select(batch_items.c.batch_key).where(batch_items.c.request_hash == request_hash, is_open)
    with plain_errors(ledger.where), ledger.engine.connect() as connection:
        return connection.execute(query).scalar()


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
