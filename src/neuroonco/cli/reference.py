"""The reference's rules on the reference's files: string for string, without passing through our terms."""

from pathlib import Path
from typing import Any

from neuroonco import store
from neuroonco.audit.paper import audit_documents
from neuroonco.audit.records import AuditedLabel
from neuroonco.cli.output import finish
from neuroonco.errors import InputError, UsageError
from neuroonco.fusion.paper import fuse_documents
from neuroonco.fusion.records import FusedLabel
from neuroonco.outcomes import Dropped, Quarantined, StageOutcome
from neuroonco.vocabulary import DropReason

REASONS = {
    "missing": DropReason.READING_MISSING,
    "disputed": DropReason.LESION_DISPUTED,
    "conflict": DropReason.SEQUENCE_CONFLICT,
}


def applies(rules: str, decisive: tuple[Path, ...], others: tuple[Path, ...]) -> bool:
    """Whether a command was asked for the reference's rules on the reference's files.

    Its rules compare strings; passing through our terms first would change what they compare.

    Raises:
        UsageError: the decisive files are the reference's and others are not, so that neither way would be exact.
    """
    if rules != "paper" or not any(path.suffix == ".json" for path in decisive):
        return False
    if odd := [path.name for path in (*decisive, *others) if path.suffix != ".json"]:
        what = f"{', '.join(odd)}: with --rules paper on .json files all files have to be .json"
        raise UsageError("PAPER_NEEDS_JSON", what, fix="use .json for all, or --rules default")
    return True


def fuse_files(first: Path, second: Path, source: Path, out: Path, healthy_out: Path, *, as_json: bool) -> None:
    """Fuse two files of readings."""
    unreadable: list[Quarantined] = []
    rows = [_rows(path, unreadable) for path in (first, second, source)]
    fused, healthy, dropped = fuse_documents(*rows)
    store.write_json(healthy_out, healthy)
    outcome: StageOutcome[FusedLabel] = StageOutcome(
        dropped=[Dropped(slice_id=i, sample_id=i, reason=REASONS[why]) for i, why in sorted(dropped.items())]
    )
    finish(
        outcome,
        FusedLabel,
        out,
        as_json=as_json,
        unreadable=unreadable,
        extra={"kept": len(fused), "healthy": len(healthy)},
        write=lambda: store.write_json(out, fused),
    )


def audit_files(fused: Path, answers: Path, source: Path, out: Path, *, as_json: bool) -> None:
    """Apply a file of answers to a file of fused labels."""
    unreadable: list[Quarantined] = []
    rows = [_rows(path, unreadable) for path in (fused, answers, source)]
    accepted, missing, broken = audit_documents(*rows)
    for sample_id in broken:
        message = "fused_label is not an object of meta_info and structured_signs"
        unreadable.append(Quarantined(slice_id=sample_id, sample_id=sample_id, code="FIELD_INVALID", message=message))
    outcome: StageOutcome[AuditedLabel] = StageOutcome(
        dropped=[Dropped(slice_id=i, sample_id=i, reason=DropReason.AUDIT_MISSING) for i in missing]
    )
    finish(
        outcome,
        AuditedLabel,
        out,
        as_json=as_json,
        unreadable=unreadable,
        extra={"kept": len(accepted)},
        write=lambda: store.write_json(out, accepted),
    )


def _rows(path: Path, unreadable: list[Quarantined]) -> list[dict[str, Any]]:
    """Rows with an id; the others are set aside, as nothing could be said of them by name."""
    document = store.read_json(path)
    if not isinstance(document, list):
        raise InputError("JSON_NOT_A_LIST", "expected a list of records", where=str(path))
    rows = []
    for number, row in enumerate(document):
        code, message = "FIELD_MISSING", "no sample_id"
        try:
            store.require_text(row, str(path))
            if isinstance(row, dict) and isinstance(row.get("sample_id"), str):
                rows.append(row)
                continue
        except InputError as error:
            code, message = error.code, error.what
        message = f"row {number} of {path.name}: {message}"
        unreadable.append(Quarantined(slice_id=f"{path.name}#{number}", code=code, message=message))
    return rows
