"""Weights of a model on this machine, whole or not at all: for answering, training and merging."""

from pathlib import Path
from typing import Any

from neuroonco.errors import InputError, NeuroOncoError, PrerequisiteError
from neuroonco.models.local_checkpoint import AGAIN, Checkpoint, short_line
from neuroonco.models.local_libraries import import_extra, quiet


def load_weights(
    checkpoint: Checkpoint, *, lacks_memory: tuple[str, str], folder: Path | None = None, **how: Any
) -> Any:
    """A model with its weights: safetensors alone, from this machine, without code of its own, none missing.

    Args:
        checkpoint: the model.
        lacks_memory: what to say, and what helps, where it does not fit.
        folder: with other weights of the same model in place of the checkpoint's.
        how: further arguments of transformers' ``from_pretrained``, such as ``dtype`` and ``device_map``.

    Raises:
        InputError: weights are damaged, missing, or not those of the configuration.
        PrerequisiteError: they do not fit into memory, or what was asked for needs another library.
    """
    transformers = import_extra("transformers")
    import_extra("accelerate")
    where, place = checkpoint.label, folder or checkpoint.folder
    try:
        with quiet(transformers):
            model, report = transformers.AutoModelForImageTextToText.from_pretrained(
                place,
                use_safetensors=True,
                local_files_only=True,
                trust_remote_code=False,
                ignore_mismatched_sizes=True,  # refused below, by name
                output_loading_info=True,
                **how,
            )
    except Exception as error:
        said = short_line(error, place)
        if is_out_of_memory(error):
            what, fix = lacks_memory
            raise PrerequisiteError("MEMORY_EXCEEDED", what, where=where, fix=fix) from None
        if isinstance(error, ImportError) and "attn_implementation" in how:
            raise PrerequisiteError("EXTRA_MISSING", said, where=where, fix='model.attention = "sdpa"') from None
        what = f"its weights cannot be loaded ({said})"
        raise InputError("MODEL_UNREADABLE", what, where=where, fix=AGAIN) from None
    # The library gives random values to what is missing, and only logs it: answers would be noise.
    absent = sorted({*report["missing_keys"], *(str(entry[0]) for entry in report["mismatched_keys"])})
    if absent:
        what = f"{len(absent)} weights are missing or of another shape, e.g. {absent[0]}"
        raise InputError("MODEL_INCOMPLETE", what, where=where, fix=AGAIN)
    return model


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, of the GPU or of the machine, so that a smaller batch could help."""
    if isinstance(error, NeuroOncoError):
        return False
    kinds = (import_extra("torch").OutOfMemoryError, MemoryError)
    text = str(error).casefold()
    return isinstance(error, kinds) or (isinstance(error, RuntimeError) and "can't allocate memory" in text)
