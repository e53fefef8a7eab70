"""Fused labels in the reference's JSON, and the reference's fusion for typed readings."""

from typing import Any

from neuroonco.errors import InputError
from neuroonco.fusion.paper import SIGN_FIELDS, fuse_prediction, is_null
from neuroonco.fusion.records import FusedLabel
from neuroonco.outcomes import Dropped
from neuroonco.readings.interop import READING_CODEC
from neuroonco.readings.records import LesionReading, Signs
from neuroonco.store import ReferenceCodec
from neuroonco.vocabulary import SIGN_VALUES, DropReason, ImageRegion, MRSequence, Sign, interop, recode

FUSED_SEQUENCES = {
    MRSequence.T1: "t1",
    MRSequence.T1CE: "t1_contrast",
    MRSequence.T2: "t2",
    MRSequence.FLAIR: "flair",
}
"""How the reference's fusion spells sequences."""


def fuse_as_reference(a: LesionReading, b: LesionReading) -> FusedLabel | Dropped:
    """The reference's fusion for typed readings: out to its strings, through its rules, and back."""
    rows = [READING_CODEC.encode(reading) or {} for reading in (a, b)]
    result = fuse_prediction(*(row.get("ai_prediction") for row in rows))
    # The reference's files have no such field, so it has no rule for it; it touches none of those that it has.
    seen = a.sequence_seen if a.sequence_seen == b.sequence_seen else None
    if isinstance(result, dict):
        row = {"sample_id": a.sample_id, "image_path": a.image_path, "fused_label": result}
        return decode_fused(row, slice_id=a.slice_id).model_copy(update={"sequence_seen": seen})
    if result == "healthy":
        return FusedLabel(
            slice_id=a.slice_id,
            sample_id=a.sample_id,
            image_path=a.image_path,
            lesion_found=False,
            sequence_seen=seen,
        )
    disputed = result == "disputed"
    return Dropped(
        slice_id=a.slice_id,
        sample_id=a.sample_id,
        image_path=a.image_path,
        reason=DropReason.LESION_DISPUTED if disputed else DropReason.SEQUENCE_CONFLICT,
    )


def encode_fused(label: FusedLabel) -> dict[str, Any] | None:
    """The reference's row of a lesion; None for a healthy consensus, which it keeps in a file of its own."""
    if not label.lesion_found:
        return None
    sequence = None if label.sequence is None else FUSED_SEQUENCES[label.sequence]
    return {
        "sample_id": label.sample_id,
        "image_path": label.image_path or "",
        "fused_label": {
            "meta_info": {
                "predicted_modality": sequence or "null",
                "predicted_location": interop(label.region) or "null",
                "lesion_found": "True",
            },
            "structured_signs": {s.value: interop(label.signs.get(s)) or "null" for s in Sign},
        },
    }


def encode_healthy(label: FusedLabel) -> dict[str, Any] | None:
    """The reference's row of a healthy consensus; None for anything else."""
    if label.lesion_found is not False:
        return None
    return {"sample_id": label.sample_id, "image_path": label.image_path or ""}


def decode_fused(raw: dict[str, Any], slice_id: str | None = None) -> FusedLabel:
    """A fused row of the reference; a spelling outside the vocabulary is an error, not a guess.

    Raises:
        InputError: a field is missing, unknown or not understood.
    """
    if extra := sorted(set(raw) - {"sample_id", "image_path", "fused_label"}):
        raise InputError("FIELD_UNKNOWN", f"{extra[0]}: no such field")
    if "fused_label" not in raw:  # a row of the healthy file
        return FusedLabel(
            slice_id=slice_id or raw["sample_id"],
            sample_id=raw["sample_id"],
            image_path=raw.get("image_path") or None,
            lesion_found=False,
        )
    meta, texts = _parts(raw["fused_label"])
    signs = Signs()
    for sign in Sign:
        text = texts.get(sign.value)
        if not is_null(text):
            value = recode(SIGN_VALUES[sign], str(text))
            if value is None:
                raise InputError("TERM_UNKNOWN", f"{sign.value}: {str(text)[:60]!r} is not in the vocabulary")
            signs = signs.with_value(sign, value)  # type: ignore[arg-type]  # SIGN_VALUES pairs them
    return FusedLabel(
        slice_id=slice_id or raw["sample_id"],
        sample_id=raw["sample_id"],
        image_path=raw.get("image_path") or None,
        lesion_found=True,
        sequence=_term(MRSequence, meta, "predicted_modality"),
        region=_term(ImageRegion, meta, "predicted_location"),
        signs=signs,
    )


def _parts(label: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    meta = label.get("meta_info") if isinstance(label, dict) else None
    signs = label.get("structured_signs") if isinstance(label, dict) else None
    if not isinstance(meta, dict) or not isinstance(signs, dict):
        raise InputError("FIELD_INVALID", "fused_label: expected meta_info and structured_signs")
    if extra := sorted(set(signs) - set(SIGN_FIELDS)):
        raise InputError("FIELD_UNKNOWN", f"structured_signs.{extra[0]}: no such field")
    return meta, signs


def _term(enum: type[Any], meta: dict[str, Any], field: str) -> Any:
    text = meta.get(field)
    if is_null(text):
        return None
    value = recode(enum, str(text))
    if value is None:
        raise InputError("TERM_UNKNOWN", f"{field}: {str(text)[:60]!r} is not in the vocabulary")
    return value


FUSED_CODEC: ReferenceCodec[FusedLabel] = ReferenceCodec(decode_fused, encode_fused)
HEALTHY_CODEC: ReferenceCodec[FusedLabel] = ReferenceCodec(decode_fused, encode_healthy)
