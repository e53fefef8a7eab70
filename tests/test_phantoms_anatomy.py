"""Heads of phantoms: the template's slices, tissue, contrast, sides and sites, and acquisition."""

import runpy
import subprocess
import sys
from functools import cache
from hashlib import sha256
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuroonco.phantoms.acquire import acquire
from neuroonco.phantoms.anatomy import draw_head
from neuroonco.phantoms.atlas import ASSET, Part, atlas_slice, levels
from neuroonco.phantoms.contrast import paint_head, tissue_levels, white_level
from neuroonco.phantoms.fields import SIDE_PX, Field
from neuroonco.phantoms.head import Head, Site, Tissue
from neuroonco.phantoms.sites import levels_of
from neuroonco.vocabulary import HardCase, MRSequence, PhantomStyle, Plane

TUNED, HELD_OUT = PhantomStyle.TUNED, PhantomStyle.HELD_OUT
T1, T1CE, T2, FLAIR = MRSequence.T1, MRSequence.T1CE, MRSequence.T2, MRSequence.FLAIR
ASSET_SHA256 = "3ba6378414f3b6bf62f4528468737d52d5bf96cdf5ebd496a2e5eda66153ac73"


@cache
def head(plane: Plane, number: int, site: Site | None = None, style: PhantomStyle = TUNED) -> Head:
    return draw_head(plane, site, np.random.default_rng([11, number]), style)


def painted(drawn: Head, sequence: MRSequence, style: PhantomStyle = TUNED, seed: int = 0) -> Field:
    return paint_head(drawn, sequence, style, np.random.default_rng(seed))


def test_the_asset_is_the_baked_one_small_and_carries_its_notice() -> None:
    assert sha256(ASSET.read_bytes()).hexdigest() == ASSET_SHA256
    assert 700_000 < ASSET.stat().st_size < 1_000_000
    notice = ASSET.with_name("MNI_COPYRIGHT.txt").read_text()
    assert "Copyright (C) 1993-2009 Louis Collins, McConnell Brain Imaging Centre" in notice
    assert "that the above copyright notice appear in all copies" in " ".join(notice.split())


def test_the_asset_loads_without_pickle_and_only_when_asked() -> None:
    with np.load(ASSET, allow_pickle=False) as archive:
        assert all(archive[name].dtype.kind in "ui" for name in archive.files)
    code = (
        "import neuroonco.phantoms.anatomy as a, neuroonco.phantoms.atlas as t\n"
        "assert t._arrays.cache_info().currsize == 0\n"
        "t.levels(t.Plane.AXIAL); t.levels(t.Plane.CORONAL)\n"
        "assert t._arrays.cache_info().misses == 1"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_build_model_and_the_package_number_parts_alike() -> None:
    source = (Path(__file__).parents[1] / "scripts/head_model.py").read_text()
    block = source.split("class Part(IntEnum):")[1].split("@dataclass")[0].split("class Put")[0]
    pairs = (line.split("=") for line in block.splitlines() if "=" in line)
    assert {name.strip(): int(value) for name, value in pairs} == {part.name: part.value for part in Part}


def test_the_template_has_some_46_slices_and_refuses_others() -> None:
    assert sum(len(levels(plane)) for plane in Plane) == 46
    with pytest.raises(KeyError, match="no axial slice at 7 mm"):
        atlas_slice(Plane.AXIAL, 7)


def test_the_template_lies_where_its_coordinates_say() -> None:
    axial = atlas_slice(Plane.AXIAL, 16)
    assert axial.wet[121 - 16, 128 - 10] < 0, "frontal horn, 10 mm beside the midplane, 16 mm before the commissure"
    assert axial.white[121 + 20, 128 - 30] > 0.8, "white matter behind the insula"
    sagittal = atlas_slice(Plane.SAGITTAL, 2)
    assert sagittal.fluid[112 + 35, 120 + 28] < 0.2 < sagittal.white[112 + 35, 120 + 28], "pons"
    assert sagittal.white[112 - 4, 120 - 25] > 0.8, "corpus callosum"
    assert sagittal.inside[112 + 34, 120 - 4] == Part.GLAND
    nose = sagittal.skin[112 + 50]
    assert nose[120 - 100] < 0 < nose[5], "the face looks to the left of the picture"


@settings(max_examples=25, deadline=None)
@given(
    plane=st.sampled_from(list(Plane)),
    site=st.none() | st.sampled_from(list(Site)),
    style=st.sampled_from(list(PhantomStyle)),
    seed=st.integers(0, 2**31),
)
def test_any_head_is_a_head(plane: Plane, site: Site | None, style: PhantomStyle, seed: int) -> None:
    one = draw_head(plane, site, np.random.default_rng(seed), style)
    total = one.white + one.gray + one.fluid
    assert min(one.white.min(), one.gray.min(), one.fluid.min()) >= -1e-6
    assert total.max() <= 1 + 1e-5
    assert np.all(total[one.intracranial] > 0.4)
    for coverage in (one.nuclei, one.cranium, one.head, *(field for _, field in (*one.around, *one.over))):
        assert coverage.shape == (SIDE_PX, SIDE_PX)
        assert coverage.dtype == np.float32
        assert coverage.min() >= -1e-5
        assert coverage.max() <= 1 + 1e-5
    assert not (one.deep_white & ~one.white_matter).any()
    assert not (one.white_matter & ~one.parenchyma).any()
    assert not (one.ventricles & one.parenchyma).any()
    assert one.deep_white.sum() >= 100, "signal needs a reference"
    if site is not None:
        assert one.sites[site].sum() >= 20
    for mask in one.sites.values():
        assert not (mask & ~one.intracranial).any()
    whole, brain = one.box(stripped=False), one.box(stripped=True)
    assert whole.top <= brain.top + 1
    assert brain.bottom <= whole.bottom
    assert brain.area_px < 0.9 * whole.area_px
    assert 60 < brain.width_px < 225


@pytest.mark.parametrize("style", list(PhantomStyle))
@pytest.mark.parametrize("plane", list(Plane))
def test_sequences_order_the_tissues(plane: Plane, style: PhantomStyle) -> None:
    one = head(plane, 3, Site.DEEP_WHITE, style)
    white, fluid = one.deep_white, one.intracranial & (one.fluid > 0.95)
    gray = (one.gray > 0.8) & (one.nuclei < 0.1)
    assert min(white.sum(), fluid.sum(), gray.sum()) > 20

    def means(sequence: MRSequence) -> tuple[float, float, float]:
        image = painted(one, sequence, style)
        medians = tuple(float(np.median(image[mask])) for mask in (fluid, gray, white))
        return medians[0], medians[1], medians[2]

    for sequence in (T1, T1CE):
        csf, gm, wm = means(sequence)
        assert 2.5 * csf < gm < 0.9 * wm
    csf, gm, wm = means(T2)
    assert 1.2 <= gm / wm <= 1.45
    assert csf > 1.6 * gm
    csf, gm, wm = means(FLAIR)
    assert 1.15 <= gm / wm <= 1.45
    assert csf < 0.45 * wm
    assert means(T2)[2] == pytest.approx(white_level(T2, style), rel=0.06)


def test_contrast_medium_brightens_vessels_mucosa_plexus_and_pituitary_only() -> None:
    for style in PhantomStyle:
        plain, after = tissue_levels(T1, style), tissue_levels(T1CE, style)
        for tissue in (Tissue.VESSEL, Tissue.SINUS, Tissue.MUCOSA, Tissue.CHOROID, Tissue.GLAND, Tissue.DURA):
            assert after[tissue] > 1.6 * plain[tissue]
        for tissue in (Tissue.WHITE, Tissue.GRAY, Tissue.FLUID, Tissue.EYE, Tissue.FAT):
            assert after[tissue] < 1.1 * plain[tissue]
        for sequence in (T1, T2, FLAIR):
            levels_of_tissue = tissue_levels(sequence, style)
            assert levels_of_tissue[Tissue.VESSEL] < 0.6 * levels_of_tissue[Tissue.WHITE], "flow void"


def test_a_venous_sinus_is_bright_only_after_contrast_medium() -> None:
    one = head(Plane.AXIAL, 5, Site.DEEP_WHITE)
    sinus = max((field for tissue, field in one.over if tissue is Tissue.SINUS), key=lambda field: float(field.sum()))
    core = sinus > 0.9
    assert core.sum() > 5
    assert np.median(painted(one, T1CE)[core]) > 1.5 * white_level(T1CE, TUNED)
    assert np.median(painted(one, T2)[core]) < 0.6 * white_level(T2, TUNED)


@pytest.mark.parametrize("plane", [Plane.AXIAL, Plane.CORONAL])
def test_the_patients_left_is_at_the_right_of_the_picture(plane: Plane) -> None:
    side = head(plane, 1).side
    assert set(np.unique(side)) == {-1.0, 1.0}
    assert np.all(side[:, 200:] == 1)
    assert np.all(side[:, :56] == -1)
    halves = [(head(plane, 1).cranium * (side == s)).sum() for s in (1, -1)]
    assert 0.7 < halves[0] / halves[1] < 1.4


def test_a_sagittal_slice_has_one_side() -> None:
    assert not head(Plane.SAGITTAL, 1).side.any()


@pytest.mark.parametrize("plane", list(Plane))
@pytest.mark.parametrize("site", list(Site))
def test_each_level_offered_for_a_site_shows_it(plane: Plane, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    offered = levels_of(plane, site)
    assert offered
    for level in offered:
        monkeypatch.setattr("neuroonco.phantoms.anatomy.levels_of", lambda *_, level=level: (level,))
        one = draw_head(plane, site, np.random.default_rng(level + 100), TUNED)
        assert one.sites[site].sum() >= 20, level


def test_sites_lie_where_their_names_say() -> None:
    sella, angle = head(Plane.CORONAL, 2, Site.SELLA), head(Plane.AXIAL, 2, Site.ANGLE)
    middle = np.abs(np.argwhere(sella.sites[Site.SELLA])[:, 1] - 127.5)
    assert middle.max() < 20
    assert all((angle.sites[Site.ANGLE] & (angle.side == s)).sum() > 30 for s in (1, -1)), "there is one on each side"
    dura = head(Plane.AXIAL, 2, Site.DURA)
    rim = cv2.erode(dura.intracranial.astype(np.uint8), np.ones((3, 3), np.uint8), iterations=14) > 0
    assert not (dura.sites[Site.DURA] & rim).any()
    ventricle = head(Plane.AXIAL, 2, Site.VENTRICLE)
    near = cv2.dilate(ventricle.ventricles.astype(np.uint8), np.ones((13, 13), np.uint8)) > 0
    assert (ventricle.sites[Site.VENTRICLE] & near).sum() > 0.75 * ventricle.sites[Site.VENTRICLE].sum()


def test_the_same_randomness_draws_the_same_head_and_another_does_not() -> None:
    first, again, other = (
        draw_head(Plane.CORONAL, Site.SELLA, np.random.default_rng(seed), TUNED) for seed in (4, 4, 5)
    )
    assert np.array_equal(painted(first, T2), painted(again, T2))
    assert np.abs(painted(first, T2) - painted(other, T2)).mean() > 3


def test_the_number_of_threads_changes_nothing() -> None:
    def picture() -> bytes:
        rng = np.random.default_rng(8)
        one = draw_head(Plane.AXIAL, None, rng, TUNED)
        return acquire(paint_head(one, T1, TUNED, rng), one, TUNED, (HardCase.MOTION,), rng).tobytes()

    before = cv2.getNumThreads()
    try:
        cv2.setNumThreads(1)
        alone = picture()
        cv2.setNumThreads(2)
        assert picture() == alone
    finally:
        cv2.setNumThreads(before)


def test_held_out_pictures_differ_in_noise_contrast_shading_and_compression() -> None:
    one = head(Plane.AXIAL, 6, Site.DEEP_WHITE)
    flat = np.full((SIDE_PX, SIDE_PX), 120, np.float32)

    def statistics(style: PhantomStyle) -> tuple[float, float, float]:
        noise, neighbours, shading = [], [], []
        for seed in range(24):
            image = acquire(flat, one, style, (), np.random.default_rng(seed)).astype(np.float32)
            smooth = cv2.GaussianBlur(image, (0, 0), 12)
            rest = (image - smooth)[40:-40, 40:-40]
            noise.append(float(rest.std()))
            neighbours.append(float((rest[:, 1:] * rest[:, :-1]).mean() / rest.var()))
            shading.append(float(smooth.max() / smooth.min()))
        return float(np.mean(noise)), float(np.mean(neighbours)), float(np.mean(shading))

    tuned, held_out = statistics(TUNED), statistics(HELD_OUT)
    assert held_out[1] > tuned[1] + 0.1, "noise is correlated over a wider range"
    assert held_out[2] > tuned[2] + 0.05, "shading is stronger"
    assert abs(held_out[0] / tuned[0] - 1) > 0.02
    ratio = {style: tissue_levels(T1, style)[Tissue.GRAY] / white_level(T1, style) for style in PhantomStyle}
    assert abs(ratio[TUNED] - ratio[HELD_OUT]) > 0.03


def test_motion_leaves_ghosts_beside_the_head() -> None:
    one = head(Plane.AXIAL, 6, Site.DEEP_WHITE)
    image, away = painted(one, T1), cv2.dilate(one.head, np.ones((5, 5), np.uint8)) < 0.01
    still, moved = (acquire(image, one, TUNED, hard, np.random.default_rng(2)) for hard in ((), (HardCase.MOTION,)))
    assert moved[away].astype(float).std() > still[away].astype(float).std() + 0.5
    assert np.percentile(moved[away], 99) > np.percentile(still[away], 99) + 2


def test_a_stripped_slice_keeps_the_contents_of_the_skull_only() -> None:
    one = head(Plane.SAGITTAL, 4)
    stripped = acquire(painted(one, T1), one, TUNED, (), np.random.default_rng(1), stripped=True)
    whole = acquire(painted(one, T1), one, TUNED, (), np.random.default_rng(1))
    outside = cv2.dilate((one.cranium > 0.01).astype(np.uint8), np.ones((17, 17), np.uint8)) == 0
    assert stripped[outside].max() <= 3
    assert whole[outside & (one.head > 0.9)].mean() > 20
    assert np.abs(stripped.astype(float) - whole)[one.deep_white].mean() < 3


def test_a_warp_moves_what_lies_inside_and_leaves_the_skull() -> None:
    one = head(Plane.AXIAL, 7, Site.DEEP_WHITE)
    columns, rows = np.meshgrid(np.arange(SIDE_PX, dtype=np.float32), np.arange(SIDE_PX, dtype=np.float32))
    moved = one.warped(columns - 4, rows)
    assert np.array_equal(moved.white[:, 60:200], one.white[:, 56:196])
    assert np.array_equal(moved.deep_white[:, 60:200], (one.deep_white[:, 56:196] & one.intracranial[:, 60:200]))
    assert np.array_equal(moved.head, one.head)
    assert np.array_equal(moved.intracranial, one.intracranial)
    assert set(np.unique(moved.side)) == {-1.0, 1.0}
    assert moved.box(stripped=True) == one.box(stripped=True)


@pytest.mark.parametrize("plane", list(Plane))
def test_outlines_are_round_and_not_polygons(plane: Plane) -> None:
    """Over any stretch of 12 px the outline turns a little: no long straight runs with corners between."""
    for number in range(4):
        one = head(plane, number)
        mask = (one.cranium > 0.5).astype(np.uint8)
        contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        outline = max(contours, key=len)[:, 0].astype(np.float32)
        assert len(outline) > 200
        corners = cv2.approxPolyDP(outline[:, None], 1.5, closed=True)
        longest = max(np.hypot(*(corners[k, 0] - corners[k - 1, 0])) for k in range(len(corners)))
        assert len(corners) >= 12
        assert longest < 0.18 * len(outline)


def test_the_neck_fades_below_the_coil_but_not_in_axial_slices() -> None:
    flat = np.full((SIDE_PX, SIDE_PX), 120, np.float32)
    for plane, fades in ((Plane.AXIAL, False), (Plane.CORONAL, True), (Plane.SAGITTAL, True)):
        images = [acquire(flat, head(plane, 1), TUNED, (), np.random.default_rng(seed)) for seed in range(8)]
        top, middle, bottom = (
            np.mean([i[rows].mean() for i in images]) for rows in (slice(0, 8), 127, slice(248, 256))
        )
        assert top == pytest.approx(middle, rel=0.08)
        assert (bottom < 0.85 * middle) == fades


def test_the_asset_is_baked_with_the_labels_it_is_read_with() -> None:
    # The model of the head runs where the package is not installed, so that it names the labels itself.
    model = runpy.run_path(str(Path(__file__).parent.parent / "scripts" / "head_model.py"))
    assert {part.name: part.value for part in model["Part"]} == {part.name: part.value for part in Part}
