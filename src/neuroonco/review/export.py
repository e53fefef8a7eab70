"""Write a room's outcome: the reviewed benchmark as ``build benchmark`` names its files, and all that led to it."""

from pathlib import Path

from neuroonco import store
from neuroonco.build.interop import closed_document
from neuroonco.build.records import ClosedItem, OpenItem
from neuroonco.outcomes import Dropped, Quarantined
from neuroonco.review.outcome import Outcome
from neuroonco.review.outcome_records import ItemProvenance, LeftOut
from neuroonco.review.records import ReviewDecision
from neuroonco.review.room_files import ROOM_FILES, RoomContent, write_room

CLOSED_FILES = ("benchmark_closed.json", "closed.parquet")
OPEN_FILES = ("benchmark_open.json", "open.parquet")
DROPPED_FILE, QUARANTINED_FILE, SHORTAGES_FILE = "dropped.parquet", "quarantined.parquet", "shortages.json"
PROVENANCE_FILE, REJECTED_FILE, PENDING_FILE = "provenance.jsonl", "rejected.jsonl", "pending.jsonl"
DECISIONS_FILE = "decisions.jsonl"
SUMMARY_FILE = "benchmark.json"
"""Written last, with the hash of every other file, as that of a built benchmark."""


def write_export(folder: Path, content: RoomContent, outcome: Outcome) -> None:
    """Write all files of an export into an empty folder; the same room gives the same bytes.

    The files of open questions are there and empty: a room has none, and a benchmark's folder has both.

    Raises:
        InputError: the folder cannot be written.
    """
    store.write_json(folder / CLOSED_FILES[0], closed_document(outcome.kept))
    store.save(folder / CLOSED_FILES[1], outcome.kept, ClosedItem)
    store.write_json(folder / OPEN_FILES[0], [])
    store.save(folder / OPEN_FILES[1], [], OpenItem)
    store.write_json(folder / SHORTAGES_FILE, [])
    store.save(folder / DROPPED_FILE, outcome.dropped(), Dropped)
    store.save(folder / QUARANTINED_FILE, outcome.quarantined, Quarantined)
    store.save(folder / PROVENANCE_FILE, outcome.provenance, ItemProvenance)
    store.save(folder / REJECTED_FILE, outcome.rejected, LeftOut)
    store.save(folder / PENDING_FILE, outcome.pending, LeftOut)
    store.save(folder / DECISIONS_FILE, outcome.decisions, ReviewDecision)
    write_room(folder, content)
    names = (
        *(*CLOSED_FILES, *OPEN_FILES, SHORTAGES_FILE, DROPPED_FILE, QUARANTINED_FILE),
        *(PROVENANCE_FILE, REJECTED_FILE, PENDING_FILE, DECISIONS_FILE, *ROOM_FILES),
    )
    document = {
        "version": content.settings.version,
        "reviewed": True,
        "counts": outcome.counts() | {"not_in_json": sum(not item.is_whole_file for item in outcome.kept)},
        "files": {name: store.sha256_file(folder / name) for name in sorted(names)},
    }
    store.write_json(folder / SUMMARY_FILE, document)
