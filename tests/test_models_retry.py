"""What is worth asking again, and when."""

import socket
import ssl
from datetime import UTC, datetime

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuroonco.errors import ProviderError
from neuroonco.models.circuit import Circuit
from neuroonco.models.retry import (
    Failure,
    MalformedAnswerError,
    OversizedAnswerError,
    Patience,
    StatusError,
    failure_of,
    retry_after_s,
)

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def of_status(status: int, body: object = None, **headers: str) -> Failure:
    return failure_of(StatusError(status, body, headers.get("retry_after")), NOW)


def of_connection(cause: Exception) -> Failure:
    return failure_of(cause, NOW)


@given(st.integers(300, 599))
def test_every_status_is_either_retried_or_not(status: int) -> None:
    failure = of_status(status)
    assert failure.retried is (status in (408, 409, 429) or status >= 500)
    assert failure.overloaded is (status in (429, 503, 529))
    assert failure.hopeless is (status in (401, 402, 403, 404))
    assert not failure.billed
    assert failure.line.startswith(f"HTTP {status}")


@pytest.mark.parametrize("code", ["insufficient_quota", "billing_hard_limit_reached"])
def test_an_empty_account_is_hopeless(code: str) -> None:
    assert of_status(429, {"code": code, "message": "m"}) == Failure(f"HTTP 429 ({code}): m", hopeless=True)
    assert of_status(429, {"code": "rate_limit_exceeded"}).retried


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ({"error": {"type": "t", "message": "m"}}, "HTTP 400 (t): m"),
        ({"code": "c", "message": "m"}, "HTTP 400 (c): m"),
        ({"code": 400, "type": "t", "message": ["m"]}, "HTTP 400 (t)"),
        ("<html>", "HTTP 400: <html>"),
        ([1], "HTTP 400"),
        (None, "HTTP 400"),
    ],
)
def test_any_body_of_an_error_is_read(body: object, line: str) -> None:
    assert of_status(400, body).line == line


def test_a_filter_that_declines_is_a_refusal() -> None:
    assert of_status(400, {"code": "content_filter"}).refused
    assert not of_status(400, {"code": "invalid_image"}).refused


def test_connections() -> None:
    refused, lost = of_connection(httpx2.ConnectError("x")), of_connection(httpx2.ReadError("x"))
    assert (refused.retried, refused.billed) == (True, False)
    assert (lost.retried, lost.billed) == (True, True)
    assert not of_connection(httpx2.UnsupportedProtocol("x")).retried
    error = httpx2.ConnectError("x")
    error.__cause__ = ssl.SSLCertVerificationError("self-signed")
    assert of_connection(error).hopeless


@pytest.mark.parametrize(
    ("error", "retried", "billed"),
    [
        (TimeoutError(), True, True),
        (httpx2.ReadTimeout("x"), True, True),
        (MalformedAnswerError("not JSON"), True, True),
        (OversizedAnswerError("too large"), False, True),
        (KeyError("secret"), False, False),
    ],
)
def test_other_errors(error: Exception, retried: bool, billed: bool) -> None:
    failure = failure_of(error, NOW)
    assert (failure.retried, failure.billed) == (retried, billed)
    assert "secret" not in failure.line


@given(st.text(max_size=40) | st.floats().map(str) | st.integers().map(str))
def test_any_retry_after_is_seconds_or_nothing(value: str) -> None:
    seconds = retry_after_s(value, NOW)
    assert seconds is None or seconds >= 0


@given(st.text(max_size=8), st.integers(1, 10_000), st.none() | st.floats(0, 1e9))
def test_waits_are_bounded_and_keep_what_is_asked_for(digest: str, attempt: int, asked_s: float | None) -> None:
    patience = Patience()
    waited_s = patience.wait_s(digest, attempt, asked_s)
    assert 0 <= waited_s <= max(patience.longest_wait_s, asked_s or 0) + patience.first_wait_s
    if asked_s is not None:
        assert waited_s >= asked_s


def test_requests_that_failed_together_do_not_come_back_together() -> None:
    waits = [Patience().wait_s(str(number), 4, None) for number in range(200)]
    assert max(waits) - min(waits) > 7
    assert 3 < sum(waits) / 200 < 5


def test_the_circuit_counts_what_comes_in_a_row() -> None:
    circuit = Circuit("m", Patience(), lambda: 0.0)
    circuit.answered()
    for _ in range(50):
        for _ in range(4):
            circuit.failed(Failure("no", hopeless=True))
        circuit.answered()
    circuit.check()
    for _ in range(5):
        circuit.failed(Failure("HTTP 404", hopeless=True))
    with pytest.raises(ProviderError, match="5 calls in a row were refused, the last with HTTP 404"):
        circuit.check()


# --- empty accounts and wrong keys, as each provider says them ---

ANTHROPIC_EMPTY = {
    "type": "error",
    "error": {
        "type": "invalid_request_error",
        "message": "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing.",
    },
}
GOOGLE_KEY = {"code": 400, "message": "API key not valid. Please pass a valid API key.", "status": "INVALID_ARGUMENT"}


def test_an_empty_account_under_http_400_is_hopeless() -> None:
    failure = of_status(400, ANTHROPIC_EMPTY)
    assert (failure.hopeless, failure.retried) == (True, False)
    assert not of_status(400, {"type": "invalid_request_error", "message": "image exceeds 5 MB maximum"}).hopeless


def test_an_error_in_a_list_of_one_is_read() -> None:
    failure = of_status(400, [{"error": GOOGLE_KEY}])
    assert failure.hopeless
    assert failure.line == f"HTTP 400 (INVALID_ARGUMENT): {GOOGLE_KEY['message']}"
    assert of_status(429, [{"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "quota"}}]).retried


def test_one_reason_again_and_again_stops_at_any_time_whatever_its_ids() -> None:
    circuit = Circuit("m", Patience(), lambda: 0.0)
    circuit.answered()
    for number in range(19):
        circuit.failed(Failure(f"HTTP 400: context too long (request req_{number}a)"))
    circuit.failed(Failure("HTTP 400: another reason"))
    for number in range(19):
        circuit.failed(Failure(f"HTTP 400: context too long (request req_{number}b)"))
    circuit.check()
    circuit.failed(Failure("HTTP 400: context too long (request req_9c)"))
    with pytest.raises(ProviderError, match="20 calls in a row were not answered for one reason"):
        circuit.check()


# --- outages ---


def test_failures_in_a_row_stop_only_after_a_silence() -> None:
    now = [0.0]
    circuit = Circuit("m", Patience(), lambda: now[0])
    circuit.answered()
    now[0] = 299.0
    for _ in range(200):
        circuit.failed(Failure("HTTP 500", retried=True))
    circuit.check()
    now[0] = 301.0
    circuit.failed(Failure("HTTP 500", retried=True))
    with pytest.raises(ProviderError, match="201 calls in a row failed after all retries"):
        circuit.check()


def test_one_failure_after_a_long_silence_is_no_reason_to_stop() -> None:
    now = [0.0]
    circuit = Circuit("m", Patience(), lambda: now[0])
    circuit.answered()
    now[0] = 9999.0
    for _ in range(19):
        circuit.failed(Failure("HTTP 500", retried=True))
    circuit.check()


def test_a_server_that_asks_for_a_day_is_not_asked_again() -> None:
    circuit = Circuit("m", Patience(), lambda: 0.0)
    circuit.answered()
    circuit.failed(Failure("HTTP 429", retried=True, retry_after_s=600.0))
    circuit.check()
    circuit.failed(Failure("HTTP 429", retried=True, retry_after_s=86400.0))
    with pytest.raises(ProviderError, match="come back in 86400 s"):
        circuit.check()


def refused_at_all_addresses() -> httpx2.ConnectError:
    """As the network layer wraps it where a host has several addresses."""
    group = ExceptionGroup("all failed", [ConnectionRefusedError(111, "a"), OSError("b")])
    error, outer = OSError("All connection attempts failed"), httpx2.ConnectError("x")
    error.__cause__, outer.__cause__ = group, error
    return outer


def test_a_refused_connection_and_an_unknown_host_are_said_first() -> None:
    assert of_connection(refused_at_all_addresses()).line.startswith("connection refused")
    alone, unknown = httpx2.ConnectError("x"), httpx2.ConnectError("x")
    alone.__context__, unknown.__cause__ = ConnectionRefusedError(111, "x"), socket.gaierror(-2, "unknown")
    assert of_connection(alone).line.startswith("connection refused")
    assert of_connection(unknown).line == "connection failed: no such host"
    assert of_connection(httpx2.ConnectError("x")).line == "connection failed (ConnectError)"
    assert of_connection(httpx2.ReadError("x")).line == "connection failed (ReadError)"
    for error in (alone, unknown, refused_at_all_addresses()):
        assert (of_connection(error).retried, of_connection(error).billed) == (True, False)


def test_the_circuit_estimates_when_it_gives_up() -> None:
    now = [0.0]
    circuit = Circuit("m", Patience(), lambda: now[0])
    assert circuit.left_s(0.0, None, calls=8, requests=8) == 15.5, "five calls at once, half of 31 s of waits"
    assert circuit.left_s(0.0, None, calls=2, requests=1) == 3 * 15.5, "two by two"
    assert circuit.left_s(120.0, None, calls=8, requests=1) == 15.5 + 5 * 6 * 120, "each request waits for its end"
    assert circuit.left_s(0.0, 100.0, calls=8, requests=8) == 500.0, "the endpoint asks for longer waits"
    circuit.answered()
    now[0] = 60.0
    assert circuit.left_s(0.0, None, calls=8, requests=8) == 240.0
    assert circuit.left_s(0.0, None, calls=1, requests=1) == 20 * 15.5
