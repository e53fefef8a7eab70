"""What is asked of a model about one slice or label: the picture as it is sent, and the room's question about it."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from neuroonco import columns
from neuroonco.audit.model import audit_with_model
from neuroonco.audit.records import AuditAnswer
from neuroonco.errors import InputError
from neuroonco.fusion.records import FusedLabel
from neuroonco.images import read_picture
from neuroonco.models.endpoints import ResolvedModel
from neuroonco.models.picture import encode_picture
from neuroonco.models.protocol import ModelClient
from neuroonco.outcomes import Quarantined, quarantine, quarantine_slice
from neuroonco.readings.model import Brief, notes_of, read_with_model
from neuroonco.readings.records import LesionReading
from neuroonco.semantics.records import DescribedSlice
from neuroonco.vocabulary import ReadingKind


@dataclass(frozen=True)
class ReadingQuestion:
    """Let a model read slices with one attitude."""

    root: Path
    model: ResolvedModel
    kind: ReadingKind
    brief: Brief

    async def __call__(self, client: ModelClient, record: DescribedSlice) -> LesionReading | Quarantined:
        """One reading; quarantined where the picture cannot be read, or there is no usable answer."""
        try:
            image = await asyncio.to_thread(picture_as_sent, self.root, record, self.model)
        except InputError as error:
            return quarantine_slice(error, record)
        return await read_with_model(client, record, image, self.kind, self.brief)


@dataclass(frozen=True)
class AuditQuestion:
    """Let a model audit labels."""

    root: Path
    model: ResolvedModel
    brief: Brief

    async def __call__(
        self, client: ModelClient, item: tuple[FusedLabel, DescribedSlice | None]
    ) -> AuditAnswer | Quarantined:
        """One answer; quarantined where the slice is unknown, its picture cannot be read, or no answer is usable."""
        label, record = item
        try:
            if record is None:
                raise InputError("SLICE_UNKNOWN", "the label's slice is not in the source file")
            image = await asyncio.to_thread(picture_as_sent, self.root, record, self.model)
        except InputError as error:
            return quarantine(
                error,
                slice_id=label.slice_id,
                sample_id=label.sample_id,
                source_id=None if record is None else record.source_id,
                image_path=label.image_path,
            )
        notes = notes_of(record, self.brief)
        return await audit_with_model(client, label, record, notes, image, self.brief.max_tokens)


def picture_as_sent(root: Path, record: DescribedSlice, model: ResolvedModel) -> bytes:
    """A slice's picture as gray PNG or JPEG of the size that the endpoint takes, and nothing else in the file.

    Raises:
        InputError: see :func:`neuroonco.images.read_picture`.
    """
    return encode_picture(read_picture(root, record), model.endpoint).data


def with_slices(labels: Sequence[FusedLabel], slices: Path) -> Iterator[tuple[FusedLabel, DescribedSlice | None]]:
    """Labels with the slices that they label, from a file of described slices; None where it has none."""
    table = columns.read_where(slices, "slice_id", [label.slice_id for label in labels])
    of_id = {record.slice_id: record for record in columns.records_of(table, DescribedSlice, slices)}
    return ((label, of_id.get(label.slice_id)) for label in labels)
