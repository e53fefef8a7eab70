"""Measure a reader: on phantoms with known truth, and on real slices with masks."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from neuroonco import __version__, store
from neuroonco.catalog.records import SliceRecord
from neuroonco.executors import Executor, ExecutorKind, executor
from neuroonco.pipeline import SHARD_SIZE, Stage, Workspace, run_stage
from neuroonco.report.records import Fact
from neuroonco.report.validation import render_validation
from neuroonco.report.validation_records import ErrorExample, ValidationPage
from neuroonco.rules import RuleSet, load_rules
from neuroonco.score.validation import evaluate
from neuroonco.score.validation_records import Condition, ConditionReport, RealReport, ValidationReport
from neuroonco.score.validation_rules import ValidateRules, aims_of
from neuroonco.walk.folders import READ
from neuroonco.walk.run import locked
from neuroonco.walk.validation_figures import examples_of, labels_in, locations_in, losses_in, real_report
from neuroonco.walk.validation_sets import (
    Progress,
    SliceSet,
    by_slice,
    masks_of,
    named,
    set_stages,
    shown_stage,
)
from neuroonco.walk.validation_stages import Readers, Stopwatch, label_stages, locate_stage

CONDITIONS = "conditions"
REPORT_FILE, PAGE_FILE, TIMING_FILE = "validation.json", "validation.html", "timing.json"
PHANTOM_NOTE = "phantom, not clinical"
REAL_NOTE = "real slices: where lesions are, nothing on signs"
READINGS_A_SLICE = 2


@dataclass(frozen=True)
class Trial:
    """A set of slices under one condition."""

    slices: SliceSet
    condition: Condition


@dataclass
class Validated:
    """What came out.

    Attributes:
        report: every figure.
        page, document: where they are on disk.
        cpu_s: condition -> CPU seconds a slice and reading; only of conditions that were read in this run.
    """

    report: ValidationReport
    page: Path
    document: Path
    cpu_s: dict[str, float] = field(default_factory=dict)


def trials_of(sets: Sequence[SliceSet], masks: Iterable[bool]) -> list[Trial]:
    """Every set with masks given and hidden, as asked for, and the first one with the sequence hidden too.

    Args:
        sets: phantoms or real slices.
        masks: True for given, False for hidden.

    Returns:
        Trials; the one without sequences only where masks are given, so that one thing changes at a time.
    """
    given = sorted(set(masks), reverse=True)
    trials = [_trial(one, masks_given=shown, sequence_stated=True) for one in sets for shown in given]
    if True in given and sets and sets[0].style is not None:
        trials.append(_trial(sets[0], masks_given=True, sequence_stated=False))
    return trials


def _trial(one: SliceSet, *, masks_given: bool, sequence_stated: bool) -> Trial:
    name = f"{one.name}_masks_{'given' if masks_given else 'hidden'}" + ("" if sequence_stated else "_sequence_hidden")
    return Trial(
        one,
        Condition(name=name, style=one.style, seed=one.seed, masks_given=masks_given, sequence_stated=sequence_stated),
    )


def validate(
    out: Path,
    trials: Sequence[Trial],
    readers: Readers,
    *,
    processes: int = 1,
    kind: ExecutorKind = ExecutorKind.PROCESSES,
    progress: Progress = lambda _what, _done, _total: None,
) -> Validated:
    """Draw what is to be drawn, read twice, fuse, audit, and hold everything against the truth.

    What was finished before is not done again; the same slices, rules and code give the same document and page.

    Args:
        out: folder of the validation; made if absent.
        trials: see :func:`trials_of`.
        readers: who reads and audits.
        processes, kind: who works.
        progress: called with (what, done, total).

    Raises:
        InputError: the folder cannot be used, or phantoms and their truth do not belong together.
        PrerequisiteError: the executor is not installed, or lost a process; or a model's key is missing.
        ProviderError: see :func:`neuroonco.walk.asking.ask_all`; all answers are kept.
    """
    out = out.absolute()
    rules = load_rules(readers.rules)
    # One ledger for all conditions: what hides nothing from a model is not asked twice.
    readers.asking.ledger = readers.asking.place(out)
    require_models(readers)
    phantoms: list[ConditionReport] = []
    real: list[RealReport] = []
    examples: list[ErrorExample] = []
    cpu_s: dict[str, float] = {}
    with locked(out), executor(kind, processes) as working:
        watch = Stopwatch(working)
        for one in {t.slices.name: t.slices for t in trials}.values():
            _bring_up(one.folder(out), set_stages(one), rules, watch, named(progress, one.name))
        for trial in trials:
            folder = out / CONDITIONS / trial.condition.name
            spent = _label(trial, out, folder, readers, watch, progress)
            if spent is not None:
                cpu_s[trial.condition.name] = spent
            progress("figures", len(phantoms) + len(real), len(trials))
            if trial.slices.truth is None:
                real.append(_real(trial, out, folder))
            else:
                figures, worst = _phantoms(trial, out, folder, rules)
                phantoms.append(figures)
                examples += worst
        progress("figures", len(trials), len(trials))
        report = report_of(readers.names, readers.plan.auditor, rules, phantoms, real)
        if cpu_s:
            store.write_json(out / TIMING_FILE, {"cpu_s_per_slice_and_reading": cpu_s})
        return write_validation(out, report, examples, cpu_s)


def require_models(readers: Readers) -> None:
    """Refuse a model that cannot be asked before any slice is drawn.

    Raises:
        UsageError, InputError, PrerequisiteError: no such model or endpoint, or no key.
    """
    for name in readers.plan.models:
        model = readers.asking.resolved(name)
        if not readers.asking.replay:
            model.connection()


def _bring_up(folder: Path, stages: Iterable[Stage], rules: RuleSet, work: Executor, progress: Progress) -> list[str]:
    workspace = Workspace(run=folder, folder=folder, rules=rules, executor=work, progress=progress)
    return [stage.name for stage in stages if run_stage(stage, workspace)]


def _label(
    trial: Trial, out: Path, folder: Path, readers: Readers, watch: Stopwatch, progress: Progress
) -> float | None:
    """Bring a condition's labels up to date; CPU seconds a slice and reading, None if nothing was read."""
    rules, shown = load_rules(readers.rules), named(progress, trial.condition.name)
    spent: float | None = None
    stages = [shown_stage(trial.slices, out, trial.condition), *label_stages(trial.slices.root, readers)]
    for stage in [*stages, locate_stage(trial.slices.root, masks_of(trial.slices, out))]:
        watch.restart()
        if _bring_up(folder, [stage], rules, watch, shown) and stage.name == READ and watch.pieces:
            spent = watch.cpu_s / (READINGS_A_SLICE * min(watch.pieces * SHARD_SIZE, _count(trial.slices, out)))
    return spent


def _count(one: SliceSet, out: Path) -> int:
    return sum(1 for _ in store.stream(masks_of(one, out), SliceRecord))


def _real(trial: Trial, out: Path, folder: Path) -> RealReport:
    given = bool(trial.condition.masks_given)
    return real_report(folder, trial.slices.spec.id, masks_of(trial.slices, out), masks_given=given)


def _phantoms(trial: Trial, out: Path, folder: Path, rules: RuleSet) -> tuple[ConditionReport, list[ErrorExample]]:
    catalogue = masks_of(trial.slices, out)
    truth = by_slice(trial.slices.truths(), catalogue)
    labels = labels_in(folder)
    report = evaluate(
        truth,
        labels,
        trial.condition,
        locations=locations_in(folder),
        dropped=losses_in(folder),
        resamples=rules.section("validate", ValidateRules).resamples,
    )
    slices = {r.slice_id: r for r in store.stream(catalogue, SliceRecord)}
    return report, examples_of(trial.condition.name, truth, labels, slices, trial.slices.root)


def report_of(
    reader: str,
    auditor: str | None,
    rules: RuleSet,
    phantoms: Sequence[ConditionReport],
    real: Sequence[RealReport] = (),
) -> ValidationReport:
    """Put the figures of all conditions together with what they are compared with."""
    limits = rules.section("validate", ValidateRules)
    notes = ([PHANTOM_NOTE] if phantoms else []) + ([REAL_NOTE] if real else [])
    return ValidationReport(
        kind="; ".join(notes),
        neuroonco=__version__,
        reader=reader,
        auditor=auditor,
        aims=aims_of(limits),
        resamples=limits.resamples,
        seed=0,
        conditions=tuple(phantoms),
        real=tuple(real),
    )


def write_validation(
    out: Path, report: ValidationReport, examples: Sequence[ErrorExample], cpu_s: dict[str, float] | None = None
) -> Validated:
    """Write the document and the page; the same figures give the same bytes."""
    store.write_json(out / REPORT_FILE, report.model_dump(mode="json"))
    facts = [
        Fact(name="Reader", value=report.reader),
        Fact(name="Auditor", value=report.auditor or "none"),
        Fact(name="Intervals", value=f"95 %, {report.resamples} resamples of slices where signs are pooled"),
        Fact(name="neuroonco", value=report.neuroonco),
    ]
    page = ValidationPage(title="Validation", facts=tuple(facts), report=report, examples=tuple(examples))
    store.write_text(out / PAGE_FILE, render_validation(page))
    return Validated(report, out / PAGE_FILE, out / REPORT_FILE, cpu_s or {})
