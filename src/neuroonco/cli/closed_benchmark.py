"""A closed benchmark as an argument of commands."""

from pathlib import Path
from typing import Annotated

import typer

from neuroonco.build.interop import read_closed
from neuroonco.build.records import ClosedItem
from neuroonco.cli.output import MAX_LINES, say
from neuroonco.errors import InputError
from neuroonco.store import Loaded

ClosedBenchmark = Annotated[
    Path, typer.Argument(help="Closed benchmark: .json (reference), .jsonl or .parquet (ours).")
]


def readable_benchmark(path: Path) -> Loaded[ClosedItem]:
    """A benchmark with at least one question; unreadable ones are named on stderr.

    Raises:
        InputError: nothing in the file is a question.
    """
    loaded = read_closed(path)
    for row in loaded.unreadable[:MAX_LINES]:
        say(f"unreadable[{row.code}]: {row.message}; where: {row.slice_id}")
    if len(loaded.unreadable) > MAX_LINES:
        say(f"... and {len(loaded.unreadable) - MAX_LINES} more")
    if not loaded.records:
        raise InputError("BENCHMARK_EMPTY", "no question in this file", where=str(path), fix="pass a closed benchmark")
    return loaded
