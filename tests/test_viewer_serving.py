"""Addresses, names, and a server that starts, answers and stops."""

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from neuroonco.errors import NeuroOncoError, PrerequisiteError, UsageError
from neuroonco.viewer import serving
from neuroonco.viewer.safety import Safety
from neuroonco.viewer.serving import allowed_hosts, bind, is_loopback, make_server, require_safe_address, serve, url_of

EVERYWHERE = "0.0.0.0"  # noqa: S104
SERVER = """
import asyncio, sys
from neuroonco.viewer.safety import Safety
from neuroonco.viewer.serving import allowed_hosts, bind, serve

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while (await receive())["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        print("app stopped", flush=True)
        await send({"type": "lifespan.shutdown.complete"})
        return
    await receive()
    if scope["path"] == "/slow":
        print("slow", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
    headers = [(b"content-type", b"text/html"), (b"content-length", b"4")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"done"})

sock = bind("127.0.0.1", 0)
hosts = allowed_hosts("127.0.0.1", sock.getsockname()[1])
serve(Safety(app, hosts), sock, ready=lambda url: print(url, flush=True))
print("ended", flush=True)
"""


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST", "127.0.0.1", "127.255.0.1", "::1", "[::1]", "0:0:0:0:0:0:0:1"]
)
def test_loopback_needs_no_tokens(host: str) -> None:
    assert is_loopback(host)
    require_safe_address(host, has_tokens=False)


@pytest.mark.parametrize(
    "host",
    ["", EVERYWHERE, "::", "192.168.0.2", "10.0.0.1", "169.254.1.1", "fe80::1", "::ffff:10.0.0.1", "localhost.",
     "localhost.evil.example", "127.0.0.1.evil.example", "127.1", "0x7f.1", "2130706433", "[::1", " 127.0.0.1"],
)  # fmt: skip
def test_everything_else_does(host: str) -> None:
    assert not is_loopback(host)
    with pytest.raises(UsageError, match="ADDRESS_NEEDS_TOKENS"):
        require_safe_address(host, has_tokens=False)
    require_safe_address(host, has_tokens=True)


def test_names_of_a_loopback_server() -> None:
    names = {"localhost", "127.0.0.1", "[::1]"}
    expected = names | {f"{n}:8765" for n in names}
    assert allowed_hosts("127.0.0.1", 8765) == expected
    assert allowed_hosts("::1", 8765) == allowed_hosts("localhost", 8765) == expected
    assert allowed_hosts("127.0.0.9", 80) >= {"127.0.0.9", "127.0.0.9:80", "localhost:80"}


def test_names_of_a_server_in_the_network() -> None:
    assert allowed_hosts("192.168.1.5", 80) == {"192.168.1.5", "192.168.1.5:80"}, "not loopback: nobody listens there"
    found = allowed_hosts(EVERYWHERE, 80, ["Room.Example.org", "room.example.org:8443", "fe80::1", "[fe80::2]:81"])
    assert EVERYWHERE not in found
    assert "localhost:80" in found
    assert found >= {"room.example.org", "room.example.org:80", "room.example.org:8443", "[fe80::1]", "[fe80::1]:80"}
    assert "[fe80::2]:81" in found
    assert "[fe80::2]" not in found
    assert allowed_hosts("", 80) == allowed_hosts("::", 80) == allowed_hosts(EVERYWHERE, 80)


@pytest.mark.parametrize(
    "name",
    ["", "*", "*.example.org", "room.", ".room", "a b", "http://room", "room/x", "me@room", "room:0", "room:65536",
     "room:x", "room:", "room:²", "a,b", "é.example", "-a", "a" * 300, "[::1", "room:80:90"],
)  # fmt: skip
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(UsageError, match="HOST_NAME"):
        allowed_hosts("127.0.0.1", 80, [name])


def test_bind_takes_a_free_port() -> None:
    with bind("127.0.0.1", 0) as sock:
        port = sock.getsockname()[1]
        assert port > 0
        assert url_of(sock) == f"http://127.0.0.1:{port}/"
        with pytest.raises(UsageError, match=rf"PORT_TAKEN.*127\.0\.0\.1:{port}"):
            bind("127.0.0.1", port)
    bind("127.0.0.1", port).close()


def test_urls_under_further_names() -> None:
    with bind(EVERYWHERE, 0) as sock:
        port = sock.getsockname()[1]
        names = ["Room.example.org", "room.example.org", "a.example:443", "fe80::1"]
        assert serving.named_urls(names, sock) == [
            f"http://room.example.org:{port}/", "http://a.example:443/", f"http://[fe80::1]:{port}/"
        ]  # fmt: skip
        assert serving.named_urls([], sock) == []
        with pytest.raises(UsageError, match="HOST_NAME"):
            serving.named_urls(["a b"], sock)


def test_urls_that_a_browser_takes() -> None:
    with bind(EVERYWHERE, 0) as sock:
        assert url_of(sock) == f"http://127.0.0.1:{sock.getsockname()[1]}/"
    with bind("localhost", 0) as sock:
        assert is_loopback(sock.getsockname()[0])


def test_ipv6_loopback() -> None:
    try:
        sock = bind("[::1]", 0)
    except UsageError:
        pytest.skip("this machine has no IPv6")
    with sock:
        assert url_of(sock) == f"http://[::1]:{sock.getsockname()[1]}/"


@pytest.mark.parametrize(
    ("host", "port"), [("192.0.2.1", 0), ("no.such.host.invalid", 0), ("127.0.0.1", 70000), ("127.0.0.1", -1),
                       ("a" * 70, 0), ("a\0b", 0)]
)  # fmt: skip
def test_addresses_that_are_not_ours(host: str, port: int) -> None:
    with pytest.raises(UsageError, match="ADDRESS_UNUSABLE") as caught:
        bind(host, port)
    assert "\n" not in caught.value.line


def test_a_localhost_that_others_can_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    away = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.1.2.3", 0))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_kwargs: away)
    with pytest.raises(UsageError, match=r"ADDRESS_UNUSABLE.*10\.1\.2\.3"):
        bind("localhost", 0)


def get(url: str, path: str = "/", **headers: str) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(url.removeprefix("http://").rstrip("/"), timeout=30)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def start(script: Path) -> "subprocess.Popen[str]":
    script.write_text(SERVER)
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([sys.executable, str(script)], text=True, **pipes)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_lets_open_requests_finish_and_ends_well(tmp_path: Path, number: signal.Signals) -> None:
    with start(tmp_path / "server.py") as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stderr is not None
        url = process.stdout.readline().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", url)
        status, headers, body = get(url)
        assert (status, body) == (200, b"done")
        assert "server" not in headers
        assert headers["x-content-type-options"] == "nosniff"
        assert get(url, Host="evil.example")[0] == 421
        slow: list[Any] = []
        thread = threading.Thread(target=lambda: slow.append(get(url, "/slow")))
        thread.start()
        assert process.stdout.readline() == "slow\n"
        os.kill(process.pid, number)
        process.stdin.write("go\n")
        process.stdin.flush()
        thread.join(30)
        assert slow[0][0] == 200
        assert slow[0][2] == b"done"
        assert process.stdout.read() == "app stopped\nended\n"
        assert process.stderr.read() == "", "no log of requests, no complaint"
        assert process.wait(30) == 0


def raw(url: str, request: bytes) -> bytes:
    host, port = url.removeprefix("http://").rstrip("/").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    return answer


async def echo(scope: Any, receive: Any, send: Any) -> None:
    body = (await receive())["body"]
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
    await send({"type": "http.response.body", "body": b"got " + body})


def test_requests_as_they_come_over_the_wire(caplog: pytest.LogCaptureFixture) -> None:
    """Over a real socket: several hosts, chunked bodies over the limit, other protocols, forwarded names."""
    ready, urls = threading.Event(), []

    def note(url: str) -> None:
        urls.append(url)
        ready.set()

    sock = bind("127.0.0.1", 0)
    port = sock.getsockname()[1]
    server = make_server(Safety(echo, allowed_hosts("127.0.0.1", port), 10), sock, ready=note)
    thread = threading.Thread(target=lambda: server.run(sockets=[sock]))
    thread.start()
    try:
        assert ready.wait(30)
        own = f"Host: localhost:{port}\r\nConnection: close\r\n".encode()
        assert b" 200 " in raw(urls[0], b"GET / HTTP/1.1\r\n" + own + b"\r\n")
        assert b" 400 " in raw(urls[0], b"GET / HTTP/1.1\r\nHost: evil.example\r\n" + own + b"\r\n")
        assert b" 400 " in raw(urls[0], b"GET / HTTP/1.0\r\n\r\n")
        assert b" 421 " in raw(urls[0], b"GET / HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: localhost\r\n\r\n")
        chunked = b"POST / HTTP/1.1\r\n" + own + b"Transfer-Encoding: chunked\r\n\r\n"
        assert b"got 12345" in raw(urls[0], chunked + b"5\r\n12345\r\n0\r\n\r\n")
        refused = raw(urls[0], chunked + b"8\r\n12345678\r\n8\r\n12345678\r\n0\r\n\r\n")
        assert b" 413 " in refused
        assert b"x-frame-options: DENY" in refused
        foreign = b"POST / HTTP/1.1\r\n" + own + b"Origin: https://evil.example\r\nContent-Length: 1\r\n\r\nx"
        assert b" 403 " in raw(urls[0], foreign)
        upgrade = own.replace(b"close", b"close, Upgrade") + b"Upgrade: websocket\r\n"
        assert b" 200 " in raw(urls[0], b"GET / HTTP/1.1\r\n" + upgrade + b"\r\n")
    finally:
        server.should_exit = True
        thread.join(30)
    assert not thread.is_alive()
    assert caplog.text == "", "what strangers send fills no log"


def test_an_app_that_cannot_start(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no room"})

    before = signal.getsignal(signal.SIGTERM)
    sock = bind("127.0.0.1", 0)
    with pytest.raises(NeuroOncoError, match="SERVER_FAILED"):
        serve(app, sock, ready=lambda url: pytest.fail(url))
    assert sock.fileno() == -1
    assert signal.getsignal(signal.SIGTERM) is before
    assert "Application startup failed" in caplog.text


def test_the_extra_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "find_spec", lambda name: None if name == "uvicorn" else object())
    with bind("127.0.0.1", 0) as sock, pytest.raises(PrerequisiteError) as caught:
        serve(echo, sock, ready=print)
    assert caught.value.exit_code == 4
    assert re.search(r"EXTRA_MISSING.*uvicorn.*pip install 'neuroonco\[review\]'", caught.value.line)
