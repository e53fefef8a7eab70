"""JSON to one endpoint over HTTP, and its answer: what may leave this machine, and how much may come back."""

import ssl
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

import httpx2

from neuroonco.models.endpoints import Connection, is_loopback
from neuroonco.models.retry import OversizedAnswerError, StatusError

MAX_RESPONSE_BYTES = 8 * 1024**2
CONNECT_TIMEOUT_S = 10.0
OVERSIZED = "the response is larger than any answer"
COMPRESSED = "the response is compressed although that was not asked for"
"""Eight megabytes of zeros come as eight kilobytes."""
_NO_AUTH = httpx2.Auth()
"""Names and passwords of a URL or a .netrc are not sent."""


class Wire:
    """Posts JSON to one endpoint, without retries, redirects or cookies.

    Each request has a connection to itself, the one that was used last of those that are free. A pool of many looks at
    the sockets of all of them whenever a request begins or ends, which costs more than the request.

    The key is held by a function, so that no listing of this object's fields shows it. Proxies and certificates of the
    environment are used (``trust_env``), but for this machine itself.

    Args:
        connection: where to.
        headers: of every request; they carry the key.
        timeout_s: longest silence of the endpoint.
        limit_bytes: longest response.
    """

    def __init__(
        self,
        connection: Connection,
        headers: Mapping[str, str],
        *,
        timeout_s: float,
        limit_bytes: int = MAX_RESPONSE_BYTES,
    ) -> None:
        url = httpx2.URL(connection.base_url)
        self._base = url.copy_with(raw_path=url.raw_path.rstrip(b"/"))
        self._urls: dict[str, httpx2.URL] = {}
        sent = httpx2.Headers(
            {
                **{"Host": url.netloc.decode("ascii"), "Accept": "application/json", "Connection": "keep-alive"},
                **{"Content-Type": "application/json", "User-Agent": "neuroonco", "Accept-Encoding": "identity"},
                **headers,
            }
        )
        self._headers: Callable[[], httpx2.Headers] = lambda: sent
        self._limit_bytes = limit_bytes
        self._timeout = httpx2.Timeout(timeout_s, connect=min(timeout_s, CONNECT_TIMEOUT_S))
        self._trust_env = not is_loopback(urlsplit(connection.base_url).hostname or "")
        self._tls = _tls(url.scheme, trust_env=self._trust_env)
        self._all: list[httpx2.AsyncClient] = []
        self._free: list[httpx2.AsyncClient] = []

    async def post(self, path: str, body: bytes) -> bytes:
        """Post JSON; gives the body of an answer with a status of success.

        Args:
            path: below the base URL, with a slash at its start.
            body: JSON.

        Raises:
            StatusError: another status.
            OversizedAnswerError: the response is too long, or compressed.
            RequestError: of ``httpx2``; there is no connection, or it broke.
        """
        if path not in self._urls:
            self._urls[path] = self._base.copy_with(raw_path=self._base.raw_path.rstrip(b"/") + path.encode("ascii"))
        request = httpx2.Request("POST", self._urls[path], headers=self._headers(), content=body)
        client = self._free.pop() if self._free else self._connected()
        try:
            response = await client.send(request, auth=_NO_AUTH, stream=True)
            try:
                content = await self._read(response)
            finally:
                await response.aclose()
        except (httpx2.RequestError, OversizedAnswerError):
            raise
        except Exception as error:  # the layers below do not word every end of a connection, e.g. under TLS
            raise httpx2.ReadError(type(error).__name__, request=request) from error
        finally:
            self._free.append(client)
        if not response.is_success:
            raise StatusError(response.status_code, content, response.headers.get("retry-after"))
        return content

    async def _read(self, response: httpx2.Response) -> bytes:
        if response.headers.get("content-encoding", "identity").lower() not in ("", "identity"):
            raise OversizedAnswerError(COMPRESSED)
        content = bytearray()
        async for chunk in response.aiter_raw():
            content += chunk
            if len(content) > self._limit_bytes:
                raise OversizedAnswerError(OVERSIZED)
        return bytes(content)

    def _connected(self) -> httpx2.AsyncClient:
        client = httpx2.AsyncClient(
            trust_env=self._trust_env,
            verify=self._tls,
            follow_redirects=False,
            timeout=self._timeout,
            limits=httpx2.Limits(max_connections=1, max_keepalive_connections=1),
        )
        self._all.append(client)
        return client

    async def aclose(self) -> None:
        """Close all connections."""
        for client in self._all:
            await client.aclose()


def _tls(scheme: str, *, trust_env: bool) -> ssl.SSLContext:
    """What certificates are held against; nothing passes where none is looked at, which saves reading hundreds."""
    if scheme == "http" and not trust_env:
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return httpx2.create_ssl_context(trust_env=trust_env)
