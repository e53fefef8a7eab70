"""The reference's mask attributes and texts, faults included."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from neuroonco.rules import load_rules
from neuroonco.semantics.describe import coarse_description
from neuroonco.semantics.paper import PaperMeasureRules, measure_paper
from neuroonco.vocabulary import ImageRegion, LesionSize, LesionSpread, Shape

RULES = load_rules("paper").section("measure", PaperMeasureRules)


def disc(radius: int, size: int = 512, centre: tuple[int, int] = (256, 256)) -> np.ndarray:
    rows, columns = np.indices((size, size))
    inside = (columns - centre[0]) ** 2 + (rows - centre[1]) ** 2 <= radius**2
    return (inside * 255).astype(np.uint8)


def canvas(size: int = 100) -> np.ndarray:
    return np.zeros((size, size), dtype=np.uint8)


def test_disc_circularities_are_the_published_ones() -> None:
    # The reference's own faults: above 0.9 for every disc, and falling with the radius.
    small, large = measure_paper(disc(3), RULES), measure_paper(disc(200), RULES)
    assert small is not None
    assert small.geometry.circularity == pytest.approx(0.98, abs=0.01)
    assert large is not None
    assert large.geometry.circularity == pytest.approx(0.90, abs=0.01)


def test_two_pixels_have_an_impossible_circularity() -> None:
    mask = canvas()
    mask[50, 50:52] = 255
    measured = measure_paper(mask, RULES)
    assert measured is not None
    assert measured.geometry.circularity == pytest.approx(6.28, abs=0.01)
    assert measured.shape is Shape.ROUND_OR_OVAL


@pytest.mark.parametrize("side", [5, 10, 20, 40])
def test_squares_are_called_round(side: int) -> None:
    mask = canvas()
    mask[30 : 30 + side, 30 : 30 + side] = 255
    measured = measure_paper(mask, RULES)
    assert measured is not None
    assert measured.shape is Shape.ROUND_OR_OVAL


def test_long_ovals_become_lobulated() -> None:
    mask = cv2.ellipse(canvas(512), (256, 256), (90, 50), 0, 0, 360, 255, -1)
    measured = measure_paper(np.asarray(mask, dtype=np.uint8), RULES)
    assert measured is not None
    assert measured.geometry.elongation == pytest.approx(1.8, abs=0.02)
    assert measured.shape is Shape.LOBULATED


def test_thin_cross_is_irregular() -> None:
    mask = canvas()
    mask[50, 10:90] = mask[10:90, 50] = 255
    measured = measure_paper(mask, RULES)
    assert measured is not None
    assert measured.shape is Shape.IRREGULAR


@pytest.mark.parametrize(
    ("pixels", "expected"),
    [(99, LesionSize.SMALL), (100, LesionSize.MEDIUM), (499, LesionSize.MEDIUM), (500, LesionSize.LARGE)],
)
def test_size_limits(pixels: int, expected: LesionSize) -> None:
    mask = canvas()
    mask.ravel()[:pixels] = 255
    measured = measure_paper(mask, RULES)
    assert measured is not None
    assert measured.size is expected


def test_one_stray_pixel_makes_satellites_and_two_corners_are_the_center() -> None:
    mask = canvas()
    mask[10:20, 10:20] = 255
    mask[90, 90] = 255
    measured = measure_paper(mask, RULES)
    assert measured is not None
    assert measured.spread is LesionSpread.DOMINANT_WITH_SATELLITES
    corners = canvas()
    corners[0:10, 0:10] = corners[90:100, 90:100] = 255
    scattered = measure_paper(corners, RULES)
    assert scattered is not None
    assert scattered.spread is LesionSpread.SCATTERED
    assert scattered.location is ImageRegion.CENTER


def test_diagonal_neighbors_are_one_lesion_and_threshold_is_exclusive() -> None:
    mask = canvas()
    mask[50, 50] = mask[51, 51] = 255
    measured = measure_paper(mask, RULES)
    assert measured is not None
    assert measured.spread is LesionSpread.SOLITARY
    mask[:] = 127
    assert measure_paper(mask, RULES) is None
    mask[:] = 128
    assert measure_paper(mask, RULES) is not None


def test_label_masks_vanish() -> None:
    assert measure_paper(np.full((64, 64), 4, dtype=np.uint8), RULES) is None


def test_location_borders_are_thirds_of_the_canvas() -> None:
    mask = canvas(90)
    mask[29, 29] = 255
    assert measure_paper(mask, RULES).location is ImageRegion.UPPER_LEFT  # type: ignore[union-attr]
    mask[:] = 0
    mask[30, 30] = 255
    assert measure_paper(mask, RULES).location is ImageRegion.CENTER  # type: ignore[union-attr]
    mask[:] = 0
    mask[60, 29] = 255
    assert measure_paper(mask, RULES).location is ImageRegion.LOWER_LEFT  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("tumor_type", "modality", "expected"),
    [
        ("glioma", "t1", "A T1 brain MRI scan showing signs of Glioma."),
        ("neuronal_tumor", "t1ce", "A T1CE brain MRI scan showing signs of Neuronal_Tumor."),
        (
            "tumor",
            "unknown",
            "A brain MRI scan showing a brain tumor. The specific imaging modality is unknown. "
            "The specific histological subtype is not specified.",
        ),
        (None, "t2", "A T2 brain MRI scan showing an abnormal mass. The specific tumor type is not labeled."),
    ],
)
def test_wording_without_mask(tumor_type: str | None, modality: str, expected: str) -> None:
    ending = (
        " No segmentation mask is available, so detailed morphological features (size, shape, location) "
        "cannot be determined."
    )
    assert coarse_description(tumor_type, modality, None) == expected + ending


def test_wording_of_healthy_has_no_mask_sentence() -> None:
    text = "The scan appears normal with no visible pathological findings."
    assert coarse_description("healthy", "flair", None) == f"A FLAIR brain MRI scan. {text}"
    unknown = coarse_description("no tumor", "unknown", None)
    assert unknown == f"A brain MRI scan. {text} The specific imaging modality is unknown."


def test_published_descriptions_are_reproduced(upstream_root: Path) -> None:
    rows = json.loads((upstream_root / "step1_supplement_ready.json").read_text("utf-8"))
    assert len(rows) == 3973
    for row in rows:
        text = row["coarse_description"]
        modality = next((m for m in ("t1ce", "t1", "t2", "flair") if text.startswith(f"A {m.upper()} ")), None)
        tumor_type = text.split("showing signs of ")[1].split(".")[0].lower()
        attributes = None
        if " The mass is " in text:
            size, rest = text.split(" The mass is ")[1].split(" and located in the ", 1)
            location, rest = rest.split(". It presents as a ", 1)
            shape, spread = rest.removesuffix(".").split(" structure and appears as ", 1)
            attributes = {
                "size": size.title(),
                "location": location.title(),
                "shape": shape.title(),
                "spread": spread.removeprefix("a ").title(),
            }
        assert coarse_description(tumor_type, modality, attributes) == text, row["sample_id"]
