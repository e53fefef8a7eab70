"""A checkpoint counts once it is sealed, and only while it is the one that was sealed."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from neuroonco.train.checkpoints import WHOLE, is_whole, keep_newest, last_whole, seal


def checkpoint(folder: Path, step: int, *, sealed: bool = True) -> Path:
    place = folder / f"checkpoint-{step}"
    (place / "part").mkdir(parents=True)
    (place / "adapter_model.safetensors").write_bytes(bytes(range(256)) * 40)
    (place / "part" / "rng_state.pth").write_bytes(b"")
    (place / "trainer_state.json").write_text(json.dumps({"global_step": step}))
    if sealed:
        seal(place)
    return place


def test_a_sealed_checkpoint_is_whole(tmp_path: Path) -> None:
    place = checkpoint(tmp_path, 3)
    assert is_whole(place)
    sealed = json.loads((place / WHOLE).read_text())["files"]
    assert list(sealed) == ["adapter_model.safetensors", "part/rng_state.pth", "trainer_state.json"]
    assert sealed["adapter_model.safetensors"]["size_bytes"] == 256 * 40
    assert sealed["part/rng_state.pth"]["xxh3"] == "99aa06d3014798d86001c324468d497f"  # XXH3-128 of nothing
    before = (place / WHOLE).read_bytes()
    seal(place)
    assert (place / WHOLE).read_bytes() == before


def cut(place: Path) -> None:
    file = place / "adapter_model.safetensors"
    file.write_bytes(file.read_bytes()[:-1])


def flip(place: Path) -> None:
    file = place / "adapter_model.safetensors"
    content = bytearray(file.read_bytes())
    content[5000] ^= 1
    file.write_bytes(content)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "a file is cut": cut,
    "a bit is another": flip,
    "a file is gone": lambda place: (place / "part" / "rng_state.pth").unlink(),
    "a file came in": lambda place: (place / "optimizer.pt").write_bytes(b"a pickle from elsewhere"),
    "a link came in": lambda place: (place / "optimizer.pt").symlink_to("/etc/hostname"),
    "not sealed": lambda place: (place / WHOLE).unlink(),
    "the seal is cut": lambda place: (place / WHOLE).write_bytes((place / WHOLE).read_bytes()[:-9]),
    "the seal is of another form": lambda place: (place / WHOLE).write_text("[]"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_checkpoint_is_set_aside_and_the_one_before_it_found(
    tmp_path: Path, damage: Callable[[Path], object]
) -> None:
    older, newer = checkpoint(tmp_path, 9), checkpoint(tmp_path, 10)
    damage(newer)
    assert not is_whole(newer)
    assert last_whole(tmp_path) == (older, ("checkpoint-10.broken-1",))
    assert {path.name for path in tmp_path.iterdir()} == {"checkpoint-9", "checkpoint-10.broken-1"}
    assert last_whole(tmp_path) == (older, ())
    checkpoint(tmp_path, 10, sealed=False)
    assert last_whole(tmp_path) == (older, ("checkpoint-10.broken-2",))


def test_the_newest_is_found_by_its_number(tmp_path: Path) -> None:
    for step in (900, 1000, 80):
        checkpoint(tmp_path, step)
    (tmp_path / "runs").mkdir()
    (tmp_path / "checkpoint-2000").write_text("a file")
    assert last_whole(tmp_path) == (tmp_path / "checkpoint-1000", ())


def test_a_folder_without_checkpoints(tmp_path: Path) -> None:
    assert last_whole(tmp_path) == (None, ())
    assert last_whole(tmp_path / "none") == (None, ())
    checkpoint(tmp_path, 1, sealed=False)
    assert last_whole(tmp_path) == (None, ("checkpoint-1.broken-1",))


def test_a_link_goes_and_what_it_leads_to_stays(tmp_path: Path) -> None:
    disk, folder = tmp_path / "disk", tmp_path / "run"
    elsewhere = checkpoint(disk, 2)
    folder.mkdir()
    (folder / "checkpoint-2").symlink_to(elsewhere)
    assert last_whole(folder) == (folder / "checkpoint-2", ())
    newer = checkpoint(folder, 4)
    keep_newest(folder, 1)
    assert list(folder.iterdir()) == [newer]
    assert is_whole(elsewhere)


def test_old_ones_go_and_what_a_kill_left_of_them_too(tmp_path: Path) -> None:
    places = [checkpoint(tmp_path, step) for step in (2, 4, 6, 8)]
    keep_newest(tmp_path, 2)
    assert [place.exists() for place in places] == [False, False, True, True]
    places[2].rename(tmp_path / ".leaving-checkpoint-6")
    (tmp_path / ".leaving-checkpoint-6" / WHOLE).unlink()
    assert last_whole(tmp_path) == (places[3], ())
    assert {path.name for path in tmp_path.iterdir()} == {"checkpoint-8"}
