"""Mask attributes as the reference system computes them, faults included (rule set ``paper``)."""

import math
from typing import Literal

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict

from neuroonco.images import Gray, Mask
from neuroonco.semantics.records import LesionSemantics, MaskGeometry
from neuroonco.semantics.regions import region_of
from neuroonco.vocabulary import LesionSize, LesionSpread, Shape


class PaperMeasureRules(BaseModel):
    """Section ``[measure]`` of ``rules/paper.toml``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: Literal["paper"]
    foreground_above: int
    size_small_below: float
    size_large_from: float
    circularity_irregular_below: float
    circularity_round_from: float
    elongation_round_to: float
    dominant_share_from: float


def measure_paper(values: Gray, rules: PaperMeasureRules) -> LesionSemantics | None:
    """Attributes of a mask's stored gray values (height, width); None without foreground.

    Source: MM-NeuroOnco v1.0 (arXiv 2602.22955), published code. The area of the largest component is its pixel
    count, the perimeter runs through pixel centres, so circularity exceeds 1 for small lesions: kept as it is.

    >>> from neuroonco.rules import load_rules
    >>> rules = load_rules("paper").section("measure", PaperMeasureRules)
    >>> measure_paper(np.full((10, 10), 4, dtype=np.uint8), rules) is None  # labels vanish at 127
    True
    """
    mask: Mask = values > rules.foreground_above
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    if count < 2:
        return None
    areas = stats[1:, cv2.CC_STAT_AREA]
    largest = int(np.argmax(areas)) + 1
    total, largest_px = int(areas.sum()), int(areas.max())
    component = (labels == largest).astype(np.uint8)
    contour = cv2.findContours(component, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0][0]
    perimeter = cv2.arcLength(contour, closed=True)
    circularity = 4 * math.pi * largest_px / perimeter**2 if perimeter > 0 else 0.0
    elongation = _fitted_elongation(contour)

    share = total / mask.size
    largest_share = largest_px / total
    rows, columns = np.nonzero(mask)
    height, width = mask.shape
    x, y = float(columns.mean()), float(rows.mean())
    return LesionSemantics(
        size=_size(share, rules),
        shape=_shape(circularity, elongation, rules),
        spread=_spread(len(areas), largest_share, rules),
        location=region_of(x, y, width, height),
        geometry=MaskGeometry(
            area_px=total,
            area_share=share,
            component_count=len(areas),
            largest_share=largest_share,
            circularity=circularity,
            elongation=elongation,
            centroid_x=x / width,
            centroid_y=y / height,
        ),
        rules="paper",
    )


def _fitted_elongation(contour: "cv2.typing.MatLike") -> float:
    if len(contour) < 5:
        return 1.0
    try:
        _, axes, _ = cv2.fitEllipse(contour)
    except cv2.error:
        return 1.0
    minor, major = sorted(axes)
    return major / minor if minor > 0 else 1.0


def _size(share: float, rules: PaperMeasureRules) -> LesionSize:
    if share < rules.size_small_below:
        return LesionSize.SMALL
    return LesionSize.MEDIUM if share < rules.size_large_from else LesionSize.LARGE


def _shape(circularity: float, elongation: float, rules: PaperMeasureRules) -> Shape:
    if circularity < rules.circularity_irregular_below:
        return Shape.IRREGULAR
    if circularity >= rules.circularity_round_from and elongation <= rules.elongation_round_to:
        return Shape.ROUND_OR_OVAL
    return Shape.LOBULATED


def _spread(components: int, largest_share: float, rules: PaperMeasureRules) -> LesionSpread:
    if components == 1:
        return LesionSpread.SOLITARY
    dominant = largest_share >= rules.dominant_share_from
    return LesionSpread.DOMINANT_WITH_SATELLITES if dominant else LesionSpread.SCATTERED
