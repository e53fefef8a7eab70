"""Commands that make questions and instructions: build."""

from collections.abc import Sequence
from typing import Annotated

import typer

from neuroonco import store
from neuroonco.build.benchmark.build import build_benchmark, shortage_document
from neuroonco.build.benchmark.redraw import redraw
from neuroonco.build.interop import closed_document
from neuroonco.build.labels import open_labels
from neuroonco.build.pools import Shortage
from neuroonco.build.records import ClosedItem
from neuroonco.build.shortages import shortage_line
from neuroonco.cli.closed_benchmark import ClosedBenchmark, readable_benchmark
from neuroonco.cli.instruct import Labels, Whole, instruct_command
from neuroonco.cli.options import AsJson, Out, OutFolder, Seed
from neuroonco.cli.output import report_counts, result_json, say
from neuroonco.errors import UsageError
from neuroonco.rules import RuleSet, load_rules

builds = typer.Typer(help="Make instruction data or a benchmark.", no_args_is_help=True, rich_markup_mode=None)
builds.command("instruct")(instruct_command)

PerType = Annotated[
    int | None, typer.Option("--per-type", min=2, help="Closed questions wanted of each type; default 1000.")
]
Hard = Annotated[bool, typer.Option("--hard", help="Offer mimics of the answer instead of any answer.")]
LINE = 160
"""Characters of a shortage that are printed; shortages.json has all of it."""


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(builds, name="build")


@builds.command("benchmark")
def benchmark_command(
    labels: Labels,
    out: OutFolder,
    seed: Seed = 2602,
    per_type: PerType = None,
    hard: Hard = False,
    twins: Annotated[
        bool,
        typer.Option(
            "--twins", help="Also a file of pairs: each question with and without the truth among its options."
        ),
    ] = False,
    whole: Whole = False,
    as_json: AsJson = False,
) -> None:
    """Write closed and open benchmark questions, a fifth of the closed ones with the true answer removed.

    Answers are balanced within each question type, and what stands beside an answer says nothing about it. Where the
    labels do not suffice for the wanted number, what can be balanced is built and what is missing is said. An earlier
    build in the folder is replaced. The instructions of the same labels need the same --seed.

    Example: neuroonco build benchmark labels.parquet --out benchmark/

    Example: neuroonco build benchmark labels.parquet --out benchmark/ --per-type 300 --hard --twins
    """
    opened, unreadable = open_labels(labels)
    rules = _rules(per_type)
    built = build_benchmark(out, opened, seed=seed, rules=rules, whole=whole, hard=hard, twins=twins)
    _say_shortages(built.shortages, as_json=as_json)
    shortages = [shortage_document(one) for one in built.shortages]
    report_counts(built.counts(), unreadable, as_json=as_json, shortages=shortages)


@builds.command("redraw")
def redraw_command(
    benchmark: ClosedBenchmark,
    out: Out,
    seed: Seed = 2602,
    per_type: PerType = None,
    hard: Hard = False,
    as_json: AsJson = False,
) -> None:
    """Ask the questions of any closed benchmark again, with options that say nothing about the answer.

    Images and true answers are kept, twins left out; wording, options and letters are drawn anew, and only as many
    questions as can be balanced.

    Example: neuroonco build redraw mm-neuroonco_benchmark_closed_v1.0.json --out redrawn.json
    """
    is_reference = out.suffix == ".json"
    store.require_format(out, reference=True)
    if out.exists():
        raise UsageError("OUT_EXISTS", "a file of this name is there", where=str(out), fix="name a new file")
    loaded = readable_benchmark(benchmark)
    redrawn = redraw(loaded.records, seed=seed, rules=_rules(per_type), hard=hard)
    unsaid = sum(not item.is_whole_file for item in redrawn.items) if is_reference else 0
    if is_reference:
        store.write_json(out, closed_document(redrawn.items))
    else:
        store.save(out, redrawn.items, ClosedItem)
    _say_shortages(redrawn.shortages, as_json=as_json)
    for why, n in redrawn.left.items():
        say(f"left out: {n}: {why}")
    if unsaid:
        say(f"{unsaid} questions about channels of files are not in {out.name}: the format names files only")
    if as_json:
        result_json(
            {
                "questions": len(redrawn.items),
                "not_in_json": unsaid,
                "left_out": redrawn.left,
                "unreadable": len(loaded.unreadable),
            }
        )
    else:
        say(f"{len(redrawn.items) - unsaid} of {len(loaded.records)} questions in {out.name}")
    if loaded.unreadable:
        raise typer.Exit(1)


def _say_shortages(shortages: Sequence[Shortage], *, as_json: bool) -> None:
    """One line a question type; programs read them from the JSON."""
    if as_json:
        return
    for shortage in shortages:
        line = shortage_line(shortage)
        say(line if len(line) <= LINE else f"{line[: LINE - 4]} ...")


def _rules(per_type: int | None) -> RuleSet:
    rules = load_rules("default")
    return rules if per_type is None else rules.with_value("build", "questions_per_type", per_type)
