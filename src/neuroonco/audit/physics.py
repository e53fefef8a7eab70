"""An auditor by rules of MR physics: it erases what a slice cannot show, and says nothing on the rest.

It looks at other evidence than the measuring reader: the lesion's immediate surroundings and the middle of the
head as a whole, no midline and no white matter, and it acts only on gross contradictions. KEEP means "no
contradiction found", not "confirmed".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from neuroonco.audit.records import KEEP_ALL, AuditAnswer, FieldActions
from neuroonco.errors import InputError
from neuroonco.fusion.records import FusedLabel
from neuroonco.images import Gray, Mask, read_picture
from neuroonco.masks import read_lesion_mask
from neuroonco.outcomes import StageOutcome, quarantine
from neuroonco.semantics.records import DescribedSlice
from neuroonco.semantics.regions import adjacent, place_in_head, region_of
from neuroonco.vocabulary import (
    AuditAction,
    AuditDecision,
    Edema,
    Enhancement,
    MRSequence,
    Shape,
    Sign,
    SignalIntensity,
    Texture,
    assessable,
)

AUDITOR = "physics"


class PhysicsRules(BaseModel):
    """Section ``[audit_physics]``: how gross a contradiction must be."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    box_holds_from: float
    working_side_px: int
    min_lesion_px: int
    signal_contradiction: float
    iso_contradiction: float
    solid_dark_below: float
    ring_core_to: float
    absent_bright_above: float
    even_span_to: float
    uneven_span_from: float
    halo_missing_below: float
    round_elongation_to: float
    oval_elongation_from: float
    smooth_solidity_from: float
    rough_solidity_to: float


@dataclass(frozen=True)
class Evidence:
    """What the auditor looks at; gray values unless said otherwise.

    Attributes:
        lesion: pixels of the lesion, its border left out.
        rim_level, core_level: 75th percentile of the outer and median of the inner part.
        surround: median of a band around the lesion.
        tissue: median of the middle of the head without the lesion; None if there is none.
        noise: standard deviation of pixel noise.
        elongation: of the smallest rectangle around the largest part.
        solidity: of the largest part.
    """

    lesion: npt.NDArray[np.float32]
    rim_level: float
    core_level: float
    surround: float | None
    tissue: float | None
    noise: float
    elongation: float
    solidity: float


def audit_with_physics(
    label: FusedLabel,
    image: Gray,
    mask: Mask | None,
    source_sequence: MRSequence | None,
    rules: PhysicsRules,
    tumor_present: bool | None = None,
) -> AuditAnswer:
    """Audit one label.

    Args:
        label: what the readings agree on.
        image: (height, width) gray values.
        mask: (height, width) lesion pixels as the source states them, None if it has none.
        source_sequence: as the source states it; it outranks the label's.
        rules: limits.
        tumor_present: as the source states it.

    Returns:
        An action for every field. Rejected is only what cannot be as a whole: a lesion where the source's mask is
        empty or the source states that there is none, or no lesion where its mask is not empty.
    """
    known = mask if mask is not None and mask.shape == image.shape else None
    if known is not None and label.lesion_found not in (None, bool(known.any())):
        claim = "a lesion" if label.lesion_found else "no lesion"
        other = "not empty" if known.any() else "empty"
        return _answer(label, AuditDecision.REJECT, FieldActions(), f"label says {claim}, the source's mask is {other}")
    if label.lesion_found and tumor_present is False:
        findings = "label says a lesion, the source states that there is none"
        return _answer(label, AuditDecision.REJECT, FieldActions(), findings)
    if not label.lesion_found:
        return _answer(label, AuditDecision.ACCEPT, KEEP_ALL, None)

    sequence = source_sequence or label.sequence
    actions = dict.fromkeys(FieldActions.model_fields, AuditAction.KEEP)
    if source_sequence is not None and label.sequence not in (None, source_sequence):
        actions["sequence"] = AuditAction.ERASE
    for sign in Sign:
        if label.signs.get(sign) is not None and not assessable(sign, sequence):
            actions[sign.value] = AuditAction.ERASE
    if known is not None:
        if label.region is not None and known.any():
            place = place_in_head(image, known, rules.box_holds_from)
            if not adjacent(label.region, region_of(*place)):
                actions["region"] = AuditAction.ERASE
        evidence = evidence_of(image, known, rules)
        if evidence is not None:
            for sign in Sign:
                if actions[sign.value] is AuditAction.KEEP:
                    actions[sign.value] = judge(sign, label, evidence, sequence, rules)
    return _answer(label, AuditDecision.ACCEPT, FieldActions.model_validate(actions), None)


def _answer(label: FusedLabel, decision: AuditDecision, actions: FieldActions, findings: str | None) -> AuditAnswer:
    return AuditAnswer(
        slice_id=label.slice_id,
        sample_id=label.sample_id,
        auditor=AUDITOR,
        decision=decision,
        actions=actions,
        findings=findings,
    )


def evidence_of(image: Gray, mask: Mask, rules: PhysicsRules) -> Evidence | None:
    """Measure what the judgements need; None for a lesion too small for any.

    Args:
        image: (height, width) gray values.
        mask: (height, width) lesion pixels.
        rules: limits.
    """
    scale = min(1.0, rules.working_side_px / max(image.shape))
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    pixels = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    lesion = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) >= 0.5
    if lesion.sum() < rules.min_lesion_px:
        return None
    smooth = np.asarray(cv2.medianBlur(pixels, 3), np.float32)
    depth = cv2.distanceTransform(np.pad(lesion, 1).astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
    deepest = float(depth.max())
    if deepest < 3:
        return None
    away = cv2.distanceTransform((~lesion).astype(np.uint8), cv2.DIST_L2, 5)
    radius = float(np.sqrt(lesion.sum() / np.pi))
    air = 0.15 * float(np.percentile(smooth, 98))
    band = (away > 2) & (away <= 2 + max(3.0, 0.35 * radius)) & (smooth > air)
    head_depth = cv2.distanceTransform(np.pad(smooth > air, 1).astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
    middle = _middle_of_head(smooth > air) & (away > max(6.0, 0.5 * radius)) & (head_depth > 0)
    inside = lesion & (depth > min(2.5, 0.3 * deepest))
    rim = lesion & (depth > 1) & (depth <= 0.5 * deepest)
    core = lesion & (depth > 0.65 * deepest)
    contours, _ = cv2.findContours(lesion.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    biggest = max(contours, key=cv2.contourArea)
    _, (side_a, side_b), _ = cv2.minAreaRect(biggest)
    hull_area = float(cv2.contourArea(cv2.convexHull(biggest)))
    return Evidence(
        lesion=smooth[inside],
        rim_level=float(np.percentile(smooth[rim], 75)) if rim.any() else float(np.median(smooth[inside])),
        core_level=float(np.median(smooth[core])),
        surround=float(np.median(smooth[band])) if band.sum() >= 30 else None,
        tissue=float(np.median(smooth[middle])) if middle.sum() >= 300 else None,
        noise=1.4826 * float(np.median(np.abs(pixels - smooth)[inside])),
        elongation=(max(side_a, side_b) + 1) / (min(side_a, side_b) + 1),
        solidity=float(cv2.contourArea(biggest)) / max(1.0, hull_area),
    )


def _middle_of_head(tissue: Mask) -> Mask:
    """Ellipse around the head's center that stays clear of scalp and most of the cortex."""
    ys, xs = np.nonzero(tissue)
    middle = np.zeros(tissue.shape, dtype=np.uint8)
    if xs.size:
        (left, right), (top, bottom) = np.percentile(xs, [2, 98]), np.percentile(ys, [2, 98])
        center = (round((left + right) / 2), round((top + bottom) / 2))
        axes = (max(1, round(0.32 * (right - left))), max(1, round(0.32 * (bottom - top))))
        cv2.ellipse(middle, center, axes, 0, 0, 360, 1, -1)
    return np.asarray((middle > 0) & tissue)


def judge(
    sign: Sign, label: FusedLabel, seen: Evidence, sequence: MRSequence | None, rules: PhysicsRules
) -> AuditAction:
    """KEEP unless the evidence contradicts the label's value of a sign."""
    value = label.signs.get(sign)
    around = [level for level in (seen.surround, seen.tissue) if level is not None and level > 5]
    if value is None:
        return AuditAction.KEEP
    if isinstance(value, Shape):
        return _judge_shape(value, seen, rules)
    if len(around) < 2 or seen.lesion.size < 10:
        return AuditAction.KEEP
    low, high = min(around), max(around)
    if isinstance(value, SignalIntensity):
        wrong = _signal_contradicted(value, seen, low, high, rules)
    elif isinstance(value, Texture):
        wrong = _texture_contradicted(value, seen, high, rules)
    elif isinstance(value, Edema):
        # Fluid is dark on FLAIR; on T2 a bright band around the lesion may be a sulcus, so T2 is not judged.
        wrong = (
            sequence is MRSequence.FLAIR
            and value is not Edema.ABSENT
            and around[0] < rules.halo_missing_below * around[1]
        )
    elif isinstance(value, Enhancement):
        if value is Enhancement.RING and seen.core_level >= rules.ring_core_to * seen.rim_level:
            return AuditAction.DOWNGRADE
        median = float(np.median(seen.lesion))
        wrong = (value is Enhancement.SOLID and median < rules.solid_dark_below * low) or (
            value is Enhancement.ABSENT and median > rules.absent_bright_above * high
        )
    else:
        wrong = False  # margins need an edge model; that is the reader's
    return AuditAction.ERASE if wrong else AuditAction.KEEP


def _judge_shape(value: Shape, seen: Evidence, rules: PhysicsRules) -> AuditAction:
    smooth = value in (Shape.ROUND, Shape.OVAL, Shape.ROUND_OR_OVAL)
    if smooth and seen.solidity < rules.rough_solidity_to:
        return AuditAction.ERASE
    if value is Shape.IRREGULAR and seen.solidity > rules.smooth_solidity_from:
        return AuditAction.ERASE
    if value is Shape.ROUND and seen.elongation > rules.round_elongation_to:
        return AuditAction.DOWNGRADE
    if value is Shape.OVAL and seen.elongation < rules.oval_elongation_from:
        return AuditAction.DOWNGRADE
    return AuditAction.KEEP


def _signal_contradicted(value: SignalIntensity, seen: Evidence, low: float, high: float, rules: PhysicsRules) -> bool:
    """Whether the lesion is clearly on the other side of both its surroundings and the middle of the head."""
    darker, brighter = 1 - rules.signal_contradiction, 1 + rules.signal_contradiction
    median = float(np.median(seen.lesion))
    if value is SignalIntensity.HYPERINTENSE:
        return median < darker * low
    if value is SignalIntensity.HYPOINTENSE:
        return median > brighter * high
    if value is SignalIntensity.ISOINTENSE:
        return median < (1 - rules.iso_contradiction) * low or median > (1 + rules.iso_contradiction) * high
    p20, p80 = np.percentile(seen.lesion, [20, 80])
    return bool(p20 > brighter * high or p80 < darker * low)


def _texture_contradicted(value: Texture, seen: Evidence, level: float, rules: PhysicsRules) -> bool:
    p10, p90 = np.percentile(seen.lesion, [10, 90])
    span = max(0.0, float(p90 - p10) - 2.5 * seen.noise) / level
    if value is Texture.HOMOGENEOUS:
        return span > rules.even_span_to
    return span < rules.uneven_span_from


def answer_labels(
    labels: Sequence[FusedLabel], slices: Mapping[str, DescribedSlice], *, root: Path, rules: PhysicsRules
) -> StageOutcome[AuditAnswer]:
    """Audit fused labels, in the given order, each on its own.

    Args:
        labels: fused labels.
        slices: the source's facts by ``slice_id``.
        root: folder to which the slices' paths are relative.
        rules: limits, section ``[audit_physics]``.

    Returns:
        Answers kept; a label whose slice is unknown, or whose image or mask cannot be read, is quarantined, so that
        it goes without an answer and fails closed.
    """
    outcome: StageOutcome[AuditAnswer] = StageOutcome()
    for label in labels:
        record = slices.get(label.slice_id)
        try:
            if record is None:
                raise InputError("SLICE_UNKNOWN", "the label's slice is not in the source file")
            image = read_picture(root, record)
            mask = None if record.mask is None else read_lesion_mask(root, record.mask, image.shape)
        except InputError as error:
            outcome.quarantined.append(
                quarantine(
                    error,
                    slice_id=label.slice_id,
                    sample_id=label.sample_id,
                    source_id=None if record is None else record.source_id,
                    image_path=label.image_path,
                )
            )
            continue
        outcome.kept.append(audit_with_physics(label, image, mask, record.sequence, rules, record.tumor_present))
    return outcome
