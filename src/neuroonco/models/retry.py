"""What went wrong with a request, whether asking again can help, and how long to wait before it."""

import json
import random
import socket
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2

from neuroonco.errors import printable

RETRIED_STATUS = frozenset({408, 409, 429})
"""With every status from 500: what the same request may survive a moment later."""
OVERLOADED_STATUS = frozenset({429, 503, 529})
"""The endpoint asks for fewer requests."""
HOPELESS_STATUS = frozenset({401, 402, 403, 404})
"""Wrong key, no credit, no permission, no such model or route: no other request fares better."""
SPENT_CODES = frozenset({"insufficient_quota", "billing_hard_limit_reached", "credit_balance_too_low"})
"""Codes of a 429 that waiting does not cure."""
HOPELESS_TEXTS = ("credit balance is too low", "api key not valid", "api key expired")
"""In the text of a 400, which Anthropic sends for an empty account and Google for a wrong key."""
FILTER_CODES = frozenset({"content_filter", "content_policy_violation", "responsible_ai_policy_violation"})
"""Codes of a 400 that mean that the provider's filter declined."""


class OversizedAnswerError(Exception):
    """The response is larger than any answer, or compressed although that was not asked for."""


class StatusError(Exception):
    """The endpoint answered with a status that is none of success.

    Args:
        status: of HTTP.
        content: of the response; bytes, or what was read from them.
        retry_after: as the header says.
    """

    def __init__(self, status: int, content: Any, retry_after: str | None = None) -> None:
        super().__init__(f"HTTP {status}")
        self.status, self.content, self.retry_after = status, content, retry_after


class MalformedAnswerError(ValueError):
    """The response is not what the endpoint's API says."""


@dataclass(frozen=True)
class Patience:
    """How long a call is tried.

    Attributes:
        attempts: requests at most.
        attempts_if_empty: the same where the last answer has no text; answers are paid for.
        first_wait_s: bound of the first wait; it doubles with every attempt.
        longest_wait_s: bound of every wait that no server asked for.
        longest_asked_wait_s: a server that asks for more by Retry-After is not asked again in this run.
        hopeless_in_a_row: calls refused for key, credit or model in a row, after which no more is asked.
        rejected_at_first: calls not accepted or not answered, none answered yet, after which no more is asked.
        rejected_alike: calls in a row, not accepted or not answered for one and the same reason, after which no more is
            asked.
        failed_in_a_row, silence_s: calls that failed after all retries in a row, and seconds since the last answer,
            after which both no more is asked: many calls under way fail together.
        failed_at_first: calls that failed while none was answered yet: nobody listens there, or another program.
    """

    attempts: int = 6
    attempts_if_empty: int = 3
    first_wait_s: float = 1.0
    longest_wait_s: float = 60.0
    longest_asked_wait_s: float = 600.0
    hopeless_in_a_row: int = 5
    rejected_at_first: int = 10
    rejected_alike: int = 20
    failed_in_a_row: int = 20
    silence_s: float = 300.0
    failed_at_first: int = 5

    @property
    def longest_retrying_s(self) -> float:
        """Seconds that a call waits between its attempts at most, where no server asks for more.

        >>> Patience().longest_retrying_s
        31.0
        """
        return sum(min(self.longest_wait_s, self.first_wait_s * 2.0 ** min(n, 30)) for n in range(self.attempts - 1))

    def wait_s(self, digest: str, attempt: int, retry_after_s: float | None) -> float:
        """Seconds to wait after a failed attempt: what the server asks for, else exponential with full jitter.

        The jitter is drawn from the request's hash, so that it is the same on every run and different for requests
        that failed together. What a server asks for is kept, and jitter comes on top of it, so that not all return at
        once.

        >>> Patience().wait_s("a", 1, None) <= 1.0, 7.0 <= Patience().wait_s("a", 1, 7.0) <= 8.0
        (True, True)
        """
        jitter = random.Random(f"{digest}|{attempt}").random()
        if retry_after_s is not None:
            return retry_after_s + jitter * self.first_wait_s
        return jitter * min(self.longest_wait_s, self.first_wait_s * 2.0 ** min(attempt - 1, 30))


@dataclass(frozen=True)
class Failure:
    """One failed attempt.

    Attributes:
        line: what went wrong, in one line, without keys.
        retried: asking again can help.
        overloaded: the endpoint asks for fewer requests.
        hopeless: no other request to this endpoint fares better.
        refused: a filter of the provider declined.
        billed: the endpoint may have worked, and charge for it, although no answer came.
    """

    line: str
    retried: bool = False
    overloaded: bool = False
    hopeless: bool = False
    refused: bool = False
    billed: bool = False
    retry_after_s: float | None = None


def failure_of(error: Exception, now: datetime) -> Failure:
    """Judge what an attempt raised.

    Args:
        error: of the network, or ours.
        now: UTC, for a Retry-After that is a date.
    """
    if isinstance(error, StatusError):
        return _of_status(error, now)
    if isinstance(error, TimeoutError | httpx2.TimeoutException):
        return Failure("no answer in time", retried=True, overloaded=True, billed=True)
    if isinstance(error, httpx2.RequestError):
        return _of_connection(error)
    if isinstance(error, MalformedAnswerError):
        return Failure(f"malformed response: {error}", retried=True, billed=True)
    if isinstance(error, OversizedAnswerError):
        return Failure(str(error), billed=True)
    # What is left is a request that could not even be built; its text may repeat what was in it.
    return Failure(f"request failed ({type(error).__name__})")


def _of_connection(error: httpx2.RequestError) -> Failure:
    causes = _causes(error)
    name = type(error).__name__
    if any(isinstance(one, ssl.SSLCertVerificationError) for one in causes):
        return Failure("the certificate of the endpoint is not valid", hopeless=True)
    if name in ("UnsupportedProtocol", "LocalProtocolError"):
        return Failure(f"the request cannot be sent ({name})")
    line = f"connection failed ({name})"
    if any(isinstance(one, ConnectionRefusedError) for one in causes):
        line = "connection refused: nothing listens there"
    elif any(isinstance(one, socket.gaierror) for one in causes):
        line = "connection failed: no such host"
    return Failure(line, retried=True, billed=name not in ("ConnectError", "ConnectTimeout"))


def _causes(error: BaseException) -> list[BaseException]:
    """An error and what led to it; a host with several addresses fails once for each of them."""
    found: list[BaseException] = []
    left: list[BaseException] = [error]
    while left:
        one = left.pop(0)
        if one in found:
            continue
        found.append(one)
        left += one.exceptions if isinstance(one, BaseExceptionGroup) else ()
        cause = one.__cause__ or one.__context__
        left += () if cause is None else (cause,)
    return found


def _of_status(error: StatusError, now: datetime) -> Failure:
    status = error.status
    code, message = _code_and_message(_document(error.content))
    line = f"HTTP {status}" + (f" ({code})" if code else "")
    if status in (401, 403):
        return Failure(f"{line}: key not accepted", hopeless=True)  # servers repeat the key in their text
    line = f"{line}: {message}" if message else line
    if status == 429 and code in SPENT_CODES:
        return Failure(line, hopeless=True)
    if status in RETRIED_STATUS or status >= 500:
        wait_s = retry_after_s(error.retry_after, now)
        overloaded = status in OVERLOADED_STATUS
        return Failure(line, retried=True, overloaded=overloaded, retry_after_s=wait_s)
    hopeless = status in HOPELESS_STATUS or (status == 400 and any(t in message.casefold() for t in HOPELESS_TEXTS))
    return Failure(line, hopeless=hopeless, refused=status == 400 and code in FILTER_CODES)


def _document(content: Any) -> Any:
    """What bytes say: JSON, or else text."""
    if not isinstance(content, bytes):
        return content
    text = content.decode("utf-8", "replace").strip()
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _code_and_message(body: Any) -> tuple[str, str]:
    """Code and message of an error, as the dialects spell them; what is not text is left out."""
    if isinstance(body, list) and len(body) == 1:  # as Google's compatible layer wraps it
        body = body[0]
    found = body.get("error", body) if isinstance(body, dict) else body
    if not isinstance(found, dict):
        return "", found if isinstance(found, str) else ""
    code = next((found[key] for key in ("code", "type", "status") if isinstance(found.get(key), str)), "")
    message = found.get("message")
    return code, message if isinstance(message, str) else ""


def retry_after_s(value: str | None, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks for: a number, or the date when to come back; None if it is neither.

    >>> now = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
    >>> retry_after_s("7", now), retry_after_s("Thu, 01 Jan 2026 12:00:30 GMT", now), retry_after_s("soon", now)
    (7.0, 30.0, None)
    """
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            date = parsedate_to_datetime(value)
        except (ValueError, TypeError, OverflowError):
            return None
        seconds = (date.replace(tzinfo=date.tzinfo or UTC) - now).total_seconds()
    return max(0.0, seconds) if seconds == seconds else None


def without_key(text: str, key: str | None, limit: int = 300) -> str:
    r"""One printable line of bounded length in which the key does not stand.

    >>> without_key("bad key s3cret\n", "s3cret")
    'bad key ***\\n'
    """
    return printable((text.replace(key, "***") if key else text)[:limit])
