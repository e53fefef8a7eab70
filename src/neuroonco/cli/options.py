"""Options that several commands share."""

import os
from pathlib import Path
from typing import Annotated

import typer

from neuroonco.resampling import LEAST_RESAMPLES, MOST_RESAMPLES

Root = Annotated[Path, typer.Option("--root", help="Folder to which image paths are relative.")]
Out = Annotated[Path, typer.Option("--out", help="File to write; .parquet or .jsonl (ours) or .json (reference).")]
OutFolder = Annotated[Path, typer.Option("--out", help="Folder to write.")]
Rules = Annotated[str, typer.Option("--rules", help="Rule set: default, or paper for the reference system's.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print counts or results as JSON on stdout.")]
Seed = Annotated[int, typer.Option("--seed", min=0, max=2**63 - 1, help="Seed of everything random.")]
Resamples = Annotated[
    int,
    typer.Option(
        "--resamples", min=LEAST_RESAMPLES, max=MOST_RESAMPLES, help="Resamples behind each interval and test."
    ),
]
Sources = Annotated[
    Path | None,
    typer.Option("--sources", help="Folder of further source descriptions (TOML); one with a known id replaces it."),
]
Processes = Annotated[
    int | None,
    typer.Option("--processes", min=1, help="Processes that work at the same time; default: one a core, at most 4."),
]
LedgerPlace = Annotated[
    str | None,
    typer.Option(
        "--ledger",
        metavar="PATH|URL",
        help="Ledger of model calls; default: $NEUROONCO_LEDGER, else runs/ledger.sqlite.",
        show_default=False,
    ),
]
Replay = Annotated[bool, typer.Option("--replay", help="Take models' answers from the ledger alone; ask nobody.")]
MaxCost = Annotated[
    float | None, typer.Option("--max-cost", min=0.0, help="Most US dollars to spend on models in this command.")
]
Concurrency = Annotated[
    int | None, typer.Option("--concurrency", min=1, help="Calls under way at once; default: as the endpoint says.")
]
Endpoints = Annotated[
    Path | None, typer.Option("--endpoints", help="TOML of further endpoints, with URLs, key variables and prices.")
]
TellTumorType = Annotated[
    bool, typer.Option("--tell-tumor-type", help="Tell the model what the source says of the tumor, as the reference.")
]
Batch = Annotated[
    bool,
    typer.Option("--batch", help="Hand calls to the provider as batches; run the same command again to collect them."),
]
MaxTokens = Annotated[int, typer.Option("--max-tokens", min=64, help="Limit of a model's answer.")]
DEFAULT_PROCESSES = min(4, os.cpu_count() or 1)
