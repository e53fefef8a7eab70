"""A small finished run, and one with copies, drops, errors, closed collections and hostile texts in it."""

import json
import shutil
from pathlib import Path

import pytest

from built_once import built_once
from neuroonco import store
from neuroonco.catalog.records import SliceRecord
from neuroonco.curate.records import CuratedSlice, DuplicateGroup, GroupMember
from neuroonco.outcomes import Dropped, Quarantined
from neuroonco.vocabulary import DropReason, DuplicateKind, TumorType
from neuroonco.walk.profile import PhantomPlan, Profile
from neuroonco.walk.run import walk

PROFILE = Profile(name="tiny", description="for tests", seed=1, phantoms=PhantomPlan(number=24, seed=5))
HOSTILE = "<script>alert(1)<!--\"'><img src=x onerror=alert(2)>"
LOCKED, DERIVED = "locked", "facts-only"
"""Sources of which nothing, or no picture, may be passed on."""
LOST_ID = "s00000000000000aa"
"""A file that the catalogue set aside."""


def finished_run(factory: pytest.TempPathFactory) -> Path:
    """A run over 24 phantoms, from its catalogue to its scores; made once, and to be left as it is."""
    return built_once(factory, "finished", lambda run: walk(PROFILE, run, processes=2))


def edited_run(factory: pytest.TempPathFactory) -> Path:
    """A copy of it: two closed collections, a group of copies, a drop, an error, and texts that are markup."""
    folder = factory.mktemp("browse-edited") / "run"
    shutil.copytree(finished_run(factory), folder)
    records = store.load_strict(folder / "01-catalog/records.parquet", SliceRecord)
    changed = [_changed(number, record) for number, record in enumerate(records)]
    store.save(folder / "01-catalog/records.parquet", changed, SliceRecord)
    lost = Quarantined(slice_id=LOST_ID, source_id="phantoms", image_path="a/b.png", code="IMAGE_EMPTY", message="-")
    store.save(folder / "01-catalog/quarantined.parquet", [lost], Quarantined)
    sources = json.loads((folder / "01-catalog/sources.json").read_text("utf-8"))
    sources += [sources[0] | {"id": i, "redistribution": r} for i, r in ((LOCKED, "none"), (DERIVED, "derived"))]
    store.write_json(folder / "01-catalog/sources.json", sources)
    curated = store.load_strict(folder / "02-curate/records.parquet", CuratedSlice)
    copy, kept = changed[2], changed[3]
    rows = [r.model_copy(update={"flags": (HOSTILE,)}) if r.slice_id == kept.slice_id else r for r in curated]
    store.save(folder / "02-curate/records.parquet", [r for r in rows if r.slice_id != copy.slice_id], CuratedSlice)
    detail = f"flip left-right of {kept.image_path}"
    dropped = Dropped(
        slice_id=copy.slice_id,
        source_id=copy.source_id,
        image_path=copy.image_path,
        reason=DropReason.DUPLICATE_AUGMENTED,
        detail=detail,
    )
    store.save(folder / "02-curate/dropped.parquet", [dropped], Dropped)
    members = (
        _member(kept, representative=True),
        _member(copy, kind=DuplicateKind.AUGMENTED, matched=kept.slice_id, transform="flip left-right", score=0.97),
    )
    group = DuplicateGroup(
        group_id="g0001", kind=DuplicateKind.AUGMENTED, members=members, conflicting_types=False, leaking_splits=False
    )
    store.save(folder / "02-curate/duplicate_groups.parquet", [group], DuplicateGroup)
    for path in (folder / "10-predict").glob("*.jsonl"):
        lines = [json.loads(line) | {"raw": HOSTILE} for line in path.read_text("utf-8").splitlines()]
        path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return folder


def _changed(number: int, record: SliceRecord) -> SliceRecord:
    source = {0: LOCKED, 1: DERIVED, 2: DERIVED}.get(number, record.source_id)
    notes = (f"label_unmapped:</script>{HOSTILE}",) if number % 2 else ()
    return record.model_copy(update={"source_id": source, "source_label": HOSTILE, "notes": notes})


def _member(record: SliceRecord, *, representative: bool = False, **more: object) -> GroupMember:
    return GroupMember(
        slice_id=record.slice_id,
        source_id=record.source_id,
        image_path=record.image_path,
        tumor_type=record.tumor_type or TumorType.TUMOR,
        split="train" if representative else "test",
        representative=representative,
        **more,
    )
