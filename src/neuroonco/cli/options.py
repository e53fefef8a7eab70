"""Options that several commands share."""

import os
from pathlib import Path
from typing import Annotated

import typer

Root = Annotated[Path, typer.Option("--root", help="Folder to which image paths are relative.")]
Out = Annotated[Path, typer.Option("--out", help="File to write; .parquet or .jsonl (ours) or .json (reference).")]
OutFolder = Annotated[Path, typer.Option("--out", help="Folder to write.")]
Rules = Annotated[str, typer.Option("--rules", help="Rule set: default, or paper for the reference system's.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print counts or results as JSON on stdout.")]
Seed = Annotated[int, typer.Option("--seed", help="Seed of everything random.")]
Sources = Annotated[
    Path | None,
    typer.Option("--sources", help="Folder of further source descriptions (TOML); one with a known id replaces it."),
]
Processes = Annotated[
    int | None,
    typer.Option("--processes", min=1, help="Processes that work at the same time; default: one a core, at most 4."),
]
DEFAULT_PROCESSES = min(4, os.cpu_count() or 1)
