"""A benchmark put to a local model of random weights, by the command itself: once asked, it is not asked again."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tiny_qwen
from neuroonco.cli import run as run_cli
from neuroonco.models.local_model import LocalModel
from predict_files import SENTINEL, draw, open_questions, questions, saved

torch = pytest.importorskip("torch", reason="torch is not installed (make test installs it where it can)")
pytest.importorskip("transformers", reason="transformers is not installed")
pytest.importorskip("accelerate", reason="accelerate is not installed")

IMAGES = 3


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("secret-place") / "tiny-qwen"
    tiny_qwen.make(folder, ends=False)
    return folder


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Six questions and their pictures, in the current folder."""
    monkeypatch.delenv("NEUROONCO_LEDGER", raising=False)
    monkeypatch.chdir(tmp_path)
    draw(tmp_path / "root", IMAGES)
    saved(tmp_path / "closed.parquet", questions(IMAGES))
    saved(tmp_path / "open.parquet", open_questions(IMAGES))
    return tmp_path


def predict(benchmark: str, name: str, out: str, *options: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Predictions and the description of a run."""
    said = ("--root", "root", "--model", name, "--device", "cpu", "--batch-size", "4", "--max-tokens", "64")
    assert run_cli(["predict", benchmark, *said, "--out", out, *options]) == 0
    lines = (Path(out) / "predictions.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines], json.loads((Path(out) / "run.json").read_text("utf-8"))


@pytest.mark.parametrize(
    ("benchmark", "options"),
    [("closed.parquet", ()), ("closed.parquet", ("--scoring", "likelihood", "--permute", "3")), ("open.parquet", ())],
)
def test_a_second_run_asks_nothing(
    model: Path,
    files: Path,
    benchmark: str,
    options: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    first, about = predict(benchmark, f"local:{model}", "run", *options)
    assert len(first) == 6
    assert (about["calls"], about["from_ledger"]) == (6, 0)
    assert about["model"].startswith("local:tiny-qwen@")
    assert about["settings"]["dtype"] == "float32"
    monkeypatch.setattr(LocalModel, "load", None)  # not even the weights are loaded
    second, again = predict(benchmark, f"local:{model}", "run", *options)
    assert second == first
    assert (again["calls"], again["from_ledger"]) == (0, 6)
    written = "".join(
        path.read_text("utf-8") for path in (files / "run").iterdir() if path.suffix in (".json", ".jsonl")
    )
    said = capsys.readouterr()
    assert all("secret-place" not in text for text in (written, said.out, said.err))


def test_the_likeliest_letter_is_the_answer(model: Path, files: Path) -> None:
    predictions, _ = predict("closed.parquet", f"local:{model}", "run", "--scoring", "likelihood")
    assert {p["status"] for p in predictions} == {"ok"}
    for one in predictions:
        logprobs = {entry["letter"]: entry["logprob"] for entry in one["logprobs"]}
        assert set(logprobs) == set("ABCDE")
        assert one["pred"] == max(logprobs, key=logprobs.__getitem__)
        assert 0 < math.fsum(map(math.exp, logprobs.values())) < 1
    # Another picture is another answer, and so is none: the model looks.
    blind, about = predict("closed.parquet", f"blind:local:{model}", "blind", "--scoring", "likelihood")
    assert about["model"].startswith("blind:local:tiny-qwen@")
    assert [p["logprobs"] for p in blind] != [p["logprobs"] for p in predictions]
    assert len({json.dumps(p["logprobs"]) for p in blind}) == 2  # the two questions of each image, without the image
    assert SENTINEL not in "".join(str(p["raw"]) for p in predictions)


def test_a_model_that_is_none_is_one_line(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    common = ("--root", "root", "--out", "run")
    assert run_cli(["predict", "closed.parquet", *common, "--model", "local:root"]) == 3
    line = capsys.readouterr().err.strip()
    assert "no config.json" in line
    assert "\n" not in line
    assert run_cli(["predict", "closed.parquet", *common, "--model", "local:absent folder"]) == 3
    assert "no such folder" in capsys.readouterr().err
