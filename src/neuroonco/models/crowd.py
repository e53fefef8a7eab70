"""Run an async function over many items, a bounded number at a time, until done, stopped or interrupted."""

import asyncio
import signal
import threading
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterable, Iterator
from contextlib import aclosing, contextmanager
from typing import Any, TypeVar

from neuroonco.errors import ProviderError

T = TypeVar("T")
R = TypeVar("R")
STOPPED = "STOPPED"
"""Code of the error of a call that was not made because the crowd stops."""
WINDOW = 4
"""Items taken from the source but not yet handed on, as a multiple of those at work: a slow one holds up no other."""


class Brake:
    """Asks a crowd to take no further item; those at work finish."""

    def __init__(self) -> None:
        self._is_on = False

    def stop(self) -> None:
        """Take no further item."""
        self._is_on = True

    def stopping(self) -> bool:
        """Whether it was put on; for clients, so that an item that is at work begins no further request."""
        return self._is_on


async def crowd(
    items: Iterable[T], work: Callable[[T], Coroutine[Any, Any, R]], *, at_once: int, brake: Brake | None = None
) -> AsyncGenerator[R, None]:
    """Results of ``work`` in the order of the items.

    Memory holds at most ``4 * at_once`` items and results, however many there are. The first item that raises stops
    the crowd: those at work finish, the results that are there still come, and then the error is raised.

    Args:
        items: taken one by one as there is room.
        work: what to do with one.
        at_once: items at work at the same time, at least 1.
        brake: to stop from outside; the results of what was at work still come.

    Raises:
        Exception: the first that an item, or the source of items, raised.
    """
    brake = brake or Brake()
    window: deque[asyncio.Task[R]] = deque()
    at_work: set[asyncio.Task[R]] = set()
    failures: list[BaseException] = []
    moved = asyncio.Event()

    def left(task: "asyncio.Task[R]") -> None:
        if task not in at_work:  # handed on before its callback came
            return
        at_work.remove(task)
        moved.set()
        error = RuntimeError("an item was cancelled from inside") if task.cancelled() else task.exception()
        if error is not None:
            failures.append(error)
            brake.stop()

    rest = iter(items)
    try:
        while True:
            while not brake.stopping() and len(at_work) < at_once and len(window) < at_once * WINDOW:
                try:
                    item = next(rest)
                except StopIteration:
                    break
                except Exception as error:
                    failures.append(error)
                    brake.stop()
                    break
                task = asyncio.ensure_future(work(item))
                task.add_done_callback(left)
                at_work.add(task)
                window.append(task)
            if not window:
                break
            if window[0].done():
                task = window.popleft()
                left(task)
                if not task.cancelled() and task.exception() is None:
                    yield task.result()
                continue
            moved.clear()
            await moved.wait()
    finally:
        for task in window:
            task.cancel()
        await asyncio.gather(*window, return_exceptions=True)
    if failures:
        raise failures[0]


def run_crowd(
    items: Iterable[T],
    work: Callable[[T], Coroutine[Any, Any, R]],
    *,
    at_once: int,
    each: Callable[[R], None],
    progress: Callable[[int], None] | None = None,
    brake: Brake | None = None,
    close: Callable[[], Awaitable[None]] | None = None,
) -> int:
    """Run :func:`crowd` to its end from code that is not async, in an event loop of its own.

    At the first Ctrl-C no further item is taken and those at work finish; at the second they are cancelled.

    Args:
        items, work, at_once: see :func:`crowd`.
        each: takes the results, in the order of the items; a quick one, as nothing else goes on meanwhile.
        progress: told how many results have come.
        brake: is put on by the interrupt, and by the first error.
        close: awaited at the end in the same loop, whatever happened; e.g. to close connections.

    Returns:
        How many results came.

    Raises:
        Exception: the first that an item, the source or ``each`` raised, once those at work have finished.
        KeyboardInterrupt: interrupted; what had finished went to ``each``.
    """
    interrupts, brake = [0], brake or Brake()

    async def consume() -> int:
        count, failure = 0, None
        try:
            with _interrupts(brake, interrupts):
                async with aclosing(crowd(items, work, at_once=at_once, brake=brake)) as results:
                    async for result in results:
                        if failure is not None:
                            continue
                        try:
                            each(result)
                        except Exception as error:
                            failure = error
                            brake.stop()
                        else:
                            count += 1
                            if progress is not None:
                                progress(count)
        finally:
            if close is not None:
                await close()
        if failure is not None:
            raise failure
        return count

    try:
        count = asyncio.run(consume())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    except ProviderError as error:
        if interrupts[0] and error.code == STOPPED:  # only a consequence of the interrupt
            raise KeyboardInterrupt from None
        raise
    if interrupts[0]:
        raise KeyboardInterrupt
    return count


@contextmanager
def _interrupts(brake: Brake, seen: list[int]) -> Iterator[None]:
    """Ctrl-C puts on the brake, and then cancels the task that runs this; elsewhere than in the main thread nothing."""
    task, loop = asyncio.current_task(), asyncio.get_running_loop()

    def interrupt() -> None:
        seen[0] += 1
        brake.stop()
        if seen[0] > 1 and task is not None:
            task.cancel()

    before = signal.getsignal(signal.SIGINT)
    is_ours = threading.current_thread() is threading.main_thread() and before is not signal.SIG_IGN
    try:
        if is_ours:
            loop.add_signal_handler(signal.SIGINT, interrupt)
    except NotImplementedError:  # Windows: Ctrl-C ends the loop at once, and the ledger has what was finished
        is_ours = False
    try:
        yield
    finally:
        if is_ours:
            loop.remove_signal_handler(signal.SIGINT)
            signal.signal(signal.SIGINT, before)
