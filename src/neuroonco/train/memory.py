"""How much memory of one device a training takes, by formulas; the parameters are counted in ``train/model_shape.py``.

All in bytes; ``b`` is the bytes of a number in the dtype of the weights (4 or 2).

**Weights** ``b`` a parameter. In four bits (NF4; Dettmers et al. 2023, arXiv:2305.14314) the linear layers
but the head take 1/2 and, for one scale in 64 weights, 1/64 and 4 / (64 x 256): scales are 8 bits wide and have a scale
in float32 for 256 of them (double quantization: 0.127 bits a weight). The largest layer is there once more in ``b``,
since one layer at a time is unpacked. All other weights are in float32 then (``prepare_model_for_kbit_training`` of
peft). An adapter is in float32 (``autocast_adapter_dtype`` of peft), beside four bits in bfloat16
(``trl/trainer/sft_trainer.py`` of TRL 1.16).

**Gradients** one number for each that is trained, in its own dtype; twice where several devices train together, since
DistributedDataParallel copies them into buckets.

**Optimizer** two numbers for each that is trained, in its dtype (Adam: torch makes its states ``zeros_like``), two of
one byte where its name says ``8bit``, one for Lion, none for SGD; the rows and columns of Adafactor are left out.

**Activations** kept for the backward pass of one layer of the language model, by token, as transformers writes it (no
fused kernels), with ``h`` the hidden size, ``q`` and ``k`` the widths of queries and keys, ``f`` that of the gated MLP:
two norms in float32 with their inputs and outputs (8 + 4b) h, inputs of the projections 2b h, norms and rotation of
queries and keys and what attention keeps (4 + 3b) (q + k), four tensors of the MLP 4b f. Attention ``eager`` keeps
(4 + 2b) for each pair of tokens and head (after Korthikanti et al. 2022, arXiv:2205.05198, who count so for GPT).
Beside four bits norms and embeddings are in float32, and so is the stream between layers: b is 4 but in the MLP.
With gradient checkpointing only the input of each layer, b h, is kept, and one layer is there in full while its
backward pass runs (Chen et al. 2016, arXiv:1604.06174), with the gradients of its two widest tensors, 2b f.
The vision tower counts likewise by patch, with one and a half times (4 + 3b) (q + k) and two tensors of its MLP. It is
kept where it is trained, and, with an adapter and checkpointing, also where it is frozen: transformers then has the
gradient flow from all input embeddings (``enable_input_require_grads``). Else one layer of it is there at a time.

**Logits** TRL 1.16 has a fused head (``trl/kernels/chunked_logprob.py``): logits of at most 4,096 tokens by 32,768
words at a time, in ``b``, all positions counted as if they were learned (with Triton only those that are learned are
scored); without a GPU eight float32 copies of a tile stand beside it. The gradient of the hidden states is summed in
float32, that of a head that is trained too, and of a head in float32 beside four bits there is a tile in bfloat16.

Not counted: what the allocator cannot use (some 10 %), the CUDA context (0.5 GiB, gone before free memory is asked
for), workspaces of kernels. Mixtures of experts are counted as if each token went through one expert.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from neuroonco.train.model_shape import ModelShape
from neuroonco.train.records import MemoryEstimate, Quantization, Recipe

GIB: Final = 1024**3
BYTES: Final = {"float32": 4, "bfloat16": 2, "float16": 2}
NF4_BYTES: Final = 1 / 2 + 1 / 64 + 4 / (64 * 256)
TILE_TOKENS: Final = 4096
"""``TOKEN_CHUNK_SIZE`` of trl/kernels/chunked_logprob.py."""
TILE_WORDS: Final = 32768
"""``_CHUNKED_LOGPROB_CHUNK_SIZE`` of trl/trainer/utils.py."""
TILE_COPIES: Final = 8
"""Float32 tensors of a tile's size in ``_backward_tile``, which computes where there is no Triton."""


@dataclass(frozen=True)
class BatchShape:
    """The largest batch of one device: samples, tokens of the longest of them, and of these the picture's."""

    samples: int
    tokens: int
    of_pictures: int


@dataclass(frozen=True)
class Sharding:
    """Over how many devices weights, and gradients with the optimizer's states, are divided."""

    weights: int = 1
    states: int = 1


def sharding_of(environment: Mapping[str, str], devices: int) -> Sharding:
    """What ``accelerate launch`` was told: FSDP and DeepSpeed's third stage divide all, its first two only states.

    >>> sharding_of({"ACCELERATE_USE_FSDP": "true"}, 4)
    Sharding(weights=4, states=4)
    >>> sharding_of({"ACCELERATE_USE_DEEPSPEED": "true", "ACCELERATE_DEEPSPEED_ZERO_STAGE": "2"}, 4)
    Sharding(weights=1, states=4)
    """
    if environment.get("ACCELERATE_USE_FSDP") == "true":
        return Sharding(devices, devices)
    if environment.get("ACCELERATE_USE_DEEPSPEED") == "true":
        stage = environment.get("ACCELERATE_DEEPSPEED_ZERO_STAGE", "3")
        return Sharding(devices if stage == "3" else 1, devices if stage != "0" else 1)
    return Sharding()


def estimate(
    shape: ModelShape,
    recipe: Recipe,
    batch: BatchShape,
    *,
    dtype: str,
    device: str,
    available_gib: float | None = None,
    devices: int = 1,
    sharding: Sharding | None = None,
) -> MemoryEstimate:
    """Memory of one device at its fullest, by the formulas above.

    Args:
        shape: of the model.
        recipe: how it is trained.
        batch: the largest of one device.
        dtype: ``float32``, ``bfloat16`` or ``float16``.
        device: name of the device; ``cuda…`` is a GPU with Triton.
        available_gib: of the device, as found; it is passed on.
        devices: that train together.
        sharding: over how many devices what is divided; None: each device holds everything.
    """
    b, sharding = BYTES[dtype], sharding or Sharding()
    is_nf4 = recipe.model.quantization is Quantization.NF4
    of_trained = b if recipe.lora is None or is_nf4 else 4
    weights = float(b * shape.base)
    if is_nf4:
        weights = 4 * (shape.base - shape.linear) + b * shape.largest + NF4_BYTES * shape.linear
    weights += 0 if recipe.lora is None else of_trained * shape.trainable
    buckets = 2 if devices > 1 and sharding.states == 1 else 1
    gradients = of_trained * shape.trainable * buckets
    states = _state_bytes(recipe.optimization.optimizer, of_trained) * shape.trainable
    parts = {
        "weights": weights / sharding.weights,
        "gradients": gradients / sharding.states,
        "optimizer": states / sharding.states,
        "activations": _activations(shape, recipe, batch, b),
        "logits": _logits(shape, recipe, batch, b, on_gpu=device.startswith("cuda")),
    }
    return MemoryEstimate(
        **{f"{name}_gib": size / GIB for name, size in parts.items()},
        total_gib=sum(parts.values()) / GIB,
        device=device,
        available_gib=available_gib,
    )


def _state_bytes(optimizer: str, of_trained: int) -> int:
    """Bytes of an optimizer's states for each number that is trained.

    >>> [_state_bytes(name, 4) for name in ("adamw_torch", "paged_adamw_8bit", "lion_8bit", "sgd", "adafactor")]
    [8, 2, 1, 0, 0]
    """
    if optimizer in ("sgd", "adafactor"):
        return 0
    return (1 if "lion" in optimizer else 2) * (1 if "8bit" in optimizer else of_trained)


def _activations(shape: ModelShape, recipe: Recipe, batch: BatchShape, b: int) -> float:
    settings, text, vision = recipe.optimization, shape.text, shape.vision
    stream = 4 if recipe.model.quantization is Quantization.NF4 else b
    tokens, is_eager = batch.samples * batch.tokens, recipe.model.attention == "eager"
    pairs = batch.samples * batch.tokens**2 * text.heads * (4 + 2 * b) if is_eager else 0
    attention = float((4 + 3 * stream) * (text.query + text.key))
    layer = tokens * ((8 + 6 * stream) * text.hidden + attention + 4 * b * text.inner) + pairs
    if settings.gradient_checkpointing:
        kept = float(tokens * stream * text.hidden * text.layers + layer + tokens * 2 * b * text.inner)
    else:
        kept = float(layer * text.layers)
    if vision is None:
        return kept
    patches = batch.of_pictures * shape.patches_per_token
    attention = (4 + 3 * stream) * (vision.query + vision.key) * 3 / 2
    by_patch = (8 + 6 * stream) * vision.hidden + attention + 2 * b * vision.inner
    pairs = patches**2 * vision.heads * (4 + 2 * b) if is_eager else 0
    layer = batch.samples * (patches * by_patch + pairs)
    is_trained = not settings.freeze_vision
    if settings.gradient_checkpointing and (recipe.lora is not None or is_trained):
        return kept + batch.samples * patches * stream * vision.hidden * vision.layers + layer
    return kept + layer * (vision.layers if is_trained else 1)


def _logits(shape: ModelShape, recipe: Recipe, batch: BatchShape, b: int, *, on_gpu: bool) -> float:
    is_nf4 = recipe.model.quantization is Quantization.NF4
    tokens = batch.samples * max(batch.tokens - 1, 0)
    tile = min(tokens, TILE_TOKENS)
    copies = 0 if on_gpu else TILE_COPIES * 4 * tile * min(shape.words, TILE_WORDS)
    of_head = 4 * shape.head + (b * TILE_WORDS * shape.text.hidden if is_nf4 else 0)
    return float(tile * TILE_WORDS * b + copies + tokens * shape.text.hidden * (4 + b) + of_head)


def available_gib(torch: Any, device: str) -> float | None:
    """Free memory of a GPU, or all memory of the machine, in GiB; None where the system does not say."""
    if device.startswith("cuda"):
        return float(torch.cuda.mem_get_info(device)[0]) / GIB if torch.cuda.is_available() else None
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB
    except (AttributeError, OSError, ValueError):
        return None
