"""Prompts and wordings are complete, described, and say what the code needs."""

import json
import re
from enum import StrEnum

from neuroonco.build.interop import OPEN_TYPES
from neuroonco.build.records import ANSWERS
from neuroonco.mentions import has_measurement, mentions
from neuroonco.prompts import load_prompts, load_wordings
from neuroonco.vocabulary import ImageRegion, LesionSize, QuestionType, TumorType, recode
from neuroonco.vocabulary.recoder import normalise

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


def stems_of_wordings() -> list[tuple[str, str]]:
    """Name and text of every question."""
    wordings = load_wordings()
    found = [(name, stem) for name, w in wordings.closed.items() for stem in (*w.stems, *w.open_stems)]
    return found + [(name, stem) for name, w in wordings.open.items() for stem in w.stems]


def test_no_stem_names_an_answer():
    wordings = load_wordings()
    answers = {wordings.closed[name].text_of(v) for name, terms in answers_of_wordings() for v in terms}
    on_canvas = wordings.closed["location"].question  # its own option is "Center of the image"
    for _, stem in stems_of_wordings():
        said = [a for a in answers if re.search(rf"\b{re.escape(a.casefold())}\b", stem.casefold())]
        said = [a for a in said if (a, stem) != ("Center", on_canvas)]
        assert said == [], stem
        assert mentions(stem) == (), stem
        assert "{" not in stem


def test_stems_are_many_and_differ():
    wordings = load_wordings()
    for name, wording in wordings.closed.items():
        assert min(len(wording.paraphrases), len(wording.open_paraphrases)) >= 8, name
        for stems in (wording.stems, wording.open_stems):
            assert len({normalise(stem) for stem in stems}) == len(stems), name
            assert all(stem[0].isupper() and stem[-1] in "?." for stem in stems), name
            assert len({stem.split()[0] for stem in stems}) >= 5, f"{name}: the stems begin alike"
        assert not [stem for stem in wording.open_stems if re.search(r"\boffered\b|\bof these\b|\boption", stem)], name
    by_text = {}
    for name, stem in stems_of_wordings():
        kind = name.removesuffix("_binary")
        assert by_text.setdefault(stem, kind) == kind, f"{stem!r} asks two things"
    for name in ("extent", "appearance", "reasoning"):
        assert len(wordings.open[name].paraphrases) >= 8


def test_the_diagnosis_is_asked_differently_where_healthy_may_be_the_answer():
    closed = load_wordings().closed
    for stem in (*closed["diagnosis_binary"].stems, *closed["diagnosis_binary"].open_stems):
        assert not re.search(r"lesion|mass|tumou?r|disease|abnormal|diagnos", stem, re.IGNORECASE), stem
    for stem in (*closed["modality"].stems, *closed["modality"].open_stems):
        assert "lesion" not in stem


def test_every_clause_states_its_term_and_no_other():
    wordings = load_wordings()
    for name, value in terms_of_wordings():
        clauses = wordings.closed[name].clauses(value)
        assert len(clauses) >= 5, (name, value)
        assert len(set(clauses)) == len(clauses)
        listed = [clause for clause in clauses if "," not in clause and ":" not in clause]
        assert listed or name == "diagnosis_binary", "none fits into a list"
        for clause in clauses:
            assert "{" not in clause
            assert wordings.closed[name].text_of(value).casefold() in clause.casefold()
            said = {m.value for m in mentions(f"{clause[0].upper()}{clause[1:]}.")}
            covered = {TumorType.TUMOR} if isinstance(value, TumorType) and value is not TumorType.HEALTHY else set()
            assert value in said, clause
            assert said - covered <= {value}, clause


def terms_of_wordings() -> list[tuple[str, StrEnum]]:
    found = [(name, v) for name, terms in answers_of_wordings() for v in terms]
    found = [(n, v) for n, v in found if not isinstance(v, TumorType) or v.is_specific]
    return [*found, ("diagnosis_binary", TumorType.TUMOR), ("diagnosis_binary", TumorType.HEALTHY)]


def test_every_term_has_a_meaning_that_reads_as_a_phrase():
    for name, value in terms_of_wordings():
        if name.startswith("diagnosis"):
            continue
        meaning = load_wordings().closed[name].meaning(value)
        assert meaning[0].islower(), meaning
        assert not meaning.endswith("."), meaning
        assert not re.search(r"\d|;", meaning), meaning
        assert has_measurement(meaning) is None


def test_explanations_have_frames_for_every_case():
    reasons = load_wordings().reasons
    names = {"fact", "Fact", "term", "Term", "meaning", "Meaning", "other", "features", "Features"}
    for kind, frames in reasons.items():
        with_options = not kind.startswith("impression") and kind != "described"
        for case, wanted in (("plain", True), ("rejection", with_options), ("binary", with_options)):
            found = getattr(frames, case)
            assert len(found) >= 5 if wanted else not found, (kind, case)
            for frame in found:
                placeholders = set(re.findall(r"\{(\w+)\}", frame))
                assert placeholders <= names, frame
                assert placeholders & {"fact", "Fact"} or {"term", "meaning"} <= placeholders, frame
                described = kind in ("diagnosis", "impression", "described")
                assert bool(placeholders & {"features", "Features"}) == described, frame
                assert ("{other}" not in frame) or case == "binary", frame
                assert re.search(r"none of the|no option", frame, re.IGNORECASE) is not None or case != "rejection"
                assert mentions(re.sub(r"\{\w+\}", "x", frame)) == (), frame
        assert any("{other}" not in frame for frame in frames.binary) or not frames.binary, (
            "for options such as no edema"
        )


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
        for text in (*canvas.stems, *canvas.open_stems, *canvas.statement_paraphrases):
            assert not {"head", "brain"} & set(re.findall("[a-z]+", text.casefold())), text
        for text in (*canvas.stems, *canvas.open_stems):
            assert {"image", "picture"} & set(re.findall("[a-z]+", text.casefold())), text
        for text in (*head.stems, *head.open_stems, head.statement, *head.statement_paraphrases):
            words = set(re.findall("[a-z]+", text.casefold()))
            assert "head" in words, text
            assert not {"image", "picture"} & words, "padding would change the answer"
        assert all({name, f"{name}_in_head"} <= set(w.about) for w in (wordings.open["reasoning"],))
    assert not [lead for lead in wordings.leads if re.search("image|picture|head", lead)], "a lead fits every frame"
    for value in ImageRegion:
        assert "of the head as displayed" in wordings.closed["location_in_head"].clause(value)
        for clause in wordings.closed["location_in_head"].clauses(value):
            assert "image" not in clause
        assert "head" in wordings.closed["location_in_head"].meaning(value)
        assert "picture" in wordings.closed["location"].meaning(value)
