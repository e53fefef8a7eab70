"""What commands print: counts and warnings to stderr, results to stdout."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console
from rich.table import Table

from neuroonco import store
from neuroonco.errors import InputError, printable
from neuroonco.outcomes import Dropped, Quarantined, Record, StageOutcome, reasons
from neuroonco.store import ReferenceCodec
from neuroonco.vocabulary import DropReason

R = TypeVar("R", bound=Record)
MAX_LINES = 20
"""Quarantined rows shown on stderr; all are in the file beside the output."""


def say(text: str) -> None:
    """One line for a person, on stderr."""
    print(printable(text), file=sys.stderr)  # noqa: T201


@contextmanager
def progress_bars() -> Iterator[Callable[[str, int, int], None]]:
    """Bars on stderr that follow calls with (what, done, total); nothing where no terminal shows them."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        tasks: dict[str, Any] = {}

        def update(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total)
            bars.update(tasks[what], completed=done, total=total)

        yield update


def result(text: str) -> None:
    """A result, on stdout."""
    print(text)  # noqa: T201


def result_json(document: Any) -> None:
    """A result for scripts, on stdout."""
    result(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))


def table(title: str, columns: Iterable[str], rows: Iterable[Iterable[object]], *, to_stdout: bool = False) -> None:
    """A table for a person."""
    console = Console(stderr=not to_stdout, highlight=False, markup=False, soft_wrap=False)
    grid = Table(title=title, title_justify="left", show_edge=False, pad_edge=False)
    for column in columns:
        grid.add_column(column, overflow="fold")
    for row in rows:
        grid.add_row(*(printable(str(cell)) for cell in row))
    console.print(grid)


def finish(
    outcome: StageOutcome[R],
    model: type[R],
    out: Path,
    *,
    as_json: bool,
    reference: ReferenceCodec[R] | None = None,
    unreadable: list[Quarantined] | None = None,
    extra: dict[str, Any] | None = None,
    write: Callable[[], None] | None = None,
) -> None:
    """Write a stage's kept records to ``out``, drops and errors beside it, and say how many there are.

    Exit code 1 follows (``typer.Exit``) where rows of an input file could not be read, or errors left nothing.
    """
    import typer

    unreadable = unreadable or []
    quarantined = [*outcome.quarantined, *unreadable]
    if write is not None:
        write()
    else:
        if reference is not None and out.suffix == ".json":
            outcome = _what_the_format_can_say(outcome, reference)
        store.save(out, outcome.kept, model, reference)
    _beside(out, "dropped", outcome.dropped, Dropped)
    _beside(out, "quarantined", quarantined, Quarantined)
    for row in quarantined[:MAX_LINES]:
        where = row.image_path or row.slice_id
        say(f"quarantined[{row.code}]: {row.message}; where: {where}")
    if len(quarantined) > MAX_LINES:
        say(f"... and {len(quarantined) - MAX_LINES} more in {_beside_path(out, 'quarantined').name}")
    counts: dict[str, Any] = {
        "out": out.name,
        "kept": len(outcome.kept),
        "dropped": len(outcome.dropped),
        "quarantined": len(quarantined),
        "dropped_by_reason": reasons(outcome.dropped),
    } | (extra or {})
    if as_json:
        result_json(counts)
    else:
        say(", ".join(f"{value} {key}" for key, value in counts.items() if isinstance(value, int)))
    if quarantined and not outcome.kept:
        say("nothing usable came out; is the root right?")
    if unreadable or (quarantined and not outcome.kept):
        raise typer.Exit(1)


def report_counts(counts: dict[str, Any], unreadable: list[Quarantined], *, as_json: bool, **more: object) -> None:
    """Say what was built, and which rows of the input could not be read; exit code 1 follows where there are any."""
    import typer

    for row in unreadable[:MAX_LINES]:
        say(f"quarantined[{row.code}]: {row.message}; where: {row.slice_id}")
    if len(unreadable) > MAX_LINES:
        say(f"... and {len(unreadable) - MAX_LINES} more")
    if as_json:
        result_json(counts | {"unreadable": len(unreadable)} | more)
    else:
        say(", ".join(f"{n} {name}" for name, n in counts.items() if isinstance(n, int)))
    if unreadable:
        raise typer.Exit(1)


def _what_the_format_can_say(outcome: StageOutcome[R], reference: ReferenceCodec[R]) -> StageOutcome[R]:
    """Move records that the reference's JSON has no words for from kept to dropped, so that none is lost unseen."""
    said = [record for record in outcome.kept if reference.encode(record) is not None]
    unsaid = [
        Dropped(
            slice_id=getattr(record, "slice_id", ""),
            sample_id=getattr(record, "sample_id", None),
            image_path=getattr(record, "image_path", None),
            reason=DropReason.NOT_IN_FORMAT,
            detail="use .parquet or .jsonl to keep it",
        )
        for record in outcome.kept
        if reference.encode(record) is None
    ]
    return StageOutcome(said, [*outcome.dropped, *unsaid], outcome.quarantined)


def _beside_path(out: Path, what: str) -> Path:
    return out.with_name(f"{out.stem}.{what}.jsonl")


def _beside(out: Path, what: str, rows: list[R], model: type[R]) -> None:
    path = _beside_path(out, what)
    if rows:
        store.save(path, rows, model)
    else:
        path.unlink(missing_ok=True)


def existing_root(root: Path) -> Path:
    """A folder that can be listed.

    Raises:
        InputError: missing, not a folder, or not permitted.
    """
    try:
        if not root.exists():
            raise InputError("ROOT_MISSING", "no such folder", where=str(root), fix="pass an existing folder")
        if not root.is_dir():
            raise InputError("ROOT_NOT_A_FOLDER", "not a folder", where=str(root), fix="pass a folder")
        next(root.iterdir(), None)
    except OSError as error:
        raise InputError("ROOT_UNREADABLE", error.strerror or "unreadable", where=str(root)) from None
    return root
