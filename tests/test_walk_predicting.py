"""Runs whose profiles name models that are asked: stages done again when they must be, files by safe names."""

import json
from pathlib import Path
from typing import Any

import pytest

from fault_answers import texts_of
from fault_server import FaultServer
from neuroonco import store
from neuroonco.build.records import ClosedItem
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


def test_a_run_asks_models_and_skips_what_is_up_to_date(tmp_path: Path) -> None:
    run, down = tmp_path / "run", {"is": True}

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
        assert PREDICT in first.done
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
