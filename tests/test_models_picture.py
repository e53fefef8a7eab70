"""Pictures are sent as small as the endpoint wants them, always in the same bytes, and with nothing but pixels."""

import hashlib
from io import BytesIO

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from neuroonco.models.endpoint_records import Endpoint
from neuroonco.models.picture import encode_picture


def endpoint(side_px: int = 64, image_format: str = "png") -> Endpoint:
    fields = {"name": "x", "description": "a test", "source": "a test"}
    return Endpoint.model_validate({**fields, "image_max_side_px": side_px, "image_format": image_format})


def decoded(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(BytesIO(data)))


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 150), st.integers(1, 150), st.sampled_from(["png", "jpeg"]), st.booleans())
def test_size_and_format_hold_for_every_shape(height: int, width: int, image_format: str, colored: bool) -> None:
    shape = (height, width, 3) if colored else (height, width)
    pixels = np.random.default_rng(height * 1000 + width).integers(0, 256, shape, dtype=np.uint8)
    picture = encode_picture(pixels, endpoint(64, image_format))
    image = Image.open(BytesIO(picture.data))
    assert image.format == image_format.upper()
    assert image.size == (picture.width_px, picture.height_px)
    assert max(image.size) == min(64, max(height, width))
    assert picture.sha256 == hashlib.sha256(picture.data).hexdigest()
    assert encode_picture(pixels.copy(), endpoint(64, image_format)) == picture


def test_small_pictures_are_sent_as_they_are() -> None:
    pixels = np.arange(60 * 50, dtype=np.uint16).reshape(60, 50).astype(np.uint8)
    assert np.array_equal(decoded(encode_picture(pixels, endpoint()).data), pixels)


def test_colors_keep_their_order() -> None:
    pixels = np.zeros((40, 40, 3), np.uint8)
    pixels[..., 0] = 250
    pixels[:20, :, 2] = 90
    assert np.array_equal(decoded(encode_picture(pixels, endpoint()).data), pixels)
    jpeg = decoded(encode_picture(pixels, endpoint(64, "jpeg")).data)
    assert jpeg[30, 30, 0] > 240
    assert jpeg[30, 30, 2] < 15


def test_equal_channels_are_gray_so_that_equal_pictures_have_equal_hashes() -> None:
    gray = np.random.default_rng(1).integers(0, 256, (40, 40), dtype=np.uint8)
    assert encode_picture(np.dstack([gray] * 3), endpoint()) == encode_picture(gray, endpoint())


def test_shrinking_averages_areas() -> None:
    pixels = np.zeros((128, 128), np.uint8)
    pixels[:, ::2] = 200
    assert np.array_equal(decoded(encode_picture(pixels, endpoint()).data), np.full((64, 64), 100))


def test_a_line_is_never_shrunk_to_nothing() -> None:
    assert encode_picture(np.zeros((1, 5000), np.uint8), endpoint()).height_px == 1


def test_views_are_encoded_as_what_they_show() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (50, 40), dtype=np.uint8)
    assert encode_picture(pixels[::-1, ::2], endpoint()) == encode_picture(pixels[::-1, ::2].copy(), endpoint())


def test_a_slice_is_kept_to_the_pixel_and_smaller_than_as_usually_compressed() -> None:
    noise = np.random.default_rng(2).normal(0, 1, (256, 256))
    pixels = np.clip(90 + 30 * cv2.GaussianBlur(noise, (0, 0), 2.0) * 5, 0, 255).astype(np.uint8)
    data = encode_picture(pixels, endpoint(256)).data
    assert (decoded(data) == pixels).all()
    assert len(data) < len(cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 6])[1])


def test_nothing_but_pixels_is_in_the_file() -> None:
    data = encode_picture(np.zeros((40, 40), np.uint8), endpoint()).data
    assert set(Image.open(BytesIO(data)).info) == set()
    assert not {b"tEXt", b"tIME", b"eXIf", b"pHYs"} & {data[at : at + 4] for at in range(len(data))}


@pytest.mark.parametrize("shape", [(0, 4), (4, 4, 4), (4,), (2, 2, 3, 1)])
def test_other_arrays_are_a_mistake_of_the_caller(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="a picture is"):
        encode_picture(np.zeros(shape, np.uint8), endpoint())
    with pytest.raises(ValueError, match="uint16"):
        encode_picture(np.zeros((4, 4), np.uint16), endpoint())  # type: ignore[arg-type]
