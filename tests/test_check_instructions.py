"""Instruction pairs as questions: what a line must be, what is sampled, and what the reference's form means."""

import json
from pathlib import Path

import pytest

from factories_check import VALUES, drawn_by_the_law
from neuroonco.build.records import Option
from neuroonco.check.instructions import MAX_LINE_BYTES, MAX_NAMED, item_of, options_of, read_pairs
from neuroonco.errors import InputError
from neuroonco.vocabulary import QuestionType

LOCATION = QuestionType.LOCATION
OFFERED = "Options:\nA. T1\nB. T2\nC. FLAIR\nE. None of the above"
NOCOT = f"<image>\nWhich sequence is it?\n{OFFERED}\n\nAnswer with the option letter only."


def row(user=NOCOT, assistant="B", **changes):
    return {
        "images": ["a/b.png"],
        "messages": [{"role": "user", "content": user}, {"role": "assistant", "content": assistant}],
        "meta": {"id": "s1", "pair_index": 3, "question_type": "modality", "subtype": "options", "source": "01"},
    } | changes


def line_of(item, *, explained=False):
    options = "\n".join(f"{option.letter}. {option.text}" for option in item.options)
    answer = f"Final: {item.answer}\nExplanation: It is so." if explained else item.answer
    user = f"<image>\n{item.question}\nOptions:\n{options}\n\nAnswer with the option letter only."
    meta = {"id": item.image_id, "pair_index": 0, "question_type": item.question_type.value}
    return json.dumps(row(user, answer, images=[item.image_path], meta=meta))


def written(path: Path, lines) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_a_pair_becomes_a_question():
    item = item_of(row(), 7)
    assert item.question == "Which sequence is it?\nAnswer with the option letter only."
    assert item.options == tuple(
        Option(letter=letter, text=text)
        for letter, text in zip("ABCE", ("T1", "T2", "FLAIR", "None of the above"), strict=True)
    )
    assert (item.answer, item.is_rejection, item.question_type) == ("B", False, QuestionType.MODALITY)
    assert (item.image_id, item.q_index) == ("a/b.png", 7)


@pytest.mark.parametrize(
    ("assistant", "letter"),
    [("B", "B"), (" C \n", "C"), ("Final: A\nExplanation: B is not seen.", "A"), ("(B)", "B"), ("E.", "E")],
)
def test_the_answer_is_the_letter_that_comes_first(assistant, letter):
    item = item_of(row(assistant=assistant), 1)
    assert item.answer == letter
    assert item.is_rejection == (letter == "E")


@pytest.mark.parametrize("assistant", ["", "The answer is B", "b", "Final: T2", "Because of A", "AB"])
def test_an_answer_without_a_letter_is_refused(assistant):
    with pytest.raises(InputError, match="no option letter"):
        item_of(row(assistant=assistant), 1)


def test_options_of_other_forms():
    assert options_of("Which?\nOptions:\n(A) One\n(B) Two, or three")[1] == (
        Option(letter="A", text="One"),
        Option(letter="B", text="Two, or three"),
    )
    assert options_of("The options:\nA. One") is None, "no head of its own line"
    assert options_of("Which?\nOptions:\n") is None
    with pytest.raises(InputError, match="one letter"):
        options_of("Which?\nOptions:\nA. One\nA. Two")


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        ([], "ROW_NOT_AN_OBJECT"),
        (row(images=[]), "FIELD_INVALID"),
        (row(images=["a.png", "b.png"]), "FIELD_INVALID"),
        (row(messages=[{"role": "user", "content": NOCOT}]), "FIELD_INVALID"),
        (row(messages="B"), "FIELD_INVALID"),
        (row(meta={"question_type": "mood"}), "QUESTION_TYPE_UNKNOWN"),
        (row(meta={}), "QUESTION_TYPE_UNKNOWN"),
        (row(images=["a\ud800.png"]), "TEXT_INVALID"),
    ],
)
def test_each_fault_of_a_row_has_a_name(broken, code):
    with pytest.raises(InputError) as caught:
        item_of(broken, 1)
    assert caught.value.code == code


def test_open_pairs_are_counted_and_unreadable_lines_are_named(tmp_path):
    open_pair = json.dumps(row("<image>\nWhat is seen?", "A lesion."))
    lines = [json.dumps(row()), open_pair, "{broken", "", json.dumps(row(assistant="?"))]
    path = written(tmp_path / "pairs.jsonl", lines)
    read = read_pairs(path, 0, 10)
    assert (read.closed_pairs, read.open_pairs, read.unreadable_lines) == (1, 1, 2)
    assert [(one.code, one.slice_id) for one in read.unreadable] == [
        ("JSON_BROKEN", "pairs.jsonl#3"),
        ("ANSWER_UNREADABLE", "pairs.jsonl#5"),
    ]


def test_many_unreadable_lines_are_counted_and_few_are_named(tmp_path):
    read = read_pairs(written(tmp_path / "pairs.jsonl", ["no"] * (MAX_NAMED + 5)), 0, 10)
    assert (len(read.unreadable), read.unreadable_lines) == (MAX_NAMED, MAX_NAMED + 5)


def test_a_line_without_end_is_no_pair_and_the_next_one_is_read(tmp_path):
    lines = ["x" * (2 * MAX_LINE_BYTES + 100), json.dumps(row())]
    read = read_pairs(written(tmp_path / "pairs.jsonl", lines), 0, 10)
    assert [one.code for one in read.unreadable] == ["LINE_TOO_LONG"]
    assert [item.q_index for item in read.items] == [2]


def test_a_file_of_open_pairs_only_says_so(tmp_path):
    path = written(tmp_path / "open.jsonl", [json.dumps(row("<image>\nWhat is seen?", "A lesion."))])
    with pytest.raises(InputError) as caught:
        read_pairs(path, 0, 10)
    assert caught.value.code == "PAIRS_OPEN"


@pytest.mark.parametrize("name", ["absent.jsonl", "pairs.json", "folder.jsonl"])
def test_what_is_no_file_of_lines(tmp_path, name):
    (tmp_path / "folder.jsonl").mkdir()
    with pytest.raises(InputError):
        read_pairs(tmp_path / name, 0, 10)


def test_text_that_is_not_utf_8(tmp_path):
    path = tmp_path / "pairs.jsonl"
    path.write_bytes(b'{"a": "\xff"}\n' + json.dumps(row()).encode() + b"\n")
    read = read_pairs(path, 0, 10)
    assert [one.code for one in read.unreadable] == ["ENCODING"]
    assert read.closed_pairs == 1


def test_the_sample_does_not_depend_on_the_order_and_every_pair_can_be_in_it(tmp_path):
    lines = [line_of(item) for item in drawn_by_the_law(200)]

    def sampled(seed, some):
        read = read_pairs(written(tmp_path / "pairs.jsonl", some), seed, 50)
        assert (len(read.items), read.closed_pairs) == (50, 200)
        return {item.image_id for item in read.items}

    assert sampled(0, lines) == sampled(0, lines[::-1])
    assert sampled(0, lines) != sampled(1, lines)
    assert len(set().union(*(sampled(seed, lines) for seed in range(25)))) == 200
    whole = read_pairs(tmp_path / "pairs.jsonl", 0, 200)
    assert [item.q_index for item in whole.items] == list(range(1, 201))


@pytest.mark.parametrize("explained", [False, True])
def test_both_forms_say_the_same(tmp_path, explained):
    items = drawn_by_the_law(40)
    path = written(tmp_path / "pairs.jsonl", [line_of(item, explained=explained) for item in items])
    read = read_pairs(path, 0, 100)
    assert [(i.options, i.answer, i.is_rejection) for i in read.items] == [
        (i.options, i.answer, i.is_rejection) for i in items
    ]
    assert {option.text for item in read.items for option in item.options} >= set(VALUES[LOCATION])
