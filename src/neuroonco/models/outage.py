"""What is said while an endpoint answers nothing, so that minutes of waiting do not pass in silence."""

import math
from collections.abc import Callable

SILENT_S = 30.0
"""Failing so long is said; a hiccup is not."""
BETWEEN_LINES_S = 60.0
MAX_REASON_CHARS = 120


class Outage:
    """Says one line once requests have failed for :data:`SILENT_S`, and then at most one a minute.

    Args:
        model: its name, and where it is.
        say: takes a line.
        seconds: monotonic time.

    >>> said, now = [], [0.0]
    >>> outage = Outage("vllm:a at 127.0.0.1:8000", said.append, lambda: now[0])
    >>> for now[0] in (0.0, 20.0, 31.0, 60.0, 92.0):
    ...     outage.failed("HTTP 500", began_s=now[0], left_s=300.0 - now[0])
    >>> print("\\n".join(said))
    vllm:a at 127.0.0.1:8000: HTTP 500 for 31 s, trying again; gives up in about 5 min
    vllm:a at 127.0.0.1:8000: HTTP 500 for 92 s, trying again; gives up in about 4 min
    """

    def __init__(self, model: str, say: Callable[[str], None], seconds: Callable[[], float]) -> None:
        self._model, self._say, self._seconds = model, say, seconds
        self._since_s: float | None = None
        self._said_s = -math.inf

    def answered(self) -> None:
        """A request was answered, well or not."""
        self._since_s = None

    def failed(self, reason: str, *, began_s: float, left_s: float) -> None:
        """A request failed that is, or may be, tried again.

        Args:
            reason: why.
            began_s: when it was sent.
            left_s: until nothing more is asked, if this goes on.
        """
        now_s = self._seconds()
        if self._since_s is None:
            self._since_s = began_s
        failing_s = now_s - self._since_s
        if failing_s < SILENT_S or now_s - self._said_s < BETWEEN_LINES_S:
            return
        self._said_s = now_s
        minutes = max(1, math.ceil(left_s / 60))
        shown = reason[:MAX_REASON_CHARS]
        self._say(f"{self._model}: {shown} for {failing_s:.0f} s, trying again; gives up in about {minutes} min")
