"""A recipe for Unsloth: ``train.py``, which reads ``settings.json``.

Names and meanings: release 2026.10.9, ``FastVisionModel.from_pretrained`` (``unsloth/models/loader.py``),
``get_peft_model`` (``unsloth/models/vision.py``), ``UnslothVisionDataCollator`` (``unsloth_zoo/vision_utils.py``), and
TRL's ``SFTConfig``. https://unsloth.ai/docs/basics/vision-fine-tuning
"""

from importlib.resources import files
from typing import Any, Final

from neuroonco.train.exports.facts import (
    Exporting,
    computed_in,
    is_qwen,
    shared_differences,
    shared_to_be_done,
    trainer_arguments,
)
from neuroonco.train.records import Quantization

SCRIPT: Final = "train.py"
SETTINGS: Final = "settings.json"
MARKERS: Final = {
    "qwen": ("<|im_start|>user\n", "<|im_start|>assistant\n"),
    "gemma3": ("<start_of_turn>user\n", "<start_of_turn>model\n"),
}
"""By what the collator finds the turns in a chat template; what stands behind the second is learned."""


def script() -> str:
    """The program, the same for all recipes."""
    return files("neuroonco.train.exports").joinpath("unsloth_train.txt").read_text("utf-8")


def settings(one: Exporting) -> dict[str, Any]:
    """All that the program is told."""
    recipe = one.recipe
    data, fit, when = recipe.data, recipe.optimization, recipe.schedule
    dtype = computed_in(recipe)
    is_four_bit = recipe.model.quantization is Quantization.NF4
    trainer: dict[str, Any] = {
        "output_dir": "trained",
        "run_name": recipe.name,
        **trainer_arguments(one),
        "per_device_eval_batch_size": fit.device_batch_size,
        "bf16": dtype == "bfloat16",
        "fp16": dtype == "float16",
        "max_length": data.max_tokens,
        "eval_steps": when.evaluate_every_steps,
        "report_to": list(when.log_to) or "none",
    }
    return {
        "model": {
            "model_name": one.base,
            "max_seq_length": data.max_tokens,
            "load_in_4bit": is_four_bit,
            "full_finetuning": recipe.lora is None,
            "use_gradient_checkpointing": "unsloth" if fit.gradient_checkpointing else False,
            "random_state": fit.seed,
        },
        "adapter": _adapter(one),
        "freeze_vision": fit.freeze_vision,
        "picture_size": {
            edge: limit
            for edge, limit in (("shortest_edge", data.min_pixels), ("longest_edge", data.max_pixels))
            if limit is not None
        },
        "data": {
            "files": list(one.files),
            "root": one.root,
            "held_out_share": data.held_out_share,
            "max_rows": data.max_rows,
            "seed": fit.seed,
        },
        "collator": _collator(one),
        "warmup_share": fit.warmup_share,
        "devices": one.devices,
        "trainer": trainer,
    }


def _adapter(one: Exporting) -> dict[str, Any] | None:
    lora, fit = one.recipe.lora, one.recipe.optimization
    if lora is None:
        return None
    return {
        "r": lora.rank,
        "lora_alpha": lora.alpha,
        "lora_dropout": lora.dropout,
        "bias": "none",
        "target_modules": list(lora.targets),
        "finetune_vision_layers": not fit.freeze_vision,
        "finetune_language_layers": True,
        "finetune_attention_modules": True,
        "finetune_mlp_modules": True,
        "use_gradient_checkpointing": "unsloth" if fit.gradient_checkpointing else False,
        "random_state": fit.seed,
    }


def _markers(one: Exporting) -> tuple[str, str] | None:
    return MARKERS.get("qwen" if is_qwen(one.family) else one.family or "")


def _collator(one: Exporting) -> dict[str, Any]:
    given: dict[str, Any] = {"max_seq_length": one.recipe.data.max_tokens, "resize": "max"}  # the processor resizes
    if markers := _markers(one):
        instruction, response = markers
        given |= {"train_on_responses_only": True, "instruction_part": instruction, "response_part": response}
    return given


def to_be_done(one: Exporting) -> list[str]:
    """What must be done before it is run."""
    to_do = shared_to_be_done(one)
    if _markers(one) is None:
        to_do.append(
            "train_on_responses_only: NOT WRITTEN, the turns of this family are not known here; the question is "
            "learned too until instruction_part and response_part stand in settings.json under collator"
        )
    return to_do


def differences(one: Exporting) -> list[str]:
    """What it does otherwise than the recipe says."""
    recipe = one.recipe
    differs = shared_differences(recipe)
    differs.append("max_seq_length: a longer sample is cut, where the recipe refuses it")
    differs.append("model.attention: chosen by Unsloth")
    if recipe.model.dtype != "auto":
        differs.append("model.dtype: the weights are loaded as Unsloth chooses; bf16 and fp16 are the recipe's")
    if recipe.data.max_rows is not None:
        differs.append("data.max_rows: other rows are drawn")
    if recipe.lora is None and recipe.optimization.freeze_vision:
        differs.append("optimization.freeze_vision: weights with visual or vision in their names are frozen")
    return differs


def run_line(one: Exporting) -> str:
    """Command that trains, from inside the folder."""
    return f"python {SCRIPT}" if one.devices == 1 else f"torchrun --nproc_per_node {one.devices} {SCRIPT}"
