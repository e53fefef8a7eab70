"""Train a model: run, recipes, merge, card, export, study."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from neuroonco.cli.options import AsJson
from neuroonco.cli.output import result, result_json, say, table
from neuroonco.cli.run_group import RunGroup
from neuroonco.cli.train_changes import changes_of
from neuroonco.cli.train_models import add_models
from neuroonco.cli.train_progress import reading_line, training_line
from neuroonco.cli.train_study import add_study
from neuroonco.cli.train_tables import plan_rows, problem_lines, trained_rows
from neuroonco.errors import NeuroOncoError, UsageError, printable
from neuroonco.train.fit import fit
from neuroonco.train.plan import Planned, plan_training, require_possible, warnings_of
from neuroonco.train.recipe import found_recipe, read_recipe, shipped_recipes
from neuroonco.train.records import Pictures, Recipe

DATA_SUFFIXES = (".jsonl", ".json", ".parquet")

training = typer.Typer(
    cls=RunGroup,
    help="Train a vision-language model on instruction data; `train RECIPE` is `train run RECIPE`.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def register(app: typer.Typer) -> None:
    """Add the commands of this module, and those of ``train_models`` and ``train_study``."""
    app.add_typer(training, name="train")


@training.command("run")
def run_command(
    recipe: Annotated[str, typer.Argument(help="Recipe: a TOML file, or a name of `train recipes`.")],
    data: Annotated[
        list[Path] | None,
        typer.Option("--data", help="Chat JSONL, or a folder that `build instruct` wrote; may be given again."),
    ] = None,
    root: Annotated[Path | None, typer.Option("--root", help="Folder to which image paths are relative.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder to write; one that was cut off is gone on with.")
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", metavar="PATH_OR_ID", help="Base model, in place of the recipe's.")
    ] = None,
    pictures: Annotated[
        Pictures | None,
        typer.Option("--pictures", help="What the model is shown: its pictures, gray ones, or those of other images."),
    ] = None,
    change: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="Change a field of the recipe; may be given again."),
    ] = None,
    log_to: Annotated[
        str | None, typer.Option("--log-to", metavar="NAMES", help="With commas: tensorboard, wandb.")
    ] = None,
    max_rows: Annotated[
        int | None, typer.Option("--max-rows", min=1, help="Use so many rows, drawn by the recipe's seed.")
    ] = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Train without the rows that have a problem, instead of refusing.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check data, model and machine, count steps and memory, and stop.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Train by a recipe; killed and run again, it goes on where it was.

    Example: neuroonco train run neuroonco-gpt --data instructions/ --root data/ --dry-run

    Example: neuroonco train run neuroonco-gpt-24gb --data instructions/ --root data/ --out trained/a

    Example: neuroonco train run mine.toml --pictures blank --set optimization.learning_rate=5e-5 --out trained/blank
    """
    if Path(recipe).suffix in DATA_SUFFIXES:
        fix = f"neuroonco train run RECIPE --data {Path(recipe).name} --root DIR; `neuroonco train recipes` lists some"
        raise UsageError("RECIPE_EXPECTED", "a file of data is no recipe", where=Path(recipe).name, fix=fix)
    if out is None and not dry_run:
        raise UsageError("OUT_NEEDED", "nowhere to write to", where="--out", fix="pass --out FOLDER, or --dry-run")
    changes = changes_of(change or [])
    given = {
        "model.base": None if model is None else model.removeprefix("local:"),
        "data.pictures": pictures,
        "data.max_rows": max_rows,
        "schedule.log_to": log_to,
    }
    changes |= {name: value for name, value in given.items() if value is not None}
    found = found_recipe(recipe, data=tuple(data or ()), root=root, changes=changes)
    with reading_line(shown=_is_first()) as progress:
        planned = plan_training(found, skip_bad=skip_bad, progress=progress)
    if _is_first():
        for line in warnings_of(planned):
            say(f"warning: {line}")
    if out is None or dry_run:
        _tell_plan(planned, skip_bad=skip_bad, as_json=as_json)
        return
    if _is_first():
        _say_problems(planned)
    require_possible(planned, skip_bad=skip_bad)
    rows, history = planned.plan.data.train_rows, out / "history.jsonl"
    with training_line(planned.plan.recipe, rows, history, shown=_is_first()) as told:
        trained = fit(planned, out, progress=told, tell=say if _is_first() else _quiet)
    if not _is_first():
        return
    if as_json:
        told_of = trained.model_dump(mode="json") | {"recipe": _without_places(trained.recipe)}
        result_json({"plan": planned.plan.model_dump(mode="json"), "trained": told_of})
    else:
        title = f"Trained: {printable(trained.recipe.name)}"
        table(title, ("what", "how much"), trained_rows(trained, out), to_stdout=True)


@training.command("recipes")
def recipes_command(
    name: Annotated[str | None, typer.Argument(help="Recipe to print, to copy and edit.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the recipes that are shipped, or print one.

    Example: neuroonco train recipes

    Example: neuroonco train recipes neuroonco-gpt > mine.toml
    """
    shipped = shipped_recipes()
    if name is not None and name not in shipped:
        raise UsageError("RECIPE_UNKNOWN", f"no recipe {name!r}", fix=f"one of {', '.join(shipped)}")
    read = {each: read_recipe(each)[0] for each in shipped}
    if as_json:
        documents = {each: recipe.model_dump(mode="json") for each, recipe in read.items()}
        result_json(documents if name is None else documents[name])
    elif name is not None:
        result(shipped[name].rstrip("\n"))
    else:
        table("Recipes", ("name", "what it does"), ((n, r.description) for n, r in read.items()), to_stdout=True)


def _tell_plan(planned: Planned, *, skip_bad: bool, as_json: bool) -> None:
    """Print a plan, and end as a training would that cannot begin.

    Raises:
        NeuroOncoError: the machine cannot do it.
        typer.Exit: 1 where rows have problems.
    """
    refused = None
    try:
        require_possible(planned, skip_bad=True)
    except NeuroOncoError as error:
        refused = error
    if _is_first():
        if as_json:
            said = {"warnings": warnings_of(planned), "refused": None if refused is None else refused.line}
            recipe = _without_places(planned.found.recipe)
            result_json({"plan": planned.plan.model_dump(mode="json"), "recipe": recipe} | said)
        else:
            title = f"Plan: {printable(planned.plan.recipe)}"
            table(title, ("what", "how much"), plan_rows(planned.plan, planned.found.recipe), to_stdout=True)
        _say_problems(planned)
    if planned.plan.data.problems and not skip_bad:
        if refused is not None and _is_first():
            say(refused.line)
        raise typer.Exit(1)
    if refused is not None:
        raise refused


def _without_places(recipe: Recipe) -> dict[str, Any]:
    """A recipe as JSON, without what belongs to this machine: of places, only the last part of the base model's."""
    document = recipe.model_dump(mode="json")
    document["data"] |= {"files": [], "root": None}
    document["model"]["base"] = Path(os.path.abspath(Path(recipe.model.base).expanduser())).name  # noqa: PTH100
    return document


def _say_problems(planned: Planned) -> None:
    for line in problem_lines(planned.plan.data):
        say(line)


def _is_first() -> bool:
    """Whether this process is the one that speaks: of several that train together, the first."""
    return os.environ.get("RANK", "0") == "0"


def _quiet(_line: str) -> None:
    """What a process says that is not the first."""


add_models(training)  # here and not in `register`, which is called once for each application that is made
add_study(training)
