"""Write a recipe as the files of another trainer."""

import json
from pathlib import Path
from typing import Any

from neuroonco import __version__, store
from neuroonco.train.exports import llama_factory, ms_swift, unsloth
from neuroonco.train.exports.facts import Exporting, exporting
from neuroonco.train.exports.records import LOOKED_AT, ExportedRecipe, Target
from neuroonco.train.exports.yaml_text import yaml_text
from neuroonco.train.new_folder import new_folder
from neuroonco.train.recipe import FoundRecipe

MANIFEST = "export.json"
README = "README.txt"
_TRAINERS: dict[Target, Any] = {
    Target.LLAMA_FACTORY: llama_factory,
    Target.MS_SWIFT: ms_swift,
    Target.UNSLOTH: unsloth,
}


def export_recipe(found: FoundRecipe, target: Target, out: Path, *, devices: int = 1) -> ExportedRecipe:
    """Write the folder of an export; samples a step, steps and learning rate are the recipe's for so many devices.

    Places of data, pictures and model are relative to the folder, so that the command runs inside it. No data is
    copied.

    Args:
        found: recipe with its files.
        target: trainer.
        out: folder to write; must not be there.
        devices: that will train together.

    Returns:
        What was written, with what must be done before it is run, and what differs from the recipe.

    Raises:
        UsageError: the batch cannot be divided over the devices.
        InputError: the place is taken, or cannot be written.
    """
    one = exporting(found, out, devices=devices)
    trainer = _TRAINERS[target]
    texts = _texts(one, target)
    exported = ExportedRecipe(
        target=target,
        written_for=LOOKED_AT[target],
        recipe=one.recipe.name,
        recipe_sha256=one.recipe_sha256,
        devices=devices,
        device_batch_size=one.recipe.optimization.device_batch_size,
        accumulation=one.accumulation,
        batch_size=one.recipe.optimization.batch_size,
        files=tuple(sorted([*texts, README])),
        run=trainer.run_line(one),
        must_be_done=tuple(trainer.to_be_done(one)),
        differs=tuple(trainer.differences(one)),
        version=__version__,
    )
    with new_folder(out) as folder:
        for name, text in texts.items():
            store.write_text(folder / name, text)
        store.write_text(folder / README, readme(exported))
        store.write_json(folder / MANIFEST, exported.model_dump(mode="json"))
    return exported


def _texts(one: Exporting, target: Target) -> dict[str, str]:
    comments = {
        "gradient_accumulation_steps": f"{one.recipe.optimization.batch_size} samples a step over {one.devices} "
        f"device{'s' * (one.devices > 1)}; with another number of devices this has to change"
    }
    if target is Target.UNSLOTH:
        return {unsloth.SCRIPT: unsloth.script(), unsloth.SETTINGS: _json(unsloth.settings(one))}
    if target is Target.MS_SWIFT:
        return {ms_swift.CONFIG: yaml_text(ms_swift.settings(one), comments=comments)}
    return {
        llama_factory.CONFIG: yaml_text(llama_factory.settings(one), comments=comments),
        llama_factory.DATASET_INFO: _json(llama_factory.dataset_info(one)),
    }


def _json(document: Any) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def readme(exported: ExportedRecipe) -> str:
    """What the folder is, what must be done, how it is run, and what differs."""
    to_do = "".join(f"- {line}\n" for line in exported.must_be_done)
    differs = "\n".join(f"- {line}" for line in exported.differs)
    return (
        f"The recipe {exported.recipe} for {exported.written_for}; other releases may name things differently.\n\n"
        + (f"What must be done before it is run:\n\n{to_do}\n" if to_do else "")
        + f"Run inside this folder:\n\n    {exported.run}\n\n"
        f"{exported.batch_size} samples a step: {exported.device_batch_size} on a device, {exported.devices} "
        f"device{'s' * (exported.devices > 1)}, {exported.accumulation} accumulated.\n\n"
        f"What it does otherwise than `neuroonco train` with this recipe:\n\n{differs}\n"
    )
