"""What keeps a local server safe from other sites that are open in the same browser, and from strangers' names for it.

Pure ASGI, around the whole app. What is refused, and why:

- **Host** must be one of the names that the server is meant to have, with or without its port. A page of another site
  can make its own name point to this machine (DNS rebinding); the browser then takes the server for that site, but
  still sends that site's name. Several, none, or a malformed one: 400; another: 421. ``X-Forwarded-Host`` is not read.
- **Methods that change things** (all but GET, HEAD and OPTIONS; ``X-HTTP-Method-Override`` is not read) need proof that
  the page they come from is this server's: ``Sec-Fetch-Site: same-origin`` where the browser sends it, else an
  ``Origin`` whose host and port are those of ``Host``. If both are there, neither may contradict. ``Origin: null`` says
  nothing: it is allowed beside ``Sec-Fetch-Site`` (a form under the policy ``no-referrer`` sends it), not alone.
  Without both headers no browser of these years is at work; such a request passes without a cookie, because there is
  then nobody's session to abuse, and is refused with one.
- **Reading from other sites**: where ``Sec-Fetch-Site`` is there and neither ``same-origin`` nor ``none`` (which
  includes ``same-site``: another port of this machine), only a visit passes, which is a GET that opens a page in a tab;
  and only to what answers with a page or a redirect.
- **Bodies** larger than the limit: 413, whatever length was announced; not complete in time: 408. The app starts when
  the body is complete.

Whatever the app raises becomes a plain 500; the log gets the kind of error and the places in the code, not its message,
which may hold what a person wrote.
"""

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

MAX_BODY_BYTES = 65_536
MAX_BODY_S = 30.0
"""How long a body may take to come: who sends it slower holds a connection and means no good."""
STATIC = "/static/"
READING = ("GET", "HEAD", "OPTIONS")
OWN = ("same-origin", "none")
"""Values of ``Sec-Fetch-Site`` of requests that no other site has caused."""

CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
ALWAYS: dict[bytes, bytes] = {
    b"content-security-policy": CONTENT_POLICY.encode(),
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"x-frame-options": b"DENY",
    b"permissions-policy": b"camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
}
"""On every response, in place of what the app says."""
_DROPPED = (b"server", b"x-powered-by")

log = logging.getLogger(__name__)


class _RefusedError(Exception):
    """A request that the app does not get to see."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status, self.said = status, said


class Safety:
    """ASGI middleware; see the module.

    Args:
        app: what is kept safe.
        hosts: allowed ``Host`` headers in lower case, as :func:`neuroonco.viewer.serving.allowed_hosts` gives them.
        max_body_bytes: of a request.
        max_body_s: how long the body may take to come.
    """

    def __init__(
        self, app: App, hosts: frozenset[str], max_body_bytes: int = MAX_BODY_BYTES, max_body_s: float = MAX_BODY_S
    ) -> None:
        self.app, self.hosts, self.max_body_bytes, self.max_body_s = app, hosts, max_body_bytes, max_body_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        answer = _Answer(scope, send)
        try:
            check_host(scope["headers"], self.hosts)
            answer.only_pages = check_origin(scope["method"], scope["headers"])
            body = await self._body(scope["headers"], receive)
            if body is not None:
                await self.app(scope, _replaying(body, receive), answer.send)
        except _RefusedError as refused:
            await answer.plain(refused.status, refused.said)
        except Exception as error:
            places = "".join(traceback.format_tb(error.__traceback__))
            log.error("%s while answering %s\n%s", type(error).__name__, scope["method"], places)
            await answer.plain(500, "Something went wrong on the server.")

    async def _body(self, headers: Headers, receive: Receive) -> bytes | None:
        try:
            async with asyncio.timeout(self.max_body_s):
                return await read_body(headers, receive, self.max_body_bytes)
        except TimeoutError:
            raise _RefusedError(408, "The request did not come to its end.") from None


def check_host(headers: Headers, hosts: frozenset[str]) -> None:
    """Refuse a request for a name that is not the server's."""
    found = _values(headers, b"host")
    if len(found) != 1 or not found[0] or not found[0].isprintable() or set(found[0]) & set(" ,/\\@?#"):
        raise _RefusedError(400, "The request names no host, or several.")
    if found[0].lower() not in hosts:
        raise _RefusedError(421, "This server does not answer to this name.")


def check_origin(method: str, headers: Headers) -> bool:
    """Refuse a request that another site has caused; the host has been checked.

    Returns:
        True if another site has, but it is a visit that may be answered with a page.
    """
    sites, origins = _values(headers, b"sec-fetch-site"), _values(headers, b"origin")
    if len(sites) > 1 or len(origins) > 1:
        raise _RefusedError(403, "The request says twice where it comes from.")
    if method in READING:
        if not sites or sites[0] in OWN:
            return False
        visit = (_values(headers, b"sec-fetch-mode"), _values(headers, b"sec-fetch-dest"))
        if method == "OPTIONS" or visit != (["navigate"], ["document"]):
            raise _RefusedError(403, "Other sites may not read here.")
        return True
    is_ours = bool(origins) and _authority(origins[0]) == _values(headers, b"host")[0].lower()
    if sites:
        allowed = sites[0] == "same-origin" and (not origins or is_ours or origins[0] == "null")
    elif origins:
        allowed = is_ours
    else:
        allowed = not _values(headers, b"cookie")
    if not allowed:
        raise _RefusedError(403, "Changes are only accepted from this server's own pages.")
    return False


def _authority(origin: str) -> str | None:
    """Host and port of an origin; which of the two schemes is not known behind a server that ends TLS.

    >>> _authority("http://localhost:8765"), _authority("null"), _authority("https://x@localhost:8765/")
    ('localhost:8765', None, None)
    """
    scheme, separator, authority = origin.lower().partition("://")
    if scheme not in ("http", "https") or not separator or set(authority) & set("/@?#\\ "):
        return None
    return authority


async def read_body(headers: Headers, receive: Receive, max_bytes: int) -> bytes | None:
    """The whole body of a request; None if the client went away before its end."""
    for length in _values(headers, b"content-length"):
        if not (length.isascii() and length.isdecimal()):
            raise _RefusedError(400, "The request's length is no number.")
        if len(length) > 18 or int(length) > max_bytes:
            raise _RefusedError(413, f"The request is larger than {max_bytes} bytes.")
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if len(body) > max_bytes:
            raise _RefusedError(413, f"The request is larger than {max_bytes} bytes.")
        if not message.get("more_body", False):
            return bytes(body)


def _replaying(body: bytes, receive: Receive) -> Receive:
    """What the app receives: the body in one piece, and then what the server says."""
    is_read = False

    async def replaying() -> Message:
        nonlocal is_read
        if is_read:
            return await receive()
        is_read = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replaying


class _Answer:
    """The way out: every response gets its headers here, also those that say no."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope, self._send = scope, send
        self._is_begun = self._is_swallowed = False
        self.only_pages = False

    async def send(self, message: Message) -> None:
        """What the app says."""
        if self._is_swallowed:
            return
        if message["type"] != "http.response.start":
            await self._send(message)
            return
        if self.only_pages and not _is_page(message):
            await self.plain(403, "Other sites may not read here.")
            self._is_swallowed = True
            return
        self._is_begun = True
        headers = _with_safety(message.get("headers", ()), self._cache(message["status"]))
        await self._send({**message, "headers": headers})

    async def plain(self, status: int, said: str) -> None:
        """An answer of one line; nothing if the app has begun to answer, so that the server breaks off."""
        if self._is_begun or self._is_swallowed:
            return
        self._is_begun = True
        body = b"" if self._scope["method"] == "HEAD" else f"{said}\n".encode()
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
        if status in (400, 408, 413):
            headers.append((b"connection", b"close"))  # the rest of the body is not read
        start = {"type": "http.response.start", "status": status, "headers": _with_safety(headers, b"no-store")}
        await self._send(start)
        await self._send({"type": "http.response.body", "body": body, "more_body": False})

    def _cache(self, status: int) -> bytes:
        """How long the browser may keep a response about which the app says nothing."""
        if not self._scope["path"].startswith(STATIC) or status not in (200, 206, 304):
            return b"no-store"
        is_versioned = self._scope.get("query_string", b"").startswith(b"v=")
        return b"public, max-age=31536000, immutable" if is_versioned else b"no-cache"


def _is_page(start: Message) -> bool:
    """Whether a response is a page, or the way to one."""
    kinds = _values(start.get("headers", ()), b"content-type")
    return 300 <= start["status"] < 400 or any(kind.lower().startswith("text/html") for kind in kinds)


def _with_safety(headers: Iterable[tuple[bytes, bytes]], cache: bytes) -> Headers:
    """Headers of a response as they leave: what the app says about keeping it stands only if it is for one person."""
    kept = [(n.lower(), v) for n, v in headers if n.lower() not in ALWAYS and n.lower() not in _DROPPED]
    own = [v for n, v in kept if n == b"cache-control" and v.lower().startswith((b"private", b"no-store", b"no-cache"))]
    kept = [(n, v) for n, v in kept if n != b"cache-control"]
    return [*kept, *ALWAYS.items(), (b"cache-control", own[0] if own else cache)]


def _values(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> list[str]:
    """All values of a header."""
    return [value.decode("latin-1").strip() for found, value in headers if found.lower() == name]
