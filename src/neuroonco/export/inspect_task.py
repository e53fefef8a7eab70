"""Inspect tasks: ``neuroonco/closed``, ``neuroonco/open``, and the task of an exported folder.

Inspect finds this module by the entry point ``inspect_ai`` of the package, so that
``inspect eval neuroonco/closed -T benchmark=FILE -T root=FOLDER --model …`` works once the extra ``inspect`` is there.
"""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ChatMessageUser, ContentImage, ContentText, GenerateConfig, ModelOutput
from inspect_ai.scorer import CORRECT, INCORRECT, Metric, SampleScore, Score, Scorer, Target, Value, metric, scorer
from inspect_ai.solver import TaskState, generate

from neuroonco.build.interop import read_closed, read_open
from neuroonco.build.records import ClosedItem, OpenItem
from neuroonco.errors import InputError
from neuroonco.export.figures import figures
from neuroonco.export.questions import exportable
from neuroonco.export.reading import read_pictures, read_questions
from neuroonco.export.records import ExportedOpenQuestion, ExportedQuestion, Question
from neuroonco.export.replies import Ending, prediction_of
from neuroonco.predict.ask import QuestionBrief
from neuroonco.predict.records import OpenPrediction, Prediction, QuestionKind
from neuroonco.score.open.attributes import match
from neuroonco.score.open.records import Verdict
from neuroonco.store import Loaded

QUESTION, KIND, PREDICTION = "question", "kind", "prediction"
"""Where a sample's metadata holds its question and what kind it is, and a score's metadata its prediction."""
_ENDINGS = {
    "max_tokens": Ending.CUT_OFF,
    "model_length": Ending.CUT_OFF,
    "content_filter": Ending.REFUSED,
}


@task
def closed(benchmark: str, root: str) -> Task:
    """All closed questions of a benchmark, each with its image.

    Args:
        benchmark: file of closed questions: ``.json`` (reference), ``.jsonl`` or ``.parquet`` (ours).
        root: folder to which image paths are relative.

    Raises:
        InputError: the benchmark cannot be read, or images are missing: no question is left out without a word.
    """
    return _task_of(read_closed(Path(benchmark)), benchmark, Path(root))


@task(name="open")
def open_questions(benchmark: str, root: str) -> Task:
    """All open questions of a benchmark, each with its image; see :func:`closed`."""
    return _task_of(read_open(Path(benchmark)), benchmark, Path(root))


def task_of_folder(folder: Path) -> Task:
    """The task of an exported folder.

    Raises:
        InputError: it is no export, or not as it was written.
    """
    questions = read_questions(folder)
    return _task(questions, read_pictures(folder, questions))


def _task_of(loaded: Loaded[ClosedItem] | Loaded[OpenItem], benchmark: str, root: Path) -> Task:
    if loaded.unreadable:
        first = loaded.unreadable[0]
        what = f"{len(loaded.unreadable)} questions cannot be read: {first.message}"
        raise InputError("BENCHMARK_UNREADABLE", what, where=benchmark, fix="repair the file")
    if not loaded.records:
        raise InputError("BENCHMARK_EMPTY", "no question in this file", where=benchmark, fix="pass a benchmark")
    found = exportable(loaded.records, root)
    if found.missing:
        one = found.missing[0]
        what = f"{len(found.missing)} images cannot be read, the first: {one.image_path}: {one.what}"
        fix = "pass the root of the images, or run `neuroonco export inspect`, which says what it leaves out"
        raise InputError("IMAGES_MISSING", what, where=str(root), fix=fix)
    return _task(found.questions, found.pictures)


def _task(questions: Sequence[Question], pictures: Mapping[str, bytes]) -> Task:
    shown = {name: "data:image/png;base64," + b64encode(data).decode("ascii") for name, data in pictures.items()}
    samples = []
    for question in questions:
        told = ContentText(text=question.prompt), ContentImage(image=shown[question.image])
        is_closed = isinstance(question, ExportedQuestion)
        sample = Sample(
            id=question.name,
            input=[ChatMessageUser(content=list(told))],
            target=question.target,
            metadata={
                QUESTION: question.model_dump(mode="json", exclude={"prompt"}),
                KIND: (QuestionKind.CLOSED if is_closed else QuestionKind.OPEN).value,
                "image": question.image,
            },
        )
        samples.append(sample)
    return Task(
        dataset=MemoryDataset(samples, name="neuroonco"),
        solver=generate(),
        scorer=as_neuroonco_reads(),
        config=GenerateConfig(temperature=0.0, max_tokens=QuestionBrief().max_tokens),
    )


def ending_of(output: ModelOutput) -> Ending:
    """How a model came to the end of its reply."""
    if output.error or not output.choices:
        return Ending.FAILED
    return _ENDINGS.get(output.stop_reason, Ending.WHOLE)


def _question(metadata: Mapping[str, Any]) -> Question:
    model = ExportedQuestion if metadata[KIND] == QuestionKind.CLOSED.value else ExportedOpenQuestion
    return model.model_validate(metadata[QUESTION] | {"prompt": ""})


@metric
def neuroonco_score() -> Metric:
    """The figures of ``neuroonco score`` over the samples that were scored; of several epochs, those of the first."""

    def compute(scores: list[SampleScore]) -> Value:
        questions = [_question(one.sample_metadata or {}) for one in scores]
        given = [
            (Prediction if isinstance(question, ExportedQuestion) else OpenPrediction).model_validate(
                (one.score.metadata or {})[PREDICTION]
            )
            for question, one in zip(questions, scores, strict=True)
        ]
        found: dict[str, Any] = figures(questions, given)
        return found

    return compute


@scorer(metrics=[neuroonco_score()])
def as_neuroonco_reads() -> Scorer:
    """Replies as the parser of this package reads them; what it cannot read is wrong.

    The value of a sample is C or I for a closed question. For an open one it is the share of the reference's
    attributes that the answer states, 0 where the question asks for none.
    """

    async def judge(state: TaskState, target: Target) -> Score:
        question, output = _question(state.metadata), state.output
        reply = output.completion, str(state.model), ending_of(output), output.error
        found: Prediction | OpenPrediction
        answer: str | None
        value: Value
        if isinstance(question, ExportedQuestion):
            found = chosen = prediction_of(question.item(), *reply)
            answer, value = chosen.pred, CORRECT if chosen.pred == target.text else INCORRECT
        else:
            found = said = prediction_of(question.item(), *reply)
            verdicts = list(match(question.item(), said.text).verdicts.values())
            answer, value = said.text, verdicts.count(Verdict.RIGHT) / max(len(verdicts), 1)
        return Score(
            value=value,
            answer=answer,
            explanation=found.error or output.completion,
            metadata={"status": found.status.value, PREDICTION: found.model_dump(mode="json")},
        )

    return judge
