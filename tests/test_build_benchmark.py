"""The benchmark as built: groups and split, what is left out, twins, mimics, shortages, redrawing, files."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from factories_build import closed_items, make_label, semantics, skewed_labels
from neuroonco import store
from neuroonco.audit.records import AuditedLabel
from neuroonco.build.benchmark.build import OPEN_LEFT, build_benchmark
from neuroonco.build.benchmark.redraw import UNKNOWN_ANSWER, redraw, true_term
from neuroonco.build.groups import group_ids
from neuroonco.build.index import index_labels
from neuroonco.build.interop import read_closed, read_open
from neuroonco.build.labels import LabelFile, in_order, open_labels
from neuroonco.build.plan import plan_benchmark, plan_instructions
from neuroonco.build.records import ANSWERS, NONE_OF_THE_ABOVE, ClosedItem, Option
from neuroonco.build.rules import BuildRules
from neuroonco.build.shortages import FEW_MIMICS, NO_SLICES, NOT_KNOWN, ONE_ANSWER, RAREST
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
    by_wording = {one["wording"]: one for one in written}
    assert by_wording["modality"] == {
        "wording": "modality",
        "wanted": 150,
        "built": 90,
        "available": {"t2": 60, "t1": 40, "flair": 30},
        "missing": {"t1": 10, "flair": 20},
        "why": RAREST,
        "said": f"modality: 90 of 150 questions: {RAREST}; more slices for all: flair 20 (has 30), t1 10 (has 40)",
    }
    assert by_wording["diagnosis"]["why"] == NOT_KNOWN
    assert len(by_wording) == 11


def shortage_of(wording, labels, wanted=1000, *, hard=False):
    rules = RULES.with_value("build", "questions_per_type", wanted)
    ordered = in_order(labels)
    index = index_labels(ordered, 0)
    rows = np.ones(index.slice_count, bool)
    plan = plan_benchmark(index, rows, rules.section("build", BuildRules), hard=hard)
    return next((one for one in plan.shortages if one.wording == wording), None), plan


def typed(**counts):
    return [make_label(f"{t}{i}", TumorType(t), sequence=None) for t, n in counts.items() for i in range(n)]


def test_more_of_the_only_answer_would_not_help_and_is_not_asked_for():
    for n in (600, 1200):
        found, _ = shortage_of("diagnosis", typed(glioma=n))
        assert (found.built, found.why, found.missing) == (0, ONE_ANSWER, {})


def test_what_cannot_be_divided_is_no_shortage():
    found, plan = shortage_of("diagnosis", typed(glioma=333, meningioma=333, pituitary=333))
    assert plan.asked == 999
    assert found is None


def test_an_answer_left_out_as_too_rare_is_named_although_enough_is_asked():
    found, plan = shortage_of("diagnosis", typed(glioma=400, meningioma=400, pituitary=400, schwannoma=24))
    assert plan.asked == 999
    assert found.why == "too rare to be asked: schwannoma (24)"
    assert found.missing == {"schwannoma": 226}


def test_mimics_that_are_missing_are_said():
    found, plan = shortage_of("diagnosis", typed(glioma=40, metastasis=40, meningioma=40), hard=True)
    assert plan.asked == 0
    assert found.why == FEW_MIMICS


def test_a_split_that_leaves_nothing_is_said(tmp_path):
    labels = [make_label(f"{i}", patient_group="all", sequence=list(MRSequence)[i % 4]) for i in range(40)]
    built = build(tmp_path, labels)
    assert [one.why for one in built.shortages] == [NO_SLICES]


def test_healthy_slices_are_matched_by_tumors_of_the_most_frequent_types():
    labels = typed(healthy=100, glioma=300, meningioma=200, pituitary=60)
    found, plan = shortage_of("diagnosis", labels, wanted=150)
    assert found is None
    codes = {index_term.value: n for n, index_term in enumerate(plan.index.answers)}
    lent = plan.index.answer_of_fact[(plan.answer == codes["tumor"]) & (plan.pool_of_fact >= 0)]
    taken = Counter(plan.index.answers[code].value for code in lent.tolist())
    assert taken == {"glioma": 75}  # as many as are wanted of the healthy, none from a rarer type
    _, plan = shortage_of("diagnosis", typed(healthy=300, glioma=200, meningioma=180, pituitary=60), wanted=1000)
    lent = plan.index.answer_of_fact[plan.answer == codes["tumor"]]
    assert Counter(plan.index.answers[code].value for code in lent.tolist())["pituitary"] == 0


def test_sequences_are_balanced_within_the_source_not_within_themselves():
    labels = []
    for source, sequence, n in (("A", "t1", 100), ("A", "t2", 100), ("A", "flair", 100), ("B", "t2", 100)):
        for i in range(n):
            label = make_label(f"{source}{sequence}{i}", None, sequence=MRSequence(sequence))
            labels.append(label.model_copy(update={"slice": label.slice.model_copy(update={"source_id": source})}))
    rules = RULES.with_value("build", "questions_per_type", 300)
    asked = closed_items(labels, 0, rules)
    assert Counter((i.source_id, true_term(i)) for i in asked) == dict.fromkeys(
        [("A", s) for s in (MRSequence.T1, MRSequence.T2, MRSequence.FLAIR)], 100
    )


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
    assert built.closed == plain.closed  # who is asked both knows the truth: pairs are a file of their own
    own = {(i.image_id, i.q_index): i for i in built.twins if i.twin_of is None}
    assert list(own.values()) == [i for i in plain.closed if not i.is_binary]
    twins = [i for i in built.twins if i.twin_of is not None]
    assert len(twins) == len(own) > 100
    assert len({(i.image_id, i.q_index) for i in built.twins}) == len(built.twins)
    for twin in twins:
        first = own[twin.image_id, twin.twin_of]
        assert twin.is_rejection is not first.is_rejection
        assert twin.question == first.question
        changed = [(a.text, b.text) for a, b in zip(first.options, twin.options, strict=True) if a.text != b.text]
        truth = first.removed_answer or first.text_of(first.answer)
        assert truth == (twin.removed_answer or twin.text_of(twin.answer))
        assert len(changed) == 1
        assert truth in changed[0]
    assert read_closed(tmp_path / "twins" / "closed_twins.parquet").records == built.twins
    read = read_closed(tmp_path / "twins" / "benchmark_closed_twins.json").records
    assert [(i.q_index, i.twin_of) for i in read] == [(i.q_index, i.twin_of) for i in built.twins]
    build(tmp_path / "twins", labels, whole=True)
    assert not (tmp_path / "twins" / "closed_twins.parquet").exists()  # of an earlier build


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


def test_redrawing_keeps_the_frame_of_the_question_and_does_not_mix_truths():
    items = closed_items(skewed_labels(300), 1, RULES)
    redrawn = redraw(items, seed=2, rules=RULES)
    questions = {(i.image_id, i.q_index): i.question for i in items}
    assert all(questions[i.image_id, i.q_index] == i.question for i in redrawn.items)
    assert len(redrawn.items) == len(items)  # it was balanced already
    shuffled = items[::-1]
    assert redraw(shuffled, seed=2, rules=RULES).items == redrawn.items[::-1]
    fewer = redraw(items[1:], seed=2, rules=RULES).items
    same = {(i.image_id, i.q_index): i.options for i in redrawn.items}
    kept = [i for i in fewer if i.question_type is not items[0].question_type]
    assert sum(same[i.image_id, i.q_index] == i.options for i in kept) > 0.99 * len(kept)


def test_two_questions_at_one_place_keep_their_own_truths():
    fixed = ["Lobulated", "Linear", "Star-shaped", "No lesion", NONE_OF_THE_ABOVE]
    items = [item_of(i, "Lobulated", fixed) for i in range(30)]
    items += [item_of(i, "Irregular", ["Irregular", *fixed[1:]]) for i in range(30)]
    redrawn = redraw(items, seed=1, rules=RULES)
    assert [true_term(i) for i in redrawn.items] == [true_term(i) for i in items]


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
    assert len(names) == 10
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


def test_the_summary_is_written_last_and_names_every_file(tmp_path):
    build(tmp_path, skewed_labels(40), seed=1, whole=True)
    summary = json.loads((tmp_path / "benchmark.json").read_text())
    assert summary["seed"] == 1
    names = {p.name for p in tmp_path.iterdir()} - {"benchmark.json"}
    assert set(summary["files"]) == names
    assert all(store.sha256_file(tmp_path / n) == digest for n, digest in summary["files"].items())


def test_a_build_that_is_cut_off_leaves_no_summary(tmp_path, monkeypatch):
    build(tmp_path, skewed_labels(40), seed=1, whole=True)
    from neuroonco.build.benchmark import build as module

    def cut_off(*_arguments, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr(module.store, "save", cut_off)
    with pytest.raises(KeyboardInterrupt):
        build(tmp_path, skewed_labels(40), seed=2, whole=True)
    assert not (tmp_path / "benchmark.json").exists()


def test_open_questions_are_asked_of_no_more_images_than_wanted(tmp_path):
    rules = RULES.with_value("build", "questions_per_type", 20)
    labels = in_order(skewed_labels(200))
    built = build_benchmark(tmp_path, labels, seed=0, rules=rules, whole=True)
    assert len({i.slice_id for i in built.open}) == 20
    assert {i.slice_id for i in built.open} <= {i.slice_id for i in built.closed}
    dropped = store.load_strict(tmp_path / "dropped.parquet", Dropped)
    assert sum(d.detail == OPEN_LEFT for d in dropped) == 180


def test_the_open_impression_is_asked_of_as_many_tumors_as_healthy_slices(tmp_path):
    labels = typed(healthy=60, glioma=100, meningioma=100, pituitary=100)
    built = build(tmp_path, labels, whole=True)
    terms = Counter(i.key_terms for i in built.open if "impression" in i.question)
    assert terms == {("Healthy",): 60, ("Abnormal",): 60}
    diagnosed = {i.slice_id for i in built.open if i.question_type == "Reasoning"}
    assert not diagnosed & {i.slice_id for i in built.open if i.key_terms == ("Abnormal",)}


def test_labels_that_can_be_read_only_once_are_refused(tmp_path):
    with pytest.raises(ValueError, match="more than once"):
        build_benchmark(tmp_path, iter(in_order(few_labels())), seed=0, rules=RULES)


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
