"""What a run knows of its slices, and whether benchmark and instructions share any of it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from neuroonco import store
from neuroonco.catalog.records import SliceRecord
from neuroonco.check.leak_files import Side, benchmark_side, instruction_side, without_common_root
from neuroonco.check.leaks import Fact, KnownSlice, Leak, facts_of, facts_of_copies, leaks, plain_path
from neuroonco.curate.records import CuratedSlice, DuplicateGroup, PictureMatch
from neuroonco.walk.folders import BENCHMARK, BUILD, CATALOG, CURATE, INSTRUCTIONS

More = dict[str, list[Fact]]
PATHS, PATIENTS = "slice ids and paths", "patients, copies, neighbors and masks"


def run_leaks(run: Path) -> dict[str, Any]:
    """Compare benchmark and instructions of a run by all that catalogue and curation know; no picture is read."""
    more, others = known_to(run)
    tested, trained = benchmark_side(run / BUILD / BENCHMARK), instruction_side(run / BUILD / INSTRUCTIONS)
    found = leaks(tested.known(more), trained.known(more), others)
    lost = len(tested.unreadable) + len(trained.unreadable) + len(without_common_root(tested, trained))
    return leak_document(tested, trained, found, f"{PATHS}, {PATIENTS}", not_compared=lost)


def leak_document(
    tested: Side, trained: Side, found: Sequence[Leak], compared: str, *, not_compared: int
) -> dict[str, Any]:
    """A comparison as JSON for the report and other programs."""
    return {
        "benchmark_slices": len(tested.slices),
        "instruction_slices": len(trained.slices),
        "compared": compared,
        "leaks": [one.model_dump(mode="json") for one in found],
        "not_compared": not_compared,
    }


def known_to(run: Path) -> tuple[More, list[KnownSlice]]:
    """What the catalogue and curation know of all slices, also of those that were dropped on the way."""
    groups = store.stream(run / CURATE / "duplicate_groups.parquet", DuplicateGroup)
    matches = store.stream(run / CURATE / "matches.parquet", PictureMatch)
    found: More = facts_of_copies(groups, matches)
    for record in store.stream(run / CURATE / "records.parquet", CuratedSlice):
        found.setdefault(record.slice_id, []).extend(facts_of(record))
    return by_id_and_path(store.stream(run / CATALOG / "records.parquet", SliceRecord), found)


def by_id_and_path(records: Iterable[SliceRecord], found: More) -> tuple[More, list[KnownSlice]]:
    """Facts by slice id and by path, since a side may know either; and the slices themselves."""
    more: More = defaultdict(list)
    slices = []
    for record in records:
        facts = (*facts_of(record), *found.get(record.slice_id, ()))
        more[record.slice_id] += facts
        more[plain_path(record.image_path)] += facts
        slices.append(KnownSlice(slice_id=record.slice_id, facts=facts))
    return dict(more), slices
