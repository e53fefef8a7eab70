"""Anthropic's own API, against a loopback server that speaks it."""

import base64
import json
from typing import Any

import pytest

from fault_server import Fault, FaultServer
from model_calls import SCHEMA, answer_of, answers_of, call
from neuroonco.models.endpoints import shipped
from neuroonco.models.native_anthropic import AnthropicMessages
from neuroonco.models.records import Turn
from neuroonco.models.retry import MalformedAnswerError
from neuroonco.vocabulary import CallStatus

KEY = "sk-ant-test"


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)


def test_a_request_is_what_the_api_says() -> None:
    server = FaultServer(keep=True, key=KEY, answer_for=lambda _: "fine")
    turns = (Turn(role="system", text="S"), Turn(role="user", text="U"), Turn(role="assistant", text="A"))
    asked = call(turns=(*turns, Turn(role="user", text="U2")), schema_=SCHEMA, max_tokens=9, seed=3)
    answer = answers_of(server, [asked], b"\x89PNG", provider="anthropic")[0]
    assert (answer.status, answer.text, answer.input_tokens) == (CallStatus.OK, "fine", 100)
    assert server.paths == ["/v1/messages"]
    assert server.headers[0]["x-api-key"] == KEY
    assert server.headers[0]["anthropic-version"] == "2023-06-01"
    assert "authorization" not in server.headers[0]
    picture = {"type": "base64", "media_type": "image/png", "data": base64.b64encode(b"\x89PNG").decode()}
    schema = json.loads(SCHEMA.document)
    del schema["properties"]["size"]["minimum"]
    assert server.requests[0] == {
        "model": "fake",
        "max_tokens": 9,
        "system": "S",
        "messages": [
            {"role": "user", "content": [{"type": "image", "source": picture}, {"type": "text", "text": "U"}]},
            {"role": "assistant", "content": [{"type": "text", "text": "A"}]},
            {"role": "user", "content": [{"type": "text", "text": "U2"}]},
        ],
        "output_config": {"format": {"type": "json_schema", "schema": schema}},
    }


def test_fields_named_like_keywords_stay() -> None:
    document = {"type": "object", "properties": {"minimum": {"type": "number", "minimum": 1}}}
    asked = call(schema_=SCHEMA.model_copy(update={"document": json.dumps(document)}))
    body = AnthropicMessages().body(asked, None, shipped()["anthropic"], "m")
    assert body["output_config"]["format"]["schema"]["properties"] == {"minimum": {"type": "number"}}


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        ("end_turn", CallStatus.OK),
        ("max_tokens", CallStatus.TRUNCATED),
        ("model_context_window_exceeded", CallStatus.TRUNCATED),
        ("refusal", CallStatus.REFUSED),
    ],
)
def test_reasons_to_stop(reason: str, status: CallStatus) -> None:
    document = {
        "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "T"}],
        "stop_reason": reason,
    }
    server = FaultServer(respond=lambda _: (200, {}, json.dumps(document).encode()))
    answer = answer_of(server, provider="anthropic")
    assert (answer.status, answer.text, answer.finish_reason) == (status, "T", reason)


def test_an_overloaded_service_is_asked_again() -> None:
    body = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    left: list[Any] = [(529, {}, json.dumps(body).encode())]
    answer = answer_of(FaultServer(respond=lambda _: left.pop() if left else None), provider="anthropic")
    assert (answer.status, answer.attempts) == (CallStatus.OK, 2)


def test_faults_end_as_they_do_elsewhere() -> None:
    server = FaultServer(faults=1, only=(Fault.EMPTY,))
    assert answer_of(server, provider="anthropic").status is CallStatus.EMPTY
    cut = FaultServer(faults=1, only=(Fault.CUT_LENGTH,))
    assert answer_of(cut, provider="anthropic").status is CallStatus.TRUNCATED


@pytest.mark.parametrize("document", [None, [], {}, {"content": "text"}])
def test_other_documents_are_malformed(document: Any) -> None:
    with pytest.raises(MalformedAnswerError):
        AnthropicMessages().reply(document)
