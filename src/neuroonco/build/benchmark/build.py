"""Build a benchmark from audited labels, and write it."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from neuroonco import store
from neuroonco.audit.records import AuditedLabel
from neuroonco.build.benchmark.open import open_items_of
from neuroonco.build.closed import closed_items_of, twins_of
from neuroonco.build.index import FactIndex, index_labels
from neuroonco.build.interop import closed_document, open_document
from neuroonco.build.leftovers import Leftovers, leftovers
from neuroonco.build.plan import plan_benchmark
from neuroonco.build.pools import Shortage
from neuroonco.build.records import ClosedItem, OpenItem
from neuroonco.build.rules import BuildRules
from neuroonco.build.split import benchmark_rows
from neuroonco.rules import RuleSet
from neuroonco.vocabulary import DropReason

SHORTAGES = "shortages.json"


@dataclass
class BuiltBenchmark:
    """The questions, and what kept their number down.

    Attributes:
        closed, open: ordered by slice and question; twins stand after the questions of their slice.
        shortages: wordings with fewer questions than wanted.
        dropped_by_reason, quarantined: how many slices or facts are not asked, and labels that could not be used.
    """

    closed: list[ClosedItem] = field(default_factory=list)
    open: list[OpenItem] = field(default_factory=list)
    shortages: list[Shortage] = field(default_factory=list)
    dropped_by_reason: dict[str, int] = field(default_factory=dict)
    quarantined: int = 0

    @property
    def dropped(self) -> int:
        """How many slices or facts are not asked."""
        return sum(self.dropped_by_reason.values())

    def counts(self) -> dict[str, int]:
        """Numbers for the manifest and the summary line."""
        own = [item for item in self.closed if item.twin_of is None]
        slices = {item.slice_id for item in self.closed} | {item.slice_id for item in self.open}
        return {
            "images": len(slices),
            "closed": len(own),
            "twins": len(self.closed) - len(own),
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

    Written are the reference's JSON, our typed tables, ``shortages.json``, and one row for each slice or fact that is
    not asked.

    Args:
        out: folder to write into.
        labels: ordered by slice id, read twice (once if there is an index), see :mod:`neuroonco.build.labels`.
        seed: of the split and of every draw; the instructions of the same labels need the same one.
        rules: sections ``build``.
        whole: use all slices, for labels that no instruction is made of.
        hard: offer mimics of the answer.
        twins: ask each question that has ``None of the above`` once more with the truth put in or taken out.
        index: of the labels with this seed, if it was made already.
    """
    index = index or index_labels(labels, seed)
    values = rules.section("build", BuildRules)
    rows = np.ones(index.slice_count, bool) if whole else benchmark_rows(index, values.benchmark_share)
    plan = plan_benchmark(index, rows, values, hard=hard)
    built = BuiltBenchmark(shortages=plan.shortages)
    with leftovers(out) as left:
        _set_repeated_aside(labels, index, left)
        for row, label in index.rows(labels):
            if not rows[row]:
                left.drop(label, DropReason.LEFT_FOR_INSTRUCTIONS)
                continue
            planned, group = plan.of_slice(row), index.group(row)
            closed = closed_items_of(label, planned, seed=seed, rules_name=rules.name, group=group)
            opened = open_items_of(label, seed=seed, rules_name=rules.name, group=group)
            built.closed += closed + (twins_of(closed, planned, seed=seed) if twins else [])
            built.open += opened
            unasked = sorted(plan.left(row))
            for wording, answer, why in unasked:
                left.drop(label, DropReason.NOT_SELECTED, f"{wording}: {answer}: {why}")
            if not (closed or opened or unasked):
                left.drop(label, DropReason.NO_ANSWERABLE_QUESTION)
        built.dropped_by_reason, built.quarantined = dict(left.reasons.most_common()), left.quarantined
    _write(out, built)
    return built


def _set_repeated_aside(labels: Iterable[AuditedLabel], index: FactIndex, left: Leftovers) -> None:
    if index.repeated:
        for label in labels:
            if label.slice_id in index.repeated:
                left.repeated(label)


def _write(out: Path, built: BuiltBenchmark) -> None:
    store.write_json(out / "benchmark_closed.json", closed_document(built.closed))
    store.write_json(out / "benchmark_open.json", open_document(built.open))
    store.save(out / "closed.parquet", built.closed, ClosedItem)
    store.save(out / "open.parquet", built.open, OpenItem)
    store.write_json(out / SHORTAGES, [shortage_document(one) for one in built.shortages])


def shortage_document(shortage: Shortage) -> dict[str, object]:
    """A shortage as JSON for the report and other programs."""
    return asdict(shortage) | {"said": shortage_line(shortage)}


def shortage_line(shortage: Shortage) -> str:
    """What is missing, in one line.

    >>> available, missing = {"solitary": 90, "scattered": 20}, {"scattered": 130, "solitary": 60}
    >>> shortage_line(Shortage("spread", 300, 40, available, missing))
    'spread: 40 of 300 questions; for all, scattered needs 130 more slices (has 20), solitary 60 more (has 90)'
    """
    rarest = sorted(shortage.missing.items(), key=lambda item: (-item[1], item[0]))
    parts = [f"{answer} {n} more (has {shortage.available[answer]})" for answer, n in rarest]
    parts[0] = parts[0].replace(" ", " needs ", 1).replace(" more ", " more slices ", 1)
    return f"{shortage.wording}: {shortage.built} of {shortage.wanted} questions; for all, {', '.join(parts)}"
