"""The lmms-eval folder: as lmms-eval 0.7.3 loads it, and run by lmms-eval itself where it is installed."""

import importlib.util
import json
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import datasets
import pytest
import yaml

from exported_benchmarks import closed_benchmark, open_benchmark, replies_to, written
from neuroonco.build.records import ClosedItem, OpenItem
from neuroonco.errors import InputError
from neuroonco.export.lmms_eval import write_lmms_eval
from neuroonco.export.logs import predictions_of
from neuroonco.export.questions import exportable, question_names
from neuroonco.export.replies import prediction_of
from neuroonco.predict.records import OpenPrediction, Prediction
from neuroonco.score.closed.score import score_closed
from neuroonco.score.open.score import score_open

TASK = "neuroonco_closed"


class _Loader(yaml.SafeLoader):
    """Reads ``!function file.name`` as lmms-eval does: from the file beside the YAML file."""

    module: ModuleType


_Loader.add_constructor("!function", lambda loader, node: _function(loader, loader.construct_scalar(node)))


def _function(loader: Any, name: str) -> Any:
    file, function = name.split(".")
    assert file == "utils"
    return getattr(loader.module, function)


def loaded(folder: Path, cache: Path, task: str = TASK) -> tuple[dict[str, Any], datasets.Dataset]:
    """The task's configuration and its documents."""
    spec = importlib.util.spec_from_file_location("utils", folder / "utils.py")
    assert spec is not None
    assert spec.loader is not None
    _Loader.module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(_Loader.module)
    config = yaml.load((folder / f"{task}.yaml").read_text(), _Loader)  # noqa: S506  (a safe loader)
    files = {split: str(folder / name) for split, name in config["dataset_kwargs"]["data_files"].items()}
    found = datasets.load_dataset(config["dataset_path"], data_files=files, cache_dir=str(cache))
    return config, found[config["test_split"]]


def closed_replies(items: Sequence[ClosedItem]) -> tuple[dict[str, str], list[Prediction]]:
    """Replies by name, and what they are as predictions; lmms-eval knows no ending but a whole one."""
    own = {name: item for name, item in question_names(items).items() if getattr(item, "twin_of", 0) is None}
    texts = [text for text, _ in replies_to([item for item in own.values() if isinstance(item, ClosedItem)])]
    replies = dict(zip(own, texts, strict=True))
    predictions = [prediction_of(item, replies[name], "m") for name, item in own.items()]
    return replies, [p for p in predictions if isinstance(p, Prediction)]


@pytest.fixture
def items(tmp_path: Path) -> list[ClosedItem]:
    return closed_benchmark(tmp_path, images=9)


def test_task_loads_and_scores_as_we_do(tmp_path: Path, items: list[ClosedItem]) -> None:
    found = exportable(items, tmp_path)
    write_lmms_eval(found, tmp_path / "out")
    config, documents = loaded(tmp_path / "out", tmp_path / "cache")
    assert config["task"] == TASK
    assert config["generation_kwargs"] == {
        "until": [],  # the default would cut a reply at its first empty line
        "max_new_tokens": 1024,
        "temperature": 0,
        "do_sample": False,
    }
    assert len(documents) == 27
    replies, predictions = closed_replies(items)
    given = []
    for document, question in zip(documents, found.questions, strict=True):
        assert config["doc_to_text"](document) == question.prompt
        (image,) = config["doc_to_visual"](document)
        assert (image.mode, document[config["doc_to_target"]]) == ("RGB", question.target)
        told = {key: value for key, value in document.items() if key != "image"}  # lmms-eval scores without images
        given.append(json.loads(json.dumps(config["process_results"](told, [replies[document["name"]].strip()]))))
    names = [one["metric"] for one in config["metric_list"]]
    assert all(list(one) == names for one in given)
    summed = {one["metric"]: one["aggregation"]([g[one["metric"]] for g in given]) for one in config["metric_list"]}
    score = score_closed([item for item in items if item.twin_of is None], predictions)
    assert score.accuracy.value is not None
    assert 0.3 < score.accuracy.value < 0.9
    for name, estimate in {
        "accuracy": score.accuracy,
        "macro_by_type": score.macro_by_type,
        "rejection_recall": score.rejection.recall,
        "rejection_precision": score.rejection.precision,
        "false_rejection_rate": score.rejection.false_rejection_rate,
        "mcc": score.rejection.mcc,
        **{f"type_{kind}": estimate for kind, estimate in score.by_type.items()},
    }.items():
        assert summed[name] == estimate.value, name
    right = [g["accuracy"]["score"] for g in given]
    assert sum(right) / len(right) == score.accuracy.value
    assert not any("score" in g[name] for g in given for name in names if name != "accuracy")


def test_open_task_scores_as_we_do(tmp_path: Path) -> None:
    items = open_benchmark(tmp_path)
    write_lmms_eval(exportable(items, tmp_path), tmp_path / "out")
    config, documents = loaded(tmp_path / "out", tmp_path / "cache", "neuroonco_open")
    names = question_names(items)
    texts = dict(zip(names, ('{"answer": "A round lesion."}', "An oval lesion with mild edema.", ""), strict=True))
    given = [config["process_results"](document, [texts[document["name"]]]) for document in documents]
    summed = {one["metric"]: one["aggregation"]([g[one["metric"]] for g in given]) for one in config["metric_list"]}
    predictions = [prediction_of(item, texts[name], "m") for name, item in names.items()]
    score = score_open(items, [p for p in predictions if isinstance(p, OpenPrediction)])
    assert summed["attribute_f1"] == score.attributes.f1.value
    assert summed["rouge_l"] == pytest.approx(score.rouge_l.value)
    assert summed["unparsed"] == pytest.approx(1 / 3)


def samples(path: Path, items: Sequence[ClosedItem] | Sequence[OpenItem], replies: dict[str, str]) -> Path:
    """A file as ``--log_samples`` writes it: some replies in lists, some with what was there before filters."""
    rows = []
    for n, (name, text) in enumerate(replies.items()):
        row: dict[str, Any] = {"doc_id": n, "target": "A", "filtered_resps": text, "doc_hash": "0"}
        if n % 3 == 1:
            row |= {"filtered_resps": [text]}
        if n % 3 == 2:
            row |= {"filtered_resps": "filtered", "resps": [[text]]}
        rows.append(row | {"accuracy": {"name": name, "status": "ok", "answer": "A", "score": 1.0}})
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_samples_become_predictions(tmp_path: Path, items: list[ClosedItem]) -> None:
    replies, predictions = closed_replies(items)
    log = samples(tmp_path / "some__model" / "2026_samples_neuroonco_closed.jsonl", items, replies)
    assert predictions_of(log, items) == [p.model_copy(update={"model": "some__model"}) for p in predictions]


@pytest.mark.parametrize("row", ["{}", "[]", '{"accuracy": {"name": "q1"}}', '{"filtered_resps": "A"}', "no JSON"])
def test_other_samples_are_refused(tmp_path: Path, items: list[ClosedItem], row: str) -> None:
    log = tmp_path / "samples.jsonl"
    log.write_text(row + "\n")
    with pytest.raises(InputError):
        predictions_of(log, items)


def test_lmms_eval_itself_gives_our_figures(
    tmp_path: Path, items: list[ClosedItem], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("lmms_eval", reason="lmms-eval is not installed: it brings torch and 100 other packages")
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    from lmms_eval import evaluator
    from lmms_eval.api.model import lmms
    from lmms_eval.loggers import EvaluationTracker
    from lmms_eval.tasks import TaskManager

    found = exportable(items, tmp_path)
    write_lmms_eval(found, tmp_path / "out")
    replies, predictions = closed_replies(items)
    by_prompt_and_image = {(q.prompt, len(found.pictures[q.image])): q.name for q in found.questions}
    assert len(by_prompt_and_image) == 27

    class Scripted(lmms):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.asked = 0

        def generate_until(self, requests: Any) -> list[str]:
            texts = []
            for request in requests:
                prompt, _, visual, number, task, split = request.args
                document = self.task_dict[task][split][number]
                assert visual(document)[0].mode == "RGB"
                assert prompt == document["prompt"]
                texts.append(replies[document["name"]])
            self.asked += len(texts)
            return texts

        loglikelihood = generate_until_multi_round = generate_until

    manager = TaskManager("ERROR", include_path=str(tmp_path / "out"), include_defaults=False)
    assert manager.all_tasks == [TASK]
    tracker = EvaluationTracker(output_path=str(tmp_path / "results"))
    results = evaluator.simple_evaluate(
        model=Scripted(),
        tasks=[TASK],
        task_manager=manager,
        batch_size=1,
        log_samples=True,
        bootstrap_iters=0,
        evaluation_tracker=tracker,
    )
    score = score_closed([item for item in items if item.twin_of is None], predictions)
    shown = results["results"][TASK]
    assert shown["accuracy,none"] == score.accuracy.value
    assert shown["rejection_recall,none"] == score.rejection.recall.value
    assert shown["type_diagnosis_binary,none"] == score.by_type["diagnosis_binary"].value
    tracker.general_config_tracker.model_name_sanitized = "some__model"
    tracker.date_id = "20260101_000000"
    tracker.save_results_samples(TASK, results["samples"][TASK])
    (log,) = (tmp_path / "results" / "some__model").glob("*_samples_*.jsonl")
    assert predictions_of(log, items) == [p.model_copy(update={"model": "some__model"}) for p in predictions]


def test_readme_names_the_task(tmp_path: Path, items: list[ClosedItem]) -> None:
    write_lmms_eval(exportable(items, tmp_path), tmp_path / "out")
    readme = (tmp_path / "out" / "README.txt").read_text()
    assert f"--include_path FOLDER --tasks {TASK}" in readme
    assert "@" not in readme
    assert written(tmp_path, items).exists()
