"""Connections that nobody finishes: a server of a few readers need not hold them."""

import asyncio
import resource
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_S = 20.0
"""A request's head has to be there so long after its connection was made, or its first byte came."""
MOST_CONNECTIONS = 512


def most_connections() -> int:
    """How many connections may be open at once: at most half of the files that the process may open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_CONNECTIONS if soft == resource.RLIM_INFINITY else max(1, min(MOST_CONNECTIONS, soft // 2))


class Bounded(H11Protocol):
    """HTTP/1.1 of the server library, with a limit to how many connections wait and how long one may stay silent."""

    head_s = HEAD_S
    most = most_connections()
    _overdue: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, or drop it where too many are open."""
        super().connection_made(transport)
        if len(self.connections) > self.most:
            transport.abort()
        else:
            self._watch()

    def data_received(self, data: bytes) -> None:
        """Take bytes; a request whose head is whole has its time."""
        super().data_received(data)
        if self._waits:
            self._watch()
        else:
            self._rest()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._rest()
        super().connection_lost(exc)

    @property
    def _waits(self) -> bool:
        """Whether no request is under way."""
        cycle: Any = self.cycle
        return cycle is None or bool(cycle.response_complete)

    def _watch(self) -> None:
        if self._overdue is None:
            self._overdue = self.loop.call_later(self.head_s, self._give_up)

    def _rest(self) -> None:
        if self._overdue is not None:
            self._overdue.cancel()
            self._overdue = None

    def _give_up(self) -> None:
        self._overdue = None
        if self._waits:
            self.transport.abort()
