"""What all stages of one command share while they ask a model: the money, and the stop."""

import asyncio
import json
import threading
from collections.abc import Iterator
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
from neuroonco.models.records import ModelAnswer
from neuroonco.models.retry import Patience
from neuroonco.walk.asking import Asking, ask_all

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
