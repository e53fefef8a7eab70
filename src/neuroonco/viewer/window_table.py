"""From stored values to gray on the screen: the reference for what the viewer in the browser draws."""

import math

import numpy as np
import numpy.typing as npt


def window_table(
    bits: int, slope: float, intercept: float, center: float, width: float, invert: bool = False
) -> npt.NDArray[np.uint8]:
    """Gray of every value that can be stored, by DICOM PS3.3 C.11.2.1.2.

    A stored value ``v`` means ``x = intercept + slope * v``. Which of the standard's two functions applies follows
    from the slope alone:

    - ``slope == 1``: the values are whole numbers, and the function is LINEAR (C.11.2.1.2.1), with ``width >= 1``:
      ``y = ((x - (center - 0.5)) / (width - 1) + 0.5) * 255``, 0 where
      ``x <= center - 0.5 - (width - 1) / 2``, 255 where ``x > center - 0.5 + (width - 1) / 2``.
    - any other slope: the values lie on a finer or coarser grid, where half a unit has no meaning, and the function is
      LINEAR_EXACT (C.11.2.1.3.2), with ``width > 0``: ``y = ((x - center) / width + 0.5) * 255``, 0 where
      ``x <= center - width / 2``, 255 where ``x > center + width / 2``.

    The result is ``floor(y + 0.5)``, and ``255 - floor(y + 0.5)`` if inverted. All is computed in double precision in
    the order written here, so that JavaScript gets the same numbers from the same formulas with ``Math.floor``.

    Args:
        bits: 8 or 16, of a stored value.
        slope: see above; above zero.
        intercept: see above.
        center, width: of the window, in the units of ``x``.
        invert: black for white.

    Returns:
        uint8 array of ``2**bits`` grays, by stored value.

    Raises:
        ValueError: another number of bits, a slope or width too small, or what is not finite.

    >>> window_table(8, 1, 0, 128, 256)[[0, 1, 127, 255]].tolist()
    [0, 1, 127, 255]
    >>> window_table(16, 1, -1000, 40, 400)[[0, 839, 840, 1040, 1239, 1240]].tolist()
    [0, 0, 0, 128, 255, 255]
    >>> window_table(8, 1, 0, 100, 1)[[99, 100]].tolist()
    [0, 255]
    >>> window_table(8, 0.5, 0, 64, 2, invert=True)[[126, 127, 128, 129, 130, 131]].tolist()
    [255, 191, 127, 64, 0, 0]
    """
    if bits not in (8, 16):
        raise ValueError(f"{bits} bits, expected 8 or 16")
    if not all(map(math.isfinite, (slope, intercept, center, width))) or slope <= 0:
        raise ValueError("slope (above zero), intercept, center and width must be finite")
    if width < least_width(slope) or width == 0:
        raise ValueError(f"width {width} for slope {slope}")
    x = intercept + slope * np.arange(2**bits, dtype=np.float64)
    if slope == 1:
        middle, span = center - 0.5, width - 1
    else:
        middle, span = center, width
    # A window of one value has no slope: its whole range is the jump from black to white.
    y = ((x - middle) / span + 0.5) * 255 if span > 0 else np.zeros_like(x)
    y = np.where(x <= middle - span / 2, 0.0, np.where(x > middle + span / 2, 255.0, y))
    # A quotient can miss its limit by one rounding.
    gray = np.clip(np.floor(y + 0.5), 0, 255).astype(np.uint8)
    return 255 - gray if invert else gray


def least_width(slope: float) -> float:
    """The narrowest window: one value of whole numbers; for others anything above this zero.

    >>> least_width(1), least_width(0.25)
    (1.0, 0.0)
    """
    return 1.0 if slope == 1 else 0.0


def center_and_width(low: float, high: float, slope: float) -> tuple[float, float]:
    """The window that makes ``low`` black and ``high`` white, and what lies between them gray in proportion.

    >>> center_and_width(0, 255, 1), center_and_width(0.0, 0.5, 1 / 65535)
    ((128.0, 256.0), (0.25, 0.5))
    """
    if slope == 1:
        return (low + high) / 2 + 0.5, max(high - low + 1.0, 1.0)
    return (low + high) / 2, high - low
