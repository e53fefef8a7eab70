"""The brain with coil shading taken out and gray values in units of its usual tissue."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from neuroonco.images import Mask
from neuroonco.readings.brain import View
from neuroonco.readings.morphology import Pixels, blurred

Floats = npt.NDArray[np.float64]

SMOOTH = 0.007
"""Width of the smoothing against noise, as a share of the head's diameter."""
STRIDE = 3
"""Every so manieth pixel and row counts in the fit of the shading, which is smooth."""
ROUNDS = 4
MOST_SHADING = 0.25
"""Shading by more than this share either way is not corrected: a large lesion looks alike."""
MIN_BRAIN_PX = 300


@dataclass(frozen=True)
class Evened:
    """A brain in units of its median.

    Attributes:
        values: (height, width) smoothed gray values, shading divided out, over the median of the brain.
        raw: the same without smoothing.
        inner: brain without its outermost rim, where partial volume and remains of the skull mislead.
        spread: distance of the quartiles of ``values`` in the brain.
        area_px: of the brain.
        center: of the brain, (y, x).
    """

    values: Pixels
    raw: Pixels
    inner: Mask
    spread: float
    area_px: int
    center: tuple[float, float]


def evened(view: View) -> Evened | None:
    """Even out the shading of a slice; None where hardly any brain is seen."""
    unit = view.head_diameter_px
    inner = view.brain & (view.depth_px > 0.012 * unit)
    if inner.sum() < MIN_BRAIN_PX:
        return None
    smooth = blurred(view.pixels, max(0.8, SMOOTH * unit))
    shading = _shading(smooth, inner & (view.depth_px > 0.03 * unit))
    level = float(np.median((smooth / shading)[inner]))
    if level < 2:
        return None
    values = np.asarray(smooth / shading / level, np.float32)
    ys, xs = np.nonzero(inner)
    low, high = (float(v) for v in np.percentile(values[inner], (25, 75)))
    return Evened(
        values=values,
        raw=np.asarray(view.pixels / shading / level, np.float32),
        inner=inner,
        spread=max(0.02, high - low),
        area_px=int(inner.sum()),
        center=(float(ys.mean()), float(xs.mean())),
    )


def _shading(smooth: Pixels, inner: Mask) -> Pixels:
    """A quadratic surface through the logarithm of the usual tissue, around 1; what differs much does not count."""
    height, width = smooth.shape
    ys, xs = np.nonzero(inner[::STRIDE, ::STRIDE])
    ys, xs = ys * STRIDE, xs * STRIDE
    if xs.size < 60:
        return np.ones_like(smooth)
    middle_y, middle_x, reach = ys.mean(), xs.mean(), max(float(np.ptp(xs)), float(np.ptp(ys)), 1.0) / 2
    table = _terms((ys - middle_y) / reach, (xs - middle_x) / reach)
    target = np.log(np.maximum(smooth[ys, xs].astype(np.float64), 1.0))
    target = target - float(np.median(target))
    kept = np.abs(target) < 0.5
    weights: npt.NDArray[Any] = np.zeros(table.shape[1])
    for _ in range(ROUNDS):
        if kept.sum() < 60:
            return np.ones_like(smooth)
        chosen = table[kept]
        weights = np.linalg.solve(chosen.T @ chosen + 0.5 * np.eye(chosen.shape[1]), chosen.T @ target[kept])
        gap = np.abs(target - table @ weights)
        kept = gap < max(0.08, 2.0 * float(np.median(gap)))
    weights[0] = 0
    down, across = np.mgrid[0:height, 0:width]
    field = _terms((down - middle_y) / reach, (across - middle_x) / reach) @ weights
    limit = np.log1p(MOST_SHADING)
    return np.asarray(np.exp(np.clip(field, -limit, limit)), np.float32)


def _terms(y: Floats, x: Floats) -> Floats:
    """Columns of the quadratic surface."""
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)
