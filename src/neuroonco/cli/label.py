"""Commands from slices to labels: read, fuse, audit."""

from pathlib import Path
from typing import Annotated, Any

import typer

from neuroonco import store
from neuroonco.audit.apply import apply_answers
from neuroonco.audit.interop import ANSWER_CODEC, AUDITED_CODEC
from neuroonco.audit.paper import audit_documents
from neuroonco.audit.physics import PhysicsRules, answer_labels
from neuroonco.audit.records import AuditAnswer, AuditedLabel
from neuroonco.cli.options import AsJson, Out, Root, Rules
from neuroonco.cli.output import existing_root, finish, result_json, say
from neuroonco.errors import InputError, UsageError
from neuroonco.fusion.fuse import fuse_readings
from neuroonco.fusion.interop import FUSED_CODEC, HEALTHY_CODEC
from neuroonco.fusion.paper import fuse_documents
from neuroonco.fusion.records import FusedLabel
from neuroonco.outcomes import StageOutcome
from neuroonco.readings.interop import READING_CODEC
from neuroonco.readings.read import read_slices
from neuroonco.readings.records import LesionReading
from neuroonco.readings.rules import ReadRules
from neuroonco.rules import load_rules
from neuroonco.semantics.interop import DESCRIBED_CODEC
from neuroonco.semantics.records import DescribedSlice
from neuroonco.vocabulary import ReadingKind


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("read")(read_command)
    app.command("fuse")(fuse_command)
    app.command("audit")(audit_command)


def read_command(
    described: Annotated[Path, typer.Argument(help="File made by `describe`, or any earlier one.")],
    root: Root,
    out: Out,
    reader: Annotated[str, typer.Option("--reader", help="Who reads: measuring.")] = "measuring",
    reading: Annotated[ReadingKind, typer.Option("--reading", help="With which attitude.")] = ReadingKind.CONSERVATIVE,
    rules: Rules = "default",
    as_json: AsJson = False,
) -> None:
    """Read the six signs of each slice; a sign that cannot be judged is left out.

    Example: neuroonco read described.parquet --root downloads/ --reading skeptical --out b.parquet
    """
    if reader != "measuring":
        raise UsageError("READER_UNKNOWN", f"no reader {reader!r}", where="--reader", fix="use measuring")
    existing_root(root)
    loaded = store.load(described, DescribedSlice, DESCRIBED_CODEC)
    limits = load_rules(rules).section("read", ReadRules)
    outcome = read_slices(loaded.records, root=root, kind=reading, rules=limits)
    extra = {"lesion_found": sum(bool(r.lesion_found) for r in outcome.kept)}
    finish(
        outcome,
        LesionReading,
        out,
        as_json=as_json,
        reference=READING_CODEC,
        unreadable=loaded.unreadable,
        extra=extra,
    )


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
    if rules == "paper" and {p.suffix for p in (first, second, source, out, healthy_out)} == {".json"}:
        _fuse_reference_files(first, second, source, out, healthy_out, as_json=as_json)
        return
    a, b = (store.load(path, LesionReading, READING_CODEC) for path in (first, second))
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
    finish(
        outcome,
        FusedLabel,
        out,
        as_json=as_json,
        reference=FUSED_CODEC,
        unreadable=[*a.unreadable, *b.unreadable, *facts.unreadable],
        extra={"healthy": len(healthy)},
    )


def _rows(path: Path) -> list[dict[str, Any]]:
    document = store.read_json(path)
    if not isinstance(document, list):
        raise InputError("JSON_NOT_A_LIST", "expected a list of records", where=str(path))
    rows = [row for row in document if isinstance(row, dict) and isinstance(row.get("sample_id"), str)]
    if skipped := len(document) - len(rows):
        say(f"{path.name}: {skipped} rows without a sample_id are left out")
    return rows


def _fuse_reference_files(
    first: Path, second: Path, source: Path, out: Path, healthy_out: Path, *, as_json: bool
) -> None:
    """The reference's rules on the reference's files: string for string, without passing through our terms."""
    fused, healthy, dropped = fuse_documents(_rows(first), _rows(second), _rows(source))
    store.write_json(out, fused)
    store.write_json(healthy_out, healthy)
    reasons = list(dropped.values())
    counts = {
        "out": out.name,
        "kept": len(fused),
        "healthy": len(healthy),
        "dropped": len(dropped),
        "quarantined": 0,
        "dropped_by_reason": {
            "lesion_disputed": reasons.count("disputed"),
            "sequence_conflict": reasons.count("conflict"),
        },
    }
    if as_json:
        result_json(counts)
    else:
        say(", ".join(f"{value} {key}" for key, value in counts.items() if isinstance(value, int)))


def audit_command(
    fused: Annotated[Path, typer.Argument(help="File made by `fuse`.")],
    source: Annotated[Path, typer.Option("--source", help="File with the sources' facts on the slices.")],
    out: Out,
    root: Annotated[Path | None, typer.Option("--root", help="Folder to which image paths are relative.")] = None,
    model: Annotated[str | None, typer.Option("--model", help="Who audits: physics.")] = None,
    answers: Annotated[Path | None, typer.Option("--answers", help="Answers given elsewhere, instead.")] = None,
    rules: Rules = "default",
    as_json: AsJson = False,
) -> None:
    """Check labels against the image and MR physics; keep, coarsen or erase, never add.

    Example: neuroonco audit fused.json --root data/ --model physics --source catalog.json --out labels.json

    Example: neuroonco audit fused.json --answers answers.json --source catalog.json --out labels.json
    """
    if (model is None) == (answers is None):
        raise UsageError("AUDITOR", "one of --model and --answers is needed", fix="use --model physics")
    suffixes = {p.suffix for p in (fused, source, out, answers) if p is not None}
    if rules == "paper" and answers is not None and suffixes == {".json"}:
        accepted, missing = audit_documents(_rows(fused), _rows(answers), _rows(source))
        store.write_json(out, accepted)
        counts = {"out": out.name, "kept": len(accepted), "dropped": len(missing), "quarantined": 0}
        result_json(counts) if as_json else say(f"{len(accepted)} kept, {len(missing)} without an answer dropped")
        return
    labels = store.load(fused, FusedLabel, FUSED_CODEC)
    facts = store.load(source, DescribedSlice, DESCRIBED_CODEC)
    slices = {r.sample_id: r for r in facts.records} | {r.slice_id: r for r in facts.records}
    unreadable = [*labels.unreadable, *facts.unreadable]
    failed: StageOutcome[AuditAnswer] = StageOutcome()
    if answers is not None:
        given = store.load(answers, AuditAnswer, ANSWER_CODEC)
        unreadable += given.unreadable
        # A label is known by either id, depending on which formats the files have.
        table = {a.sample_id: a for a in given.records} | {a.slice_id: a for a in given.records}
        by_id = {r.slice_id: a for r in labels.records if (a := table.get(r.slice_id, table.get(r.sample_id)))}
    else:
        if model != "physics":
            raise UsageError("MODEL_UNKNOWN", f"no auditor {model!r}", where="--model", fix="use physics")
        if root is None:
            raise UsageError("ROOT_NEEDED", "the physics auditor looks at the images", fix="pass --root")
        existing_root(root)
        by_slice = {r.slice_id: s for r in labels.records if (s := slices.get(r.slice_id, slices.get(r.sample_id)))}
        known = [r for r in labels.records if r.slice_id in by_slice]
        limits = load_rules(rules).section("audit_physics", PhysicsRules)
        failed = answer_labels(known, by_slice, root=root, rules=limits)
        by_id = {a.slice_id: a for a in failed.kept}
    by_slice = {r.slice_id: s for r in labels.records if (s := slices.get(r.slice_id, slices.get(r.sample_id)))}
    outcome = apply_answers(labels.records, by_id, by_slice, rules=load_rules(rules))
    outcome.quarantined += failed.quarantined
    finish(outcome, AuditedLabel, out, as_json=as_json, reference=AUDITED_CODEC, unreadable=unreadable)
