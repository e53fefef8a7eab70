"""Calls as a provider's batches: submitted as files, collected hours later, asked for once whatever happens between.

The first pass of a stage queues every call that the ledger does not hold, and submits them; a later pass collects
what has come, and then asks again: the ledger answers. A batch is written down before it is uploaded, under a name
that the provider keeps with it, so that after a kill it can be looked up there instead of being submitted twice.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import openai

from neuroonco.errors import ProviderError, UsageError
from neuroonco.models import batch_store
from neuroonco.models.as_sent import as_sent
from neuroonco.models.batch_lines import Chunk, answer_of_line, parsed_line, request_line
from neuroonco.models.batch_records import BatchCounts, BatchLimits
from neuroonco.models.batch_store import DONE, RELEASED, BatchRow, BatchState
from neuroonco.models.endpoints import ResolvedModel
from neuroonco.models.ledger import Ledger
from neuroonco.models.provider_batches import GONE, NOT_TAKEN, ProviderBatches
from neuroonco.models.recorded import check_picture
from neuroonco.models.records import ModelAnswer, ModelCall
from neuroonco.vocabulary import CallStatus

WAITS = "waits in a batch"
ENDED = frozenset({"completed", "failed", "expired", "cancelled"})
LINES_A_COMMIT = 200


class BatchClient:
    """A :class:`~neuroonco.models.protocol.ModelClient` that answers from the ledger and queues everything else.

    A queued call gets the status ``failed`` and the error ``waits in a batch``, which is not recorded: while
    ``counts.waiting`` is not 0 after a pass, its results are not to be used.

    Args:
        ledger: shared with all clients of a run.
        model: whom to ask; an endpoint of the OpenAI API with ``/v1/files`` and ``/v1/batches``.
        sdk: connected to it; it must take responses of the size of a batch.
        key: with which it is connected.
        limits: of one batch.

    Raises:
        UsageError: the endpoint takes no batches.
    """

    def __init__(
        self,
        ledger: Ledger,
        model: ResolvedModel,
        sdk: openai.AsyncOpenAI,
        *,
        key: str | None,
        limits: BatchLimits | None = None,
    ) -> None:
        if not model.endpoint.batch_files or model.endpoint.adapter != "openai":
            fix = "leave --batch out, or set batch_files = true in a file of endpoints (--endpoints)"
            raise UsageError("BATCH_UNSUPPORTED", f"{model.endpoint.name} takes no batches of files", fix=fix)
        self._ledger, self._model, self._limits = ledger, model, limits or BatchLimits()
        self._provider = ProviderBatches(sdk, key)
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
        call = as_sent(call, self._model.endpoint)
        request_hash = call.request_hash(self.name)
        held = await self._ledger.get(request_hash)
        if held is not None and (held.status.is_final or request_hash in self._unsettled):
            self.counts.from_ledger += 1
            return held
        self.counts.waiting += 1
        waits = await asyncio.to_thread(batch_store.waiting_in, self._ledger, request_hash)
        if waits is None and request_hash not in self._queued:
            check_picture(call, image)
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
            file_id = await self._provider.upload(chunk.rewound())
        except ProviderError as error:
            batch_store.close(self._ledger, key, BatchState.RELEASED, error=error.what)
            raise
        if not batch_store.confirm(self._ledger, key, file_id):
            await self._provider.forget(file_id)  # the upload took so long that another process took the calls over
            return
        try:
            batch = await self._provider.begin(key, file_id, self._limits.begin_s)
        except ProviderError as error:
            if error.code in (NOT_TAKEN, GONE):
                batch_store.close(self._ledger, key, BatchState.RELEASED, error=error.what)
            raise
        self._submitted(key, batch)
        self.counts.submitted += len(chunk.calls)

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
            try:
                batch = await self._provider.look(str(row.provider_batch_id))
            except ProviderError as error:
                if error.code != GONE:
                    raise
                batch_store.change(self._ledger, row.batch_key, error=error.what)
                self.counts.vanished.append(row.batch_key)
                continue
            if batch.status in ENDED:
                await self._finish(row, batch)
            else:
                batch_store.change(self._ledger, row.batch_key, provider_status=batch.status, error=None)

    async def _finish(self, row: BatchRow, batch: Any) -> None:
        """Take the results of a batch that has ended; what has none is free again."""
        reason = self._provider.reason(batch)
        for file_id in (batch.output_file_id, batch.error_file_id):
            if file_id:
                try:
                    await self._take(row, file_id, batch.created_at)
                except ProviderError as error:
                    if error.code != GONE:
                        raise
                    reason = error.what  # deleted or expired: these results will never come
        why = {"provider_status": batch.status, "error": reason}
        self.counts.released += batch_store.close(self._ledger, row.batch_key, BatchState.COLLECTED, **why) or 0
        await self._provider.forget(batch.input_file_id)

    async def _take(self, row: BatchRow, file_id: str, created_at: int) -> None:
        """Record the results in one file, some hundred to a commit."""
        lines = await self._provider.lines(file_id)
        for start in range(0, len(lines), LINES_A_COMMIT):
            parsed = [parsed_line(line) for line in lines[start : start + LINES_A_COMMIT]]
            found = dict(pair for pair in parsed if pair is not None)
            calls = batch_store.waiting_calls(self._ledger, row.batch_key, list(found))
            self.counts.unreadable += parsed.count(None) + len(found.keys() - calls.keys())
            self._record(row, calls, found, created_at)

    def _record(
        self, row: BatchRow, calls: dict[str, ModelCall], found: dict[str, dict[str, Any]], created_at: int
    ) -> None:
        held = self._ledger.get_many(calls)  # a kill may have come between the recording and its confirmation
        new = {
            key: answer_of_line(self._model, key, found[key], created_at, self._provider.scrubbed)
            for key in calls
            if not (key in held and held[key].status.is_final)
        }
        self._ledger.put_many((calls[key], answer) for key, answer in new.items())
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
        for key, batch in (await self._provider.by_key()).items():
            if lost.pop(key, None) is not None:
                self._submitted(key, batch)
        for key, row in lost.items():
            why = {"error": "cut off before the provider had it"}
            freed = batch_store.close(self._ledger, key, BatchState.RELEASED, as_read=row, **why)
            if freed is not None:
                self.counts.released += freed
                if row.provider_file_id:
                    await self._provider.forget(row.provider_file_id)
