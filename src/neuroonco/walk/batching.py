"""Ask a model through its provider's batches: one pass collects what is there and submits what is missing.

A pass that leaves nothing waiting has all results. A repair is a call like any other, so that a few answers take a
further batch.
"""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import aclosing
from typing import TypeVar

from neuroonco.errors import PendingError
from neuroonco.models.batch import BatchClient
from neuroonco.models.batch_records import BatchCounts
from neuroonco.models.batch_store import BatchRow, BatchState, batch_rows
from neuroonco.models.chat_completions import ChatCompletions
from neuroonco.models.crowd import crowd
from neuroonco.models.endpoints import ResolvedModel
from neuroonco.models.ledger import Ledger
from neuroonco.models.transport import sdk_client
from neuroonco.walk.asking import Ask

T = TypeVar("T")
R = TypeVar("R")
MAX_BATCH_BYTES = 512 * 1024**2
"""A file of results larger than this is none of ours."""
TIMEOUT_S = 600.0
"""Longest silence of one request: a file of a hundred megabytes takes a while."""
CONNECTIONS = 4
SHOWN_IDS = 5


def ask_in_batches(
    items: Iterable[T],
    ask: Ask[T, R],
    model: ResolvedModel,
    place: str,
    *,
    each: Callable[[R], None],
    progress: Callable[[int], None],
) -> int:
    """One pass over all items; see :func:`neuroonco.walk.asking.ask_all`.

    Raises:
        PendingError: calls wait in batches; what ``each`` was given is not to be used.
        UsageError: the endpoint takes no batches.
        PrerequisiteError: no key.
        ProviderError: the provider cannot be asked, or did not take a batch.
    """
    with Ledger(place) as ledger:
        client = asyncio.run(_pass(items, ask, model, ledger, each, progress))
        if client.counts.waiting:
            rows = list(batch_rows(ledger, model=model.name, state=BatchState.SUBMITTED))
            raise _pending(model.name, client.counts, rows)
    return sum(client.counts.collected.values())


def _pending(name: str, counts: BatchCounts, rows: list[BatchRow]) -> PendingError:
    """What waits, where, and what to do about it."""
    what = f"{counts.waiting} calls wait in batches: {_shown([row.provider_batch_id or row.batch_key for row in rows])}"
    fix = "run the same command later; `neuroonco ledger batches` shows how far they are"
    if counts.vanished:
        what += f"; the provider does not know {_shown(counts.vanished)}"
        release = f"neuroonco ledger batches --release {counts.vanished[0]}"
        fix += f"; for a batch that it does not know, use the key that submitted it, or give it up: {release}"
    return PendingError("BATCH_PENDING", what, where=name, fix=fix)


def _shown(names: list[str]) -> str:
    return ", ".join(names[:SHOWN_IDS]) + (f" and {len(names) - SHOWN_IDS} more" if len(names) > SHOWN_IDS else "")


async def _pass(
    items: Iterable[T],
    ask: Ask[T, R],
    model: ResolvedModel,
    ledger: Ledger,
    each: Callable[[R], None],
    progress: Callable[[int], None],
) -> BatchClient:
    connection = model.connection()
    headers = ChatCompletions().headers(connection.key)
    sdk = sdk_client(connection, headers, timeout_s=TIMEOUT_S, concurrency=CONNECTIONS, limit_bytes=MAX_BATCH_BYTES)
    try:
        client = BatchClient(ledger, model, sdk, key=connection.key)
        try:
            await client.collect()
            done = 0
            at_once = model.endpoint.concurrency
            async with aclosing(crowd(items, lambda item: ask(client, item), at_once=at_once)) as results:
                async for result in results:
                    each(result)
                    progress(done := done + 1)
            await client.submit()
        finally:
            client.close()
    finally:
        await sdk.close()
    return client
