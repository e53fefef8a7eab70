"""A model behind an HTTP endpoint."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self

from pydantic_core import to_json

from neuroonco.errors import ProviderError, UsageError
from neuroonco.models.as_sent import as_sent
from neuroonco.models.chat_completions import ChatCompletions
from neuroonco.models.circuit import Circuit
from neuroonco.models.crowd import STOPPED
from neuroonco.models.dialects import SPENT, Dialect, DialectReply
from neuroonco.models.endpoints import ResolvedModel
from neuroonco.models.native_anthropic import AnthropicMessages
from neuroonco.models.outage import Outage
from neuroonco.models.pacing import AdaptiveLimit, Clock, CostBudget, RateLimit, check_going_on, most_input_tokens
from neuroonco.models.records import ModelAnswer, ModelCall
from neuroonco.models.retry import Failure, MalformedAnswerError, Patience, failure_of, without_key
from neuroonco.models.wire import Wire
from neuroonco.vocabulary import CallStatus

DIALECTS: dict[str, Dialect] = {"openai": ChatCompletions(), "anthropic": AnthropicMessages()}


@dataclass
class _Course:
    """How one call went so far."""

    attempts: int = 0
    cost_usd: float | None = None
    latency_s: float | None = None
    asked_at: str | None = None
    reply: DialectReply | None = None
    failure: Failure | None = None


class ServedClient:
    """Asks one model: bounded, paced, retried where that can help, and stopped where it cannot.

    Args:
        model: from :func:`neuroonco.models.endpoints.resolve`.
        budget: shared by all clients that one limit of cost is for.
        patience: how long a call is tried.
        clock: time.
        stopping: asked before every request and while waiting for one; once it says True, calls end with the attempt
            that is under way, and those that have not begun raise the error ``STOPPED``.
        say: takes a line where nothing has been answered for a while.

    Raises:
        UsageError: no URL; or a limit of cost, and no price.
        PrerequisiteError: no key.
    """

    def __init__(
        self,
        model: ResolvedModel,
        *,
        budget: CostBudget | None = None,
        patience: Patience | None = None,
        clock: Clock | None = None,
        stopping: Callable[[], bool] = lambda: False,
        say: Callable[[str], None] = lambda _line: None,
    ) -> None:
        endpoint, connection = model.endpoint, model.connection()
        self._model, self._endpoint = model, endpoint
        # A function, so that no listing of this object's fields shows it.
        self._key: Callable[[], str | None] = lambda: connection.key
        self._budget = budget or CostBudget()
        self._patience, self._stopping = patience or Patience(), stopping
        self._clock = (clock or Clock()).stopping_with(stopping)
        if self._budget.max_cost_usd is not None and endpoint.price_usd_per_million is None:
            fix = "state it in a file of prices (predict --prices) or endpoints (--endpoints), or leave --max-cost out"
            raise UsageError("PRICE_UNKNOWN", f"no limit of cost without a price of {model.name}", fix=fix)
        self._dialect = DIALECTS[endpoint.adapter]
        self._wire = Wire(connection, self._dialect.headers(connection.key), timeout_s=endpoint.timeout_s)
        self._slots = AdaptiveLimit(endpoint.concurrency)
        self._rate = RateLimit(endpoint.requests_per_minute, endpoint.tokens_per_minute, self._clock)
        self._circuit = Circuit(model.shown, self._patience, self._clock.seconds)
        self._outage = Outage(model.shown, say, self._clock.seconds)
        self._underestimated_tokens = 0

    def __repr__(self) -> str:
        return f"ServedClient({self.name!r})"

    @property
    def name(self) -> str:
        """See :attr:`neuroonco.models.protocol.ModelClient.name`."""
        return self._model.name

    async def ask(self, call: ModelCall, image: bytes | None) -> ModelAnswer:
        """See :meth:`neuroonco.models.protocol.ModelClient.ask`."""
        call = as_sent(call, self._endpoint)
        digest, course = call.request_hash(self.name), _Course()
        body = self._dialect.body(call, image, self._endpoint, self._model.model_id)
        input_tokens = most_input_tokens(self._endpoint, call, has_image=image is not None)
        try:
            while True:
                await self._attempt(course, body, input_tokens, call.max_tokens + self._endpoint.reasoning_tokens)
                if self._is_settled(course):
                    break
                await self._wait(digest, course)
        except ProviderError as error:
            if error.code != STOPPED or not course.attempts:
                raise
            return self._answer(digest, course)
        reply = course.reply
        if course.failure is not None and not course.failure.refused:
            self._circuit.failed(course.failure)
        elif reply is not None and reply.error == SPENT:
            self._circuit.failed(Failure(SPENT))
        else:
            self._circuit.answered()
        return self._answer(digest, course)

    async def _wait(self, digest: str, course: _Course) -> None:
        """Wait before the next attempt, and let all calls wait where the endpoint asks for it."""
        asked_s = course.failure.retry_after_s if course.failure else None
        if asked_s:
            self._rate.pause(asked_s)
        await self._clock.sleep(self._patience.wait_s(digest, course.attempts, asked_s))

    async def _attempt(self, course: _Course, body: dict[str, Any], input_tokens: int, output_tokens: int) -> None:
        """Send one request, and note in the course what became of it."""
        price = self._endpoint.price_usd_per_million
        async with self._slots.slot() as mark:
            check_going_on(self._stopping)
            self._circuit.check()
            stated_tokens, input_tokens = input_tokens, input_tokens + self._underestimated_tokens
            estimate_usd = price.cost_usd(input_tokens, output_tokens) if price else 0.0
            await self._budget.reserve(estimate_usd)
            cost_usd = 0.0
            try:
                await self._rate.turn(input_tokens + output_tokens)
                cost_usd = estimate_usd  # what a request that is cut off from here on may have cost
                course.attempts += 1
                course.asked_at = self._clock.utc().isoformat(timespec="milliseconds")
                course.reply = course.failure = None
                started_s = self._clock.seconds()
                try:
                    course.reply = await self._reply(body)
                    self._slots.succeeded()
                    self._outage.answered()
                except Exception as error:
                    failure = failure_of(error, self._clock.utc())
                    course.failure = replace(failure, line=without_key(failure.line, self._key()))
                    if failure.retried:
                        self._slots.failed(mark, overloaded=failure.overloaded)
                        left_s = self._left_s(started_s, failure)
                        self._outage.failed(course.failure.line, began_s=started_s, left_s=left_s)
                    else:
                        self._outage.answered()
                course.latency_s = round(self._clock.seconds() - started_s, 6)
                if course.reply is not None and course.reply.input_tokens is not None:
                    over = course.reply.input_tokens - stated_tokens
                    self._underestimated_tokens = max(self._underestimated_tokens, over)
                cost_usd = self._count(course, input_tokens + output_tokens, estimate_usd)
            finally:
                self._budget.settle(estimate_usd, cost_usd)

    def _left_s(self, started_s: float, failure: Failure) -> float:
        attempt_s = self._clock.seconds() - started_s
        calls, requests = self._endpoint.concurrency, self._slots.limit
        return self._circuit.left_s(attempt_s, failure.retry_after_s, calls=calls, requests=requests)

    async def _reply(self, body: dict[str, Any]) -> DialectReply:
        sent = to_json(body)  # three times as fast as json over a picture's 100 kB
        # The connection's own timeout is of silence; a server that sends a byte a minute would never meet it.
        async with asyncio.timeout(self._endpoint.timeout_s):
            content = await self._wire.post(self._dialect.path, sent)
        try:
            document = json.loads(content)
        except (ValueError, RecursionError):
            raise MalformedAnswerError("not JSON") from None
        return self._dialect.reply(document)

    def _count(self, course: _Course, estimated_tokens: int, estimate_usd: float) -> float:
        """Cost of the attempt that just ended."""
        reply, price = course.reply, self._endpoint.price_usd_per_million
        if reply is None or reply.input_tokens is None or reply.output_tokens is None:
            unknown = reply is not None or (course.failure is not None and course.failure.billed)
            cost_usd = estimate_usd if unknown else 0.0
        else:
            self._rate.correct(estimated_tokens, reply.input_tokens + reply.output_tokens)
            cost_usd = price.cost_usd(reply.input_tokens, reply.output_tokens) if price else 0.0
        if price is not None:
            course.cost_usd = (course.cost_usd or 0.0) + cost_usd
        return cost_usd

    def _is_settled(self, course: _Course) -> bool:
        """Whether nothing is to be gained by another attempt."""
        failure, reply = course.failure, course.reply
        if failure is not None:
            too_late = (failure.retry_after_s or 0.0) > self._patience.longest_asked_wait_s
            return too_late or not failure.retried or course.attempts >= self._patience.attempts
        if reply is None or reply.status is not CallStatus.EMPTY or reply.truncated:
            return True
        return course.attempts >= self._patience.attempts_if_empty

    def _answer(self, digest: str, course: _Course) -> ModelAnswer:
        reply = course.reply or DialectReply("")
        status, error = reply.status, reply.error
        if course.failure is not None:
            status, error = _status_of(course.failure), course.failure.line
        return ModelAnswer(
            request_hash=digest,
            model=self.name,
            status=status,
            text=reply.text or None,
            finish_reason=reply.finish_reason,
            served_model=reply.served_model,
            input_tokens=reply.input_tokens,
            output_tokens=reply.output_tokens,
            cost_usd=course.cost_usd,
            latency_s=course.latency_s,
            attempts=course.attempts,
            error=error,
            asked_at=course.asked_at,
        )

    async def aclose(self) -> None:
        """Close all connections."""
        await self._wire.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


def _status_of(failure: Failure) -> CallStatus:
    if failure.refused:
        return CallStatus.REFUSED
    return CallStatus.FAILED if failure.retried else CallStatus.REJECTED
