"""Skeptical evidence of shape: the area of the lesion, as moments, hull, openings and distances to the edge."""

import cv2
import numpy as np
import numpy.typing as npt

from neuroonco.images import Mask
from neuroonco.readings.brain import disc, distance
from neuroonco.readings.site import Evidence, Site, log_ratio

RADIUS_PX = 28.0
"""Lesions are enlarged or reduced to this radius, so that discs of a share of it are true to form."""
NAMES = ("elongation", "misfit", "hollow", "spikes", "corners", "filled", "girth", "spread")


def shape_by_moments(site: Site) -> Evidence:
    """How the area departs from the ellipse of equal moments, and what openings take from it.

    Returns:
        ``area_elongation``: logarithm of the ratio of the axes. ``area_misfit``: 1 - overlap with the ellipse.
        ``area_hollow``: share of the convex hull not filled. ``area_spikes``, ``area_corners``: share lost under
        an opening by a disc of 0.3 and 0.6 of the radius. ``area_filled``: share gained under a closing by 0.4.
        ``area_girth``: radius of the largest disc inside over that of equal area. ``area_spread``: logarithm of
        the fourth over the squared second radial moment, after the ellipse is made a disc.
    """
    area = _at_standard_size(site.piece)
    found = None if area is None else _measured(area)
    values: tuple[float | None, ...] = (None,) * len(NAMES) if found is None else found
    return {f"area_{name}": value for name, value in zip(NAMES, values, strict=True)}


def _at_standard_size(piece: Mask) -> Mask | None:
    ys, xs = np.nonzero(piece)
    if xs.size < 5:
        return None
    scale = RADIUS_PX / float(np.sqrt(xs.size / np.pi))
    cut = np.pad(piece[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1], 2).astype(np.float32)
    size = (max(8, round(cut.shape[1] * scale)), max(8, round(cut.shape[0] * scale)))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    soft = cv2.GaussianBlur(cv2.resize(cut, size, interpolation=way), (0, 0), max(0.5, 0.5 * scale))
    return np.pad(np.asarray(soft >= 0.5), int(RADIUS_PX))


def _measured(area: Mask) -> tuple[float, ...] | None:
    ys, xs = np.nonzero(area)
    total = float(xs.size)
    if total < 50:
        return None
    cov = np.cov(np.vstack([xs, ys])) + np.eye(2) / 12  # a pixel is a square, not a point
    small, big = np.linalg.eigvalsh(cov)
    if small < 1.0:
        return None
    inverse = np.linalg.inv(cov)
    gy, gx = np.mgrid[0 : area.shape[0], 0 : area.shape[1]]
    dx, dy = gx - xs.mean(), gy - ys.mean()
    radius2 = inverse[0, 0] * dx * dx + 2 * inverse[0, 1] * dx * dy + inverse[1, 1] * dy * dy
    ellipse = radius2 <= total / (np.pi * np.sqrt(small * big))
    overlap = float((ellipse & area).sum() / (ellipse | area).sum())
    hull = cv2.convexHull(np.column_stack([xs, ys]).astype(np.int32))
    hull_area = float(cv2.fillConvexPoly(np.zeros(area.shape, np.uint8), hull, 1).sum())
    inside = radius2[area]
    return (
        0.5 * log_ratio(float(big), float(small)),
        1 - overlap,
        1 - total / hull_area,
        1 - _morphed(area, cv2.MORPH_OPEN, 0.3) / total,
        1 - _morphed(area, cv2.MORPH_OPEN, 0.6) / total,
        _morphed(area, cv2.MORPH_CLOSE, 0.4) / total - 1,
        float(distance(area).max()) / RADIUS_PX,
        log_ratio(float((inside**2).mean()), float(inside.mean()) ** 2),
    )


def _morphed(area: Mask, operation: int, share: float) -> float:
    kernel: npt.NDArray[np.uint8] = disc(share * RADIUS_PX)
    return float(cv2.morphologyEx(area.astype(np.uint8), operation, kernel).sum())
