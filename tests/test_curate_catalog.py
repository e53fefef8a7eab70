"""Curation from files to files: drawn slices with known copies, faults and leaks, and pairs known among real slices."""

import filecmp
import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from factories_curate import jpeg, phantom, png
from neuroonco import images, store
from neuroonco.catalog.records import SliceRecord, slice_id_of
from neuroonco.catalog.scan import scan_root
from neuroonco.curate.pictures import Picture
from neuroonco.curate.quality import CurateRules
from neuroonco.curate.records import CuratedSlice, DuplicateGroup, PictureMatch, QualityFinding
from neuroonco.curate.rules import DuplicateRules
from neuroonco.errors import InputError
from neuroonco.executors import ExecutorKind, executor
from neuroonco.images import Gray
from neuroonco.inspection.inspect import inspect_slices
from neuroonco.inspection.records import Inspection
from neuroonco.outcomes import Dropped, Quarantined
from neuroonco.pipeline import Workspace
from neuroonco.rules import load_rules
from neuroonco.store import Loaded
from neuroonco.vocabulary import DropReason, DuplicateKind, TumorType
from neuroonco.walk.copy_search import find_copies
from neuroonco.walk.curate_file import curate_file
from neuroonco.walk.curation import curate_catalog
from neuroonco.walk.survey import Survey, survey_slices

BYTES, PIXELS, NEAR, AUGMENTED = DuplicateKind
RULES = load_rules("default")
GLIOMA, MENINGIOMA = TumorType.GLIOMA, TumorType.MENINGIOMA


class Collection:
    """Files under a root and their catalogue; slices go by their path."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.records: list[SliceRecord] = []

    def add(self, path: str, data: bytes, size: tuple[int, int] = (256, 208), **changes: Any) -> SliceRecord:
        """Write a file and catalogue it."""
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_bytes(data)
        sha256 = hashlib.sha256(data).hexdigest()
        base = {
            "slice_id": slice_id_of("c", path, None, sha256),
            "sample_id": path,
            "source_id": path.split("/")[0],
            "image_path": path,
            "image_sha256": sha256,
            "height_px": size[0],
            "width_px": size[1],
            "channels": 1,
            "bit_depth": 8,
        }
        self.records.append(SliceRecord.model_validate(base | changes))
        return self.records[-1]


def original(number: int) -> Gray:
    return phantom(20 + number)


def drawn(root: Path) -> Collection:
    """Ten originals, their copies, and files that cannot be used."""
    made = Collection(root)
    for i in range(10):
        made.add(f"01/{i}.png", png(original(i)), tumor_type=GLIOMA, split="train")
    flipped = np.ascontiguousarray(original(1)[:, ::-1])
    small = np.asarray(cv2.resize(original(2), (132, 162), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    made.add("02/flipped.png", png(flipped))
    made.add("02/small.png", png(small), (162, 132))
    made.add("02/jpeg.jpg", jpeg(original(3), 60))
    made.add("02/bytes.png", png(original(4)), split="test")
    made.add("02/pixels.png", png(original(5), 9), tumor_type=MENINGIOMA)
    made.add("02/broken.png", b"no picture")
    made.add("02/blank.png", png(np.full((256, 208), 60, dtype=np.uint8)))
    made.add("02/tiny.png", png(np.ascontiguousarray(original(9)[100:140, 80:120])), (40, 40))
    return made


def curated(
    made: Collection | list[SliceRecord], root: Path, out: Path, *, rules: str = "default", processes: int = 1
) -> dict[str, Any]:
    records = made.records if isinstance(made, Collection) else made
    return curate_file(Loaded(list(records), []), root=root, out=out, rules=load_rules(rules), processes=processes)


def kept_in(out: Path) -> dict[str, CuratedSlice]:
    return {r.image_path: r for r in store.load_strict(out / "records.parquet", CuratedSlice)}


def dropped_in(out: Path) -> dict[str, Dropped]:
    return {d.image_path or "": d for d in store.load_strict(out / "dropped.parquet", Dropped)}


def quarantined_in(out: Path) -> dict[str, str]:
    return {q.image_path or "": q.code for q in store.load_strict(out / "quarantined.parquet", Quarantined)}


def groups_in(out: Path) -> list[DuplicateGroup]:
    return store.load_strict(out / "duplicate_groups.parquet", DuplicateGroup)


def paths_of(groups: Iterable[DuplicateGroup]) -> set[tuple[str, ...]]:
    return {tuple(m.image_path for m in group.members) for group in groups}


def same_files(one: Path, other: Path) -> bool:
    files = sorted(p.relative_to(one) for p in one.rglob("*") if p.is_file())
    assert files == sorted(p.relative_to(other) for p in other.rglob("*") if p.is_file())
    equal, different, odd = filecmp.cmpfiles(one, other, [str(f) for f in files], shallow=False)
    assert (different, odd) == ([], [])
    return len(equal) == len(files) > 5


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Collection:
    return drawn(tmp_path_factory.mktemp("root"))


@pytest.fixture(scope="module")
def out(collection: Collection, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("curated")
    curated(collection, collection.root, folder)
    return folder


def test_every_slice_ends_in_one_place(collection: Collection, out: Path) -> None:
    kept, dropped, quarantined = kept_in(out), dropped_in(out), quarantined_in(out)
    assert set(kept) == {f"01/{i}.png" for i in range(10)} - {"01/5.png"}
    assert {path: d.reason for path, d in dropped.items()} == {
        "01/5.png": DropReason.LABEL_CONFLICT,
        "02/pixels.png": DropReason.LABEL_CONFLICT,
        "02/bytes.png": DropReason.DUPLICATE_EXACT,
        "02/flipped.png": DropReason.DUPLICATE_AUGMENTED,
        "02/jpeg.jpg": DropReason.DUPLICATE_NEAR,
        "02/small.png": DropReason.DUPLICATE_NEAR,
    }
    assert quarantined == {
        "02/blank.png": "IMAGE_BLANK",
        "02/broken.png": "IMAGE_UNDECODABLE",
        "02/tiny.png": "IMAGE_TOO_SMALL",
    }
    assert len(kept) + len(dropped) + len(quarantined) == len(collection.records)
    assert (dropped["02/flipped.png"].detail or "").startswith("copy of 01/1.png: flip left-right, score ")
    assert dropped["02/bytes.png"].detail == "same bytes as 01/4.png"
    assert dropped["01/5.png"].detail == "glioma against meningioma"


def test_groups_tell_kinds_leaks_and_contradictions(out: Path) -> None:
    found = {group.members[-1].image_path: group for group in groups_in(out)}
    expected = {
        "02/flipped.png": ("01/1.png", AUGMENTED, False, False),
        "02/small.png": ("01/2.png", NEAR, False, False),
        "02/jpeg.jpg": ("01/3.png", NEAR, False, False),
        "02/bytes.png": ("01/4.png", BYTES, False, True),
        "02/pixels.png": ("01/5.png", PIXELS, True, False),
    }
    assert {
        path: (g.members[0].image_path, g.kind, g.conflicting_types, g.leaking_splits) for path, g in found.items()
    } == expected
    assert all(len(g.members) == 2 and g.members[0].representative for g in found.values())
    kept = kept_in(out)
    assert kept["01/4.png"].duplicate_group == found["02/bytes.png"].group_id
    assert kept["01/4.png"].duplicate_count == 2
    assert "split_leak" in kept["01/4.png"].flags
    assert "split_leak" not in kept["01/1.png"].flags
    assert (kept["01/0.png"].duplicate_group, kept["01/0.png"].duplicate_count) == (None, 1)


def test_matches_findings_and_pages_are_written(collection: Collection, out: Path) -> None:
    path_of = {r.slice_id: r.image_path for r in collection.records}
    matches = store.load_strict(out / "matches.parquet", PictureMatch)
    copies = {frozenset((path_of[m.first], path_of[m.second])) for m in matches if m.kind is not None}
    assert copies == {
        frozenset(pair)
        for pair in (
            ("01/1.png", "02/flipped.png"),
            ("01/2.png", "02/small.png"),
            ("01/3.png", "02/jpeg.jpg"),
            ("01/4.png", "02/bytes.png"),
            ("01/5.png", "02/pixels.png"),
        )
    }
    assert matches == sorted(matches, key=lambda m: (m.first, m.second))
    findings = store.load_strict(out / "quality.parquet", QualityFinding)
    assert [f.slice_id for f in findings] == sorted(f.slice_id for f in findings)
    for path, record in kept_in(out).items():
        said = {f.flag.value for f in findings if f.image_path == path and not f.dropped}
        assert set(record.flags) - {"split_leak", "label_conflict"} == said
    page = (out / "report" / "index.html").read_text()
    assert "02/flipped.png" in page or any("02/flipped.png" in p.read_text() for p in (out / "report").rglob("*.html"))
    left = {p.name for p in out.iterdir()}
    assert not left & {"shards", ".curating"}


def test_copies_share_a_patient_group(collection: Collection, out: Path, tmp_path: Path) -> None:
    kept = kept_in(out)
    shared = {path: kept[path].patient_group for path in ("01/1.png", "01/2.png", "01/3.png", "01/4.png")}
    assert None not in shared.values()
    stated = [
        r.model_copy(update={"patient_id": "P1"}) if r.image_path in ("01/0.png", "02/flipped.png", "01/9.png") else r
        for r in collection.records
    ]
    curated(stated, collection.root, tmp_path)
    again = kept_in(tmp_path)
    # Patients are told apart by source: 02/flipped.png is another P1, and does not lead from 01/1.png to 01/0.png.
    assert again["01/0.png"].patient_group == again["01/9.png"].patient_group is not None
    if kept["01/0.png"].patient_group is None and kept["01/9.png"].patient_group is None:
        assert again["01/1.png"].patient_group != again["01/0.png"].patient_group


def test_the_same_bytes_whatever_the_order_and_the_processes(collection: Collection, out: Path, tmp_path: Path) -> None:
    curated(collection, collection.root, tmp_path / "again")
    assert same_files(out, tmp_path / "again")
    curated(collection.records[::-1], collection.root, tmp_path / "reversed")
    assert same_files(out, tmp_path / "reversed")
    curated(collection, collection.root, tmp_path / "two", processes=2)
    assert same_files(out, tmp_path / "two")
    curated(collection, collection.root, tmp_path / "two")  # over what is there
    assert same_files(out, tmp_path / "two")


def test_a_slice_that_is_catalogued_twice_is_set_aside_once(tmp_path: Path) -> None:
    made = Collection(tmp_path / "root")
    for i in range(2):
        made.add(f"01/{i}.png", png(original(i)))
    counts = curated([*made.records, made.records[0]], made.root, tmp_path / "out")
    assert (counts["kept"], counts["quarantined"], counts["duplicate_groups"]) == (2, 1, 0)
    assert quarantined_in(tmp_path / "out") == {"01/0.png": "SLICE_TWICE"}


def test_paper_rules_find_equal_bytes_only(collection: Collection, tmp_path: Path) -> None:
    counts = curated(collection, collection.root, tmp_path, rules="paper")
    assert paths_of(groups_in(tmp_path)) == {("01/4.png", "02/bytes.png")}
    assert counts["groups_by_kind"] == {"exact_bytes": 1, "exact_pixels": 0, "near": 0, "augmented": 0}
    assert {d.reason for d in dropped_in(tmp_path).values()} == {DropReason.DUPLICATE_EXACT}
    assert "02/pixels.png" in kept_in(tmp_path)


def test_a_catalogue_without_hashes_is_hashed(tmp_path: Path) -> None:
    made = Collection(tmp_path / "root")
    for i in range(2):
        made.add(f"01/{i}.png", png(original(0)), image_sha256="")
    curated(made, made.root, tmp_path / "out")
    (group,) = groups_in(tmp_path / "out")
    assert group.kind is BYTES
    (kept,) = kept_in(tmp_path / "out").values()
    assert kept.image_sha256 == hashlib.sha256(png(original(0))).hexdigest()


# --- curate_catalog ---


def stage(made: Collection, folder: Path, rules: Any = RULES, processes: int = 1) -> tuple[Path, dict[str, Any]]:
    """Curate as in a run: catalogue and inspections lie in files."""
    folder.mkdir()
    ordered = sorted(made.records, key=lambda r: r.slice_id)
    looked = inspect_slices(ordered, root=made.root)
    inspected = {i.slice_id for i in looked.kept}
    store.save(folder / "records.parquet", [r for r in ordered if r.slice_id in inspected], SliceRecord)
    store.save(folder / "inspections.parquet", looked.kept, Inspection)
    with executor(ExecutorKind.PROCESSES, processes) as workers:
        ws = Workspace(folder, folder / "curate", rules, workers)
        counts = curate_catalog(
            ws,
            records=folder / "records.parquet",
            inspections=folder / "inspections.parquet",
            root=made.root,
            priority={"01": 1},
        )
    return folder / "curate", counts


def changed_rules(**values: Any) -> Any:
    sections = {name: dict(section) for name, section in RULES.sections.items()}
    for name, value in values.items():
        section = next(s for s in ("curate", "duplicates") if name in sections[s])
        sections[section][name] = sections[section][name].model_copy(update={"value": value})
    return RULES.model_copy(update={"sections": sections})


def test_the_stage_says_what_curating_a_file_says(collection: Collection, out: Path, tmp_path: Path) -> None:
    folder, counts = stage(collection, tmp_path / "run")
    for name in ("duplicate_groups", "matches", "records", "dropped", "quality"):
        assert (folder / f"{name}.parquet").is_file()
    assert groups_in(folder) == groups_in(out)
    assert kept_in(folder) == kept_in(out)
    assert dropped_in(folder) == dropped_in(out)
    assert (counts["kept"], counts["dropped"], counts["quarantined"]) == (9, 6, 2)  # one was unreadable before
    assert counts["groups_by_kind"] == {"exact_bytes": 1, "exact_pixels": 1, "near": 2, "augmented": 1}
    assert (counts["conflicting_groups"], counts["leaking_groups"]) == (1, 1)


def test_a_picture_dropped_for_quality_is_in_no_group(tmp_path: Path) -> None:
    made = Collection(tmp_path / "root")
    for i in range(3):
        made.add(f"01/{i}.png", png(original(i)))
    made.add("01/copy.png", png(original(1)))
    sharp = {i: inspect_slices([r], root=made.root).kept[0].quality.sharpness for i, r in enumerate(made.records)}
    assert None not in sharp.values()
    limit = max(value for value in sharp.values() if value is not None) + 1
    folder, counts = stage(made, tmp_path / "all", changed_rules(on_blurred="drop", sharpness_below=limit))
    assert (counts["kept"], counts["duplicate_groups"], counts["patient_groups"]) == (0, 0, 0)
    assert {d.reason for d in dropped_in(folder).values()} == {DropReason.QUALITY_BLURRED}
    _, counts = stage(made, tmp_path / "flag", changed_rules(on_blurred="flag", sharpness_below=limit))
    assert (counts["kept"], counts["duplicate_groups"]) == (3, 1)


def test_search_stops_where_the_rules_say(collection: Collection, tmp_path: Path) -> None:
    for search, kinds in (("bytes", {BYTES}), ("pixels", {BYTES, PIXELS}), ("all", set(DuplicateKind))):
        folder, _ = stage(collection, tmp_path / search, changed_rules(search=search))
        assert {g.kind for g in groups_in(folder)} == kinds


def test_inspections_of_other_slices_are_refused(collection: Collection, tmp_path: Path) -> None:
    ordered = sorted(collection.records, key=lambda r: r.slice_id)[:3]
    looked = [
        Inspection(slice_id=r.slice_id, pixels_hash="x", gray_range=99, quality={}, fingerprint="0" * 16)  # type: ignore[arg-type]
        for r in ordered
    ]
    store.save(tmp_path / "r.parquet", ordered, SliceRecord)
    store.save(tmp_path / "i.parquet", looked[::-1], Inspection)
    with pytest.raises(InputError) as caught:
        survey_slices(tmp_path / "r.parquet", tmp_path / "i.parquet", RULES.section("curate", CurateRules))
    assert caught.value.code == "INSPECTIONS_OTHER"


@pytest.mark.parametrize("pictures", [0, 1])
def test_nothing_to_compare(pictures: int, tmp_path: Path) -> None:
    made = Collection(tmp_path / "root")
    for i in range(pictures):
        made.add(f"01/{i}.png", png(original(i)))
    _, counts = stage(made, tmp_path / "run")
    assert (counts["kept"], counts["duplicate_groups"], counts["neighbor_links"]) == (pictures, 0, 0)
    ws = Workspace(tmp_path, tmp_path / "none", RULES)
    assert find_copies(ws, Survey(), tmp_path, RULES.section("duplicates", DuplicateRules)) == []


# --- real slices ---


@pytest.fixture(scope="module")
def real_records(real_root: Path) -> dict[str, SliceRecord]:
    return {f"{r.image_path}#{r.image_channel}": r for r in scan_root(real_root).kept}


@pytest.fixture(scope="module")
def real_out(
    real_root: Path, real_records: dict[str, SliceRecord], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, str]]:
    """Known pairs, two patients of several sequences, and augmented files with their originals, curated together."""
    chosen = [
        r
        for r in real_records.values()
        if r.source_id.startswith("lgg") or "lgg_tcga" in r.image_path
        or r.image_path in (FIGSHARE, YOLO, AS_GLIOMA, AS_MENINGIOMA)
    ]  # fmt: skip
    parent: dict[str, str] = {}
    by_stem = {Path(r.image_path).stem: r for r in real_records.values() if "02_brain" in r.image_path}
    augmented = sorted((real_root / "02_brain_tumor_detection" / "augmented" / "yes").glob("aug_*"))
    for file in augmented[:: max(1, len(augmented) // 20)][:20]:
        source = by_stem.get(file.stem.removeprefix("aug_").split("_")[0])
        if source is None:
            continue
        path = file.relative_to(real_root).as_posix()
        height, width = images.read_image(real_root, path).shape
        fields = {"slice_id": slice_id_of("aug", path, None, ""), "image_path": path, "image_sha256": ""}
        copy = source.model_copy(update={**fields, "mask": None, "height_px": height, "width_px": width})
        chosen.append(copy)
        parent[path] = source.image_path
    chosen += [r for r in real_records.values() if r.image_path in set(parent.values())]
    folder = tmp_path_factory.mktemp("real")
    curated(chosen, real_root, folder)
    return folder, parent


FIGSHARE = "07_figshare/3006.png"
YOLO = "03_brain_tumor_mri_yolo/Val/Glioma/images/gg (95).jpg"
AS_GLIOMA = "01_brain_tumor_classification/Testing/glioma_tumor/image(52).jpg"
AS_MENINGIOMA = "01_brain_tumor_classification/Testing/meningioma_tumor/image(10).jpg"


def test_a_transposed_copy_across_two_real_sources_is_found(real_out: tuple[Path, dict[str, str]]) -> None:
    (group,) = [g for g in groups_in(real_out[0]) if FIGSHARE in (m.image_path for m in g.members)]
    assert {m.image_path for m in group.members} == {FIGSHARE, YOLO}
    assert group.kind is AUGMENTED
    copy = group.members[1]
    assert (copy.transform or "").startswith("flip ")
    assert "90" in (copy.transform or "") or "89." in (copy.transform or "")


def test_a_real_picture_with_two_labels_is_found(real_out: tuple[Path, dict[str, str]]) -> None:
    (group,) = [g for g in groups_in(real_out[0]) if AS_GLIOMA in (m.image_path for m in g.members)]
    assert {m.image_path for m in group.members} == {AS_GLIOMA, AS_MENINGIOMA}
    assert (group.kind, group.conflicting_types) == (NEAR, True)
    dropped = dropped_in(real_out[0])
    assert {dropped[path].reason for path in (AS_GLIOMA, AS_MENINGIOMA)} == {DropReason.LABEL_CONFLICT}


def test_real_neighbors_and_sequences_are_no_copies_but_one_patient(real_out: tuple[Path, dict[str, str]]) -> None:
    folder = real_out[0]
    assert not any("lgg_tcga" in m.image_path for g in groups_in(folder) for m in g.members)
    patients: dict[str, set[str | None]] = {}
    for record in store.load_strict(folder / "records.parquet", CuratedSlice):
        if "lgg_tcga" in record.image_path:
            patients.setdefault(record.image_path.split("/")[1], set()).add(record.patient_group)
    assert len(patients) == 2
    one, other = patients.values()
    assert len(one) == len(other) == 1
    assert None not in one | other
    assert one != other


def test_real_augmented_files_are_found(real_out: tuple[Path, dict[str, str]]) -> None:
    folder, parent = real_out
    assert len(parent) == 20
    group_of = {m.image_path: g.group_id for g in groups_in(folder) for m in g.members}
    lost = [
        path for path, source in parent.items() if group_of.get(path) is None or group_of[path] != group_of.get(source)
    ]
    assert lost == []


def test_nothing_of_the_users_is_touched_beside_the_results(tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "shards").mkdir(parents=True)
    (out / "shards" / "mine.txt").write_text("mine")
    curate_file(Loaded([], []), root=tmp_path, out=out, rules=load_rules("default"))
    assert (out / "shards" / "mine.txt").read_text() == "mine"
    assert not (out / ".curating").exists()


def test_a_catalogue_is_not_trusted_about_bytes(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(tmp_path / name), rng.integers(0, 255, (128, 128), dtype=np.uint8))
    records = [
        SliceRecord(slice_id=f"s{n}", sample_id=n, source_id="01", image_path=f"{n}.png", image_sha256="c" * 64,
                    height_px=128, width_px=128, channels=1, bit_depth=8)
        for n in ("a", "b")
    ]  # fmt: skip
    counts = curate_file(Loaded(records, []), root=tmp_path, out=tmp_path / "out", rules=load_rules("default"))
    rows = store.load_strict(tmp_path / "out" / "quarantined.parquet", Quarantined)
    assert (counts["kept"], [row.code for row in rows]) == (0, ["FILE_CHANGED"] * 2)


def test_a_picture_that_vanishes_in_between_is_quarantined(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    survey = Survey()
    for name in ("a", "b"):
        cv2.imwrite(str(tmp_path / f"{name}.png"), rng.integers(0, 255, (128, 128), dtype=np.uint8))
        survey.pictures.append(Picture(f"s{name}", name, "01", f"{name}.png", None, None))
        survey.contents.append((f"s{name}", name))
        survey.pixels.append((f"s{name}", name))
        survey.fingerprints.append("0" * 16)
    (tmp_path / "b.png").unlink()
    ws = Workspace(tmp_path, tmp_path / "work", load_rules("default"))
    assert find_copies(ws, survey, tmp_path, RULES.section("duplicates", DuplicateRules)) == []
    assert {name: row.code for name, row in survey.quarantined.items()} == {"sb": "FILE_MISSING"}
