"""Pixel values for the viewer: what a file states, as unsigned integers of 8 or 16 bits, if possible without loss."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from neuroonco.errors import InputError
from neuroonco.images import PictureRef
from neuroonco.raw_values import RawValues, range_of, read_raw
from neuroonco.viewer.records import SliceFacts
from neuroonco.viewer.window_table import center_and_width

MAX_SERVED_PIXELS = 16_000_000
STEPS_16_BIT = 65535
Stored = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]


def read_values(root: Path, ref: PictureRef) -> tuple[Stored, SliceFacts]:
    """Values of a slice as they are sent to the viewer.

    A picture of 8 bits stays as it is, and is first shown at full range. So do whole numbers from 0 to 65535. Whole
    numbers that span no more than that are moved to begin at 0, and values on an even grid (rescaled whole numbers)
    are counted along it: both without loss, but for floating point's own. Only what remains is rounded to the nearest
    of 65536 even steps from its least to its largest value. What is not a number, or is infinite, becomes the least.
    The first window of all but 8-bit pictures is that of the measuring code.

    Returns:
        uint8 or uint16 of shape (height, width), or uint8 (height, width, 3) for a picture with color; and what they
        mean.

    Raises:
        InputError: as :func:`neuroonco.raw_values.read_raw`; ``IMAGE_TOO_LARGE`` beyond ``MAX_SERVED_PIXELS``;
            ``VALUES_EXTREME``: values too far apart, or too near, for floating point.
        PrerequisiteError: a volume, and the extra ``volumes`` is not installed.
    """
    raw = read_raw(root, ref)
    height, width = raw.values.shape[:2]
    if height * width > MAX_SERVED_PIXELS:
        what = f"{width} x {height} px, at most {MAX_SERVED_PIXELS} px can be shown"
        raise InputError("IMAGE_TOO_LARGE", what, where=ref.image_path)
    try:
        return as_stored(raw)
    except OverflowError as error:
        raise InputError("VALUES_EXTREME", str(error), where=ref.image_path) from None


def as_stored(raw: RawValues) -> tuple[Stored, SliceFacts]:
    """See :func:`read_values`.

    Raises:
        OverflowError: the values' range, or a step of it, is no number in floating point.

    >>> stored, facts = as_stored(RawValues(np.array([[-1024, 3000]], dtype=np.int16), (-100.0, 300.0)))
    >>> stored.tolist(), stored.dtype.name, facts.intercept, facts.center, facts.width
    ([[0, 4024]], 'uint16', -1024.0, 100.5, 401.0)
    """
    least, most = range_of(raw.values)
    stored, slope, intercept = _mapped(raw.values, least, most)
    low, high = (0.0, 255.0) if raw.window is None else raw.window
    if not high > low and slope != 1:
        low, high = least, most
    center, width = center_and_width(low, high, slope)
    height, columns = stored.shape[:2]
    facts = SliceFacts(
        width_px=columns,
        height_px=height,
        channels=1 if stored.ndim == 2 else stored.shape[2],
        bits=8 * stored.dtype.itemsize,
        slope=slope,
        intercept=intercept,
        center=center,
        width=width,
        least=least,
        most=most,
    )
    return stored, facts


def wire_bytes(stored: Stored) -> bytes:
    """Values row by row, 16-bit ones little-endian: the body that the viewer reads.

    >>> wire_bytes(np.array([[1, 258]], dtype=np.uint16))
    b'\\x01\\x00\\x02\\x01'
    """
    return stored.astype(stored.dtype.newbyteorder("<"), copy=False).tobytes()


def _mapped(values: npt.NDArray[Any], least: float, most: float) -> tuple[Stored, float, float]:
    """Stored values, slope and intercept."""
    if values.dtype == np.uint8:
        return np.ascontiguousarray(values), 1.0, 0.0
    filled = values if values.dtype.kind in "iub" else np.where(np.isfinite(values), values, least)
    if _are_whole(filled, least, most):
        shift = 0 if least >= 0 and most <= STEPS_16_BIT else int(least)
        return _narrow(filled.astype(np.int64) - shift), 1.0, float(shift)
    if least == most:
        return np.zeros(values.shape, dtype=np.uint8), 1.0, least
    slope = (most - least) / STEPS_16_BIT
    if not sys.float_info.min < slope < float("inf"):
        raise OverflowError(f"values from {least:g} to {most:g} cannot be shown")
    exact = filled.astype(np.float64)
    slope = _grid_step(exact) or slope
    return _narrow(np.clip(np.rint((exact - least) / slope), 0, STEPS_16_BIT)), slope, least


def _are_whole(values: npt.NDArray[Any], least: float, most: float) -> bool:
    """Whether values are whole numbers that 16 bits can count from the least."""
    if most - least > STEPS_16_BIT or max(abs(least), abs(most)) > 2**53:
        return False
    return values.dtype.kind in "iub" or bool((values == np.rint(values)).all())


def _grid_step(values: npt.NDArray[np.float64]) -> float | None:
    """The distance of an even grid on which all values lie, so that 16 bits can count along it; None if there is none.

    They may be as far from it as from the finest grid that 16 bits can count along, so that this is never the worse
    choice; rescaling in floating point moves them less.

    >>> _grid_step(np.array([1.0, 1.5, 4.0])), _grid_step(np.array([0.0, 1.0, np.pi]))
    (0.5, None)
    """
    levels = np.unique(values)
    if not 2 <= levels.size <= STEPS_16_BIT + 1:
        return None
    with np.errstate(over="ignore"):
        gaps = np.diff(levels)
        steps = float(np.rint(gaps / gaps.min()).sum())  # gap by gap: over the whole range the smallest is too inexact
    if not steps <= STEPS_16_BIT:
        return None
    span = float(levels[-1] - levels[0])
    step = span / steps
    away = levels - levels[0] - step * np.rint((levels - levels[0]) / step)
    return step if np.abs(away).max() <= span / STEPS_16_BIT / 2 else None


def _narrow(places: npt.NDArray[Any]) -> Stored:
    """Whole numbers from 0 to 65535 in the narrower of the two types."""
    return places.astype(np.uint8) if places.max(initial=0) <= 255 else places.astype(np.uint16)
