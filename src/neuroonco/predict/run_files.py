"""An evaluation run on disk: predictions, how they were made, and the questions that they answer.

A run is a folder (``predictions.jsonl``, ``run.json``, ``benchmark.parquet``) where ``--out`` names one, and a file of
predictions with ``<name>.run.json`` beside it where ``--out`` names a file. Only the folder carries its questions.
"""

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from glob import escape
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from neuroonco import store
from neuroonco.build.interop import read_closed, read_open
from neuroonco.build.records import ClosedItem, OpenItem
from neuroonco.errors import InputError
from neuroonco.predict.interop import read_open_predictions, read_predictions
from neuroonco.predict.records import EvaluationRun, OpenPrediction, Prediction, QuestionKind

LEDGER = "ledger.sqlite"
"""Where a run keeps its calls, unless told otherwise; :mod:`neuroonco.walk.asking` writes it."""
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
        ('a/b.jsonl.run.json', 'a/b/run.json')
        """
        if place.name == PREDICTIONS and place.with_name(RUN).is_file():  # named by its folder's file
            return cls(place, place.with_name(RUN), place.with_name(BENCHMARK))
        if place.suffix in (".jsonl", ".parquet", ".json"):
            return cls(place, place.with_name(f"{place.name}.run.json"), None)
        return cls(place / PREDICTIONS, place / RUN, place / BENCHMARK)


def no_predictions(folder: Path) -> InputError:
    """Why a folder has no predictions: nothing of a run is there, or it was killed before its end."""
    left = (folder / LEDGER, partial_of(RunFiles.at(folder).predictions))
    if any(path.exists() for path in left):
        return InputError("RUN_UNFINISHED", "unfinished run", where=str(folder), fix="repeat the predict command")
    what, fix = "the folder holds no predictions", "pass a file of predictions, or a folder that predict wrote"
    return InputError("PREDICTIONS_MISSING", what, where=str(folder), fix=fix)


def partial_of(predictions: Path) -> Path:
    """Where the predictions of a built-in model are kept until their file is whole."""
    return predictions.with_name(predictions.name + ".partial")


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


def benchmark_hash(items: Sequence[ClosedItem | OpenItem]) -> str:
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

    What is there of another run goes first, so that a kill never leaves parts of two.

    Args:
        place: see :meth:`RunFiles.at`.
        items: the questions, of one kind; a folder holds them too.
        predictions: one a question.
        about: how they were made.

    Raises:
        InputError: it cannot be written.
    """
    files, is_closed = RunFiles.at(place), about.kind is QuestionKind.CLOSED
    _remove(files.run)
    if files.benchmark is not None:
        _remove(files.predictions)
        store.save(files.benchmark, items, ClosedItem if is_closed else OpenItem)
    store.save(files.predictions, predictions, Prediction if is_closed else OpenPrediction)
    store.write_json(files.run, about.model_dump(mode="json"))


def sweep(place: Path) -> None:
    """Remove what a kill left in the middle of writing a run; what another process writes just now stays.

    Args:
        place: see :meth:`RunFiles.at`.
    """
    files = RunFiles.at(place)
    own = (files.predictions, files.run, files.benchmark, partial_of(files.predictions))
    for path in (path for path in own if path is not None):
        for torn in path.parent.glob(f".{escape(path.name)}.*.tmp"):
            pid = torn.name.split(".")[-2]
            if pid.isdecimal() and not _is_at_work(int(pid)):
                with suppress(OSError):
                    torn.unlink()


def _is_at_work(pid: int) -> bool:
    """Whether another process of this machine has this number; our own has not begun to write."""
    if pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        what = error.strerror or str(error)
        raise InputError("CANNOT_WRITE", what, where=str(path), fix="choose another place") from None


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
        InputError: a part is missing or unreadable, the run is of the other kind, or it answers other questions.
    """
    files, about = RunFiles.at(place), _about(place, QuestionKind.CLOSED)
    path = _questions(files, benchmark)
    items = read_closed(path)
    given = read_predictions(files.predictions, items.records)
    require_same_questions(place, path, items.records, given.records)
    return ClosedRun(items.records, given.records, about, len(items.unreadable) + len(given.unreadable))


def read_open_run(place: Path, benchmark: Path | None = None) -> OpenRun:
    """See :func:`read_closed_run`."""
    files, about = RunFiles.at(place), _about(place, QuestionKind.OPEN)
    path = _questions(files, benchmark)
    items = read_open(path)
    given = read_open_predictions(files.predictions)
    require_same_questions(place, path, items.records, given.records)
    return OpenRun(items.records, given.records, about, len(items.unreadable) + len(given.unreadable))


def require_same_questions(
    place: Path,
    benchmark: Path,
    items: Sequence[ClosedItem] | Sequence[OpenItem],
    predictions: Sequence[Prediction] | Sequence[OpenPrediction],
) -> None:
    """Refuse to score a run by questions that it was not asked; predictions of others do not say what they were asked.

    A part of the run's questions, or more than these, is allowed where it can be seen that the shared ones are the
    same: of a folder by its own questions, of a file where the questions that it answers have the hash of its run.

    Args:
        place: of the run.
        benchmark: file of the questions; for messages.
        items, predictions: as read from the two.

    Raises:
        InputError: the run was asked something else, or nobody can see that it was not.
    """
    files, about = RunFiles.at(place), read_about(place)
    if about is None or about.benchmark_sha256 == benchmark_hash(items):
        return
    own = _own_questions(files, about)
    if own is None:
        answered = {_key(prediction) for prediction in predictions}
        asked = [item for item in items if _key(item) in answered]
        same = bool(asked) and benchmark_hash(asked) == about.benchmark_sha256
        fix = f"predict again, or remove {files.run.name} if you are sure"
    else:
        mine, theirs = ({_key(item): _as_asked(item) for item in some} for some in (own, items))
        shared = mine.keys() & theirs.keys()
        same = len(shared) == min(len(mine), len(theirs)) > 0 and all(mine[key] == theirs[key] for key in shared)
        fix = f"predict again, or pass the run's own {BENCHMARK}"
    if not same:
        what = f"was asked other questions ({about.benchmark[:80]}) than those of {benchmark.name[:80]}"
        raise InputError("BENCHMARKS_DIFFER", what, where=str(place), fix=fix)


def _own_questions(files: RunFiles, about: EvaluationRun) -> list[ClosedItem] | list[OpenItem] | None:
    if files.benchmark is None or not files.benchmark.exists():
        return None
    is_closed = about.kind is QuestionKind.CLOSED
    own = read_closed(files.benchmark).records if is_closed else read_open(files.benchmark).records
    if benchmark_hash(own) != about.benchmark_sha256:
        what = f"the questions beside the predictions are not those that {RUN} names"
        raise InputError("RUN_BROKEN", what, where=str(files.benchmark), fix="predict again")
    return own


def _key(row: ClosedItem | OpenItem | Prediction | OpenPrediction) -> tuple[str, str]:
    image = row.image_id if isinstance(row, ClosedItem | OpenItem) else row.id
    return image, str(row.q_index) if isinstance(row, ClosedItem | Prediction) else row.question_id


def _as_asked(item: ClosedItem | OpenItem) -> str:
    """What a model is shown of a question; its answer may have been corrected since."""
    return item.model_dump_json(include={"question", "options", "image_channel", "image_slice"})


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
