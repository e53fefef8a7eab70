"""Where a lesion was found: a box against the true outline."""

from collections.abc import Sequence

import cv2
import numpy as np

from neuroonco.images import Mask
from neuroonco.intervals import Estimate, wilson
from neuroonco.outcomes import Record
from neuroonco.score.judged import Floats
from neuroonco.score.validation_records import LocalizationReport

Box = tuple[int, int, int, int]
"""Half-open pixel box (top, left, bottom, right)."""
TENTHS = 10
Z95 = 1.96
HALF = 0.5
"""Intersection over union from which a box counts as the right one (PASCAL VOC)."""


class Location(Record):
    """One box against one outline.

    Attributes:
        slice_id, label: of which slice, by which kind of label.
        has_lesion: the outline is not empty.
        iou: see :func:`overlap`; None without a box.
        center_in_mask: the middle of the box lies on a lesion; None without a box.
    """

    slice_id: str
    label: str
    has_lesion: bool = True
    iou: float | None = None
    center_in_mask: bool | None = None


def box_iou(a: Box, b: Box) -> float:
    """Intersection over union of two boxes.

    >>> box_iou((0, 0, 10, 10), (0, 5, 10, 15)) == 50 / 150
    True
    >>> box_iou((0, 0, 2, 2), (2, 2, 4, 4)), box_iou((0, 0, 0, 0), (0, 0, 0, 0))
    (0.0, 0.0)
    """
    height = max(0, min(a[2], b[2]) - max(a[0], b[0]))
    width = max(0, min(a[3], b[3]) - max(a[1], b[1]))
    shared = height * width
    union = _area(a) + _area(b) - shared
    return shared / union if union > 0 else 0.0


def _area(box: Box) -> int:
    return max(0, box[2] - box[0]) * max(0, box[3] - box[1])


def boxes_of(mask: Mask) -> list[Box]:
    """Box of everything in a mask, and of its largest 8-connected part if that is another one; empty for an empty mask.

    >>> mask = np.zeros((8, 8), dtype=bool)
    >>> mask[1:4, 1:3] = mask[6, 7] = True
    >>> boxes_of(mask)
    [(1, 1, 7, 8), (1, 1, 4, 3)]
    """
    count, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    if count < 2:
        return []
    largest = stats[1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())]
    rows, columns = np.nonzero(mask.any(1))[0], np.nonzero(mask.any(0))[0]
    whole = (int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)
    left, top, width, height = (int(v) for v in largest[:4])
    return list(dict.fromkeys([whole, (top, left, top + height, left + width)]))


def overlap(box: Box, mask: Mask) -> tuple[float, bool]:
    """Intersection over union with the lesion's box, and whether the middle of the box lies on a lesion.

    A reader may mean all lesions of a slice or the largest one: the better of the two boxes counts. A box says little
    of a slanting lesion, which fills half of its own; and the middle of a box around a ring or two lesions lies on
    none, however well it was drawn.

    Args:
        box: half-open, in pixels of the mask.
        mask: (height, width), not empty.
    """
    top, left, bottom, right = box
    row, column = (top + bottom - 1) // 2, (left + right - 1) // 2
    inside = 0 <= row < mask.shape[0] and 0 <= column < mask.shape[1]
    return max(box_iou(box, true) for true in boxes_of(mask)), bool(inside and mask[row, column])


def localization(locations: Sequence[Location]) -> LocalizationReport:
    """Sum up boxes of slices with lesion; a slice without a box is in ``with_box`` alone.

    >>> one = Location(slice_id="s", label="conservative", iou=0.5, center_in_mask=True)
    >>> report = localization([one, Location(slice_id="t", label="conservative")])
    >>> report.with_box.value, report.iou_from_half.value, report.iou_histogram
    (0.5, 1.0, (0, 0, 0, 0, 0, 1, 0, 0, 0, 0))
    """
    ious = np.array([x.iou for x in locations if x.iou is not None], np.float64)
    centers = sum(bool(x.center_in_mask) for x in locations if x.iou is not None)
    tenths = np.minimum((ious * TENTHS).astype(int), TENTHS - 1)
    low, middle, high = (quantile(ious, share) for share in (0.25, 0.5, 0.75))
    return LocalizationReport(
        with_box=wilson(ious.size, len(locations)),
        iou_from_half=wilson(int((ious >= HALF).sum()), ious.size),
        center_in_mask=wilson(centers, ious.size),
        iou_quartiles=(low, middle, high),
        iou_histogram=tuple(np.bincount(tenths, minlength=TENTHS).tolist()),
    )


def quantile(values: Floats, share: float) -> Estimate:
    """A quantile of shares with its 95 % interval: the order statistics whose ranks a binomial count seldom leaves.

    It takes the values as independent. Where there are too few values for a rank, its bound is 0 or 1.

    Args:
        values: (n,) from 0 to 1.
        share: of the values that lie below.

    Source: Campbell and Gardner, BMJ 1988;296:1454, with the normal approximation to the ranks.

    >>> quantile(np.arange(101) / 100, 0.5)
    Estimate(value=0.5, low=0.4, high=0.6, n=101)
    >>> quantile(np.array([0.3]), 0.5)
    Estimate(value=0.3, low=0.0, high=1.0, n=1)
    """
    n = values.size
    if n == 0:
        return wilson(0, 0)
    ordered = np.sort(values)
    reach = Z95 * np.sqrt(n * share * (1 - share))
    low, high = round(n * share - reach), round(n * share + reach) + 1
    return Estimate(
        value=float(np.quantile(ordered, share)),
        low=float(ordered[low - 1]) if low >= 1 else 0.0,
        high=float(ordered[high - 1]) if high <= n else 1.0,
        n=n,
    )
