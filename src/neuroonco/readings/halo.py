"""Conservative evidence of edema: how the share of bright tissue falls with the distance from the lesion."""

import numpy as np

from neuroonco.images import Mask
from neuroonco.readings.brain import Pixels
from neuroonco.readings.site import MIN_SIGNAL, Evidence, Site, distance_from, log_ratio, smoothed

EDGE_PX = 2.0
"""The lesion's own blurred edge is no halo."""
STEP = 0.02
"""Thickness of a ring, as a share of the head's diameter."""
RINGS = 8
FAR = 0.13
"""Tissue further from the lesion than this share of the head's diameter shows what is usual."""
SOME, MUCH = 1.2, 1.42
"""Multiples of the reference from which tissue is bright: most cortex lies between them."""
TISSUE = (0.6, 2.4)
"""Multiples of the reference between which a pixel is tissue; beyond are bone and fluid."""
LEAST_EXCESS = 0.08
MIN_PIXELS = 15
NAMES = (*(f"{where}_{limit}" for limit in ("some", "much") for where in ("near", "mid", "far", "area")), "upper")


def edema_by_rings(site: Site, white: float | None) -> Evidence:
    """Rings around all foci, against white matter of the other side and against what lies further off.

    Cortex is as bright as edema on T2 and not far from it on FLAIR; but there is no more of it around a lesion than
    elsewhere.

    Returns:
        For each reference, ``halo_white_…`` and ``halo_usual_…``: share of bright tissue in the first ring (``near``),
        the next (``mid``) and far off, logarithm of the area of what exceeds the share far off, ring by ring until
        it ends, over the lesion's (``area``), each at two limits; logarithm of the first ring's upper quartile.
    """
    away, smooth = distance_from(site.lesion), smoothed(site.pixels, 0.8)
    beyond = site.brain & (away > FAR * site.head_px)
    usual = float(np.median(site.pixels[beyond])) if beyond.sum() >= 80 else None
    found: Evidence = {}
    for name, reference in (("white", white), ("usual", usual)):
        measured: tuple[float | None, ...] = (None,) * len(NAMES)
        if reference is not None and reference >= MIN_SIGNAL:
            measured = _against(site, away, smooth / np.float32(reference))
        found |= {f"halo_{name}_{part}": value for part, value in zip(NAMES, measured, strict=True)}
    return found


def _against(site: Site, away: Pixels, ratio: Pixels) -> tuple[float | None, ...]:
    tissue = site.brain & ~site.lesion & (ratio > TISSUE[0]) & (ratio < TISSUE[1])
    step = STEP * site.head_px
    rings = [tissue & (away > EDGE_PX + n * step) & (away <= EDGE_PX + (n + 1) * step) for n in range(RINGS)]
    beyond = tissue & (away > FAR * site.head_px)
    found: list[float | None] = []
    for limit in (SOME, MUCH):
        bright = ratio > limit
        far = _share(bright, beyond)
        area = _excess_px(bright, rings, far or 0.0)
        found += [_share(bright, rings[0]), _share(bright, rings[1] | rings[2]), far]
        found.append(log_ratio(area, float(site.lesion.sum()), 0.03))
    near = ratio[rings[0]]
    found.append(log_ratio(float(np.percentile(near, 75)), 1.0, 0.2) if near.size >= MIN_PIXELS else None)
    return tuple(found)


def _share(bright: Mask, where: Mask) -> float | None:
    return float(bright[where].mean()) if where.sum() >= MIN_PIXELS else None


def _excess_px(bright: Mask, rings: list[Mask], usual: float) -> float:
    area = 0.0
    for ring in rings:
        excess = (_share(bright, ring) or 0.0) - usual
        if excess < LEAST_EXCESS:
            break
        area += excess * float(ring.sum())
    return area
