"""Gather what a run's report shows, and write the page."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from neuroonco import __version__, images, masks, store
from neuroonco.audit.records import AuditedLabel
from neuroonco.build.records import ClosedItem
from neuroonco.catalog.records import SliceRecord
from neuroonco.curate.records import CuratedSlice, DuplicateGroup
from neuroonco.errors import InputError
from neuroonco.images import Mask
from neuroonco.outcomes import Dropped, Quarantined
from neuroonco.pipeline import INCOMPLETE
from neuroonco.report.page import render
from neuroonco.report.pictures import outlined_png
from neuroonco.report.questions import render_questions
from neuroonco.report.records import (
    AirRow,
    DropCount,
    DuplicateExample,
    DuplicateSummary,
    Fact,
    ModelScore,
    QuarantineRow,
    ReportContext,
    SampleSlice,
    SourceCount,
    StageCount,
    TruthRow,
)
from neuroonco.score.closed.records import Score
from neuroonco.score.records import AgreementReport, AirReport, AttributeReport
from neuroonco.vocabulary import Sign, display
from neuroonco.walk import question_figures, question_page
from neuroonco.walk.curation_page import CURATION, write_run_curation
from neuroonco.walk.described import kept_sources
from neuroonco.walk.disagreements import PAGE, write_conflicts
from neuroonco.walk.folders import AUDIT, BUILD, CATALOG, CURATE, DESCRIBE, FUSE, MEASURE, READ, REVIEW, SCORE
from neuroonco.walk.profile import Profile, rules_of

STAGES = (CATALOG, CURATE, MEASURE, DESCRIBE, READ, FUSE, AUDIT, BUILD, REVIEW)
SAMPLES = 12
DUPLICATE_EXAMPLES = 6
QUARANTINE_ROWS = 50


def write_report(run: Path, profile: Profile, root: Path, path: Path) -> Path:
    """Write the page about a run, and those on its parts beside it; the same run gives the same bytes."""
    document = store.read_json(run / SCORE / "scores.json")
    items = store.load_strict(run / REVIEW / "records.parquet", ClosedItem)
    try:
        context = context_of(run, profile, root, document, items)
        questions = question_page.gather(run, root, context, items, document.get("leaks"), home=path.name)
    except (AttributeError, KeyError, TypeError, ValidationError):
        fix = "run the profile again"
        raise InputError("RUN_BROKEN", "a manifest or the scores are not as written", where=str(run), fix=fix) from None
    write_run_curation(run, profile, root, path)
    title, counts = context.title, document["conflicts"]
    write_conflicts(run, root, path.with_name(PAGE), counts=counts, title=title, home=path.name)
    store.write_text(path.with_name(question_page.PAGE), render_questions(questions))
    store.write_text(path, render(context))
    return path


def context_of(
    run: Path, profile: Profile, root: Path, document: dict[str, Any], items: Sequence[ClosedItem]
) -> ReportContext:
    """Everything that the page shows: the figures of ``scores.json``, the benchmark, and the run's other files."""
    rules = rules_of(profile)
    dropped = {s: store.load_strict(run / s / "dropped.parquet", Dropped) for s in STAGES}
    aside = {s: store.load_strict(run / s / "quarantined.parquet", Quarantined) for s in STAGES}
    rows = [
        QuarantineRow(stage=s, name=q.image_path or q.slice_id, code=q.code, message=q.message)
        for s in STAGES
        for q in aside[s]
    ]
    return ReportContext(
        title=f"neuroonco: {profile.name}",
        facts=(
            Fact(name="Profile", value=profile.description),
            Fact(name="Rules", value=f"{rules.name}, version {rules.version}"),
            Fact(name="Seed", value=str(profile.seed)),
            Fact(name="neuroonco", value=__version__),
            *_incomplete(run),
        ),
        funnel=tuple(_funnel(run, s) for s in STAGES),
        sources=_sources(run),
        drops=tuple(
            DropCount(stage=s, reason=reason, count=n)
            for s in STAGES
            for reason, n in sorted(Counter(d.reason for d in dropped[s]).items(), key=lambda i: (-i[1], i[0]))
        ),
        quarantined=tuple(rows[:QUARANTINE_ROWS]),
        quarantined_total=len(rows),
        duplicates=_duplicates(run, root),
        curation=f"{CURATION}/index.html",
        samples=_samples(run, root),
        air=tuple(
            AirRow(label=_label(kind), report=AirReport.model_validate(report))
            for kind, report in document["air"].items()
        ),
        agreement=AgreementReport.model_validate(document["agreement"]),
        conflicts=PAGE,
        conflicting=document["conflicts"]["slices"],
        phantom_truth=_truth_rows(document["truth"]),
        benchmark=question_figures.benchmark_summary(items),
        blind=question_figures.blind_check(document["benchmark_check"]),
        questions=question_page.PAGE,
        scores=tuple(
            ModelScore(model=name, score=Score.model_validate(score)) for name, score in document["models"].items()
        ),
    )


def _incomplete(run: Path) -> Iterator[Fact]:
    """Said at the top: whatever follows was made without these slices."""
    for stage in STAGES:
        if waiting := store.read_json(run / stage / "manifest.json")["counts"].get(INCOMPLETE):
            yield Fact(name=f"Incomplete: {stage}", value=f"{waiting} slices wait for a call that failed; run again")


def _label(kind: str) -> str:
    return {"fused": "Fused", "audited": "Audited"}.get(kind, f"{kind.capitalize()} reading")


def _funnel(run: Path, stage: str) -> StageCount:
    counts = store.read_json(run / stage / "manifest.json")["counts"]
    return StageCount(stage=stage, kept=counts["kept"], dropped=counts["dropped"], quarantined=counts["quarantined"])


def _sources(run: Path) -> tuple[SourceCount, ...]:
    catalogued = Counter(r.source_id for r in store.load_strict(run / CATALOG / "records.parquet", SliceRecord))
    curated = store.load_strict(run / CURATE / "records.parquet", CuratedSlice)
    kept = Counter(r.source_id for r in curated)
    masked = Counter(r.source_id for r in curated if r.mask is not None)
    known = kept_sources(run)
    return tuple(
        SourceCount(
            source_id=i,
            name=known[i].name if i in known else None,
            catalogued=catalogued[i],
            curated=kept[i],
            with_mask=masked[i],
            redistribution=known[i].redistribution if i in known else None,
        )
        for i in sorted(catalogued)
    )


def _duplicates(run: Path, root: Path) -> DuplicateSummary:
    groups = store.load_strict(run / CURATE / "duplicate_groups.parquet", DuplicateGroup)
    # What contradicts or leaks is shown first: mere copies are dropped and hurt nobody.
    ordered = sorted(groups, key=lambda g: (not g.conflicting_types, not g.leaking_splits, g.group_id))
    return DuplicateSummary(
        groups=len(groups),
        files=sum(len(g.members) for g in groups),
        conflicting=sum(g.conflicting_types for g in groups),
        leaking=sum(g.leaking_splits for g in groups),
        examples=tuple(_example(g, root) for g in ordered[:DUPLICATE_EXAMPLES]),
    )


def _example(group: DuplicateGroup, root: Path) -> DuplicateExample:
    findings = []
    if group.conflicting_types:
        findings.append(" against ".join(sorted({display(m.tumor_type) for m in group.members if m.tumor_type})))
    if group.leaking_splits:
        findings.append("in training and held-out parts")
    try:
        png = outlined_png(images.read_picture(root, group.members[0]))
    except InputError:
        png = None
    members = tuple(m.image_path for m in group.members)
    return DuplicateExample(png=png, members=members, finding="; ".join(findings) or None)


def _samples(run: Path, root: Path) -> tuple[SampleSlice, ...]:
    """A spread of audited labels: slices with a mask first, each tumour type and source in turn."""
    labels = store.load_strict(run / AUDIT / "records.parquet", AuditedLabel)
    by_kind: dict[tuple[str, str], list[AuditedLabel]] = {}
    for label in labels:
        kind = (str(label.slice.tumor_type), label.slice.source_id)
        by_kind.setdefault(kind, []).append(label)
    queues = [
        sorted(group, key=lambda x: (x.slice.semantics is None, not x.lesion_found, x.slice_id))
        for _, group in sorted(by_kind.items())
    ]
    turns = [queue[i] for i in range(SAMPLES) for queue in queues if i < len(queue)]
    samples = []
    for label in turns[:SAMPLES]:
        try:
            samples.append(_sample(label, root))
        except InputError:
            continue
    return tuple(samples)


def _sample(label: AuditedLabel, root: Path) -> SampleSlice:
    record = label.slice
    image = images.read_picture(root, record)
    mask: Mask | None = None
    if record.mask is not None:
        mask = masks.read_lesion_mask(root, record.mask, image.shape)
    facts = []
    if record.tumor_type is not None:
        facts.append(Fact(name="Source", value=display(record.tumor_type)))
    if record.sequence is not None:
        facts.append(Fact(name="Sequence", value=display(record.sequence)))
    facts += [
        Fact(name=display(sign), value=display(value)) for sign in Sign if (value := label.signs.get(sign)) is not None
    ]
    if not label.lesion_found:
        said = "no lesion found" if label.lesion_found is False else "cannot tell"
        facts.append(Fact(name="Readings", value=said))
    return SampleSlice(png=outlined_png(image, mask), labels=tuple(facts), description=record.description)


def _truth_rows(document: dict[str, Any] | None) -> tuple[TruthRow, ...]:
    fields = AttributeReport.model_fields
    return tuple(
        TruthRow(
            label=_label(kind),
            report=AttributeReport.model_validate({k: v for k, v in report.items() if k in fields}),
        )
        for kind, report in (document or {}).items()
    )
