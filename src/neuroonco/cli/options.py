"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

Root = Annotated[Path, typer.Option("--root", help="Folder to which image paths are relative.")]
Out = Annotated[Path, typer.Option("--out", help="File to write; .parquet or .jsonl (ours) or .json (reference).")]
OutFolder = Annotated[Path, typer.Option("--out", help="Folder to write.")]
Rules = Annotated[str, typer.Option("--rules", help="Rule set: default, or paper for the reference system's.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print counts or results as JSON on stdout.")]
Seed = Annotated[int, typer.Option("--seed", help="Seed of everything random.")]
