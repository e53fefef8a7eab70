"""Closed curves of the four shapes, as radius over angle."""

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from neuroonco.phantoms.fields import Field, Values, ring_noise
from neuroonco.vocabulary import Shape

NARROWEST = 0.42
"""Least radius of an irregular outline: clefts that met in the middle would make it a star."""
MOST_SOLID = 0.8
"""Largest share of its convex hull that an irregular outline fills: one tongue alone makes no irregular curve."""
FINE = 34
"""Number of small tongues and clefts around an irregular outline."""
ANGLES: Field = np.linspace(0, 2 * np.pi, 360, endpoint=False, dtype=np.float32)


def outline(shape: Shape, rng: np.random.Generator) -> Field:
    """Radius of a closed curve at :data:`ANGLES`, scaled to the area of the unit disc."""
    if shape is Shape.ROUND:
        radius = _ellipse(rng.uniform(1.0, 1.07)) * (1 + 0.014 * ring_noise(rng, ANGLES, 6))
    elif shape is Shape.OVAL:
        radius = _ellipse(rng.uniform(1.5, 1.85)) * (1 + 0.012 * ring_noise(rng, ANGLES, 6))
    elif shape is Shape.LOBULATED:
        radius = _lobes(rng, float(rng.uniform(0.915, 0.94)))
    else:
        radius = _tongues(rng, float(rng.uniform(0.7, 0.78)))
        while _solidity(radius) > MOST_SOLID:  # one of 200 draws has too few clefts to come down to what is wanted
            radius = _tongues(rng, float(rng.uniform(0.7, 0.78)))
    radius = np.roll(radius, int(rng.integers(len(ANGLES))))
    return np.asarray(radius * np.sqrt(np.pi / _area(radius)), dtype=np.float32)


def points_of(radius: Field) -> npt.NDArray[np.float32]:
    """The curve as (360, 2) points x, y around the origin."""
    return np.stack([radius * np.cos(ANGLES), radius * np.sin(ANGLES)], axis=1).astype(np.float32)


def _ellipse(elongation: float) -> Field:
    return np.asarray(1 / np.hypot(np.cos(ANGLES), elongation * np.sin(ANGLES)), dtype=np.float32)


def _lobes(rng: np.random.Generator, solidity: float) -> Field:
    """Three to five discs around a center, moved apart until the outline has the wanted solidity."""
    n = int(rng.integers(3, 6))
    towards = (np.arange(n) + rng.uniform(-0.3, 0.3, n)) * 2 * np.pi / n
    sizes = rng.uniform(0.68, 1.2, n)
    ripple = 1 + 0.01 * ring_noise(rng, ANGLES, 7)

    def at(distance: float) -> Field:
        turn = ANGLES[:, None] - towards[None, :]
        reach = np.maximum(sizes**2 - (distance * np.sin(turn)) ** 2, 0)
        far = np.where(np.cos(turn) > 0, distance * np.cos(turn) + np.sqrt(reach), 0)
        far = np.where(reach > 0, far, 0)
        return np.asarray(_smooth(far.max(axis=1), 4.0) * ripple, dtype=np.float32)

    return _bisect(at, solidity, 0.2, 1.6)


def _tongues(rng: np.random.Generator, solidity: float) -> Field:
    """An uneven outline of tongues and clefts of all widths, which grow until it has the wanted solidity."""
    n = int(rng.integers(7, 12))
    knots = (np.arange(n) + rng.uniform(-0.4, 0.4, n)) * 2 * np.pi / n
    heights = np.clip(rng.normal(0, 0.75, n), -1.2, 1.4)
    fine_knots, fine = np.linspace(0, 2 * np.pi, FINE, endpoint=False), rng.normal(0, 0.42, FINE)
    drift = 0.1 * rng.normal(size=2)
    broad = np.interp(ANGLES, knots, heights, period=2 * np.pi)
    narrow = np.interp(ANGLES, fine_knots, fine, period=2 * np.pi)
    bumps = _smooth(broad + narrow, 2.2)
    bent = 1 + drift[0] * np.cos(2 * ANGLES) + drift[1] * np.sin(2 * ANGLES)

    def at(amplitude: float) -> Field:
        return np.asarray(np.maximum(1 + amplitude * bumps, NARROWEST) * bent, dtype=np.float32)

    return _bisect(at, solidity, 0.05, 1.4)


def _smooth(radius: Values, degrees: float) -> npt.NDArray[np.float64]:
    reach = np.arange(-round(4 * degrees), round(4 * degrees) + 1)
    kernel = np.exp(-0.5 * (reach / degrees) ** 2)
    padded = np.concatenate([radius[reach[0] :], radius, radius[: reach[-1]]])
    return np.convolve(padded, kernel / kernel.sum(), mode="valid")


def _bisect(curve: Callable[[float], Field], solidity: float, low: float, high: float) -> Field:
    for _ in range(9):
        middle = (low + high) / 2
        if _solidity(curve(middle)) > solidity:
            low = middle
        else:
            high = middle
    return curve((low + high) / 2)


def _area(radius: Field) -> float:
    return float(cv2.contourArea(points_of(radius)))


def _solidity(radius: Field) -> float:
    points = np.ascontiguousarray(points_of(radius)[::2])
    return float(cv2.contourArea(points) / cv2.contourArea(cv2.convexHull(points)))
