"""Runs whose profiles name models that are asked: stages done again when they must be, files by safe names."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from built_once import built_once
from fault_answers import texts_of
from fault_server import FaultServer
from neuroonco import store
from neuroonco.build.records import ClosedItem
from neuroonco.cli import run as run_cli
from neuroonco.errors import PrerequisiteError, UsageError
from neuroonco.models.retry import Patience
from neuroonco.pipeline import INCOMPLETE
from neuroonco.predict.records import PictureMode, Prediction
from neuroonco.walk.asking import Asking
from neuroonco.walk.folders import CATALOG, PREDICT, REPORT, REVIEW, SCORE
from neuroonco.walk.models import named_model, named_models, prediction_file
from neuroonco.walk.profile import PhantomPlan, Profile
from neuroonco.walk.run import Walked, walk
from neuroonco.walk.stages import stages_of
from neuroonco.walk.trace import trace
from predict_files import picked
from test_walk_asking import elsewhere

IMPATIENT = Patience(attempts=2, first_wait_s=0.001, longest_wait_s=0.002, failed_at_first=10**6)


def profile(*models: str) -> Profile:
    return Profile(name="t", description="x", seed=1, phantoms=PhantomPlan(number=12, seed=8), models=models)


@pytest.fixture
def begun(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Path:
    """A run of this profile to go on with: its questions stand, and no model that is asked was named yet."""
    made = built_once(tmp_path_factory, "begun-12-8", lambda run: walk(profile("random"), run))
    return shutil.copytree(made, tmp_path / "run")


def test_names_are_understood() -> None:
    asking = Asking()
    plain = named_model("vllm:a/b", asking)
    assert (plain.name, plain.picture, plain.is_local) == ("vllm:a/b", PictureMode.TRUE, False)
    blind = named_model("blind:server:m@http://127.0.0.1:9/v1", asking)
    assert (blind.name, blind.picture) == ("blind:server:m@http://127.0.0.1:9/v1", PictureMode.NONE)
    assert named_model("shuffled:vllm:a@http://127.0.0.1:9/v1", asking).name == "shuffled:vllm:a"
    built_in = named_model("measuring", asking)
    assert (built_in.name, built_in.asked) == ("measuring", None)
    with pytest.raises(UsageError, match="MODEL_TWICE"):
        named_models(["vllm:a", "vllm:a@http://127.0.0.1:9/v1"], asking)


def test_files_have_safe_names_that_differ() -> None:
    names = ["random", "vllm:a/b", "vllm:a_b", "../../x:y", "local:" + "z" * 300, "blind:vllm:a/b", ":/"]
    files = [prediction_file(name) for name in names]
    assert len(set(files)) == len(files)
    assert files[0] == "random.jsonl"
    assert all("/" not in f and not f.startswith(".") and len(f) < 100 for f in files)


def test_a_run_asks_models_and_skips_what_is_up_to_date(begun: Path) -> None:
    run, down = begun, {"is": True}

    def respond(request: dict[str, Any]) -> tuple[int, dict[str, str], bytes] | None:
        failing = down["is"] and "sequence" in texts_of(request).split("Question:")[1].split("\n")[0]
        return (500, {}, b"{}") if failing else None

    server = FaultServer(answer_for=picked, respond=respond, keep=True)
    names = ("random", "vllm:a/b", "blind:vllm:a/b")

    def again(*models: str, url: str) -> tuple[Walked, int]:
        before = len(server.requests)
        named = [f"{m}@{url}" if ":" in m else m for m in models]
        walked = walk(profile(*named), run, asking=Asking(patience=IMPATIENT))
        return walked, len(server.requests) - before

    with elsewhere(server) as url:
        first, asked = again(*names, url=url)
        items = store.load_strict(run / REVIEW / "records.parquet", ClosedItem)
        assert first.done == [PREDICT, SCORE], "other models, the same questions"
        assert asked > len(items)
        counts = store.read_json(run / PREDICT / "manifest.json")["counts"]
        failed = sum(models.get("api_error", 0) for models in counts["models"].values())
        assert counts[INCOMPLETE] == failed > 0
        assert list(counts["models"]) == list(names)

        down["is"] = False
        second, asked = again(*names, url=url)
        assert PREDICT in second.done
        assert 0 < asked <= failed, "only what failed is asked again"
        assert INCOMPLETE not in store.read_json(run / PREDICT / "manifest.json")["counts"]

        third, asked = again(*names, url=url)
        assert (third.done, asked) == ([], 0)
        other, asked = again("random", "vllm:c", url=url)
        assert other.done == [PREDICT, SCORE]
        assert 0 < asked <= len(items)
    scores = store.read_json(run / SCORE / "scores.json")["models"]
    assert list(scores) == ["random", "vllm:c"]
    assert sorted(p.name for p in (run / PREDICT).glob("*.jsonl")) == ["random.jsonl", prediction_file("vllm:c")]
    predictions = store.load_strict(run / PREDICT / prediction_file("vllm:c"), Prediction)
    assert [(p.id, p.q_index, p.model) for p in predictions] == [(i.image_id, i.q_index, "vllm:c") for i in items]
    slice_id = next(item.slice_id for item in items)
    said = {step.outcome for step in trace(run, slice_id) if step.stage == PREDICT}
    assert said == {"random", "vllm:c"}
    assert "vllm:c" in (run / REPORT / "index.html").read_text("utf-8")
    assert (run / CATALOG).is_dir()


def parameters(*models: str, **endpoint: Any) -> str:
    (stage,) = [s for s in stages_of(profile(*models), Path("x"), asking=Asking(**endpoint)) if s.name == PREDICT]
    return json.dumps(dict(stage.parameters), sort_keys=True)


def test_a_stage_depends_on_how_its_models_are_asked(tmp_path: Path) -> None:
    assert parameters("random") == '{"models": ["random"], "seed": 1}'
    plain = parameters("vllm:a")
    assert parameters("vllm:a@http://127.0.0.1:9/v1") == plain, "a server that moves is the same model"
    assert parameters("vllm:a", concurrency=3) == plain
    assert parameters("vllm:b") != plain
    assert parameters("blind:vllm:a") != plain
    endpoints = tmp_path / "e.toml"
    text = '[vllm]\ndescription = "t"\nsource = "t"\nbase_url = "http://127.0.0.1:9/v1"\nimage_max_side_px = 512\n'
    endpoints.write_text(text)
    assert parameters("vllm:a", endpoints=endpoints) != plain


def test_a_run_without_a_key_ends_before_it_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(PrerequisiteError, match="KEY_MISSING"):
        walk(profile("blind:openai:gpt-x"), tmp_path / "run")
    with pytest.raises(UsageError, match="MODEL_UNKNOWN"):
        walk(profile("gpt"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_run_whose_calls_failed_says_so_and_ends_with_5(
    begun: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("NEUROONCO_LEDGER", raising=False)
    monkeypatch.chdir(tmp_path)
    down = {"is": True}

    def respond(request: dict[str, Any]) -> tuple[int, dict[str, str], bytes] | None:
        failing = down["is"] and "sequence" in texts_of(request).split("Question:")[1].split("\n")[0]
        return (422, {}, b"{}") if failing else None

    def row_of(model: str, out: str) -> str:
        return next(line for line in out.splitlines() if model in line)

    with elsewhere(FaultServer(answer_for=picked, respond=respond)) as url:
        lines = ['name = "t"', 'description = "x"', 'rules = "default"', "seed = 1", "[phantoms]", "number = 12"]
        lines.insert(4, f'models = ["always-e", "vllm:m@{url}", "shuffled:vllm:m@{url}"]')
        Path("t.toml").write_text("\n".join([*lines, "seed = 8"]))
        words = ["run", "t.toml", "--out", "run", "--processes", "1"]
        assert run_cli(words) == 5
        printed = capsys.readouterr()
        assert "predict by vllm:m: " in printed.err
        assert "predict by shuffled:vllm:m: " in printed.err
        assert "the figures are preliminary; the same command asks these again" in printed.err
        waiting = store.read_json(Path("run") / PREDICT / "manifest.json")["counts"][INCOMPLETE]
        assert f"incomplete: {waiting} wait" in " ".join(row_of(PREDICT, printed.out).split())
        accuracy = printed.out.split("Benchmark accuracy")[1]
        assert "incomplete" in row_of("shuffled:vllm:m", accuracy)
        assert "incomplete" not in row_of("always-e", accuracy)
        assert run_cli([*words, "--json"]) == 5
        said = json.loads(capsys.readouterr().out)
        assert said["incomplete"] == {PREDICT: waiting}
        assert said["complete"] == {"always-e": True, "vllm:m": False, "shuffled:vllm:m": False}
        assert said["counts"][PREDICT][INCOMPLETE] == waiting
        down["is"] = False
        assert run_cli([*words, "--json"]) == 0
        said = json.loads(capsys.readouterr().out)
        assert (said["incomplete"], set(said["complete"].values())) == ({}, {True})
    assert run_cli(words) == 0
    assert "incomplete" not in capsys.readouterr().out
