"""Score answers: score; and compare, which has a module of its own."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from neuroonco.build.records import ClosedItem
from neuroonco.cli.closed_benchmark import readable_benchmark
from neuroonco.cli.closed_predictions import GivenPredictions, given_predictions, match_document
from neuroonco.cli.compare import compare_command
from neuroonco.cli.options import AsJson, Endpoints, LedgerPlace, MaxCost, Replay, Resamples, Seed
from neuroonco.cli.output import result_json, say
from neuroonco.cli.score_tables import print_score
from neuroonco.errors import InputError, UsageError, printable
from neuroonco.predict.records import QuestionKind
from neuroonco.predict.run_files import RunFiles, kind_of_benchmark, no_predictions, read_about
from neuroonco.resampling import RESAMPLES, SEED
from neuroonco.score.closed.judge import INVALID_LETTER, counted, is_complete
from neuroonco.score.closed.judge import judge as judged
from neuroonco.score.closed.permutation import shown_orders
from neuroonco.score.closed.score import score_closed
from neuroonco.vocabulary import PredictionStatus


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("score")(score_command)
    app.command("compare")(compare_command)


def score_command(
    benchmark: Annotated[
        Path,
        typer.Argument(
            help="Closed or open benchmark: .json (reference), .jsonl or .parquet; or a run's folder alone."
        ),
    ],
    predictions: Annotated[
        Path | None,
        typer.Argument(help="Predictions: ours or the reference's JSONL, or a run's folder. A run alone needs none."),
    ] = None,
    resamples: Resamples = RESAMPLES,
    seed: Seed = SEED,
    permuted: Annotated[
        list[Path] | None,
        typer.Option("--permuted", help="Further predictions of the same model, options in another order; repeatable."),
    ] = None,
    judge: Annotated[
        str | None, typer.Option("--judge", metavar="MODEL", help="Open benchmark: model that marks answers.")
    ] = None,
    marks: Annotated[
        Path | None, typer.Option("--marks", help="Open benchmark: human marks of the same answers.")
    ] = None,
    ledger: LedgerPlace = None,
    endpoints: Endpoints = None,
    max_cost: MaxCost = None,
    replay: Replay = False,
    as_json: AsJson = False,
) -> None:
    """Score predictions; every question counts, and a missing or unreadable answer is wrong.

    Example: neuroonco score benchmark_closed.json predictions.jsonl --json

    Example: neuroonco score runs/qwen
    """
    benchmark, predictions = _of_run_alone(benchmark) if predictions is None else (benchmark, predictions)
    if _kind(benchmark) is QuestionKind.OPEN:
        if permuted:
            raise UsageError("PERMUTED_OPEN", "open questions have no options", where="--permuted", fix="leave it out")
        from neuroonco.cli.score_open import score_open

        score_open(
            benchmark,
            predictions,
            judge=judge,
            marks=marks,
            ledger=ledger,
            endpoints=endpoints,
            max_cost=max_cost,
            replay=replay,
            seed=seed,
            resamples=resamples,
            as_json=as_json,
        )
        return
    _refuse_for_closed(judge=judge, marks=marks, ledger=ledger, endpoints=endpoints, max_cost=max_cost, replay=replay)
    _score_closed(benchmark, predictions, permuted or [], resamples=resamples, seed=seed, as_json=as_json)


def _of_run_alone(place: Path) -> tuple[Path, Path]:
    """Questions and predictions of a run's folder, which holds both."""
    files = RunFiles.at(place)
    if place.is_dir() and not files.predictions.exists():
        raise no_predictions(place)
    if files.benchmark is None or not files.benchmark.is_file():
        what = "one place is given, and it is no run's folder, which holds its questions"
        raise UsageError("PREDICTIONS_NEEDED", what, where=str(place), fix="pass BENCHMARK PREDICTIONS")
    return files.benchmark, place


def _kind(benchmark: Path) -> QuestionKind:
    try:
        return kind_of_benchmark(benchmark)
    except InputError as error:
        if error.code != "BENCHMARK_UNKNOWN":
            raise
        return QuestionKind.CLOSED  # whose reader says what is wrong with each row


def _refuse_for_closed(**given: object) -> None:
    unfit = [f"--{name.replace('_', '-')}" for name, value in given.items() if value is not None and value is not False]
    if unfit:
        what, fix = "these options are for open benchmarks", "leave them out, or pass an open benchmark"
        raise UsageError("OPTION_OPEN_ONLY", what, where=", ".join(unfit), fix=fix)


def _score_closed(
    benchmark: Path, place: Path, permuted: Sequence[Path], *, resamples: int, seed: int, as_json: bool
) -> None:
    _refuse_twice(place, permuted)
    for other_place in permuted:
        _refuse_asked_differently(place, other_place)
    loaded = readable_benchmark(benchmark)
    given = given_predictions(place, benchmark, loaded.records)
    others = [given_predictions(other, benchmark, loaded.records) for other in permuted]
    for other in others:
        _check_permuted(given, other, loaded.records)
    score = score_closed(
        loaded.records,
        given.records,
        seed=seed,
        resamples=resamples,
        permuted=[other.records for other in others],
    )
    unreadable = given.unreadable + sum(other.unreadable for other in others)
    lost = max(len(loaded.unreadable), *(found.fit.unreadable_questions for found in (given, *others)))
    if lost:  # they are in no denominator, so the score is not that of the whole benchmark
        score = score.model_copy(update={"complete": False})
    if as_json:
        counts = {"unreadable_questions": lost, "unreadable_predictions": unreadable}
        fits = match_document(loaded.records, {found.place.name: found for found in (given, *others)})
        result_json({"models": given.models} | score.model_dump(mode="json") | fits | counts)
    else:
        print_score(score, given.models, lost, unreadable)
    if warned := _no_letters(given, loaded.records):
        say(warned)
    is_unusable = warned and not score.status.get("ok")
    if lost or unreadable or not score.complete or is_unusable:
        raise typer.Exit(1)


def _no_letters(given: GivenPredictions, items: Sequence[ClosedItem]) -> str:
    """One line about answers that are no letter of their question, with an example; empty where that is usual."""
    became = judged(counted(items), given.records)
    for status in (INVALID_LETTER, PredictionStatus.UNPARSED.value):
        rows = [found.prediction for found in became if found.status == status]
        if rows and (status == INVALID_LETTER or not any(found.letter for found in became)):
            said = next((told for row in rows if row is not None and (told := row.pred or row.raw)), "")
            example = f", e.g. {printable(said)[:60]!r}" if said else ""
            what = f"{len(rows)} answers are no letter that their question offers ({status}){example}"
            return f"warning: {what}; expected one capital letter as pred"
    return ""


def _refuse_twice(place: Path, permuted: Sequence[Path]) -> None:
    seen = {RunFiles.at(place).predictions.resolve()}
    for other in permuted:
        path = RunFiles.at(other).predictions.resolve()
        if path in seen:
            what, fix = "these predictions are given twice", "pass a run with the options in another order"
            raise UsageError("PERMUTED_TWICE", what, where=f"--permuted {other}", fix=fix)
        seen.add(path)


def _refuse_asked_differently(place: Path, other: Path) -> None:
    """Permuted runs differ in the order of the options alone, as far as both say how they were asked."""
    one, two = read_about(place), read_about(other)
    if one is not None and two is not None:
        ways = ("model", "picture", "scoring", "per_image", "asks_confidence", "prompts", "settings")
        unlike = [name for name in ways if getattr(one, name) != getattr(two, name)]
        if unlike:
            raise _unlike(place, other, ", ".join(unlike))


def _unlike(place: Path, other: Path, ways: str) -> InputError:
    what = f"asked differently than {place.name}: {ways}"
    fix = "pass a run of the same model that differs in the order of the options alone"
    return InputError("PERMUTED_UNLIKE", what, where=f"--permuted {other}", fix=fix)


def _check_permuted(first: GivenPredictions, other: GivenPredictions, items: Sequence[ClosedItem]) -> None:
    orders, others = (shown_orders(items, run.records) for run in (first, other))
    if not any(others[key] != orders[key] for key in orders.keys() & others.keys()):
        what = f"no question was shown in another order of its options than in {first.place.name}"
        fix = "pass a run that `predict --permute` made"
        raise InputError("PERMUTED_NOT", what, where=f"--permuted {other.place}", fix=fix)
    # Rows of the reference name no model: the file's name is taken, and says nothing.
    if other.models != first.models and all(run.models != [run.place.stem] for run in (first, other)):
        raise _unlike(first.place, other.place, "model")
    if other.models != first.models:
        named = ", ".join(other.models) or "none"
        say(f"warning: {other.place.name} names other models ({named}); permuted runs are of one")
    if not is_complete(judged(counted(items), other.records)):
        say(f"warning: {other.place.name} is incomplete; what no answer came back for counts as wrong and as no choice")
