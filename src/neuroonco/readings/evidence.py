"""The two families of evidence: what each reading may go by. No measurement belongs to both.

The conservative reading follows lines: the contour, profiles across it, rings and directions, the other side of the
brain. The skeptical one takes populations: areas, scales, co-occurrences, percentiles, clusters, outliers. A bad
outline misleads the first more, strange signal the second, so that they err less often together.
"""

from neuroonco.readings import contour, edges, halo, moments, outliers, populations, rings, sharpness
from neuroonco.readings.site import Evidence, Site
from neuroonco.vocabulary import MRSequence, ReadingKind, Sign, assessable

CONTEXT = ("context_t2", "context_flair")
"""What both readings may know: the sequence. It is no evidence of any sign."""


def _named(prefix: str, names: str) -> tuple[str, ...]:
    return tuple(f"{prefix}_{name}" for name in names.split())


FEATURES: dict[ReadingKind, dict[Sign, tuple[str, ...]]] = {
    ReadingKind.CONSERVATIVE: {
        Sign.SHAPE: _named("contour", "elongation lobes jags notch turning bending"),
        Sign.MARGINS: _named("edge", " ".join(edges.NAMES)),
        Sign.TEXTURE: _named("ring", "residual cells depth noise outliers"),
        Sign.ENHANCEMENT: _named("glow", "core rim rim_all core_share rim_share drop uneven next next_core next_rim"),
        Sign.EDEMA: (*_named("halo_white", " ".join(halo.NAMES)), *_named("halo_usual", " ".join(halo.NAMES))),
        Sign.SIGNAL_INTENSITY: (
            *_named("side", "core rim above below both off next"),
            *_named("next", "core rim above below both off"),
            *CONTEXT,
        ),
    },
    ReadingKind.SKEPTICAL: {
        Sign.SHAPE: _named("area", " ".join(moments.NAMES)),
        Sign.MARGINS: _named("sharp", " ".join(sharpness.NAMES)),
        Sign.TEXTURE: _named("grain", "d2 d4 d8 fine coarse span tail entropy"),
        Sign.ENHANCEMENT: _named("clump", "some more low middle high holes largest parted peak"),
        Sign.EDEMA: (
            *_named("odd_peak", " ".join(outliers.NAMES)),
            *_named("odd_level", " ".join(outliers.NAMES)),
            *_named("odd", "mirror gain"),
        ),
        Sign.SIGNAL_INTENSITY: (
            *_named("bulk", "p10 p30 p50 p70 p90 off split mid"),
            *_named("mid", "p10 p30 p50 p70 p90 off split"),
            *CONTEXT,
        ),
    },
}
"""Which measurements each fitted model takes."""


def evidence_of(site: Site, kind: ReadingKind) -> Evidence:
    """All that one reading measures; measurements that the sequence does not allow are left out.

    Args:
        site: the lesion and its surroundings.
        kind: which reading.
    """
    context: Evidence = {
        "context_t2": float(site.sequence is MRSequence.T2),
        "context_flair": float(site.sequence is MRSequence.FLAIR),
    }
    return context | (_by_lines(site) if kind is ReadingKind.CONSERVATIVE else _by_populations(site))


def _by_lines(site: Site) -> Evidence:
    found = contour.shape_by_contour(site) | edges.margins_by_profile(site) | rings.texture_by_rings(site)
    if assessable(Sign.SIGNAL_INTENSITY, site.sequence):
        found |= rings.signal_by_rings(site)
    if assessable(Sign.ENHANCEMENT, site.sequence):
        found |= rings.enhancement_by_rings(site)
    if assessable(Sign.EDEMA, site.sequence):
        found |= halo.edema_by_rings(site, rings.contralateral_white(site))
    return found


def _by_populations(site: Site) -> Evidence:
    interior = populations.interior_of(site)
    found = moments.shape_by_moments(site) | sharpness.margins_by_scale(site)
    found |= populations.texture_by_cooccurrence(site, interior)
    if assessable(Sign.SIGNAL_INTENSITY, site.sequence):
        found |= populations.signal_by_percentiles(site, interior)
    if assessable(Sign.ENHANCEMENT, site.sequence):
        found |= populations.enhancement_by_clusters(site)
    if assessable(Sign.EDEMA, site.sequence):
        found |= outliers.edema_by_outliers(site, populations.white_matter_peak(site))
    return found
