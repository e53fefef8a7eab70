"""Recipes: TOML to :class:`Recipe`, from a file or by the name of one that is shipped."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from neuroonco.train.records import Recipe


@dataclass(frozen=True)
class FoundRecipe:
    """A recipe, and where its files are.

    Attributes:
        recipe: as written, with overrides.
        files: chat JSONL, all there.
        root: of the pictures.
        sha256: over all that decides the training, but for places: the recipe without ``data.files`` and ``data.root``.
    """

    recipe: Recipe
    files: tuple[Path, ...]
    root: Path
    sha256: str


def shipped_recipes() -> Mapping[str, str]:
    """Name -> TOML text of each recipe in ``train/recipes``."""
    raise NotImplementedError


def read_recipe(place: str) -> tuple[Recipe, Path]:
    """A recipe and the folder that its places are relative to, from a file or by the name of a shipped one.

    Raises:
        InputError: no such recipe, no TOML, an unknown or wrong field (named).
    """
    raise NotImplementedError


def recipe_sha256(recipe: Recipe) -> str:
    """Hash of what decides a training: the recipe without places of files."""
    raise NotImplementedError


def found_recipe(
    place: str,
    *,
    data: tuple[Path, ...] = (),
    root: Path | None = None,
    changes: Mapping[str, object] | None = None,
) -> FoundRecipe:
    """Read a recipe and find its files.

    Args:
        place: file, or name of a shipped recipe.
        data: files of chat JSONL, or folders written by ``build instruct`` (of which ``data.kinds`` are taken); in
            place of those of the recipe.
        root: in place of the recipe's.
        changes: dotted field -> value, e.g. ``{"model.base": "models/base"}``.

    Raises:
        InputError, UsageError: a file is missing, nothing to train on is named, a change names no field.
    """
    raise NotImplementedError
