"""Faults of open questions: each has its code, and the published file has those that are known."""

import pytest

from factories_build import open_items, skewed_labels
from neuroonco.build.interop import read_open
from neuroonco.build.records import OpenItem
from neuroonco.check.open_lint import lint_open
from neuroonco.rules import load_rules


def item(number=0, **changes):
    fields = {
        "image_id": f"{number}",
        "question_id": f"{number}_q1",
        "slice_id": f"{number}",
        "image_path": f"{number}.png",
        "question_type": "Detail",
        "question": "Describe the outline of the lesion.",
        "reference_answer": "It is a lobulated lesion of medium size.",
        "key_terms": ("Lobulated", "Medium"),
    }
    return OpenItem(**{**fields, **changes})


def found(items, root=None):
    return {f.code: (f.level, f.n, f.examples) for f in lint_open(items, root)}


def test_a_sound_question_has_no_finding():
    assert found([item(), item(1)]) == {}


@pytest.mark.parametrize(
    ("faulty", "code", "level", "shown"),
    [
        (item(question="Describe the outline of the glioma."), "STEM_NAMES_FINDING", "error", "glioma"),
        (item(question="What does an area of 6 % mean?"), "MEASUREMENT_IN_QUESTION", "error", "6 %"),
        (
            item(reference_answer="Lobulated, medium size, at (x=91, y=93)."),
            "MEASUREMENT_IN_REFERENCE",
            "error",
            "x=91",
        ),
        (item(key_terms=()), "KEYWORDS_MISSING", "error", "Detail"),
        (
            item(key_terms=("small", "large"), reference_answer="Small size; the second is of large size."),
            "KEYWORDS_CONTRADICT",
            "error",
            "small / large",
        ),
        (
            item(key_terms=("left upper", "Upper right"), reference_answer="Upper left or upper right."),
            "KEYWORDS_CONTRADICT",
            "error",
            "left upper / Upper right",
        ),
        (
            item(key_terms=("Lobulated", "round"), reference_answer="Lobulated rather than round."),
            "KEYWORD_DENIED",
            "error",
            "round: …Lobulated rather than round",
        ),
        (
            item(key_terms=("outline", "Lobulated"), reference_answer="A lobulated outline."),
            "KEYWORD_IN_QUESTION",
            "error",
            "outline",
        ),
        (item(key_terms=("Lobulated", "Solitary")), "KEYWORD_NOT_IN_REFERENCE", "warning", "Solitary"),
        (
            item(reference_answer="A lobulated lesion of medium size: one connected component."),
            "MASK_CITED",
            "warning",
            "connected component",
        ),
        (
            item(image_path="glioma/1.png", key_terms=("Glioma",), reference_answer="A glioma."),
            "ANSWER_IN_PATH",
            "info",
            "glioma/1.png",
        ),
    ],
)
def test_each_fault_has_a_code(faulty, code, level, shown):
    seen = found([faulty, item(1)])
    assert seen[code] == (level, 1, (f"0#0_q1: {shown}",))
    assert set(seen) <= {code, "KEYWORDS_CONTRADICT"}


def test_an_empty_reference():
    assert set(found([item(reference_answer=" ", key_terms=())])) == {"REFERENCE_EMPTY", "KEYWORDS_MISSING"}


def test_spellings_of_one_term_do_not_contradict_and_are_found_in_the_reference():
    assert found([item(key_terms=("irregular", "spiculated"), reference_answer="A spiculated lesion.")]) == {}
    joined = item(key_terms=("round", "oval"), reference_answer="A round or oval lesion.")
    assert found([joined]) == {}
    apart = item(key_terms=("round", "oval"), reference_answer="A round lesion; the other is oval.")
    assert set(found([apart])) == {"KEYWORDS_CONTRADICT"}


@pytest.mark.parametrize("joined", ["round to oval", "round-to-oval", "oval or round", "round or oval"])
def test_a_range_of_two_terms_is_the_term_that_covers_both(joined):
    assert found([item(key_terms=("round", "oval"), reference_answer=f"A {joined} lesion.")]) == {}


def test_a_keyword_is_in_the_question_only_as_it_is_written():
    seen = found([item(question="Describe the spiculated outline.", key_terms=("irregular",))])
    assert "KEYWORD_IN_QUESTION" not in seen
    seen = found([item(question="Describe the irregular outline.", key_terms=("irregular",))])
    assert "KEYWORD_IN_QUESTION" in seen


def test_a_part_of_a_word_is_no_keyword():
    seen = found([item(key_terms=("large",), reference_answer="The largest one is lobulated.")])
    assert seen["KEYWORD_NOT_IN_REFERENCE"][1] == 1


def test_questions_and_images_twice():
    seen = found([item(), item(), item(1, image_path="0.png")])
    assert seen["ITEM_TWICE"][2] == ("0#0_q1",)
    assert seen["IMAGE_TWICE"][2] == ("0, 1: same path 0.png",)


def test_ours_is_clean():
    items = open_items(skewed_labels(400), 0, load_rules("default"))
    assert len({one.question for one in items}) >= 5
    assert lint_open(items) == []


def test_the_published_file_has_the_faults_that_are_known(upstream_root):
    items = read_open(upstream_root / "mm-neuroonco_benchmark_open_v1.0.json").records
    seen = {f.code: f.n for f in lint_open(items)}
    assert seen == {
        "STEM_NAMES_FINDING": 765,
        "MEASUREMENT_IN_QUESTION": 9,
        "MEASUREMENT_IN_REFERENCE": 937,
        "KEYWORDS_MISSING": 83,
        "KEYWORDS_CONTRADICT": 338,
        "KEYWORD_IN_QUESTION": 830,
        "KEYWORD_DENIED": 264,
        "KEYWORD_NOT_IN_REFERENCE": 82,
        "MASK_CITED": 895,
        "ANSWER_IN_PATH": 585,
    }
    sizes = [one for one in items if {"large", "small"} <= set(one.key_terms)]
    assert len(sizes) == 51
    assert all("KEYWORDS_CONTRADICT" in {f.code for f in lint_open([one])} for one in sizes)
