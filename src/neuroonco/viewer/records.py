"""Records of showing slices."""

from neuroonco.outcomes import Record


class SliceFacts(Record):
    """How the pixel values of a slice are sent, and how they are shown at first.

    A pixel of stored value ``v`` means ``intercept + slope * v`` in the file's own units; windows are in these units.

    Attributes:
        bits: 8 or 16: unsigned, 16-bit values little-endian.
        channels: 1, or 3 for a color picture.
        center, width: the window at first.
        least, most: the smallest and largest value in the slice, in the file's units.
    """

    width_px: int
    height_px: int
    channels: int
    bits: int
    slope: float
    intercept: float
    center: float
    width: float
    least: float
    most: float
