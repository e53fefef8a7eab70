"""One line on a terminal while a model is asked: questions, tokens, cost and the time left."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape

from neuroonco.errors import printable
from neuroonco.walk.asking import Asking


@contextmanager
def progress_line(what: str, asking: Asking) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr that follows calls with (done, total); nothing where no terminal shows it.

    Args:
        what: is done.
        asking: knows what was spent so far.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (
        *(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()),
        *(TextColumn("{task.fields[spent]}"), TimeRemainingColumn()),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        task = bars.add_task(escape(printable(what)), total=None, spent="")

        def update(done: int, total: int) -> None:
            if not bars.disable:
                bars.update(task, completed=done, total=total, spent=spent(asking))

        yield update


def spent(asking: Asking) -> str:
    """Tokens and cost of the calls so far, in a few words."""
    counts = asking.counts
    if counts is None or not counts.asked:
        return ""
    cost = f"{counts.cost_usd:.4f} USD" if counts.cost_usd or not counts.unpriced else "cost unknown"
    return f"{counts.input_tokens + counts.output_tokens} tokens, {cost}"
