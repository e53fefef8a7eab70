"""Records of publishing: the rows that leave, in three strengths, and the rows that stay."""

from collections.abc import Iterable

from neuroonco.audit.records import AuditedLabel
from neuroonco.outcomes import Record
from neuroonco.readings.records import Signs
from neuroonco.vocabulary import (
    ImageRegion,
    LesionSize,
    LesionSpread,
    MRSequence,
    Redistribution,
    Shape,
    TumorType,
)


class PublishedSlice(Record):
    """One slice in a package. No path and no name of the source's file: the opaque name is all there is.

    Attributes:
        name: opaque, see :meth:`neuroonco.publish.key.Key.name`; the same in every package made with one key.
        image: relative path in the package, only where image bytes may leave.
    """

    name: str
    source_id: str
    license: str
    permitted: Redistribution
    image: str | None
    tumor_type: TumorType | None
    sequence: MRSequence | None
    size: LesionSize | None
    shape: Shape | None
    spread: LesionSpread | None
    location: ImageRegion | None
    signs: Signs


class Pointer(Record):
    """Where the owner of a source's download finds one file; nothing of its content.

    Attributes:
        path: relative to the root that held the collections.
        sha256: of the file.
    """

    name: str
    source_id: str
    path: str
    image_channel: int | None
    image_slice: int | None = None
    sha256: str


class HashPointer(Record):
    """The file that a question without its image is about, for those who have the collection.

    It names neither file nor source, since both may tell the answer: who has the file finds it by its hash.

    Attributes:
        image_path: where the questions expect the picture, relative to the package.
        sha256: of the file's bytes.
        image_channel: color channel of the file that is the picture.
        image_slice: slice of the volume that is the picture.
    """

    image_path: str
    sha256: str
    image_channel: int | None = None
    image_slice: int | None = None


class PublishedName(Record):
    """What a name stands for. Private: never part of a package.

    Attributes:
        name: as published.
        group_name: the published group; None where no group is published.
        group_id: ours.
        seed: of the draws of the questions about it.
    """

    name: str
    slice_id: str
    sample_id: str
    source_id: str
    image_path: str
    image_channel: int | None = None
    image_slice: int | None = None
    image_sha256: str
    group_name: str | None = None
    group_id: str | None = None
    seed: int | None = None

    @classmethod
    def of(cls, name: str, label: AuditedLabel) -> "PublishedName":
        """The row of a slice that is published under a name."""
        record = label.slice
        return cls(
            name=name,
            slice_id=record.slice_id,
            sample_id=record.sample_id,
            source_id=record.source_id,
            image_path=record.image_path,
            image_channel=record.image_channel,
            image_slice=record.image_slice,
            image_sha256=record.image_sha256,
        )


def lines_of(names: Iterable[PublishedName]) -> str:
    """Rows as JSONL, in their order."""
    return "".join(f"{name.model_dump_json()}\n" for name in names)
