"""Open questions: answerable from the image, without measurement or hint, in the terms of the label only."""

import re
from collections import Counter
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories_build import make_label, open_items, semantics, skewed_labels
from neuroonco import store
from neuroonco.audit.records import AuditedLabel
from neuroonco.build.facts import Fact, facts
from neuroonco.build.interop import OPEN_TYPES, open_document, read_open
from neuroonco.build.records import OpenItem
from neuroonco.check.open_lint import lint_open
from neuroonco.mentions import has_measurement, mentions
from neuroonco.prompts import OpenWording, load_wordings
from neuroonco.readings.records import Signs
from neuroonco.rules import load_rules
from neuroonco.semantics.records import LesionSemantics
from neuroonco.vocabulary import (
    Edema,
    Enhancement,
    ImageRegion,
    LesionSize,
    LesionSpread,
    Margins,
    MeasureFrame,
    MRSequence,
    Shape,
    SignalIntensity,
    Texture,
    TumorType,
)

RULES = load_rules("default")
WORDINGS = load_wordings()
MEASURED = re.compile(
    r"\d+(\.\d+)?\s*(%|percent|mm|cm|px|pixel)|[xy]\s*=|\(\s*\d|circularity|centroid|elongation|0\.\d", re.I
)
"""Written apart from the project's scanner."""


def maybe(kind: type[StrEnum]) -> st.SearchStrategy[Any]:
    return st.none() | st.sampled_from(list(kind))


MASKS = st.builds(
    LesionSemantics,
    size=maybe(LesionSize),
    shape=maybe(Shape),
    spread=maybe(LesionSpread),
    location=maybe(ImageRegion),
    frame=maybe(MeasureFrame),
    rules=st.just("default"),
)
SIGNS = st.builds(
    Signs,
    shape=maybe(Shape),
    margins=maybe(Margins),
    texture=maybe(Texture),
    enhancement=maybe(Enhancement),
    edema=maybe(Edema),
    signal_intensity=maybe(SignalIntensity),
)
LABELS = st.builds(
    make_label,
    st.text("abc", max_size=3),
    maybe(TumorType),
    sequence=maybe(MRSequence),
    tumor_present=st.sampled_from([None, True, False]),
    lesion_found=st.sampled_from([None, True, False]),
    semantics=st.none() | MASKS,
    signs=SIGNS,
    seen_sequence=maybe(MRSequence),
)
"""Labels of every kind, contradictory and empty ones included."""


def asked(label: AuditedLabel) -> list[OpenItem]:
    return open_items([label], 0, RULES)


def words(text: str) -> str:
    """Lower case words with one space between them and around the whole, so that a phrase can be looked up in it."""
    return f" {' '.join(re.findall(r'[a-z0-9]+', text.casefold()))} "


def all_texts() -> dict[str, set[str]]:
    """Every key term that an answer of a wording can have."""
    found: dict[str, set[str]] = {}
    for item in open_items([*skewed_labels(400), *one_of_each()], 0, RULES):
        found.setdefault(item.question, set()).update(item.key_terms)
    return found


def one_of_each() -> list[AuditedLabel]:
    """Labels that together have each term of each attribute."""
    labels = []
    for number in range(36):
        for sequence in MRSequence:

            def pick(kind: type[StrEnum], number: int = number) -> Any:
                return list(kind)[number % len(kind)]

            signs = {name: pick(kind) for name, kind in SIGN_KINDS.items()}
            mask = semantics(pick(LesionSize), pick(Shape), pick(LesionSpread), pick(ImageRegion), pick(MeasureFrame))
            name = f"each{number}{sequence}"
            labels.append(make_label(name, pick(TumorType), sequence=sequence, semantics=mask, signs=Signs(**signs)))
    return labels


SIGN_KINDS: dict[str, type[StrEnum]] = {
    "margins": Margins,
    "texture": Texture,
    "enhancement": Enhancement,
    "edema": Edema,
    "signal_intensity": SignalIntensity,
}


# --- every label ---


@given(LABELS)
def test_questions_are_answerable_from_the_label_alone(label: AuditedLabel) -> None:
    known = {f.wording: f for f in facts(label)}
    for item in asked(label):
        wording = next(w for w in WORDINGS.open.values() if w.question == item.question)
        stated = [known[name] for name in wording.about if name in known]
        assert item.key_terms == tuple(WORDINGS.closed[f.wording].text_of(f.value) for f in stated)
        assert item.key_terms
        assert len(set(item.key_terms)) == len(item.key_terms)
        assert len({f.question_type for f in stated}) == len(stated), "one value an attribute"
        for fact in stated:
            assert WORDINGS.closed[fact.wording].clause(fact.value).casefold() in item.reference_answer.casefold()
        assert set(item.label_sources) == {f.label_source for f in stated}
        assert item.question_type == wording.question_type in OPEN_TYPES
        assert item.reference_answer[0].isupper()
        assert item.reference_answer.endswith(".")


@given(LABELS)
def test_no_measurement_no_hint_and_nothing_to_echo(label: AuditedLabel) -> None:
    for item in asked(label):
        for text in (item.question, item.reference_answer, *item.key_terms):
            assert not MEASURED.search(text), text
            assert has_measurement(text) is None
        assert mentions(item.question) == (), "the stem names no finding, no diagnosis and no sequence"
        assert not re.search(r"tumou?r|mass\b|cancer|neoplasm|glio|mening|metasta", item.question, re.I)
        assert not [term for term in item.key_terms if words(term) in words(item.question)]
    assert lint_open(asked(label)) == []


@given(LABELS)
def test_a_reference_names_its_key_terms_and_no_other_value(label: AuditedLabel) -> None:
    """What the scanner finds in the reference is what the label says, attribute by attribute."""
    known = {f.value for f in facts(label)}
    for item in asked(label):
        named = {m.value for m in mentions(item.reference_answer) if not m.negated}
        # "it shows a brain tumor" explains `Abnormal`, whose term it is
        assert named <= known | {TumorType.TUMOR}, item.reference_answer
        for term in item.key_terms:
            assert words(term).strip() in words(item.reference_answer)


@given(LABELS)
def test_an_image_is_asked_each_question_once_and_at_most_five(label: AuditedLabel) -> None:
    items = asked(label)
    kinds = Counter(item.question_type for item in items)
    assert len({item.question for item in items}) == len(items) <= 5
    assert kinds["Detail"] <= (4 if label.slice.tumor_type is TumorType.TUMOR else 3)
    assert kinds["Location"] <= 1
    assert kinds["Reasoning"] <= 1
    assert [item.question_id for item in items] == [f"{label.slice_id}_q{n}" for n in range(1, len(items) + 1)]


@given(LABELS)
def test_what_is_asked_does_not_depend_on_the_values(label: AuditedLabel) -> None:
    """Another value of the same attribute gives the same questions, so that being asked tells no answer."""
    record = label.slice
    if record.semantics is None:
        return
    other = {
        "size": record.semantics.size and LesionSize.LARGE,
        "shape": record.semantics.shape and Shape.ROUND,
        "location": record.semantics.location and ImageRegion.LOWER_RIGHT,
    }
    changed = record.model_copy(update={"semantics": record.semantics.model_copy(update=other)})
    same = label.model_copy(update={"slice": changed})
    assert [(i.question_id, i.question) for i in asked(label)] == [(i.question_id, i.question) for i in asked(same)]


# --- the whole set ---


def test_echoing_any_question_scores_no_key_term() -> None:
    """Over all terms that any label can have, not only those of some slices."""
    texts = all_texts()
    assert set(texts) == {wording.question for wording in WORDINGS.open.values()}
    for question, terms in texts.items():
        for term in terms:
            assert words(term) not in words(question), (question, term)
            assert words(term) not in words(" ".join(texts)), f"{term} in some question"


def test_each_term_is_reached() -> None:
    """The check above sees every spelling of every attribute."""
    reached = set().union(*all_texts().values())
    kinds: dict[str, type[StrEnum]] = SIGN_KINDS | {"size": LesionSize, "spread": LesionSpread}
    kinds |= {"size_in_head": LesionSize, "shape": Shape, "location": ImageRegion, "location_in_head": ImageRegion}
    kinds |= {"modality": MRSequence}
    for wording, kind in kinds.items():
        for value in kind:
            assert WORDINGS.closed[wording].text_of(value) in reached, (wording, value)
    for value in TumorType:
        wording = "diagnosis" if value.is_specific else "diagnosis_binary"
        assert WORDINGS.closed[wording].text_of(value) in reached


def test_an_image_with_everything_is_asked_five_questions_as_in_the_reference() -> None:
    signs = Signs(margins=Margins.ILL_DEFINED, texture=Texture.HETEROGENEOUS, edema=Edema.MILD)
    full = make_label("a", semantics=semantics(), signs=signs)
    assert Counter(i.question_type for i in asked(full)) == {"Detail": 3, "Location": 1, "Reasoning": 1}
    untyped = make_label("a", TumorType.TUMOR, semantics=semantics(), signs=signs)
    assert Counter(i.question_type for i in asked(untyped)) == {"Detail": 4, "Location": 1}
    healthy = asked(make_label("a", TumorType.HEALTHY))
    assert [i.key_terms for i in healthy] == [("Healthy",), ("T2",)]


def test_one_text_a_question() -> None:
    """The benchmark has one style: the same question reads the same for every image."""
    items = open_items([*skewed_labels(300), *one_of_each()], 0, RULES)
    assert {i.question for i in items} <= {w.question for w in WORDINGS.open.values()}
    assert len({w.question for w in WORDINGS.open.values()}) == len(WORDINGS.open)


def test_provenance_is_on_every_question() -> None:
    items = open_items(skewed_labels(50), 77, RULES)
    assert {(i.rules, i.seed) for i in items} == {("default", 77)}
    assert {i.version for i in items} == {items[0].version}
    assert re.fullmatch(r"neuroonco \S+, wordings \S+", items[0].version or "")
    assert {s for i in items for s in i.label_sources} == {"source", "mask", "audited"}
    reasoning = next(i for i in items if i.question_type == "Reasoning" and len(i.label_sources) == 3)
    assert reasoning.label_sources == ("source", "mask", "audited")
    assert all(i.group_id for i in items)


def test_the_reference_form_keeps_what_it_has_words_for(tmp_path: Any) -> None:
    items = open_items(skewed_labels(60), 0, RULES)
    document = open_document(items)
    assert {frozenset(pair) for image in document for pair in image["qa_pairs"]} == {
        frozenset(("question_id", "question_type", "question", "reference_answer", "eval_keywords"))
    }
    store.write_json(tmp_path / "o.json", document)
    lost = {"source_id": None, "group_id": None, "rules": None, "seed": None, "version": None, "label_sources": ()}
    assert read_open(tmp_path / "o.json").records == [i.model_copy(update=lost) for i in items]


@pytest.mark.parametrize("wording", WORDINGS.open.values(), ids=list(WORDINGS.open))
def test_open_wordings_are_questions_about_what_can_be_asked(wording: OpenWording) -> None:
    assert set(wording.about) <= set(WORDINGS.closed)
    assert set(wording.needs) <= set(wording.about)
    assert 1 <= wording.at_least <= len(wording.about)
    assert wording.question_type in OPEN_TYPES


def test_facts_of_one_attribute_never_meet() -> None:
    """A size is of the head or of the picture, a diagnosis of a type or of a binary question: never both."""
    for label in [*skewed_labels(200), *one_of_each()]:
        known: tuple[Fact, ...] = facts(label)
        assert len({f.question_type for f in known}) == len(known)
