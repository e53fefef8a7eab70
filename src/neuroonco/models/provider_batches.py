"""The provider's side of batches: uploads, batches, results. Whatever goes wrong there is one line without keys."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import IO, Any, TypeVar

import httpx2
import openai

from neuroonco.errors import ProviderError
from neuroonco.models.batch_lines import ROUTE, scrubbed
from neuroonco.models.retry import OversizedAnswerError, StatusError, failure_of

T = TypeVar("T")
METADATA = "neuroonco_batch"
"""Under this name the provider keeps our own key of a batch."""
NOT_TAKEN, GONE, UNREACHABLE = "BATCH_NOT_TAKEN", "BATCH_GONE", "BATCH_UNREACHABLE"
"""Codes of errors: surely refused; not known there (HTTP 404); anything may have become of it."""


class ProviderBatches:
    """What is asked of the provider. Every method raises ``ProviderError`` with one of the codes above.

    Args:
        sdk: connected to it.
        key: with which it is connected; providers may repeat it, and it is blanked wherever they do.
    """

    def __init__(self, sdk: openai.AsyncOpenAI, key: str | None) -> None:
        self._sdk = sdk
        # A function, so that no listing of this object's fields shows it.
        self._key: Callable[[], str | None] = lambda: key

    def scrubbed(self, text: str) -> str:
        """A provider's text as one line without keys."""
        return scrubbed(text, self._key())

    async def upload(self, requests: IO[bytes]) -> str:
        """Store a file of requests; gives its id."""
        upload = ("requests.jsonl", requests, "application/jsonl")
        return str((await self._plain(self._sdk.files.create(file=upload, purpose="batch"))).id)

    async def begin(self, batch_key: str, file_id: str, timeout_s: float) -> Any:
        """Let the provider begin a batch; answered within ``timeout_s``, or as if it could not be reached."""
        request = self._sdk.batches.create(
            input_file_id=file_id, endpoint=ROUTE, completion_window="24h", metadata={METADATA: batch_key}
        )
        return await self._plain(request, timeout_s)

    async def look(self, batch_id: str) -> Any:
        """A batch as it is now."""
        return await self._plain(self._sdk.batches.retrieve(batch_id))

    async def by_key(self) -> dict[str, Any]:
        """All batches that the provider has, by our own key; those of others are under an empty one."""
        return {(batch.metadata or {}).get(METADATA, ""): batch for batch in await self._plain(self._listed())}

    async def _listed(self) -> list[Any]:
        return [batch async for batch in self._sdk.batches.list(limit=100)]

    async def lines(self, file_id: str) -> list[bytes]:
        """Lines of a file of results."""
        content = await self._plain(self._sdk.files.content(file_id))
        return [line for line in content.content.split(b"\n") if line.strip()]

    async def forget(self, file_id: str) -> None:
        """Let the provider delete our pictures; if it cannot, they expire there."""
        with suppress(ProviderError):
            await self._plain(self._sdk.files.delete(file_id))

    def reason(self, batch: Any) -> str | None:
        """What the provider says went wrong with a batch."""
        reasons = [error.message for error in (batch.errors.data or [])] if batch.errors else []
        return self.scrubbed("; ".join(reason for reason in reasons if reason)) or None

    async def _plain(self, request: Awaitable[T], timeout_s: float | None = None) -> T:
        """Await a request; what it raises becomes one line."""
        try:
            async with asyncio.timeout(timeout_s):
                return await request
        except (openai.OpenAIError, OversizedAnswerError, TimeoutError, OSError) as error:
            failure = failure_of(_below(error), datetime.now(UTC))
            code = UNREACHABLE
            if isinstance(error, openai.APIStatusError) and not failure.retried:
                code = GONE if error.status_code == 404 else NOT_TAKEN
            fix = "run the same command again; what was submitted is remembered"
            raise ProviderError(code, self.scrubbed(failure.line), fix=fix) from None


def _below(error: Exception) -> Exception:
    """What an error of the SDK stands for."""
    if isinstance(error, openai.APIStatusError):
        return StatusError(error.status_code, error.body, error.response.headers.get("retry-after"))
    if isinstance(error, openai.APITimeoutError):
        return TimeoutError()
    if isinstance(error, openai.APIConnectionError):
        cause = error.__cause__
        lost = cause if isinstance(cause, httpx2.RequestError) else httpx2.ReadError(type(cause).__name__)
        lost.__cause__ = lost.__cause__ or (None if cause is lost else cause)
        return lost
    return error
