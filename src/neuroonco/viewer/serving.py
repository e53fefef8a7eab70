"""Serve pages from this machine: on which address, under which names, and until when."""

import errno
import ipaddress
import os
import re
import signal
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from neuroonco.errors import NeuroOncoError, PrerequisiteError, UsageError

if TYPE_CHECKING:
    import uvicorn

FINISH_S = 30
"""How long open requests may take to finish after the signal to stop."""
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
_NAME = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")


def is_loopback(host: str) -> bool:
    """Whether an address can be reached from this machine only. Names other than ``localhost`` cannot be known to be.

    >>> [is_loopback(host) for host in ("localhost", "127.0.0.2", "::1", "[::1]", "::ffff:127.0.0.1")]
    [True, True, True, True, True]
    >>> [is_loopback(host) for host in ("0.0.0.0", "::", "", "192.168.1.5", "localhost.example.org", "127.1")]
    [False, False, False, False, False, False]
    """
    if host.lower() == "localhost":
        return True
    address = _address(host)
    mapped = getattr(address, "ipv4_mapped", None)
    return address is not None and (mapped or address).is_loopback


def require_safe_address(host: str, has_tokens: bool) -> None:
    """Refuse to let other machines in where everybody may choose a name.

    Raises:
        UsageError: ``ADDRESS_NEEDS_TOKENS``.
    """
    if not has_tokens and not is_loopback(host):
        what = "other machines can reach this address, and nobody in the room has a token"
        fix = "serve on 127.0.0.1, or invite everybody first"
        raise UsageError("ADDRESS_NEEDS_TOKENS", what, where=host, fix=fix)


def allowed_hosts(host: str, port: int, names: Iterable[str] = ()) -> frozenset[str]:
    """What ``Host`` may say: each name with and without the port.

    Args:
        host: the address that the server is bound to. Loopback addresses, and those that stand for all addresses of
            the machine, bring the names of the machine for itself.
        port: where it listens.
        names: further ones: of the machine in the network, or of the server in front of it; with a port of their own
            if that listens elsewhere.

    Raises:
        UsageError: ``HOST_NAME``: no name.

    >>> sorted(allowed_hosts("192.168.1.5", 8765, ["Room.example.org"]))
    ['192.168.1.5', '192.168.1.5:8765', 'room.example.org', 'room.example.org:8765']
    """
    found = {_host_name(name) for name in names}
    if is_loopback(host) or _is_wildcard(host):
        found |= {(name, None) for name in LOOPBACK_NAMES}
    if not _is_wildcard(host):
        found.add(_host_name(host))
    return frozenset(
        written
        for name, own_port in found
        for written in ([f"{name}:{own_port}"] if own_port is not None else [name, f"{name}:{port}"])
    )


def _host_name(text: str) -> tuple[str, int | None]:
    """A name as ``Host`` has it, and its own port."""
    address = _address(text)
    if address is not None:
        return _written(address), None
    name, colon, port = text.lower().rpartition(":")
    if not colon:
        name, port = text.lower(), ""
    address = _address(name)
    is_name = _written(address) == name if address is not None else _NAME.fullmatch(name) is not None
    is_port = port.isascii() and port.isdecimal() and 0 < int(port[:6]) < 65536
    if not is_name or len(name) > 253 or (colon and not is_port):
        fix = "a name such as room.example.org, or name:port"
        raise UsageError("HOST_NAME", "not a host's name", where=text[:100], fix=fix)
    return name, int(port) if colon else None


def _written(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    """An address as ``Host`` has it."""
    return f"[{address.compressed}]" if address.version == 6 else str(address)


def _is_wildcard(host: str) -> bool:
    """Whether an address stands for all of the machine."""
    address = _address(host)
    return not host or (address is not None and address.is_unspecified)


def _bare(host: str) -> str:
    """An IPv6 address without its brackets."""
    return host[1:-1] if host.startswith("[") and host.endswith("]") else host


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(_bare(host))
    except ValueError:
        return None


def bind(host: str, port: int) -> socket.socket:
    """Take an address and port, and listen; port 0 is any that is free.

    Raises:
        UsageError: ``PORT_TAKEN``, or ``ADDRESS_UNUSABLE``: no address of this machine, or not allowed.
    """
    where = f"{host}:{port}"
    try:
        if not 0 <= port <= 65535:
            raise OSError(errno.EINVAL, "no port has this number")
        found = socket.getaddrinfo(_bare(host) or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, place = found[0]
        if is_loopback(host) and not is_loopback(str(place[0])):
            raise OSError(errno.EADDRNOTAVAIL, f"it means {place[0]} here, which others can reach")
        taken = socket.socket(family, kind, protocol)
        try:
            if os.name == "posix":  # elsewhere it would let two servers have one port
                taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                taken.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            taken.bind(place)
            taken.listen(128)
        except BaseException:
            taken.close()
            raise
    except (OSError, UnicodeError) as error:
        if getattr(error, "errno", None) == errno.EADDRINUSE:
            fix = "stop the other server, or choose another port"
            raise UsageError("PORT_TAKEN", "something else listens there", where=where, fix=fix) from None
        what = getattr(error, "strerror", None) or "no such address"
        raise UsageError("ADDRESS_UNUSABLE", what, where=where, fix="127.0.0.1 is always there") from None
    return taken


def url_of(sock: socket.socket) -> str:
    """Address of a bound socket as a browser on this machine takes it."""
    host, port = sock.getsockname()[:2]
    if _is_wildcard(host):
        host = "127.0.0.1" if sock.family == socket.AF_INET else "::1"
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def named_urls(names: Iterable[str], sock: socket.socket) -> list[str]:
    """Addresses of a bound socket under further names, as they were given; a name with a port of its own keeps it.

    Raises:
        UsageError: ``HOST_NAME``: no name.
    """
    port = sock.getsockname()[1]
    found = (_host_name(name) for name in names)
    return list(dict.fromkeys(f"http://{name}:{port if own is None else own}/" for name, own in found))


def serve(app: Any, sock: socket.socket, *, ready: Callable[[str], None]) -> None:
    """Serve an ASGI app until SIGINT or SIGTERM comes, and let open requests finish; a second SIGINT breaks them off.

    Args:
        app: with :class:`neuroonco.viewer.safety.Safety` around it.
        sock: of :func:`bind`; it is closed in the end.
        ready: called with the address once requests are answered.

    Raises:
        PrerequisiteError: the extra ``review`` is not installed.
        NeuroOncoError: ``SERVER_FAILED``: the app could not start.
    """
    with sock:
        server = make_server(app, sock, ready=ready)
        with _stopping(server):
            try:
                server.run(sockets=[sock])
            except SystemExit:  # what the library does where an app does not start
                raise NeuroOncoError("SERVER_FAILED", "the server could not start", where=url_of(sock)) from None


def make_server(app: Any, sock: socket.socket, *, ready: Callable[[str], None]) -> "uvicorn.Server":
    """The server that :func:`serve` runs, for who stops it otherwise: ``should_exit = True``.

    Raises:
        PrerequisiteError: the extra ``review`` is not installed.
    """
    require_review()
    import uvicorn

    from neuroonco.viewer.connections import Bounded

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                ready(url_of(sock))

    config = uvicorn.Config(
        app,
        http=Bounded,
        ws="none",
        access_log=False,
        log_config=None,
        log_level="error",  # warnings are about what strangers send, as often as they like
        server_header=False,
        proxy_headers=False,  # nothing here depends on where a request says it came from
        timeout_graceful_shutdown=FINISH_S,
    )
    return Server(config)


def require_review() -> None:
    """See that the libraries of the extra ``review`` are there.

    Raises:
        PrerequisiteError: ``EXTRA_MISSING``.
    """
    for library in ("fastapi", "uvicorn", "python_multipart"):
        if find_spec(library) is None:
            what = f"pages are served with {library.replace('_', '-')}"
            raise PrerequisiteError("EXTRA_MISSING", what, fix="pip install 'neuroonco[review]'")


@contextmanager
def _stopping(server: "uvicorn.Server") -> Iterator[None]:
    """Signals to stop end the server, and nothing more.

    The library sends each signal again once it has stopped, to whoever handled it before: that is this, so that the
    process ends as one that has done its work.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_number: int, _frame: Any) -> None:
        server.should_exit = True

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
