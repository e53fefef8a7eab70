"""The score command: what it reads, refuses, and says loudly."""

import json
import re
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
from neuroonco.predict.run_files import LEDGER, benchmark_hash
from neuroonco.vocabulary import PredictionStatus
from neuroonco.walk.asking import LEDGER_FILE

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
    assert run(["score", benchmark, evaluation, "--resamples", "300", "--seed", "5"]) == 1
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
    assert run(["score", benchmark, evaluation, "--json", "--resamples", "300"]) == 1
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
    describe(evaluation, picture=PictureMode.NONE, per_image=True)
    assert run(["score", benchmark, evaluation, "--json"]) == 1
    err = capsys.readouterr().err
    assert "made with pictures: none" in err
    assert "sibling questions can leak" in err


@pytest.mark.parametrize("command", ["score", "compare"])
@pytest.mark.parametrize("named", ["evaluation", "evaluation/predictions.jsonl"])
def test_another_benchmark_is_refused_in_one_line(
    benchmark: str, evaluation: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, named: str
) -> None:
    describe(evaluation, benchmark_sha256="0" * 64)
    store.save(tmp_path / "other.jsonl", answers("other"), Prediction)
    places = [str(tmp_path / "other.jsonl")] * (command == "compare") + [str(tmp_path / named)]
    assert run([command, benchmark, *places, "--json"]) == 3
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("error[BENCHMARKS_DIFFER]")
    assert len(shown.err.splitlines()) == 1
    assert f"where: {tmp_path / named};" in shown.err


def test_a_part_of_the_benchmark_is_said(benchmark: str, evaluation: str, capsys: pytest.CaptureFixture[str]) -> None:
    part = ITEMS[:3]
    store.save(Path(evaluation) / "predictions.jsonl", answers()[:3], Prediction)
    describe(evaluation, benchmark_sha256=benchmark_hash(part))
    assert run(["score", benchmark, evaluation, "--json"]) == 1
    shown = capsys.readouterr()
    assert shown.err == "note: evaluation was asked 3 of the 4 questions; the others count as missing\n"
    document = json.loads(shown.out)
    assert document["status"]["missing"] == 1
    assert document["benchmark_sha256"] == benchmark_hash(ITEMS)
    assert document["matches"] == {
        "evaluation": {"questions": 4, "asked": 3, "contradicting": 0, "unreadable_questions": 0}
    }
    assert run(["compare", benchmark, evaluation, evaluation, "--json"]) == 0
    matches = json.loads(capsys.readouterr().out)["matches"]
    assert [fit["asked"] for fit in matches.values()] == [3, 3]


REFERENCE_ROWS = [
    {"id": int(i.image_id), "q_index": i.q_index, "gt": i.answer, "pred": i.answer, "image_path": i.image_path}
    for i in ITEMS
]


@pytest.mark.parametrize(
    ("changes", "code", "said"),
    [
        ({}, 0, ""),
        # The same pictures below another root, or a truth in words, is no contradiction.
        ({n: {"image_path": f"/data/{REFERENCE_ROWS[n]['image_path']}", "gt": "Glioma"} for n in range(4)}, 0, ""),
        ({0: {"gt": "B"}}, 0, "warning: 1 rows of gpt.jsonl state another answer or image"),
        ({0: {"gt": "B"}, 1: {"image_path": "x/9.png"}}, 0, "warning: 2 rows of gpt.jsonl"),
        ({n: {"image_path": f"x/{n}.png"} for n in range(3)}, 3, "3 of 4 rows state another answer or image"),
        ({n: {"gt": "C"} for n in range(4)}, 3, "4 of 4 rows"),
        ({n: {"id": 70 + n} for n in range(4)}, 3, "none of its 4 predictions is for a question of the benchmark"),
    ],
)
def test_reference_rows_of_another_benchmark_are_noticed(
    benchmark: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: dict[int, Any], code: int, said: str
) -> None:
    rows = [row | changes.get(n, {}) for n, row in enumerate(REFERENCE_ROWS)]
    (tmp_path / "gpt.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert run(["score", benchmark, str(tmp_path / "gpt.jsonl"), "--json"]) == code
    shown = capsys.readouterr()
    assert said in shown.err
    assert len(shown.err.splitlines()) == bool(said)
    if not code:
        assert json.loads(shown.out)["accuracy"]["value"] == 1.0


def test_what_holds_no_answers_is_one_line(benchmark: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store.save(tmp_path / "closed.jsonl", ITEMS * 10, ClosedItem)
    (tmp_path / "open.jsonl").write_text('{"id": 1, "question_id": "1_q1", "pred": "It is round."}\n' * 40)
    (tmp_path / "torn.jsonl").write_text("torn\n" * 40)
    folder = tmp_path / "empty"
    folder.mkdir()
    for place in (benchmark, tmp_path / "closed.jsonl", tmp_path / "open.jsonl", tmp_path / "torn.jsonl", folder):
        assert run(["score", benchmark, str(place)]) == 3
        err = capsys.readouterr().err
        assert err.startswith("error[")
        assert len(err.splitlines()) == 1


def test_a_run_of_open_questions_is_refused(
    benchmark: str, evaluation: str, capsys: pytest.CaptureFixture[str]
) -> None:
    describe(evaluation, kind=QuestionKind.OPEN)
    assert run(["score", benchmark, evaluation]) == 3
    err = capsys.readouterr().err
    assert err.startswith("error[RUN_OF_OTHER_KIND]: this run answers open questions")
    assert len(err.splitlines()) == 1


def test_unreadable_rows_are_named_up_to_a_number(
    benchmark: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store.save(tmp_path / "p.jsonl", answers(), Prediction)
    with (tmp_path / "p.jsonl").open("a") as file:
        file.write("torn\n" * 300)
    broken = tmp_path / "closed.jsonl"
    store.save(broken, ITEMS, ClosedItem)
    with broken.open("a") as file:
        file.write("torn\n" * 300)
    assert run(["score", str(broken), str(tmp_path / "p.jsonl")]) == 1
    err = capsys.readouterr().err
    assert err.count("unreadable[") == 40
    assert err.count("... and 280 more") == 2


def test_every_command_has_one_seed_and_one_range(
    benchmark: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [str(tmp_path / f"{name}.jsonl") for name in "ab"]
    for path in paths:
        store.save(Path(path), answers(path), Prediction)
    commands = (["score", benchmark, paths[0]], ["compare", benchmark, *paths])
    commands += (["report", "compare", *paths, "--benchmark", benchmark, "--out", str(tmp_path / "c.html")],)
    for command in commands:
        for refused in ("99", "100001"):
            assert run([*command, "--resamples", refused]) == 2
        assert run([*command, "--resamples", "100"]) == (command[0] == "score")  # which is incomplete
        out = capsys.readouterr().out + ((tmp_path / "c.html").read_text() if command[0] == "report" else "")
        assert re.search(r"(?i)seed\W*(</dt><dd>)?2602", out)


def test_confidences_are_reported_where_there_are_any(
    benchmark: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [row.model_copy(update={"confidence": 0.8}) if row.pred else row for row in answers()]
    store.save(tmp_path / "p.jsonl", rows, Prediction)
    assert run(["score", benchmark, str(tmp_path / "p.jsonl")]) == 1
    text = " ".join(capsys.readouterr().out.split())
    assert "Calibration (stated)" in text
    assert "expected calibration error │ 20.0%" in text
    assert "1 questions have no confidence" in text
    assert "Brier score │ 0.040 │" in text


def test_a_hostile_model_name_is_shown_as_text(
    benchmark: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store.save(tmp_path / "p.jsonl", answers("\x1b[31m[red]m"), Prediction)
    assert run(["score", benchmark, str(tmp_path / "p.jsonl")]) == 1
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


def test_what_is_no_letter_is_said_with_an_example(
    benchmark: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for told, said, name, code in (
        ([item.answer.lower() for item in ITEMS], "'a'", "4 answers are no letter that their question offers (inv", 1),
        (["A", "E", "b", "A"], "'b'", "1 answers", 0),
        (["A", "E", "B", "C"], "'C'", "1 answers", 0),
    ):
        store.save(tmp_path / "p.jsonl", [predicted(i, t) for i, t in zip(ITEMS, told, strict=True)], Prediction)
        assert run(["score", benchmark, str(tmp_path / "p.jsonl")]) == code
        err = capsys.readouterr().err
        assert err.startswith(f"warning: {name}")
        assert f"e.g. {said}; expected one capital letter" in err
        assert len(err.splitlines()) == 1
    rows = [{"id": i.image_id, "q_index": i.q_index, "pred": "The answer is B"} for i in ITEMS]
    for number, code in ((0, 1), (1, 0)):  # one that can be read makes the rest the model's own failures
        rows[0]["pred"] = "B" if number else rows[0]["pred"]
        (tmp_path / "gpt.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        assert run(["score", benchmark, str(tmp_path / "gpt.jsonl")]) == code
        assert ("(unparsed), e.g. 'The answer is B'" in capsys.readouterr().err) is bool(code)


def test_a_run_alone_is_scored_by_its_own_questions(
    evaluation: str, benchmark: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    describe(evaluation)
    store.save(Path(evaluation) / "benchmark.parquet", ITEMS, ClosedItem)
    assert run(["score", benchmark, evaluation, "--json"]) == 1
    expected = capsys.readouterr().out
    assert run(["score", evaluation, "--json"]) == 1
    assert capsys.readouterr().out == expected
    for place in (benchmark, str(tmp_path)):
        assert run(["score", place]) in (2, 3)
        assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_killed_run_and_another_format_say_what_they_are(
    benchmark: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert LEDGER == LEDGER_FILE
    killed = tmp_path / "killed"
    killed.mkdir()
    (killed / LEDGER).touch()
    for command in (["score", benchmark, str(killed)], ["score", str(killed)], ["report", "compare", str(killed)]):
        assert run(command) == 3
        assert "unfinished run; where:" in (err := capsys.readouterr().err)
        assert "fix: repeat the predict command" in err
    (tmp_path / "p.csv").write_text("id,pred\n1,A\n")
    assert run(["score", benchmark, str(tmp_path / "p.csv")]) == 3
    assert "predictions are .jsonl, .parquet or the reference's .json;" in capsys.readouterr().err


def test_a_baseline_abstains_and_a_model_refuses(
    benchmark: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for model, said in (("measuring", "3 ok, 1 abstained"), ("gpt", "3 ok, 1 refused")):
        rows = answers(model)
        rows[2] = predicted(ITEMS[2], None, PredictionStatus.REFUSED, model)
        store.save(tmp_path / "p.jsonl", rows, Prediction)
        assert run(["score", benchmark, str(tmp_path / "p.jsonl")]) == 0
        assert capsys.readouterr().out.rstrip().endswith(said)


def test_one_run_under_two_names_is_said(benchmark: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in "ab":
        store.save(tmp_path / f"{name}.jsonl", answers(name), Prediction)
    other = [predicted(item, "A", model="c") for item in ITEMS]
    store.save(tmp_path / "c.jsonl", other, Prediction)
    paths = [str(tmp_path / f"{name}.jsonl") for name in "acb"]
    assert run(["compare", benchmark, *paths, "--json"]) == 0
    line = "a and b have the same answers in every row: is it one run under two names?\n"
    assert capsys.readouterr().err == f"warning: {line}"
    page = tmp_path / "c.html"
    assert run(["report", "compare", *paths, "--benchmark", benchmark, "--out", str(page)]) == 0
    assert capsys.readouterr().err.count(line) == 1
    assert line.strip() in page.read_text()
