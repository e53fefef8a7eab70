"""A client of a model on this machine: calls that come at the same time are answered in one batch."""

import asyncio
import json
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Self

from neuroonco.errors import UsageError
from neuroonco.models.local_checkpoint import find
from neuroonco.models.local_model import LocalModel, Prompt, Written
from neuroonco.models.local_weights import is_out_of_memory
from neuroonco.models.records import ModelAnswer, ModelCall
from neuroonco.vocabulary import CallStatus

LINGER_S: Final = 0.01
"""How long a batch that is not full waits for another call. Answers come back through the ledger one by one, and the
calls that follow them would else be asked alone."""
LIKELIHOOD: Final = "scoring=likelihood"
LETTERS: Final = "letters="


@dataclass(frozen=True)
class _Kind:
    """What calls of one batch have in common."""

    letters: tuple[str, ...]
    max_tokens: int
    has_picture: bool
    is_drawn: bool


@dataclass(eq=False)
class _Waiting:
    call: ModelCall
    prompt: Prompt
    digest: str
    kind: _Kind
    answer: "asyncio.Future[ModelAnswer]"


class LocalClient:
    """A :class:`~neuroonco.models.protocol.ModelClient` of a checkpoint, with one thread that computes.

    Args:
        place: a folder, or ``organization/model`` on the Hub.
        batch_size: calls that are answered together at most; half of it, and so on, where memory runs out.
        device: ``cpu``, ``cuda``, ``cuda:1``, ``mps``; None takes a GPU where there is one.
        dtype: ``auto`` (bfloat16 on a GPU, float32 on a CPU), ``float32``, ``bfloat16``, ``float16``.

    Raises:
        UsageError: the batch, the device or the number format makes no sense.
        InputError: no such model, or not one that can be used.
        PrerequisiteError: a library or a GPU is missing.
    """

    def __init__(self, place: str, *, batch_size: int = 8, device: str | None = None, dtype: str = "auto") -> None:
        if batch_size < 1:
            raise UsageError("BATCH_EMPTY", "a batch holds one call at least", where=str(batch_size))
        self._model = LocalModel(find(place), device=device, dtype=dtype)
        self._batch_size = batch_size
        self._waiting: deque[_Waiting] = deque()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="local-model")
        self._pump: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"LocalClient({self.name!r})"

    @property
    def name(self) -> str:
        """``local:LABEL@FINGERPRINT``; see :class:`neuroonco.models.local_checkpoint.Checkpoint`."""
        return self._model.checkpoint.name

    @property
    def at_once(self) -> int:
        """Calls to keep under way, so that a batch is full again when one has been answered."""
        return 3 * self._batch_size

    @property
    def ways(self) -> tuple[str, ...]:
        """What decides an answer beside the call and the checkpoint, as ``name=value``."""
        return (f"dtype={self._model.dtype}", f"picture_processor={self._model.processor.picture_class}")

    def as_asked(self, call: ModelCall) -> ModelCall:
        """A call as this model takes it: no schema, which nothing here enforces, and with :attr:`ways` in its settings.

        It goes before the ledger, so that an answer in one number format is none in another. Done twice it stays.
        """
        settings = (*(said for said in call.settings if said not in self.ways), *self.ways)
        return call.model_copy(update={"schema_": None, "settings": settings})

    async def ask(self, call: ModelCall, image: bytes | None) -> ModelAnswer:
        """See :meth:`neuroonco.models.protocol.ModelClient.ask`.

        Raises:
            InputError, PrerequisiteError: the weights cannot be loaded; no call would be answered.
        """
        digest, prompt = call.request_hash(self.name), Prompt(call.turns, image)
        answer: asyncio.Future[ModelAnswer] = asyncio.get_running_loop().create_future()
        try:
            kind = _kind_of(call, has_picture=image is not None)
        except ValueError as error:
            return ModelAnswer(request_hash=digest, model=self.name, status=CallStatus.FAILED, error=str(error))
        self._waiting.append(_Waiting(call, prompt, digest, kind, answer))
        if self._pump is None or self._pump.done():
            self._pump = asyncio.ensure_future(self._answer_all())
        return await answer

    async def _answer_all(self) -> None:
        """Answer batch after batch until no call waits."""
        loop = asyncio.get_running_loop()
        while self._waiting:
            await self._gather()
            batch = self._next_batch()
            if not batch:
                continue
            try:
                answers = await loop.run_in_executor(self._thread, self._answers, batch)
            except Exception as error:  # the weights cannot be loaded, or the client is closed
                for one in [*batch, *self._waiting]:
                    if not one.answer.done():
                        one.answer.set_exception(error)
                self._waiting.clear()
                return
            for one, answer in zip(batch, answers, strict=True):
                if not one.answer.done():
                    one.answer.set_result(answer)

    async def _gather(self) -> None:
        """Wait until a batch is full, or no further call comes."""
        seen = 0
        while seen < len(self._waiting) < self._batch_size:
            seen = len(self._waiting)
            await asyncio.sleep(LINGER_S)

    def _next_batch(self) -> list[_Waiting]:
        """The calls that came first and have the first one's kind, in their order."""
        here = [one for one in self._waiting if not one.answer.done()]  # nobody waits for one that was cancelled
        # A drawn answer depends on its place in a batch, so that its call is asked alone.
        size = 1 if here and here[0].kind.is_drawn else self._batch_size
        batch = [one for one in here if one.kind == here[0].kind][:size]
        chosen = set(map(id, batch))
        self._waiting = deque(one for one in here if id(one) not in chosen)
        return batch

    def _answers(self, batch: Sequence[_Waiting]) -> list[ModelAnswer]:
        """Answers to a batch, in its order; runs in the thread. Only weights that cannot be loaded raise."""
        self._model.load()
        began, started_s = datetime.now(UTC), time.perf_counter()
        try:
            outcomes = self._computed(batch)
        except Exception as error:
            lacks_memory, line = is_out_of_memory(error), self._model.checkpoint.one_line(error)
        else:
            latency_s = round(time.perf_counter() - started_s, 6)
            return [self._answer(one, began, latency_s, **fields) for one, fields in zip(batch, outcomes, strict=True)]
        # Outside of the handler: the traceback would hold on to what the failed batch has in memory.
        if lacks_memory:
            self._model.free()
            self._batch_size = max(1, min(self._batch_size, len(batch) // 2))
            line = "out of memory with a batch of one"
        if len(batch) == 1:
            latency_s = round(time.perf_counter() - started_s, 6)
            return [self._answer(batch[0], began, latency_s, status=CallStatus.FAILED, error=line)]
        # Short of memory, halves may fit; else one call is at fault, and it alone is to fail.
        size = (len(batch) + 1) // 2 if lacks_memory else 1
        return [answer for n in range(0, len(batch), size) for answer in self._answers(batch[n : n + size])]

    def _computed(self, batch: Sequence[_Waiting]) -> list[dict[str, Any]]:
        """Fields of the answers to a batch, in its order."""
        first, prompts = batch[0], [one.prompt for one in batch]
        if first.kind.letters:
            judged = self._model.letter_logprobs(prompts, first.kind.letters)
            return [
                {
                    "status": CallStatus.OK,
                    "text": json.dumps(logprobs),
                    "finish_reason": "stop",
                    "input_tokens": input_tokens,
                    "output_tokens": 0,
                }
                for logprobs, input_tokens in judged
            ]
        seed = int(first.digest[:8], 16) if first.call.seed is None else first.call.seed
        temperature = first.call.temperature or 0.0
        written = self._model.write(prompts, max_tokens=first.kind.max_tokens, temperature=temperature, seed=seed)
        if self._model.stopping.is_set():
            raise InterruptedError("stopped before the answer was whole")
        return [_fields_of(one) for one in written]

    def _answer(self, one: _Waiting, began: datetime, latency_s: float, **fields: Any) -> ModelAnswer:
        return ModelAnswer(
            request_hash=one.digest,
            model=self.name,
            served_model=self._model.checkpoint.label,
            latency_s=latency_s,
            attempts=1,
            cost_usd=0.0,
            asked_at=began.isoformat(timespec="milliseconds"),
            **fields,
        )

    async def aclose(self) -> None:
        """End what is under way at its next token, and let go of the weights. No call can be asked afterwards."""
        self._model.stopping.set()
        for one in self._waiting:
            one.answer.cancel()
        if self._pump is not None and not self._pump.done():
            await asyncio.gather(self._pump, return_exceptions=True)
        await asyncio.to_thread(self._thread.shutdown)
        self._model.unload()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


def _kind_of(call: ModelCall, *, has_picture: bool) -> _Kind:
    """What a call may share a batch with.

    Raises:
        ValueError: its settings make no sense.
    """
    letters: tuple[str, ...] = ()
    if LIKELIHOOD in call.settings:
        named = [said.removeprefix(LETTERS) for said in call.settings if said.startswith(LETTERS)]
        letters = tuple(named[0].split(",")) if len(named) == 1 else ()
        if not letters or not all(letters) or len(set(letters)) != len(letters):
            raise ValueError(f"scoring by likelihood needs one setting {LETTERS}A,B with different letters")
        # How long an answer may be and how it is drawn are no matter then.
        return _Kind(letters, 0, has_picture, is_drawn=False)
    return _Kind(letters, call.max_tokens, has_picture, is_drawn=(call.temperature or 0.0) > 0)


def _fields_of(written: Written) -> dict[str, Any]:
    status = CallStatus.TRUNCATED
    if written.ended:
        status = CallStatus.OK if written.text.strip() else CallStatus.EMPTY
    return {
        "status": status,
        "text": written.text or None,
        "finish_reason": "stop" if written.ended else "length",
        "input_tokens": written.input_tokens,
        "output_tokens": written.output_tokens,
        "error": "the model ended its answer at once" if status is CallStatus.EMPTY else None,
    }
