"""Conservative evidence of shape: the line of the outline, as Fourier descriptors and curvature."""

import cv2
import numpy as np
import numpy.typing as npt
from skimage import measure

from neuroonco.images import Mask
from neuroonco.readings.site import Evidence, Site, log_ratio

Curve = npt.NDArray[np.complex128]
"""Points of a closed line as complex numbers, column + i row."""

POINTS = 128
RADIUS_PX = 28.0
"""Lesions are enlarged or reduced to this radius, so that small and large ones are judged alike."""
SMOOTHING_PX = 1.0
LOBES = (2, 7)
JAGS = (7, 24)
"""Waves a turn, half-open: lobes are slow, jags fast."""


def shape_by_contour(site: Site) -> Evidence:
    """How the outline departs from an ellipse, and how it bends.

    Returns:
        ``contour_elongation``: logarithm of long over short axis of the first harmonics. ``contour_lobes`` and
        ``contour_jags``: logarithm of the energy of slow and fast waves of the radius about that ellipse.
        ``contour_notch``: deepest inward departure, as a share of the radius. ``contour_turning``: turns to the
        wrong side, in full turns. ``contour_bending``: logarithm of the bending energy over a circle's.
    """
    curve = outline_of(site.piece)
    names = ("elongation", "lobes", "jags", "notch", "turning", "bending")
    if curve is None:
        return {f"contour_{name}": None for name in names}
    first, back = _harmonics(curve)
    long, short = abs(first) + abs(back), max(1e-6, abs(first) - abs(back))
    radius = _radius_about_ellipse(curve, first, back)
    waves = np.abs(np.fft.rfft(radius)) / POINTS * 2
    turning, bending = _bending(curve)
    found = (
        log_ratio(long, short),
        log_ratio(float(np.sqrt((waves[slice(*LOBES)] ** 2).sum())), 1.0),
        log_ratio(float(np.sqrt((waves[slice(*JAGS)] ** 2).sum())), 1.0),
        float(radius.mean() - radius.min()),
        turning,
        log_ratio(bending, 1.0),
    )
    return {f"contour_{name}": value for name, value in zip(names, found, strict=True)}


def outline_of(piece: Mask) -> Curve | None:
    """Smoothed outline at a standard size, as points at equal steps; None if there is none.

    Args:
        piece: (height, width) pixels of one separate lesion.
    """
    ys, xs = np.nonzero(piece)
    if xs.size < 5:
        return None
    cut = np.pad(piece[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1], 3).astype(np.float32)
    scale = RADIUS_PX / float(np.sqrt(xs.size / np.pi))
    shape = (max(8, round(cut.shape[1] * scale)), max(8, round(cut.shape[0] * scale)))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    soft = cv2.GaussianBlur(cv2.resize(cut, shape, interpolation=way), (0, 0), max(SMOOTHING_PX, 0.5 * scale))
    lines = measure.find_contours(soft, 0.5)  # type: ignore[no-untyped-call]  # scikit-image has no types
    closed = [line for line in lines if len(line) > 8 and (line[0] == line[-1]).all()]
    if not closed:
        return None
    points = max(closed, key=len)
    curve = points[:, 1] + 1j * points[:, 0]
    steps = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(curve)))])
    at = np.linspace(0, steps[-1], POINTS, endpoint=False)
    even: Curve = np.interp(at, steps, curve.real) + 1j * np.interp(at, steps, curve.imag)
    return even


def _harmonics(curve: Curve) -> tuple[complex, complex]:
    """The two coefficients that make up the ellipse of a closed line, the larger first."""
    waves = np.fft.fft(curve) / POINTS
    pair = complex(waves[1]), complex(waves[-1])
    return pair if abs(pair[0]) >= abs(pair[1]) else (pair[1], pair[0])


def _radius_about_ellipse(curve: Curve, first: complex, back: complex) -> npt.NDArray[np.float64]:
    """Radius by angle after the ellipse has been made a unit circle: 1 everywhere for an ellipse."""
    turn = np.exp(0.5j * (np.angle(first) + np.angle(back)))
    level = (curve - curve.mean()) / turn
    long, short = abs(first) + abs(back), max(1e-6, abs(first) - abs(back))
    round_off = level.real / long + 1j * level.imag / short
    order = np.argsort(np.angle(round_off), kind="stable")
    angles, radii = np.angle(round_off)[order], np.abs(round_off)[order]
    even = np.linspace(-np.pi, np.pi, POINTS, endpoint=False)
    return np.asarray(np.interp(even, angles, radii, period=2 * np.pi))


def _bending(curve: Curve) -> tuple[float, float]:
    """Turns to the wrong side, and the mean squared curvature against a circle of equal length."""
    waves = np.fft.fft(curve)
    order = np.fft.fftfreq(POINTS, 1 / POINTS)
    waves = waves * np.exp(-((order / 16) ** 2))
    velocity = np.fft.ifft(1j * order * waves)
    change = np.fft.ifft(-(order**2) * waves)
    speed = np.maximum(np.abs(velocity), 1e-6)
    turned = (velocity.conj() * change).imag / speed**2  # curvature times speed: angle a step
    if turned.sum() < 0:
        turned = -turned
    step = 2 * np.pi / POINTS
    wrong = float(-np.minimum(turned, 0).sum() * step / (2 * np.pi))
    length = float(speed.sum() * step)
    energy = float((turned**2 / speed).sum() * step) * length / (4 * np.pi**2)
    return wrong, energy
