"""Skeptical evidence of edema: tissue that is too bright, joined to the lesion, and not so on the other side."""

import cv2
import numpy as np
from scipy import ndimage

from neuroonco.images import Mask
from neuroonco.readings.brain import Pixels, disc
from neuroonco.readings.site import Evidence, Site, log_ratio, smoothed

SOME, MUCH = 1.3, 1.45
"""Multiples of the reference from which tissue is bright: most cortex lies below the second."""
TISSUE = (0.55, 2.3)
"""Multiples of the reference between which a pixel is tissue; beyond are bone and fluid."""
NEAR_PX = 6
NAMES = ("joined", "rest", "near_some", "near_much", "far_some", "far_much", "thick", "upper", "middle")


def edema_by_outliers(site: Site, white: float | None) -> Evidence:
    """Areas of bright tissue that hang together with the lesion, and what of them the other half lacks.

    Returns:
        For each reference, the peak of white matter (``odd_peak_…``) and the median of the brain
        (``odd_level_…``): logarithm of the area of bright tissue, thin ribbons opened away, that is joined to the
        lesion (over the lesion's) and that is not (over the head's): ``joined``, ``rest``; share of bright tissue
        next to the lesion and elsewhere, at two limits; radius of the largest disc in what is joined over the
        lesion's radius: ``thick``; logarithm of the upper quartile and the median next to the lesion.
        ``odd_mirror``: share of bright tissue next to the lesion less that of the mirror image of the place;
        ``odd_gain``: logarithm of the ratio of their medians; both missing where the slice has no two halves.
    """
    lesion = site.on_slice()
    smooth = smoothed(site.view.pixels, 1.2)
    grown = cv2.dilate(lesion.astype(np.uint8), disc(2)) > 0
    around = cv2.dilate(lesion.astype(np.uint8), disc(NEAR_PX)) > 0
    outside = site.view.brain & ~grown
    found: Evidence = {}
    for name, reference in (("peak", white), ("level", site.level)):
        measured: tuple[float | None, ...] = (None,) * len(NAMES)
        if reference is not None:
            measured = _against(site, smooth / np.float32(reference), outside, around)
        found |= {f"odd_{name}_{part}": value for part, value in zip(NAMES, measured, strict=True)}
    mirror, gain = _against_mirror(site, smooth, outside & around, white or site.level)
    return found | {"odd_mirror": mirror, "odd_gain": gain}


def _against(site: Site, ratio: Pixels, outside: Mask, around: Mask) -> tuple[float | None, ...]:
    tissue = outside & (ratio > TISSUE[0]) & (ratio < TISSUE[1])
    near, far = tissue & around, tissue & ~around
    if near.sum() < 20 or far.sum() < 100:
        return (None,) * len(NAMES)
    some, much = tissue & (ratio > SOME), tissue & (ratio > MUCH)
    opened = cv2.morphologyEx(much.astype(np.uint8), cv2.MORPH_OPEN, disc(2))
    labels, count = ndimage.label(opened)
    touching = np.bincount(labels[around], minlength=count + 1) > 0
    touching[0] = False
    joined = touching[labels]
    area = float(joined.sum())
    upper, middle = np.percentile(ratio[outside & around], [75, 50])
    return (
        log_ratio(area, float(site.lesion.sum()), 0.03),
        log_ratio(float(opened.sum()) - area, float(site.view.head.sum()), 0.002),
        float(some[near].mean()),
        float(much[near].mean()),
        float(some[far].mean()),
        float(much[far].mean()),
        float(cv2.distanceTransform(joined.astype(np.uint8), cv2.DIST_L2, 3).max()) / site.radius_px,
        log_ratio(float(upper), 1.0, 0.2),
        log_ratio(float(middle), 1.0, 0.2),
    )


def _against_mirror(site: Site, smooth: Pixels, close: Mask, white: float) -> tuple[float | None, float | None]:
    """Excess of bright pixels over the mirror image, and the ratio of the medians."""
    view = site.view
    if view.mirrored is None or view.side is None or not close.any():
        return None, None
    if abs(float(np.median(view.side[close]))) < 0.04 * site.head_px:
        return None, None
    here, other = smooth / np.float32(white), smoothed(view.mirrored, 1.2) / np.float32(white)
    there = close & (other > TISSUE[0]) & (other < TISSUE[1])
    if there.sum() < 20:
        return None, None
    gain = log_ratio(float(np.median(here[there])), float(np.median(other[there])), 0.2)
    return float((here[there] > SOME).mean() - (other[there] > SOME).mean()), gain
