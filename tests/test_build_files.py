"""Open questions, and the reference's JSON to and from our questions."""

import json
import re

import pytest

from factories_build import closed_items, make_label, open_items, semantics, skewed_labels
from neuroonco import store
from neuroonco.build.groups import group_ids
from neuroonco.build.interop import closed_document, open_document, read_closed, read_open
from neuroonco.build.records import ClosedItem, OpenItem
from neuroonco.catalog.records import MaskRef
from neuroonco.errors import InputError
from neuroonco.rules import load_rules
from neuroonco.vocabulary import MaskKind, TumorType

RULES = load_rules("default")


def test_questions_keep_their_index_when_one_before_them_is_gone(tmp_path):
    closed = closed_items(skewed_labels(120), 1, RULES)
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


# --- open questions ---


def test_open_questions_name_neither_finding_nor_measurement():
    items = open_items(skewed_labels(200), 0, RULES)
    assert {i.question_type for i in items} == {"Detail", "Location", "Reasoning"}
    for item in items:
        assert item.key_terms
        assert len(set(item.key_terms)) == len(item.key_terms)
        assert not re.search(r"(?<!T)\d|%|circularity", item.reference_answer)
        for key in item.key_terms:
            assert key.casefold() in item.reference_answer.casefold()
            assert key.casefold() not in item.question.casefold()


def test_reasoning_needs_a_typed_tumour_and_something_to_see():
    def kinds(label):
        return [i.question_type for i in open_items([label], 0, RULES)]

    assert "Reasoning" not in kinds(make_label("a"))
    assert "Reasoning" in kinds(make_label("a", semantics=semantics()))
    assert "Reasoning" not in kinds(make_label("a", TumorType.TUMOR, semantics=semantics()))
    assert kinds(make_label("a", TumorType.HEALTHY)) == ["Detail", "Detail"]


# --- the reference's JSON ---


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
