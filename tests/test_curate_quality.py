"""Quality rules: which scores cross which limits, what follows, and what that gives on real slices."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuroonco.catalog.records import SliceRecord
from neuroonco.curate.quality import CHECKS, CurateRules, drop_reason, judge_quality
from neuroonco.errors import InputError
from neuroonco.images import Decoded, decode
from neuroonco.inspection.quality import score_quality
from neuroonco.inspection.records import QualityScores
from neuroonco.rules import RuleSet, load_rules
from neuroonco.vocabulary import QualityFlag

RULES = load_rules("default").section("curate", CurateRules)
PAPER = load_rules("paper").section("curate", CurateRules)
SOUND = QualityScores(
    sharpness=0.4,
    contrast=120,
    head_level=80,
    top_level=200,
    clipped_share=0.01,
    outside_share=0.3,
    corner_air=1,
    head_solidity=0.98,
    tile_similarity=0.2,
    head_count=1,
)
FAULTS: dict[QualityFlag, dict[str, Any]] = {
    QualityFlag.BLURRED: {"sharpness": 0.26},
    QualityFlag.LOW_CONTRAST: {"contrast": 20},
    QualityFlag.OVEREXPOSED: {"clipped_share": 0.4},
    QualityFlag.UNDEREXPOSED: {"top_level": 50},
    QualityFlag.WIDE_BORDER: {"outside_share": 0.9},
    QualityFlag.TEXT_OVERLAY: {"mark_edge": 180},
    QualityFlag.COLOR_ANNOTATION: {"color_excess": 40},
    QualityFlag.NOT_BRAIN: {"corner_air": 0.1},
    QualityFlag.MOSAIC: {"head_count": 4},
    QualityFlag.CT: {"bone_ring": 0.8},
}
RECORD = SliceRecord(
    slice_id="s1",
    sample_id="x1",
    source_id="lgg",
    image_path="a/b.tif",
    image_sha256="a" * 64,
    height_px=128,
    width_px=128,
    channels=3,
    bit_depth=8,
    image_channel=2,
)


def flags(scores: QualityScores, rules: CurateRules = RULES) -> dict[QualityFlag, bool]:
    return {f.flag: f.dropped for f in judge_quality(RECORD, scores, rules)}


def changed(**changes: Any) -> QualityScores:
    return SOUND.model_copy(update=changes)


def test_every_flag_has_a_check_and_a_reason_to_drop() -> None:
    assert set(FAULTS) == set(QualityFlag) == {check.flag for check in CHECKS}
    assert {drop_reason(flag).value for flag in QualityFlag} == {f"quality_{flag.value}" for flag in QualityFlag}


def test_a_sound_slice_has_no_findings() -> None:
    assert judge_quality(RECORD, SOUND, RULES) == []


@pytest.mark.parametrize("flag", list(QualityFlag))
def test_each_fault_is_found_alone_and_only_ct_is_dropped(flag: QualityFlag) -> None:
    assert flags(changed(**FAULTS[flag])) == {flag: flag is QualityFlag.CT}


def test_findings_name_slice_score_and_limit_and_come_in_order() -> None:
    findings = judge_quality(RECORD, changed(bone_ring=0.8, sharpness=0.26, frame_share=0.02), RULES)
    assert [f.flag for f in findings] == [QualityFlag.BLURRED, QualityFlag.WIDE_BORDER, QualityFlag.CT]
    assert [(f.score, f.limit) for f in findings] == [(0.26, 0.28), (0.02, 0.01), (0.8, 0.5)]
    assert {(f.slice_id, f.source_id, f.image_path, f.image_channel) for f in findings} == {("s1", "lgg", "a/b.tif", 2)}


def test_two_scores_behind_one_flag_give_one_finding() -> None:
    (finding,) = judge_quality(RECORD, changed(outside_share=0.9, frame_share=0.5), RULES)
    assert (finding.flag, finding.score) == (QualityFlag.WIDE_BORDER, 0.9)


def test_a_score_at_its_limit_is_sound() -> None:
    at_limit = {check.score: getattr(RULES, check.limit) for check in CHECKS}
    assert flags(changed(**at_limit)) == {}


def test_missing_scores_cross_nothing_but_a_picture_of_nothing_is_no_brain() -> None:
    assert flags(QualityScores(top_level=200, head_solidity=0.9)) == {}
    assert flags(QualityScores(top_level=200)) == {QualityFlag.NOT_BRAIN: False}


def test_paper_rules_find_nothing() -> None:
    everything = {key: value for fault in FAULTS.values() for key, value in fault.items()}
    assert len(flags(changed(**everything))) == len(QualityFlag)
    assert flags(changed(**everything), PAPER) == {}


@given(
    score=st.floats(0, 1),
    limit=st.floats(0, 1),
    action=st.sampled_from(["drop", "flag", "ignore"]),
)
def test_limit_and_action_decide(score: float, limit: float, action: str) -> None:
    rules = RULES.model_copy(update={"bone_ring_above": limit, "on_ct": action})
    expected = {QualityFlag.CT: action == "drop"} if score > limit and action != "ignore" else {}
    assert flags(changed(bone_ring=score), rules) == expected


def test_an_unknown_action_is_one_line() -> None:
    rule_set = load_rules("default")
    broken = rule_set.sections["curate"]["on_ct"].model_copy(update={"value": "delete"})
    sections = {"curate": rule_set.sections["curate"] | {"on_ct": broken}}
    with pytest.raises(InputError, match=r"on_ct: Input should be 'drop', 'flag' or 'ignore'"):
        RuleSet(name="x", version="1", description="", sections=sections).section("curate", CurateRules)


# What can be seen on the pictures by eye, below the folder of real slices.
NO_TUMOR = "01_brain_tumor_classification/{}/no_tumor/image({}).jpg"
CT_FOUND = (
    *(NO_TUMOR.format("Testing", n) for n in (43, 58, 59, 83)),
    *(NO_TUMOR.format("Training", n) for n in (26, 30, 35, 58, 64)),
    "01_brain_tumor_classification/Training/meningioma_tumor/m1(96).jpg",
    "02_brain_tumor_detection/no/N1.JPG",
    "03_brain_tumor_mri_yolo/Train/Meningioma/images/Tr-me_0364.jpg",
)
CT_MISSED = (NO_TUMOR.format("Testing", 41), NO_TUMOR.format("Testing", 90), NO_TUMOR.format("Training", 65))
TEXT_FOUND = (
    *(f"02_brain_tumor_detection/no/{name}" for name in ("15 no.jpg", "24 no.jpg", "29 no.jpg", "33 no.jpg")),
    *(f"02_brain_tumor_detection/no/{name}" for name in ("44no.jpg", "45 no.jpg", "N11.jpg", "N15.jpg")),
    *(f"02_brain_tumor_detection/yes/{n}.jpg" for n in ("Y103", "Y104", "Y14", "Y17", "Y180", "Y188")),
    *(f"02_brain_tumor_detection/yes/{n}.JPG" for n in ("Y111", "Y112", "Y146", "Y148", "Y156", "Y18", "Y184")),
    "02_brain_tumor_detection/yes/Y192.JPG",
)
TEXT_MISSED = (
    *(f"02_brain_tumor_detection/no/{name}" for name in ("31 no.jpg", "32 no.jpg", "46 no.jpg", "5 no.jpg")),
    *(f"02_brain_tumor_detection/yes/{n}.jpg" for n in ("Y12", "Y15", "Y162", "Y168", "Y181", "Y187")),
    *(f"02_brain_tumor_detection/yes/{n}.JPG" for n in ("Y113", "Y167", "Y19")),
    "01_brain_tumor_classification/Testing/glioma_tumor/image(80).jpg",
    "01_brain_tumor_classification/Testing/glioma_tumor/image(83).jpg",
    "01_brain_tumor_classification/Testing/meningioma_tumor/image(26).jpg",
    "03_brain_tumor_mri_yolo/Val/NoTumor/images/Tr-no_0399.jpg",
)
COLOR_FOUND = tuple(
    f"02_brain_tumor_detection/{name}"
    for name in ("no/31 no.jpg", "no/N1.JPG", "yes/Y120.JPG", "yes/Y168.jpg", "yes/Y19.JPG")
)
COLOR_FAINT = ("02_brain_tumor_detection/yes/Y187.jpg",)  # green letters, found or not by how the file is reduced
COLOR_TINTED = ("02_brain_tumor_detection/yes/Y16.JPG",)  # tinted, with colored edges


@pytest.fixture(scope="module")
def found_on_real(real_root: Path) -> dict[QualityFlag, set[str]]:
    """Files of sources 01, 02 (originals), 03 and 07 by what was found on them."""
    found: dict[QualityFlag, set[str]] = {flag: set() for flag in QualityFlag}
    for folder in ("01_*", "02_*/yes", "02_*/no", "03_*", "07_*"):
        for top in real_root.glob(folder):
            for path in sorted(p for p in top.rglob("*") if p.suffix.lower() in (".jpg", ".png")):
                if path.stem.endswith("_mask"):
                    continue
                name = path.relative_to(real_root).as_posix()
                decoded = decode(path.read_bytes(), name)
                for finding in judge_quality(RECORD, score_quality(decoded.gray(), _color(decoded)), RULES):
                    found[finding.flag].add(name)
    return found


def _color(decoded: Decoded) -> np.ndarray[Any, np.dtype[np.uint8]] | None:
    return None if decoded.is_gray else decoded.pixels


def test_ct_on_real_slices(found_on_real: dict[QualityFlag, set[str]]) -> None:
    assert found_on_real[QualityFlag.CT] == set(CT_FOUND)
    assert len(CT_FOUND) / (len(CT_FOUND) + len(CT_MISSED)) == 0.8


def test_letters_on_real_slices(found_on_real: dict[QualityFlag, set[str]]) -> None:
    assert found_on_real[QualityFlag.TEXT_OVERLAY] == set(TEXT_FOUND)
    assert (len(set(TEXT_FOUND)), len(set(TEXT_MISSED) - set(TEXT_FOUND))) == (22, 17)


def test_colored_marks_on_real_slices(found_on_real: dict[QualityFlag, set[str]]) -> None:
    assert found_on_real[QualityFlag.COLOR_ANNOTATION] >= set(COLOR_FOUND)
    assert found_on_real[QualityFlag.COLOR_ANNOTATION] <= {*COLOR_FOUND, *COLOR_FAINT, *COLOR_TINTED}


def test_real_slices_are_rarely_found_otherwise_at_fault(found_on_real: dict[QualityFlag, set[str]]) -> None:
    for flag in (QualityFlag.BLURRED, QualityFlag.LOW_CONTRAST, QualityFlag.OVEREXPOSED, QualityFlag.UNDEREXPOSED):
        assert found_on_real[flag] == set()
    assert found_on_real[QualityFlag.MOSAIC] == set()
    assert found_on_real[QualityFlag.NOT_BRAIN] == {"02_brain_tumor_detection/yes/Y167.JPG"}  # on a white page
