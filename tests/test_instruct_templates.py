"""Templates: every pair is sound, wordings do not depend on the answer, and there are enough of them."""

import json
import re
import string
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factories_build import make_label, semantics, skewed_labels
from neuroonco.audit.records import AuditedLabel
from neuroonco.build.closed import closed_items_of, twins_of
from neuroonco.build.facts import Fact, facts
from neuroonco.build.index import index_labels
from neuroonco.build.instruct.assemble import options_text, pairs
from neuroonco.build.instruct.records import (
    CLOSED,
    CLOSED_WITH_REASON,
    OPEN,
    TEMPLATES,
    Draft,
    InstructionPair,
    OpenDraft,
)
from neuroonco.build.instruct.templates import draft
from neuroonco.build.instruct.validator import faults
from neuroonco.build.instruct.wordings import asked_of, wording_name_of
from neuroonco.build.labels import in_order
from neuroonco.build.plan import plan_instructions
from neuroonco.build.pools import Planned, Pool
from neuroonco.build.records import ANSWERS, ClosedItem
from neuroonco.build.rules import BuildRules
from neuroonco.errors import InputError
from neuroonco.prompts import load_wordings
from neuroonco.readings.records import Signs
from neuroonco.rules import load_rules
from neuroonco.vocabulary import (
    Edema,
    Enhancement,
    ImageRegion,
    LesionSize,
    LesionSpread,
    Margins,
    MeasureFrame,
    MRSequence,
    QuestionType,
    Shape,
    SignalIntensity,
    Texture,
    TumorType,
    assessable,
)

ABNORMAL_OR_HEALTHY = Pool("diagnosis_binary", (TumorType.HEALTHY, TumorType.TUMOR), 2)
Worked = list[tuple[AuditedLabel, list[ClosedItem], list[InstructionPair]]]


def worked(labels: list[AuditedLabel], seed: int = 0) -> Worked:
    """All pairs of some slices, with the items that the plan of instructions asks."""
    ordered = in_order(labels)
    index = index_labels(ordered, seed)
    rules = load_rules("default").section("build", BuildRules)
    plan = plan_instructions(index, np.ones(index.slice_count, bool), rules)
    result = []
    for row, label in enumerate(ordered):
        items = closed_items_of(label, plan.of_slice(row), seed=seed, rules_name="default", group="g")
        result.append((label, items, pairs_of(label, items, seed)))
    return result


def pairs_of(label: AuditedLabel, items: list[ClosedItem], seed: int = 0) -> list[InstructionPair]:
    known = facts(label)
    return pairs(label, known, items, draft(label, known, items, seed), "g")


def assert_sound(label: AuditedLabel, items: list[ClosedItem], made: list[InstructionPair]) -> None:
    by_index = {item.q_index: item for item in items}
    for one in made:
        item = None if one.file_kind == OPEN else by_index[one.pair_index]
        found = faults(one, facts(label), item, label.slice.sequence or label.sequence)
        assert found == (), f"{one.question}\n{one.answer}"


def test_pairs_of_unequal_labels_are_sound_and_varied() -> None:
    done = worked(skewed_labels(300))
    for label, items, made in done:
        assert_sound(label, items, made)
    every = [one for _, _, made in done for one in made]
    stems = {one.question.split("\nOptions:")[0] for one in every}
    assert len(stems) > 400
    answers = [one.answer for one in every if one.file_kind != CLOSED]
    assert len(set(answers)) > 0.3 * len(answers)
    assert {one.subtype for one in every} == {"open", "detail", "reasoning", "options", "binary", "none_of_the_above"}


def any_of(kind: type) -> st.SearchStrategy:
    return st.one_of(st.none(), st.sampled_from(kind))


SIGNS = st.builds(
    Signs,
    margins=any_of(Margins),
    texture=any_of(Texture),
    enhancement=any_of(Enhancement),
    edema=any_of(Edema),
    signal_intensity=any_of(SignalIntensity),
)
MASKS = st.builds(
    semantics,
    size=any_of(LesionSize),
    shape=any_of(Shape),
    spread=any_of(LesionSpread),
    location=any_of(ImageRegion),
    frame=any_of(MeasureFrame),
)


@settings(max_examples=150)
@given(
    tumor=any_of(TumorType),
    sequence=any_of(MRSequence),
    seen=any_of(MRSequence),
    found=st.booleans(),
    signs=SIGNS,
    mask=st.one_of(st.none(), MASKS),
    name=st.text(string.ascii_letters, min_size=1, max_size=5),
    data=st.data(),
)
def test_every_pair_of_every_label_is_sound(tumor, sequence, seen, found, signs, mask, name, data) -> None:
    """Edge labels: coarse terms, nothing but a sequence, disputed lesions, unknown sequences; any options."""
    label = make_label(
        name, tumor, sequence=sequence, seen_sequence=seen, lesion_found=found, signs=signs, semantics=mask
    )
    known = facts(label)
    planned = [data.draw(planned_question(place, fact)) for place, fact in enumerate(known)]
    items = closed_items_of(label, planned, seed=0, rules_name="default", group="g")
    assert_sound(label, items, pairs_of(label, items))
    twins = twins_of(items, planned, seed=0)
    assert_sound(label, twins, [one for one in pairs_of(label, twins) if one.file_kind != OPEN])


@st.composite
def planned_question(draw: st.DrawFn, place: int, fact: Fact) -> Planned:
    """A question as some pool could ask it; a typed tumor may be asked as abnormal."""
    lent = fact.wording == "diagnosis" and draw(st.booleans())
    wording = "diagnosis_binary" if lent else fact.wording
    answer = TumorType.TUMOR if lent else fact.value
    if wording == "diagnosis_binary":
        return Planned(place, Pool(wording, (TumorType.TUMOR, TumorType.HEALTHY), 2), answer, draw(st.integers(0, 1)))
    terms = [t for t in ANSWERS[fact.question_type] if not isinstance(t, TumorType) or t.is_specific]
    others = [t for t in terms if t is not answer and not {t.value, answer.value} & {"present", "round_or_oval"}]
    if not others:
        others = [t for t in terms if t.value in ("absent", "lobulated", "irregular")]
    wanted = draw(st.integers(1, len(others)))
    values = (answer, *others[:wanted])
    if len(values) == 2:
        return Planned(place, Pool(wording, values, 2), answer, draw(st.integers(0, 1)))
    options = min(4, len(values) - 1)
    at = draw(st.one_of(st.none(), st.integers(0, options - 1)))
    return Planned(place, Pool(wording, values, options), answer, at)


def test_the_wording_does_not_depend_on_the_answer() -> None:
    """Two labels of one slice id that differ in every answer are asked in the same words."""
    one = make_label("same", TumorType.GLIOMA, sequence=MRSequence.T2, semantics=semantics(), signs=all_signs(0))
    other = make_label(
        "same",
        TumorType.EPENDYMOMA,
        sequence=MRSequence.FLAIR,
        semantics=semantics(LesionSize.SMALL, Shape.ROUND, LesionSpread.SCATTERED, ImageRegion.UPPER_LEFT),
        signs=all_signs(1),
    )
    for seed in range(20):
        drafts = [draft(label, facts(label), [], seed) for label in (one, other)]
        assert [(d.wording, d.question) for d in drafts[0].open] == [(d.wording, d.question) for d in drafts[1].open]
    asked = [draft(one, facts(one), [], seed).open[0].question for seed in range(200)]
    assert len(set(asked)) >= 9, "the seed chooses"


def all_signs(n: int) -> Signs:
    return Signs(
        margins=list(Margins)[n],
        texture=list(Texture)[n],
        edema=list(Edema)[n],
        signal_intensity=list(SignalIntensity)[n],
    )


def test_stems_of_closed_questions_are_as_frequent_for_each_answer() -> None:
    counts: dict[str, Counter[str]] = {}
    for _, items, made in worked(skewed_labels(1500)):
        letters = {item.q_index: item for item in items}
        for one in made:
            if one.file_kind == CLOSED and one.question_type is QuestionType.SIZE:
                stem = one.question.split("\nOptions:")[0]
                counts.setdefault(asked_of(letters[one.pair_index]).value, Counter())[stem] += 1
    assert len(counts) == 3
    for stem in set().union(*counts.values()):
        shares = [table[stem] / table.total() for table in counts.values()]
        assert max(shares) - min(shares) < 0.12, stem


def test_the_format_is_the_published_one() -> None:
    label = make_label("f", TumorType.GLIOMA, sequence=MRSequence.T2, semantics=semantics(), signs=all_signs(0))
    known = facts(label)
    pool = Pool("modality", tuple(MRSequence), 3)
    place = [fact.question_type for fact in known].index(QuestionType.MODALITY)
    items = closed_items_of(label, [Planned(place, pool, MRSequence.T2, None)], seed=0, rules_name="default", group="g")
    made = pairs_of(label, items)
    kinds = [one.file_kind for one in made]
    assert kinds == [OPEN] * (len(known) + 3) + [CLOSED, CLOSED_WITH_REASON]
    assert len({one.pair_id for one in made}) == len(made)
    letter, reason = made[-2:]
    stem, _, rest = letter.question.partition("\nOptions:\n")
    assert "\n" not in stem
    options, _, ask = rest.partition("\n\n")
    assert options.split("\n") == [f"{o.letter}. {o.text}" for o in items[0].options]
    assert ask == "Answer with the option letter only."
    assert letter.answer == "E"
    assert reason.question.startswith(f"{stem}\nOptions:\n{options}\n\n")
    assert reason.answer.startswith("Final: E\nExplanation: ")
    assert "T2" in reason.answer
    assert {one.writer for one in made} == {TEMPLATES}
    assert {one.group_id for one in made} == {"g"}
    several = [one for one in made if one.subtype in ("detail", "reasoning")]
    assert [(one.subtype, one.question_type.value) for one in several] == [
        ("detail", "size"),
        ("detail", "margins"),
        ("reasoning", "diagnosis"),
    ]


def test_healthy_slices_are_asked_for_diagnosis_and_sequence_only() -> None:
    label = make_label("h", TumorType.HEALTHY, sequence=MRSequence.T1)
    planned = [Planned(0, ABNORMAL_OR_HEALTHY, TumorType.HEALTHY, 0)]
    made = pairs_of(label, closed_items_of(label, planned, seed=0, rules_name="default", group="g"))
    assert [(one.question_type.value, one.subtype) for one in made] == [
        *(("diagnosis", "open"), ("modality", "open")),
        *(("diagnosis", "binary"), ("diagnosis", "binary")),
    ]
    assert all("lesion" not in one.question for one in made)


def test_a_typed_tumor_asked_as_abnormal_is_not_named() -> None:
    label = make_label("lent", TumorType.GLIOMA, sequence=MRSequence.T2, semantics=semantics())
    for seed in range(12):
        planned = [Planned(0, ABNORMAL_OR_HEALTHY, TumorType.TUMOR, seed % 2)]
        items = closed_items_of(label, planned, seed=seed, rules_name="default", group="g")
        assert (wording_name_of(items[0]), asked_of(items[0])) == ("diagnosis_binary", TumorType.TUMOR)
        made = pairs_of(label, items, seed)
        for one in (made[0], made[-1]):
            assert one.question_type is QuestionType.DIAGNOSIS
            assert "abnormal" in one.answer.casefold()
            assert "glioma" not in one.answer.casefold()
        assert (made[0].wording, made[0].subtype) == ("diagnosis_binary", "open")
        assert not [one for one in made if one.wording == "diagnosis"], "asked abnormal or healthy instead"
        assert "glioma" in next(one.answer for one in made if one.subtype == "reasoning").casefold()


def test_an_open_impression_is_as_often_abnormal_as_healthy() -> None:
    """Without tumors of unstated type, nothing in the words may tell whether the slice is healthy."""
    typed = [label for label in skewed_labels(1500) if label.slice.tumor_type is not TumorType.TUMOR]
    healthy = [make_label(f"more {n}", TumorType.HEALTHY) for n in range(900)]  # more than there are tumors to lend
    for labels in (typed, [*typed, *healthy]):
        by_stem: dict[str, Counter[str]] = {}
        closed: Counter[str] = Counter()
        for label, items, made in worked(labels):
            truth = "healthy" if label.slice.tumor_type is TumorType.HEALTHY else "abnormal"
            closed.update(truth for item in items if wording_name_of(item) == "diagnosis_binary")
            for one in made:
                if one.file_kind != OPEN or one.question_type is not QuestionType.DIAGNOSIS:
                    continue
                stem = next(
                    (s for s in load_wordings().closed["diagnosis_binary"].open_stems if one.question.endswith(s)), None
                )
                assert (stem is not None) == (one.wording == "diagnosis_binary")
                if stem is not None:
                    assert (truth == "healthy") is ("abnormal" not in one.answer.casefold())
                    by_stem.setdefault(stem, Counter())[truth] += 1
        opened = sum(by_stem.values(), Counter())
        assert opened == closed
        assert opened["healthy"] == opened["abnormal"] > 100
        assert len(by_stem) == 10
        for stem, table in by_stem.items():
            assert abs(table["healthy"] - table["abnormal"]) < 4 * table.total() ** 0.5, stem


def test_of_healthy_slices_alone_nobody_asks_whether_they_are() -> None:
    for _, items, made in worked([make_label(f"{n}", TumorType.HEALTHY) for n in range(6)]):
        assert items == []
        assert [one.question_type for one in made] == [QuestionType.MODALITY]


def answers_of(label: AuditedLabel) -> list[tuple[str, str]]:
    """Texts that a writer's pairs give on one slice over many seeds, with what they are about."""
    known = facts(label)
    drafts = [draft(label, known, [], seed) for seed in range(60)]
    return [(one.wording, one.answer) for made in drafts for one in made.open]


@pytest.mark.parametrize("spread", [None, *LesionSpread])
def test_clauses_fit_the_number_of_foci(spread: LesionSpread | None) -> None:
    signs = all_signs(1).model_copy(update={"edema": Edema.MILD})
    label = make_label("foci", semantics=semantics(spread=spread), signs=signs)
    for wording, answer in answers_of(label):
        words = answer.casefold().replace("together with it", "")
        if wording in ("extent", "appearance", "reasoning"):
            if spread is LesionSpread.SOLITARY:
                assert "largest" not in words
            elif spread is not None:
                assert not re.search(r"\bthe lesion\b|\bits?\b", words), answer
            if spread in (None, LesionSpread.SOLITARY):
                assert "total" not in words
                features = words.split(": ", 1)[-1].split(". on this slice, ")[-1]
                assert re.search(r"\blesion\b", features.split(",")[0].split(".")[0]), f"no antecedent: {answer}"
        if spread not in (None, LesionSpread.SOLITARY) and wording in ("shape", "location_in_head"):
            assert not re.search(r"\bthe lesion\b", words), answer


BROKEN = (
    r"\bHere (?:in|inside|at|after|with|from|against|relative|measured|compared)\b",
    r"\) \(",
    r"which rules out (?!T1|T2|FLAIR)",
    r"of the options, only",
    r"\bslice\b[^.]{0,40}\bthe slice\b",
    r"the reference\.",
    r"to be called",
    r"diagnosis, the (?:leading )?diagnosis",
    r"go with",
    r"type is not said",
    r":[^.]*: ",
)


def test_no_frame_and_clause_go_badly_together() -> None:
    for _, _, made in worked(skewed_labels(400)):
        for one in made:
            if one.file_kind != CLOSED:
                text = one.answer.removeprefix("Final: ").partition("Explanation: ")[2] or one.answer
                assert not [p for p in BROKEN if re.search(p, text)], text


def test_leads_ask_for_nothing_and_stand_before_no_other() -> None:
    leads = load_wordings().leads
    assert {lead.split()[0] for lead in leads} == {"This", "Here", "One", "You", "Shown", "The"}
    assert all(lead.endswith(".") for lead in leads)
    for _, _, made in worked(skewed_labels(100)):
        for one in made:
            found = [lead for lead in leads if one.question.startswith(lead)]
            assert len(found) <= 1
            rest = one.question.removeprefix(found[0] if found else "").split("\nOptions:")[0]
            assert not found or not re.search(r"\b(?:slice|image|picture|shown)\b", rest), one.question


def test_explanations_say_no_more_than_the_label() -> None:
    """The features beside a diagnosis are the label's, at most four, and none is said to prove it."""
    features = {"size", "shape", "spread", "location", "margins", "texture", "edema", "signal_intensity"}
    seen = Counter()
    for label, items, made in worked(skewed_labels(200)):
        known = {fact.question_type.value: fact for fact in facts(label)}
        for one in made:
            if one.file_kind != CLOSED_WITH_REASON or one.question_type is not QuestionType.DIAGNOSIS:
                continue
            said = {name for name in features & set(known) if states(known[name], one.answer)}
            seen[len(said)] += 1
            assert "prove a" not in one.answer or "not prove" in one.answer or "rarely proves" in one.answer
        assert len(items) * 2 == sum(one.file_kind != OPEN for one in made)
    assert max(seen) == 4
    assert min(seen) == 0, "healthy slices have none"


def states(fact: Fact, text: str) -> bool:
    return any(
        clause.casefold() in text.casefold() for clause in load_wordings().closed[fact.wording].clauses(fact.value)
    )


def test_what_belongs_to_another_slice_or_has_no_wording_is_refused() -> None:
    label = make_label("x", TumorType.GLIOMA, sequence=MRSequence.T2)
    with pytest.raises(InputError, match="a draft of other"):
        pairs(label, facts(label), [], Draft(slice_id="other", writer="m"))
    for wording in ("plane", "extent", "location/../x"):
        unknown = Draft(
            slice_id=label.slice_id, writer="m", open=(OpenDraft(wording=wording, question="?", answer="."),)
        )
        with pytest.raises(InputError):
            pairs(label, facts(label), [], unknown)
    items = closed_items_of(
        label,
        [Planned(1, Pool("modality", tuple(MRSequence), 3), MRSequence.T2, 0)],
        seed=0,
        rules_name="default",
        group="g",
    )
    foreign = items[0].model_copy(update={"question": "What is it?"})
    with pytest.raises(InputError, match="What is it"):
        draft(label, facts(label), [foreign], 0)
    assert pairs(label, facts(label), items, Draft(slice_id=label.slice_id, writer="m")) == [], "nothing is worded"
    assert options_text(items[0], CLOSED).startswith("\nOptions:\nA. ")


def test_no_sign_is_spoken_of_on_a_sequence_that_cannot_show_it() -> None:
    for label, _, made in worked(skewed_labels(200)):
        text = " ".join(one.answer for one in made if one.question_type is not QuestionType.MODALITY).casefold()
        for sign, words in (("enhancement", ("enhancement", "uptake")), ("edema", ("edema", "swollen", "swelling"))):
            if not assessable(sign, label.slice.sequence):
                assert not any(word in text for word in words), (label.slice.sequence, text)


def test_drafts_are_plain_data(tmp_path: Path) -> None:
    label = make_label("d", TumorType.GLIOMA, sequence=MRSequence.T2, semantics=semantics())
    made = draft(label, facts(label), [], 3)
    path = tmp_path / "draft.json"
    path.write_text(made.model_dump_json())
    assert Draft.model_validate(json.loads(path.read_text())) == made
