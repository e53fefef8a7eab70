"""From what a path says about an image to its records: read it once, check its mask, keep what went wrong."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from neuroonco import images, masks
from neuroonco.catalog.files import regular_file
from neuroonco.catalog.mask_contents import contradictions, outlined_by, refuse_unnamed
from neuroonco.catalog.records import MaskRef, SliceRecord, slice_id_of
from neuroonco.errors import InputError
from neuroonco.outcomes import Dropped, StageOutcome, quarantine
from neuroonco.sources import Reader
from neuroonco.store import read_text, sha256_bytes
from neuroonco.vocabulary import DropReason, MaskKind, MRSequence, Plane, TumorType

YOLO_KINDS = (MaskKind.YOLO_POLYGONS, MaskKind.YOLO_BOXES)


@dataclass(frozen=True)
class SliceDraft:
    """What is known about an image from its path alone.

    Attributes:
        path_in_source: relative to the source's folder; with the content it makes the ``slice_id``.
        image_path: relative to the root.
        reader: see :class:`neuroonco.sources.LayoutRule`.
        labels: the source's spelling -> tumour type, for a reader that finds the label inside the file; ``unknown``
            for a label outside the vocabulary.
        channels: sequence of each colour channel, if the file holds several; then ``sequence`` is None.
        missing_repeats: see :class:`neuroonco.sources.LayoutRule`.
        mask: the mask that is expected, whether it exists or not.
        other_masks: further paths at which the mask may lie; the first file that exists counts.
        label_values: the values that a label mask may hold beside 0; another one is an error of the mask.
        type_from_mask: the tumour type is the class on the first line of the YOLO label file.
        attach_mask: False for a healthy slice: its label file is read for contradictions only.
        empty_means_absent, class_labels: see :class:`neuroonco.sources.MaskRule`.
    """

    source_id: str
    path_in_source: str
    image_path: str
    sample_id: str
    reader: Reader = "image"
    labels: Mapping[str, TumorType | Literal["unknown"]] = field(default_factory=dict)
    tumor_type: TumorType | None = None
    tumor_present: bool | None = None
    source_label: str | None = None
    sequence: MRSequence | None = None
    plane: Plane | None = None
    patient_id: str | None = None
    split: str | None = None
    channels: tuple[MRSequence, ...] = ()
    missing_repeats: MRSequence | None = None
    mask: MaskRef | None = None
    other_masks: tuple[str, ...] = ()
    label_values: frozenset[int] | None = None
    type_from_mask: bool = False
    attach_mask: bool = True
    empty_means_absent: bool = False
    class_labels: Mapping[int, TumorType] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    origin: str | None = None


def complete(root: Path, draft: SliceDraft, decode: images.Decode = images.decode) -> StageOutcome[SliceRecord]:
    """Read the image and its mask, and make one record for each sequence that the file holds.

    An image that cannot be read is quarantined. A mask that cannot be read, or does not fit, leaves the slice
    without mask, with the note ``mask:<code>``, and the mask's error is quarantined beside it.
    """
    outcome: StageOutcome[SliceRecord] = StageOutcome()
    try:
        data = images.read_bytes(regular_file(root, draft.image_path), draft.image_path)
        decoded = decode(data, draft.image_path)
        if draft.channels and decoded.channels != 3:
            what = f"one channel where {len(draft.channels)} sequences are expected"
            raise InputError("CHANNEL_MISSING", what, where=draft.image_path)
    except InputError as error:
        outcome.quarantined.append(
            quarantine(
                error,
                slice_id=slice_id_of(draft.source_id, draft.path_in_source, None, ""),
                source_id=draft.source_id,
                image_path=draft.image_path,
            )
        )
        return outcome
    sha256 = sha256_bytes(data)
    draft = settle_mask(root, draft)
    mask, present, notes = draft.mask if draft.attach_mask else None, draft.tumor_present, draft.notes
    if draft.mask is not None:
        try:
            mask, present, found = _read_mask(root, draft, draft.mask, (decoded.height_px, decoded.width_px))
            notes += found
        except InputError as error:
            mask, notes = None, (*notes, f"mask:{error.code}")
            outcome.quarantined.append(
                quarantine(
                    error,
                    slice_id=slice_id_of(draft.source_id, f"{draft.path_in_source}#mask", None, sha256),
                    source_id=draft.source_id,
                    image_path=draft.mask.path,
                )
            )
    record = SliceRecord(
        slice_id=slice_id_of(draft.source_id, draft.path_in_source, None, sha256),
        sample_id=draft.sample_id,
        source_id=draft.source_id,
        image_path=draft.image_path,
        image_sha256=sha256,
        height_px=decoded.height_px,
        width_px=decoded.width_px,
        channels=decoded.channels,
        bit_depth=decoded.bit_depth,
        tumor_present=present,
        tumor_type=draft.tumor_type,
        source_label=draft.source_label,
        sequence=draft.sequence,
        plane=draft.plane,
        patient_id=draft.patient_id,
        split=draft.split,
        mask=mask,
        notes=notes,
        origin=draft.origin,
    )
    if draft.channels:
        _split_channels(record, draft, decoded, outcome)
    else:
        outcome.kept.append(record)
    return outcome


def settle_mask(root: Path, draft: SliceDraft) -> SliceDraft:
    """Choose the mask file that exists, and take the tumour type from it where the source's description says so.

    What is wrong with the file shows when it is read as a mask; here it only leaves the draft as it is.
    """
    if draft.mask is None:
        return draft
    mask = draft.mask
    for path in (mask.path, *draft.other_masks) if draft.other_masks else ():
        try:
            regular_file(root, path)
        except InputError:
            continue
        mask = mask.model_copy(update={"path": path})
        break
    draft = replace(draft, mask=mask)
    if mask.kind not in YOLO_KINDS:
        return draft
    try:
        text = read_text(regular_file(root, mask.path), masks.MAX_OUTLINE_BYTES)
    except InputError:
        return draft
    rows = [line.split() for line in text.splitlines() if line.strip()]
    draft = replace(draft, mask=mask.model_copy(update={"kind": outlined_by(rows, mask.kind)}))
    if not (draft.type_from_mask and rows and re.fullmatch("[0-9]{1,4}", rows[0][0])):
        return draft
    said = draft.class_labels.get(int(rows[0][0]))
    if said is None:
        return replace(draft, source_label=rows[0][0])
    return replace(
        draft,
        tumor_type=said,
        tumor_present=said is not TumorType.HEALTHY,
        source_label=rows[0][0],
        attach_mask=said is not TumorType.HEALTHY,
        notes=(*draft.notes, f"type_from_mask:{said.value}"),
    )


def _split_channels(
    record: SliceRecord, draft: SliceDraft, decoded: images.Decoded, outcome: StageOutcome[SliceRecord]
) -> None:
    """One record a channel; a channel that merely repeats another sequence is dropped."""
    repeated = None
    if draft.missing_repeats is not None:
        repeated = decoded.gray(draft.channels.index(draft.missing_repeats))
    for channel, sequence in enumerate(draft.channels):
        slice_id = slice_id_of(draft.source_id, draft.path_in_source, channel, record.image_sha256)
        sample_id = f"{draft.sample_id}_{sequence.value}"
        is_copy = repeated is not None and bool((decoded.gray(channel) == repeated).all())
        if is_copy and sequence is not draft.missing_repeats:
            outcome.dropped.append(
                Dropped(
                    slice_id=slice_id,
                    sample_id=sample_id,
                    source_id=draft.source_id,
                    image_path=draft.image_path,
                    reason=DropReason.SEQUENCE_MISSING,
                    detail=f"channel {channel} ({sequence.value}) repeats {draft.missing_repeats}",
                )
            )
            continue
        outcome.kept.append(
            record.model_copy(
                update={
                    "slice_id": slice_id,
                    "sample_id": sample_id,
                    "image_channel": channel,
                    "sequence": sequence,
                }
            )
        )


def _read_mask(
    root: Path, draft: SliceDraft, mask: MaskRef, shape: tuple[int, int]
) -> tuple[MaskRef | None, bool | None, tuple[str, ...]]:
    """The mask to attach, whether a tumour is present, and notes; the mask of a healthy slice is not attached."""
    present = draft.tumor_present
    if mask.kind in YOLO_KINDS:
        try:
            regular_file(root, mask.path)
        except InputError as error:
            if error.code == "FILE_MISSING" and not draft.attach_mask:
                return None, present, ()
            raise
        outlines = masks.read_outlines(root, mask.model_copy(update={"lesion_values": None}))
        notes = contradictions([o.class_id for o in outlines], draft.class_labels, draft.tumor_type)
        if not draft.attach_mask:
            return None, present, notes
        return (mask, present, notes) if outlines else (None, present, (*notes, "mask:MASK_EMPTY"))
    if not draft.attach_mask:
        return None, present, ()
    regular_file(root, mask.path)
    if draft.label_values is not None:
        refuse_unnamed(images.read_mask_values(root, mask.path), draft.label_values, mask.path)
    lesion = masks.read_lesion_mask(root, mask, shape)
    if draft.empty_means_absent and lesion is not None and not lesion.any():
        present = False
    return mask, present, ()
