"""Build the benchmark and the instruction data from audited labels, and write them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from neuroonco import store
from neuroonco.audit.records import AuditedLabel
from neuroonco.build.benchmark.closed import closed_questions
from neuroonco.build.benchmark.open import open_items
from neuroonco.build.instruct.pairs import chat_line, instruction_questions
from neuroonco.build.instruct.records import FILE_KINDS, InstructionPair
from neuroonco.build.interop import closed_document, open_document
from neuroonco.build.records import ClosedItem, OpenItem
from neuroonco.build.rules import BuildRules
from neuroonco.build.select import LeftOut
from neuroonco.build.split import split_labels
from neuroonco.errors import InputError
from neuroonco.outcomes import Dropped, Quarantined, quarantine
from neuroonco.rules import RuleSet
from neuroonco.vocabulary import DropReason


@dataclass
class BuiltBenchmark:
    """The questions, and what became of the labels and facts that are not asked.

    Attributes:
        closed, open: ordered by slice and question.
        dropped: one entry a slice that is not in the benchmark, and one a fact that is not asked.
        quarantined: labels that could not be used.
    """

    closed: list[ClosedItem] = field(default_factory=list)
    open: list[OpenItem] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        """Numbers for the manifest and the summary line."""
        return {
            "images": len(_slices(self.closed, self.open)),
            "closed": len(self.closed),
            "open": len(self.open),
            "not_in_json": sum(not item.is_whole_file for item in self.closed),
            "dropped": len(self.dropped),
            "quarantined": len(self.quarantined),
        }


@dataclass
class BuiltInstructions:
    """The pairs, and what became of the labels and facts that made none."""

    pairs: list[InstructionPair] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)

    def of_kind(self, kind: str) -> list[InstructionPair]:
        """The pairs of one file."""
        return [pair for pair in self.pairs if pair.file_kind == kind]

    def counts(self) -> dict[str, int]:
        """Numbers for the manifest and the summary line."""
        kinds = {kind: len(self.of_kind(kind)) for kind in FILE_KINDS}
        return {**kinds, "dropped": len(self.dropped), "quarantined": len(self.quarantined)}


def build_benchmark(
    labels: Sequence[AuditedLabel], *, seed: int, rules: RuleSet, whole: bool = False
) -> BuiltBenchmark:
    """Ask the benchmark's questions about the slices that the split gives to it.

    Args:
        seed: of the split and of every draw; the instructions of the same labels need the same one.
        whole: use all slices, for labels that no instruction is made of.
    """
    usable, quarantined = _once(labels)
    chosen, others = usable, list[AuditedLabel]()
    if not whole:
        split = split_labels(usable, seed=seed, share=rules.section("build", BuildRules).benchmark_share)
        chosen, others = split.benchmark, split.instructions
    closed, left = closed_questions(chosen, seed, rules)
    opened = open_items(chosen, seed, rules)
    asked = _slices(closed, opened)
    dropped = [_drop(one, DropReason.LEFT_FOR_INSTRUCTIONS) for one in others]
    dropped += _left_out(left) + _silent(chosen, asked, left)
    return BuiltBenchmark(closed, opened, _ordered(dropped), quarantined)


def build_instructions(
    labels: Sequence[AuditedLabel], *, seed: int, rules: RuleSet, whole: bool = False
) -> BuiltInstructions:
    """Make instruction pairs of the slices that the split does not hold out for the benchmark.

    Args:
        seed: of the split and of every draw; the benchmark of the same labels needs the same one.
        whole: use all slices, for labels that no benchmark is made of.
    """
    usable, quarantined = _once(labels)
    chosen, held_out = usable, list[AuditedLabel]()
    if not whole:
        split = split_labels(usable, seed=seed, share=rules.section("build", BuildRules).benchmark_share)
        chosen, held_out = split.instructions, split.benchmark
    dropped = [_drop(one, DropReason.HELD_OUT_FOR_BENCHMARK) for one in held_out]
    dropped += [_drop(one, DropReason.CHANNEL_OF_A_FILE) for one in chosen if not one.slice.is_whole_file]
    chosen = [one for one in chosen if one.slice.is_whole_file]
    pairs, left = instruction_questions(chosen, seed, rules)
    dropped += _left_out(left) + _silent(chosen, {pair.slice_id for pair in pairs}, left)
    return BuiltInstructions(pairs, _ordered(dropped), quarantined)


def write_benchmark(out: Path, built: BuiltBenchmark) -> list[Path]:
    """Write the reference's JSON and our typed tables; returns what was written."""
    files = [out / name for name in _BENCHMARK_FILES]
    store.write_json(files[0], closed_document(built.closed))
    store.write_json(files[1], open_document(built.open))
    store.save(files[2], built.closed, ClosedItem)
    store.save(files[3], built.open, OpenItem)
    return [*files, *_write_left(out, built.dropped, built.quarantined)]


def write_instructions(out: Path, built: BuiltInstructions) -> list[Path]:
    """Write one chat JSONL file a kind; returns what was written."""
    files = []
    for kind in FILE_KINDS:
        path = out / f"instruction_{kind}_train.jsonl"
        store.write_text(
            path, "".join(json.dumps(chat_line(p), ensure_ascii=False) + "\n" for p in built.of_kind(kind))
        )
        files.append(path)
    return [*files, *_write_left(out, built.dropped, built.quarantined)]


_BENCHMARK_FILES = ("benchmark_closed.json", "benchmark_open.json", "closed.parquet", "open.parquet")


def _slices(closed: Sequence[ClosedItem], opened: Sequence[OpenItem]) -> set[str]:
    return {item.slice_id for item in closed} | {item.slice_id for item in opened}


def _write_left(out: Path, dropped: Sequence[Dropped], quarantined: Sequence[Quarantined]) -> list[Path]:
    store.save(out / "dropped.parquet", dropped, Dropped)
    store.save(out / "quarantined.parquet", quarantined, Quarantined)
    return [out / "dropped.parquet", out / "quarantined.parquet"]


def _once(labels: Sequence[AuditedLabel]) -> tuple[list[AuditedLabel], list[Quarantined]]:
    """Labels whose slice has one label only, by slice id; two labels of one slice are a matter for a person."""
    by_id: dict[str, list[AuditedLabel]] = {}
    for label in labels:
        by_id.setdefault(label.slice_id, []).append(label)
    error = InputError("SLICE_TWICE", "the slice has more than one label", fix="keep one label a slice")
    repeated = [
        quarantine(
            error,
            slice_id=one.slice_id,
            sample_id=one.sample_id,
            source_id=one.slice.source_id,
            image_path=one.slice.image_path,
        )
        for _, same in sorted(by_id.items())
        for one in same
        if len(same) > 1
    ]
    return [same[0] for _, same in sorted(by_id.items()) if len(same) == 1], repeated


def _left_out(left: Sequence[LeftOut]) -> list[Dropped]:
    return [_drop(one.asked.label, DropReason.NOT_SELECTED, f"{one.asked.wording}: {one.why}") for one in left]


def _silent(labels: Sequence[AuditedLabel], asked: set[str], left: Sequence[LeftOut]) -> list[Dropped]:
    """Slices of which nothing at all is asked, and of which no fact was left out either."""
    accounted = asked | {one.asked.label.slice_id for one in left}
    return [_drop(one, DropReason.NO_ANSWERABLE_QUESTION) for one in labels if one.slice_id not in accounted]


def _drop(label: AuditedLabel, reason: DropReason, detail: str | None = None) -> Dropped:
    record = label.slice
    return Dropped(
        slice_id=label.slice_id,
        sample_id=label.sample_id,
        source_id=record.source_id,
        image_path=record.image_path,
        reason=reason,
        detail=detail,
    )


def _ordered(dropped: list[Dropped]) -> list[Dropped]:
    return sorted(dropped, key=lambda one: (one.slice_id, one.reason.value, one.detail or ""))
