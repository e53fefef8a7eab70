"""A recipe for ms-swift: ``train.yaml``, which ``swift sft`` takes in place of arguments.

Names and meanings: release 4.6.0, ``swift/arguments`` (``sft_args.py``, ``tuner_args.py``, ``base_args/*.py``);
``swift/trainers/arguments.py``, which adds those of transformers' ``Seq2SeqTrainingArguments``; ``swift/cli/main.py``
for the file with its table ``ENV``; ``swift/model/models/qwen.py`` for ``MAX_PIXELS``, and
``swift/template/vision_utils.py`` for ``ROOT_IMAGE_DIR``.
https://swift.readthedocs.io/en/latest/Instruction/Command-line-parameters.html
"""

import re
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

CONFIG: Final = "train.yaml"
ADAM_BETA2: Final = 0.999
"""transformers' own; the trainer's default is 0.95."""


def settings(one: Exporting) -> dict[str, Any]:
    """The trainer's arguments; ``ENV`` holds what it reads from the environment."""
    recipe = one.recipe
    model, data, lora, fit, when = recipe.model, recipe.data, recipe.lora, recipe.optimization, recipe.schedule
    dtype = computed_in(recipe)
    given: dict[str, Any] = {
        "ENV": _environment(one),
        "model": one.base,
        "use_hf": True,
        "torch_dtype": dtype,
        "bf16": dtype == "bfloat16",
        "fp16": dtype == "float16",  # else it is set for float32 too
        "attn_impl": model.attention,
        "tuner_type": "full" if lora is None else "lora",
        "freeze_vit": fit.freeze_vision,
        "freeze_aligner": fit.freeze_vision and is_qwen(one.family),
    }
    if lora is not None:
        given |= {"lora_rank": lora.rank, "lora_alpha": lora.alpha, "lora_dropout": lora.dropout}
        if fit.freeze_vision:  # names in a list would be found in the vision tower too
            targets = "|".join(map(re.escape, lora.targets))
            given["target_regex"] = rf"(?!.*(?:visual|vision)).*\.(?:{targets})"
        else:
            given["target_modules"] = list(lora.targets)
    if model.quantization is Quantization.NF4:
        given |= {
            "quant_method": "bnb",
            "quant_bits": 4,
            "bnb_4bit_quant_type": "nf4",
            "bnb_4bit_use_double_quant": True,
            "bnb_4bit_compute_dtype": "bfloat16",
        }
    given |= {
        "dataset": _datasets(one),
        "split_dataset_ratio": data.held_out_share,
        "max_length": data.max_tokens,
        "truncation_strategy": "delete",
    }
    if data.held_out_share:
        given |= {
            "per_device_eval_batch_size": fit.device_batch_size,
            "eval_strategy": "steps",
            "eval_steps": when.evaluate_every_steps,
        }
    given |= {
        **trainer_arguments(one),
        "warmup_ratio": fit.warmup_share,
        "adam_beta2": ADAM_BETA2,
        "gradient_checkpointing": fit.gradient_checkpointing,
        "data_seed": fit.seed,
        "output_dir": "trained",
        "run_name": recipe.name,
        "report_to": list[str](when.log_to) or ["none"],
    }
    return given


def _environment(one: Exporting) -> dict[str, str]:
    data = one.recipe.data
    given = {"ROOT_IMAGE_DIR": one.root}
    if data.max_pixels is not None:
        given["MAX_PIXELS"] = str(data.max_pixels)
    if data.min_pixels is not None:
        given["MIN_PIXELS"] = str(data.min_pixels)
    if one.devices > 1:
        given["NPROC_PER_NODE"] = str(one.devices)
    return given


def _datasets(one: Exporting) -> list[str]:
    """Files; ``#N`` behind one of them draws so many of its rows."""
    rows = one.recipe.data.max_rows
    return [f"{one.files[0]}#{rows}"] if rows is not None and len(one.files) == 1 else list(one.files)


def to_be_done(one: Exporting) -> list[str]:
    """What must be done before it is run."""
    to_do = shared_to_be_done(one)
    if one.recipe.data.max_rows is not None and len(one.files) > 1:
        to_do.append("data.max_rows: NOT EXPRESSED for several files, it trains on all rows; shorten the files")
    if any(mark in place for place in one.files for mark in "#:"):
        to_do.append("dataset: a path with # or : is read as a number of rows or a subset; rename the file")
    return to_do


def differences(one: Exporting) -> list[str]:
    """What it does otherwise than the recipe says."""
    data = one.recipe.data
    differs = shared_differences(one.recipe)
    if data.held_out_share:
        differs.append("split_dataset_ratio: rows are held out, not pictures, so that one picture may be on both sides")
    differs.append("max_length: a longer sample is left out without a word, where the recipe refuses it")
    if data.max_rows is not None and len(one.files) == 1:
        differs.append("data.max_rows: other rows are drawn")
    if not is_qwen(one.family) and (data.min_pixels or data.max_pixels):
        differs.append("MAX_PIXELS, MIN_PIXELS: read for Qwen-VL models alone; this base keeps its processor's limits")
    elif data.min_pixels is None or data.max_pixels is None:
        differs.append("a limit of pixels that the recipe leaves to the processor is qwen_vl_utils' own here")
    if is_qwen(one.family) and (data.min_pixels or data.max_pixels):
        differs.append("MAX_PIXELS, MIN_PIXELS: rounded down to whole tokens of a picture")
    differs.append("the line break behind <image> stays in the prompt; neuroonco takes it away")
    return differs


def run_line(_one: Exporting) -> str:
    """Command that trains, from inside the folder."""
    return f"swift sft {CONFIG}"
