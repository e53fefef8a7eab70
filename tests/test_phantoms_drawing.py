"""The pen, the outlines and the folder of phantoms."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from skimage.measure import regionprops

from neuroonco.errors import UsageError
from neuroonco.phantoms.fields import edge, signed_distance
from neuroonco.phantoms.generate import draw_phantom
from neuroonco.phantoms.head import Tissue
from neuroonco.phantoms.lesion import ANGLES, Focus, outline
from neuroonco.phantoms.plan import LesionPlan
from neuroonco.phantoms.records import PhantomTruth
from neuroonco.phantoms.render import GRAY_VALUES, paint_lesion, signal_against
from neuroonco.phantoms.write import write_phantoms
from neuroonco.store import load_strict
from neuroonco.vocabulary import (
    LesionSize,
    LesionSpread,
    Margins,
    MRSequence,
    Shape,
    SignalIntensity,
    Texture,
)

BRIGHT_DISC = LesionPlan(
    shape=Shape.ROUND,
    margins=Margins.WELL_CIRCUMSCRIBED,
    texture=Texture.HOMOGENEOUS,
    enhancement=None,
    edema=None,
    signal_intensity=SignalIntensity.HYPERINTENSE,
    size=LesionSize.MEDIUM,
    spread=LesionSpread.SOLITARY,
)


def disc(radius_px: float) -> Focus:
    rows, columns = np.mgrid[:256, :256]
    mask = np.hypot(rows - 128, columns - 128) < radius_px
    return Focus(mask=mask, depth=signed_distance(mask), center=(128.0, 128.0), radius_px=radius_px)


def test_signed_distance_puts_the_outline_between_pixels() -> None:
    mask = np.zeros((9, 9), dtype=bool)
    mask[2:7, 2:7] = True
    depth = signed_distance(mask)
    assert depth[4].tolist() == [-1.5, -0.5, 0.5, 1.5, 2.5, 1.5, 0.5, -0.5, -1.5]
    np.testing.assert_array_equal(edge(depth, 3.0) > 0.5, mask)


@pytest.mark.parametrize("margins", list(Margins))
def test_mask_lies_at_half_height_of_the_edge(margins: Margins) -> None:
    focus = disc(20)
    white = GRAY_VALUES[MRSequence.T1][Tissue.WHITE]
    flat = np.full((256, 256), white, dtype=np.float32)
    painted = paint_lesion(
        flat, [focus], replace(BRIGHT_DISC, margins=margins), MRSequence.T1, np.random.default_rng(0)
    )
    half = (painted.max() + white) / 2
    np.testing.assert_array_equal(painted > half, focus.mask)


def test_ill_defined_edges_are_wider() -> None:
    flat = np.full((256, 256), 100, dtype=np.float32)
    steepest = {}
    for margins in Margins:
        plan = replace(BRIGHT_DISC, margins=margins)
        painted = paint_lesion(flat, [disc(20)], plan, MRSequence.T2, np.random.default_rng(0))
        steepest[margins] = np.abs(np.diff(painted[128])).max() / (painted.max() - 100)
    assert steepest[Margins.WELL_CIRCUMSCRIBED] > 0.5
    assert steepest[Margins.ILL_DEFINED] < 0.15


def test_isointense_lesion_leaves_a_trace() -> None:
    white = GRAY_VALUES[MRSequence.T1][Tissue.WHITE]
    flat = np.full((256, 256), white, dtype=np.float32)
    plan = replace(BRIGHT_DISC, signal_intensity=SignalIntensity.ISOINTENSE)
    painted = paint_lesion(flat, [disc(20)], plan, MRSequence.T1, np.random.default_rng(0))
    assert abs(painted[128, 128] / white - 1) < 0.03
    assert painted.min() < 0.9 * white


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([Shape.ROUND, Shape.OVAL, Shape.LOBULATED, Shape.IRREGULAR]), st.integers(0, 2**32 - 1))
def test_outlines_have_unit_area_and_their_shape(shape: Shape, seed: int) -> None:
    radius = outline(shape, np.random.default_rng(seed)) * 60
    rows, columns = np.mgrid[-170:171, -170:171]
    limit = np.interp(np.arctan2(rows, columns), ANGLES, radius, period=2 * np.pi)
    part = regionprops((np.hypot(rows, columns) < limit).astype(np.uint8))[0]
    assert part.area == pytest.approx(np.pi * 60**2, rel=0.02)
    if shape is Shape.IRREGULAR:
        assert part.solidity < 0.82
    elif shape is Shape.LOBULATED:
        assert 0.9 < part.solidity < 0.955
    else:
        assert part.solidity > 0.97
        elongation = part.axis_major_length / part.axis_minor_length
        assert elongation <= 1.12 if shape is Shape.ROUND else 1.4 <= elongation <= 2.0


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([150.0] * 10, SignalIntensity.HYPERINTENSE),
        ([60.0] * 10, SignalIntensity.HYPOINTENSE),
        ([104.0, 96.0], SignalIntensity.ISOINTENSE),
        ([150.0] * 4 + [50.0] * 4 + [100.0] * 2, SignalIntensity.MIXED),
        ([150.0] * 3 + [50.0] * 7, SignalIntensity.HYPOINTENSE),  # exactly 30 % is not more than 30 %
    ],
)
def test_signal_against_white_matter(values: list[float], expected: SignalIntensity) -> None:
    assert signal_against(np.array(values), 100.0) is expected


def files_of(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def test_written_folder_holds_what_the_truth_says(tmp_path: Path) -> None:
    truths = write_phantoms(tmp_path / "images", 12, 5, tmp_path / "truth.jsonl")
    assert load_strict(tmp_path / "truth.jsonl", PhantomTruth) == truths
    files = files_of(tmp_path / "images")
    expected = {t.image_path for t in truths} | {t.mask_path for t in truths if t.mask_path is not None}
    assert set(files) == expected
    assert [t.number for t in truths] == list(range(12))
    for truth in truths:
        drawn = draw_phantom(truth.seed, truth.number)
        with Image.open(tmp_path / "images" / truth.image_path) as image:
            assert (image.mode, image.info) == ("L", {})
            np.testing.assert_array_equal(np.asarray(image), drawn.image)
        stem = f"{truth.tumor_type}/phantoms_{truth.sequence}/{truth.plane}_{truth.number:06d}"
        assert truth.image_path == f"{stem}.png"
        if drawn.mask is None:
            assert truth.mask_path is None
        else:
            assert truth.mask_path == f"{stem}_mask.png"
            with Image.open(tmp_path / "images" / truth.mask_path) as mask:
                np.testing.assert_array_equal(np.asarray(mask), drawn.mask * np.uint8(255))


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        write_phantoms(tmp_path / name, 3, seed, tmp_path / f"{name}.jsonl")
    assert files_of(tmp_path / "a") == files_of(tmp_path / "b")
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()
    assert set(files_of(tmp_path / "a").values()).isdisjoint(files_of(tmp_path / "c").values())


def test_truth_must_not_lie_among_the_images(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="TRUTH_IN_ROOT"):
        write_phantoms(tmp_path, 1, 0, tmp_path / "truth.jsonl")
    assert files_of(tmp_path) == {}


def test_negative_count_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="PHANTOM_COUNT"):
        write_phantoms(tmp_path / "images", -1, 0, tmp_path / "truth.jsonl")


def test_bytes_do_not_depend_on_the_number_of_cores() -> None:
    """A process that may use one core draws what one that may use all of them draws."""
    code = (
        "import hashlib, os, sys\n"
        "os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(sys.argv[1])])\n"
        "from neuroonco.phantoms.generate import draw_phantom\n"
        "drawn = [draw_phantom(1, index) for index in range(10)]\n"
        "print(hashlib.sha256(b''.join(p.image.tobytes() for p in drawn)).hexdigest())\n"
    )
    answers = {subprocess.check_output([sys.executable, "-c", code, n]) for n in ("1", "64")}
    assert len(answers) == 1
