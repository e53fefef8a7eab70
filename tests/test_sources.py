"""The declared collections, and the pattern language their layouts are written in."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuroonco.catalog.drafts import SliceDraft
from neuroonco.catalog.path_drafts import draft_of
from neuroonco.cli import run
from neuroonco.errors import InputError, UsageError
from neuroonco.sources import load_sources, parse_source, require_layout, source
from neuroonco.sources.patterns import compile_pattern
from neuroonco.vocabulary import DropReason, MaskKind, MRSequence, Plane, Redistribution, TumorType

THE_TWENTY = [f"{number:02d}" for number in range(1, 21)]
WORKING = {"01", "02-navoneel", "03-yolo", "07", "lgg-tcga", "phantoms"}

MINIMAL = """
id = "x"
name = "X"
homepage = "https://example.org"
license = "unknown"
license_note = "none"
attribution = "X"
citation = "X"
verified = false
layout_note = "nobody has looked"
priority = 1
priority_note = "none"
folder_hints = ["x_*"]
"""

LABELS = '[[layout]]\npattern = "{number}.png"\n[layout.mask]\npath = "{number}_seg.png"\n'


def drafted(source_id: str, path: str) -> SliceDraft:
    decided = draft_of(source(source_id), "", path)
    assert isinstance(decided, SliceDraft), decided
    return decided


def test_the_twenty_of_the_reference_and_the_working_ones_are_declared():
    assert set(THE_TWENTY) <= set(load_sources())
    assert {i for i, spec in load_sources().items() if spec.verified} == WORKING


@pytest.mark.parametrize("source_id", sorted(load_sources()))
def test_every_source_states_its_terms(source_id):
    spec = source(source_id)
    for text in (
        spec.name,
        spec.attribution,
        spec.citation,
        spec.layout_note,
        spec.license_note,
        spec.priority_note,
    ):
        assert text.strip(), source_id
    assert re.match(r"https://\S+$", spec.homepage)
    assert (spec.license == "unknown") <= (spec.redistribution is Redistribution.NONE)
    assert spec.verified <= bool(spec.layout)


def test_no_folder_name_belongs_to_two_sources():
    hints = [hint for spec in load_sources().values() for hint in spec.folder_hints]
    assert len(hints) == len(set(hints))


def test_images_may_be_passed_on_only_under_known_open_terms():
    passed_on = {i for i, s in load_sources().items() if s.redistribution is Redistribution.IMAGES}
    assert passed_on == {"07", "lgg-tcga", "phantoms"}


def test_unknown_source_is_a_usage_error():
    with pytest.raises(UsageError, match=r"SOURCE_UNKNOWN.*lgg-tcga"):
        source("99")


def test_source_without_layout_says_what_is_missing():
    with pytest.raises(InputError) as caught:
        require_layout(parse_source(MINIMAL, "x.toml"))
    assert caught.value.code == "SOURCE_NO_LAYOUT"
    assert "\n" not in caught.value.line
    assert "[[layout]]" in caught.value.line


# --- how single paths read ---


def test_brisc_is_contrast_enhanced_whatever_its_names_say():
    path = "segmentation_task/train/images/brisc2025_train_04787_pi_sa_t1.jpg"
    draft = drafted("05", path)
    assert (draft.sequence, draft.plane, draft.tumor_type, draft.split) == (
        MRSequence.T1CE, Plane.SAGITTAL, TumorType.PITUITARY, "train",
    )  # fmt: skip
    assert draft.mask is not None
    assert draft.mask.path == "segmentation_task/train/masks/brisc2025_train_04787_pi_sa_t1.png"


def test_brisc_healthy_slice_lies_in_the_classification_task():
    draft = drafted("05", "classification_task/test/no_tumor/brisc2025_test_00900_no_ax_t1.jpg")
    assert (draft.split, draft.tumor_type, draft.tumor_present) == ("test", TumorType.HEALTHY, False)


def test_44_classes_state_type_and_sequence_in_the_folder():
    draft = drafted("08", "Ganglioglioma T1C+/1 (2).jpeg")
    assert (draft.tumor_type, draft.sequence) == (TumorType.NEURONAL, MRSequence.T1CE)
    outside = drafted("08", "Tuberculoma T2/a.jpg")
    assert (outside.tumor_type, outside.tumor_present, outside.source_label) == (None, None, "Tuberculoma")
    assert outside.notes == ()


def test_label_that_nobody_mapped_is_noted_and_not_guessed():
    draft = drafted("01", "Training/glioma/1.jpg")
    assert (draft.tumor_type, draft.tumor_present, draft.source_label) == (None, None, "glioma")
    assert draft.notes == ("label_unmapped:glioma",)


def test_brats_slice_reads_patient_and_sequence():
    draft = drafted("16", "BraTS2021_01648/BraTS2021_01648_t1ce.png")
    assert (draft.patient_id, draft.sequence) == ("BraTS2021_01648", MRSequence.T1CE)
    assert draft.mask is not None
    assert (draft.mask.path, draft.mask.kind) == ("BraTS2021_01648/BraTS2021_01648_seg.png", MaskKind.LABELS)
    other = draft_of(source("16"), "", "BraTS2021_01648/BraTS2021_00001_t1ce.png")
    assert other == (DropReason.OUTSIDE_LAYOUT, "no pattern of the source matches the path")


def test_phantom_path_reads_in_full():
    draft = drafted("phantoms", "neuronal_tumor/phantoms_t1ce/axial_000123.png")
    assert (draft.tumor_type, draft.sequence, draft.plane) == (TumorType.NEURONAL, MRSequence.T1CE, Plane.AXIAL)
    assert draft.sample_id == "neuronal_tumor_phantoms_axial_000123"


# --- the pattern language ---


@pytest.mark.parametrize(
    ("pattern", "path", "fields"),
    [
        ("{label}/{stem}.{ext}", "yes/Y1.JPG", {"label": "yes", "stem": "Y1", "ext": "JPG"}),
        ("{label}/{stem}.{ext}", "yes/a.b.c.png", {"label": "yes", "stem": "a.b.c", "ext": "png"}),
        ("{label}/{stem}.{ext}", "yes/x.txt", None),
        ("{label}/{stem}.{ext}", "x.png", None),
        ("{label}/{stem}.{ext}", "a/b/x.png", None),
        ("{label}/{stem}.{ext}", "yes/x.png\n", None),
        ("{number}.{ext}", "3000.png", {"number": "3000", "ext": "png"}),
        ("{number}.{ext}", "3000_mask.png", None),
        ("{number}.{ext}", "٣.png", None),
        ("{plane}_{number}.png", "axial_01.png", {"plane": "axial", "number": "01"}),
        ("{plane}_{number}.png", "axial_x_01.png", None),
        ("a.png", "aXpng", None),
        ("{patient}/{patient}_{sequence}.png", "P/P_t1.png", {"patient": "P", "sequence": "t1"}),
        ("{patient}/{patient}_{sequence}.png", "P/Q_t1.png", None),
        ("augmented/**", "augmented/yes/deep/x.jpg", {}),
        ("augmented/**", "augmented", None),
        ("**/{stem}.{ext}", "x.png", {"stem": "x", "ext": "png", "**": ""}),
        ("**/{stem}.{ext}", "a/b/x.png", {"stem": "x", "ext": "png", "**": "a/b/"}),
        ("**/augmented/**", "a/augmented/yes/x.jpg", {"**": "a/"}),
        ("**/augmented/**", "a/augmented", None),
        (
            "{label*} {sequence}/{stem}.{ext}",
            "A (b, c) T1C+/x.png",
            {"label": "A (b, c)", "sequence": "T1C+", "stem": "x", "ext": "png"},
        ),
        (
            "{label} {sequence}/{stem}.{ext}",
            "A (b) T1C+/x.png",
            {"label": "A", "sequence": "(b) T1C+", "stem": "x", "ext": "png"},
        ),
        ("{patient}_{sequence}.nii.gz", "P1_t1.nii.gz", {"patient": "P1", "sequence": "t1"}),
        ("{patient}_{sequence}.nii.gz", "P1_t1.nii", None),
    ],
)
def test_pattern(pattern, path, fields):
    assert compile_pattern(pattern).match(path) == fields


@pytest.mark.parametrize(
    "pattern",
    ["", "/a", "a//b", "../a", "a/./b", "{nonsense}.png", "{label}{split}.png", "{stem}_{label}.png", "{label.png",
     "*.png", "a/**/b", "**/**/a", "x**", "{label*}_{plane*}.png", "{number*}.png", "{stem*}.png"],
)  # fmt: skip
def test_pattern_that_cannot_be_meant_is_refused(pattern):
    with pytest.raises(InputError) as caught:
        compile_pattern(pattern)
    assert caught.value.code == "PATTERN_INVALID"


name = st.text(alphabet=st.characters(exclude_characters="/", exclude_categories=("Cs",)), min_size=1)


@given(split=name, label=name, stem=name)
def test_what_a_pattern_fills_it_reads_back(split, label, stem):
    pattern = compile_pattern("{split}/{label}/images/{stem}.{ext}")
    fields = {"split": split, "label": label, "stem": stem, "ext": "png"}
    assert pattern.match(pattern.fill(fields)) == fields


# --- errors of a TOML ---


def test_minimal_source_loads_and_unknown_terms_permit_nothing():
    assert parse_source(MINIMAL, "x.toml").redistribution is Redistribution.NONE


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ('colour = "red"', "colour: no such key"),
        ('redistribution = "images"', "unknown terms permit no redistribution"),
        ('redistribution = "all"', "redistribution"),
        ('[[layout]]\npattern = "{label}/{stem}.{ext}"', "[labels] is empty"),
        ('[[layout]]\npattern = "{stem}.{ext}"\nsequenze = "t1"', "layout.0.sequenze: no such key"),
        ('[[layout]]\npattern = "{nonsense}"', "unknown field {nonsense}"),
        ('[[layout]]\npattern = "{sequence}/{stem}.{ext}"\nsequence = "t1"', "write {_sequence}"),
        ('[[layout]]\npattern = "{stem}.{ext}"\n[layout.mask]\npath = "{number}.png"\nkind = "binary"', "number"),
        ('[[layout]]\npattern = "{stem}.tif"\nchannels = ["t1"]\nmissing_repeats = "flair"', "missing_repeats"),
        ('[[layout]]\npattern = "{stem}.tif"\nchannels = ["t1"]\nsequence = "t2"', "channels"),
        ('[labels]\nyes = "brain cancer"', "labels.yes: 'brain cancer' is none of 'glioma', "),
        ('[labels]\nyes = "brain cancer"', "'healthy', 'unknown';"),
        ('[splits]\na = "training"', "splits.a: 'training' is none of 'train', 'val', 'test';"),
        ('[[layout]]\npattern = "{number}.png"\nplane = "ax"', "layout.0.plane: 'ax' is none of 'axial', "),
        ('[[layout]]\npattern = "{number}.png"\nreader = "png"', "'image', 'cheng_mat', 'nifti', 'dicom';"),
        (f'{LABELS}kind = "labels"', "needs a label_map"),
        (f'{LABELS}kind = "labels"\nlabel_map = {{ 0 = "background", 1 = "core" }}', "from 1; 0 is background"),
        (f'{LABELS}kind = "labels"\nlabel_map = {{ 1 = "core" }}\nlesion_values = [1, 4]', "not in label_map: 4"),
        (f'{LABELS}kind = "binary"\nlabel_map = {{ 1 = "core" }}', "label_map is for kind"),
        (f'{LABELS}kind = "yolo_boxes"\ntype_from_mask = true', "type_from_mask needs class_labels"),
        ('[[layout]]\npattern = "{_sequence}_{stem}.png"\nsequence = "t1ce"', "say why in sequence_note"),
        ('[[layout]]\npattern = "{number}.mat"\nreader = "cheng_mat"', "[labels] is empty"),
        ('[[exclude]]\npattern = "{x"\nreason = "r"', "stray brace"),
        ("= broken", "not TOML"),
    ],
)
def test_wrong_toml_is_one_line_with_its_place(change, said):
    with pytest.raises(InputError) as caught:
        parse_source(f"{MINIMAL}\n{change}\n", "sources/x.toml")
    assert caught.value.code == "SOURCE_INVALID"
    assert said in caught.value.line
    assert "sources/x.toml" in caught.value.line
    assert "\n" not in caught.value.line


def test_missing_key_is_named():
    with pytest.raises(InputError, match="citation"):
        parse_source(MINIMAL.replace('citation = "X"\n', ""), "x.toml")


# --- the worked example of the documentation ---


def test_the_documented_example_reads_as_the_text_says():
    text = (Path(__file__).parent.parent / "docs" / "sources.md").read_text("utf-8")
    example = parse_source(text.split("```toml\n")[1].split("```")[0], "docs/sources.md")
    draft = draft_of(example, "", "train/GBM_T1C/p01_007.png")
    assert isinstance(draft, SliceDraft)
    assert (draft.tumor_type, draft.sequence, draft.patient_id) == (TumorType.GLIOMA, MRSequence.T1CE, "p01")
    assert draft.mask is not None
    assert draft.mask.path == "train/GBM_T1C/masks/p01_007.png"
    assert draft_of(example, "", "previews/a/b.png") == (DropReason.EXCLUDED_BY_SOURCE, "scaled copies of the slices")
    documented = set(re.findall(r"`(?:\[\[?)?([a-z_]+)(?:\]\]?)?`", text))
    assert set(type(example).model_fields) <= documented


# --- what is shown ---


def test_show_sources_says_what_was_not_seen_and_why_names_are_overridden(capsys):
    assert run(["show", "sources"]) == 0
    entries = dict(entry.split(": ", 1) for entry in capsys.readouterr().out.split("\n\n") if ": " in entry)
    shown = {i.strip(): text for i, text in entries.items()}
    for source_id, spec in load_sources().items():
        assert ("layout unverified" in shown[source_id]) is not spec.verified
    assert "sequence: File names end in t1, but the paper" in shown["05"]
    assert run(["show", "sources", "04"]) == 0
    assert "reads: **/{label}/{stem}.{ext}" in capsys.readouterr().out
