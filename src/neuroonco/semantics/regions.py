"""Positions in the picture: a 3 x 3 grid. Image position, not anatomy."""

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


def _cell(region: ImageRegion) -> tuple[int, int]:
    return next((r, c) for r, row in enumerate(GRID) for c, cell in enumerate(row) if cell is region)
