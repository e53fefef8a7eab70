"""What is said while data are read and while a model is trained: one line on a terminal, else a line now and then."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from neuroonco.cli.output import say
from neuroonco.errors import printable

TAIL_BYTES = 4096
"""More than a line of the history has."""
SECONDS_BETWEEN_LINES = 30.0
"""Where no terminal shows a bar; a file of a night's training stays short enough to read."""


@contextmanager
def reading_line(*, shown: bool = True) -> Iterator[Callable[[int], None]]:
    """A counter of rows on stderr; nothing where no terminal shows it.

    Args:
        shown: whether this process speaks.
    """
    from rich.progress import Progress, SpinnerColumn, TextColumn

    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, transient=True, disable=not (shown and console.is_terminal)) as bars:
        task = bars.add_task("reading model and data", total=None)

        def update(rows: int) -> None:
            bars.update(task, description=f"{rows:,} rows read")

        yield update


@contextmanager
def training_line(
    what: str, rows: int, history: Path, *, shown: bool = True, clock: Callable[[], float] = time.monotonic
) -> Iterator[Callable[[int, int], None]]:
    """One line at the start, then a bar on stderr that follows calls with (steps done, total).

    Where no terminal shows the bar, a line says where it stands after a step, at most every 30 s, and after the last.

    Args:
        what: is trained.
        rows: that it is trained on.
        history: ``history.jsonl`` of the training, which knows the loss.
        shown: whether this process speaks.
        clock: seconds.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (
        *(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()),
        *(TextColumn("{task.fields[loss]}"), TimeRemainingColumn()),
    )
    with Progress(*columns, console=console, transient=True, disable=not (shown and console.is_terminal)) as bars:
        task = bars.add_task(escape(printable(what)), total=None, loss="")
        said_s: float | None = None

        def update(done: int, total: int) -> None:
            nonlocal said_s
            if not shown:
                return
            if said_s is None:
                said_s = clock()
                say(start_line(what, rows, done, total))
            elif bars.disable and (done >= total or clock() - said_s >= SECONDS_BETWEEN_LINES):
                said_s = clock()
                loss = last_loss(history)
                say(f"step {done:,} of {total:,}{', ' if loss else ''}{loss}")
            if not bars.disable:
                bars.update(task, completed=done, total=total, loss=last_loss(history))

        yield update


def start_line(what: str, rows: int, done: int, total: int) -> str:
    """What is said before the first step.

    >>> start_line("tiny", 1200, 0, 60), start_line("tiny", 1200, 12, 60)
    ('training tiny: 60 steps on 1,200 rows', 'training tiny: goes on at step 12 of 60')
    """
    if done:
        return f"training {what}: goes on at step {done:,} of {total:,}"
    steps = f"{total:,} {'step' if total == 1 else 'steps'}"
    return f"training {what}: {steps} on {rows:,} {'row' if rows == 1 else 'rows'}"


def last_loss(history: Path) -> str:
    """The newest loss of a history, in words; nothing where none was written yet."""
    try:
        with history.open("rb") as file:
            file.seek(max(history.stat().st_size - TAIL_BYTES, 0))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    for line in reversed(lines):
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict) and isinstance(row.get("loss"), float):
            return f"loss {row['loss']:.4f}"
    return ""
