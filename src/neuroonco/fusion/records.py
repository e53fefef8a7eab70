"""Records of fusion: what two independent readings agree on."""

from neuroonco.outcomes import Record
from neuroonco.readings.records import SignConfidences, Signs
from neuroonco.vocabulary import ImageRegion, MRSequence


class Disagreement(Record):
    """One field on which the readings differ; the two values are sorted, so that order does not matter.

    Attributes:
        field: sign name, ``lesion_found``, ``sequence``, ``sequence_seen`` or ``region``.
        values: the two values, sorted; ``null`` for a missing one is spelled as None.
        fused: what was kept, None if nothing was.
        reason: which rule decided.
    """

    field: str
    values: tuple[str | None, ...]
    fused: str | None
    reason: str


class FusedLabel(Record):
    """What two readings say together about one slice.

    Attributes:
        lesion_found: True or False by consensus; None where a reading could not tell, and then no sign is kept.
        sequence: the one by which the signs were read: as the source states it, else as seen.
        sequence_seen: what both readings took the sequence for on looking; None where they dispute it, which drops
            nothing.
        confidences: of each sign that is kept, the lower one of the two readings; None where one does not say.
    """

    slice_id: str
    sample_id: str
    image_path: str | None = None
    lesion_found: bool | None
    sequence: MRSequence | None = None
    sequence_seen: MRSequence | None = None
    region: ImageRegion | None = None
    signs: Signs = Signs()
    confidences: SignConfidences = SignConfidences()
    disagreements: tuple[Disagreement, ...] = ()
