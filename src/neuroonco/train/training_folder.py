"""The folder of a training: what it is of, and its result, made of the last checkpoint."""

import json
import os
import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from neuroonco import store
from neuroonco.errors import InputError
from neuroonco.models.local_checkpoint import Checkpoint
from neuroonco.outcomes import Record
from neuroonco.train.checkpoints import steps_of
from neuroonco.train.finished import TRAINING, read_trained
from neuroonco.train.history import SPENT, STATE, Spent, logged_until, write_history
from neuroonco.train.plan import Planned
from neuroonco.train.records import Recipe, Trained

BEGUN: Final = "begun.json"
"""Written before the first step: :class:`Begun`."""
CHECKPOINTS: Final = "checkpoints"
HISTORY: Final = "history.jsonl"
RECIPE: Final = "recipe.toml"
LIBRARIES: Final = ("neuroonco", "torch", "transformers", "trl", "peft", "accelerate", "datasets", "bitsandbytes")
OF_AN_ADAPTER: Final = ("adapter_config.json", "adapter_model*.safetensors")
OF_A_MODEL: Final = ("config.json", "generation_config.json", "model*.safetensors", "model.safetensors.index.json")


class Begun(Record):
    """What a folder is a training of.

    Attributes:
        recipe: without the places of data, root and base model.
        base, data_sha256: as in :class:`Trained`.
        resumed_at: steps at which it went on; 0 where it was cut off before its first checkpoint.
    """

    recipe: Recipe
    recipe_sha256: str
    base: str
    data_sha256: str
    resumed_at: tuple[int, ...] = ()


def begun_of(planned: Planned) -> Begun:
    """What a plan's folder is a training of."""
    return Begun(
        recipe=without_places(planned.found.recipe, planned.checkpoint),
        recipe_sha256=planned.found.sha256,
        base=planned.checkpoint.name,
        data_sha256=planned.rows.check.sha256,
    )


def without_places(recipe: Recipe, checkpoint: Checkpoint) -> Recipe:
    """A recipe without what belongs to one machine: places of its data and root, and of a base that is a folder.

    Of such a base the label stays; a name of the Hub stays whole, and has a slash in it.
    """
    data = recipe.data.model_copy(update={"files": (), "root": None})
    base = checkpoint.label if is_folder(recipe.model.base) else recipe.model.base
    model = recipe.model.model_copy(update={"base": base})
    return recipe.model_copy(update={"data": data, "model": model})


def is_folder(base: str) -> bool:
    """Whether a base model is one of this machine, and not one of the Hub."""
    return Path(base).expanduser().is_dir()


def claim(out: Path, wanted: Begun) -> Begun:
    """Say that a folder is of a training, or see that it is.

    Returns:
        What the folder is of, with the steps at which it went on so far.

    Raises:
        InputError: it is of another training, or holds something else.
    """
    path = out / BEGUN
    if not path.exists():
        if any(not entry.name.startswith(".") for entry in out.iterdir()):
            what, fix = "the folder holds something else than a training", "pass a new folder as --out"
            raise InputError("OUT_TAKEN", what, where=out.name, fix=fix)
        store.write_text(path, wanted.model_dump_json(indent=2) + "\n")
    try:
        begun = Begun.model_validate(store.read_json(path))
    except ValidationError:
        fix = "pass a new folder as --out"
        raise InputError("OUT_UNREADABLE", "written by another version", where=f"{out.name}/{BEGUN}", fix=fix) from None
    if differs := differences(begun, wanted):
        fix = "pass a new folder as --out, or go on with what it was begun with"
        raise InputError("OUT_OF_ANOTHER", f"the folder is of another training: {differs}", where=out.name, fix=fix)
    if not (out / RECIPE).exists():
        store.write_text(out / RECIPE, toml_of(wanted.recipe))
    return begun


def differences(begun: Begun, wanted: Begun) -> str:
    """What is not the same of two trainings, in words; nothing where they are one."""
    if begun.recipe_sha256 != wanted.recipe_sha256:
        before, now = (_fields(b.recipe.model_dump(mode="json")) for b in (begun, wanted))
        changed = sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
        said = [f"{name} is {now.get(name)!r} and was {before.get(name)!r}" for name in changed[:3]]
        return f"the recipe differs ({'; '.join(said) or 'in its hash'})"
    if begun.base != wanted.base:
        return f"the base model differs (it is {wanted.base} and was {begun.base})"
    return "the data differ (another hash)" if begun.data_sha256 != wanted.data_sha256 else ""


def went_on(out: Path, begun: Begun, step: int) -> Begun:
    """Note the step at which a training goes on."""
    noted = begun.model_copy(update={"resumed_at": (*begun.resumed_at, step)})
    store.write_text(out / BEGUN, noted.model_dump_json(indent=2) + "\n")
    return noted


def finished(out: Path) -> Trained:
    """What a finished training came to.

    Raises:
        InputError: it is not finished, or a file of its result is gone.
    """
    trained = read_trained(out)
    folder = out / ("adapter" if trained.adapter else "model")
    names = OF_AN_ADAPTER if trained.adapter else ("config.json", "model*.safetensors")
    for name in names:
        if not any(folder.glob(name)):
            fix = f"delete {TRAINING}: the same command then writes the result again from the last checkpoint"
            raise InputError("RESULT_INCOMPLETE", f"there is no {name}", where=f"{out.name}/{folder.name}", fix=fix)
    return trained


def write_result(planned: Planned, out: Path, begun: Begun, checkpoint: Path) -> Trained:
    """Write adapter or model, processor, history and, last, what the training came to.

    Args:
        planned: the training.
        out: its folder.
        begun: see :func:`claim`.
        checkpoint: the last one, whole.

    Raises:
        InputError: the folder cannot be written, or there is no room.
    """
    recipe = planned.found.recipe
    is_adapter = recipe.lora is not None
    place = out / ("adapter" if is_adapter else "model")
    partial = out / f".{place.name}.partial"
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        for pattern in OF_AN_ADAPTER if is_adapter else OF_A_MODEL:
            for path in sorted(checkpoint.glob(pattern)):
                shutil.copyfile(path, partial / path.name)
        if is_adapter:
            _name_base(partial / "adapter_config.json", planned.checkpoint.label)
        planned.processor.save(partial)
        for path in partial.rglob("*"):
            if path.is_file():
                with path.open("rb") as file:
                    os.fsync(file.fileno())
        shutil.rmtree(place, ignore_errors=True)
        partial.rename(place)
        write_history(out / HISTORY, logged_until(checkpoint))
        trained = _trained(planned, begun, checkpoint)
        store.write_text(out / TRAINING, trained.model_dump_json(indent=2) + "\n")
    except OSError as error:
        what = error.strerror or "cannot be written"
        raise InputError("CANNOT_WRITE", what, where=f"{out.name}/{place.name}", fix="make room, and go on") from None
    return trained


def _trained(planned: Planned, begun: Begun, checkpoint: Path) -> Trained:
    rows = logged_until(checkpoint)
    spent = Spent.model_validate_json((checkpoint / SPENT).read_bytes())
    tokens = int(json.loads((checkpoint / STATE).read_text("utf-8"))["num_input_tokens_seen"])
    recipe = planned.found.recipe
    losses = [row.loss for row in rows if row.loss is not None]
    held_out_losses = [row.held_out_loss for row in rows if row.held_out_loss is not None]
    return Trained(
        recipe=begun.recipe,
        recipe_sha256=begun.recipe_sha256,
        base=begun.base,
        data_sha256=begun.data_sha256,
        rows=planned.rows.check.train_rows,
        held_out_rows=planned.rows.check.held_out_rows,
        pictures=recipe.data.pictures,
        steps=steps_of(checkpoint),
        parameters=spent.parameters,
        trainable_parameters=spent.trainable_parameters,
        adapter=recipe.lora is not None,
        resumed_at=begun.resumed_at,
        seconds=spent.seconds,
        tokens_seen=tokens,
        tokens_per_s=round(tokens / spent.seconds, 1) if spent.seconds > 0 else None,
        train_loss=losses[-1] if losses else None,
        held_out_loss=held_out_losses[-1] if held_out_losses else None,
        device=spent.device,
        devices=spent.devices,
        versions={name: found for name in LIBRARIES if (found := _version(name)) is not None},
    )


def _name_base(path: Path, label: str) -> None:
    """Name the base by its label, as its folder belongs to this machine, and write the same bytes every time."""
    document = store.read_json(path)
    document["base_model_name_or_path"] = label
    document["target_modules"] = sorted(document["target_modules"])  # a set, in no order
    store.write_text(path, json.dumps(document, indent=2, sort_keys=True) + "\n")


def _version(library: str) -> str | None:
    try:
        return version(library)
    except PackageNotFoundError:
        return None


def _fields(document: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Dotted names of a nested document with their values.

    >>> _fields({"a": 1, "b": {"c": None}})
    {'a': 1, 'b.c': None}
    """
    found: dict[str, Any] = {}
    for name, value in document.items():
        found |= _fields(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return found


def toml_of(recipe: Recipe) -> str:
    """A recipe as TOML; what is None is left out, as it is where it is not stated."""
    parts: list[str] = []
    tables: list[str] = []
    for name, value in recipe.model_dump(mode="json").items():
        if isinstance(value, dict):
            lines = [f"{field} = {_toml(entry)}" for field, entry in value.items() if entry is not None]
            tables.append("\n".join([f"[{name}]", *lines]))
        elif value is not None:
            parts.append(f"{name} = {_toml(value)}")
    return "\n\n".join(["\n".join(parts), *tables]) + "\n"


def _toml(value: Any) -> str:
    r"""One value as TOML.

    >>> _toml(["a\"b", 1e-4, True])
    '["a\\"b", 0.0001, true]'
    """
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value, ensure_ascii=False)
