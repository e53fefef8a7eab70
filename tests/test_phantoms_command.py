"""The command `phantoms`: a folder of slices with their truth."""

import json
from pathlib import Path

import pytest

from neuroonco.cli import run
from neuroonco.phantoms.plan import plan_slice
from neuroonco.phantoms.records import PhantomTruth
from neuroonco.store import load_strict
from neuroonco.vocabulary import PhantomStyle


def test_draws_a_series_of_a_style_and_counts_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "drawn"
    arguments = ["phantoms", "--out", str(out), "--number", "5", "--seed", "3", "--style", "held_out", "--json"]
    assert run(arguments) == 0
    counts = json.loads(capsys.readouterr().out)
    truths = load_strict(out / "truth.parquet", PhantomTruth)
    assert [t.number for t in truths] == list(range(5))
    assert {(t.seed, t.style) for t in truths} == {(3, PhantomStyle.HELD_OUT)}
    assert [t.tumor_type for t in truths] == [plan_slice(3, n, PhantomStyle.HELD_OUT).tumor_type for n in range(5)]
    assert all((out / "images" / t.image_path).is_file() for t in truths)
    assert counts["slices"] == sum(counts["tumor_type"].values()) == sum(counts["sequence"].values()) == 5
    assert counts["conspicuous"] == sum(t.conspicuous is True for t in truths)
    assert sum(counts["margins"].values()) == sum(t.mask_path is not None for t in truths)


def test_does_not_mix_two_series(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["phantoms", "--out", str(tmp_path), "--number", "1", "--seed", "3"]) == 0
    assert run(["phantoms", "--out", str(tmp_path), "--number", "1", "--seed", "4"]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert "OUT_NOT_EMPTY" in error
    assert load_strict(tmp_path / "truth.parquet", PhantomTruth)[0].seed == 3


@pytest.mark.parametrize("wrong", [["--seed", "-1"], ["--number", "0"], ["--style", "other"]])
def test_refuses_what_it_cannot_draw(wrong: list[str], tmp_path: Path) -> None:
    assert run(["phantoms", "--out", str(tmp_path / "x"), *wrong]) == 2
    assert not (tmp_path / "x").exists()
