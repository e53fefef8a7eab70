"""Mask attributes and descriptions in the reference's JSON."""

from typing import Any

from neuroonco.catalog.interop import SLICE_CODEC
from neuroonco.errors import InputError
from neuroonco.semantics.records import DescribedSlice, LesionSemantics, MeasuredSlice
from neuroonco.store import ReferenceCodec
from neuroonco.vocabulary import ImageRegion, LesionSize, LesionSpread, Shape, interop, recode

ATTRIBUTES = {"size": LesionSize, "shape": Shape, "spread": LesionSpread, "location": ImageRegion}


def encode_semantics(semantics: LesionSemantics | None) -> dict[str, str | None] | None:
    """The four attributes in the reference's spelling; null without semantics."""
    if semantics is None:
        return None
    return {name: interop(getattr(semantics, name), attribute=True) for name in ATTRIBUTES}


def decode_semantics(raw: Any) -> LesionSemantics | None:
    """Attributes from the reference's spelling.

    Raises:
        InputError: not an object, or a spelling that the vocabulary does not know.
    """
    if raw is None:
        return None
    if not isinstance(raw, dict) or set(raw) - set(ATTRIBUTES):
        raise InputError("FIELD_INVALID", "medical_semantics: expected size, shape, spread and location")
    values: dict[str, Any] = {}
    for name, enum in ATTRIBUTES.items():
        text = raw.get(name)
        values[name] = recode(enum, text) if isinstance(text, str) else None
        if text is not None and values[name] is None:
            raise InputError("FIELD_INVALID", f"medical_semantics.{name}: unknown spelling {str(text)[:60]!r}")
    return LesionSemantics(**values, geometry=None, rules="paper")


def _encode_measured(record: MeasuredSlice) -> dict[str, Any] | None:
    encoded = SLICE_CODEC.encode(record)
    return None if encoded is None else encoded | {"medical_semantics": encode_semantics(record.semantics)}


def _decode_measured(raw: dict[str, Any]) -> MeasuredSlice:
    base = SLICE_CODEC.decode({k: v for k, v in raw.items() if k != "medical_semantics"})
    fields = {name: getattr(base, name) for name in type(base).model_fields}
    return MeasuredSlice(**fields, semantics=decode_semantics(raw.get("medical_semantics")))


MEASURED_CODEC: ReferenceCodec[MeasuredSlice] = ReferenceCodec(_decode_measured, _encode_measured)


def _encode_described(record: DescribedSlice) -> dict[str, Any] | None:
    if not record.is_whole_file:  # see SLICE_CODEC: one channel of a file is no file
        return None
    return {
        "sample_id": record.sample_id,
        "image_path": record.image_path,
        "coarse_description": record.description,
    }


def _decode_described(raw: dict[str, Any]) -> DescribedSlice:
    """A described slice from its three fields, or from a catalogue record without the text."""
    if "coarse_description" not in raw:
        measured = _decode_measured(raw)
        return DescribedSlice(**{name: getattr(measured, name) for name in type(measured).model_fields})
    if extra := sorted(set(raw) - {"sample_id", "image_path", "coarse_description"}):
        raise InputError("FIELD_UNKNOWN", f"{extra[0]}: no such field")
    sample_id, path = raw["sample_id"], raw["image_path"]
    if not isinstance(sample_id, str) or not isinstance(path, str):
        raise InputError("FIELD_INVALID", "sample_id and image_path must be text")
    return DescribedSlice(
        slice_id=sample_id,
        sample_id=sample_id,
        source_id="reference",
        image_path=path,
        image_sha256="",
        height_px=0,
        width_px=0,
        channels=3,
        bit_depth=8,
        description=raw["coarse_description"],
    )


DESCRIBED_CODEC: ReferenceCodec[DescribedSlice] = ReferenceCodec(_decode_described, _encode_described)
