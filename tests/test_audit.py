"""Audit: never adds, fails closed by our rules, keeps the reference's faults by its own."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuroonco.audit.apply import apply_answer, apply_answers, match_answers
from neuroonco.audit.interop import decode_answer, decode_audited, encode_answer, encode_audited
from neuroonco.audit.paper import apply_to_fused, audit_documents
from neuroonco.audit.records import KEEP_ALL, AuditAnswer, AuditedLabel, FieldActions, unknown_slice
from neuroonco.fusion.records import FusedLabel
from neuroonco.outcomes import Dropped
from neuroonco.readings.records import Signs
from neuroonco.rules import load_rules
from neuroonco.vocabulary import (
    SIGN_VALUES,
    AuditAction,
    AuditDecision,
    DropReason,
    Edema,
    Enhancement,
    ImageRegion,
    Margins,
    MRSequence,
    Shape,
    Sign,
    assessable,
    coarsenings,
)

DEFAULT, PAPER = load_rules("default"), load_rules("paper")
FIELDS = ("sequence", "region", *(s.value for s in Sign))

labels = st.builds(
    FusedLabel,
    slice_id=st.just("s1"),
    sample_id=st.just("a"),
    lesion_found=st.just(True),
    sequence=st.none() | st.sampled_from(list(MRSequence)),
    region=st.none() | st.sampled_from(list(ImageRegion)),
    signs=st.builds(Signs, **{s.value: st.none() | st.sampled_from(list(SIGN_VALUES[s])) for s in Sign}),
)
answers = st.builds(
    AuditAnswer,
    slice_id=st.just("s1"),
    sample_id=st.just("a"),
    auditor=st.just("x"),
    decision=st.none() | st.sampled_from(list(AuditDecision)),
    actions=st.builds(FieldActions, **{f: st.none() | st.sampled_from(list(AuditAction)) for f in FIELDS}),
    findings=st.none() | st.just("artifact"),
)


def label(**changes: Any) -> FusedLabel:
    return FusedLabel(**{"slice_id": "s1", "sample_id": "a", "lesion_found": True} | changes)


def answer(decision: AuditDecision | None = AuditDecision.ACCEPT, **actions: AuditAction) -> AuditAnswer:
    """What is not named is kept, in so many words."""
    said = KEEP_ALL.model_copy(update=actions)
    return AuditAnswer(slice_id="s1", sample_id="a", auditor="x", decision=decision, actions=said)


def apply(one: FusedLabel, given_answer: AuditAnswer) -> AuditedLabel | Dropped:
    return apply_answer(one, given_answer, unknown_slice(one))


@given(labels, answers)
@pytest.mark.parametrize("rules", [DEFAULT, PAPER], ids=["default", "paper"])
def test_audit_never_adds(rules: Any, one: FusedLabel, given_answer: AuditAnswer) -> None:
    outcome = apply_answers([one], {"s1": given_answer}, {}, rules=rules)
    for audited in outcome.kept:
        assert audited.region in (None, one.region)
        for sign in Sign:
            after, before = audited.signs.get(sign), one.signs.get(sign)
            if after is not None:
                assert before is not None
                # The reference's DOWNGRADE says "present" even of what is absent: its fault, kept.
                assert after in coarsenings(before) or (rules is PAPER and after.value == "present")
        if rules is DEFAULT:
            assert audited.sequence in (None, one.sequence)


@given(labels, answers)
def test_every_change_is_recorded(one: FusedLabel, given_answer: AuditAnswer) -> None:
    audited = apply(one, given_answer)
    if isinstance(audited, Dropped):
        return
    before = {"sequence": one.sequence, "region": one.region} | {s.value: one.signs.get(s) for s in Sign}
    after = {"sequence": audited.sequence, "region": audited.region}
    after |= {s.value: audited.signs.get(s) for s in Sign}
    changed = {f for f in FIELDS if before[f] != after[f]}
    final = {c.field: c.after for c in audited.changes}
    assert changed == {f for f in final if final[f] != before[f]}
    assert all(final[f] == after[f] for f in changed)


@given(labels, st.none() | st.sampled_from(list(MRSequence)))
def test_keeping_everything_leaves_what_the_sequence_can_show(one: FusedLabel, stated: MRSequence | None) -> None:
    record = unknown_slice(one).model_copy(update={"sequence": stated})
    audited = apply_answer(one, answer(**dict.fromkeys(FIELDS, AuditAction.KEEP)), record)
    assert isinstance(audited, AuditedLabel)
    assert (audited.sequence, audited.region) == (one.sequence, one.region)
    # What the source states about the sequence stands above what readings and auditor make of it.
    known = stated or one.sequence
    expected = {s.value: v for s in Sign if (v := one.signs.get(s)) is not None and assessable(s, known)}
    assert audited.signs == Signs(**expected)
    assert {c.field for c in audited.changes} == {
        s.value for s in Sign if one.signs.get(s) is not None and not assessable(s, known)
    }


def test_an_auditor_cannot_keep_what_the_stated_sequence_does_not_show() -> None:
    one = label(sequence=MRSequence.T1CE, signs=Signs(enhancement=Enhancement.RING, shape=Shape.ROUND))
    record = unknown_slice(one).model_copy(update={"sequence": MRSequence.T2})
    audited = apply_answer(one, answer(enhancement=AuditAction.KEEP), record)
    assert isinstance(audited, AuditedLabel)
    assert audited.signs == Signs(shape=Shape.ROUND)
    assert audited.changes[0].reason == "not assessable on T2"


@given(st.none() | st.booleans() | st.text(max_size=20) | st.lists(st.integers(), max_size=2))
def test_unreadable_answers_are_never_an_acceptance(raw: Any) -> None:
    read = decode_answer({"sample_id": "a", "answer": raw})
    outcome = apply_answers([label(slice_id="a")], {"a": read}, {}, rules=DEFAULT)
    assert outcome.kept == []
    assert [d.reason for d in outcome.dropped] == [DropReason.AUDIT_UNREADABLE]


@pytest.mark.parametrize(
    "raw",
    [
        {"field_actions": {"shape": "KEEP"}},
        {"final_decision": "MAYBE"},
        {"final_decision": "ACCEPT", "field_actions": "all fine"},
        {"final_decision": "ACCEPT", "field_actions": {"diagnosis": "KEEP"}},
    ],
)
def test_half_answers_fail_closed(raw: Any) -> None:
    assert decode_answer({"sample_id": "a", "answer": raw}).error is not None


def test_reasons_of_drops() -> None:
    table = {
        "rejected": (answer(AuditDecision.REJECT), DropReason.AUDIT_REJECTED),
        "undecided": (answer(None), DropReason.AUDIT_UNREADABLE),
        "missing": (None, DropReason.AUDIT_MISSING),
    }
    given_answers = {k: a for k, (a, _) in table.items() if a is not None}
    outcome = apply_answers([label(slice_id=k) for k in table], given_answers, {}, rules=DEFAULT)
    assert {d.slice_id: d.reason for d in outcome.dropped} == {k: r for k, (_, r) in table.items()}


def test_downgrade_is_the_declared_coarser_term() -> None:
    signs = Signs(
        shape=Shape.OVAL,
        margins=Margins.ILL_DEFINED,
        enhancement=Enhancement.RING,
    )
    one = label(sequence=MRSequence.T1CE, signs=signs)
    downgraded = apply(one, answer(**dict.fromkeys([s.value for s in Sign], AuditAction.DOWNGRADE)))
    assert isinstance(downgraded, AuditedLabel)
    assert downgraded.signs == Signs(shape=Shape.ROUND_OR_OVAL, enhancement=Enhancement.PRESENT)
    on_flair = label(sequence=MRSequence.FLAIR, signs=Signs(edema=Edema.ABSENT))
    nothing_coarser = apply(on_flair, answer(edema=AuditAction.DOWNGRADE))
    assert isinstance(nothing_coarser, AuditedLabel)
    assert nothing_coarser.signs == Signs()


def test_signs_go_with_the_sequence_that_showed_them() -> None:
    one = label(sequence=MRSequence.T1CE, signs=Signs(enhancement=Enhancement.RING, shape=Shape.ROUND))
    audited = apply(one, answer(sequence=AuditAction.DOWNGRADE))
    assert isinstance(audited, AuditedLabel)
    assert audited.sequence is None, "T1CE is not turned into T1: nobody has read T1"
    assert audited.signs == Signs(shape=Shape.ROUND)
    assert [c.field for c in audited.changes] == ["sequence", "enhancement"]


def test_signs_of_an_erased_sequence_do_not_stand_on_the_stated_one() -> None:
    one = label(sequence=MRSequence.T1CE, signs=Signs(enhancement=Enhancement.RING, shape=Shape.ROUND))
    record = unknown_slice(one).model_copy(update={"sequence": MRSequence.T1CE})
    for action in (AuditAction.ERASE, AuditAction.DOWNGRADE, None):
        audited = apply_answer(one, answer(sequence=action), record)
        assert isinstance(audited, AuditedLabel)
        assert audited.signs == Signs(shape=Shape.ROUND)
        assert audited.changes[-1].reason == "not assessable on an unknown sequence"
    kept = apply_answer(one, answer(), record)
    assert isinstance(kept, AuditedLabel)
    assert kept.signs == one.signs


def test_what_was_seen_stands_and_goes_with_the_sequence() -> None:
    one = label(sequence=MRSequence.T1, sequence_seen=MRSequence.T1CE)
    kept, erased = apply(one, answer()), apply(one, answer(sequence=AuditAction.ERASE))
    assert isinstance(kept, AuditedLabel)
    assert isinstance(erased, AuditedLabel)
    assert (kept.sequence, kept.sequence_seen, kept.changes) == (MRSequence.T1, MRSequence.T1CE, ())
    assert (erased.sequence, erased.sequence_seen) == (None, None)
    assert [(c.field, c.before) for c in erased.changes] == [("sequence", "t1"), ("sequence_seen", "t1ce")]
    paper = apply_answers([one], {"s1": answer()}, {}, rules=PAPER).kept[0]
    assert paper.sequence_seen is MRSequence.T1CE


def test_consent_in_general_keeps_nothing_in_particular() -> None:
    read = decode_answer({"sample_id": "a", "answer": {"final_decision": "ACCEPT"}})
    one = label(
        slice_id="a", sequence=MRSequence.T1, region=ImageRegion.CENTER, signs=Signs(shape=Shape.OVAL, edema=None)
    )
    outcome = apply_answers([one], {"a": read}, {}, rules=DEFAULT)
    assert [(r.sequence, r.region, r.signs) for r in outcome.kept] == [(None, None, Signs())]
    assert {(c.field, c.reason) for c in outcome.kept[0].changes} == {
        (field, "auditor said nothing") for field in ("sequence", "region", "shape")
    }
    reference = apply_answers([one], {"a": read}, {}, rules=PAPER).kept[0]
    assert (reference.sequence, reference.region, reference.signs) == (one.sequence, one.region, one.signs)


def test_two_answers_that_differ_are_none() -> None:
    labels = [label(slice_id=i, sample_id=i) for i in ("once", "twice", "differing", "none")]
    labels.append(label(slice_id="hash", sample_id="by_sample"))
    rows = [("once", "KEEP"), ("twice", "KEEP"), ("differing", "KEEP"), ("twice", "KEEP"), ("differing", "ERASE")]
    rows += [("by_sample", "KEEP"), ("nobody", "KEEP")]
    given_answers = [
        decode_answer(
            {"sample_id": i, "answer": {"final_decision": "ACCEPT", "field_actions": {"shape": action}}},
        )
        for i, action in rows
    ]
    for order in (given_answers, given_answers[::-1]):
        found, differing = match_answers(labels, order)
        assert set(found) == {"once", "twice", "hash"}
        assert [(q.slice_id, q.code) for q in differing] == [("differing", "ANSWERS_DIFFER")]


def test_a_word_that_is_no_action_erases() -> None:
    read = decode_answer(
        {
            "sample_id": "a",
            "answer": {"final_decision": "accept", "field_actions": {"shape": "keep?", "edema": "KEEP"}},
        }
    )
    assert read.actions.shape is AuditAction.ERASE
    assert read.actions.edema is AuditAction.KEEP


def test_answers_round_trip() -> None:
    raw = {
        "sample_id": "a",
        "answer": {
            "final_decision": "ACCEPT",
            "field_actions": {"predicted_modality": "DOWNGRADE", "shape": "ERASE"},
            "additional_findings": "motion artifact",
        },
    }
    assert encode_answer(decode_answer(raw)) == raw


# --- the reference's rules ---

FUSED = {
    "meta_info": {"predicted_modality": "t1_contrast", "predicted_location": "Center", "lesion_found": "True"},
    "structured_signs": {
        "shape": "Oval",
        "margins": "Ill-defined",
        "texture": "null",
        "enhancement": "Ring",
        "edema": "Mild",
        "signal_intensity": "null",
    },
}


def test_reference_actions() -> None:
    gold = apply_to_fused(
        FUSED,
        {
            "final_decision": "REJECT",
            "field_actions": {
                "shape": "downgrade",
                "edema": "Downgrade",
                "margins": "ERASE",
                "predicted_location": "ERASE",
            },
            "additional_findings": "none",
        },
        {"tumor_type": "glioma", "modality": "t1ce"},
    )
    assert gold["meta_info"] == {
        "predicted_modality": "t1_contrast",
        "predicted_location": None,
        "lesion_found": "True",
        "true_tumor_type": "glioma",
        "true_modality": "t1ce",
    }
    assert gold["structured_signs"] == {
        "shape": "Oval",
        "margins": None,
        "texture": "null",
        "enhancement": "Ring",
        "edema": "Present",
        "signal_intensity": "null",
    }
    assert gold["additional_clues"] is None


def test_reference_downgrade_of_contrast_takes_the_enhancement() -> None:
    gold = apply_to_fused(FUSED, {"field_actions": {"predicted_modality": "DOWNGRADE", "enhancement": "KEEP"}}, None)
    assert gold["meta_info"]["predicted_modality"] == "T1"
    assert gold["structured_signs"]["enhancement"] is None
    assert "true_tumor_type" not in gold["meta_info"]


@pytest.mark.parametrize("raw", [None, "garbage", {}, {"field_actions": "x"}, []])
def test_reference_keeps_everything_of_an_unreadable_answer(raw: Any) -> None:
    gold = apply_to_fused(FUSED, raw, None)
    assert {k: gold[k] for k in FUSED} == FUSED


def test_reference_documents_and_golden_row(request: pytest.FixtureRequest) -> None:
    fused = [
        {"sample_id": "x", "image_path": "p/x.png", "fused_label": FUSED},
        {"sample_id": "y", "fused_label": FUSED},
    ]
    accept = {
        "final_decision": "ACCEPT",
        "field_actions": {"enhancement": "DOWNGRADE"},
        "additional_findings": "cyst",
    }
    rows, missing, broken = audit_documents(
        fused,
        [{"sample_id": "x", "answer": accept}],
        [{"sample_id": "x", "tumor_type": "glioma", "modality": "t1ce"}],
    )
    assert (missing, broken) == (["y"], [])
    assert audit_documents([{"sample_id": "z", "fused_label": "x"}], [{"sample_id": "z"}], []) == ([], [], ["z"])
    golden = json.loads((request.path.parent / "golden" / "audited_reference.json").read_text("utf-8"))
    assert rows == golden
    typed = decode_audited(rows[0])
    assert typed.signs == Signs(
        shape=Shape.OVAL, margins=Margins.ILL_DEFINED, enhancement=Enhancement.PRESENT, edema=Edema.MILD
    )
    again = encode_audited(typed)
    assert again is not None
    nulls = {k: None if v == "null" else v for k, v in rows[0]["gold_label"]["structured_signs"].items()}
    assert again["gold_label"]["structured_signs"] == nulls
    assert again["gold_label"]["meta_info"] == rows[0]["gold_label"]["meta_info"]
