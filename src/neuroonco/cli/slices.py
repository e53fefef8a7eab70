"""Commands from files to described slices: catalog, measure, describe."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from neuroonco import store
from neuroonco.catalog.interop import SLICE_CODEC, write_polygon_masks
from neuroonco.catalog.records import SliceRecord
from neuroonco.catalog.reference_layout import scan_reference
from neuroonco.catalog.scan import scan_root
from neuroonco.cli.options import AsJson, Out, Root, Rules, Sources
from neuroonco.cli.output import existing_root, finish, say
from neuroonco.outcomes import StageOutcome
from neuroonco.rules import load_rules
from neuroonco.semantics.describe import describe_slices
from neuroonco.semantics.interop import DESCRIBED_CODEC, MEASURED_CODEC
from neuroonco.semantics.measure import measure_slices
from neuroonco.semantics.records import DescribedSlice, MeasuredSlice
from neuroonco.vocabulary import MeasureFrame


class Layout(StrEnum):
    """Folder layouts that are not one collection's own."""

    REFERENCE = "reference"


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("catalog")(catalog_command)
    app.command("measure")(measure_command)
    app.command("describe")(describe_command)


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


def measure_command(
    catalog: Annotated[Path, typer.Argument(help="File made by `catalog` or `curate`.")],
    root: Root,
    out: Out,
    rules: Rules = "default",
    as_json: AsJson = False,
) -> None:
    """Turn lesion masks into attributes: size, shape, spread, location.

    Example: neuroonco measure catalog.json --root downloads/ --rules paper --out measured.json
    """
    existing_root(root)
    loaded = store.load(catalog, MeasuredSlice, MEASURED_CODEC)
    outcome = measure_slices(loaded.records, root=root, rules=load_rules(rules))
    found = [r.semantics for r in outcome.kept if r.semantics is not None]
    extra = {"measured": len(found), "without_brain_box": sum(s.frame is not MeasureFrame.BRAIN_BOX for s in found)}
    finish(
        outcome,
        MeasuredSlice,
        out,
        as_json=as_json,
        reference=MEASURED_CODEC,
        unreadable=loaded.unreadable,
        extra=extra,
    )


def describe_command(
    measured: Annotated[Path, typer.Argument(help="File made by `measure`.")],
    out: Out,
    rules: Rules = "default",
    as_json: AsJson = False,
) -> None:
    """Write what the source states and the mask shows as text, by rules alone.

    Example: neuroonco describe measured.json --rules paper --out described.json
    """
    loaded = store.load(measured, MeasuredSlice, MEASURED_CODEC)
    outcome: StageOutcome[DescribedSlice] = describe_slices(loaded.records, rules=load_rules(rules))
    finish(
        outcome,
        DescribedSlice,
        out,
        as_json=as_json,
        reference=DESCRIBED_CODEC,
        unreadable=loaded.unreadable,
    )
