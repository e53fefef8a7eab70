"""From a lesion mask to attributes: components that count, each with place and diameters, against a frame."""

from collections.abc import Iterable

import cv2
import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import ConvexHull, QhullError

from neuroonco.images import Mask
from neuroonco.semantics.contour import DefaultMeasureRules, outline_of, shape_of
from neuroonco.semantics.frame import Frame, frame_of
from neuroonco.semantics.records import LesionPart, LesionSemantics, MaskGeometry
from neuroonco.vocabulary import Laterality, LesionSize, LesionSpread, MeasureFrame

Points = npt.NDArray[np.float64]
EIGHT_CONNECTED = np.ones((3, 3))
SQUARE_TO = 1.02
"""Pixels whose sides differ by less than this factor are square."""


def measure_default(mask: Mask, rules: DefaultMeasureRules, frame: Frame | None = None) -> LesionSemantics | None:
    """Attributes of a lesion mask (height, width); None without foreground.

    Components below the noise limits are left out, unless nothing else is there. The shape is None where the
    largest component is too small to judge. The one location is the largest lesion's: the centroid of lesions that
    lie apart is a place where there may be none.

    Args:
        mask: lesion pixels.
        rules: section ``[measure]``.
        frame: what sizes and positions are relative to; the canvas if not given.
    """
    frame = frame or frame_of(None, (mask.shape[0], mask.shape[1]))
    labels, count = ndimage.label(mask, structure=EIGHT_CONNECTED)
    if count == 0:
        return None
    areas = np.bincount(labels.ravel())[1:]
    counted = _counted(areas, rules)
    total, largest = int(areas[counted].sum()), int(counted[0])
    largest_px = int(areas[largest])

    windows = ndimage.find_objects(labels)
    parts = tuple(_part(labels[windows[i]] == i + 1, windows[i], total, frame, rules) for i in counted)
    rows, columns = np.nonzero(np.isin(labels, counted + 1))
    component = _square(labels[windows[largest]] == largest + 1, frame.spacing_mm)
    outline = outline_of(component, rules.smoothing_share)
    judged = outline is not None and largest_px >= rules.min_shape_px
    in_box = frame.kind is MeasureFrame.BRAIN_BOX
    return LesionSemantics(
        size=_size(total / frame.box.area_px, in_box, rules),
        shape=shape_of(outline, rules) if judged and outline is not None else None,
        spread=_spread(counted.size, largest_px / total, rules),
        location=parts[0].location,
        geometry=MaskGeometry(
            area_px=total,
            area_share=total / mask.size,
            component_count=int(counted.size),
            largest_share=largest_px / total,
            circularity=outline.circularity if outline else None,
            elongation=outline.elongation if outline else 1.0,
            centroid_x=(float(columns.mean()) + 0.5) / mask.shape[1],
            centroid_y=(float(rows.mean()) + 0.5) / mask.shape[0],
            brain_box=frame.box if in_box else None,
            area_share_of_box=total / frame.box.area_px if in_box else None,
        ),
        rules="default",
        frame=frame.kind,
        side=side_of_all(part.side for part in parts),
        area_mm2=None if frame.spacing_mm is None else total * frame.spacing_mm[0] * frame.spacing_mm[1],
        lesions=parts,
    )


def side_of_all(sides: Iterable[Laterality | None]) -> Laterality | None:
    """Side of several lesions, largest first: both if they lie on both sides, else that of the largest.

    >>> side_of_all([Laterality.MIDLINE, Laterality.LEFT, Laterality.RIGHT])
    <Laterality.BILATERAL: 'bilateral'>
    >>> side_of_all([Laterality.MIDLINE, Laterality.LEFT])
    <Laterality.MIDLINE: 'midline'>
    """
    found = list(sides)
    if Laterality.LEFT in found and Laterality.RIGHT in found:
        return Laterality.BILATERAL
    return found[0] if found else None


def diameters(component: Mask, spacing: tuple[float, float] = (1.0, 1.0)) -> tuple[float, float]:
    """Longest diameter of a component (height, width) and the longest one perpendicular to it.

    As on a slice by RANO and RECIST: the longest line between two points of the outline, then the longest line within
    the lesion at a right angle to it. Distances run from the outer edges of pixels.

    Args:
        component: one component.
        spacing: distance between rows and between columns; the result is in its unit.

    >>> bar = np.zeros((9, 30), dtype=bool)
    >>> bar[4, 5:25] = True
    >>> diameters(bar), diameters(bar, (2.0, 0.5))
    ((20.0, 1.0), (10.0, 2.0))
    """
    rows, columns = np.nonzero(component)
    points: Points = np.stack([rows * spacing[0], columns * spacing[1]], axis=1).astype(np.float64)
    corners = _hull(points)
    apart = corners[:, None, :] - corners[None, :, :]
    lengths = np.hypot(apart[..., 0], apart[..., 1])
    longest = np.unravel_index(int(np.argmax(lengths)), lengths.shape)
    length = float(lengths[longest])
    along = apart[longest] / length if length > 0 else np.array([0.0, 1.0])
    across = np.array([-along[1], along[0]])
    # Lines across, one pixel apart; each is as long as its outermost pixels are apart.
    step = max(spacing)
    lines = np.floor((points @ along - (points @ along).min()) / step).astype(np.intp)
    reach = points @ across
    low, high = np.full(lines.max() + 1, np.inf), np.full(lines.max() + 1, -np.inf)
    np.minimum.at(low, lines, reach)
    np.maximum.at(high, lines, reach)
    return length + _pixel(along, spacing), float((high - low).max()) + _pixel(across, spacing)


def _pixel(direction: npt.NDArray[np.float64], spacing: tuple[float, float]) -> float:
    """Length of a pixel in a direction."""
    return float(np.hypot(direction[0] * spacing[0], direction[1] * spacing[1]))


def _hull(points: Points) -> Points:
    if len(points) < 3:
        return points
    try:
        corners: Points = points[ConvexHull(points).vertices]
        return corners
    except QhullError:  # all on one line
        order = np.lexsort((points[:, 1], points[:, 0]))
        ends: Points = points[order[[0, -1]]]
        return ends


def _square(component: Mask, spacing: tuple[float, float] | None) -> Mask:
    """A component on square pixels: on others a ball would be an oval."""
    if spacing is None or max(spacing) < SQUARE_TO * min(spacing):
        return component
    padded = np.pad(component, 1).astype(np.float32)
    height, width = (round(n * mm / min(spacing)) for n, mm in zip(padded.shape, spacing, strict=True))
    finer = cv2.resize(padded, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(finer > 0.5)


def _counted(areas: npt.NDArray[np.intp], rules: DefaultMeasureRules) -> npt.NDArray[np.intp]:
    """Indices of the components that count, largest first."""
    limit = max(rules.min_component_px, rules.min_component_share * int(areas.sum()))
    order = np.argsort(-areas, kind="stable")
    counted = order[areas[order] >= limit]
    return counted if counted.size else order[:1]


def _part(
    component: Mask, window: tuple[slice, slice], total: int, frame: Frame, rules: DefaultMeasureRules
) -> LesionPart:
    rows, columns = np.nonzero(component)
    top, left = window[0].start, window[1].start
    x, y = left + float(columns.mean()) + 0.5, top + float(rows.mean()) + 0.5
    centroid_x, centroid_y = frame.share_of(x, y)
    long_px, short_px = diameters(component)
    spacing = frame.spacing_mm
    long_mm, short_mm = (None, None) if spacing is None else diameters(component, spacing)
    return LesionPart(
        area_px=rows.size,
        area_mm2=None if spacing is None else rows.size * spacing[0] * spacing[1],
        share=rows.size / total,
        location=frame.region_at(x, y),
        side=frame.side_at(x, rules.midline_tolerance),
        centroid_x=centroid_x,
        centroid_y=centroid_y,
        bbox=(top, left, window[0].stop, window[1].stop),
        long_axis_px=long_px,
        short_axis_px=short_px,
        long_axis_mm=long_mm,
        short_axis_mm=short_mm,
    )


def _size(share: float, in_box: bool, rules: DefaultMeasureRules) -> LesionSize:
    small_below = rules.size_small_below_of_box if in_box else rules.size_small_below
    large_from = rules.size_large_from_of_box if in_box else rules.size_large_from
    if share < small_below:
        return LesionSize.SMALL
    return LesionSize.MEDIUM if share < large_from else LesionSize.LARGE


def _spread(components: int, largest_share: float, rules: DefaultMeasureRules) -> LesionSpread:
    if components == 1:
        return LesionSpread.SOLITARY
    dominant = largest_share >= rules.dominant_share_from
    return LesionSpread.DOMINANT_WITH_SATELLITES if dominant else LesionSpread.SCATTERED
