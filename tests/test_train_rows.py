"""Rows to train on: every form to one, every bad row to one line, and each found again by its place."""

import json
import pickle
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neuroonco.build.instruct.chat import chat_line
from neuroonco.build.instruct.export import ms_swift_line, trl_line
from neuroonco.build.instruct.records import InstructionPair
from neuroonco.errors import InputError
from neuroonco.models.records import Turn
from neuroonco.train.records import RowProblem
from neuroonco.train.rows import MAX_ROW_BYTES, RowFiles, TrainingRow, read_rows

ASKED = "Which?\nOptions:\nA. x\nB. y\n\nAnswer with the option letter only."


def turns(*texts: Any, roles: Sequence[Any] = ("user", "assistant")) -> list[dict[str, Any]]:
    return [{"role": role, "content": text} for role, text in zip(roles, texts, strict=True)]


def row(user: Any = f"<image>\n{ASKED}", answer: Any = "B", **changes: Any) -> dict[str, Any]:
    return {"images": ["a.png"], "messages": turns(user, answer), "meta": {"id": "s1"}} | changes


def written(path: Path, *rows: Any) -> Path:
    """A file of rows; bytes are lines as they are, texts and objects are encoded."""
    lines = [r if isinstance(r, bytes) else (r if isinstance(r, str) else json.dumps(r)).encode() for r in rows]
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


def only(path: Path) -> TrainingRow | RowProblem:
    [(_, found)] = read_rows(path)
    return found


def image(**more: Any) -> dict[str, Any]:
    return {"type": "image", **more}


def text(said: Any, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": said, **more}


# --- rows that can be used ---


def test_the_three_exports_come_to_the_same(tmp_path: Path) -> None:
    values = dict.fromkeys(InstructionPair.model_fields, "x") | {
        "image_path": "case/1.png",
        "slice_id": "s0001",
        "question": ASKED,
        "answer": "Final: A\nExplanation: because",
    }
    pair = InstructionPair.model_construct(**values)
    pair = pair.model_copy(update={"question_type": type("T", (), {"value": "shape"})})
    found = [only(written(tmp_path / "x.jsonl", line(pair))) for line in (chat_line, ms_swift_line, trl_line)]
    expected = (Turn(role="user", text=ASKED), Turn(role="assistant", text="Final: A\nExplanation: because"))
    assert found == [
        TrainingRow("x.jsonl", 1, ("case/1.png",), expected, slice_id) for slice_id in ("s0001", None, None)
    ]


@pytest.mark.parametrize(
    ("good", "images", "said"),
    [
        (row("<image>\nQ", "A"), ("a.png",), ("Q", "A")),
        (row("<image>\r\nQ", "A"), ("a.png",), ("Q", "A")),
        (row("<image>Q\n", "A\n"), ("a.png",), ("Q\n", "A\n")),
        (row("<image>\n\n Q", "A"), ("a.png",), ("\n Q", "A")),
        (row("Q", "A", images=[]), (), ("Q", "A")),
        ({"messages": turns("Q", "A")}, (), ("Q", "A")),
        (row("<image>\nQ", "A", images=["./d//a.png"]), ("d/a.png",), ("Q", "A")),
        (row("<image>\nQ", "A", images=["../a.png"]), ("../a.png",), ("Q", "A")),
        (row("<image>\nQ", "A", id=7, source="here", videos=[], tools=None), ("a.png",), ("Q", "A")),
        (row("<image>\nQ", "A", meta={"id": 7, "extra": [1]}), ("a.png",), ("Q", "A")),
        (row([image(index=0), text("Q"), text("?", index=None)], [text("A")]), ("a.png",), ("Q?", "A")),
        (
            row(messages=turns("S", "<image>\nQ", "A", "Q2", "A2", roles=("system", *("user", "assistant") * 2))),
            ("a.png",),
            ("S", "Q", "A", "Q2", "A2"),
        ),
    ],
)
def test_good_rows(tmp_path: Path, good: Any, images: tuple[str, ...], said: tuple[str, ...]) -> None:
    found = only(written(tmp_path / "x.jsonl", good))
    assert isinstance(found, TrainingRow), found
    assert found.images == images
    assert tuple(turn.text for turn in found.turns) == said


# --- rows that cannot ---

BAD = [
    ("{", "ROW_UNREADABLE", "Expecting"),
    ("not json", "ROW_UNREADABLE", "Expecting value"),
    (json.dumps(row()) + json.dumps(row()), "ROW_UNREADABLE", "Extra data"),
    (b'{"images": ["\xff.png"]}', "ROW_UNREADABLE", "not UTF-8 at byte 13"),
    ('{"images": [], "images": []}', "ROW_UNREADABLE", "key 'images' twice"),
    ('{"messages": NaN}', "ROW_UNREADABLE", "NaN is not JSON"),
    ('{"messages": "\\ud800"}', "ROW_UNREADABLE", "lone surrogate"),
    ("[" * 100_000, "ROW_UNREADABLE", "nested too deeply"),
    ("1" * 5000, "ROW_UNREADABLE", "digits"),
    ("x" * (MAX_ROW_BYTES + 1), "ROW_UNREADABLE", "longer than 1048576 bytes"),
    ([], "ROW_INVALID", "expected an object with images and messages"),
    ("null", "ROW_INVALID", "expected an object"),
    ({"images": ["a.png"]}, "ROW_INVALID", "expected an object with images and messages"),
    (row(messages={"role": "user"}), "ROW_INVALID", "expected an object with images and messages"),
    (row(images="a.png"), "ROW_INVALID", "images: expected a list of paths, found str"),
    (row(images=[{"path": "a.png"}]), "ROW_INVALID", "an image is not a path"),
    (row(images=[""]), "ROW_INVALID", "an image is not a path"),
    (row("<image><image>\nQ", images=["a.png", "b.png"]), "ROW_INVALID", "2 images; a conversation is about one"),
    (row(meta="s1"), "ROW_INVALID", "meta: expected an object, found str"),
    (row(videos=["a.mp4"]), "ROW_INVALID", "videos: not trained on here"),
    (row(system="Be brief.", tools="[]"), "ROW_INVALID", "system, tools: not trained on here"),
    (row(messages=["hello", "you"]), "ROW_INVALID", "a message is not an object"),
    (row(" "), "ROW_INVALID", "message 1: a message without text"),
    (row("<image>\n"), "ROW_INVALID", "message 1: a message without text"),
    (row(answer=" "), "ROW_INVALID", "message 2: a message without text"),
    (row(answer=None), "ROW_INVALID", "message 2: expected a text, found NoneType"),
    (row(answer=3), "ROW_INVALID", "message 2: expected a text, found int"),
    (row(answer=["B"]), "ROW_INVALID", "message 2: a part that is neither text nor image"),
    (row(answer=[text(None)]), "ROW_INVALID", "message 2: a text part without text"),
    (row(answer=[text("B"), {"type": "audio"}]), "ROW_INVALID", "a part that is neither text nor image"),
    (row([image(image="b.png"), text("Q")]), "ROW_INVALID", "'image' of a part of type image is not read"),
    (row([image(index=1), text("Q")]), "ROW_INVALID", "'index' of a part of type image"),
    (row(messages=[*turns("<image>\nQ", "A")[:1], {"role": "assistant", "content": "A", "loss": False}]),
     "ROW_INVALID", "message 2: 'loss' is not trained on here"),
    (row(messages=turns("Q", "A", roles=("human", "gpt"))), "ROLES", "unknown role 'human'; known are system, user"),
    (row(messages=turns("Q", "A", roles=("user", ["x"]))), "ROLES", "unknown role"),
    (row(messages=turns("Q", "A", roles=("user", "system"))), "ROLES", "expected user and assistant in turn"),
    (row(messages=turns("A", "Q", roles=("assistant", "user"))), "ROLES", "found assistant, user"),
    (row(messages=turns("Q", "Q", "A", roles=("user", "user", "assistant"))), "ROLES", "found user, user, assistant"),
    (row(messages=turns("Q", roles=("user",))), "ROLES", "ending with assistant"),
    (row(messages=turns("S", roles=("system",))), "ROLES", "found system"),
    (row(messages=[]), "ROLES", "found none"),
    (row(messages=turns("S", "S", "Q", "A", roles=("system", "system", "user", "assistant"))), "ROLES", "found system"),
    (row(images=[]), "IMAGE_TOKENS", "1 image tokens for 0 images"),
    (row("no token\nA. x\nB. y"), "IMAGE_TOKENS", "0 image tokens for 1 images"),
    (row("<image><image>Q"), "IMAGE_TOKENS", "2 image tokens for 1 images"),
    (row("What is <image> here?"), "IMAGE_TOKENS", "image token inside the text"),
    (row("What is here?\n<image>"), "IMAGE_TOKENS", "image token inside the text"),
    (row("Q", "<image>\nA"), "IMAGE_TOKENS", "image token in an assistant turn"),
    (row([text("Q")], [image(), text("A")]), "IMAGE_TOKENS", "image token in an assistant turn"),
    (row([text("Q"), image()]), "IMAGE_TOKENS", "image part behind a text"),
    (row([text("<image>\nQ")]), "IMAGE_TOKENS", "spelled in a typed part"),
    (row([image(), text("<image>\nQ")]), "IMAGE_TOKENS", "spelled in a typed part"),
    (row(messages=turns("<image>\nS", "Q", "A", roles=("system", "user", "assistant"))), "IMAGE_TOKENS", "message 1;"),
    (row(messages=turns("Q", "A", "<image>\nQ", "A", roles=("user", "assistant") * 2)), "IMAGE_TOKENS", "message 3;"),
]  # fmt: skip


@pytest.mark.parametrize(("bad", "code", "said"), BAD, ids=range(len(BAD)))
def test_a_bad_row_is_one_problem_and_one_line(tmp_path: Path, bad: Any, code: str, said: str) -> None:
    found = [problem for _, problem in read_rows(written(tmp_path / "x.jsonl", row(), bad, row()))]
    first, problem, last = found
    assert isinstance(first, TrainingRow)
    assert isinstance(problem, RowProblem)
    assert isinstance(last, TrainingRow)
    assert (problem.file, problem.line, problem.code) == ("x.jsonl", 2, code)
    assert said in problem.what
    assert problem.what.isprintable()
    assert len(problem.what) <= 200
    assert last.line == 3


# --- files ---


def test_marks_line_ends_and_blank_lines(tmp_path: Path) -> None:
    line = json.dumps(row()).encode()
    path = tmp_path / "x.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + line + b"\r\n\r\n \n" + line + b"\n\xef\xbb\xbf" + line + b"\n" + line)
    found = list(read_rows(path))
    assert [(offset, one.line) for offset, one in found] == [
        (0, 1),
        (len(line) + 9, 4),
        (2 * len(line) + 10, 5),
        (3 * len(line) + 14, 6),
    ]
    assert [type(one) for _, one in found] == [TrainingRow, TrainingRow, RowProblem, TrainingRow]
    rows = RowFiles([path], [(0, offset) for offset, one in found if isinstance(one, TrainingRow)])
    assert list(rows) == [one for _, one in found if isinstance(one, TrainingRow)]
    assert list(read_rows(written(tmp_path / "none.jsonl"))) == []


def test_the_longest_line_and_one_byte_more(tmp_path: Path) -> None:
    for end in (b"\n", b"\r\n", b""):
        for more in (0, 1):
            short = json.dumps(row(filling=""))
            line = json.dumps(row(filling="x" * (MAX_ROW_BYTES - len(short) + more))).encode()
            path = tmp_path / "x.jsonl"
            path.write_bytes(line + end)
            assert isinstance(only(path), RowProblem if more else TrainingRow)
            if not more:
                assert RowFiles([path], [(0, 0)])[0] == only(path)


def test_files_that_cannot_be_opened(tmp_path: Path) -> None:
    for path, code in ((tmp_path / "none.jsonl", "FILE_MISSING"), (tmp_path, "NOT_A_FILE")):
        with pytest.raises(InputError) as caught:
            list(read_rows(path))
        assert caught.value.code == code
        assert str(tmp_path.parent) not in caught.value.line


WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip)


@given(
    st.lists(
        st.one_of(
            st.tuples(WORDS, WORDS).map(lambda qa: row(f"<image>\n{qa[0]}", qa[1])),
            st.sampled_from(["", "  ", "{", "[]"]),
        ),
        max_size=8,
    ),
    st.booleans(),
    st.booleans(),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_random_access_equals_streaming(tmp_path: Path, lines: list[Any], crlf: bool, ascii_only: bool) -> None:
    end = "\r\n" if crlf else "\n"
    texts = [one if isinstance(one, str) else json.dumps(one, ensure_ascii=ascii_only) for one in lines]
    paths = [tmp_path / "x.jsonl", tmp_path / "y.jsonl"]
    paths[0].write_text(end.join(texts), encoding="utf-8", newline="")
    paths[1].write_text(end.join(reversed(texts)) + end, encoding="utf-8", newline="")
    streamed = [
        ((number, offset), one)
        for number, path in enumerate(paths)
        for offset, one in read_rows(path)
        if isinstance(one, TrainingRow)
    ]
    streamed.reverse()
    rows = RowFiles(paths, [place for place, _ in streamed])
    assert len(rows) == len(streamed)
    assert [rows[n] for n in range(len(rows))] == [one for _, one in streamed]
    assert list(pickle.loads(pickle.dumps(rows))) == list(rows)  # noqa: S301  (of this test)


def test_a_file_that_changed_is_said_and_places_end(tmp_path: Path) -> None:
    path = written(tmp_path / "x.jsonl", row(), row())
    rows = RowFiles([path], [(0, offset) for offset, _ in read_rows(path)])
    assert rows[-1].line == 2
    with pytest.raises(IndexError):
        rows[2]
    written(path, row(), {})
    with pytest.raises(InputError, match=r"ROW_CHANGED.*line 2"):
        rows[1]
    path.unlink()
    with pytest.raises(InputError, match="FILE_UNREADABLE"):
        rows[0]


def test_rows_are_not_held(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    line = json.dumps(row(f"<image>\n{ASKED}" + "x" * 300)) + "\n"
    path.write_text(line * 20_000)
    offsets = np.arange(20_000, dtype=np.uint64) * np.uint64(len(line))
    places = np.column_stack((np.zeros_like(offsets), offsets))
    lines = np.arange(1, 20_001, dtype=np.uint32)
    tracemalloc.start()
    rows = RowFiles([path], places, lines)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 20 * 20_000
    assert rows[12_345].line == 12_346
