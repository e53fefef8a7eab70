"""The sequence of a slice by its pixels: the order of the tissues, and what shines on which sequence.

Fluid is dark and white matter brighter than gray on T1; fluid is bright on T2; fluid is dark and gray brighter than
white on FLAIR; contrast medium makes vessels, sinuses and mucosa the brightest things of a T1.
"""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from neuroonco.images import Mask
from neuroonco.outcomes import Record
from neuroonco.readings.brain import View
from neuroonco.readings.evened import Evened, evened
from neuroonco.readings.logistic import load_fitted
from neuroonco.readings.morphology import Pixels, blurred, disc, opened
from neuroonco.readings.rules import ReadRules
from neuroonco.vocabulary import MRSequence

Floats = npt.NDArray[np.float64]

MODEL = "sequence"
PERCENTILES = (1, 5, 15, 30, 70, 85, 95, 99, 99.7)
SMALL = 0.018
"""Vessels are thinner than two of these shares of the head's diameter, lesions mostly thicker."""
NAMES = (
    *(f"percentile_{p:g}" for p in PERCENTILES),
    *("skew", "rim_low", "rim_high", "rim_middle", "deep_low", "deep_high", "deep_middle"),
    *("thin_bright", "thin_brightest", "thin_dark", "slope", "slope_bright", "slope_dark", "scalp", "scalp_high"),
    *("fatty", "dark_outside", "below_dark", "modes", "sinus", "sinus_share"),
    *("by_fluid_0", "by_fluid_1", "by_fluid_2", "by_water_0", "by_water_1", "by_water_2"),
)


class SequenceSeen(Record):
    """What the pixels say about the sequence.

    Attributes:
        sequence: the most probable one; None where that is not probable enough.
        confidence: probability of the most probable one.
        probabilities: of all four, by name.
    """

    sequence: MRSequence | None
    confidence: float
    probabilities: dict[str, float]


def sequence_seen(view: View, rules: ReadRules) -> SequenceSeen:
    """Tell the sequence of a slice; no sequence where it is less probable than the rules want."""
    found = load_fitted(MODEL).probabilities(sequence_features(view))
    name, confidence = max(found.items(), key=lambda item: item[1])
    clear = confidence >= rules.sequence_confidence_from
    return SequenceSeen(sequence=MRSequence(name) if clear else None, confidence=confidence, probabilities=found)


def sequence_features(view: View) -> dict[str, float | None]:
    """Measurements that tell sequences apart, in units of the median of the brain.

    Returns:
        ``percentile_*``: of the gray values of the brain. ``rim_*``, ``deep_*``: quartiles and median near the edge,
        where fluid and cortex lie, and in the middle, where white matter and ventricles do. ``thin_*``: how far thin
        structures rise above or sink below what is around them. ``slope*``: how signal changes from the edge
        inwards, in all and in the brighter and darker half. ``scalp``, ``face``: signal outside the brain.
        ``below_dark``: share of the brain far below the median. ``modes``: which side of the main peak holds more.
    """
    even = evened(view)
    if even is None:
        return dict.fromkeys(NAMES)
    unit = view.head_diameter_px
    inside = even.values[even.inner].astype(np.float64)
    depth = view.depth_px[even.inner] / unit
    found: dict[str, float | None] = {
        f"percentile_{p:g}": float(np.log(max(v, 0.02)))
        for p, v in zip(PERCENTILES, np.percentile(inside, PERCENTILES), strict=True)
    }
    usual = inside[(inside > 0.5) & (inside < 1.6)]
    found["skew"] = float(((usual - usual.mean()) ** 3).mean() / max(1e-6, float(usual.std()) ** 3))
    found |= _quartiles("rim", inside[depth < 0.06]) | _quartiles("deep", inside[depth > 0.18])
    found |= _thin(even, unit)
    found["slope"] = _slope(depth, inside, np.ones(inside.shape, dtype=bool))
    found["slope_bright"] = _slope(depth, inside, (inside > 1) & (inside < 1.7))
    found["slope_dark"] = _slope(depth, inside, (inside < 1) & (inside > 0.55))
    found |= _outside(view, float(np.median(view.pixels[even.inner])))
    found |= _sinus(view, float(np.median(view.pixels[even.inner])), unit) | _by_distance(even, unit)
    found["below_dark"] = float(np.log((inside < 0.55).mean() + 0.002))
    found["modes"] = _lean(usual)
    return found


def _quartiles(name: str, values: Floats) -> dict[str, float | None]:
    keys = (f"{name}_low", f"{name}_middle", f"{name}_high")
    if values.size < 80:
        return dict.fromkeys(keys)
    return {k: float(v) for k, v in zip(keys, np.percentile(values, (10, 50, 90)), strict=True)}


def _thin(even: Evened, unit: float) -> dict[str, float | None]:
    """Heights and depths of what is thinner than a mass: vessels and enhancing septa, or sulci."""
    values = even.values
    usual = blurred(values, SMALL * unit)
    over = (values - usual)[even.inner]
    bright = (values > 1.35) & even.inner
    thin = bright & ~opened(bright, SMALL * unit)
    return {
        "thin_bright": float(np.percentile(over, 99)),
        "thin_brightest": float(np.log(thin.sum() / even.area_px + 1e-3)),
        "thin_dark": float(-np.percentile(over, 2)),
    }


def _slope(depth: npt.NDArray[Any], values: Floats, chosen: npt.NDArray[np.bool_]) -> float | None:
    """Change of signal from the edge of the brain inwards, by least squares."""
    if chosen.sum() < 80:
        return None
    x, y = depth[chosen], values[chosen]
    x = x - x.mean()
    power = float((x * x).sum())
    return None if power < 1e-9 else float((x * (y - y.mean())).sum()) / power


def _outside(view: View, level: float) -> dict[str, float | None]:
    """Signal of scalp and face against the brain's."""
    shell: Mask = view.head & ~view.brain
    found: dict[str, float | None] = dict.fromkeys(
        ("scalp", "scalp_high", "fatty", "dark_outside", "sinus", "sinus_share")
    )
    if shell.sum() < 0.08 * view.head.sum() or level < 1:
        return found
    pixels: Pixels = view.pixels[shell] / level
    found["scalp"], found["scalp_high"] = (float(v) for v in np.percentile(pixels, (60, 92)))
    found["fatty"], found["dark_outside"] = float((pixels > 1.5).mean()), float((pixels < 0.4).mean())
    return found


def _sinus(view: View, level: float, unit: float) -> dict[str, float | None]:
    """Small bright things at the edge of the brain, just inside and outside: veins full of contrast medium."""
    rim = view.head & (np.abs(view.depth_px) < 0.03 * unit)
    rim &= np.asarray(cv2.dilate(view.brain.astype(np.uint8), disc(0.02 * unit)) > 0)
    if rim.sum() < 50:
        return {"sinus": None, "sinus_share": None}
    smooth = blurred(view.pixels, 0.8)
    hat = cv2.morphologyEx(smooth, cv2.MORPH_TOPHAT, disc(SMALL * unit)) / max(1.0, level)
    return {"sinus": float(np.percentile(hat[rim], 99)), "sinus_share": float((hat[rim] > 0.4).mean())}


def _by_distance(even: Evened, unit: float) -> dict[str, float | None]:
    """Signal of ordinary tissue near dark or bright fluid, less that far from it: cortex lies near."""
    found: dict[str, float | None] = {}
    values = even.values
    ordinary = even.inner & (values > 0.65) & (values < 1.5)
    for name, fluid in (("by_fluid", values < 0.6), ("by_water", values > 1.5)):
        away = np.asarray(ndimage.distance_transform_edt(~(fluid & even.inner))) / unit
        far = ordinary & (away > 0.06)
        for number, (first, end) in enumerate(((0.013, 0.025), (0.025, 0.04), (0.04, 0.06))):
            near = ordinary & (away > first) & (away <= end)
            known = (fluid & even.inner).sum() >= 60 and near.sum() >= 60 and far.sum() >= 60
            gap = float(np.median(values[near]) - np.median(values[far])) if known else None
            found[f"{name}_{number}"] = gap
    return found


def _lean(usual: Floats) -> float:
    """Mean over mode of the usual tissue: white matter brighter than gray leans down, darker leans up."""
    counts, edges = np.histogram(usual, bins=44, range=(0.5, 1.6))
    smooth = np.convolve(counts, (0.25, 0.5, 0.25), mode="same")
    mode = float(edges[int(smooth.argmax())]) + 0.0125
    return float(usual.mean()) - mode
