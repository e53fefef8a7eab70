"""Truth from the drawing: what the noise-free picture shows, whatever was planned."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from neuroonco.head import Box
from neuroonco.images import Mask
from neuroonco.phantoms.edema import edema_drawn
from neuroonco.phantoms.fields import Field, Values
from neuroonco.phantoms.lesion import Focus
from neuroonco.phantoms.plan import LesionPlan
from neuroonco.readings.records import Signs
from neuroonco.vocabulary import (
    Enhancement,
    LesionSize,
    LesionSpread,
    MRSequence,
    Shape,
    Sign,
    SignalIntensity,
    Texture,
    assessable,
)

CORE_FROM = 0.8
"""Coverage by lesion from which a pixel tells of its signal."""
PURE_FROM, MIN_PURE_PX = 0.96, 20
"""The same for its texture, which a blurred edge would feign, if there are so many such pixels."""
SIGNAL_MARGIN = 0.12
"""A pixel this share away from white matter is brighter or darker than it."""
MIXED_FROM = 0.3
"""Least share of brighter, and of darker, pixels in a mixed lesion."""
ENHANCED_FROM = 1.25
"""A pixel of a lesion on T1 with contrast enhances from this multiple of white matter."""
ABSENT_BELOW, SOLID_FROM, RING_FROM = 0.05, 0.85, 0.45
"""Share of enhancing pixels below which there is no enhancement and from which it is solid; how much larger the share
is in the outer half of a lesion than in the inner one where it is a ring."""
UNEVEN_FROM = 0.07
"""Standard deviation over mean, from which a lesion is heterogeneous."""
SMALL_BELOW, LARGE_FROM, DOMINANT_FROM = 0.014, 0.07, 0.7
"""Limits of the default rules, which define the words of the truth; sizes are shares of the head's box."""
ROUND_TO, OVAL_FROM = 1.22, 1.35
SMOOTH_FROM, LOBULATED_FROM, LOBULATED_TO, IRREGULAR_BELOW = 0.945, 0.86, 0.955, 0.84
"""Elongation, and area over that of the convex hull, between which each shape shows on the pixel grid."""


@dataclass(frozen=True)
class Drawing:
    """A drawn lesion.

    Attributes:
        plan: what it was to show.
        sequence: of the slice.
        foci: largest first.
        coverage: by lesion, 0 to 1.
        edema: its oedema; None if none was drawn.
        noise_free: gray values before shading and noise.
        white: of normal white matter in them.
    """

    plan: LesionPlan
    sequence: MRSequence
    foci: list[Focus]
    coverage: Field
    edema: Mask | None
    noise_free: Field
    white: float


def signs_of(drawing: Drawing) -> Signs:
    """The six signs as drawn; None where the sequence cannot show one, and for a shape that the grid swallowed."""
    main, core = drawing.foci[0], drawing.coverage >= CORE_FROM
    inner = main.mask & (drawing.coverage >= PURE_FROM)
    if inner.sum() < MIN_PURE_PX:
        inner = main.mask & core
    ratio = drawing.noise_free / np.float32(drawing.white)
    lesion = np.asarray(np.logical_or.reduce([f.mask for f in drawing.foci]))
    signs: dict[Sign, Any] = {
        Sign.SHAPE: drawing.plan.shape if shows(main.mask, drawing.plan.shape) else None,
        Sign.MARGINS: drawing.plan.margins,
        Sign.TEXTURE: texture_of(ratio[inner]),
        Sign.ENHANCEMENT: enhancement_of(ratio, main, core),
        Sign.EDEMA: edema_drawn(drawing.edema, lesion),
        Sign.SIGNAL_INTENSITY: signal_against(ratio[core], 1.0),
    }
    return Signs(**{sign.value: value for sign, value in signs.items() if assessable(sign, drawing.sequence)})


def signal_against(values: Values, white: float) -> SignalIntensity:
    """Judge the noise-free pixels of a lesion against the signal of normal white matter."""
    brighter = float((values > white * (1 + SIGNAL_MARGIN)).mean())
    darker = float((values < white * (1 - SIGNAL_MARGIN)).mean())
    if min(brighter, darker) > MIXED_FROM:
        return SignalIntensity.MIXED
    difference = float(values.mean()) / white - 1
    if abs(difference) <= SIGNAL_MARGIN:
        return SignalIntensity.ISOINTENSE
    return SignalIntensity.HYPERINTENSE if difference > 0 else SignalIntensity.HYPOINTENSE


def texture_of(values: Values) -> Texture:
    """Even or uneven, by the spread of the noise-free pixels of the largest focus over their mean."""
    return Texture.HETEROGENEOUS if values.std() / values.mean() >= UNEVEN_FROM else Texture.HOMOGENEOUS


def enhancement_of(ratio: Field, focus: Focus, core: Mask) -> Enhancement:
    """Pattern of enhancement from multiples of the signal of white matter in the largest focus."""
    inside = focus.mask & core
    enhanced = ratio[inside] >= ENHANCED_FROM
    share = float(enhanced.mean())
    if share < ABSENT_BELOW:
        return Enhancement.ABSENT
    middle = np.median(focus.depth[inside])
    outer, inner = focus.depth[inside] <= middle, focus.depth[inside] > middle
    if outer.any() and inner.any() and enhanced[outer].mean() - enhanced[inner].mean() >= RING_FROM:
        return Enhancement.RING
    return Enhancement.SOLID if share >= SOLID_FROM else Enhancement.PATCHY


def shows(mask: Mask, shape: Shape) -> bool:
    """Whether the pixels of one focus still have the shape that was to be drawn."""
    elongation, solidity = _proportions(mask)
    if shape is Shape.ROUND:
        return solidity >= SMOOTH_FROM and elongation <= ROUND_TO
    if shape is Shape.OVAL:
        return solidity >= SMOOTH_FROM and elongation >= OVAL_FROM
    if shape is Shape.LOBULATED:
        return LOBULATED_FROM <= solidity <= LOBULATED_TO
    return solidity < IRREGULAR_BELOW


def _proportions(mask: Mask) -> tuple[float, float]:
    """Elongation, and area over that of the convex hull, of pixels counted as squares."""
    rows, columns = np.nonzero(mask)
    points = np.stack([columns, rows], axis=1).astype(np.float32)
    spread = np.linalg.eigvalsh(np.cov(points.T, bias=True) + np.eye(2) / 12)
    corners = np.concatenate([points + np.array(c, np.float32) / 2 for c in ((-1, -1), (-1, 1), (1, -1), (1, 1))])
    # The stairs of the grid add about half a pixel all round to a hull of corners.
    hull = cv2.convexHull(corners)
    area = cv2.contourArea(hull) - 0.35 * cv2.arcLength(hull, closed=True)
    return float(np.sqrt(spread[1] / spread[0])), min(1.0, len(points) / max(area, 1.0))


def size_of(mask: Mask, box: Box) -> LesionSize:
    """Size class of a mask by its area as a share of the head's box."""
    share = float(mask.sum()) / box.area_px
    if share < SMALL_BELOW:
        return LesionSize.SMALL
    return LesionSize.MEDIUM if share < LARGE_FROM else LesionSize.LARGE


def spread_of(areas_px: list[int]) -> LesionSpread:
    """Spread of foci from their areas."""
    if len(areas_px) == 1:
        return LesionSpread.SOLITARY
    dominant = max(areas_px) / sum(areas_px) >= DOMINANT_FROM
    return LesionSpread.DOMINANT_WITH_SATELLITES if dominant else LesionSpread.SCATTERED
