"""What commands print: counts and warnings to stderr, results to stdout."""

import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console
from rich.table import Table

from neuroonco import store
from neuroonco.errors import InputError, printable
from neuroonco.outcomes import Dropped, Quarantined, Record, StageOutcome, reasons
from neuroonco.store import ReferenceCodec

R = TypeVar("R", bound=Record)
MAX_LINES = 20
"""Quarantined rows shown on stderr; all are in the file beside the output."""


def say(text: str) -> None:
    """One line for a person, on stderr."""
    print(printable(text), file=sys.stderr)  # noqa: T201


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

    Exit code 1 follows (``typer.Exit``) where rows of an input file could not be read.
    """
    import typer

    unreadable = unreadable or []
    quarantined = [*outcome.quarantined, *unreadable]
    unspoken = 0
    if write is None:
        unspoken = store.save(out, outcome.kept, model, reference)
    else:
        write()
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
    if unspoken:  # e.g. undecided labels: the reference's JSON has no words for them, ours has
        counts["not_in_this_format"] = unspoken
    if as_json:
        result_json(counts)
    else:
        say(", ".join(f"{value} {key}" for key, value in counts.items() if isinstance(value, int)))
    if unreadable:
        raise typer.Exit(1)


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
