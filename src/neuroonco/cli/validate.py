"""Command: validate."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from neuroonco.cli.ledger import ledger_place
from neuroonco.cli.options import (
    DEFAULT_PROCESSES,
    AsJson,
    Batch,
    Concurrency,
    Endpoints,
    LedgerPlace,
    MaxCost,
    MaxTokens,
    OutFolder,
    Processes,
    Replay,
    Rules,
    Sources,
    TellTumorType,
)
from neuroonco.cli.output import existing_root, progress_bars, say
from neuroonco.cli.validation_tables import show
from neuroonco.errors import UsageError
from neuroonco.rules import load_rules
from neuroonco.score.validation_rules import ValidateRules
from neuroonco.vocabulary import PhantomStyle
from neuroonco.walk.asking import Asking
from neuroonco.walk.profile import MEASURING, PHYSICS, ReaderPlan
from neuroonco.walk.validate import require_models, trials_of, validate
from neuroonco.walk.validate_files import validate_files, validate_run
from neuroonco.walk.validation_sets import SliceSet, drawn_set, found_set, real_set, refuse_fit_seed
from neuroonco.walk.validation_stages import Readers


class Styles(StrEnum):
    """Which phantoms."""

    TUNED = "tuned"
    HELD_OUT = "held_out"
    BOTH = "both"


class Masks(StrEnum):
    """What the readers are shown."""

    GIVEN = "given"
    HIDDEN = "hidden"
    BOTH = "both"


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("validate")(validate_command)


def validate_command(
    run: Annotated[
        Path | None, typer.Argument(metavar="[RUN]", help="Folder of a run on phantoms, to measure its labels.")
    ] = None,
    out: OutFolder = Path("runs/validation"),
    reader: Annotated[str, typer.Option("--reader", help="Who reads: measuring, or PROVIDER:MODEL[@URL].")] = MEASURING,
    second_reader: Annotated[
        str | None, typer.Option("--second-reader", help="Who gives the skeptical reading; default: the same.")
    ] = None,
    auditor: Annotated[str, typer.Option("--auditor", help="Who audits: physics, or PROVIDER:MODEL[@URL].")] = PHYSICS,
    number: Annotated[int, typer.Option("--number", min=1, help="Phantoms of each style.")] = 540,
    seed: Annotated[
        int, typer.Option("--seed", min=0, help="Of the tuned phantoms; the held-out style has the next one.")
    ] = 2,
    style: Annotated[Styles, typer.Option("--style", help="Which phantoms.")] = Styles.BOTH,
    masks: Annotated[Masks, typer.Option("--masks", help="Whether readers see the lesion's outline.")] = Masks.BOTH,
    phantoms: Annotated[
        list[Path] | None,
        typer.Option("--phantoms", help="Folder of phantoms with truth.parquet, instead of drawing; may be repeated."),
    ] = None,
    allow_fit_seed: Annotated[
        bool, typer.Option("--allow-fit-seed", help="Measure on the phantoms that the reader was fitted to.")
    ] = False,
    real: Annotated[Path | None, typer.Option("--real", help="Folder of real slices with masks, instead.")] = None,
    source: Annotated[str | None, typer.Option("--source", help="Source of the real slices.")] = None,
    sources: Sources = None,
    readings: Annotated[
        tuple[Path, Path] | None, typer.Option("--readings", help="Two files of readings, instead of reading.")
    ] = None,
    truth: Annotated[Path | None, typer.Option("--truth", help="Truth of the slices that --readings read.")] = None,
    slices: Annotated[
        Path | None, typer.Option("--slices", help="File that knows their image paths and facts, for the audit.")
    ] = None,
    root: Annotated[Path | None, typer.Option("--root", help="Folder of their images, for audit and pictures.")] = None,
    rules: Rules = "default",
    ledger: LedgerPlace = None,
    replay: Replay = False,
    batch: Batch = False,
    max_cost: MaxCost = None,
    concurrency: Concurrency = None,
    endpoints: Endpoints = None,
    tell_tumor_type: TellTumorType = False,
    max_tokens: MaxTokens = 1024,
    processes: Processes = None,
    as_json: AsJson = False,
) -> None:
    """Measure a reader on phantoms with known truth, or its lesions on real slices with masks.

    Example: neuroonco validate --number 540 --out runs/validation

    Example: neuroonco validate --reader vllm:MODEL@http://localhost:8000/v1 --number 240 --out runs/model

    Example: neuroonco validate --real downloads/07_figshare --source 07 --out runs/figshare

    Example: neuroonco validate --readings a.parquet b.parquet --truth truth.parquet --out runs/theirs
    """
    ways = {"RUN": run, "--real": real, "--readings": readings, "--phantoms": phantoms or None}
    chosen = [name for name, value in ways.items() if value is not None]
    if len(chosen) > 1:
        raise UsageError("WAYS", f"{' and '.join(chosen)} exclude each other", fix="pass one of them")
    if readings is not None:
        if truth is None:
            raise UsageError("TRUTH_NEEDED", "readings say nothing of what is true", fix="pass --truth FILE")
        validated = validate_files(out, *readings, truth, slices=slices, root=root, rules=rules)
    elif run is not None:
        validated = validate_run(out, run, rules=rules)
    else:
        sets = _sets(out, real, source, sources, phantoms or [], style, seed, number)
        if not allow_fit_seed:
            refuse_fit_seed(sets, load_rules(rules).section("validate", ValidateRules).fit_seed)
        shown = {Masks.GIVEN: (True,), Masks.HIDDEN: (False,), Masks.BOTH: (True, False)}[masks]
        plan = ReaderPlan(
            conservative=reader,
            skeptical=second_reader or reader,
            auditor=auditor,
            tell_tumor_type=tell_tumor_type,
            max_tokens=max_tokens,
        )
        readers = Readers(
            plan,
            rules,
            Asking(
                ledger=ledger_place(ledger),
                endpoints=endpoints,
                replay=replay,
                batch=batch,
                max_cost_usd=max_cost,
                concurrency=concurrency,
                say=say,
            ),
        )
        require_models(readers)
        if plan.reads_twice_with_one_model:
            say("one model gives both readings, so that they err together; name another one by --second-reader")
        with progress_bars() as progress:
            validated = validate(
                out,
                trials_of(sets, shown),
                readers,
                processes=processes or DEFAULT_PROCESSES,
                progress=progress,
            )
    show(validated, load_rules(rules).section("validate", ValidateRules), as_json=as_json)


def _sets(
    out: Path,
    real: Path | None,
    source: str | None,
    sources: Path | None,
    phantoms: list[Path],
    style: Styles,
    seed: int,
    number: int,
) -> list[SliceSet]:
    if real is not None:
        if source is None:
            fix = "pass --source ID, see `neuroonco show sources`"
            raise UsageError("SOURCE_NEEDED", "whose slices these are is not said", where=str(real), fix=fix)
        return [real_set(existing_root(real), source, sources)]
    if phantoms:
        sets = [found_set(existing_root(folder)) for folder in phantoms]
        if len({one.name for one in sets}) < len(sets):
            raise UsageError("PHANTOMS_TWICE", "two folders hold the same series", fix="pass each once")
        return sets
    drawn = {PhantomStyle.TUNED: seed, PhantomStyle.HELD_OUT: seed + 1}
    wanted = list(PhantomStyle) if style is Styles.BOTH else [PhantomStyle(style.value)]
    return [drawn_set(out.absolute(), one, drawn[one], number) for one in wanted]
