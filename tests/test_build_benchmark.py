"""The benchmark as built: groups and split, what is left out, twins, mimics, shortages, redrawing, files."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from factories_build import closed_items, make_label, semantics, skewed_labels
from neuroonco import store
from neuroonco.audit.records import AuditedLabel
from neuroonco.build.benchmark.build import build_benchmark
from neuroonco.build.benchmark.redraw import UNKNOWN_ANSWER, redraw, true_term
from neuroonco.build.groups import group_ids
from neuroonco.build.index import index_labels
from neuroonco.build.interop import read_closed, read_open
from neuroonco.build.labels import LabelFile, in_order, open_labels
from neuroonco.build.plan import plan_instructions
from neuroonco.build.records import ANSWERS, NONE_OF_THE_ABOVE, ClosedItem, Option
from neuroonco.build.rules import BuildRules
from neuroonco.build.split import benchmark_rows
from neuroonco.outcomes import Dropped, Quarantined
from neuroonco.readings.records import Signs
from neuroonco.rules import load_rules
from neuroonco.vocabulary import (
    DropReason,
    Edema,
    ImageRegion,
    Margins,
    MRSequence,
    QuestionType,
    Texture,
    TumorType,
    confusion_groups,
    recode,
)

RULES = load_rules("default")
GOLDEN = Path(__file__).parent / "golden"


def few_labels():
    """Two typed tumors, an untyped one and a healthy slice, with and without masks and signs."""
    signs = Signs(margins=Margins.ILL_DEFINED, texture=Texture.HETEROGENEOUS, edema=Edema.ABSENT)
    return [
        make_label("a", TumorType.GLIOMA, semantics=semantics(), signs=signs, patient_id="p1"),
        make_label("b", TumorType.MENINGIOMA, sequence=MRSequence.T1CE),
        make_label("c", TumorType.TUMOR, sequence=MRSequence.FLAIR, semantics=semantics(shape=None)),
        make_label("d", TumorType.HEALTHY, sequence=MRSequence.T1),
    ]


def build(out, labels, seed=0, **options):
    return build_benchmark(out, in_order(labels), seed=seed, rules=RULES, **options)


def rows_of(labels, seed, share):
    index = index_labels(in_order(labels), seed)
    return {index.slice_ids[row] for row in np.flatnonzero(benchmark_rows(index, share))}


# --- groups and split ---


def test_groups_follow_patients_copies_and_files_through():
    labels = [
        make_label("a", patient_id="p1", duplicate_group="d1"),
        make_label("b", patient_id="p2", duplicate_group="d1"),
        make_label("c", patient_id="p2"),
        make_label("d", image_path="same.tif", image_channel=0),
        make_label("e", image_path="same.tif", image_channel=1),
        make_label("f"),
    ]
    groups = group_ids(labels)
    by_name = dict(zip("abcdef", (groups[one.slice_id] for one in labels), strict=True))
    assert by_name["a"] == by_name["b"] == by_name["c"]
    assert by_name["d"] == by_name["e"]
    assert len(set(by_name.values())) == 3
    assert group_ids(labels[::-1]) == groups
    ordered = in_order(labels)
    index = index_labels(ordered, 0)
    assert [index.group(row) for row, _ in index.rows(ordered)] == [groups[x.slice_id] for x in ordered]


def test_no_split_cuts_through_a_patient_group():
    """Curation finds neighboring slices of one patient under other names, and across sources."""
    labels = [make_label(f"{i}", patient_id=f"p{i}", patient_group=f"g{i % 5}") for i in range(40)]
    labels += [make_label(f"free{i}") for i in range(40)]
    groups = group_ids(labels)
    assert [groups[x.slice_id] for x in labels[:5]] * 8 == [groups[x.slice_id] for x in labels[:40]]
    assert len(set(groups.values())) == 45
    chosen = rows_of(labels, 3, 0.5)
    sides = [
        {x.slice.patient_group for x in labels if (x.slice_id in chosen) is side} - {None} for side in (True, False)
    ]
    assert sides[0]
    assert sides[1]
    assert not sides[0] & sides[1]


def test_the_benchmark_takes_its_share_in_whole_groups():
    labels = skewed_labels(400)
    chosen = rows_of(labels, 0, 0.25)
    assert 95 <= len(chosen) <= 100
    assert rows_of(labels[::-1], 0, 0.25) == chosen
    assert rows_of(labels, 1, 0.25) != chosen
    groups = group_ids(labels)
    inside = {groups[i] for i in chosen}
    assert not inside & {groups[x.slice_id] for x in labels if x.slice_id not in chosen}


def test_slices_without_a_path_or_hash_are_no_group():
    labels = [
        one.model_copy(update={"slice": one.slice.model_copy(update={"image_sha256": "", "image_path": ""})})
        for one in (make_label("a"), make_label("b"))
    ]
    assert len(set(group_ids(labels).values())) == 2


def test_labels_out_of_order_are_refused_by_the_index():
    labels = in_order(skewed_labels(5))[::-1]
    with pytest.raises(ValueError, match="not in order"):
        index_labels(labels, 0)


# --- what is left out ---


def test_every_slice_is_accounted_for(tmp_path):
    labels = [*skewed_labels(100), make_label("nothing", None, sequence=None)]
    built = build(tmp_path / "part", labels)
    dropped = store.load_strict(tmp_path / "part" / "dropped.parquet", Dropped)
    asked = {one.slice_id for one in [*built.closed, *built.open]}
    assert asked | {d.slice_id for d in dropped} == {one.slice_id for one in labels}
    others = {d.slice_id for d in dropped if d.reason is DropReason.LEFT_FOR_INSTRUCTIONS}
    assert others == {one.slice_id for one in labels} - rows_of(labels, 0, 0.25)
    build(tmp_path / "whole", labels, whole=True)
    dropped = store.load_strict(tmp_path / "whole" / "dropped.parquet", Dropped)
    silent = [d.slice_id for d in dropped if d.reason is DropReason.NO_ANSWERABLE_QUESTION]
    assert silent == [labels[-1].slice_id]
    assert [d.slice_id for d in dropped] == sorted(d.slice_id for d in dropped)


def test_two_labels_of_one_slice_are_set_aside_and_the_rest_goes_on(tmp_path):
    labels = [*few_labels(), few_labels()[0], few_labels()[0]]
    built = build(tmp_path, labels, whole=True)
    quarantined = store.load_strict(tmp_path / "quarantined.parquet", Quarantined)
    assert [q.code for q in quarantined] == ["SLICE_TWICE"] * 3 == ["SLICE_TWICE"] * built.quarantined
    assert {q.slice_id for q in quarantined} == {labels[0].slice_id}
    assert built.closed
    assert labels[0].slice_id not in {item.slice_id for item in built.closed}


def test_a_channel_is_asked_of_but_not_in_the_reference_json(tmp_path):
    labels = [
        make_label(f"{i}", image_path=f"{i}.tif", image_channel=1, sequence=list(MRSequence)[i % 4]) for i in range(8)
    ]
    built = build(tmp_path, labels, whole=True)
    assert built.counts()["not_in_json"] == len(built.closed) > 0
    assert json.loads((tmp_path / "benchmark_closed.json").read_text()) == []


# --- size and shortages ---


def test_what_is_missing_is_said(tmp_path):
    values = {MRSequence.T1: 40, MRSequence.T2: 60, MRSequence.FLAIR: 30}
    labels = [make_label(f"{s}{i}", None, sequence=s) for s, n in values.items() for i in range(n)]
    rules = RULES.with_value("build", "questions_per_type", 150)
    built = build_benchmark(tmp_path, in_order(labels), seed=0, rules=rules, whole=True)
    assert Counter(i.question_type for i in built.closed) == {QuestionType.MODALITY: 90}
    written = json.loads((tmp_path / "shortages.json").read_text())
    assert written == [
        {
            "wording": "modality",
            "wanted": 150,
            "built": 90,
            "available": {"t2": 60, "t1": 40, "flair": 30},
            "missing": {"t1": 10, "flair": 20},
            "said": "modality: 90 of 150 questions; for all, flair needs 20 more slices (has 30), t1 10 more (has 40)",
        }
    ]


def test_no_more_than_wanted_are_asked_and_they_are_spread_over_sources_and_sequences(tmp_path):
    labels = [
        make_label(f"{t}{s}{i}", t, sequence=s)
        for t, weights in (
            (TumorType.GLIOMA, (60, 5)),
            (TumorType.MENINGIOMA, (60, 60)),
            (TumorType.PITUITARY, (30, 40)),
        )
        for s, n in zip((MRSequence.T1, MRSequence.T2), weights, strict=True)
        for i in range(n)
    ]
    rules = RULES.with_value("build", "questions_per_type", 90)
    built = build_benchmark(tmp_path, in_order(labels), seed=0, rules=rules, whole=True)
    own = [i for i in built.closed if i.question_type is QuestionType.DIAGNOSIS]
    sequence = {x.slice_id: x.slice.sequence for x in labels}
    table = Counter((true_term(i), sequence[i.slice_id]) for i in own)
    assert sum(table.values()) == 90
    # glioma has five T2 slices only, and the others give up T2 no further than the balance of the answers demands
    assert table[TumorType.GLIOMA, MRSequence.T1] == 25
    assert table[TumorType.GLIOMA, MRSequence.T2] == 5
    for other in (TumorType.MENINGIOMA, TumorType.PITUITARY):
        assert table[other, MRSequence.T1] + table[other, MRSequence.T2] == 30
        assert table[other, MRSequence.T1] >= 15


# --- twins and mimics ---


def test_twins_differ_from_their_question_in_one_option(tmp_path):
    labels = skewed_labels(300)
    plain = build(tmp_path / "plain", labels, whole=True)
    built = build(tmp_path / "twins", labels, whole=True, twins=True)
    own = {(i.image_id, i.q_index): i for i in built.closed if i.twin_of is None}
    assert list(own.values()) == plain.closed
    twins = [i for i in built.closed if i.twin_of is not None]
    assert len(twins) == sum(not i.is_binary for i in plain.closed) > 100
    assert len({(i.image_id, i.q_index) for i in built.closed}) == len(built.closed)
    for twin in twins:
        first = own[twin.image_id, twin.twin_of]
        assert twin.is_rejection is not first.is_rejection
        assert twin.question == first.question
        changed = [(a.text, b.text) for a, b in zip(first.options, twin.options, strict=True) if a.text != b.text]
        truth = first.removed_answer or first.text_of(first.answer)
        assert truth == (twin.removed_answer or twin.text_of(twin.answer))
        assert len(changed) == 1
        assert truth in changed[0]
    assert read_closed(tmp_path / "twins" / "closed.parquet").records == built.closed
    read = read_closed(tmp_path / "twins" / "benchmark_closed.json").records
    assert [i.twin_of for i in read] == [i.twin_of for i in built.closed]


def test_mimics_come_from_the_group_of_the_answer():
    items = closed_items(skewed_labels(4000), 1, RULES, hard=True)
    by_type = {kind: [i for i in items if i.question_type is kind] for kind in QuestionType}
    for kind in (QuestionType.DIAGNOSIS, QuestionType.LOCATION):
        hard = [i for i in by_type[kind] if i.is_hard]
        assert len(hard) > 300
        groups = {term: group for group in confusion_groups(ANSWERS[kind]) for term in group}
        for item in hard:
            offered = [recode(ANSWERS[kind], o.text) for o in item.options if o.text != NONE_OF_THE_ABOVE]
            assert {groups[term] for term in offered} == {groups[true_term(item)]}
    assert not any(i.is_hard for i in by_type[QuestionType.SIZE])
    assert len(by_type[QuestionType.SIZE]) == 999
    assert not [i for i in by_type[QuestionType.DIAGNOSIS] if i.is_hard and i.is_binary]


def test_a_group_with_two_answers_is_left_out_of_hard_questions():
    types = (TumorType.GLIOMA, TumorType.METASTASIS, TumorType.EPENDYMOMA, TumorType.MENINGIOMA, TumorType.PITUITARY)
    labels = [make_label(f"{t}{i}", t, sequence=None) for t in types for i in range(30)]
    items = closed_items(labels, 0, RULES, hard=True)
    assert {true_term(i) for i in items} == set(types[:3])
    assert {len(i.options) for i in items} == {3}


# --- instructions: layers ---


def test_instructions_ask_all_that_some_balanced_layer_has_room_for():
    labels = in_order(skewed_labels(3000))
    index = index_labels(labels, 5)
    plan = plan_instructions(index, np.ones(index.slice_count, bool), RULES.section("build", BuildRules))
    available = Counter()
    asked: dict = {}
    for n in range(index.fact_count):
        pool = plan.pool_of_fact[n]
        wording = index.wordings[plan.wording[n]]
        available[wording, index.answers[plan.answer[n]]] += 1
        if pool >= 0:
            asked.setdefault(int(pool), Counter())[index.answers[plan.answer[n]], bool(plan.reject[n])] += 1
        else:
            assert plan.why[n] > 0
    for number, counts in asked.items():
        pool = plan.pools[number]
        by_answer = {v: counts[v, True] + counts[v, False] for v in pool.values}
        assert len(set(by_answer.values())) == 1, (pool, by_answer)
        total, rejected = sum(by_answer.values()), sum(counts[v, True] for v in pool.values)
        assert rejected == (0 if pool.is_binary else round(0.2 * total))
        spread = [counts[v, True] for v in pool.values]
        assert max(spread) - min(spread) <= 1
    third = sorted((n for (w, _), n in available.items() if w == "modality"), reverse=True)[2]
    used = Counter()
    for number, counts in asked.items():
        if plan.pools[number].wording == "modality":
            for (value, _), n in counts.items():
                used[value] += n
    assert sorted(used.values(), reverse=True)[:3] == [third] * 3


# --- redrawing ---


def item_of(number, truth, options, *, kind=QuestionType.SHAPE, removed=None):
    letters = "ABCDE"
    answer = NONE_OF_THE_ABOVE if removed else truth
    return ClosedItem(
        image_id=f"{number}",
        q_index=0,
        slice_id=f"{number}",
        image_path=f"{truth}/{number}.png",
        question_type=kind,
        question="What shape?",
        options=tuple(Option(letter=letters[i], text=t) for i, t in enumerate(options)),
        answer=letters[list(options).index(answer)],
        is_rejection=removed is not None,
        removed_answer=removed,
        label_source="unknown",
    )


def test_redrawing_keeps_images_and_truths_and_offers_answers_only():
    fixed = ["Lobulated", "Linear", "Star-shaped", "No lesion", NONE_OF_THE_ABOVE]
    items = [item_of(i, "Lobulated", fixed) for i in range(40)]
    items += [item_of(100 + i, "Irregular", ["Irregular", *fixed[1:]]) for i in range(30)]
    items += [item_of(200 + i, None, fixed, removed="round") for i in range(30)]
    items += [item_of(300, "Gyriform", ["Gyriform", *fixed[1:]])]
    redrawn = redraw(items, seed=1, rules=RULES)
    assert redrawn.left == {"more questions than a balanced set can hold": 10, UNKNOWN_ANSWER: 1}
    assert Counter(true_term(i) for i in redrawn.items) == dict.fromkeys(
        [recode(ANSWERS[QuestionType.SHAPE], t) for t in ("Lobulated", "Irregular", "Round")], 30
    )
    before = {i.image_id: i for i in items}
    for item in redrawn.items:
        assert item.image_path == before[item.image_id].image_path
        assert true_term(item) == true_term(before[item.image_id])
        assert {o.text for o in item.options} <= {"Lobulated", "Irregular", "Round", NONE_OF_THE_ABOVE}
    assert sum(i.is_rejection for i in redrawn.items) == 18
    assert redraw(items[::-1], seed=1, rules=RULES).items[::-1] == redrawn.items


# --- files ---


def test_benchmark_files(tmp_path):
    labels = [make_label(f"{t}{i}", t) for t in TumorType if t is not TumorType.TUMOR for i in range(2)]
    built = build(tmp_path, [*labels, *few_labels()], seed=1, whole=True)
    for name in ("benchmark_closed.json", "benchmark_open.json"):
        assert (tmp_path / name).read_text() == (GOLDEN / f"build_{name}").read_text(), name
    assert read_closed(tmp_path / "closed.parquet").records == built.closed
    assert read_open(tmp_path / "open.parquet").records == built.open
    read = read_closed(tmp_path / "benchmark_closed.json").records
    same = ("image_id", "q_index", "question", "options", "answer", "is_rejection", "removed_answer")
    assert [[getattr(i, f) for f in same] for i in read] == [[getattr(i, f) for f in same] for i in built.closed]


def test_every_question_says_where_it_is_from(tmp_path):
    built = build(tmp_path, few_labels(), seed=4, whole=True)
    for item in [*built.closed, *built.open]:
        assert (item.rules, item.seed) == ("default", 4)
        assert item.version is not None
        assert item.version.startswith("neuroonco ")
        assert "wordings" in item.version
        assert item.group_id is not None
    assert {i.label_source for i in built.closed} <= {"source", "mask", "audited"}
    assert all(set(i.label_sources) <= {"source", "mask", "audited"} and i.label_sources for i in built.open)


def test_the_same_input_gives_the_same_bytes(tmp_path):
    labels = skewed_labels(120)
    for name, order in (("a", labels), ("b", labels[::-1])):
        build(tmp_path / name, order, twins=True)
    names = sorted(p.name for p in (tmp_path / "a").iterdir())
    assert len(names) == 7
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name


def test_a_file_in_order_is_streamed_and_any_other_is_ordered(tmp_path):
    labels = skewed_labels(30)
    ordered = in_order(labels)
    store.save(tmp_path / "ordered.parquet", ordered, AuditedLabel)
    store.save(tmp_path / "shuffled.parquet", labels, AuditedLabel)
    store.save(tmp_path / "shuffled.jsonl", labels, AuditedLabel)
    streamed, _ = open_labels(tmp_path / "ordered.parquet")
    assert isinstance(streamed, LabelFile)
    assert list(streamed) == list(streamed) == ordered
    for name in ("shuffled.parquet", "shuffled.jsonl"):
        held, unreadable = open_labels(tmp_path / name)
        assert list(held) == ordered
        assert unreadable == []


def test_nothing_in_nothing_out(tmp_path):
    built = build(tmp_path, [])
    assert set(built.counts().values()) == {0}
    assert read_closed(tmp_path / "benchmark_closed.json").records == []
    assert read_closed(tmp_path / "closed.parquet").records == []


def test_regions_are_asked_in_the_words_of_the_head():
    labels = [
        make_label(f"{r}{i}", None, sequence=None, semantics=semantics(None, None, None, r))
        for r in ImageRegion
        for i in range(3)
    ]
    items = closed_items(labels, 0, RULES)
    assert len(items) == 27
    assert {i.question for i in items} == {
        "In which part of the head, as displayed, does the middle of the largest lesion lie?"
    }
