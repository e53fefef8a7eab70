"""Measurements of a lesion's outline: its form, and how sharply the signal changes across it."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from scipy import ndimage
from skimage import measure

from neuroonco.images import Mask
from neuroonco.readings.brain import View, disc, distance, largest

Points = npt.NDArray[np.float64]
"""Points of shape (n, 2) as (row, column)."""


@dataclass(frozen=True)
class FormEvidence:
    """Form of the largest component.

    Attributes:
        ellipse_overlap: intersection over union with the ellipse of the same area and second moments.
        elongation: major over minor axis of that ellipse.
        spike_loss: share of the area that an opening with a disc of 0.3 times the radius of the disc of equal area
            takes away: spikes and jags are lost, lobes stay.
        solidity: area over area of the convex hull.
        circularity: 4 pi area / perimeter squared of the smoothed outline.
    """

    ellipse_overlap: float
    elongation: float
    spike_loss: float
    solidity: float
    circularity: float


def form_of(lesion: Mask) -> FormEvidence | None:
    """Measure the largest component; None if it is a line or a dot."""
    piece = largest(lesion)
    ys, xs = np.nonzero(piece)
    area = float(xs.size)
    if area < 5:
        return None
    cov = np.cov(np.vstack([xs, ys])) + np.eye(2) / 12  # a pixel is a square, not a point
    small, big = np.linalg.eigvalsh(cov)
    if small <= 1 / 12 + 1e-6:
        return None
    inverse = np.linalg.inv(cov)
    gy, gx = np.mgrid[0 : piece.shape[0], 0 : piece.shape[1]]
    dx, dy = gx - xs.mean(), gy - ys.mean()
    radius2 = inverse[0, 0] * dx * dx + 2 * inverse[0, 1] * dx * dy + inverse[1, 1] * dy * dy
    ellipse = radius2 <= area / (np.pi * np.sqrt(small * big))
    overlap = float((ellipse & piece).sum() / (ellipse | piece).sum())
    hull = cv2.convexHull(np.column_stack([xs, ys]).astype(np.int32))
    hull_mask = cv2.fillConvexPoly(np.zeros(piece.shape, np.uint8), hull, 1)
    curve = outline_of(piece, smoothing_px=max(0.5, 0.06 * 2 * np.sqrt(area / np.pi)))
    circularity = 0.0
    if curve is not None:
        closed = np.vstack([curve, curve[:1]])
        perimeter = float(np.hypot(*np.diff(closed, axis=0).T).sum())
        y, x = closed.T
        enclosed = 0.5 * abs(float(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1])))
        circularity = 4 * np.pi * enclosed / perimeter**2 if perimeter > 0 else 0.0
    return FormEvidence(
        ellipse_overlap=overlap,
        elongation=float(np.sqrt(big / small)),
        spike_loss=_spike_loss(piece, area),
        solidity=area / float(max(1, hull_mask.sum())),
        circularity=circularity,
    )


def outline_of(piece: Mask, smoothing_px: float) -> Points | None:
    """Longest outline of a mask at sub-pixel level, smoothed; None if nothing is left of it."""
    pad = 3 + int(4 * smoothing_px)
    soft = ndimage.gaussian_filter(np.pad(piece, pad).astype(np.float32), smoothing_px)
    curves = measure.find_contours(soft, 0.5)  # type: ignore[no-untyped-call]  # scikit-image has no types
    if not curves:
        return None
    curve: Points = max(curves, key=len)[:-1] - pad
    return curve if len(curve) >= 8 else None


def _spike_loss(piece: Mask, area: float) -> float:
    radius = max(1.0, 0.3 * float(np.sqrt(area / np.pi)))
    pad = int(2 * radius) + 2
    padded = np.pad(piece, pad).astype(np.uint8)
    return 1.0 - float(cv2.morphologyEx(padded, cv2.MORPH_OPEN, disc(radius)).sum()) / area


@dataclass(frozen=True)
class EdgeEvidence:
    """Sharpness of the signal change across the outline.

    Attributes:
        width: typical width of the transition as a share of the head's diameter: step height over steepest slope.
        sharp_share: share of the judged outline narrower than the limit given to :func:`edge_of`.
        judged_share: share of the outline with enough contrast to be judged.
    """

    width: float
    sharp_share: float
    judged_share: float


SECTORS = 12
"""The edge is judged in so many directions from the lesion's centre, each on the average of its pixels."""


def edge_of(view: View, lesion: Mask, min_contrast: float, limit: float) -> EdgeEvidence | None:
    """Average the signal by distance from the outline, sector by sector, and measure each step.

    Averages over pixels of equal distance need no normals, so jagged outlines are measured like smooth ones.

    Args:
        view: the prepared slice.
        lesion: (height, width) lesion pixels; the largest component is measured.
        min_contrast: gray values; sectors with a smaller step are not judged.
        limit: width, as a share of the head's diameter, up to which a sector counts as sharp.

    Returns:
        None if no sector has a step.
    """
    piece = largest(lesion)
    other = lesion & ~piece
    outward = distance(~piece) - distance(piece)  # at pixel centres: ... -2 -1 | 1 2 ...
    outward += np.where(piece, 0.5, -0.5)
    inner_px = float(-outward.min())
    reach = float(np.clip(0.07 * view.head_diameter_px, 5, 16))
    inward = float(min(reach, inner_px))
    low, high = -int(np.floor(inward)), int(np.ceil(reach))
    band = (outward > low - 0.5) & (outward < high + 0.5) & view.head & ~other
    ys, xs = np.nonzero(band)
    cy, cx = ndimage.center_of_mass(piece)
    turn = (np.arctan2(ys - cy, xs - cx) / (2 * np.pi) + 0.5) * SECTORS
    sector = np.minimum(turn.astype(np.int64), SECTORS - 1)
    step = np.rint(outward[band]).astype(np.int64) - low
    steps = high - low + 1
    index = sector * steps + np.clip(step, 0, steps - 1)
    count = np.bincount(index, minlength=SECTORS * steps).astype(np.float64)
    total = np.bincount(index, weights=view.pixels[band].astype(np.float64), minlength=SECTORS * steps)
    with np.errstate(invalid="ignore"):
        profiles = np.where(count >= 2, total / count, np.nan).reshape(SECTORS, steps)
    offsets = np.arange(low, high + 1)
    widths = np.array([_width(profile, offsets, min_contrast) for profile in profiles])
    judged = widths[~np.isnan(widths)]
    if judged.size == 0:
        return None
    relative = judged / view.head_diameter_px
    return EdgeEvidence(
        width=float(np.median(relative)),
        sharp_share=float((relative < limit).mean()),
        judged_share=judged.size / SECTORS,
    )


def _width(profile: npt.NDArray[np.float64], offsets: npt.NDArray[np.int64], min_contrast: float) -> float:
    """Width in pixels of the step of one profile that crosses the outline; NaN where there is none."""
    known = ~np.isnan(profile)
    if not known[(offsets >= -2) & (offsets <= 3)].all():
        return np.nan
    first = last = int(np.argmin(np.abs(offsets)))  # the unbroken stretch around the outline
    while first > 0 and known[first - 1]:
        first -= 1
    while last < len(offsets) - 1 and known[last + 1]:
        last += 1
    smooth = ndimage.gaussian_filter1d(profile[first : last + 1], 0.6, mode="nearest")
    slope = np.gradient(smooth)
    central = np.abs(offsets[first : last + 1]) <= 3
    peak = int(np.where(central, np.abs(slope), -1.0).argmax())
    rising = np.sign(slope[peak])
    low = high = peak
    while low > 0 and slope[low - 1] * rising > 0:
        low -= 1
    while high < len(smooth) - 1 and slope[high + 1] * rising > 0:
        high += 1
    height = abs(smooth[high] - smooth[low])
    return float(height / abs(slope[peak])) if height >= min_contrast else np.nan
