"""All that a training needs, made on the spot: a tiny model, pictures, instructions, a recipe and its plan.

python tests/training_fixtures.py FOLDER OUT CHANGES DIE_AT

trains in a process of its own: with changes of the recipe (JSON), until it is killed after step DIE_AT (0: not at all).
"""

import hashlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import tiny_model
import tiny_qwen
from neuroonco.models.local_checkpoint import find
from neuroonco.train.check import CheckedRows, check_rows
from neuroonco.train.picture_source import PictureSource
from neuroonco.train.plan import Planned
from neuroonco.train.recipe import FoundRecipe, recipe_sha256
from neuroonco.train.records import MemoryEstimate, Recipe, TrainingPlan
from neuroonco.train.samples import Collator, TrainingProcessor

ANSWERS = "AB"
SIDE_PX = 48
MODELS = {"tiny-qwen": tiny_qwen, "tiny-llava": tiny_model}


def write_training(folder: Path, *, rows: int = 40, model: str = "tiny-qwen", longest: int = 0) -> None:
    """Write ``models/NAME``, ``root/case-N.png`` (one a row) and ``instructions.jsonl``.

    The answer is A where the picture is dark and B where it is bright, so that it can be learned from the picture
    alone: all questions are the same. With ``longest`` it is one to so many words, and there are no options.
    """
    if not (folder / "models" / model).exists():
        MODELS[model].make(folder / "models" / model)
    (folder / "root").mkdir(exist_ok=True)
    lines = []
    for number in range(rows):
        bright = number % 2
        noise = np.random.default_rng(number).integers(0, 60, (SIDE_PX, SIDE_PX), dtype=np.uint8)
        Image.fromarray(noise + np.uint8(180 * bright)).save(folder / "root" / f"case-{number:03d}.png")
        question = "<image>\nHow is it?\nOptions:\nA. dark\nB. bright\n\nAnswer with the option letter only."
        answer = ANSWERS[bright]
        if longest:
            question, answer = "<image>\nHow is it?", " ".join(["Oval"] * (1 + 7 * number % longest))
        turns = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
        lines.append({"images": [f"case-{number:03d}.png"], "messages": turns, "meta": {"id": f"case-{number:03d}"}})
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "instructions.jsonl").write_text(text, encoding="utf-8")


def recipe_of(folder: Path, *, base: str = "tiny-qwen", **parts: dict[str, Any] | None) -> Recipe:
    """A recipe of 10 steps, more than an epoch, on a CPU over the files of :func:`write_training`.

    Parts update those of the recipe; ``lora=None`` trains all weights.
    """
    given: dict[str, Any] = {
        "name": "tiny",
        "description": "of the tests",
        "model": {"base": str(folder / "models" / base), "device": "cpu"},
        "data": {
            "files": [str(folder / "instructions.jsonl")],
            "root": str(folder / "root"),
            "held_out_share": 0.2,
            "max_tokens": 256,
        },
        "lora": {"rank": 4, "alpha": 8, "dropout": 0.1, "targets": ["q_proj", "v_proj"]},
        "optimization": {
            "max_steps": 10,
            "epochs": 2,
            "learning_rate": 0.01,
            "batch_size": 4,
            "device_batch_size": 2,
            "gradient_checkpointing": False,
            "seed": 5,
            "workers": 0,
        },
        "schedule": {"evaluate_every_steps": 4, "save_every_steps": 3, "keep": 2, "log_every_steps": 1},
    }
    for name, changes in parts.items():
        given[name] = {**given[name], **changes} if isinstance(changes, dict) else changes
    return Recipe.model_validate(given)


def planned_of(folder: Path, *, base: str = "tiny-qwen", **parts: dict[str, Any] | None) -> Planned:
    """The plan of :func:`recipe_of`, with the true rows, processor and checkpoint, and with counts that nobody made."""
    recipe = recipe_of(folder, base=base, **parts)
    checkpoint = find(recipe.model.base)
    processor = TrainingProcessor(checkpoint, min_pixels=recipe.data.min_pixels, max_pixels=recipe.data.max_pixels)
    files, root = tuple(Path(name) for name in recipe.data.files), Path(str(recipe.data.root))
    rows = check_rows(files, root, recipe.data, seed=recipe.optimization.seed, measure=processor.length)
    return planned_from(recipe, files, root, checkpoint, processor, rows)


def planned_from(
    recipe: Recipe,
    files: tuple[Path, ...],
    root: Path,
    checkpoint: Any,
    processor: TrainingProcessor,
    rows: CheckedRows,
) -> Planned:
    """A plan of these parts."""
    found = FoundRecipe(recipe, files, root, recipe_sha256(recipe))
    memory = MemoryEstimate(
        weights_gib=0, gradients_gib=0, optimizer_gib=0, activations_gib=0, logits_gib=0, total_gib=0,
        device="cpu", available_gib=None,
    )  # fmt: skip
    optimization = recipe.optimization
    plan = TrainingPlan(
        recipe=recipe.name,
        recipe_sha256=found.sha256,
        base=checkpoint.name,
        data=rows.check,
        parameters=1,
        trainable_parameters=1,
        devices=1,
        accumulation=optimization.batch_size // optimization.device_batch_size,
        steps=optimization.max_steps or 1,
        memory=memory,
    )
    return Planned(plan, found, checkpoint, processor, rows)


def collator_of(planned: Planned) -> Collator:
    """What makes batches of the rows that are trained on."""
    recipe = planned.found.recipe
    pictures = PictureSource(planned.found.root, recipe.data.pictures, planned.rows.paths, recipe.optimization.seed)
    return Collator(planned.processor, planned.rows.train, pictures)


def digests(folder: Path, pattern: str = "**/*.safetensors") -> dict[str, str]:
    """SHA-256 of files, by their place in a folder."""
    found = sorted(path for path in folder.glob(pattern) if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def train(folder: Path, out: Path, changes: dict[str, Any], die_at: int) -> None:
    """Train; the process is killed as by ``kill -9`` once a step is done."""
    from neuroonco.train.fit import fit

    def progress(done: int, _total: int) -> None:
        if done == die_at > 0:
            os.kill(os.getpid(), signal.SIGKILL)

    fit(planned_of(folder, **changes), out, progress=progress)


if __name__ == "__main__":
    train(Path(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3]), int(sys.argv[4]))
