"""Small truths and labels for tests of validation."""

from neuroonco.fusion.records import FusedLabel
from neuroonco.phantoms.records import PhantomTruth
from neuroonco.readings.records import LesionReading, SignConfidences, Signs
from neuroonco.vocabulary import (
    ImageRegion,
    LesionSize,
    LesionSpread,
    MRSequence,
    Plane,
    TumorType,
)


def truth_of(number: int, **changes: object) -> PhantomTruth:
    """A glioma on T2 without any sign that can be assessed, unless said otherwise."""
    healthy = changes.get("tumor_type") is TumorType.HEALTHY
    fields: dict[str, object] = {
        "image_path": f"{number}.png",
        "mask_path": None if healthy else f"{number}_mask.png",
        "seed": 2,
        "number": number,
        "tumor_type": TumorType.GLIOMA,
        "sequence": MRSequence.T2,
        "plane": Plane.AXIAL,
        "signs": Signs(),
        "size": None if healthy else LesionSize.SMALL,
        "spread": None if healthy else LesionSpread.SOLITARY,
        "region": None if healthy else ImageRegion.CENTER,
        "head_box": (0, 0, 10, 10),
        "conspicuous": None if healthy else True,
    }
    return PhantomTruth.model_validate(fields | changes)


def reading_of(number: int, signs: Signs = Signs(), **changes: object) -> LesionReading:  # noqa: B008 - frozen
    """A reading that found a lesion, unless said otherwise."""
    fields: dict[str, object] = {
        "slice_id": f"s{number}",
        "sample_id": f"s{number}",
        "reader": "test",
        "lesion_found": True,
        "signs": signs,
    }
    return LesionReading.model_validate(fields | changes)


def fused_of(number: int, signs: Signs, confidences: SignConfidences) -> FusedLabel:
    """A fused label with a lesion."""
    identity = f"s{number}"
    return FusedLabel(slice_id=identity, sample_id=identity, lesion_found=True, signs=signs, confidences=confidences)
