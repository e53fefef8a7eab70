"""From the values of a volume to 8-bit gray: one window, set by percentiles of what is not background."""

from typing import Any

import numpy as np
import numpy.typing as npt

from neuroonco.errors import InputError
from neuroonco.images import Gray

Values = npt.NDArray[Any]
Window = tuple[float, float]
"""The values that become 0 and 255."""


def window_of(values: Values, low_percentile: float, high_percentile: float, where: str = "") -> Window:
    """Percentiles (nearest rank) of the values that are finite and not zero.

    If both are the same value, the window begins at zero, so that a picture of one gray is not lost.

    Args:
        values: of any shape; integers of up to 16 bits are counted, others sorted.
        low_percentile: what becomes 0.
        high_percentile: what becomes 255.
        where: name for messages.

    Raises:
        InputError: ``VOLUME_EMPTY``: no value above or below zero.

    >>> window_of(np.array([0, 0, 1, 2, 3, 4]), 25, 75)
    (1.0, 3.0)
    """
    percentiles = (low_percentile, high_percentile)
    small = values.dtype.kind in "iu" and values.dtype.itemsize <= 2
    low, high = _counted(values, percentiles) if small else _sorted(values, percentiles)
    if low == high:
        low, high = min(0.0, low), max(0.0, high)
    if not high > low:
        raise InputError("VOLUME_EMPTY", "no value differs from zero", where=where)
    return low, high


def _counted(values: Values, percentiles: Window) -> Window:
    signed = values.dtype.kind == "i"
    offset = 32768 if signed else 0
    counts = np.zeros(65536, dtype=np.int64)
    for piece in np.atleast_2d(np.moveaxis(values, -1, 0)):  # piece by piece: counting copies to 64 bits
        counts += np.bincount(piece.astype(np.int64).ravel() + offset, minlength=65536)
    counts[offset] = 0
    below = np.cumsum(counts)
    if below[-1] == 0:
        return 0.0, 0.0
    low, high = (int(np.searchsorted(below, rank, side="right")) - offset for rank in _ranks(percentiles, below[-1]))
    return float(low), float(high)


def _sorted(values: Values, percentiles: Window) -> Window:
    kept = values[np.isfinite(values) & (values != 0)]
    if not kept.size:
        return 0.0, 0.0
    ranks = _ranks(percentiles, kept.size)
    found = np.partition(kept, sorted(set(ranks)))
    return float(found[ranks[0]]), float(found[ranks[1]])


def _ranks(percentiles: Window, total: int) -> tuple[int, int]:
    low, high = (max(int(np.ceil(p / 100 * total)) - 1, 0) for p in percentiles)
    return low, high


def to_gray(values: Values, window: Window) -> Gray:
    """Values as 8-bit gray, cut at the window's ends; what is not a number becomes 0.

    >>> to_gray(np.array([[0.0, 1.0, 2.0, 3.0, 9.0, np.nan]]), (1.0, 3.0)).tolist()
    [[0, 0, 128, 255, 255, 0]]
    """
    low, high = window
    shares = (values.astype(np.float64) - low) / (high - low)
    shares = np.nan_to_num(shares, nan=0.0, posinf=0.0, neginf=0.0)
    return np.rint(np.clip(shares, 0, 1) * 255).astype(np.uint8)


def value_of_gray(gray: int, window: Window) -> float:
    """The value from which a voxel is at least so bright, apart from rounding.

    >>> value_of_gray(51, (0.0, 500.0))
    100.0
    """
    low, high = window
    return low + gray / 255 * (high - low)
