"""Geometry and noise on a pixel grid: the pen with which phantoms are drawn."""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_edt
from scipy.special import ndtr

from neuroonco.images import Mask

Field = npt.NDArray[np.float32]
"""Real values of shape (height, width), or (n,) for a curve."""
Values = npt.NDArray[np.floating[Any]]
"""What drawing accepts: real values of any precision."""
SIDE_PX = 256
"""Height and width of a phantom."""


def smooth_noise(rng: np.random.Generator, scale_px: float, side_px: int = SIDE_PX) -> Field:
    """Standard-normal noise of shape (side_px, side_px) that varies over about ``scale_px`` pixels."""
    cells = max(4, round(side_px / scale_px) + 3)
    coarse = rng.standard_normal((cells, cells)).astype(np.float32)
    noise = cv2.resize(coarse, (side_px, side_px), interpolation=cv2.INTER_CUBIC)
    return np.asarray((noise - noise.mean()) / (noise.std() + 1e-6), dtype=np.float32)


def ring_noise(rng: np.random.Generator, angles: Field, highest: int) -> Field:
    """Periodic noise over angles: harmonics 2 to ``highest`` with falling amplitude, of order 1."""
    total = np.zeros_like(angles)
    for k in range(2, highest + 1):
        total += np.float32(rng.normal() / k) * np.cos(k * angles + np.float32(rng.uniform(0, 2 * np.pi)))
    return total


def distance_inside(mask: Mask) -> Field:
    """Exact Euclidean distance of each pixel of a mask to the nearest pixel outside it, in pixels; 0 outside.

    Infinite if nothing is outside.

    SciPy works in one thread, so that the result cannot depend on the number of cores.

    >>> distance_inside(np.array([[False, True, True, True, False]])).tolist()
    [[0.0, 1.0, 2.0, 1.0, 0.0]]
    """
    if mask.all():  # SciPy would measure to a pixel that does not exist
        return np.full(mask.shape, np.inf, dtype=np.float32)
    return np.asarray(distance_transform_edt(mask), dtype=np.float32)


def signed_distance(mask: Mask) -> Field:
    """Distance to the outline in pixels, positive inside; the outline runs between the pixel centres."""
    inside, outside = distance_inside(mask), distance_inside(~mask)
    return np.asarray(np.where(mask, inside - 0.5, 0.5 - outside), dtype=np.float32)


def edge(distance_px: Values, width_px: float = 0.7) -> Field:
    """Coverage 0 to 1 from a signed distance: one half on the outline, blurred over ``width_px`` (a sigma)."""
    return np.asarray(ndtr(distance_px / np.float32(width_px)), dtype=np.float32)
