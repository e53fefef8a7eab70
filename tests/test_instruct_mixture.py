"""Caps of the mixture: never exceeded, never tighter than they need to be, drawn by seed, and refused if misspelled."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories_build import make_label, semantics, skewed_labels
from neuroonco.build.facts import facts
from neuroonco.build.index import FactIndex, index_labels
from neuroonco.build.instruct.mixture import Mixture, admit, load_mixture
from neuroonco.build.labels import in_order
from neuroonco.errors import InputError
from neuroonco.vocabulary import MRSequence, TumorType
from neuroonco.walk.profile import load_profile

LABELS = in_order(
    [
        label.model_copy(update={"slice": label.slice.model_copy(update={"source_id": f"{90 + n % 3}"})})
        for n, label in enumerate([*skewed_labels(120), make_label("untyped", None, semantics=semantics())])
    ]
)
INDEX = index_labels(LABELS, 5)
EVERY_ROW = np.ones(INDEX.slice_count, bool)
TYPES = ("diagnosis", "modality", "location", "size", "edema", "default")
CLASSES = ("glioma", "healthy", "tumor", "unlabeled", "default")


def groups(index: FactIndex) -> list[tuple[str, str, str]]:
    """Type, class and source of every fact, from the labels themselves."""
    return [
        (
            fact.question_type.value,
            label.slice.tumor_type.value if label.slice.tumor_type else "unlabeled",
            label.slice.source_id,
        )
        for label in LABELS
        for fact in facts(label)
    ]


GROUPS = groups(INDEX)


def caps(names: tuple[str, ...]) -> st.SearchStrategy[dict[str, int]]:
    return st.dictionaries(st.sampled_from(names), st.integers(0, 40))


def room(mixture: Mixture, counts: list[Counter[str]], of_fact: tuple[str, str, str]) -> bool:
    tables = (mixture.types, mixture.classes, mixture.sources)
    limits = [table.get(name, table.get("default")) for table, name in zip(tables, of_fact, strict=True)]
    return all(
        limit is None or counted[name] < limit for limit, counted, name in zip(limits, counts, of_fact, strict=True)
    )


@given(caps(TYPES), caps(CLASSES), caps(("90", "91", "default")), st.integers(0, 3))
def test_no_cap_is_exceeded_and_nothing_is_left_out_without_need(types, classes, sources, seed):
    mixture = Mixture(types=types, classes=classes, sources=sources)
    rows = EVERY_ROW.copy()
    rows[::5] = False
    admitted = admit(INDEX, mixture, rows, seed)
    assert not admitted[~rows[INDEX.slice_of_fact]].any()
    counts = [Counter(GROUPS[n][place] for n in np.flatnonzero(admitted)) for place in range(3)]
    for table, counted in zip((types, classes, sources), counts, strict=True):
        for name, n in counted.items():
            assert n <= table.get(name, table.get("default", n)), name
    for n in np.flatnonzero(~admitted & rows[INDEX.slice_of_fact]):
        assert not room(mixture, counts, GROUPS[n]), GROUPS[n]


def test_without_caps_everything_is_asked_of_the_rows():
    rows = EVERY_ROW.copy()
    rows[3] = False
    assert (admit(INDEX, Mixture(), rows, 0) == rows[INDEX.slice_of_fact]).all()


def test_a_cap_of_nothing_leaves_the_rest_alone():
    admitted = admit(INDEX, Mixture(types={"location": 0}), EVERY_ROW, 0)
    asked = Counter(GROUPS[n][0] for n in np.flatnonzero(admitted))
    assert asked["location"] == 0
    assert asked["modality"] == 120 + 1
    assert asked["diagnosis"] == 120


def test_the_wordings_of_one_type_share_its_cap():
    """Abnormal or healthy is a diagnosis too, and a size in the head is a size."""
    admitted = admit(INDEX, Mixture(types={"diagnosis": 17, "size": 9}), EVERY_ROW, 0)
    asked = Counter(GROUPS[n][0] for n in np.flatnonzero(admitted))
    assert (asked["diagnosis"], asked["size"]) == (17, 9)


def test_which_facts_are_asked_is_drawn_by_seed_alone():
    mixture = Mixture(types={"default": 20})
    first = admit(INDEX, mixture, EVERY_ROW, 1)
    assert (admit(INDEX, mixture, EVERY_ROW, 1) == first).all()
    assert not (admit(INDEX, mixture, EVERY_ROW, 2) == first).all()
    pinned = Mixture(types={"default": 20}, seed=1)
    assert (admit(INDEX, pinned, EVERY_ROW, 2) == first).all()


def test_the_draw_takes_every_fact_alike():
    """60 of 180 modality facts: over many seeds each fact is asked in a third of them."""
    labels = in_order([make_label(f"{n}", sequence=MRSequence.T2) for n in range(90)])
    index = index_labels(labels, 0)
    rows = np.ones(90, bool)
    drawn = sum(admit(index, Mixture(types={"modality": 30}), rows, seed).astype(int) for seed in range(600))
    of_modality = drawn[[f.question_type == "modality" for label in labels for f in facts(label)]]
    assert of_modality.sum() == 30 * 600
    assert abs(of_modality - 200).max() < 5 * np.sqrt(600 * 2 / 9)


def test_an_empty_index_admits_nothing():
    index = index_labels([], 0)
    assert admit(index, Mixture(types={"size": 3}, classes={"glioma": 1}), np.zeros(0, bool), 0).tolist() == []


# --- the file ---

EXAMPLE = """
[mixture]
seed = 7

[mixture.types]
diagnosis = 20000
default = 9000

[mixture.classes]
glioma = 5000

[mixture.sources]
"16" = 8000
"""


def test_a_mixture_is_read_from_toml(tmp_path):
    path = tmp_path / "mixture.toml"
    path.write_text(EXAMPLE)
    expected = Mixture(
        types={"diagnosis": 20000, "default": 9000}, classes={"glioma": 5000}, sources={"16": 8000}, seed=7
    )
    assert load_mixture(path) == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[mixture.types]\ndiagnoses = 3", "'diagnoses'; known are diagnosis, modality, size"),
        ("[mixture.classes]\ngliom = 3", "'gliom'; known are glioma, meningioma"),
        ("[mixture.types]\nsize = -1", "mixture.types.size: Input should be greater than or equal to 0"),
        ("[mixture.types]\nsize = 'many'", "mixture.types.size"),
        ("[mixture]\nper_type = 3", "mixture.per_type: Extra inputs are not permitted"),
        ("[types]\nsize = 3", "expected one table [mixture]"),
        ("mixture = 3", "expected one table [mixture]"),
        ("[mixture.types]\nsize = 1\nsize = 2", "Cannot overwrite a value"),
        ("", "expected one table [mixture]"),
    ],
)
def test_a_misspelled_mixture_is_one_line_that_names_what_is_known(tmp_path, text, says):
    path = tmp_path / "mixture.toml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        load_mixture(path)
    assert caught.value.code in ("MIXTURE_INVALID", "MIXTURE_BROKEN")
    assert says in caught.value.line
    assert "\n" not in caught.value.line


def test_a_source_that_nobody_knows_is_named():
    mixture = Mixture(sources={"16": 5, "default": 9, "61": 3})
    assert mixture.unknown_source({"05", "16"}) == "[mixture.sources] has no '61'; known are 05, 16 and default"
    assert mixture.unknown_source({"05", "16", "61"}) is None


# --- the profile ---

PROFILE = """
name = "mine"
description = "two sources"
seed = 1

[sources]
"01" = "a"
"16" = "b"
"""


def test_a_profile_holds_a_mixture(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(f"{PROFILE}\n{EXAMPLE}")
    assert load_profile(str(path)).mixture.sources == {"16": 8000}
    path.write_text(PROFILE)
    assert load_profile(str(path)).mixture == Mixture()


@pytest.mark.parametrize(
    ("table", "says"), [("sources", "'17'; known are 01, 16"), ("types", "'17'; known are diagnosis")]
)
def test_a_profile_refuses_a_mixture_of_what_it_does_not_have(tmp_path, table, says):
    path = tmp_path / "mine.toml"
    path.write_text(f'{PROFILE}\n[mixture.{table}]\n"17" = 5\n')
    with pytest.raises(InputError) as caught:
        load_profile(str(path))
    assert caught.value.code == "PROFILE_INVALID"
    assert says in caught.value.line


def test_classes_are_the_vocabulary_and_the_unlabeled():
    for name in [*(str(value) for value in TumorType), "unlabeled", "default"]:
        assert Mixture(classes={name: 1}).classes == {name: 1}
