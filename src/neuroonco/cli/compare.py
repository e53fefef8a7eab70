"""Compare models on the same questions: compare."""

from pathlib import Path
from typing import Annotated

import typer

from neuroonco import store
from neuroonco.cli.closed_benchmark import ClosedBenchmark, readable_benchmark
from neuroonco.cli.closed_predictions import models_of, readable_predictions, say_how_asked
from neuroonco.cli.options import AsJson, Seed
from neuroonco.cli.output import result_json, say
from neuroonco.cli.score_tables import print_comparison
from neuroonco.errors import UsageError
from neuroonco.score.closed.clustering import RESAMPLES
from neuroonco.score.closed.compare import compare, distinct_names
from neuroonco.score.closed.forest import forest_svg
from neuroonco.score.closed.records import PairsOf

MAX_MODELS = 100
"""All pairs of more are no table that anyone reads."""


def compare_command(
    benchmark: ClosedBenchmark,
    predictions: Annotated[
        list[Path], typer.Argument(metavar="PRED PRED...", help="Predictions of each model: files, or runs' folders.")
    ],
    pairs: Annotated[PairsOf, typer.Option("--pairs", help="All pairs, or each model with the first.")] = PairsOf.ALL,
    forest: Annotated[Path | None, typer.Option("--forest", help="SVG file to write: the forest plot.")] = None,
    resamples: Annotated[
        int, typer.Option("--resamples", min=100, max=1_000_000, help="Resamples behind each interval and p.")
    ] = RESAMPLES,
    seed: Seed = 2602,
    as_json: AsJson = False,
) -> None:
    """Say which models are better on the same questions, by how much, and whether that could be chance.

    Example: neuroonco compare benchmark_closed.json a.jsonl b.jsonl --forest forest.svg
    """
    if not 2 <= len(predictions) <= MAX_MODELS:
        what = f"found predictions of {len(predictions)}, expected 2 to {MAX_MODELS} models"
        raise UsageError("MODELS_NUMBER", what, where="PRED", fix="pass a file or run for each model")
    if forest is not None and forest.suffix.lower() != ".svg":
        raise UsageError("FOREST_NOT_SVG", "the forest plot is SVG", where=str(forest), fix="name a file.svg")
    loaded = readable_benchmark(benchmark)
    given = [readable_predictions(place) for place in predictions]
    for place in predictions:
        say_how_asked(place, loaded.records)
    names = distinct_names(
        [_name(models_of(found.records), place) for found, place in zip(given, predictions, strict=True)]
    )
    compared = compare(
        loaded.records,
        {name: found.records for name, found in zip(names, given, strict=True)},
        seed=seed,
        resamples=resamples,
        pairs=pairs,
    )
    unreadable = sum(len(found.unreadable) for found in given)
    if loaded.unreadable:  # they are in no denominator, so nobody's score is that of the whole benchmark
        models = tuple(model.model_copy(update={"complete": False}) for model in compared.models)
        compared = compared.model_copy(update={"models": models})
    if forest is not None:
        store.write_text(forest, forest_svg(compared))
        say(f"wrote {forest.name}")
    if as_json:
        counts = {"unreadable_questions": len(loaded.unreadable), "unreadable_predictions": unreadable}
        result_json(compared.model_dump(mode="json") | counts)
    else:
        print_comparison(compared)
    if loaded.unreadable or unreadable:
        raise typer.Exit(1)


def _name(models: list[str], place: Path) -> str:
    return " + ".join(models) or place.stem
