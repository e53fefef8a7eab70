"""The client against a real server on loopback: what is sent, what is retried, what an answer becomes."""

import asyncio
import base64
import gzip
import json
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest

from fault_server import Fault, FaultServer, serving
from model_calls import SCHEMA, FakeTime, answer_of, answers_of, call, client_of, model_at
from neuroonco.errors import ProviderError
from neuroonco.models.endpoint_records import Price
from neuroonco.models.pacing import CostBudget
from neuroonco.models.records import Turn
from neuroonco.models.retry import Patience
from neuroonco.models.served import ServedClient
from neuroonco.vocabulary import CallStatus

PNG = b"\x89PNG\r\n\x1a\nnot really"
Response = tuple[int, dict[str, str], bytes]


def said(text: Any, finish: Any = "stop", **message: Any) -> Response:
    choice = {"message": {"role": "assistant", "content": text, **message}, "finish_reason": finish}
    return 200, {}, json.dumps({"model": "served-1", "choices": [choice]}).encode()


def in_turn(*responses: Response | None) -> FaultServer:
    """A server that gives these responses one after the other, and then answers; None answers as well."""
    left = list(responses)
    return FaultServer(respond=lambda _: left.pop(0) if left else None, keep=True)


def refused(status: int, code: str = "some_code", headers: dict[str, str] | None = None) -> Response:
    body = {"error": {"message": "no", "type": code, "code": code}}
    return status, headers or {}, json.dumps(body).encode()


# --- what is sent ---


def test_a_request_holds_turns_picture_schema_and_limits() -> None:
    server = FaultServer(keep=True, answer_for=lambda _: "fine")
    turns = (Turn(role="system", text="S"), Turn(role="user", text="U1"), Turn(role="assistant", text="A"))
    asked = call(turns=(*turns, Turn(role="user", text="U2")), schema_=SCHEMA, max_tokens=77, seed=5)
    answer = answers_of(server, [asked], PNG, image_detail="high")[0]
    assert answer.status is CallStatus.OK
    body = server.requests[0]
    url = "data:image/png;base64," + base64.b64encode(PNG).decode()
    image = {"type": "image_url", "image_url": {"url": url, "detail": "high"}}
    assert body == {
        "model": "fake",
        "messages": [
            {"role": "system", "content": "S"},
            {"role": "user", "content": [image, {"type": "text", "text": "U1"}]},
            {"role": "assistant", "content": "A"},
            {"role": "user", "content": "U2"},
        ],
        "max_tokens": 77,
        "temperature": 0.0,
        "seed": 5,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "sign", "schema": json.loads(SCHEMA.document), "strict": True},
        },
    }


@pytest.mark.parametrize(("support", "sent"), [("object", {"type": "json_object"}), ("none", None)])
def test_a_schema_is_sent_as_far_as_the_endpoint_takes_it(support: str, sent: Any) -> None:
    server = FaultServer(keep=True)
    answers_of(server, [call(schema_=SCHEMA)], json_schema=support)
    assert server.requests[0].get("response_format") == sent


def test_what_an_endpoint_does_not_know_is_not_sent() -> None:
    server = FaultServer(keep=True)
    unknown = {"max_tokens_name": "max_completion_tokens", "temperature_supported": False, "seed_supported": False}
    answers_of(server, [call(seed=1)], b"\xff\xd8\xff a JPEG", **unknown)
    assert set(server.requests[0]) == {"model", "messages", "max_completion_tokens"}
    parts = server.requests[0]["messages"][0]["content"]
    assert parts[0]["image_url"]["url"].startswith("data:image/jpeg;base64,")
    assert "detail" not in parts[0]["image_url"]


def test_an_answer_keeps_what_the_endpoint_says() -> None:
    answer = answer_of(FaultServer(answer_for=lambda _: "fine"))
    assert (answer.status, answer.text, answer.finish_reason) == (CallStatus.OK, "fine", "stop")
    assert (answer.served_model, answer.input_tokens, answer.output_tokens) == ("fake", 100, 20)
    assert (answer.model, answer.attempts, answer.error, answer.cost_usd) == ("vllm:fake", 1, None, None)
    assert answer.request_hash == call().request_hash("vllm:fake")
    assert answer.asked_at == "2026-01-01T12:00:00.000+00:00"


# --- what an answer becomes ---


@pytest.mark.parametrize(
    ("response", "status", "text"),
    [
        (said("cut", "length"), CallStatus.TRUNCATED, "cut"),
        (said(None, "length"), CallStatus.EMPTY, None),
        (said(" \n", "length"), CallStatus.EMPTY, " \n"),
        (said("", "content_filter"), CallStatus.REFUSED, None),
        (said(None, "stop", refusal="I cannot"), CallStatus.REFUSED, "I cannot"),
        (refused(400, "content_filter"), CallStatus.REFUSED, None),
        (said([{"type": "text", "text": "in "}, {"type": "text", "text": "parts"}]), CallStatus.OK, "in parts"),
        (said("half \ud800 a character"), CallStatus.OK, "half ? a character"),
        (said("no reason", None), CallStatus.OK, "no reason"),
    ],
)
def test_one_response_is_enough(response: Response, status: CallStatus, text: str | None) -> None:
    answer = answer_of(in_turn(response))
    assert (answer.status, answer.text, answer.attempts) == (status, text, 1)


@pytest.mark.parametrize(
    "first",
    [
        refused(408),
        refused(409),
        refused(429),
        refused(500),
        refused(503),
        refused(529),
        said("", "stop"),
        said("  \n", "stop"),
        said("half", "error"),
        (200, {}, b'{"choices": [{"mess'),
        (200, {}, b"<html>gateway</html>"),
        (200, {}, b"[]"),
        (200, {}, b'{"choices": []}'),
        (200, {}, b'{"choices": [{"finish_reason": "stop"}]}'),
        (200, {}, b'{"error": {"code": 502, "message": "upstream"}}'),
        (200, {}, b"[" * 100_000),
    ],
    ids=lambda r: f"{r[0]}-{r[2][:30]!r}",
)
def test_what_can_succeed_is_asked_again(first: Response) -> None:
    time = FakeTime()
    answer = answer_of(in_turn(first), time=time)
    assert (answer.status, answer.attempts) == (CallStatus.OK, 2)
    assert len(time.slept) == 1


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 413, 422])
def test_what_cannot_succeed_is_not(status: int) -> None:
    server = in_turn(refused(status, headers={"Location": "/elsewhere"}))
    answer = answer_of(server)
    assert (answer.status, answer.attempts, answer.text) == (CallStatus.REJECTED, 1, None)
    assert f"HTTP {status}" in (answer.error or "")
    assert len(server.requests) == 1


def test_a_spent_account_is_not_asked_again() -> None:
    assert answer_of(in_turn(refused(429, "insufficient_quota"))).status is CallStatus.REJECTED


@pytest.mark.parametrize("fault", [Fault.DROPPED, Fault.DROPPED_BODY, Fault.BROKEN_BODY, Fault.SERVER_ERROR])
def test_a_call_that_always_fails_is_failed_after_all_attempts(fault: Fault) -> None:
    answer = answer_of(FaultServer(faults=1, only=(fault,)), patience=Patience(attempts=4))
    assert (answer.status, answer.attempts, answer.text) == (CallStatus.FAILED, 4, None)
    assert answer.error


def test_empty_answers_are_empty_after_all_attempts() -> None:
    answer = answer_of(FaultServer(faults=1, only=(Fault.EMPTY,)))
    assert (answer.status, answer.attempts, answer.error) == (CallStatus.EMPTY, 3, "answered without text")


def test_a_server_that_is_not_there_is_failed() -> None:
    async def run() -> None:
        async with serving(FaultServer()) as url:
            pass
        async with ServedClient(model_at(url), clock=FakeTime().clock) as client:
            answer = await client.ask(call(), None)
        assert (answer.status, answer.attempts) == (CallStatus.FAILED, 6)
        assert answer.error == "connection refused: nothing listens there"

    asyncio.run(run())


def test_a_server_that_never_ends_is_left_after_the_timeout() -> None:
    answer = answer_of(FaultServer(latency_s=30), timeout_s=0.05, patience=Patience(attempts=2))
    assert (answer.status, answer.attempts, answer.error) == (CallStatus.FAILED, 2, "no answer in time")


def test_a_response_larger_than_any_answer_is_not_read() -> None:
    answer = answer_of(in_turn((200, {}, b" " * (8 * 1024**2 + 1))))
    assert (answer.status, answer.attempts) == (CallStatus.REJECTED, 1)
    assert "larger than any answer" in (answer.error or "")


def test_a_compressed_response_is_not_unpacked() -> None:
    packed = gzip.compress(said("x" * 10_000)[2])
    answer = answer_of(in_turn((200, {"Content-Encoding": "gzip"}, packed)))
    assert (answer.status, answer.attempts) == (CallStatus.REJECTED, 1)


# --- waiting ---


def test_waits_grow_with_jitter_and_are_the_same_on_every_run() -> None:
    runs = []
    for _ in range(2):
        time, at_s = FakeTime(), list[float]()

        def down(_: Any, time: FakeTime = time, at_s: list[float] = at_s) -> Response:
            at_s.append(time.now_s)
            return refused(500)

        answer_of(FaultServer(respond=down), time=time)
        runs.append([after - before for before, after in pairwise(at_s)])
    assert runs[0] == runs[1]
    assert all(0 <= waited <= 2**number for number, waited in enumerate(runs[0]))
    assert len(runs[0]) == 5
    assert max(runs[0]) > 2


@pytest.mark.parametrize(
    ("header", "least_s"),
    [("7", 7.0), ("Thu, 01 Jan 2026 12:00:30 GMT", 30.0), ("300", 300.0), ("soon", 0.0), ("-5", 0.0)],
)
def test_what_the_server_asks_for_is_waited(header: str, least_s: float) -> None:
    time = FakeTime()
    answer = answer_of(in_turn(refused(429, headers={"Retry-After": header})), time=time)
    assert answer.status is CallStatus.OK
    assert least_s <= sum(time.slept) <= least_s + 1


def test_a_server_that_asks_for_longer_than_a_run_waits_is_not_asked_early() -> None:
    server, time = in_turn(None, refused(429, headers={"Retry-After": "3600"})), FakeTime()

    async def run() -> list[Any]:
        async with client_of(server, time=time, concurrency=1) as client:
            return [await _caught(client, call(str(n))) for n in range(3)]

    assert asyncio.run(run()) == [CallStatus.OK, CallStatus.FAILED, "ENDPOINT_REFUSES"]
    assert (len(server.requests), time.slept) == (2, [])


def test_a_pause_that_the_server_asks_for_holds_for_all_calls() -> None:
    time = FakeTime()

    async def run() -> float:
        async with client_of(in_turn(refused(429, headers={"Retry-After": "50"})), time=time) as client:
            first = asyncio.create_task(client.ask(call("first"), None))
            while not time.slept:
                await asyncio.sleep(0)
            time.now_s = 0.0  # the first one waits elsewhere; the second starts at the same moment
            await client.ask(call("second"), None)
            later = time.now_s
            await first
            return later

    assert asyncio.run(run()) >= 50


# --- many calls ---


def test_no_more_are_under_way_than_allowed() -> None:
    server = FaultServer(latency_s=0.002)
    answers = answers_of(server, [call(str(n)) for n in range(60)], concurrency=5)
    assert Counter(a.status for a in answers) == {CallStatus.OK: 60}
    assert server.most_under_way == 5


def test_with_three_faults_in_ten_every_call_ends_with_a_status() -> None:
    calls = [call(f"slice {n}") for n in range(120)]
    first, second = (answers_of(FaultServer(faults=0.3, seed=3, slow_s=0.001), calls) for _ in range(2))
    assert [a.request_hash for a in first] == [c.request_hash("vllm:fake") for c in calls]
    assert Counter(a.status for a in first) == Counter(a.status for a in second)
    found = Counter(a.status for a in first)
    assert found[CallStatus.OK] > 100
    assert found[CallStatus.TRUNCATED] > 0
    assert all((a.text is not None) is a.status.is_final for a in first)
    assert max(a.attempts for a in first) > 2


def test_a_wrong_key_does_not_burn_ten_thousand_calls() -> None:
    server = FaultServer(key="right", keep=True)

    async def run() -> list[Any]:
        async with client_of(server, concurrency=4) as client:
            return await asyncio.gather(*(client.ask(call(str(n)), None) for n in range(500)), return_exceptions=True)

    found = asyncio.run(run())
    stopped = [one for one in found if isinstance(one, ProviderError)]
    assert stopped[0].code == "ENDPOINT_REFUSES"
    assert len(server.requests) < 10
    assert len(stopped) == 500 - len(server.requests)


def test_requests_that_no_server_would_take_stop_the_rest_only_at_the_start() -> None:
    async def run(server: FaultServer) -> list[Any]:
        async with client_of(server, concurrency=1) as client:
            return [await _caught(client, call(str(n))) for n in range(30)]

    stopped = asyncio.run(run(in_turn(*[refused(400)] * 30)))
    assert [one for one in stopped if one is CallStatus.REJECTED] == [CallStatus.REJECTED] * 10
    going_on = asyncio.run(run(in_turn(None, *[refused(400), refused(400, "another")] * 15)))
    assert Counter(going_on) == {CallStatus.OK: 1, CallStatus.REJECTED: 29}


def test_one_reason_for_all_stops_the_rest_at_any_time() -> None:
    body = json.dumps({"error": {"type": "invalid_request_error", "message": "Your credit balance is too low."}})
    server = in_turn(None, *[(400, {}, body.encode())] * 40)

    async def run() -> list[Any]:
        async with client_of(server, concurrency=1) as client:
            return [await _caught(client, call(str(n))) for n in range(30)]

    assert Counter(asyncio.run(run())) == {CallStatus.OK: 1, CallStatus.REJECTED: 5, "ENDPOINT_REFUSES": 24}


@pytest.mark.parametrize(("answered_first", "asked"), [(0, 10), (1, 21)])
def test_a_model_that_only_thinks_does_not_spend_everything(answered_first: int, asked: int) -> None:
    server = in_turn(*[said("fine")] * answered_first, *[said("", "length")] * 60)

    async def run() -> list[Any]:
        async with client_of(server, concurrency=1) as client:
            return [await _caught(client, call(str(n))) for n in range(60)]

    found = asyncio.run(run())
    assert len(server.requests) == asked, "one request a call, and no more calls after that"
    assert Counter(found)[CallStatus.EMPTY] == asked - answered_first
    assert found[-1] == "ENDPOINT_REFUSES"


def test_a_limit_spent_on_thoughts_is_named_and_asked_again_by_the_next_run() -> None:
    answer = answer_of(in_turn(said("", "length")))
    assert not answer.status.is_final
    assert "reasoning_tokens" in (answer.error or "")


def test_room_for_thoughts_is_added_to_the_limit_and_set_aside() -> None:
    server, budget = FaultServer(keep=True), CostBudget(0.9)
    limits = {
        "reasoning_tokens": 10_000,
        "reasoning_effort": "low",
        "price_usd_per_million": Price(input=0, output=100),
    }
    with pytest.raises(ProviderError, match="COST_LIMIT"):
        answers_of(server, [call(max_tokens=500)], budget=budget, **limits)
    answers_of(server, [call(max_tokens=500)], **limits)
    assert [(b["max_tokens"], b["reasoning_effort"]) for b in server.requests] == [(10_500, "low")]


@pytest.mark.parametrize(("answered_first", "failed"), [(0, 5), (1, 20)])
def test_an_endpoint_that_is_down_stops_the_rest(answered_first: int, failed: int) -> None:
    async def run() -> list[Any]:
        server = in_turn(*[None] * answered_first, *[refused(500)] * 100)
        async with client_of(server, concurrency=1, patience=Patience(attempts=2, silence_s=0)) as client:
            return [await _caught(client, call(str(n))) for n in range(30)]

    found = Counter(asyncio.run(run()))
    assert (found[CallStatus.OK], found[CallStatus.FAILED]) == (answered_first, failed)
    assert found["ENDPOINT_REFUSES"] == 30 - answered_first - failed


def test_calls_that_fail_together_in_one_outage_end_no_run() -> None:
    server, time = in_turn(*[None] * 32, *[refused(500)] * 200), FakeTime()

    async def run() -> list[Any]:
        patience = Patience(first_wait_s=0.1)
        async with client_of(server, time=time, patience=patience, concurrency=32) as client:
            rounds = [[_caught(client, call(f"{r} {n}")) for n in range(32)] for r in range(4)]
            return [one for asked in rounds for one in await asyncio.gather(*asked)]

    found = asyncio.run(run())
    assert [set(found[n : n + 32]) for n in range(0, 128, 32)] == [
        {CallStatus.OK},
        {CallStatus.FAILED},
        {CallStatus.OK},
        {CallStatus.OK},
    ]
    assert time.now_s < 300


# --- the stop ---


@pytest.mark.parametrize("finish", [refused(500), said("", "stop"), refused(429, headers={"Retry-After": "50"})])
def test_after_the_stop_no_call_makes_another_request(finish: Response) -> None:
    stopped, time = [False], FakeTime()

    def stop(_: Any) -> Response:
        stopped[0] = True
        return finish

    server = FaultServer(respond=stop, keep=True)

    async def run() -> tuple[Any, Any]:
        async with serving(server) as url:
            options = {"clock": time.clock, "stopping": lambda: stopped[0]}
            async with ServedClient(model_at(url), **options) as client:
                return await client.ask(call("under way"), None), await _caught(client, call("new"))

    under_way, new = asyncio.run(run())
    assert under_way.status is (CallStatus.EMPTY if finish[0] == 200 else CallStatus.FAILED)
    assert (under_way.attempts, new, len(server.requests)) == (1, "STOPPED", 1)
    assert sum(time.slept) <= 1


def test_a_stop_ends_a_long_wait() -> None:
    time = FakeTime()
    server = in_turn(refused(429, headers={"Retry-After": "500"}))

    async def run() -> Any:
        async with serving(server) as url:
            options = {"clock": time.clock, "stopping": lambda: time.now_s > 3}
            async with ServedClient(model_at(url), **options) as client:
                return await asyncio.gather(*(_caught(client, call(str(n))) for n in range(3)))

    found = asyncio.run(run())
    assert CallStatus.FAILED in found
    assert time.now_s < 8


async def _caught(client: ServedClient, one: Any) -> Any:
    try:
        return (await client.ask(one, None)).status
    except ProviderError as error:
        return error.code


def test_a_cancelled_call_gives_its_place_back() -> None:
    async def run() -> None:
        server = FaultServer(latency_s=30)
        async with client_of(server, concurrency=1) as client:
            tasks = [asyncio.create_task(client.ask(call(str(n)), None)) for n in range(3)]
            while not server.under_way:
                await asyncio.sleep(0)
            tasks[1].cancel()
            tasks[0].cancel()
            with pytest.raises(asyncio.CancelledError):
                await tasks[0]
            server.latency_s = 0
            assert (await client.ask(call("last"), None)).status is CallStatus.OK
            tasks[2].cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(run())
