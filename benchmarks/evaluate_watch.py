"""How :mod:`evaluate` looks at what it starts: a command's time and memory, and the fault server's own counts."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

LOOK_S = 0.02
SETTLE_S = 0.5
"""After a kill, until the server has ended what was under way."""


@dataclass(frozen=True)
class Spent:
    """What a command took; CPU is user and system time of it and of its children."""

    wall_s: float
    cpu_s: float
    peak_mib: float
    code: int
    shown: str


def spent_by(command: list[str], notes: Path, until: Callable[[], bool] | None = None) -> Spent:
    """Run a command to its end, or until it is killed with SIGKILL.

    It is started by a small process in between: Linux counts the memory of the process that starts another one as that
    one's peak.

    Args:
        command: what to run.
        notes: where its stdout and stderr go; the latter beside it with the suffix ``.stderr``.
        until: asked again and again; once it says True, the command is killed.
    """
    report = notes.with_suffix(".spent.json")
    report.unlink(missing_ok=True)
    between = subprocess.Popen([sys.executable, __file__, str(notes), str(report), *command])
    while until is not None and between.poll() is None:
        if until():
            between.terminate()
            break
        time.sleep(LOOK_S)
    between.wait()
    return Spent(**json.loads(report.read_text("utf-8")), shown=notes.read_text("utf-8", "replace"))


def _between(notes: Path, report: Path, command: list[str]) -> None:
    """Start a command, kill it when told to end, and write down what it took."""
    start = time.perf_counter()
    with notes.open("wb") as out, notes.with_suffix(".stderr").open("wb") as errors:
        process = subprocess.Popen(command, stdout=out, stderr=errors)
        signal.signal(signal.SIGTERM, lambda *_: os.kill(process.pid, signal.SIGKILL))
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    spent = {"wall_s": time.perf_counter() - start, "cpu_s": usage.ru_utime + usage.ru_stime}
    report.write_text(json.dumps(spent | {"peak_mib": usage.ru_maxrss / 1024, "code": process.returncode}), "utf-8")


@dataclass
class Seen:
    """What the server saw.

    Attributes:
        received, answered: how often each request came, and how often a model's answer to it was sent whole.
        faults: requests by the fault that they met.
    """

    received: Counter[str] = field(default_factory=Counter)
    answered: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)

    @property
    def doubled(self) -> int:
        """Answers beyond the first, over all requests."""
        return sum(n - 1 for n in self.answered.values())


class ServerLog:
    """The log of a fault server while it is written.

    Attributes:
        whole: all that the server saw.
        run: what it saw since :meth:`begin`.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._offset = path, 0
        self.whole, self.run = Seen(), Seen()

    def begin(self) -> None:
        """Another command starts."""
        self.look()
        self.run = Seen()

    def look(self) -> Seen:
        """Read on; gives what came since :meth:`begin`."""
        with self._path.open("rb") as file:
            file.seek(self._offset)
            lines = file.read()
        lines = lines[: lines.rfind(b"\n") + 1]
        self._offset += len(lines)
        for line in lines.splitlines():
            event = json.loads(line)
            for seen in (self.run, self.whole):
                if event["event"] == "received":
                    seen.received[event["request"]] += 1
                    seen.faults[event["fault"] or "none"] += 1
                elif event["answered"]:
                    seen.answered[event["request"]] += 1
        return self.run


if __name__ == "__main__":
    _between(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
