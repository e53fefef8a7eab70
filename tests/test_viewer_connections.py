"""Connections that never become requests are closed, and there are never too many of them."""

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

pytest.importorskip("uvicorn", reason="the extra 'review' is not installed")

from neuroonco.viewer.connections import Bounded, most_connections
from neuroonco.viewer.serving import bind, make_server

REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setattr(Bounded, "head_s", 0.3)
    monkeypatch.setattr(Bounded, "most", 5)
    with bind("127.0.0.1", 0) as listening:
        server = make_server(app, listening, ready=lambda _: None)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        yield listening.getsockname()[1]
        server.should_exit = True
        thread.join()


def opened(stack: ExitStack, port: int) -> socket.socket:
    return stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))


def answered(connection: socket.socket) -> bool:
    """Whether a request gets its answer, whole."""
    connection.sendall(REQUEST)
    said = b""
    while not said.endswith(b"\r\n\r\nok"):
        if not (piece := connection.recv(1000)):
            return False
        said += piece
    return said.startswith(b"HTTP/1.1 200")


def ended(connection: socket.socket) -> bool:
    """Whether the server ends the connection without a word; waits for it."""
    try:
        return connection.recv(100) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize("begun", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: loc"])
def test_a_request_that_never_comes_is_not_waited_for(port: int, begun: bytes) -> None:
    with ExitStack() as stack:
        connection = opened(stack, port)
        connection.sendall(begun)
        assert ended(connection)


def test_a_second_request_that_never_comes_is_not_waited_for(port: int) -> None:
    with ExitStack() as stack:
        connection = opened(stack, port)
        assert answered(connection)
        connection.sendall(b"GET / HT")
        assert ended(connection)


def test_too_many_connections_are_dropped_and_the_others_served(port: int) -> None:
    with ExitStack() as stack:
        held = [opened(stack, port) for _ in range(5)]
        for connection in held[:4]:
            connection.sendall(b"G")
        assert answered(held[4])
        assert ended(opened(stack, port))


def test_the_limit_stays_below_that_of_open_files() -> None:
    assert 1 <= most_connections() <= 512
