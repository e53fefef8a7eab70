"""Audited labels by slice id, read again and again without being held."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from neuroonco import columns, store
from neuroonco.audit.interop import AUDITED_CODEC
from neuroonco.audit.records import AuditedLabel
from neuroonco.outcomes import Quarantined
from neuroonco.streams import rows_of

ROWS_AT_ONCE = 1024


class LabelFile:
    """Labels of a Parquet file that is ordered by slice id, streamed anew each time it is iterated."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __iter__(self) -> Iterator[AuditedLabel]:
        """The labels, in the file's order.

        Raises:
            InputError: the file is missing or not as written.
        """
        for piece in rows_of(self.path, AuditedLabel, ROWS_AT_ONCE):
            yield from piece.read()


def open_labels(path: Path) -> tuple[Iterable[AuditedLabel], list[Quarantined]]:
    """Labels in the order of their slice ids, and what of the file could not be read.

    What the pipeline writes is ordered and streamed: a row of it that cannot be read ends the reading. Any other file
    is held and ordered, and such rows are set aside.

    Raises:
        InputError: the file is missing, or of an unknown format.
    """
    if path.suffix == ".parquet" and _is_ordered(path):
        return LabelFile(path), []
    loaded = store.load(path, AuditedLabel, AUDITED_CODEC)
    return in_order(loaded.records), loaded.unreadable


def in_order(labels: Iterable[AuditedLabel]) -> list[AuditedLabel]:
    """Labels by slice id; labels of one slice in an order of their own, whichever way they came."""
    return sorted(labels, key=lambda label: (label.slice_id, label.model_dump_json()))


def _is_ordered(path: Path) -> bool:
    last = ""
    for number in range(len(columns.group_sizes(path))):
        table = columns.read_group(path, number)
        if "slice_id" not in table.column_names:
            return False
        for slice_id in table["slice_id"].to_pylist():
            if not isinstance(slice_id, str) or slice_id < last:
                return False
            last = slice_id
    return True
