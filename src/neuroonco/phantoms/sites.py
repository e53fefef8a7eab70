"""Where a lesion of each kind may have its center, and which slices show the place."""

from collections.abc import Mapping
from functools import cache

import cv2
import numpy as np

from neuroonco.images import Mask
from neuroonco.phantoms.atlas import AXIAL_FRONT_MM, MIDLINE_COLUMN, SAGITTAL_FRONT_MM, levels
from neuroonco.phantoms.head import Site
from neuroonco.phantoms.tissue import Regions, Shares
from neuroonco.phantoms.warp import Individual
from neuroonco.vocabulary import Plane

SPANS_MM: Mapping[Site, Mapping[Plane, tuple[int, int]]] = {
    Site.DURA: {Plane.AXIAL: (-2, 60), Plane.CORONAL: (-90, 40), Plane.SAGITTAL: (6, 60)},
    Site.SELLA: {Plane.AXIAL: (-36, -26), Plane.CORONAL: (-2, 9), Plane.SAGITTAL: (2, 6)},
    Site.ANGLE: {Plane.AXIAL: (-44, -31), Plane.CORONAL: (-39, -24), Plane.SAGITTAL: (13, 24)},
    Site.VERMIS: {Plane.AXIAL: (-40, -20), Plane.CORONAL: (-74, -55), Plane.SAGITTAL: (2, 6)},
    Site.VENTRICLE: {Plane.AXIAL: (-2, 28), Plane.CORONAL: (-47, 18), Plane.SAGITTAL: (6, 24)},
    Site.DEEP_WHITE: {Plane.AXIAL: (10, 43), Plane.CORONAL: (-74, 30), Plane.SAGITTAL: (18, 40)},
    Site.CORTEX: {Plane.AXIAL: (-14, 60), Plane.CORONAL: (-74, 40), Plane.SAGITTAL: (6, 60)},
    Site.JUNCTION: {Plane.AXIAL: (-8, 60), Plane.CORONAL: (-74, 40), Plane.SAGITTAL: (9, 46)},
}
"""MNI levels between which a slice shows a site."""
PLACES_MM: Mapping[Site, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    Site.SELLA: ((0, 4, -29), (5, 5, 5)),
    Site.ANGLE: ((21, -29, -39), (6, 6, 6)),
    Site.VERMIS: ((0, -64, -31), (6, 10, 11)),
}
"""Center (distance from the midline, y, z) and radii of the sites that are a place."""


@cache
def levels_of(plane: Plane, site: Site | None) -> tuple[int, ...]:
    """Levels of the asset at which a slice shows a site, or all of a plane.

    >>> levels_of(Plane.SAGITTAL, Site.SELLA)
    (2, 4, 6)
    """
    if site is None:
        return levels(plane)
    low, high = SPANS_MM[site][plane]
    return tuple(level for level in levels(plane) if low <= level <= high)


def place_sites(one: Individual, shares: Shares, regions: Regions) -> dict[Site, Mask]:
    """Candidate centers of the sites that a slice shows.

    Args:
        one: the slice.
        shares: tissue of it.
        regions: masks of it.
    """
    room, depth, height = regions.intracranial, -one.outside, one.height_mm
    near_white = cv2.blur(shares.white, (7, 7))
    border = (near_white > 0.3) & (near_white < 0.75) & (one.wet > 8)
    found = {
        Site.DURA: room & (depth > 3) & (depth < 9) & (height > -8),
        Site.CORTEX: room & (height > -16) & (shares.gray > 0.5) & (depth > 4) & (depth < 13),
        Site.JUNCTION: room & (height > -22) & border & (depth > 8) & (depth < 19),
        Site.DEEP_WHITE: regions.deep_white & (height > -6) & (depth > 12),
        Site.VENTRICLE: room & (np.abs(one.wet) < 3) & (depth > 10),
        **{site: _place(site, one) & room for site in PLACES_MM},
    }
    level, plane = one.source.level_mm, one.source.plane
    return {site: np.asarray(mask) for site, mask in found.items() if level in levels_of(plane, site) and mask.any()}


def _place(site: Site, one: Individual) -> Mask:
    """Pixels in an ellipse around a named place, projected on the slice."""
    (lateral, y, z), radii = PLACES_MM[site]
    across = (np.abs(one.x - MIDLINE_COLUMN) - lateral) / radii[0]
    up = (one.height_mm - z) / radii[2]
    if one.source.plane is Plane.SAGITTAL:
        u, v = (SAGITTAL_FRONT_MM - one.x - y) / radii[1], up
    elif one.source.plane is Plane.AXIAL:
        u, v = across, (AXIAL_FRONT_MM - one.y - y) / radii[1]
    else:
        u, v = across, up
    return np.asarray(u * u + v * v < 1)
