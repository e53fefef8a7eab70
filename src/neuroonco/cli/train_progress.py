"""One line on a terminal while data are read and while a model is trained: rows; steps, loss and the time left."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from neuroonco.errors import printable

TAIL_BYTES = 4096
"""More than a line of the history has."""


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
def training_line(what: str, history: Path, *, shown: bool = True) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr that follows calls with (steps done, total); nothing where no terminal shows it.

    Args:
        what: is trained.
        history: ``history.jsonl`` of the training, which knows the loss.
        shown: whether this process speaks.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (
        *(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()),
        *(TextColumn("{task.fields[loss]}"), TimeRemainingColumn()),
    )
    with Progress(*columns, console=console, transient=True, disable=not (shown and console.is_terminal)) as bars:
        task = bars.add_task(escape(printable(what)), total=None, loss="")

        def update(done: int, total: int) -> None:
            if not bars.disable:
                bars.update(task, completed=done, total=total, loss=last_loss(history))

        yield update


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
