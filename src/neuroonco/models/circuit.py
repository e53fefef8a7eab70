"""When to stop asking an endpoint altogether."""

import math
from collections.abc import Callable

from neuroonco.errors import ProviderError
from neuroonco.models.retry import Failure, Patience


class Circuit:
    """Stops everything when no further request can succeed, so that a wrong key does not burn ten thousand calls.

    Args:
        model: its name, for the error.
        patience: when it is at its end.
        seconds: monotonic time.
    """

    def __init__(self, model: str, patience: Patience, seconds: Callable[[], float]) -> None:
        self._model, self._patience, self._seconds = model, patience, seconds
        self._hopeless = self._failed = self._rejected = self._alike = 0
        self._answered, self._answered_s = False, seconds()
        self._reason = ""
        self._line: str | None = None

    def check(self) -> None:
        """Let a call through.

        Raises:
            ProviderError: nothing more is to be asked.
        """
        if self._line is not None:
            fix = "check key, model and URL; what was answered is kept, so start again"
            raise ProviderError("ENDPOINT_REFUSES", self._line, where=self._model, fix=fix)

    def left_s(self, attempt_s: float, asked_wait_s: float | None, *, calls: int, requests: float) -> float:
        """About how many seconds it takes until nothing more is asked, if no call is answered.

        Args:
            attempt_s: how long a request takes to fail.
            asked_wait_s: before the next one, where the endpoint says so.
            calls, requests: how many are under way at once; a call that waits has no request under way.
        """
        patience = self._patience
        needed = max(0, (patience.failed_in_a_row if self._answered else patience.failed_at_first) - self._failed)
        waits_s = (patience.attempts - 1) * asked_wait_s if asked_wait_s else patience.longest_retrying_s / 2
        left_s = math.ceil(needed / calls) * waits_s + needed * patience.attempts * attempt_s / requests
        silent_s = self._seconds() - self._answered_s
        return max(left_s, patience.silence_s - silent_s) if self._answered else left_s

    def answered(self) -> None:
        """A call was answered, well or not."""
        self._answered, self._answered_s = True, self._seconds()
        self._hopeless = self._failed = self._alike = 0

    def failed(self, failure: Failure) -> None:
        """A call ended without an answer."""
        patience = self._patience
        if failure.retried:
            self._failed += 1
        else:
            reason = _without_numbers(failure.line)
            self._rejected += 1
            self._alike = self._alike + 1 if reason == self._reason else 1
            self._reason = reason
        self._hopeless = self._hopeless + 1 if failure.hopeless else 0
        if self._hopeless >= patience.hopeless_in_a_row:
            self._line = f"{self._hopeless} calls in a row were refused, the last with {failure.line}"
        elif not self._answered and self._rejected >= patience.rejected_at_first:
            self._line = f"none of the first {self._rejected} calls was answered, the last: {failure.line}"
        elif self._alike >= patience.rejected_alike:
            self._line = f"{self._alike} calls in a row were not answered for one reason, the last: {failure.line}"
        elif failure.retry_after_s is not None and failure.retry_after_s > patience.longest_asked_wait_s:
            self._line = f"the endpoint asks to come back in {failure.retry_after_s:.0f} s: {failure.line}"
        elif self._failed_for_good():
            self._line = f"{self._failed} calls in a row failed after all retries, the last with {failure.line}"

    def _failed_for_good(self) -> bool:
        if not self._answered:
            return self._failed >= self._patience.failed_at_first
        silent_s = self._seconds() - self._answered_s
        return self._failed >= self._patience.failed_in_a_row and silent_s >= self._patience.silence_s


def _without_numbers(line: str) -> str:
    """A reason without the ids and times that some servers write into it."""
    return " ".join(word for word in line.split() if not any(c.isdigit() for c in word))
