"""Head, brain and midline of drawn heads whose parts are known."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuroonco.images import Mask
from neuroonco.readings import brain
from neuroonco.readings.lesion import overlap
from neuroonco.readings.morphology import Pixels, closed, distance, largest, opened
from neuroonco.readings.symmetry import Midline

SIDE = 240
CENTER = (122.0, 118.0)
NO_MIDLINE_ABOVE, MIN_SYMMETRY = 2.0, 0.7


def ellipse(height: float, width: float, angle: float = 0.0, center: tuple[float, float] = CENTER) -> Mask:
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float64)
    x, y = x - center[0], y - center[1]
    across, along = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    return np.asarray((across / width) ** 2 + (along / height) ** 2 <= 1)


def head(angle: float = 0.0, *, stripped: bool = False, fat: float = 200.0) -> tuple[Pixels, Mask]:
    """Scalp, skull and an egg-shaped brain with ventricles and a fissure; symmetric about its long axis."""
    inside = ellipse(78, 60, angle)
    picture = np.zeros((SIDE, SIDE), np.float32)
    if not stripped:
        picture[ellipse(98, 80, angle)] = fat
        picture[ellipse(91, 73, angle)] = 12
    picture[inside] = 100
    front = (CENTER[0] + 40 * np.sin(angle), CENTER[1] - 40 * np.cos(angle))
    picture[ellipse(14, 30, angle, front)] = 112
    for side in (-1, 1):
        place = (CENTER[0] + side * 9 * np.cos(angle), CENTER[1] + side * 9 * np.sin(angle))
        picture[ellipse(18, 5, angle + side * 0.15, place)] = 35
    picture[ellipse(76, 1.5, angle) & ~ellipse(30, 60, angle)] = 45
    noise = np.random.default_rng(5).normal(0, 2, picture.shape)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.8) + noise, np.float32).clip(0, 255), inside


def prepared(pixels: Pixels, min_symmetry: float = MIN_SYMMETRY) -> brain.View:
    view = brain.prepare(pixels, 1.0, min_symmetry)
    assert view is not None
    return view


@pytest.mark.parametrize("fat", [90.0, 130.0, 240.0])
def test_brain_is_parted_from_scalp_whether_that_is_gray_or_bright(fat: float) -> None:
    pixels, inside = head(fat=fat)
    view = prepared(pixels)
    assert overlap(view.brain, inside) > 0.9
    assert overlap(view.head, ellipse(98, 80)) > 0.93
    assert not (view.brain & ~cv2.dilate(inside.astype(np.uint8), np.ones((9, 9))).astype(bool)).any()


def test_a_stripped_brain_is_kept_to_its_rim() -> None:
    pixels, inside = head(stripped=True)
    assert overlap(prepared(pixels).brain, inside) > 0.9


def test_a_dark_lesion_at_the_rim_of_a_stripped_brain_stays_in_it() -> None:
    pixels, inside = head(stripped=True)
    spot = ellipse(16, 16, center=(CENTER[0] + 40, CENTER[1])) & inside
    pixels[spot] = 30
    assert (prepared(pixels).brain & spot).sum() > 0.9 * spot.sum()


@pytest.mark.parametrize("angle", [0.0, 0.3, -0.5, 1.4])
@pytest.mark.parametrize("tumor", [None, 230.0, 20.0])
def test_the_midline_stays_where_it_is_beside_a_tumor(angle: float, tumor: float | None) -> None:
    pixels, _ = head(angle)
    if tumor is not None:
        place = (CENTER[0] + 30 * np.cos(angle), CENTER[1] + 30 * np.sin(angle))
        pixels[ellipse(20, 20, center=place)] = tumor
    view = prepared(pixels)
    assert view.midline is not None
    assert view.side is not None
    turned = (view.midline.angle - angle + np.pi / 2) % np.pi - np.pi / 2
    assert abs(turned) < np.deg2rad(2.5)
    on_it = CENTER[0] + np.arange(-60, 61, 20) * -np.sin(angle), CENTER[1] + np.arange(-60, 61, 20) * np.cos(angle)
    gaps = view.side[np.rint(on_it[1]).astype(int), np.rint(on_it[0]).astype(int)]
    assert np.abs(gaps).max() < 4


def test_the_mirror_image_shows_a_tumor_on_the_other_side() -> None:
    pixels, _ = head()
    pixels[ellipse(15, 15, center=(CENTER[0] + 32, CENTER[1]))] = 200
    view = prepared(pixels)
    assert view.mirrored is not None
    y, x = int(CENTER[1]), int(CENTER[0])
    assert view.mirrored[y, x - 32] > 180
    assert view.mirrored[y, x + 32] < 130


def test_a_slice_without_two_halves_has_no_midline() -> None:
    pixels, _ = head()
    away = np.full_like(pixels, 2)
    cut = ellipse(95, 80) & ~ellipse(60, 60, 0, (CENTER[0] + 75, CENTER[1] + 70))
    away[cut] = pixels[cut]
    away[ellipse(40, 20, 0.6, (CENTER[0] - 25, CENTER[1] - 35))] = 60
    away[ellipse(16, 40, 0.4, (CENTER[0] + 5, CENTER[1] + 15))] = 140
    view = prepared(away)
    assert view.midline is None
    assert view.mirrored is None
    assert view.side is None
    assert prepared(pixels, NO_MIDLINE_ABOVE).midline is None


def test_pictures_that_show_no_head() -> None:
    assert brain.prepare(np.zeros((64, 64), np.float32), 1.0, 0.7) is None
    assert brain.prepare(np.full((64, 64), 90, np.float32), 1.0, 0.7) is None
    dots = np.zeros((64, 64), np.float32)
    dots[10:14, 10:14] = 200
    assert brain.prepare(dots, 1.0, 0.7) is None


@given(st.floats(40, 80), st.floats(40, 80), st.floats(-1.5, 1.5), st.integers(0, 2**16))
@settings(max_examples=20, deadline=None)
def test_reflecting_twice_changes_nothing(x: float, y: float, angle: float, seed: int) -> None:
    image = cv2.GaussianBlur(np.random.default_rng(seed).random((120, 120)).astype(np.float32), (0, 0), 5)
    midline = Midline(x, y, angle, 1.0)
    twice = midline.reflected(midline.reflected(image))
    known = midline.reflected(midline.reflected(np.ones_like(image))) > 0.999
    assert np.abs(twice - image)[known].max(initial=0) < 0.03
    side = midline.side_of((120, 120))
    back = midline.reflected(side)
    inner = known & (midline.reflected(np.ones_like(image)) > 0.999)
    assert np.abs(back + side)[inner].max(initial=0) < 0.15


@given(st.integers(0, 2**16), st.floats(0.45, 0.6))
@settings(max_examples=25, deadline=None)
def test_morphology_by_its_laws(seed: int, share: float) -> None:
    noise = cv2.GaussianBlur(np.random.default_rng(seed).random((60, 70)).astype(np.float32), (0, 0), 3)
    mask = np.asarray(noise > np.quantile(noise, share))
    assert not (opened(mask, 2) & ~mask).any()
    assert not (mask & ~closed(mask, 2)).any()
    assert not (largest(mask) & ~mask).any()
    depth = distance(mask)
    assert np.array_equal(depth > 0, mask)
    y, x = np.unravel_index(int(depth.argmax()), mask.shape)
    outside = np.pad(~mask, 1, constant_values=True)
    rows, columns = np.nonzero(outside)
    assert depth[y, x] == pytest.approx(np.hypot(rows - y - 1, columns - x - 1).min(), rel=1e-5)
