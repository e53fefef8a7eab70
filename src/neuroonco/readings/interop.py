"""Readings in the reference's JSON."""

from enum import StrEnum
from typing import Any, TypeVar

from neuroonco.errors import InputError
from neuroonco.readings.records import LesionReading, Signs
from neuroonco.store import ReferenceCodec
from neuroonco.vocabulary import SIGN_VALUES, ImageRegion, MRSequence, Sign, interop, recode

READER = "reference"
"""Reader of a decoded row: the format does not name one."""
NULL_SPELLINGS = ("", "null", "none", "unknown", "nan")
ABSTAINED = "abstained: the reader cannot tell whether there is a lesion"
SEQUENCE_SPELLINGS = {
    MRSequence.T1: "T1",
    MRSequence.T1CE: "T1_Contrast",
    MRSequence.T2: "T2",
    MRSequence.FLAIR: "FLAIR",
}
"""How the reference's readings spell sequences, which is not how its catalogue does."""

E = TypeVar("E", bound=StrEnum)


def encode_reading(reading: LesionReading) -> dict[str, Any]:
    """The reference's row; an absent finding becomes null, as that format has no word for it."""
    if reading.error is not None or reading.lesion_found is None:
        # The format knows no "cannot tell"; as an error it is at least not taken for "no lesion" by us.
        return {"sample_id": reading.sample_id, "error": reading.error or ABSTAINED}
    sequence = reading.sequence
    return {
        "sample_id": reading.sample_id,
        "ai_prediction": {
            "meta_info": {
                "predicted_modality": "Unknown" if sequence is None else SEQUENCE_SPELLINGS[sequence],
                "predicted_location": interop(reading.region),
                "lesion_found": str(reading.lesion_found),
            },
            "structured_signs": {sign.value: interop(reading.signs.get(sign)) for sign in Sign},
        },
    }


def decode_reading(raw: dict[str, Any]) -> LesionReading:
    """A row of the reference; whatever cannot be read fails closed: it is an error, never "no lesion".

    A spelling outside the vocabulary leaves its field None and is listed in ``unrecognized``.

    Raises:
        InputError: no sample id, or an unknown field on the top level.
    """
    if extra := sorted(set(raw) - {"sample_id", "image_path", "ai_prediction", "error"}):
        raise InputError("FIELD_UNKNOWN", f"{extra[0]}: no such field")
    sample_id, image_path = raw["sample_id"], raw.get("image_path")
    if not isinstance(sample_id, str) or not sample_id:
        raise InputError("FIELD_INVALID", "sample_id: expected text")
    path = image_path if isinstance(image_path, str) and image_path else None

    def failed(message: str) -> LesionReading:
        return LesionReading(
            slice_id=sample_id, sample_id=sample_id, image_path=path, reader=READER, error=message[:500]
        )

    if raw.get("error") == ABSTAINED:
        return LesionReading(slice_id=sample_id, sample_id=sample_id, image_path=path, reader=READER)
    if raw.get("error") is not None:
        return failed(str(raw["error"]) or "unnamed error")
    answer = raw.get("ai_prediction")
    if not isinstance(answer, dict):
        return failed("ai_prediction is missing" if answer is None else "ai_prediction is not an object")
    meta, texts = answer.get("meta_info"), answer.get("structured_signs")
    if not isinstance(meta, dict):
        return failed("meta_info is missing")
    lesion_found = _truth(meta.get("lesion_found"))
    if lesion_found is None:
        return failed(f"lesion_found is not readable: {str(meta.get('lesion_found'))[:60]!r}")
    if texts is None:
        texts = {}
    if not isinstance(texts, dict):
        return failed("structured_signs is not an object")
    unrecognized: list[str] = []
    signs = Signs.model_validate(
        {s.value: _term(SIGN_VALUES[s], s.value, texts.get(s.value), unrecognized) for s in Sign}
    )
    known = {"predicted_modality", "predicted_location", "lesion_found", *(s.value for s in Sign)}
    for field, text in sorted({**meta, **texts}.items()):
        if field not in known:
            unrecognized.append(f"{field}={_short(text)}")
    return LesionReading(
        slice_id=sample_id,
        sample_id=sample_id,
        image_path=path,
        reader=READER,
        lesion_found=lesion_found,
        sequence=_term(MRSequence, "predicted_modality", meta.get("predicted_modality"), unrecognized),
        region=_term(ImageRegion, "predicted_location", meta.get("predicted_location"), unrecognized),
        signs=signs,
        unrecognized=tuple(unrecognized),
    )


def _truth(value: Any) -> bool | None:
    """True and False as JSON or as text in any case; None for everything else, 0 and 1 included."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.strip().casefold())
    return None


def _term(enum: type[E], field: str, text: Any, unrecognized: list[str]) -> E | None:
    if text is None or (isinstance(text, str) and text.strip().casefold() in NULL_SPELLINGS):
        return None
    value = recode(enum, text) if isinstance(text, str) else None
    if value is None:
        unrecognized.append(f"{field}={_short(text)}")
    return value


def _short(text: Any) -> str:
    return str(text)[:60]


READING_CODEC: ReferenceCodec[LesionReading] = ReferenceCodec(decode_reading, encode_reading)
