"""Positions in the picture or in the head's box: a 3 x 3 grid. Image position, not anatomy."""

import cv2
import numpy as np

from neuroonco.head import Box, head_box_with
from neuroonco.images import Gray, Mask
from neuroonco.vocabulary import ImageRegion

GRID: tuple[tuple[ImageRegion, ImageRegion, ImageRegion], ...] = (
    (ImageRegion.UPPER_LEFT, ImageRegion.UPPER_CENTER, ImageRegion.UPPER_RIGHT),
    (ImageRegion.CENTER_LEFT, ImageRegion.CENTER, ImageRegion.CENTER_RIGHT),
    (ImageRegion.LOWER_LEFT, ImageRegion.LOWER_CENTER, ImageRegion.LOWER_RIGHT),
)


def region_of(x: float, y: float, width: float = 1.0, height: float = 1.0) -> ImageRegion:
    """Cell of the grid in which a point of an image of that size lies.

    >>> region_of(0.1, 0.9), region_of(50, 50, width=100, height=100)
    (<ImageRegion.LOWER_LEFT: 'lower_left'>, <ImageRegion.CENTER: 'center'>)
    """
    return GRID[_third(y, height)][_third(x, width)]


def place_of(lesion: Mask, box: Box) -> tuple[float, float]:
    """Centroid of the largest separate lesion as shares (x, y) of a box's width and height.

    >>> lesion = np.zeros((20, 40), dtype=bool)
    >>> lesion[12:18, 22:28] = True
    >>> lesion[0, 0] = True
    >>> place_of(lesion, Box(10, 20, 20, 40))
    (0.25, 0.5)
    """
    count, _, stats, centers = cv2.connectedComponentsWithStats(lesion.astype(np.uint8), connectivity=8)
    if count < 2:
        raise ValueError("no lesion has no place")
    x, y = centers[1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())]
    return (float(x) + 0.5 - box.left) / box.width_px, (float(y) + 0.5 - box.top) / box.height_px


def place_in_head(picture: Gray, lesion: Mask, holds_from: float) -> tuple[float, float]:
    """The place of a lesion in the head's box as stage ``measure`` takes it; in the canvas where there is no box.

    Args:
        picture: (height, width) gray values.
        lesion: (height, width) pixels of the lesion, not empty.
        holds_from: share of the lesion that the box must hold; above 1 it is always the canvas.
    """
    box = head_box_with(picture, lesion, holds_from)
    return place_of(lesion, Box(0, 0, *lesion.shape) if box is None else box)


def _third(position: float, extent: float) -> int:
    return 0 if position < extent / 3 else 1 if position < 2 * extent / 3 else 2


def adjacent(a: ImageRegion, b: ImageRegion) -> bool:
    """True for the same cell or one that touches it, corners included.

    >>> adjacent(ImageRegion.UPPER_LEFT, ImageRegion.CENTER)
    True
    >>> adjacent(ImageRegion.UPPER_LEFT, ImageRegion.UPPER_RIGHT)
    False
    """
    (row_a, column_a), (row_b, column_b) = _cell(a), _cell(b)
    return abs(row_a - row_b) <= 1 and abs(column_a - column_b) <= 1


def cells_from_center(region: ImageRegion) -> int:
    """Steps along rows and columns from the middle cell: 0 for it, 1 for the four beside it, 2 for the corners.

    >>> [cells_from_center(r) for r in (ImageRegion.CENTER, ImageRegion.UPPER_CENTER, ImageRegion.LOWER_LEFT)]
    [0, 1, 2]
    """
    row, column = _cell(region)
    return abs(row - 1) + abs(column - 1)


def _cell(region: ImageRegion) -> tuple[int, int]:
    return next((r, c) for r, row in enumerate(GRID) for c, cell in enumerate(row) if cell is region)
