"""What an open answer states of its reference: a table of answers, and rules that hold for any."""

from enum import StrEnum

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuroonco.build.benchmark.open import sentence
from neuroonco.build.facts import Fact
from neuroonco.build.records import ANSWERS
from neuroonco.prompts import load_wordings
from neuroonco.score.open.attributes import asked, match, reference_terms
from neuroonco.score.open.naming import plain
from neuroonco.score.open.records import Verdict
from neuroonco.score.open.statements import named_values, read_statements
from neuroonco.vocabulary import (
    Edema,
    Enhancement,
    ImageRegion,
    LesionSize,
    LesionSpread,
    Margins,
    MRSequence,
    QuestionType,
    Shape,
    SignalIntensity,
    Texture,
    TumorType,
)
from neuroonco.vocabulary.recoder import group_of
from open_answers import EXTENT, GLIOMA, PLACE, ROWS, SIGNS, Row, item


def by_verdict(answer: str | None, reference: str, question: str = "Describe the slice.") -> dict[Verdict, set[str]]:
    verdicts = match(item(reference, question), answer).verdicts
    return {verdict: {group_of(enum) for enum, found in verdicts.items() if found is verdict} for verdict in Verdict}


def test_the_table_is_long_enough() -> None:
    assert len(ROWS) >= 60
    assert len({(answer, reference) for answer, reference, *_ in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:40] or "empty")
def test_what_an_answer_does_with_its_reference(row: Row) -> None:
    answer, reference, right, contradicted, omitted, extra = row
    expected = (right, contradicted, omitted)
    assert by_verdict(answer, reference) == {
        verdict: set(names.split()) for verdict, names in zip(Verdict, expected, strict=True)
    }
    assert match(item(reference), answer).extra == extra


def test_no_answer_states_nothing() -> None:
    assert by_verdict(None, EXTENT)[Verdict.OMITTED] == {"lesion_size", "shape", "lesion_spread"}


# --- what the question gives away ---


def test_what_the_question_names_is_not_asked() -> None:
    question = "How do shape and place support the diagnosis of glioma?"
    reference = "The lobulated shape supports a glioma."
    wanted = asked(item(reference, question))
    assert wanted.truth == {Shape: "lobulated"}
    assert wanted.given_terms == 1
    assert by_verdict(question, reference, question)[Verdict.OMITTED] == {"shape"}
    assert by_verdict("A lobulated glioma.", reference, question)[Verdict.RIGHT] == {"shape"}


def test_a_question_that_offers_values_gives_none_away() -> None:
    question = "Is the lesion solitary or multifocal?"
    assert LesionSpread not in named_values(question)
    reference = "It is a solitary lesion."
    assert by_verdict("Solitary.", reference, question)[Verdict.RIGHT] == {"lesion_spread"}
    assert by_verdict(question, reference, question)[Verdict.OMITTED] == {"lesion_spread"}
    assert by_verdict("The lesion is solitary or multifocal.", reference, question)[Verdict.OMITTED] == {
        "lesion_spread"
    }


def test_repeating_a_coarser_term_of_the_question_is_no_answer() -> None:
    question = "Enhancement is present. Which pattern does it have?"
    reference = "There is ring enhancement."
    assert by_verdict("Enhancement is present.", reference, question)[Verdict.OMITTED] == {"enhancement"}
    assert by_verdict("Ring enhancement.", reference, question)[Verdict.RIGHT] == {"enhancement"}


def test_repeating_a_wrong_term_of_the_question_is_wrong() -> None:
    question = "Is it a solitary lesion?"
    reference = "The lesions are multifocal."
    assert by_verdict("It is a solitary lesion.", reference, question)[Verdict.CONTRADICTED] == {"lesion_spread"}


def test_key_terms_count_only_where_this_package_made_the_reference() -> None:
    theirs = item("It is lobulated, not round.", keys=("Round",))
    assert reference_terms(theirs) == {Shape: "lobulated"}
    ours = item("A lesion.", keys=("Round", "Ill-defined"), version="0.1.0")
    assert reference_terms(ours) == {Shape: "round", Margins: "ill_defined"}


# --- our own references ---


def facts_of(kind: QuestionType) -> list[Fact]:
    return [Fact(kind, value, "source") for value in ANSWERS[kind] if value is not TumorType.HEALTHY]


ALL_FACTS = [fact for kind in QuestionType for fact in facts_of(kind)]


@pytest.mark.parametrize("fact", ALL_FACTS, ids=lambda fact: f"{fact.question_type}-{fact.value}")
def test_each_sentence_of_ours_states_its_fact(fact: Fact) -> None:
    wording = load_wordings().closed[fact.wording]
    for clause in wording.clauses(fact.value):
        stated = read_statements(f"{clause[0].upper()}{clause[1:]}.").stated
        assert stated.get(type(fact.value)) == fact.value.value, clause


def one_of_each() -> st.SearchStrategy[list[Fact]]:
    kinds = [QuestionType.SIZE, QuestionType.SHAPE, QuestionType.SPREAD, QuestionType.LOCATION, QuestionType.MARGINS]
    kinds += [QuestionType.TEXTURE, QuestionType.ENHANCEMENT, QuestionType.EDEMA, QuestionType.SIGNAL_INTENSITY]
    one = st.tuples(*(st.sampled_from([None, *facts_of(kind)]) for kind in [QuestionType.DIAGNOSIS, *kinds]))
    return one.map(lambda facts: [fact for fact in facts if fact is not None]).filter(bool)


@settings(max_examples=80, deadline=None)
@given(one_of_each())
def test_a_reference_states_what_it_was_made_of_and_answers_itself(facts: list[Fact]) -> None:
    reference = sentence(facts)
    assert reference_terms(item(reference)) == {type(fact.value): fact.value.value for fact in facts}
    found = match(item(reference), reference)
    assert set(found.verdicts.values()) == {Verdict.RIGHT}
    assert found.extra == 0


CLAUSES: dict[type[StrEnum], tuple[str, str]] = {
    TumorType: ("It is a glioma", "It is not a glioma"),
    Shape: ("The lesion is lobulated", "The lesion is not lobulated"),
    LesionSpread: ("It is a solitary lesion", "It is not a solitary lesion"),
    ImageRegion: ("It lies in the upper left of the image", "It does not lie in the upper left of the image"),
    Margins: ("Its margins are ill-defined", "Its margins are not ill-defined"),
    Texture: ("It is heterogeneous", "It is not heterogeneous"),
    Enhancement: ("There is ring enhancement", "There is no ring enhancement"),
    Edema: ("There is extensive edema", "There is no edema"),
    SignalIntensity: ("It is hyperintense", "It is not hyperintense"),
    LesionSize: ("The lesion is large", "The lesion is not large"),
    MRSequence: ("This is a FLAIR slice", "This is not a FLAIR slice"),
}
SOME = st.lists(st.sampled_from(list(CLAUSES)), min_size=1, unique=True)
UNRELATED = (
    *("The patient should be seen again.", "Thank you for asking.", "I looked at the picture carefully!"),
    *("The ventricles lie as expected.", "Is there more to say?", "The skull is intact."),
)


def said(enums: list[type[StrEnum]], which: int) -> str:
    return " ".join(f"{CLAUSES[enum][which]}." for enum in enums)


@settings(max_examples=60, deadline=None)
@given(SOME, SOME, st.sampled_from(UNRELATED), st.booleans())
def test_an_unrelated_sentence_changes_nothing(
    known: list[type[StrEnum]], stated: list[type[StrEnum]], sentence: str, first: bool
) -> None:
    answer = said(stated, 0)
    longer = f"{sentence} {answer}" if first else f"{answer} {sentence}"
    of = item(said(known, 0))
    assert match(of, longer) == match(of, answer)


@settings(max_examples=60, deadline=None)
@given(SOME)
def test_denying_everything_is_never_right(known: list[type[StrEnum]]) -> None:
    of = item(said(known, 0))
    assert set(match(of, said(known, 0)).verdicts.values()) == {Verdict.RIGHT}
    assert set(match(of, said(known, 1)).verdicts.values()) == {Verdict.CONTRADICTED}


@settings(max_examples=60, deadline=None)
@given(SOME, st.randoms(use_true_random=False))
def test_the_order_of_sentences_does_not_matter(known: list[type[StrEnum]], draw: object) -> None:
    shuffled = list(known)
    draw.shuffle(shuffled)  # type: ignore[attr-defined]
    of = item(said(known, 0))
    assert dict(match(of, said(shuffled, 0)).verdicts) == dict(match(of, said(known, 0)).verdicts)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=300))
def test_any_text_can_be_read(text: str) -> None:
    for reference in (GLIOMA, EXTENT, PLACE, SIGNS):
        found = match(item(reference), text)
        assert len(found.verdicts) == len(reference_terms(item(reference)))
    assert "\n" not in plain(text)


def test_a_long_text_without_stops_is_read_in_reasonable_time() -> None:
    text = "if no glioma, round or not lobulated a very " * 600
    assert match(item(GLIOMA), text).verdicts[TumorType] is not Verdict.RIGHT
