"""Train: TRL's SFTTrainer on a plan, resumed after whatever cut it off."""

import os
import warnings
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, TypeVar

from neuroonco.errors import InputError, NeuroOncoError, PrerequisiteError
from neuroonco.held_folders import held
from neuroonco.models.local_libraries import import_extra, quiet
from neuroonco.train.checkpoints import last_whole, steps_of
from neuroonco.train.finished import TRAINING, note_base
from neuroonco.train.history import SPENT, Course, Spent
from neuroonco.train.loading import Placed, load, placed, vision_towers
from neuroonco.train.mishaps import mishap
from neuroonco.train.picture_source import PictureSource
from neuroonco.train.plan import Planned
from neuroonco.train.records import Trained
from neuroonco.train.trainer_settings import (
    accumulation,
    require_libraries,
    require_one_device_a_process,
    trainer_settings,
)
from neuroonco.train.training_folder import (
    BEGUN,
    CHECKPOINTS,
    HISTORY,
    Begun,
    begun_of,
    claim,
    finished,
    is_folder,
    went_on,
    write_result,
)
from neuroonco.train.watched_trainer import BothCollators, Watched

T = TypeVar("T")
OF_LIBRARIES: Final = (
    "`is_gradient_checkpointing` is deprecated",  # peft 0.21 asks transformers 5.23 by the old name
)
"""Beginnings of warnings that one library gives another, and no one else can heed."""


def fit(
    planned: Planned,
    out: Path,
    *,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
    tell: Callable[[str], None] = lambda _line: None,
) -> Trained:
    """Train into a folder; a folder where the same training was cut off is gone on with from its last whole checkpoint.

    The folder afterwards: ``training.json`` (:class:`Trained`, written last: where it lies, the training is done),
    ``recipe.toml``, ``history.jsonl`` (:class:`neuroonco.train.history.HistoryRow`, a step once), ``adapter/`` or
    ``model/`` with processor and pixel limits, ``checkpoints/``, ``begun.json``.

    On a CPU a training that was cut off, anywhere and any number of times, comes to the very weights of one that was
    not. Several processes train together where ``accelerate launch`` or ``torchrun`` starts them; the first one writes
    and tells.

    Args:
        planned: of the same recipe and data.
        out: folder; made if absent.
        progress: told steps done, and of how many.
        tell: told a line where something is not as it should be, and the training goes on.

    Returns:
        What it came to; a finished training is not done again.

    Raises:
        InputError: the folder holds another training (says which part differs), another process trains into it, a
            target of the adapter names no layer, or loss is not finite.
        UsageError: the batch cannot be divided over the devices.
        PrerequisiteError: memory ran out, a library or a GPU is missing, or machines do not share the folder.
    """
    recipe, steps = planned.found.recipe, planned.plan.steps
    if (out / TRAINING).exists():
        claim(out, begun_of(planned))
        return finished(out)
    require_libraries(recipe)
    where = placed(recipe)
    processes = import_extra("accelerate").PartialState(cpu=where.device == "cpu")
    if where.device.startswith("cuda"):
        where = Placed(str(processes.device), where.dtype)
    require_one_device_a_process(processes.num_processes, where.device)
    accumulation(recipe.optimization.batch_size, recipe.optimization.device_batch_size, processes.num_processes)
    with ExitStack() as stack:
        begun, checkpoint = agreed(processes, lambda: _opened(planned, out, stack, tell))
        if not (out / BEGUN).exists():
            fix = "pass a folder of a file system that all machines share as --out"
            raise PrerequisiteError("OUT_NOT_SHARED", "this machine does not see the folder", where=out.name, fix=fix)
        if checkpoint is None or steps_of(checkpoint) < steps:
            told = (progress, tell) if processes.is_main_process else (_untold, _unsaid)
            _train(planned, out, where, processes, checkpoint, *told)
            checkpoint = out / CHECKPOINTS / f"checkpoint-{steps}"
        last = checkpoint
        return agreed(processes, lambda: write_result(planned, out, begun, last))


def agreed(processes: Any, work: Callable[[], T]) -> T:
    """Have the first process do something, and let all processes have its result, or its error.

    Args:
        processes: ``accelerate.PartialState``.
        work: done once.
    """
    found: list[Any] = [None]
    if processes.is_main_process:
        try:
            found = [work()]
        except NeuroOncoError as error:
            found = [error]
    if processes.num_processes > 1:
        import_extra("accelerate.utils").broadcast_object_list(found)
    if isinstance(found[0], NeuroOncoError):
        raise found[0]
    result: T = found[0]
    return result


def _untold(_done: int, _total: int) -> None:
    """Progress of a process that is not the first."""


def _unsaid(_line: str) -> None:
    """What a process says that is not the first."""


def _opened(planned: Planned, out: Path, stack: ExitStack, tell: Callable[[str], None]) -> tuple[Begun, Path | None]:
    """Hold the folder, see that it is of this training, and find where to go on."""
    fix = "wait for it, or pass another --out"
    busy = InputError("OUT_BUSY", "another process trains into this folder", where=out.name, fix=fix)
    try:
        stack.enter_context(held(out, busy))
        is_new = not (out / BEGUN).exists()
        begun = claim(out, begun_of(planned))
        folder = out / CHECKPOINTS
        folder.mkdir(exist_ok=True)
        if is_folder(planned.found.recipe.model.base):
            note_base(out, planned.checkpoint)
    except OSError as error:
        what = error.strerror or "cannot be written"
        raise InputError("CANNOT_WRITE", what, where=out.name, fix="choose a writable folder") from None
    checkpoint, aside = last_whole(folder)
    if aside:
        count = "1 checkpoint is" if len(aside) == 1 else f"{len(aside)} checkpoints are"
        tell(f"{count} not whole and set aside: {', '.join(aside)}")
    step = 0 if checkpoint is None else steps_of(checkpoint)
    if not is_new and step < planned.plan.steps:
        begun = went_on(out, begun, step)
    return begun, checkpoint


def _train(
    planned: Planned,
    out: Path,
    where: Placed,
    processes: Any,
    checkpoint: Path | None,
    progress: Callable[[int, int], None],
    tell: Callable[[str], None],
) -> None:
    transformers = import_extra("transformers")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # the loader's workers are forks
    try:
        with quiet(transformers), warnings.catch_warnings():
            for words in OF_LIBRARIES:
                warnings.filterwarnings("ignore", message=words)
            trainer = _trainer(planned, out, where, processes, checkpoint, progress, tell)
            trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
    except Exception as error:
        if (said := mishap(error, device=where.device, recipe=planned.plan.recipe)) is None:
            raise
        raise said from None


def _trainer(
    planned: Planned,
    out: Path,
    where: Placed,
    processes: Any,
    checkpoint: Path | None,
    progress: Callable[[int, int], None],
    tell: Callable[[str], None],
) -> Any:
    transformers, trl, datasets = (import_extra(name) for name in ("transformers", "trl", "datasets"))
    recipe = planned.found.recipe
    train, held_out = len(planned.rows.train), len(planned.rows.held_out)
    settings = trainer_settings(
        recipe,
        out / CHECKPOINTS,
        where,
        steps=planned.plan.steps,
        devices=processes.num_processes,
        held_out=held_out > 0,
        find_unused=recipe.lora is None or not recipe.optimization.freeze_vision,
    )
    is_sharded = os.environ.get("ACCELERATE_USE_FSDP", "").casefold() in ("1", "true", "yes")
    # Names in a saved model may be others than those of its parts, so that a whole model is loaded as one.
    folder = checkpoint if recipe.lora is None else None
    model = load(recipe, planned.checkpoint, where, folder=folder, sharded=is_sharded)
    if recipe.lora is not None and not recipe.optimization.freeze_vision and not _learns_to_see(model):
        tell("no target of the adapter is in the vision tower, which stays as it is (optimization.freeze_vision)")
    pictures = PictureSource(planned.found.root, recipe.data.pictures, planned.rows.paths, recipe.optimization.seed)
    course = type("CourseCallback", (Course, transformers.TrainerCallback), {})(
        out / HISTORY,
        keep=recipe.schedule.keep,
        spent=_spent(model, where, processes, checkpoint),
        progress=progress,
        wait_for_all=processes.wait_for_everyone,
    )
    trainer = type("WatchedTrainer", (Watched, trl.SFTTrainer), {})(
        model=model,
        args=settings,
        data_collator=BothCollators(planned, pictures),
        train_dataset=datasets.Dataset.from_dict({"place": range(train)}),
        eval_dataset=datasets.Dataset.from_dict({"place": range(train, train + held_out)}) if held_out else None,
        processing_class=planned.processor.tokenizer,
    )
    trainer.remove_callback(transformers.PrinterCallback)
    trainer.add_callback(course)
    if trainer.is_fsdp_enabled:  # adapter and model are then saved whole, and not a part by each device
        trainer.accelerator.state.fsdp_plugin.set_state_dict_type("FULL_STATE_DICT")
    return trainer


def _learns_to_see(model: Any) -> bool:
    """Whether anything is trained in the vision tower of a model with an adapter."""
    towers = vision_towers(model.get_base_model()).values()
    return any(weight.requires_grad for tower in towers for weight in tower.parameters())


def _spent(model: Any, where: Placed, processes: Any, checkpoint: Path | None) -> Spent:
    torch = import_extra("torch")
    before = None if checkpoint is None else Spent.model_validate_json((checkpoint / SPENT).read_bytes())
    on_gpu = where.device.startswith("cuda")
    return Spent(
        seconds=0.0 if before is None else before.seconds,
        parameters=int(model.num_parameters()),
        trainable_parameters=int(model.num_parameters(only_trainable=True)),
        device=torch.cuda.get_device_name(where.device) if on_gpu else where.device,
        devices=processes.num_processes,
    )
