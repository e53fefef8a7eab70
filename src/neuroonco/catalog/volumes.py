"""From what a path says about a volume, a .mat or a DICOM file to the records of its slices."""

from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from neuroonco import images, masks
from neuroonco.catalog.drafts import SliceDraft, settle_mask
from neuroonco.catalog.files import regular_file
from neuroonco.catalog.mask_contents import refuse_unnamed
from neuroonco.catalog.records import MaskRef, SliceRecord, slice_id_of
from neuroonco.catalog.sample_ids import sample_id_of
from neuroonco.errors import InputError
from neuroonco.outcomes import Dropped, Quarantined, StageOutcome, quarantine
from neuroonco.store import sha256_file
from neuroonco.vocabulary import DropReason, MaskKind, Plane, TumorType
from neuroonco.volumes.choice import choose_slices
from neuroonco.volumes.dicom import read_dicom
from neuroonco.volumes.lesions import lesion_of, open_mask_of
from neuroonco.volumes.mat import read_cheng
from neuroonco.volumes.read import gray_of, open_nifti
from neuroonco.volumes.rules import VolumeRules, volume_rules
from neuroonco.volumes.volume import slice_number
from neuroonco.volumes.window import value_of_gray


def complete_volume(root: Path, draft: SliceDraft, rules: VolumeRules | None = None) -> StageOutcome[SliceRecord]:
    """Read a file of the draft's format and its mask, and make a record for each slice that the rules choose.

    What cannot be read is quarantined; a mask that cannot be read or does not fit leaves its slices without mask, with
    the note ``mask:<code>``, and is quarantined on its own.

    Args:
        root: folder to which paths are relative.
        draft: its ``reader`` says the format.
        rules: section ``[volumes]``; None takes the shipped rules.

    Raises:
        PrerequisiteError: the extra ``volumes`` is not installed.
    """
    outcome: StageOutcome[SliceRecord] = StageOutcome()
    sha256 = ""
    try:
        path = regular_file(root, draft.image_path)
        if not images.is_volume(draft.image_path):
            fix = f"rename it to end in one of {', '.join(images.VOLUME_SUFFIXES)}"
            raise InputError("VOLUME_FORMAT", f"no name of a {draft.reader} file", where=draft.image_path, fix=fix)
        sha256 = sha256_file(path)
        draft = settle_mask(root, draft)
        if draft.reader == "nifti":
            _complete_nifti(root, draft, sha256, rules or volume_rules(), outcome)
        elif draft.reader == "cheng_mat":
            outcome.kept.append(_complete_cheng(path, draft, sha256))
        else:
            _complete_dicom(root, path, draft, sha256, outcome)
    except InputError as error:
        outcome.quarantined.append(
            quarantine(
                error,
                slice_id=slice_id_of(draft.source_id, draft.path_in_source, None, sha256),
                source_id=draft.source_id,
                image_path=draft.image_path,
            )
        )
    return outcome


def _complete_nifti(
    root: Path, draft: SliceDraft, sha256: str, rules: VolumeRules, outcome: StageOutcome[SliceRecord]
) -> None:
    volume = open_nifti(root, draft.image_path)
    plane = draft.plane or rules.plane
    axis_plane = plane if volume.is_oriented else Plane.AXIAL  # as stored
    notes = draft.notes if volume.is_oriented else (*draft.notes, "orientation_unknown")
    tissue_px = volume.along(axis_plane, volume.voxels >= value_of_gray(rules.min_tissue_gray, volume.window))
    mask, lesion_px = draft.mask if draft.attach_mask else None, None
    if mask is not None:
        try:
            regular_file(root, mask.path)
            marked = open_mask_of(volume, root, mask.path, rules.max_mask_shift_mm)
            if draft.label_values is not None:
                refuse_unnamed(marked.voxels[marked.voxels != 0], draft.label_values, mask.path)
            lesion_px = volume.along(axis_plane, lesion_of(marked, mask))
        except InputError as error:
            notes = (*notes, f"mask:{error.code}")
            outcome.quarantined.append(_mask_error(error, draft, mask, sha256))
            mask = None
    indices = choose_slices(lesion_px, tissue_px, volume.distance_mm(axis_plane), rules)
    if not indices:
        outcome.dropped.append(
            Dropped(
                slice_id=slice_id_of(draft.source_id, draft.path_in_source, None, sha256),
                sample_id=_sample_id(draft),
                source_id=draft.source_id,
                image_path=draft.image_path,
                reason=DropReason.NOT_SELECTED,
                detail=f"no {rules.every_n}th {axis_plane.value} slice has enough tissue",
            )
        )
    for index in indices:
        number = slice_number(volume.shape, axis_plane, index)
        height, width = volume.take(number).shape
        present = draft.tumor_present
        if present:  # the patient has a tumor; whether this slice shows it, only a mask can tell
            present = None if lesion_px is None else bool(lesion_px[index])
            present = None if present is False and not draft.empty_means_absent else present
        outcome.kept.append(
            _record(
                draft,
                sha256,
                slice_id=slice_id_of(draft.source_id, f"{draft.path_in_source}#slice {number}", None, sha256),
                sample_id=f"{_sample_id(draft)}_slice_{number:03d}",
                image_slice=number,
                height_px=height,
                width_px=width,
                bit_depth=volume.bit_depth,
                tumor_present=present,
                plane=plane if volume.is_oriented else draft.plane,
                spacing_mm=volume.pixel_mm(axis_plane),
                thickness_mm=volume.distance_mm(axis_plane),
                display_left=volume.display_left(axis_plane),
                mask=None if mask is None else mask.model_copy(update={"slice_index": number}),
                notes=notes,
            )
        )


def _complete_cheng(path: Path, draft: SliceDraft, sha256: str) -> SliceRecord:
    """The label in the file is looked up in the source's ``[labels]``; one that is not listed is noted, not guessed."""
    found = read_cheng(path, draft.image_path)
    gray_of(found.image, draft.image_path)
    notes, spelling = draft.notes, None if found.label is None else str(found.label)
    tumor_type = draft.tumor_type
    if spelling is not None:
        said = draft.labels.get(spelling)
        if said is None:
            notes = (*notes, f"label_unmapped:{spelling}")
        tumor_type = tumor_type if said is None else None if said == "unknown" else TumorType(said)
    present = None if tumor_type is None else tumor_type is not TumorType.HEALTHY
    mask = None
    if found.mask is None:
        notes = (*notes, "mask:FILE_MISSING")
    elif not found.mask.any():
        notes = (*notes, "mask:MASK_EMPTY")
        present = False if draft.empty_means_absent else present
    else:
        mask = MaskRef(path=draft.image_path, kind=MaskKind.BINARY)
    shown = tumor_type.value if tumor_type is not None else spelling or "unlabeled"
    height, width = found.image.shape
    return _record(
        replace(draft, tumor_type=tumor_type, source_label=spelling or draft.source_label),
        sha256,
        sample_id=sample_id_of(shown, draft.source_id, PurePosixPath(draft.path_in_source).stem),
        height_px=height,
        width_px=width,
        bit_depth=found.image.dtype.itemsize * 8,
        tumor_present=present,
        patient_id=found.patient_id or draft.patient_id,
        mask=mask,
        notes=notes,
    )


def _complete_dicom(root: Path, path: Path, draft: SliceDraft, sha256: str, outcome: StageOutcome[SliceRecord]) -> None:
    found = read_dicom(path, draft.image_path)
    gray_of(found.values, draft.image_path)
    height, width = found.values.shape
    mask, present, notes = draft.mask if draft.attach_mask else None, draft.tumor_present, draft.notes
    if mask is not None:
        try:
            regular_file(root, mask.path)
            lesion = masks.read_lesion_mask(root, mask, (height, width))
            if draft.empty_means_absent and lesion is not None and not lesion.any():
                present = False
        except InputError as error:
            notes = (*notes, f"mask:{error.code}")
            outcome.quarantined.append(_mask_error(error, draft, mask, sha256))
            mask = None
    outcome.kept.append(
        _record(
            draft,
            sha256,
            height_px=height,
            width_px=width,
            bit_depth=found.bit_depth,
            tumor_present=present,
            plane=found.plane or draft.plane,
            patient_id=draft.patient_id or found.patient_id,
            spacing_mm=found.spacing_mm,
            thickness_mm=found.thickness_mm,
            display_left=found.display_left,
            mask=mask,
            notes=notes,
        )
    )


def _record(draft: SliceDraft, sha256: str, **known: Any) -> SliceRecord:
    """What the path says, with what the file says."""
    said: dict[str, Any] = {
        "slice_id": slice_id_of(draft.source_id, draft.path_in_source, None, sha256),
        "sample_id": draft.sample_id,
        "source_id": draft.source_id,
        "image_path": draft.image_path,
        "image_sha256": sha256,
        "channels": 1,
        "tumor_type": draft.tumor_type,
        "source_label": draft.source_label,
        "sequence": draft.sequence,
        "plane": draft.plane,
        "patient_id": draft.patient_id,
        "split": draft.split,
        "origin": draft.origin,
    }
    return SliceRecord(**{**said, **known})


def _sample_id(draft: SliceDraft) -> str:
    return draft.sample_id.removesuffix("_nii")


def _mask_error(error: InputError, draft: SliceDraft, mask: MaskRef, sha256: str) -> Quarantined:
    return quarantine(
        error,
        slice_id=slice_id_of(draft.source_id, f"{draft.path_in_source}#mask", None, sha256),
        source_id=draft.source_id,
        image_path=mask.path,
    )
