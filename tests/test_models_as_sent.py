"""A request's hash: what changes it, what does not, and that it stays as it is from version to version."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fault_server import FaultServer
from model_calls import SCHEMA, answers_of, call, model_at
from neuroonco.models.as_sent import AsSent, as_sent, ways_of_asking
from neuroonco.models.endpoint_records import Endpoint
from neuroonco.models.endpoints import resolve, shipped
from neuroonco.models.ledger import Ledger
from neuroonco.models.records import AnswerSchema, ModelCall, Turn
from neuroonco.models.served import DIALECTS
from neuroonco.walk.asking import asked_as_sent
from scripted_client import ScriptedClient

PNG = b"\x89PNG"


def test_hashes_are_as_they_were() -> None:
    """If one of these changes, every answer in every ledger is asked anew: change HASH_VERSION then."""
    stated = ModelCall(
        purpose="read",
        prompt_name="p",
        prompt_sha256="0" * 64,
        turns=(Turn(role="system", text="Rules."), Turn(role="user", text="Läs.")),
        image_sha256="1" * 64,
        schema_=AnswerSchema(name="reading", document='{"type":"object"}'),
        max_tokens=1024,
        temperature=0.0,
        seed=None,
        settings=(),
    )
    other = stated.model_copy(
        update={"max_tokens": 77, "temperature": None, "seed": 5, "settings": ("image_detail=high",)}
    )
    assert stated.request_hash("openai:gpt-5") == GOLDEN[0]
    assert other.request_hash("openai:gpt-5") == GOLDEN[1]
    assert call("Hi").request_hash("vllm:m") == GOLDEN[2]


GOLDEN = (
    "21fa99b0942b49d008c2264c530481a7c023e8278cca2840eeb2adf3b5194f93",
    "75f23cda43522e7b1c1b37dc29d170221a26e81d2e9ada89863ae4fc292fdfab",
    "76fb1fa9915a264d90227e0da456c852688bbf2b60738a9ec0dd85dcb934718b",
)


def test_a_new_field_with_a_default_changes_no_hash() -> None:
    class Later(ModelCall):
        top_p: float | None = None

    one = call("Hi")
    later = Later(**dict(one))
    assert later.request_hash("m") == one.request_hash("m")
    assert later.model_copy(update={"top_p": 0.5}).request_hash("m") != one.request_hash("m")


def test_where_a_call_comes_from_is_no_part_of_its_hash() -> None:
    labels = {"purpose": "b", "prompt_name": "renamed", "prompt_sha256": "f" * 64}
    assert call().model_copy(update=labels).request_hash("m") == call().request_hash("m")


@pytest.mark.parametrize(
    "changes",
    [
        {"turns": (Turn(role="system", text="What is it?"),)},
        {"image_sha256": "0"},
        {"schema_": SCHEMA},
        {"max_tokens": 1023},
        {"temperature": None},
        {"seed": 0},
    ],
    ids=lambda c: next(iter(c)),
)
def test_what_reaches_the_model_is(changes: dict[str, Any]) -> None:
    assert call(**changes).request_hash("m") != call().request_hash("m")


endpoints = st.builds(
    lambda adapter, effort, **values: shipped()["vllm"].model_copy(
        update={"adapter": adapter, "reasoning_effort": effort if adapter == "openai" else None, **values}
    ),
    st.sampled_from(["openai", "anthropic"]),
    st.sampled_from([None, "low", "high"]),
    json_schema=st.sampled_from(["strict", "object", "none"]),
    image_detail=st.sampled_from([None, "low", "high"]),
    temperature_supported=st.booleans(),
    seed_supported=st.booleans(),
    reasoning_tokens=st.sampled_from([0, 100]),
)
calls = st.builds(
    lambda **values: call(**values),
    image_sha256=st.sampled_from([None, "1" * 64]),
    schema_=st.sampled_from([None, SCHEMA]),
    temperature=st.sampled_from([None, 0.0, 1.0]),
    seed=st.sampled_from([None, 3]),
)


def body_of(one: ModelCall, endpoint: Endpoint) -> str:
    image = None if one.image_sha256 is None else PNG
    body = DIALECTS[endpoint.adapter].body(one, image, endpoint, "m")
    return json.dumps([endpoint.adapter, body], sort_keys=True)


@given(calls, endpoints, endpoints)
def test_a_call_has_one_hash_for_each_request_that_it_becomes(one: ModelCall, a: Endpoint, b: Endpoint) -> None:
    sent = [as_sent(one, endpoint) for endpoint in (a, b)]
    same = body_of(one, a) == body_of(one, b)
    assert (sent[0].request_hash("m") == sent[1].request_hash("m")) is same


@given(calls, endpoints)
def test_a_call_as_sent_is_the_same_request(one: ModelCall, endpoint: Endpoint) -> None:
    sent = as_sent(one, endpoint)
    assert as_sent(sent, endpoint) == sent
    assert body_of(sent, endpoint) == body_of(one, endpoint)


def test_a_client_answers_to_the_hash_of_what_it_sent() -> None:
    one = call(schema_=SCHEMA)
    for changes in ({"json_schema": "strict"}, {"json_schema": "none", "temperature_supported": False}):
        endpoint = model_at("http://127.0.0.1:9/v1", **changes).endpoint
        answer = answers_of(FaultServer(), [one], **changes)[0]
        assert answer.request_hash == as_sent(one, endpoint).request_hash("vllm:fake")


def test_what_stands_before_the_ledger_hands_on_the_call_as_sent() -> None:
    client, model = ScriptedClient(["fine"], name="openai:gpt-5"), resolve("openai:gpt-5")
    asked = AsSent(client, model.endpoint)
    answer = asyncio.run(asked.ask(call(), None))
    assert (asked.name, client.calls) == ("openai:gpt-5", [as_sent(call(), model.endpoint)])
    assert answer.request_hash == client.calls[0].request_hash(client.name) != call().request_hash(client.name)


def test_another_way_of_asking_is_another_call_in_the_ledger(tmp_path: Path) -> None:
    from neuroonco.models.recorded import RecordedClient

    async def ask(schema: str, ledger: Ledger) -> str | None:
        model = model_at("http://127.0.0.1:9/v1", json_schema=schema)
        client = RecordedClient(ledger, ScriptedClient([schema], name=model.name))
        put = asked_as_sent(lambda client, item: client.ask(item, None), model)
        return (await put(client, call(schema_=SCHEMA))).text

    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        assert [asyncio.run(ask(schema, ledger)) for schema in ("strict", "none", "object")] == [
            "strict",
            "none",
            "object",
        ]


@given(endpoints, endpoints)
def test_endpoints_that_ask_alike_have_equal_ways_of_asking(a: Endpoint, b: Endpoint) -> None:
    moved = a.model_copy(update={"base_url": "https://elsewhere.example/v1", "concurrency": 99})
    assert ways_of_asking(moved) == ways_of_asking(a)
    full = call(schema_=SCHEMA, image_sha256="1" * 64, seed=1)
    if body_of(full, a) != body_of(full, b):
        assert ways_of_asking(a) != ways_of_asking(b)
