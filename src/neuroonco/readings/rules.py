"""The limits of the measuring reader: section ``[read]`` of a rule set."""

from pydantic import BaseModel, ConfigDict

from neuroonco.vocabulary import ReadingKind


class ReadRules(BaseModel):
    """Limits of the measuring reader; unit, meaning and source of each are in ``rules/*.toml``.

    A limit is where one answer turns into another. A reading says nothing within its caution of a limit: with a
    caution of 0.1, nothing is said for values between 0.9 and 1.1 times the limit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    box_holds_from: float
    working_side_px: int
    min_symmetry: float
    caution_conservative: float
    caution_skeptical: float
    min_lesion_px: int
    min_interior_px: int
    oval_overlap_from: float
    round_elongation_to: float
    irregular_spikes_from: float
    edge_contrast_from: float
    edge_share_from: float
    ill_defined_width_from: float
    heterogeneous_variation_from: float
    enhancing_above: float
    enhancing_absent_to: float
    enhancing_solid_from: float
    ring_rim_from: float
    ring_core_to: float
    edema_above: float
    edema_fluid_from: float
    edema_end_below: float
    edema_present_from: float
    edema_extensive_from: float
    signal_tolerance: float
    signal_main_from: float
    signal_mixed_from: float
    detect_contrast_from: float
    detect_depth_from: float
    detect_thickness_from: float
    detect_area_to: float
    detect_solidity_from: float
    detect_rivals_to: float
    detect_region_margin: float
    detect_caution_conservative: float
    detect_caution_skeptical: float

    def caution(self, kind: ReadingKind) -> float:
        """Relative width of the zone around every limit in which this reading abstains."""
        return self.caution_conservative if kind is ReadingKind.CONSERVATIVE else self.caution_skeptical

    def detect_caution(self, kind: ReadingKind) -> float:
        """How far above the limit a lesion must stand out before this reading reports it without a mask."""
        conservative = kind is ReadingKind.CONSERVATIVE
        return self.detect_caution_conservative if conservative else self.detect_caution_skeptical
