"""Commands for review by people: review."""

from pathlib import Path
from typing import Annotated

import typer

from neuroonco import store
from neuroonco.build.interop import closed_document
from neuroonco.build.records import ClosedItem
from neuroonco.cli.closed_benchmark import ClosedBenchmark, readable_benchmark
from neuroonco.cli.options import AsJson, Out
from neuroonco.cli.output import finish, say
from neuroonco.errors import PrerequisiteError
from neuroonco.review.records import ReviewDecision, SheetRow
from neuroonco.review.sheet import apply_decisions, export_sheet, unreviewed

reviews = typer.Typer(help="Have questions reviewed by people.", no_args_is_help=True, rich_markup_mode=None)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(reviews, name="review")


@reviews.command("export")
def review_export_command(benchmark: ClosedBenchmark, out: Out) -> None:
    """Write a blind sheet of the questions: no path, no class, no answer.

    Example: neuroonco review export benchmark/closed.parquet --out sheet.jsonl
    """
    rows = export_sheet(readable_benchmark(benchmark).records)
    store.save(out, rows, SheetRow)
    say(f"{len(rows)} questions for review in {out.name}")


@reviews.command("import")
def review_import_command(
    benchmark: ClosedBenchmark,
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
