"""What `report compare` takes: folders, files, pipeline runs, and only runs on the same questions."""

import json
from pathlib import Path

import pytest

from comparison_files import answers, benchmark, write_pictures, write_run
from neuroonco import store
from neuroonco.build.interop import closed_document
from neuroonco.build.records import ClosedItem, OpenItem
from neuroonco.cli.app import run as cli
from neuroonco.predict.interop import write_reference
from neuroonco.predict.records import EvaluationRun, OpenPrediction, Prediction, QuestionKind
from neuroonco.predict.run_files import RunFiles, benchmark_hash
from neuroonco.vocabulary import PredictionStatus
from neuroonco.walk.comparison_page import Asked, gather_closed, write_comparison
from neuroonco.walk.folders import PREDICT, REVIEW
from test_report_page import Page

FEW = ("--resamples", "200")


def call(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    code = cli(["report", *map(str, arguments)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def failure(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    """The one line of a command that fails, with its exit code in front."""
    code, out, err = call(capsys, *arguments)
    assert out == ""
    assert len(err.splitlines()) == 1
    return f"{code} {err}"


def reference_file(path: Path, items: list[ClosedItem]) -> Path:
    path.write_text(json.dumps(closed_document(items)))
    return path


def test_the_command_writes_page_and_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    items = benchmark()
    places = [write_run(tmp_path / name, items, answers(items, name, right)) for name, right in (("a", 8), ("b", 3))]
    root = write_pictures(tmp_path / "root", items)
    out = tmp_path / "made" / "page.html"
    code, said, err = call(capsys, "compare", *places, "--root", root, "--out", out, "--json", *FEW)
    assert (code, err) == (0, "")
    document = json.loads(said)
    assert (document["models"], document["questions"], document["kind"]) == (2, 60, "closed")
    assert document["page_bytes"] == out.stat().st_size
    assert {path.name for path in out.parent.iterdir()} == {"page.html", "page.csv", "page.tex"}
    assert "data:image/jpeg" in out.read_text()


def test_ours_and_reference_files_with_a_reference_benchmark(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    items = benchmark()
    whole = reference_file(tmp_path / "benchmark.json", items)
    write_reference(tmp_path / "theirs.jsonl", items, answers(items, "x", 6))
    store.save(tmp_path / "ours.jsonl", answers(items, "ours", 9), Prediction)
    places = tmp_path / "theirs.jsonl", tmp_path / "ours.jsonl"
    page = gather_closed(Asked(places=places, benchmark=whole, resamples=200))
    assert [(m.name, m.score.accuracy.value) for m in page.models] == [("ours", 0.9), ("theirs", 0.6)]
    assert page.models[1].asked == ("how it was asked is not recorded",)
    missing = failure(capsys, "compare", *places, "--out", tmp_path / "c.html")
    assert missing.startswith("2 error[BENCHMARK_NEEDED]")
    assert "theirs.jsonl" in missing


def test_a_file_of_several_models_is_several_models(tmp_path: Path) -> None:
    items = benchmark()
    both = [*answers(items, "a", 4), *answers(items, "b", 7)]
    store.save(tmp_path / "both.jsonl", both, Prediction)
    whole = reference_file(tmp_path / "benchmark.json", items)
    page = gather_closed(Asked(places=(tmp_path / "both.jsonl",), benchmark=whole, resamples=200))
    assert [m.name for m in page.models] == ["b", "a"]
    assert page.warnings == ()
    with (tmp_path / "both.jsonl").open("a") as file:
        file.write("broken\n")
    page = gather_closed(Asked(places=(tmp_path / "both.jsonl",), benchmark=whole, resamples=200))
    assert page.warnings == ("1 rows of both.jsonl cannot be read and count for no model",)
    assert all(model.score.complete for model in page.models)


def test_a_pipeline_run_gives_all_its_models(tmp_path: Path) -> None:
    items = benchmark()
    (tmp_path / "run" / REVIEW).mkdir(parents=True)
    store.save(tmp_path / "run" / REVIEW / "records.parquet", items, ClosedItem)
    for name, right in (("random-7", 2), ("measuring", 5)):
        (tmp_path / "run" / PREDICT).mkdir(exist_ok=True)
        store.save(tmp_path / "run" / PREDICT / f"{name}.jsonl", answers(items, name, right), Prediction)
    page = gather_closed(Asked(places=(tmp_path / "run",), resamples=200))
    assert [(m.name, m.sees_picture) for m in page.models] == [("measuring", True), ("random-7", False)]
    assert page.benchmark == "reviewed benchmark of run"


def test_another_benchmark_is_refused_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    items = benchmark()
    other = [items[0].model_copy(update={"question": "Which one?"}), *items[1:]]
    a, b = (write_run(tmp_path / name, items, answers(items, name, 5)) for name in "ab")
    c = write_run(tmp_path / "c", other, answers(other, "c", 5))
    out = ("--out", tmp_path / "x.html")
    said = failure(capsys, "compare", c, a, b, *out)
    assert said.startswith("3 error[BENCHMARKS_DIFFER]: answers other questions than")
    assert "59 in common" in said
    assert f"where: {c};" in said
    whole = reference_file(tmp_path / "benchmark.json", items)
    said = failure(capsys, "compare", a, c, "--benchmark", whole, *out)
    assert said.startswith("3 error[BENCHMARKS_DIFFER]")
    assert f"where: {c};" in said
    assert not (tmp_path / "x.html").exists()


def test_a_file_tells_by_its_hash_what_it_was_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    items = benchmark()
    part = items[:20]
    whole = reference_file(tmp_path / "benchmark.json", items)
    rows = answers(part, "m", 10)
    write_run(tmp_path / "part.jsonl", part, rows)
    page = gather_closed(Asked(places=(tmp_path / "part.jsonl",), benchmark=whole, resamples=200))
    assert page.warnings == ("m was asked 20 of the 60 questions: the other 40 count as wrong",)
    assert page.models[0].score.accuracy.value == pytest.approx(20 / 60)
    other = [item.model_copy(update={"answer": "A"}) for item in part]
    write_run(tmp_path / "other.jsonl", other, rows)
    said = failure(capsys, "compare", tmp_path / "other.jsonl", "--benchmark", whole, "--out", tmp_path / "x.html")
    assert said.startswith("3 error[BENCHMARKS_DIFFER]")
    assert "other.jsonl" in said


def test_bad_input_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    items = benchmark()
    a = write_run(tmp_path / "a", items, answers(items, "a", 5))
    out = ("--out", tmp_path / "x.html")
    assert failure(capsys, "compare", tmp_path / "no", *out).startswith("3 error[RUN_MISSING]")
    assert failure(capsys, "compare", a, "--out", tmp_path / "x.pdf").startswith("2 error[OUT_NOT_HTML]")
    assert failure(capsys, "compare", a, a, *out).startswith("2 error[RUN_TWICE]")
    assert failure(capsys, "compare", a, "--root", tmp_path / "no", *out).startswith("3 error[ROOT_MISSING]")
    assert failure(capsys, "compare", *out).startswith("2 error[USAGE]")
    store.save(
        tmp_path / "strange.jsonl", [p.model_copy(update={"id": "no"}) for p in answers(items, "s", 5)], Prediction
    )
    whole = reference_file(tmp_path / "benchmark.json", items)
    said = failure(capsys, "compare", tmp_path / "strange.jsonl", "--benchmark", whole, *out)
    assert "none of its 60 predictions is for a question of the benchmark" in said
    (a / "run.json").write_text(json.dumps({**json.loads((a / "run.json").read_text()), "benchmark_sha256": "0" * 64}))
    assert failure(capsys, "compare", a, *out).startswith("3 error[RUN_BROKEN]")
    write_run(tmp_path / "b", items, answers(items, "b", 5), model="another")
    assert "run.json is of 'another'" in failure(capsys, "compare", tmp_path / "b", *out)


def test_report_of_a_run_needs_no_word_between(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ((tmp_path,), ("run", tmp_path)):
        assert failure(capsys, *arguments).startswith("3 error[RUN_MISSING]")


# --- open questions ---


def open_run(folder: Path, model: str, text: str) -> Path:
    items = [
        OpenItem(
            image_id=str(n),
            question_id="q1",
            slice_id=f"s{n}",
            image_path=f"images/{n}.png",
            question_type="lesion_description",
            question="Describe the lesion.",
            reference_answer="The lesion is round and well defined.",
            key_terms=("Round",),
        )
        for n in range(12)
    ]
    rows = [
        OpenPrediction(id=str(n), question_id="q1", model=model, status=PredictionStatus.OK, text=text)
        for n in range(12)
    ]
    files = RunFiles.at(folder)
    folder.mkdir()
    store.save(files.predictions, rows, OpenPrediction)
    assert files.benchmark is not None
    store.save(files.benchmark, items, OpenItem)
    about = EvaluationRun(
        model=model, kind=QuestionKind.OPEN, benchmark="open.json", benchmark_sha256=benchmark_hash(items), version="0"
    )
    store.write_json(files.run, about.model_dump(mode="json"))
    return folder


def test_open_runs_are_compared_by_their_attributes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    places = [
        open_run(tmp_path / "b", "<b>wrong</b>", "The lesion is irregular."),
        open_run(tmp_path / "a", "right", "A round, well defined lesion."),
    ]
    written = write_comparison(Asked(places=tuple(places), resamples=200), tmp_path / "open.html")
    assert written.kind is QuestionKind.OPEN
    page = Page(written.page.read_text())
    assert [attrs["id"] for tag, attrs in page.tags if tag == "section"] == ["leaderboard", "types", "words", "judge"]
    text = " ".join(page.texts["leaderboard"].split())
    assert text.index("right") < text.index("<b>wrong</b>")
    rows = written.csv.read_text().splitlines()
    assert next(row for row in rows if row.startswith("right,attributes_recall,,")).split(",")[3] == "1.0"
    assert next(row for row in rows if row.startswith("right,attributes_gain,,")).split(",")[3] == "0.0"
    assert next(row for row in rows if row.startswith("right,attributes_floor_f1,,")).split(",")[3] == "1.0"
    assert "Floor 100.0 %" in text
    assert "Gain over the floor" in text
    tex = written.tex.read_text()
    assert "\nFloor & 100.0" in tex
    assert tex.count(r"\begin{tabular}") == 2
    closed = write_run(tmp_path / "closed", benchmark(), answers(benchmark(), "c", 5))
    said = failure(capsys, "compare", places[0], closed, "--out", tmp_path / "x.html")
    assert said.startswith("3 error[KINDS_MIXED]")
