"""Skeptical evidence of signal, enhancement and texture: pixels as a population, whatever their depth or direction."""

import cv2
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from neuroonco.images import Mask
from neuroonco.readings.brain import Pixels, disc, distance
from neuroonco.readings.site import MIN_SIGNAL, Evidence, Floats, Site, log_ratio, smoothed
from neuroonco.vocabulary import MRSequence


def white_matter_peak(site: Site) -> float | None:
    """Gray value of the slice's white matter: a peak in the histogram of its flat tissue, lesion left out.

    White matter is the brightest such peak on T1, the darkest but fluid on T2 and FLAIR; without a sequence the
    highest one is taken. Deep tissue alone would not do: at the skull base it is cisterns and bone. None where too
    little tissue is left.
    """
    view, lesion, sequence = site.view, site.on_slice(), site.sequence
    clear = cv2.dilate(lesion.astype(np.uint8), disc(0.04 * view.head_diameter_px)) == 0
    smooth = cv2.GaussianBlur(view.pixels, (0, 0), 1.0)
    gy, gx = np.gradient(smooth)
    flat = cv2.GaussianBlur(np.hypot(gy, gx).astype(np.float32), (0, 0), 1.0)
    inside = clear & (view.depth_px > 0.03 * view.head_diameter_px)
    if inside.sum() < 150:
        return None
    # Noise leaves a gradient of a third of its size after this smoothing; structure has more.
    even = inside & (flat <= max(0.6 * view.noise_sd, float(np.percentile(flat[inside], 30))))
    values = smooth[even]
    if values.size < 60:
        return None
    level = _peak(values, sequence)
    if level < MIN_SIGNAL:
        return None
    near = values[np.abs(values - level) < 0.15 * level]
    return float(np.median(near)) if near.size else level


def _peak(values: npt.NDArray[np.float32], sequence: MRSequence | None) -> float:
    middle = float(np.median(values))
    counts = np.bincount(np.clip(np.rint(values), 0, 255).astype(np.int64), minlength=256).astype(np.float64)
    counts[: int(0.4 * middle)] = 0  # fluid on T1 and FLAIR, bone, air
    counts = ndimage.gaussian_filter1d(counts, max(1.5, 0.035 * middle), mode="constant")
    inner = counts[1:-1]
    peaks = 1 + np.flatnonzero((inner >= counts[:-2]) & (inner > counts[2:]))
    if peaks.size == 0:
        return float(np.argmax(counts))
    high = peaks[counts[peaks] >= 0.2 * counts[peaks].max()]
    if sequence in (MRSequence.T1, MRSequence.T1CE):
        return float(high[-1])
    if sequence in (MRSequence.T2, MRSequence.FLAIR):
        return float(high[0])
    return float(peaks[np.argmax(counts[peaks])])


def interior_of(site: Site, share: float = 0.2) -> Mask:
    """All foci without a border of mixed signal."""
    depth = distance(site.lesion)
    return np.asarray(depth > max(1.0, share * float(depth.max())))


def signal_by_percentiles(site: Site, interior: Mask) -> Evidence:
    """Percentiles of the interior over the white-matter peak, and over the brain's median.

    Returns:
        For each reference, ``bulk_…`` and ``mid_…``: logarithm of the 10th, 30th, 50th, 70th, 90th percentile over
        it (``p10`` ...); distance of the median from it, either way (``off``); how far the population reaches to
        both sides of it: the smaller one (``split``). ``bulk_mid``: logarithm of the brain's median over the peak.
    """
    values = smoothed(site.pixels, 1.0)[interior]
    peak = white_matter_peak(site)
    return {
        **_percentiles(values, peak, "bulk"),
        **_percentiles(values, site.level, "mid"),
        "bulk_mid": None if peak is None else log_ratio(site.level, peak),
    }


def _percentiles(values: Pixels, reference: float | None, prefix: str) -> Evidence:
    points = (10, 30, 50, 70, 90)
    if values.size < 15 or reference is None:
        return {f"{prefix}_{name}": None for name in (*(f"p{p}" for p in points), "off", "split")}
    logs = [log_ratio(float(v), reference, 0.05) for v in np.percentile(values, points)]
    found: Evidence = {f"{prefix}_p{p}": v for p, v in zip(points, logs, strict=True)}
    return found | {f"{prefix}_off": abs(logs[2]), f"{prefix}_split": max(-0.1, min(logs[3], -logs[1]))}


def enhancement_by_clusters(site: Site) -> Evidence:
    """How many pixels are brighter than white matter, and how they lie together.

    Returns:
        ``clump_some``, ``clump_more``: share of pixels above 1.15 and 1.35 times white matter. ``clump_low``,
        ``clump_middle``, ``clump_high``: logarithm of the 10th, 50th, 90th percentile over the brain's median.
        ``clump_holes``: share of the lesion that the bright part encloses without filling. ``clump_largest``:
        share of the bright part that hangs together. ``clump_parted``: how well one threshold parts the pixels
        into two groups: between-group share of the variance. ``clump_peak``: logarithm of the median over the
        peak of white matter.
    """
    names = ("some", "more", "low", "middle", "high", "holes", "largest", "parted", "peak")
    body, white = interior_of(site, 0.1), white_matter_peak(site)
    if body.sum() < 25 or white is None:
        return {f"clump_{name}": None for name in names}
    smooth = smoothed(site.pixels, 0.8)
    values = smooth[body].astype(np.float64)
    low, middle, high = (float(v) for v in np.percentile(values, [10, 50, 90]))
    cut = max(1.15 * min(white, site.level), 0.5 * (low + high))
    bright = site.lesion & (smooth > cut)
    found = (
        float((values > 1.15 * white).mean()),
        float((values > 1.35 * white).mean()),
        log_ratio(low, site.level, 0.05),
        log_ratio(middle, site.level, 0.05),
        log_ratio(high, site.level, 0.05),
        _enclosed(bright, site.lesion),
        _largest_share(bright),
        _parted(values),
        log_ratio(middle, white, 0.05),
    )
    return {f"clump_{name}": value for name, value in zip(names, found, strict=True)}


def _enclosed(bright: Mask, lesion: Mask) -> float:
    closed = cv2.morphologyEx(np.pad(bright, 4).astype(np.uint8), cv2.MORPH_CLOSE, disc(1)) > 0
    filled = np.asarray(ndimage.binary_fill_holes(closed))[4:-4, 4:-4]
    return float((filled & ~bright & lesion).sum() / lesion.sum())


def _largest_share(bright: Mask) -> float:
    count, _, stats, _ = cv2.connectedComponentsWithStats(bright.astype(np.uint8), connectivity=8)
    return float(stats[1:, cv2.CC_STAT_AREA].max() / bright.sum()) if count > 1 else 0.0


def _parted(values: Floats) -> float:
    """Otsu's criterion: the largest between-group share of the variance over all thresholds."""
    ordered = np.sort(values)
    n, total = ordered.size, ordered.sum()
    left = np.arange(1, n)
    sums = np.cumsum(ordered)[:-1]
    gap = sums / left - (total - sums) / (n - left)
    between = left * (n - left) / n**2 * gap**2
    return float(between.max() / max(1e-9, ordered.var()))


def texture_by_cooccurrence(site: Site, interior: Mask) -> Evidence:
    """Differences of pixels at fixed distances, band-passed energy, and percentiles, beyond noise.

    Returns:
        ``grain_d2``, ``grain_d4``, ``grain_d8``: logarithm of the root mean square difference at so many pixels,
        over the brain's level, noise taken off. ``grain_fine``, ``grain_coarse``: of two band-passes.
        ``grain_span``: of the 10th-to-90th percentile span. ``grain_tail``: of the 2nd-to-98th.
        ``grain_entropy``: of the co-occurrence of gray levels at 2 pixels, in steps of a twelfth of the level.
    """
    names = ("d2", "d4", "d8", "fine", "coarse", "span", "tail", "entropy")
    if interior.sum() < 25:
        return {f"grain_{name}": None for name in names}
    smooth = smoothed(site.pixels, 0.8)
    noise = 0.36 * site.noise_sd  # what is left of white noise after the smoothing

    def over_level(value: float) -> float:
        return log_ratio(value, site.level, 0.005)

    differences = [_difference(smooth, interior, lag) for lag in (2, 4, 8)]
    bands = (smooth - smoothed(site.pixels, 1.8), smoothed(site.pixels, 1.8) - smoothed(site.pixels, 4.0))
    energy = [float(np.sqrt((band[interior].astype(np.float64) ** 2).mean())) for band in bands]
    p2, p10, p90, p98 = np.percentile(smooth[interior], [2, 10, 90, 98])
    found = (
        *(None if d is None else over_level(float(np.sqrt(max(0.0, d - 2 * noise**2)))) for d in differences),
        over_level(float(np.sqrt(max(0.0, energy[0] ** 2 - (0.7 * noise) ** 2)))),
        over_level(float(np.sqrt(max(0.0, energy[1] ** 2 - (0.3 * noise) ** 2)))),
        over_level(float(p90 - p10)),
        over_level(float(p98 - p2)),
        _entropy(smooth, interior, site.level),
    )
    return {f"grain_{name}": value for name, value in zip(names, found, strict=True)}


def _pairs(values: Pixels, inside: Mask, lag: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Both values of all pairs of interior pixels that lie ``lag`` apart along rows or columns."""
    right, down = inside[:, lag:] & inside[:, :-lag], inside[lag:] & inside[:-lag]
    first = np.concatenate([values[:, :-lag][right], values[:-lag][down]])
    second = np.concatenate([values[:, lag:][right], values[lag:][down]])
    return first, second


def _difference(values: Pixels, inside: Mask, lag: int) -> float | None:
    first, second = _pairs(values, inside, lag)
    return float(((first - second).astype(np.float64) ** 2).mean()) if first.size >= 20 else None


def _entropy(values: Pixels, inside: Mask, level: float) -> float | None:
    first, second = _pairs(values, inside, 2)
    if first.size < 20:
        return None
    steps = [np.clip(v / level * 12, 0, 47).astype(np.int64) for v in (first, second)]
    counts = np.bincount(steps[0] * 48 + steps[1], minlength=48 * 48)
    shares = counts[counts > 0] / first.size
    return float(-(shares * np.log(shares)).sum())
