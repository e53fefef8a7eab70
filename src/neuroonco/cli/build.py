"""Commands that make questions: build, check, review."""

from pathlib import Path
from typing import Annotated

import typer

from neuroonco import store
from neuroonco.audit.interop import AUDITED_CODEC
from neuroonco.audit.records import AuditedLabel
from neuroonco.build.benchmark.build import build_benchmark, build_instructions, write_benchmark, write_instructions
from neuroonco.build.interop import closed_document, read_closed
from neuroonco.build.records import ClosedItem
from neuroonco.check.gate import check_benchmark
from neuroonco.cli.options import AsJson, Out, OutFolder, Seed
from neuroonco.cli.output import finish, result, result_json, say, table
from neuroonco.errors import InputError, PrerequisiteError
from neuroonco.outcomes import Quarantined
from neuroonco.review.records import ReviewDecision, SheetRow
from neuroonco.review.sheet import apply_decisions, export_sheet, unreviewed
from neuroonco.rules import load_rules
from neuroonco.store import Loaded

builds = typer.Typer(help="Make instruction data or a benchmark.", no_args_is_help=True, rich_markup_mode=None)
checks = typer.Typer(help="Check what was made.", no_args_is_help=True, rich_markup_mode=None)
reviews = typer.Typer(help="Have questions reviewed by people.", no_args_is_help=True, rich_markup_mode=None)

Labels = Annotated[Path, typer.Argument(help="File made by `audit`.")]
Benchmark = Annotated[Path, typer.Argument(help="Closed benchmark: .json (reference), .jsonl or .parquet (ours).")]
Whole = Annotated[bool, typer.Option("--whole", help="Use all slices; nothing is held out for the other side.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(builds, name="build")
    app.add_typer(checks, name="check")
    app.add_typer(reviews, name="review")


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


def readable_benchmark(path: Path) -> Loaded[ClosedItem]:
    """A benchmark with at least one question; unreadable ones are named on stderr.

    Raises:
        InputError: nothing in the file is a question.
    """
    loaded = read_closed(path)
    for row in loaded.unreadable:
        say(f"unreadable[{row.code}]: {row.message}; where: {row.slice_id}")
    if not loaded.records:
        raise InputError("BENCHMARK_EMPTY", "no question in this file", where=str(path), fix="pass a closed benchmark")
    return loaded


@checks.command("benchmark")
def check_benchmark_command(benchmark: Benchmark, seed: Seed = 2602, as_json: AsJson = False) -> None:
    """Lint a closed benchmark, and let a guesser that sees no image try it; exit 1 if it fails the gate.

    Example: neuroonco check benchmark benchmark/benchmark_closed.json
    """
    loaded = readable_benchmark(benchmark)
    checked = check_benchmark(loaded.records, seed, load_rules("default"))
    if as_json:
        result_json(checked.document() | {"unreadable": len(loaded.unreadable)})
    else:
        table(
            "Findings",
            ("code", "n", "examples"),
            ((f.code, f.n, "; ".join(map(str, f.examples[:2]))) for f in checked.findings),
            to_stdout=True,
        )
        accuracy, chance = checked.shortcut.accuracy, checked.shortcut.chance
        if accuracy.value is not None and chance is not None:
            interval = f"{accuracy.low:.1%} to {accuracy.high:.1%}"
            result(f"image-blind guesser: {accuracy.value:.1%} ({interval}, n = {accuracy.n}); chance {chance:.1%}")
        result("passes" if checked.passed else "fails: " + "; ".join(checked.reasons))
    if not checked.passed or loaded.unreadable:
        raise typer.Exit(1)


@reviews.command("export")
def review_export_command(benchmark: Benchmark, out: Out) -> None:
    """Write a blind sheet of the questions: no path, no class, no answer.

    Example: neuroonco review export benchmark/closed.parquet --out sheet.jsonl
    """
    rows = export_sheet(readable_benchmark(benchmark).records)
    store.save(out, rows, SheetRow)
    say(f"{len(rows)} questions for review in {out.name}")


@reviews.command("import")
def review_import_command(
    benchmark: Benchmark,
    decisions: Annotated[Path, typer.Argument(help="Decisions, .jsonl: item, reader, verdict, new_answer, ...")],
    out: Out,
    as_json: AsJson = False,
) -> None:
    """Apply readers' decisions to a benchmark; rejected questions go beside it, with their reason.

    Example: neuroonco review import benchmark/closed.parquet decisions.jsonl --out reviewed.parquet
    """
    items = readable_benchmark(benchmark)
    given = store.load(decisions, ReviewDecision)
    outcome = apply_decisions(items.records, given.records)
    left = unreviewed(items.records, given.records)
    unreadable = [*items.unreadable, *given.unreadable]
    # The reference's benchmark is grouped by image, so it is no list of our records and is written whole.
    whole = (lambda: store.write_json(out, closed_document(outcome.kept))) if out.suffix == ".json" else None
    finish(outcome, ClosedItem, out, as_json=as_json, unreadable=unreadable, extra={"unreviewed": left}, write=whole)


@reviews.command("serve")
def review_serve_command() -> None:
    """Not in this version: the review room in the browser. Use `review export` and `review import`.

    Example: neuroonco review serve
    """
    fix = "use review export and review import"
    raise PrerequisiteError("REVIEW_ROOM", "the browser review room is not in this version", fix=fix)
