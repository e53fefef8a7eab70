"""Limits of a picture's size in a model's processor: set, and saved with its files."""

import json
from pathlib import Path
from typing import Any, Final

from neuroonco import store
from neuroonco.errors import InputError
from neuroonco.models.local_checkpoint import OF_TRAINING, WORDING, Checkpoint

OF_THE_WEIGHTS: Final = ("config.json", "generation_config.json", "adapter_config.json", "*.index.json")
"""Files beside those of the processor; who writes weights writes these."""
OF_PICTURES: Final = "preprocessor_config.json"
OF_ALL_PARTS: Final = "processor_config.json"


def limited(pictures: Any, label: str, min_pixels: int | None, max_pixels: int | None) -> Any:
    """A picture processor with limits of the size at which a model sees a picture.

    Args:
        pictures: the library's processor; it stays as it is.
        label: of the model, for messages.
        min_pixels, max_pixels: height x width; None leaves its own.

    Raises:
        InputError: it has no such limits, or the smallest is above the largest.
    """
    if min_pixels is None and max_pixels is None:
        return pictures
    known = getattr(getattr(pictures, "valid_kwargs", None), "__annotations__", {})
    own = pictures.to_dict().get("size")
    fix = "leave min_pixels and max_pixels out"
    if not {"min_pixels", "max_pixels"} <= set(known) or not isinstance(own, dict):
        raise _without_limits(pictures, label)
    low, high = own.get("shortest_edge"), own.get("longest_edge")
    if low is None or high is None:
        raise _without_limits(pictures, label)
    low, high = min_pixels or low, max_pixels or high
    if low > high:
        raise InputError("PIXELS_CROSSED", f"min_pixels {low} is above max_pixels {high}", where=label, fix=fix)
    made = type(pictures).from_dict(pictures.to_dict(), min_pixels=low, max_pixels=high)
    # Edges are areas in these processors; one that read them as lengths would not have taken the limits in.
    if (made.size["shortest_edge"], made.size["longest_edge"]) != (low, high):
        raise _without_limits(pictures, label)
    return made


def _without_limits(pictures: Any, label: str) -> InputError:
    what = f"{type(pictures).__name__} has no limits of pixels: it shows all pictures at sizes of its own"
    return InputError("PIXELS_FIXED", what, where=label, fix="leave min_pixels and max_pixels out")


def save_processor(checkpoint: Checkpoint, pictures: Any, folder: Path, *, is_limited: bool) -> None:
    """Write tokenizer, chat template and processors into a folder, as they lie in the checkpoint but for the limits.

    Files are copied and not written anew: what this machine cannot load, such as a processor of videos without
    torchvision, is there for one that can.

    Args:
        checkpoint: the model's files.
        pictures: the picture processor, whose limits are written.
        folder: where to; files of the same names are replaced.
        is_limited: whether the limits are others than those of the checkpoint.

    Raises:
        InputError: a file cannot be read or written, or the limits have no place in the checkpoint's files.
    """
    left_out = {path.name for pattern in OF_THE_WEIGHTS for path in checkpoint.folder.glob(pattern)} | OF_TRAINING
    found = {path.name: path for pattern in WORDING for path in checkpoint.folder.glob(pattern) if path.is_file()}
    has_place = False
    for name in sorted(found.keys() - left_out):
        with store.atomic(folder / name) as temporary:
            data = found[name].read_bytes()
            if is_limited and name in (OF_PICTURES, OF_ALL_PARTS):
                document = json.loads(data)
                part = document if name == OF_PICTURES else document.get("image_processor")
                if isinstance(part, dict):
                    _write_limits(part, pictures.size["shortest_edge"], pictures.size["longest_edge"])
                    data, has_place = f"{json.dumps(document, indent=2)}\n".encode(), True
            temporary.write_bytes(data)
    if is_limited and not has_place:
        what = f"neither {OF_PICTURES} nor {OF_ALL_PARTS} says how pictures are processed"
        raise InputError("MODEL_INCOMPLETE", what, where=checkpoint.label, fix="save or download the model again")


def _write_limits(part: dict[str, Any], low: int, high: int) -> None:
    size = part.get("size")
    others = size if isinstance(size, dict) else {}
    part["size"] = {**others, "shortest_edge": low, "longest_edge": high}
    # Older files state them again, and what is stated there counts for more.
    for place in (part, part["size"]):
        for name, value in (("min_pixels", low), ("max_pixels", high)):
            if name in place:
                place[name] = value
