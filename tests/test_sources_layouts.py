"""Each declared collection as a raw download: made-up files under its real names, and what is read from them."""

import unicodedata
from collections.abc import Mapping
from pathlib import Path

import pytest

from catalog_files import save_image, save_mask, write
from neuroonco.catalog.drafts import SliceDraft
from neuroonco.catalog.path_drafts import draft_of
from neuroonco.catalog.scan import list_files, scan_source
from neuroonco.errors import InputError
from neuroonco.sources import load_sources, source
from neuroonco.vocabulary import DropReason, MaskKind, MRSequence, TumorType

HEALTHY, TUMOR, GLIOMA = TumorType.HEALTHY, TumorType.TUMOR, TumorType.GLIOMA
MENINGIOMA, PITUITARY, NEURONAL = TumorType.MENINGIOMA, TumorType.PITUITARY, TumorType.NEURONAL
EMBRYONAL, EPENDYMOMA, SCHWANNOMA = TumorType.EMBRYONAL, TumorType.EPENDYMOMA, TumorType.SCHWANNOMA
T1, T1CE, T2, FLAIR = MRSequence.T1, MRSequence.T1CE, MRSequence.T2, MRSequence.FLAIR
GLIOMAS_09 = "Glioma (Astrocitoma, Ganglioglioma, Glioblastoma, Oligodendroglioma, Ependimoma)"
LOW_GRADE_09 = "Meningioma (de Baixo Grau, Atípico, Anaplásico, Transicional)"
BRISC = "brisc2025/segmentation_task/train/{}/brisc2025_train_04787_pi_sa_t1.{}"
RF = "1279_jpg.rf.2dc38958a05759fed17c9b86b48bcf1b"

# (source, path, tumour type, source label, sequence, split, mask)
SLICES: list[tuple[str, str, TumorType | None, str | None, MRSequence | None, str | None, str | None]] = [
    ("01", "Training/glioma_tumor/gg (1).jpg", GLIOMA, "glioma_tumor", None, "train", None),
    ("01", "archive/Testing/no_tumor/image(1).jpg", HEALTHY, "no_tumor", None, "test", None),
    ("01", "Training/new_tumor/1.jpg", None, "new_tumor", None, "train", None),
    ("02", "yes/y0.jpg", TUMOR, "yes", None, None, None),
    ("02", "archive/no/no0.jpg", HEALTHY, "no", None, None, None),
    ("02-navoneel", "brain_tumor_dataset/yes/Y1.jpg", TUMOR, "yes", None, None, None),
    ("03", "Training/pituitary/Tr-pi_0010.jpg", PITUITARY, "pituitary", None, "train", None),
    ("03", "Testing/notumor/Te-no_0010.jpg", HEALTHY, "notumor", None, "test", None),
    ("03-yolo", "x/Val/No Tumor/images/1.jpg", HEALTHY, "No Tumor", None, "val", "x/Val/No Tumor/labels/1.txt"),
    ("04", "Brain_Cancer raw MRI data/Brain_Cancer/brain_menin/brain_menin_0001.jpg", MENINGIOMA, "brain_menin",
     None, None, None),
    ("04", "Brain_Cancer/brain_tumor/brain_tumor_0001.jpg", TUMOR, "brain_tumor", None, None, None),
    ("05", BRISC.format("images", "jpg"), PITUITARY, "pi", T1CE, "train", BRISC.format("masks", "png")),
    ("05", "classification_task/test/no_tumor/brisc2025_test_00900_no_ax_t1.jpg", HEALTHY, "no", T1CE, "test", None),
    ("05", "segmentation_task/images/brisc2025_test_00001_gl_ax_t1.jpg", GLIOMA, "gl", T1CE, "test",
     "segmentation_task/masks/brisc2025_test_00001_gl_ax_t1.png"),
    ("06", "dataset/2/1.jpg", GLIOMA, "2", T1CE, None, None),
    ("06", "meningioma/1.jpg", MENINGIOMA, "meningioma", T1CE, None, None),
    ("07", "brainTumorDataPublic_1766/1.mat", None, None, T1CE, None, None),
    ("07", "3000.png", TUMOR, None, T1CE, None, "3000_mask.png"),
    ("08", "Astrocitoma T1C+/1.jpeg", GLIOMA, "Astrocitoma", T1CE, None, None),
    ("08", "44c/_NORMAL T2/1.jpeg", HEALTHY, "_NORMAL", T2, None, None),
    ("08", "Tuberculoma T1/1.jpeg", None, "Tuberculoma", T1, None, None),
    ("09", f"{GLIOMAS_09} T1C+/1.jpeg", GLIOMA, GLIOMAS_09, T1CE, None, None),
    ("09", f"x/{LOW_GRADE_09} T2/1.jpeg", MENINGIOMA, LOW_GRADE_09, T2, None, None),
    ("09", "NORMAL T1/1.jpeg", HEALTHY, "NORMAL", T1, None, None),
    ("09", "Neurocitoma (Central - Intraventricular, Extraventricular) T1/1.jpg", NEURONAL,
     "Neurocitoma (Central - Intraventricular, Extraventricular)", T1, None, None),
    ("09", "Outros Tipos de Lesões (Abscessos, Cistos, Encefalopatias Diversas) T2/1.jpg", None,
     "Outros Tipos de Lesões (Abscessos, Cistos, Encefalopatias Diversas)", T2, None, None),
    ("09", "Schwannoma (Acustico, Vestibular - Trigeminal) T1/1.jpg", SCHWANNOMA,
     "Schwannoma (Acustico, Vestibular - Trigeminal)", T1, None, None),
    ("10", "Brain-Tumor-Classification-2D/Astrocytoma/Astrocytoma_T1CE_000.tif", GLIOMA, "Astrocytoma", T1CE, None,
     "Brain-Tumor-Classification-2D/Astrocytoma/Astrocytoma_T1CE_000_mask.tif"),
    ("10", "Glioblastoma/Glioblastoma_t1_086.png", GLIOMA, "Glioblastoma", T1, None,
     "Glioblastoma/Glioblastoma_t1_086_mask.png"),
    ("10", "Neurocytoma/T2_96.png", NEURONAL, "Neurocytoma", T2, None, "Neurocytoma/T2_96_mask.png"),
    ("10", "Meningioma/420.png", MENINGIOMA, "Meningioma", None, None, "Meningioma/420_mask.png"),
    ("11", "Brain Tumor/Meduloblastoma/1.jpeg", EMBRYONAL, "Meduloblastoma", None, None, None),
    ("11", "Ganglioglioma T1C+/1.jpeg", NEURONAL, "Ganglioglioma", T1CE, None, None),
    ("12", "_NORMAL/1.jpeg", HEALTHY, "_NORMAL", None, None, None),
    ("12", "15/train/Ependimoma/1.jpeg", EPENDYMOMA, "Ependimoma", None, "train", None),
    ("12", "Carcinoma/1.jpeg", None, "Carcinoma", None, None, None),
    ("13", "Dataset/Brain Tumor MRI images/Healthy/mri_healthy (1).jpg", HEALTHY, "Healthy", None, None, None),
    ("13", "Dataset/Brain Tumor MRI images/Tumor/glioma (1).jpg", TUMOR, "Tumor", None, None, None),
    ("14", "x/2280.png", TUMOR, None, T1CE, None, "x/mask (2280).png"),
    ("15", "images/1.png", TUMOR, None, T1CE, None, "masks/1.png"),
    ("16", "Data/BraTS2021_00000/BraTS2021_00000_t1ce.nii.gz", GLIOMA, None, T1CE, None,
     "Data/BraTS2021_00000/BraTS2021_00000_seg.nii.gz"),
    ("16", "BraTS2021_00000/BraTS2021_00000_flair.png", GLIOMA, None, FLAIR, None,
     "BraTS2021_00000/BraTS2021_00000_seg.png"),
    ("17", "Data/normal/N_1.jpg", HEALTHY, "normal", None, None, None),
    ("17", "Data/glioma_tumor/G_1.jpg", GLIOMA, "glioma_tumor", None, None, None),
    ("18", "data/data/images/1.png", TUMOR, None, None, None, "data/data/masks/1.png"),
    ("19", f"train/images/{RF}.jpg", TUMOR, None, None, "train", f"train/labels/{RF}.txt"),
    ("20", "Training/Glioma/1.jpg", GLIOMA, "Glioma", None, "train", None),
    ("20", "dataset/No Tumor/1.jpg", HEALTHY, "No Tumor", None, None, None),
    ("lgg-tcga", "kaggle_3m/TCGA_CS_4942_19970222/TCGA_CS_4942_19970222_1.tif", GLIOMA, None, None, None,
     "kaggle_3m/TCGA_CS_4942_19970222/TCGA_CS_4942_19970222_1_mask.tif"),
    ("phantoms", "glioma/phantoms_t2/axial_000001.png", GLIOMA, "glioma", T2, None,
     "glioma/phantoms_t2/axial_000001_mask.png"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("source_id", "path", "tumor_type", "label", "sequence", "split", "mask"),
    SLICES,
    ids=lambda value: str(value)[:40] if isinstance(value, str) else "",
)
def test_a_raw_download_reads_as_declared(source_id, path, tumor_type, label, sequence, split, mask):
    draft = draft_of(source(source_id), "", path)
    assert isinstance(draft, SliceDraft), draft
    found = (draft.tumor_type, draft.source_label, draft.sequence, draft.split, draft.mask and draft.mask.path)
    assert found == (tumor_type, label, sequence, split, mask)
    assert draft.tumor_present is (None if tumor_type is None else tumor_type is not HEALTHY)


def test_the_table_above_has_every_source():
    assert {row[0] for row in SLICES} == set(load_sources())


def test_readers_are_declared_where_a_file_is_no_picture():
    readers = {
        (spec.id, rule.reader) for spec in load_sources().values() for rule in spec.layout if rule.reader != "image"
    }
    assert readers == {("07", "cheng_mat"), ("16", "nifti")}
    draft = draft_of(source("07"), "", "brainTumorDataPublic_1766/1.mat")
    assert isinstance(draft, SliceDraft)
    assert (draft.reader, draft.labels["2"], draft.sample_id) == ("cheng_mat", GLIOMA, "unlabeled_07_1")


@pytest.mark.parametrize(
    ("source_id", "path", "reason"),
    [
        ("02", "archive/Br35H-Mask-RCNN/TRAIN/y1.jpg", DropReason.EXCLUDED_BY_SOURCE),
        ("02", "pred/pred0.jpg", DropReason.EXCLUDED_BY_SOURCE),
        ("07", "cvind.mat", DropReason.EXCLUDED_BY_SOURCE),
        ("13", "Dataset/Brain Tumor CT scan Images/Tumor/ct_tumor (1).jpg", DropReason.EXCLUDED_BY_SOURCE),
        ("16", "BraTS2021_00000/BraTS2021_00000_seg.nii.gz", DropReason.OUTSIDE_LAYOUT),
        ("16", "other.nii.gz", DropReason.OUTSIDE_LAYOUT),
        ("01", "Training/no_tumor/deeper/x.png", DropReason.OUTSIDE_LAYOUT),
        ("20", "unknown/1.jpg", DropReason.OUTSIDE_LAYOUT),
        ("01", "__MACOSX/Training/no_tumor/._1.jpg", DropReason.NOT_AN_IMAGE_NAME),
        ("01", "Training/no_tumor/._1.jpg", DropReason.NOT_AN_IMAGE_NAME),
    ],
)
def test_what_is_left_out(source_id, path, reason):
    decided = draft_of(source(source_id), "", path)
    assert not isinstance(decided, SliceDraft)
    assert decided[0] is reason


def test_all_44_classes_are_mapped():
    classes = (
        *("Astrocitoma", "Carcinoma", "Ependimoma", "Ganglioglioma", "Germinoma", "Glioblastoma", "Granuloma"),
        *("Meduloblastoma", "Meningioma", "Neurocitoma", "Oligodendroglioma", "Papiloma", "Schwannoma", "Tuberculoma"),
    )
    folders = [f"{name} {sequence}" for name in classes for sequence in ("T1", "T1C+", "T2")]
    folders += ["_NORMAL T1", "_NORMAL T2"]
    drafts = [draft_of(source("08"), "", f"{folder}/1.jpeg") for folder in folders]
    assert len(folders) == 44
    assert all(isinstance(d, SliceDraft) and d.notes == () and d.sequence is not None for d in drafts)
    untyped = {d.source_label for d in drafts if isinstance(d, SliceDraft) and d.tumor_type is None}
    assert untyped == {"Carcinoma", "Germinoma", "Granuloma", "Papiloma", "Tuberculoma"}


def test_accents_may_come_apart_in_an_archive():
    apart = unicodedata.normalize("NFD", f"{LOW_GRADE_09} T1/1.jpeg")
    draft = draft_of(source("09"), "", apart)
    assert isinstance(draft, SliceDraft)
    assert (draft.tumor_type, draft.notes) == (MENINGIOMA, ())


# --- files behind the names ---


def made(root: Path, files: Mapping[str, str]) -> Path:
    for path, content in files.items():
        if path.endswith(".txt"):
            write(root / path, content)
        elif content == "mask":
            save_mask(root / path)
        else:
            save_image(root / path)
    return root


@pytest.mark.parametrize(
    ("mask", "expected"),
    [("mask (7).png", "mask (7).png"), ("mask  (7).png", "mask  (7).png"), ("mask_(7).png", "mask_(7).png")],
)
def test_14_finds_its_mask_by_the_number_in_parentheses(tmp_path, mask, expected):
    made(tmp_path, {"7.png": "image", mask: "mask"})
    outcome = scan_source(tmp_path, source("14"))
    [record] = outcome.kept
    assert record.mask is not None
    assert (record.mask.path, record.notes) == (expected, ())
    assert (outcome.dropped, outcome.quarantined) == ([], [])


@pytest.mark.parametrize(
    ("lines", "tumor_type", "label", "notes"),
    [
        ("1 0.1 0.1 0.4 0.1 0.4 0.4\n", MENINGIOMA, "1", ("type_from_mask:meningioma",)),
        ("2 0.1 0.1 0.4 0.1 0.4 0.4\n0 0.5 0.5 0.7 0.5 0.7 0.7", PITUITARY, "2",
         ("type_from_mask:pituitary", "box_label:glioma")),
        ("9 0.1 0.1 0.4 0.1 0.4 0.4\n", TUMOR, "9", ("box_class:9",)),
        ("", TUMOR, None, ("mask:MASK_EMPTY",)),
        ("glioma 0.1 0.1 0.4 0.1 0.4 0.4\n", TUMOR, None, ("mask:OUTLINE_INVALID",)),
    ],
)  # fmt: skip
def test_19_takes_its_type_from_the_first_outline(tmp_path, lines, tumor_type, label, notes):
    made(tmp_path, {"train/images/a.jpg": "image", "train/labels/a.txt": lines})
    [record] = scan_source(tmp_path, source("19")).kept
    assert (record.tumor_type, record.source_label, record.notes) == (tumor_type, label, notes)
    assert record.tumor_present is True


@pytest.mark.parametrize(
    ("source_id", "lines", "kind"),
    [
        ("19", "1 0.5 0.5 0.2 0.2\n", MaskKind.YOLO_BOXES),
        ("19", "1 0.1 0.1 0.4 0.1 0.4 0.4\n", MaskKind.YOLO_POLYGONS),
        ("19", "1 0.1 0.1 0.4 0.1 0.4 0.4\n1 0.5 0.5 0.2 0.2\n", None),
        ("03-yolo", "1 0.1 0.1 0.4 0.1 0.4 0.4\n", MaskKind.YOLO_POLYGONS),
    ],
)
def test_a_label_file_tells_boxes_from_polygons(tmp_path, source_id, lines, kind):
    folder = "train" if source_id == "19" else "Train/Meningioma"
    made(tmp_path, {f"{folder}/images/a.jpg": "image", f"{folder}/labels/a.txt": lines})
    [record] = scan_source(tmp_path, source(source_id)).kept
    assert (record.mask.kind if record.mask is not None else None) == kind
    assert ("mask:OUTLINE_INVALID" in record.notes) is (kind is None)
    assert record.tumor_type is MENINGIOMA


@pytest.mark.parametrize(("value", "notes"), [(1, ()), (4, ()), (3, ("mask:MASK_LABEL_UNKNOWN",)),
                                              (255, ("mask:MASK_LABEL_UNKNOWN",))])  # fmt: skip
def test_a_label_that_the_map_does_not_name_is_an_error_of_the_mask(tmp_path, value, notes):
    save_image(tmp_path / "P1/P1_t1.png")
    save_mask(tmp_path / "P1/P1_seg.png", value=value)
    outcome = scan_source(tmp_path, source("16"))
    [record] = outcome.kept
    assert record.notes == notes
    assert [q.code for q in outcome.quarantined] == [note.removeprefix("mask:") for note in notes]
    if not notes:
        assert record.mask is not None
        assert (record.mask.kind, record.mask.lesion_values) == (MaskKind.LABELS, (1, 2, 4))
    else:
        assert record.mask is None
        assert f"values {value} are not in the label map" in outcome.quarantined[0].message


def test_side_files_of_an_archive_are_accounted_for(tmp_path):
    made(tmp_path, {"images/1.png": "image", "masks/1.png": "mask"})
    for name in ("images/._1.png", "masks/._1.png"):
        write(tmp_path / "__MACOSX" / name, b"\0\5\x16\7")
    outcome = scan_source(tmp_path, source("15"))
    assert [r.image_path for r in outcome.kept] == ["images/1.png"]
    assert {(d.image_path, d.detail) for d in outcome.dropped} == {
        (f"__MACOSX/{name}", "a side file of macOS") for name in ("images/._1.png", "masks/._1.png")
    }


@pytest.mark.parametrize("source_id", sorted(set(load_sources()) - {"lgg-tcga"}))
def test_a_folder_of_something_else_fits_no_source(tmp_path, source_id):
    made(tmp_path, {"holiday/beach/IMG_0001.jpg": "image", "holiday/beach/IMG_0002.jpg": "image", "notes.txt": "x"})
    with pytest.raises(InputError) as caught:
        list_files(tmp_path, source(source_id))
    assert caught.value.code == "LAYOUT_MISMATCH"
    assert "holiday/beach/*.jpg (2), *.txt (1)" in caught.value.line
    assert "\n" not in caught.value.line
