"""The model that is trained: its weights, what of them is frozen, and its adapter."""

import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from neuroonco.errors import InputError, PrerequisiteError
from neuroonco.models.local_checkpoint import Checkpoint
from neuroonco.models.local_libraries import device_of, dtype_name, import_extra
from neuroonco.models.local_weights import load_weights
from neuroonco.train.records import LoraPart, Quantization, Recipe

SMALLER: Final = (
    "a smaller optimization.device_batch_size, optimization.gradient_checkpointing = true, "
    'model.quantization = "nf4", or smaller pictures (data.max_pixels)'
)
"""What helps where memory ran out."""
CHECKPOINTING: Final = {"use_reentrant": False}
"""Activations that are computed again: the kind that needs no gradient at the inputs of a layer."""


@dataclass(frozen=True)
class Placed:
    """Where and in what numbers a model is trained.

    Attributes:
        device: of this process, as torch names it.
        dtype: of the weights, as torch names it.
    """

    device: str
    dtype: str


def placed(recipe: Recipe) -> Placed:
    """Device and number format of a recipe on this machine.

    Raises:
        PrerequisiteError: a GPU or bitsandbytes is missing, or the GPU has no bfloat16.
        InputError: a number format in which all weights cannot be trained, or four bits without an adapter.
    """
    torch = import_extra("torch")
    part = recipe.model
    device = device_of(torch, part.device)
    dtype = dtype_name(part.dtype, device)
    if part.quantization is Quantization.NF4:
        if recipe.lora is None:
            what = "weights of four bits cannot be trained themselves"
            raise InputError("NF4_WITHOUT_LORA", what, where="model.quantization", fix="add [lora] to the recipe")
        if not device.startswith("cuda"):
            fix = 'model.quantization = "none", or a machine with a GPU'
            raise PrerequisiteError(
                "GPU_MISSING", "weights of four bits need a GPU", where="model.quantization", fix=fix
            )
        require_library("bitsandbytes", "weights of four bits")
    if dtype == "float16" and recipe.lora is None:
        fix = "model.dtype = bfloat16 or float32"
        raise InputError("DTYPE_UNSUITED", "all weights cannot be trained in float16", where="model.dtype", fix=fix)
    if dtype == "bfloat16" and device.startswith("cuda") and not torch.cuda.is_bf16_supported():
        fix = "model.dtype = float16 or float32"
        raise PrerequisiteError("BF16_MISSING", "this GPU does not compute in bfloat16", where="model.dtype", fix=fix)
    return Placed(device, dtype)


def require_library(name: str, what_for: str) -> None:
    """Refuse what needs a library that is not part of the extra ``train``.

    Raises:
        PrerequisiteError: it is not installed.
    """
    if find_spec(name) is None:
        code = "BITSANDBYTES_MISSING" if name == "bitsandbytes" else "EXTRA_MISSING"
        raise PrerequisiteError(code, f"{what_for}: {name} is needed", fix=f"pip install {name}")


def four_bits() -> Any:
    """How nf4 weights are held: NormalFloat4, scales quantized again, computed in bfloat16.

    Source: QLoRA, Dettmers et al., NeurIPS 2023.
    """
    torch, transformers = import_extra("torch"), import_extra("transformers")
    return transformers.BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )


def load(
    recipe: Recipe, checkpoint: Checkpoint, where: Placed, *, folder: Path | None = None, sharded: bool = False
) -> Any:
    """Load the weights, freeze what is not trained, and put the adapter on.

    The random numbers that an adapter begins with are those of the recipe's seed.

    Args:
        recipe: says what is trained.
        checkpoint: the base model.
        where: see :func:`placed`.
        folder: with weights of the same model to begin with in place of the base's.
        sharded: the trainer divides the weights over the devices itself.

    Raises:
        InputError: weights are damaged or missing, or a target of the adapter is the name of no layer.
        PrerequisiteError: the weights do not fit, or a library is missing.
    """
    transformers = import_extra("transformers")
    transformers.set_seed(recipe.optimization.seed)
    model = _weights(recipe, checkpoint, where, folder or checkpoint.folder, sharded)
    if recipe.lora is None:
        if recipe.optimization.freeze_vision:
            for tower in vision_towers(model).values():
                tower.requires_grad_(False)
        return model
    if recipe.model.quantization is Quantization.NF4:
        model = import_extra("peft").prepare_model_for_kbit_training(
            model,
            use_gradient_checkpointing=recipe.optimization.gradient_checkpointing,
            gradient_checkpointing_kwargs=dict(CHECKPOINTING),
        )
    adapter = adapter_config(
        model, recipe.lora, freeze_vision=recipe.optimization.freeze_vision, where=checkpoint.label
    )
    transformers.set_seed(recipe.optimization.seed)
    tuned = import_extra("peft").get_peft_model(model, adapter)
    tuned.create_or_update_model_card = lambda *_: None  # checkpoints are for this machine alone
    return tuned


def _weights(recipe: Recipe, checkpoint: Checkpoint, where: Placed, folder: Path, sharded: bool) -> Any:
    torch = import_extra("torch")
    options: dict[str, Any] = {"dtype": getattr(torch, where.dtype), "attn_implementation": recipe.model.attention}
    if not sharded:
        options["device_map"] = {"": where.device}
    if recipe.model.quantization is Quantization.NF4:
        options["quantization_config"] = four_bits()
    lacks_memory = (f"the weights do not fit on {where.device}", SMALLER)
    return load_weights(checkpoint, lacks_memory=lacks_memory, folder=folder, **options)


def vision_towers(model: Any) -> dict[str, Any]:
    """The parts of a model that look at pictures, by their names in it; empty where it is not known which they are.

    They are what the library's ``get_encoder(modality="image")`` finds. What brings their result to the width of the
    language model is part of it in some models (Qwen: ``visual.merger``) and is then frozen with it, and stands beside
    it in others (LLaVA: ``multi_modal_projector``) and is then not.
    """
    tower = model.get_encoder(modality="image")
    return {name: part for name, part in model.named_modules() if part is tower and name}


def adapter_config(model: Any, lora: LoraPart, *, freeze_vision: bool, where: str) -> Any:
    """What peft is told of an adapter.

    Args:
        model: without an adapter.
        lora: of the recipe.
        freeze_vision: no layer of the vision tower gets an adapter, whatever its name.
        where: label of the model, for messages.

    Raises:
        InputError: a target names no layer that can have an adapter.
    """
    torch, peft = import_extra("torch"), import_extra("peft")
    towers = tuple(vision_towers(model)) if freeze_vision else ()
    head = model.get_output_embeddings()
    layers = {
        name: any(name.startswith(f"{tower}.") for tower in towers)
        for name, part in model.named_modules()
        if isinstance(part, torch.nn.Linear) and part is not head
    }
    for target in lora.targets:
        named = [inside for name, inside in layers.items() if name == target or name.endswith(f".{target}")]
        if not named or all(named):
            what = f"no layer {target!r}" + (" outside the vision tower, which is frozen" if named else "")
            known = sorted({name.rpartition(".")[2] for name, inside in layers.items() if not inside})
            known = [name for name in known if not name.isdigit()]
            fix = f"lora.targets of this model: {', '.join(known[:12])}"
            raise InputError("TARGET_UNKNOWN", what, where=where, fix=fix)
    suffixes = tuple(f".{target}" for target in lora.targets)
    is_excluding = any(inside and name.endswith(suffixes) for name, inside in layers.items())
    excluded = rf"(?:{'|'.join(map(re.escape, towers))})\..*"
    return peft.LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=list(lora.targets),
        exclude_modules=excluded if is_excluding else None,
        task_type="CAUSAL_LM",
    )
