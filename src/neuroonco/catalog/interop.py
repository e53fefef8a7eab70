"""The reference's catalogue JSON: our records written as its objects, and its objects read as our records.

Source: MM-NeuroOnco v1.0, catalogue record.
"""

from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

import cv2
import numpy as np

from neuroonco import images, masks
from neuroonco.catalog.records import MaskRef, SliceRecord
from neuroonco.catalog.reference_names import source_id_of
from neuroonco.errors import InputError
from neuroonco.store import ReferenceCodec, atomic
from neuroonco.vocabulary import MaskKind, MRSequence, TumorType, recode

REQUIRED = (
    "sample_id",
    "image_path",
    "tumor_present",
    "tumor_type",
    "modality",
    "has_mask",
    "mask_path",
    "image_meta",
)
OPTIONAL = ("origin", "origin_json", "medical_semantics")
META = ("height", "width", "channel")
UNKNOWN = "unknown"


def encode_slice(record: SliceRecord) -> dict[str, Any] | None:
    """A record as the reference writes it; None for one channel or slice of a file with several.

    The format names files only: several slices of one file would contradict each other in it.

    A label outside the vocabulary is written as the source spells it. A box is not a mask; a polygon's mask is the
    PNG that :func:`write_polygon_masks` writes. ``channel`` is 3: the reference reads with OpenCV's default.
    """
    if not record.is_whole_file:
        return None
    mask_path = ""
    if record.mask is not None and record.mask.kind is MaskKind.YOLO_POLYGONS:
        mask_path = polygon_mask_path(record.image_path)
    elif record.mask is not None and record.mask.kind is not MaskKind.YOLO_BOXES:
        mask_path = record.mask.path
    encoded: dict[str, Any] = {
        "sample_id": record.sample_id,
        "image_path": record.image_path,
        "tumor_present": record.tumor_present,
        "tumor_type": reference_label(record) or UNKNOWN,
        "modality": UNKNOWN if record.sequence is None else record.sequence.value,
        "has_mask": bool(mask_path),
        "mask_path": mask_path,
        "image_meta": {"height": record.height_px, "width": record.width_px, "channel": 3},
    }
    if record.origin is not None:
        encoded["origin"] = record.origin
    return encoded


def reference_label(record: SliceRecord) -> str | None:
    """The tumour type as the reference's files spell it.

    A record that came from such a file (it has no content hash) keeps that file's own spelling, so that what was not
    understood exactly is passed on exactly.
    """
    if record.tumor_type is None or (not record.image_sha256 and record.source_label is not None):
        return record.source_label
    return record.tumor_type.value


def decode_slice(row: dict[str, Any]) -> SliceRecord:
    """A record from the reference's object.

    What the JSON does not say stays unset: ``image_sha256`` is empty and ``slice_id`` is the ``sample_id``.

    Raises:
        InputError: ``FIELD_MISSING``, ``FIELD_UNKNOWN``, ``FIELD_INVALID`` or ``PATH_OUTSIDE_ROOT``.
    """
    _check_keys(row, REQUIRED, OPTIONAL, "record")
    meta = row["image_meta"]
    if not isinstance(meta, dict):
        raise InputError("FIELD_INVALID", "image_meta: not an object")
    _check_keys(meta, META, (), "image_meta")
    image_path = _relative(row, "image_path")
    source_id, patient_id = source_and_patient(image_path)
    if not isinstance(row["has_mask"], bool):
        raise InputError("FIELD_INVALID", "has_mask: neither true nor false")
    if not isinstance(row["tumor_present"], bool | None):
        raise InputError("FIELD_INVALID", "tumor_present: neither true nor false nor null")
    mask = None
    if row["has_mask"]:
        # BraTS masks hold labels; for a mask of gray values both kinds read the same.
        kind = MaskKind.LABELS if source_id == "16" else MaskKind.BINARY
        mask = MaskRef(path=_relative(row, "mask_path"), kind=kind)
    label, modality = _text(row, "tumor_type"), _text(row, "modality")
    sequence = recode(MRSequence, modality)
    if sequence is None and modality not in ("", UNKNOWN):
        raise InputError("FIELD_INVALID", f"modality: {modality[:60]!r} is not known")
    sample_id = _text(row, "sample_id")
    if not sample_id:
        raise InputError("FIELD_INVALID", "sample_id: empty")
    return SliceRecord(
        slice_id=sample_id,
        sample_id=sample_id,
        source_id=source_id,
        image_path=image_path,
        image_sha256="",
        height_px=meta["height"],
        width_px=meta["width"],
        channels=meta["channel"],
        bit_depth=8,
        tumor_present=row["tumor_present"],
        tumor_type=recode(TumorType, label),
        source_label=None if label in ("", UNKNOWN) else label,
        sequence=sequence,
        patient_id=patient_id,
        mask=mask,
        origin=row.get("origin"),
    )


def source_and_patient(image_path: str) -> tuple[str, str | None]:
    """What the reference's folder layout says about a slice: its source, and in source 16 its patient.

    The format has no field for either, and a split must not cut through a patient.

    >>> source_and_patient("glioma/16_t1_mask/BraTS2021_01648/BraTS2021_01648_t1.png")
    ('16', 'BraTS2021_01648')
    >>> source_and_patient("healthy/09_t2/healthy_09_t2 (3).jpg"), source_and_patient("a.png")
    (('09', None), ('reference', None))
    """
    folders = PurePosixPath(image_path).parts[1:-1]
    source_id = source_id_of(folders[0]) if folders else "reference"
    return source_id, folders[-1] if source_id == "16" and len(folders) > 1 else None


SLICE_CODEC: ReferenceCodec[SliceRecord] = ReferenceCodec(decode=decode_slice, encode=encode_slice)


def polygon_mask_path(image_path: str) -> str:
    """Where the reference keeps the PNG of a polygon mask.

    >>> polygon_mask_path("tumor/19_mask/images/1279.jpg")
    'tumor/19_mask/images/1279_mask.png'
    """
    path = PurePosixPath(image_path)
    return str(path.with_name(f"{path.stem}_mask.png"))


def write_polygon_masks(root: Path, records: Iterable[SliceRecord]) -> list[str]:
    """Write the mask PNG (0 and 255) of every slice with polygons beside its image, unless it is there already.

    Returns:
        Paths that were written, relative to the root.

    Raises:
        InputError: an outline cannot be read, or the folder cannot be written.
    """
    written = []
    for record in records:
        if record.mask is None or record.mask.kind is not MaskKind.YOLO_POLYGONS:
            continue
        relative = polygon_mask_path(record.image_path)
        path = images.resolve(root, relative)
        if path.exists():
            continue
        shape = (record.height_px, record.width_px)
        lesion = masks.rasterise(masks.read_outlines(root, record.mask), shape)
        _, encoded = cv2.imencode(".png", lesion.astype(np.uint8) * 255)
        with atomic(path) as temporary:
            temporary.write_bytes(encoded.tobytes())
        written.append(relative)
    return written


def _check_keys(row: dict[str, Any], required: tuple[str, ...], optional: tuple[str, ...], what: str) -> None:
    if missing := [key for key in required if key not in row]:
        raise InputError("FIELD_MISSING", f"{what}: no {missing[0]}", fix=f"needs {', '.join(required)}")
    if unknown := sorted(set(row) - set(required) - set(optional)):
        raise InputError("FIELD_UNKNOWN", f"{what}: no such field {unknown[0][:60]!r}")


def _text(row: dict[str, Any], key: str) -> str:
    value = row[key]
    if not isinstance(value, str):
        raise InputError("FIELD_INVALID", f"{key}: not a text")
    return value


def _relative(row: dict[str, Any], key: str) -> str:
    path = _text(row, key)
    # Under "/" no link can lead outside: this asks for the form of the path alone; reading asks again.
    images.resolve(Path("/"), path)
    return path
