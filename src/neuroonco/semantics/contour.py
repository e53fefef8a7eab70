"""Outlines at sub-pixel level and the four shapes told from them (rule set ``default``)."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict
from scipy import ndimage
from scipy.spatial import ConvexHull, QhullError
from skimage import measure as skimage_measure

from neuroonco.images import Mask
from neuroonco.vocabulary import Shape

Points = npt.NDArray[np.float64]
SPIKE_DISC = 0.3
"""Radius of the disc that does not fit into spikes, as a share of the radius of the disc of equal area."""


class DefaultMeasureRules(BaseModel):
    """Section ``[measure]`` of ``rules/default.toml``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: Literal["default"]
    label_values_to: int
    min_component_px: int
    min_component_share: float
    min_shape_px: int
    smoothing_share: float
    size_small_below: float
    size_large_from: float
    size_small_below_of_box: float
    size_large_from_of_box: float
    box_holds_from: float
    midline_tolerance: float
    ellipse_overlap_oval_from: float
    elongation_round_to: float
    circularity_irregular_below: float
    solidity_irregular_below: float
    spikes_irregular_from: float
    dominant_share_from: float


@dataclass(frozen=True)
class Outline:
    """Scale-free numbers of one outline, from its smoothed sub-pixel contour, and of its spikes.

    Attributes:
        circularity: 4 pi area / perimeter squared.
        solidity: area over that of the convex hull.
        elongation: major over minor axis of the ellipse of equal second moments.
        ellipse_overlap: intersection over union with that ellipse.
        spikes: share of the pixels, before smoothing, that an opening with :data:`SPIKE_DISC` takes away.
    """

    circularity: float
    solidity: float
    elongation: float
    ellipse_overlap: float
    spikes: float


def outline_of(component: Mask, smoothing_share: float) -> Outline | None:
    """Measure one component (height, width) at sub-pixel level; None if it has no area to speak of.

    The mask is smoothed in proportion to its size before the 0.5 level is traced, so that circularity is about 1
    for a disc of any radius, and does not depend on the pixel grid.
    """
    rows, columns = np.nonzero(component)
    box = component[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    diameter = 2 * math.sqrt(rows.size / math.pi)
    sigma = max(0.7, smoothing_share * diameter)
    pad = math.ceil(4 * sigma) + 2
    smooth = ndimage.gaussian_filter(np.pad(box, pad).astype(np.float64), sigma)
    contours: list[Points] = skimage_measure.find_contours(smooth, 0.5)  # type: ignore[no-untyped-call]
    if not contours:
        return None
    points: Points = max(contours, key=len)
    area, perimeter = _area(points), float(np.linalg.norm(np.diff(points, axis=0), axis=1).sum())
    if area <= 0 or perimeter <= 0:
        return None
    try:
        hull = float(ConvexHull(points).volume)  # in two dimensions "volume" is the area
    except QhullError:
        return None
    inside = smooth >= 0.5
    elongation, overlap = _ellipse(inside)
    return Outline(
        circularity=4 * math.pi * area / perimeter**2,
        solidity=area / hull,
        elongation=elongation,
        ellipse_overlap=overlap,
        spikes=_spikes(box, SPIKE_DISC * diameter / 2),
    )


def shape_of(outline: Outline, rules: DefaultMeasureRules) -> Shape:
    """Round, oval, lobulated or irregular, from the numbers of an outline."""
    if outline.ellipse_overlap >= rules.ellipse_overlap_oval_from:
        return Shape.ROUND if outline.elongation <= rules.elongation_round_to else Shape.OVAL
    jagged = outline.circularity < rules.circularity_irregular_below
    concave = outline.solidity < rules.solidity_irregular_below
    spiked = outline.spikes >= rules.spikes_irregular_from
    return Shape.IRREGULAR if jagged or concave or spiked else Shape.LOBULATED


def _spikes(box: Mask, radius_px: float) -> float:
    """Share of a component that no disc of that radius within it covers; all of it if none fits."""
    padded = np.pad(box, 1)
    fits = ndimage.distance_transform_edt(padded) > radius_px
    if not fits.any():
        return 1.0
    covered = ndimage.distance_transform_edt(~fits) <= radius_px
    return float(1 - covered[padded].mean())


def _area(points: Points) -> float:
    y, x = points[:, 0], points[:, 1]
    return abs(float(np.dot(x[:-1], y[1:]) - np.dot(x[1:], y[:-1]))) / 2


def _ellipse(inside: Mask) -> tuple[float, float]:
    """Elongation of the ellipse of equal second moments, and its overlap (IoU) with the shape."""
    rows, columns = np.nonzero(inside)
    points = np.stack([rows, columns], axis=1).astype(np.float64)
    centre = points.mean(axis=0)
    # 1/12 is the variance of a unit pixel: without it small shapes look thinner than they are.
    covariance = np.cov((points - centre).T, bias=True) + np.eye(2) / 12
    variances, axes = np.linalg.eigh(covariance)
    grid = np.moveaxis(np.indices(inside.shape).astype(np.float64), 0, -1) - centre
    distance = (((grid @ axes) ** 2) / (4 * variances)).sum(axis=-1)
    ellipse = distance <= 1
    overlap = float((ellipse & inside).sum() / (ellipse | inside).sum())
    return math.sqrt(float(variances[1] / variances[0])), overlap
