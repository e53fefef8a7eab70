"""Runs that are cut off, run into older ones, or lack something: nothing mixed up, nothing lost from a denominator."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from closed_items import predicted
from fault_answers import texts_of
from fault_server import FaultServer
from neuroonco import store
from neuroonco.build.records import ClosedItem
from neuroonco.cli import run as run_cli
from neuroonco.errors import InputError
from neuroonco.models.prices import load_prices
from neuroonco.predict.pictures import PictureFinder
from neuroonco.predict.records import EvaluationRun, Prediction, QuestionKind
from neuroonco.predict.run_files import RunFiles, benchmark_hash, partial_of, read_about, sweep, write_run
from predict_files import SENTINEL, draw, open_questions, picked, questions, saved
from test_walk_asking import elsewhere


@pytest.fixture(autouse=True)
def own_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test writes into the ledger of the machine."""
    monkeypatch.delenv("NEUROONCO_LEDGER", raising=False)
    monkeypatch.chdir(tmp_path)
    draw(tmp_path / "root", 3)


def predict(benchmark: str, model: str, out: str, *more: str) -> int:
    return run_cli(["predict", benchmark, "--root", "root", "--model", model, "--out", out, *more])


def account(items: list[ClosedItem], model: str) -> EvaluationRun:
    sha256 = benchmark_hash(items)
    return EvaluationRun(
        model=model, kind=QuestionKind.CLOSED, benchmark="b", benchmark_sha256=sha256, status={"ok": 6}, version="1"
    )


# --- names ---


def test_every_file_of_predictions_has_a_run_of_its_own() -> None:
    saved(Path("b.jsonl"), questions(3))
    assert predict("b.jsonl", "random", "a.jsonl") == predict("b.jsonl", "always-e", "a.parquet") == 0
    found = {name: read_about(Path(name)) for name in ("a.jsonl", "a.parquet")}
    assert {name: about and about.model for name, about in found.items()} == {
        "a.jsonl": "random-2602",
        "a.parquet": "always-e",
    }
    assert sorted(path.name for path in Path().glob("a.*")) == [
        *("a.jsonl", "a.jsonl.run.json", "a.parquet", "a.parquet.run.json"),
    ]
    Path("a.jsonl.run.json").rename("a.run.json")
    assert read_about(Path("a.jsonl")) is None, "a name that two files would share is nobody's"


# --- kills ---


@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_kill_while_writing_never_leaves_parts_of_two_runs(monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    old, new = questions(3), questions(3)[:4]
    run = Path("run")
    write_run(run, old, [predicted(item, "A") for item in old], account(old, "old"))
    calls, replace = 0, Path.replace

    def killed(self: Path, target: Path) -> Path:
        nonlocal calls
        calls += 1
        if calls == at:
            raise KeyboardInterrupt
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        write_run(run, new, [predicted(item, "B") for item in new], account(new, "new"))
    files = RunFiles.at(run)
    assert not files.run.exists()
    assert files.benchmark is not None
    assert len(store.load_strict(files.benchmark, ClosedItem)) == (6 if at == 1 else 4)
    if files.predictions.exists():
        assert at == 3
        assert [p.pred for p in store.load_strict(files.predictions, Prediction)] == ["B"] * 4


def test_an_older_run_stays_whole_until_all_is_answered() -> None:
    saved(Path("b.jsonl"), questions(3))
    assert predict("b.jsonl", "random", "run") == 0
    before = {path.name: path.read_bytes() for path in Path("run").iterdir()}
    server = FaultServer(answer_for=picked, respond=lambda _: (401, {}, b"{}"))
    with elsewhere(server) as url:
        assert predict("b.jsonl", f"vllm:m@{url}", "run", "--ledger", "l.sqlite", "--overwrite") == 5
    assert {path.name: path.read_bytes() for path in Path("run").iterdir()} == before


def test_a_built_in_model_that_is_cut_off_leaves_an_older_run_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    saved(Path("b.jsonl"), questions(3))
    assert predict("b.jsonl", "random", "run") == 0
    before = {path.name: path.read_bytes() for path in Path("run").iterdir()}
    read, reads = PictureFinder.read, []

    def cut_off(self: PictureFinder, ref: Any) -> Any:
        reads.append(ref)
        if len(reads) == 3:
            raise KeyboardInterrupt
        return read(self, ref)

    monkeypatch.setattr(PictureFinder, "read", cut_off)
    assert predict("b.jsonl", "measuring", "run", "--overwrite") != 0
    after = {path.name: path.read_bytes() for path in Path("run").iterdir()}
    assert after.keys() - before.keys() == {"predictions.jsonl.partial"}
    assert {name: after[name] for name in before} == before
    monkeypatch.setattr(PictureFinder, "read", read)
    assert predict("b.jsonl", "measuring", "run", "--overwrite") == 0
    assert sorted(path.name for path in Path("run").iterdir()) == sorted(before)


def test_what_a_kill_left_in_the_middle_of_writing_is_swept() -> None:
    saved(Path("b.jsonl"), questions(3))
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    Path("run").mkdir()
    own = [f"{name}.{ended.pid}.tmp" for name in (".predictions.jsonl", ".run.json", ".benchmark.parquet")]
    own += [f".predictions.jsonl.partial.{os.getpid()}.tmp", f".predictions.jsonl.{10**30}.tmp"]
    others = [f".predictions.jsonl.{os.getppid()}.tmp", f".mine.{ended.pid}.tmp", ".predictions.jsonl.x.tmp", "a.tmp"]
    for name in (*own, *others):
        Path("run", name).write_text("torn")
    assert predict("b.jsonl", "random", "run") == 0
    left = {path.name for path in Path("run").iterdir()} - {"predictions.jsonl", "run.json", "benchmark.parquet"}
    assert left == set(others)
    Path(f".a[b].jsonl.{ended.pid}.tmp").write_text("torn")
    Path(f".ab.jsonl.{ended.pid}.tmp").write_text("another's")
    sweep(Path("a[b].jsonl"))
    assert sorted(path.name for path in Path().glob(".*.tmp")) == [f".ab.jsonl.{ended.pid}.tmp"]


def test_a_run_whose_account_cannot_be_removed_is_not_written_over() -> None:
    items = questions(1)
    Path("run/run.json").mkdir(parents=True)
    with pytest.raises(InputError, match="CANNOT_WRITE"):
        write_run(Path("run"), items, [predicted(item, "A") for item in items], account(items, "m"))
    assert [path.name for path in Path("run").iterdir()] == ["run.json"]


def test_what_is_kept_on_the_way_is_gone_at_the_end() -> None:
    assert partial_of(Path("a/p.jsonl")) == Path("a/p.jsonl.partial")


# --- what cannot be read ---


def broken(path: Path, make: Any) -> Path:
    """Six questions, of which two cannot be read."""
    rows = [json.loads(item.model_dump_json()) for item in make(3)]
    del rows[1]["question"]
    rows[4]["extra"] = 1
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize("make", [questions, open_questions])
def test_questions_that_cannot_be_read_are_counted_wherever_a_run_is_told_of(
    capsys: pytest.CaptureFixture[str], make: Any
) -> None:
    broken(Path("b.jsonl"), make)
    with elsewhere(FaultServer(answer_for=picked)) as url:
        assert predict("b.jsonl", f"vllm:m@{url}", "run", "--json") == 1
    printed = capsys.readouterr()
    said = json.loads(printed.out)
    assert (said["n"], said["unreadable"], said["status"]) == (4, 2, {"ok": 4})
    assert printed.err.count("INCOMPLETE: 2 questions of b.jsonl cannot be read, and nobody was asked them") == 1
    about = read_about(Path("run"))
    assert about is not None
    assert about.unreadable == 2
    if make is questions:
        assert predict("b.jsonl", "always-e", "base") == 1
        assert "INCOMPLETE: 2 questions of b.jsonl" in capsys.readouterr().err
        assert store.read_json(Path("base/run.json"))["unreadable"] == 2


@pytest.mark.parametrize("make", [questions, open_questions])
def test_the_score_of_a_run_with_unreadable_questions_is_incomplete(
    capsys: pytest.CaptureFixture[str], make: Any
) -> None:
    def said(*words: str) -> Any:
        capsys.readouterr()
        assert run_cli([*words, "--resamples", "100", "--json"]) == 1
        return json.loads(capsys.readouterr().out)

    broken(Path("b.jsonl"), make)
    with elsewhere(FaultServer(answer_for=picked)) as url:
        for model in ("m", "n"):
            assert predict("b.jsonl", f"vllm:{model}@{url}", model, "--ledger", "l.sqlite") == 1
    for benchmark in ("m/benchmark.parquet", "b.jsonl"):
        score = said("score", benchmark, "m")
        assert (score["complete"], score["unreadable_questions"]) == (False, 2)
    run_cli(["report", "compare", "m", "n", "--out", "c.html", "--resamples", "100"])
    assert "2 questions of the benchmark cannot be read and are in no figure" in Path("c.html").read_text()
    if make is questions:
        compared = said("compare", "m/benchmark.parquet", "m", "n")
        assert (compared["unreadable_questions"], {m["complete"] for m in compared["models"]}) == (2, {False})
        saved(Path("whole.jsonl"), questions(3))
        score = said("score", "whole.jsonl", "m")
        assert (score["complete"], score["unreadable_questions"]) == (False, 0), "what was repaired was not asked"


def test_a_run_of_all_questions_says_that_none_is_unreadable(capsys: pytest.CaptureFixture[str]) -> None:
    saved(Path("b.jsonl"), questions(3))
    assert predict("b.jsonl", "random", "run", "--json") == 0
    assert json.loads(capsys.readouterr().out)["unreadable"] == store.read_json(Path("run/run.json"))["unreadable"] == 0


# --- replay ---


def test_a_ledger_that_holds_a_part_makes_no_run(capsys: pytest.CaptureFixture[str]) -> None:
    saved(Path("few.jsonl"), questions(2))
    saved(Path("all.jsonl"), questions(3))
    ledger = ("--ledger", "l.sqlite")
    with elsewhere(FaultServer(answer_for=picked)) as url:
        assert predict("all.jsonl", f"vllm:m@{url}", "run", *ledger) == 0
        assert predict("few.jsonl", f"vllm:m@{url}", "few", "--ledger", "part.sqlite") == 0
    before = {path.name: path.read_bytes() for path in Path("run").iterdir()}
    capsys.readouterr()
    for out in ("run", "fresh", "p.jsonl"):
        assert predict("all.jsonl", "vllm:m", out, "--ledger", "part.sqlite", "--replay") == 3
        err = capsys.readouterr().err
        assert "error[LEDGER_MISSES]: the ledger holds no answer of vllm:m to 2 of 6 calls" in err
        assert "the same command" not in err
    assert {path.name: path.read_bytes() for path in Path("run").iterdir()} == before
    assert not Path("fresh/predictions.jsonl").exists()
    assert not Path("p.jsonl").exists()
    assert predict("all.jsonl", "vllm:m", "run", *ledger, "--replay") == 0


def test_a_failed_call_is_replayed_as_failed_and_nobody_is_promised_another(
    capsys: pytest.CaptureFixture[str],
) -> None:
    saved(Path("b.jsonl"), questions(3))

    def down(request: dict[str, Any]) -> tuple[int, dict[str, str], bytes] | None:
        return (422, {}, b'{"error": {"message": "no"}}') if "part 1" in texts_of(request) else None

    with elsewhere(FaultServer(answer_for=picked, respond=down)) as url:
        assert predict("b.jsonl", f"vllm:m@{url}", "run") == 5
    assert "the same command asks these again" in capsys.readouterr().err
    assert predict("b.jsonl", "vllm:m", "run", "--replay") == 5
    err = capsys.readouterr().err
    assert "3 questions wait for a call that failed; in the ledger, too, their calls failed" in err
    assert "asks these again" not in err


# --- refused before anybody is asked ---


@pytest.mark.parametrize("model", ["random", "majority", "always-e", "measuring", "vllm", "blind:vllm"])
@pytest.mark.parametrize("fault", ["twice", "lower", "long"])
def test_what_cannot_be_asked_is_refused_for_every_model(
    capsys: pytest.CaptureFixture[str], model: str, fault: str
) -> None:
    items = questions(3)
    if fault == "twice":
        items[4] = items[4].model_copy(update={"image_id": items[1].image_id, "q_index": items[1].q_index})
    elif fault == "lower":
        options = tuple(o.model_copy(update={"letter": o.letter.lower()}) for o in items[4].options)
        items[4] = items[4].model_copy(update={"options": options, "answer": "a"})
    else:
        items[4] = items[4].model_copy(update={"question": "x" * 30_000})
    saved(Path("b.jsonl"), items)
    server = FaultServer(answer_for=picked)
    with elsewhere(server) as url:
        assert predict("b.jsonl", f"{model}:m@{url}" if "vllm" in model else model, "run") == 3
    name = {"twice": "QUESTION_TWICE", "lower": "OPTIONS_INVALID", "long": "TEXT_TOO_LONG"}[fault]
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error")]
    assert line.startswith(f"error[{name}]")
    assert f"image {items[4].image_id}, question {items[4].q_index}" in line
    assert server.requests == []
    assert [path.name for path in Path("run").iterdir()] == []


# --- pictures ---


@pytest.mark.parametrize("model", ["measuring", "vllm"])
def test_paths_that_no_file_can_have_cost_their_question_alone(model: str) -> None:
    items = questions(3)
    paths = ["x" * 300 + ".png", f"{SENTINEL}/{'y' * 256}.png", items[2].image_path, "a/" * 2500 + "b.png"]
    items = [item.model_copy(update={"image_path": path}) for item, path in zip(items, paths, strict=False)]
    saved(Path("b.jsonl"), items)
    with elsewhere(FaultServer(answer_for=picked)) as url:
        assert predict("b.jsonl", f"vllm:m@{url}" if model == "vllm" else model, "run") == 0
    found = store.load_strict(Path("run/predictions.jsonl"), Prediction)
    assert [p.status.value == "missing_image" for p in found] == [True, True, False, True]
    assert "FILE_UNREADABLE: File name too long" in {p.error for p in found}


def test_a_folder_that_may_not_be_looked_into_is_a_missing_image(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "is_file", refused)
    with pytest.raises(InputError, match=r"FILE_UNREADABLE.*Permission denied"):
        PictureFinder(Path("root")).read(questions(1)[0])


def test_a_folder_named_like_a_picture_is_none(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "dd.png").mkdir()
    (root / "dd.tif").write_bytes((root / SENTINEL / "0.png").read_bytes())
    (root / "ee.png").mkdir()
    finder = PictureFinder(root)
    assert finder.locate("dd.jpg") == "dd.tif"
    assert finder.locate("dd.png") == "dd.tif"
    with pytest.raises(InputError, match="FILE_MISSING"):
        finder.locate("ee.jpg")


# --- prices ---


@pytest.mark.parametrize(
    "said",
    [
        *("1e308", "true", "false", '"1"', "inf", "nan", "-inf", "-1", "-0.5", "1000001", "1e7", "[1]", "{a = 1}"),
        *('""', "2020-01-01", "9" * 400, "9" * 5000, "0x" + "f" * 300, "[" * 3000),
    ],
)
@pytest.mark.parametrize("field", ["input", "output"])
def test_a_price_is_a_number_that_somebody_could_ask(tmp_path: Path, said: str, field: str) -> None:
    other = "output" if field == "input" else "input"
    path = tmp_path / "p.toml"
    path.write_text(f'["vllm:*"]\n{other} = 1\n{field} = {said}\n')
    with pytest.raises(InputError, match="PRICES_INVALID") as caught:
        load_prices(path)
    assert len(caught.value.line.splitlines()) == 1
    assert len(caught.value.line) < 700


@pytest.mark.parametrize(("said", "value"), [("0", 0.0), ("1", 1.0), ("0.25", 0.25), ("1_000", 1000.0), ("1e6", 1e6)])
def test_prices_that_are_asked(tmp_path: Path, said: str, value: float) -> None:
    path = tmp_path / "p.toml"
    path.write_text(f'["vllm:*"]\noutput = 1\ninput = {said}\n')
    price = load_prices(path).of("vllm:m")
    assert price is not None
    assert price.input == value


def test_a_limit_of_cost_without_a_price_names_both_files(capsys: pytest.CaptureFixture[str]) -> None:
    saved(Path("b.jsonl"), questions(3))
    assert predict("b.jsonl", "vllm:m", "run", "--max-cost", "1") == 2
    err = capsys.readouterr().err
    assert "error[PRICE_UNKNOWN]" in err
    assert "--prices" in err
    assert "--endpoints" in err


def test_the_line_on_what_was_asked_names_the_model_with_its_prefix(capsys: pytest.CaptureFixture[str]) -> None:
    saved(Path("b.jsonl"), questions(3))
    with elsewhere(FaultServer(answer_for=picked)) as url:
        for prefix in ("blind", "blank", "shuffled"):
            assert predict("b.jsonl", f"{prefix}:vllm:m@{url}", f"run-{prefix}") == 0
            assert f"predict by {prefix}:vllm:m: " in capsys.readouterr().err
