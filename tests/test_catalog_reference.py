"""The reference's layout, record for record, and against its own published ids."""

import json
import os
from pathlib import Path

import pytest

from catalog_files import save_image, save_mask, write
from neuroonco import masks
from neuroonco.catalog.interop import SLICE_CODEC, write_polygon_masks
from neuroonco.catalog.records import MaskRef
from neuroonco.catalog.reference_layout import scan_reference
from neuroonco.catalog.reference_names import T1CE_ONLY, sequence_in
from neuroonco.errors import InputError
from neuroonco.vocabulary import DropReason, MaskKind, MRSequence, TumorType

POLYGON = "1 0.25 0.25 0.75 0.25 0.75 0.75 0.25 0.75\n"


def build(root: Path) -> Path:
    """A tree with every special source and what lies around it."""
    tumor = root / "tumor"
    # 05: type and sequence in the name; masks are PNG of the same stem.
    save_image(tumor / "05_t1_mask/brisc2025_train_04787_pi_sa_t1.jpg", (40, 32))
    save_mask(tumor / "05_t1_mask/brisc2025_train_04787_pi_sa_t1.png", (40, 32))
    save_image(tumor / "05_t1_mask/brisc2025_test_00003_xx_ax_FLAIR.jpeg")
    save_mask(tumor / "05_t1_mask/orphan.png")
    # 10: under every category; masks of another ending.
    save_image(root / "glioma/10_t1_t2_mask/Astrocytoma_T2_117.png")
    save_mask(root / "glioma/10_t1_t2_mask/Astrocytoma_T2_117_mask.bmp")
    save_image(root / "neuronal_tumor/10_t1_t2_mask/T2_96.png")
    save_image(root / "healthy/10_t1/healthy_10_t1 (1).jpg")
    # 16: one case folder, one mask.
    case = root / "glioma/16_t1_t2_t1ce_flair_mask/BraTS2021_01084"
    for name in ("t1", "t2", "t1ce", "flair"):
        save_image(case / f"BraTS2021_01084_{name}.png")
    save_mask(case / "BraTS2021_01084_seg.png", value=4)
    save_image(root / "glioma/16_x/c/scan-T1CE-flair.png")
    # 14: the number in parentheses.
    save_image(tumor / "14_t1ce_mask/2280.png")
    save_mask(tumor / "14_t1ce_mask/mask  (2280).png")
    save_image(tumor / "14_t1ce_mask/image (7).png")
    save_mask(tumor / "14_t1ce_mask/Mask (7).jpg")
    save_image(tumor / "14_t1ce_mask/9.png")
    # 19: outlines as polygons, as PNG, as boxes, and none.
    nineteen = tumor / "19_mask"
    save_image(nineteen / "images/1279_jpg.rf.2dc38958a05759fed17c9b86b48bcf1b.jpg")
    write(nineteen / "labels/1279_jpg.rf.2dc38958a05759fed17c9b86b48bcf1b.txt", POLYGON)
    save_image(nineteen / "images/b_t1.jpg")
    save_mask(nineteen / "images/b_t1_mask.png")
    write(nineteen / "labels/b_t1.txt", "2 0.5 0.5 0.2 0.2\n")
    save_image(nineteen / "images/boxed.jpg")
    write(nineteen / "labels/boxed.txt", "0 0.5 0.5 0.2 0.2\n")
    save_image(nineteen / "images/bare.jpg")
    # Everything else.
    save_image(root / "meningioma/17/meningioma_17 (536).jpg")
    save_image(root / "pituitary/07_t1ce/deep/er/p GD (1).png")
    save_image(root / "healthy/09_t2/h_T2.tif", (40, 36))
    save_image(root / "healthy/flat.png")
    save_image(root / "lymphoma/20/x.png")
    save_image(root / "tumor/160_other/y_t1+c.png")
    return root


def row(sample_id, path, tumor_type, modality, mask="", origin="metadata_no_mask", size=(32, 32), present=True):
    return {
        "sample_id": sample_id, "image_path": path, "tumor_present": present, "tumor_type": tumor_type,
        "modality": modality, "has_mask": bool(mask), "mask_path": mask,
        "image_meta": {"height": size[0], "width": size[1], "channel": 3}, "origin": origin,
    }  # fmt: skip


BRISC = "tumor/05_t1_mask/brisc2025_train_04787_pi_sa_t1"
BRATS = "glioma/16_t1_t2_t1ce_flair_mask/BraTS2021_01084/BraTS2021_01084"
YOLO = "tumor/19_mask/images"
ROBOFLOW = "1279_jpg.rf.2dc38958a05759fed17c9b86b48bcf1b"

EXPECTED = [
    row("pituitary_05_t1_mask_brisc2025_train_04787_pi_sa_t1", f"{BRISC}.jpg", "pituitary", "t1", f"{BRISC}.png",
        "metadata_tumor_05", (32, 40)),
    row("tumor_05_t1_mask_brisc2025_test_00003_xx_ax_FLAIR", "tumor/05_t1_mask/brisc2025_test_00003_xx_ax_FLAIR.jpeg",
        "tumor", "flair", origin="metadata_tumor_05"),
    row("glioma_10_t1_t2_mask_Astrocytoma_T2_117", "glioma/10_t1_t2_mask/Astrocytoma_T2_117.png", "glioma", "t2",
        "glioma/10_t1_t2_mask/Astrocytoma_T2_117_mask.bmp", "metadata_10"),
    row("neuronal_tumor_10_t1_t2_mask_T2_96", "neuronal_tumor/10_t1_t2_mask/T2_96.png", "neuronal_tumor", "t2",
        origin="metadata_10"),
    row("10_t1_healthy_10_t1_1", "healthy/10_t1/healthy_10_t1 (1).jpg", "healthy", "t1", origin="metadata_10",
        present=False),
    *(row(f"glioma_16_t1_t2_t1ce_flair_mask_BraTS2021_01084_{s}", f"{BRATS}_{s}.png", "glioma", s,
          f"{BRATS}_seg.png", "metadata_16") for s in ("t1", "t2", "t1ce", "flair")),
    row("glioma_16_x_scan_T1CE_flair", "glioma/16_x/c/scan-T1CE-flair.png", "glioma", "flair", origin="metadata_16"),
    row("tumor_14_t1ce_mask_2280", "tumor/14_t1ce_mask/2280.png", "tumor", "t1ce",
        "tumor/14_t1ce_mask/mask  (2280).png", "metadata_tumor_14"),
    row("tumor_14_t1ce_mask_image_7", "tumor/14_t1ce_mask/image (7).png", "tumor", "t1ce",
        "tumor/14_t1ce_mask/Mask (7).jpg", "metadata_tumor_14"),
    row("tumor_14_t1ce_mask_9", "tumor/14_t1ce_mask/9.png", "tumor", "t1ce", origin="metadata_tumor_14"),
    row("tumor_19_mask_images_1279_jpg_rf_2dc38958a05759fed17c9b86b48bcf1b", f"{YOLO}/{ROBOFLOW}.jpg", "meningioma",
        "unknown", f"{YOLO}/{ROBOFLOW}_mask.png", "metadata_tumor_19"),
    row("tumor_19_mask_images_b_t1", f"{YOLO}/b_t1.jpg", "pituitary", "t1", f"{YOLO}/b_t1_mask.png",
        "metadata_tumor_19"),
    row("tumor_19_mask_images_boxed", f"{YOLO}/boxed.jpg", "glioma", "unknown", origin="metadata_tumor_19"),
    row("tumor_19_mask_images_bare", f"{YOLO}/bare.jpg", "tumor", "unknown", origin="metadata_tumor_19"),
    row("meningioma_17_536", "meningioma/17/meningioma_17 (536).jpg", "meningioma", "unknown"),
    row("pituitary_p_GD_1", "pituitary/07_t1ce/deep/er/p GD (1).png", "pituitary", "t1ce"),
    row("healthy_h_T2", "healthy/09_t2/h_T2.tif", "healthy", "t2", size=(36, 40), present=False),
    row("healthy_flat", "healthy/flat.png", "healthy", "unknown", present=False),
    row("lymphoma_x", "lymphoma/20/x.png", "lymphoma", "unknown"),
    row("tumor_y_t1_c", "tumor/160_other/y_t1+c.png", "tumor", "t1ce"),
]  # fmt: skip


def test_the_whole_layout_record_for_record(tmp_path):
    outcome = scan_reference(build(tmp_path))
    found = [SLICE_CODEC.encode(record) for record in outcome.kept]
    by_path = sorted(found, key=lambda r: r["image_path"])
    assert by_path == sorted(EXPECTED, key=lambda r: r["image_path"])
    assert [(d.image_path, d.reason) for d in outcome.dropped] == [
        ("tumor/05_t1_mask/orphan.png", DropReason.OUTSIDE_LAYOUT)
    ]
    assert outcome.quarantined == []
    assert [r.slice_id for r in outcome.kept] == sorted(r.slice_id for r in outcome.kept)


def test_typed_facts_behind_the_json(tmp_path):
    records = {r.image_path: r for r in scan_reference(build(tmp_path)).kept}
    lymphoma = records["lymphoma/20/x.png"]
    assert (lymphoma.tumor_type, lymphoma.source_label, lymphoma.source_id) == (None, "lymphoma", "20")
    assert records[f"{BRISC}.jpg"].sequence is MRSequence.T1
    assert records[f"{BRATS}_t1.png"].mask == MaskRef(path=f"{BRATS}_seg.png", kind=MaskKind.LABELS)
    assert records[f"{YOLO}/boxed.jpg"].mask == MaskRef(path="tumor/19_mask/labels/boxed.txt", kind=MaskKind.YOLO_BOXES)
    assert records["healthy/flat.png"].source_id == "reference"
    assert records["tumor/160_other/y_t1+c.png"].source_id == "160"
    assert records["healthy/09_t2/h_T2.tif"].tumor_type is TumorType.HEALTHY


def test_what_the_no_mask_rules_leave_out(tmp_path):
    save_image(tmp_path / "glioma/01/a.png")
    save_image(tmp_path / "glioma/01/a_Mask.png")
    save_image(tmp_path / "glioma/01/Masks/a.png")
    save_image(tmp_path / "glioma/01/label/a.png")
    save_image(tmp_path / "top.png")
    write(tmp_path / "glioma/01/notes.txt", "x")
    outcome = scan_reference(tmp_path)
    assert [r.image_path for r in outcome.kept] == ["glioma/01/a.png"]
    assert {d.image_path: (d.reason, d.detail) for d in outcome.dropped} == {
        "glioma/01/a_Mask.png": (DropReason.OUTSIDE_LAYOUT, "the name contains mask"),
        "glioma/01/Masks/a.png": (DropReason.OUTSIDE_LAYOUT, "in a folder named Masks"),
        "glioma/01/label/a.png": (DropReason.OUTSIDE_LAYOUT, "in a folder named label"),
        "top.png": (DropReason.OUTSIDE_LAYOUT, "not in a category's folder"),
        "glioma/01/notes.txt": (DropReason.NOT_AN_IMAGE_NAME, "ending '.txt'"),
    }


def test_numbers_inside_a_folder_name_do_not_make_it_a_special_source(tmp_path):
    # The reference looks for "16" anywhere in the name.
    save_image(tmp_path / "glioma/03_2016/case/x_seg.png")
    save_image(tmp_path / "tumor/105_t1/x.jpg")
    assert {r.origin for r in scan_reference(tmp_path).kept} == {"metadata_no_mask"}


def test_bad_files_do_not_stop_the_scan(tmp_path):
    save_image(tmp_path / "glioma/01/good.png")
    write(tmp_path / "glioma/01/empty.png", b"")
    os.mkfifo(tmp_path / "glioma/01/pipe.png")
    (tmp_path / "glioma/01/out.png").symlink_to("/etc/hostname")
    save_image(tmp_path / "glioma/10_x/a.png")
    save_mask(tmp_path / "glioma/10_x/a_mask.png", (50, 50))
    save_image(tmp_path / "tumor/19/images/a.jpg")
    write(tmp_path / "tumor/19/labels/a.txt", b"\xff\xfe")
    save_image(tmp_path / "tumor/19/images/b.jpg")
    write(tmp_path / "tumor/19/labels/b.txt", "0 0.1 0.1 0.2 0.2 0.3\n")
    outcome = scan_reference(tmp_path)
    assert {q.image_path: q.code for q in outcome.quarantined} == {
        "glioma/01/empty.png": "IMAGE_EMPTY",
        "glioma/01/pipe.png": "NOT_A_FILE",
        "glioma/01/out.png": "PATH_OUTSIDE_ROOT",
        "glioma/10_x/a_mask.png": "MASK_SIZE",
        "tumor/19/labels/a.txt": "ENCODING",
        "tumor/19/labels/b.txt": "OUTLINE_INVALID",
    }
    assert {r.image_path: r.notes for r in outcome.kept} == {
        "glioma/01/good.png": (),
        "glioma/10_x/a.png": ("mask:MASK_SIZE",),
        "tumor/19/images/a.jpg": ("mask:ENCODING",),
        "tumor/19/images/b.jpg": ("mask:OUTLINE_INVALID",),
    }


@pytest.mark.parametrize(("make", "code"), [(lambda p: p / "x", "ROOT_MISSING"), (lambda p: p, "ROOT_EMPTY")])
def test_unusable_root(tmp_path, make, code):
    with pytest.raises(InputError, match=code):
        scan_reference(make(tmp_path))


@pytest.mark.parametrize(
    ("name", "sequence"),
    [("x_T1CE", "t1ce"), ("x_t1+c", "t1ce"), ("gd_flair", "t1ce"), ("T2-FLAIR", "flair"), ("t1_t2", "t1"),
     ("T2_96", "t2"), ("x", None)],
)  # fmt: skip
def test_sequence_in_a_name(name, sequence):
    assert sequence_in(name) == sequence


def test_gd_means_nothing_where_the_reference_does_not_look_for_it():
    assert sequence_in("gd_t2", T1CE_ONLY) is MRSequence.T2


@pytest.mark.parametrize(
    ("text", "tumor_type"),
    [("0 " + "0.1 " * 6, "glioma"), ("2", "pituitary"), ("3", "tumor"), ("", "tumor"), ("x", "tumor"),
     ("\n1 0.5 0.5 0.2 0.2", "tumor"), ("9" * 5000, "tumor")],
)  # fmt: skip
def test_class_of_source_19_is_the_first_token_of_the_first_line(tmp_path, text, tumor_type):
    save_image(tmp_path / "tumor/19/images/a.jpg")
    write(tmp_path / "tumor/19/labels/a.txt", text)
    assert [r.tumor_type for r in scan_reference(tmp_path).kept] == [tumor_type]


# --- polygon masks ---


def test_polygons_become_the_pngs_that_the_json_names(tmp_path):
    build(tmp_path)
    before = scan_reference(tmp_path)
    outline = next(r for r in before.kept if r.mask is not None and r.mask.kind is MaskKind.YOLO_POLYGONS)
    expected = f"{YOLO}/{ROBOFLOW}_mask.png"
    assert write_polygon_masks(tmp_path, before.kept) == [expected]
    assert write_polygon_masks(tmp_path, before.kept) == []
    written = masks.read_lesion_mask(tmp_path, MaskRef(path=expected, kind=MaskKind.BINARY), (32, 32))
    assert written is not None
    # A square from 8 to 24 px, both edges drawn.
    assert (int(written.sum()), bool(written[8, 8]), bool(written[24, 24]), bool(written[25, 25])) == (
        289,
        True,
        True,
        False,
    )
    after = scan_reference(tmp_path)
    assert [SLICE_CODEC.encode(r) for r in after.kept] == [SLICE_CODEC.encode(r) for r in before.kept]
    assert outline.image_path in {r.image_path for r in after.kept}
    assert list(tmp_path.rglob("*.tmp")) == []


# --- against the published annotations ---


def test_published_brats_records_come_back_exactly(tmp_path, upstream_root):
    published = json.loads((upstream_root / "metadata_16.json").read_text())[:40]
    for record in published:
        size = (record["image_meta"]["width"], record["image_meta"]["height"])
        save_image(tmp_path / record["image_path"], size)
        save_mask(tmp_path / record["mask_path"], size, value=2)
    found = []
    for record in scan_reference(tmp_path).kept:
        encoded = SLICE_CODEC.encode(record)
        assert encoded is not None
        assert encoded.pop("origin") == "metadata_16"
        assert list(encoded) == list(published[0])
        found.append(encoded)
    assert sorted(found, key=lambda r: r["image_path"]) == sorted(published, key=lambda r: r["image_path"])


def test_published_sample_ids_come_back_exactly(tmp_path, upstream_root):
    """3,973 ids of the reference's sources 01 to 19, and the modality that its text states."""
    published = json.loads((upstream_root / "step1_supplement_ready.json").read_text())
    blueprint = save_image(tmp_path / "blueprint.png")
    root = tmp_path / "root"
    for record in published:
        path = root / record["image_path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        os.link(blueprint, path)
    found = {record.image_path: record for record in scan_reference(root).kept}
    assert {path: r.sample_id for path, r in found.items()} == {r["image_path"]: r["sample_id"] for r in published}
    for record in published:
        said = record["coarse_description"].removeprefix("A ").removeprefix("An ").split("brain MRI")[0].strip()
        sequence = found[record["image_path"]].sequence
        assert said == ("" if sequence is None else sequence.value.upper())
