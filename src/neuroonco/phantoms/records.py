"""Records of phantoms: the truth of a synthetic slice."""

from neuroonco.outcomes import Record
from neuroonco.readings.records import Signs
from neuroonco.vocabulary import ImageRegion, LesionSize, LesionSpread, MRSequence, Plane, TumorType


class PhantomTruth(Record):
    """What was drawn. A sign is None where MR physics makes it unassessable on this sequence.

    Attributes:
        image_path, mask_path: relative to the phantom root; no mask for a healthy slice.
        seed, number: of the series and of this slice in it; drawing again with both gives the same bytes.
    """

    image_path: str
    mask_path: str | None
    seed: int
    number: int
    tumor_type: TumorType
    sequence: MRSequence
    plane: Plane
    signs: Signs
    size: LesionSize | None
    spread: LesionSpread | None
    region: ImageRegion | None
