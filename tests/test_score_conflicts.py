"""Contradictions between source, readings and audit."""

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from neuroonco.audit.records import AuditChange, AuditedLabel, unknown_slice
from neuroonco.catalog.records import MaskRef
from neuroonco.fusion.records import FusedLabel
from neuroonco.outcomes import Dropped
from neuroonco.readings.measuring import read_slice
from neuroonco.readings.records import LesionReading, Signs
from neuroonco.readings.rules import ReadRules
from neuroonco.report.conflicts import ConflictsPage, ConflictView, KindCount, render_conflicts
from neuroonco.report.picture_records import Picture
from neuroonco.rules import load_rules
from neuroonco.score.conflicts import ConflictRules, conflict_of
from neuroonco.score.records import SliceConflict
from neuroonco.semantics.records import DescribedSlice
from neuroonco.vocabulary import (
    ConflictKind,
    DropReason,
    Edema,
    ImageRegion,
    MaskKind,
    MRSequence,
    ReadingKind,
    Shape,
    TumorType,
)

RULES = load_rules("default").section("conflicts", ConflictRules)
K = ConflictKind
HOSTILE = "<script>alert(1)</script>"


def described(**changes: Any) -> DescribedSlice:
    known = {"tumor_type": TumorType.GLIOMA, "tumor_present": True, "sequence": MRSequence.T2}
    return unknown_slice(FusedLabel(slice_id="s", sample_id="s", lesion_found=True)).model_copy(update=known | changes)


def reading(kind: ReadingKind = ReadingKind.CONSERVATIVE, **changes: Any) -> LesionReading:
    base = {"slice_id": "s", "sample_id": "s", "reader": "x", "kind": kind, "lesion_found": True}
    return LesionReading(**base | changes)


def kinds(found: SliceConflict | None) -> list[ConflictKind]:
    return [] if found is None else [f.kind for f in found.findings]


def both(**changes: Any) -> list[LesionReading]:
    return [reading(kind, **changes) for kind in ReadingKind]


def test_agreeing_and_silent_witnesses_are_no_conflict() -> None:
    agreed = both(sequence_seen=MRSequence.T2, region=ImageRegion.CENTER, signs=Signs(shape=Shape.OVAL))
    assert conflict_of(described(), agreed, None, RULES) is None
    assert conflict_of(described(), both(lesion_found=None), None, RULES) is None
    assert conflict_of(described(tumor_present=None, sequence=None), both(), None, RULES) is None
    # A failed reading is no witness, whatever else it holds.
    failed = reading(lesion_found=False, error="timeout")
    assert conflict_of(described(), [failed, reading(ReadingKind.SKEPTICAL)], None, RULES) is None


def test_a_lesion_in_a_healthy_slice_counts_once_a_reading() -> None:
    healthy = described(tumor_type=TumorType.HEALTHY, tumor_present=False)
    found = conflict_of(healthy, both(region=ImageRegion.UPPER_LEFT), None, RULES)
    assert found is not None
    assert kinds(found) == [K.LESION_NOT_STATED] * 2
    assert found.points == 2 * RULES.lesion_not_stated
    assert "Upper left of the image" in found.findings[0].said
    disputed = conflict_of(healthy, [reading(), reading(ReadingKind.SKEPTICAL, lesion_found=False)], None, RULES)
    assert sorted(kinds(disputed)) == [K.LESION_DISPUTED, K.LESION_NOT_STATED]


def test_an_empty_mask_is_the_source_s_word_not_the_reading_s() -> None:
    # As the measuring reader says it of a mask without foreground.
    pixels = np.full((64, 64), 90, np.uint8)
    rules = load_rules("default").section("read", ReadRules)
    found = read_slice(pixels, np.zeros((64, 64), bool), ReadingKind.CONSERVATIVE, rules, None)
    assert found.lesion_found is False
    said = both(lesion_found=found.lesion_found, lesion_basis=found.lesion_basis)
    emptied = described(mask=MaskRef(path="m.png", kind=MaskKind.BINARY))
    assert conflict_of(emptied, said, None, RULES) is None
    assert kinds(conflict_of(described(), said, None, RULES)) == [K.LESION_NOT_SEEN] * 2
    # A model did not look at the mask: its word is its own.
    of_a_model = both(lesion_found=False, request_hash="0" * 64)
    assert kinds(conflict_of(emptied, of_a_model, None, RULES)) == [K.LESION_NOT_SEEN] * 2


def test_sequences_against_the_source_and_each_other() -> None:
    seen = [reading(sequence_seen=MRSequence.T2), reading(ReadingKind.SKEPTICAL, sequence_seen=MRSequence.FLAIR)]
    found = conflict_of(described(), seen, None, RULES)
    assert kinds(found) == [K.SEQUENCE_AGAINST_SOURCE, K.SEQUENCE_DISPUTED]
    assert found is not None
    assert found.points == RULES.sequence_against_source + RULES.sequence_disputed


def test_signs_conflict_beyond_degree_only() -> None:
    a = reading(signs=Signs(shape=Shape.ROUND, edema=Edema.MILD))
    b = reading(ReadingKind.SKEPTICAL, signs=Signs(shape=Shape.IRREGULAR, edema=Edema.EXTENSIVE))
    found = conflict_of(described(), [a, b], None, RULES)
    assert found is not None
    assert [(f.kind, f.field) for f in found.findings] == [(K.SIGN_DISPUTED, "shape")]


def test_the_audit_is_a_witness() -> None:
    change = AuditChange(field="edema", before="mild", after="present", reason="auditor: downgrade")
    label = AuditedLabel(slice_id="s", sample_id="s", slice=described(), lesion_found=True, changes=(change,) * 2)
    assert kinds(conflict_of(described(), both(), label, RULES)) == [K.AUDIT_CHANGED] * 2
    for reason, expected in ((DropReason.AUDIT_REJECTED, [K.AUDIT_REJECTED]), (DropReason.AUDIT_MISSING, [])):
        dropped = Dropped(slice_id="s", sample_id="s", reason=reason)
        assert kinds(conflict_of(described(), both(), dropped, RULES)) == expected


@given(st.permutations([reading(), reading(ReadingKind.SKEPTICAL, sequence_seen=MRSequence.T1)]))
def test_the_order_of_witnesses_does_not_matter(readings: list[LesionReading]) -> None:
    found = conflict_of(described(), readings, None, RULES)
    assert found == conflict_of(described(), readings[::-1], None, RULES)


def test_the_page_names_nothing_that_becomes_markup() -> None:
    found = conflict_of(
        described(image_path=HOSTILE, source_label=HOSTILE, tumor_type=None), both(lesion_found=False), None, RULES
    )
    assert found is not None
    view = ConflictView(picture=Picture(missing="IMAGE_EMPTY", alt="MRI slice"), conflict=found)
    kind = KindCount(kind=K.LESION_NOT_SEEN, slices=1)
    html = render_conflicts(ConflictsPage(title=HOSTILE, home="index.html", total=1, kinds=(kind,), shown=(view,)))
    assert "<script" not in html
    assert html.count("&lt;script&gt;") >= 3
    assert "IMAGE_EMPTY" in html
    empty = render_conflicts(ConflictsPage(title="t", home="index.html", total=0, kinds=(), shown=()))
    assert "No contradiction in this run." in empty
