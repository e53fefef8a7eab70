"""Commands for review by people: review."""

import typer

from neuroonco.cli.review_files import (
    review_apply_command,
    review_export_command,
    review_sheet_command,
)
from neuroonco.cli.review_label_studio import label_studios
from neuroonco.cli.review_looking import review_agreement_command, review_status_command
from neuroonco.cli.review_room import review_import_command, review_invite_command, review_serve_command

reviews = typer.Typer(help="Have questions reviewed by people.", no_args_is_help=True, rich_markup_mode=None)
reviews.command("import")(review_import_command)
reviews.command("serve")(review_serve_command)
reviews.command("invite")(review_invite_command)
reviews.command("status")(review_status_command)
reviews.command("agreement")(review_agreement_command)
reviews.command("export")(review_export_command)
reviews.command("sheet")(review_sheet_command)
reviews.command("apply")(review_apply_command)
reviews.add_typer(label_studios, name="label-studio")


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(reviews, name="review")
