"""Commands about descriptions of collections: propose one for an unknown folder, hold one against a folder."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from neuroonco import images
from neuroonco.catalog.files import is_text, list_paths, regular_file
from neuroonco.catalog.layout_check import NOTHING, LayoutCheck, Some, check_layout
from neuroonco.cli.options import AsJson, Sources
from neuroonco.cli.output import existing_root, result, result_json, say
from neuroonco.errors import InputError, PrerequisiteError, UsageError, printable
from neuroonco.masks import MAX_OUTLINE_BYTES
from neuroonco.sources import SourceSpec, parse_source, propose, source
from neuroonco.store import read_text, write_text
from neuroonco.volumes.lesions import open_mask
from neuroonco.volumes.read import NIFTI_SUFFIXES

MAX_TOML_BYTES = 1024**2
MAX_ROWS = 12
"""Lines of one table that a person is shown; --json has all."""

described = typer.Typer(
    help="Describe a collection, and check a description.", no_args_is_help=True, rich_markup_mode=None
)
Folder = Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the collection, as it was unpacked.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(described, name="sources")


@described.command("infer")
def infer_command(
    folder: Folder,
    out: Annotated[Path | None, typer.Option("--out", help="TOML file to write; without it, stdout.")] = None,
) -> None:
    """Propose the description of an unknown collection, with a TODO for each question to you.

    Example: neuroonco sources infer downloads/new_collection --out my_sources/new_collection.toml
    """
    existing_root(folder)
    paths = list_paths(folder)

    def text_of(path: str) -> str | None:
        try:
            return read_text(regular_file(folder, path), MAX_OUTLINE_BYTES)
        except InputError:
            return None

    def values_of(path: str) -> list[int] | None:
        try:
            regular_file(folder, path)
            volume = path.lower().endswith(NIFTI_SUFFIXES)
            stored = open_mask(folder, path).voxels if volume else images.read_mask_values(folder, path)
            return [int(value) for value in np.unique(stored) if value]
        except (InputError, PrerequisiteError):
            return None

    name = folder.resolve().name
    text = propose(paths, name if is_text(name) else "collection", read_text=text_of, read_values=values_of)
    if out is None:
        result(text.rstrip("\n"))
        return
    if out.suffix != ".toml":
        raise UsageError("OUT_NOT_TOML", f"{out.name} does not end in .toml", fix="name a .toml file")
    if out.exists():
        raise UsageError("OUT_EXISTS", "the file exists", where=str(out), fix="move it away or choose another name")
    write_text(out, text)
    todo = sum("TODO" in line for line in text.splitlines())
    say(f"{out}: {todo} lines with TODO wait for you; then: neuroonco sources check {out} {folder}")


@described.command("check")
def check_command(
    source_id: Annotated[str, typer.Argument(metavar="ID", help="Id of a source, or the path of its TOML.")],
    folder: Folder,
    sources: Sources = None,
    as_json: AsJson = False,
) -> None:
    """Say what of a folder fits a description and what does not; exit code 1 if it does not fit.

    Example: neuroonco sources check 04 downloads/brain-cancer-mri-dataset
    """
    existing_root(folder)
    check = check_layout(_described(source_id, sources), list_paths(folder))
    if as_json:
        result_json(check.model_dump(mode="json"))
    else:
        _show(check)
    if check.verdict == "does not fit":
        say(f"next: correct the TOML, or propose a new one: neuroonco sources infer {folder}")
        raise typer.Exit(1)


def _described(source_id: str, folder: Path | None) -> SourceSpec:
    """The source with this id, or of this file."""
    if source_id.endswith(".toml"):
        return parse_source(read_text(Path(source_id), MAX_TOML_BYTES), source_id)
    return source(source_id, folder)


def _show(check: LayoutCheck) -> None:
    seen = "" if check.verified else ", layout unverified"
    result(f"source {check.source_id}{seen}: {check.verdict}")
    result(f"{check.files} files: {check.images} images, {check.masks} masks or labels of images")
    _counts("layout", check.by_rule)
    for title in ("labels", "sequences", "splits", "planes"):
        counts = getattr(check, title)
        _counts(title, {} if set(counts) == {NOTHING} else counts)
    _counts("not in the tables", check.unmapped)
    _counts("excluded", check.excluded)
    _counts("fits no layout", {f"{s.shape}, e.g. {s.example}": s.count for s in check.outside})
    _some("images whose mask is missing", check.masks_missing)
    _some("masks without image", check.masks_without_image)


def _counts(title: str, counts: Mapping[str, int]) -> None:
    if counts:
        result(f"{title}:")
    for name, count in list(counts.items())[:MAX_ROWS]:
        result(f"  {count:7d}  {printable(name)}")
    if len(counts) > MAX_ROWS:
        result(f"           and {len(counts) - MAX_ROWS} more, see --json")


def _some(title: str, some: Some) -> None:
    if some.count:
        result(f"{title}: {some.count}, e.g. {', '.join(printable(path) for path in some.examples)}")
