"""Conservative evidence of margins: signal by distance from the outline, direction by direction."""

import numpy as np
from scipy import ndimage

from neuroonco.readings.site import Evidence, Floats, Site, log_ratio

SECTORS = 12
"""The edge is judged in so many directions from the lesion's centre."""
BIN_PX = 0.5
"""Pixels of equal distance, to this precision, are averaged: no normals are needed, so jagged outlines do no harm."""
SMOOTHING_PX = 0.35
CENTRAL_PX = 2.5
"""The steepest place of an edge lies within this of the outline."""
MIN_STEP = 0.06
"""A step smaller than this share of the brain's level, or than twice the noise, is no edge."""
NAMES = (
    "width",
    "wide",
    "narrow",
    "relative",
    "weighted",
    "judged",
    "height",
    "radius",
    "near",
    "pooled",
    "pooled_near",
)


def margins_by_profile(site: Site) -> Evidence:
    """How wide the change of signal across the outline is.

    Returns:
        ``edge_width``, ``edge_wide``, ``edge_narrow``: logarithm of the median, upper and lower quartile of the
        directions' widths as a share of the head's diameter: step height over steepest slope. ``edge_relative``:
        the median against the lesion's radius. ``edge_weighted``: mean weighted by the height of the step.
        ``edge_judged``: share of the directions with a step. ``edge_height``: logarithm of the typical step over
        noise. ``edge_radius``: logarithm of the lesion's radius as a share of the head's diameter. ``edge_near``:
        weighted mean of the logarithm of the change within two pixels of the outline over that within five.
        ``edge_pooled``, ``edge_pooled_near``: width and nearness of the profile of all directions together.
    """
    profiles, at = _profiles(site)
    least = max(MIN_STEP * site.level, 2.0 * site.noise_sd)
    steps = [_step(profile, at, least) for profile in profiles]
    judged = np.array([step for step in steps if step is not None]).reshape(-1, 3)
    if len(judged) < 2:
        return {f"edge_{name}": None for name in NAMES}
    low, middle, high = np.percentile(judged[:, 1], [25, 50, 75])
    weights = judged[:, 0] ** 2
    found = (
        log_ratio(float(middle), site.head_px),
        log_ratio(float(high), site.head_px),
        log_ratio(float(low), site.head_px),
        log_ratio(float(middle), site.radius_px),
        log_ratio(float(np.exp(np.average(np.log(judged[:, 1]), weights=weights))), site.head_px),
        len(judged) / SECTORS,
        log_ratio(float(np.median(judged[:, 0])), site.noise_sd),
        log_ratio(site.radius_px, site.head_px),
        float(np.average(judged[:, 2], weights=weights)),
        *_pooled(profiles, at, site),
    )
    return {f"edge_{name}": value for name, value in zip(NAMES, found, strict=True)}


def _profiles(site: Site) -> tuple[Floats, Floats]:
    """Mean signal by (sector, bin), NaN where there is no pixel, and each bin's distance from the outline."""
    reach = float(np.clip(0.07 * site.head_px, 5, 16))
    inner = float(min(reach, -site.away_px.min()))
    other = site.lesion & ~site.piece
    band = (site.away_px > -inner) & (site.away_px < reach) & site.view.head[site.window] & ~other
    ys, xs = np.nonzero(band)
    cy, cx = ndimage.center_of_mass(site.piece)
    turn = (np.arctan2(ys - cy, xs - cx) / (2 * np.pi) + 0.5) * SECTORS
    low = int(np.floor(-inner / BIN_PX))
    bins = int(np.ceil(reach / BIN_PX)) - low + 1
    place = np.clip(np.rint(site.away_px[band] / BIN_PX).astype(np.int64) - low, 0, bins - 1)
    index = np.minimum(turn.astype(np.int64), SECTORS - 1) * bins + place
    count = np.bincount(index, minlength=SECTORS * bins).astype(np.float64).reshape(SECTORS, bins)
    total = np.bincount(index, weights=site.pixels[band].astype(np.float64), minlength=SECTORS * bins)
    # Smoothed with the counts: distances on a grid leave some bins empty.
    blur = SMOOTHING_PX / BIN_PX
    weight = ndimage.gaussian_filter1d(count, blur, axis=1, mode="constant")
    sums = ndimage.gaussian_filter1d(total.reshape(SECTORS, bins), blur, axis=1, mode="constant")
    means: Floats = np.where(weight > 0.2, sums / np.maximum(weight, 1e-9), np.nan)
    places: Floats = np.asarray((np.arange(bins) + low) * BIN_PX, np.float64)
    return means, places


def _pooled(profiles: Floats, at: Floats, site: Site) -> tuple[float | None, float | None]:
    """Width and nearness of the step of all directions together, those with a high step most."""
    inside, outside = _mean(profiles[:, (at >= -4) & (at <= -1.5)]), _mean(profiles[:, (at >= 1.5) & (at <= 4)])
    height = inside - outside
    usable = ~np.isnan(height)
    if not usable.any():
        return None, None
    height, profiles = height[usable, None], profiles[usable]
    known = ~np.isnan(profiles)
    turned = np.where(known, height * (profiles - 0.5 * (inside + outside)[usable, None]), 0.0).sum(axis=0)
    weight = (known * height**2).sum(axis=0)
    step = _step(np.where(weight > 0, turned / np.maximum(weight, 1e-9), np.nan), at, 1e-6)
    return (None, None) if step is None else (log_ratio(step[1], site.head_px), step[2])


def _mean(values: Floats) -> Floats:
    """Mean of each row's known values; NaN where it has none."""
    known = ~np.isnan(values)
    count = known.sum(axis=1)
    means: Floats = np.where(count > 0, np.where(known, values, 0.0).sum(axis=1) / np.maximum(count, 1), np.nan)
    return means


def _step(profile: Floats, at: Floats, least: float) -> tuple[float, float, float] | None:
    """Height in gray values, width in pixels and nearness of the step across the outline; None where there is none."""
    known = ~np.isnan(profile)
    if not known[np.abs(at) <= CENTRAL_PX].all():
        return None
    first = last = int(np.argmin(np.abs(at)))  # the unbroken stretch around the outline
    while first > 0 and known[first - 1]:
        first -= 1
    while last < len(at) - 1 and known[last + 1]:
        last += 1
    values, place = profile[first : last + 1], at[first : last + 1]
    slope = np.gradient(values, BIN_PX)
    peak = int(np.where(np.abs(place) <= CENTRAL_PX, np.abs(slope), -1.0).argmax())
    rising = np.sign(slope[peak])
    low = high = peak
    while low > 0 and slope[low - 1] * rising > 0:
        low -= 1
    while high < len(values) - 1 and slope[high + 1] * rising > 0:
        high += 1
    height = float(abs(values[high] - values[low]))
    if height < least:
        return None
    near, wide = (float(np.ptp(values[np.abs(place - place[peak]) <= reach])) for reach in (2.0, 5.0))
    return height, height / float(abs(slope[peak])), log_ratio(near, max(wide, 1e-6), 0.05)
