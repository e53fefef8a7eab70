"""The HTTP client under the SDK, which batches are handed over with; see :mod:`neuroonco.models.wire`."""

from collections.abc import AsyncIterator, Mapping
from urllib.parse import urlsplit

import httpx2
import openai

from neuroonco.models.endpoints import Connection, is_loopback
from neuroonco.models.retry import OversizedAnswerError
from neuroonco.models.wire import COMPRESSED, CONNECT_TIMEOUT_S, OVERSIZED

SENT_HEADERS = frozenset({"accept", "connection", "content-length", "content-type", "host", "transfer-encoding"})
"""Headers that are sent as the SDK made them. Others that it adds (machine, runtime, organization, cookies, whatever
the variable OPENAI_CUSTOM_HEADERS says) are not."""


class _Bounded(httpx2.AsyncByteStream):
    """A response that ends with an error when it is larger than any answer."""

    def __init__(self, stream: httpx2.AsyncByteStream, limit_bytes: int) -> None:
        self._stream, self._left = stream, limit_bytes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            self._left -= len(chunk)
            if self._left < 0:
                raise OversizedAnswerError(OVERSIZED)
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


def sdk_client(
    connection: Connection,
    headers: Mapping[str, str],
    *,
    timeout_s: float,
    concurrency: int,
    limit_bytes: int,
) -> openai.AsyncOpenAI:
    """The SDK without retries, redirects, or any knowledge of the key.

    The key is put into a request at the last moment, so that the SDK's errors and logs cannot hold it. Proxies and
    certificates of the environment are used (``trust_env``), but for this machine itself.

    Args:
        connection: where to.
        headers: of every request; they carry the key.
        timeout_s: longest silence of the endpoint.
        concurrency: connections that are kept open.
        limit_bytes: longest response.
    """

    async def seal(request: httpx2.Request) -> None:
        for name in [name for name in request.headers if name.lower() not in SENT_HEADERS]:
            del request.headers[name]
        request.headers.update({"User-Agent": "neuroonco", "Accept-Encoding": "identity", **headers})

    async def bound(response: httpx2.Response) -> None:
        if response.headers.get("content-encoding", "identity").lower() not in ("", "identity"):
            raise OversizedAnswerError(COMPRESSED)
        if isinstance(response.stream, httpx2.AsyncByteStream):
            response.stream = _Bounded(response.stream, limit_bytes)

    http_client = httpx2.AsyncClient(
        trust_env=not is_loopback(urlsplit(connection.base_url).hostname or ""),
        follow_redirects=False,
        timeout=httpx2.Timeout(timeout_s, connect=min(timeout_s, CONNECT_TIMEOUT_S)),
        limits=httpx2.Limits(max_connections=concurrency, max_keepalive_connections=concurrency),
        event_hooks={"request": [seal], "response": [bound]},
    )
    return openai.AsyncOpenAI(
        api_key="none",
        organization="",
        project="",
        base_url=connection.base_url,
        max_retries=0,
        timeout=timeout_s,
        http_client=http_client,
    )
