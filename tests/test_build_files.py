"""What is written: splits, instruction formats, the reference's JSON; golden files show each format whole."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from factories_build import make_label, semantics, skewed_labels
from neuroonco import store
from neuroonco.build.benchmark.build import (
    build_benchmark,
    build_instructions,
    write_benchmark,
    write_instructions,
)
from neuroonco.build.benchmark.open import open_items
from neuroonco.build.instruct.pairs import chat_line, instruction_pairs
from neuroonco.build.interop import closed_document, open_document, read_closed, read_open
from neuroonco.build.records import ClosedItem, OpenItem
from neuroonco.build.split import group_ids, split_labels
from neuroonco.catalog.records import MaskRef
from neuroonco.errors import InputError
from neuroonco.readings.records import Signs
from neuroonco.rules import load_rules
from neuroonco.vocabulary import DropReason, Edema, Margins, MaskKind, MRSequence, Texture, TumorType

RULES = load_rules("default")
GOLDEN = Path(__file__).parent / "golden"


def few_labels():
    """Two typed tumours, an untyped one and a healthy slice, with and without masks and signs."""
    signs = Signs(margins=Margins.ILL_DEFINED, texture=Texture.HETEROGENEOUS, edema=Edema.ABSENT)
    return [
        make_label("a", TumorType.GLIOMA, semantics=semantics(), signs=signs, patient_id="p1"),
        make_label("b", TumorType.MENINGIOMA, sequence=MRSequence.T1CE),
        make_label("c", TumorType.TUMOR, sequence=MRSequence.FLAIR, semantics=semantics(shape=None)),
        make_label("d", TumorType.HEALTHY, sequence=MRSequence.T1),
    ]


# --- split ---


def test_no_group_lies_in_both_parts():
    labels = skewed_labels(400)
    benchmark = build_benchmark(labels, seed=3, rules=RULES)
    instructions = build_instructions(labels, seed=3, rules=RULES)
    asked = {i.group_id for i in [*benchmark.closed, *benchmark.open]}
    trained = {p.group_id for p in instructions.pairs}
    assert asked
    assert trained
    assert not asked & trained
    patients = {label.slice_id: label.slice.patient_id for label in labels}
    tested = {patients[i.slice_id] for i in benchmark.closed} - {None}
    assert not tested & {patients[p.slice_id] for p in instructions.pairs}


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


def test_no_split_cuts_through_a_patient_group():
    """Curation finds neighboring slices of one patient under other names, and across sources."""
    labels = [make_label(f"{i}", patient_id=f"p{i}", patient_group=f"g{i % 5}") for i in range(40)]
    labels += [make_label(f"free{i}") for i in range(40)]
    groups = group_ids(labels)
    assert [groups[x.slice_id] for x in labels[:5]] * 8 == [groups[x.slice_id] for x in labels[:40]]
    assert len(set(groups.values())) == 45
    split = split_labels(labels, seed=3, share=0.5)
    sides = [{x.slice.patient_group for x in part} - {None} for part in (split.benchmark, split.instructions)]
    assert sides[0]
    assert sides[1]
    assert not sides[0] & sides[1]


def test_the_benchmark_takes_its_share_in_whole_groups():
    labels = skewed_labels(400)
    split = split_labels(labels, seed=0, share=0.25)
    assert 95 <= len(split.benchmark) <= 100
    assert len(split.benchmark) + len(split.instructions) == 400
    assert split_labels(labels[::-1], seed=0, share=0.25) == split
    assert split_labels(labels, seed=1, share=0.25) != split


def test_slices_without_a_path_or_hash_are_no_group():
    labels = [
        one.model_copy(update={"slice": one.slice.model_copy(update={"image_sha256": "", "image_path": ""})})
        for one in (make_label("a"), make_label("b"))
    ]
    assert len(set(group_ids(labels).values())) == 2


def test_every_slice_is_accounted_for():
    labels = [*skewed_labels(100), make_label("nothing", None, sequence=None)]
    for built in (
        build_benchmark(labels, seed=0, rules=RULES),
        build_instructions(labels, seed=0, rules=RULES),
    ):
        used = built.closed + built.open if hasattr(built, "closed") else built.pairs
        dropped = {d.slice_id for d in built.dropped}
        assert {one.slice_id for one in used} | dropped == {one.slice_id for one in labels}
    held = [d for d in built.dropped if d.reason is DropReason.HELD_OUT_FOR_BENCHMARK]
    left = build_benchmark(labels, seed=0, rules=RULES).dropped
    others = [d for d in left if d.reason is DropReason.LEFT_FOR_INSTRUCTIONS]
    assert len(held) + len(others) == 101
    whole = build_benchmark(labels, seed=0, rules=RULES, whole=True)
    silent = [d.slice_id for d in whole.dropped if d.reason is DropReason.NO_ANSWERABLE_QUESTION]
    assert silent == [labels[-1].slice_id]


def test_two_labels_of_one_slice_are_set_aside_and_the_rest_goes_on():
    labels = [*few_labels(), few_labels()[0]]
    built = build_benchmark(labels, seed=0, rules=RULES, whole=True)
    assert [q.code for q in built.quarantined] == ["SLICE_TWICE", "SLICE_TWICE"]
    assert {q.slice_id for q in built.quarantined} == {labels[0].slice_id}
    assert built.closed


def test_nothing_in_nothing_out(tmp_path):
    write_benchmark(tmp_path, build_benchmark([], seed=0, rules=RULES))
    write_instructions(tmp_path, build_instructions([], seed=0, rules=RULES))
    assert read_closed(tmp_path / "benchmark_closed.json").records == []
    assert read_closed(tmp_path / "closed.parquet").records == []
    assert (tmp_path / "instruction_open_train.jsonl").read_bytes() == b""


# --- instructions ---


def test_channels_of_one_file_are_left_out_of_formats_that_name_files_only(tmp_path):
    channels = [
        make_label(f"c{i}", image_path="three.tif", image_channel=i, sequence=sequence)
        for i, sequence in enumerate((MRSequence.T1, MRSequence.FLAIR, MRSequence.T1CE))
    ]
    labels = skewed_labels(120) + channels
    built = build_instructions(labels, seed=1, rules=RULES, whole=True)
    assert "three.tif" not in {pair.image_path for pair in built.pairs}
    gone = [d for d in built.dropped if d.image_path == "three.tif"]
    assert [d.reason for d in gone] == [DropReason.CHANNEL_OF_A_FILE] * 3
    benchmark = build_benchmark(labels, seed=1, rules=RULES, whole=True)
    write_benchmark(tmp_path, benchmark)
    typed = [item for item in benchmark.closed if item.image_channel is not None]
    assert typed, "the typed tables have them"
    assert benchmark.counts()["not_in_json"] == len(typed)
    again = read_closed(tmp_path / "benchmark_closed.json").records
    assert "three.tif" not in {item.image_path for item in again}
    assert len(again) == len(benchmark.closed) - len(typed)


def test_questions_keep_their_index_when_one_before_them_is_gone(tmp_path):
    closed = build_benchmark(skewed_labels(120), seed=1, rules=RULES, whole=True).closed
    path = tmp_path / "left.json"
    left = [item for item in closed if item.q_index != 0]
    assert left
    store.write_json(path, closed_document(left))
    keys = [(item.image_id, item.q_index, item.question) for item in read_closed(path).records]
    assert keys == [(item.image_id, item.q_index, item.question) for item in left]


def test_slices_of_one_case_stay_together_without_a_patient_id():
    ref = MaskRef(path="case/seg.png", kind=MaskKind.LABELS)
    labels = [make_label(str(i)) for i in range(40)]
    labels = [x.model_copy(update={"slice": x.slice.model_copy(update={"mask": ref})}) for x in labels[:8]] + labels[8:]
    groups = group_ids(labels)
    assert len({groups[x.slice_id] for x in labels[:8]}) == 1
    assert len(set(groups.values())) == 33


def test_instruction_formats(tmp_path):
    write_instructions(tmp_path, build_instructions(few_labels(), seed=1, rules=RULES, whole=True))
    for kind in ("open", "closed_nocot", "closed_cot"):
        name = f"instruction_{kind}_train.jsonl"
        assert (tmp_path / name).read_text() == (GOLDEN / f"build_{name}").read_text(), name


def test_every_fact_has_an_instruction_and_closed_ones_are_well_formed():
    pairs = instruction_pairs(skewed_labels(150), 0, RULES)
    letters_only = re.compile(r"\A[^\n]+\nOptions:\n((?:[A-E]\. [^\n]+\n)+)\nAnswer with the option letter only\.\Z")
    for pair in pairs:
        line = chat_line(pair)
        user, assistant = (m["content"] for m in line["messages"])
        assert user == f"<image>\n{pair.question}"
        if pair.file_kind == "open":
            assert assistant.endswith(".")
            continue
        options = re.findall(r"^([A-E])\. (.+)$", pair.question, re.MULTILINE)
        answer = re.match(r"(?:Final: )?([A-E])(?:\nExplanation: .+\.)?\Z", assistant)
        assert answer
        assert answer[1] in dict(options)
        if pair.file_kind == "closed_nocot":
            assert letters_only.match(pair.question)
            assert assistant == answer[1]
        if pair.question_type == "diagnosis":
            assert len(options) == (2 if pair.subtype == "binary" else 5)
        assert (dict(options)[answer[1]] == "None of the above") == (pair.subtype == "none_of_the_above")
    kinds = Counter(pair.file_kind for pair in pairs)
    assert kinds["closed_nocot"] == kinds["closed_cot"]


def test_a_single_typed_tumour_still_gets_four_options_of_its_kind():
    pairs = instruction_pairs([make_label("a", sequence=None)], 0, RULES)
    closed = next(p for p in pairs if p.file_kind == "closed_nocot")
    options = dict(re.findall(r"^([A-E])\. (.+)$", closed.question, re.MULTILINE))
    assert set(options) == set("ABCDE")
    assert options[closed.answer] == "Glioma"
    assert not set(options.values()) & {"Brain tumor", "Abnormal", "Healthy"}


def test_healthy_slices_ask_diagnosis_and_modality_only():
    pairs = instruction_pairs(few_labels(), 0, RULES)
    healthy = [p for p in pairs if p.slice_id == few_labels()[3].slice_id]
    assert {p.question_type.value for p in healthy} == {"diagnosis", "modality"}


def test_instruction_options_say_no_more_than_they_must():
    """Where no answer holds more than its share, each offered term is right equally often here too."""
    labels = [make_label(f"{t}{i}", t, sequence=None) for t in TumorType if t.is_specific for i in range(100)]
    pairs = [p for p in instruction_pairs(labels, 0, RULES) if p.file_kind == "closed_nocot"]
    assert Counter(p.answer for p in pairs)["E"] == 160
    right, offered = Counter(), Counter()
    for pair in pairs:
        options = dict(re.findall(r"^([A-E])\. (.+)$", pair.question, re.MULTILINE))
        offered.update(options.values())
        right[options[pair.answer]] += 1
    for text, n in offered.items():
        assert right[text] / n == pytest.approx(0.2, abs=0.06), text


# --- open questions ---


def test_open_questions_name_neither_finding_nor_measurement():
    items = open_items(skewed_labels(200), 0, RULES)
    assert {i.question_type for i in items} == {"Detail", "Location", "Reasoning"}
    for item in items:
        assert item.key_terms
        assert len(set(item.key_terms)) == len(item.key_terms)
        assert not re.search(r"\d|%|circularity", item.reference_answer)
        for key in item.key_terms:
            assert key.casefold() in item.reference_answer.casefold()
            assert key.casefold() not in item.question.casefold()


def test_reasoning_needs_a_typed_tumour_and_something_to_see():
    def kinds(label):
        return [i.question_type for i in open_items([label], 0, RULES)]

    assert "Reasoning" not in kinds(make_label("a"))
    assert "Reasoning" in kinds(make_label("a", semantics=semantics()))
    assert "Reasoning" not in kinds(make_label("a", TumorType.TUMOR, semantics=semantics()))
    assert kinds(make_label("a", TumorType.HEALTHY)) == ["Detail"]


# --- the reference's JSON ---


def test_benchmark_files(tmp_path):
    labels = [make_label(f"{t}{i}", t) for t in TumorType if t is not TumorType.TUMOR for i in range(2)]
    built = build_benchmark([*labels, *few_labels()], seed=1, rules=RULES, whole=True)
    write_benchmark(tmp_path, built)
    for name in ("benchmark_closed.json", "benchmark_open.json"):
        assert (tmp_path / name).read_text() == (GOLDEN / f"build_{name}").read_text(), name
    assert read_closed(tmp_path / "closed.parquet").records == built.closed
    assert read_open(tmp_path / "open.parquet").records == built.open
    read = read_closed(tmp_path / "benchmark_closed.json").records
    same = ("image_id", "q_index", "question", "options", "answer", "is_rejection", "removed_answer")
    assert [[getattr(i, f) for f in same] for i in read] == [[getattr(i, f) for f in same] for i in built.closed]


def test_the_same_input_gives_the_same_bytes(tmp_path):
    labels = skewed_labels(120)
    for name, order in (("a", labels), ("b", labels[::-1])):
        write_benchmark(tmp_path / name, build_benchmark(order, seed=0, rules=RULES))
        write_instructions(tmp_path / name, build_instructions(order, seed=0, rules=RULES))
    names = sorted(p.name for p in (tmp_path / "a").iterdir())
    assert len(names) == 9
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name


def test_the_published_closed_benchmark_reads_and_writes_unchanged(upstream_root, tmp_path):
    path = upstream_root / "mm-neuroonco_benchmark_closed_v1.0.json"
    loaded = read_closed(path)
    assert loaded.unreadable == []
    items = loaded.records
    assert len(items) == 3190
    assert len({i.image_id for i in items}) == 1000
    assert sum(i.is_rejection for i in items) == 606
    assert sum(i.is_binary for i in items) == 116
    store.write_json(tmp_path / "out.json", closed_document(items))
    assert (tmp_path / "out.json").read_bytes() == path.read_bytes()
    store.save(tmp_path / "out.parquet", items, ClosedItem)
    assert read_closed(tmp_path / "out.parquet").records == items
    store.save(tmp_path / "out.jsonl", items, ClosedItem)
    assert read_closed(tmp_path / "out.jsonl").records == items


def test_the_published_open_benchmark_reads_and_writes_unchanged(upstream_root, tmp_path):
    path = upstream_root / "mm-neuroonco_benchmark_open_v1.0.json"
    loaded = read_open(path)
    assert loaded.unreadable == []
    assert len(loaded.records) == 1215
    assert len({i.image_id for i in loaded.records}) == 243
    assert open_document(loaded.records) == json.loads(path.read_text())
    store.save(tmp_path / "out.parquet", loaded.records, OpenItem)
    assert read_open(tmp_path / "out.parquet").records == loaded.records


def question(**changes):
    base = {
        "question_type": "size",
        "question": "How large?",
        "options": {"A": "Small", "B": "Large", "E": "None of the above"},
        "answer": "A",
    }
    return {k: v for k, v in {**base, **changes}.items() if v is not ...}


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        (question(question_type="colour"), "QUESTION_TYPE_UNKNOWN"),
        (question(question_type=None), "FIELD_INVALID"),
        (question(question=...), "FIELD_INVALID"),
        (question(options=["Small", "Large"]), "FIELD_INVALID"),
        (question(options={}), "FIELD_INVALID"),
        (question(options={"A": None}), "FIELD_INVALID"),
        (question(answer=1), "FIELD_INVALID"),
        (question(meta_trap="yes"), "FIELD_INVALID"),
        (question(meta_original_answer=3), "FIELD_INVALID"),
        (question(difficulty="hard"), "FIELD_UNKNOWN"),
        ("How large?", "ROW_NOT_AN_OBJECT"),
    ],
)
def test_a_broken_question_costs_only_itself_and_the_others_keep_their_place(tmp_path, broken, code):
    path = tmp_path / "b.json"
    pairs = [question(), broken, question(answer="B")]
    path.write_text(json.dumps([{"id": "x", "image_path": "x.png", "vqa_pairs": pairs}]))
    loaded = read_closed(path)
    assert [(i.image_id, i.q_index, i.answer) for i in loaded.records] == [("x", 0, "A"), ("x", 2, "B")]
    assert [q.code for q in loaded.unreadable] == [code]
    assert loaded.unreadable[0].slice_id == "x#1"


@pytest.mark.parametrize(
    ("image", "code"),
    [
        ({"id": True, "image_path": "x", "vqa_pairs": []}, "FIELD_INVALID"),
        ({"id": 1.5, "image_path": "x", "vqa_pairs": []}, "FIELD_INVALID"),
        ({"id": 1, "image_path": None, "vqa_pairs": []}, "FIELD_INVALID"),
        ({"id": 1, "image_path": "x", "vqa_pairs": {}}, "FIELD_INVALID"),
        ({"id": "7", "image_path": "x", "vqa_pairs": []}, "ID_TWICE"),
        ([], "ROW_NOT_AN_OBJECT"),
    ],
)
def test_a_broken_image_costs_only_itself(tmp_path, image, code):
    path = tmp_path / "b.json"
    good = {"id": 7, "image_path": "x.png", "vqa_pairs": [question()]}
    path.write_text(json.dumps([good, image]))
    loaded = read_closed(path)
    assert [i.image_id for i in loaded.records] == ["7"]
    assert [q.code for q in loaded.unreadable] == [code]


def test_ids_are_numbers_only_where_they_are_written_like_one(tmp_path):
    path = tmp_path / "b.json"
    ids = [7, "s7", "007", "٣"]
    path.write_text(json.dumps([{"id": i, "image_path": "x", "vqa_pairs": [question()]} for i in ids]))
    assert [i["id"] for i in closed_document(read_closed(path).records)] == ids


def test_a_document_that_is_no_list_is_one_error(tmp_path):
    path = tmp_path / "b.json"
    path.write_text('{"closed": []}')
    with pytest.raises(InputError) as caught:
        read_closed(path)
    assert caught.value.code == "JSON_NOT_A_LIST"
