"""What is said while an endpoint answers nothing; time passes only when somebody sleeps."""

import asyncio
import re
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fault_server import FaultServer, serving
from model_calls import FakeTime, call, model_at
from neuroonco.errors import ProviderError
from neuroonco.models.outage import BETWEEN_LINES_S, SILENT_S, Outage
from neuroonco.models.served import ServedClient

BROKEN = (500, {}, b"down for repair")
SAID = re.compile(r"vllm:fake at 127\.0\.0\.1:\d+: HTTP 500.* for (\d+) s, trying again; gives up in about (\d+) min")


def lines_of(respond: Callable[[int], tuple[int, dict[str, str], bytes] | None], calls: int) -> list[str]:
    """What a client says that asks calls one after the other, of a server that sees how many came before."""
    said, time, seen = list[str](), FakeTime(), [0]

    def answer(_: object) -> tuple[int, dict[str, str], bytes] | None:
        seen[0] += 1
        return respond(seen[0])

    async def ask() -> None:
        async with (
            serving(FaultServer(respond=answer)) as url,
            ServedClient(model_at(url), clock=time.clock, say=said.append) as client,
        ):
            for number in range(calls):
                await client.ask(call(str(number)), None)

    try:
        asyncio.run(ask())
    except ProviderError:
        said.append(f"stopped at {time.now_s:.0f} s")
    return said


def test_an_outage_in_mid_run_is_said_within_a_minute_and_then_once_a_minute() -> None:
    *lines, stopped = lines_of(lambda n: None if n <= 3 else BROKEN, calls=60)
    found = [SAID.fullmatch(line) for line in lines]
    assert all(found), lines
    at_s, minutes = zip(*(map(int, one.groups()) for one in found if one), strict=True)
    assert SILENT_S <= at_s[0] < SILENT_S + 16
    assert all(BETWEEN_LINES_S <= b - a < BETWEEN_LINES_S + 17 for a, b in pairwise(at_s))
    end_s = int(stopped.split()[2])
    assert end_s - at_s[-1] < BETWEEN_LINES_S + 17, "to the end"
    for at, left in zip(at_s, minutes, strict=True):
        assert abs(end_s - at - left * 60) <= 150, "about"


def test_a_server_that_never_answered_is_said_too() -> None:
    lines = lines_of(lambda _: BROKEN, calls=9)
    assert len(lines) >= 2
    assert SAID.fullmatch(lines[0])


def test_failures_between_answers_are_not_said() -> None:
    assert lines_of(lambda n: BROKEN if n % 3 else None, calls=80) == []


def test_what_is_not_tried_again_is_not_said() -> None:
    assert lines_of(lambda n: (400, {}, b"{}") if n % 2 else None, calls=80) == []


EVENTS = st.lists(st.tuples(st.floats(0, 40), st.booleans()), max_size=80)


@given(EVENTS)
def test_never_before_half_a_minute_of_failures_and_never_twice_in_a_minute(events: list[tuple[float, bool]]) -> None:
    said, now = list[float](), [0.0]
    outage = Outage("m", lambda _line: said.append(now[0]), lambda: now[0])
    since: float | None = None
    for wait_s, is_answered in events:
        now[0] += wait_s
        if is_answered:
            outage.answered()
            since = None
            continue
        since = now[0] if since is None else since
        before = len(said)
        outage.failed("x", began_s=now[0], left_s=100)
        due = now[0] - since >= SILENT_S and (not said[:before] or now[0] - said[before - 1] >= BETWEEN_LINES_S)
        assert len(said) - before == due


def test_a_long_reason_is_cut_and_a_minute_is_the_least() -> None:
    said = list[str]()
    Outage("m", said.append, lambda: 31.0).failed("x" * 300, began_s=0.0, left_s=0.0)
    assert said == [f"m: {'x' * 120} for 31 s, trying again; gives up in about 1 min"]


@pytest.mark.parametrize("left_s", [1, 59, 60])
def test_minutes_are_rounded_up(left_s: float) -> None:
    said = list[str]()
    Outage("m", said.append, lambda: 40.0).failed("HTTP 503", began_s=0.0, left_s=left_s)
    assert said[0].endswith("about 1 min")
