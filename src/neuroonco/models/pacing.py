"""How fast and how far to go: requests under way, requests and tokens a minute, and money."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from neuroonco.errors import ProviderError
from neuroonco.models.crowd import STOPPED
from neuroonco.models.endpoint_records import Endpoint
from neuroonco.models.records import ModelCall


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Clock:
    """Time, as a client sees it; a test brings its own.

    Attributes:
        seconds: monotonic.
        utc: what a Retry-After date is compared with.
        sleep: waits seconds.
    """

    seconds: Callable[[], float] = time.monotonic
    utc: Callable[[], datetime] = _utc_now
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    def stopping_with(self, stopping: Callable[[], bool]) -> "Clock":
        """The same clock, whose sleep ends within a second of a stop with the error ``STOPPED``."""

        async def sleep(seconds: float) -> None:
            while seconds > 0:
                check_going_on(stopping)
                await self.sleep(min(seconds, LOOK_S))
                seconds -= LOOK_S
            check_going_on(stopping)

        return replace(self, sleep=sleep)


LOOK_S = 1.0
"""How often a sleeper looks whether it is to stop."""


def check_going_on(stopping: Callable[[], bool]) -> None:
    """Let a request through unless the run stops.

    Raises:
        ProviderError: it does.
    """
    if stopping():
        raise ProviderError(STOPPED, "no new requests after the stop", fix="run the same command again")


FAILED_IN_A_ROW = 3
"""Failed requests without an answer between them, after which fewer are sent at once."""


class AdaptiveLimit:
    """Bounds how many requests are under way: halved when the endpoint fails, then grown slowly.

    Additive increase, multiplicative decrease: after as many good answers as the limit holds, it grows by one. Of the
    requests that were sent before a cut, none cuts again: they met the same trouble.

    Source:
        Chiu and Jain 1989, Computer Networks and ISDN Systems 17.
    """

    def __init__(self, maximum: int) -> None:
        self.maximum = maximum
        self.limit = float(maximum)
        self._under_way = 0
        self._cuts = self._failed_in_a_row = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[int]:
        """Hold one place; gives the mark that :meth:`failed` wants back. Served in the order of asking."""
        if self._under_way >= int(self.limit) or self._waiting:
            place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(place)
            try:
                await place
            except BaseException:
                if place.done() and not place.cancelled():
                    self._release()  # the place was given in the moment of cancelling
                else:
                    with suppress(ValueError):
                        self._waiting.remove(place)
                raise
        else:
            self._under_way += 1
        try:
            yield self._cuts
        finally:
            self._release()

    def _release(self) -> None:
        self._under_way -= 1
        self._admit()

    def _admit(self) -> None:
        while self._waiting and self._under_way < int(self.limit):
            place = self._waiting.popleft()
            if not place.done():
                self._under_way += 1
                place.set_result(None)

    def succeeded(self) -> None:
        """A request was answered."""
        self._failed_in_a_row = 0
        if self.limit < self.maximum:
            self.limit = min(float(self.maximum), self.limit + 1 / self.limit)
            self._admit()

    def failed(self, mark: int, *, overloaded: bool) -> None:
        """A request failed; where the endpoint does not ask for fewer, one failure alone is no reason to send fewer."""
        self._failed_in_a_row += 1
        if mark == self._cuts and (overloaded or self._failed_in_a_row >= FAILED_IN_A_ROW):
            self._cuts += 1
            self.limit = max(1.0, self.limit / 2)


class RateLimit:
    """Spreads requests and tokens evenly over the minute, and holds everything while the endpoint asks for a pause."""

    def __init__(self, requests_per_minute: float | None, tokens_per_minute: float | None, clock: Clock) -> None:
        self._request_s = 60 / requests_per_minute if requests_per_minute else 0.0
        self._token_s = 60 / tokens_per_minute if tokens_per_minute else 0.0
        self._clock = clock
        self._next_request_s = self._next_token_s = self._paused_until_s = float("-inf")

    async def turn(self, tokens: int) -> None:
        """Wait until a request of about so many tokens may be sent."""
        while (now := self._clock.seconds()) < self._paused_until_s:
            await self._clock.sleep(self._paused_until_s - now)
        start = max(now, self._next_request_s, self._next_token_s)
        self._next_request_s = start + self._request_s
        self._next_token_s = start + tokens * self._token_s
        if start > now:
            await self._clock.sleep(start - now)

    def correct(self, estimated_tokens: int, tokens: int) -> None:
        """Give back what a request took less than was thought, or take the rest."""
        self._next_token_s += (tokens - estimated_tokens) * self._token_s

    def pause(self, seconds: float) -> None:
        """Let nothing start for a while."""
        self._paused_until_s = max(self._paused_until_s, self._clock.seconds() + seconds)


class CostBudget:
    """A limit of money over all clients that share it: what a request may cost is set aside before it is sent.

    It may be used in one event loop after the other.

    Args:
        max_cost_usd: None for no limit; the cost is added up all the same.
        spent_usd: what was spent before, where a limit spans several runs.
    """

    def __init__(self, max_cost_usd: float | None = None, spent_usd: float = 0.0) -> None:
        self.max_cost_usd = max_cost_usd
        self.spent_usd = spent_usd
        self._set_aside_usd = 0.0
        self._under_way = 0
        self._settled = asyncio.Event()

    async def reserve(self, estimate_usd: float) -> None:
        """Set the most that a request may cost aside; wait for others to be settled if only they are in the way.

        Raises:
            ProviderError: this request could exceed the limit.
        """
        while self.max_cost_usd is not None:
            if self.spent_usd + self._set_aside_usd + estimate_usd <= self.max_cost_usd:
                break
            if not self._under_way:
                what = f"{self.spent_usd:.4f} USD are spent; the next call may cost {estimate_usd:.4f} USD"
                least = self.spent_usd + estimate_usd
                fix = f"raise --max-cost to at least {least:.4f} and start again; what was answered is in the ledger"
                raise ProviderError("COST_LIMIT", what, fix=fix)
            await self._settled.wait()
        self._set_aside_usd += estimate_usd
        self._under_way += 1

    def settle(self, estimate_usd: float, cost_usd: float) -> None:
        """Replace what was set aside by what it cost."""
        self._under_way -= 1
        self._set_aside_usd = self._set_aside_usd - estimate_usd if self._under_way else 0.0
        self.spent_usd += cost_usd
        self._settled.set()
        self._settled = asyncio.Event()  # a new one, since an event belongs to the loop in which it was waited for


PIXELS_PER_TOKEN = 750
"""Of a picture. Anthropic's own figure; OpenAI's tiles and Qwen's patches of 28 x 28 pixels come to about the same."""
BYTES_PER_TOKEN = 2
"""Of text in UTF-8, half of what is usual, so that the estimate is seldom too low."""


def most_input_tokens(endpoint: Endpoint, call: ModelCall, *, has_image: bool) -> int:
    """Estimate of the tokens of a request, rather too high than too low.

    >>> from neuroonco.models.endpoints import shipped
    >>> from neuroonco.models.records import Turn
    >>> call = ModelCall(purpose="a", prompt_name="p", prompt_sha256="0", turns=(Turn(role="user", text="x" * 3000),))
    >>> most_input_tokens(shipped()["openai"], call, has_image=True)
    4100
    """
    size_bytes = sum(len(turn.text.encode()) for turn in call.turns)
    size_bytes += len(call.schema_.document.encode()) if call.schema_ else 0
    image_tokens = endpoint.image_tokens_max or -(-(endpoint.image_max_side_px**2) // PIXELS_PER_TOKEN)
    return -(-size_bytes // BYTES_PER_TOKEN) + (image_tokens if has_image else 0)
