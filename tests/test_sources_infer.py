"""Proposing a description of an unknown folder, and holding a description against a folder."""

import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog_files import save_image, save_mask, write
from neuroonco.catalog.drafts import SliceDraft
from neuroonco.catalog.files import list_paths
from neuroonco.catalog.layout_check import check_layout
from neuroonco.catalog.path_drafts import draft_of
from neuroonco.catalog.scan import scan_root, scan_source
from neuroonco.cli import run
from neuroonco.errors import InputError, UsageError
from neuroonco.sources import SourceSpec, load_sources, parse_source, propose, source
from neuroonco.sources.infer import infer
from neuroonco.vocabulary import DropReason, MaskKind, MRSequence, TumorType

DOCUMENT = Path(__file__).parent.parent / "docs" / "sources.md"


def proposed(paths: list[str], name: str = "new", text: str = "", values: tuple[int, ...] = (255,)) -> SourceSpec:
    return parse_source(propose(paths, name, read_text=lambda _: text, read_values=lambda _: values), "proposal")


def patterns(paths: list[str]) -> list[tuple[str, str | None]]:
    return [(rule.pattern, rule.mask.path if rule.mask is not None else None) for rule in infer(paths).rules]


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["Training/glioma/1 (1).jpg", "Testing/no_tumor/x.png"], [("{split}/{label}/{stem}.{ext}", None)]),
        (["archive/data/Glioma/a.jpg", "archive/data/Normal/b.jpg"], [("**/{label}/{stem}.{ext}", None)]),
        (["Astrocitoma T1/1.jpg", "Astrocitoma T1C+/2.jpg", "_NORMAL T2/3.jpg"],
         [("{label*} {sequence}/{number}.{ext}", None)]),
        (["1.png", "1_mask.png", "2.png", "2_mask.png"], [("{number}.{ext}", "{number}_mask.png")]),
        (["images/a.png", "masks/a.png", "images/b.png", "masks/b.png"], [("images/{stem}.{ext}", "masks/{stem}.png")]),
        (["train/images/a.jpg", "train/labels/a.txt", "valid/images/b.jpg", "valid/labels/b.txt"],
         [("{split}/images/{stem}.{ext}", "{split}/labels/{stem}.txt")]),
        (["7.png", "mask (7).png", "8.png", "mask (8).png"], [("{number}.{ext}", "mask ({number}).png")]),
        ([f"D/P{n}/P{n}_{s}.nii.gz" for n in (10, 11) for s in ("t1", "t1ce", "t2", "flair", "seg")],
         [("**/{patient}/{patient}_{sequence}.nii.gz", "**/{patient}/{patient}_seg.nii.gz")]),
        ([f"brisc2025_{s}_{n}_gl_{p}_t1.jpg" for s, n, p in (("train", 1, "ax"), ("test", 2, "co"))],
         [("brisc2025_{split}_{number}_{label}_{plane}_{sequence}.{ext}", None)]),
        (["CT scans/Healthy/1.jpg", "CT scans/Tumor/1.jpg", "MR scans/Healthy/1.jpg", "MR scans/Tumor/1.jpg"],
         [("CT scans/{label}/{number}.{ext}", None), ("MR scans/{label}/{number}.{ext}", None)]),
        ([f"{s}/b_{s}_{n}_gl_{p}_t1.jpg" for s, n, p in (("train", 1, "ax"), ("test", 2, "co"))],
         [("{split}/b_{split}_{number}_{label}_{plane}_{sequence}.{ext}", None)]),
        ([f"glioma/a{n}/x{n}y_ax_t1_{n}.png" for n in "bcdefg"],
         [("{label}/{_fb}/{_na}_{plane}_{sequence}_{_nd}.{ext}", None)]),
        (["1.mat", "2.mat"], [("{number}.mat", None)]),
    ],
)  # fmt: skip
def test_what_is_inferred(paths, expected):
    assert patterns(paths) == expected


def test_the_vocabulary_fills_the_tables_and_the_rest_is_asked():
    text = propose(["yes/1.png", "no/2.png"], "x", read_text=lambda _: None, read_values=lambda _: None)
    spec = parse_source(text, "x")
    assert spec.labels == {"yes": "unknown", "no": "unknown"}
    assert '"yes" = "unknown"  # TODO' in text
    assert (spec.license, spec.redistribution.value, spec.verified) == ("unknown", "none", False)
    known = proposed(["Training/glioma T1C+/1.png", "Validation/no tumor T2/2.png"])
    assert known.labels == {"glioma": TumorType.GLIOMA, "no tumor": TumorType.HEALTHY}
    assert known.sequences == {"T1C+": MRSequence.T1CE, "T2": MRSequence.T2}
    assert known.splits == {"Training": "train", "Validation": "val"}


@pytest.mark.parametrize(
    ("values", "kind"),
    [((255,), "binary"), ((1,), "binary"), ((1, 2, 4), "labels"), ((4,), "labels"), ((12, 80, 255), "binary")],
)
def test_masks_of_several_small_values_are_labels_to_be_named(values, kind):
    spec = proposed(["images/a.png", "masks/a.png"], values=values)
    assert spec.layout[0].mask is not None
    assert spec.layout[0].mask.kind == kind
    assert set(spec.layout[0].mask.label_map) == (set(values) if kind == "labels" else set())


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ((255,), 'kind = "binary"'),
        ((1, 255), 'kind = "binary"  # TODO: the values are 1, 255: gray edges of one mark, or labels with a'
                   " label_map?"),
        ((-1, 3), 'kind = "binary"  # TODO: the values are -1, 3: gray edges of one mark, or labels with a label_map?'),
        (None, 'kind = "binary"  # TODO: none of the masks looked at could be opened here; do they hold labels?'),
        ((2, 4), 'label_map = { 2 = "unknown, please name", 4 = "unknown, please name" }  # TODO: what does each value'
                 " mark, and which are lesion?"),
    ],
)  # fmt: skip
def test_values_of_a_mask_are_never_named_by_guess(values, line):
    text = propose(["images/a.png", "masks/a.png"], "x", read_text=lambda _: None, read_values=lambda _: values)
    assert line in text.splitlines()


@pytest.mark.parametrize(
    ("text", "kind"),
    [("0 0.5 0.5 0.1 0.1\n", MaskKind.YOLO_BOXES), ("0 0.1 0.1 0.2 0.1 0.2 0.2\n", MaskKind.YOLO_POLYGONS)],
)
def test_label_files_are_looked_into(text, kind):
    spec = proposed(["images/a.jpg", "labels/a.txt"], text=text)
    assert spec.layout[0].mask is not None
    assert spec.layout[0].mask.kind is kind


names = st.text(alphabet="ab01_ .-()[]{}*?\"\\#'é\u2028T\n\x1b\x7f", min_size=1, max_size=8).filter(
    lambda n: n.strip(".") and "/" not in n
)
endings = st.sampled_from([".png", ".JPG", ".txt", ".nii.gz", ".mat", "_mask.png", ""])
known = st.sampled_from(["train", "test", "glioma", "no_tumor", "T1", "images", "masks", "labels", "glioma T1"])
trees = st.lists(st.tuples(st.lists(names | known, max_size=3), names, endings), min_size=1, max_size=12)


@given(trees)
def test_any_proposal_parses_and_reads_every_image_it_names(tree):
    paths = sorted({"/".join([*folders, name + ending]) for folders, name, ending in tree})
    rules = infer(paths).rules
    spec = proposed(paths)
    assert [rule.pattern for rule in spec.layout] == [rule.pattern for rule in rules]
    for rule in rules:
        for path in rule.paths:
            assert isinstance(draft_of(spec, "", path), SliceDraft), (path, rule.pattern)


REAL = (
    "01_brain_tumor_classification",
    "02_brain_tumor_detection",
    "03_brain_tumor_mri_yolo",
    "07_figshare",
    "lgg_tcga",
)


@pytest.mark.parametrize("name", REAL)
def test_a_real_folder_is_catalogued_by_its_proposal(real_root, tmp_path, name):
    out = tmp_path / "proposal.toml"
    assert run(["sources", "infer", str(real_root / name), "--out", str(out)]) == 0
    spec = parse_source(out.read_text("utf-8"), "proposal")
    check = check_layout(spec, list_paths(real_root / name))
    assert (check.verdict, check.outside, check.masks_missing.count) == ("fits", (), 0)
    shipped = {"01": "01", "02": "02-navoneel", "03": "03-yolo", "07": "07", "lg": "lgg-tcga"}[name[:2]]
    ours = check_layout(source(shipped), list_paths(real_root / name))
    assert ours.verdict == "fits"
    assert check.images - ours.images == (240 if name.startswith("02") else 0)
    assert check.masks == ours.masks
    if shipped in ("01", "03-yolo"):
        assert (check.labels, check.splits) == (ours.labels, ours.splits)
    if shipped == "lgg-tcga":
        assert spec.layout[0].pattern == "{patient}/{stem}.{ext}"


# --- check ---


def small(root: Path) -> Path:
    """Source 03-yolo: one good pair, one image without labels, one label file alone, and what does not belong."""
    save_image(root / "x/Train/Glioma/images/a.jpg")
    write(root / "x/Train/Glioma/labels/a.txt", "0 0.5 0.5 0.1 0.1")
    save_image(root / "x/Train/Glioma/images/b.jpg")
    save_image(root / "x/Train/NoTumor/images/c.jpg")
    write(root / "x/Val/Glioma/labels/d.txt", "0 0.5 0.5 0.1 0.1")
    save_image(root / "x/Train/Astro/images/e.jpg")
    save_image(root / "x/pictures/f.jpg")
    write(root / "readme.md", "x")
    return root


def test_check_accounts_for_every_file(tmp_path):
    check = check_layout(source("03-yolo"), list_paths(small(tmp_path)))
    assert (check.files, check.images, check.masks, check.outside_images) == (8, 4, 1, 1)
    assert check.labels == {"Glioma -> glioma": 2, "NoTumor -> healthy": 1, "Astro -> unknown": 1}
    assert check.splits == {"train": 4}
    assert check.unmapped == {"label_unmapped:Astro": 1}
    assert check.masks_missing.examples == ("x/Train/Astro/images/e.jpg", "x/Train/Glioma/images/b.jpg")
    assert check.masks_without_image.examples == ("x/Val/Glioma/labels/d.txt",)
    assert [(s.shape, s.count) for s in check.outside] == [("*.md", 1), ("x/pictures/*.jpg", 1)]
    assert check.verdict == "fits in part"
    outside = sum(s.count for s in check.outside)
    assert check.files == check.images + check.masks + outside + check.masks_without_image.count


def two_masks(root: Path) -> Path:
    """Source 14: image 1 has a mask at the preferred path and at an alternative, image 2 at the alternative only."""
    for number in (1, 2):
        save_image(root / f"images/{number}.png")
        save_mask(root / f"masks/{number}.png")
    save_mask(root / "masks/mask (1).png")
    return root


def test_of_several_masks_of_an_image_the_first_is_taken_and_the_others_are_accounted_for(tmp_path):
    spec, root = source("14"), two_masks(tmp_path / "in")
    outcome = scan_source(root, spec)
    assert {r.image_path: r.mask.path for r in outcome.kept if r.mask is not None} == {
        "images/1.png": "masks/mask (1).png",
        "images/2.png": "masks/2.png",
    }
    assert [(d.image_path, d.reason, d.detail) for d in outcome.dropped] == [
        ("masks/1.png", DropReason.OUTSIDE_LAYOUT, "second mask of an image")
    ]
    check = check_layout(spec, list_paths(root))
    assert (check.images, check.masks, check.outside_images, check.masks_without_image.count) == (2, 2, 0, 0)
    assert sum(s.count for s in check.outside) == 1


def test_check_command_says_so_and_exits_by_its_verdict(tmp_path, capsys):
    folder = str(small(tmp_path))
    assert run(["sources", "check", "03-yolo", folder]) == 0
    said = capsys.readouterr().out
    for line in ("source 03-yolo: fits in part", "label_unmapped:Astro", "x/pictures/*.jpg, e.g. x/pictures/f.jpg"):
        assert line in said
    assert run(["sources", "check", "20", folder, "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["verdict"], found["verified"], found["images"]) == ("does not fit", False, 0)
    assert run(["sources", "check", "nope", folder]) == 2
    assert run(["sources", "check", "01", str(tmp_path / "nowhere")]) == 3


def test_names_that_are_not_utf8_stop_neither_command(tmp_path, capsys):
    folder = small(tmp_path / "in")
    os.link(folder / "x/pictures/f.jpg", os.fsencode(folder) + b"/x/pictures/\xff.jpg")
    assert run(["sources", "infer", str(folder)]) == 0
    todo = [line for line in capsys.readouterr().out.splitlines() if "UTF-8" in line]
    assert todo == ["# TODO: Names of 1 files are not UTF-8, and left out; can they be renamed?"]
    assert run(["sources", "check", "03-yolo", str(folder), "--json"]) == 0
    assert {s["shape"]: s["count"] for s in json.loads(capsys.readouterr().out)["outside"]}["x/pictures/*.jpg"] == 2


def test_labels_of_a_mask_volume_are_proposed_for_naming(tmp_path, capsys):
    nibabel = pytest.importorskip("nibabel")
    for patient in ("P10", "P11"):
        (tmp_path / f"D/{patient}").mkdir(parents=True)
        labels = np.zeros((8, 8, 4), np.int16)
        labels[2, 2, 1:4] = 1, 2, 4
        for name in ("flair", "seg"):
            nibabel.save(nibabel.Nifti1Image(labels, np.eye(4)), tmp_path / f"D/{patient}/{patient}_{name}.nii.gz")
    assert run(["sources", "infer", str(tmp_path / "D")]) == 0
    mask = parse_source(capsys.readouterr().out, "x").layout[0].mask
    assert mask is not None
    assert (mask.kind, mask.label_map) == (MaskKind.LABELS, dict.fromkeys((1, 2, 4), "unknown, please name"))


def test_infer_command_overwrites_nothing(tmp_path, capsys):
    folder = str(small(tmp_path / "in"))
    assert run(["sources", "infer", folder]) == 0
    assert parse_source(capsys.readouterr().out, "x").id == "in"
    out = tmp_path / "a.toml"
    assert run(["sources", "infer", folder, "--out", str(out)]) == 0
    assert "TODO wait for you" in capsys.readouterr().err
    assert run(["sources", "infer", folder, "--out", str(out)]) == 2
    assert "OUT_EXISTS" in capsys.readouterr().err


# --- a folder of one's own descriptions ---


def test_own_descriptions_join_those_of_the_package_and_may_replace_them(tmp_path):
    text = proposed_text("mine")
    write(tmp_path / "s/mine.toml", text)
    write(tmp_path / "s/better.toml", text.replace('id = "mine"', 'id = "04"'))
    write(tmp_path / "s/readme.txt", "no TOML")
    known = load_sources(tmp_path / "s")
    assert set(known) == set(load_sources()) | {"mine"}
    assert known["04"].name == "mine"
    assert load_sources()["04"].name != "mine"
    assert source("mine", tmp_path / "s").id == "mine"
    with pytest.raises(UsageError):
        source("mine")


def proposed_text(name: str) -> str:
    return propose(["glioma/a.png"], name, read_text=lambda _: None, read_values=lambda _: None)


@pytest.mark.parametrize(("files", "code"), [({}, "SOURCES_EMPTY"), (None, "SOURCES_UNREADABLE"),
                                             ({"a.toml": "x = 1"}, "SOURCE_INVALID"),
                                             ({"a.toml": "mine", "b.toml": "mine"}, "SOURCE_TWICE"),
                                             ({"a.toml": b"\xff"}, "SOURCE_INVALID")])  # fmt: skip
def test_unusable_folder_of_descriptions(tmp_path, files, code):
    folder = tmp_path / "s"
    if files is not None:
        folder.mkdir()
        for name, content in files.items():
            write(folder / name, proposed_text("mine") if content == "mine" else content)
    with pytest.raises(InputError) as caught:
        load_sources(folder)
    assert caught.value.code == code
    assert "\n" not in caught.value.line


# --- the worked example of the documentation ---


def test_the_worked_example_works(tmp_path, capsys):
    collection = tmp_path / "Tumour-MRI"
    for split, folder in (("train", "GBM_T1C"), ("train", "ABSCESS_T2"), ("test", "MET_T2")):
        for name in ("p01_007", "p02_001"):
            save_image(collection / split / folder / f"{name}.png")
            save_mask(collection / split / folder / "masks" / f"{name}.png")
    save_image(collection / "previews/p01_007.png")
    own = tmp_path / "my_sources"
    assert run(["sources", "infer", str(collection), "--out", str(own / "tumour_mri.toml")]) == 0
    document = DOCUMENT.read_text("utf-8")
    proposal = (own / "tumour_mri.toml").read_text("utf-8").splitlines()
    for line in re.findall("```text\n(.*?)```", document, re.DOTALL)[0].splitlines():
        assert line in proposal
    untouched = scan_root(collection, {"tumour-mri": ""}, own)
    assert untouched.counts() == {"kept": 7, "dropped": 0, "quarantined": 0}

    (own / "tumour_mri.toml").write_text(re.findall("```toml\n(.*?)```", document, re.DOTALL)[0], "utf-8")
    capsys.readouterr()
    assert run(["sources", "check", "tumour-mri", str(collection), "--sources", str(own), "--json"]) == 0
    check = json.loads(capsys.readouterr().out)
    assert (check["verdict"], check["images"], check["masks"]) == ("fits", 6, 6)
    assert check["labels"] == {"ABSCESS -> unknown": 2, "GBM -> glioma": 2, "MET -> metastasis": 2}
    out = tmp_path / "catalog.jsonl"
    assert run(["catalog", str(collection), "--source", "tumour-mri", "--sources", str(own), "--out", str(out)]) == 0
    rows = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert {(r["tumor_type"], r["sequence"], r["split"], r["patient_id"]) for r in rows} == {
        (tumor_type, sequence, split, patient)
        for tumor_type, sequence, split in (
            ("glioma", "t1ce", "train"),
            (None, "t2", "train"),
            ("metastasis", "t2", "test"),
        )
        for patient in ("p01", "p02")
    }
    assert [r.source_id for r in scan_source(collection, source("tumour-mri", own)).kept] == ["tumour-mri"] * 6
