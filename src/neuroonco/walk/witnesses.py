"""All that a run knows of each slice, one slice at a time: files ordered by ``slice_id`` are read side by side."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from neuroonco import store
from neuroonco.audit.records import AuditedLabel
from neuroonco.fusion.records import FusedLabel
from neuroonco.outcomes import Dropped, Record
from neuroonco.readings.records import LesionReading
from neuroonco.semantics.records import DescribedSlice
from neuroonco.vocabulary import ReadingKind
from neuroonco.walk.folders import AUDIT, DESCRIBE, FUSE, READ

R = TypeVar("R", bound=Record)


@dataclass(frozen=True)
class Witnesses:
    """What the stages say of one slice; None where it did not come so far, or was quarantined there."""

    record: DescribedSlice
    conservative: LesionReading | None
    skeptical: LesionReading | None
    fused: FusedLabel | Dropped | None
    audited: AuditedLabel | Dropped | None

    @property
    def readings(self) -> list[LesionReading]:
        """The readings that there are."""
        return [r for r in (self.conservative, self.skeptical) if r is not None]


def witnesses(run: Path) -> Iterator[Witnesses]:
    """Each described slice of a run with what became of it; memory does not grow with the run.

    Raises:
        InputError: a file of the run is missing or not as written.
    """
    readings = _Cursor(run / READ / "records.parquet", LesionReading)
    fused = _Cursor(run / FUSE / "records.parquet", FusedLabel)
    disputed = _Cursor(run / FUSE / "dropped.parquet", Dropped)
    audited = _Cursor(run / AUDIT / "records.parquet", AuditedLabel)
    rejected = _Cursor(run / AUDIT / "dropped.parquet", Dropped)
    for record in store.stream(run / DESCRIBE / "records.parquet", DescribedSlice):
        slice_id = record.slice_id
        both = {reading.kind: reading for reading in readings.of(slice_id)}
        yield Witnesses(
            record=record,
            conservative=both.get(ReadingKind.CONSERVATIVE),
            skeptical=both.get(ReadingKind.SKEPTICAL),
            fused=_one(fused.of(slice_id)) or _one(disputed.of(slice_id)),
            audited=_one(audited.of(slice_id)) or _one(rejected.of(slice_id)),
        )


def _one(rows: list[R]) -> R | None:
    return rows[0] if rows else None


class _Cursor(Generic[R]):
    """Reads one ordered file forwards, as far as the slice that is asked for."""

    def __init__(self, path: Path, model: type[R]) -> None:
        self._rows = store.stream(path, model)
        self._next = next(self._rows, None)

    def of(self, slice_id: str) -> list[R]:
        """Rows of a slice; ids have to be asked for in ascending order."""
        found: list[R] = []
        while self._next is not None and (own := self._next.slice_id) <= slice_id:  # type: ignore[attr-defined]
            if own == slice_id:
                found.append(self._next)
            self._next = next(self._rows, None)
        return found
