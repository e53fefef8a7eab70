"""Write pages: report run, report compare."""

from pathlib import Path
from typing import Annotated

import typer

from neuroonco.cli.options import AsJson, Resamples, Seed
from neuroonco.cli.output import existing_root, result, result_json, say
from neuroonco.cli.run_group import RunGroup
from neuroonco.cli.runs import is_run, phantom_root, profile_of
from neuroonco.errors import InputError, UsageError
from neuroonco.resampling import RESAMPLES, SEED
from neuroonco.walk.folders import REPORT
from neuroonco.walk.page import write_report
from neuroonco.walk.run import locked

reports = typer.Typer(
    cls=RunGroup,
    help="Write the page about a run, or one that compares models; `report RUN` is `report run RUN`.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(reports, name="report")


@reports.command("run")
def report_command(
    run: Annotated[Path, typer.Argument(help="Folder of a run.")],
    root: Annotated[Path | None, typer.Option("--root", help="Folder of the collections.")] = None,
) -> None:
    """Write a run's HTML report again.

    Example: neuroonco report runs/real-samples --root downloads/
    """
    profile = profile_of(run)
    if profile.phantoms is not None:
        root = phantom_root(run)
    if root is None:
        raise InputError("ROOT_NEEDED", "the pictures are under the collections' root", fix="pass --root FOLDER")
    with locked(run):
        result(f"report: {write_report(run, profile, existing_root(root), run / REPORT / 'index.html')}")


@reports.command("compare")
def report_compare_command(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN...",
            help="Folders that `predict` or a pipeline run wrote, or files of predictions (ours or the reference's).",
        ),
    ],
    benchmark: Annotated[
        Path | None,
        typer.Option("--benchmark", help="The questions that count; needed for files of predictions."),
    ] = None,
    root: Annotated[
        Path | None, typer.Option("--root", help="Folder of the pictures; without it the page shows none.")
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", help="Page to write, .html; its tables are written beside it, .csv and .tex.")
    ] = Path("comparison.html"),
    seed: Seed = SEED,
    resamples: Resamples = RESAMPLES,
    errors: Annotated[
        int, typer.Option("--errors", min=0, max=50, help="Wrong answers shown for each model at most.")
    ] = 6,
    reference: Annotated[
        str | None,
        typer.Option("--reference", metavar="NAME", help="Compare each with this model, chosen beforehand."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write one page that compares models on the same questions, with its tables as CSV and LaTeX.

    Example: neuroonco report compare runs/qwen runs/gpt runs/always-e --root images/ --out comparison.html

    Example: neuroonco report compare gpt.jsonl qwen.jsonl --benchmark benchmark_closed.json
    """
    from neuroonco.walk.comparison_page import Asked, write_comparison  # here: the other command needs none of it

    if out.suffix.lower() not in (".html", ".htm"):
        raise UsageError("OUT_NOT_HTML", "the page is an HTML file", where=str(out), fix="name it FILE.html")
    if root is None and len(runs) == 1 and is_run(runs[0]) and phantom_root(runs[0]).is_dir():
        root = phantom_root(runs[0])
    asked = Asked(
        places=tuple(runs),
        benchmark=benchmark,
        root=None if root is None else existing_root(root),
        seed=seed,
        resamples=resamples,
        errors=errors,
        reference=reference,
    )
    written = write_comparison(asked, out)
    for warning in written.warnings:
        say(f"note: {warning}")
    document = {
        "page": str(written.page),
        "csv": str(written.csv),
        "tex": str(written.tex),
        "kind": written.kind.value,
        "models": written.models,
        "questions": written.questions,
        "page_bytes": written.page_bytes,
    }
    if as_json:
        result_json(document | {"warnings": list(written.warnings)})
    else:
        result(f"comparison: {written.page} ({written.page_bytes / 1e6:.1f} MB), {written.csv}, {written.tex}")
