"""What all exports say alike: places relative to the folder, the family of the base, the division of a batch."""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from neuroonco.errors import UsageError
from neuroonco.models.local_checkpoint import HUB_NAME
from neuroonco.train.data_places import shown_place
from neuroonco.train.recipe import FoundRecipe
from neuroonco.train.records import Pictures, Recipe
from neuroonco.train.trainer_settings import accumulation

FAMILIES: Final = {
    "qwen3_vl": "qwen3-?_?vl",
    "qwen2_5_vl": "qwen2[._]?5-?_?vl",
    "qwen2_vl": "qwen2-?_?vl",
    "gemma3": "gemma-?_?3",
    "llava": "llava-?(v?1[._]5|hf)?",
}
"""Families of models by which trainers choose their templates, and how their names are spelled."""


@dataclass(frozen=True)
class Exporting:
    """A recipe that is about to be written for another trainer.

    Attributes:
        recipe, recipe_sha256: as found.
        base: name on the Hub, or the folder relative to the export.
        missing_base: how a base is called that is neither a folder nor looks like a name on the Hub; None for others.
        family: key of :data:`FAMILIES`; None where the base's name and configuration do not tell.
        thinks: the base was made to think before it answers.
        files, root: relative to the export.
        devices: that will train together.
        accumulation: batches of a device in one step.
    """

    recipe: Recipe
    recipe_sha256: str
    base: str
    missing_base: str | None
    family: str | None
    thinks: bool
    files: tuple[str, ...]
    root: str
    devices: int
    accumulation: int


def exporting(found: FoundRecipe, out: Path, *, devices: int) -> Exporting:
    """Look at a recipe for an export into ``out``.

    Raises:
        UsageError: its batch cannot be divided over the devices.
    """
    if devices < 1:
        raise UsageError("DEVICES_NUMBER", "one device at least", where="--devices", fix="pass a number from 1")
    optimization = found.recipe.optimization
    base = found.recipe.model.base
    folder = Path(base).expanduser()
    is_folder = bool(base.strip()) and folder.is_dir()
    is_missing = not is_folder and not HUB_NAME.fullmatch(base)
    return Exporting(
        recipe=found.recipe,
        recipe_sha256=found.sha256,
        base=_from(out, folder) if is_folder or (is_missing and base.strip()) else base,
        missing_base=shown_place(folder) if is_missing else None,
        family=_family(folder if is_folder else None, base),
        thinks="thinking" in Path(base).name.casefold(),
        files=tuple(_from(out, path) for path in found.files),
        root=_from(out, found.root),
        devices=devices,
        accumulation=accumulation(optimization.batch_size, optimization.device_batch_size, devices),
    )


def _from(out: Path, place: Path) -> str:
    """A place as it is written inside the folder, so that no place of this machine stands there.

    Of a file that is a link, the link is named; of a folder above it that is one, what it points to.
    """
    parent = place.absolute().parent.resolve()
    return Path(os.path.relpath(parent / place.absolute().name, out.absolute().parent.resolve() / out.name)).as_posix()


def _family(folder: Path | None, base: str) -> str | None:
    spelled = [Path(base).name.casefold()]
    if folder is not None:
        try:
            spelled.insert(0, str(json.loads((folder / "config.json").read_text("utf-8")).get("model_type")))
        except (OSError, ValueError, AttributeError):
            return _named(spelled)
    return _named(spelled)


def _named(spelled: list[str]) -> str | None:
    """The first family that one of these names is of.

    >>> _named(["qwen3_vl"]), _named(["qwen2.5-vl-7b-instruct"]), _named(["medgemma-4b"])
    ('qwen3_vl', 'qwen2_5_vl', None)
    """
    for name in spelled:
        for family, pattern in FAMILIES.items():
            if re.match(pattern, name):
                return family
    return None


def is_qwen(family: str | None) -> bool:
    """Whether the vision tower holds the projector, so that both are frozen together."""
    return family is not None and family.startswith("qwen")


def computed_in(recipe: Recipe) -> str:
    """Number format of the weights on a GPU."""
    return "bfloat16" if recipe.model.dtype == "auto" else recipe.model.dtype


def trainer_arguments(one: Exporting) -> dict[str, object]:
    """What trainers built on that of transformers call by the same names."""
    fit, when = one.recipe.optimization, one.recipe.schedule
    given: dict[str, object] = {
        "per_device_train_batch_size": fit.device_batch_size,
        "gradient_accumulation_steps": one.accumulation,
        "learning_rate": fit.learning_rate,
        "num_train_epochs": fit.epochs,
        "lr_scheduler_type": fit.scheduler,
        "weight_decay": fit.weight_decay,
        "max_grad_norm": fit.max_gradient_norm,
        "optim": fit.optimizer,
        "seed": fit.seed,
        "dataloader_num_workers": fit.workers,
        "logging_steps": when.log_every_steps,
        "save_steps": when.save_every_steps,
        "save_total_limit": when.keep,
    }
    return given if fit.max_steps is None else given | {"max_steps": fit.max_steps}


def shared_to_be_done(one: Exporting) -> list[str]:
    """What must be done for every trainer; a base that is not there comes first."""
    to_do = []
    if one.missing_base is not None:
        to_do.append(
            f"model.base: NOT FOUND, {one.missing_base!r} is no folder and no ORG/MODEL name; "
            "export again with --model FOLDER or --model ORG/MODEL"
        )
    pictures = one.recipe.data.pictures
    if pictures is not Pictures.REAL:
        to_do.append(
            f"data.pictures = {pictures.value}: NOT EXPRESSED, it trains on the real pictures and is no control; "
            "train this recipe with `neuroonco train run`"
        )
    return to_do


def shared_differences(recipe: Recipe) -> list[str]:
    """What no other trainer does as the recipe says."""
    differs = []
    data = recipe.data
    if recipe.model.device == "cpu":
        differs.append("model.device = cpu: written for GPUs")
    if data.held_out_share:
        differs.append(
            "data.held_out_share: other rows are held out than neuroonco holds out, so held-out losses do not compare"
        )
    differs.append("optimization.seed: the same seed draws other initial weights and another order of the rows")
    return differs
