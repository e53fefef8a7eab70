"""An evaluation run on disk: predictions, how they were made, and the questions that they answer.

A run is a folder (``predictions.jsonl``, ``run.json``, ``benchmark.parquet``) where ``--out`` names one, and a file of
predictions with ``<stem>.run.json`` beside it where ``--out`` names a file. Only the folder carries its questions.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from neuroonco import store
from neuroonco.build.interop import read_closed, read_open
from neuroonco.build.records import ClosedItem, OpenItem
from neuroonco.errors import InputError
from neuroonco.predict.interop import read_open_predictions, read_predictions
from neuroonco.predict.records import EvaluationRun, OpenPrediction, Prediction, QuestionKind

PREDICTIONS, RUN, BENCHMARK = "predictions.jsonl", "run.json", "benchmark.parquet"


@dataclass(frozen=True)
class RunFiles:
    """Where the parts of a run lie.

    Attributes:
        benchmark: None for a run that is a file of predictions alone.
    """

    predictions: Path
    run: Path
    benchmark: Path | None

    @classmethod
    def at(cls, place: Path) -> "RunFiles":
        """The files of a run, written or to be written.

        >>> RunFiles.at(Path("a/b.jsonl")).run.as_posix(), RunFiles.at(Path("a/b")).run.as_posix()
        ('a/b.run.json', 'a/b/run.json')
        """
        if place.suffix in (".jsonl", ".parquet", ".json"):
            return cls(place, place.with_name(f"{place.stem}.run.json"), None)
        return cls(place / PREDICTIONS, place / RUN, place / BENCHMARK)


@dataclass(frozen=True)
class ClosedRun:
    """Closed predictions with their questions.

    Attributes:
        about: None for predictions that this package did not make.
        unreadable: rows of either file that could not be read.
    """

    items: list[ClosedItem]
    predictions: list[Prediction]
    about: EvaluationRun | None
    unreadable: int


@dataclass(frozen=True)
class OpenRun:
    """Open predictions with their questions; see :class:`ClosedRun`."""

    items: list[OpenItem]
    predictions: list[OpenPrediction]
    about: EvaluationRun | None
    unreadable: int


def benchmark_hash(items: Sequence[ClosedItem] | Sequence[OpenItem]) -> str:
    """Hash of the questions as they are asked and answered, whatever file they come from.

    Where a question is from, what built it, and the order of the questions are left out, so that a benchmark has the
    same hash in every format.
    """
    kept = {"image_id", "q_index", "question_id", "image_path", "question_type", "question", "options", "answer"}
    kept |= {"reference_answer", "key_terms", "twin_of", "image_channel", "image_slice"}
    return store.sha256_text(*sorted(item.model_dump_json(include=kept) for item in items))


def kind_of_benchmark(path: Path) -> QuestionKind:
    """Whether a file holds closed or open questions, by its content.

    Raises:
        InputError: missing, unreadable, or neither.
    """
    rows: list[Any]
    if path.suffix == ".json":
        document = store.read_json(path)
        rows, known = document if isinstance(document, list) else [document], _REFERENCE_FIELDS
    else:
        readable = (row for row in store.jsonl_rows(path) if isinstance(row, dict)) if path.suffix == ".jsonl" else None
        first = store.first_row(path) if readable is None else next(readable, None)
        rows, known = [] if first is None else [first], _FIELDS
    if not rows:
        fix = "pass a closed or an open benchmark"
        raise InputError("BENCHMARK_EMPTY", "no question in this file", where=str(path), fix=fix)
    kinds = {kind for field, kind in known.items() if any(isinstance(row, dict) and field in row for row in rows)}
    if len(kinds) != 1:
        what = "neither closed nor open questions"
        raise InputError("BENCHMARK_UNKNOWN", what, where=str(path), fix="pass a closed or an open benchmark")
    return kinds.pop()


_REFERENCE_FIELDS = {"vqa_pairs": QuestionKind.CLOSED, "qa_pairs": QuestionKind.OPEN}
_FIELDS = {"options": QuestionKind.CLOSED, "reference_answer": QuestionKind.OPEN}


def write_run(
    place: Path,
    items: Sequence[ClosedItem] | Sequence[OpenItem],
    predictions: Sequence[Prediction] | Sequence[OpenPrediction],
    about: EvaluationRun,
) -> None:
    """Write a run; each file whole or not at all, and what says that it is one last.

    Args:
        place: see :meth:`RunFiles.at`.
        items: the questions, of one kind; a folder holds them too.
        predictions: one a question.
        about: how they were made.

    Raises:
        InputError: it cannot be written.
    """
    files, is_closed = RunFiles.at(place), about.kind is QuestionKind.CLOSED
    with suppress(OSError):
        files.run.unlink(missing_ok=True)  # it says nothing of predictions that are not its own
    store.save(files.predictions, predictions, Prediction if is_closed else OpenPrediction)
    if files.benchmark is not None:
        store.save(files.benchmark, items, ClosedItem if is_closed else OpenItem)
    store.write_json(files.run, about.model_dump(mode="json"))


def read_about(place: Path) -> EvaluationRun | None:
    """How a run was made; None where nobody says.

    Raises:
        InputError: the file that says it is broken.
    """
    path = RunFiles.at(place).run
    if not path.exists():
        return None
    try:
        return EvaluationRun.model_validate(store.read_json(path))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(map(str, first["loc"])) or "run"
        raise InputError("RUN_BROKEN", f"{field}: {first['msg']}", where=str(path), fix="predict again") from None


def read_closed_run(place: Path, benchmark: Path | None = None) -> ClosedRun:
    """A run's questions and answers.

    Args:
        place: folder of a run, or a file of predictions.
        benchmark: the questions; needed for a file, and for a folder instead of its own.

    Raises:
        InputError: a part is missing or unreadable, or the run is of the other kind.
    """
    files, about = RunFiles.at(place), _about(place, QuestionKind.CLOSED)
    items = read_closed(_questions(files, benchmark))
    given = read_predictions(files.predictions)
    return ClosedRun(items.records, given.records, about, len(items.unreadable) + len(given.unreadable))


def read_open_run(place: Path, benchmark: Path | None = None) -> OpenRun:
    """See :func:`read_closed_run`."""
    files, about = RunFiles.at(place), _about(place, QuestionKind.OPEN)
    items = read_open(_questions(files, benchmark))
    given = read_open_predictions(files.predictions)
    return OpenRun(items.records, given.records, about, len(items.unreadable) + len(given.unreadable))


def _about(place: Path, kind: QuestionKind) -> EvaluationRun | None:
    about = read_about(place)
    if about is not None and about.kind is not kind:
        what, fix = f"a run of {about.kind.value} questions", f"pass a run of {kind.value} questions"
        raise InputError("RUN_OF_OTHER_KIND", what, where=str(place), fix=fix)
    return about


def _questions(files: RunFiles, benchmark: Path | None) -> Path:
    path = benchmark or files.benchmark
    if path is None:
        what, fix = "a file of predictions has no questions", "pass --benchmark FILE"
        raise InputError("BENCHMARK_MISSING", what, where=str(files.predictions), fix=fix)
    return path
