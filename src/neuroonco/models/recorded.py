"""A model behind the ledger: the same request is no second call, across runs, stages and concurrent tasks."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from neuroonco.errors import PendingError, ProviderError
from neuroonco.models.crowd import STOPPED
from neuroonco.models.ledger import Ledger
from neuroonco.models.protocol import ModelClient
from neuroonco.models.records import ModelAnswer, ModelCall
from neuroonco.store import sha256_bytes
from neuroonco.vocabulary import CallStatus

NOT_IN_LEDGER = "not in the ledger"
FAILED = frozenset({CallStatus.FAILED, CallStatus.REJECTED})
"""How a call ends that was not answered; an answer without text is one."""
PICTURES_KNOWN = 16
"""Pictures that are held so that they are not hashed again: the questions about one come one after the other."""


@dataclass
class CallCounts:
    """What became of the calls of one client in one run.

    Attributes:
        from_ledger: answered by what the ledger held before.
        joined: equal to a call that was put to the model in this run, under way or done; they got its answer.
        asked: put to the model, by the status of the answer.
        retries: requests beyond the first of a call.
        missing: not in the ledger while replaying.
        input_tokens, output_tokens, cost_usd: sums over what was asked, as far as the endpoint counts and prices are
            known.
        unpriced: asked without a known cost.
        failure: why the first call that failed did so.
    """

    from_ledger: int = 0
    joined: int = 0
    asked: dict[CallStatus, int] = field(default_factory=dict)
    retries: int = 0
    missing: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    unpriced: int = 0
    failure: str | None = None

    def add(self, answer: ModelAnswer) -> None:
        """Count an answer that was just asked for."""
        self.asked[answer.status] = self.asked.get(answer.status, 0) + 1
        self.retries += max(0, answer.attempts - 1)
        self.input_tokens += answer.input_tokens or 0
        self.output_tokens += answer.output_tokens or 0
        self.cost_usd += answer.cost_usd or 0.0
        self.unpriced += answer.cost_usd is None
        if self.failure is None and answer.status in FAILED:
            self.failure = answer.error


class RecordedClient:
    """A :class:`~neuroonco.models.protocol.ModelClient` that asks only for what the ledger does not hold.

    A final answer (whole, cut off, refused) is never asked for again. A call that failed, was rejected or came back
    empty is asked again by the next run, but once only by this client. Every answer is on disk before it is returned.
    What waits in a provider's batch is not asked: it would be paid twice.

    Args:
        ledger: shared by all clients of a run.
        client: the model; None where nothing is to be asked.
        replay: answer from the ledger alone. An unknown call gets the status ``failed``, and nothing is written.
        name: of the model, where there is no client to say it.
        repeats_itself: the model answers the same call with the same text, so that an empty answer is final as well.
        stopping: asked before every call to the model; once it says True, only the ledger answers, and another call
            raises. Those under way go on.
    """

    def __init__(
        self,
        ledger: Ledger,
        client: ModelClient | None,
        *,
        replay: bool = False,
        name: str | None = None,
        repeats_itself: bool = False,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        if client is None and (name is None or not replay):
            raise ValueError("without a client there is only replay, of a named model")
        self._name = name if client is None or name is not None else client.name
        self._ledger, self._client, self._replay, self._stopping = ledger, client, replay, stopping
        self._repeats_itself = repeats_itself
        self._under_way: dict[str, asyncio.Task[ModelAnswer]] = {}
        self._asked: set[int] = set()  # numbers take a third of the room of hashes as text
        self._pictures = _Pictures()
        self.counts = CallCounts()

    @property
    def name(self) -> str:
        """Name of the model."""
        return str(self._name)

    async def ask(self, call: ModelCall, image: bytes | None) -> ModelAnswer:
        """See :meth:`neuroonco.models.protocol.ModelClient.ask`.

        Raises:
            PrerequisiteError, ProviderError: as the client says; or once it stops.
            PendingError: the call waits in a batch.
            InputError: the ledger cannot be read or written; nothing is used that is not recorded.
        """
        request_hash = call.request_hash(self.name)
        under_way = self._under_way.get(request_hash)
        is_first = under_way is None
        if under_way is None:
            under_way = asyncio.ensure_future(self._answer(request_hash, call, image))
            self._under_way[request_hash] = under_way
            under_way.add_done_callback(lambda task: self._landed(request_hash, task))
        # One asker's cancellation must not take the answer from the others, nor from the ledger.
        answer = await asyncio.shield(under_way)
        if not is_first:
            self._count_held(request_hash, answer)
        return answer

    def _count_held(self, request_hash: str, answer: ModelAnswer) -> None:
        """Count a call that asked nobody; which of two equal ones came first makes no difference."""
        if _number(request_hash) in self._asked:
            self.counts.joined += 1
        elif answer.error == NOT_IN_LEDGER:
            self.counts.missing += 1
        else:
            self.counts.from_ledger += 1

    def _landed(self, request_hash: str, task: "asyncio.Task[ModelAnswer]") -> None:
        del self._under_way[request_hash]
        if not task.cancelled():
            task.exception()  # seen, also where every asker was cancelled

    async def _answer(self, request_hash: str, call: ModelCall, image: bytes | None) -> ModelAnswer:
        batch_key = None
        if self._replay:
            held = await self._ledger.get(request_hash)
        else:
            held, batch_key = await self._ledger.look_up(request_hash)
        if held is not None and (self._is_settled(held) or _number(request_hash) in self._asked):
            self._count_held(request_hash, held)
            return held
        if self._replay or self._client is None:
            status = CallStatus.FAILED
            unknown = ModelAnswer(request_hash=request_hash, model=self.name, status=status, error=NOT_IN_LEDGER)
            self._count_held(request_hash, unknown)
            return unknown
        if self._stopping():
            raise ProviderError(STOPPED, "no new calls after the stop", fix="run the same command again")
        self._pictures.check(call, image)
        if batch_key is not None:
            fix = f"collect it with --batch, or give it up: neuroonco ledger batches --release {batch_key}"
            raise PendingError("BATCH_PENDING", f"a call waits in batch {batch_key}", where=self.name, fix=fix)
        fresh = await self._client.ask(call, image)
        if fresh.request_hash != request_hash:
            raise ValueError("the client answered another call")
        self.counts.add(fresh)
        kept = await self._ledger.put(call, fresh)
        self._asked.add(_number(request_hash))
        return kept

    def _is_settled(self, held: ModelAnswer) -> bool:
        """Whether an answer is not asked for again."""
        repeats = self._repeats_itself and held.status is CallStatus.EMPTY
        return held.status.is_final or self._replay or repeats


def _number(request_hash: str) -> int:
    """60 bits of a hash."""
    return int(request_hash[:15], 16)


def check_picture(call: ModelCall, image: bytes | None) -> None:
    """Refuse a picture that is not the call's: its answer would be kept under the hash of another one.

    Raises:
        ValueError: another picture, one too many, or none.
    """
    if (None if image is None else sha256_bytes(image)) != call.image_sha256:
        raise ValueError("the picture is not the one that the call names")


class _Pictures:
    """:func:`check_picture` that hashes a picture once, although several questions in a row show it."""

    def __init__(self) -> None:
        # By identity: bytes never change, and as long as they are held here, no others have their id.
        self._known: dict[int, tuple[bytes, str]] = {}

    def check(self, call: ModelCall, image: bytes | None) -> None:
        """See :func:`check_picture`."""
        known = self._known.get(id(image))
        if known is not None and known[1] == call.image_sha256:
            return
        check_picture(call, image)
        if image is not None and call.image_sha256 is not None:
            self._known[id(image)] = image, call.image_sha256
            if len(self._known) > PICTURES_KNOWN:
                del self._known[next(iter(self._known))]
