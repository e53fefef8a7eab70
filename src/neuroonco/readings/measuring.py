"""The measuring reader: one slice to findings, by measurement alone, silent where it is not sure."""

import numpy as np

from neuroonco.images import Gray, Mask
from neuroonco.outcomes import Record
from neuroonco.readings import brain, decide, lesion, outline, tissue
from neuroonco.readings.records import Signs
from neuroonco.readings.rules import ReadRules
from neuroonco.semantics.regions import place_in_head, region_of
from neuroonco.vocabulary import ImageRegion, MRSequence, ReadingKind, Sign, assessable


class SliceFindings(Record):
    """What was measured in one slice; None means not assessable or not certain."""

    lesion_found: bool | None
    sequence: MRSequence | None = None
    region: ImageRegion | None = None
    signs: Signs = Signs()


def read_slice(
    image: Gray, mask: Mask | None, kind: ReadingKind, rules: ReadRules, sequence: MRSequence | None
) -> SliceFindings:
    """Read one slice.

    Args:
        image: (height, width) gray values.
        mask: (height, width) lesion pixels as the source states them; None where the source has no mask: then a
            lesion is searched for, and reported only if it stands out beyond doubt.
        kind: which of the two readings. They differ in reference tissue, in the measure behind margins and
            texture, and in their caution.
        rules: limits.
        sequence: as the source states it. It is not inferred: signs that depend on it stay None without it.

    Returns:
        Findings. ``lesion_found`` is False for an empty mask, which states that there is no lesion, and None where
        none was given and nothing stands out.
    """
    pixels, given, scale = brain.to_working_size(image, mask, rules.working_side_px)
    found = given
    view = None
    if mask is None or mask.any():
        view = brain.prepare(pixels, scale, rules.min_symmetry)
    if mask is None and view is not None:
        found = lesion.detect(view, rules, kind, sequence)
    if found is None or not found.any():
        # Nothing that stands out is not "no lesion": only an empty mask says that.
        return SliceFindings(lesion_found=None if mask is None else False, sequence=sequence)
    # The mask's own pixels where there are any, so that the cell is exact.
    picture, where = (np.rint(pixels).astype(np.uint8), found) if mask is None else (image, mask)
    x, y = place_in_head(picture, where, rules.box_holds_from)
    region: ImageRegion | None = region_of(x, y)
    signs = Signs() if view is None else signs_of(view, found, kind, rules, sequence)
    if mask is None:
        # A detected place is no outline: it may leave out part of the lesion or take in its oedema.
        if min(abs(v - line) for v in (x, y) for line in (1 / 3, 2 / 3)) < rules.detect_region_margin:
            region = None
        signs = Signs(enhancement=signs.enhancement, signal_intensity=signs.signal_intensity)
    return SliceFindings(lesion_found=True, sequence=sequence, region=region, signs=signs)


def signs_of(view: brain.View, found: Mask, kind: ReadingKind, rules: ReadRules, sequence: MRSequence | None) -> Signs:
    """The six signs of a lesion at working size."""
    values: dict[str, object] = {}
    if found.sum() < rules.min_lesion_px or found.sum() > 0.6 * view.head.sum():
        return Signs()
    form = outline.form_of(found)
    if form is not None:
        values[Sign.SHAPE.value] = decide.shape_of(form, rules, kind)
    reference = tissue.reference_of(view, found, kind, sequence)
    if reference is None:
        return Signs.model_validate(values)
    min_contrast = max(rules.edge_contrast_from * reference.level, 2.0 * view.noise_sd)
    edge = outline.edge_of(view, found, min_contrast, rules.ill_defined_width_from)
    if edge is not None:
        values[Sign.MARGINS.value] = decide.margins_of(edge, rules, kind)
    blur_px = 2.0 if edge is None else 0.5 * edge.width * view.head_diameter_px
    interior = tissue.interior_of(found, max(2.0, blur_px), rules.min_interior_px)
    if interior is not None:
        variation = tissue.variation_of(view, interior, reference, kind)
        values[Sign.TEXTURE.value] = decide.texture_of(variation, rules, kind)
        if assessable(Sign.SIGNAL_INTENSITY, sequence):
            signal = tissue.signal_of(view, interior, reference, rules.signal_tolerance)
            values[Sign.SIGNAL_INTENSITY.value] = decide.signal_sign(signal, rules, kind)
    if assessable(Sign.ENHANCEMENT, sequence):
        enhancement = tissue.enhancement_of(view, found, reference, rules.enhancing_above, rules.min_interior_px)
        if enhancement is not None:
            values[Sign.ENHANCEMENT.value] = decide.enhancement_sign(enhancement, rules, kind)
    if assessable(Sign.EDEMA, sequence):
        halo = tissue.halo_of(
            view,
            found,
            reference,
            blur_px,
            rules.edema_above,
            rules.edema_fluid_from,
            rules.edema_end_below,
        )
        if halo is not None:
            values[Sign.EDEMA.value] = decide.edema_of(halo, rules, kind)
    return Signs.model_validate(values)
