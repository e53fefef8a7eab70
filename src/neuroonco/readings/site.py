"""The surroundings of a lesion, cut out once for both readings: what they share is the picture, not the evidence."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from neuroonco.images import Mask
from neuroonco.readings.brain import Pixels, View, distance, largest
from neuroonco.vocabulary import MRSequence

Evidence = dict[str, float | None]
"""Measurements by name; None where the slice does not allow one."""
Floats = npt.NDArray[np.float64]

REACH = 0.3
"""How far around the lesion is cut out, as a share of the head's diameter."""
MIN_SIGNAL = 5.0
"""Gray values below this are no signal to compare with."""


@dataclass(frozen=True)
class Site:
    """A lesion and what lies around it.

    Attributes:
        view: the whole slice.
        window: rows and columns of the cut-out in the slice; all arrays below are of its shape.
        pixels: gray values.
        lesion: all lesion pixels.
        piece: those of the largest separate lesion.
        away_px: signed distance from the outline of ``piece`` at pixel centres, negative inside.
        brain: tissue inside the skull.
        radius_px: of the disc of the area of ``piece``.
        level: median gray value of the brain outside the lesion, the unit of signal where no tissue is named.
        sequence: by which the signs are read; None if unknown.
    """

    view: View
    window: tuple[slice, slice]
    pixels: Pixels
    lesion: Mask
    piece: Mask
    away_px: Pixels
    brain: Mask
    radius_px: float
    level: float
    sequence: MRSequence | None

    @property
    def head_px(self) -> float:
        """Diameter of the head: the unit of length."""
        return self.view.head_diameter_px

    @property
    def noise_sd(self) -> float:
        """Standard deviation of the pixel noise."""
        return self.view.noise_sd

    def on_slice(self) -> Mask:
        """The lesion as a mask of the whole slice."""
        whole = np.zeros(self.view.head.shape, dtype=bool)
        whole[self.window] = self.lesion
        return whole


def site_of(view: View, lesion: Mask, sequence: MRSequence | None) -> Site | None:
    """Cut a lesion out of a prepared slice; None if it is empty or nothing of the brain is left around it."""
    if not lesion.any():
        return None
    reach = int(np.ceil(REACH * view.head_diameter_px)) + 2
    window = _window(lesion, reach)
    inside = lesion[window]
    piece = largest(inside)
    outside = view.brain & ~lesion
    if outside.sum() < 100:
        return None
    level = float(np.median(view.pixels[outside]))
    if level < MIN_SIGNAL:
        return None
    away = distance_from(piece) - distance(piece)
    return Site(
        view=view,
        window=window,
        pixels=view.pixels[window],
        lesion=inside,
        piece=piece,
        away_px=np.asarray(away + np.where(piece, 0.5, -0.5), np.float32),
        brain=view.brain[window],
        radius_px=float(np.sqrt(piece.sum() / np.pi)),
        level=level,
        sequence=sequence,
    )


def distance_from(mask: Mask) -> Pixels:
    """Distance of each false pixel to the nearest true one. The border of the picture is no part of the mask."""
    return np.asarray(cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5), np.float32)


def smoothed(pixels: Pixels, sigma_px: float) -> Pixels:
    """Gaussian smoothing."""
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), sigma_px), np.float32)


def log_ratio(value: float, unit: float, floor: float = 1e-3) -> float:
    """Natural logarithm of a ratio, floored so that nothing is minus infinity.

    >>> round(log_ratio(2.0, 1.0), 4), round(log_ratio(0.0, 1.0), 4)
    (0.6931, -6.9078)
    """
    return float(np.log(max(floor, value / unit)))


def _window(mask: Mask, reach: int) -> tuple[slice, slice]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return (
        slice(max(0, int(rows[0]) - reach), int(rows[-1]) + reach + 1),
        slice(max(0, int(columns[0]) - reach), int(columns[-1]) + reach + 1),
    )
