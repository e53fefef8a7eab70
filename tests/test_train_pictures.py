"""The picture a row is trained with is the one that the model is asked about later, or a control of it."""

import asyncio
import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from closed_items import closed_item
from neuroonco.errors import InputError
from neuroonco.models.local_processor import picture_of
from neuroonco.predict.pictures import PictureFinder
from neuroonco.predict.records import PictureMode
from neuroonco.train import picture_source
from neuroonco.train.picture_source import PictureSource, size_of
from neuroonco.train.records import Pictures
from neuroonco.walk.local_model import ENDPOINT
from neuroonco.walk.putting import PictureDesk

STORED = (
    *("gray.png", "color.png", "gray.jpg", "color.jpg", "lying.jpg", "alpha.png", "palette.png", "deep.png"),
    *("wide.png", "tall.jpg", "lying.png", "one-bit.bmp", "lying.tif"),
)


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).integers(0, 256, shape, dtype=np.uint8)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    lying = Image.Exif()
    lying[0x0112] = 6
    gray, color = Image.fromarray(noise(40, 64)), Image.fromarray(noise(50, 72, 3))
    gray.save(folder / "gray.png")
    color.save(folder / "color.png")
    gray.save(folder / "gray.jpg")
    color.save(folder / "color.jpg", quality=90)
    for name in ("lying.jpg", "lying.png", "lying.tif"):
        gray.save(folder / name, exif=lying)
    Image.fromarray(noise(48, 60, 4)).save(folder / "alpha.png")
    color.quantize(16).save(folder / "palette.png")
    Image.fromarray(noise(40, 44).astype(np.uint16) * 17).save(folder / "deep.png")
    Image.fromarray(noise(333, 1500)).save(folder / "wide.png")
    Image.fromarray(noise(2051, 700)).save(folder / "tall.jpg")
    gray.convert("1").save(folder / "one-bit.bmp")
    return folder


def asked(root: Path, path: str, mode: PictureMode) -> np.ndarray:
    """The pixels that a local model gets in ``predict``."""
    desk = PictureDesk(PictureFinder(root), mode, None, ENDPOINT)
    sent = asyncio.run(desk.picture(closed_item("1", "A", image_path=path)))
    assert sent is not None
    return np.asarray(picture_of(sent.data))


@pytest.mark.parametrize("path", STORED)
def test_what_is_trained_on_is_what_is_asked_about(root: Path, path: str) -> None:
    for content, mode in ((Pictures.REAL, PictureMode.TRUE), (Pictures.BLANK, PictureMode.BLANK)):
        shown = PictureSource(root, content, [path], 0).read(path)
        assert shown.mode == "RGB"
        np.testing.assert_array_equal(np.asarray(shown), asked(root, path, mode))
        assert size_of(root, path) == (shown.height, shown.width)
    assert np.unique(np.asarray(shown)).tolist() == [128]


def test_sizes_are_those_of_the_shown_picture(root: Path) -> None:
    assert size_of(root, "gray.png") == (40, 64)
    assert {size_of(root, f"lying.{suffix}") for suffix in ("jpg", "png", "tif")} == {(64, 40)}
    assert size_of(root, "wide.png") == (227, 1024)
    assert size_of(root, "tall.jpg") == (1024, 349)


def test_pixels_are_not_read_for_a_size(root: Path, tmp_path: Path) -> None:
    whole = (root / "color.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    whole = (root / "wide.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    assert size_of(tmp_path, "cut.jpg") == (50, 72)
    assert size_of(tmp_path, "cut.png") == (227, 1024)


def test_pictures_that_are_refused(root: Path, tmp_path: Path) -> None:
    Image.new("1", (7000, 7000)).save(tmp_path / "many.png")
    Image.new("1", (9000, 40)).save(tmp_path / "long.png")
    Image.new("1", (20000, 20000)).save(tmp_path / "bomb.png")
    Image.new("L", (31, 200)).save(tmp_path / "small.png")
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "in").mkdir()
    (tmp_path / "out.png").symlink_to(root / "gray.png")
    for path, code in (
        *(("many.png", "IMAGE_TOO_LARGE"), ("long.png", "IMAGE_TOO_LARGE"), ("bomb.png", "IMAGE_TOO_LARGE")),
        *(("small.png", "IMAGE_TOO_SMALL"), ("empty.png", "IMAGE_EMPTY"), ("text.png", "IMAGE_UNDECODABLE")),
        *(("in", "FILE_MISSING"), ("none.png", "FILE_MISSING"), ("text.png/a.png", "FILE_MISSING")),
        *(("out.png", "PATH_OUTSIDE_ROOT"), ("../x.png", "PATH_OUTSIDE_ROOT"), ("/x.png", "PATH_OUTSIDE_ROOT")),
    ):
        with pytest.raises(InputError) as of_head:
            size_of(tmp_path, path)
        assert of_head.value.code == code, path
        with pytest.raises(InputError) as of_pixels:
            PictureSource(tmp_path, Pictures.REAL, [path], 0).read(path)
        assert of_pixels.value.code == code, path


def test_the_endpoint_is_the_one_that_is_asked() -> None:
    for field in ("image_max_side_px", "image_format"):
        assert getattr(picture_source.AS_ASKED, field) == getattr(ENDPOINT, field)


@pytest.mark.parametrize("count", [2, 3, 10, 41])
def test_shuffled_is_never_the_own_and_every_picture_once(tmp_path: Path, count: int) -> None:
    paths = [f"{number}.png" for number in range(count)]
    for number, path in enumerate(paths):
        Image.fromarray(np.full((40, 40 + number), number, np.uint8)).save(tmp_path / path)

    def shown(seed: int, order: list[str] = paths) -> list[int]:
        source = pickle.loads(pickle.dumps(PictureSource(tmp_path, Pictures.SHUFFLED, order, seed)))  # noqa: S301
        read = [source.read(path) for path in paths]
        values = [int(np.asarray(picture)[0, 0, 0]) for picture in read]
        assert [picture.size for picture in read] == [(40 + value, 40) for value in values]
        return values

    first = shown(0)
    assert sorted(first) == list(range(count))
    assert all(value != number for number, value in enumerate(first))
    assert shown(0, [*reversed(paths), *paths]) == first
    if count > 3:
        assert shown(1) != first
    with pytest.raises(InputError, match="PICTURE_NOT_DEALT"):
        PictureSource(tmp_path, Pictures.SHUFFLED, paths, 0).read("other.png")


def test_one_picture_cannot_be_shuffled(tmp_path: Path) -> None:
    for paths in ([], ["a.png"], ["a.png", "a.png"]):
        with pytest.raises(InputError, match="SHUFFLE_IMPOSSIBLE"):
            PictureSource(tmp_path, Pictures.SHUFFLED, paths, 0)
