"""Commands that make questions and instructions: build."""

from pathlib import Path
from typing import Annotated

import typer

from neuroonco import store
from neuroonco.audit.interop import AUDITED_CODEC
from neuroonco.audit.records import AuditedLabel
from neuroonco.build.benchmark.build import build_benchmark, build_instructions, write_benchmark, write_instructions
from neuroonco.cli.options import AsJson, OutFolder, Seed
from neuroonco.cli.output import result_json, say
from neuroonco.outcomes import Quarantined
from neuroonco.rules import load_rules

builds = typer.Typer(help="Make instruction data or a benchmark.", no_args_is_help=True, rich_markup_mode=None)

Labels = Annotated[Path, typer.Argument(help="File made by `audit`.")]
Whole = Annotated[bool, typer.Option("--whole", help="Use all slices; nothing is held out for the other side.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(builds, name="build")


@builds.command("instruct")
def instruct_command(
    labels: Labels, out: OutFolder, seed: Seed = 2602, whole: Whole = False, as_json: AsJson = False
) -> None:
    """Write open, closed and closed-with-reasoning instruction data as chat JSONL.

    Example: neuroonco build instruct labels.parquet --out instructions/
    """
    loaded = store.load(labels, AuditedLabel, AUDITED_CODEC)
    built = build_instructions(loaded.records, seed=seed, rules=load_rules("default"), whole=whole)
    write_instructions(out, built)
    _report(built.counts(), loaded.unreadable, as_json=as_json)


@builds.command("benchmark")
def benchmark_command(
    labels: Labels, out: OutFolder, seed: Seed = 2602, whole: Whole = False, as_json: AsJson = False
) -> None:
    """Write closed and open benchmark questions, a fifth of the closed ones with the true answer removed.

    Example: neuroonco build benchmark labels.parquet --out benchmark/
    """
    loaded = store.load(labels, AuditedLabel, AUDITED_CODEC)
    built = build_benchmark(loaded.records, seed=seed, rules=load_rules("default"), whole=whole)
    write_benchmark(out, built)
    _report(built.counts(), loaded.unreadable, as_json=as_json)


def _report(counts: dict[str, int], unreadable: list[Quarantined], *, as_json: bool) -> None:
    for row in unreadable:
        say(f"quarantined[{row.code}]: {row.message}; where: {row.slice_id}")
    if as_json:
        result_json(counts | {"unreadable": len(unreadable)})
    else:
        say(", ".join(f"{n} {name}" for name, n in counts.items()))
    if unreadable:
        raise typer.Exit(1)
