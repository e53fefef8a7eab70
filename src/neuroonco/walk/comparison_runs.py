"""Read the runs that are to be compared, and make sure that they answer the same questions."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from neuroonco import store
from neuroonco.build.interop import read_closed, read_open
from neuroonco.build.records import ClosedItem, OpenItem
from neuroonco.catalog.records import SliceRecord
from neuroonco.errors import InputError, UsageError
from neuroonco.predict.interop import read_open_predictions, read_predictions
from neuroonco.predict.records import EvaluationRun, OpenPrediction, Prediction, QuestionKind
from neuroonco.predict.run_files import RunFiles, benchmark_hash, kind_of_benchmark, no_predictions, read_about
from neuroonco.predict.same_benchmark import Match, match
from neuroonco.store import Loaded
from neuroonco.vocabulary import MRSequence
from neuroonco.walk.folders import CATALOG, PREDICT, REVIEW

Item = TypeVar("Item", ClosedItem, OpenItem)
Answer = TypeVar("Answer", Prediction, OpenPrediction)
Sequences = Mapping[str, MRSequence | None]


@dataclass(frozen=True)
class GivenRun(Generic[Item, Answer]):
    """The answers of one model as given.

    Attributes:
        place: as named on the command line; for messages.
        questions: that it was asked; None where the file does not carry them.
        benchmark: name of their file.
        unreadable: rows of predictions that could not be read; ``unreadable_questions``: of the questions.
        sequences: MR sequence by slice, of a pipeline's catalogue.
        is_pipeline: whether the folder is that of a pipeline run.
    """

    place: str
    model: str
    about: EvaluationRun | None
    predictions: list[Answer]
    questions: list[Item] | None
    benchmark: str
    unreadable: int = 0
    unreadable_questions: int = 0
    sequences: Sequences | None = None
    is_pipeline: bool = False


@dataclass(frozen=True)
class Together(Generic[Item, Answer]):
    """Runs that answer the same questions.

    Attributes:
        items: the questions.
        runs: in the order in which they were given.
        matches: place of a run -> how its questions and these fit together.
    """

    items: list[Item]
    benchmark: str
    runs: list[GivenRun[Item, Answer]]
    matches: dict[str, Match]
    unreadable_questions: int


def kind_of_runs(places: Sequence[Path], benchmark: Path | None) -> QuestionKind:
    """Whether the runs answer closed or open questions.

    Raises:
        InputError: a place is no run, or some are closed and others open.
        UsageError: a file of predictions without its questions, or a run that is named twice.
    """
    resolved = [place.resolve() for place in places]
    for number, place in enumerate(resolved):
        if place in resolved[:number]:
            raise UsageError("RUN_TWICE", "this run is named twice", where=str(places[number]), fix="name it once")
    kinds = {str(place): _kind_of(place, benchmark) for place in places}
    first = next(iter(kinds.values()))
    for where, kind in kinds.items():
        if kind is not first:
            what = f"this run answers {kind.value} questions, the first one {first.value} questions"
            raise InputError("KINDS_MIXED", what, where=where, fix="compare closed and open runs apart")
    return first


def closed_runs(places: Sequence[Path], benchmark: Path | None) -> Together[ClosedItem, Prediction]:
    """Closed runs on the same questions.

    Args:
        places: folders of evaluation runs or of pipeline runs, or files of predictions.
        benchmark: the questions that count; None for those that the runs carry.

    Raises:
        InputError: something is missing or unreadable, or a run answers other questions than the rest.
        UsageError: a file of predictions without its questions.
    """
    given: list[GivenRun[ClosedItem, Prediction]] = []
    for place in places:
        if is_pipeline(place):
            given += _pipeline_runs(place)
            continue
        files, asked, unreadable = _questions_of(place, read_closed)
        offered = asked if asked is not None or benchmark is None else read_closed(benchmark).records
        read = read_predictions(files.predictions, offered)
        given += _by_model(place, read, read_about(place), asked, unreadable)
    return _together(given, None if benchmark is None else read_closed(benchmark), benchmark)


def open_runs(places: Sequence[Path], benchmark: Path | None) -> Together[OpenItem, OpenPrediction]:
    """Open runs on the same questions; see :func:`closed_runs`."""
    given: list[GivenRun[OpenItem, OpenPrediction]] = []
    for place in places:
        files, asked, unreadable = _questions_of(place, read_open)
        given += _by_model(place, read_open_predictions(files.predictions), read_about(place), asked, unreadable)
    return _together(given, None if benchmark is None else read_open(benchmark), benchmark)


def is_pipeline(place: Path) -> bool:
    """Whether a folder is that of a pipeline run, with its reviewed benchmark."""
    return (place / REVIEW).is_dir()


def _kind_of(place: Path, benchmark: Path | None) -> QuestionKind:
    if is_pipeline(place):
        return QuestionKind.CLOSED
    files = RunFiles.at(place)
    if not files.predictions.exists():
        if place.is_dir() and (unfinished := no_predictions(place)).code == "RUN_UNFINISHED":
            raise unfinished
        what = "no run here" if files.benchmark else "no such file"
        fix = "pass a folder that `predict` or `run` wrote, or a .jsonl or .parquet file of predictions"
        raise InputError("RUN_MISSING", what, where=str(place), fix=fix)
    questions = benchmark or files.benchmark
    if questions is None:
        what = "a file of predictions does not carry its questions"
        raise UsageError("BENCHMARK_NEEDED", what, where=str(place), fix="pass --benchmark FILE")
    about = read_about(place)
    return about.kind if about is not None else kind_of_benchmark(questions)


def _questions_of(place: Path, read: Callable[[Path], Loaded[Item]]) -> tuple[RunFiles, list[Item] | None, int]:
    files = RunFiles.at(place)
    if files.benchmark is None or not files.benchmark.exists():
        return files, None, 0
    loaded = read(files.benchmark)
    return files, loaded.records, len(loaded.unreadable)


def _by_model(
    place: Path,
    read: Loaded[Answer],
    about: EvaluationRun | None,
    questions: list[Item] | None,
    unreadable_questions: int,
) -> Iterator[GivenRun[Item, Answer]]:
    """One run for each model that the rows name; a run that says how it was made is of one model."""
    models = sorted({p.model for p in read.records}) or [place.stem if about is None else about.model]
    if about is not None and models != [about.model]:
        other = next(model for model in models if model != about.model)
        what = f"run.json is of {about.model[:80]!r}, and there are predictions of {other[:80]!r}"
        raise InputError("RUN_BROKEN", what, where=str(place), fix="predict again")
    if about is not None and questions is not None and about.benchmark_sha256 != benchmark_hash(questions):
        what = "the questions beside the predictions are not those that run.json names"
        raise InputError("RUN_BROKEN", what, where=str(place), fix="predict again")
    for model in models:
        yield GivenRun(
            place=str(place),
            model=model,
            about=about,
            predictions=[p for p in read.records if p.model == model],
            questions=questions,
            benchmark=place.name if about is None else about.benchmark,
            unreadable=len(read.unreadable),
            unreadable_questions=unreadable_questions,
        )


def _pipeline_runs(place: Path) -> Iterator[GivenRun[ClosedItem, Prediction]]:
    """The models that a pipeline run asked, on its reviewed benchmark."""
    items = store.load_strict(place / REVIEW / "records.parquet", ClosedItem)
    files = sorted((place / PREDICT).glob("*.jsonl"))
    if not files:
        what = "this pipeline run has no predictions"
        raise InputError("RUN_WITHOUT_PREDICTIONS", what, where=str(place / PREDICT), fix="let the run end")
    catalog = place / CATALOG / "records.parquet"
    slices = store.load_strict(catalog, SliceRecord) if catalog.is_file() else None
    for file in files:
        yield GivenRun(
            place=str(place),
            model=file.stem,
            about=None,
            predictions=store.load_strict(file, Prediction),
            questions=items,
            benchmark=f"reviewed benchmark of {place.resolve().name}",
            sequences=None if slices is None else {record.slice_id: record.sequence for record in slices},
            is_pipeline=True,
        )


# --- the same questions ---


def _together(
    runs: list[GivenRun[Item, Answer]], given: Loaded[Item] | None, benchmark: Path | None
) -> Together[Item, Answer]:
    if given is None or benchmark is None:
        for run in runs:
            if run.questions is None:
                what = "this run does not carry its questions"
                raise UsageError("BENCHMARK_NEEDED", what, where=run.place, fix="pass --benchmark FILE")
        items, name, unreadable = _of_runs(runs)
    else:
        items, name, unreadable = given.records, benchmark.name, len(given.unreadable)
    if not items:
        raise InputError("BENCHMARK_EMPTY", "there is no question", where=name, fix="pass a benchmark with questions")
    found = {
        run.place: match(
            Path(run.place), Path(name), items, run.predictions, asked=run.questions if run.is_pipeline else None
        )
        for run in runs
    }
    unreadable = max(unreadable, *(fit.unreadable_questions for fit in found.values()))
    return Together(items, name, runs, found, unreadable)


def _of_runs(runs: Sequence[GivenRun[Item, Answer]]) -> tuple[list[Item], str, int]:
    """The questions that all runs carry."""
    hashes = [benchmark_hash(run.questions or []) for run in runs]
    # The questions that most of the runs answer are the ones that the others differ from; of equals the first.
    usual = max(Counter(hashes).items(), key=lambda pair: (pair[1], -hashes.index(pair[0])))[0]
    chosen = runs[hashes.index(usual)]
    items = chosen.questions or []
    for run, found in zip(runs, hashes, strict=True):
        if found != usual:
            same = len({benchmark_hash([item]) for item in run.questions or []} & {benchmark_hash([i]) for i in items})
            what = (
                f"answers other questions than {chosen.place}: {len(run.questions or [])} (hash {found[:12]}) against "
                f"{len(items)} (hash {usual[:12]}), {same} in common"
            )
            fix = "leave it out, or pass --benchmark FILE with all questions if it was asked a part of them"
            raise InputError("BENCHMARKS_DIFFER", what, where=run.place, fix=fix)
    return items, chosen.benchmark, chosen.unreadable_questions
