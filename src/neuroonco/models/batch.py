"""Calls as a provider's batches: submitted as files, collected hours later, asked for once whatever happens between.

The first pass of a stage queues every call that the ledger does not hold, and submits them; a later pass collects
what has come, and then asks again: the ledger answers. A batch is written down before it is uploaded, under a name
that the provider keeps with it, so that after a kill it can be looked up there instead of being submitted twice.
"""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import uuid4

import openai

from neuroonco.errors import ProviderError, UsageError
from neuroonco.models import batch_store
from neuroonco.models.batch_lines import ROUTE, Chunk, answer_of_line, parsed_line, request_line
from neuroonco.models.batch_store import DONE, RELEASED, BatchRow, BatchState
from neuroonco.models.endpoints import ResolvedModel
from neuroonco.models.ledger import Ledger
from neuroonco.models.records import ModelAnswer, ModelCall
from neuroonco.models.retry import failure_of
from neuroonco.vocabulary import CallStatus

T = TypeVar("T")
METADATA = "neuroonco_batch"
WAITS = "waits in a batch"
ENDED = frozenset({"completed", "failed", "expired", "cancelled"})
LINES_A_COMMIT = 200


@dataclass(frozen=True)
class BatchLimits:
    """What one batch may hold.

    Attributes:
        requests, file_bytes: of one file. OpenAI takes 50,000 and 200 MB; less is kinder to memory, as what comes
            back is read whole.
        lookup_after_s: a batch that is written down but not confirmed for so long was cut off, and is looked up.
    """

    requests: int = 50_000
    file_bytes: int = 100_000_000
    lookup_after_s: float = 600.0


@dataclass
class BatchCounts:
    """What became of the calls of one pass.

    Attributes:
        from_ledger: answered.
        waiting: calls that wait in a batch, those that this pass submits among them.
        submitted: requests that this pass submitted.
        collected: answers that this pass brought, by status.
        unreadable: lines of the provider's files that are no result of the batch.
        released: requests whose batch ended without a result; a next pass submits them again.
    """

    from_ledger: int = 0
    waiting: int = 0
    submitted: int = 0
    collected: dict[CallStatus, int] = field(default_factory=dict)
    unreadable: int = 0
    released: int = 0


class BatchClient:
    """A :class:`~neuroonco.models.protocol.ModelClient` that answers from the ledger and queues everything else.

    A queued call gets the status ``failed`` and the error ``waits in a batch``, which is not recorded: while
    ``counts.waiting`` is not 0 after a pass, its results are not to be used.

    Args:
        ledger: shared with all clients of a run.
        model: whom to ask; an endpoint of the OpenAI API with ``/v1/files`` and ``/v1/batches``.
        sdk: connected to it; it must take responses of the size of a batch.
        limits: of one batch.

    Raises:
        UsageError: the endpoint takes no batches.
    """

    def __init__(
        self, ledger: Ledger, model: ResolvedModel, sdk: openai.AsyncOpenAI, *, limits: BatchLimits | None = None
    ) -> None:
        if not model.endpoint.batch_files or model.endpoint.adapter != "openai":
            fix = "leave --batch out, or set batch_files = true in a file of endpoints (--endpoints)"
            raise UsageError("BATCH_UNSUPPORTED", f"{model.endpoint.name} takes no batches of files", fix=fix)
        self._ledger, self._model, self._sdk, self._limits = ledger, model, sdk, limits or BatchLimits()
        self._chunk = Chunk()
        self._queued: set[str] = set()
        self._unsettled: set[str] = set()
        self.counts = BatchCounts()

    @property
    def name(self) -> str:
        """Name of the model: the same as of a client that asks at once, so that both share their answers."""
        return self._model.name

    async def ask(self, call: ModelCall, image: bytes | None) -> ModelAnswer:
        """Answer from the ledger, or queue; see :meth:`neuroonco.models.protocol.ModelClient.ask`."""
        request_hash = call.request_hash(self.name)
        held = await self._ledger.get(request_hash)
        if held is not None and (held.status.is_final or request_hash in self._unsettled):
            self.counts.from_ledger += 1
            return held
        self.counts.waiting += 1
        waits = await asyncio.to_thread(batch_store.is_waiting, self._ledger, request_hash)
        if not waits and request_hash not in self._queued:
            self._queued.add(request_hash)
            line = request_line(self._model, request_hash, call, image)
            while self._chunk.calls and not self._has_room(len(line)):
                await self.submit()
            self._chunk.add(request_hash, call, line)
        return ModelAnswer(request_hash=request_hash, model=self.name, status=CallStatus.FAILED, error=WAITS)

    def _has_room(self, line_bytes: int) -> bool:
        fits = self._chunk.size_bytes + line_bytes <= self._limits.file_bytes
        return fits and len(self._chunk.calls) < self._limits.requests

    async def submit(self) -> None:
        """Submit what is queued.

        Raises:
            ProviderError: the provider did not take it. What surely did not arrive is free to be submitted again;
                what may have arrived is looked up by :meth:`collect` later.
        """
        chunk, self._chunk = self._chunk, Chunk()
        try:
            key = uuid4().hex
            if chunk.calls and (ours := batch_store.prepare(self._ledger, key, self.name, chunk.calls)):
                chunk = chunk.only(ours)
                await self._submit(chunk, key)
        finally:
            chunk.close()

    def close(self) -> None:
        """Let go of what is queued and was not submitted; a next pass queues it again."""
        self._chunk.close()

    async def _submit(self, chunk: Chunk, key: str) -> None:
        try:
            upload = ("requests.jsonl", chunk.rewound(), "application/jsonl")
            file = await _plain(self._sdk.files.create(file=upload, purpose="batch"))
        except ProviderError as error:
            batch_store.close(self._ledger, key, BatchState.RELEASED, error=error.what)
            raise
        batch_store.change(self._ledger, key, provider_file_id=file.id)
        try:
            batch = await _plain(self._create(key, file.id))
        except ProviderError as error:
            if error.code == NOT_TAKEN:
                batch_store.close(self._ledger, key, BatchState.RELEASED, error=error.what)
            raise
        self._submitted(key, batch)
        self.counts.submitted += len(chunk.calls)

    def _create(self, key: str, file_id: str) -> Awaitable[Any]:
        return self._sdk.batches.create(
            input_file_id=file_id, endpoint=ROUTE, completion_window="24h", metadata={METADATA: key}
        )

    def _submitted(self, key: str, batch: Any) -> None:
        values = {"provider_batch_id": batch.id, "provider_status": batch.status, "error": None}
        batch_store.change(self._ledger, key, state=BatchState.SUBMITTED.value, **values)

    async def collect(self) -> None:
        """Look once at every batch of this model, and take what has come into the ledger.

        Raises:
            ProviderError: the provider cannot be asked; nothing is lost by asking again later.
        """
        await self._look_up()
        for row in batch_store.batch_rows(self._ledger, model=self.name, state=BatchState.SUBMITTED):
            batch = await _plain(self._sdk.batches.retrieve(str(row.provider_batch_id)))
            if batch.status not in ENDED:
                batch_store.change(self._ledger, row.batch_key, provider_status=batch.status)
                continue
            for file_id in (batch.output_file_id, batch.error_file_id):
                if file_id:
                    await self._take(row, file_id, batch.created_at)
            reasons = [error.message for error in (batch.errors.data or [])] if batch.errors else []
            why = {"provider_status": batch.status, "error": "; ".join(r for r in reasons if r)[:300] or None}
            self.counts.released += batch_store.close(self._ledger, row.batch_key, BatchState.COLLECTED, **why)
            await self._tidy(batch.input_file_id)

    async def _take(self, row: BatchRow, file_id: str, created_at: int) -> None:
        """Record the results in one file, some hundred to a commit."""
        content = await _plain(self._sdk.files.content(file_id))
        lines = [line for line in content.content.split(b"\n") if line.strip()]
        for start in range(0, len(lines), LINES_A_COMMIT):
            parsed = [parsed_line(line) for line in lines[start : start + LINES_A_COMMIT]]
            found = dict(pair for pair in parsed if pair is not None)
            calls = batch_store.waiting_calls(self._ledger, row.batch_key, list(found))
            self.counts.unreadable += parsed.count(None) + len(found.keys() - calls.keys())
            await self._record(row, calls, found, created_at)

    async def _record(
        self, row: BatchRow, calls: dict[str, ModelCall], found: dict[str, dict[str, Any]], created_at: int
    ) -> None:
        held = self._ledger.get_many(calls)  # a kill may have come between the recording and its confirmation
        new = {
            key: answer_of_line(self._model, key, found[key], created_at)
            for key in calls
            if not (key in held and held[key].status.is_final)
        }
        await asyncio.gather(*(self._ledger.put(calls[key], answer) for key, answer in new.items()))
        for answer in new.values():
            self.counts.collected[answer.status] = self.counts.collected.get(answer.status, 0) + 1
        failed = {key for key, answer in new.items() if not answer.status.is_final}
        self._unsettled |= failed
        batch_store.settle(self._ledger, row.batch_key, calls.keys() - failed, DONE)
        batch_store.settle(self._ledger, row.batch_key, failed, RELEASED)

    async def _look_up(self) -> None:
        """Find out what became of batches whose submission was cut off."""
        before = (datetime.now(UTC) - timedelta(seconds=self._limits.lookup_after_s)).isoformat()
        rows = batch_store.batch_rows(self._ledger, model=self.name, state=BatchState.PREPARED)
        lost = {row.batch_key: row for row in rows if row.prepared_at <= before}
        if not lost:
            return
        for batch in await _plain(self._listed()):
            row = lost.pop((batch.metadata or {}).get(METADATA, ""), None)
            if row is not None:
                self._submitted(row.batch_key, batch)
        for key, row in lost.items():
            why = {"error": "cut off before the provider had it"}
            self.counts.released += batch_store.close(self._ledger, key, BatchState.RELEASED, **why)
            if row.provider_file_id:
                await self._tidy(row.provider_file_id)

    async def _listed(self) -> list[Any]:
        return [batch async for batch in self._sdk.batches.list(limit=100)]

    async def _tidy(self, file_id: str) -> None:
        """Let the provider forget our pictures; if it cannot, they expire there."""
        with suppress(ProviderError):
            await _plain(self._sdk.files.delete(file_id))


NOT_TAKEN = "BATCH_NOT_TAKEN"


async def _plain(request: Awaitable[T]) -> T:
    """Await a request to the provider; whatever it raises becomes one line without keys."""
    try:
        return await request
    except (openai.OpenAIError, TimeoutError, OSError) as error:
        failure = failure_of(error, datetime.now(UTC))
        definite = isinstance(error, openai.APIStatusError) and not failure.retried
        code = NOT_TAKEN if definite else "BATCH_UNREACHABLE"
        fix = "run the same command again; what was submitted is remembered"
        raise ProviderError(code, failure.line, fix=fix) from None
