"""Scanning a source: every file is accounted for, and nothing that is wrong with one stops the others."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from catalog_files import png_header, save_image, save_mask, write
from neuroonco import store
from neuroonco.catalog.records import MaskRef, SliceRecord
from neuroonco.catalog.sample_ids import unique_sample_ids
from neuroonco.catalog.scan import catalog_files, list_files, merge, scan_root, scan_source
from neuroonco.errors import InputError
from neuroonco.outcomes import Dropped, Quarantined, StageOutcome
from neuroonco.sources import source
from neuroonco.vocabulary import DropReason, MaskKind, MRSequence, Plane, TumorType


def by_name(outcome: StageOutcome[SliceRecord]) -> dict[str, SliceRecord]:
    return {Path(record.image_path).name: record for record in outcome.kept}


def drops(outcome: StageOutcome[SliceRecord]) -> dict[str, tuple[DropReason, str | None]]:
    return {d.image_path or "": (d.reason, d.detail) for d in outcome.dropped}


def codes(outcome: StageOutcome[SliceRecord]) -> dict[str, str]:
    return {q.image_path or "": q.code for q in outcome.quarantined}


def tree(root: Path) -> Path:
    """A small source 01."""
    save_image(root / "Training/glioma_tumor/gg (1).jpg")
    save_image(root / "Training/no_tumor/1.jpg", value=40)
    save_image(root / "Testing/no_tumor/1.jpg", value=41)
    return root


# --- what a record says ---


def test_record_says_what_path_and_header_say(tmp_path):
    save_image(tmp_path / "01_x/Training/glioma_tumor/gg (1).png", (40, 48))
    [record] = scan_source(tmp_path, source("01"), "01_x").kept
    sha256 = store.sha256_file(tmp_path / "01_x/Training/glioma_tumor/gg (1).png")
    assert record.model_dump(exclude={"slice_id"}) == {
        "sample_id": "glioma_01_gg_1", "source_id": "01", "image_path": "01_x/Training/glioma_tumor/gg (1).png",
        "image_channel": None, "image_slice": None, "image_sha256": sha256,
        "height_px": 48, "width_px": 40, "channels": 1,
        "bit_depth": 8, "tumor_present": True, "tumor_type": TumorType.GLIOMA, "source_label": "glioma_tumor",
        "sequence": None, "plane": None, "patient_id": None, "split": "train",
        "spacing_mm": None, "thickness_mm": None, "display_left": None, "mask": None, "notes": (),
        "origin": None,
    }  # fmt: skip


def test_slice_id_does_not_depend_on_where_the_folder_lies(tmp_path):
    tree(tmp_path / "a/01_x")
    tree(tmp_path / "b")
    first = scan_source(tmp_path / "a", source("01"), "01_x")
    second = scan_source(tmp_path / "b", source("01"))
    assert [r.slice_id for r in first.kept] == [r.slice_id for r in second.kept]
    assert [r.image_path for r in first.kept] == [f"01_x/{r.image_path}" for r in second.kept]


def test_names_that_collide_get_their_slice_id(tmp_path):
    outcome = scan_source(tree(tmp_path), source("01"))
    ids = {r.image_path: (r.sample_id, r.slice_id) for r in outcome.kept}
    train, test = ids["Training/no_tumor/1.jpg"], ids["Testing/no_tumor/1.jpg"]
    assert train[0] == f"healthy_01_1_{train[1]}"
    assert test[0] == f"healthy_01_1_{test[1]}"
    assert ids["Training/glioma_tumor/gg (1).jpg"][0] == "glioma_01_gg_1"


def bare_record(sample_id: str, slice_id: str) -> SliceRecord:
    return SliceRecord(
        slice_id=slice_id, sample_id=sample_id, source_id="01", image_path="x.png", image_sha256="",
        height_px=1, width_px=1, channels=1, bit_depth=8,
    )  # fmt: skip


@given(st.lists(st.sampled_from(["a", "b", "a_s1", "a_s2", "s3"]), max_size=6))
def test_sample_ids_are_unique_whatever_the_names(names):
    records = [bare_record(name, f"s{number}") for number, name in enumerate(names, start=1)]
    renamed = unique_sample_ids(records)
    assert [r.slice_id for r in renamed] == [r.slice_id for r in records]
    if "s3" not in names:
        assert len({r.sample_id for r in renamed}) == len(records)


def test_parts_in_any_order_make_the_same_catalogue(tmp_path):
    whole = scan_source(tree(tmp_path), source("01"))
    listing = list_files(tmp_path, source("01"))
    parts: StageOutcome[SliceRecord] = StageOutcome()
    for path in reversed(listing.images):
        parts.extend(catalog_files(tmp_path, source("01"), "", [path]))
    parts.extend(listing.outcome)
    assert merge(parts) == whole
    assert [r.slice_id for r in whole.kept] == sorted(r.slice_id for r in whole.kept)


# --- what is dropped, and why ---


def test_every_drop_has_its_reason(tmp_path):
    tree(tmp_path)
    save_image(tmp_path / "stray.png")
    save_image(tmp_path / "Training/no_tumor/deeper/x.png")
    write(tmp_path / "Training/readme.txt", "hello")
    write(tmp_path / "LICENSE", "hello")
    outcome = scan_source(tmp_path, source("01"))
    no_pattern = "no pattern of the source matches the path"
    assert drops(outcome) == {
        "stray.png": (DropReason.OUTSIDE_LAYOUT, no_pattern),
        "Training/no_tumor/deeper/x.png": (DropReason.OUTSIDE_LAYOUT, no_pattern),
        "Training/readme.txt": (DropReason.NOT_AN_IMAGE_NAME, "ending '.txt'"),
        "LICENSE": (DropReason.NOT_AN_IMAGE_NAME, "no ending"),
    }
    assert outcome.counts() == {"kept": 3, "dropped": 4, "quarantined": 0}


def test_excluded_by_the_source_says_why(tmp_path):
    save_image(tmp_path / "yes/Y1.jpg")
    save_image(tmp_path / "augmented/yes/aug_Y1_0_1.jpg")
    outcome = scan_source(tmp_path, source("02-navoneel"))
    reason, detail = drops(outcome)["augmented/yes/aug_Y1_0_1.jpg"]
    assert reason is DropReason.EXCLUDED_BY_SOURCE
    assert detail is not None
    assert "same collection" in detail
    assert by_name(outcome)["Y1.jpg"].tumor_type is TumorType.TUMOR


# --- masks ---


def test_mask_belongs_to_its_image_and_an_orphan_is_dropped(tmp_path):
    save_image(tmp_path / "1.png")
    save_mask(tmp_path / "1_mask.png")
    save_mask(tmp_path / "2_mask.png")
    outcome = scan_source(tmp_path, source("07"))
    [record] = outcome.kept
    assert record.mask == MaskRef(path="1_mask.png", kind=MaskKind.BINARY)
    assert (record.tumor_type, record.sequence) == (TumorType.TUMOR, MRSequence.T1CE)
    assert drops(outcome) == {"2_mask.png": (DropReason.OUTSIDE_LAYOUT, "mask or label file without its image")}


@pytest.mark.parametrize(
    ("write_mask", "code"),
    [
        (lambda _: None, "FILE_MISSING"),
        (lambda p: save_mask(p, (33, 32)), "MASK_SIZE"),
        (lambda p: write(p, b"no image"), "IMAGE_UNDECODABLE"),
        (lambda p: write(p, b""), "IMAGE_EMPTY"),
        (os.mkfifo, "NOT_A_FILE"),
        (lambda p: p.symlink_to("/etc/hostname"), "PATH_OUTSIDE_ROOT"),
        (lambda p: write(p, png_header(20_000, 20_000)), "IMAGE_TOO_LARGE"),
    ],
)
def test_bad_mask_costs_the_mask_and_not_the_slice(tmp_path, write_mask, code):
    save_image(tmp_path / "1.png")
    write_mask(tmp_path / "1_mask.png")
    outcome = scan_source(tmp_path, source("07"))
    [record] = outcome.kept
    assert (record.mask, record.notes) == (None, (f"mask:{code}",))
    assert codes(outcome) == {"1_mask.png": code}
    assert outcome.dropped == []


def test_orphan_mask_of_a_case_is_not_taken_for_an_image_of_it(tmp_path):
    # `{patient}_{sequence}` describes the mask's own name too, with the sequence "seg".
    save_mask(tmp_path / "P1/P1_seg.png", value=4)
    save_image(tmp_path / "P2/P2_t1.png")
    save_mask(tmp_path / "P2/P2_seg.png", value=4)
    outcome = scan_source(tmp_path, source("16"))
    assert [r.image_path for r in outcome.kept] == ["P2/P2_t1.png"]
    assert [*drops(outcome)] == ["P1/P1_seg.png"]


def test_healthy_phantom_needs_no_mask_and_the_others_do(tmp_path):
    save_image(tmp_path / "healthy/phantoms_t2/coronal_000001.png")
    save_image(tmp_path / "glioma/phantoms_flair/sagittal_000002.png")
    save_mask(tmp_path / "glioma/phantoms_flair/sagittal_000002_mask.png")
    outcome = scan_source(tmp_path, source("phantoms"))
    records = by_name(outcome)
    healthy, glioma = records["coronal_000001.png"], records["sagittal_000002.png"]
    assert (healthy.tumor_present, healthy.mask, healthy.notes) == (False, None, ())
    assert (healthy.sequence, healthy.plane) == (MRSequence.T2, Plane.CORONAL)
    assert (glioma.sequence, glioma.plane) == (MRSequence.FLAIR, Plane.SAGITTAL)
    assert glioma.mask is not None
    assert outcome.dropped == []
    assert outcome.quarantined == []


def yolo(root: Path, label: str, boxes: str | None) -> StageOutcome[SliceRecord]:
    save_image(root / f"Train/{label}/images/a.jpg")
    if boxes is not None:
        write(root / f"Train/{label}/labels/a.txt", boxes)
    return scan_source(root, source("03-yolo"))


@pytest.mark.parametrize(
    ("label", "boxes", "has_mask", "notes"),
    [
        ("Glioma", "0 0.5 0.5 0.2 0.2\n", True, ()),
        ("Glioma", "0 0.5 0.5 0.2 0.2\n3 0.5 0.5 0.2 0.2\n3 0.1 0.1 0.1 0.1\n", True, ("box_label:pituitary",)),
        ("Pituitary", "2 0.5 0.5 0.2 0.2\n", True, ("box_label:healthy",)),
        ("Meningioma", "7 0.5 0.5 0.2 0.2\n", True, ("box_class:7",)),
        ("Meningioma", "\n", False, ("mask:MASK_EMPTY",)),
        ("NoTumor", "2 0.5 0.5 0.9 0.9\n", False, ()),
        ("NoTumor", "1 0.5 0.5 0.2 0.2\n", False, ("box_label:meningioma",)),
        ("NoTumor", None, False, ()),
        ("Glioma", None, False, ("mask:FILE_MISSING",)),
        ("Glioma", "0 0.5 0.5\n", False, ("mask:OUTLINE_INVALID",)),
        ("Glioma", "0 0.5 0.5 nan 0.2\n", False, ("mask:OUTLINE_INVALID",)),
    ],
)
def test_boxes_are_checked_against_the_folder(tmp_path, label, boxes, has_mask, notes):
    outcome = yolo(tmp_path, label, boxes)
    [record] = outcome.kept
    expected = MaskRef(path=f"Train/{label}/labels/a.txt", kind=MaskKind.YOLO_BOXES, lesion_values=(0, 1, 3))
    assert record.mask == (expected if has_mask else None)
    assert record.notes == notes
    assert outcome.dropped == []
    written_down = [note for note in notes if note.startswith("mask:") and note != "mask:MASK_EMPTY"]
    assert [f"mask:{q.code}" for q in outcome.quarantined] == written_down


def three_sequences(path: Path, t1: int, flair: int, t1ce: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.zeros((32, 32, 3), dtype=np.uint8)
    pixels[4:, :] = (t1, flair, t1ce)
    Image.fromarray(pixels).save(path)


def test_a_file_of_three_sequences_is_three_slices(tmp_path):
    three_sequences(tmp_path / "TCGA_CS_1_2/TCGA_CS_1_2_1.tif", 10, 20, 30)
    save_mask(tmp_path / "TCGA_CS_1_2/TCGA_CS_1_2_1_mask.tif")
    outcome = scan_source(tmp_path, source("lgg-tcga"))
    found = {r.image_channel: (r.sequence, r.sample_id, r.tumor_present, r.patient_id) for r in outcome.kept}
    assert found == {
        0: (MRSequence.T1, "glioma_lgg_tcga_TCGA_CS_1_2_1_t1", True, "TCGA_CS_1_2"),
        1: (MRSequence.FLAIR, "glioma_lgg_tcga_TCGA_CS_1_2_1_flair", True, "TCGA_CS_1_2"),
        2: (MRSequence.T1CE, "glioma_lgg_tcga_TCGA_CS_1_2_1_t1ce", True, "TCGA_CS_1_2"),
    }
    assert len({r.slice_id for r in outcome.kept}) == 3
    assert {r.mask for r in outcome.kept} == {MaskRef(path="TCGA_CS_1_2/TCGA_CS_1_2_1_mask.tif", kind=MaskKind.BINARY)}
    assert outcome.dropped == []


@pytest.mark.parametrize(
    ("channels", "kept"),
    [((20, 20, 30), ["flair", "t1ce"]), ((10, 20, 20), ["flair", "t1"]), ((20, 20, 20), ["flair"])],
)
def test_a_channel_that_repeats_flair_is_a_missing_sequence(tmp_path, channels, kept):
    three_sequences(tmp_path / "P/P_1.tif", *channels)
    save_mask(tmp_path / "P/P_1_mask.tif")
    outcome = scan_source(tmp_path, source("lgg-tcga"))
    assert sorted(str(r.sequence) for r in outcome.kept) == kept
    assert {d.reason for d in outcome.dropped} == {DropReason.SEQUENCE_MISSING}
    assert len(outcome.dropped) == 3 - len(kept)


def test_an_empty_mask_says_that_this_slice_shows_no_tumour(tmp_path):
    three_sequences(tmp_path / "P/P_1.tif", 10, 20, 30)
    save_mask(tmp_path / "P/P_1_mask.tif", empty=True)
    outcome = scan_source(tmp_path, source("lgg-tcga"))
    assert {(r.tumor_present, r.tumor_type, r.mask is not None) for r in outcome.kept} == {
        (False, TumorType.GLIOMA, True)
    }


def test_one_channel_where_three_are_expected(tmp_path):
    save_image(tmp_path / "P/P_1.tif")
    save_mask(tmp_path / "P/P_1_mask.tif")
    assert codes(scan_source(tmp_path, source("lgg-tcga"))) == {"P/P_1.tif": "CHANNEL_MISSING"}


# --- files of all kinds ---


@pytest.mark.parametrize(
    ("name", "mode", "channels", "bit_depth"),
    [("a.png", "I;16", 1, 16), ("a.png", "P", 3, 8), ("a.png", "RGBA", 3, 8), ("a.jpg", "CMYK", 3, 8),
     ("a.png", "LA", 1, 8), ("a.png", "1", 1, 1), ("a.BMP", "RGB", 3, 8)],
)  # fmt: skip
def test_colour_modes(tmp_path, name, mode, channels, bit_depth):
    save_image(tmp_path / "yes" / name, (40, 32), mode)
    [record] = scan_source(tmp_path, source("02-navoneel")).kept
    assert (record.width_px, record.height_px, record.channels, record.bit_depth) == (40, 32, channels, bit_depth)


def test_rotated_by_its_header(tmp_path):
    (tmp_path / "yes").mkdir()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("L", (48, 32), 90).save(tmp_path / "yes/a.jpg", exif=exif)
    [record] = scan_source(tmp_path, source("02-navoneel")).kept
    assert (record.width_px, record.height_px) == (32, 48)


def truncated(path: Path) -> None:
    save_image(path, (200, 200))
    path.write_bytes(path.read_bytes()[:400])


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda p: write(p, b""), "IMAGE_EMPTY"),
        (lambda p: write(p, b"GIF, or so it says"), "IMAGE_UNDECODABLE"),
        (truncated, "IMAGE_TRUNCATED"),
        (lambda p: write(p, png_header(20_000, 20_000)), "IMAGE_TOO_LARGE"),
        (lambda p: save_image(p, (31, 200)), "IMAGE_TOO_SMALL"),
        (os.mkfifo, "NOT_A_FILE"),
        (lambda p: p.symlink_to("/etc/hostname"), "PATH_OUTSIDE_ROOT"),
        (lambda p: p.symlink_to("nowhere.jpg"), "FILE_MISSING"),
        (lambda p: p.symlink_to(p.name), "PATH_OUTSIDE_ROOT"),
    ],
)
def test_bad_image_is_quarantined_and_the_others_are_kept(tmp_path, make, code):
    save_image(tmp_path / "yes/good.jpg")
    make(tmp_path / "yes/bad.jpg")
    outcome = scan_source(tmp_path, source("02-navoneel"))
    assert [r.image_path for r in outcome.kept] == ["yes/good.jpg"]
    assert codes(outcome) == {"yes/bad.jpg": code}
    assert str(tmp_path) not in outcome.quarantined[0].message


def test_links_inside_the_root_are_read_and_links_to_folders_are_not_followed(tmp_path):
    save_image(tmp_path / "yes/a.jpg")
    (tmp_path / "yes/b.jpg").symlink_to("a.jpg")
    (tmp_path / "again").symlink_to("yes")
    (tmp_path / "out").symlink_to("/etc")
    outcome = scan_source(tmp_path, source("02-navoneel"))
    assert sorted(r.image_path for r in outcome.kept) == ["yes/a.jpg", "yes/b.jpg"]
    assert codes(outcome) == {"again": "FOLDER_LINKED", "out": "PATH_OUTSIDE_ROOT"}


@pytest.mark.skipif(os.geteuid() == 0, reason="permissions do not bind the superuser")
def test_files_and_folders_without_permission(tmp_path):
    save_image(tmp_path / "yes/a.jpg").chmod(0)
    save_image(tmp_path / "no/b.jpg")
    (tmp_path / "no").chmod(0)
    try:
        outcome = scan_source(tmp_path, source("02-navoneel"))
    finally:
        (tmp_path / "no").chmod(0o700)
    assert codes(outcome) == {"yes/a.jpg": "FILE_UNREADABLE", "no": "NOT_A_FILE"}


def test_folder_that_cannot_be_listed_is_accounted_for(tmp_path, monkeypatch):
    save_image(tmp_path / "yes/a.jpg")
    save_image(tmp_path / "no/b.jpg")
    scandir = os.scandir

    def refuse(path):
        if Path(path).name == "no":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    outcome = scan_source(tmp_path, source("02-navoneel"))
    assert [r.image_path for r in outcome.kept] == ["yes/a.jpg"]
    assert codes(outcome) == {"no": "NOT_A_FILE"}


def test_name_that_is_not_utf8_can_still_be_written_down(tmp_path):
    save_image(tmp_path / "yes/a.jpg")
    os.link(tmp_path / "yes/a.jpg", os.fsencode(tmp_path / "yes") + b"/\xff.jpg")
    outcome = scan_source(tmp_path, source("02-navoneel"))
    assert codes(outcome) == {"yes/\\udcff.jpg": "PATH_NOT_UTF8"}
    store.save(tmp_path / "q.parquet", outcome.quarantined, Quarantined)
    assert store.load_strict(tmp_path / "q.parquet", Quarantined) == outcome.quarantined


def test_hostile_names_stay_on_their_row(tmp_path):
    save_image(tmp_path / "yes/a\nb\x1b[31m.jpg")
    save_image(tmp_path / "yes/back\\slash.jpg")
    outcome = scan_source(tmp_path, source("02-navoneel"))
    assert [r.sample_id for r in outcome.kept] == ["tumor_02_navoneel_a_b_31m"]
    assert codes(outcome) == {"yes/back\\slash.jpg": "PATH_OUTSIDE_ROOT"}


# --- roots ---


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda p: p / "missing", "ROOT_MISSING"),
        (lambda p: write(p / "file", "x"), "ROOT_NOT_A_FOLDER"),
        (lambda p: p, "ROOT_EMPTY"),
    ],
)
def test_unusable_roots_are_input_errors(tmp_path, make, code):
    root = make(tmp_path)
    for scan in (
        lambda: scan_source(root, source("01")),
        lambda: scan_root(root),
        lambda: scan_root(root, {"01": ""}),
    ):
        with pytest.raises(InputError) as caught:
            scan()
        assert caught.value.code == code
        assert caught.value.exit_code == 3


def test_folders_of_folders_without_a_file_are_empty(tmp_path):
    (tmp_path / "Training/no_tumor").mkdir(parents=True)
    with pytest.raises(InputError, match="ROOT_EMPTY"):
        scan_source(tmp_path, source("01"))


@pytest.mark.parametrize("folder", ["../other", "/etc", "link"])
def test_folder_of_a_source_stays_inside_the_root(tmp_path, folder):
    (tmp_path / "link").symlink_to("/etc")
    with pytest.raises(InputError, match="PATH_OUTSIDE_ROOT"):
        scan_source(tmp_path, source("01"), folder)


def test_folders_are_recognised_by_name(tmp_path):
    tree(tmp_path / "01_brain_tumor_classification")
    save_image(tmp_path / "02_brain_tumor_detection/no/1 no.jpeg")
    write(tmp_path / "SOURCES.md", "notes")
    outcome = scan_root(tmp_path)
    assert sorted(r.source_id for r in outcome.kept) == ["01", "01", "01", "02-navoneel"]
    assert outcome.dropped == [
        Dropped(
            slice_id=outcome.dropped[0].slice_id, image_path="SOURCES.md",
            reason=DropReason.NOT_AN_IMAGE_NAME, detail="ending '.md'",
        )
    ]  # fmt: skip


def test_folder_that_nobody_knows_is_named_in_a_short_line(tmp_path):
    tree(tmp_path / "01_x")
    tree(tmp_path / "holiday pictures")
    tree(tmp_path / "more pictures")
    with pytest.raises(InputError) as caught:
        scan_root(tmp_path)
    assert caught.value.code == "SOURCE_UNRECOGNIZED"
    assert "'holiday pictures' and 1 more" in caught.value.what
    assert "show sources" in caught.value.fix
    assert "sources infer" in caught.value.fix
    assert len(caught.value.line) < 300 + len(str(tmp_path))


def test_two_folders_of_one_source_are_ambiguous(tmp_path):
    tree(tmp_path / "01_x")
    tree(tmp_path / "01_y")
    with pytest.raises(InputError, match="SOURCE_AMBIGUOUS"):
        scan_root(tmp_path)


def test_layout_that_fits_no_file_names_what_it_found(tmp_path):
    tree(tmp_path / "01_x")
    tree(tmp_path / "04_y")
    with pytest.raises(InputError) as caught:
        scan_root(tmp_path)
    assert caught.value.code == "LAYOUT_MISMATCH"
    line = caught.value.line
    for said in (
        "source 04 (unverified)",
        "**/{label}/{stem}.{ext} with labels such as brain_glioma",
        "Training/glioma_tumor/*.jpg (1)",
        "neuroonco sources check 04",
        "neuroonco sources infer",
    ):
        assert said in line
    assert "\n" not in line


def test_named_folders_leave_others_alone(tmp_path):
    tree(tmp_path / "mine")
    tree(tmp_path / "holiday pictures")
    assert scan_root(tmp_path, {"01": "mine"}).counts() == {"kept": 3, "dropped": 0, "quarantined": 0}
