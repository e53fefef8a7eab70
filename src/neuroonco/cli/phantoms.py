"""Command ``phantoms``: draw slices of which everything is known."""

from collections import Counter
from typing import Annotated, Any

import typer

from neuroonco.cli.options import AsJson, OutFolder, Seed
from neuroonco.cli.output import progress_bars, result_json, say, table
from neuroonco.errors import UsageError
from neuroonco.phantoms.records import PhantomTruth
from neuroonco.phantoms.write import write_images
from neuroonco.store import save
from neuroonco.vocabulary import PhantomStyle

IMAGES, TRUTH = "images", "truth.parquet"


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("phantoms")(phantoms_command)


def phantoms_command(
    out: OutFolder,
    number: Annotated[int, typer.Option("--number", min=1, help="How many slices.")] = 300,
    seed: Seed = 1,
    style: Annotated[
        PhantomStyle, typer.Option("--style", help="held_out: other noise, contrast, texture and shares.")
    ] = PhantomStyle.TUNED,
    as_json: AsJson = False,
) -> None:
    """Draw synthetic slices with known truth: pictures and masks in DIR/images, the truth in DIR/truth.parquet.

    Phantoms, not patients: figures measured on them hold for them.

    Example: neuroonco phantoms --out phantoms/ --number 540 --seed 2 --style held_out
    """
    images = out / IMAGES
    if images.exists() and any(images.iterdir()):
        raise UsageError(
            "OUT_NOT_EMPTY", "pictures of another series would stay beside these", where=str(images), fix="empty it"
        )
    if seed < 0:
        raise UsageError("PHANTOM_SEED", f"seed {seed}", fix="use a whole number from 0")
    truths = []
    with progress_bars() as update:
        for truth in write_images(images, range(number), seed, style):
            truths.append(truth)
            update("drawn", len(truths), number)
    save(out / TRUTH, truths, PhantomTruth)
    counts = counts_of(truths)
    if as_json:
        result_json(counts)
        return
    say(f"{len(truths)} slices in {images}, truth in {out / TRUTH}")
    for what, values in counts.items():
        if isinstance(values, dict):
            table(what, ("value", "slices"), values.items())


def counts_of(truths: list[PhantomTruth]) -> dict[str, Any]:
    """How many slices show each value of each attribute; those where one cannot be assessed are left out."""
    counted: dict[str, Counter[str]] = {}
    for truth in truths:
        fields: dict[str, Any] = {**dict(truth), **dict(truth.signs), "hard_case": None}
        for name in ("tumor_type", "sequence", "plane", "size", "spread", *type(truth.signs).model_fields):
            if fields[name] is not None:
                counted.setdefault(name, Counter())[str(fields[name])] += 1
        counted.setdefault("hard_case", Counter()).update(str(hard) for hard in truth.hard_cases)
    conspicuous = sum(truth.conspicuous is True for truth in truths)
    return {"slices": len(truths), "conspicuous": conspicuous} | {
        name: dict(sorted(counter.items())) for name, counter in counted.items()
    }
