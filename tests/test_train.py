"""Instruction files are checked before anything is trained on them."""

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from neuroonco.train.check import check_instructions


def row(user: str = "<image>\nWhich?\nOptions:\nA. x\nB. y\n\nAnswer with the option letter only.", answer: str = "B",
        images: Any = ("a.png",), roles: tuple[str, str] = ("user", "assistant")) -> dict[str, Any]:  # fmt: skip
    messages = [{"role": role, "content": text} for role, text in zip(roles, (user, answer), strict=True)]
    return {"images": list(images), "messages": messages, "meta": {"id": "1"}}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    Image.new("L", (64, 64)).save(tmp_path / "a.png")
    return tmp_path


def check(root: Path, *rows: Any) -> tuple[int, tuple[str, ...]]:
    path = root / "x.jsonl"
    path.write_text("\n".join(r if isinstance(r, str) else json.dumps(r) for r in rows))
    checked = check_instructions(path, root)
    assert checked.rows + checked.problem_count == len(rows)
    return checked.rows, checked.problems


def test_good_rows(root: Path) -> None:
    cot = row(answer="Final: A\nExplanation: because")
    free = row(user="<image>\nDescribe.", answer="A large lesion.")
    assert check(root, row(), cot, free) == (3, ())


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ("{", "Expecting"),
        ([], "expected an object"),
        (row(images=("b.png",)), "no image 'b.png'"),
        (row(images=("../a.png",)), "inside the root"),
        (row(images=()), "1 image tokens for 0 images"),
        (row(user="no token\nA. x\nB. y"), "0 image tokens for 1 images"),
        (row(roles=("user", "system")), "expected user and assistant"),
        (row(answer="C"), "none of the options"),
        (row(answer="the second one"), "none of the options"),
        (row(answer=" "), "without text"),
    ],
)
def test_bad_rows_are_counted_with_one_line_each(root: Path, bad: Any, said: str) -> None:
    used, problems = check(root, row(), bad)
    assert used == 1
    assert len(problems) == 1
    assert problems[0].startswith("row 2: ")
    assert said in problems[0]
