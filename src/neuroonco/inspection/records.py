"""Records of inspection: what the pixels of one slice say, before any rule judges it."""

from neuroonco.outcomes import Record


class QualityScores(Record):
    """Measured properties of a picture; None where one cannot be measured. No threshold is applied here."""


class Inspection(Record):
    """Facts about the pixels of one slice.

    Attributes:
        pixels_hash: of the gray values and the size of the picture.
        quality: scores.
        fingerprint: base64 of the small picture by which copies are found; see
            :mod:`neuroonco.inspection.fingerprint`.
    """

    slice_id: str
    pixels_hash: str
    quality: QualityScores
    fingerprint: str
