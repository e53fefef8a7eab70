"""Compare models on the same questions: compare."""

from pathlib import Path
from typing import Annotated

import typer

from neuroonco import store
from neuroonco.cli.closed_benchmark import ClosedBenchmark, readable_benchmark
from neuroonco.cli.closed_predictions import given_predictions, match_document
from neuroonco.cli.options import AsJson, Resamples, Seed
from neuroonco.cli.output import result_json, say
from neuroonco.cli.score_tables import print_comparison
from neuroonco.errors import UsageError
from neuroonco.predict.same_benchmark import identical
from neuroonco.resampling import RESAMPLES, SEED
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
    pairs: Annotated[
        PairsOf, typer.Option("--pairs", help="All pairs, or each model with the first, or with the best.")
    ] = PairsOf.ALL,
    forest: Annotated[Path | None, typer.Option("--forest", help="SVG file to write: the forest plot.")] = None,
    resamples: Resamples = RESAMPLES,
    seed: Seed = SEED,
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
    given = [given_predictions(place, benchmark, loaded.records) for place in predictions]
    names = distinct_names([" + ".join(found.models) or found.place.stem for found in given])
    by_name = dict(zip(names, given, strict=True))
    for one, other in identical({name: found.records for name, found in by_name.items()}):
        say(f"warning: {one} and {other} have the same answers in every row: is it one run under two names?")
    compared = compare(
        loaded.records,
        {name: found.records for name, found in by_name.items()},
        seed=seed,
        resamples=resamples,
        pairs=pairs,
    )
    unreadable = sum(found.unreadable for found in given)
    lost = max(len(loaded.unreadable), *(found.fit.unreadable_questions for found in given))
    if lost:  # they are in no denominator, so nobody's score is that of the whole benchmark
        models = tuple(model.model_copy(update={"complete": False}) for model in compared.models)
        compared = compared.model_copy(update={"models": models})
    if forest is not None:
        store.write_text(forest, forest_svg(compared))
        say(f"wrote {forest.name}")
    if as_json:
        counts = {"unreadable_questions": lost, "unreadable_predictions": unreadable}
        result_json(compared.model_dump(mode="json") | match_document(loaded.records, by_name) | counts)
    else:
        print_comparison(compared)
    if lost or unreadable:
        raise typer.Exit(1)
