"""Skeptical evidence of margins: where the steep pixels are, and how steepness depends on the scale of looking."""

from itertools import pairwise

import cv2
import numpy as np

from neuroonco.images import Mask
from neuroonco.readings.brain import Pixels
from neuroonco.readings.site import Evidence, Site, log_ratio, smoothed

SCALES_PX = (0.7, 1.4, 2.8, 5.0)
NOISE_LEFT = (0.30, 0.08)
"""Standard deviation of the steepness of white noise of deviation 1 at the first two scales."""
BELTS_PX = (0.0, 1.1, 2.1, 3.6, 6.0)
"""Limits of the belts along the outline, on both sides of it."""
BAND_PX = 1.6
"""Half width of the band in which scales are compared."""
FAINTEST = 0.001
"""Steepness below this share of the brain's level a pixel counts as this."""
NAMES = (
    *(f"fine_{n}" for n in (1, 2, 3)),
    *(f"middle_{n}" for n in (1, 2, 3)),
    *(f"fall_{n}" for n in (1, 2, 3)),
    "between",
    "contrast",
    "size",
)


def margins_by_scale(site: Site) -> Evidence:
    """How the steepness across the outline falls with distance and with smoothing, over all pixels of a belt.

    A sharp edge is steep on the outline alone and loses steepness with every smoothing; a gradual one is as steep
    beside it and hardly loses any. Steep pixels weigh most, as squares do, so contrast need not be even.

    Returns:
        ``sharp_fine_1`` ... ``_3``: logarithm of the mean squared steepness in a belt over that in the next, at the
        finest scale, noise taken off; ``sharp_middle_…`` at the second. ``sharp_fall_1`` ... ``_3``: steepness on
        the outline at a scale, regressed on that at the next. ``sharp_between``: logarithm of the width of the
        strip whose signal is neither inside nor outside, as a share of the head's diameter. ``sharp_contrast``:
        logarithm of the inside-outside difference over noise. ``sharp_size``: logarithm of the lesion's radius as
        a share of the head's diameter: what a scale is to it.
    """
    away = np.abs(site.away_px)
    usable = site.view.head[site.window] & ~(site.lesion & ~site.piece)
    belts = [(away >= low) & (away < high) & usable for low, high in pairwise(BELTS_PX)]
    if min(int(belt.sum()) for belt in belts) < 10:
        return {f"sharp_{name}": None for name in NAMES}
    across = _normal(site.away_px)
    steep = [_steepness(site.pixels, across, sigma) for sigma in SCALES_PX]
    band = (away < BAND_PX) & usable
    between, contrast = _strip(site, usable)
    found = (
        *_falls(site, steep[0], belts, NOISE_LEFT[0]),
        *_falls(site, steep[1], belts, NOISE_LEFT[1]),
        *(_regressed(steep[n][band], steep[n + 1][band]) for n in range(3)),
        between,
        log_ratio(contrast, site.noise_sd),
        log_ratio(site.radius_px, site.head_px),
    )
    return {f"sharp_{name}": value for name, value in zip(NAMES, found, strict=True)}


def _normal(away_px: Pixels) -> tuple[Pixels, Pixels]:
    """Unit vectors away from the lesion, as columns and rows."""
    soft = smoothed(away_px, 1.5)
    gx = cv2.Sobel(soft, cv2.CV_32F, 1, 0, ksize=3)
    gy = cv2.Sobel(soft, cv2.CV_32F, 0, 1, ksize=3)
    length = np.maximum(cv2.magnitude(gx, gy), 1e-6)
    return np.asarray(gx / length, np.float32), np.asarray(gy / length, np.float32)


def _steepness(pixels: Pixels, across: tuple[Pixels, Pixels], sigma_px: float) -> Pixels:
    """Gray values a pixel on the way out."""
    smooth = smoothed(pixels, sigma_px)
    gx = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, ksize=3, scale=0.125)
    gy = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, ksize=3, scale=0.125)
    return np.asarray(gx * across[0] + gy * across[1], np.float32)


def _falls(site: Site, steep: Pixels, belts: list[Mask], noise_left: float) -> list[float]:
    """Logarithm of the energy of each belt over that of the next."""
    noise, least = (noise_left * site.noise_sd) ** 2, (FAINTEST * site.level) ** 2
    energy = [max(least, float((steep[belt].astype(np.float64) ** 2).mean()) - noise) for belt in belts]
    return [log_ratio(here, further) for here, further in pairwise(energy)]


def _regressed(fine: Pixels, coarse: Pixels) -> float:
    power = float((coarse.astype(np.float64) ** 2).sum())
    return float((fine.astype(np.float64) * coarse).sum()) / max(power, 1e-9)


def _strip(site: Site, usable: Mask) -> tuple[float | None, float]:
    """Width of the strip of intermediate signal, and the difference between inside and outside."""
    smooth = smoothed(site.pixels, 0.7)
    depth = float(-site.away_px.min())
    inside = site.piece & (site.away_px < -min(4.0, 0.4 * depth))
    outside = usable & (site.away_px > 4) & (site.away_px < 10)
    if inside.sum() < 10 or outside.sum() < 10:
        return None, site.noise_sd
    low, high = float(np.median(smooth[inside])), float(np.median(smooth[outside]))
    contrast = abs(high - low)
    if contrast < max(2 * site.noise_sd, 0.06 * site.level):
        return None, contrast
    share = (smooth - low) / (high - low)
    near = usable & (np.abs(site.away_px) < 7)
    count = float((near & (share > 0.25) & (share < 0.75)).sum())
    length = max(1.0, float((np.abs(site.away_px) < 1).sum()) / 2)
    return log_ratio(count / length, site.head_px), contrast
