"""Commands that check what was made, by us or by others: check."""

import typer

from neuroonco.check.gate import check_benchmark
from neuroonco.cli.closed_benchmark import ClosedBenchmark, readable_benchmark
from neuroonco.cli.options import AsJson, Seed
from neuroonco.cli.output import result, result_json, table
from neuroonco.rules import load_rules

checks = typer.Typer(help="Check what was made.", no_args_is_help=True, rich_markup_mode=None)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(checks, name="check")


@checks.command("benchmark")
def check_benchmark_command(benchmark: ClosedBenchmark, seed: Seed = 2602, as_json: AsJson = False) -> None:
    """Lint a closed benchmark, and let a guesser that sees no image try it; exit 1 if it fails the gate.

    Example: neuroonco check benchmark benchmark/benchmark_closed.json
    """
    loaded = readable_benchmark(benchmark)
    checked = check_benchmark(loaded.records, seed, load_rules("default"))
    if as_json:
        result_json(checked.document() | {"unreadable": len(loaded.unreadable)})
    else:
        table(
            "Findings",
            ("code", "n", "examples"),
            ((f.code, f.n, "; ".join(map(str, f.examples[:2]))) for f in checked.findings),
            to_stdout=True,
        )
        accuracy, chance = checked.shortcut.accuracy, checked.shortcut.chance
        if accuracy.value is not None and chance is not None:
            interval = f"{accuracy.low:.1%} to {accuracy.high:.1%}"
            result(f"image-blind guesser: {accuracy.value:.1%} ({interval}, n = {accuracy.n}); chance {chance:.1%}")
        result("passes" if checked.passed else "fails: " + "; ".join(checked.reasons))
    if not checked.passed or loaded.unreadable:
        raise typer.Exit(1)
