"""Commands from slices to labels: read, fuse, audit."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from neuroonco import store
from neuroonco.audit.apply import apply_answers, match_answers
from neuroonco.audit.interop import ANSWER_CODEC, AUDITED_CODEC
from neuroonco.audit.physics import PhysicsRules, answer_labels
from neuroonco.audit.records import AuditAnswer, AuditedLabel
from neuroonco.cli import reference
from neuroonco.cli.ledger import ledger_place
from neuroonco.cli.options import (
    AsJson,
    Batch,
    Concurrency,
    Endpoints,
    LedgerPlace,
    MaxCost,
    MaxTokens,
    Out,
    Replay,
    Root,
    Rules,
    TellTumorType,
)
from neuroonco.cli.output import existing_root, finish, progress_bars, say
from neuroonco.errors import UsageError
from neuroonco.fusion.fuse import fuse_readings
from neuroonco.fusion.interop import FUSED_CODEC, HEALTHY_CODEC
from neuroonco.fusion.records import FusedLabel
from neuroonco.models.conversation import UNFINISHED_CODES
from neuroonco.models.endpoints import ResolvedModel
from neuroonco.outcomes import Quarantined, Record, StageOutcome
from neuroonco.readings.interop import READING_CODEC
from neuroonco.readings.model import Brief
from neuroonco.readings.read import read_slices
from neuroonco.readings.records import LesionReading, Signs
from neuroonco.readings.rules import ReadRules
from neuroonco.rules import load_rules
from neuroonco.semantics.interop import DESCRIBED_CODEC
from neuroonco.semantics.records import DescribedSlice
from neuroonco.vocabulary import ReadingKind, Sign, interop
from neuroonco.walk.asking import Ask, Asking, ask_all
from neuroonco.walk.profile import MEASURING, PHYSICS
from neuroonco.walk.questions import AuditQuestion, ReadingQuestion

T = TypeVar("T")
R = TypeVar("R", bound=Record)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("read")(read_command)
    app.command("fuse")(fuse_command)
    app.command("audit")(audit_command)


def read_command(
    described: Annotated[Path, typer.Argument(help="File made by `describe`, or any earlier one.")],
    root: Root,
    out: Out,
    reader: Annotated[str, typer.Option("--reader", help="Who reads: measuring, or PROVIDER:MODEL[@URL].")] = MEASURING,
    reading: Annotated[ReadingKind, typer.Option("--reading", help="With which attitude.")] = ReadingKind.CONSERVATIVE,
    rules: Rules = "default",
    ledger: LedgerPlace = None,
    replay: Replay = False,
    max_cost: MaxCost = None,
    concurrency: Concurrency = None,
    endpoints: Endpoints = None,
    batch: Batch = False,
    tell_tumor_type: TellTumorType = False,
    max_tokens: MaxTokens = 1024,
    as_json: AsJson = False,
) -> None:
    """Read the six signs of each slice; a sign that cannot be judged is left out.

    Example: neuroonco read described.parquet --root downloads/ --reading skeptical --out b.parquet

    Example: neuroonco read described.parquet --root downloads/ --reader vllm:Qwen/Qwen3-VL-8B-Instruct --out a.parquet
    """
    existing_root(root)
    store.require_format(out, reference=True)
    loaded = store.load(described, DescribedSlice, DESCRIBED_CODEC)
    if reader == MEASURING:
        limits = load_rules(rules).section("read", ReadRules)
        outcome = read_slices(loaded.records, root=root, kind=reading, rules=limits)
    else:
        asking = Asking(ledger_place(ledger), endpoints, replay, max_cost, concurrency, batch=batch, say=say)
        model = model_of(reader, "--reader", MEASURING, asking)
        question = ReadingQuestion(root, model, reading, Brief(tell_tumor_type, max_tokens))
        outcome = _ask(loaded.records, question, model, asking, out)
    extra = {"lesion_found": sum(bool(r.lesion_found) for r in outcome.kept)}
    _say_unworded(out, (r.signs for r in outcome.kept))
    finish(
        outcome,
        LesionReading,
        out,
        as_json=as_json,
        reference=READING_CODEC,
        unreadable=loaded.unreadable,
        extra=extra,
    )


def _say_unworded(out: Path, labels: Iterable[Signs]) -> None:
    """Say how many values the reference's JSON has no word for, and so reads as null."""
    if out.suffix != ".json":
        return
    values = [value for signs in labels for sign in Sign if (value := signs.get(sign)) is not None]
    if lost := sum(interop(value) is None for value in values):
        say(f"{lost} of {len(values)} signs have no word in the reference's JSON: null there, kept in .parquet")


def model_of(name: str, option: str, built_in: str, asking: Asking) -> ResolvedModel:
    """The model that an option names beside the one that is built in.

    Raises:
        UsageError: nobody is called that.
    """
    if ":" not in name:
        fix = f"use {built_in}, or a model as PROVIDER:MODEL"
        raise UsageError("READER_UNKNOWN", f"nobody is called {name[:100]!r}", where=option, fix=fix)
    return asking.resolved(name)


def _ask(
    items: Sequence[T], ask: Ask[T, R | Quarantined], model: ResolvedModel, asking: Asking, out: Path
) -> StageOutcome[R]:
    """Outcomes of a model, in the order of the items; what was answered before is not asked again."""
    outcome: StageOutcome[R] = StageOutcome()

    def take(result: R | Quarantined) -> None:
        if isinstance(result, Quarantined):
            outcome.quarantined.append(result)
        else:
            outcome.kept.append(result)

    with progress_bars() as progress:
        shown = f"asking {model.name}"
        progress(shown, 0, len(items))
        ask_all(
            items,
            ask,
            model,
            asking,
            asking.place(out.parent),
            each=take,
            progress=lambda done: progress(shown, done, len(items)),
        )
    waiting = sum(q.code in UNFINISHED_CODES for q in outcome.quarantined)
    if waiting:
        say(f"{waiting} slices wait for a call that failed; the same command asks these again")
    return outcome


def fuse_command(
    first: Annotated[Path, typer.Argument(help="One set of readings.")],
    second: Annotated[Path, typer.Argument(help="The other set.")],
    source: Annotated[Path, typer.Option("--source", help="File that knows the image paths.")],
    out: Out,
    healthy_out: Annotated[Path, typer.Option("--healthy-out", help="File for healthy by consensus.")],
    rules: Rules = "default",
    as_json: AsJson = False,
) -> None:
    """Keep what two independent readings agree on.

    Example: neuroonco fuse a.json b.json --source catalog.json --out fused.json --healthy-out healthy.json
    """
    if reference.applies(rules, (first, second), (source, out, healthy_out)):
        reference.fuse_files(first, second, source, out, healthy_out, as_json=as_json)
        return
    a, b = (store.load(path, LesionReading, READING_CODEC) for path in (first, second))
    _require_two_files(first, second, hold_any=bool(a.records))
    facts = store.load(source, DescribedSlice, DESCRIBED_CODEC)
    outcome = fuse_readings(a.records, b.records, rules=load_rules(rules))
    paths = {r.sample_id: r.image_path for r in facts.records} | {r.slice_id: r.image_path for r in facts.records}
    kept = [
        r.model_copy(update={"image_path": paths.get(r.slice_id, paths.get(r.sample_id, r.image_path))})
        for r in outcome.kept
    ]
    healthy = [r for r in kept if r.lesion_found is False]
    outcome.kept = [r for r in kept if r.lesion_found is not False]
    store.save(healthy_out, healthy, FusedLabel, HEALTHY_CODEC)
    _say_unworded(out, (r.signs for r in outcome.kept))
    finish(
        outcome,
        FusedLabel,
        out,
        as_json=as_json,
        reference=FUSED_CODEC,
        unreadable=[*a.unreadable, *b.unreadable, *facts.unreadable],
        extra={"healthy": len(healthy)},
    )


def _require_two_files(first: Path, second: Path, *, hold_any: bool) -> None:
    """Refuse one file in place of two.

    Equal bytes say so too, except in the reference's JSON: that names no reader, and two readers that agree on every
    slice write the same. Two sets without any reading are equal, and may be.

    Raises:
        UsageError: they are one.
    """
    named = hold_any and ".json" not in (first.suffix, second.suffix)
    if first.samefile(second) or (named and store.sha256_file(first) == store.sha256_file(second)):
        what = f"{first.name} and {second.name} are one and the same set of readings, which is no two witnesses"
        raise UsageError("SAME_READING", what, fix="pass two independent sets of readings")


def audit_command(
    fused: Annotated[Path, typer.Argument(help="File made by `fuse`.")],
    source: Annotated[Path, typer.Option("--source", help="File with the sources' facts on the slices.")],
    out: Out,
    root: Annotated[Path | None, typer.Option("--root", help="Folder to which image paths are relative.")] = None,
    model: Annotated[str | None, typer.Option("--model", help="Who audits: physics, or PROVIDER:MODEL[@URL].")] = None,
    answers: Annotated[Path | None, typer.Option("--answers", help="Answers given elsewhere, instead.")] = None,
    healthy: Annotated[
        Path | None, typer.Option("--healthy", help="File of `fuse --healthy-out`, to keep healthy slices as labels.")
    ] = None,
    rules: Rules = "default",
    ledger: LedgerPlace = None,
    replay: Replay = False,
    max_cost: MaxCost = None,
    concurrency: Concurrency = None,
    endpoints: Endpoints = None,
    batch: Batch = False,
    tell_tumor_type: TellTumorType = False,
    max_tokens: MaxTokens = 1024,
    as_json: AsJson = False,
) -> None:
    """Check labels against the image and MR physics; keep, coarsen or erase, never add.

    Example: neuroonco audit fused.json --root data/ --model physics --source catalog.json --out labels.json

    Example: neuroonco audit fused.parquet --root data/ --model vllm:NAME --source described.parquet --out gold.parquet

    Example: neuroonco audit fused.json --answers answers.json --source catalog.json --out labels.json
    """
    if (model is None) == (answers is None):
        raise UsageError("AUDITOR", "one of --model and --answers is needed", fix="use --model physics")
    store.require_format(out, reference=True)
    if answers is not None and reference.applies(rules, (fused, answers), (source, out)):
        reference.audit_files(fused, answers, source, out, as_json=as_json)
        return
    labels = store.load(fused, FusedLabel, FUSED_CODEC)
    if healthy is not None:
        negatives = store.load(healthy, FusedLabel, HEALTHY_CODEC)
        labels.records += negatives.records
        labels.unreadable += negatives.unreadable
    facts = store.load(source, DescribedSlice, DESCRIBED_CODEC)
    slices = {r.sample_id: r for r in facts.records} | {r.slice_id: r for r in facts.records}
    # A label is known by either id, depending on which formats the files have.
    by_slice = {r.slice_id: s for r in labels.records if (s := slices.get(r.slice_id, slices.get(r.sample_id)))}
    unreadable = [*labels.unreadable, *facts.unreadable]
    answered: StageOutcome[AuditAnswer] = StageOutcome()
    if answers is not None:
        given = store.load(answers, AuditAnswer, ANSWER_CODEC)
        unreadable += given.unreadable
        by_id, answered.quarantined = match_answers(labels.records, given.records)
    else:
        if root is None:
            raise UsageError("ROOT_NEEDED", "the auditor looks at the images", fix="pass --root")
        existing_root(root)
        known = [r for r in labels.records if r.slice_id in by_slice]
        if model == PHYSICS:
            limits = load_rules(rules).section("audit_physics", PhysicsRules)
            answered = answer_labels(known, by_slice, root=root, rules=limits)
        else:
            asking = Asking(ledger_place(ledger), endpoints, replay, max_cost, concurrency, batch=batch, say=say)
            auditor = model_of(str(model), "--model", PHYSICS, asking)
            question = AuditQuestion(root, auditor, Brief(tell_tumor_type, max_tokens))
            answered = _ask([(r, by_slice[r.slice_id]) for r in known], question, auditor, asking, out)
        by_id = {a.slice_id: a for a in answered.kept}
    failed = {q.slice_id for q in answered.quarantined}
    auditable = [r for r in labels.records if r.slice_id not in failed]
    outcome = apply_answers(auditable, by_id, by_slice, rules=load_rules(rules))
    outcome.quarantined += answered.quarantined
    _say_unworded(out, (r.signs for r in outcome.kept))
    finish(outcome, AuditedLabel, out, as_json=as_json, reference=AUDITED_CODEC, unreadable=unreadable)
