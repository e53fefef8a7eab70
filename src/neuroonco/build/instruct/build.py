"""Make instruction data of audited labels: plan what is asked, have it worded, check each pair, write it."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroonco.audit.records import AuditedLabel
from neuroonco.build.closed import closed_items_of
from neuroonco.build.facts import Fact, facts
from neuroonco.build.index import FactIndex, class_of, index_labels
from neuroonco.build.instruct import assemble, templates, validator
from neuroonco.build.instruct.export import Export
from neuroonco.build.instruct.mixture import Mixture, admit
from neuroonco.build.instruct.records import FILE_KINDS, OPEN, Draft, InstructionPair
from neuroonco.build.instruct.write import PairFiles, pair_files
from neuroonco.build.leftovers import Leftovers, leftovers
from neuroonco.build.plan import plan_instructions
from neuroonco.build.pools import CAPPED, WHYS, Plan
from neuroonco.build.records import ClosedItem
from neuroonco.build.rules import BuildRules
from neuroonco.build.split import benchmark_rows
from neuroonco.errors import InputError
from neuroonco.outcomes import Quarantined
from neuroonco.rules import RuleSet
from neuroonco.vocabulary import DropReason

ToWord = tuple[AuditedLabel, Sequence[Fact], Sequence[ClosedItem]]
"""A slice, what may be said of it, and the closed questions about it."""
Drafter = Callable[[AuditedLabel, Sequence[Fact], Sequence[ClosedItem]], Draft | Quarantined]
"""Words the questions of one slice."""
Progress = Callable[[str, int, int], None]
WHAT = "instructions"
EVERY = 256
"""Slices between two calls of the progress."""


@dataclass(frozen=True)
class InstructionPlan:
    """Which slices become instructions, and what is asked of each; made by :func:`instruction_plan`.

    Attributes:
        plan: of the facts.
        rows: (slices) that the split gives to the instructions.
        seed: of every draw.
        rules_name: of the rule set, for the records.
    """

    plan: Plan
    rows: NDArray[np.bool_]
    seed: int
    rules_name: str

    @property
    def index(self) -> FactIndex:
        """The facts that were planned."""
        return self.plan.index

    def to_word(self, row: int, label: AuditedLabel) -> ToWord:
        """What a writer is given of one slice: facts that the mixture admits, and the closed questions."""
        why = self.plan.why[self.index.starts[row] : self.index.starts[row + 1]]
        admitted = [fact for fact, code in zip(facts(label), why.tolist(), strict=True) if code != WHYS.index(CAPPED)]
        planned, group = self.plan.of_slice(row), self.index.group(row)
        return label, admitted, closed_items_of(label, planned, seed=self.seed, rules_name=self.rules_name, group=group)

    def asks(self, row: int) -> bool:
        """Whether anything may be asked of a slice: it is not the benchmark's, and a file of its own."""
        return bool(self.rows[row] and self.index.is_whole[row])

    def all_to_word(self, labels: Iterable[AuditedLabel]) -> Iterator[ToWord]:
        """What a writer is given, slice by slice.

        Args:
            labels: those that were indexed, in the same order.
        """
        for row, label in self.index.rows(labels):
            if self.asks(row):
                yield self.to_word(row, label)


def instruction_plan(
    index: FactIndex, *, seed: int, rules: RuleSet, whole: bool = False, mixture: Mixture | None = None
) -> InstructionPlan:
    """Plan the instructions.

    Args:
        index: of all labels, with the same seed.
        seed: of the split and of every draw; the benchmark of the same labels needs the same one.
        rules: section ``build``.
        whole: use all slices, for labels that no benchmark is made of.
        mixture: caps; None for none.
    """
    values = rules.section("build", BuildRules)
    rows = np.ones(index.slice_count, bool) if whole else ~benchmark_rows(index, values.benchmark_share)
    usable = rows & index.is_whole  # the format names files only
    admitted = admit(index, mixture or Mixture(), usable, seed)
    return InstructionPlan(plan_instructions(index, usable, values, admitted), rows, seed, rules.name)


def build_instructions(
    out: Path,
    labels: Iterable[AuditedLabel],
    *,
    seed: int,
    rules: RuleSet,
    whole: bool = False,
    index: FactIndex | None = None,
    mixture: Mixture | None = None,
    exports: Collection[Export] = (),
    draft: Drafter | None = None,
    progress: Progress = lambda _what, _done, _total: None,
) -> dict[str, Any]:
    """Write instruction pairs about the slices that the split does not hold out for the benchmark.

    Written are the published JSONL files, the exports, ``dataset_info.json``, ``statistics.json``, and one row for each
    slice, fact or pair that is left out. Nothing but the index is held.

    Args:
        out: folder to write into.
        labels: ordered by slice id, read twice (once if there is an index), see :mod:`neuroonco.build.labels`.
        seed, rules, whole, mixture: see :func:`instruction_plan`.
        index: of the labels with this seed, if it was made already.
        exports: forms to write beside the published one.
        draft: words the questions; None for the templates.
        progress: told how many slices are done.

    Returns:
        Pairs of each kind, ``images``, ``dropped``, ``quarantined`` and ``dropped_by_reason``.

    Raises:
        InputError: a file cannot be read or written.
    """
    index = index or index_labels(labels, seed)
    planned = instruction_plan(index, seed=seed, rules=rules, whole=whole, mixture=mixture)
    write = _Writing(planned, draft or partial(templates.draft, seed=seed))
    with pair_files(out, exports) as files, leftovers(out) as left:
        row = 0
        for label in labels:
            if label.slice_id in index.repeated:
                left.repeated(label)
                continue
            if row % EVERY == 0:
                progress(WHAT, row, index.slice_count)
            write.slice(row, label, files, left)
            row += 1
        files.ready()
        progress(WHAT, index.slice_count, index.slice_count)
        counts = files.counts
        return {
            **{kind: counts.pairs[kind] for kind in FILE_KINDS},
            "images": counts.images,
            "dropped": left.dropped,
            "quarantined": left.quarantined,
            "dropped_by_reason": dict(sorted(left.reasons.items(), key=lambda item: (-item[1], item[0]))),
        }


@dataclass(frozen=True)
class _Writing:
    planned: InstructionPlan
    draft: Drafter

    def slice(self, row: int, label: AuditedLabel, files: PairFiles, left: Leftovers) -> None:
        """Write what there is to say of one slice, and what is left out of it."""
        if not self.planned.rows[row]:
            left.drop(label, DropReason.HELD_OUT_FOR_BENCHMARK)
            return
        if not self.planned.asks(row):
            left.drop(label, DropReason.CHANNEL_OF_A_FILE)
            return
        before = left.dropped + left.quarantined
        good = self._good(row, label, files, left)
        for pair in good:
            files.write(pair, class_of(label.slice.tumor_type))
        for wording, answer, why in sorted(self.planned.plan.left(row)):
            reason = DropReason.MIXTURE_CAP if why == CAPPED else DropReason.NOT_SELECTED
            left.drop(label, reason, f"{wording}: {answer}: {why}")
        if good:
            files.counts.image(class_of(label.slice.tumor_type))
        elif before == left.dropped + left.quarantined:
            left.drop(label, DropReason.NO_ANSWERABLE_QUESTION)

    def _good(self, row: int, label: AuditedLabel, files: PairFiles, left: Leftovers) -> list[InstructionPair]:
        """Pairs without fault; the others, and what the writer left unsaid, are dropped one by one."""
        _, known, items = self.planned.to_word(row, label)
        drafted = self.draft(label, known, items)
        if isinstance(drafted, Quarantined):
            left.quarantine(label, InputError(drafted.code, drafted.message))
            return []
        for part in drafted.missing:
            what = f"question {part.q_index}" if part.wording is None else part.wording
            left.drop(label, DropReason.DRAFT_MISSING, f"{what}: {part.reason}")
        good = []
        by_index = {item.q_index: item for item in items}
        all_known, sequence = facts(label), label.slice.sequence or label.sequence
        for pair in assemble.pairs(label, known, items, drafted, self.planned.index.group(row)):
            item = None if pair.file_kind == OPEN else by_index[pair.pair_index]
            found = validator.faults(pair, all_known, item, sequence)
            for fault, _ in found:
                files.counts.fault(fault.value)
            if found:
                said = "; ".join(f"{fault.value}: {detail}" for fault, detail in found)
                left.drop(label, DropReason.PAIR_FAULT, f"{pair.file_kind} {pair.pair_index}: {said}")
            else:
                good.append(pair)
        return good
