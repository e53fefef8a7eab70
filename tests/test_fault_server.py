"""The server that misbehaves does so on purpose only."""

import json
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest

from fault_answers import request_hash, texts_of, valid_answer
from fault_server import USUAL, Fault, FaultServer, spoiled, started
from neuroonco.prompts import prompt


def request(text: str, **fields: Any) -> dict[str, Any]:
    return {"model": "fake", "messages": [{"role": "user", "content": text}], **fields}


def test_faults_depend_on_seed_content_and_attempt_alone() -> None:
    digests = [request_hash(request(str(n))) for n in range(2000)]
    first, second = ([FaultServer(faults=0.3, seed=s).fault_of(d, 1) for d in digests] for s in (7, 7))
    assert first == second
    other = [FaultServer(faults=0.3, seed=8).fault_of(d, 1) for d in digests]
    again = [FaultServer(faults=0.3, seed=7).fault_of(d, 2) for d in digests]
    assert first != other
    assert first != again
    assert 500 < sum(fault is not None for fault in first) < 700
    assert set(Counter(first)) == {None, *USUAL}


def test_shares_of_faults_are_kept() -> None:
    shares = {Fault.RATE_LIMITED_AFTER: 0.05, Fault.GARBAGE: 0.01}
    server = FaultServer(faults=0.9, shares=shares, seed=3)
    met = Counter(server.fault_of(request_hash(request(str(n))), 1) for n in range(10_000))
    assert set(met) == {None, *shares}
    assert 400 < met[Fault.RATE_LIMITED_AFTER] < 600
    assert 60 < met[Fault.GARBAGE] < 140


def test_equal_requests_have_equal_hashes_however_they_are_spelled() -> None:
    body = request("a", temperature=0.0)
    assert request_hash(dict(reversed(body.items()))) == request_hash({**body, "user": "x", "stream": False})
    assert request_hash(body) != request_hash(request("b", temperature=0.0))


@pytest.mark.parametrize("name", ["read_conservative", "audit"])
def test_answers_without_a_schema_are_those_that_the_text_asks_for(name: str) -> None:
    answers = {valid_answer(request(f"{prompt(name).text} {n}")) for n in range(30)}
    assert len(answers) > 10
    keys = {"final_decision", "field_actions"} if name == "audit" else {"meta_info", "structured_signs"}
    assert all(keys <= json.loads(answer).keys() for answer in answers)


def test_answers_follow_a_schema() -> None:
    schema = {
        "type": "object",
        "properties": {
            "shape": {"anyOf": [{"type": "string", "enum": ["round", "oval"]}, {"type": "null"}]},
            "sure": {"type": "number", "minimum": 0.2, "maximum": 0.4},
            "box": {"type": "array", "items": {"$ref": "#/$defs/px"}, "minItems": 4},
            "yes": {"type": "boolean"},
        },
        "$defs": {"px": {"type": "integer", "minimum": 3, "maximum": 5}},
    }
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    for number in range(20):
        answer = json.loads(valid_answer(request(str(number), response_format=wanted)))
        assert answer["shape"] in ("round", "oval", None)
        assert 0.2 <= answer["sure"] <= 0.4
        assert len(answer["box"]) == 4
        assert set(answer["box"]) <= {3, 4, 5}
        assert answer["yes"] is True


@pytest.mark.parametrize("fault", [Fault.CUT_STOP, Fault.CUT_LENGTH, Fault.PROSE, Fault.EMPTY, Fault.WRONG_WORD])
def test_spoiled_answers_are_spoiled(fault: Fault) -> None:
    text = valid_answer(request("a lesion"))
    if fault is Fault.WRONG_WORD:
        assert "Butterfly" in json.loads(spoiled(text, fault))["structured_signs"]["shape"]
    else:
        with pytest.raises(ValueError, match=r"Expecting|Unterminated|delimiter"):
            json.loads(spoiled(text, fault))


def test_texts_are_found_without_pictures() -> None:
    parts = [{"type": "image_url", "image_url": {"url": "data:"}}, {"type": "text", "text": "B"}]
    assert texts_of({"system": "A", "messages": [{"role": "user", "content": parts}]}) == "A\nB"


def test_in_a_process_of_its_own_it_logs_what_came_and_what_was_answered(tmp_path: Path) -> None:
    log = tmp_path / "calls.jsonl"
    done = 0
    command = started("--faults", "1", "--only", "dropped", "prose", "--log", str(log))
    with command as url, httpx2.Client(trust_env=False) as client:
        for number in range(20):
            with suppress(httpx2.RemoteProtocolError):
                client.post(f"{url}/chat/completions", json=request(str(number)))
                done += 1
                # On the same connection, so that the line before it is written.
                assert client.get(f"{url}/models").json()["data"][0]["id"] == "fake"
    lines = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    finished = [line for line in lines if line["event"] == "finished"]
    assert 0 < done < 20
    assert Counter(line["event"] for line in lines) == {"received": 20, "finished": done}
    assert {line["fault"] for line in finished} == {"prose"}
    assert all(line["answered"] for line in finished)
    assert lines[0]["request"] == request_hash(request("0"))
