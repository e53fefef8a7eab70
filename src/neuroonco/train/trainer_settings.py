"""A recipe in the words of the trainer: TRL's ``SFTConfig``."""

from pathlib import Path
from typing import Any, Final

from neuroonco.errors import InputError, PrerequisiteError, UsageError
from neuroonco.models.local_libraries import import_extra, quiet
from neuroonco.train.loading import CHECKPOINTING, Placed, require_library
from neuroonco.train.records import Recipe

OF_BITSANDBYTES: Final = ("bnb", "8bit", "paged")
"""What the name of an optimizer holds that is part of bitsandbytes."""


def accumulation(batch_size: int, device_batch_size: int, devices: int) -> int:
    """Batches of a device in one step of the optimizer.

    Args:
        batch_size: samples of a step, over all devices.
        device_batch_size: samples that a device takes at once.
        devices: processes that train together.

    Raises:
        UsageError: the step cannot be divided into such batches.

    >>> accumulation(16, 2, 4)
    2
    """
    batches, rest = divmod(batch_size, device_batch_size * devices)
    if rest or not batches:
        what = f"a batch of {batch_size} samples cannot be divided over {devices} x {device_batch_size}"
        fix = "make optimization.batch_size a multiple of device_batch_size x devices"
        raise UsageError("BATCH_INDIVISIBLE", what, where="optimization.batch_size", fix=fix)
    return batches


def require_libraries(recipe: Recipe) -> None:
    """Refuse a recipe that names what is not installed, before anything is loaded.

    Raises:
        InputError: no such optimizer.
        PrerequisiteError: a library is missing.
    """
    for library in ("torch", "transformers", "accelerate", "peft", "datasets", "trl"):
        import_extra(library)
    for library in recipe.schedule.log_to:
        require_library(library, "schedule.log_to")
    name = recipe.optimization.optimizer
    known = [str(kind.value) for kind in import_extra("transformers.training_args").OptimizerNames]
    if name not in known:
        fix = "as transformers names it, e.g. adamw_torch, adamw_8bit, adafactor"
        raise InputError("OPTIMIZER_UNKNOWN", f"no optimizer {name!r}", where="optimization.optimizer", fix=fix)
    if any(part in name for part in OF_BITSANDBYTES):
        require_library("bitsandbytes", f"optimizer {name}")


def require_one_device_a_process(devices: int, device: str) -> None:
    """Refuse a single process that sees several GPUs: it would use one, or slow all of them down.

    Raises:
        UsageError: several GPUs and one process.
    """
    seen = import_extra("torch").cuda.device_count() if device.startswith("cuda") else 1
    if devices == 1 and seen > 1:
        fix = f"accelerate launch --num_processes {seen} -m neuroonco train run …, or CUDA_VISIBLE_DEVICES=0"
        raise UsageError("GPUS_UNUSED", f"{seen} GPUs and one process", where="model.device", fix=fix)


def trainer_settings(
    recipe: Recipe, out: Path, where: Placed, *, steps: int, devices: int, held_out: bool, find_unused: bool = False
) -> Any:
    """The trainer's settings.

    Args:
        recipe: what to do.
        out: folder for checkpoints.
        where: device and number format.
        steps: of the whole training.
        devices: processes that train together.
        held_out: whether there are rows to judge on.
        find_unused: whether a batch may leave weights without a gradient (those for pictures, in one of text alone).

    Returns:
        ``trl.SFTConfig``.

    Raises:
        UsageError: see :func:`accumulation`.
        PrerequisiteError: the machine refuses the settings.
    """
    optimization, schedule = recipe.optimization, recipe.schedule
    transformers, trl = import_extra("transformers"), import_extra("trl")
    on_gpu = where.device.startswith("cuda")
    settings: dict[str, Any] = {
        "output_dir": str(out),
        # how long, and how fast
        "max_steps": steps,
        "learning_rate": optimization.learning_rate,
        "lr_scheduler_type": optimization.scheduler,
        "warmup_steps": optimization.warmup_share,  # below 1: a share of the steps
        "per_device_train_batch_size": optimization.device_batch_size,
        "per_device_eval_batch_size": optimization.device_batch_size,
        "gradient_accumulation_steps": accumulation(optimization.batch_size, optimization.device_batch_size, devices),
        "weight_decay": optimization.weight_decay,
        "max_grad_norm": optimization.max_gradient_norm,
        "optim": optimization.optimizer,
        # numbers
        "bf16": on_gpu and where.dtype == "bfloat16",
        "fp16": on_gpu and where.dtype == "float16",
        "use_cpu": where.device == "cpu",
        "activation_checkpointing": optimization.gradient_checkpointing,
        "activation_checkpointing_kwargs": dict(CHECKPOINTING),
        "ddp_find_unused_parameters": find_unused,
        "seed": optimization.seed,
        "logging_nan_inf_filter": False,  # a loss that is not finite ends the training, and is not smoothed over
        # data: rows and pictures are read where a batch is made
        "dataset_kwargs": {"skip_prepare_dataset": True},
        "remove_unused_columns": False,
        "max_length": None,
        "dataloader_num_workers": optimization.workers,
        "dataloader_pin_memory": on_gpu,
        # when
        "eval_strategy": "steps" if held_out else "no",
        "eval_steps": schedule.evaluate_every_steps,
        "prediction_loss_only": True,
        "save_strategy": "steps",
        "save_steps": schedule.save_every_steps,
        "save_total_limit": None,  # old ones go when a new one is sealed, and not before
        "logging_strategy": "steps",
        "logging_steps": schedule.log_every_steps,
        "include_num_input_tokens_seen": "non_padding",
        "report_to": list(schedule.log_to) or "none",
        "run_name": recipe.name,
        "disable_tqdm": True,
        "push_to_hub": False,
    }
    try:
        with quiet(transformers):
            return trl.SFTConfig(**settings)
    except (ValueError, ImportError) as error:
        what = f"the trainer refuses the settings ({str(error).splitlines()[0][:200]})"
        raise PrerequisiteError("TRAINER_REFUSES", what, where=recipe.name) from None
