"""A crowd: order kept, memory bounded, stopped without losing what was at work."""

import asyncio
import itertools
import subprocess
import sys
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuroonco.errors import InputError, ProviderError
from neuroonco.models.crowd import WINDOW, Brake, run_crowd


def run(items: object, work: object, at_once: int = 4, **options: object) -> list[object]:
    results: list[object] = []
    count = run_crowd(items, work, at_once=at_once, each=results.append, **options)  # type: ignore[arg-type]
    assert count == len(results)
    return results


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 6), max_size=40), st.integers(1, 9))
def test_results_come_in_the_order_of_the_items(turns: list[int], at_once: int) -> None:
    at_work = most = 0

    async def work(item: tuple[int, int]) -> int:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        for _ in range(item[1]):
            await asyncio.sleep(0)
        at_work -= 1
        return item[0]

    assert run(enumerate(turns), work, at_once) == list(range(len(turns)))
    assert most == min(at_once, len(turns))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from(["", "", "", "raises", "cancelled"])), max_size=12))
def test_no_error_is_swallowed_whenever_it_comes(plan: list[tuple[int, str]]) -> None:
    begun: list[int] = []
    results: list[int] = []

    async def work(item: tuple[int, tuple[int, str]]) -> int:
        number, (turns, end) = item
        begun.append(number)
        for _ in range(turns):
            await asyncio.sleep(0)
        if end == "raises":
            raise ProviderError("PLANNED", f"item {number}")
        if end == "cancelled":
            raise asyncio.CancelledError
        return number

    failure: Exception | None = None
    try:
        run_crowd(enumerate(plan), work, at_once=4, each=results.append)
    except (ProviderError, RuntimeError) as error:
        failure = error
    ends = [end for _, end in plan]
    assert (failure is not None) == any(ends)
    assert results == [number for number in begun if not ends[number]]
    if not any(ends):
        assert begun == list(range(len(plan)))
    if isinstance(failure, ProviderError):
        assert any(failure.what == f"item {number}" for number in begun if ends[number] == "raises")


@pytest.mark.parametrize(
    "end", [ProviderError("PLANNED", "planned"), asyncio.CancelledError()], ids=["error", "cancel"]
)
def test_the_last_item_may_fail_at_any_moment_around_the_end_of_its_neighbor(end: BaseException) -> None:
    async def work(turns: int) -> int:
        for _ in range(abs(turns)):
            await asyncio.sleep(0)
        if turns < 0:
            raise end
        return turns

    for before, last in itertools.product(range(6), range(-6, 0)):
        with pytest.raises((ProviderError, RuntimeError), match=r"planned|cancelled"):
            run_crowd([before, last], work, at_once=4, each=lambda _: None)


def test_no_more_is_taken_from_the_source_than_the_window_holds() -> None:
    taken = handed = furthest = 0

    def source() -> Iterator[int]:
        nonlocal taken
        for number in range(2000):
            taken += 1
            yield number

    async def work(number: int) -> int:
        for _ in range(50 if number % 100 == 0 else 1):
            await asyncio.sleep(0)
        return number

    def each(_: int) -> None:
        nonlocal handed, furthest
        furthest = max(furthest, taken - handed)
        handed += 1

    assert run_crowd(source(), work, at_once=5, each=each) == 2000
    assert furthest <= 5 * WINDOW


def test_an_error_stops_the_crowd_after_those_at_work_have_finished() -> None:
    begun: list[int] = []
    results: list[int] = []

    async def work(number: int) -> int:
        begun.append(number)
        if number == 10:
            raise ProviderError("COST_LIMIT", "the limit of cost is reached")
        for _ in range(20):
            await asyncio.sleep(0)
        return number

    brake = Brake()
    assert not brake.stopping()
    with pytest.raises(ProviderError, match="limit of cost"):
        run_crowd(range(1000), work, at_once=4, each=results.append, brake=brake)
    assert max(begun) <= 13
    assert results == [number for number in begun if number != 10]
    assert brake.stopping()


@pytest.mark.parametrize("broken", ["source", "each"])
def test_errors_around_the_work_also_wait_for_it(broken: str) -> None:
    finished: list[int] = []

    def source() -> Iterator[int]:
        yield from range(6)
        if broken == "source":
            raise InputError("FILE_MISSING", "as planned")
        yield from range(6, 100)

    async def work(number: int) -> int:
        for _ in range(5):
            await asyncio.sleep(0)
        finished.append(number)
        return number

    def each(number: int) -> None:
        if broken == "each" and number == 5:
            raise InputError("FILE_MISSING", "as planned")

    with pytest.raises(InputError, match="as planned"):
        run_crowd(source(), work, at_once=3, each=each)
    assert finished == list(range(len(finished)))
    assert 6 <= len(finished) <= 6 + 3 * WINDOW


def test_connections_are_closed_in_the_same_loop_and_progress_is_told() -> None:
    loops: list[object] = []
    told: list[int] = []

    async def work(number: int) -> int:
        loops.append(asyncio.get_running_loop())
        return number

    async def close() -> None:
        loops.append(asyncio.get_running_loop())

    assert run(range(3), work, progress=told.append, close=close) == [0, 1, 2]
    assert (len(loops), len(set(loops)), told) == (4, 1, [1, 2, 3])


INTERRUPTED = """
import asyncio, os, signal, sys
from neuroonco.errors import ProviderError
from neuroonco.models.crowd import STOPPED, Brake, run_crowd
presses, begun, done, brake = int(sys.argv[1]), [], [], Brake()
async def work(number):
    begun.append(number)
    if number == 7:
        os.kill(os.getpid(), signal.SIGINT)
    while not brake.stopping():
        await asyncio.sleep(0)
    if presses == 0:
        raise ProviderError(STOPPED, "no new calls")
    if presses == 2:
        if number == 7:
            os.kill(os.getpid(), signal.SIGINT)
        await asyncio.Event().wait()
    return number
try:
    run_crowd(range(5, 1000), work, at_once=3, each=done.append, brake=brake)
except KeyboardInterrupt:
    print("interrupted", begun, done)
assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
"""


@pytest.mark.parametrize(("presses", "done"), [(0, "[]"), (1, "[5, 6, 7]"), (2, "[]")])
def test_the_first_interrupt_finishes_and_the_second_cancels(presses: int, done: str) -> None:
    command = [sys.executable, "-c", INTERRUPTED, str(presses)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    assert (ended.stdout, ended.stderr) == (f"interrupted [5, 6, 7] {done}\n", "")
