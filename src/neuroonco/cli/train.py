"""Train a model: run, recipes, merge, card, export, study."""

import typer

from neuroonco.cli.run_group import RunGroup

training = typer.Typer(
    cls=RunGroup,
    help="Train a vision-language model on instruction data; `train RECIPE` is `train run RECIPE`.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def register(app: typer.Typer) -> None:
    """Add the commands of this module, and those of ``train_models`` and ``train_study``."""
    app.add_typer(training, name="train")
