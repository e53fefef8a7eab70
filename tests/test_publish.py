"""Publishing: nothing leaves that its source, or a source with the same bytes, does not permit."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from neuroonco import store
from neuroonco.audit.records import AuditedLabel
from neuroonco.curate.records import DuplicateGroup, GroupMember
from neuroonco.errors import InputError
from neuroonco.publish.key import Key
from neuroonco.publish.package import write_package
from neuroonco.publish.records import Pointer, PublishedName, PublishedSlice
from neuroonco.publish.terms import STRICTEST_FIRST, permitted
from neuroonco.semantics.records import DescribedSlice
from neuroonco.sources import SourceSpec, source
from neuroonco.vocabulary import Redistribution, TumorType


def spec(source_id: str, terms: Redistribution) -> SourceSpec:
    return source("phantoms").model_copy(update={"id": source_id, "redistribution": terms, "name": f"Set {source_id}"})


SOURCES = {terms.value: spec(terms.value, terms) for terms in Redistribution}


KEY = Key(bytes(range(32)))


def label(source_id: str, number: int = 1, **changes: Any) -> AuditedLabel:
    base = {
        "slice_id": f"s{number}",
        "sample_id": f"x{number}",
        "source_id": source_id,
        "image_path": f"secret_{source_id}/glioma_{number}.png",
        "image_sha256": f"{number}" * 64,
        "height_px": 64,
        "width_px": 64,
        "channels": 1,
        "bit_depth": 8,
        "tumor_type": TumorType.GLIOMA,
    }
    record = DescribedSlice.model_validate(base | changes)
    return AuditedLabel(slice_id=record.slice_id, sample_id=record.sample_id, slice=record, lesion_found=True)


def group(*source_ids: str) -> DuplicateGroup:
    members = tuple(
        GroupMember(slice_id=f"s{i}", source_id=s, image_path="x", tumor_type=None, split=None, representative=i == 0)
        for i, s in enumerate(source_ids)
    )
    return DuplicateGroup(group_id="g1", members=members, conflicting_types=False, leaking_splits=False)


@given(st.lists(st.sampled_from(list(Redistribution)), min_size=1, max_size=4))
def test_the_strictest_source_of_the_same_bytes_decides(terms: list[Redistribution]) -> None:
    first = label(terms[0].value, duplicate_group="g1")
    found = permitted(first, SOURCES, {"g1": [t.value for t in terms]})
    assert found is min(terms, key=STRICTEST_FIRST.index)


def test_what_is_not_known_permits_nothing() -> None:
    assert permitted(label("images"), SOURCES, {}) is Redistribution.IMAGES
    assert permitted(label("nobody"), SOURCES, {}) is Redistribution.NONE
    copied = label("images", duplicate_group="g1")
    assert permitted(copied, SOURCES, {"g2": ["images"]}) is Redistribution.NONE, "whose copies it has is not known"


def private(folder: Path) -> dict[str, Any]:
    return {"key": KEY, "mapping": folder / "mapping.jsonl"}


def with_hash(root: Path, one: AuditedLabel) -> AuditedLabel:
    digest = hashlib.sha256((root / one.slice.image_path).read_bytes()).hexdigest()
    return one.model_copy(update={"slice": one.slice.model_copy(update={"image_sha256": digest})})


@pytest.fixture
def package(tmp_path: Path) -> tuple[Path, dict[str, int]]:
    root = tmp_path / "root"
    labels = [label(terms.value, i) for i, terms in enumerate(Redistribution, start=1)]
    for one in labels:
        path = root / one.slice.image_path
        path.parent.mkdir(parents=True)
        pixels = np.random.default_rng(1).integers(0, 255, (64, 64), dtype=np.uint8)
        exif = Image.Exif()
        exif[0x010E] = "patient Jane Doe"
        Image.fromarray(pixels).save(path, exif=exif)
    labels = [with_hash(root, one) for one in labels]
    counts = write_package(labels, [], root=root, sources=SOURCES, out=tmp_path / "package", **private(tmp_path))
    return tmp_path / "package", counts


def test_each_strength_ships_what_it_permits(package: tuple[Path, dict[str, int]]) -> None:
    out, counts = package
    assert counts == {"with_image": 1, "labels_only": 1, "pointers": 1, "withheld": 1, "held_for_benchmark": 0}
    rows = {r.source_id: r for r in store.load_strict(out / "slices.parquet", PublishedSlice)}
    assert set(rows) == {"images", "derived"}
    assert rows["derived"].image is None
    assert [p.name for p in (out / "images").iterdir()] == [f"{rows['images'].name}.png"]
    (pointer,) = store.load_strict(out / "pointers.parquet", Pointer)
    assert (pointer.source_id, pointer.sha256) == (
        "pointers",
        hashlib.sha256((out.parent / "root" / pointer.path).read_bytes()).hexdigest(),
    )


def test_nothing_else_leaves(package: tuple[Path, dict[str, int]]) -> None:
    out, _ = package
    pixels = next((out / "images").iterdir()).read_bytes()
    assert b"Jane" not in pixels
    everything = b"".join(p.read_bytes() for p in out.rglob("*") if p.is_file())
    for name in (b"secret_images", b"secret_derived", b"secret_none", str(out).encode()):
        assert name not in everything
    assert "Set none" not in (out / "LICENSES.md").read_text()
    assert "- none: 1 slices" in (out / "WITHHELD.md").read_text()
    sums = (out / "SHA256SUMS").read_text().splitlines()
    assert {line.split("  ")[1] for line in sums} == {
        p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file() and p.name != "SHA256SUMS"
    }


def test_names_need_the_key_and_the_mapping_stays(package: tuple[Path, dict[str, int]], tmp_path: Path) -> None:
    out, _ = package
    mapping = store.load_strict(tmp_path / "mapping.jsonl", PublishedName)
    assert (tmp_path / "mapping.jsonl").stat().st_mode & 0o777 == 0o600
    named = {one.name: one.source_id for one in mapping}
    rows = store.load_strict(out / "slices.parquet", PublishedSlice)
    pointers = store.load_strict(out / "pointers.parquet", Pointer)
    assert named == {row.name: row.source_id for row in [*rows, *pointers]}
    assert [row.name for row in rows] == sorted(row.name for row in rows)
    other = Key(bytes(range(1, 33)))
    for one in mapping:
        assert one.name == KEY.name("package slice", one.slice_id) != other.name("package slice", one.slice_id)
        assert one.name != KEY.name("benchmark image", one.slice_id), "two packages cannot be joined by names"


def test_copies_in_a_restricted_source_hold_an_image_back(tmp_path: Path) -> None:
    one = label("images", duplicate_group="g1")
    counts = write_package(
        [one], [group("images", "none")], root=tmp_path, sources=SOURCES, out=tmp_path / "p", **private(tmp_path)
    )
    assert counts["withheld"] == 1
    assert not (tmp_path / "p" / "images").exists()


def test_an_unreadable_image_leaves_no_half_package(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="FILE_MISSING"):
        write_package([label("images")], [], root=tmp_path, sources=SOURCES, out=tmp_path / "p", **private(tmp_path))
    assert not (tmp_path / "p").exists()


def test_a_used_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "x").write_text("")
    with pytest.raises(InputError, match="OUT_NOT_EMPTY"):
        write_package([], [], root=tmp_path, sources=SOURCES, out=tmp_path / "p", **private(tmp_path))


def on_disk(root: Path, number: int, source_id: str = "images") -> AuditedLabel:
    one = label(source_id, number)
    path = root / one.slice.image_path
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((64, 64), number, np.uint8)).save(path)
    return with_hash(root, one)


def test_what_a_benchmark_asks_about_is_held_back_and_counted(tmp_path: Path) -> None:
    root = tmp_path / "root"
    labels = [on_disk(root, n, s) for n, s in ((1, "images"), (2, "images"), (3, "pointers"), (4, "none"))]
    given: dict[str, Any] = {"root": root, "sources": SOURCES, "out": tmp_path / "p", **private(tmp_path)}
    counts = write_package(labels, [], held_back={"s1", "s3", "s4"}, **given)
    assert counts == {"with_image": 1, "labels_only": 0, "pointers": 0, "withheld": 1, "held_for_benchmark": 2}
    (row,) = store.load_strict(tmp_path / "p" / "slices.parquet", PublishedSlice)
    assert row.name == KEY.name("package slice", "s2")
    assert len(list((tmp_path / "p" / "images").iterdir())) == 1
    assert "2 more slices are not here" in (tmp_path / "p" / "WITHHELD.md").read_text()
    assert [one.slice_id for one in store.load_strict(tmp_path / "mapping.jsonl", PublishedName)] == ["s2"]


@pytest.mark.parametrize("source_id", ["images", "derived", "pointers"])
def test_a_file_that_is_not_the_labelled_one_stops_it_whatever_leaves_of_it(tmp_path: Path, source_id: str) -> None:
    root = tmp_path / "root"
    one = on_disk(root, 1, source_id)
    given: dict[str, Any] = {"root": root, "sources": SOURCES, "out": tmp_path / "p", **private(tmp_path)}
    for wrong in ("", "0", "f" * 63, "F" * 64):
        unhashed = one.model_copy(update={"slice": one.slice.model_copy(update={"image_sha256": wrong})})
        with pytest.raises(InputError, match="HASH_MISSING"):
            write_package([unhashed], [], **given)
    (root / one.slice.image_path).write_bytes(b"other")
    with pytest.raises(InputError, match="FILE_CHANGED"):
        write_package([one], [], **given)
    (root / one.slice.image_path).unlink()
    with pytest.raises(InputError, match="FILE_MISSING"):
        write_package([one], [], **given)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["root"]
