"""The physics auditor: gross contradictions are acted on, everything else is kept."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuroonco.audit.physics import PhysicsRules, answer_labels, audit_with_physics
from neuroonco.audit.records import AuditAnswer, FieldActions
from neuroonco.catalog.records import MaskRef
from neuroonco.fusion.records import FusedLabel
from neuroonco.images import Gray, Mask
from neuroonco.phantoms.generate import draw_phantom
from neuroonco.readings.records import Signs
from neuroonco.rules import load_rules
from neuroonco.semantics.records import DescribedSlice
from neuroonco.vocabulary import (
    AuditAction,
    AuditDecision,
    Edema,
    Enhancement,
    ImageRegion,
    Margins,
    MaskKind,
    MRSequence,
    Shape,
    Sign,
    SignalIntensity,
    Texture,
)

RULES = load_rules("default").section("audit_physics", PhysicsRules)
KEEP, ERASE, DOWNGRADE = AuditAction.KEEP, AuditAction.ERASE, AuditAction.DOWNGRADE
SIDE = 256
ALL_KEPT = FieldActions(**dict.fromkeys(FieldActions.model_fields, KEEP))


def disc(x: float, y: float, radius: float, stretch: float = 1.0) -> Mask:
    rows, columns = np.mgrid[0:SIDE, 0:SIDE]
    return np.asarray(((columns - x) / stretch) ** 2 + (rows - y) ** 2 <= radius**2)


LESION = disc(82, 110, 20)


def draw(*parts: tuple[Mask, float]) -> Gray:
    image = np.where(disc(127.5, 127.5, 95), 100.0, 3.0)
    for mask, value in parts:
        image[mask] = value
    image += np.random.default_rng(5).normal(0, 2, image.shape)
    return np.clip(image.round(), 0, 255).astype(np.uint8)


def label(sequence: MRSequence | None = None, region: ImageRegion | None = None, **signs: object) -> FusedLabel:
    return FusedLabel(
        slice_id="s", sample_id="x", lesion_found=True, sequence=sequence, region=region, signs=Signs(**signs)
    )


def actions(image: Gray, sequence: MRSequence | None, **signs: object) -> FieldActions:
    return audit_with_physics(label(sequence, **signs), image, LESION, sequence, RULES).actions


def test_a_true_label_is_kept_whole() -> None:
    true = label(
        MRSequence.T2,
        ImageRegion.CENTER_LEFT,
        shape=Shape.ROUND,
        margins=Margins.WELL_CIRCUMSCRIBED,
        texture=Texture.HOMOGENEOUS,
        edema=Edema.ABSENT,
        signal_intensity=SignalIntensity.HYPERINTENSE,
    )
    answer = audit_with_physics(true, draw((LESION, 180)), LESION, MRSequence.T2, RULES)
    assert answer == AuditAnswer(
        slice_id="s",
        sample_id="x",
        auditor="physics",
        decision=AuditDecision.ACCEPT,
        actions=ALL_KEPT,
    )


@given(st.sampled_from([None, *MRSequence]), st.sampled_from([None, *MRSequence]), st.booleans())
def test_signs_that_a_sequence_cannot_show_are_erased(
    stated: MRSequence | None, read: MRSequence | None, masked: bool
) -> None:
    claimed = label(
        read,
        enhancement=Enhancement.PRESENT,
        edema=Edema.PRESENT,
        signal_intensity=SignalIntensity.HYPERINTENSE,
    )
    image = draw((disc(82, 110, 30), 150), (LESION, 180))
    answer = audit_with_physics(claimed, image, LESION if masked else None, stated, RULES)
    truth = stated or read
    found = answer.actions
    assert (found.enhancement is KEEP) == (truth is MRSequence.T1CE)
    assert (found.edema is KEEP) == (truth in (MRSequence.T2, MRSequence.FLAIR))
    assert (found.signal_intensity is KEEP) == (truth in (MRSequence.T1, MRSequence.T2, MRSequence.FLAIR))
    assert (found.sequence is ERASE) == (None not in (stated, read) and stated is not read)
    assert answer.decision is AuditDecision.ACCEPT


@pytest.mark.parametrize(
    ("value", "claim", "action"),
    [
        (50, SignalIntensity.HYPERINTENSE, ERASE),
        (50, SignalIntensity.HYPOINTENSE, KEEP),
        (50, SignalIntensity.ISOINTENSE, ERASE),
        (100, SignalIntensity.ISOINTENSE, KEEP),
        (180, SignalIntensity.ISOINTENSE, ERASE),
        (180, SignalIntensity.HYPOINTENSE, ERASE),
        (180, SignalIntensity.HYPERINTENSE, KEEP),
        (180, SignalIntensity.MIXED, ERASE),
    ],
)
def test_signal(value: float, claim: SignalIntensity, action: AuditAction) -> None:
    assert actions(draw((LESION, value)), MRSequence.T1, signal_intensity=claim).signal_intensity is action


@pytest.mark.parametrize(
    ("parts", "claim", "action"),
    [
        ([(LESION, 190)], Enhancement.RING, DOWNGRADE),
        ([(LESION, 190), (disc(82, 110, 13), 60)], Enhancement.RING, KEEP),
        ([(LESION, 60)], Enhancement.SOLID, ERASE),
        ([(LESION, 190)], Enhancement.SOLID, KEEP),
        ([(LESION, 190)], Enhancement.ABSENT, ERASE),
        ([(LESION, 95)], Enhancement.ABSENT, KEEP),
    ],
)
def test_enhancement(parts: list[tuple[Mask, float]], claim: Enhancement, action: AuditAction) -> None:
    assert actions(draw(*parts), MRSequence.T1CE, enhancement=claim).enhancement is action


def test_texture_and_edema() -> None:
    stripes = LESION & (np.indices((SIDE, SIDE))[1] // 8 % 2 == 0)
    even, uneven = draw((LESION, 150)), draw((LESION, 60), (stripes, 180))
    assert actions(uneven, MRSequence.T2, texture=Texture.HOMOGENEOUS).texture is ERASE
    assert actions(uneven, MRSequence.T2, texture=Texture.HETEROGENEOUS).texture is KEEP
    assert actions(even, MRSequence.T2, texture=Texture.HETEROGENEOUS).texture is ERASE
    assert actions(even, MRSequence.T2, texture=Texture.HOMOGENEOUS).texture is KEEP
    dark_around = draw((disc(82, 110, 32), 60), (LESION, 180))
    assert actions(dark_around, MRSequence.FLAIR, edema=Edema.EXTENSIVE).edema is ERASE
    assert actions(dark_around, MRSequence.FLAIR, edema=Edema.ABSENT).edema is KEEP
    bright_around = draw((disc(82, 110, 32), 160), (LESION, 180))
    assert actions(bright_around, MRSequence.FLAIR, edema=Edema.EXTENSIVE).edema is KEEP


def test_shape() -> None:
    long = disc(82, 110, 12, stretch=2)
    image = draw((LESION, 180))

    def shape(mask: Mask, claim: Shape) -> AuditAction | None:
        return audit_with_physics(label(shape=claim), image, mask, None, RULES).actions.shape

    assert shape(long, Shape.ROUND) is DOWNGRADE
    assert shape(long, Shape.OVAL) is KEEP
    assert shape(LESION, Shape.OVAL) is DOWNGRADE
    assert shape(LESION, Shape.IRREGULAR) is ERASE
    cross = disc(82, 110, 5, stretch=6) | disc(82, 110, 30, stretch=1 / 6)
    assert shape(cross, Shape.ROUND) is ERASE
    assert shape(cross, Shape.IRREGULAR) is KEEP


def test_region_far_from_the_mask_is_erased_and_a_neighbour_kept() -> None:
    image = draw((LESION, 180))
    found = {
        region: audit_with_physics(label(region=region), image, LESION, None, RULES).actions.region
        for region in ImageRegion
    }
    right = {ImageRegion.UPPER_RIGHT, ImageRegion.CENTER_RIGHT, ImageRegion.LOWER_RIGHT}
    assert {region for region, action in found.items() if action is ERASE} == right


def test_the_region_is_judged_in_the_head_so_that_padding_erases_nothing() -> None:
    image = np.pad(draw((LESION, 180)), ((0, 256), (0, 256)), constant_values=3)
    mask = np.pad(LESION, ((0, 256), (0, 256)))
    claim = label(region=ImageRegion.LOWER_CENTER)  # touches center left of the head, not upper left of the canvas
    on_canvas = RULES.model_copy(update={"box_holds_from": 2.0})
    assert audit_with_physics(claim, image, mask, None, RULES).actions.region is KEEP
    assert audit_with_physics(claim, image, mask, None, on_canvas).actions.region is ERASE


def test_only_the_impossible_is_rejected() -> None:
    image, empty = draw(), np.zeros((SIDE, SIDE), bool)
    lesion = label()
    healthy = lesion.model_copy(update={"lesion_found": False})

    def decision(claim: FusedLabel, mask: Mask | None) -> AuditDecision | None:
        return audit_with_physics(claim, image, mask, None, RULES).decision

    assert decision(lesion, empty) is AuditDecision.REJECT
    assert decision(healthy, LESION) is AuditDecision.REJECT
    assert decision(healthy, empty) is AuditDecision.ACCEPT
    assert decision(healthy, None) is AuditDecision.ACCEPT
    assert decision(lesion, None) is AuditDecision.ACCEPT
    assert audit_with_physics(healthy, image, None, None, RULES).actions == ALL_KEPT
    assert audit_with_physics(lesion, image, None, None, RULES, tumor_present=False).decision is AuditDecision.REJECT
    undecided = lesion.model_copy(update={"lesion_found": None})
    assert {decision(undecided, mask) for mask in (None, empty, LESION)} == {AuditDecision.ACCEPT}


@pytest.mark.parametrize("sequence", list(MRSequence))
@pytest.mark.parametrize("value", [0, 128, 255])
def test_odd_pictures_change_nothing_by_signal(sequence: MRSequence, value: int) -> None:
    image = np.full((40, 64), value, np.uint8)
    pixel = np.zeros((40, 64), bool)
    pixel[0, 0] = True
    for mask in (pixel, np.ones((40, 64), bool), np.ones((7, 9), bool), None):
        answer = audit_with_physics(
            label(sequence, texture=Texture.HETEROGENEOUS, margins=Margins.ILL_DEFINED), image, mask, sequence, RULES
        )
        assert answer.decision is AuditDecision.ACCEPT
        assert answer.actions.margins is KEEP
        if mask is not None and mask.sum() > 1:
            continue
        assert answer.actions.texture is KEEP


def test_true_labels_of_phantoms_are_rarely_touched() -> None:
    touched = judged = 0
    for number in range(40):
        phantom = draw_phantom(2, number)
        if phantom.mask is None:
            continue
        truth = phantom.truth
        claim = label(truth.sequence, truth.region).model_copy(update={"signs": truth.signs})
        answer = audit_with_physics(claim, phantom.image, phantom.mask, truth.sequence, RULES)
        assert answer.decision is AuditDecision.ACCEPT
        assert answer.actions.region is KEEP
        for sign in Sign:
            if truth.signs.get(sign) is not None:
                judged += 1
                touched += getattr(answer.actions, sign.value) is not KEEP
    assert judged > 125
    assert touched / judged <= 0.03


def test_stage_keeps_order_and_quarantines_what_it_cannot_read(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), draw((LESION, 180)))
    cv2.imwrite(str(tmp_path / "m.png"), LESION.astype(np.uint8) * 255)
    base = DescribedSlice(
        slice_id="a",
        sample_id="A",
        source_id="01",
        image_path="a.png",
        image_sha256="",
        height_px=SIDE,
        width_px=SIDE,
        channels=1,
        bit_depth=8,
        sequence=MRSequence.T1,
        mask=MaskRef(path="m.png", kind=MaskKind.BINARY),
    )
    slices = {
        "a": base,
        "b": base.model_copy(update={"slice_id": "b", "image_path": "gone.png"}),
    }
    labels = [
        label(MRSequence.T1, edema=Edema.MILD).model_copy(update={"slice_id": i, "sample_id": i.upper()})
        for i in ("b", "a", "c")
    ]
    outcome = answer_labels(labels, slices, root=tmp_path, rules=RULES)
    assert [(a.slice_id, a.sample_id, a.actions.edema) for a in outcome.kept] == [("a", "A", ERASE)]
    assert [(q.slice_id, q.code) for q in outcome.quarantined] == [("b", "FILE_MISSING"), ("c", "SLICE_UNKNOWN")]
