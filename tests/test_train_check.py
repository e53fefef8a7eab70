"""All data are looked at before the first step: what is wrong is counted, and nothing is on both sides."""

import hashlib
import json
import random
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from neuroonco.errors import InputError
from neuroonco.store import sha256_text
from neuroonco.train.check import MAX_PROBLEMS, CheckedRows, check_rows
from neuroonco.train.records import DataPart, Pictures
from neuroonco.train.rows import RowFiles, TrainingRow
from neuroonco.train.samples import SampleLength

PICTURES = 12


def row(
    image: str | None = "0.png", user: str = "Which?\nOptions:\nA. x\nB. y", answer: str = "B", name: str = "1"
) -> dict[str, Any]:
    messages = [
        {"role": "user", "content": user if image is None else f"<image>\n{user}"},
        {"role": "assistant", "content": answer},
    ]
    return {"images": [] if image is None else [image], "messages": messages, "meta": {"id": name}}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("root")
    for number in range(PICTURES):
        Image.new("L", (40 + number, 36)).save(folder / f"{number}.png")
    (folder / "text.png").write_text("no picture")
    Image.new("L", (16, 16)).save(folder / "small.png")
    (folder / "link.png").symlink_to("/etc/hostname")
    return folder


def file_of(path: Path, rows: Sequence[Any]) -> Path:
    path.write_text("".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in rows), encoding="utf-8")
    return path


def checked(
    path: Path, root: Path, rows: Sequence[Any], seed: int = 0, measure: Any = None, **data: Any
) -> CheckedRows:
    return check_rows([file_of(path, rows)], root, DataPart(**data), seed=seed, measure=measure)


def contents(rows: RowFiles) -> list[tuple[Any, ...]]:
    return sorted((one.images, tuple((t.role, t.text) for t in one.turns), one.slice_id) for one in rows)


def images_of(rows: RowFiles) -> set[str]:
    return {image for one in rows for image in one.images}


# --- problems ---


@pytest.mark.parametrize(
    ("bad", "code", "said"),
    [
        ("{", "ROW_UNREADABLE", "Expecting"),
        ({}, "ROW_INVALID", "expected an object"),
        (row("none.png"), "FILE_MISSING", "no image 'none.png' under the root"),
        (row("."), "FILE_MISSING", "no image '.' under the root"),
        (row("../0.png"), "PATH_OUTSIDE", "inside the root"),
        (row("/etc/hostname"), "PATH_OUTSIDE", "inside the root"),
        (row("a\\0.png"), "PATH_OUTSIDE", "inside the root"),
        (row("link.png"), "PATH_OUTSIDE", "a link leads outside the root"),
        (row("x" * 300), "IMAGE_UNREADABLE", "File name too long"),
        (row("text.png"), "IMAGE_UNREADABLE", "not an image of a known format"),
        (row("small.png"), "IMAGE_UNREADABLE", "16 x 16 px"),
        (row(answer="C"), "LABEL_NOT_OFFERED", "'C' is none of the options (A, B)"),
        (row(answer="B\r\n"), "LABEL_NOT_OFFERED", "'B\\r\\n' has spaces or line breaks beside its letter"),
        (row(answer="Final: A\r\nExplanation: x"), "LABEL_NOT_OFFERED", "… has spaces or line breaks beside"),
        (row(answer="the second one"), "LABEL_NOT_OFFERED", "none of the options"),
        (row(answer="B. y"), "LABEL_NOT_OFFERED", "none of the options"),
        (row(answer="Final: D\nExplanation: because"), "LABEL_NOT_OFFERED", "none of the options"),
        (row(answer="because\nB"), "LABEL_NOT_OFFERED", "none of the options"),
    ],
)
def test_each_problem_has_its_code(tmp_path: Path, root: Path, bad: Any, code: str, said: str) -> None:
    check = checked(tmp_path / "x.jsonl", root, [row(), bad, bad, row("1.png")]).check
    assert check.rows == 2
    assert check.problems == {code: 2}
    assert [(p.file, p.line, p.code) for p in check.first_problems] == [("x.jsonl", 2, code), ("x.jsonl", 3, code)]
    assert said in check.first_problems[0].what
    assert str(root) not in check.first_problems[0].what


def test_answers_that_are_offered_or_free(tmp_path: Path, root: Path) -> None:
    rows = [row(), row(answer="Final: A\nExplanation: because"), row(user="Describe.", answer="A large lesion.")]
    rows.append(row())
    rows[-1]["messages"] += [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "It is bright."}]
    rows[-1]["messages"].insert(0, {"role": "system", "content": "A. reader"})
    assert checked(tmp_path / "x.jsonl", root, rows).check.problems == {}
    initial = row(user="By\nA. Smith and\nI. Meyer:\nwhat is it?", answer="A lesion.")
    again = row(user="A. Smith asks\nA. x\nB. y", answer="B")
    few = row(user="Which?\nOptions:\nA. x\nE. None of the above\n\nAnswer with the letter.", answer="E")
    assert checked(tmp_path / "x.jsonl", root, [*rows, initial, again, few]).check.problems == {}
    few["messages"][-1]["content"] = "B"
    assert checked(tmp_path / "x.jsonl", root, [*rows, few]).check.problems == {"LABEL_NOT_OFFERED": 1}
    rows[-1]["messages"][-2:] = [{"role": "user", "content": "A. x\nB. y"}, {"role": "assistant", "content": "E"}]
    assert checked(tmp_path / "x.jsonl", root, rows).check.problems == {"LABEL_NOT_OFFERED": 1}


def test_problems_are_counted_and_the_first_are_told(tmp_path: Path, root: Path) -> None:
    rows = [row(), *(["{"] * 40), *([row(answer="C")] * 60), *([row("none.png")] * 3)]
    told: list[int] = []
    check = check_rows(
        [file_of(tmp_path / "x.jsonl", rows), file_of(tmp_path / "y.jsonl", rows)],
        *(root, DataPart(held_out_share=0)),
        seed=0,
        progress=told.append,
    ).check
    assert list(check.problems.items()) == [("LABEL_NOT_OFFERED", 120), ("ROW_UNREADABLE", 80), ("FILE_MISSING", 6)]
    assert len(check.first_problems) == MAX_PROBLEMS
    assert [p.line for p in check.first_problems] == list(range(2, 2 + MAX_PROBLEMS))
    assert check.rows == check.train_rows == 2
    assert told[-1] == 208


def test_nothing_to_train_on_is_an_error(tmp_path: Path, root: Path) -> None:
    with pytest.raises(InputError, match=r"ROWS_NONE.*2 FILE_MISSING, 1 ROLES; the first: no image.*x\.jsonl, line 1"):
        checked(tmp_path / "x.jsonl", root, [row("none.png"), row("none.png"), {"messages": []}])
    with pytest.raises(InputError, match=r"ROWS_NONE.*no rows"):
        checked(tmp_path / "x.jsonl", root, [])
    with pytest.raises(InputError, match=r"ROWS_NONE.*1 TOO_LONG.*fix: raise data\.max_tokens"):
        checked(tmp_path / "x.jsonl", root, [row()], measure=lambda *_: SampleLength(2000, 0, 1))
    with pytest.raises(InputError, match="FILE_MISSING"):
        check_rows([tmp_path / "none.jsonl"], root, DataPart(), seed=0)


# --- lengths ---


def length(row: TrainingRow, size_px: tuple[int, int] | None) -> SampleLength:
    """Tokens that tell whether the size was passed as (height, width)."""
    if row.slice_id == "bad":
        raise InputError("TEMPLATE", "no place for it")
    of_pictures = 0 if size_px is None else size_px[1]
    return SampleLength(len(row.turns[0].text) + of_pictures, of_pictures, len(row.turns[-1].text))


def test_tokens_and_rows_that_are_too_long(tmp_path: Path, root: Path) -> None:
    rows = [row(f"{n % 2}.png", "q" * n, "ab") for n in range(1, 100)]  # 40 or 41 px wide
    rows += [row(None, "q" * 200), row(None, "q" * 201), row(name="bad")]
    data = {"max_tokens": 200, "held_out_share": 0.0}
    check = checked(tmp_path / "x.jsonl", root, rows, measure=length, **data).check
    assert check.problems == {"TEMPLATE": 1, "TOO_LONG": 1}
    assert [p.what for p in check.first_problems] == ["201 tokens, at most 200", "no place for it"]
    lengths = sorted([n + 40 + n % 2 for n in range(1, 100)] + [200])
    tokens = check.tokens
    assert tokens is not None
    assert (tokens.samples, tokens.total, tokens.longest) == (100, sum(lengths), 200)
    assert (tokens.p50, tokens.p99, tokens.mean) == (lengths[49], lengths[98], sum(lengths) / 100)
    assert (tokens.of_pictures, tokens.learned) == (49 * 40 + 50 * 41, 99 * 2 + 1)
    assert checked(tmp_path / "x.jsonl", root, rows).check.tokens is None


# --- sides ---


@given(
    pictures=st.lists(st.integers(0, PICTURES - 1), min_size=1, max_size=30),
    share=st.floats(0, 0.99),
    seed=st.integers(0, 99),
    max_rows=st.none() | st.integers(1, 30),
    mixed=st.randoms(use_true_random=False),
)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_sides_do_not_depend_on_the_order_and_share_no_picture(
    tmp_path: Path, root: Path, pictures: list[int], share: float, seed: int, max_rows: int | None, mixed: random.Random
) -> None:
    rows = [row(f"{picture}.png", name=str(number)) for number, picture in enumerate(pictures)]
    data = DataPart(held_out_share=share, max_rows=max_rows)
    one = check_rows([file_of(tmp_path / "x.jsonl", rows)], root, data, seed=seed)
    used = len(rows) if max_rows is None else min(max_rows, len(rows))
    assert one.check.rows == len(rows)
    assert one.check.images == len(set(pictures))
    assert len(one.train) + len(one.held_out) == used == one.check.train_rows + one.check.held_out_rows
    assert images_of(one.train).isdisjoint(images_of(one.held_out))
    assert one.paths == tuple(sorted(images_of(one.train) | images_of(one.held_out)))
    due = 0 if share == 0 or len(one.paths) < 2 else min(max(1, round(share * len(one.paths))), len(one.paths) - 1)
    assert len(images_of(one.held_out)) == due
    mixed.shuffle(rows)
    cut = mixed.randint(0, len(rows))
    spelled = [file_of(tmp_path / "b.jsonl", rows[:cut]), file_of(tmp_path / "a.jsonl", rows[cut:])]
    other = check_rows(spelled, root, data, seed=seed)
    assert contents(other.train) == contents(one.train)
    assert contents(other.held_out) == contents(one.held_out)
    assert other.paths == one.paths


def test_the_seed_decides(tmp_path: Path, root: Path) -> None:
    rows = [row(f"{n % PICTURES}.png", name=str(n)) for n in range(60)]

    def sides(**data: Any) -> set[tuple[Any, ...]]:
        made = [checked(tmp_path / "x.jsonl", root, rows, seed, **data) for seed in range(8)]
        return {(tuple(contents(one.train)), tuple(contents(one.held_out))) for one in made}

    assert len(sides(held_out_share=0.25)) > 4
    assert len(sides(held_out_share=0, max_rows=10)) == 8
    held = [checked(tmp_path / "x.jsonl", root, rows, seed, held_out_share=0.25).held_out for seed in range(40)]
    assert {len(images_of(one)) for one in held} == {3}
    assert set.union(*map(images_of, held)) == {f"{n}.png" for n in range(PICTURES)}


def test_a_picture_of_two_spellings_is_one(tmp_path: Path, root: Path) -> None:
    rows = [row(f"{lead}{n}.png") for n in range(4) for lead in ("", "./", ".//./")]
    one = checked(tmp_path / "x.jsonl", root, rows, held_out_share=0.5)
    assert one.paths == ("0.png", "1.png", "2.png", "3.png")
    assert (len(one.train), len(one.held_out), one.check.images) == (6, 6, 4)


def test_rows_without_a_picture_are_trained_on(tmp_path: Path, root: Path) -> None:
    one = checked(tmp_path / "x.jsonl", root, [row(None), row(None), row("0.png"), row("1.png")], held_out_share=0.9)
    assert (len(one.train), len(one.held_out), one.check.images) == (3, 1, 2)
    alone = checked(tmp_path / "x.jsonl", root, [row(None)], held_out_share=0.9)
    assert (len(alone.train), alone.check.images, alone.paths) == (1, 0, ())


def test_controls_are_trained_on_the_same_rows(tmp_path: Path, root: Path) -> None:
    rows = [row(f"{n % PICTURES}.png", "q" * n, name=str(n)) for n in range(1, 40)]
    made = [
        checked(tmp_path / "x.jsonl", root, rows, measure=length, pictures=shown, max_tokens=60) for shown in Pictures
    ]
    assert made[0].check.problems["TOO_LONG"] > 5
    assert all(one.check == made[0].check and contents(one.train) == contents(made[0].train) for one in made)


# --- files ---


def test_rows_are_found_in_their_files(tmp_path: Path, root: Path) -> None:
    first = file_of(tmp_path / "x.jsonl", [row(name="x1"), "{", row("1.png", name="x3")])
    second = file_of(tmp_path / "y.jsonl", ["", row("2.png", name="y2")])
    one = check_rows([first, second], root, DataPart(held_out_share=0), seed=0)
    assert [(r.file, r.line, r.slice_id) for r in one.train] == [
        *(("x.jsonl", 1, "x1"), ("x.jsonl", 3, "x3"), ("y.jsonl", 2, "y2"))
    ]
    assert len(one.held_out) == 0
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (first, second)]
    assert one.check.sha256 == sha256_text("x.jsonl", digests[0], "y.jsonl", digests[1])


def test_memory_does_not_hold_the_rows(tmp_path: Path, root: Path) -> None:
    many = 8_000
    text = json.dumps(row(user="Which?\nOptions:\nA. x\nB. y\n" + "words " * 300)) + "\n"
    path = tmp_path / "x.jsonl"
    with path.open("w") as file:
        for number in range(many):
            file.write(text.replace("0.png", f"{number % PICTURES}.png"))
    assert path.stat().st_size > 10e6
    checked(tmp_path / "warm.jsonl", root, [row()])
    tracemalloc.start()
    one = check_rows([path], root, DataPart(held_out_share=0.2, max_rows=6_000), seed=0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(one.train) + len(one.held_out) == 6_000
    assert peak < 120 * many


def test_what_is_no_chat_jsonl_and_a_root_that_is_one_off_are_told(tmp_path: Path, root: Path) -> None:
    whole = json.dumps([row("0.png"), row("1.png")], indent=2).splitlines()
    with pytest.raises(InputError, match=r"ROWS_NONE.*not chat JSONL.*fix: pass what `neuroonco build instruct`"):
        checked(tmp_path / "x.json", root, whole)
    with pytest.raises(InputError, match=r"ROWS_NONE.*fix: pass as --root .* from which 'a/7\.png' is there"):
        checked(tmp_path / "x.jsonl", root, [row("a/7.png"), row("a/8.png")])
