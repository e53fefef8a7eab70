"""Where the head and the brain are in a slice, and its mirror image about the midline if it is symmetric.

All later measurements work on this prepared view, whose longer side is at most ``working_side_px``, so that a
1500 px screenshot and a 256 px matrix are read alike and at the same cost.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from scipy import ndimage

from neuroonco.images import Gray, Mask
from neuroonco.readings.intracranial import brain_of
from neuroonco.readings.morphology import Pixels, disc, distance, largest
from neuroonco.readings.symmetry import Midline, find_midline

__all__ = ["Pixels", "View", "disc", "distance", "head_of", "largest", "noise_sd", "prepare", "to_working_size"]

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
        midline: None where there is none.
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
    midline: Midline | None
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
    midline = find_midline(pixels, head, brain)
    has_midline = midline.symmetry >= min_symmetry
    return View(
        pixels=pixels,
        head=head,
        brain=brain,
        depth_px=depth,
        head_diameter_px=diameter,
        noise_sd=noise_sd(pixels, brain),
        mirrored=midline.reflected(pixels) if has_midline else None,
        side=midline.side_of((pixels.shape[0], pixels.shape[1])) if has_midline else None,
        midline=midline if has_midline else None,
        symmetry=midline.symmetry,
        scale=scale,
    )


def head_of(pixels: Pixels) -> Mask | None:
    """Everything brighter than air, as one filled piece."""
    smooth = cv2.GaussianBlur(pixels, (0, 0), 1.5)
    bright = float(np.percentile(smooth, 99))
    if bright < 8 or bright - float(smooth.min()) < 8:
        return None
    found = cv2.morphologyEx((smooth > 0.13 * bright).astype(np.uint8), cv2.MORPH_CLOSE, disc(4)) > 0
    # Filled before the largest piece is chosen: bone may part the scalp from all else.
    found = largest(np.asarray(ndimage.binary_fill_holes(found)))
    return found if found.sum() >= MIN_HEAD_PX else None


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
