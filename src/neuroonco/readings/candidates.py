"""Places in a brain that might be a lesion: pieces of level sets, with their shape."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from scipy import ndimage

from neuroonco.images import Mask
from neuroonco.readings.brain import View
from neuroonco.readings.morphology import Pixels, disc

MIN_AREA, MAX_AREA = 0.0025, 0.45
"""Areas of a candidate as shares of the brain; never fewer than :data:`MIN_PX` pixels."""
MIN_PX = 24
CUT = 0.012
"""Radius of the disc that must fit into each part of a candidate, as a share of the head's diameter: vessels, sulci
and the rim of the brain are thinner."""
SAME_FROM = 0.92
"""Pieces of neighbouring levels that share this much of their area are one candidate."""
BOX_FILL, SLENDER = 0.33, 0.3
"""Candidates that fill less of their upright box, or are more slender than it allows, are no masses."""
SHAPE_FEATURES = ("size", "thick", "solid", "round", "filled", "deep", "shallow", "middle", "off")
PAD = 12
"""Pixels around a candidate that are cut out with it."""


@dataclass(frozen=True)
class Candidate:
    """A piece of a level set.

    Attributes:
        bright: brighter than what it was compared with.
        level: of the set.
        window: rows and columns in the slice; the masks are of its shape.
        mask: its pixels, holes filled.
        filled: share of them that were holes.
        stability: its area at the next higher level over its area, from 0 to 1.
        area_px: number of its pixels.
    """

    bright: bool
    level: float
    window: tuple[slice, slice]
    mask: Mask
    filled: float
    stability: float
    area_px: int

    def on(self, shape: tuple[int, ...]) -> Mask:
        """The candidate as a mask of the whole slice."""
        whole = np.zeros(shape, dtype=bool)
        whole[self.window] = self.mask
        return whole


def pieces_of(
    excess: Pixels, inside: Mask, levels: Sequence[float], view: View, *, bright: bool, most: int
) -> list[Candidate]:
    """Pieces of the sets in which ``excess`` is above each of ascending levels, thin parts cut off.

    Of all pieces the ``most`` with the greatest excess and area are looked at.
    """
    area = int(inside.sum())
    least = max(MIN_PX, MIN_AREA * area)
    element = disc(CUT * view.head_diameter_px)
    found: list[Candidate] = []
    previous: list[Candidate] = []
    for level in levels:
        above = ((excess > level) & inside).astype(np.uint8)
        if above.sum() < least:
            break
        mask = np.asarray(cv2.morphologyEx(above, cv2.MORPH_OPEN, element), np.uint8)
        here: list[Candidate] = []
        for window, piece in _pieces(mask, least):
            filled = np.asarray(ndimage.binary_fill_holes(piece))
            count = int(filled.sum())
            if count > MAX_AREA * area:
                continue
            here.append(Candidate(bright, level, window, filled, 1 - float(piece.sum()) / count, 0.0, count))
        found.extend(_with_stability(previous, here))
        previous = here
    found.extend(_with_stability(previous, []))
    found.sort(key=lambda candidate: (-candidate.level * candidate.area_px**0.5, candidate.window[0].start))
    return found[:most]


def _pieces(mask: np.ndarray, least: float) -> Iterator[tuple[tuple[slice, slice], Mask]]:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
    height, width = mask.shape
    for label in range(1, count):
        left, top, wide, high, pixels = (int(v) for v in stats[label])
        if pixels < max(least, BOX_FILL * wide * high) or min(wide, high) < SLENDER * max(wide, high):
            continue
        rows = slice(max(0, top - PAD), min(height, top + high + PAD))
        columns = slice(max(0, left - PAD), min(width, left + wide + PAD))
        yield (rows, columns), np.asarray(labels[rows, columns] == label)


def _with_stability(lower: list[Candidate], higher: list[Candidate]) -> Iterator[Candidate]:
    """Candidates of one level, by how much of each is left at the next; those that hardly change are left out."""
    for candidate in lower:
        rest = 0
        for other in higher:
            if other.area_px <= candidate.area_px and _inside(other, candidate):
                rest = max(rest, other.area_px)
        if rest < SAME_FROM * candidate.area_px:
            yield replace(candidate, stability=rest / candidate.area_px)


def _inside(small: Candidate, large: Candidate) -> bool:
    """Whether a piece of a higher level lies in one of a lower: its first pixel does."""
    flat = int(np.argmax(small.mask))
    y, x = divmod(flat, small.mask.shape[1])
    y, x = y + small.window[0].start - large.window[0].start, x + small.window[1].start - large.window[1].start
    return 0 <= y < large.mask.shape[0] and 0 <= x < large.mask.shape[1] and bool(large.mask[y, x])


def shape_features(
    candidate: Candidate, view: View, area_px: int, center: tuple[float, float]
) -> dict[str, float | None]:
    """Size, compactness and place.

    Returns:
        ``size``: logarithm of the share of the brain. ``thick``: radius of the largest disc inside, over that of
        the disc of its area. ``solid``: area over that of the convex hull. ``round``: short over long axis.
        ``filled``: share of holes. ``deep``: its mean depth in the brain, and ``shallow``: its share at the brain's
        edge. ``middle``: distance of its centre from the brain's, and ``off``: from the midline.
    """
    mask, unit = candidate.mask, view.head_diameter_px
    count = float(mask.sum())
    inside = np.asarray(ndimage.distance_transform_edt(mask))
    ys, xs = np.nonzero(mask)
    hull = cv2.convexHull(np.column_stack([xs, ys]).astype(np.int32))
    hull_px = float(cv2.fillConvexPoly(np.zeros(mask.shape, np.uint8), hull, 1).sum())
    cross = float(((xs - xs.mean()) * (ys - ys.mean())).mean())
    spread = np.linalg.eigvalsh([[xs.var() + 1 / 12, cross], [cross, ys.var() + 1 / 12]])
    depth = view.depth_px[candidate.window][mask]
    brain_y, brain_x = center
    y, x = ys.mean() + candidate.window[0].start, xs.mean() + candidate.window[1].start
    off = None if view.side is None else abs(float(view.side[candidate.window][mask].mean())) / unit
    return {
        "size": float(np.log(count / area_px)),
        "thick": float(inside.max()) / float(np.sqrt(count / np.pi)),
        "solid": count / max(1.0, hull_px),
        "round": float(np.sqrt(spread[0] / spread[1])),
        "filled": candidate.filled,
        "deep": float(depth.mean()) / unit,
        "shallow": float((depth < 0.03 * unit).mean()),
        "middle": float(np.hypot(y - brain_y, x - brain_x)) / unit,
        "off": off,
    }
