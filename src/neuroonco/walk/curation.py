"""The stage `curate`: judge pictures, find copies, settle what sources disagree about, group patients."""

from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from neuroonco import images, pipeline, store
from neuroonco.catalog.records import SliceRecord
from neuroonco.curate.curate import Verdict, curate_slice, settle_conflicts
from neuroonco.curate.duplicates import group_copies
from neuroonco.curate.patients import patient_groups
from neuroonco.curate.quality import CurateRules
from neuroonco.curate.records import CuratedSlice, DuplicateGroup, PictureMatch, QualityFinding
from neuroonco.curate.rules import DuplicateRules
from neuroonco.errors import InputError
from neuroonco.outcomes import Dropped, StageOutcome
from neuroonco.pipeline import Workspace
from neuroonco.streams import ShardOutcome, Shards, models_of, save_shard
from neuroonco.vocabulary import DuplicateKind
from neuroonco.walk.copy_search import find_copies
from neuroonco.walk.survey import Survey, survey_slices

GROUPS, QUALITY, MATCHES = "duplicate_groups.parquet", "quality.parquet", "matches.parquet"


def curate_catalog(
    ws: Workspace,
    *,
    records: Path,
    inspections: Path,
    root: Path,
    priority: Mapping[str, int],
    rest: StageOutcome[CuratedSlice] | None = None,
) -> dict[str, Any]:
    """Curate a catalogue into the workspace's folder, and return the counts.

    Args:
        ws: where to work.
        records: the catalogue, as Parquet ordered by ``slice_id``.
        inspections: of the same slices, in the same order.
        root: folder to which image paths are relative.
        priority: of each source.
        rest: what was set aside before, written with the rest.

    Raises:
        InputError: a file is missing, or the two do not belong together.
    """
    limits, rules = ws.rules.section("curate", CurateRules), ws.rules.section("duplicates", DuplicateRules)
    survey = survey_slices(records, inspections, limits)
    matches = find_copies(ws, survey, root, rules)
    involved = {name for m in matches for name in (m.first, m.second) if m.kind is not None}
    copied = {r.slice_id: r for r in store.stream(records, SliceRecord) if r.slice_id in involved}
    found = group_copies(matches, copied, priority, _bytes_per_px(root, copied.values()))
    groups, verdicts = settle_conflicts(found, policy=limits.label_conflict_policy, trust=priority)
    patients = patient_groups(survey.patients, matches)
    store.save(ws.folder / GROUPS, groups, DuplicateGroup)
    store.save(ws.folder / MATCHES, sorted(matches, key=lambda m: (m.first, m.second)), PictureMatch)
    findings = [f for name in sorted(survey.findings) for f in survey.findings[name]]
    store.save(ws.folder / QUALITY, findings, QualityFinding)
    shards = _slice_shards(ws, records, survey, verdicts, patients)
    counts = ws.save_shards(shards, rest=rest)
    kinds = [g.kind for g in groups]
    return counts | {
        "duplicate_groups": len(groups),
        "groups_by_kind": {kind.value: kinds.count(kind) for kind in DuplicateKind},
        "conflicting_groups": sum(g.conflicting_types for g in groups),
        "leaking_groups": sum(g.leaking_splits for g in groups),
        "neighbor_links": sum(m.kind is None for m in matches),
        "patient_groups": len(set(patients.values())),
    }


def _bytes_per_px(root: Path, records: Iterable[SliceRecord]) -> dict[str, float]:
    """How little each file is compressed; one that is gone counts as nothing."""
    found: dict[str, float] = {}
    for record in records:
        try:
            size = images.resolve(root, record.image_path).stat().st_size
        except (InputError, OSError):
            size = 0
        found[record.slice_id] = size / (record.height_px * record.width_px)
    return found


def _slice_shards(
    ws: Workspace,
    records: Path,
    survey: Survey,
    verdicts: Mapping[str, Verdict],
    patients: Mapping[str, str],
) -> Shards:
    """Pass over the catalogue once more and say what became of each slice."""
    rest = store.stream(records, SliceRecord)
    number = 0
    folders: list[Path] = []
    while batch := list(islice(rest, pipeline.LIGHT_SHARD_SIZE * 16)):
        outcome: ShardOutcome[CuratedSlice] = ShardOutcome()
        for record in batch:
            if record.slice_id in survey.quarantined:
                outcome.quarantined.append(survey.quarantined[record.slice_id])
                continue
            curated = curate_slice(
                record,
                verdict=verdicts.get(record.slice_id),
                patient_group=patients.get(record.slice_id),
                findings=survey.findings.get(record.slice_id, ()),
            )
            if isinstance(curated, Dropped):
                outcome.dropped.append(curated)
            else:
                outcome.kept.append(curated)
        folders.append(ws.folder / "shards" / "slices" / f"{number:06d}")
        save_shard(folders[-1], outcome, models_of(CuratedSlice, {}))
        number += 1
    return Shards(folders, models_of(CuratedSlice, {}))
