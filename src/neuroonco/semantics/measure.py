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
from neuroonco.head import head_box_with
from neuroonco.images import Gray, Mask
from neuroonco.outcomes import StageOutcome, quarantine_slice
from neuroonco.rules import RuleSet
from neuroonco.semantics.contour import DefaultMeasureRules
from neuroonco.semantics.frame import Frame, frame_of
from neuroonco.semantics.lesions import measure_default
from neuroonco.semantics.paper import PaperMeasureRules, measure_paper
from neuroonco.semantics.records import LesionSemantics, MeasuredSlice
from neuroonco.vocabulary import MaskKind


def measure_slices(slices: Iterable[CuratedSlice], *, root: Path, rules: RuleSet) -> StageOutcome[MeasuredSlice]:
    """Add mask attributes to slices; one without a mask, or with an empty one, is kept with ``semantics`` None.

    With the rules ``default`` the picture of a slice with a lesion is read too, for the box of the head in it.

    Args:
        slices: catalogued or curated slices.
        root: folder to which their paths are relative.
        rules: set ``paper`` or ``default``.

    Returns:
        Kept slices; quarantined are those whose mask exists and cannot be used, and with the rules ``default`` those
        whose picture cannot be read, and all but the first of one ``slice_id`` (``SLICE_ID_TWICE``).
    """
    measure = _measurer(root, rules)
    outcome: StageOutcome[MeasuredSlice] = StageOutcome()
    seen: dict[str, str] = {}
    for record in slices:
        try:
            if rules.name != "paper":  # the reference's sample ids are not unique, and it does not mind
                _refuse_second(record, seen)
            semantics = None if record.mask is None else measure(record, record.mask)
        except InputError as error:
            outcome.quarantined.append(quarantine_slice(error, record))
            continue
        fields = {name: getattr(record, name) for name in type(record).model_fields if name != "semantics"}
        outcome.kept.append(MeasuredSlice(**fields, semantics=semantics))
    return outcome


def _refuse_second(record: CuratedSlice, seen: dict[str, str]) -> None:
    if record.slice_id in seen:
        what = f"slice_id {record.slice_id[:60]!r} is already that of {seen[record.slice_id][:120]!r}"
        raise InputError("SLICE_ID_TWICE", what, where=record.image_path, fix="keep one record for each slice_id")
    seen[record.slice_id] = record.image_path


def _measurer(root: Path, rules: RuleSet) -> Callable[[CuratedSlice, MaskRef], LesionSemantics | None]:
    if rules.name == "paper":
        return partial(_measure_as_reference, root=root, rules=rules.section("measure", PaperMeasureRules))
    return partial(_measure, root=root, rules=rules.section("measure", DefaultMeasureRules))


def _measure(record: CuratedSlice, ref: MaskRef, root: Path, rules: DefaultMeasureRules) -> LesionSemantics | None:
    if ref.kind is MaskKind.YOLO_BOXES:
        return _measure_boxes(record, ref, root, rules)
    mask = masks.read_lesion_mask(root, ref, (record.height_px, record.width_px), rules.label_values_to)
    if mask is None or not mask.any():
        return None
    measured = measure_default(mask, rules, _frame(record, mask, root, rules))
    return measured if measured is None or ref.slice_index is None else _with_extent(measured, ref, root, rules)


def _frame(record: CuratedSlice, lesion: Mask, root: Path, rules: DefaultMeasureRules) -> Frame:
    """The brain box of a slice's picture, or its canvas where no box is found that holds the lesion.

    Raises:
        InputError: the picture cannot be read, or is of another size than its record and mask (``IMAGE_SIZE``).
    """
    picture = images.read_picture(root, record)
    if picture.shape != lesion.shape:
        found = f"image is {picture.shape[1]} x {picture.shape[0]} px, mask {lesion.shape[1]} x {lesion.shape[0]}"
        raise InputError("IMAGE_SIZE", found, where=record.image_path, fix="catalogue the folder again")
    box = head_box_with(picture, lesion, rules.box_holds_from)
    return frame_of(box, (picture.shape[0], picture.shape[1]), record)


def _with_extent(measured: LesionSemantics, ref: MaskRef, root: Path, rules: DefaultMeasureRules) -> LesionSemantics:
    from neuroonco.volumes import read_lesion_extent  # here, because few slices come from volumes

    extent = read_lesion_extent(root, ref, rules.label_values_to)
    return measured if extent is None else measured.model_copy(update=dict(extent))


def _measure_boxes(
    record: CuratedSlice, ref: MaskRef, root: Path, rules: DefaultMeasureRules
) -> LesionSemantics | None:
    """Boxes tell where a lesion is, not how large, which shape or how many: a box is not an outline."""
    outlines = masks.read_outlines(root, ref)
    if len(outlines) != 1:
        return None  # several boxes have no single place
    corners = np.asarray(outlines[0].points, dtype=np.float64) * (record.width_px, record.height_px)
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    if not (right > left and bottom > top):
        return None
    x, y = float(left + right) / 2, float(top + bottom) / 2
    filled = masks.rasterise(outlines, (record.height_px, record.width_px))
    frame = _frame(record, filled, root, rules)
    return LesionSemantics(
        size=None,
        shape=None,
        spread=None,
        location=frame.region_at(x, y),
        rules="default",
        frame=frame.kind,
        side=frame.side_at(x, rules.midline_tolerance),
    )


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
