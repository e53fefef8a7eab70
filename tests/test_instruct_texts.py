"""Texts written to get past the check of instruction pairs, and honest ones."""

import json
from collections import Counter
from pathlib import Path

import pytest

from factories_build import make_label, semantics
from neuroonco.build.facts import facts
from neuroonco.build.instruct.allowed import load_allowed, words_of
from neuroonco.build.instruct.assemble import options_text, reasoned
from neuroonco.build.instruct.brightness import against_physics, load_tissues
from neuroonco.build.instruct.claims import Fault
from neuroonco.build.instruct.forbidden import phrases_in
from neuroonco.build.instruct.letters import says_none_right
from neuroonco.build.instruct.records import CLOSED_WITH_REASON, OPEN, InstructionPair
from neuroonco.build.instruct.validator import faults
from neuroonco.build.instruct.wordings import question_type_of
from neuroonco.build.records import ClosedItem, Option
from neuroonco.prompts import load_wordings
from neuroonco.readings.records import Signs
from neuroonco.vocabulary import (
    Edema,
    Enhancement,
    ImageRegion,
    LesionSize,
    MRSequence,
    PairFault,
    Shape,
    SignalIntensity,
    Texture,
    TumorType,
)

TEXTS = json.loads((Path(__file__).parent / "golden" / "instruction_texts.json").read_text())

LABELS = {
    "glioma": make_label(
        "t1",
        TumorType.GLIOMA,
        sequence=MRSequence.T2,
        semantics=semantics(LesionSize.SMALL, Shape.OVAL, location=ImageRegion.CENTER_RIGHT),
        signs=Signs(texture=Texture.HETEROGENEOUS, edema=Edema.EXTENSIVE, signal_intensity=SignalIntensity.ISOINTENSE),
    ),
    "meningioma": make_label(
        "t2",
        TumorType.MENINGIOMA,
        sequence=MRSequence.T1CE,
        semantics=semantics(location=ImageRegion.UPPER_CENTER),
        signs=Signs(texture=Texture.HETEROGENEOUS, enhancement=Enhancement.ABSENT),
    ),
    "healthy": make_label("t3", TumorType.HEALTHY, sequence=MRSequence.T2),
}
OPTIONS = {  # letter, the right term where it is not offered, the options
    ("glioma", "diagnosis"): ("A", None, "Glioma|Schwannoma|Meningioma|Neuronal tumor"),
    ("glioma", "diagnosis_binary"): ("A", None, "Abnormal|Healthy"),
    ("glioma", "modality"): ("A", None, "T2|T1|T1 with contrast"),
    ("glioma", "size"): ("E", "Small", "Medium|Large"),
    ("glioma", "shape"): ("E", "Oval", "Lobulated|Irregular|Round"),
    ("glioma", "spread"): ("B", None, "Scattered or multifocal lesions|Solitary lesion"),
    ("glioma", "location"): ("E", "Center right", "Center left|Center|Upper center|Lower center"),
    ("glioma", "texture"): ("B", None, "Homogeneous|Heterogeneous"),
    ("glioma", "signal_intensity"): ("C", None, "Mixed signal|Hyperintense|Isointense"),
    ("meningioma", "modality"): ("E", "T1 with contrast", "T2|T1|FLAIR"),
    ("meningioma", "enhancement"): ("A", None, "No enhancement|Ring enhancement|Patchy enhancement"),
    ("healthy", "diagnosis_binary"): ("B", None, "Abnormal|Healthy"),
    ("healthy", "modality"): ("A", None, "T2|T1|FLAIR"),
}
BINARY = ("diagnosis_binary", "texture")


def item_of(label: str, kind: str) -> ClosedItem:
    letter, removed, texts = OPTIONS[label, kind]
    options = [Option(letter=a, text=text) for a, text in zip("ABCD", texts.split("|"), strict=False)]
    if kind not in BINARY:
        options.append(Option(letter="E", text="None of the above"))
    return ClosedItem(
        image_id="x",
        q_index=0,
        slice_id=LABELS[label].slice_id,
        image_path="x.png",
        question_type=question_type_of(kind),
        question=load_wordings().closed[kind].question,
        options=tuple(options),
        answer=letter,
        is_rejection=removed is not None,
        removed_answer=removed,
        label_source="audited",
    )


def judged(sort: str, label: str, kind: str, question: str | None, text: str) -> tuple[Fault, ...]:
    """Faults of a text as an open answer or an explanation in a model's words."""
    item = item_of(label, kind) if sort == "closed" else None
    wording = load_wordings().closed[kind]
    one = InstructionPair(
        pair_id="p",
        pair_index=0,
        slice_id=LABELS[label].slice_id,
        image_path="x.png",
        file_kind=OPEN if item is None else CLOSED_WITH_REASON,
        question_type=question_type_of(kind),
        subtype="open" if item is None else "options",
        question=(question or wording.open_question)
        if item is None
        else wording.question + options_text(item, CLOSED_WITH_REASON),
        answer=text if item is None else reasoned(item.answer, text),
        source_id="90",
        writer="m",
    )
    known = LABELS[label]
    return faults(one, facts(known), item, known.slice.sequence)


@pytest.mark.parametrize("text", TEXTS["adversarial"], ids=lambda t: t[-1][:60])
def test_texts_that_are_not_clean_are_refused(text: list[str]) -> None:
    assert judged(*text)


@pytest.mark.parametrize("text", TEXTS["honest"], ids=lambda t: t[-1][:60])
def test_honest_texts_pass(text: list[str]) -> None:
    assert judged(*text) == ()


def test_texts_that_no_rule_was_fitted_to() -> None:
    """The figures in docs/instructions.md; no list or rule is to be changed to please these texts."""
    passed = [text for text in TEXTS["held_out_adversarial"] if not judged(*text)]
    assert len(TEXTS["held_out_adversarial"]) == len(TEXTS["held_out_honest"]) == 40
    assert len(passed) <= 2, passed
    assert sum(bool(judged(*text)) for text in TEXTS["held_out_honest"]) <= 13


DX, GLIOMA = "diagnosis", "The most likely diagnosis is glioma"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (("open", "glioma", DX, None, f"{GLIOMA}, with a violet rim."), PairFault.UNKNOWN_WORD),
        (("open", "glioma", DX, "Which violet diagnosis is this?", f"{GLIOMA}."), PairFault.UNKNOWN_WORD),
        (("open", "glioma", DX, None, f"{GLIOMA}, but not so."), PairFault.ANSWER_MISSING),
        (("open", "glioma", DX, None, f"{GLIOMA}?"), PairFault.ANSWER_MISSING),
        (("open", "glioma", "texture", None, "Its texture is heterogeneous: glioma."), PairFault.OTHER_ATTRIBUTE),
        (("open", "glioma", DX, None, f"{GLIOMA}, which is oval."), PairFault.OTHER_ATTRIBUTE),
        (("open", "glioma", DX, None, f"{GLIOMA} on the right."), PairFault.OTHER_ATTRIBUTE),
        (("closed", "glioma", DX, None, f"{GLIOMA}, as its oval outline proves."), PairFault.NOT_IN_LABEL),
        (("closed", "glioma", DX, None, f"{GLIOMA}, the second option."), PairFault.LETTER_INCONSISTENT),
        (("closed", "glioma", "size", None, "Its size is small. None of the above is right, medium is."), None),
        (("closed", "glioma", "modality", None, "The sequence is T2 with dark fluid."), PairFault.PHYSICS),
        (("closed", "healthy", "modality", None, "The sequence is T2 after gadolinium."), PairFault.PHYSICS),
        (("open", "glioma", "edema", "How much edema is there?", "There is extensive edema."), None),
    ],
)
def test_each_rule_has_its_fault(text: tuple[str, str, str, str | None, str], expected: PairFault | None) -> None:
    found = judged(*text)
    assert found
    assert expected is None or [one.code for one in found] == [expected]


def test_own_words_of_a_fact_do_not_serve_another() -> None:
    """The words of one value are unknown where the label has another."""
    assert judged("closed", "glioma", "texture", None, "The signal is uneven: its texture is heterogeneous.") == ()
    [fault] = judged("closed", "glioma", "texture", None, "The signal is even: its texture is heterogeneous.")
    assert fault == Fault(PairFault.UNKNOWN_WORD, "even")


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("So none of the above is right.", True),
        ("None of the offered terms fits: it is oval.", True),
        ("No option says this.", True),
        ("The answer is none of the above.", True),
        ("None of the above is wrong.", False),
        ("None of the above is not right.", False),
        ("None of the above is right but the first.", False),
        ("None of the above is right, and none of them is not.", False),
        ("It is oval.", False),
    ],
)
def test_a_rejection_is_a_whole_clause(text: str, right: bool) -> None:
    assert says_none_right(text) is right


def test_brightness_of_every_sequence() -> None:
    """What holds on one sequence and not on another is refused there, whichever way it is said."""
    said = {
        "Cerebrospinal fluid is bright.": {"t2"},
        "It shows dark cerebrospinal fluid.": {"t1", "t1ce", "flair"},
        "White matter is brighter than gray matter.": {"t1", "t1ce"},
        "Gray matter appears darker than white matter.": {"t1", "t1ce"},
        "Gray matter is brighter than white matter.": {"t2", "flair"},
        "Vessels and mucosa are bright.": {"t1ce"},
        "The vessels are bright after a gadolinium agent.": {"t1ce"},
        "Bright fluid, and gray matter brighter than white matter.": {"t2"},
        "Fluid is dark and white matter is bright.": {"t1", "t1ce"},
        "The fluid is not bright.": set(),
        "Everything is bright.": set(),
    }
    for text, right in said.items():
        assert {s.value for s in MRSequence if against_physics(text, s) is None} == right, text
    assert set(load_tissues().sequence) == set(MRSequence)


def test_our_definitions_of_sequences_agree_with_the_table() -> None:
    for sequence in (MRSequence.T1, MRSequence.T2):
        assert against_physics(load_wordings().closed["modality"].meaning(sequence), sequence) is None


def test_allowed_words_are_neutral_and_stand_once() -> None:
    """No word that a list forbids is allowed, and neutral words are no values of a term."""
    lists = load_allowed()
    neutral = words_of([lists.neutral, lists.questions, lists.answers])
    for word in neutral:
        assert not phrases_in(f"x {word} x"), word
    values = words_of(" ".join(lists.values.values()).split())
    assert not {"uneven", "brighter", "satellite", "thin", "jagged", "gradual"} & neutral
    assert len(values) > 50
    for table in (lists.about, lists.asking):
        assert set(table) == set(load_wordings().closed)
    assert [w for w, n in Counter(lists.neutral.split()).items() if n > 3] == []
