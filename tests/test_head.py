"""The box of the head does not move with what surrounds the head."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuroonco.head import Box, head_box
from neuroonco.images import Gray, read_image
from neuroonco.phantoms.generate import draw_phantom


def picture(
    center: tuple[int, int] = (128, 128), axes: tuple[int, int] = (70, 90), size: tuple[int, int] = (256, 256)
) -> Gray:
    """A head of scalp, dark bone and brain on air."""
    drawn = np.zeros(size, np.uint8)
    for shrink, gray in ((0, 160), (4, 15), (10, 110)):
        cv2.ellipse(drawn, center, (axes[0] - shrink, axes[1] - shrink), 0, 0, 360, gray, -1)
    return drawn


def padded(gray: Gray, top: int, left: int, bottom: int, right: int, level: int) -> Gray:
    return np.asarray(cv2.copyMakeBorder(gray, top, bottom, left, right, cv2.BORDER_CONSTANT, value=level))


def off(found: Box | None, expected: Box, dy: int = 0, dx: int = 0) -> int:
    """By how many pixels the farthest edge of a box is off one that was moved."""
    assert found is not None
    moved = (expected.top + dy, expected.left + dx, expected.bottom + dy, expected.right + dx)
    return max(abs(a - b) for a, b in zip(found, moved, strict=True))


@given(
    center=st.tuples(st.integers(90, 160), st.integers(100, 150)),
    axes=st.tuples(st.integers(50, 80), st.integers(60, 95)),
)
def test_it_is_the_outline_of_the_scalp(center: tuple[int, int], axes: tuple[int, int]) -> None:
    drawn = Box(center[1] - axes[1], center[0] - axes[0], center[1] + axes[1] + 1, center[0] + axes[0] + 1)
    assert off(head_box(picture(center, axes)), drawn) <= 2


@settings(max_examples=40, deadline=None)
@given(
    pads=st.tuples(*[st.integers(0, 300)] * 4),
    level=st.sampled_from([0, 7, 60, 128, 200, 255]),
    number=st.integers(0, 30),
)
def test_padding_of_any_gray_does_not_move_it(pads: tuple[int, int, int, int], level: int, number: int) -> None:
    gray = draw_phantom(9, number).image
    box = head_box(gray)
    assert box is not None
    assert off(head_box(padded(gray, *pads, level)), box, pads[0], pads[1]) <= 2


@pytest.mark.parametrize("number", range(12))
def test_on_phantoms_it_is_the_drawn_head(number: int) -> None:
    phantom = draw_phantom(4, number)
    rows, columns = np.nonzero(phantom.noise_free > 0.05 * phantom.noise_free.max())
    drawn = Box(int(rows.min()), int(columns.min()), int(rows.max()) + 1, int(columns.max()) + 1)
    assert off(head_box(phantom.image), drawn) <= 6


def test_a_stripped_brain_has_its_own_box() -> None:
    gray = np.zeros((240, 240), np.uint8)
    for x in (95, 145):  # two hemispheres that do not touch
        cv2.ellipse(gray, (x, 120), (20, 70), 0, 0, 360, 90, -1)
    assert off(head_box(gray), Box(50, 75, 191, 166)) <= 2


@pytest.mark.parametrize("corner", [(4, 14), (200, 14), (4, 250), (200, 250)])
def test_letters_in_a_corner_are_not_head(corner: tuple[int, int]) -> None:
    gray = picture()
    box = head_box(gray)
    assert box is not None
    cv2.putText(gray, "R 12", corner, cv2.FONT_HERSHEY_SIMPLEX, 0.5, 255, 1)
    assert off(head_box(gray), box) <= 2


def test_noise_and_compression_hardly_move_it() -> None:
    gray = picture()
    box = head_box(gray)
    assert box is not None
    noisy = np.clip(gray + np.random.default_rng(0).normal(0, 10, gray.shape), 0, 255).astype(np.uint8)
    assert off(head_box(noisy), box) <= 4
    framed = padded(gray, 100, 100, 100, 100, 255)
    _, data = cv2.imencode(".jpg", framed, [cv2.IMWRITE_JPEG_QUALITY, 60])
    assert off(head_box(np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE))), box, 100, 100) <= 4


def test_low_contrast_and_gray_air() -> None:
    faint = (picture() // 6).astype(np.uint8)
    assert off(head_box(faint), Box(38, 58, 219, 199)) <= 4
    on_gray = np.where(picture() == 0, 40, np.maximum(picture(), 40) + 40).astype(np.uint8)
    assert off(head_box(on_gray), Box(38, 58, 219, 199)) <= 4


def test_frames_are_opened_one_after_the_other() -> None:
    gray = picture()
    for level in (255, 0, 128):
        gray = padded(gray, 20, 20, 20, 20, level)
    thin = padded(gray, 1, 1, 1, 1, 255)
    thin[:, 0], thin[0] = 90, 200  # a line of another gray on each side
    assert off(head_box(thin), Box(38, 58, 219, 199), 61, 61) <= 2


def test_tissue_up_to_the_edges_is_the_whole_picture() -> None:
    rows, columns = np.indices((256, 256))
    cut = (120 + 30 * np.sin(rows / 9) * np.cos(columns / 13)).astype(np.uint8)
    cv2.ellipse(cut, (128, 128), (25, 40), 0, 0, 360, 10, -1)  # ventricles: dark, and not air
    assert off(head_box(cut), Box(0, 0, 256, 256)) <= 4


@pytest.mark.parametrize("level", [0, 90, 255])
def test_nothing_stands_out_in_a_blank_picture(level: int) -> None:
    assert head_box(np.full((200, 150), level, np.uint8)) is None
    noise = np.clip(np.random.default_rng(1).normal(level, 15, (256, 256)), 0, 255).astype(np.uint8)
    assert head_box(noise) is None


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (7, 7), (9, 400)])
def test_tiny_pictures_do_not_break_it(shape: tuple[int, int]) -> None:
    values = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    box = head_box(values)
    assert box is None or (box.top < box.bottom <= shape[0] and box.left < box.right <= shape[1])


def test_real_slices_keep_their_box_under_padding(real_root: Path) -> None:
    names = sorted(p for folder in ("01*", "02*/yes", "07*") for p in real_root.glob(f"{folder}/**/*.*g"))
    checked = 0
    for path in [p for p in names if "_mask" not in p.name][::7]:
        gray = read_image(real_root, path.relative_to(real_root).as_posix())
        box = head_box(gray)
        assert box is not None, path.name
        height, width = gray.shape
        for level in (0, 128, 255):
            wide = padded(gray, height // 2, width // 2, height // 2, width // 2, level)
            assert off(head_box(wide), box, height // 2, width // 2) <= 2, path.name
        checked += 1
    assert checked >= 30
