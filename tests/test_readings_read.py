"""The reading stage on files: what is read, and what is quarantined."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from neuroonco.catalog.records import MaskRef
from neuroonco.readings.read import read_slices, read_slices_twice
from neuroonco.readings.rules import ReadRules
from neuroonco.rules import load_rules
from neuroonco.semantics.records import DescribedSlice
from neuroonco.vocabulary import LesionBasis, MaskKind, MRSequence, ReadingKind, Shape

RULES = load_rules("default").section("read", ReadRules)


def record(name: str, mask: MaskRef | None) -> DescribedSlice:
    return DescribedSlice(
        slice_id=f"id-{name}",
        sample_id=f"sample-{name}",
        source_id="01",
        image_path=f"{name}.png",
        image_sha256="",
        height_px=128,
        width_px=128,
        channels=1,
        bit_depth=8,
        sequence=MRSequence.T2,
        mask=mask,
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    image = np.zeros((128, 128), np.uint8)
    cv2.circle(image, (64, 64), 50, 100, -1)
    mask = np.zeros((128, 128), np.uint8)
    cv2.circle(mask, (50, 64), 14, 255, -1)
    cv2.imwrite(str(tmp_path / "good.png"), np.where(mask > 0, 180, image).astype(np.uint8))
    cv2.imwrite(str(tmp_path / "good_mask.png"), mask)
    cv2.imwrite(str(tmp_path / "small_mask.png"), mask[:64])
    (tmp_path / "broken.png").write_bytes(b"\x89PNG nonsense")
    (tmp_path / "boxes.txt").write_text("0 0.4 0.5 0.2 0.2\n")
    return tmp_path


def test_kept_and_quarantined_in_order(root: Path) -> None:
    masks = {
        "good": MaskRef(path="good_mask.png", kind=MaskKind.BINARY),
        "other": MaskRef(path="small_mask.png", kind=MaskKind.BINARY),
    }
    cv2.imwrite(str(root / "other.png"), cv2.imread(str(root / "good.png")))
    slices = [
        record("good", masks["good"]),
        record("other", masks["other"]),
        record("broken", None),
        record("missing", None),
        record("../outside", None),
    ]
    outcome = read_slices(slices, root=root, kind=ReadingKind.SKEPTICAL, rules=RULES)
    assert [r.slice_id for r in outcome.kept] == ["id-good"]
    reading = outcome.kept[0]
    assert (reading.reader, reading.kind) == ("measuring", ReadingKind.SKEPTICAL)
    assert (reading.lesion_found, reading.sequence) == (True, MRSequence.T2)
    assert reading.signs.shape is Shape.ROUND
    assert [q.code for q in outcome.quarantined] == [
        "MASK_SIZE",
        "IMAGE_UNDECODABLE",
        "FILE_MISSING",
        "PATH_OUTSIDE_ROOT",
    ]
    assert outcome.dropped == []


def test_boxes_are_read_as_if_there_were_no_mask(root: Path) -> None:
    boxed = record("good", MaskRef(path="boxes.txt", kind=MaskKind.YOLO_BOXES))
    bare = record("good", None)
    for kind in ReadingKind:
        with_boxes = read_slices([boxed], root=root, kind=kind, rules=RULES)
        assert with_boxes == read_slices([bare], root=root, kind=kind, rules=RULES)
        assert with_boxes.kept[0].signs.shape is None


def test_both_readings_at_once_are_the_two_readings(root: Path) -> None:
    slices = [record("good", MaskRef(path="good_mask.png", kind=MaskKind.BINARY)), record("broken", None)]
    both = read_slices_twice(slices, root=root, rules=RULES)
    single = {kind: read_slices(slices, root=root, kind=kind, rules=RULES) for kind in ReadingKind}
    assert [r.kind for r in both.kept] == [ReadingKind.CONSERVATIVE, ReadingKind.SKEPTICAL]
    assert both.kept == [reading for outcome in single.values() for reading in outcome.kept]
    assert [q.slice_id for q in both.quarantined] == ["id-broken"]


def test_a_reading_says_where_it_knows_its_lesion_from(root: Path) -> None:
    given = record("good", MaskRef(path="good_mask.png", kind=MaskKind.BINARY))
    for reading in read_slices_twice([given], root=root, rules=RULES).kept:
        assert reading.lesion_basis is LesionBasis.MASK
        assert reading.lesion_confidence == 1
        assert reading.lesion_box == (50, 36, 79, 65)
        assert reading.confidences.shape is not None
        assert reading.confidences.shape >= 0.5
        assert reading.confidences.enhancement is None, "not assessable on T2"
