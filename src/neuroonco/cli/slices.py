"""Commands from catalogued to described slices: measure, describe."""

from pathlib import Path
from typing import Annotated

import typer

from neuroonco import store
from neuroonco.cli.options import AsJson, Out, Root, Rules
from neuroonco.cli.output import existing_root, finish
from neuroonco.outcomes import StageOutcome
from neuroonco.rules import load_rules
from neuroonco.semantics.describe import describe_slices
from neuroonco.semantics.interop import DESCRIBED_CODEC, MEASURED_CODEC
from neuroonco.semantics.measure import measure_slices
from neuroonco.semantics.records import DescribedSlice, MeasuredSlice
from neuroonco.vocabulary import MeasureFrame


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("measure")(measure_command)
    app.command("describe")(describe_command)


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
