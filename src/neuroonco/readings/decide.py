"""From measurements to signs: limits with a zone of abstention around each, and what MR physics permits."""

from neuroonco.readings.outline import EdgeEvidence, FormEvidence
from neuroonco.readings.rules import ReadRules
from neuroonco.readings.tissue import EnhancementEvidence, HaloEvidence, SignalEvidence
from neuroonco.vocabulary import (
    Edema,
    Enhancement,
    Margins,
    ReadingKind,
    Shape,
    SignalIntensity,
    Texture,
)


def compare(value: float, limit: float, caution: float) -> int:
    """1 clearly above a limit, -1 clearly below, 0 too near to say.

    >>> compare(1.3, 1.0, 0.2), compare(1.1, 1.0, 0.2), compare(0.5, 1.0, 0.2)
    (1, 0, -1)
    """
    if value >= limit * (1 + caution):
        return 1
    return -1 if value <= limit * (1 - caution) else 0


def shape_of(form: FormEvidence, rules: ReadRules, kind: ReadingKind) -> Shape | None:
    """An ellipse is round or oval by its elongation; anything else lobulated or irregular by its detail."""
    caution = rules.caution(kind)
    misfit = compare(1 - form.ellipse_overlap, 1 - rules.oval_overlap_from, caution)
    if misfit < 0:
        longer = compare(form.elongation - 1, rules.round_elongation_to - 1, caution)
        return {-1: Shape.ROUND, 0: None, 1: Shape.OVAL}[longer]
    if misfit > 0:
        rough = compare(form.spike_loss, rules.irregular_spikes_from, caution)
        return {-1: Shape.LOBULATED, 0: None, 1: Shape.IRREGULAR}[rough]
    return None


def margins_of(edge: EdgeEvidence, rules: ReadRules, kind: ReadingKind) -> Margins | None:
    """The conservative reading takes the typical width, the skeptical one how much of the outline is sharp."""
    caution = rules.caution(kind)
    if edge.judged_share < rules.edge_share_from:
        return None
    if kind is ReadingKind.CONSERVATIVE:
        blurred = compare(edge.width, rules.ill_defined_width_from, caution)
    else:
        blurred = -compare(edge.sharp_share, 0.5, 2 * caution)
    return {-1: Margins.WELL_CIRCUMSCRIBED, 0: None, 1: Margins.ILL_DEFINED}[blurred]


def texture_of(variation: float, rules: ReadRules, kind: ReadingKind) -> Texture | None:
    """Even or uneven by the variation beyond noise."""
    uneven = compare(variation, rules.heterogeneous_variation_from, rules.caution(kind))
    return {-1: Texture.HOMOGENEOUS, 0: None, 1: Texture.HETEROGENEOUS}[uneven]


def enhancement_sign(found: EnhancementEvidence, rules: ReadRules, kind: ReadingKind) -> Enhancement | None:
    """Absent, ring, solid or patchy by how much of rim and core enhances; PRESENT is never a guess between them."""
    caution = rules.caution(kind)
    some = compare(found.share, rules.enhancing_absent_to, 2 * caution)
    if some <= 0:
        return Enhancement.ABSENT if some < 0 else None
    dark_core = compare(found.core, rules.ring_core_to, caution)
    full_rim = compare(found.rim, rules.ring_rim_from, caution)
    if dark_core < 0 and full_rim > 0:
        return Enhancement.RING
    missing = compare(1 - found.share, 1 - rules.enhancing_solid_from, caution)
    if missing < 0:
        return Enhancement.SOLID
    if missing > 0 and (dark_core > 0 or full_rim < 0):
        return Enhancement.PATCHY
    return None


def edema_of(halo: HaloEvidence, rules: ReadRules, kind: ReadingKind) -> Edema | None:
    """Absent, mild or extensive: whether there is a halo, and its area over the lesion's."""
    caution = rules.caution(kind)
    some = compare(halo.excess, rules.edema_present_from, caution)
    if some <= 0:
        return Edema.ABSENT if some < 0 else None
    much = compare(halo.area, rules.edema_extensive_from, caution)
    return {-1: Edema.MILD, 0: None, 1: Edema.EXTENSIVE}[much]


def signal_sign(found: SignalEvidence, rules: ReadRules, kind: ReadingKind) -> SignalIntensity | None:
    """Brighter, darker or alike for most of the lesion, or both brighter and darker parts."""
    caution = rules.caution(kind)
    if min(found.above, found.below) >= rules.signal_mixed_from * (1 + caution):
        return SignalIntensity.MIXED
    alike = 1 - found.above - found.below
    main = rules.signal_main_from * (1 + 0.5 * caution)
    for share, value in (
        (found.above, SignalIntensity.HYPERINTENSE),
        (found.below, SignalIntensity.HYPOINTENSE),
        (alike, SignalIntensity.ISOINTENSE),
    ):
        if share >= main:
            return value
    return None
