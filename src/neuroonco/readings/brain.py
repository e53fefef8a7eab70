"""Where the head and the brain are in a slice, and its mirror image about the midline if it is symmetric.

All later measurements work on this prepared view, whose longer side is at most ``working_side_px``, so that a
1500 px screenshot and a 256 px matrix are read alike and at the same cost.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from neuroonco.images import Gray, Mask

Pixels = npt.NDArray[np.float32]
"""Image of shape (height, width), gray values 0 to 255 as floats."""

SEARCH_SIDE_PX = 64
"""The midline is searched on a copy of this size: it is a coarse structure."""
MIN_HEAD_PX = 400
"""A foreground smaller than this is no head."""


@dataclass(frozen=True)
class View:
    """A slice prepared for measuring.

    Attributes:
        pixels: (height, width) gray values at working size.
        head: everything that is not air.
        brain: the head without scalp and skull, as far as intensity tells.
        depth_px: distance of a brain pixel from the edge of the brain; 0 outside.
        head_diameter_px: diameter of the disc of the head's area: the unit of length, as pixel spacing is unknown.
        noise_sd: standard deviation of the pixel noise inside the brain, at least 1 gray value.
        mirrored: the slice reflected about its midline, None where it has none.
        side: signed distance from the midline in pixels, None where there is none.
        symmetry: correlation of the slice with its reflection inside the head.
        scale: working pixels a pixel of the file.
    """

    pixels: Pixels
    head: Mask
    brain: Mask
    depth_px: Pixels
    head_diameter_px: float
    noise_sd: float
    mirrored: Pixels | None
    side: Pixels | None
    symmetry: float
    scale: float


def to_working_size(image: Gray, mask: Mask | None, side_px: int) -> tuple[Pixels, Mask | None, float]:
    """Shrink an image and its mask to at most ``side_px`` on the longer side; smaller ones stay as they are.

    A mask too thin to survive the averaging keeps every pixel that it touched.
    """
    height, width = image.shape
    scale = min(1.0, side_px / max(height, width))
    if scale == 1.0:
        return image.astype(np.float32), mask, 1.0
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small: Pixels = np.asarray(cv2.resize(image.astype(np.float32), size, interpolation=cv2.INTER_AREA), np.float32)
    if mask is None:
        return small, None, scale
    cover = np.asarray(cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA))
    half: Mask = cover >= 0.5
    return small, (half if half.any() else np.asarray(cover > 0)), scale


def prepare(pixels: Pixels, scale: float, min_symmetry: float) -> View | None:
    """Find head, brain, noise and midline of a slice; None for a picture without a head (black, constant).

    Args:
        pixels: (height, width) at working size.
        scale: working pixels a pixel of the file; carried along.
        min_symmetry: correlation with the reflection from which on there is a midline.
    """
    head = head_of(pixels)
    if head is None:
        return None
    diameter = 2 * float(np.sqrt(head.sum() / np.pi))
    brain = brain_of(pixels, head, diameter)
    depth = distance(brain)
    midline = find_midline(pixels, head)
    mirrored = side = None
    if midline.symmetry >= min_symmetry:
        mirrored, side = reflect(pixels, midline)
    return View(
        pixels=pixels,
        head=head,
        brain=brain,
        depth_px=depth,
        head_diameter_px=diameter,
        noise_sd=noise_sd(pixels, brain),
        mirrored=mirrored,
        side=side,
        symmetry=midline.symmetry,
        scale=scale,
    )


def distance(mask: Mask) -> Pixels:
    """Distance of each true pixel to the nearest false one, the outside of the image counted as false."""
    padded = np.pad(mask, 1).astype(np.uint8)
    return np.asarray(cv2.distanceTransform(padded, cv2.DIST_L2, 5)[1:-1, 1:-1], dtype=np.float32)


def disc(radius_px: float) -> npt.NDArray[np.uint8]:
    """Structuring element: a disc."""
    r = max(1, round(radius_px))
    y, x = np.ogrid[-r : r + 1, -r : r + 1]
    return np.asarray(x * x + y * y <= r * r + r).astype(np.uint8)


def largest(mask: Mask) -> Mask:
    """The largest 8-connected component; an empty mask stays empty."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    if count < 2:
        return mask
    return np.asarray(labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA])))


def head_of(pixels: Pixels) -> Mask | None:
    """Everything brighter than air, as one filled piece."""
    smooth = cv2.GaussianBlur(pixels, (0, 0), 1.5)
    bright = float(np.percentile(smooth, 99))
    if bright < 8 or bright - float(smooth.min()) < 8:
        return None
    found = largest(smooth > 0.13 * bright)
    found = cv2.morphologyEx(found.astype(np.uint8), cv2.MORPH_CLOSE, disc(4)) > 0
    found = np.asarray(ndimage.binary_fill_holes(found))
    return found if found.sum() >= MIN_HEAD_PX else None


def brain_of(pixels: Pixels, head: Mask, diameter_px: float) -> Mask:
    """The deep piece of tissue that the dark ring of the skull separates from the scalp.

    Where no ring separates them, which includes slices whose skull was removed beforehand, the head itself without
    a thin border.
    """
    depth = distance(head)
    core = depth > 0.5 * float(depth.max())
    level = float(np.median(pixels[core]))
    smooth = cv2.GaussianBlur(pixels, (0, 0), 1.0)
    tissue = (head & (smooth > 0.45 * level) & (smooth < 1.8 * level)).astype(np.uint8)
    border = (depth > 0) & (depth < 0.035 * diameter_px)
    for share in (0.015, 0.025, 0.04):  # the thinnest cut that parts brain from scalp
        radius = share * diameter_px
        count, labels = cv2.connectedComponents(cv2.erode(tissue, disc(radius)), connectivity=4)
        if count < 2:
            break
        votes = np.bincount(labels[core & (labels > 0)].ravel(), minlength=2)
        piece = cv2.dilate((labels == int(votes.argmax())).astype(np.uint8), disc(radius))
        if (border & (piece > 0)).sum() > 0.15 * border.sum():
            continue
        closed = cv2.morphologyEx(piece, cv2.MORPH_CLOSE, disc(0.06 * diameter_px))
        brain: Mask = np.asarray(ndimage.binary_fill_holes(closed)) & head
        if brain.sum() >= 0.25 * head.sum():
            return brain
    return np.asarray(depth > 0.03 * diameter_px)


def noise_sd(pixels: Pixels, region: Mask) -> float:
    """Noise from a second-difference filter that cancels slopes, by the median, so that edges do not count.

    Source: Immerkaer, Fast noise variance estimation, Comput. Vis. Image Underst. 64 (1996) 300-302.
    """
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], dtype=np.float32)
    inner = cv2.erode(region.astype(np.uint8), disc(2)) > 0
    if inner.sum() < 50:
        return 1.0
    response = np.abs(cv2.filter2D(pixels, cv2.CV_32F, kernel)[inner])
    return max(1.0, 1.4826 * float(np.median(response)) / 6.0)


@dataclass(frozen=True)
class Midline:
    """Axis of reflection: through (x, y) in pixels, its normal at ``angle`` radians from the x axis."""

    x: float
    y: float
    angle: float
    symmetry: float


def find_midline(pixels: Pixels, head: Mask) -> Midline:
    """Search the axis about which the head correlates best with its own reflection.

    All orientations are tried, as slices come rotated. A sagittal slice has no good axis: low correlation.
    """
    height, width = pixels.shape
    shrink = SEARCH_SIDE_PX / max(height, width)
    size = (max(8, round(width * shrink)), max(8, round(height * shrink)))
    small = cv2.resize(cv2.GaussianBlur(pixels, (0, 0), 0.5 / shrink), size, interpolation=cv2.INTER_AREA)
    inside = cv2.resize(head.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    small = small * inside
    ys, xs = np.nonzero(inside > 0.5)
    if xs.size < 30:
        return Midline(width / 2, height / 2, 0.0, 0.0)
    cx, cy = float(xs.mean()), float(ys.mean())

    def score(angle: float, offset: float) -> float:
        matrix = _reflection(cx + offset * np.cos(angle), cy + offset * np.sin(angle), angle)
        other = cv2.warpAffine(small, matrix, size, flags=cv2.INTER_LINEAR)
        other_inside = cv2.warpAffine(inside, matrix, size, flags=cv2.INTER_LINEAR)
        both = (inside > 0.5) & (other_inside > 0.5)
        overlap = both.sum() / xs.size
        if overlap < 0.8:
            return 0.0
        a, b = small[both], other[both]
        a, b = a - a.mean(), b - b.mean()
        power = float(np.sqrt((a * a).sum() * (b * b).sum()))
        return 0.0 if power < 1e-6 else float((a * b).sum()) / power * float(overlap)

    coarse = [(score(np.deg2rad(d), 0.0), np.deg2rad(d)) for d in range(-90, 90, 6)]
    _, angle = max(coarse)
    steps = [
        (score(angle + np.deg2rad(d), o), angle + float(np.deg2rad(d)), o)
        for d in (-4, -2, 0, 2, 4)
        for o in (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)
    ]
    _, angle, offset = max(steps)
    steps = [
        (score(angle + np.deg2rad(d), offset + o), angle + float(np.deg2rad(d)), offset + o)
        for d in (-1, 0, 1)
        for o in (-0.5, 0.0, 0.5)
    ]
    best, angle, offset = max(steps)
    x, y = cx + offset * np.cos(angle), cy + offset * np.sin(angle)
    return Midline(float((x + 0.5) / shrink - 0.5), float((y + 0.5) / shrink - 0.5), float(angle), float(best))


def _reflection(x: float, y: float, angle: float) -> npt.NDArray[np.float64]:
    """Affine matrix of the reflection about the line through (x, y) with normal at ``angle``."""
    n = np.array([np.cos(angle), np.sin(angle)])
    linear = np.eye(2) - 2 * np.outer(n, n)
    shift = 2 * n * float(n @ np.array([x, y]))
    return np.column_stack([linear, shift])


def reflect(pixels: Pixels, midline: Midline) -> tuple[Pixels, Pixels]:
    """The reflected slice, and each pixel's signed distance from the midline."""
    height, width = pixels.shape
    matrix = _reflection(midline.x, midline.y, midline.angle)
    mirrored = cv2.warpAffine(pixels, matrix, (width, height), flags=cv2.INTER_LINEAR)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    side = (x - midline.x) * np.cos(midline.angle) + (y - midline.y) * np.sin(midline.angle)
    return np.asarray(mirrored, dtype=np.float32), np.asarray(side, dtype=np.float32)
