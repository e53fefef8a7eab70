"""Which picture is shown: the right one, under one root; another image's; or none."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from closed_items import closed_item
from neuroonco.build.records import ClosedItem
from neuroonco.control_pictures import PictureName, blank, deal_pictures
from neuroonco.errors import InputError
from neuroonco.predict.pictures import PictureFinder


def picture(path: Path, value: int = 7) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((40, 48), value, np.uint8)).save(path)


def code_of(root: Path, relative: str) -> str:
    with pytest.raises(InputError) as caught:
        PictureFinder(root).read(PictureName(relative))
    return caught.value.code


def test_another_extension_is_found_and_said(tmp_path: Path) -> None:
    picture(tmp_path / "glioma/1.png", 9)
    picture(tmp_path / "glioma/1 (2).PNG")
    picture(tmp_path / "glioma/11.png")
    (tmp_path / "glioma/1.txt").write_text("no picture")
    finder = PictureFinder(tmp_path)
    assert finder.warning is None
    assert int(finder.read(PictureName("glioma/1.jpg"))[0, 0]) == 9
    assert finder.locate("glioma/1 (2).jpg") == "glioma/1 (2).PNG"
    assert finder.locate("glioma/11.png") == "glioma/11.png"
    assert finder.warning is not None
    assert finder.warning.startswith("2 pictures have another extension than the benchmark says, e.g. ")


def test_several_are_none_and_are_named(tmp_path: Path) -> None:
    for suffix in (".png", ".bmp", ".tif"):
        picture(tmp_path / f"a/1{suffix}")
    with pytest.raises(InputError, match=r"FILE_AMBIGUOUS.*1\.bmp, 1\.png, 1\.tif"):
        PictureFinder(tmp_path).locate("a/1.jpg")
    assert PictureFinder(tmp_path).locate("a/1.bmp") == "a/1.bmp"
    for relative in ("a/2.jpg", "b/1.jpg", "a/1", "a/1.txt", "a/1.nii.gz"):
        assert code_of(tmp_path, relative) == "FILE_MISSING", relative


def test_nothing_outside_the_root_is_read(tmp_path: Path) -> None:
    root = tmp_path / "root"
    picture(root / "in/1.png")
    picture(tmp_path / "out/1.png")
    picture(tmp_path / "secret.png")
    (root / "link").symlink_to(tmp_path / "out")
    (root / "in/2.png").symlink_to(tmp_path / "secret.png")
    for relative in (
        *("../secret.png", "../secret.jpg", "in/../../secret.png", str(tmp_path / "secret.png"), "/etc/passwd", ""),
        *("link/1.png", "link/1.jpg", "in/2.png", "in/2.jpg", "in\\1.png", "C:/1.png", "in/1\0.png"),
    ):
        assert code_of(root, relative) == "PATH_OUTSIDE_ROOT", relative


def test_a_blank_picture_has_the_size_and_nothing_else() -> None:
    drawn = np.arange(12, dtype=np.uint8).reshape(3, 4)
    assert blank(drawn).shape == (3, 4)
    assert blank(drawn).dtype == np.uint8
    assert set(blank(drawn).ravel().tolist()) == {128}


def item(number: int, group: str | None, path: str | None = None, channel: int | None = None) -> ClosedItem:
    made = closed_item(str(number), "A", image_path=path or f"{number}.png")
    return made.model_copy(update={"group_id": group, "image_channel": channel})


@given(st.lists(st.none() | st.integers(0, 3), min_size=2, max_size=30), st.integers(0, 1000))
def test_nobody_keeps_a_picture_nor_one_of_the_group_where_there_are_others(
    groups: list[int | None], seed: int
) -> None:
    items = [item(n, None if group is None else str(group)) for n, group in enumerate(groups)]
    deal = deal_pictures(items, seed)
    names = [PictureName.of(one) for one in items]
    assert sorted(deal.given, key=repr) == sorted(deal.given.values(), key=repr) == sorted(names, key=repr)
    assert all(given_one != own for own, given_one in deal.given.items())
    group_of = dict(zip(names, groups, strict=True))
    same = [own for own, other in deal.given.items() if group_of[own] is not None and group_of[own] == group_of[other]]
    largest = max(groups.count(group) for group in {0, 1, 2, 3})
    assert len(same) == deal.related == max(0, 2 * max(largest, 1) - len(items))
    assert (deal.warning is None) is (deal.related == 0)
    assert deal_pictures([*reversed(items)], seed).given == deal.given


def test_channels_of_one_file_do_not_stand_for_each_other() -> None:
    items = [item(n, None, "a.png" if n < 3 else None, n if n < 3 else None) for n in range(7)]
    for seed in range(20):
        given_ = deal_pictures(items, seed).given
        assert not [own for own, other in given_.items() if own.image_path == other.image_path]
    assert len({tuple(map(repr, deal_pictures(items, seed).given.values())) for seed in range(20)}) > 10


def test_questions_about_one_image_get_one_picture_and_one_image_cannot_be_shuffled() -> None:
    first, second = item(1, "a"), item(1, "a").model_copy(update={"q_index": 1})
    assert len(deal_pictures([first, second, item(2, "b")], 0).given) == 2
    with pytest.raises(InputError, match="SHUFFLE_IMPOSSIBLE"):
        deal_pictures([first, second], 0)
    same = [item(1, None, "x.png"), item(2, None, "x.png")]
    with pytest.raises(InputError, match="SHUFFLE_IMPOSSIBLE"):
        deal_pictures(same, 0)
