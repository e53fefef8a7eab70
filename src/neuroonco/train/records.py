"""Records of training: the recipe, what was found in the data, the plan, and what a training came to."""

import math
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from neuroonco.outcomes import Record

Share = Annotated[float, Field(ge=0, lt=1)]


class Pictures(StrEnum):
    """What a model is shown while it is trained."""

    REAL = "real"
    BLANK = "blank"  # mid-gray of the same size: what the text alone teaches
    SHUFFLED = "shuffled"  # another image's picture: what remains when picture and text do not belong together


class Quantization(StrEnum):
    """How the weights of the base model are held while an adapter is trained."""

    NONE = "none"
    NF4 = "nf4"  # four bits, QLoRA (Dettmers et al. 2023); needs bitsandbytes and a GPU


class BaseModelPart(Record):
    """The model that is trained.

    Attributes:
        base: a folder, or ``organization/model`` on the Hub.
        dtype: of the weights while they are trained; ``auto`` is bfloat16 on a GPU, float32 on a CPU.
        device: None takes the GPUs that there are, else the CPU; ``cuda`` insists on a GPU.
        attention: implementation as transformers names it.
    """

    base: str
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    device: Literal["cpu", "cuda", "mps"] | None = None
    quantization: Quantization = Quantization.NONE
    attention: Literal["sdpa", "eager", "flash_attention_2"] = "sdpa"


class DataPart(Record):
    """What it is trained on.

    Attributes:
        files: chat JSONL, relative to the recipe's folder.
        root: folder to which image paths are relative, relative to the recipe's folder.
        kinds: which files of a folder of instructions are meant where a folder is given instead of files.
        held_out_share: of the pictures; their rows are trained on by nobody and judged during training.
        max_tokens: longest sample, picture tokens included; a longer one is a problem, and never cut.
        pictures: what is shown.
        min_pixels, max_pixels: of a picture as the model sees it (height x width); None leaves the processor's own.
        max_rows: so many rows are used, drawn by the seed; None for all.
    """

    files: tuple[str, ...] = ()
    root: str | None = None
    kinds: tuple[Literal["open", "closed_nocot", "closed_cot"], ...] = ("closed_nocot",)
    held_out_share: Share = 0.02
    max_tokens: Annotated[int, Field(ge=16)] = 1024
    pictures: Pictures = Pictures.REAL
    min_pixels: Annotated[int, Field(ge=1)] | None = None
    max_pixels: Annotated[int, Field(ge=1)] | None = None
    max_rows: Annotated[int, Field(ge=1)] | None = None


class LoraPart(Record):
    """A low-rank adapter (Hu et al. 2021); a recipe without this part trains all weights that are not frozen.

    Attributes:
        targets: last parts of the names of the layers that get one.
    """

    rank: Annotated[int, Field(ge=1)] = 16
    alpha: Annotated[int, Field(ge=1)] = 32
    dropout: Share = 0.0
    targets: Annotated[tuple[str, ...], Field(min_length=1)] = ("q_proj", "v_proj")


class OptimizationPart(Record):
    """How it is trained.

    Attributes:
        batch_size: samples of one step of the optimizer, over all devices.
        device_batch_size: samples that one device takes at once; the rest is accumulated.
        warmup_share: of the steps, over which the learning rate rises.
        max_steps: ends earlier than the epochs do; None does not.
        freeze_vision: the vision tower stays as it is (with an adapter it has none there).
        optimizer: as transformers names it.
    """

    epochs: Annotated[float, Field(gt=0)] = 1.0
    max_steps: Annotated[int, Field(ge=1)] | None = None
    learning_rate: Annotated[float, Field(gt=0)] = 1e-4
    scheduler: Literal["cosine", "linear", "constant", "constant_with_warmup"] = "cosine"
    warmup_share: Share = 0.05
    batch_size: Annotated[int, Field(ge=1)] = 16
    device_batch_size: Annotated[int, Field(ge=1)] = 2
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    max_gradient_norm: Annotated[float, Field(gt=0)] = 1.0
    gradient_checkpointing: bool = True
    freeze_vision: bool = True
    optimizer: str = "adamw_torch"
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 2602
    workers: Annotated[int, Field(ge=0)] = 2


class SchedulePart(Record):
    """When it is judged, saved and logged, in steps of the optimizer.

    Attributes:
        keep: checkpoints kept, the newest.
        log_to: where the curves go beside ``history.jsonl``.
    """

    evaluate_every_steps: Annotated[int, Field(ge=1)] = 200
    save_every_steps: Annotated[int, Field(ge=1)] = 200
    keep: Annotated[int, Field(ge=1)] = 2
    log_every_steps: Annotated[int, Field(ge=1)] = 10
    log_to: tuple[Literal["tensorboard", "wandb"], ...] = ()


class Recipe(Record):
    """Everything that decides a training, but for the machine."""

    name: str
    description: str
    model: BaseModelPart
    data: DataPart = DataPart()
    lora: LoraPart | None = None
    optimization: OptimizationPart = OptimizationPart()
    schedule: SchedulePart = SchedulePart()


class RowProblem(Record):
    """A row that cannot be trained on.

    Attributes:
        file: name of the file, without its folder.
        line: from 1.
        code: ``ROW_UNREADABLE``, ``ROW_INVALID``, ``ROLES``, ``IMAGE_TOKENS``, ``FILE_MISSING``, ``IMAGE_UNREADABLE``,
            ``LABEL_NOT_OFFERED``, ``TOO_LONG``, ``PATH_OUTSIDE`` …
        what: one line.
    """

    file: str
    line: int
    code: str
    what: str


class TokenCounts(Record):
    """Tokens of samples: all of a sample, those of its pictures, and those that are learned (the assistant's).

    ``mean``, ``p50``, ``p99`` and ``longest`` are of all of a sample; None without samples.
    """

    samples: int
    total: int
    of_pictures: int
    learned: int
    mean: float | None
    p50: int | None
    p99: int | None
    longest: int | None


class DataCheck(Record):
    """What was found in the data before the first step.

    Attributes:
        rows: that can be used, held out or not.
        train_rows, held_out_rows: of these, after ``max_rows``.
        images: different pictures.
        problems: counts by code.
        first_problems: at most 50, one line each.
        tokens: of rows that can be used; None where no processor was at hand.
        sha256: over names and contents of the files, in their order.
    """

    rows: int
    train_rows: int
    held_out_rows: int
    images: int
    problems: dict[str, int]
    first_problems: tuple[RowProblem, ...]
    tokens: TokenCounts | None
    sha256: str


class MemoryEstimate(Record):
    """GiB of one device while training, by what takes them; see ``train/memory.py`` for the formulas."""

    weights_gib: float
    gradients_gib: float
    optimizer_gib: float
    activations_gib: float
    logits_gib: float
    total_gib: float
    device: str
    available_gib: float | None


class TrainingPlan(Record):
    """What a dry run prints.

    Attributes:
        parameters, trainable_parameters: of the model with its adapter.
        devices: processes that train together.
        accumulation: batches of a device in one step.
    """

    recipe: str
    recipe_sha256: str
    base: str
    data: DataCheck
    parameters: int
    trainable_parameters: int
    devices: int
    accumulation: int
    steps: int
    memory: MemoryEstimate


def samples_taken(rows: int, steps: int, batch_size: int) -> int:
    """Samples that so many steps take; the last batch of an epoch is what is left of the rows.

    Args:
        rows: that are trained on.
        steps: of the optimizer.
        batch_size: samples of a whole step, over all devices.

    >>> samples_taken(36, 8, 4), samples_taken(10, 3, 4), samples_taken(10, 5, 4), samples_taken(0, 0, 4)
    (32, 10, 18, 0)
    """
    if not rows:
        return 0
    epochs, more = divmod(steps, math.ceil(rows / batch_size))
    return epochs * rows + min(more * batch_size, rows)


class Trained(Record):
    """What a training came to; ``training.json`` of its folder.

    Attributes:
        recipe: whole, with the places of data and root left out.
        base: name and fingerprint of the base model, ``local:LABEL@FINGERPRINT``.
        data_sha256: of the instruction files.
        rows: that there were to train on; a training of few steps does not come to all of them.
        rows_seen: samples taken, a row of each epoch anew: see :func:`samples_taken`.
        adapter: whether ``adapter/`` holds the result, else ``model/`` does.
        resumed_at: steps at which it went on after it was cut off.
        seconds: of training, without loading; over all parts of a run that was resumed.
        tokens_per_s: of samples (not only those learned), over all devices; None where nothing was timed.
        train_loss, held_out_loss: last ones logged; None where there was none.
        versions: of the libraries.
    """

    recipe: Recipe
    recipe_sha256: str
    base: str
    data_sha256: str
    rows: int
    held_out_rows: int
    pictures: Pictures
    steps: int
    rows_seen: int = Field(
        default_factory=lambda known: samples_taken(
            known["rows"], known["steps"], known["recipe"].optimization.batch_size
        )
    )
    parameters: int
    trainable_parameters: int
    adapter: bool
    resumed_at: tuple[int, ...] = ()
    seconds: float
    tokens_seen: int
    tokens_per_s: float | None
    train_loss: float | None
    held_out_loss: float | None
    device: str
    devices: int
    versions: dict[str, str]
