"""What of a model decides the memory that its training takes: counted from its configuration, without its weights."""

import json
from dataclasses import dataclass
from typing import Any

from neuroonco.errors import InputError, NeuroOncoError
from neuroonco.models.local_checkpoint import AGAIN, Checkpoint
from neuroonco.models.local_libraries import import_extra, quiet
from neuroonco.train.loading import adapter_config, vision_towers
from neuroonco.train.records import Recipe


@dataclass(frozen=True)
class TowerShape:
    """Sizes of a stack of layers: of all of them, of the stream between them, of queries, of keys, and of the MLP."""

    layers: int
    hidden: int
    query: int
    key: int
    inner: int
    heads: int


@dataclass(frozen=True)
class ModelShape:
    """What of a model decides the memory that its training takes.

    Attributes:
        base: parameters without an adapter.
        trainable: of the adapter, or of the base.
        linear: weights of linear layers but the head, which four bits can hold.
        largest: weights of the largest of these.
        head: weights of the head where it is trained, else 0.
        words: of the vocabulary.
        text, vision: of the language model, and of the tower; None without one.
        patches_per_token: of a picture, in the tower for one token of the language model.
    """

    base: int
    trainable: int
    linear: int
    largest: int
    head: int
    words: int
    text: TowerShape
    vision: TowerShape | None
    patches_per_token: int


def model_shape(checkpoint: Checkpoint, recipe: Recipe) -> ModelShape:
    """Count a model's parameters from its configuration; no weight is read, and none is made.

    Raises:
        InputError: the configuration cannot be used, or no layer is called as the adapter's targets.
    """
    transformers = import_extra("transformers")
    options = {"local_files_only": True, "trust_remote_code": False}
    try:
        with quiet(transformers):
            config = transformers.AutoConfig.from_pretrained(checkpoint.folder, **options)
            return shape_of(config, recipe, where=checkpoint.label)
    except NeuroOncoError:
        raise
    except Exception as error:
        what = f"no model can be made of its configuration ({checkpoint.one_line(error)})"
        raise InputError("MODEL_UNREADABLE", what, where=checkpoint.label, fix=AGAIN) from None


def require_pictures(checkpoint: Checkpoint) -> None:
    """Refuse a model that takes no pictures, before a library says so in words about its own classes.

    Raises:
        InputError: ``MODEL_WITHOUT_PICTURES``, or ``MODEL_UNKNOWN``: no class of the library has this configuration.
    """
    transformers = import_extra("transformers")
    kind = json.loads((checkpoint.folder / "config.json").read_text("utf-8"))["model_type"]
    with quiet(transformers):
        known = transformers.models.auto.configuration_auto.CONFIG_MAPPING_NAMES
        pictured = transformers.models.auto.modeling_auto.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES
    if kind not in known:
        what = f"transformers {transformers.__version__} knows no model of type {kind[:40]!r}"
        fix = "a newer transformers, or a model that it knows; code of a model's own is not run"
        raise InputError("MODEL_UNKNOWN", what, where=checkpoint.label, fix=fix)
    if kind not in pictured:
        what, fix = f"a model of type {kind[:40]!r} takes no pictures", "pass a vision-language model, e.g. Qwen3-VL"
        raise InputError("MODEL_WITHOUT_PICTURES", what, where=checkpoint.label, fix=fix)


def require_whole_weights(checkpoint: Checkpoint) -> None:
    """Read the heads of the files with weights, which say how long these are; no weight is read.

    Raises:
        InputError: a file is cut off, or is no safetensors.
    """
    opened = import_extra("safetensors").safe_open
    for path in sorted(checkpoint.folder.glob("model*.safetensors")):
        try:
            with opened(path, framework="pt"):
                pass
        except Exception as error:
            what = f"{path.name} is cut off or damaged ({checkpoint.one_line(error)})"
            raise InputError("MODEL_INCOMPLETE", what, where=checkpoint.label, fix=AGAIN) from None


def shape_of(config: Any, recipe: Recipe, *, where: str = "") -> ModelShape:
    """Shape of a model with this configuration of transformers, as the recipe trains it.

    Raises:
        InputError: no layer is called as the adapter's targets.
    """
    torch, transformers = import_extra("torch"), import_extra("transformers")
    with torch.device("meta"):
        model = transformers.AutoModelForImageTextToText.from_config(config)
    head = model.get_output_embeddings()
    layers = [part for part in model.modules() if isinstance(part, torch.nn.Linear) and part is not head]
    sizes = [layer.weight.numel() for layer in layers]
    frozen = tuple(f"{name}." for name in vision_towers(model)) if recipe.optimization.freeze_vision else ()
    if recipe.lora is None:
        trainable = sum(p.numel() for name, p in model.named_parameters() if not name.startswith(frozen))
    else:
        trainable = _adapter_size(model, recipe, frozen, where)
    text = config.get_text_config()
    vision = getattr(config, "vision_config", None)
    return ModelShape(
        base=sum(parameter.numel() for parameter in model.parameters()),
        trainable=trainable,
        linear=sum(sizes),
        largest=max(sizes, default=0),
        head=0 if head is None or recipe.lora is not None else head.weight.numel(),
        words=text.vocab_size,
        text=_text_shape(text),
        vision=None if vision is None else _vision_shape(vision),
        patches_per_token=int(getattr(vision, "spatial_merge_size", 1)) ** 2,
    )


def _adapter_size(model: Any, recipe: Recipe, frozen: tuple[str, ...], where: str) -> int:
    """Parameters of a low-rank adapter: rank x (inputs + outputs) of each layer that gets one."""
    lora = recipe.lora
    if lora is None:
        return 0
    adapter_config(model, lora, freeze_vision=recipe.optimization.freeze_vision, where=where)  # refuses unknown targets
    suffixes = tuple(f".{target}" for target in lora.targets)
    meant = [
        part.weight
        for name, part in model.named_modules()
        if (name in lora.targets or name.endswith(suffixes)) and not name.startswith(frozen) and hasattr(part, "weight")
    ]
    return sum(lora.rank * (weight.shape[0] + weight.numel() // weight.shape[0]) for weight in meant)


def _text_shape(config: Any) -> TowerShape:
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    keys = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    return TowerShape(
        layers=config.num_hidden_layers,
        hidden=config.hidden_size,
        query=config.num_attention_heads * width,
        key=keys * width,
        inner=config.intermediate_size,
        heads=config.num_attention_heads,
    )


def _vision_shape(config: Any) -> TowerShape | None:
    hidden = getattr(config, "embed_dim", None) or getattr(config, "hidden_size", None)
    layers = getattr(config, "num_hidden_layers", None) or getattr(config, "depth", None)
    heads = getattr(config, "num_attention_heads", None) or getattr(config, "num_heads", None)
    if not (hidden and layers and heads):
        return None
    inner = getattr(config, "intermediate_size", None) or int(hidden * getattr(config, "mlp_ratio", 4))
    return TowerShape(layers=layers, hidden=hidden, query=hidden, key=hidden, inner=inner, heads=heads)
