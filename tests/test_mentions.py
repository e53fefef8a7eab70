"""Which terms a text names: every wording of ours, everyday words in and out of context, denials, measurements."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuroonco.build.records import ANSWERS
from neuroonco.mentions import ANSWER_TERMS, has_measurement, mentions, other_concepts
from neuroonco.prompts import load_wordings
from neuroonco.vocabulary import Edema, Enhancement, QuestionType, Texture, TumorType

CLOSED = load_wordings().closed
ASKED = [
    (name, value)
    for name in CLOSED
    for value in ANSWERS[QuestionType(name.removesuffix("_in_head").removesuffix("_binary"))]
    if not isinstance(value, TumorType) or value.is_specific is not name.endswith("_binary")
]


def named(text):
    return [(m.value.value, m.negated) for m in mentions(text)]


@pytest.mark.parametrize("name", CLOSED)
def test_our_questions_name_nothing(name):
    for question in (CLOSED[name].question, CLOSED[name].open_question):
        assert mentions(question) == ()
        assert has_measurement(question) is None


@pytest.mark.parametrize(("name", "value"), ASKED)
def test_our_options_and_clauses_name_their_term_and_no_other(name, value):
    text = CLOSED[name].text_of(value)
    assert value in {m.value for m in mentions(text, (type(value),))}
    sentence = f"For this slice {CLOSED[name].clause(value)}."
    assert {(m.value, m.negated, m.finer) for m in mentions(sentence)} == {(value, False, False)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A small, round lesion with mild edema.", [("small", False), ("round", False), ("mild", False)]),
        ("Edema present, enhancement absent.", [("present", False), ("absent", False)]),
        ("No evidence of surrounding edema.", [("absent", False)]),
        ("Lobulated rather than a smooth, round contour.", [("lobulated", False), ("round", True)]),
        ("It is not homogeneous but heterogeneous.", [("homogeneous", True), ("heterogeneous", False)]),
        ("without ring enhancement", [("ring", True)]),
        ("a thin rim of edema", []),
        ("a darker center inside a bright rim", []),
        ("The present study shows a solid component.", []),
        ("It lies in the upper-left part.", [("upper_left", False)]),
        ("T1-weighted post-contrast slice", [("t1ce", False)]),
        ("normal-appearing deep white matter", []),
        ("The scan appears normal.", [("healthy", False)]),
        ("Where is the pituitary gland?", []),
        ("The pituitary lesion", [("pituitary", False)]),
        ("the center of the lesion", []),
        ("in the center of the image", [("center", False)]),
        ("Which type of brain tumor is shown?", []),
        ("On T2/FLAIR.", [("t2", False), ("flair", False)]),
        ("İİİ a glioma", [("glioma", False)]),
    ],
)
def test_words_in_company(text, expected):
    assert named(text) == expected


def test_a_longer_spelling_hides_the_shorter_one_whatever_is_asked_for():
    assert [m.value for m in mentions("Heterogeneous enhancement is seen.")] == [Enhancement.PATCHY]
    assert mentions("Heterogeneous enhancement is seen.", (Texture,)) == ()


def test_a_text_that_is_one_spelling_counts_for_every_group_that_has_it():
    assert {m.value for m in mentions("Present")} == {Edema.PRESENT, Enhancement.PRESENT}
    assert [m.value for m in mentions("Present", (Edema,))] == [Edema.PRESENT]


def test_finer_names_say_so_and_other_diseases_are_apart():
    (found,) = mentions("Most likely a glioblastoma.")
    assert (found.value, found.finer, found.text) == (TumorType.GLIOMA, True, "glioblastoma")
    assert mentions("Most likely an abscess.") == ()
    assert other_concepts("Most likely an abscess.") == ("Abscess",)


@given(st.text(max_size=80))
def test_a_mention_is_where_it_says(text):
    for found in mentions(text):
        assert text[found.start : found.end] == found.text
        assert isinstance(found.value, ANSWER_TERMS)


@pytest.mark.parametrize(
    "text",
    [
        "(x=245, y=215)",
        "centroid at (245, 215)",
        "about 7.28% of the area",
        "6 percent",
        "a 12 mm lesion",
        "1–3 cm",
        "24 pixels wide",
        "circularity of 0.63",
        "an index of 0.41",
    ],
)
def test_measurements(text):
    assert has_measurement(text)


@pytest.mark.parametrize(
    "text", ["T1 and T2", "at 3.0 T", "1.5-tesla scanner", "two foci", "3 foci", "grade 4", "BraTS2021_00006"]
)
def test_what_is_no_measurement(text):
    assert has_measurement(text) is None
