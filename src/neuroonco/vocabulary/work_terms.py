"""Tokens of the work itself: why records are left out, what becomes of calls, who reads, what may leave."""

from enum import StrEnum


class ReadingKind(StrEnum):
    """The two attitudes with which a slice is read."""

    CONSERVATIVE = "conservative"
    SKEPTICAL = "skeptical"


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
    MIXTURE_CAP = "mixture_cap"
    PAIR_FAULT = "pair_fault"
    DRAFT_MISSING = "draft_missing"
    REVIEW_REJECTED = "review_rejected"
    REVIEW_PENDING = "review_pending"
    REDISTRIBUTION_FORBIDDEN = "redistribution_forbidden"


class PairFault(StrEnum):
    """What is wrong with an instruction pair, so that nothing may be trained on it."""

    STEM_NAMES_FINDING = "stem_names_finding"
    INVENTED_HISTORY = "invented_history"
    MEASUREMENT = "measurement"
    NOT_IN_LABEL = "not_in_label"
    OTHER_ATTRIBUTE = "other_attribute"
    ANSWER_MISSING = "answer_missing"
    LETTER_INCONSISTENT = "letter_inconsistent"
    PHYSICS = "physics"
    NOT_PLAIN_TEXT = "not_plain_text"
    UNKNOWN_WORD = "unknown_word"
