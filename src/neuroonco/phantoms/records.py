"""Records of phantoms: the truth of a synthetic slice."""

from neuroonco.outcomes import Record
from neuroonco.readings.records import Signs
from neuroonco.vocabulary import (
    HardCase,
    ImageRegion,
    LesionSize,
    LesionSpread,
    MRSequence,
    PhantomStyle,
    Plane,
    TumorType,
)


class PhantomTruth(Record):
    """What was drawn. A sign is None where MR physics makes it unassessable on this sequence.

    Attributes:
        image_path, mask_path: relative to the phantom root; no mask for a healthy slice.
        size: by the share of ``head_box`` that all foci cover.
        region: cell of a 3 x 3 grid over ``head_box`` with the centroid of the largest focus.
        head_box: half-open pixel box (top, left, bottom, right) of the head as drawn, without skull and scalp where
            they are left out.
        seed, number, style: of the series and of this slice in it; drawing again with them gives the same bytes.
        hard_cases: what makes the slice hard on purpose.
        signs: as the noise-free drawing shows them, which now and then is not what was planned. The shape is None where
            the pixel grid swallowed it.
        conspicuity: how far the outline of the largest focus stands out before noise, in half of its directions:
            contrast over noise and clutter; None for a healthy slice.
        conspicuous: False where a careful observer without the mask could not see the lesion; None if healthy.
        stripped: without skull and scalp.
    """

    image_path: str
    mask_path: str | None
    seed: int
    number: int
    style: PhantomStyle = PhantomStyle.TUNED
    tumor_type: TumorType
    sequence: MRSequence
    plane: Plane
    signs: Signs
    size: LesionSize | None
    spread: LesionSpread | None
    region: ImageRegion | None
    head_box: tuple[int, int, int, int]
    hard_cases: tuple[HardCase, ...] = ()
    conspicuity: float | None = None
    conspicuous: bool | None = None
    stripped: bool = False
