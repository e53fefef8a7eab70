"""The working sources on real files. The numbers were counted apart, with find, numpy and by eye."""

from collections import Counter

import pytest

from neuroonco import images, masks
from neuroonco.catalog.scan import scan_root, scan_source
from neuroonco.sources import source
from neuroonco.vocabulary import DropReason, MaskKind, MRSequence, TumorType


@pytest.fixture(scope="module")
def catalogue(real_root):
    return scan_root(real_root)


def of(catalogue, source_id):
    return [record for record in catalogue.kept if record.source_id == source_id]


def test_every_file_is_accounted_for(catalogue, real_root):
    files = sum(path.is_file() for path in real_root.rglob("*"))
    companions = {r.mask.path for r in catalogue.kept if r.mask is not None}
    healthy_labels = sum(r.tumor_type is TumorType.HEALTHY for r in of(catalogue, "03-yolo"))
    seen = len({r.image_path for r in catalogue.kept}) + len(companions) + healthy_labels + len(catalogue.dropped)
    assert files == seen == 1109
    assert catalogue.quarantined == []


def test_ids_are_unique(catalogue):
    assert len({r.sample_id for r in catalogue.kept}) == len({r.slice_id for r in catalogue.kept}) == 684


def test_01(catalogue):
    found = Counter((r.split, str(r.tumor_type)) for r in of(catalogue, "01"))
    types = ("glioma", "healthy", "meningioma", "pituitary")
    assert found == {("train", t): 35 for t in types} | {("test", t): 20 for t in types}


def test_02_navoneel(catalogue):
    assert Counter(str(r.tumor_type) for r in of(catalogue, "02-navoneel")) == {"tumor": 60, "healthy": 60}
    dropped = [d for d in catalogue.dropped if d.source_id == "02-navoneel"]
    assert Counter(d.reason for d in dropped) == {DropReason.EXCLUDED_BY_SOURCE: 240}


def test_03_yolo(catalogue):
    records = of(catalogue, "03-yolo")
    assert Counter((r.split, str(r.tumor_type)) for r in records) == {
        ("train", "glioma"): 45, ("train", "meningioma"): 46, ("train", "healthy"): 48, ("train", "pituitary"): 50,
        ("val", "glioma"): 5, ("val", "meningioma"): 4, ("val", "healthy"): 2,
    }  # fmt: skip
    assert {r.mask.kind for r in records if r.mask is not None} == {MaskKind.YOLO_BOXES}
    assert sum(r.mask is not None for r in records) == 150
    contradicted = Counter(str(r.tumor_type) for r in records if r.notes == ("box_label:pituitary",))
    assert contradicted == {"glioma": 7, "meningioma": 1}
    assert sum(bool(r.notes) for r in records) == 8


def test_07(catalogue, real_root):
    records = of(catalogue, "07")
    assert Counter((r.tumor_type, r.sequence, r.channels) for r in records) == {
        (TumorType.TUMOR, MRSequence.T1CE, 3): 24
    }
    first = next(r for r in records if r.image_path == "07_figshare/3000.png")
    assert first.mask is not None
    lesion = masks.read_lesion_mask(real_root, first.mask, (first.height_px, first.width_px))
    assert lesion is not None
    assert int(lesion.sum()) == 8209


def test_lgg_tcga(catalogue, real_root):
    records = of(catalogue, "lgg-tcga")
    found = Counter((str(r.sequence), r.tumor_present) for r in records)
    assert found == {(s, present): n for s in ("t1", "flair", "t1ce") for present, n in ((True, 14), (False, 26))}
    assert {r.tumor_type for r in records} == {TumorType.GLIOMA}
    assert {r.patient_id for r in records} == {"TCGA_CS_4942_19970222", "TCGA_CS_4943_20000902"}
    # The abnormality is bright on FLAIR and dark on T1: a wrong order of channels would show here.
    of_slice = {r.sequence: r for r in records if r.image_path.endswith("4942_19970222_11.tif")}
    assert lesion_contrast(real_root, of_slice[MRSequence.FLAIR]) > 1.3
    assert lesion_contrast(real_root, of_slice[MRSequence.T1]) < 1.0


def lesion_contrast(root, record):
    """Mean of the lesion over the mean of the rest of the head."""
    lesion = masks.read_lesion_mask(root, record.mask, (record.height_px, record.width_px))
    pixels = images.read_image(root, record.image_path, record.image_channel)
    return pixels[lesion].mean() / pixels[~lesion & (pixels > 20)].mean()


def test_named_source_gives_the_same_records(catalogue, real_root):
    alone = scan_source(real_root, source("07"), "07_figshare")
    assert alone.kept == of(catalogue, "07")
