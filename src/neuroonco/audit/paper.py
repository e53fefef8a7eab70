"""Audit as the reference system applies it, faults included (rule set ``paper``), on its own strings."""

from typing import Any

from neuroonco.fusion.paper import SIGN_FIELDS, is_null

PARTS = ("meta_info", "structured_signs")


def apply_to_fused(fused_label: dict[str, Any], answer: Any, source: dict[str, Any] | None) -> dict[str, Any]:
    """The reference's ``gold_label`` from a ``fused_label``, an auditor's answer and the source's row.

    Faults kept: an answer that is not an object keeps everything; ``final_decision`` is not read; DOWNGRADE of
    shape, margins, texture and signal intensity changes nothing.

    Args:
        fused_label: ``{"meta_info", "structured_signs"}``.
        answer: ``{"final_decision", "field_actions", "additional_findings"}`` or anything else.
        source: catalogue row of the same sample, or None if there is none.
    """
    whole = answer if isinstance(answer, dict) else {}
    listed = whole.get("field_actions")
    actions = listed if isinstance(listed, dict) else {}
    meta = dict(fused_label.get("meta_info") or {})
    signs = dict(fused_label.get("structured_signs") or {})

    contrast = "contrast" in str(meta.get("predicted_modality", "")).lower()
    modality_action = _action(actions, "predicted_modality")
    lost_contrast = contrast and modality_action == "DOWNGRADE"
    if modality_action == "ERASE":
        meta["predicted_modality"] = None
    elif lost_contrast:
        meta["predicted_modality"] = "T1"
    if _action(actions, "predicted_location") == "ERASE":
        meta["predicted_location"] = None

    for name in SIGN_FIELDS:
        if is_null(signs.get(name)):
            continue
        action = _action(actions, name)
        if action == "ERASE" or (lost_contrast and name == "enhancement"):
            signs[name] = None
        elif action == "DOWNGRADE" and name in ("enhancement", "edema"):
            signs[name] = "Present"

    if source is not None:
        meta["true_tumor_type"] = source.get("tumor_type", "Unknown")
        meta["true_modality"] = source.get("modality", "Unknown")
    findings = whole.get("additional_findings")
    return {
        "meta_info": meta,
        "structured_signs": signs,
        "additional_clues": None if is_null(findings) else findings,
    }


def _action(actions: dict[str, Any], field: str) -> str:
    return str(actions.get(field, "KEEP")).upper()


def audit_documents(
    fused: list[dict[str, Any]], answers: list[dict[str, Any]], source: list[dict[str, Any]]
) -> tuple[list[dict[str, Any]], list[str], list[str]]:
    """Audit a file of the reference's fused rows.

    Returns:
        Accepted rows, the ids without an answer, and the ids whose label is not of the format.
    """
    by_id = {row["sample_id"]: row.get("answer") for row in answers}
    facts = {row.get("sample_id"): row for row in source}
    accepted: list[dict[str, Any]] = []
    missing: list[str] = []
    broken: list[str] = []
    for row in fused:
        sample_id = row["sample_id"]
        if sample_id not in by_id:
            missing.append(sample_id)
            continue
        label = row.get("fused_label") or {}
        if not isinstance(label, dict) or not all(isinstance(label.get(k) or {}, dict) for k in PARTS):
            broken.append(sample_id)
            continue
        gold = apply_to_fused(label, by_id[sample_id], facts.get(sample_id))
        accepted.append(
            {
                "status": "ACCEPT",
                "sample_id": sample_id,
                "image_path": row.get("image_path"),
                "gold_label": gold,
            }
        )
    return accepted, missing, broken
