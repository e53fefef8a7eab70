"""Is a picture usable: size and blankness at once, everything else by comparing measured scores with the rules."""

from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from neuroonco.catalog.records import SliceRecord
from neuroonco.curate.records import QualityFinding
from neuroonco.errors import InputError
from neuroonco.inspection.records import QualityScores
from neuroonco.vocabulary import DropReason, QualityFlag

Action = Literal["drop", "flag", "ignore"]
"""What follows from a finding: the slice is dropped, only flagged, or nobody looks."""


class CurateRules(BaseModel):
    """Section ``[curate]`` of a rule set; the scores behind the limits are those of ``QualityScores``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_side_px: int
    max_side_px: int
    min_gray_range: int
    label_conflict_policy: Literal["drop", "majority", "keep"]
    sharpness_below: float
    contrast_below: float
    clipped_share_above: float
    top_level_below: float
    outside_share_above: float
    frame_share_above: float
    mark_edge_above: float
    color_excess_above: float
    corner_air_below: float
    head_solidity_below: float
    head_count_above: float
    tile_similarity_above: float
    bone_ring_above: float
    on_blurred: Action
    on_low_contrast: Action
    on_overexposed: Action
    on_underexposed: Action
    on_wide_border: Action
    on_text_overlay: Action
    on_color_annotation: Action
    on_not_brain: Action
    on_mosaic: Action
    on_ct: Action


class _Check(NamedTuple):
    """One score against one limit; the limit's name says on which side of it the fault lies."""

    flag: QualityFlag
    score: str
    limit: str


CHECKS = (
    _Check(QualityFlag.BLURRED, "sharpness", "sharpness_below"),
    _Check(QualityFlag.LOW_CONTRAST, "contrast", "contrast_below"),
    _Check(QualityFlag.OVEREXPOSED, "clipped_share", "clipped_share_above"),
    _Check(QualityFlag.UNDEREXPOSED, "top_level", "top_level_below"),
    _Check(QualityFlag.WIDE_BORDER, "outside_share", "outside_share_above"),
    _Check(QualityFlag.WIDE_BORDER, "frame_share", "frame_share_above"),
    _Check(QualityFlag.TEXT_OVERLAY, "mark_edge", "mark_edge_above"),
    _Check(QualityFlag.COLOR_ANNOTATION, "color_excess", "color_excess_above"),
    _Check(QualityFlag.NOT_BRAIN, "head_solidity", "head_solidity_below"),
    _Check(QualityFlag.NOT_BRAIN, "corner_air", "corner_air_below"),
    _Check(QualityFlag.MOSAIC, "head_count", "head_count_above"),
    _Check(QualityFlag.MOSAIC, "tile_similarity", "tile_similarity_above"),
    _Check(QualityFlag.CT, "bone_ring", "bone_ring_above"),
)


def judge_quality(record: SliceRecord, scores: QualityScores, rules: CurateRules) -> list[QualityFinding]:
    """Compare the scores of a slice with the rules.

    A score that could not be measured crosses no limit; only that nothing stands out of a picture at all counts as
    no brain. Several checks may stand behind one flag: the first that is crossed is reported.

    Args:
        record: the slice.
        scores: measured on its picture.
        rules: limits, and what follows from each flag; flags to be ignored are not reported.

    Returns:
        At most one finding a flag, in the order of the vocabulary.
    """
    findings: dict[QualityFlag, QualityFinding] = {}
    for check in CHECKS:
        action: Action = getattr(rules, f"on_{check.flag.value}")
        if action == "ignore" or check.flag in findings:
            continue
        score, limit = getattr(scores, check.score), float(getattr(rules, check.limit))
        if score is None:
            if check.score != "head_solidity":
                continue
            score = 0.0
        if score < limit if check.limit.endswith("_below") else score > limit:
            findings[check.flag] = QualityFinding(
                slice_id=record.slice_id,
                source_id=record.source_id,
                image_path=record.image_path,
                image_channel=record.image_channel,
                image_slice=record.image_slice,
                flag=check.flag,
                score=float(score),
                limit=limit,
                dropped=action == "drop",
            )
    return [findings[flag] for flag in QualityFlag if flag in findings]


def drop_reason(flag: QualityFlag) -> DropReason:
    """The reason under which a slice with this fault is dropped.

    >>> drop_reason(QualityFlag.CT)
    <DropReason.QUALITY_CT: 'quality_ct'>
    """
    return DropReason(f"quality_{flag.value}")


def require_usable(record: SliceRecord, gray_range: int, rules: CurateRules) -> None:
    """Pass a slice that can show anatomy at all.

    Args:
        record: with the size of its picture.
        gray_range: see :class:`neuroonco.inspection.records.Inspection`.
        rules: limits.

    Raises:
        InputError: too small, too large, or (nearly) one gray value.
    """
    width, height, where = record.width_px, record.height_px, record.image_path
    if min(height, width) < rules.min_side_px:
        raise InputError("IMAGE_TOO_SMALL", f"{width} x {height} px, at least {rules.min_side_px}", where=where)
    if max(height, width) > rules.max_side_px:
        raise InputError("IMAGE_TOO_LARGE", f"{width} x {height} px, at most {rules.max_side_px}", where=where)
    if gray_range < rules.min_gray_range:
        raise InputError("IMAGE_BLANK", f"gray values span {gray_range}, at least {rules.min_gray_range}", where=where)
