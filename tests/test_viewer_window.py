"""The window table: DICOM's two linear functions, by value, and what holds for all windows."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuroonco.viewer.window_table import center_and_width, least_width, window_table

SLOPES = st.sampled_from([1.0, 0.25, 3.0, 1 / 65535, 0.1])
CENTERS = st.floats(-5000, 70000, allow_nan=False)
WIDTHS = st.floats(1, 70000, allow_nan=False)


def by_the_standard(x: float, c: float, w: float) -> int:
    """PS3.3 C.11.2.1.2.1 as it is printed, for one value."""
    if x <= c - 0.5 - (w - 1) / 2:
        y = 0.0
    elif x > c - 0.5 + (w - 1) / 2:
        y = 255.0
    else:
        y = ((x - (c - 0.5)) / (w - 1) + 0.5) * (255 - 0) + 0
    return math.floor(y + 0.5)


@pytest.mark.parametrize(("center", "width"), [(128, 256), (40, 400), (100, 1), (100.5, 2), (0, 0x8000), (7.25, 3.5)])
def test_whole_numbers_follow_the_standard_value_by_value(center: float, width: float) -> None:
    table = window_table(8, 1, -20, center, width)
    assert table.dtype == np.uint8
    assert table.tolist() == [by_the_standard(v - 20, center, width) for v in range(256)]


def test_the_examples_of_the_standard() -> None:
    """The note of C.11.2.1.2.1 for c = 2048, w = 4096: the input range is used whole; c = 0, w = 1: one threshold."""
    table = window_table(16, 1, 0, 2048, 4096)
    assert table[[0, 8, 9, 4095, 4096]].tolist() == [0, 0, 1, 255, 255]
    assert window_table(8, 1, -2, 0, 1)[:4].tolist() == [0, 0, 255, 255], "x <= -0.5 is black, above is white"


def test_full_range_of_8_bits_changes_nothing() -> None:
    assert window_table(8, 1, 0, 128, 256).tolist() == list(range(256))


def test_another_slope_takes_the_exact_function() -> None:
    """LINEAR would put the middle half a unit lower and make the window one unit narrower: here, invisible."""
    table = window_table(16, 1 / 65535, 0, 0.5, 0.5)
    assert table[[0, 16383, 16384, 32768, 49151, 49152, 65535]].tolist() == [0, 0, 0, 128, 255, 255, 255]
    assert table[24576] == 64


@given(st.sampled_from([8, 16]), SLOPES, st.floats(-2000, 2000), CENTERS, WIDTHS)
def test_tables_rise_from_black_to_white_and_invert(
    bits: int, slope: float, intercept: float, center: float, width: float
) -> None:
    table = window_table(bits, slope, intercept, center, width)
    assert table.shape == (2**bits,)
    assert (np.diff(table.astype(int)) >= 0).all()
    assert (window_table(bits, slope, intercept, center, width, invert=True) == 255 - table).all()
    x = intercept + slope * np.arange(2**bits)
    middle, span = (center - 0.5, width - 1) if slope == 1 else (center, width)
    assert (table[x <= middle - span / 2] == 0).all()
    assert (table[x > middle + span / 2] == 255).all()


@given(st.floats(-1000, 1000), st.floats(2, 2000), st.sampled_from([1.0, 0.5]))
def test_low_and_high_become_black_and_white(low: float, span: float, slope: float) -> None:
    """The first window is the measuring code's: equal to it but for the rounding of halves."""
    center, width = center_and_width(low, low + span, slope)
    table = window_table(16, slope, -2000, center, width)
    x = -2000 + slope * np.arange(65536)
    exact = np.clip((x - low) / span, 0, 1) * 255
    assert np.abs(table - exact).max() <= 0.5 + 1e-6


@pytest.mark.parametrize(
    ("bits", "slope", "center", "width"),
    [
        (12, 1, 0, 10),
        (8, 1, 0, 0.5),
        (8, 0.5, 0, 0),
        (8, 0.5, 0, -1),
        (8, 0, 0, 10),
        (8, -1, 0, 10),
        (8, 1, math.nan, 10),
        (8, 1, 0, math.inf),
    ],
)
def test_impossible_windows_are_refused(bits: int, slope: float, center: float, width: float) -> None:
    with pytest.raises(ValueError, match=r"bits|finite|width"):
        window_table(bits, slope, 0, center, width)


def test_the_narrowest_windows_work() -> None:
    assert window_table(8, 1, 0, 10, least_width(1))[[9, 10]].tolist() == [0, 255]
    assert window_table(8, 0.5, 0, 10, 1e-9)[[20, 21]].tolist() == [128, 255]
