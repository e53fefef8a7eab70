"""The Inspect task, run by Inspect with its mock model: the same letters and figures as our own score."""

import gc
import math
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

from exported_benchmarks import PATIENT, closed_benchmark, open_benchmark, replies_to, written
from neuroonco.build.records import ClosedItem
from neuroonco.cli.app import run
from neuroonco.errors import InputError
from neuroonco.export.inspect_folder import write_inspect
from neuroonco.export.logs import predictions_of
from neuroonco.export.questions import exportable, question_names
from neuroonco.export.replies import Ending, prediction_of
from neuroonco.predict.records import Prediction
from neuroonco.score.closed.judge import judge
from neuroonco.score.closed.score import score_closed
from neuroonco.score.open.score import score_open
from neuroonco.vocabulary import PredictionStatus

inspect_ai = pytest.importorskip("inspect_ai", reason="the extra `inspect` is not installed")
from inspect_ai import eval as inspect_eval  # noqa: E402
from inspect_ai.log import EvalLog, read_eval_log, write_eval_log  # noqa: E402
from inspect_ai.model import ModelOutput, ModelUsage, get_model  # noqa: E402

from neuroonco.export.inspect_task import closed, open_questions  # noqa: E402

pytestmark = [
    pytest.mark.filterwarnings(
        "ignore:The 'initial' parameter is deprecated:DeprecationWarning"
    ),  # Inspect and tenacity
    pytest.mark.filterwarnings("ignore:Unclosed <MemoryObject:ResourceWarning"),  # of Inspect's own streams
]
STOP_REASONS = {Ending.WHOLE: "stop", Ending.CUT_OFF: "max_tokens", Ending.REFUSED: "content_filter"}
Replies = dict[str, tuple[str, Ending]]


def mock(replies: Replies, found: Any, seen: list[Any]) -> Any:
    """A model that knows which question is which by what it is told and shown, as any model has to."""
    from base64 import b64encode

    by_content = {
        (one.prompt, "data:image/png;base64," + b64encode(found.pictures[one.image]).decode()): one.name
        for one in found.questions
    }

    def answer(messages: Any, *_: Any) -> ModelOutput:
        (message,) = messages
        text, image = message.content
        seen.append(message)
        reply, ending = replies[by_content[text.text, image.image]]
        if ending is Ending.FAILED:
            raise RuntimeError("HTTP 500 (e.g. quota)")
        output = ModelOutput.from_content("mockllm", reply, stop_reason=STOP_REASONS[ending])  # type: ignore[arg-type]
        return output.model_copy(update={"usage": ModelUsage()})

    return get_model("mockllm/model", custom_outputs=answer)


def evaluated(task: Any, model: Any, logs: Path, **more: Any) -> EvalLog:
    (log,) = inspect_eval(task, model=model, log_dir=str(logs), display="none", **more)
    return log


def metrics_of(log: EvalLog) -> dict[str, float]:
    assert log.results is not None
    (score,) = log.results.scores
    return {name: metric.value for name, metric in score.metrics.items()}


def own_questions(items: Sequence[ClosedItem]) -> list[ClosedItem]:
    return [item for item in items if item.twin_of is None]


def ours(items: Sequence[ClosedItem], replies: Replies) -> list[Prediction]:
    return [
        prediction_of(item, *(replies[name][0], "mockllm/model", replies[name][1]))
        for name, item in question_names(items).items()
        if name in replies and isinstance(item, ClosedItem)
    ]


@pytest.fixture(autouse=True)
def _streams_end_here() -> Iterator[None]:
    """Inspect leaves streams to the garbage collector, which else finds them in another test."""
    yield
    gc.collect()


@pytest.fixture
def items(tmp_path: Path) -> list[ClosedItem]:
    return closed_benchmark(tmp_path, images=9)


@pytest.fixture
def replies(items: list[ClosedItem]) -> Replies:
    own = {name: item for name, item in question_names(items).items() if getattr(item, "twin_of", 0) is None}
    return dict(zip(own, replies_to([item for item in own.values() if isinstance(item, ClosedItem)]), strict=True))


def test_same_letters_and_figures_as_our_score(tmp_path: Path, items: list[ClosedItem], replies: Replies) -> None:
    path, seen = written(tmp_path, items), []
    model = mock(replies, exportable(items, tmp_path), seen)
    task = closed(str(path), str(tmp_path))
    log = evaluated(task, model, tmp_path / "logs")
    assert log.status == "success"

    expected = ours(items, replies)
    by_name = question_names(items)
    letters = {(p.id, p.q_index): p.pred for p in expected}
    assert log.samples is not None
    assert len(log.samples) == 27
    for sample in log.samples:
        item = by_name[str(sample.id)]
        assert isinstance(item, ClosedItem)
        (score,) = (sample.scores or {}).values()
        assert score.answer == letters[item.image_id, item.q_index]
        assert score.value == ("C" if score.answer == item.answer else "I")

    score = score_closed(own_questions(items), expected)
    metrics = metrics_of(log)
    assert score.accuracy.value is not None
    assert 0.3 < score.accuracy.value < 0.8
    for name, estimate in {
        "accuracy": score.accuracy,
        "macro_by_type": score.macro_by_type,
        "binary": score.binary,
        "multiple_choice": score.multiple_choice,
        "rejection_recall": score.rejection.recall,
        "rejection_precision": score.rejection.precision,
        "rejection_f1": score.rejection.f1,
        "false_rejection_rate": score.rejection.false_rejection_rate,
        "youden_j": score.rejection.youden_j,
        "mcc": score.rejection.mcc,
        **{f"type_{kind}": estimate for kind, estimate in score.by_type.items()},
    }.items():
        assert metrics[name] == estimate.value, name
    assert metrics["unparsed"] == score.status["unparsed"] / 27
    assert metrics["refused"] == score.status["refused"] / 27 > 0
    assert metrics["rejection_recall_of_always_none"] == 1.0

    shown = "".join(str(message) for message in seen)
    assert PATIENT not in shown
    assert str(tmp_path) not in shown


def test_log_becomes_our_predictions(tmp_path: Path, items: list[ClosedItem], replies: Replies) -> None:
    path = written(tmp_path, items)
    model = mock(replies, exportable(items, tmp_path), [])
    log = evaluated(closed(str(path), str(tmp_path)), model, tmp_path / "logs")
    found = predictions_of(Path(log.location), items)
    assert found == ours(items, replies)
    out = tmp_path / "run"
    assert run(["export", "predictions", str(path), log.location, "--out", str(out)]) == 0
    assert judge(items, ours(items, replies)) == judge(items, [p for p in found if isinstance(p, Prediction)])
    assert (out / "run.json").is_file()


def test_a_failed_sample_is_a_failed_call_and_counts(
    tmp_path: Path, items: list[ClosedItem], replies: Replies, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, items)
    failing = next(iter(replies))
    found = exportable(items, tmp_path)
    model = mock(replies | {failing: ("", Ending.FAILED)}, found, [])
    log = evaluated(closed(str(path), str(tmp_path)), model, tmp_path / "logs", fail_on_error=False)
    predictions = [p for p in predictions_of(Path(log.location), items) if isinstance(p, Prediction)]
    score = score_closed(own_questions(items), predictions)
    assert score.status["api_error"] == 1
    assert not score.complete
    assert score.accuracy.n == 27
    assert [p.error for p in predictions if p.status is PredictionStatus.API_ERROR] == [
        "RuntimeError('HTTP 500 (e.g. quota)')"
    ]
    assert run(["export", "predictions", str(path), log.location, "--out", str(tmp_path / "run")]) == 5
    assert "1 questions wait for a call that failed" in capsys.readouterr().err


def test_questions_not_in_the_log_are_said(
    tmp_path: Path, items: list[ClosedItem], replies: Replies, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, items)
    model = mock(replies, exportable(items, tmp_path), [])
    log = evaluated(closed(str(path), str(tmp_path)), model, tmp_path / "logs", limit=4)
    assert run(["export", "predictions", str(path), log.location, "--out", str(tmp_path / "p.jsonl")]) == 1
    assert "23 questions are not in the log" in capsys.readouterr().err


def test_exported_folder_is_the_same_task(
    tmp_path: Path, items: list[ClosedItem], replies: Replies, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # Inspect takes tasks by relative paths only
    found = exportable(items, tmp_path)
    write_inspect(found, tmp_path / "out")
    log = evaluated("out/neuroonco_task.py", mock(replies, found, []), tmp_path / "logs")
    assert log.status == "success"
    score = score_closed(own_questions(items), ours(items, replies))
    assert metrics_of(log)["accuracy"] == score.accuracy.value
    assert predictions_of(Path(log.location), items) == ours(items, replies)


BY_NAME = """
import sys
from inspect_ai import eval
from inspect_ai.model import ModelOutput, ModelUsage, get_model
output = ModelOutput.from_content("mockllm", "A").model_copy(update={"usage": ModelUsage()})
model = get_model("mockllm/model", custom_outputs=lambda *_: output)
benchmark, root, logs = sys.argv[1:]
(log,) = eval("neuroonco/closed", task_args={"benchmark": benchmark, "root": root}, model=model, log_dir=logs,
              display="none", limit=2)
print(log.eval.task, log.status, log.results.completed_samples)
"""


def test_task_is_found_by_its_entry_point(tmp_path: Path, items: list[ClosedItem]) -> None:
    (entry,) = [one for one in entry_points(group="inspect_ai") if one.name == "neuroonco"]
    assert entry.load().closed is closed
    arguments = [str(written(tmp_path, items)), str(tmp_path), str(tmp_path / "logs")]
    # A process of its own, because Inspect names a task by where Python finds it, which pytest changes.
    done = subprocess.run([sys.executable, "-c", BY_NAME, *arguments], capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.split() == ["neuroonco/closed", "success", "2"], done.stderr[-2000:]


def test_open_questions_have_the_figures_of_our_open_score(tmp_path: Path) -> None:
    items = open_benchmark(tmp_path)
    names = list(question_names(items))
    texts = ('{"answer": "A round lesion with mild edema."}', "An oval lesion.", "")
    replies = {name: (text, Ending.WHOLE) for name, text in zip(names, texts, strict=True)}
    model = mock(replies, exportable(items, tmp_path), [])
    log = evaluated(open_questions(str(written(tmp_path, items)), str(tmp_path)), model, tmp_path / "logs")
    expected = [prediction_of(i, replies[n][0], "mockllm/model") for n, i in zip(names, items, strict=True)]
    assert predictions_of(Path(log.location), items) == expected
    score, metrics = score_open(items, expected), metrics_of(log)
    assert metrics["attribute_f1"] == score.attributes.f1.value
    assert 0 < metrics["attribute_recall"] < 1
    assert metrics["attribute_recall"] == score.attributes.recall.value
    assert math.isclose(metrics["rouge_l"], score.rouge_l.value or math.nan)
    assert metrics["unparsed"] == pytest.approx(1 / 3)


LONG = "A large lesion is seen in the left frontal lobe, with edema around it. " * 40 + "**Answer:** (A)"


@pytest.mark.parametrize("name", ["log.eval", "log.json"])
def test_long_replies_come_whole_a_few_samples_at_a_time(
    tmp_path: Path, items: list[ClosedItem], replies: Replies, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("neuroonco.export.inspect_log.AT_ONCE", 4)
    replies = replies | dict.fromkeys(list(replies)[::3], (LONG, Ending.WHOLE))
    model = mock(replies, exportable(items, tmp_path), [])
    log = evaluated(closed(str(written(tmp_path, items)), str(tmp_path)), model, tmp_path / "logs")
    write_eval_log(read_eval_log(log.location), str(tmp_path / name))
    assert predictions_of(tmp_path / name, items) == ours(items, replies)


def test_several_epochs_are_refused(tmp_path: Path, items: list[ClosedItem], replies: Replies) -> None:
    model = mock(replies, exportable(items, tmp_path), [])
    log = evaluated(closed(str(written(tmp_path, items)), str(tmp_path)), model, tmp_path / "logs", epochs=2, limit=2)
    with pytest.raises(InputError, match="more than once"):
        predictions_of(Path(log.location), items)


def test_missing_images_stop_the_task(tmp_path: Path, items: list[ClosedItem]) -> None:
    path = written(tmp_path, items)
    next(tmp_path.rglob("*-3.png")).unlink()
    with pytest.raises(InputError, match=r"1 images cannot be read, the first: .*-3\.png: no such file"):
        closed(str(path), str(tmp_path))


def test_unreadable_rows_stop_the_task(tmp_path: Path, items: list[ClosedItem]) -> None:
    path = written(tmp_path, items)
    with path.open("a") as file:
        file.write("{}\n")
    with pytest.raises(InputError, match="1 questions cannot be read"):
        closed(str(path), str(tmp_path))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04broken", b"{}"])
def test_broken_logs_are_one_line(tmp_path: Path, items: list[ClosedItem], content: bytes) -> None:
    log = tmp_path / "log.eval"
    log.write_bytes(content)
    with pytest.raises(InputError, match="no log of Inspect"):
        predictions_of(log, items)
