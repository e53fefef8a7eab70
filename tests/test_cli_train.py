"""``train run`` and ``train recipes``: what a dry run prints, what is refused in one line, a training to its end."""

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from neuroonco.cli import run
from neuroonco.cli.predict import _summarise
from neuroonco.cli.train_progress import last_loss, training_line
from neuroonco.predict.records import EvaluationRun, PromptForm, QuestionKind, Scoring
from neuroonco.train.recipe import shipped_recipes

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

from training_fixtures import write_training  # noqa: E402


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("trained")
    write_training(made)
    lines = (made / "instructions.jsonl").read_text().splitlines()
    (made / "broken.jsonl").write_text("\n".join([*lines, "{", lines[0].replace("case-000.png", "none.png")]) + "\n")
    return made


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One process, no GPU."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for name in ("WORLD_SIZE", "RANK", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "160")
    return


Called = tuple[int, str, str]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Any:
    def called(*arguments: str | Path) -> Called:
        code = run(["train", *map(str, arguments)])
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return code, captured.out, captured.err

    return called


def given(folder: Path, file: str = "instructions.jsonl") -> tuple[str | Path, ...]:
    model = folder / "models" / "tiny-qwen"
    return ("tiny", "--model", model, "--data", folder / file, "--root", folder / "root")


# --- dry run ---


def test_a_dry_run_prints_the_plan(call: Any, folder: Path) -> None:
    code, out, err = call("run", *given(folder), "--dry-run")
    assert (code, err) == (0, "")
    rows = {part[0].strip(): part[1].strip() for line in out.splitlines() if len(part := line.split("│")) == 2}
    assert rows["rows"] == "36 to train on, 4 held out, of 40 that can be used"
    assert rows["rows with a problem"] == "0"
    assert rows["pictures"] == "40, shown real"
    assert rows["batch"] == "4 = 1 x 2 x 2 accumulated"
    assert rows["steps"] == "8"
    assert rows["seen"] == "sees 32 of 36 rows (0.89 epochs)"
    assert rows["parameters"] == "64,272"
    assert rows["trained"] == "896 (1.4 %)"
    assert rows["tokens of a sample"].endswith("of 1,024")
    assert "on cpu; in all:" in rows["memory: together"]
    assert str(folder) not in out


def test_run_need_not_be_named_and_options_change_the_recipe(call: Any, folder: Path) -> None:
    options = ("--max-rows", "20", "--pictures", "blank", "--set", "optimization.max_steps=none", "--set", "lora=none")
    code, out, _ = call(*given(folder), *options, "--log-to", "", "--dry-run", "--json")
    told = json.loads(out)
    assert code == 0
    assert told["plan"]["data"]["train_rows"] + told["plan"]["data"]["held_out_rows"] == 20
    assert told["recipe"]["data"]["pictures"] == "blank"
    assert told["recipe"]["lora"] is None
    assert told["plan"]["steps"] == 5  # 18 rows of 20, 4 at once
    assert 0 < told["plan"]["trainable_parameters"] < told["plan"]["parameters"]
    assert told["refused"] is None
    assert told["warnings"] == []
    assert str(folder) not in json.dumps(told["plan"])


def test_problems_are_lines_and_exit_code_1(call: Any, folder: Path) -> None:
    code, out, err = call("run", *given(folder, "broken.jsonl"), "--dry-run")
    assert code == 1
    lines = err.splitlines()
    assert lines[0].startswith("broken.jsonl:41: ROW_UNREADABLE: ")
    assert lines[1].startswith("broken.jsonl:42: FILE_MISSING: ")
    assert lines[2] == "2 rows with a problem: 1 FILE_MISSING, 1 ROW_UNREADABLE"
    assert len(lines) == 3
    assert "rows with a problem │ 2" in out
    skipped, _, err = call("run", *given(folder, "broken.jsonl"), "--dry-run", "--skip-bad")
    assert skipped == 0
    assert err.splitlines() == lines


def test_a_dry_run_ends_as_the_training_would(call: Any, folder: Path) -> None:
    code, out, err = call("run", *given(folder), "--set", "model.device=cuda", "--dry-run")
    assert code == 4
    assert "memory: together" in out
    assert err.splitlines()[-1].startswith("error[GPU_MISSING]")
    code, out, err = call("run", *given(folder, "broken.jsonl"), "--set", "model.device=cuda", "--dry-run", "--json")
    assert code == 1
    assert json.loads(out)["refused"].startswith("error[GPU_MISSING]")
    assert err.count("error[GPU_MISSING]") == 1


def test_control_characters_and_folders_of_this_machine_are_not_printed(call: Any, folder: Path) -> None:
    code, out, err = call("run", *given(folder), "--set", "name=a\x1b[31m[/b]", "--dry-run")
    assert code == 0
    assert "\x1b" not in out + err
    assert out.splitlines()[0].rstrip() == r"Plan: a\x1b[31m[/b]"
    code, out, _ = call("run", *given(folder), "--dry-run", "--json")
    assert json.loads(out)["recipe"]["model"]["base"] == "tiny-qwen"
    assert str(folder) not in out


def test_files_of_one_name_are_told_apart(call: Any, folder: Path) -> None:
    for name in ("first", "second"):
        (folder / name).mkdir()
        (folder / name / "x.jsonl").write_text((folder / "instructions.jsonl").read_text() + "{\n" * (name == "second"))
    code, _, err = call("run", *given(folder, "first/x.jsonl"), "--data", folder / "second" / "x.jsonl", "--dry-run")
    assert code == 1
    assert err.splitlines()[0].startswith("second/x.jsonl:41: ROW_UNREADABLE")
    assert err.splitlines()[1] == "1 row with a problem: 1 ROW_UNREADABLE"


def test_a_dry_run_knows_that_one_picture_cannot_be_shuffled(call: Any, folder: Path) -> None:
    arguments = ("run", *given(folder), "--max-rows", "1", "--pictures", "shuffled", "--dry-run")
    code, out, err = call(*arguments)
    assert code == 3
    assert "shown shuffled" in out
    assert err.splitlines()[-1].startswith("error[SHUFFLE_IMPOSSIBLE]: 1 picture, so that no other can be shown")


def test_only_the_first_process_speaks(call: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    assert call("run", *given(folder, "broken.jsonl"), "--dry-run") == (1, "", "")


# --- refused ---


@pytest.mark.parametrize(
    ("arguments", "exit_code", "code", "said"),
    [
        (("instruction_open_train.jsonl", "--root", "x", "--dry-run"), 2, "RECIPE_EXPECTED", "--data instruction_open"),
        (("run", "x.jsonl", "--out", "x"), 2, "RECIPE_EXPECTED", "train recipes"),
        (("run", "tiny"), 2, "OUT_NEEDED", "--dry-run"),
        (("run", "tinny", "--dry-run"), 3, "RECIPE_MISSING", "neuroonco-gpt-24gb"),
        (("run", "tiny", "--dry-run"), 2, "DATA_UNNAMED", "--data"),
        (("run", "tiny", "--set", "epochs", "--dry-run"), 2, "SET_INVALID", "learning_rate=5e-5"),
        (("run", "tiny", "--set", "optimization.epoch=2", "--dry-run"), 2, "FIELD_UNKNOWN", "optimization.epochs?"),
        (("run", "tiny", "--set", "optimization.epochs=1e309", "--dry-run"), 2, "FIELD_INVALID", "finite"),
        (("run", "tiny", "--set", "lora.rank=" + "9" * 400, "--dry-run"), 2, "FIELD_INVALID", "at most 4294967296"),
        (("run", "x" * 5000, "--dry-run"), 3, "RECIPE_UNREADABLE", "name too long"),
        (("run", "tiny", "--data", "x" * 300, "--root", ".", "--dry-run"), 3, "FILE_UNREADABLE", "name too long"),
        (("run", "tiny", "--data", "x.jsonl", "--root", "/no/such", "--dry-run"), 3, "ROOT_MISSING", "where: such;"),
        (("run", "tiny", "--log-to", "mlflow", "--dry-run"), 2, "FIELD_INVALID", "tensorboard"),
        (("recipes", "nothing"), 2, "RECIPE_UNKNOWN", "tiny"),
    ],
)
def test_one_line_and_the_right_code(
    call: Any, arguments: tuple[str, ...], exit_code: int, code: str, said: str
) -> None:
    ended, out, err = call(*arguments)
    assert (ended, out) == (exit_code, "")
    assert len(err.splitlines()) == 1
    assert err.startswith(f"error[{code}]")
    assert said in err


def test_a_training_refuses_rows_with_problems(call: Any, folder: Path, tmp_path: Path) -> None:
    code, _, err = call("run", *given(folder, "broken.jsonl"), "--out", tmp_path / "out")
    assert code == 3
    assert err.splitlines()[-1].startswith("error[ROWS_UNUSABLE]: 2 rows cannot be trained on")
    assert not (tmp_path / "out").exists()


# --- train ---


def test_a_training_to_its_end_and_once_more(call: Any, folder: Path, tmp_path: Path) -> None:
    arguments = ("run", *given(folder), "--set", "optimization.max_steps=2", "--out", tmp_path / "out")
    code, out, err = call(*arguments, "--json")
    assert code == 0
    first, *_, last = err.splitlines()
    assert first == "training tiny: 2 steps on 36 rows"
    assert last.startswith("step 2 of 2")
    told = json.loads(out)
    assert told["trained"]["rows_seen"] == 8
    assert json.loads((tmp_path / "out" / "training.json").read_text())["rows_seen"] == 8
    assert told["trained"]["steps"] == told["plan"]["steps"] == 2
    assert told["trained"]["parameters"] == told["plan"]["parameters"] == 64_272
    assert told["trained"]["trainable_parameters"] == told["plan"]["trainable_parameters"]
    assert told["trained"]["recipe"]["data"]["root"] is None
    assert (tmp_path / "out" / "adapter" / "adapter_model.safetensors").exists()
    assert last_loss(tmp_path / "out" / "history.jsonl") == f"loss {told['trained']['train_loss']:.4f}"
    code, out, err = call(*arguments)
    assert (code, err) == (0, "")
    assert "out/adapter" in out
    assert "saw 8 of 36 rows (0.22 epochs); 4 held out; pictures real" in out
    code, _, err = call("run", *given(folder), "--model", tmp_path / "out", "--dry-run")
    assert code == 3
    assert err.startswith("error[MODEL_MISSING]: a training, and no model; where: out; fix: merge it first")
    assert "896 of 64,272 parameters (1.4 %)" in out


def test_lines_without_a_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "history.jsonl").write_text('{"step": 1, "loss": 0.5}\n')
    now = iter([0.0, *(float(10 * n) for n in range(1, 100))])
    with training_line("tiny", 36, tmp_path / "history.jsonl", clock=lambda: next(now)) as told:
        for step in range(12, 18):
            told(step, 17)
    assert capsys.readouterr().err.splitlines() == [
        "training tiny: goes on at step 12 of 17",
        "step 15 of 17, loss 0.5000",  # 30 s after the first
        "step 17 of 17, loss 0.5000",
    ]
    with training_line("tiny", 36, tmp_path / "history.jsonl", shown=False) as told:
        told(0, 1)
        told(1, 1)
    assert capsys.readouterr().err == ""


def test_a_model_that_is_not_there_and_a_value_of_another_type(call: Any, folder: Path) -> None:
    code, _, err = call("run", *given(folder), "--model", folder / "absent", "--dry-run")
    assert code == 3
    assert "fix: --model FOLDER or ORG/MODEL" in err
    assert "local:" not in err
    code, _, err = call("run", *given(folder), "--set", "optimization.epochs=many", "--dry-run")
    assert code == 2
    assert "; fix: docs/train.md" in err


def test_merge_says_what_a_folder_is(call: Any, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "study.json").write_text("{}")
    for place, said in ((tmp_path / "study", "a study, and no training"), (folder / "models" / "tiny-qwen", "already")):
        code, _, err = call("merge", place, "--out", tmp_path / "merged")
        assert code == 3
        assert err.startswith(f"error[TRAINING_MISSING]: {said}")


@pytest.mark.parametrize(
    ("status", "changed", "said"),
    [
        ({"unparsed": 3, "ok": 1, "missing_image": 5}, {}, "3 of 4 replies name no option"),
        ({"unparsed": 3}, {"form": "instruction"}, "may need --scoring likelihood"),
        ({"unparsed": 2, "ok": 2}, {}, None),
        ({"unparsed": 3}, {"scoring": "likelihood"}, None),
        ({"unparsed": 3}, {"kind": "open"}, None),
    ],
)
def test_predict_says_what_a_trained_model_may_need(
    status: dict[str, int], changed: dict[str, str], said: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = {"kind": "closed", "form": "full", "scoring": "generate"} | changed
    about = EvaluationRun.model_construct(
        status=status,
        kind=QuestionKind(settings["kind"]),
        form=PromptForm(settings["form"]),
        scoring=Scoring(settings["scoring"]),
    )
    evaluated: Any = SimpleNamespace(about=about, predictions=range(sum(status.values())), warnings=(), waiting=0)
    task: Any = SimpleNamespace(unreadable=0)
    _summarise(task, evaluated, replay=False, as_json=False)
    first, *more = capsys.readouterr().err.splitlines()
    assert first.startswith(f"{sum(status.values())} questions: ")
    assert len(more) == (said is not None)
    assert said is None or said in more[0]


def test_the_newest_loss(tmp_path: Path) -> None:
    history = tmp_path / "history.jsonl"
    assert last_loss(history) == ""
    rows: list[dict[str, Any]] = [{"step": n, "loss": n / 4} for n in range(400)]
    text = "".join(json.dumps(row) + "\n" for row in [*rows, {"step": 400, "loss": None}])
    history.write_text(text + '{"step": 401, "lo')
    assert last_loss(history) == "loss 99.7500"
    history.write_text("[]\n\n")
    assert last_loss(history) == ""


# --- recipes ---


def test_recipes_are_listed_and_printed(call: Any) -> None:
    code, out, _ = call("recipes")
    assert code == 0
    assert all(name in out for name in shipped_recipes())
    code, out, _ = call("recipes", "neuroonco-gpt")
    assert code == 0
    assert out == shipped_recipes()["neuroonco-gpt"]
    assert tomllib.loads(out)["lora"]["targets"] == ["q_proj", "v_proj"]
    code, out, _ = call("recipes", "--json")
    assert list(json.loads(out)) == list(shipped_recipes())
