"""The terms, as enumerations. Their meaning, source and spellings are in ``terms.toml``.

A value is the canonical token that is stored; what a person reads is ``vocabulary.display(term)``.
"""

from enum import StrEnum


class MRSequence(StrEnum):
    """MR sequence (image weighting) of a slice."""

    T1 = "t1"
    T1CE = "t1ce"
    T2 = "t2"
    FLAIR = "flair"


class TumorType(StrEnum):
    """The eight tumour types, a tumour whose type is not stated, and healthy."""

    GLIOMA = "glioma"
    MENINGIOMA = "meningioma"
    PITUITARY = "pituitary"
    NEURONAL = "neuronal_tumor"
    SCHWANNOMA = "schwannoma"
    METASTASIS = "metastasis"
    EMBRYONAL = "embryonal"
    EPENDYMOMA = "ependymoma"
    TUMOR = "tumor"
    HEALTHY = "healthy"

    @property
    def is_specific(self) -> bool:
        """True for the eight types; False for the generic tumour and for healthy."""
        return self not in (TumorType.TUMOR, TumorType.HEALTHY)


class Plane(StrEnum):
    """Orientation of the slice."""

    AXIAL = "axial"
    CORONAL = "coronal"
    SAGITTAL = "sagittal"


class LesionSize(StrEnum):
    """Lesion area as a share of the brain box, or of the image (:class:`MeasureFrame`)."""

    SMALL = "small"
    MEDIUM = "medium"
    LARGE = "large"


class LesionSpread(StrEnum):
    """How many foci and how they share the area."""

    SOLITARY = "solitary"
    DOMINANT_WITH_SATELLITES = "dominant_with_satellites"
    SCATTERED = "scattered"


class ImageRegion(StrEnum):
    """Cell of a 3 x 3 grid over the image or the brain box in it: a place in the picture, not an anatomical side."""

    UPPER_LEFT = "upper_left"
    UPPER_CENTER = "upper_center"
    UPPER_RIGHT = "upper_right"
    CENTER_LEFT = "center_left"
    CENTER = "center"
    CENTER_RIGHT = "center_right"
    LOWER_LEFT = "lower_left"
    LOWER_CENTER = "lower_center"
    LOWER_RIGHT = "lower_right"


class Shape(StrEnum):
    """Outline of the largest lesion."""

    ROUND = "round"
    OVAL = "oval"
    ROUND_OR_OVAL = "round_or_oval"
    LOBULATED = "lobulated"
    IRREGULAR = "irregular"


class Margins(StrEnum):
    """How sharply the lesion ends."""

    WELL_CIRCUMSCRIBED = "well_circumscribed"
    ILL_DEFINED = "ill_defined"


class Texture(StrEnum):
    """Evenness of the signal inside the lesion."""

    HOMOGENEOUS = "homogeneous"
    HETEROGENEOUS = "heterogeneous"


class Enhancement(StrEnum):
    """Contrast enhancement pattern; assessable on T1 with contrast only."""

    SOLID = "solid"
    RING = "ring"
    PATCHY = "patchy"
    PRESENT = "present"
    ABSENT = "absent"


class Edema(StrEnum):
    """Oedema around the lesion; assessable on T2 and FLAIR only."""

    MILD = "mild"
    EXTENSIVE = "extensive"
    PRESENT = "present"
    ABSENT = "absent"


class SignalIntensity(StrEnum):
    """Lesion signal against contralateral normal-appearing deep white matter of the same slice."""

    HYPERINTENSE = "hyperintense"
    HYPOINTENSE = "hypointense"
    ISOINTENSE = "isointense"
    MIXED = "mixed"


class Sign(StrEnum):
    """The six signs that a reading describes."""

    SHAPE = "shape"
    MARGINS = "margins"
    TEXTURE = "texture"
    ENHANCEMENT = "enhancement"
    EDEMA = "edema"
    SIGNAL_INTENSITY = "signal_intensity"


class LesionBasis(StrEnum):
    """Where a reading knows its lesion from."""

    MASK = "mask"
    DETECTED = "detected"
    MODEL = "model"


class PhantomStyle(StrEnum):
    """Way in which phantoms are drawn: the one that the reader was tuned on, or one that it never saw."""

    TUNED = "tuned"
    HELD_OUT = "held_out"


class HardCase(StrEnum):
    """What makes a phantom hard on purpose."""

    ISOINTENSE = "isointense"
    NEAR_RIM = "near_rim"
    SMALL = "small"
    TWO_LESIONS = "two_lesions"
    MOTION = "motion"
    MIRRORED = "mirrored"


class QuestionType(StrEnum):
    """What a benchmark or instruction question asks for."""

    DIAGNOSIS = "diagnosis"
    MODALITY = "modality"
    SIZE = "size"
    SHAPE = "shape"
    SPREAD = "spread"
    LOCATION = "location"
    MARGINS = "margins"
    TEXTURE = "texture"
    ENHANCEMENT = "enhancement"
    EDEMA = "edema"
    SIGNAL_INTENSITY = "signal_intensity"


class MaskKind(StrEnum):
    """What a lesion mask file holds."""

    BINARY = "binary"
    LABELS = "labels"
    YOLO_POLYGONS = "yolo_polygons"
    YOLO_BOXES = "yolo_boxes"


class PatientSide(StrEnum):
    """A side of the patient, not of the picture."""

    LEFT = "left"
    RIGHT = "right"


class Laterality(StrEnum):
    """Where lesions lie with respect to the patient's midline."""

    LEFT = "left"
    RIGHT = "right"
    MIDLINE = "midline"
    BILATERAL = "bilateral"


class MeasureFrame(StrEnum):
    """What sizes and positions of a lesion are relative to."""

    BRAIN_BOX = "brain_box"
    CANVAS = "canvas"
