"""Pace and money: limits that hold, and come back."""

import asyncio
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fault_server import Fault, FaultServer
from model_calls import FakeTime, answers_of, call, client_of, model_at
from neuroonco.errors import ProviderError, UsageError
from neuroonco.models.endpoint_records import Price
from neuroonco.models.endpoints import shipped
from neuroonco.models.pacing import AdaptiveLimit, CostBudget, RateLimit, most_input_tokens
from neuroonco.models.served import ServedClient

PRICE = Price(input=10.0, output=100.0)
COST_USD = PRICE.cost_usd(100, 20)
"""Of a call to the fault server, which counts 100 and 20 tokens."""


# --- requests under way ---


def test_overload_halves_and_good_answers_restore_slowly() -> None:
    limit = AdaptiveLimit(16)
    limit.failed(0, overloaded=True)
    assert limit.limit == 8
    for _ in range(8):
        limit.succeeded()
    assert 8.5 < limit.limit <= 9
    for _ in range(1000):
        limit.succeeded()
    assert limit.limit == 16


def test_one_overload_is_one_cut_however_many_requests_met_it() -> None:
    limit = AdaptiveLimit(16)
    for _ in range(10):
        limit.failed(0, overloaded=True)
    assert limit.limit == 8
    limit.failed(1, overloaded=True)
    assert limit.limit == 4


def test_failures_without_an_answer_between_them_cut_as_an_overload_does() -> None:
    limit = AdaptiveLimit(16)
    for _ in range(10):
        limit.failed(0, overloaded=False)
        limit.failed(0, overloaded=False)
        limit.succeeded()
    assert limit.limit == 16
    for _ in range(3):
        limit.failed(0, overloaded=False)
    assert limit.limit == 8


def test_the_limit_never_falls_under_one() -> None:
    limit = AdaptiveLimit(2)
    for mark in range(10):
        limit.failed(mark, overloaded=True)
    assert limit.limit == 1


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["take", "cancel", "cut", "good"]), max_size=60), st.integers(1, 4))
def test_places_are_neither_lost_nor_doubled(moves: list[str], maximum: int) -> None:
    async def run() -> None:
        limit, inside, go_on = AdaptiveLimit(maximum), [0, 0], asyncio.Event()

        async def worker() -> None:
            async with limit.slot():
                inside[0] += 1
                inside[1] = max(inside)
                try:
                    await go_on.wait()
                finally:
                    inside[0] -= 1

        tasks: list[asyncio.Task[None]] = []
        for number, move in enumerate(moves):
            if move == "take":
                tasks.append(asyncio.create_task(worker()))
            elif move == "cancel" and tasks:
                tasks[number % len(tasks)].cancel()
            elif move == "cut":
                limit.failed(number, overloaded=True)
            else:
                limit.succeeded()
            if number % 3:
                await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert inside[1] <= maximum
        go_on.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert inside[0] == 0
        async with asyncio.timeout(1), limit.slot():
            assert limit._under_way == 1
        assert limit._under_way == 0

    asyncio.run(run())


def test_the_client_asks_for_fewer_when_the_endpoint_is_overloaded() -> None:
    async def run() -> float:
        server = FaultServer(faults=1, only=(Fault.RATE_LIMITED,))
        async with client_of(server, concurrency=8) as client:
            await client.ask(call(), None)
            return client._slots.limit

    assert asyncio.run(run()) == 1


# --- requests and tokens a minute ---


@pytest.mark.parametrize(
    ("requests", "tokens", "expected_s"), [(60, None, 9.0), (None, 6000, 9.0), (60, 600, 90.0), (None, None, 0.0)]
)
def test_ten_requests_of_a_hundred_tokens_take_their_time(
    requests: float | None, tokens: float | None, expected_s: float
) -> None:
    time = FakeTime()
    rate = RateLimit(requests, tokens, time.clock)

    async def run() -> None:
        for _ in range(10):
            await rate.turn(100)

    asyncio.run(run())
    assert time.now_s == pytest.approx(expected_s)


def test_tokens_that_were_not_taken_are_given_back() -> None:
    time = FakeTime()
    rate = RateLimit(None, 6000, time.clock)

    async def run() -> None:
        await rate.turn(1000)
        rate.correct(1000, 100)
        await rate.turn(1000)

    asyncio.run(run())
    assert time.now_s == pytest.approx(1.0)


def test_the_client_keeps_to_requests_per_minute() -> None:
    time = FakeTime()
    answers_of(FaultServer(), [call(str(n)) for n in range(5)], time=time, requests_per_minute=30.0, concurrency=1)
    assert time.now_s == pytest.approx(8.0)


# --- money ---


def test_costs_are_counted_by_the_endpoints_price() -> None:
    budget = CostBudget()
    answers = answers_of(FaultServer(), [call("a"), call("b")], budget=budget, price_usd_per_million=PRICE)
    assert [a.cost_usd for a in answers] == [pytest.approx(COST_USD)] * 2
    assert budget.spent_usd == pytest.approx(2 * COST_USD)


def test_every_answered_attempt_costs() -> None:
    budget = CostBudget()
    server = FaultServer(faults=1, only=(Fault.EMPTY,))
    answer = answers_of(server, [call()], budget=budget, price_usd_per_million=PRICE)[0]
    assert answer.attempts == 3
    assert answer.cost_usd == pytest.approx(3 * COST_USD) == budget.spent_usd


@pytest.mark.parametrize(("fault", "counted"), [(Fault.RATE_LIMITED, False), (Fault.DROPPED_BODY, True)])
def test_an_answer_that_was_lost_may_have_been_charged(fault: Fault, counted: bool) -> None:
    budget = CostBudget()
    answer = answers_of(FaultServer(faults=1, only=(fault,)), [call()], budget=budget, price_usd_per_million=PRICE)[0]
    assert answer.cost_usd == pytest.approx(budget.spent_usd)
    assert (budget.spent_usd > 0) is counted


def test_the_limit_of_cost_is_never_passed() -> None:
    budget = CostBudget(0.2)
    server = FaultServer(keep=True)

    async def run() -> list[object]:
        async with client_of(server, budget=budget, price_usd_per_million=PRICE, concurrency=8) as client:
            calls = [call(str(n), max_tokens=1000) for n in range(200)]
            return await asyncio.gather(*(client.ask(one, None) for one in calls), return_exceptions=True)

    found = asyncio.run(run())
    stopped = [one for one in found if isinstance(one, ProviderError)]
    estimate_usd = 0.1
    assert {one.code for one in stopped} == {"COST_LIMIT"}
    assert 0.2 - estimate_usd - COST_USD < budget.spent_usd <= 0.2
    assert budget.spent_usd == pytest.approx((200 - len(stopped)) * COST_USD)
    assert len(server.requests) == 200 - len(stopped)


def test_a_budget_is_shared_and_may_begin_with_what_was_spent() -> None:
    async def run() -> None:
        budget = CostBudget(1.0, spent_usd=0.95)
        await budget.reserve(0.04)
        budget.settle(0.04, 0.01)
        await budget.reserve(0.04)
        budget.settle(0.04, 0.04)
        with pytest.raises(ProviderError, match="COST_LIMIT"):
            await budget.reserve(0.01)

    asyncio.run(run())


def test_a_budget_goes_through_one_event_loop_after_the_other_and_through_waits_in_each() -> None:
    budget = CostBudget(1.2)

    async def stage() -> None:
        async def one() -> None:
            await budget.reserve(0.2)
            await asyncio.sleep(0)
            budget.settle(0.2, 0.05)

        await asyncio.gather(*(one() for _ in range(9)))

    asyncio.run(stage())
    asyncio.run(stage())
    assert budget.spent_usd == pytest.approx(0.9)
    with pytest.raises(ProviderError, match="COST_LIMIT"):
        asyncio.run(stage())


def billed(input_tokens: int) -> FaultServer:
    """A server that bills so many tokens for whatever it is sent."""
    choice = {"message": {"content": "fine"}, "finish_reason": "stop"}
    usage = {"prompt_tokens": input_tokens, "completion_tokens": 20}
    data = json.dumps({"choices": [choice], "usage": usage}).encode()
    return FaultServer(respond=lambda _: (200, {}, data), keep=True)


def test_a_picture_that_is_billed_dearer_than_thought_raises_what_is_set_aside() -> None:
    price, server, budget = Price(input=10.0, output=0.0), billed(25_500), CostBudget(1.0)

    async def run() -> list[object]:
        options = {"budget": budget, "price_usd_per_million": price, "concurrency": 1}
        async with client_of(server, **options) as client:
            calls = [call(str(n)) for n in range(10)]
            return await asyncio.gather(*(client.ask(one, b"\x89PNG") for one in calls), return_exceptions=True)

    found = asyncio.run(run())
    assert len(server.requests) == 3, "three cost 0.765; a fourth would pass the limit, though 0.014 were thought"
    assert budget.spent_usd == pytest.approx(0.765)
    assert {one.code for one in found if isinstance(one, ProviderError)} == {"COST_LIMIT"}


def test_the_most_that_a_picture_may_cost_can_be_stated() -> None:
    endpoint = shipped()["openai"]
    one = call("x" * 100)
    for model, tokens in (("gpt-4o-mini", 25_650), ("gpt-4.1", 2_650)):
        assert most_input_tokens(endpoint.terms_of(model), one, has_image=True) == tokens
    stated = endpoint.model_copy(update={"image_tokens_max": None})
    assert most_input_tokens(stated, one, has_image=True) == 50 + 1399
    assert most_input_tokens(endpoint, one, has_image=False) == 50


def test_a_limit_of_cost_needs_a_price() -> None:
    model = model_at("http://127.0.0.1:9/v1")
    with pytest.raises(UsageError, match="PRICE_UNKNOWN") as caught:
        ServedClient(model, budget=CostBudget(5.0))
    assert "--prices" in caught.value.fix
    assert "--endpoints" in caught.value.fix
