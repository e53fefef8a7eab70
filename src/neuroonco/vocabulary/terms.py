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


class ReadingKind(StrEnum):
    """The two attitudes with which a slice is read."""

    CONSERVATIVE = "conservative"
    SKEPTICAL = "skeptical"


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


class CallStatus(StrEnum):
    """How a call of a model ended."""

    OK = "ok"
    TRUNCATED = "truncated"
    REFUSED = "refused"
    EMPTY = "empty"
    FAILED = "failed"
    REJECTED = "rejected"

    @property
    def is_final(self) -> bool:
        """True where asking the same again would tell nothing new; the others are asked again on the next run."""
        return self in (CallStatus.OK, CallStatus.TRUNCATED, CallStatus.REFUSED)


class ConflictKind(StrEnum):
    """What contradicts what about one slice."""

    LESION_NOT_STATED = "lesion_not_stated"
    LESION_NOT_SEEN = "lesion_not_seen"
    LESION_DISPUTED = "lesion_disputed"
    SEQUENCE_AGAINST_SOURCE = "sequence_against_source"
    SEQUENCE_DISPUTED = "sequence_disputed"
    REGION_AGAINST_MASK = "region_against_mask"
    SIGN_DISPUTED = "sign_disputed"
    AUDIT_REJECTED = "audit_rejected"
    AUDIT_CHANGED = "audit_changed"


class AuditAction(StrEnum):
    """What an auditor does to one field."""

    KEEP = "keep"
    ERASE = "erase"
    DOWNGRADE = "downgrade"


class AuditDecision(StrEnum):
    """What an auditor decides about a whole label."""

    ACCEPT = "accept"
    REJECT = "reject"


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


class PredictionStatus(StrEnum):
    """How one question to a model ended."""

    OK = "ok"
    UNPARSED = "unparsed"
    REFUSED = "refused"
    API_ERROR = "api_error"
    MISSING_IMAGE = "missing_image"


class Redistribution(StrEnum):
    """What of a source may leave the machine, from most to least."""

    IMAGES = "images"
    DERIVED = "derived"
    POINTERS = "pointers"
    NONE = "none"


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


class DuplicateKind(StrEnum):
    """How a copy relates to the slice that represents it, from most to least alike."""

    EXACT_BYTES = "exact_bytes"
    EXACT_PIXELS = "exact_pixels"
    NEAR = "near"
    AUGMENTED = "augmented"


class QualityFlag(StrEnum):
    """What may be wrong with a picture; each has a score, a limit and an action in the rules."""

    BLURRED = "blurred"
    LOW_CONTRAST = "low_contrast"
    OVEREXPOSED = "overexposed"
    UNDEREXPOSED = "underexposed"
    WIDE_BORDER = "wide_border"
    TEXT_OVERLAY = "text_overlay"
    COLOR_ANNOTATION = "color_annotation"
    NOT_BRAIN = "not_brain"
    MOSAIC = "mosaic"
    CT = "ct"


class DropReason(StrEnum):
    """Why a record was left out on purpose."""

    NOT_AN_IMAGE_NAME = "not_an_image_name"
    OUTSIDE_LAYOUT = "outside_layout"
    EXCLUDED_BY_SOURCE = "excluded_by_source"
    ALREADY_CATALOGUED = "already_catalogued"
    SEQUENCE_MISSING = "sequence_missing"
    DUPLICATE_EXACT = "duplicate_exact"
    DUPLICATE_PIXELS = "duplicate_pixels"
    DUPLICATE_NEAR = "duplicate_near"
    DUPLICATE_AUGMENTED = "duplicate_augmented"
    QUALITY_BLURRED = "quality_blurred"
    QUALITY_LOW_CONTRAST = "quality_low_contrast"
    QUALITY_OVEREXPOSED = "quality_overexposed"
    QUALITY_UNDEREXPOSED = "quality_underexposed"
    QUALITY_WIDE_BORDER = "quality_wide_border"
    QUALITY_TEXT_OVERLAY = "quality_text_overlay"
    QUALITY_COLOR_ANNOTATION = "quality_color_annotation"
    QUALITY_NOT_BRAIN = "quality_not_brain"
    QUALITY_MOSAIC = "quality_mosaic"
    QUALITY_CT = "quality_ct"
    LABEL_CONFLICT = "label_conflict"
    READING_MISSING = "reading_missing"
    READING_FAILED = "reading_failed"
    SAME_READING = "same_reading"
    LESION_DISPUTED = "lesion_disputed"
    SEQUENCE_CONFLICT = "sequence_conflict"
    HEALTHY_CONSENSUS = "healthy_consensus"
    AUDIT_REJECTED = "audit_rejected"
    AUDIT_MISSING = "audit_missing"
    AUDIT_UNREADABLE = "audit_unreadable"
    HELD_OUT_FOR_BENCHMARK = "held_out_for_benchmark"
    LEFT_FOR_INSTRUCTIONS = "left_for_instructions"
    NOT_IN_FORMAT = "not_in_format"
    CHANNEL_OF_A_FILE = "channel_of_a_file"
    NOT_SELECTED = "not_selected"
    NO_ANSWERABLE_QUESTION = "no_answerable_question"
    REVIEW_REJECTED = "review_rejected"
    REDISTRIBUTION_FORBIDDEN = "redistribution_forbidden"
