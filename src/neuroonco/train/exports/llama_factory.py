"""A recipe for LLaMA-Factory: ``train.yaml`` and the ``dataset_info.json`` that finds our files.

Names and meanings: ``llamafactory/hparams`` of release 0.9.5 (``model_args.py``, ``data_args.py``,
``finetuning_args.py``; ``training_args.py`` adds those of transformers' ``Seq2SeqTrainingArguments``), the example
``examples/train_lora/qwen3vl_lora_sft.yaml``, and ``data/README.md`` for the description of data.
https://github.com/hiyouga/LLaMA-Factory
"""

from pathlib import Path
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
DATASET_INFO: Final = "dataset_info.json"
TEMPLATES: Final = {
    "qwen3_vl": "qwen3_vl_nothink",
    "qwen2_5_vl": "qwen2_vl",
    "qwen2_vl": "qwen2_vl",
    "gemma3": "gemma3",
    "llava": "llava",
}
"""``register_template`` names in ``llamafactory/data/template.py``; a Qwen3-VL that thinks has ``qwen3_vl``."""
ATTENTION: Final = {"sdpa": "sdpa", "eager": "disabled", "flash_attention_2": "fa2"}
NO_LIMIT_PX: Final = 4096 * 4096
"""What stands for no limit: the trainer has limits of its own (768 x 768), and applies them before the processor."""


def settings(one: Exporting) -> dict[str, Any]:
    """The trainer's arguments."""
    recipe = one.recipe
    model, data, lora, fit, when = recipe.model, recipe.data, recipe.lora, recipe.optimization, recipe.schedule
    dtype = computed_in(recipe)
    given: dict[str, Any] = {
        "model_name_or_path": one.base,
        "flash_attn": ATTENTION[model.attention],
        "disable_gradient_checkpointing": not fit.gradient_checkpointing,
        "image_max_pixels": data.max_pixels or NO_LIMIT_PX,
        "image_min_pixels": data.min_pixels or 1,
        "stage": "sft",
        "do_train": True,
        "finetuning_type": "full" if lora is None else "lora",
        "freeze_vision_tower": fit.freeze_vision,
        "freeze_multi_modal_projector": fit.freeze_vision and is_qwen(one.family),
    }
    if lora is not None:
        given |= {
            "lora_rank": lora.rank,
            "lora_alpha": lora.alpha,
            "lora_dropout": lora.dropout,
            "lora_target": ",".join(lora.targets),
        }
    if model.quantization is Quantization.NF4:
        given |= {
            "quantization_method": "bnb",
            "quantization_bit": 4,
            "quantization_type": "nf4",
            "double_quantization": True,
        }
    given |= {"dataset_dir": ".", "media_dir": one.root, "dataset": ",".join(_names(one))}
    if template := _template(one):
        given["template"] = template
    given["cutoff_len"] = data.max_tokens
    if data.max_rows is not None and len(one.files) == 1:
        given["max_samples"] = data.max_rows
    if data.held_out_share:
        given |= {
            "val_size": data.held_out_share,
            "per_device_eval_batch_size": fit.device_batch_size,
            "eval_strategy": "steps",
            "eval_steps": when.evaluate_every_steps,
        }
    given |= {
        **trainer_arguments(one),
        "warmup_ratio": fit.warmup_share,
        "bf16": dtype == "bfloat16",
        "fp16": dtype == "float16",
        "output_dir": "trained",
        "run_name": recipe.name,
        "report_to": list(when.log_to) or "none",
    }
    return given


def _template(one: Exporting) -> str | None:
    if one.family == "qwen3_vl" and one.thinks:
        return "qwen3_vl"
    return TEMPLATES.get(one.family or "")


def _names(one: Exporting) -> list[str]:
    """A name for each file, unlike the others'."""
    stems = [Path(place).stem for place in one.files]
    return [stem if stems.count(stem) == 1 else f"{stem}_{number}" for number, stem in enumerate(stems, start=1)]


def dataset_info(one: Exporting) -> dict[str, Any]:
    """The description of our files: openai messages in the form ``sharegpt``."""
    tags = {
        "role_tag": "role",
        "content_tag": "content",
        "user_tag": "user",
        "assistant_tag": "assistant",
        "system_tag": "system",
    }
    return {
        name: {
            "file_name": place,
            "formatting": "sharegpt",
            "columns": {"messages": "messages", "images": "images"},
            "tags": tags,
        }
        for name, place in zip(_names(one), one.files, strict=True)
    }


def to_be_done(one: Exporting) -> list[str]:
    """What must be done before it is run."""
    to_do = shared_to_be_done(one)
    if _template(one) is None:
        to_do.append(
            "template: NOT WRITTEN, the family of the base is not known here; without it no picture is shown: "
            "set `template` to a name in llamafactory/data/template.py"
        )
    if one.recipe.data.max_rows is not None and len(one.files) > 1:
        to_do.append("data.max_rows: NOT EXPRESSED for several files, it trains on all rows; shorten the files")
    return to_do


def differences(one: Exporting) -> list[str]:
    """What it does otherwise than the recipe says."""
    data = one.recipe.data
    differs = shared_differences(one.recipe)
    if data.held_out_share:
        differs.append("val_size: rows are held out, not pictures, so that one picture may be on both sides")
    differs.append("cutoff_len: a longer sample is cut, where the recipe refuses it")
    if data.max_rows is not None and len(one.files) == 1:
        differs.append("data.max_rows: the first ones are taken, not drawn")
    if data.min_pixels is not None or data.max_pixels is not None:
        differs.append(
            "image_max_pixels, image_min_pixels: pictures are resized before the processor, which then rounds to whole "
            "patches"
        )
    differs.append("the line break behind <image> stays in the prompt; neuroonco takes it away")
    return differs


def run_line(one: Exporting) -> str:
    """Command that trains, from inside the folder."""
    before = "" if one.devices == 1 else f"FORCE_TORCHRUN=1 NPROC_PER_NODE={one.devices} "
    return f"{before}llamafactory-cli train {CONFIG}"
