"""The connections of the client: who has one, when it is used again, and what goes over it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx2
import pytest

from neuroonco.models.endpoints import Connection
from neuroonco.models.retry import OversizedAnswerError, StatusError
from neuroonco.models.wire import Wire

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@dataclass
class Listener:
    """A server that gives the same bytes to every request.

    Attributes:
        connections: accepted so far.
        heads: of the requests, in their order.
        hold: requests wait for it.
        closes: after an answer, without a word of it.
    """

    response: bytes = OK
    closes: bool = False
    connections: int = 0
    heads: list[bytes] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    hold: asyncio.Event | None = None
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                size = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                self.heads.append(head)
                self.bodies.append(await reader.readexactly(size))
                if self.hold is not None:
                    await self.hold.wait()
                writer.write(self.response)
                await writer.drain()
                if self.closes:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            self.closed.set()


@asynccontextmanager
async def wire_to(listener: Listener, limit_bytes: int = 1000, path: str = "/v1") -> AsyncIterator[Wire]:
    server = await asyncio.start_server(listener.serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}{path}"
    wire = Wire(Connection(url, None), {"Authorization": "Bearer key"}, timeout_s=30.0, limit_bytes=limit_bytes)
    try:
        yield wire
    finally:
        await wire.aclose()
        server.close()


def run(listener: Listener, use: Callable[[Wire], Coroutine[None, None, None]], limit_bytes: int = 1000) -> None:
    async def main() -> None:
        async with wire_to(listener, limit_bytes) as wire:
            await use(wire)

    asyncio.run(main())


def test_a_request_has_its_body_and_these_headers_and_no_others() -> None:
    listener = Listener()

    async def use(wire: Wire) -> None:
        assert await wire.post("/chat/completions", '{"a":"ä"}'.encode()) == b"{}"

    run(listener, use)
    first, *lines = listener.heads[0].decode().strip().split("\r\n")
    assert first == "POST /v1/chat/completions HTTP/1.1"
    assert {line.split(": ")[0].lower() for line in lines} == {
        *("host", "accept", "connection", "content-type", "content-length"),
        *("user-agent", "accept-encoding", "authorization"),
    }
    assert listener.bodies == ['{"a":"ä"}'.encode()]


def test_calls_one_after_the_other_share_a_connection_and_those_at_once_do_not() -> None:
    listener = Listener()

    async def use(wire: Wire) -> None:
        for _ in range(5):
            await wire.post("/a", b"{}")
        assert listener.connections == 1
        listener.hold = asyncio.Event()
        three = [asyncio.ensure_future(wire.post("/a", b"{}")) for _ in range(3)]
        while len(listener.heads) < 8:
            await asyncio.sleep(0)
        assert listener.connections == 3
        listener.hold.set()
        await asyncio.gather(*three)
        for _ in range(5):
            await wire.post("/a", b"{}")
        assert listener.connections == 3

    run(listener, use)


def test_a_connection_that_the_server_has_closed_is_not_used_again() -> None:
    listener = Listener(closes=True)

    async def use(wire: Wire) -> None:
        for number in range(4):
            listener.closed.clear()
            assert await wire.post("/a", b"{}") == b"{}"
            await listener.closed.wait()
            assert listener.connections == number + 1

    run(listener, use)


def test_a_cancelled_call_takes_its_connection_with_it_and_no_answer_goes_astray() -> None:
    listener = Listener()

    async def use(wire: Wire) -> None:
        listener.hold = asyncio.Event()
        first = asyncio.ensure_future(wire.post("/a", b"{}"))
        while not listener.heads:
            await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        listener.response = OK.replace(b"{}", b"[]")
        listener.hold.set()
        assert await wire.post("/a", b"{}") == b"[]"
        assert listener.connections == 2

    run(listener, use)


@pytest.mark.parametrize("status", [b"201 Created", b"302 Found", b"400 Bad Request", b"503 Busy"])
def test_another_status_is_an_error_with_what_came(status: bytes) -> None:
    answer = b"HTTP/1.1 %s\r\nContent-Length: 4\r\nRetry-After: 7\r\nLocation: /b\r\n\r\nwhy?" % status

    async def use(wire: Wire) -> None:
        if status.startswith(b"2"):
            assert await wire.post("/a", b"{}") == b"why?"
            return
        with pytest.raises(StatusError) as caught:
            await wire.post("/a", b"{}")
        found = caught.value
        assert (found.status, found.content, found.retry_after) == (int(status[:3]), b"why?", "7")

    listener = Listener(answer)
    run(listener, use)
    assert len(listener.heads) == 1


@pytest.mark.parametrize(("size", "fits"), [(1000, True), (1001, False)])
@pytest.mark.parametrize("status", [b"200 OK", b"500 Broken"])
def test_nothing_longer_than_the_limit_is_read(size: int, fits: bool, status: bytes) -> None:
    async def use(wire: Wire) -> None:
        if fits and status.startswith(b"2"):
            assert await wire.post("/a", b"{}") == b"x" * size
            return
        with pytest.raises(StatusError if fits else OversizedAnswerError):
            await wire.post("/a", b"{}")

    run(Listener(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, size, b"x" * size)), use)


def test_what_breaks_off_is_an_error_of_the_connection() -> None:
    async def use(wire: Wire) -> None:
        with pytest.raises(httpx2.RequestError):
            await wire.post("/a", b"{}")

    run(Listener(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}", closes=True), use)
    run(Listener(b"no HTTP\r\n\r\n", closes=True), use)
