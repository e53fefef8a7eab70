"""Gather what the curation report shows from curation's files, and write its pages."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from neuroonco import images, store
from neuroonco.catalog.records import SliceRecord
from neuroonco.curate.records import CuratedSlice, DuplicateGroup, QualityFinding
from neuroonco.errors import InputError
from neuroonco.outcomes import Dropped, Quarantined, Record
from neuroonco.report import curation
from neuroonco.report.curation_records import (
    Aim,
    CurationSummary,
    QualityPage,
    ReasonCount,
)
from neuroonco.report.pictures import Album
from neuroonco.report.records import Fact
from neuroonco.sources import SourceSpec, load_sources
from neuroonco.vocabulary import TumorType, display
from neuroonco.walk import curation_figures as figures
from neuroonco.walk import curation_views as views
from neuroonco.walk.curation_groups import GroupTally, QualityTally
from neuroonco.walk.curation_slices import SliceTally
from neuroonco.walk.described import kept_sources
from neuroonco.walk.folders import CATALOG, CURATE
from neuroonco.walk.profile import Profile, rules_of

R = TypeVar("R", bound=Record)
AIMS_FILE = "aims.json"
"""In the folder of the stage: a benchmark's figures, see :func:`read_aims`."""
CURATION = "curation"
"""Folder of the report, beside the run's main page."""


def write_curation_report(
    curated: Path,
    root: Path,
    out: Path,
    *,
    catalog: Path | None = None,
    sources: Mapping[str, SourceSpec] | None = None,
    aims: Sequence[Aim] | None = None,
    policy: str | None = None,
    title: str = "Curation",
    facts: Sequence[Fact] = (),
    home: str | None = None,
) -> Path:
    """Write the five pages of the curation report; the same files give the same bytes.

    Args:
        curated: folder with ``records.parquet``, ``duplicate_groups.parquet``, the dropped and quarantined records,
            and ``quality.parquet`` if quality was judged.
        root: folder of the pictures.
        out: folder of the pages; made if absent.
        catalog: the catalogue's folder, or a file of records; what the catalogue left out is known from a folder
            only, since nothing says that the files beside a file of records belong to it. Without either more
            figures are not known.
        sources: source id -> description, for their names; None takes those of the package.
        aims: what :func:`read_aims` gives; None if nothing was measured.
        policy: the rule on contradicting labels.
        title: of the data, e.g. the run's name.
        facts: shown under the title; no times and no absolute paths, so that the pages are reproducible.
        home: relative address of the run's own report.

    Returns:
        Path of the first page.

    Raises:
        InputError: a file is missing or broken, or the folder cannot be written.
    """
    known = load_sources() if sources is None else sources
    groups, quality, judged = GroupTally(), QualityTally(), (curated / "quality.parquet").is_file()
    for group in store.stream(curated / "duplicate_groups.parquet", DuplicateGroup):
        groups.add(group)
    if judged:
        for finding in store.stream(curated / "quality.parquet", QualityFinding):
            quality.add(finding)
    slices = SliceTally(groups.shown())
    _read_slices(slices, curated / "records.parquet", catalog)
    album: Callable[[], Album] = partial(Album, partial(images.read_picture, root))
    summary = CurationSummary(
        title=title,
        facts=tuple(facts),
        catalogued=catalog is not None,
        judged=judged,
        flows=figures.flows(slices, known, listed=catalog is not None and catalog.is_dir()),
        reasons=tuple(
            ReasonCount(stage=stage, reason=reason, count=n)
            for (stage, reason), n in sorted(slices.reasons.items(), key=lambda i: (i[0][0], -i[1], i[0][1]))
        ),
        types=figures.matrix("Source", slices.types, columns=[*map(display, TumorType), "not known"]),
        kinds=figures.kinds(groups),
        shared=figures.matrix("Source", groups.shared, columns=sorted({s for _, s in groups.shared})),
        quality_found=sum(flag.found for flag in quality.flags.values()),
        quality_dropped=sum(flag.dropped for flag in quality.flags.values()),
        **figures.notes(slices),
        aims=None if aims is None else tuple(aims),
    )
    first = out / "index.html"
    sections = views.kind_sections(groups, slices, album())
    store.write_text(out / "duplicates.html", curation.render_duplicates(sections, title, home))
    conflicts = figures.conflicts(groups, slices, policy, album())
    store.write_text(out / "conflicts.html", curation.render_conflicts(conflicts, title, home))
    store.write_text(out / "leaks.html", curation.render_leaks(figures.leaks(groups, slices, album()), title, home))
    sheets = views.contact_sheets(quality, album())
    found = QualityPage(judged=judged, pictures=len(quality.pictures), sheets=sheets)
    store.write_text(out / "quality.html", curation.render_quality(found, title, home))
    store.write_text(first, curation.render_summary(summary, home))
    return first


def write_run_curation(run: Path, profile: Profile, root: Path, page: Path) -> Path:
    """Write the curation report of a run beside its main page, each linked to the other."""
    rules = rules_of(profile)
    policy = rules.sections.get("curate", {}).get("label_conflict_policy")
    aims = run / CURATE / AIMS_FILE
    return write_curation_report(
        run / CURATE,
        root,
        page.parent / CURATION,
        catalog=run / CATALOG,
        sources=kept_sources(run),
        aims=read_aims(aims) if aims.exists() else None,
        policy=None if policy is None else str(policy.value),
        title=f"neuroonco: {profile.name}",
        facts=(
            Fact(name="Profile", value=profile.description),
            Fact(name="Rules", value=f"{rules.name}, version {rules.version}"),
        ),
        home=f"../{page.name}",
    )


def read_aims(path: Path) -> tuple[Aim, ...]:
    """Aims and figures from a JSON list of objects with the fields of :class:`Aim`.

    Raises:
        InputError: the file is missing, not JSON, or an entry is not an aim.
    """
    document = store.read_json(path)
    fix = "measure the aims again"
    if not isinstance(document, list):
        raise InputError("AIMS_BROKEN", "expected a list of aims", where=str(path), fix=fix)
    try:
        store.require_text(document, str(path))
        return tuple(Aim.model_validate(entry) for entry in document)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        what = f"{'.'.join(map(str, first['loc'])) or 'entry'}: {first['msg']}"
        raise InputError("AIMS_BROKEN", what, where=str(path), fix=fix) from None


def _beside(records: Path, what: str, model: type[R]) -> Iterator[R]:
    """Dropped or quarantined records, as a run or a single command leaves them; a command leaves no empty file."""
    for path in (records.with_name(f"{what}.parquet"), records.with_name(f"{records.stem}.{what}.jsonl")):
        if path.is_file():
            yield from store.stream(path, model)
            return


def _read_slices(slices: SliceTally, curated: Path, catalog: Path | None) -> None:
    if catalog is not None:
        stage = catalog / "records.parquet" if catalog.is_dir() else None
        for record in store.stream(stage or catalog, SliceRecord):
            slices.add_notes(record)
            slices.add_split(record)
        if stage is not None:
            for dropped in _beside(stage, "dropped", Dropped):
                slices.add_listed_out(dropped, "catalog")
            for row in _beside(stage, "quarantined", Quarantined):
                slices.add_set_aside(row)
    for kept in store.stream(curated, CuratedSlice):
        slices.add_kept(kept)
        if catalog is None:
            slices.add_notes(kept)
    for dropped in _beside(curated, "dropped", Dropped):
        slices.add_dropped(dropped, "curate")
    for row in _beside(curated, "quarantined", Quarantined):
        slices.add_quarantined(row)
