"""Records of the catalogue: what is known about one slice before any pixel is interpreted."""

from typing import Annotated

from pydantic import Field

from neuroonco.outcomes import Record
from neuroonco.store import sha256_text
from neuroonco.vocabulary import MaskKind, MRSequence, PatientSide, Plane, TumorType

Count = Annotated[int, Field(ge=0, lt=2**31)]
"""A number of pixels, channels or bits."""


Millimeters = Annotated[float, Field(gt=0, lt=1000)]
"""A distance in the patient."""


class MaskRef(Record):
    """Where a slice's lesion mask is and how to read it.

    Attributes:
        path: relative to the root. For `yolo_*` kinds the text file with the outlines.
        kind: what the file holds.
        lesion_values: label values (`labels`) or class numbers (`yolo_*`) that mean lesion; None: any non-zero
            (`binary`) or every class (`yolo_*`).
        slice_index: see :attr:`SliceRecord.image_slice`, if the mask is a volume.
    """

    path: str
    kind: MaskKind
    lesion_values: tuple[int, ...] | None = None
    slice_index: Count | None = None


class SliceRecord(Record):
    """One slice of one sequence.

    Attributes:
        slice_id: stable identity, from source, path within the source, channel and content.
        sample_id: the reference system's id; unique within a catalogue except in the reference layout.
        source_id: id of the collection, e.g. ``01``.
        image_path: relative to the root, with ``/``.
        image_channel: which colour channel holds this slice, if a file holds several sequences.
        image_slice: index of the slice in a volume that is oriented as :mod:`neuroonco.volumes` says; None for a
            file of one slice.
        image_sha256: of the file's bytes.
        height_px, width_px, channels, bit_depth: of the decoded image.
        tumor_present: None if the source does not say.
        tumor_type: the patient's tumour as the source labels it; None if the label is not in the vocabulary.
        source_label: the label as the source spells it.
        patient_id, split: as the source states them.
        spacing_mm: distance between rows and between columns; None if the file does not state it.
        thickness_mm: distance between neighboring slices of a volume.
        display_left: the patient's side at the picture's left edge; None where orientation is not known.
        notes: facts a reader should know, e.g. a disagreement between folder and box labels.
        origin: set by the reference layout's merge only.
    """

    slice_id: str
    sample_id: str
    source_id: str
    image_path: str
    image_channel: Annotated[int, Field(ge=0, le=2)] | None = None
    image_slice: Count | None = None
    image_sha256: str
    height_px: Count
    width_px: Count
    channels: Count
    bit_depth: Count
    tumor_present: bool | None = None
    tumor_type: TumorType | None = None
    source_label: str | None = None
    sequence: MRSequence | None = None
    plane: Plane | None = None
    patient_id: str | None = None
    split: str | None = None
    spacing_mm: tuple[Millimeters, Millimeters] | None = None
    thickness_mm: Millimeters | None = None
    display_left: PatientSide | None = None
    mask: MaskRef | None = None
    notes: tuple[str, ...] = ()
    origin: str | None = None

    @property
    def is_whole_file(self) -> bool:
        """False for a color channel or a slice of a volume: formats that name files only cannot tell it apart."""
        return self.image_channel is None and self.image_slice is None


def slice_id_of(source_id: str, path_in_source: str, channel: int | None, image_sha256: str) -> str:
    """Identity of a slice: the same wherever the root lies, different for every file and channel.

    >>> slice_id_of("01", "Training/no_tumor/1.jpg", None, "ab" * 32)
    'sac48537bfa8f98d1'
    """
    return "s" + sha256_text(source_id, path_in_source, str(channel), image_sha256)[:16]
