"""The stages of one condition of a validation: the walk's own from `measure` to `audit`, then boxes against masks."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import process_time
from typing import Any, TypeVar

from neuroonco import columns
from neuroonco.catalog.records import SliceRecord
from neuroonco.errors import InputError
from neuroonco.executors import Executor
from neuroonco.images import Mask
from neuroonco.masks import read_lesion_mask
from neuroonco.outcomes import StageOutcome, quarantine_slice
from neuroonco.pipeline import LIGHT_SHARD_SIZE, Stage, Workspace
from neuroonco.readings.records import LesionReading
from neuroonco.score.localization import Location, overlap
from neuroonco.streams import Rows, rows_of
from neuroonco.vocabulary import ReadingKind
from neuroonco.walk.asking import Asking
from neuroonco.walk.folders import AUDIT, DESCRIBE, FUSE, MEASURE, READ
from neuroonco.walk.profile import PhantomPlan, Profile, ReaderPlan
from neuroonco.walk.stages import stages_of

LOCATE = "08-locate"
"""Folder of the boxes held against the masks."""
LABEL_STAGES = (MEASURE, DESCRIBE, READ, FUSE, AUDIT)
P = TypeVar("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Readers:
    """Who is measured.

    Attributes:
        plan: who reads and who audits.
        rules: name of the rule set.
        asking: how models are asked, where the plan names any.
    """

    plan: ReaderPlan = field(default_factory=ReaderPlan)
    rules: str = "default"
    asking: Asking = field(default_factory=Asking)

    @property
    def names(self) -> str:
        """Who reads, in words."""
        return " and ".join(dict.fromkeys((self.plan.conservative, self.plan.skeptical)))


def label_stages(root: Path, readers: Readers) -> list[Stage]:
    """From shown slices to audited labels, as every run makes them.

    Args:
        root: folder to which image and mask paths are relative.
        readers: who reads and audits, by which rules.
    """
    # The plan stands for "not a root of collections": nothing of it is drawn here.
    plan = PhantomPlan(number=1, seed=0)
    profile = Profile(
        name="validation", description="one condition", rules=readers.rules, seed=0, phantoms=plan, readers=readers.plan
    )
    return [stage for stage in stages_of(profile, root, asking=readers.asking) if stage.name in LABEL_STAGES]


def locate_stage(root: Path, catalogue: Path) -> Stage:
    """Hold boxes against the mask of every catalogued slice, whether readers saw the mask or gave a reading or not.

    Args:
        root: folder to which mask paths are relative.
        catalogue: records with the masks.
    """
    return Stage(LOCATE, (READ,), ("score", "walk"), (), {}, partial(_locate, root=root, catalogue=catalogue))


def _locate(ws: Workspace, *, root: Path, catalogue: Path) -> dict[str, Any]:
    pieces = rows_of(catalogue, SliceRecord, LIGHT_SHARD_SIZE)
    return ws.save_shards(ws.stream(pieces, Location, partial(_locations, root=root, readings=ws.input(READ))))


def _locations(rows: Rows[SliceRecord], *, root: Path, readings: Path) -> StageOutcome[Location]:
    """One location a kind of reading for every slice whose mask can be read; none for a slice without mask."""
    slices = rows.read()
    table = columns.read_where(readings, "slice_id", sorted({r.slice_id for r in slices}))
    given = {(r.slice_id, r.kind): r for r in columns.records_of(table, LesionReading, readings)}
    outcome: StageOutcome[Location] = StageOutcome()
    for record in slices:
        try:
            mask = _mask_of(record, root)
        except InputError as error:
            outcome.quarantined.append(quarantine_slice(error, record))
            continue
        if mask is not None:
            kinds = tuple(ReadingKind)
            outcome.kept += [_located(record, kind, given.get((record.slice_id, kind)), mask) for kind in kinds]
    return outcome


def location_of(reading: LesionReading, record: SliceRecord, root: Path) -> Location | None:
    """A reading's box against the slice's own mask; None where the slice has no outline.

    Raises:
        InputError: the mask cannot be read.
    """
    mask = _mask_of(record, root)
    return None if mask is None else _located(record, reading.kind, reading, mask)


def _mask_of(record: SliceRecord, root: Path) -> Mask | None:
    if record.mask is None:
        return None
    return read_lesion_mask(root, record.mask, (record.height_px, record.width_px))


def _located(record: SliceRecord, kind: ReadingKind | None, reading: LesionReading | None, mask: Mask) -> Location:
    has_lesion = bool(mask.any())
    location = Location(slice_id=record.slice_id, label=str(kind), has_lesion=has_lesion)
    if not has_lesion or reading is None or not reading.lesion_found or reading.lesion_box is None:
        return location
    iou, center = overlap(reading.lesion_box, mask)
    return location.model_copy(update={"iou": iou, "center_in_mask": center})


@dataclass
class Stopwatch:
    """An executor that adds up the CPU time of the work that it hands on, whichever process does it.

    Attributes:
        inner: who does the work.
        cpu_s: of all work since the last :meth:`restart`.
        pieces: how many.
    """

    inner: Executor
    cpu_s: float = 0.0
    pieces: int = 0

    def map_ordered(self, work: Callable[[P], T], pieces: Iterable[P]) -> Iterator[T]:
        """See :class:`neuroonco.executors.Executor`."""
        for result, cpu_s in self.inner.map_ordered(partial(_timed, work=work), pieces):
            self.cpu_s += cpu_s
            self.pieces += 1
            yield result

    def restart(self) -> None:
        """Begin at zero."""
        self.cpu_s, self.pieces = 0.0, 0


def _timed(piece: P, *, work: Callable[[P], T]) -> tuple[T, float]:
    begun = process_time()
    result = work(piece)
    return result, process_time() - begun
