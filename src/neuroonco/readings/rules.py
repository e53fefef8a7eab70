"""The limits of the measuring reader: section ``[read]`` of a rule set."""

from pydantic import BaseModel, ConfigDict

from neuroonco.vocabulary import LesionBasis, ReadingKind, Sign


class ReadRules(BaseModel):
    """Limits of the measuring reader; unit, meaning and source of each are in ``rules/*.toml``.

    ``sure_<sign>_<reading>`` is the probability from which a reading names a sign; ``sure_detected_…`` the same where
    the outline was not given but detected. A value above 1 means never.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    box_holds_from: float
    working_side_px: int
    min_symmetry: float
    min_lesion_px: int
    sure_shape_conservative: float
    sure_shape_skeptical: float
    sure_margins_conservative: float
    sure_margins_skeptical: float
    sure_texture_conservative: float
    sure_texture_skeptical: float
    sure_enhancement_conservative: float
    sure_enhancement_skeptical: float
    sure_edema_conservative: float
    sure_edema_skeptical: float
    sure_signal_intensity_conservative: float
    sure_signal_intensity_skeptical: float
    sure_detected_shape_conservative: float
    sure_detected_shape_skeptical: float
    sure_detected_margins_conservative: float
    sure_detected_margins_skeptical: float
    sure_detected_texture_conservative: float
    sure_detected_texture_skeptical: float
    sure_detected_enhancement_conservative: float
    sure_detected_enhancement_skeptical: float
    sure_detected_edema_conservative: float
    sure_detected_edema_skeptical: float
    sure_detected_signal_intensity_conservative: float
    sure_detected_signal_intensity_skeptical: float
    sequence_confidence_from: float
    detect_confidence_conservative: float
    detect_confidence_skeptical: float
    detect_also_from: float
    detect_outline_from: float
    detect_region_margin: float

    def sure_from(self, sign: Sign, kind: ReadingKind, basis: LesionBasis) -> float:
        """Probability from which this reading names a sign on an outline of that origin."""
        prefix = "detected_" if basis is LesionBasis.DETECTED else ""
        value: float = getattr(self, f"sure_{prefix}{sign}_{kind}")
        return value

    def detect_confidence(self, kind: ReadingKind) -> float:
        """Probability from which this reading reports a lesion without a mask."""
        conservative = kind is ReadingKind.CONSERVATIVE
        return self.detect_confidence_conservative if conservative else self.detect_confidence_skeptical
