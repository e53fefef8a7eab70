"""Commands about the call ledger: look into it, add it up, and take it elsewhere."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neuroonco import store
from neuroonco.cli.ledger_text import described, figures
from neuroonco.cli.options import AsJson, LedgerPlace
from neuroonco.cli.output import result, result_json, say
from neuroonco.errors import InputError, UsageError, printable
from neuroonco.models.ledger_records import LedgerEntry

if TYPE_CHECKING:  # databases take a while to import, and other commands take a name from here
    from neuroonco.models.ledger import Ledger

LEDGER_VARIABLE = "NEUROONCO_LEDGER"
DEFAULT_LEDGER = "runs/ledger.sqlite"
SHOWN = 5

recorded = typer.Typer(
    help="Look into the ledger of model calls, add it up, and take it elsewhere.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Purpose = Annotated[str | None, typer.Option("--purpose", help="Only calls for this, e.g. read_conservative.")]
Model = Annotated[str | None, typer.Option("--model", help="Only calls of this model.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(recorded, name="ledger")


def ledger_place(given: str | None) -> str:
    """Where the ledger is: as given, else as the environment says, else the default."""
    return given or os.environ.get(LEDGER_VARIABLE) or DEFAULT_LEDGER


def open_ledger(given: str | None, *, create: bool = False) -> "Ledger":
    """The ledger that an option names.

    Raises:
        InputError: none there, or not usable.
    """
    from neuroonco.models.ledger import Ledger

    return Ledger(ledger_place(given), create=create)


@recorded.command("show")
def show_command(
    request: Annotated[
        str | None, typer.Argument(metavar="[HASH]", help="Beginning of a request hash; without it, the last calls.")
    ] = None,
    last: Annotated[int, typer.Option("--last", min=1, help="How many of the last calls.")] = SHOWN,
    purpose: Purpose = None,
    model: Model = None,
    ledger: LedgerPlace = None,
    as_json: AsJson = False,
) -> None:
    """Print calls with prompt, raw answer and status.

    Example: neuroonco ledger show 3fa9 --ledger runs/ledger.sqlite
    """
    with open_ledger(ledger) as opened:
        if request is None:
            entries = list(opened.entries(purpose=purpose, model=model, last=last))
        else:
            entries = list(opened.entries(purpose=purpose, model=model, prefix=request, last=last + 1))
            if not entries:
                raise InputError("CALL_UNKNOWN", f"no call {request!r}", where=opened.where, fix="pass another hash")
            if len(entries) > last:
                raise UsageError("HASH_PREFIX", f"more than {last} calls begin so", where=request, fix="say more of it")
    if as_json:
        result_json([entry.model_dump(mode="json") for entry in entries])
        return
    for entry in entries:
        result(described(entry))


@recorded.command("stats")
def stats_command(ledger: LedgerPlace = None, as_json: AsJson = False) -> None:
    """Add up calls, tokens, cost, latency and requests, by model, purpose and status.

    Example: neuroonco ledger stats --json
    """
    from neuroonco.models.ledger_stats import ledger_stats

    with open_ledger(ledger) as opened:
        stats = ledger_stats(opened)
    if as_json:
        result_json([row.model_dump(mode="json") for row in stats])
        return
    for row in stats:
        head = f"{printable(row.model)}, {printable(row.purpose)}, {row.status.value}"
        result("\n    ".join([head, *figures(row)]) + "\n")


@recorded.command("replay")
def replay_command(purpose: Purpose = None, model: Model = None, ledger: LedgerPlace = None) -> None:
    """Print the recorded answers as JSON lines, without asking anyone: no network, no key, no cost.

    One line a call, in the order of the request hashes, with request_hash, purpose, model, image_sha256, status, text,
    finish_reason and error. It is what a stage with --replay would be answered; a call that is not in the ledger is
    not in the output.

    Example: neuroonco ledger replay --purpose audit > answers.jsonl
    """
    count = 0
    with open_ledger(ledger) as opened:
        for entry in opened.entries(purpose=purpose, model=model):
            line = {
                "request_hash": entry.request_hash,
                "purpose": entry.call.purpose,
                "model": entry.answer.model,
                "image_sha256": entry.call.image_sha256,
                "status": entry.answer.status.value,
                "text": entry.answer.text,
                "finish_reason": entry.answer.finish_reason,
                "error": entry.answer.error,
            }
            result(json.dumps(line))
            count += 1
    say(f"{count} recorded calls")


@recorded.command("export")
def export_command(
    out: Annotated[Path, typer.Option("--out", help="File to write, .jsonl.")],
    purpose: Purpose = None,
    model: Model = None,
    ledger: LedgerPlace = None,
    as_json: AsJson = False,
) -> None:
    """Write every call with request and answer as JSON lines, in the order of the request hashes.

    The file holds all prompts and answers, and neither keys nor pictures.

    Example: neuroonco ledger export --out calls.jsonl
    """
    if out.suffix != ".jsonl":
        raise InputError("FORMAT_UNKNOWN", f"suffix {out.suffix!r}", where=str(out), fix="use .jsonl")
    count = 0
    with open_ledger(ledger) as opened:

        def counted() -> Any:
            nonlocal count
            for entry in opened.entries(purpose=purpose, model=model):
                count += 1
                yield entry

        store.save(out, counted(), LedgerEntry)
    result_json({"out": out.name, "calls": count}) if as_json else say(f"{count} calls")


@recorded.command("import")
def import_command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An export, .jsonl.")],
    ledger: LedgerPlace = None,
    as_json: AsJson = False,
) -> None:
    """Add the calls of an export to a ledger, which is made if there is none; answers that it has stay.

    The whole file is checked first: each call must have the hash that it names.

    Example: neuroonco ledger import calls.jsonl --ledger replayed.sqlite
    """
    if file.suffix != ".jsonl":
        raise InputError("FORMAT_UNKNOWN", f"suffix {file.suffix!r}", where=str(file), fix="pass an export, .jsonl")
    count = 0
    for number, entry in enumerate(store.stream(file, LedgerEntry), start=1):
        count = number
        if not entry.request_hash == entry.answer.request_hash == entry.call.request_hash(entry.answer.model):
            what = "this call has another hash than it names"
            raise InputError("CALL_CHANGED", what, where=f"{file}, line {number}", fix="export again")
    with open_ledger(ledger, create=True) as opened:
        taken = opened.take(store.stream(file, LedgerEntry))
    if as_json:
        result_json({"calls": count, "taken": taken})
    else:
        say(f"{count} calls, {taken} of them new here")


@recorded.command("batches")
def batches_command(
    release: Annotated[
        str | None,
        typer.Option("--release", metavar="KEY", help="Give up this batch, so that its calls are submitted again."),
    ] = None,
    ledger: LedgerPlace = None,
    as_json: AsJson = False,
) -> None:
    """List the batches that were handed to providers, and how much of each still waits.

    Example: neuroonco ledger batches
    """
    from neuroonco.models.batch_store import BatchState, batch_rows, close

    with open_ledger(ledger) as opened:
        rows = list(batch_rows(opened))
        if release is not None:
            if release not in {
                row.batch_key for row in rows if row.state in (BatchState.PREPARED, BatchState.SUBMITTED)
            }:
                raise UsageError(
                    "BATCH_UNKNOWN", f"no open batch {release!r}", fix="neuroonco ledger batches lists them"
                )
            close(opened, release, BatchState.RELEASED, error="given up by the user")
            rows = list(batch_rows(opened))
    if as_json:
        result_json([row.model_dump(mode="json") for row in rows])
        return
    for row in rows:
        lines = [f"{row.batch_key}: {printable(row.model)}, {row.state.value}"]
        lines.append(f"requests: {row.n}, of them {row.waiting} waiting; prepared {row.prepared_at[:19]}")
        lines.append(f"provider: {printable(row.provider_status or 'nothing yet')}")
        lines += [f"error: {printable(row.error)}"] if row.error else []
        result("\n    ".join(lines) + "\n")
