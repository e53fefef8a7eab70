"""Stage ``measure``: lesion mask to structured attributes."""

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from neuroonco import images, masks
from neuroonco.catalog.records import MaskRef
from neuroonco.curate.records import CuratedSlice
from neuroonco.errors import InputError
from neuroonco.images import Gray
from neuroonco.outcomes import StageOutcome, quarantine_slice
from neuroonco.rules import RuleSet
from neuroonco.semantics.contour import DefaultMeasureRules, measure_default
from neuroonco.semantics.paper import PaperMeasureRules, measure_paper
from neuroonco.semantics.records import LesionSemantics, MeasuredSlice
from neuroonco.semantics.regions import region_of
from neuroonco.vocabulary import MaskKind


def measure_slices(slices: Iterable[CuratedSlice], *, root: Path, rules: RuleSet) -> StageOutcome[MeasuredSlice]:
    """Add mask attributes to slices; one without a mask, or with an empty one, is kept with ``semantics`` None.

    Args:
        slices: catalogued or curated slices.
        root: folder to which their paths are relative.
        rules: set ``paper`` or ``default``.

    Returns:
        Kept slices; quarantined are those whose mask exists and cannot be used.
    """
    measure = _measurer(root, rules)
    outcome: StageOutcome[MeasuredSlice] = StageOutcome()
    for record in slices:
        try:
            semantics = None if record.mask is None else measure(record, record.mask)
        except InputError as error:
            outcome.quarantined.append(quarantine_slice(error, record))
            continue
        fields = {name: getattr(record, name) for name in type(record).model_fields if name != "semantics"}
        outcome.kept.append(MeasuredSlice(**fields, semantics=semantics))
    return outcome


def _measurer(root: Path, rules: RuleSet) -> Callable[[CuratedSlice, MaskRef], LesionSemantics | None]:
    if rules.name == "paper":
        return partial(_measure_as_reference, root=root, rules=rules.section("measure", PaperMeasureRules))
    return partial(_measure, root=root, rules=rules.section("measure", DefaultMeasureRules))


def _measure(record: CuratedSlice, ref: MaskRef, root: Path, rules: DefaultMeasureRules) -> LesionSemantics | None:
    if ref.kind is MaskKind.YOLO_BOXES:
        return _measure_boxes(ref, root)
    mask = masks.read_lesion_mask(root, ref, (record.height_px, record.width_px), rules.label_values_to)
    return None if mask is None else measure_default(mask, rules)


def _measure_boxes(ref: MaskRef, root: Path) -> LesionSemantics | None:
    """Boxes tell where a lesion is, not how large, which shape or how many: a box is not an outline."""
    outlines = masks.read_outlines(root, ref)
    if not outlines:
        return None
    corners = [np.asarray(o.points, dtype=np.float64) for o in outlines]
    boxes = [(*c.min(axis=0), *c.max(axis=0)) for c in corners]
    weights = np.array([(right - left) * (bottom - top) for left, top, right, bottom in boxes])
    centres = np.array([((left + right) / 2, (top + bottom) / 2) for left, top, right, bottom in boxes])
    if len(boxes) > 1 or not weights.sum() > 0:
        return None  # several boxes have no single place
    x, y = centres[0]
    return LesionSemantics(size=None, shape=None, spread=None, location=region_of(float(x), float(y)), rules="default")


def _measure_as_reference(
    record: CuratedSlice, ref: MaskRef, root: Path, rules: PaperMeasureRules
) -> LesionSemantics | None:
    """As the reference: the mask alone is looked at; a missing or unreadable file gives None."""
    if ref.kind is MaskKind.YOLO_BOXES:
        return None
    if ref.kind is MaskKind.YOLO_POLYGONS:
        mask = masks.read_lesion_mask(root, ref, (record.height_px, record.width_px))
        return None if mask is None else measure_paper(mask.astype(np.uint8) * 255, rules)
    values = _opencv_gray(root, ref.path)
    return None if values is None else measure_paper(values, rules)


def _opencv_gray(root: Path, relative: str) -> Gray | None:
    """The mask as the reference's decoder sees it, after our own check that it is safe to decode."""
    path = images.resolve(root, relative)
    try:
        data = images.read_bytes(path, relative)
        images.decode(data, relative, min_side_px=1)
    except InputError:
        return None
    values = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_GRAYSCALE)
    return None if values is None else np.asarray(values, dtype=np.uint8)
