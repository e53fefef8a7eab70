"""Put a benchmark to a model: predict."""

from typing import Annotated

import typer

from neuroonco.cli.closed_benchmark import ClosedBenchmark, readable_benchmark
from neuroonco.cli.options import AsJson, Out, Root, Seed
from neuroonco.cli.output import existing_root, result_json, say
from neuroonco.predict.predict import predict_to
from neuroonco.rules import load_rules
from neuroonco.walk.models import MODELS, model_named


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("predict")(predict_command)


def predict_command(
    benchmark: ClosedBenchmark,
    root: Root,
    model: Annotated[str, typer.Option("--model", help=f"Who answers: {', '.join(MODELS)}.")],
    out: Out,
    seed: Seed = 2602,
    as_json: AsJson = False,
) -> None:
    """Let a model answer a closed benchmark; killed and run again, it goes on where it was.

    Example: neuroonco predict benchmark_closed.json --root data/ --model measuring --out predictions.jsonl
    """
    existing_root(root)
    loaded = readable_benchmark(benchmark)
    items = loaded.records
    chosen = model_named(model, items, seed=seed, rules=load_rules("default"))
    predictions = predict_to(out, items, chosen, root=root)
    counts = {s: sum(p.status == s for p in predictions) for s in sorted({p.status.value for p in predictions})}
    if as_json:
        result_json({"out": out.name, "model": chosen.name, "n": len(predictions), "status": counts})
    else:
        say(f"{len(predictions)} questions: " + ", ".join(f"{n} {status}" for status, n in counts.items()))
    if loaded.unreadable:
        raise typer.Exit(1)
