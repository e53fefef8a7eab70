"""Score answers and compare models: score, compare."""

from pathlib import Path
from typing import Annotated

import typer

from neuroonco.cli.closed_benchmark import ClosedBenchmark, readable_benchmark
from neuroonco.cli.options import AsJson, Seed
from neuroonco.cli.output import result, result_json, say, table
from neuroonco.intervals import Estimate
from neuroonco.predict.interop import read_predictions
from neuroonco.predict.records import Prediction
from neuroonco.score.closed.compare import compare
from neuroonco.score.closed.records import Score
from neuroonco.score.closed.score import score_closed
from neuroonco.store import Loaded

Predictions = Annotated[Path, typer.Argument(help="Predictions: ours or the reference's JSONL.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("score")(score_command)
    app.command("compare")(compare_command)


def _readable(loaded: Loaded[Prediction], path: Path) -> list[Prediction]:
    for row in loaded.unreadable:
        say(f"unreadable[{row.code}]: {row.message}; where: {row.slice_id}")
    if not loaded.records and not loaded.unreadable:
        say(f"{path.name}: no prediction in this file; every question counts as missing")
    return loaded.records


def _cell(estimate: Estimate) -> tuple[str, str, int]:
    if estimate.value is None:
        return "none", "", 0
    return f"{estimate.value:.1%}", f"{estimate.low:.1%} to {estimate.high:.1%}", estimate.n


def _chance_cell(chance: float | None) -> str:
    return "" if chance is None else f"{chance:.1%}"


def score_command(benchmark: ClosedBenchmark, predictions: Predictions, as_json: AsJson = False) -> None:
    """Score predictions; every question counts, and a missing or unreadable answer is wrong.

    Example: neuroonco score benchmark_closed.json predictions.jsonl --json
    """
    loaded = readable_benchmark(benchmark)
    given = read_predictions(predictions)
    score = score_closed(loaded.records, _readable(given, predictions))
    unreadable = len(loaded.unreadable) + len(given.unreadable)
    if loaded.unreadable:  # they are in no denominator, so the score is not that of the whole benchmark
        score = score.model_copy(update={"complete": False})
    if as_json:
        counts = {"unreadable_questions": len(loaded.unreadable), "unreadable_predictions": len(given.unreadable)}
        result_json(score.model_dump(mode="json") | counts)
    else:
        _print_score(score, len(loaded.unreadable), len(given.unreadable))
    if unreadable:
        raise typer.Exit(1)


def _print_score(score: Score, unreadable_questions: int, unreadable_predictions: int) -> None:
    rows = [("all questions", *_cell(score.accuracy), _chance_cell(score.chance))]
    rows += [
        (f"type: {name}", *_cell(found), _chance_cell(score.chance_by_type.get(name)))
        for name, found in score.by_type.items()
    ]
    rows += [(*row, "") for row in _rows_over_all_types(score)]
    table("Score", ("", "value", "95 % interval", "n", "chance"), rows, to_stdout=True)
    statuses = ", ".join(f"{n} {status}" for status, n in score.status.items() if n)
    result(f"chance {_chance_cell(score.chance) or 'none'}; {statuses}" + ("" if score.complete else "; incomplete"))
    twins = score.twins
    counts = (
        ("predictions for no question of the benchmark", score.unmatched_predictions),
        ("predictions beyond the first of a question", score.duplicate_predictions),
        ("questions that cannot be read, in no figure", unreadable_questions),
        ("predictions that cannot be read", unreadable_predictions),
        ("twin pairs without two valid answers", 0 if twins is None else twins.unanswered),
        ("twins without their question, in no pair", 0 if twins is None else twins.unpaired),
    )
    if left := [f"{n} {what}" for what, n in counts if n]:
        result("; ".join(left))


def _rows_over_all_types(score: Score) -> list[tuple[str, str, str, int]]:
    rows = [
        ("binary, all types", *_cell(score.binary)),
        ("multiple choice, all types", *_cell(score.multiple_choice)),
    ]
    rejection = score.rejection
    rows += [
        ("rejection: recall", *_cell(rejection.recall)),
        ("rejection: precision", *_cell(rejection.precision)),
        ("rejection: false rejection rate", *_cell(rejection.false_rejection_rate)),
    ]
    if (twins := score.twins) is not None:
        rows += [
            ("twin pairs: both right", *_cell(twins.both_right)),
            ("twin pairs: both rejected", *_cell(twins.both_rejected)),
            ("twin pairs: same other option", *_cell(twins.same_text)),
        ]
    return rows


def compare_command(
    benchmark: ClosedBenchmark,
    first: Annotated[Path, typer.Argument(metavar="PRED_A", help="Predictions of one model.")],
    second: Annotated[Path, typer.Argument(metavar="PRED_B", help="Predictions of the other.")],
    seed: Seed = 2602,
    as_json: AsJson = False,
) -> None:
    """Say which of two models is better on the same questions, and whether that could be chance.

    Example: neuroonco compare benchmark_closed.json a.jsonl b.jsonl
    """
    a, b = (_readable(read_predictions(path), path) for path in (first, second))
    compared = compare(readable_benchmark(benchmark).records, a, b, seed=seed)
    if as_json:
        result_json(compared.model_dump(mode="json"))
        return
    rows = [(first.name, *_cell(compared.accuracy_a)), (second.name, *_cell(compared.accuracy_b))]
    table("Accuracy", ("", "value", "95 % interval", "n"), rows, to_stdout=True)
    difference = compared.difference
    if difference.value is not None and difference.low is not None and difference.high is not None:
        interval = f"{difference.low:+.1%} to {difference.high:+.1%}"
        result(f"first minus second: {difference.value:+.1%} ({interval}, {difference.images} images resampled)")
    result(f"right: both {compared.both_right}, only first {compared.only_a}, only second {compared.only_b}")
    if compared.p_value is not None:
        result(f"exact McNemar p = {compared.p_value:.4f}")
