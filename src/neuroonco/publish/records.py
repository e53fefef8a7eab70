"""Records of publishing: the rows that leave, in three strengths."""

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
        name: opaque, from content; the same in every package.
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
