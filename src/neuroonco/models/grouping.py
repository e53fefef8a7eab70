"""Many tasks ask, one thread answers in groups: what came in while it was busy is done in one go."""

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Generic, TypeVar

from neuroonco.errors import NeuroOncoError

A = TypeVar("A")
B = TypeVar("B")
Waiting = tuple[A, asyncio.AbstractEventLoop, asyncio.Future[B]]


class Grouped(Generic[A, B]):
    """An async function over a blocking one that takes many items at once.

    A disk that needs 5 ms to make a commit safe takes 200 commits a second; with one commit for all that wait, the
    number of answers a second is that of the callers, and each of them still waits until its own is safe.

    Args:
        work: items to as many results, in order; called from one thread only. An error of ours, everyone gets who asked
            in that group; after another one, the items are tried one by one.
        at_most: items in one group.
        name: of the thread.
    """

    def __init__(self, work: Callable[[list[A]], Sequence[B]], *, at_most: int, name: str) -> None:
        self._work, self._at_most, self._name = work, at_most, name
        self._queue: queue.SimpleQueue[Waiting[A, B] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    async def __call__(self, item: A) -> B:
        """The result for one item. An item that is in the queue is worked on even if its asker is cancelled."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[B] = loop.create_future()
        self._queue.put((item, loop, future))
        return await future

    def close(self) -> None:
        """Finish what is in the queue, and end the thread."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        while True:
            group, closing = self._next_group()
            if group:
                self._answer(group)
            if closing:
                return

    def _next_group(self) -> tuple[list[Waiting[A, B]], bool]:
        """What waits now, at least one item unless closing, and whether nothing follows."""
        group: list[Waiting[A, B]] = []
        entry = self._queue.get()
        while entry is not None:
            group.append(entry)
            if len(group) >= self._at_most:
                return group, False
            try:
                entry = self._queue.get_nowait()
            except queue.Empty:
                return group, False
        return group, True

    def _answer(self, group: list[Waiting[A, B]]) -> None:
        results: Sequence[B] = ()
        failure: Exception | None = None
        try:
            results = self._work([item for item, _, _ in group])
        except NeuroOncoError as error:
            failure = error
        except Exception as error:
            if len(group) > 1:  # one item may have spoiled it for the others
                for waiting in group:
                    self._answer([waiting])
                return
            failure = error
        for loop in {loop for _, loop, _ in group}:
            mine = [(n, future) for n, (_, its_loop, future) in enumerate(group) if its_loop is loop]
            with suppress(RuntimeError):  # the loop was closed: nobody waits any more
                loop.call_soon_threadsafe(_settle, mine, results, failure)


def _settle(futures: list[tuple[int, "asyncio.Future[B]"]], results: Sequence[B], failure: Exception | None) -> None:
    """Hand out results, in the thread of the loop."""
    for number, future in futures:
        if future.done():
            continue
        if failure is None:
            future.set_result(results[number])
        else:
            future.set_exception(failure)
