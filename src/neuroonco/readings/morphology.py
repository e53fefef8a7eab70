"""Shapes of pixels: distances, discs, pieces. Deterministic on any number of threads."""

import cv2
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from neuroonco.images import Mask

Pixels = npt.NDArray[np.float32]
"""Image of shape (height, width), gray values 0 to 255 as floats."""


def distance(mask: Mask) -> Pixels:
    """Euclidean distance of each true pixel to the nearest false one, the outside of the image counted as false."""
    return np.asarray(ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1], dtype=np.float32)


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


def blurred(pixels: Pixels, sigma_px: float) -> Pixels:
    """Gaussian smoothing."""
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), sigma_px), dtype=np.float32)


def opened(mask: Mask, radius_px: float) -> Mask:
    """What of a mask discs of this radius cover."""
    return np.asarray(cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, disc(radius_px)) > 0)


def closed(mask: Mask, radius_px: float) -> Mask:
    """A mask with gaps narrower than two radii filled; the edge of the image fills nothing."""
    near = ndimage.distance_transform_edt(~mask) <= radius_px
    return np.asarray(ndimage.distance_transform_edt(near) > radius_px) | mask
