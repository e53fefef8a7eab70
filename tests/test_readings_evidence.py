"""Measurements on drawn lesions whose values are known, what leaves them unchanged, and that the families are two."""

import ast
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from neuroonco import readings
from neuroonco.images import Gray, Mask
from neuroonco.readings import brain, contour, edges, moments, populations, rings, sharpness
from neuroonco.readings.evidence import CONTEXT, FEATURES, evidence_of
from neuroonco.readings.site import Evidence, Site, site_of
from neuroonco.vocabulary import MRSequence, ReadingKind, Sign, assessable

SIDE = 256
WHITE = 100.0
LINES = ("contour", "edges", "rings", "halo")
POPULATIONS = ("moments", "sharpness", "populations", "outliers")


def disc(x: float, y: float, radius: float, stretch: float = 1.0) -> Mask:
    rows, columns = np.mgrid[0:SIDE, 0:SIDE]
    return np.asarray(((columns - x) / stretch) ** 2 + ((rows - y) * stretch) ** 2 <= radius**2)


def turned_ellipse(radius: float, elongation: float) -> Mask:
    rows, columns = np.mgrid[0:SIDE, 0:SIDE] - 127.0
    u, v = (columns + rows) / np.sqrt(2), (columns - rows) / np.sqrt(2)
    return np.asarray(u**2 / elongation + v**2 * elongation <= radius**2)


def star(radius: float, spikes: int = 9) -> Mask:
    angles = np.linspace(0, 2 * np.pi, 2 * spikes, endpoint=False)
    reach = np.where(np.arange(2 * spikes) % 2 == 0, 1.3, 0.6) * radius
    points = np.stack([127 + reach * np.cos(angles), 127 + reach * np.sin(angles)], axis=1)
    return cv2.fillPoly(np.zeros((SIDE, SIDE), np.uint8), [points.round().astype(np.int32)], 1) > 0


def slice_with(lesion: Mask, inside: np.ndarray | float, blur_px: float = 0.5, noise: float = 0.0) -> np.ndarray:
    image = np.where(disc(127.5, 127.5, 100), WHITE, 2.0).astype(np.float32)
    soft = cv2.GaussianBlur(lesion.astype(np.float32), (0, 0), blur_px)
    image += soft * (inside - image)
    return image + np.random.default_rng(4).normal(0, noise, image.shape).astype(np.float32)


def site(lesion: Mask, image: np.ndarray, sequence: MRSequence | None = MRSequence.FLAIR) -> Site:
    view = brain.prepare(image.astype(np.float32), 1.0, 0.65)
    assert view is not None
    found = site_of(view, lesion, sequence)
    assert found is not None
    return found


def shape(lesion: Mask) -> Evidence:
    found = site(lesion, slice_with(lesion, 170.0))
    return contour.shape_by_contour(found) | moments.shape_by_moments(found)


class TestShape:
    def test_a_disc_has_no_feature_at_all(self) -> None:
        found = shape(disc(127, 127, 25))
        assert found["contour_elongation"] == pytest.approx(0, abs=0.03)
        assert found["area_elongation"] == pytest.approx(0, abs=0.03)
        assert found["contour_turning"] == pytest.approx(0, abs=0.01)
        assert found["area_misfit"] == pytest.approx(0, abs=0.04)
        assert found["area_girth"] == pytest.approx(1, abs=0.06)
        assert found["contour_bending"] == pytest.approx(0, abs=0.2)  # logarithm of a circle's over a circle's

    @pytest.mark.parametrize("elongation", [1.3, 1.6, 2.0])
    def test_an_ellipse_is_long_and_nothing_else(self, elongation: float) -> None:
        found = shape(turned_ellipse(25, elongation))
        # Of a line at equal steps: the first harmonics of an ellipse are rounder than the ellipse.
        assert found["contour_elongation"] == pytest.approx(0.77 * np.log(elongation), abs=0.03)
        assert found["area_elongation"] == pytest.approx(np.log(elongation), abs=0.04)
        assert found["area_misfit"] < 0.05
        assert found["area_hollow"] < 0.05
        assert found["contour_turning"] < 0.02

    def test_a_star_loses_its_spikes_and_bends_both_ways(self) -> None:
        smooth, jagged = shape(disc(127, 127, 25)), shape(star(25))
        assert jagged["area_spikes"] > 0.12 > 10 * smooth["area_spikes"]
        assert jagged["area_hollow"] > 0.25
        assert jagged["contour_turning"] > 1.0
        assert jagged["contour_jags"] > smooth["contour_jags"] + 1.5
        assert jagged["contour_notch"] > 0.2

    @pytest.mark.parametrize("radius", [9, 18, 50])
    def test_size_does_not_matter(self, radius: float) -> None:
        usual, other = shape(star(30)), shape(star(radius))
        for name, limit in (("contour_turning", 0.5), ("area_hollow", 0.1), ("area_elongation", 0.05)):
            assert other[name] == pytest.approx(usual[name], abs=limit), name


class TestMargins:
    @pytest.mark.parametrize("blur_px", [1.0, 2.0, 4.0])
    def test_the_width_is_that_of_the_blurred_step(self, blur_px: float) -> None:
        lesion = disc(127, 127, 30)
        found = edges.margins_by_profile(site(lesion, slice_with(lesion, 180.0, blur_px)))
        diameter = 200
        # A step blurred by s changes by its height within sqrt(2 pi) s at its steepest slope.
        expected = np.log(np.sqrt(2 * np.pi * (blur_px**2 + edges.SMOOTHING_PX**2)) / diameter)
        assert found["edge_width"] == pytest.approx(expected, abs=0.2)
        assert found["edge_judged"] == 1

    def test_the_sharper_edge_is_steep_on_the_outline_alone(self) -> None:
        lesion = disc(127, 127, 30)
        sharp, soft = (
            sharpness.margins_by_scale(site(lesion, slice_with(lesion, 180.0, blur, 1.0))) for blur in (0.6, 4.0)
        )
        for name in ("sharp_fine_1", "sharp_fine_2", "sharp_middle_2"):
            assert sharp[name] > soft[name] + 0.3, name
        assert sharp["sharp_fall_2"] > soft["sharp_fall_2"] + 0.2
        assert sharp["sharp_between"] < soft["sharp_between"] - 0.5

    def test_contrast_does_not_matter(self) -> None:
        lesion = disc(127, 127, 30)
        bright, pale = (site(lesion, slice_with(lesion, value, 2.5)) for value in (200.0, 140.0))
        assert edges.margins_by_profile(bright)["edge_width"] == pytest.approx(
            edges.margins_by_profile(pale)["edge_width"], abs=0.05
        )
        for name in ("sharp_fine_1", "sharp_fall_2"):
            one, other = sharpness.margins_by_scale(bright)[name], sharpness.margins_by_scale(pale)[name]
            assert one == pytest.approx(other, abs=0.1), name


class TestInside:
    def test_signal_is_the_ratio_to_white_matter(self) -> None:
        lesion = disc(80, 127, 22)
        found = site(lesion, slice_with(lesion, 150.0, noise=1.0))
        lines = rings.signal_by_rings(found)
        masses = populations.signal_by_percentiles(found, populations.interior_of(found))
        for name in ("side_core", "next_core", "side_rim"):
            assert lines[name] == pytest.approx(np.log(1.5), abs=0.06), name
        for name in ("bulk_p50", "mid_p50", "bulk_p90"):
            assert masses[name] == pytest.approx(np.log(1.5), abs=0.06), name
        assert (lines["side_above"], lines["side_below"], lines["side_both"]) == (1.0, 0.0, 0.0)
        assert masses["bulk_split"] < 0

    def test_half_bright_half_dark_reaches_to_both_sides(self) -> None:
        lesion = disc(127, 127, 30)
        halves = np.where(np.arange(SIDE) < 127, 50.0, 150.0)[None, :]
        found = site(lesion, slice_with(lesion, halves, noise=1.0), MRSequence.T2)
        assert rings.signal_by_rings(found)["next_both"] == pytest.approx(0.5, abs=0.1)
        split = populations.signal_by_percentiles(found, populations.interior_of(found))["mid_split"]
        assert split == pytest.approx(np.log(1.5), abs=0.1)

    def test_texture_beyond_noise(self) -> None:
        lesion = disc(127, 127, 30)
        checks = np.where((np.indices((SIDE, SIDE)) // 6).sum(axis=0) % 2 == 0, 120.0, 180.0)
        even, uneven = (site(lesion, slice_with(lesion, inside, noise=4.0)) for inside in (150.0, checks))
        assert rings.texture_by_rings(even)["ring_residual"] < np.log(0.05)
        assert rings.texture_by_rings(uneven)["ring_residual"] > np.log(0.15)
        calm, busy = (populations.texture_by_cooccurrence(s, populations.interior_of(s)) for s in (even, uneven))
        assert calm["grain_d4"] < np.log(0.03)
        # most pairs 4 px apart lie in fields of other value, which differ by 0.6 of white matter
        # of white matter, softened by the smoothing
        assert np.log(0.3) < busy["grain_d4"] < np.log(0.6 * np.sqrt(2 / 3))

    def test_a_ring_is_brighter_than_its_core(self) -> None:
        lesion, core = disc(127, 127, 30), disc(127, 127, 17)
        hollow = np.where(core, 60.0, 180.0)
        found = site(lesion, slice_with(lesion, hollow, noise=1.0), MRSequence.T1CE)
        lines, masses = rings.enhancement_by_rings(found), populations.enhancement_by_clusters(found)
        assert lines["glow_drop"] == pytest.approx(1.2, abs=0.1)
        assert lines["glow_rim_share"] == 1.0
        assert lines["glow_core_share"] == 0.0
        assert masses["clump_holes"] == pytest.approx((17 / 30) ** 2, abs=0.06)
        assert masses["clump_largest"] == 1.0
        assert masses["clump_parted"] > 0.9


@pytest.mark.parametrize("sequence", [MRSequence.T1CE, MRSequence.FLAIR])
@pytest.mark.parametrize(
    ("change", "only_gray", "limit"),
    [
        (lambda a: a * 0.8 if a.dtype != bool else a, True, 0.06),
        (lambda a: np.ascontiguousarray(a[:, ::-1]), False, 0.08),
        (lambda a: np.ascontiguousarray(a.T), False, 0.08),
        (lambda a: np.ascontiguousarray(np.rot90(a)), False, 0.08),
    ],
    ids=["gain", "mirror", "transpose", "quarter turn"],
)
def test_gain_and_turns_change_nothing(
    sequence: MRSequence, change: Callable[[np.ndarray], np.ndarray], only_gray: bool, limit: float
) -> None:
    lesion = disc(90, 120, 22, 1.15)
    spots = np.where((np.indices((SIDE, SIDE)) // 8).sum(axis=0) % 2 == 0, 130.0, 190.0)
    image = slice_with(lesion, spots, 1.2, noise=1.5)
    before = site(lesion, image, sequence)
    after = site(lesion if only_gray else change(lesion), change(image), sequence)
    for kind in ReadingKind:
        one, other = evidence_of(before, kind), evidence_of(after, kind)
        assert one.keys() == other.keys()
        far = [
            name
            for name in one
            if (one[name] is None) != (other[name] is None)
            or (one[name] is not None and abs(one[name] - other[name]) > limit * max(1.0, abs(one[name])))
        ]
        # Sectors and the grid of pixels turn with the picture only roughly: a few measurements may move a little.
        assert len(far) <= 0.2 * len(one), far


@pytest.mark.parametrize("sequence", [None, *MRSequence])
def test_every_feature_of_a_readable_sign_is_measured(sequence: MRSequence | None) -> None:
    lesion = disc(90, 120, 22)
    found = site(lesion, slice_with(lesion, 160.0, 1.2, noise=1.5), sequence)
    for kind in ReadingKind:
        evidence = evidence_of(found, kind)
        for sign, features in FEATURES[kind].items():
            present = set(features) & evidence.keys()
            if assessable(sign, sequence):
                assert present == set(features), (kind, sign, set(features) - present)
            else:
                assert present <= set(CONTEXT), (kind, sign)


def test_the_two_families_share_neither_measurements_nor_code() -> None:
    conservative, skeptical = (
        {name for features in FEATURES[kind].values() for name in features} - set(CONTEXT) for kind in ReadingKind
    )
    assert not conservative & skeptical
    folder = Path(next(iter(readings.__path__)))
    for family, others in ((LINES, POPULATIONS), (POPULATIONS, LINES)):
        for module in family:
            tree = ast.parse((folder / f"{module}.py").read_text("utf-8"))
            used = {name.rsplit(".", 1)[-1] for name in _imported(tree)}
            assert not used & set(others), (module, used & set(others))


def _imported(tree: ast.Module) -> list[str]:
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            names += [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
    return names


def test_every_sign_has_evidence_in_both_families() -> None:
    for kind in ReadingKind:
        assert set(FEATURES[kind]) == set(Sign)


def test_nothing_to_measure() -> None:
    empty = np.zeros((SIDE, SIDE), bool)
    view = brain.prepare(slice_with(empty, 0.0).astype(np.float32), 1.0, 0.65)
    assert view is not None
    assert site_of(view, empty, None) is None
    dot: Gray = np.zeros((SIDE, SIDE), np.uint8)
    dot[120, 120] = 1
    found = site_of(view, dot > 0, MRSequence.T2)
    assert found is not None
    for kind in ReadingKind:
        evidence = evidence_of(found, kind)
        assert all(value is None or np.isfinite(value) for value in evidence.values())
