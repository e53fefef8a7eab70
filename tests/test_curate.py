"""Curation: copies, contradictions, leaks, unusable pictures."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuroonco.catalog.records import MaskRef, SliceRecord
from neuroonco.curate.curate import check_slices, curate
from neuroonco.curate.duplicates import group_exact
from neuroonco.curate.quality import CurateRules
from neuroonco.outcomes import StageOutcome
from neuroonco.rules import load_rules
from neuroonco.vocabulary import DropReason, MaskKind, TumorType

RULES = load_rules("default").section("curate", CurateRules)
KEEPING = load_rules("paper").section("curate", CurateRules)


def record(number: int, content: str = "a", **changes: Any) -> SliceRecord:
    base = {
        "slice_id": f"s{number}",
        "sample_id": f"x{number}",
        "source_id": "01",
        "image_path": f"{number}.png",
        "image_sha256": content * 64,
        "height_px": 128,
        "width_px": 128,
        "channels": 1,
        "bit_depth": 8,
    }
    return SliceRecord.model_validate(base | changes)


def test_one_representative_a_group_and_every_copy_named() -> None:
    mask = MaskRef(path="m.png", kind=MaskKind.BINARY)
    records = [record(1), record(2, source_id="07", mask=mask), record(3), record(4, content="b")]
    result = curate(StageOutcome(kept=records), priority={"01": 9}, rules=RULES)
    assert [r.slice_id for r in result.outcome.kept] == ["s2", "s4"]
    assert [(d.slice_id, d.reason) for d in result.outcome.dropped] == [
        ("s1", DropReason.DUPLICATE_EXACT),
        ("s3", DropReason.DUPLICATE_EXACT),
    ]
    assert result.outcome.dropped[0].detail == "same bytes as 2.png"
    (group,) = result.groups
    assert [m.slice_id for m in group.members if m.representative] == ["s2"]
    assert result.outcome.kept[0].duplicate_group == group.group_id
    assert (result.outcome.kept[0].duplicate_count, result.outcome.kept[1].duplicate_count) == (3, 1)


def test_source_priority_decides_between_equals() -> None:
    pair = [record(1, source_id="01"), record(2, source_id="03")]
    for priority, kept in (({"01": 5, "03": 1}, "s1"), ({"01": 1, "03": 5}, "s2")):
        result = curate(StageOutcome(kept=pair), priority=priority, rules=RULES)
        assert [r.slice_id for r in result.outcome.kept] == [kept]


def test_channels_of_one_file_are_no_copies() -> None:
    channels = [record(i, image_channel=i) for i in range(3)]
    assert curate(StageOutcome(kept=channels), priority={}, rules=RULES).groups == []


@pytest.mark.parametrize(
    ("first", "second", "conflict"),
    [
        (TumorType.GLIOMA, TumorType.MENINGIOMA, True),
        (TumorType.GLIOMA, TumorType.HEALTHY, True),
        (TumorType.TUMOR, TumorType.HEALTHY, True),
        (TumorType.TUMOR, TumorType.GLIOMA, False),
        (None, TumorType.GLIOMA, False),
        (TumorType.GLIOMA, TumorType.GLIOMA, False),
    ],
)
def test_contradicting_labels(first: TumorType | None, second: TumorType | None, conflict: bool) -> None:
    pair = StageOutcome(kept=[record(1, tumor_type=first), record(2, tumor_type=second, source_id="03")])
    strict = curate(pair, priority={}, rules=RULES)
    assert strict.groups[0].conflicting_types is conflict
    if conflict:
        assert strict.outcome.kept == []
        assert {d.reason for d in strict.outcome.dropped} == {DropReason.LABEL_CONFLICT}
        lenient = curate(pair, priority={}, rules=KEEPING)
        assert [r.flags for r in lenient.outcome.kept] == [("label_conflict",)]
    else:
        assert len(strict.outcome.kept) == 1


def test_a_specific_label_represents_the_group() -> None:
    pair = [record(1, tumor_type=TumorType.TUMOR), record(2, tumor_type=TumorType.GLIOMA)]
    result = curate(StageOutcome(kept=pair), priority={}, rules=RULES)
    assert [r.tumor_type for r in result.outcome.kept] == [TumorType.GLIOMA]


@pytest.mark.parametrize(
    ("splits", "leak"),
    [(("train", "test"), True), (("train", "val"), True), (("train", "train"), False), (("test", None), False)],
)
def test_the_same_image_in_train_and_test_is_a_leak(splits: tuple[str | None, ...], leak: bool) -> None:
    records = [record(i, split=s, source_id=f"0{i}") for i, s in enumerate(splits)]
    result = curate(StageOutcome(kept=records), priority={}, rules=RULES)
    assert result.groups[0].leaking_splits is leak
    assert result.outcome.kept[0].flags == (("split_leak",) if leak else ())


@given(st.permutations(range(6)))
def test_groups_do_not_depend_on_the_order(order: list[int]) -> None:
    records = [record(i, content="ab"[i % 2], source_id=f"0{i % 3}") for i in range(6)]
    assert group_exact([records[i] for i in order], {}) == group_exact(records, {})


def test_unusable_pictures_are_quarantined_with_their_reason(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    cv2.imwrite(str(tmp_path / "1.png"), rng.integers(0, 255, (128, 128), dtype=np.uint8))
    cv2.imwrite(str(tmp_path / "2.png"), np.full((128, 128), 7, dtype=np.uint8))
    cv2.imwrite(str(tmp_path / "3.png"), rng.integers(0, 255, (40, 128), dtype=np.uint8))
    (tmp_path / "4.png").write_bytes(b"broken")
    outcome = check_slices([record(i) for i in range(1, 6)], root=tmp_path, rules=RULES)
    assert [r.slice_id for r in outcome.kept] == ["s1"]
    assert [(q.slice_id, q.code) for q in outcome.quarantined] == [
        ("s2", "IMAGE_BLANK"),
        ("s3", "IMAGE_TOO_SMALL"),
        ("s4", "IMAGE_UNDECODABLE"),
        ("s5", "FILE_MISSING"),
    ]
