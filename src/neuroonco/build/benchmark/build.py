"""Build a benchmark from audited labels, and write it."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neuroonco import store
from neuroonco.audit.records import AuditedLabel
from neuroonco.build.benchmark.open import open_items_of
from neuroonco.build.closed import built_by, closed_items_of, twins_of
from neuroonco.build.index import FactIndex, index_labels
from neuroonco.build.interop import closed_document, open_document
from neuroonco.build.leftovers import DROPPED_FILE, QUARANTINED_FILE, Leftovers, leftovers
from neuroonco.build.plan import plan_benchmark
from neuroonco.build.pools import Plan, Shortage
from neuroonco.build.records import ClosedItem, OpenItem
from neuroonco.build.rules import BuildRules
from neuroonco.build.shortages import shortage_line
from neuroonco.build.split import benchmark_rows
from neuroonco.errors import InputError
from neuroonco.rules import RuleSet
from neuroonco.seeded import shuffled
from neuroonco.vocabulary import DropReason

SHORTAGES = "shortages.json"
SUMMARY = "benchmark.json"
"""Written last, with the hash of every other file: where it is missing, the folder is not whole."""
TWIN_FILES = ("benchmark_closed_twins.json", "closed_twins.parquet")
FILES = (
    *("benchmark_closed.json", "benchmark_open.json", "closed.parquet", "open.parquet", *TWIN_FILES, SHORTAGES),
    *(DROPPED_FILE, QUARANTINED_FILE),
)
OPEN_LEFT = "open questions: of more images than wanted"


@dataclass
class BuiltBenchmark:
    """The questions, and what kept their number down.

    Attributes:
        closed, open: ordered by slice and question.
        twins: each question that has ``None of the above`` beside its twin; a file of its own, because who sees both
            knows the truth.
        shortages: wordings with fewer questions than wanted.
        dropped_by_reason, quarantined: how many slices or facts are not asked, and labels that could not be used.
    """

    closed: list[ClosedItem] = field(default_factory=list)
    open: list[OpenItem] = field(default_factory=list)
    twins: list[ClosedItem] = field(default_factory=list)
    shortages: list[Shortage] = field(default_factory=list)
    dropped_by_reason: dict[str, int] = field(default_factory=dict)
    quarantined: int = 0

    @property
    def dropped(self) -> int:
        """How many slices or facts are not asked."""
        return sum(self.dropped_by_reason.values())

    def counts(self) -> dict[str, int]:
        """Numbers for the manifest and the summary line."""
        slices = {item.slice_id for item in self.closed} | {item.slice_id for item in self.open}
        return {
            "images": len(slices),
            "closed": len(self.closed),
            "twins": sum(item.twin_of is not None for item in self.twins),
            "open": len(self.open),
            "not_in_json": sum(not item.is_whole_file for item in self.closed),
            "dropped": self.dropped,
            "quarantined": self.quarantined,
        }


def build_benchmark(
    out: Path,
    labels: Iterable[AuditedLabel],
    *,
    seed: int,
    rules: RuleSet,
    whole: bool = False,
    hard: bool = False,
    twins: bool = False,
    index: FactIndex | None = None,
) -> BuiltBenchmark:
    """Ask the benchmark's questions about the slices that the split gives to it, and write them.

    Written are the reference's JSON, our typed tables, ``shortages.json``, one row for each slice or fact that is not
    asked, and last ``benchmark.json``, by which one can tell that the files belong together.

    Args:
        out: folder to write into.
        labels: ordered by slice id, read twice (once if there is an index), see :mod:`neuroonco.build.labels`.
        seed: of the split and of every draw; the instructions of the same labels need the same one.
        rules: sections ``build``.
        whole: use all slices, for labels that no instruction is made of.
        hard: offer mimics of the answer.
        twins: ask each question that has ``None of the above`` once more with the truth put in or taken out.
        index: of the labels with this seed, if it was made already.

    Raises:
        InputError: the folder cannot be written.
    """
    index = index or index_labels(labels, seed)
    values = rules.section("build", BuildRules)
    rows = np.ones(index.slice_count, bool) if whole else benchmark_rows(index, values.benchmark_share)
    plan = plan_benchmark(index, rows, values, hard=hard)
    built = BuiltBenchmark(shortages=plan.shortages)
    opens = _open_rows(plan, rows, values.questions_per_type)
    if out.exists() and not out.is_dir():
        raise InputError("OUT_NOT_A_FOLDER", "not a folder", where=str(out), fix="name a folder")
    (out / SUMMARY).unlink(missing_ok=True)
    with leftovers(out) as left:
        _set_repeated_aside(labels, index, left)
        for row, label in index.rows(labels):
            if not rows[row]:
                left.drop(label, DropReason.LEFT_FOR_INSTRUCTIONS)
                continue
            planned, group = plan.of_slice(row), index.group(row)
            closed = closed_items_of(label, planned, seed=seed, rules_name=rules.name, group=group)
            opened = open_items_of(label, closed, seed=seed, rules_name=rules.name, group=group)
            unasked = sorted(f"{wording}: {answer}: {why}" for wording, answer, why in plan.left(row))
            if opened and row not in opens:
                unasked.append(OPEN_LEFT)
                opened = []
            built.closed += closed
            built.open += opened
            if twins:
                built.twins += [item for item in closed if not item.is_binary]
                built.twins += twins_of(closed, planned, seed=seed)
            for why in unasked:
                left.drop(label, DropReason.NOT_SELECTED, why)
            if not (closed or opened or unasked):
                left.drop(label, DropReason.NO_ANSWERABLE_QUESTION)
        built.dropped_by_reason, built.quarantined = dict(left.reasons.most_common()), left.quarantined
    _write(out, built, twins=twins)
    _summarize(out, built, seed=seed, rules=rules, hard=hard)
    return built


def _set_repeated_aside(labels: Iterable[AuditedLabel], index: FactIndex, left: Leftovers) -> None:
    if index.repeated:
        for label in labels:
            if label.slice_id in index.repeated:
                left.repeated(label)


def _open_rows(plan: Plan, rows: NDArray[np.bool_], wanted: int) -> set[int]:
    """Rows that open questions are asked of: a seeded draw, of those first that closed questions are asked of."""
    index = plan.index
    asked = np.zeros(index.slice_count, bool)
    asked[index.slice_of_fact[plan.pool_of_fact >= 0]] = True
    drawn = shuffled(np.flatnonzero(rows).tolist(), index.seed, "open", lambda row: index.slice_ids[row])
    return set(sorted(drawn, key=lambda row: not asked[row])[:wanted])


def _write(out: Path, built: BuiltBenchmark, *, twins: bool) -> None:
    store.write_json(out / "benchmark_closed.json", closed_document(built.closed))
    store.write_json(out / "benchmark_open.json", open_document(built.open))
    store.save(out / "closed.parquet", built.closed, ClosedItem)
    store.save(out / "open.parquet", built.open, OpenItem)
    for name in TWIN_FILES:
        (out / name).unlink(missing_ok=True)
    if twins:
        store.write_json(out / TWIN_FILES[0], closed_document(built.twins))
        store.save(out / TWIN_FILES[1], built.twins, ClosedItem)
    store.write_json(out / SHORTAGES, [shortage_document(one) for one in built.shortages])


def _summarize(out: Path, built: BuiltBenchmark, *, seed: int, rules: RuleSet, hard: bool) -> None:
    files = {path.name: store.sha256_file(path) for name in FILES if (path := out / name).exists()}
    document = {"version": built_by(), "rules": rules.name, "seed": seed, "hard": hard, "counts": built.counts()}
    store.write_json(out / SUMMARY, document | {"files": files})


def shortage_document(shortage: Shortage) -> dict[str, object]:
    """A shortage as JSON for the report and other programs."""
    return asdict(shortage) | {"said": shortage_line(shortage)}
