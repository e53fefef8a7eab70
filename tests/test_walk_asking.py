"""What all stages of one command share while they ask a model: the money, and the stop."""

import asyncio
import json
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from fault_server import FaultServer, serving
from model_calls import call, model_at
from neuroonco.errors import ProviderError
from neuroonco.models.endpoint_records import Price
from neuroonco.models.endpoints import ResolvedModel
from neuroonco.models.ledger import Ledger
from neuroonco.models.protocol import ModelClient
from neuroonco.models.records import ModelAnswer, ModelCall
from neuroonco.models.retry import Patience
from neuroonco.vocabulary import CallStatus
from neuroonco.walk.asking import Asking, ask_all
from neuroonco.walk.local_model import LocalModel, LocalOptions

UNCOUNTED = json.dumps({"choices": [{"message": {"content": "fine"}, "finish_reason": "stop"}]}).encode()
PRICE = Price(input=10, output=100)


@contextmanager
def elsewhere(server: FaultServer) -> Iterator[str]:
    """A server in a thread of its own, since every stage has its own event loop."""
    ready, url, loop, ended = threading.Event(), list[str](), asyncio.new_event_loop(), asyncio.Event()

    async def serve() -> None:
        async with serving(server) as found:
            url.append(found)
            ready.set()
            await ended.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    ready.wait()
    try:
        yield url[0]
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join()
        loop.close()


def stage(name: str, n: int, model: ResolvedModel, asking: Asking, ledger: Path) -> None:
    async def ask(client: ModelClient, number: int) -> ModelAnswer:
        return await client.ask(call(f"{name} {number}", max_tokens=1000), None)

    ask_all(range(n), ask, model, asking, str(ledger))


def test_one_limit_of_cost_is_for_all_stages_also_where_no_tokens_are_counted(tmp_path: Path) -> None:
    server, asking = FaultServer(respond=lambda _: (200, {}, UNCOUNTED), keep=True), Asking(max_cost_usd=1.0)
    with elsewhere(server) as url:
        model = model_at(url, price_usd_per_million=PRICE, concurrency=4)
        stage("a", 4, model, asking, tmp_path / "l.sqlite")
        assert 0.4 < asking.spent_usd < 0.41, "four answers of 1000 tokens, as they may have had"
        for name in ("b", "c"):
            with pytest.raises(ProviderError, match="COST_LIMIT"):
                stage(name, 9, model, asking, tmp_path / "l.sqlite")
    assert len(server.requests) == 9
    assert 0.9 < asking.spent_usd <= 1.0
    with Ledger(tmp_path / "l.sqlite") as ledger:
        costs = [entry.answer.cost_usd or 0.0 for entry in ledger.entries()]
    assert sum(costs) == pytest.approx(asking.spent_usd), "the ledger knows of all of it"


def test_a_model_that_only_thinks_stops_the_stage(tmp_path: Path) -> None:
    choice = {"message": {"content": ""}, "finish_reason": "length"}
    thinks = json.dumps({"choices": [choice], "usage": {"prompt_tokens": 900, "completion_tokens": 1024}}).encode()
    server = FaultServer(respond=lambda _: (200, {}, thinks), keep=True)
    with elsewhere(server) as url:
        with pytest.raises(ProviderError, match="spent before the answer began"):
            stage("a", 200, model_at(url, concurrency=4), Asking(), tmp_path / "l.sqlite")
        asked = len(server.requests)
        assert 10 <= asked < 10 + 4
        with pytest.raises(ProviderError):
            stage("a", 200, model_at(url, concurrency=4), Asking(), tmp_path / "l.sqlite")
        assert len(server.requests) > asked, "an answer without text is no answer: it is asked for again"


def test_the_stop_reaches_calls_that_would_be_tried_again(tmp_path: Path) -> None:
    server = FaultServer(respond=lambda _: (500, {}, b"{}"), keep=True)
    patience = Patience(first_wait_s=0.02, attempts=60, longest_wait_s=0.02)

    async def ask(client: ModelClient, number: int) -> ModelAnswer:
        if number == 0:
            while not server.requests:
                await asyncio.sleep(0)
            raise ValueError("the first error stops all")
        return await client.ask(call(str(number)), None)

    with elsewhere(server) as url, pytest.raises(ValueError, match="stops all"):
        ask_all(range(2), ask, model_at(url, concurrency=2), Asking(patience=patience), str(tmp_path / "l.sqlite"))
    assert len(server.requests) <= 3


class Scripted:
    """A client of a local model, whose answers end as planned by the text of the question."""

    ways: tuple[str, ...] = ()
    at_once = 8
    name = "local:tiny@0"

    def __init__(self, **ends: CallStatus) -> None:
        self.ends, self.asked = ends, list[str]()

    def as_asked(self, asked: ModelCall) -> ModelCall:
        return asked

    async def ask(self, asked: ModelCall, _image: bytes | None) -> ModelAnswer:
        text = asked.turns[0].text
        self.asked.append(text)
        status = self.ends.get(text, CallStatus.OK)
        failed = status in (CallStatus.FAILED, CallStatus.REJECTED)
        return ModelAnswer(
            request_hash=asked.request_hash(self.name),
            model=self.name,
            status=status,
            text=None if failed or status is CallStatus.EMPTY else "fine",
            error="out of memory with a batch of one" if failed else None,
            attempts=1,
            cost_usd=0.0,
        )

    async def aclose(self) -> None:
        pass


def put(texts: Sequence[str], ledger: Path, at_once: int, **ends: CallStatus) -> tuple[list[str], Scripted]:
    """What is said while a local model is asked, so many calls at once; the last line is the error, if any."""
    said, model = list[str](), LocalModel("tiny", LocalOptions())
    client = Scripted(**ends)
    client.at_once = at_once
    model.__dict__["client"] = client  # what the cached property would load

    async def ask(through: ModelClient, text: str) -> ModelAnswer:
        return await through.ask(call(text), None)

    try:
        ask_all(texts, ask, model, Asking(say=said.append), str(ledger), what="predict")
    except ProviderError as error:
        said.append(error.line)
    return said, client


@pytest.mark.parametrize("at_once", [1, 2, 3, 99])
@pytest.mark.parametrize(
    ("texts", "ends", "fails"),
    [
        ("aaa", {"a": CallStatus.FAILED}, True),
        ("aab", {"a": CallStatus.FAILED, "b": CallStatus.REJECTED}, True),
        ("aab", {"a": CallStatus.FAILED}, False),
        ("aaa", {"a": CallStatus.EMPTY}, False),
        ("aab", {"a": CallStatus.FAILED, "b": CallStatus.EMPTY}, False),
        ("aab", {"a": CallStatus.REJECTED, "b": CallStatus.TRUNCATED}, False),
        ("aab", {"a": CallStatus.FAILED, "b": CallStatus.REFUSED}, False),
        ("", {}, False),
    ],
)
def test_whether_a_run_succeeds_does_not_depend_on_how_many_are_asked_at_once(
    tmp_path: Path, at_once: int, texts: str, ends: dict[str, CallStatus], fails: bool
) -> None:
    said, _ = put(texts, tmp_path / "l.sqlite", at_once, **ends)
    assert (len(said) == 2) is fails, said
    if fails:
        where = "where: local:tiny@0; fix: check the model and run it again"
        n = len(set(texts))
        what = f"out of memory with a batch of one; none of {n} calls was answered"
        assert said[-1] == f"error[MODEL_UNANSWERED]: {what}; {where}"


@pytest.mark.parametrize("at_once", [1, 7, 99])
def test_the_line_adds_up_to_the_questions(tmp_path: Path, at_once: int) -> None:
    ledger, texts = tmp_path / "l.sqlite", "abcabcddd"
    (line,), _ = put(texts, ledger, at_once)
    calls = "predict by local:tiny@0: 4 calls asked (4 ok), 0 answered by the ledger, 5 the same as another, asked once"
    assert line == f"{calls}, 0 tokens in, 0 out, 0.0000 USD"
    (line,), _ = put(texts + "ee", ledger, at_once)
    assert "1 calls asked (1 ok), 9 answered by the ledger, 1 the same as another, asked once, " in line
    (line,), _ = put(texts, ledger, at_once)
    assert "0 calls asked, 9 answered by the ledger, 0 tokens" in line


def test_an_empty_answer_of_a_local_model_is_not_asked_again(tmp_path: Path) -> None:
    ends = {"a": CallStatus.EMPTY, "b": CallStatus.FAILED}
    first, second = (put("abc", tmp_path / "l.sqlite", 1, **ends)[1] for _ in range(2))
    assert (first.asked, second.asked) == (["a", "b", "c"], ["b"])


def test_retried_requests_are_said(tmp_path: Path) -> None:
    left, said = [3], list[str]()

    def respond(_: object) -> tuple[int, dict[str, str], bytes] | None:
        left[0] -= 1
        return (503, {"Retry-After": "0"}, b"{}") if left[0] >= 0 else None

    patience = Patience(first_wait_s=0.001)
    with elsewhere(FaultServer(respond=respond)) as url:
        stage("a", 4, model_at(url, concurrency=1), Asking(patience=patience, say=said.append), tmp_path / "l.sqlite")
    assert "4 calls asked (4 ok), 3 requests tried again, 0 answered by the ledger, " in said[0]


def test_nobody_there_is_said_with_the_place_and_the_reason_first(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    patience = Patience(attempts=1)
    with pytest.raises(ProviderError) as raised:
        stage("a", 2, model_at(f"http://127.0.0.1:{port}/v1"), Asking(patience=patience), tmp_path / "l.sqlite")
    what = "connection refused: nothing listens there; none of 2 calls was answered"
    fix = "check the endpoint and run it again"
    assert raised.value.line == f"error[MODEL_UNANSWERED]: {what}; where: vllm:fake at 127.0.0.1:{port}; fix: {fix}"
    model = model_at(f"http://127.0.0.1:{port}/v1", concurrency=4)
    with pytest.raises(ProviderError, match=f"ENDPOINT_REFUSES.*connection refused.*at 127.0.0.1:{port}"):
        stage("b", 30, model, Asking(patience=patience), tmp_path / "l.sqlite")
