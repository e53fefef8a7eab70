"""Measurements of signal: the normal tissue that serves as reference, and the lesion and its halo against it."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from neuroonco.images import Mask
from neuroonco.readings.brain import View, disc, distance
from neuroonco.vocabulary import MRSequence, ReadingKind

Values = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Reference:
    """Gray value of normal-appearing white matter."""

    level: float


def reference_of(view: View, lesion: Mask, kind: ReadingKind, sequence: MRSequence | None) -> Reference | None:
    """Signal of normal white matter away from the lesion, from flat tissue inside the brain.

    The conservative reading looks at the contralateral half where there is one, the skeptical one at both, so the
    two can be wrong in different ways. Deep tissue alone would not do: at the skull base it is cisterns and bone.

    Args:
        view: the prepared slice.
        lesion: (height, width) lesion pixels.
        kind: which reading.
        sequence: white matter is the brightest flat tissue on T1, the darkest but fluid on T2 and FLAIR; without
            a sequence the most frequent value is taken.
    """
    clear = cv2.dilate(lesion.astype(np.uint8), disc(0.04 * view.head_diameter_px)) == 0
    smooth = cv2.GaussianBlur(view.pixels, (0, 0), 1.0)
    gy, gx = np.gradient(smooth)
    flat = cv2.GaussianBlur(np.hypot(gy, gx).astype(np.float32), (0, 0), 1.0)
    inside = clear & (view.depth_px > 0.03 * view.head_diameter_px)
    if kind is ReadingKind.CONSERVATIVE and view.side is not None:
        center = float(np.median(view.side[lesion]))
        half = inside & (view.side * np.sign(center) < -0.02 * view.head_diameter_px)
        if abs(center) > 0.04 * view.head_diameter_px and half.sum() >= 400:
            inside = half
    if inside.sum() < 150:
        return None
    # Noise leaves a gradient of a third of its size after this smoothing; structure has more.
    even = inside & (flat <= max(0.6 * view.noise_sd, float(np.percentile(flat[inside], 30))))
    values = smooth[even]
    if values.size < 60:
        return None
    level = _white_matter(values, sequence)
    if level < 10:
        return None
    near = values[np.abs(values - level) < 0.15 * level]
    return Reference(level=float(np.median(near)) if near.size else level)


def _white_matter(values: Values, sequence: MRSequence | None) -> float:
    """Gray value of the white matter's peak in the histogram of flat tissue."""
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


def interior_of(lesion: Mask, margin_px: float, min_px: int) -> Mask | None:
    """Lesion without a border of mixed signal; None if less than ``min_px`` pixels are left."""
    depth = distance(lesion)
    margin = min(margin_px, 0.3 * float(depth.max()))
    inside: Mask = depth > max(1.0, margin)
    return inside if inside.sum() >= min_px else None


def variation_of(view: View, interior: Mask, reference: Reference, kind: ReadingKind) -> float:
    """Variation of the signal inside the lesion beyond noise, as a share of the reference signal.

    A linear slope across the lesion is coil shading, not texture, and is removed. The conservative reading takes
    the standard deviation, the skeptical one the span from the 10th to the 90th percentile, in the same unit for
    a bell-shaped distribution.
    """
    smooth = ndimage.gaussian_filter(view.pixels, 1.0)
    ys, xs = np.nonzero(interior)
    values = smooth[interior].astype(np.float64)
    basis = np.column_stack([np.ones(values.size), xs - xs.mean(), ys - ys.mean()])
    fit, *_ = np.linalg.lstsq(basis, values, rcond=None)
    rest = values - basis @ fit
    if kind is ReadingKind.CONSERVATIVE:
        sd = float(rest.std())
    else:
        low, high = np.percentile(rest, [10, 90])
        sd = float(high - low) / 2.563
    noise = 0.29 * view.noise_sd  # what is left of white noise after the smoothing
    return float(np.sqrt(max(0.0, sd * sd - noise * noise))) / reference.level


@dataclass(frozen=True)
class SignalEvidence:
    """Shares of the interior that are brighter, darker or alike, and its median over the reference."""

    above: float
    below: float
    ratio: float


def signal_of(view: View, interior: Mask, reference: Reference, tolerance: float) -> SignalEvidence:
    """Compare the interior with the reference; a difference within ``tolerance`` (a share) or noise is none."""
    values = cv2.GaussianBlur(view.pixels, (0, 0), 1.0)[interior]
    delta = max(tolerance * reference.level, 2.5 * 0.29 * view.noise_sd)
    return SignalEvidence(
        above=float((values > reference.level + delta).mean()),
        below=float((values < reference.level - delta).mean()),
        ratio=float(np.median(values)) / reference.level,
    )


@dataclass(frozen=True)
class EnhancementEvidence:
    """Where a lesion on a contrast-enhanced T1 slice is brighter than normal tissue.

    Attributes:
        share: of the lesion.
        rim, core: of its outer and its inner part, by depth.
        core_ratio: median of the inner part over the median of the enhancing part.
    """

    share: float
    rim: float
    core: float
    core_ratio: float


def enhancement_of(
    view: View, lesion: Mask, reference: Reference, above: float, min_px: int
) -> EnhancementEvidence | None:
    """Enhancing share of the lesion, its rim and its core; None if it is too small for a core."""
    smooth = cv2.GaussianBlur(view.pixels, (0, 0), 0.7)
    depth = distance(lesion)
    deepest = float(depth.max())
    core = lesion & (depth > 0.6 * deepest)
    rim = lesion & (depth <= 0.5 * deepest) & (depth > 1.0)
    if deepest < 3 or core.sum() < min_px // 3 or rim.sum() < min_px // 3:
        return None
    bright = smooth > reference.level + max(above * reference.level, 2 * view.noise_sd)
    body = lesion & (depth > 1.0)
    level = float(np.median(smooth[body & bright])) if (body & bright).any() else reference.level
    return EnhancementEvidence(
        share=float(bright[body].mean()),
        rim=float(bright[rim].mean()),
        core=float(bright[core].mean()),
        core_ratio=float(np.median(smooth[core])) / max(1.0, level),
    )


@dataclass(frozen=True)
class HaloEvidence:
    """What surrounds the lesion on a T2 or FLAIR slice.

    Attributes:
        excess: share of bright tissue just outside the lesion beyond its share in the rest of the brain, 0 to 1.
        area: of that excess, followed outwards until it ends, over the area of the lesion.
    """

    excess: float
    area: float


RING_PX = 2.0
"""Width of the rings in which a halo is followed outwards."""


def halo_of(
    view: View, lesion: Mask, reference: Reference, blur_px: float, above: float, below: float, end: float
) -> HaloEvidence | None:
    """Compare rings around the lesion with the rest of the brain.

    Cortex is 1.2 to 1.4 times as bright as white matter on T2 and FLAIR, so brightness alone calls it oedema. Here
    tissue counts only as far as there is more bright tissue around the lesion than anywhere else.

    Args:
        view: the prepared slice.
        lesion: (height, width) lesion pixels.
        reference: signal of normal white matter.
        blur_px: half width of the lesion's own edge, which is not halo.
        above: how much brighter than the reference bright tissue is, as a share of it.
        below: brighter than this multiple of the reference is fluid and no tissue.
        end: a ring with less excess ends the halo.

    Returns:
        None if the lesion's surroundings hold no tissue.
    """
    smooth = cv2.GaussianBlur(view.pixels, (0, 0), 0.8)
    away = distance(~lesion)
    tissue = view.brain & ~lesion & (view.depth_px > 2)
    tissue &= (smooth > 0.5 * reference.level) & (smooth < below * reference.level)
    bright = smooth > (1 + above) * reference.level
    far = tissue & (away > 0.2 * view.head_diameter_px)
    usual = float(min(0.7, bright[far].mean())) if far.sum() >= 200 else 0.0

    def excess(low: float, high: float) -> tuple[float, int]:
        ring = tissue & (away > low) & (away <= high)
        count = int(ring.sum())
        share = float(bright[ring].mean()) if count else usual
        return max(0.0, (share - usual) / (1 - usual)), count

    start = float(np.clip(blur_px, 1.5, 4.0))
    nearest, count = excess(start, start + 2.5)
    if count < 20:
        return None
    area, low = 0.0, 0.5
    while low < 0.25 * view.head_diameter_px:
        here, count = excess(low, low + RING_PX)
        if low < start:  # the lesion's own blurred edge says nothing: go by what lies beyond it
            here = nearest
        if count < 15 or here < end:
            break
        area += here * count
        low += RING_PX
    return HaloEvidence(excess=nearest, area=area / float(lesion.sum()))
