"""What building leaves out, written as it comes: one row a slice or fact, so that nothing disappears."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Generic, TypeVar

import pyarrow as pa

from neuroonco import columns, store
from neuroonco.audit.records import AuditedLabel
from neuroonco.errors import InputError
from neuroonco.outcomes import Dropped, Quarantined, Record, quarantine_slice
from neuroonco.vocabulary import DropReason

R = TypeVar("R", bound=Record)
ROWS_AT_ONCE = 1024
DROPPED_FILE, QUARANTINED_FILE = "dropped.parquet", "quarantined.parquet"


class Leftovers:
    """Takes what is left out, slice by slice in the order of their ids.

    Attributes:
        reasons: how many were dropped for which reason.
        quarantined: how many labels could not be used.
    """

    def __init__(self, drop: "_Batches[Dropped]", set_aside: "_Batches[Quarantined]") -> None:
        self._drop, self._set_aside = drop, set_aside
        self.reasons: Counter[str] = Counter()
        self.quarantined = 0

    @property
    def dropped(self) -> int:
        """How many were dropped."""
        return self.reasons.total()

    def drop(self, label: AuditedLabel, reason: DropReason, detail: str | None = None) -> None:
        """Leave out a slice, or what the detail names of it."""
        record = label.slice
        self.reasons[reason.value] += 1
        self._drop.add(
            Dropped(
                slice_id=label.slice_id,
                sample_id=label.sample_id,
                source_id=record.source_id,
                image_path=record.image_path,
                reason=reason,
                detail=detail,
            )
        )

    def quarantine(self, label: AuditedLabel, error: InputError) -> None:
        """Set aside a label that cannot be used."""
        self.quarantined += 1
        self._set_aside.add(quarantine_slice(error, label.slice))

    def repeated(self, label: AuditedLabel) -> None:
        """Set aside a label of a slice that has another one: which of them holds is a matter for a person."""
        what = "the slice has more than one label"
        self.quarantine(label, InputError("SLICE_TWICE", what, fix="keep one label a slice"))


@contextmanager
def leftovers(folder: Path) -> Iterator[Leftovers]:
    """Write ``dropped.parquet`` and ``quarantined.parquet`` into a folder, whole or not at all."""
    with (
        store.atomic(folder / DROPPED_FILE) as dropped,
        store.atomic(folder / QUARANTINED_FILE) as quarantined,
        columns.parquet_rows(dropped, Dropped) as write_dropped,
        columns.parquet_rows(quarantined, Quarantined) as write_quarantined,
    ):
        drop, set_aside = _Batches(write_dropped, Dropped), _Batches(write_quarantined, Quarantined)
        yield Leftovers(drop, set_aside)
        drop.flush()
        set_aside.flush()


class _Batches(Generic[R]):
    def __init__(self, write: Callable[[pa.Table], None], model: type[R]) -> None:
        self._write, self._model = write, model
        self._held: list[R] = []

    def add(self, record: R) -> None:
        self._held.append(record)
        if len(self._held) >= ROWS_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        if self._held:
            self._write(columns.table_of(self._held, self._model))
            self._held = []
