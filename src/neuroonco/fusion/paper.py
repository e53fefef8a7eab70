"""Fusion as the reference system does it, faults included (rule set ``paper``).

It works on the reference's own strings, because that is what its rules compare. Typed readings pass through
``readings.interop`` first; what comes out is typed again by ``fusion.interop``.
"""

from typing import Any

from neuroonco.readings.interop import NULL_SPELLINGS

SIGN_FIELDS = ("shape", "margins", "texture", "enhancement", "edema", "signal_intensity")


def squeeze(value: Any) -> str:
    """The reference's comparison form: lower case without spaces, hyphens and underscores.

    >>> squeeze(" Well-circumscribed "), squeeze(None)
    ('wellcircumscribed', 'null')
    """
    if value is None:
        return "null"
    return str(value).strip().lower().replace(" ", "").replace("-", "").replace("_", "")


def is_null(value: Any) -> bool:
    """True for every spelling of "nothing" that the reference knows."""
    return squeeze(value) in NULL_SPELLINGS


def reference_modality(value: Any) -> str:
    """The reference's normal form of a modality. Faults kept: ``T2-FLAIR`` is t2, ``T1Gd`` and ``T1C+`` are t1.

    >>> [reference_modality(m) for m in ("T1_Contrast", "T2-FLAIR", "T1C+", "Unknown")]
    ['t1_contrast', 't2', 't1', 'null']
    """
    text = squeeze(value)
    if text in NULL_SPELLINGS:
        return "null"
    if any(mark in text for mark in ("t1contrast", "t1+c", "t1ce")):
        return "t1_contrast"
    return next((name for name in ("t1", "t2", "flair") if name in text), "null")


def fuse_prediction(a: dict[str, Any] | None, b: dict[str, Any] | None) -> dict[str, Any] | str:
    """Fuse two ``ai_prediction`` objects of the reference's JSON.

    Returns:
        The ``fused_label`` object, or one of ``healthy``, ``disputed`` and ``conflict``. Fault kept: two failed
        readings, or "true" in lower case, count as healthy.
    """
    meta_a, signs_a = _parts(a)
    meta_b, signs_b = _parts(b)
    found = [str(meta.get("lesion_found", "False")) == "True" for meta in (meta_a, meta_b)]
    if not all(found):
        return "disputed" if any(found) else "healthy"
    signs = {name: _fuse_sign(name, signs_a.get(name), signs_b.get(name)) for name in SIGN_FIELDS}
    modality = _fuse_modality(
        reference_modality(meta_a.get("predicted_modality")),
        reference_modality(meta_b.get("predicted_modality")),
        enhancement_is_null=is_null(signs["enhancement"]),
    )
    if modality is None:
        return "conflict"
    location_a, location_b = meta_a.get("predicted_location"), meta_b.get("predicted_location")
    location = next((v for v in (location_a, location_b) if not is_null(v)), "null")
    return {
        "meta_info": {
            "predicted_modality": modality,
            "predicted_location": location,
            "lesion_found": "True",
        },
        "structured_signs": signs,
    }


def _parts(prediction: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    whole = prediction if isinstance(prediction, dict) else {}
    meta, signs = whole.get("meta_info"), whole.get("structured_signs")
    return (meta if isinstance(meta, dict) else {}), (signs if isinstance(signs, dict) else {})


def _fuse_sign(name: str, a: Any, b: Any) -> Any:
    if is_null(a) or is_null(b):
        return "null"
    if squeeze(a) == squeeze(b):
        return a
    if name == "signal_intensity":
        pair = {squeeze(a), squeeze(b)}
        iso = pair in ({"hyperintense", "isointense"}, {"hypointense", "isointense"})
        return "Isointense" if iso else "null"
    return "Present" if name in ("enhancement", "edema") else "null"


def _fuse_modality(a: str, b: str, *, enhancement_is_null: bool) -> str | None:
    """None for a conflict. Fault kept: a T1 with contrast that does not enhance is relabelled T1."""
    if a == b:
        fused = a
    elif "null" in (a, b):
        fused = b if a == "null" else a
    elif {a, b} == {"t2", "flair"}:
        fused = "flair"
    elif {a, b} == {"t1", "t1_contrast"}:
        fused = "t1_contrast"
    else:
        return None
    return "t1" if fused == "t1_contrast" and enhancement_is_null else fused


def fuse_documents(
    first: list[dict[str, Any]], second: list[dict[str, Any]], source: list[dict[str, Any]]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], dict[str, str]]:
    """Fuse two of the reference's reading files, string for string.

    Args:
        first, second: rows ``{"sample_id", "ai_prediction"}``; rows with ``error`` have no prediction.
        source: rows with ``sample_id`` and ``image_path``.

    Returns:
        Fused rows, healthy rows, and why the other ids were dropped: ``missing`` in one file, ``disputed`` or
        ``conflict``. Sorted by id: the reference's own order follows a hash set.
    """
    predictions_a = {row["sample_id"]: row.get("ai_prediction") for row in first}
    predictions_b = {row["sample_id"]: row.get("ai_prediction") for row in second}
    paths = {row.get("sample_id"): row.get("image_path", "") for row in source}
    fused, healthy = [], []
    dropped: dict[str, str] = dict.fromkeys(sorted(predictions_a.keys() ^ predictions_b.keys()), "missing")
    for sample_id in sorted(predictions_a.keys() & predictions_b.keys()):
        result = fuse_prediction(predictions_a[sample_id], predictions_b[sample_id])
        row = {"sample_id": sample_id, "image_path": paths.get(sample_id, "")}
        if isinstance(result, dict):
            fused.append(row | {"fused_label": result})
        elif result == "healthy":
            healthy.append(row)
        else:
            dropped[sample_id] = result
    return fused, healthy, dropped
