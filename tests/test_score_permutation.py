"""The same questions with options in other orders."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from closed_items import closed_item, predicted
from comparison_files import write_run
from neuroonco import store
from neuroonco.build.records import ClosedItem
from neuroonco.cli.app import run
from neuroonco.predict.records import Prediction
from neuroonco.resampling import Resamples
from neuroonco.score.closed.clustering import ClusteredQuestions
from neuroonco.score.closed.permutation import report_of
from neuroonco.score.closed.score import score_closed
from neuroonco.vocabulary import PredictionStatus

ITEMS = [closed_item(str(n), "A") for n in range(4)]


def answers(letters: str, model: str = "m") -> list[Prediction]:
    """One letter a question, ``-`` for none."""
    return [
        predicted(item, None, PredictionStatus.UNPARSED, model)
        if letter == "-"
        else predicted(item, letter, model=model)
        for item, letter in zip(ITEMS, letters, strict=True)
    ]


def test_three_runs_by_hand() -> None:
    # Always right; right twice of three; three choices, one right; never answered twice.
    score = score_closed(ITEMS, answers("AAA-"), permuted=[answers("AAB-"), answers("ABCA")])
    found = score.permutation
    assert found is not None
    assert found.runs == 3
    assert [run.value for run in found.accuracy_by_run] == [0.75, 0.5, 0.5]
    assert (found.always_right.value, found.ever_right.value) == (0.25, 1.0)
    assert (found.same_choice.value, found.same_choice.n) == (0.25, 4)
    # The third is a tie, and a tie is wrong; the only answer to the fourth is its majority.
    assert found.majority.value == 0.75
    assert score.accuracy.value == 0.75


def test_silence_is_no_choice() -> None:
    found = score_closed(ITEMS, answers("----"), permuted=[answers("----")]).permutation
    assert found is not None
    assert (found.same_choice.value, found.ever_right.value, found.majority.value) == (0.0, 0.0, 0.0)


def test_one_run_has_no_report() -> None:
    assert score_closed(ITEMS, answers("AAAA")).permutation is None


@given(st.lists(st.lists(st.integers(-1, 3), min_size=6, max_size=6), min_size=2, max_size=5))
def test_bounds_hold_and_order_of_runs_does_not_matter(rows: list[list[int]]) -> None:
    chosen, right = np.array(rows), np.array([0, 1, 2, 3, 0, 1])
    questions = ClusteredQuestions("image", np.arange(6), Resamples(6, 40, 0))
    found, back = report_of(chosen, right, questions), report_of(chosen[::-1], right, questions)
    assert found.accuracy_by_run == back.accuracy_by_run[::-1]
    assert found.model_copy(update={"accuracy_by_run": ()}) == back.model_copy(update={"accuracy_by_run": ()})
    least, most = found.always_right.value, found.ever_right.value
    assert least is not None
    assert most is not None
    for accuracy in (*found.accuracy_by_run, found.majority):
        assert accuracy.value is not None
        assert least <= accuracy.value <= most
    votes = [[list(column).count(k) for k in range(4)] for column in chosen.T]
    plain = [v[a] > max(v[:a] + v[a + 1 :]) for v, a in zip(votes, right, strict=True)]
    assert found.majority.value == pytest.approx(sum(plain) / 6)


def test_the_command_takes_further_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store.save(tmp_path / "closed.parquet", ITEMS, ClosedItem)
    turned = "".join(option.letter for option in reversed(ITEMS[0].options))
    for name, letters, model in (("one", "AAAA", "m"), ("two", "AABB", "m"), ("three", "AAAA", "other")):
        rows = answers(letters, model)
        if name != "one":
            rows = [row.model_copy(update={"shown_order": turned}) for row in rows]
        store.save(tmp_path / f"{name}.jsonl", rows, Prediction)
    paths = [str(tmp_path / name) for name in ("closed.parquet", "one.jsonl", "two.jsonl", "three.jsonl")]
    assert run(["score", *paths[:2], "--permuted", paths[2], "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["permutation"]["always_right"]["value"] == 0.5
    assert document["models"] == ["m"]
    assert document["matches"].keys() == {"one.jsonl", "two.jsonl"}
    assert run(["score", *paths[:2], "--permuted", paths[2], "--permuted", paths[3]]) == 3
    err = capsys.readouterr().err
    assert err.startswith("error[PERMUTED_UNLIKE]: asked differently than one.jsonl: model; where: --permuted")
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, None),
        ({"asks_confidence": True}, "asks_confidence"),
        ({"per_image": True}, "per_image"),
        ({"picture": "none"}, "picture"),
        ({"model": "n"}, "model"),
        ({"scoring": "likelihood", "settings": {"max_tokens": "9"}}, "scoring, settings"),
    ],
)
def test_runs_that_were_asked_differently_are_no_permuted_ones(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], said: str | None
) -> None:
    turned = "".join(option.letter for option in reversed(ITEMS[0].options))
    rows = [row.model_copy(update={"shown_order": turned}) for row in answers("AABB", changes.get("model", "m"))]
    write_run(tmp_path / "one", ITEMS, answers("AAAA", "m"))
    write_run(tmp_path / "two", ITEMS, rows, **{"permute_seed": 1} | changes)
    assert run(["score", str(tmp_path / "one"), "--permuted", str(tmp_path / "two")]) == (3 if said else 0)
    err = capsys.readouterr().err
    if said:
        assert err.startswith(f"error[PERMUTED_UNLIKE]: asked differently than one: {said}; where: ")
        assert len(err.splitlines()) == 1
    else:
        assert err == ""


@pytest.mark.parametrize("order", [None, "ABCDE"[: len(ITEMS[0].options)], "EDCBAX"])
def test_a_run_in_the_same_order_is_no_permuted_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], order: str | None
) -> None:
    store.save(tmp_path / "closed.parquet", ITEMS, ClosedItem)
    store.save(tmp_path / "one.jsonl", answers("AAAA", "m"), Prediction)
    same = [row.model_copy(update={"shown_order": order}) for row in answers("AABB", "m")]
    store.save(tmp_path / "two.jsonl", same, Prediction)
    benchmark, one, two = (str(tmp_path / name) for name in ("closed.parquet", "one.jsonl", "two.jsonl"))
    assert run(["score", benchmark, one, "--permuted", two]) == 3
    err = capsys.readouterr().err
    assert err.startswith(
        "error[PERMUTED_NOT]: no question was shown in another order of its options than in one.jsonl"
    )
    assert len(err.splitlines()) == 1
    for options in (["--permuted", one], ["--permuted", two, "--permuted", f"{tmp_path}/./two.jsonl"]):
        assert run(["score", benchmark, one, *options]) == 2
        err = capsys.readouterr().err
        assert err.startswith("error[PERMUTED_TWICE]")
        assert len(err.splitlines()) == 1
