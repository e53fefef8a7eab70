"""Read a slice's lesion mask, whatever its source stores: image, label image, volume, YOLO polygons or boxes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from neuroonco import images
from neuroonco.catalog.records import MaskRef
from neuroonco.errors import InputError
from neuroonco.images import Mask
from neuroonco.store import read_text
from neuroonco.vocabulary import MaskKind

LABEL_VALUES_TO = 8
"""A mask whose brightest value is at most this holds labels, not gray values: the rule ``measure.label_values_to``, for
those who read a mask outside a stage with that rule. A test holds the two equal."""
MAX_OUTLINE_BYTES = 4 * 1024**2
MAX_POINTS = 20_000


@dataclass(frozen=True)
class Outline:
    """One line of a YOLO label file: class and points (n, 2) as shares of width and height."""

    class_id: int
    points: tuple[tuple[float, float], ...]


def foreground(
    values: npt.NDArray[Any],
    lesion_values: tuple[int, ...] | None = None,
    label_values_to: int = LABEL_VALUES_TO,
    top: float | None = None,
) -> Mask:
    """Which pixels of a stored mask are lesion.

    Declared label values win. Without them a mask of small values (labels) counts every non-zero one, a brighter
    mask is cut at half its own maximum, so that JPEG ringing does not count.

    Args:
        values: of the whole mask, or of one slice of it.
        lesion_values: see :class:`neuroonco.catalog.records.MaskRef`.
        label_values_to: the brightest value that can be a label.
        top: the brightest value of the whole mask, if ``values`` are a slice of it.

    >>> foreground(np.array([[0, 1, 4]], dtype=np.uint8)).tolist()
    [[False, True, True]]
    >>> foreground(np.array([[0, 9, 255]], dtype=np.uint8)).tolist()
    [[False, False, True]]
    """
    if lesion_values is not None:
        return np.isin(values, lesion_values)
    brightest = float(values.max(initial=0)) if top is None else top
    return values > 0 if brightest <= label_values_to else values > brightest / 2


def read_lesion_mask(
    root: Path, mask: MaskRef, shape: tuple[int, int], label_values_to: int = LABEL_VALUES_TO
) -> Mask | None:
    """Lesion pixels of a slice.

    Args:
        root: folder to which paths are relative.
        mask: what the catalogue says about the mask.
        shape: (height, width) of the image.
        label_values_to: see :func:`foreground`.

    Returns:
        Boolean (height, width) array, or None for boxes: a box is not an outline.

    Raises:
        InputError: unreadable, or of another size than the image (``MASK_SIZE``).
    """
    if mask.kind is MaskKind.YOLO_BOXES:
        return None
    if mask.kind is MaskKind.YOLO_POLYGONS:
        return rasterise(read_outlines(root, mask), shape)
    if images.is_volume(mask.path):
        from neuroonco.volumes.lesions import read_lesion_slice  # here, because it knows masks

        lesion = read_lesion_slice(root, mask, label_values_to)
    else:
        lesion = foreground(images.read_mask_values(root, mask.path), mask.lesion_values, label_values_to)
    if lesion.shape != shape:
        found = f"mask is {lesion.shape[1]} x {lesion.shape[0]} px, its image {shape[1]} x {shape[0]}"
        raise InputError("MASK_SIZE", found, where=mask.path, fix="pair the mask with its own image")
    return lesion


def read_outlines(root: Path, mask: MaskRef) -> list[Outline]:
    """Outlines of a YOLO label file that count as lesion: polygons, or boxes as their four corners.

    Raises:
        InputError: unreadable, or a line that is not ``class`` and coordinates between 0 and 1.
    """
    text = read_text(images.resolve(root, mask.path), MAX_OUTLINE_BYTES)
    found = [
        parse_outline(line, mask.kind, f"{mask.path}, line {number}")
        for number, line in enumerate(text.splitlines(), start=1)
        if line.strip()
    ]
    return [o for o in found if mask.lesion_values is None or o.class_id in mask.lesion_values]


def parse_outline(line: str, kind: MaskKind, where: str) -> Outline:
    """Parse one line of a YOLO label file.

    >>> parse_outline("0 0.5 0.5 0.2 0.4", MaskKind.YOLO_BOXES, "x").points[0]
    (0.4, 0.3)
    """
    words = line.split()
    try:
        class_id, numbers = int(words[0]), [float(word) for word in words[1:]]
    except ValueError:
        raise InputError("OUTLINE_INVALID", f"not numbers: {line[:60]!r}", where=where) from None
    expected = len(numbers) == 4 if kind is MaskKind.YOLO_BOXES else len(numbers) >= 6 and len(numbers) % 2 == 0
    if not expected or len(numbers) > MAX_POINTS or not all(-0.01 <= n <= 1.01 for n in numbers):
        raise InputError("OUTLINE_INVALID", f"not a {kind.value} line: {line[:60]!r}", where=where)
    if kind is MaskKind.YOLO_BOXES:
        cx, cy, w, h = numbers
        left, right, top, bottom = cx - w / 2, cx + w / 2, cy - h / 2, cy + h / 2
        return Outline(class_id, ((left, top), (right, top), (right, bottom), (left, bottom)))
    return Outline(class_id, tuple(zip(numbers[::2], numbers[1::2], strict=True)))


def rasterise(outlines: list[Outline], shape: tuple[int, int]) -> Mask:
    """Fill polygons into a mask of shape (height, width), clipped to the image."""
    height, width = shape
    canvas = np.zeros(shape, dtype=np.uint8)
    for outline in outlines:
        points = np.asarray(outline.points, dtype=np.float32) * np.array([width, height], dtype=np.float32)
        points = np.clip(points, 0, [width - 1, height - 1]).astype(np.int32)
        cv2.fillPoly(canvas, [points], 255)
    return canvas > 0
