"""Acquisition: what a scanner and an export add to the noise-free picture."""

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from neuroonco.images import Gray
from neuroonco.phantoms.fields import SIDE_PX, Field, Values
from neuroonco.phantoms.head import Head
from neuroonco.vocabulary import HardCase, PhantomStyle, Plane

Span = tuple[float, float]


@dataclass(frozen=True)
class Scanner:
    """Ranges from which one style draws.

    Attributes:
        bias: strength of the shading, as a share of the gray value.
        blur_px: sigma of the blur.
        noise: standard deviation in gray values.
        noise_blur_px: sigma over which noise is correlated, as interpolated images show it; 0 for none.
        gamma: exponent of the display curve.
        gain: factor of the display window.
        jpeg_quality: of the export.
    """

    bias: Span
    blur_px: Span
    noise: Span
    noise_blur_px: Span
    gamma: Span
    gain: Span
    jpeg_quality: tuple[int, int]


SCANNERS: Mapping[PhantomStyle, Scanner] = {
    PhantomStyle.TUNED: Scanner((0.02, 0.09), (0.45, 0.75), (2.2, 4.8), (0, 0), (0.94, 1.06), (0.9, 1.08), (82, 95)),
    PhantomStyle.HELD_OUT: Scanner(
        (0.06, 0.16), (0.5, 1.0), (2.5, 6.5), (0.55, 0.95), (0.84, 1.2), (0.82, 1.12), (62, 86)
    ),
}
FADE_FROM_PX, FADE_OVER_PX = (185.0, 225.0), (60.0, 90.0)
"""Row at which the sensitivity of the coil begins to fall, and over how many rows it falls."""
GHOST_PX = (14.0, 40.0)
"""Distance of the ghosts of a head that moved."""


def acquire(
    image: Field,
    head: Head,
    style: PhantomStyle,
    hard_cases: tuple[HardCase, ...],
    rng: np.random.Generator,
    *,
    stripped: bool = False,
) -> Gray:
    """Shade, blur, add Rician noise, ghosts if the head moved, and pass through JPEG.

    Args:
        image: (256, 256) noise-free gray values, skull included.
        head: whose contents stay where the slice is stripped.
        style: ranges of all that is added.
        hard_cases: ghosts are added for ``MOTION``; the others are not the scanner's.
        rng: randomness.
        stripped: remove all but the contents of the skull after the noise, as software does.

    Returns:
        The decoded JPEG.
    """
    scanner = SCANNERS[style]
    shaded: Values = image * _bias(scanner, rng) * _coil(head.plane, rng)
    if HardCase.MOTION in hard_cases:
        shaded = _ghosts(shaded, rng)
    shaded = np.asarray(cv2.GaussianBlur(shaded, (0, 0), float(rng.uniform(*scanner.blur_px))), np.float32)
    sigma, correlation = float(rng.uniform(*scanner.noise)), float(rng.uniform(*scanner.noise_blur_px))
    noisy = np.hypot(shaded + _noise(sigma, correlation, rng), _noise(sigma, correlation, rng))
    gamma, gain = float(rng.uniform(*scanner.gamma)), float(rng.uniform(*scanner.gain))
    shown = 255 * np.power(np.clip(noisy / 255, 0, None), np.float32(gamma)) * np.float32(gain)
    quality = int(rng.integers(scanner.jpeg_quality[0], scanner.jpeg_quality[1] + 1))
    if stripped:
        shown = shown * head.cranium
    stored = np.clip(np.rint(shown), 0, 255).astype(np.uint8)
    _, encoded = cv2.imencode(".jpg", stored, (cv2.IMWRITE_JPEG_QUALITY, quality))
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE), np.uint8)


def _bias(scanner: Scanner, rng: np.random.Generator) -> Field:
    """Smooth shading: a slope and a dome."""
    grid = np.linspace(-1, 1, SIDE_PX, dtype=np.float32)
    x, y = grid[None, :], grid[:, None]
    strength = rng.uniform(*scanner.bias)
    a, b, c, d = (rng.normal(0, 1, 4) / 1.6 * strength).astype(np.float32)
    return np.asarray(1 + a * x + b * y + c * (x * x + y * y - 0.6) + d * x * y, np.float32)


def _coil(plane: Plane, rng: np.random.Generator) -> Field:
    """Signal lost below the head coil: the neck fades in coronal and sagittal slices."""
    start, reach = rng.uniform(*FADE_FROM_PX), rng.uniform(*FADE_OVER_PX)
    if plane is Plane.AXIAL:
        return np.ones((SIDE_PX, 1), np.float32)
    rows = np.arange(SIDE_PX, dtype=np.float32)[:, None]
    return np.asarray(1 - 0.85 * np.square(np.clip((rows - start) / reach, 0, 1)), np.float32)


def _noise(sigma: float, correlation_px: float, rng: np.random.Generator) -> Values:
    noise: Values = rng.standard_normal((SIDE_PX, SIDE_PX), dtype=np.float32)
    if correlation_px > 0:
        noise = np.asarray(cv2.GaussianBlur(noise, (0, 0), correlation_px), np.float32)
        noise = noise / noise.std()
    return noise * np.float32(sigma)


def _ghosts(image: Values, rng: np.random.Generator) -> Field:
    """Faint copies along one axis, and blur along it: a head that nodded while the lines were read."""
    axis = int(rng.integers(2))
    distance, share = float(rng.uniform(*GHOST_PX)), float(rng.uniform(0.05, 0.11))
    out: Values = image * np.float32(1 - share)
    for direction in (-1.0, 1.0):
        for order, weight in ((1.0, 0.75), (2.0, 0.25)):
            step = direction * order * distance
            move = np.array([[1, 0, step if axis else 0], [0, 1, 0 if axis else step]], np.float32)
            out = out + np.float32(share * weight) * cv2.warpAffine(image, move, (SIDE_PX, SIDE_PX))
    wobble = float(rng.uniform(0.6, 1.3))
    return np.asarray(cv2.GaussianBlur(out, (0, 0), sigmaX=wobble if axis else 0.3, sigmaY=0.3 if axis else wobble))
