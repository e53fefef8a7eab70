"""Score answers: score; and compare, which has a module of its own."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from neuroonco.build.records import ClosedItem
from neuroonco.cli.closed_benchmark import readable_benchmark
from neuroonco.cli.closed_predictions import models_of, readable_predictions, say_how_asked
from neuroonco.cli.compare import compare_command
from neuroonco.cli.options import AsJson, Endpoints, LedgerPlace, MaxCost, Replay, Seed
from neuroonco.cli.output import result_json, say
from neuroonco.cli.score_tables import print_score
from neuroonco.errors import InputError, UsageError
from neuroonco.predict.records import Prediction, QuestionKind
from neuroonco.predict.run_files import kind_of_benchmark
from neuroonco.score.closed.clustering import RESAMPLES
from neuroonco.score.closed.judge import counted, is_complete
from neuroonco.score.closed.judge import judge as judged
from neuroonco.score.closed.score import score_closed

Resampled = Annotated[int, typer.Option("--resamples", min=100, max=1_000_000, help="Resamples behind each interval.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("score")(score_command)
    app.command("compare")(compare_command)


def score_command(
    benchmark: Annotated[Path, typer.Argument(help="Closed or open benchmark: .json (reference), .jsonl or .parquet.")],
    predictions: Annotated[Path, typer.Argument(help="Predictions: ours or the reference's JSONL, or a run's folder.")],
    resamples: Resampled = RESAMPLES,
    seed: Seed = 2602,
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
    """
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
    loaded = readable_benchmark(benchmark)
    given = readable_predictions(place)
    others = [readable_predictions(other) for other in permuted]
    say_how_asked(place, loaded.records)
    models = models_of(given.records)
    for other, rows in zip(permuted, others, strict=True):
        _say_of_permuted(other, rows.records, models, loaded.records)
    score = score_closed(
        loaded.records,
        given.records,
        seed=seed,
        resamples=resamples,
        permuted=[other.records for other in others],
    )
    unreadable = len(given.unreadable) + sum(len(other.unreadable) for other in others)
    if loaded.unreadable:  # they are in no denominator, so the score is not that of the whole benchmark
        score = score.model_copy(update={"complete": False})
    if as_json:
        counts = {"unreadable_questions": len(loaded.unreadable), "unreadable_predictions": unreadable}
        result_json({"models": models} | score.model_dump(mode="json") | counts)
    else:
        print_score(score, models, len(loaded.unreadable), unreadable)
    if loaded.unreadable or unreadable:
        raise typer.Exit(1)


def _say_of_permuted(
    place: Path, rows: Sequence[Prediction], models: Sequence[str], items: Sequence[ClosedItem]
) -> None:
    say_how_asked(place, items)
    if (others := models_of(rows)) != list(models):
        say(f"warning: {place.name} names other models ({', '.join(others) or 'none'}); permuted runs are of one")
    if not is_complete(judged(counted(items), rows)):
        say(f"warning: {place.name} is incomplete; what no answer came back for counts as wrong and as no choice")
