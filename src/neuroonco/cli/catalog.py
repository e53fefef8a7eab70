"""The command from files to slices: catalog."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from neuroonco.catalog.interop import SLICE_CODEC, write_polygon_masks
from neuroonco.catalog.records import SliceRecord
from neuroonco.catalog.reference_layout import scan_reference
from neuroonco.catalog.scan import scan_root
from neuroonco.cli.options import AsJson, Out, Sources
from neuroonco.cli.output import existing_root, finish, say


class Layout(StrEnum):
    """Folder layouts that are not one collection's own."""

    REFERENCE = "reference"


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("catalog")(catalog_command)


def catalog_command(
    root: Annotated[Path, typer.Argument(help="Folder with the images.")],
    out: Out,
    source: Annotated[
        str | None, typer.Option("--source", help="Id of the one collection that ROOT is; see `show sources`.")
    ] = None,
    layout: Annotated[Layout | None, typer.Option("--layout", help="ROOT is in the reference's layout.")] = None,
    sources: Sources = None,
    as_json: AsJson = False,
) -> None:
    """List every slice under a folder, with what its path and header say.

    Without --source and --layout, the collections under ROOT are recognised by their folders' names.

    Example: neuroonco catalog downloads/ --out catalog.parquet
    """
    existing_root(root)
    if layout is Layout.REFERENCE:
        outcome = scan_reference(root)
    else:
        outcome = scan_root(root, None if source is None else {source: ""}, sources)
    finish(outcome, SliceRecord, out, as_json=as_json, reference=SLICE_CODEC)
    if layout is Layout.REFERENCE and out.suffix == ".json":
        # The format can only name a mask image, so polygons become one, where the reference puts it.
        written = write_polygon_masks(root, outcome.kept)
        if written:
            say(f"{len(written)} polygon masks written beside their images, as the reference does")
