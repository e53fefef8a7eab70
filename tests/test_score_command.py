"""The score command: what it reads, refuses, and says loudly."""

import json
from pathlib import Path
from typing import Any

import pytest

from closed_items import closed_item, predicted
from neuroonco import __version__, store
from neuroonco.build.interop import closed_document
from neuroonco.build.records import ClosedItem, OpenItem
from neuroonco.cli import score_open
from neuroonco.cli.app import run
from neuroonco.predict.records import EvaluationRun, PictureMode, Prediction, QuestionKind
from neuroonco.predict.run_files import benchmark_hash
from neuroonco.vocabulary import PredictionStatus

ITEMS = [
    closed_item("1", "A"),
    closed_item("1", "E", q_index=1),
    closed_item("2", "B"),
    closed_item("3", "A", texts=("Abnormal", "Healthy")),
]


def answers(model: str = "some-model") -> list[Prediction]:
    rows = [predicted(item, item.answer, model=model) for item in ITEMS]
    rows[2] = predicted(ITEMS[2], None, PredictionStatus.API_ERROR, model)
    return rows


@pytest.fixture
def benchmark(tmp_path: Path) -> str:
    store.save(tmp_path / "closed.parquet", ITEMS, ClosedItem)
    return str(tmp_path / "closed.parquet")


@pytest.fixture
def evaluation(tmp_path: Path) -> str:
    folder = tmp_path / "evaluation"
    folder.mkdir()
    store.save(folder / "predictions.jsonl", answers(), Prediction)
    return str(folder)


def describe(folder: str, **changes: Any) -> None:
    fields: dict[str, Any] = {
        "model": "some-model",
        "kind": QuestionKind.CLOSED,
        "benchmark": "closed.parquet",
        "benchmark_sha256": benchmark_hash(ITEMS),
        "version": __version__,
    }
    about = EvaluationRun(**fields | changes)
    (Path(folder) / "run.json").write_text(about.model_dump_json(), encoding="utf-8")


def test_a_runs_folder_is_scored_and_its_model_named(
    benchmark: str, evaluation: str, capsys: pytest.CaptureFixture[str]
) -> None:
    describe(evaluation)
    assert run(["score", benchmark, evaluation, "--resamples", "300", "--seed", "5"]) == 0
    shown = capsys.readouterr()
    text = " ".join(shown.out.split())
    assert shown.err == ""
    assert "Score of some-model" in text
    assert text.startswith("INCOMPLETE: questions that no answer came back for count as wrong: 1 api_error")
    assert "all questions │ 75.0%" in text
    assert "always E" in text
    assert "300 resamples of 3 images, seed 5" in text
    assert text.endswith("3 ok, 1 api_error; incomplete")


def test_json_has_the_figures_and_names(benchmark: str, evaluation: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["score", benchmark, evaluation, "--json", "--resamples", "300"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["models"] == ["some-model"]
    assert document["accuracy"].keys() == {"value", "low", "high", "n"}
    assert (document["accuracy"]["value"], document["accuracy"]["n"]) == (0.75, 4)
    assert document["by_type"].keys() == {"diagnosis", "diagnosis_binary"}
    for name in ("recall", "precision", "false_rejection_rate", "f1", "youden_j", "mcc"):
        assert document["rejection"][name].keys() == {"value", "low", "high", "n"}
        assert name in document["always_none"]
    assert document["clusters"] == {"unit": "image", "n": 3, "resamples": 300, "seed": 2602}
    assert document["complete"] is False


def test_what_a_reader_must_know_is_said(benchmark: str, evaluation: str, capsys: pytest.CaptureFixture[str]) -> None:
    describe(evaluation, benchmark_sha256="0" * 64, picture=PictureMode.NONE, per_image=True)
    assert run(["score", benchmark, evaluation, "--json"]) == 0
    err = capsys.readouterr().err
    assert "warning: evaluation answers another benchmark" in err
    assert "made with pictures: none" in err
    assert "sibling questions can leak" in err


def test_confidences_are_reported_where_there_are_any(
    benchmark: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [row.model_copy(update={"confidence": 0.8}) if row.pred else row for row in answers()]
    store.save(tmp_path / "p.jsonl", rows, Prediction)
    assert run(["score", benchmark, str(tmp_path / "p.jsonl")]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "Calibration (stated)" in text
    assert "expected calibration error │ 20.0%" in text
    assert "1 questions have no confidence" in text


def test_a_hostile_model_name_is_shown_as_text(
    benchmark: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store.save(tmp_path / "p.jsonl", answers("\x1b[31m[red]m"), Prediction)
    assert run(["score", benchmark, str(tmp_path / "p.jsonl")]) == 0
    assert run(["compare", benchmark, *[str(tmp_path / "p.jsonl")] * 2]) == 0
    out = capsys.readouterr().out
    assert "\x1b[31m" not in out
    assert "\\x1b[31m[red]m" in out


def test_the_published_format_and_reference_rows_are_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "closed.json").write_text(json.dumps(closed_document(ITEMS)))
    rows = [
        {"id": int(i.image_id), "q_index": i.q_index, "gt": i.answer, "pred": i.answer, "correct": True} for i in ITEMS
    ]
    (tmp_path / "gpt.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert run(["score", str(tmp_path / "closed.json"), str(tmp_path / "gpt.jsonl"), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["accuracy"]["value"], document["complete"], document["models"]) == (1.0, True, ["gpt"])


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--judge", "m", "--marks", "marks.jsonl"], "--judge, --marks"),
        (["--max-cost", "1", "--replay"], "--max-cost, --replay"),
        (["--max-cost", "0"], "--max-cost"),
        (["--ledger", "x", "--endpoints", "y.toml"], "--ledger, --endpoints"),
    ],
)
def test_options_of_open_benchmarks_are_refused(
    benchmark: str, evaluation: str, capsys: pytest.CaptureFixture[str], options: list[str], named: str
) -> None:
    assert run(["score", benchmark, evaluation, *options]) == 2
    err = capsys.readouterr().err
    assert "error[OPTION_OPEN_ONLY]" in err
    assert f"where: {named};" in err


def test_an_open_benchmark_goes_to_its_own_score(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    item = OpenItem(
        image_id="1",
        question_id="q",
        slice_id="s",
        image_path="a.png",
        question_type="shape",
        question="Which shape?",
        reference_answer="It is round.",
        key_terms=("Round",),
    )
    store.save(tmp_path / "open.jsonl", [item], OpenItem)
    given: dict[str, Any] = {}
    monkeypatch.setattr(score_open, "score_open", lambda *places, **options: given.update(options, places=places))
    paths = [str(tmp_path / name) for name in ("open.jsonl", "p.jsonl")]
    assert run(["score", *paths, "--judge", "m", "--marks", "h.jsonl", "--max-cost", "2", "--seed", "3"]) == 0
    assert given["places"] == tuple(map(Path, paths))
    assert (given["judge"], given["marks"], given["max_cost"], given["seed"]) == ("m", Path("h.jsonl"), 2.0, 3)
    assert run(["score", *paths, "--permuted", "p.jsonl"]) == 2
    assert "error[PERMUTED_OPEN]" in capsys.readouterr().err


@pytest.mark.parametrize("missing", ["nothing.jsonl", "no-folder"])
def test_missing_predictions_are_one_line(benchmark: str, capsys: pytest.CaptureFixture[str], missing: str) -> None:
    assert run(["score", benchmark, missing]) == 3
    err = capsys.readouterr().err
    assert err.startswith("error[")
    assert len(err.splitlines()) == 1
