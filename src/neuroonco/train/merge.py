"""An adapter and its base to one model that ``local:`` and any server take."""

import os
import shutil
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from neuroonco import store
from neuroonco.errors import InputError
from neuroonco.models.local_checkpoint import INDEX, Checkpoint, find, short_line
from neuroonco.models.local_libraries import import_extra, quiet
from neuroonco.models.local_processor import LocalProcessor
from neuroonco.models.local_weights import load_weights
from neuroonco.train.card import render_card
from neuroonco.train.finished import base_of, read_trained
from neuroonco.train.new_folder import new_folder, require_free
from neuroonco.train.records import Trained
from neuroonco.train.samples import TrainingProcessor

SHARD: Final = "5GB"
"""Weights are split into files of at most this size, as the library does it."""
CONFIG: Final = "config.json"
GENERATION: Final = "generation_config.json"


def merge(trained: Path, out: Path, *, base: str | None = None) -> str:
    """Write the merged model of a training, with processor (pixel limits as trained), chat template and card.

    A training without an adapter is copied. The folder takes its place at once, or not at all.

    Weights are stored in the number format of the base. The sum W + B·A·alpha/rank is computed in float32 and rounded
    once. An adapter that was trained over four-bit weights is merged into the unquantized base.

    Args:
        trained: folder of a finished training (``training.json``).
        out: folder to write; must not be there.
        base: place of the base model, where it is no longer where it was; its fingerprint must be the same.

    Returns:
        ``local:LABEL@FINGERPRINT`` of what was written.

    Raises:
        InputError: no finished training, another base, a place that is taken.
    """
    result = read_trained(trained)
    require_free(out)
    if not result.adapter:
        model = find(str(trained / "model"))
        processor = _processor(model, result)

        def write(folder: Path) -> None:
            processor.save(folder)
            _copy(model, folder, CONFIG, GENERATION, INDEX)
            for weights in sorted(model.folder.glob("model*.safetensors")):
                shutil.copyfile(weights, folder / weights.name)
    else:
        adapter, whole = _adapter_folder(trained), base_of(result, trained, base)
        processor = _processor(whole, result)

        def write(folder: Path) -> None:
            _save_merged(whole, adapter, folder)
            processor.save(folder)
            _copy(whole, folder, GENERATION)

    return _written(out, write, card=render_card(result, is_merged=True))


def base_as_trained(trained: Path, out: Path, *, base: str | None = None) -> str:
    """The base model with the training's pixel limits, so that base and tuned model see the same pictures.

    Weights are linked, not copied. Arguments, result and errors as those of :func:`merge`.
    """
    result = read_trained(trained)
    require_free(out)
    whole = base_of(result, trained, base)
    processor = _processor(whole, result)

    def write(folder: Path) -> None:
        processor.save(folder)
        _copy(whole, folder, CONFIG, GENERATION, INDEX)
        for weights in sorted(whole.folder.glob("model*.safetensors")):
            _link(weights.resolve(), folder / weights.name)

    return _written(out, write, card=None)


# --- weights ---


def _adapter_folder(trained: Path) -> Path:
    folder = trained / "adapter"
    missing = [n for n in ("adapter_config.json", "adapter_model.safetensors") if not (folder / n).is_file()]
    if missing:
        fix = "copy the whole folder of the training again"
        raise InputError("ADAPTER_INCOMPLETE", f"there is no {missing[0]}", where=f"{trained.name}/adapter", fix=fix)
    return folder


def _save_merged(base: Checkpoint, adapter: Path, folder: Path) -> None:
    torch, transformers, peft = (import_extra(name) for name in ("torch", "transformers", "peft"))
    with quiet(transformers):
        model = _loaded(base)
        model = _merged(model, adapter, peft, torch)
        # The base's own settings are copied as they are; the library refuses to write some that it reads.
        model.generation_config = transformers.GenerationConfig.from_model_config(model.config)
        try:
            model.save_pretrained(folder, max_shard_size=SHARD)
        except OSError:
            raise
        except Exception as error:  # safetensors tells a full disk in a class of its own
            raise InputError("CANNOT_WRITE", short_line(error, folder), where=folder.name) from None


def _loaded(base: Checkpoint) -> Any:
    """The base on the CPU, in the number format in which it is stored."""
    lacks_memory = ("the weights do not fit into memory", "merge on a machine with more memory")
    return load_weights(base, lacks_memory=lacks_memory, dtype="auto", device_map={"": "cpu"})


def _merged(model: Any, adapter: Path, peft: Any, torch: Any) -> Any:
    """Base with the adapter in its weights; the adapter's own stay float32 until the sum is rounded."""
    try:
        with warnings.catch_warnings():  # peft asks the model by a name that transformers 5.23 has deprecated
            warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
            tuned = peft.PeftModel.from_pretrained(
                model, adapter, is_trainable=False, autocast_adapter_dtype=True, local_files_only=True
            )
        # Unsafe means in place: float32 is added to the stored format and rounded once. The safe way would round the
        # product first.
        merged = tuned.merge_and_unload(safe_merge=False)
    except Exception as error:
        what = f"the adapter does not fit its base ({short_line(error, adapter)})"
        raise InputError("ADAPTER_UNREADABLE", what, where="adapter", fix="copy the training again") from None
    if not all(bool(torch.isfinite(weight).all()) for weight in merged.parameters()):
        what = "weights are not finite after the merge"
        raise InputError("ADAPTER_NOT_FINITE", what, where="adapter", fix="train again with a smaller learning rate")
    return merged


def _link(weights: Path, place: Path) -> None:
    """A hard link; where the file system has none or it is another one, a symbolic link, else a copy."""
    for make in (os.link, os.symlink):
        with suppress(OSError):
            make(weights, place)
            return
    shutil.copyfile(weights, place)


# --- processor ---


def _processor(model: Checkpoint, result: Trained) -> TrainingProcessor:
    """The processor as it was trained with; made before any weights are read, because it can be refused."""
    data = result.recipe.data
    return TrainingProcessor(model, min_pixels=data.min_pixels, max_pixels=data.max_pixels)


def _copy(model: Checkpoint, folder: Path, *names: str) -> None:
    """Copy files that the model may have."""
    for name in names:
        if (model.folder / name).is_file():
            shutil.copyfile(model.folder / name, folder / name)


# --- folder ---


def _written(out: Path, write: Callable[[Path], None], *, card: str | None) -> str:
    """Fill a folder, see that a processor can be made of it, put it in its place and name it."""
    with new_folder(out) as folder:
        write(folder)
        if card is not None:
            store.write_text(folder / "README.md", card)
        checkpoint = find(str(folder))
        LocalProcessor(checkpoint)
    return Checkpoint(out, out.absolute().name, checkpoint.fingerprint).name
