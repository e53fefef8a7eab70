"""Recipes: TOML to :class:`Recipe`, from a file or by the name of one that is shipped."""

import json
import math
import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from operator import attrgetter
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin

from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from neuroonco import store
from neuroonco.errors import InputError, UsageError
from neuroonco.models.local_checkpoint import HUB_NAME
from neuroonco.outcomes import Record
from neuroonco.train.data_places import data_files, is_there, shown_place
from neuroonco.train.records import Recipe

MAX_RECIPE_BYTES: Final = 1 << 20
MAX_NUMBER: Final = 2**32
"""No number of a training is larger: it would be a slip, and its products would be no numbers any more."""
MAX_SAID: Final = 60
NOTHING: Final = ("none", "null")
"""How a change spells the absence of a value; TOML has no word for it and leaves the field out."""
FIX: Final = "docs/train.md explains the fields; `neuroonco train recipes NAME` prints a recipe"


@dataclass(frozen=True)
class FoundRecipe:
    """A recipe, and where its files are.

    Attributes:
        recipe: as written, with overrides; ``model.base`` as it is found from the working folder.
        files: chat JSONL, all there.
        root: of the pictures.
        sha256: over all that decides the training, but for places: see :func:`recipe_sha256`.
    """

    recipe: Recipe
    files: tuple[Path, ...]
    root: Path
    sha256: str


def shipped_recipes() -> Mapping[str, str]:
    """Name -> TOML text of each recipe in ``train/recipes``, sorted by name.

    >>> "neuroonco-gpt" in shipped_recipes()
    True
    """
    found = [entry for entry in files("neuroonco.train").joinpath("recipes").iterdir() if entry.name.endswith(".toml")]
    texts = {entry.name.removesuffix(".toml"): entry.read_text("utf-8") for entry in found}
    return dict(sorted(texts.items()))


def read_recipe(place: str) -> tuple[Recipe, Path]:
    """A recipe and the folder that its places are relative to, from a file or by the name of a shipped one.

    Raises:
        InputError: no such recipe, no TOML, an unknown or wrong field (named).
    """
    document, folder, where = _document(place)
    return _recipe(document, where), folder


def recipe_sha256(recipe: Recipe) -> str:
    """Hash of what decides a training: the recipe without places.

    ``data.files`` and ``data.root`` are left out, and of ``model.base`` all but its last part: a training that is moved
    with its model and data is the same training. What the files and the model hold has hashes of its own.
    """
    document = recipe.model_dump(mode="json")
    del document["data"]["files"], document["data"]["root"]
    document["model"]["base"] = Path(recipe.model.base).name
    return store.sha256_text(json.dumps(document, sort_keys=True, ensure_ascii=False))


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
        changes: dotted field -> value, e.g. ``{"model.base": "models/base"}``. A text is read as the field's type:
            lists are divided by commas, and ``none`` takes a value away. Places in it are relative to the working
            folder, those in a recipe to the recipe's.

    Raises:
        InputError, UsageError: a file is missing, nothing to train on is named, a change names no field.
    """
    document, folder, where = _document(place)
    _recipe(document, where)  # what the file has wrong is said of the file
    changed = dict(changes or {})
    for field, value in changed.items():
        _change(document, field, value)
    recipe = _recipe(document, where)
    if "model.base" not in changed:
        recipe = recipe.model_copy(update={"model": recipe.model.model_copy(update={"base": _base(recipe, folder)})})
    at = Path() if "data.files" in changed else folder
    named = data or tuple(_under(at, name) for name in recipe.data.files)
    if not named:
        fix = "pass --data FILE or --data FOLDER (of `build instruct`), or write data.files into the recipe"
        raise UsageError("DATA_UNNAMED", "the recipe names no data", where=where, fix=fix)
    if root is None and recipe.data.root is None:
        fix = "pass --root FOLDER, or write data.root into the recipe"
        raise UsageError("ROOT_UNNAMED", "no folder of the pictures is named", where=where, fix=fix)
    root = root or _under(Path() if "data.root" in changed else folder, str(recipe.data.root))
    if not is_there(root, "ROOT_UNREADABLE") or not root.is_dir():
        fix = "pass an existing folder with --root"
        raise InputError("ROOT_MISSING", "no such folder", where=shown_place(root), fix=fix)
    return FoundRecipe(recipe, data_files(named, recipe.data.kinds), root, recipe_sha256(recipe))


@cache
def fields_of() -> Mapping[str, FieldInfo]:
    """Dotted name -> field of every value of a recipe.

    >>> "optimization.learning_rate" in fields_of(), "optimization" in fields_of()
    (True, True)
    """
    return dict(_fields(Recipe, ""))


def _fields(record: type[Record], before: str) -> Iterator[tuple[str, FieldInfo]]:
    for name, field in record.model_fields.items():
        yield before + name, field
        for kind in _kinds(field):
            if isinstance(kind, type) and issubclass(kind, Record):
                yield from _fields(kind, f"{before}{name}.")


def _kinds(field: FieldInfo) -> tuple[Any, ...]:
    """The types that a field takes; ``Annotated`` is without its limits here."""
    kind = field.annotation
    return get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)


# --- the document ---


def _document(place: str) -> tuple[dict[str, Any], Path, str]:
    """The tables of a recipe, the folder of its places, and its name in messages."""
    shipped = shipped_recipes()
    if place in shipped:
        text, folder, where = shipped[place], Path(), place
    elif not is_there(Path(place), "RECIPE_UNREADABLE"):
        fix = f"pass a TOML file, or one of {', '.join(shipped)}"
        raise InputError("RECIPE_MISSING", "no such recipe", where=shown_place(Path(place)), fix=fix)
    else:
        folder, where = Path(place).parent, Path(place).name
        try:
            text = store.read_text(Path(place), MAX_RECIPE_BYTES).removeprefix("\N{BYTE ORDER MARK}")
        except InputError as error:
            raise InputError(error.code, error.what, where=where, fix="pass a TOML file of a few lines") from None
    try:
        return tomllib.loads(text), folder, where
    except (ValueError, RecursionError) as error:  # ValueError: no TOML, or a number of thousands of digits
        what = "no TOML: nested too deeply" if isinstance(error, RecursionError) else f"no TOML: {str(error)[:200]}"
        fix = "`neuroonco train recipes NAME` prints one that works"
        raise InputError("RECIPE_BROKEN", what, where=where, fix=fix) from None


def _recipe(document: dict[str, Any], where: str) -> Recipe:
    """Validate as JSON is: a number in quotes is no number, and a list is a tuple."""
    try:
        recipe = Recipe.model_validate_json(json.dumps(document, default=_no_value), strict=True)
    except ValidationError as error:
        found = error.errors(include_url=False)
        first = min(found, key=lambda one: one["type"] != "extra_forbidden")  # a misspelt name explains what is missing
        name = ".".join(map(str, first["loc"]))
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        if first["type"] == "extra_forbidden":
            raise InputError("RECIPE_INVALID", f"no field {name!r}{more}", where=where, fix=_nearest(name)) from None
        what = f"{name}: {_said(first['msg'])}{more}"
        raise InputError("RECIPE_INVALID", what, where=where, fix=FIX) from None
    for field in fields_of():
        if wrong := _absurd(attrgetter(field)(recipe) if "lora." not in field or recipe.lora else None):
            raise InputError("RECIPE_INVALID", f"{field}: {wrong}", where=where, fix=FIX)
    return recipe


def _absurd(value: object) -> str | None:
    """What is wrong with a number that is of the right kind and cannot be meant."""
    if isinstance(value, float) and not math.isfinite(value):
        return "input should be a finite number"
    if isinstance(value, int | float) and abs(value) > MAX_NUMBER:
        return f"input should be at most {MAX_NUMBER}"
    return None


def _no_value(value: object) -> list[str]:
    """A date of TOML, which no field takes, as something that no field takes either."""
    return [str(value)]


def _said(message: str) -> str:
    return message[:1].lower() + message[1:]


def _nearest(name: str) -> str:
    """The field that was likely meant: by its whole name, or by its last part in whatever table."""
    known = {field: field.rpartition(".")[2] for field in fields_of()}
    table, _, last = name.rpartition(".")
    meant = get_close_matches(name, known, n=1, cutoff=0.8) or [
        field
        for part in get_close_matches(last, known.values(), n=1, cutoff=0.7)
        for field in known
        if known[field] == part
    ]
    if meant:
        return f"did you mean {meant[0]}?"
    beside = [field for field in known if field.rpartition(".")[0] == (table if table in known else "")]
    return f"one of {', '.join(beside)}"


def _change(document: dict[str, Any], name: str, value: object) -> None:
    """Put one value into the tables.

    Raises:
        UsageError: no such field, or no value for it.
    """
    field = fields_of().get(name)
    if field is None:
        raise UsageError("FIELD_UNKNOWN", f"no field {name!r}", fix=_nearest(name))
    *tables, last = name.split(".")
    inside = document
    for table in tables:
        inside = inside.setdefault(table, {})
    is_optional = NoneType in _kinds(field)
    if value is None or (isinstance(value, str) and value.strip().casefold() in NOTHING and is_optional):
        if not is_optional:
            raise UsageError("FIELD_INVALID", f"{name}: a value is needed", fix=FIX)
        inside.pop(last, None)
        return
    given: object = value
    if isinstance(value, str) and any(get_origin(kind) is tuple for kind in _kinds(field)):
        given = tuple(part.strip() for part in value.split(",") if part.strip())
    try:
        kind: Any = Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation
        adapter: TypeAdapter[Any] = TypeAdapter(kind)
        taken = adapter.validate_python(given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        what = f"{name}: {_said(first['msg'])}, not {_short(value)}"
        raise UsageError("FIELD_INVALID", what, fix=FIX) from None
    if wrong := _absurd(taken):
        raise UsageError("FIELD_INVALID", f"{name}: {wrong}, not {_short(value)}", fix=FIX)
    inside[last] = adapter.dump_python(taken, mode="json")


def _short(value: object) -> str:
    """A value as it was given, cut where it is long."""
    said = repr(value)
    return said if len(said) <= MAX_SAID else f"{said[: MAX_SAID - 1]}…"


# --- places ---


def _under(folder: Path, name: str) -> Path:
    """A place as a recipe of this folder means it."""
    return folder / Path(name).expanduser()


def _base(recipe: Recipe, folder: Path) -> str:
    """A folder beside the recipe, as seen from here; a name of the Hub, or a place that nothing is at, as it stands."""
    base = recipe.model.base
    beside = _under(folder, base)
    if beside.is_dir() or not HUB_NAME.fullmatch(base):
        return os.path.normpath(beside) if base.strip() else base
    return base
