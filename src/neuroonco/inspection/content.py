"""What a picture shows: its gray levels, a frame around it, the head, and parts that lie beside the head."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from neuroonco.images import Gray

SMALL_SIDE_PX = 128
"""Longer side of the small copy, at most."""
LEVEL_SHARE = 0.16
"""How far from air to the bright parts a pixel has to be to count as tissue; as in :mod:`neuroonco.head`."""
FRAME_BAND = 0.06
"""A frame is looked for in this share of the picture's side at each edge."""
FRAME_LEVEL = 0.4
"""How far from air to the bright parts a frame line lies."""
BLENDED_LEVEL = 0.08
"""How far from air the small copy of a line lies that is one pixel wide and blended with air."""
LINE_SHARE = 0.97
"""Share of a frame line that is that bright; the rest is what another line or JPEG left."""
MIN_CONTRAST = 12
"""Gray values by which the bright parts of a picture must differ from the dark ones for anything to stand out."""
PART_SHARE = 0.15
"""Parts of at least this share of the largest belong to the head too: two hemispheres, a neck cut off by shadow."""
BRIGHT_SURROUND_FROM = 0.7
"""How far from dark to bright the edge of the canvas lies where the surroundings are bright: an inverted picture."""
SURROUND_SPAN = 12
"""Gray values around that of the edge that belong to bright surroundings."""

Contour = npt.NDArray[Any]
"""Outline as OpenCV gives it: (points, 1, 2), each a column and a row."""


@dataclass(frozen=True)
class Levels:
    """Gray levels of a picture.

    Attributes:
        dark: 4th percentile.
        bright: 97th percentile.
        top: 99.5th percentile.
        air: what surrounds the head.
        edge: median along the edges of the canvas.
    """

    dark: float
    bright: float
    top: float
    air: float
    edge: float

    @property
    def tissue_from(self) -> float:
        """Brighter than this is not air."""
        return self.air + LEVEL_SHARE * (self.bright - self.air)


@dataclass(frozen=True)
class Content:
    """What stands out on the small copy of a picture.

    Attributes:
        levels: gray levels.
        frame_share: share of the canvas in bright lines at its edges, or in a bright surround.
        area: small copy without its frame, (height, width).
        left: column of the small copy where ``area`` begins.
        top: row of the small copy where ``area`` begins.
        parts: outlines in ``area`` of what belongs to the head, the largest first; empty if nothing stands out.
        others: outlines in ``area`` of smaller things.
        hull: convex hull of ``parts``.
    """

    levels: Levels
    frame_share: float
    area: Gray
    left: int
    top: int
    parts: tuple[Contour, ...]
    others: tuple[Contour, ...]
    hull: Contour | None


def reduce_picture(gray: Gray) -> Gray:
    """Shrink a (height, width) picture by a whole number to at most 128 px, by means.

    >>> reduce_picture(np.zeros((300, 512), np.uint8)).shape
    (75, 128)
    """
    factor = -(-max(gray.shape) // SMALL_SIDE_PX)
    width, height = max(1, gray.shape[1] // factor), max(1, gray.shape[0] // factor)
    picture = gray[: height * factor, : width * factor]
    while factor % 2 == 0 and min(picture.shape) > 1:  # halving twice is faster than quartering once
        factor //= 2
        size = picture.shape[1] // 2, picture.shape[0] // 2
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    if picture.shape != (height, width):
        picture = np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    return picture


def percentiles(counts: npt.NDArray[Any], *shares: float) -> list[float]:
    """Gray values at which these shares of a histogram of 256 values are reached.

    >>> percentiles(np.ones(256, np.float32), 0.5, 1)
    [127.0, 255.0]
    """
    cumulative = counts.cumsum()
    return [float(v) for v in cumulative.searchsorted([share * cumulative[-1] for share in shares])]


def find_content(gray: Gray, small: Gray) -> Content:
    """Find frame, head and what lies beside it.

    Args:
        gray: full picture (height, width); only its edges are looked at.
        small: the same picture at most 128 px a side.
    """
    levels = _levels(small)
    area, top, left, frame_share = _without_frame(gray, small, levels)
    span = levels.bright - levels.dark
    if frame_share == 0 and levels.edge > levels.dark + BRIGHT_SURROUND_FROM * span:
        frame_share = float((cv2.absdiff(small, np.array([levels.edge])) <= SURROUND_SPAN).mean())
    if span < MIN_CONTRAST:
        return Content(levels, frame_share, area, left, top, (), (), None)
    _, mask = cv2.threshold(area, levels.tissue_from, 255, cv2.THRESH_BINARY)
    found, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    sizes = [cv2.contourArea(contour) for contour in found]
    largest = max(sizes, default=0.0)
    if largest <= 0:
        return Content(levels, frame_share, area, left, top, (), (), None)
    order = sorted(range(len(found)), key=lambda i: -sizes[i])
    parts = tuple(found[i] for i in order if sizes[i] >= PART_SHARE * largest)
    others = tuple(found[i] for i in order if sizes[i] < PART_SHARE * largest)
    return Content(levels, frame_share, area, left, top, parts, others, cv2.convexHull(np.concatenate(parts)))


def _levels(small: Gray) -> Levels:
    counts = cv2.calcHist([small], [0], None, [256], [0, 256]).ravel()
    dark, bright, top = percentiles(counts, 0.04, 0.97, 0.995)
    ring = np.concatenate([small[0], small[-1], small[:, 0], small[:, -1]])
    ring.sort()
    low, middle = float(ring[ring.size // 4]), float(ring[ring.size // 2])
    return Levels(dark, bright, top, low if low < dark + 0.3 * (bright - dark) else dark, middle)


def _without_frame(gray: Gray, small: Gray, levels: Levels) -> tuple[Gray, int, int, float]:
    """Small copy without bright lines at its edges, its first row and column, and the share of the lines."""
    span = levels.bright - levels.air
    if span < MIN_CONTRAST or not _may_have_frame(small, levels.air + BLENDED_LEVEL * span):
        return small, 0, 0, 0.0
    limit = levels.air + FRAME_LEVEL * span
    height, width = gray.shape
    rows, columns = max(1, round(FRAME_BAND * height)), max(1, round(FRAME_BAND * width))
    above, below = _bright(gray[:rows], 1, limit), _bright(gray[-rows:], 1, limit)
    before, after = _bright(gray[:, :columns], 0, limit), _bright(gray[:, -columns:], 0, limit)
    lines = int(above.sum() + below.sum()), int(before.sum() + after.sum())
    if lines == (0, 0):
        return small, 0, 0, 0.0
    scale = small.shape[0] / height
    # Lines are cut with one more pixel of the small copy, in which they are blended with what lies next to them.
    top = _cut(np.flatnonzero(above)[-1:] + 1, scale)
    left = _cut(np.flatnonzero(before)[-1:] + 1, scale)
    bottom = small.shape[0] - _cut(rows - np.flatnonzero(below)[:1], scale)
    right = small.shape[1] - _cut(columns - np.flatnonzero(after)[:1], scale)
    return small[top:bottom, left:right], top, left, 1 - (1 - lines[0] / height) * (1 - lines[1] / width)


def _may_have_frame(small: Gray, limit: float) -> bool:
    """Whether the small copy has a line near its edges in which something bright is blended."""
    rows, columns = (max(1, round(FRAME_BAND * side)) for side in small.shape)
    lines = _bright(small, 1, limit), _bright(small, 0, limit)
    return any(
        bool(line[:width].any() or line[-width:].any()) for line, width in zip(lines, (rows, columns), strict=True)
    )


def _bright(band: Gray, axis: int, limit: float) -> npt.NDArray[np.bool_]:
    """Which rows (axis 1) or columns (axis 0) are brighter than a limit nearly everywhere."""
    _, above = cv2.threshold(band, limit, 1, cv2.THRESH_BINARY)
    share = cv2.reduce(above, axis, cv2.REDUCE_AVG, dtype=cv2.CV_32F)
    return np.asarray(share.ravel() >= LINE_SHARE)


def _cut(width_px: npt.NDArray[np.intp], scale: float) -> int:
    return int(np.ceil(width_px[0] * scale)) + 1 if width_px.size else 0
