"""What follows a training: train merge, card, export."""

from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

import typer

from neuroonco import store
from neuroonco.cli.options import AsJson, OutFolder
from neuroonco.cli.output import result, result_json, say
from neuroonco.cli.train_changes import changes_of
from neuroonco.errors import UsageError
from neuroonco.train.exports.records import Target

Run = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a finished training.")]


def add_models(training: typer.Typer) -> None:
    """Add the commands of this module to the group ``train``."""
    training.command("merge")(merge_command)
    training.command("card")(card_command)
    training.command("export")(export_command)


def merge_command(
    run: Run,
    out: OutFolder,
    base: Annotated[str | None, typer.Option("--base", help="Base model, where it no longer is where it was.")] = None,
    limits_only: Annotated[
        bool, typer.Option("--base-only", help="The base without the adapter, with the pixel limits of the training.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write adapter and base as one model that `--model local:` and any server take.

    Example: neuroonco train merge runs/tuned --out models/tuned
    """
    from neuroonco.train.merge import base_as_trained, merge

    name = (base_as_trained if limits_only else merge)(run, out, base=base)
    if as_json:
        result_json({"model": name, "out": out.name})
    else:
        say(f"wrote {name}")


def card_command(
    run: Run,
    scores: Annotated[
        list[Path] | None, typer.Option("--score", help="JSON of `score --json` or `compare --json`; repeatable.")
    ] = None,
    statistics: Annotated[
        Path | None, typer.Option("--statistics", help="statistics.json of the instruction files: names the sources.")
    ] = None,
    license_id: Annotated[
        str | None, typer.Option("--license", help="License of the model as the Hub names it; else left open.")
    ] = None,
    datasets: Annotated[
        list[str] | None, typer.Option("--dataset", help="Name on the Hub of what was trained on; repeatable.")
    ] = None,
    merged: Annotated[bool, typer.Option("--merged", help="The card lies beside the merged model.")] = False,
    out: Annotated[Path | None, typer.Option("--out", help="File to write, e.g. README.md; default: stdout.")] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a file at --out; the card that `merge` wrote needs no leave.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write the card of a trained model, as the Hub reads it.

    Example: neuroonco train card runs/tuned --score tuned.json --score against_base.json --out README.md
    """
    from neuroonco.train.card import render_card, require_replaceable
    from neuroonco.train.card_facts import read_scores, read_sources
    from neuroonco.train.finished import read_trained

    trained = read_trained(run)
    if out is not None and not overwrite:
        require_replaceable(out, trained)
    read = tuple(read_scores(path) for path in scores or ())
    sources = read_sources(statistics, trained.recipe.data.kinds) if statistics is not None else ()
    card = render_card(
        trained, is_merged=merged, scores=read, sources=sources, license_id=license_id, datasets=tuple(datasets or ())
    )
    if out is not None:
        store.write_text(out, card)
    if as_json:
        counts = {"scores": sum(len(file.rows) for file in read), "sources": len(sources)}
        result_json(counts | {"out": None if out is None else out.name, "sha256": store.sha256_text(card)})
    elif out is None:
        result(card.removesuffix("\n"))
    else:
        say(f"wrote {out.name}" + ("" if read else "; it says that the model was not evaluated: add --score"))


def _target(name: str) -> Target:
    """The trainer that is called so; typer's own words would not name the one that was meant.

    Raises:
        UsageError: no such trainer.
    """
    if name in (known := [target.value for target in Target]):
        return Target(name)
    meant = get_close_matches(name.casefold().replace("_", "-"), known, n=1)
    fix = f"did you mean {meant[0]}?" if meant else f"one of {', '.join(known)}"
    raise UsageError("TRAINER_UNKNOWN", f"no trainer {name[:60]!r} is known here", where="--to", fix=fix)


def export_command(
    recipe: Annotated[str, typer.Argument(metavar="RECIPE", help="Recipe: TOML file, or name of a shipped one.")],
    target: Annotated[Target, typer.Option("--to", parser=_target, metavar=f"<{'|'.join(Target)}>", help="Trainer.")],
    out: OutFolder,
    data: Annotated[
        list[Path] | None, typer.Option("--data", help="Chat JSONL, or folder of `build instruct`; repeatable.")
    ] = None,
    root: Annotated[Path | None, typer.Option("--root", help="Folder to which image paths are relative.")] = None,
    model: Annotated[
        str | None, typer.Option("--model", metavar="PATH_OR_ID", help="Base model, in place of the recipe's.")
    ] = None,
    change: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="Change a field of the recipe; may be given again."),
    ] = None,
    devices: Annotated[int, typer.Option("--devices", min=1, help="GPUs that will train together.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Write a recipe as the configuration of another trainer, and say what it cannot express.

    Example: neuroonco train export neuroonco-gpt --to llama-factory --data instructions/ --root data/ --out elsewhere/
    """
    from neuroonco.train.exports.write import export_recipe
    from neuroonco.train.recipe import found_recipe

    changes = changes_of(change or []) | ({} if model is None else {"model.base": model.removeprefix("local:")})
    found = found_recipe(recipe, data=tuple(data or ()), root=root, changes=changes)
    exported = export_recipe(found, target, out, devices=devices)
    if as_json:
        result_json(exported.model_dump(mode="json"))
    else:
        say(f"wrote {len(exported.files)} files for {exported.written_for}; inside the folder: {exported.run}")
        for line in exported.must_be_done:
            say(f"must be done: {line}")
        for line in exported.differs:
            say(f"differs: {line}")
