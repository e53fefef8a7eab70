"""Prompts and wordings are complete, described, and say what the code needs."""

import json
import re
from enum import StrEnum

from neuroonco.build.interop import OPEN_TYPES
from neuroonco.build.records import ANSWERS
from neuroonco.prompts import load_prompts, load_wordings
from neuroonco.vocabulary import ImageRegion, LesionSize, QuestionType, TumorType, recode

PLACEHOLDERS = {
    "read_conservative": {"notes"},
    "read_skeptical": {"notes"},
    "audit": {"label", "notes"},
    "repair": {"faults"},
    "predict_closed": {"question", "options"},
}


def answers_of_wordings() -> list[tuple[str, type[StrEnum]]]:
    """Name of each wording with the terms that answer it; the binary one has spellings of its own."""
    in_head = [("size_in_head", LesionSize), ("location_in_head", ImageRegion)]
    return [(kind.value, terms) for kind, terms in ANSWERS.items()] + in_head


def test_every_prompt_has_its_placeholders_and_says_that_data_is_data():
    prompts = load_prompts()
    assert set(PLACEHOLDERS) <= set(prompts)
    for name, names in PLACEHOLDERS.items():
        text = prompts[name].text
        assert set(re.findall(r"\{([a-z_]+)\}", text)) == names, name
        assert re.search(r"\bdata\b.*instructions", text, re.DOTALL), name


def test_the_readings_differ_in_attitude_only():
    a = load_prompts()["read_conservative"].text
    b = load_prompts()["read_skeptical"].text
    differing = [x for x in b.split("\n\n") if x not in a.split("\n\n")]
    assert len(differing) == 1
    assert "sceptically" in differing[0]


def test_every_question_type_has_a_wording_and_every_answer_a_clause():
    wordings = load_wordings()
    of_their_own = {"diagnosis_binary", "size_in_head", "location_in_head"}
    assert {q.value for q in QuestionType} | of_their_own == set(wordings.closed)
    for name, terms in answers_of_wordings():
        for value in terms:
            wording = wordings.closed[name]
            assert recode(terms, wording.text_of(value)) is value
            assert wording.text_of(value).casefold() in wording.clause(value).casefold()
            assert "{" not in wording.clause(value)
    binary = wordings.closed["diagnosis_binary"]
    assert binary.text_of(TumorType.TUMOR) == "Abnormal"
    assert binary.text_of(TumorType.HEALTHY) == "Healthy"


def test_no_stem_names_an_answer():
    wordings = load_wordings()
    stems = [w.question for w in (*wordings.closed.values(), *wordings.open.values())]
    stems += [w.open_question for w in wordings.closed.values()]
    answers = {wordings.closed[name].text_of(v) for name, terms in answers_of_wordings() for v in terms}
    on_canvas = wordings.closed["location"].question  # its own option is "Center of the image"
    for stem in stems:
        said = [a for a in answers if re.search(rf"\b{re.escape(a.casefold())}\b", stem.casefold())]
        said = [a for a in said if (a, stem) != ("Center", on_canvas)]
        assert said == [], stem


def test_open_wordings_refer_to_closed_ones():
    wordings = load_wordings()
    for name, wording in wordings.open.items():
        assert wording.question_type in OPEN_TYPES, name
        assert set(wording.about) | set(wording.needs) <= set(wordings.closed), name
    json.dumps(wordings.model_dump())


def test_size_and_location_are_asked_of_what_they_were_measured_in():
    wordings = load_wordings()
    for name in ("size", "location"):
        canvas, head = wordings.closed[name], wordings.closed[f"{name}_in_head"]
        assert not {"head", "brain"} & set(canvas.question.split())
        for text in (head.question, head.open_question, head.statement):
            assert "head" in re.findall("[a-z]+", text)
            assert not {"image", "picture"} & set(re.findall("[a-z]+", text)), "padding would change the answer"
        assert all({name, f"{name}_in_head"} <= set(w.about) for w in (wordings.open["reasoning"],))
    for value in ImageRegion:
        assert "of the head as displayed" in wordings.closed["location_in_head"].clause(value)
        assert "image" not in wordings.closed["location_in_head"].clause(value)
