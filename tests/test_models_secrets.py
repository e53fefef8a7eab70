"""The key reaches the endpoint, and nothing else: no error, no record, no log, no other machine."""

import asyncio
import logging
import pickle
import traceback
from typing import Any

import pytest

from fault_server import Fault, FaultServer, serving
from model_calls import FakeTime, call, client_of, model_at
from neuroonco.errors import NeuroOncoError
from neuroonco.models.retry import Patience, without_key
from neuroonco.models.served import ServedClient

PLANTED = "sk-planted-7f3a9c"
REPEATS = {"detail": f"you sent {PLANTED}", "error": {"message": f"bad {PLANTED}", "code": f"x-{PLANTED}"}}


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> str:
    for variable in ("VLLM_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.setenv(variable, PLANTED)
    return PLANTED


def outcomes(server: FaultServer, number: int = 12, **options: Any) -> list[Any]:
    """What becomes of some calls, errors with their tracebacks included, and how the client looks."""

    async def run() -> list[Any]:
        async with client_of(server, concurrency=2, patience=Patience(attempts=2), **options) as client:
            found: list[Any] = [repr(client), str(vars(client)), str(vars(client._wire))]
            for one in range(number):
                try:
                    found.append((await client.ask(call(str(one)), None)).model_dump_json())
                except NeuroOncoError as error:
                    found += [error.line, repr(error), *traceback.format_exception(error), str(pickle.dumps(error))]
            return found

    return asyncio.run(run())


@pytest.mark.parametrize("provider", ["vllm", "anthropic"])
@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 422, 429, 500])
def test_a_server_that_repeats_the_key_does_not_get_it_into_our_records(
    provider: str, status: int, planted: str, caplog: pytest.LogCaptureFixture
) -> None:
    body = str(REPEATS).replace("'", '"').encode()
    server = FaultServer(respond=lambda _: (status, {"Location": "/elsewhere"}, body), keep=True)
    with caplog.at_level(logging.DEBUG):
        found = outcomes(server, provider=provider)
    assert planted in str(server.headers)
    assert planted not in "\n".join(found)
    assert planted not in caplog.text


@pytest.mark.parametrize("fault", list(Fault))
def test_no_fault_brings_the_key_out(fault: Fault, planted: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        found = outcomes(FaultServer(faults=1, only=(fault,), slow_s=0.001, key=planted), number=1)
    assert planted not in "\n".join(found)
    assert planted not in caplog.text


def test_only_what_the_endpoint_needs_leaves_this_machine(planted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "Authorization: Bearer other-secret\nX-Private: other-secret")
    for variable in ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_ADMIN_KEY", "OPENAI_API_KEY"):
        monkeypatch.setenv(variable, "other-secret")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/elsewhere")
    server = FaultServer(keep=True)
    outcomes(server, number=1)
    sent = server.headers[0]
    assert "other-secret" not in str(sent)
    assert sent["authorization"] == f"Bearer {planted}"
    assert sent["user-agent"] == "neuroonco"
    known = {"accept", "accept-encoding", "authorization", "connection", "content-length", "content-type", "host"}
    assert set(sent) == known | {"user-agent"}


def test_without_a_key_none_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VLLM_API_KEY", raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", "other-secret")
    server = FaultServer(keep=True)
    outcomes(server, number=1)
    assert "authorization" not in server.headers[0]


def test_cookies_are_not_sent_back(planted: str) -> None:
    server = FaultServer(respond=lambda _: (429, {"Set-Cookie": "who=you"}, b"{}"), keep=True)
    outcomes(server, number=2)
    assert len(server.headers) == 4
    assert not any("cookie" in headers for headers in server.headers)


def test_a_redirect_is_not_followed_with_the_key(planted: str) -> None:
    async def run() -> None:
        elsewhere = FaultServer(keep=True)
        async with serving(elsewhere) as other:
            server = FaultServer(respond=lambda _: (307, {"Location": f"{other}/chat/completions"}, b"{}"))
            async with client_of(server) as client:
                answer = await client.ask(call(), None)
            assert answer.status.value == "rejected"
        assert elsewhere.requests == []

    asyncio.run(run())


def test_a_proxy_of_the_environment_does_not_see_what_stays_here(planted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(variable, "http://127.0.0.1:1")
    for variable in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(variable, raising=False)
    server = FaultServer(keep=True)
    assert '"ok"' in outcomes(server, number=1)[-1]


def test_a_client_shows_its_model_only(planted: str) -> None:
    async def run() -> str:
        async with ServedClient(model_at("http://127.0.0.1:9/v1"), clock=FakeTime().clock) as client:
            return repr(client)

    assert asyncio.run(run()) == "ServedClient('vllm:fake')"


def test_a_line_is_one_line_without_the_key() -> None:
    assert without_key("a KEY\r\nb KEY", "KEY") == "a ***\\r\\nb ***"
    assert len(without_key("x" * 1000, None)) == 300
    assert "KEY" not in without_key("x" * 298 + "KEY", "KEY")
