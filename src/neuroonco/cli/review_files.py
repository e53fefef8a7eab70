"""Commands that turn reviews into files and files into reviews: review export, sheet, apply."""

from pathlib import Path
from typing import Annotated

import typer

from neuroonco import store
from neuroonco.build.interop import closed_document
from neuroonco.build.records import ClosedItem
from neuroonco.cli.closed_benchmark import ClosedBenchmark, readable_benchmark
from neuroonco.cli.options import AsJson, Out, OutFolder
from neuroonco.cli.output import finish, result_json, say
from neuroonco.cli.review_options import RoomPlace, name_rows
from neuroonco.review.export import write_export
from neuroonco.review.export_folder import exported_to, free_place
from neuroonco.review.outcome import outcome_of
from neuroonco.review.records import ReviewDecision, SheetRow
from neuroonco.review.room import Room
from neuroonco.review.room_files import content_of, with_pseudonyms
from neuroonco.review.sheet import apply_decisions, export_sheet, unreviewed

Pseudonyms = Annotated[
    bool, typer.Option("--pseudonyms", help="Reader 1, Adjudicator 1, ... for names; comments stay as they are.")
]


def review_export_command(
    room: RoomPlace,
    out: OutFolder,
    pseudonyms: Pseudonyms = False,
    include_pending: Annotated[
        bool, typer.Option("--include-pending", help="Also questions that are not settled, as they were imported.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write the reviewed benchmark, where each answer is from, and the whole room, into a new folder.

    The questions that stand are in the files that `build benchmark` writes. provenance.jsonl says on whose word each
    stands, rejected.jsonl and pending.jsonl hold the others in full. `review import FOLDER` restores the room, and
    `run --decisions FOLDER/decisions.jsonl` takes what was decided. No token is in any file.

    Example: neuroonco review export room.sqlite --out reviewed/

    Example: neuroonco review export room.sqlite --out reviewed/ --pseudonyms
    """
    free_place(out)
    with Room(room) as opened:
        content = content_of(opened)
    if pseudonyms:
        content = with_pseudonyms(content)
    outcome = outcome_of(content, include_pending=include_pending)
    with exported_to(out) as folder:
        write_export(folder, content, outcome)
    counts = outcome.counts()
    name_rows(outcome.quarantined)
    if as_json:
        result_json(counts | {"out": out.name})
    else:
        say(", ".join(f"{n} {name}" for name, n in counts.items()))
    if pseudonyms and any(event.judgement and event.judgement.comment for event in content.events):
        say("comments stay as people wrote them: read them before the folder leaves")
    if unsaid := sum(not item.is_whole_file for item in outcome.kept):
        say(f"{unsaid} questions about channels of files are in closed.parquet only: the JSON names files only")
    if outcome.quarantined:
        raise typer.Exit(1)


def review_sheet_command(benchmark: ClosedBenchmark, out: Out) -> None:
    """Write a blind sheet of the questions, for review without a browser: no path, no class, no answer.

    Example: neuroonco review sheet benchmark/closed.parquet --out sheet.jsonl
    """
    rows = export_sheet(readable_benchmark(benchmark).records)
    store.save(out, rows, SheetRow)
    say(f"{len(rows)} questions for review in {out.name}")


def review_apply_command(
    benchmark: ClosedBenchmark,
    decisions: Annotated[Path, typer.Argument(help="Decisions, .jsonl: item, reader, verdict, new_answer, ...")],
    out: Out,
    as_json: AsJson = False,
) -> None:
    """Apply readers' decisions to a benchmark; rejected questions go beside it, with their reason.

    Example: neuroonco review apply benchmark/closed.parquet decisions.jsonl --out reviewed.parquet
    """
    items = readable_benchmark(benchmark)
    given = store.load(decisions, ReviewDecision)
    outcome = apply_decisions(items.records, given.records)
    left = unreviewed(items.records, given.records)
    unreadable = [*items.unreadable, *given.unreadable]
    # The reference's benchmark is grouped by image, so it is no list of our records and is written whole.
    whole = (lambda: store.write_json(out, closed_document(outcome.kept))) if out.suffix == ".json" else None
    finish(outcome, ClosedItem, out, as_json=as_json, unreadable=unreadable, extra={"unreviewed": left}, write=whole)
