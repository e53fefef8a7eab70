"""Where the head is in a picture, so that sizes and positions do not depend on how much canvas surrounds it."""

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from neuroonco.images import Gray, Mask

WORKING_SIDE_PX = 128
"""The head is looked for on a copy shrunk by a whole number to at most this."""
UNIFORM_SPAN = 10
"""A row or column whose gray values span at most this is empty: padding, or air after JPEG."""
FRAME_PX = 3
"""So many pixels at the ends of a row or column are not looked at: there a thin frame shows its other sides."""
MIN_CONTRAST = 12
"""Gray values by which the bright parts of a picture must differ from the dark ones for anything to stand out."""
LEVEL_SHARE = 0.12
"""How far from the level of the air to that of the bright parts a pixel must be to count as head."""
MIN_SHARE = 0.03
"""A head covers at least this share of the picture inside its padding."""
PART_SHARE = 0.15
"""Parts of at least this share of the largest belong to the head too: two hemispheres, a neck cut off by shadow."""
MIN_COARSE_SHARE = 0.1
"""Share of the variance that must be left in means of 8 x 8 pixels: noise leaves 1/64, pictures more than half."""
STRAIGHT_SHARE = 0.6
"""A part that lies along the sides of its box to this share is a picture in a frame, with the head inside it; a head
touches them at its poles."""
AIR_LEVEL = 0.3
"""How far from the darkest level to the brightest the surroundings may be to pass as air."""
PAPER_LEVEL = 0.85
"""How far from the darkest level to the brightest surroundings are a bright frame."""
FLAT_SHARE = 0.15
"""A bright surround whose middle half of gray values spans less of the picture's range is paper, not tissue."""
EDGE_SHARE = 0.75
"""Rows and columns at the edge that are bright to this share are the rest of a frame."""
MAX_FRAMES = 4
"""Frames within frames that are opened."""
CLOSING = np.ones((3, 3), np.uint8)
OPENING = np.ones((5, 5), np.uint8)


class Box(NamedTuple):
    """Half-open box of pixels: ``picture[top:bottom, left:right]``.

    >>> Box(10, 20, 110, 220).height_px, Box(10, 20, 110, 220).area_px
    (100, 20000)
    """

    top: int
    left: int
    bottom: int
    right: int

    @property
    def height_px(self) -> int:
        """Rows."""
        return self.bottom - self.top

    @property
    def width_px(self) -> int:
        """Columns."""
        return self.right - self.left

    @property
    def area_px(self) -> int:
        """Rows times columns."""
        return self.height_px * self.width_px


def head_box(gray: Gray) -> Box | None:
    """Box of the head against its surroundings: the "brain box" that sizes and positions are measured in.

    Where skull and scalp have been removed it is the brain's box, else that of the whole head in the picture, face and
    neck included: telling brain from scalp takes more than gray values of one slice.

    Padding of any gray level is peeled off first, so that it cannot move the box. What is brighter than air is taken
    on a copy of at most 128 px, thin things such as letters are opened away, and the box is that of the largest part
    and of others of its order.

    Args:
        gray: (height, width) picture.

    Returns:
        Box in pixels of ``gray``; the whole picture where it shows tissue up to its edges; None if nothing stands out
        (blank or noise).

    >>> picture = np.zeros((200, 300), np.uint8)
    >>> _ = cv2.ellipse(picture, (150, 100), (60, 80), 0, 0, 360, 140, -1)
    >>> head_box(picture)
    Box(top=20, left=90, bottom=181, right=211)
    """
    area = _peel(gray, Box(0, 0, gray.shape[0], gray.shape[1]))
    for _ in range(MAX_FRAMES):
        if area is None or min(area.height_px, area.width_px) < 8:
            return None
        found, opens = _stands_out(gray, area)
        if found is None or not opens:
            return found
        area = _peel(gray, found)
    return area


def head_box_with(gray: Gray, lesion: Mask, share: float) -> Box | None:
    """The head's box, or None where none is found that holds a lesion: such a box is not the head's.

    Args:
        gray: (height, width) picture.
        lesion: (height, width) pixels of the lesion.
        share: of the lesion's pixels that the box must hold at least; above 1 no box does.
    """
    if share > 1:
        return None
    box = head_box(gray)
    return box if box is not None and holds(box, lesion, share) else None


def holds(box: Box, mask: Mask, share: float) -> bool:
    """Whether at least that share of a mask's foreground lies in a box.

    >>> mask = np.zeros((10, 10), dtype=bool)
    >>> mask[0, :4] = True
    >>> holds(Box(0, 1, 10, 10), mask, 0.8), holds(Box(0, 1, 10, 10), mask, 0.7)
    (False, True)
    """
    inside = mask[box.top : box.bottom, box.left : box.right].sum()
    return bool(inside >= share * mask.sum())


def _peel(gray: Gray, box: Box) -> Box | None:
    """The box without empty rows and columns at its edges; None if all of it is empty."""
    while True:
        rows = _uneven(gray[box.top : box.bottom, box.left + FRAME_PX : box.right - FRAME_PX], axis=1)
        if rows.size == 0:
            return None
        smaller = box._replace(top=box.top + int(rows[0]), bottom=box.top + int(rows[-1]) + 1)
        columns = _uneven(gray[smaller.top + FRAME_PX : smaller.bottom - FRAME_PX, box.left : box.right], axis=0)
        if columns.size == 0:
            return None
        smaller = smaller._replace(left=box.left + int(columns[0]), right=box.left + int(columns[-1]) + 1)
        if smaller == box:
            return box
        box = smaller


def _uneven(part: Gray, axis: int) -> npt.NDArray[np.intp]:
    """Indices of rows (axis 1) or columns (axis 0) that are not empty."""
    if part.shape[axis] == 0:
        return np.empty(0, dtype=np.intp)
    return np.flatnonzero(part.max(axis=axis) - part.min(axis=axis) > UNIFORM_SPAN)


def _stands_out(gray: Gray, area: Box) -> tuple[Box | None, bool]:
    """Box of what stands out within an area, and whether it is a picture in a frame rather than a head."""
    part = gray[area.top : area.bottom, area.left : area.right]
    factor = -(-max(part.shape) // WORKING_SIDE_PX)
    size = (part.shape[1] // factor, part.shape[0] // factor)
    small = part
    if factor > 1:
        whole = part[: size[1] * factor, : size[0] * factor]
        small = np.asarray(cv2.resize(whole, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    dark, bright = _levels(small, 0.04, 0.97)
    if bright - dark < MIN_CONTRAST or _is_noise(small):
        return None, False
    ring = np.concatenate([small[0], small[-1], small[:, 0], small[:, -1]])
    ring.sort()
    edge, upper = float(ring[ring.size // 4]), float(ring[3 * ring.size // 4])
    if edge > dark + PAPER_LEVEL * (bright - dark) and upper - edge < FLAT_SHARE * (bright - dark):
        # A bright surround that is not even enough to be peeled; tissue is far less even.
        mask = small < (edge + dark) / 2
    elif (inside := _without_bright_edges(small > dark + PAPER_LEVEL * (bright - dark))) is not None:
        return _scaled(inside, factor, area), True
    else:
        # Tissue up to the edges of the picture is not air: then the darkest parts are, wherever they lie.
        air = edge if edge < dark + AIR_LEVEL * (bright - dark) else dark
        mask = small > air + LEVEL_SHARE * (bright - air)
    inside, framed = _box_of_parts(mask)
    if inside is None:
        return None, False
    box = _scaled(inside, factor, area)
    if framed and box != area:
        # The frame's edge lies somewhere within a pixel of the small copy: leave that pixel out.
        return Box(box.top + factor, box.left + factor, box.bottom - factor, box.right - factor), True
    return box, False


def _scaled(inside: Box, factor: int, area: Box) -> Box:
    """A box on the small copy of an area as a box of the picture, within that area."""
    bottom, right = area.top + inside.bottom * factor, area.left + inside.right * factor
    # The copy leaves out what is less than one of its pixels at the far edges.
    return Box(
        area.top + inside.top * factor,
        area.left + inside.left * factor,
        bottom if area.bottom - bottom >= factor else area.bottom,
        right if area.right - right >= factor else area.right,
    )


def _without_bright_edges(bright: npt.NDArray[np.bool_]) -> Box | None:
    """The box without rows and columns at its edges that are bright for most of their length; None if there are none.

    They are what blurred or compressed padding leaves. More than a quarter of a side is no padding.
    """
    rows, columns = bright.mean(axis=1) < EDGE_SHARE, bright.mean(axis=0) < EDGE_SHARE
    if rows[[0, -1]].all() and columns[[0, -1]].all():
        return None
    height, width = bright.shape
    # One more than is bright, as the line between both may run through a pixel.
    top, bottom = (min(int(np.argmax(r)) + 1, height // 4) if not r[0] else 0 for r in (rows, rows[::-1]))
    left, right = (min(int(np.argmax(c)) + 1, width // 4) if not c[0] else 0 for c in (columns, columns[::-1]))
    return Box(top, left, height - bottom, width - right)


def _box_of_parts(mask: npt.NDArray[np.bool_]) -> tuple[Box | None, bool]:
    """Box of the largest part and others of its order, and whether they lie along its sides; None if all are small."""
    # Scalp is a thin ring, parted from the brain by dark bone: what an outline encloses belongs to it.
    closed = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, CLOSING)
    outlines = cv2.findContours(closed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]
    filled = cv2.drawContours(np.zeros_like(closed), outlines, -1, 1, cv2.FILLED)
    opened = cv2.morphologyEx(filled, cv2.MORPH_OPEN, OPENING)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(opened, connectivity=8)
    parts = stats[1:]
    if count < 2 or (largest := int(parts[:, cv2.CC_STAT_AREA].max())) < MIN_SHARE * mask.size:
        return None, False
    parts = parts[parts[:, cv2.CC_STAT_AREA] >= PART_SHARE * largest]
    lefts, tops = parts[:, cv2.CC_STAT_LEFT], parts[:, cv2.CC_STAT_TOP]
    rights, bottoms = lefts + parts[:, cv2.CC_STAT_WIDTH], tops + parts[:, cv2.CC_STAT_HEIGHT]
    box = Box(int(tops.min()), int(lefts.min()), int(bottoms.max()), int(rights.max()))
    part = labels[box.top : box.bottom, box.left : box.right] > 0
    straight = (part[0].mean() + part[-1].mean() + part[:, 0].mean() + part[:, -1].mean()) / 4
    return box, bool(straight >= STRAIGHT_SHARE)


def _levels(small: Gray, *shares: float) -> list[float]:
    """Gray values below which these shares of the pixels lie."""
    cumulative = np.cumsum(np.bincount(small.ravel(), minlength=256))
    return [float(np.searchsorted(cumulative, share * small.size)) for share in shares]


def _is_noise(small: Gray) -> bool:
    size = (max(1, small.shape[1] // 8), max(1, small.shape[0] // 8))
    coarse = cv2.resize(small, size, interpolation=cv2.INTER_AREA)
    return bool(coarse.var() < MIN_COARSE_SHARE * small.var())
