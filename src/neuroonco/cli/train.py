"""Train a model: for now, check what training would read."""

from pathlib import Path
from typing import Annotated

import typer

from neuroonco.cli.options import AsJson, Root
from neuroonco.cli.output import existing_root, result, result_json, say
from neuroonco.errors import InputError, PrerequisiteError
from neuroonco.train.check import check_instructions


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("train")(train_command)


def train_command(
    instructions: Annotated[Path, typer.Argument(help="Instruction file, chat JSONL.")],
    root: Root,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only check what training would read.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check instruction data before training: rows, roles, images, letters. Training itself comes later.

    Example: neuroonco train instruction_closed_nocot_train.jsonl --root data/ --dry-run
    """
    if not dry_run:
        fix = "use --dry-run, and train with a framework that reads chat JSONL"
        raise PrerequisiteError("TRAIN_EXTRA", "fine-tuning is not in this version", fix=fix)
    existing_root(root)
    if not instructions.exists():
        raise InputError("FILE_MISSING", "no such file", where=str(instructions), fix="see build instruct")
    checked = check_instructions(instructions, root)
    if as_json:
        result_json(checked.model_dump())
    else:
        result(f"{checked.rows} rows, {checked.images} images, about {checked.characters} characters of text")
        for problem in checked.problems:
            say(f"problem: {problem}")
    if checked.problem_count:
        raise typer.Exit(1)
