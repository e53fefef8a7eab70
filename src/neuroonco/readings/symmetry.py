"""The midline of a slice, found from the outline of the head, and the slice reflected about it.

A tumor brightens or darkens one half, so that the axis on which gray values match best is drawn towards or away
from it. The outline of the head and of the brain is the same with and without it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from neuroonco.images import Mask
from neuroonco.readings.morphology import Pixels, blurred

Floats = npt.NDArray[np.float64]

SEARCH_SIDE_PX = 64
"""The midline is searched on a copy of this size: it is a coarse structure."""
MIN_OVERLAP = 0.8
"""Halves that overlap less than this share do not match, whatever their gray values say."""
KEPT = 0.8
"""The share of pixel pairs that agree best and are compared: a lesion on one side must not tell against the axis."""
OUTLINE_WEIGHT = 3.0
"""How much the outlines count against the gray values in the choice of the axis."""


EXTREME = 1.2
"""Gray values are cut off at so many distances between the quartiles of the brain from its median."""
LENGTH_WEIGHT, LONG_FROM = 0.6, 0.2
"""What it counts that the axis lies along the head, and by how much longer than wide a head is clearly long."""


@dataclass(frozen=True)
class Midline:
    """Axis of reflection: through (x, y) in pixels, its normal at ``angle`` radians from the x axis.

    Attributes:
        symmetry: correlation of the gray values with their reflection, the worst pairs left out, times the overlap.
    """

    x: float
    y: float
    angle: float
    symmetry: float

    def reflected(self, pixels: Pixels) -> Pixels:
        """An image reflected about the axis, 0 where it comes from outside."""
        height, width = pixels.shape
        matrix = reflection(self.x, self.y, self.angle)
        return np.asarray(cv2.warpAffine(pixels, matrix, (width, height), flags=cv2.INTER_LINEAR), np.float32)

    def side_of(self, shape: tuple[int, int]) -> Pixels:
        """Signed distance of each pixel from the axis."""
        y, x = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32)
        return np.asarray((x - self.x) * np.cos(self.angle) + (y - self.y) * np.sin(self.angle), np.float32)


@dataclass(frozen=True)
class _Coarse:
    """What is searched: small copies of the slice, of its fine structure and of the outlines.

    The outline of many a head is an ellipse with two axes; fissure, ventricles and sulci tell which is the midline.
    """

    pixels: Pixels
    fine: Pixels
    outlines: tuple[Pixels, ...]
    inside: Mask
    center: tuple[float, float]
    direction: float
    length: float

    def score(self, angle: float, offset: float) -> tuple[float, float]:
        """How well the halves match, outlines first, and their symmetry."""
        size = (self.pixels.shape[1], self.pixels.shape[0])
        cx, cy = self.center
        matrix = reflection(cx + offset * np.cos(angle), cy + offset * np.sin(angle), angle)
        match, both = 0.0, self.inside
        for outline in self.outlines:
            other = cv2.warpAffine(outline, matrix, size, flags=cv2.INTER_LINEAR)
            union = float(np.maximum(outline, other).sum())
            match += float(np.minimum(outline, other).sum()) / max(1.0, union) / len(self.outlines)
            both = both & (other > 0.5)
        if match < MIN_OVERLAP - 0.2 or both.sum() < 30:
            return match - 1, 0.0
        there = cv2.warpAffine(self.pixels, matrix, size, flags=cv2.INTER_LINEAR)
        symmetry = _trimmed_correlation(self.pixels[both], there[both], KEPT) * min(1.0, match / 0.9)
        fine = cv2.warpAffine(self.fine, matrix, size, flags=cv2.INTER_LINEAR)
        detail = _trimmed_correlation(self.fine[both], fine[both], 1.0)
        along = self.length * float(np.sin(angle - self.direction) ** 2)
        return OUTLINE_WEIGHT * match + symmetry + detail + LENGTH_WEIGHT * along, symmetry


def find_midline(pixels: Pixels, head: Mask, brain: Mask) -> Midline:
    """Search the axis about which the outlines of head and brain, and next the gray values, match best.

    All orientations are tried, as slices come rotated. A sagittal slice has no good axis: low symmetry.
    """
    height, width = pixels.shape
    shrink = SEARCH_SIDE_PX / max(height, width)
    size = (max(8, round(width * shrink)), max(8, round(height * shrink)))
    small = np.asarray(cv2.resize(_without_extremes(pixels, brain), size, interpolation=cv2.INTER_AREA), np.float32)
    outlines = tuple(
        np.asarray(cv2.resize(m.astype(np.float32), size, interpolation=cv2.INTER_AREA), np.float32)
        for m in (head, brain)
    )
    inside: Mask = outlines[1] > 0.5
    ys, xs = np.nonzero(inside)
    if xs.size < 30:
        return Midline(width / 2, height / 2, 0.0, 0.0)
    fine = _fine(small, outlines[1])
    center = (float(xs.mean()), float(ys.mean()))
    coarse = _Coarse(small * outlines[0], fine, outlines, inside, center, *_long_axis(outlines[0] > 0.5))
    angle, offset, symmetry = _best(coarse, ((np.deg2rad(d), 0.0) for d in range(-90, 90, 6)))
    for turn, shift in ((3.0, 1.5), (1.5, 0.75), (0.75, 0.4)):
        around = [(angle + np.deg2rad(turn * i), offset + shift * j) for i in (-1, 0, 1) for j in (-1, 0, 1)]
        angle, offset, symmetry = _best(coarse, around)
    x = coarse.center[0] + offset * np.cos(angle)
    y = coarse.center[1] + offset * np.sin(angle)
    return Midline(float((x + 0.5) / shrink - 0.5), float((y + 0.5) / shrink - 0.5), float(angle), symmetry)


def reflection(x: float, y: float, angle: float) -> Floats:
    """Affine matrix of the reflection about the line through (x, y) with normal at ``angle``."""
    n = np.array([np.cos(angle), np.sin(angle)])
    linear = np.eye(2) - 2 * np.outer(n, n)
    shift = 2 * n * float(n @ np.array([x, y]))
    return np.column_stack([linear, shift])


def _long_axis(head: Mask) -> tuple[float, float]:
    """Direction of the long axis of the head, and how clearly it has one, from 0 to 1."""
    ys, xs = np.nonzero(head)
    spread, axes = np.linalg.eigh(np.cov(np.vstack([xs, ys])))
    ratio = float(np.sqrt(spread[1] / max(1e-6, spread[0])))
    return float(np.arctan2(axes[1, 1], axes[0, 1])), min(1.0, (ratio - 1) / LONG_FROM)


def _best(coarse: _Coarse, axes: Iterable[tuple[float, float]]) -> tuple[float, float, float]:
    """Angle, offset and symmetry of the best of some axes."""
    scored = [(coarse.score(angle, offset), float(angle), float(offset)) for angle, offset in axes]
    (_, symmetry), angle, offset = max(scored)
    return angle, offset, symmetry


def _without_extremes(pixels: Pixels, brain: Mask) -> Pixels:
    """The slice with fluid, fat and most of a tumor's contrast cut off at the range of ordinary tissue."""
    if brain.sum() < 30:
        return pixels
    low, middle, high = (float(v) for v in np.percentile(pixels[brain], (25, 50, 75)))
    reach = max(0.08 * middle, EXTREME * (high - low), 1.0)
    return np.clip(pixels, middle - reach, middle + reach) - np.float32(middle - reach)


def _fine(small: Pixels, brain: Pixels) -> Pixels:
    """Structure finer than most tumors, cut off so that no edge outweighs the rest."""
    weight = np.maximum(blurred(brain, 3.0), 0.05)
    detail = (small - blurred((small * brain).astype(np.float32), 3.0) / weight) * brain
    limit = max(1e-3, 2 * float(np.median(np.abs(detail[brain > 0.5]))))
    return np.asarray(np.clip(detail, -limit, limit), np.float32)


def _trimmed_correlation(here: npt.NDArray[Any], there: npt.NDArray[Any], share: float) -> float:
    """Correlation over the share of pairs that agree best."""
    gap = np.abs(here - there)
    kept = gap <= np.quantile(gap, share)
    a, b = here[kept] - here[kept].mean(), there[kept] - there[kept].mean()
    power = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return 0.0 if power < 1e-6 else float((a * b).sum()) / power
