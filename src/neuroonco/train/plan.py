"""What a training will take, before its first step: rows, tokens, steps, memory; or why it cannot begin."""

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from neuroonco.errors import InputError, PrerequisiteError
from neuroonco.models.local_checkpoint import Checkpoint, find
from neuroonco.models.local_libraries import device_of, dtype_name, import_extra
from neuroonco.train.check import CheckedRows, check_rows
from neuroonco.train.loading import SMALLER, placed
from neuroonco.train.memory import BatchShape, available_gib, estimate, sharding_of
from neuroonco.train.model_shape import model_shape, require_pictures, require_whole_weights
from neuroonco.train.picture_source import require_dealable
from neuroonco.train.recipe import FoundRecipe
from neuroonco.train.records import DataCheck, Pictures, Quantization, Recipe, TokenCounts, TrainingPlan
from neuroonco.train.samples import TrainingProcessor
from neuroonco.train.trainer_settings import accumulation, require_libraries, require_one_device_a_process

MANY_PARAMETERS: Final = 1_000_000_000
"""From here a CPU takes days where a GPU takes hours."""


@dataclass(frozen=True)
class Planned:
    """A plan with what it was made of."""

    plan: TrainingPlan
    found: FoundRecipe
    checkpoint: Checkpoint
    processor: TrainingProcessor
    rows: CheckedRows


def plan_training(
    found: FoundRecipe,
    *,
    skip_bad: bool = False,  # noqa: ARG001  (said to both; which rows are in the plan does not depend on it)
    progress: Callable[[int], None] = lambda _rows: None,
) -> Planned:
    """Check data, model and machine, and count. No weight is loaded, and no GPU is needed.

    Args:
        found: the recipe with its files.
        skip_bad: leave rows with problems out; else :func:`require_possible` refuses a plan that has any. The plan is
            the same: no row with a problem is in its steps.
        progress: told how many rows were read.

    Raises:
        InputError, PrerequisiteError, UsageError: the model, the data or the machine cannot be used at all.
    """
    torch = import_extra("torch")
    import_extra("transformers")
    recipe = found.recipe
    devices = processes(os.environ)
    batches = accumulation(recipe.optimization.batch_size, recipe.optimization.device_batch_size, devices)
    checkpoint = _base_model(recipe)
    device = _device(torch, recipe)
    require_pictures(checkpoint)
    require_whole_weights(checkpoint)
    processor = TrainingProcessor(checkpoint, min_pixels=recipe.data.min_pixels, max_pixels=recipe.data.max_pixels)
    shape = model_shape(checkpoint, recipe)
    seed = recipe.optimization.seed
    rows = check_rows(found.files, found.root, recipe.data, seed=seed, measure=processor.length, progress=progress)
    memory = estimate(
        shape,
        recipe,
        largest_batch(rows.check, recipe),
        dtype=dtype_name(recipe.model.dtype, device),
        device=device,
        available_gib=available_gib(torch, device),
        devices=devices,
        sharding=sharding_of(os.environ, devices),
    )
    plan = TrainingPlan(
        recipe=recipe.name,
        recipe_sha256=found.sha256,
        base=checkpoint.name,
        data=rows.check,
        parameters=shape.base + (0 if recipe.lora is None else shape.trainable),
        trainable_parameters=shape.trainable,
        devices=devices,
        accumulation=batches,
        steps=steps_of(len(rows.train), recipe, devices=devices, accumulation=batches),
        memory=memory,
    )
    return Planned(plan, found, checkpoint, processor, rows)


def require_possible(planned: Planned, *, skip_bad: bool = False) -> None:
    """Refuse a training that cannot come to an end.

    Args:
        planned: the plan.
        skip_bad: train without the rows that have problems.

    Raises:
        InputError: rows with problems (counted by code), no step to take, pictures that cannot be shuffled.
        UsageError: several GPUs and one process.
        PrerequisiteError: no GPU where the recipe wants one, too little memory of a GPU, a library is missing.
    """
    recipe, memory, data = planned.found.recipe, planned.plan.memory, planned.plan.data
    require_libraries(recipe)
    where = placed(recipe)
    if recipe.model.attention == "flash_attention_2" and not where.device.startswith("cuda"):
        fix = 'model.attention = "sdpa", or a machine with a GPU'
        raise PrerequisiteError("GPU_MISSING", "flash attention needs a GPU", where="model.attention", fix=fix)
    require_one_device_a_process(planned.plan.devices, where.device)
    on_gpu, available = memory.device.startswith("cuda"), memory.available_gib
    if on_gpu and available is not None and memory.total_gib > available:
        what = f"the training takes about {memory.total_gib:.1f} GiB, and {available:.1f} GiB are free"
        fix = f"{SMALLER}, or several GPUs with FSDP (docs/train.md)"
        raise PrerequisiteError("GPU_TOO_SMALL", what, where=memory.device, fix=fix)
    if data.problems and not skip_bad:
        raise bad_rows(data)
    if recipe.data.pictures is Pictures.SHUFFLED:
        require_dealable(planned.rows.paths)
    if not planned.plan.steps:
        fix = "more rows, or a smaller data.held_out_share"
        raise InputError("NOTHING_TO_TRAIN", "no row is left to train on", where=planned.plan.recipe, fix=fix)


def bad_rows(data: DataCheck) -> InputError:
    """The error about rows that cannot be trained on: how many of which kind, and where the first one is."""
    counts = ", ".join(f"{n} {code}" for code, n in sorted(data.problems.items(), key=lambda one: (-one[1], one[0])))
    n = sum(data.problems.values())
    what = f"{n} {'row' if n == 1 else 'rows'} cannot be trained on: {counts}"
    where = f"{data.first_problems[0].file}:{data.first_problems[0].line}" if data.first_problems else ""
    fix = "--dry-run lists them; repair them, or leave them out with --skip-bad"
    return InputError("ROWS_UNUSABLE", what, where=where, fix=fix)


def warnings_of(planned: Planned) -> tuple[str, ...]:
    """What is likely not meant, and forbids nothing; one line each."""
    plan, memory = planned.plan, planned.plan.memory
    found = []
    if memory.device == "cpu" and plan.parameters > MANY_PARAMETERS:
        found.append(f"{plan.parameters / 1e9:.1f} billion parameters on a CPU take days for what a GPU does in hours")
    if not memory.device.startswith("cuda") and (memory.available_gib or math.inf) < memory.total_gib:
        what = f"about {memory.total_gib:.1f} GiB, and the machine has {memory.available_gib:.1f} GiB in all"
        found.append(f"the training takes {what}")
    if not plan.data.held_out_rows:
        found.append("no row is held out: nothing tells when the model learns by heart (data.held_out_share)")
    if not plan.data.images:
        found.append("no row has a picture: the model learns from text alone")
    return tuple(found)


# --- numbers ---


def processes(environment: Any) -> int:
    """Processes that train together, as ``accelerate launch`` and ``torchrun`` tell each of them.

    >>> processes({"WORLD_SIZE": "4"}), processes({}), processes({"WORLD_SIZE": "many"})
    (4, 1, 1)
    """
    told = environment.get("WORLD_SIZE", "1")
    return max(int(told), 1) if told.isdecimal() else 1


def steps_of(rows: int, recipe: Recipe, *, devices: int = 1, accumulation: int) -> int:
    """Steps of the optimizer, as ``transformers.Trainer.set_initial_training_values`` counts them; 0 without rows.

    The last batch of an epoch may be smaller, every device gets equally many, and an epoch ends a step.

    Args:
        rows: that are trained on.
        recipe: with batch, epochs and the limit of steps, which only ever ends a training earlier.
        devices: processes that train together.
        accumulation: batches of a device in one step.
    """
    if not rows:
        return 0
    optimization = recipe.optimization
    batches = math.ceil(math.ceil(rows / optimization.device_batch_size) / devices)
    steps = math.ceil(optimization.epochs * math.ceil(batches / accumulation))
    return min(steps, optimization.max_steps or steps)


def largest_batch(data: DataCheck, recipe: Recipe) -> BatchShape:
    """The batch that memory must hold: as if all of its samples were the longest.

    The picture has as large a share of the longest sample as of all, rounded up.
    """
    tokens: TokenCounts | None = data.tokens
    samples = recipe.optimization.device_batch_size
    if tokens is None or not tokens.longest or not tokens.total:
        return BatchShape(samples, recipe.data.max_tokens, recipe.data.max_tokens)
    of_pictures = math.ceil(tokens.longest * tokens.of_pictures / tokens.total)
    return BatchShape(samples, tokens.longest, of_pictures)


def _base_model(recipe: Recipe) -> Checkpoint:
    """The model that is trained; a missing one is asked for in the words of a recipe and of this command line."""
    try:
        return find(recipe.model.base)
    except InputError as error:
        if error.code != "MODEL_MISSING" or not error.fix.startswith("local:"):
            raise
        fix = "--model FOLDER or ORG/MODEL, or model.base of the recipe"
        raise InputError(error.code, error.what, where=error.where, fix=fix) from None


def _device(torch: Any, recipe: Recipe) -> str:
    """Where it would be trained; ``cuda`` where the recipe needs a GPU and there is none."""
    needs_gpu = recipe.model.quantization is Quantization.NF4 or recipe.model.attention == "flash_attention_2"
    wanted = recipe.model.device or ("cuda" if needs_gpu else None)
    if wanted == "cuda" and not torch.cuda.is_available():
        return "cuda"
    if wanted == "mps" and not torch.backends.mps.is_available():
        return "mps"
    device = device_of(torch, wanted)
    rank = os.environ.get("LOCAL_RANK", "0")
    return f"cuda:{rank}" if device == "cuda:0" and rank.isdecimal() else device
