"""Audited labels for the tests of building: invented slices with a skewed mix of labels."""

import random
from collections.abc import Sequence
from enum import StrEnum

import numpy as np

from neuroonco.audit.records import AuditedLabel
from neuroonco.build.benchmark.open import open_items_of
from neuroonco.build.closed import closed_items_of
from neuroonco.build.groups import group_ids
from neuroonco.build.index import index_labels
from neuroonco.build.labels import in_order
from neuroonco.build.plan import plan_benchmark
from neuroonco.build.records import ClosedItem, OpenItem
from neuroonco.build.rules import BuildRules
from neuroonco.readings.records import Signs
from neuroonco.rules import RuleSet
from neuroonco.semantics.records import DescribedSlice, LesionSemantics
from neuroonco.store import sha256_text
from neuroonco.vocabulary import (
    Edema,
    Enhancement,
    ImageRegion,
    LesionSize,
    LesionSpread,
    Margins,
    MeasureFrame,
    MRSequence,
    Shape,
    SignalIntensity,
    Texture,
    TumorType,
)


def closed_items(labels: list[AuditedLabel], seed: int, rules: RuleSet, *, hard: bool = False) -> list[ClosedItem]:
    """The closed benchmark questions about all of some slices, without anything being written."""
    return closed_questions(labels, seed, rules, hard=hard)[0]


def closed_questions(
    labels: list[AuditedLabel], seed: int, rules: RuleSet, *, hard: bool = False
) -> tuple[list[ClosedItem], list[tuple[str, str, str]]]:
    """The closed questions, and wording, answer and reason of each fact that is not asked."""
    ordered = in_order(labels)
    index = index_labels(ordered, seed)
    plan = plan_benchmark(index, np.ones(index.slice_count, bool), rules.section("build", BuildRules), hard=hard)
    items = [
        item
        for row, label in index.rows(ordered)
        for item in closed_items_of(label, plan.of_slice(row), seed=seed, rules_name=rules.name, group=index.group(row))
    ]
    return items, [one for row in range(index.slice_count) for one in plan.left(row)]


def open_items(labels: Sequence[AuditedLabel], seed: int, rules: RuleSet) -> list[OpenItem]:
    """Every open question that some slices could be asked, whatever closed ones they have."""
    groups = group_ids(labels)
    return [
        item
        for label in in_order(labels)
        for item in open_items_of(label, seed=seed, rules_name=rules.name, group=groups[label.slice_id])
    ]


def make_label(
    name: str,
    tumor_type: TumorType | None = TumorType.GLIOMA,
    *,
    sequence: MRSequence | None = MRSequence.T2,
    tumor_present: bool | None = True,
    lesion_found: bool | None = None,
    semantics: LesionSemantics | None = None,
    signs: Signs | None = None,
    patient_id: str | None = None,
    patient_group: str | None = None,
    duplicate_group: str | None = None,
    image_path: str | None = None,
    image_channel: int | None = None,
    seen_sequence: MRSequence | None = None,
) -> AuditedLabel:
    """One label; a healthy one has no lesion unless the arguments say so."""
    healthy = tumor_type is TumorType.HEALTHY
    slice_id = "s" + sha256_text(name)[:16]
    record = DescribedSlice(
        slice_id=slice_id,
        sample_id=f"sample_{name}",
        source_id="90",
        image_path=image_path or f"slices/{name}.png",
        image_channel=image_channel,
        image_sha256=sha256_text("bytes", image_path or name),
        height_px=64,
        width_px=64,
        channels=1,
        bit_depth=8,
        tumor_present=False if healthy and tumor_present else tumor_present,
        tumor_type=tumor_type,
        sequence=sequence,
        patient_id=patient_id,
        patient_group=patient_group,
        duplicate_group=duplicate_group,
        semantics=semantics,
    )
    return AuditedLabel(
        slice_id=slice_id,
        sample_id=record.sample_id,
        slice=record,
        lesion_found=not healthy if lesion_found is None else lesion_found,
        sequence=seen_sequence,
        signs=signs or Signs(),
    )


def semantics(
    size: LesionSize | None = LesionSize.MEDIUM,
    shape: Shape | None = Shape.LOBULATED,
    spread: LesionSpread | None = LesionSpread.SOLITARY,
    location: ImageRegion | None = ImageRegion.CENTER_LEFT,
    frame: MeasureFrame | None = MeasureFrame.BRAIN_BOX,
) -> LesionSemantics:
    return LesionSemantics(size=size, shape=shape, spread=spread, location=location, rules="default", frame=frame)


def skewed_labels(n: int, seed: int = 0) -> list[AuditedLabel]:
    """Slices whose labels are as unequal as real ones, and correlated: the type goes with the sequence."""
    rng = random.Random(seed)

    def pick(kind: type[StrEnum], *weights: float) -> StrEnum:
        return rng.choices(list(kind), weights=weights or None)[0]

    labels = []
    for i in range(n):
        tumor = pick(TumorType, 34, 17, 12, 6, 3, 2, 1.4, 0.8, 12, 12)
        t1ce = 40 if tumor is TumorType.MENINGIOMA else 10
        sequence = pick(MRSequence, 20, t1ce, 30, 10)
        if tumor is TumorType.HEALTHY:
            labels.append(make_label(f"{i}", tumor, sequence=sequence))
            continue
        signs = Signs(
            margins=pick(Margins, 1, 3),
            texture=pick(Texture, 1, 4),
            enhancement=pick(Enhancement, 3, 5, 1, 2, 1) if sequence is MRSequence.T1CE else None,
            edema=pick(Edema, 3, 2, 1, 4) if sequence in (MRSequence.T2, MRSequence.FLAIR) else None,
            signal_intensity=pick(SignalIntensity, 5, 3, 1, 1) if sequence is not MRSequence.T1CE else None,
        )
        mask = semantics(
            size=pick(LesionSize, 3, 5, 2),
            shape=pick(Shape, 2, 3, 0, 4, 3),
            spread=pick(LesionSpread, 10, 2, 1),
            location=pick(ImageRegion, 1, 2, 1, 2, 9, 2, 1, 2, 0.3),
        )
        patient = f"p{rng.randrange(n // 3 + 1)}"
        labels.append(make_label(f"{i}", tumor, sequence=sequence, signs=signs, semantics=mask, patient_id=patient))
    return labels
