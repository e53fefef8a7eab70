"""Our mask attributes: sub-pixel outlines, noise-proof components, four shapes (rule set ``default``)."""

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
from neuroonco.semantics.records import LesionSemantics, MaskGeometry
from neuroonco.semantics.regions import region_of
from neuroonco.vocabulary import LesionSize, LesionSpread, Shape

Points = npt.NDArray[np.float64]


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
    ellipse_overlap_oval_from: float
    elongation_round_to: float
    circularity_irregular_below: float
    solidity_irregular_below: float
    dominant_share_from: float


@dataclass(frozen=True)
class Outline:
    """Scale-free numbers of one outline, from its smoothed sub-pixel contour."""

    circularity: float
    solidity: float
    elongation: float
    ellipse_overlap: float


def measure_default(mask: Mask, rules: DefaultMeasureRules) -> LesionSemantics | None:
    """Attributes of a lesion mask (height, width); None without foreground.

    Components below the noise limits are left out, unless nothing else is there. The shape is None where the
    largest component is too small to judge.
    """
    labels, count = ndimage.label(mask, structure=np.ones((3, 3)))
    if count == 0:
        return None
    areas = np.bincount(labels.ravel())[1:]
    limit = max(rules.min_component_px, rules.min_component_share * int(areas.sum()))
    counted = np.flatnonzero(areas >= limit)
    if counted.size == 0:
        counted = np.array([int(np.argmax(areas))])
    total = int(areas[counted].sum())
    largest = int(counted[np.argmax(areas[counted])])
    largest_px = int(areas[largest])

    foreground = np.isin(labels, counted + 1)
    rows, columns = np.nonzero(foreground)
    share = total / mask.size
    centroid_x = (float(columns.mean()) + 0.5) / mask.shape[1]
    centroid_y = (float(rows.mean()) + 0.5) / mask.shape[0]
    outline = outline_of(labels == largest + 1, rules.smoothing_share)
    judged = outline is not None and largest_px >= rules.min_shape_px
    return LesionSemantics(
        size=_size(share, rules),
        shape=shape_of(outline, rules) if judged and outline is not None else None,
        spread=_spread(counted.size, largest_px / total, rules),
        location=region_of(centroid_x, centroid_y),
        geometry=MaskGeometry(
            area_px=total,
            area_share=share,
            component_count=int(counted.size),
            largest_share=largest_px / total,
            circularity=outline.circularity if outline else None,
            elongation=outline.elongation if outline else 1.0,
            centroid_x=centroid_x,
            centroid_y=centroid_y,
        ),
        rules="default",
    )


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
    )


def shape_of(outline: Outline, rules: DefaultMeasureRules) -> Shape:
    """Round, oval, lobulated or irregular, from the numbers of an outline."""
    if outline.ellipse_overlap >= rules.ellipse_overlap_oval_from:
        return Shape.ROUND if outline.elongation <= rules.elongation_round_to else Shape.OVAL
    jagged = outline.circularity < rules.circularity_irregular_below
    concave = outline.solidity < rules.solidity_irregular_below
    return Shape.IRREGULAR if jagged or concave else Shape.LOBULATED


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


def _size(share: float, rules: DefaultMeasureRules) -> LesionSize:
    if share < rules.size_small_below:
        return LesionSize.SMALL
    return LesionSize.MEDIUM if share < rules.size_large_from else LesionSize.LARGE


def _spread(components: int, largest_share: float, rules: DefaultMeasureRules) -> LesionSpread:
    if components == 1:
        return LesionSpread.SOLITARY
    dominant = largest_share >= rules.dominant_share_from
    return LesionSpread.DOMINANT_WITH_SATELLITES if dominant else LesionSpread.SCATTERED
