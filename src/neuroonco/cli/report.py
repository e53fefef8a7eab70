"""Write pages: report."""

from pathlib import Path
from typing import Annotated

import typer

from neuroonco.cli.output import existing_root, result
from neuroonco.cli.runs import phantom_root, profile_of
from neuroonco.errors import InputError
from neuroonco.walk.folders import REPORT
from neuroonco.walk.page import write_report
from neuroonco.walk.run import locked


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("report")(report_command)


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
