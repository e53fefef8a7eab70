"""The stages `read` and `audit`: by measurement, by models, or one reading by each."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from neuroonco import columns, pipeline
from neuroonco.audit.apply import apply_answers
from neuroonco.audit.physics import PhysicsRules, answer_labels
from neuroonco.audit.records import AuditAnswer, AuditedLabel
from neuroonco.fusion.records import FusedLabel
from neuroonco.models.as_sent import ways_of_asking
from neuroonco.models.conversation import CODES, UNFINISHED_CODES, UNREADABLE
from neuroonco.models.endpoints import ResolvedModel
from neuroonco.outcomes import Quarantined, Record, StageOutcome
from neuroonco.pipeline import INCOMPLETE, Workspace
from neuroonco.prompts import prompt
from neuroonco.readings.model import Brief, prompt_name
from neuroonco.readings.read import read_slices, read_slices_twice
from neuroonco.readings.records import LesionReading
from neuroonco.readings.rules import ReadRules
from neuroonco.rules import RuleSet
from neuroonco.semantics.records import DescribedSlice
from neuroonco.streams import QUARANTINED, RECORDS, Rows, ShardOutcome, Shards, rows_of
from neuroonco.vocabulary import ReadingKind
from neuroonco.walk.asking import Ask, Asking, ask_all, asked_as_sent
from neuroonco.walk.folders import DESCRIBE, FUSE
from neuroonco.walk.profile import MEASURING, PHYSICS, ReaderPlan
from neuroonco.walk.questions import AuditQuestion, ReadingQuestion, with_slices

T = TypeVar("T")
R = TypeVar("R", bound=Record)
ANSWER_CODES = frozenset((*CODES.values(), UNREADABLE))
"""Codes of faults of one answer, not of the slice."""


@dataclass(frozen=True)
class Readers:
    """Who reads and who audits, understood; None where nobody has to be asked."""

    conservative: ResolvedModel | None
    skeptical: ResolvedModel | None
    auditor: ResolvedModel | None
    brief: Brief

    def reader(self, kind: ReadingKind) -> ResolvedModel | None:
        """Who reads with an attitude; None for the measuring reader."""
        return self.conservative if kind is ReadingKind.CONSERVATIVE else self.skeptical

    def parameters_of_reading(self) -> dict[str, Any]:
        """What the readings depend on."""
        found: dict[str, Any] = {}
        for kind in ReadingKind:
            found |= _parameters(kind.value, self.reader(kind), prompt_name(kind), self.brief)
        return found or {"reader": MEASURING}

    def parameters_of_audit(self) -> dict[str, Any]:
        """What the audit depends on."""
        return _parameters("auditor", self.auditor, "audit", self.brief) or {"auditor": PHYSICS}


def readers_of(plan: ReaderPlan, asking: Asking) -> Readers:
    """The readers and the auditor that a profile names.

    Raises:
        UsageError, InputError: see :func:`neuroonco.models.endpoints.resolve`.
    """

    def known(name: str, built_in: str) -> ResolvedModel | None:
        return None if name == built_in else asking.resolved(name)

    return Readers(
        known(plan.conservative, MEASURING),
        known(plan.skeptical, MEASURING),
        known(plan.auditor, PHYSICS),
        Brief(tell_tumor_type=plan.tell_tumor_type, max_tokens=plan.max_tokens),
    )


def _parameters(role: str, model: ResolvedModel | None, asked: str, brief: Brief) -> dict[str, Any]:
    if model is None:
        return {}
    return {
        role: model.name,
        f"{role}_prompt": prompt(asked).sha256,
        "repair_prompt": prompt("repair").sha256,
        f"{role}_endpoint": ways_of_asking(model.endpoint),
        "tell_tumor_type": brief.tell_tumor_type,
        "max_tokens": brief.max_tokens,
    }


# --- read ---


def read(ws: Workspace, *, root: Path, readers: Readers, asking: Asking) -> dict[str, Any]:
    """Read every slice twice, conservatively and skeptically."""
    found = dict.fromkeys((kind.value for kind in ReadingKind), 0)

    def tally(table: pa.Table) -> None:
        lesions = table.filter(pc.field("lesion_found"))
        for kind in found:
            found[kind] += pc.sum(pc.equal(lesions["kind"], kind)).as_py() or 0

    pieces = rows_of(ws.input(DESCRIBE), DescribedSlice, pipeline.SHARD_SIZE)
    for kind in ReadingKind:
        model = readers.reader(kind)
        if model is not None:
            question = ReadingQuestion(root, model, kind, readers.brief)
            slices = (record for piece in pieces for record in piece.read())
            _ask(ws, f"{kind.value} reading", slices, _total(pieces), question, model, asking)
    work = partial(_read, root=root, rules=ws.rules, readers=readers, ledger=asking.place(ws.run))
    shards = ws.stream(pieces, LesionReading, work)
    return ws.save_shards(shards, tally=tally) | {"lesion_found": found} | _unfinished(shards)


def _read(
    rows: Rows[DescribedSlice], *, root: Path, rules: RuleSet, readers: Readers, ledger: str
) -> StageOutcome[LesionReading]:
    outcome: StageOutcome[LesionReading] = StageOutcome()
    records = rows.read()
    limits = rules.section("read", ReadRules)
    if readers.conservative is readers.skeptical is None:
        return read_slices_twice(records, root=root, rules=limits)
    for kind in ReadingKind:
        model = readers.reader(kind)
        if model is None:
            outcome.extend(read_slices(records, root=root, kind=kind, rules=limits))
        else:
            outcome.extend(_replayed(records, ReadingQuestion(root, model, kind, readers.brief), model, ledger))
    outcome.quarantined = _pictures_once(outcome.quarantined)
    return outcome


def _pictures_once(quarantined: Iterable[Quarantined]) -> list[Quarantined]:
    """A picture that both readings could not read is one fault; two answers that cannot be used are two."""
    found = {
        (q.slice_id, q.code, number if q.code in ANSWER_CODES else None): q for number, q in enumerate(quarantined)
    }
    return list(found.values())


# --- audit ---


def audit(ws: Workspace, *, root: Path, readers: Readers, asking: Asking) -> dict[str, Any]:
    """Check the fused labels by MR physics or by a model."""
    changed = {"fields_changed": 0}

    def tally(table: pa.Table) -> None:
        changed["fields_changed"] += pc.sum(pc.list_value_length(table["changes"])).as_py() or 0

    pieces = rows_of(ws.input(FUSE), FusedLabel, pipeline.SHARD_SIZE)
    slices = ws.input(DESCRIBE)
    if readers.auditor is not None:
        question = AuditQuestion(root, readers.auditor, readers.brief)
        labels = (pair for piece in pieces for pair in with_slices(piece.read(), slices))
        _ask(ws, "of labels", labels, _total(pieces), question, readers.auditor, asking)
    work = partial(_audit, root=root, slices=slices, rules=ws.rules, readers=readers, ledger=asking.place(ws.run))
    shards = ws.stream(pieces, AuditedLabel, work, {"answers": AuditAnswer})
    return ws.save_shards(shards, tally=tally) | changed | _unfinished(shards)


def _audit(
    rows: Rows[FusedLabel], *, root: Path, slices: Path, rules: RuleSet, readers: Readers, ledger: str
) -> ShardOutcome[AuditedLabel]:
    pairs = list(with_slices(rows.read(), slices))
    of_id = {label.slice_id: record for label, record in pairs if record is not None}
    labels = [label for label, _ in pairs]
    if readers.auditor is None:
        answered = answer_labels(labels, of_id, root=root, rules=rules.section("audit_physics", PhysicsRules))
    else:
        answered = _replayed(pairs, AuditQuestion(root, readers.auditor, readers.brief), readers.auditor, ledger)
    failed = {q.slice_id for q in answered.quarantined}
    outcome = apply_answers(
        [label for label in labels if label.slice_id not in failed],
        {a.slice_id: a for a in answered.kept},
        of_id,
        rules=rules,
    )
    quarantined = outcome.quarantined + answered.quarantined
    return ShardOutcome(outcome.kept, outcome.dropped, quarantined, {"answers": answered.kept})


# --- models ---


def _ask(
    ws: Workspace, what: str, items: Iterable[T], total: int, ask: Ask[T, Any], model: ResolvedModel, asking: Asking
) -> None:
    """Bring the ledger up to date, or see in a replay that it holds answers; then forget what was made from less."""
    shown = f"{ws.name} {what}"
    ws.progress(shown, 0, total)
    fresh = ask_all(
        items,
        ask,
        model,
        asking,
        asking.place(ws.run),
        what=shown,
        progress=lambda done: ws.progress(shown, done, total),
    )
    _forget(ws.folder / "shards", everything=fresh > 0)


def _forget(shards: Path, *, everything: bool) -> None:
    """Have shards made again: those that wait for a call, or all, as another ledger may hold other answers.

    The file that says that a shard is whole goes and nothing else, so that a kill cannot leave one without its faults.
    """
    for whole in shards.glob(f"*/{RECORDS}.arrow"):
        faults = whole.with_name(f"{QUARANTINED}.arrow")
        if everything or (faults.exists() and _waiting(columns.read_arrow(faults))):
            whole.unlink()


def _replayed(
    items: Sequence[T],
    ask: Ask[T, R | Quarantined],
    model: ResolvedModel,
    ledger: str,
) -> StageOutcome[R]:
    """Outcomes from the ledger alone, in the order of the items."""
    from neuroonco.models.ledger import Ledger
    from neuroonco.models.recorded import RecordedClient

    async def replay(held: Ledger) -> list[R | Quarantined]:
        client, put = RecordedClient(held, None, replay=True, name=model.name), asked_as_sent(ask, model)
        return await asyncio.gather(*(put(client, item) for item in items))

    outcome: StageOutcome[R] = StageOutcome()
    with Ledger(ledger, create=False) as held:
        for result in asyncio.run(replay(held)):
            if isinstance(result, Quarantined):
                outcome.quarantined.append(result)
            else:
                outcome.kept.append(result)
    return outcome


def _unfinished(shards: Shards) -> dict[str, int]:
    """How many slices wait for a call that failed; nothing where none does."""
    n = sum(_waiting(table) for table in shards.tables(QUARANTINED))
    return {INCOMPLETE: n} if n else {}


def _waiting(quarantined: pa.Table) -> int:
    return pc.sum(pc.is_in(quarantined["code"], value_set=pa.array(sorted(UNFINISHED_CODES)))).as_py() or 0


def _total(pieces: Sequence[Rows[Any]]) -> int:
    return sum(piece.stop - piece.start for piece in pieces)
