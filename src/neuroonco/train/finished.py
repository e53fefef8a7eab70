"""The folder of a finished training, read: what it came to, where its weights are, and its base model."""

import json
import os
import re
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from neuroonco import store
from neuroonco.errors import InputError
from neuroonco.models.local_checkpoint import Checkpoint, find
from neuroonco.train.records import Trained

TRAINING: Final = "training.json"
"""Written last: where it lies, the training is done."""
BASE_HERE: Final = ".base.json"
"""Where a base model that is a folder is on this machine, seen from the folder of the training."""
NAME: Final = re.compile(r"local:(?P<label>.+)@(?P<fingerprint>[0-9a-f]{12})", re.DOTALL)


def read_trained(folder: Path) -> Trained:
    """What a finished training came to.

    Raises:
        InputError: the folder holds no finished training, or one of another version.
    """
    path = folder / TRAINING
    if not path.is_file():
        raise _no_training(folder)
    try:
        return Trained.model_validate(store.read_json(path))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(map(str, first["loc"])) or "training"
        raise InputError("TRAINING_UNREADABLE", f"{field}: {first['msg']}", where=f"{folder.name}/{TRAINING}") from None


def _no_training(folder: Path) -> InputError:
    """What else the folder is, where it is something that this program writes."""
    what = f"no finished training: there is no {TRAINING}"
    fix = "name the --out folder of a `neuroonco train run` that has ended; one that was cut off is gone on with"
    if (folder / "study.json").is_file():
        what, fix = "a study, and no training", "its merged models are in models/, its trainings in trainings/"
    elif (folder / "config.json").is_file():
        what, fix = "already a model, and no training", "use it as it is: --model local:FOLDER"
    return InputError("TRAINING_MISSING", what, where=folder.name, fix=fix)


def label_and_fingerprint(name: str) -> tuple[str, str]:
    """Parts of the name of a local model.

    Raises:
        InputError: not such a name.

    >>> label_and_fingerprint("local:tiny@0123456789ab")
    ('tiny', '0123456789ab')
    """
    if (found := NAME.fullmatch(name)) is None:
        raise InputError("TRAINING_UNREADABLE", "the base is not named local:LABEL@FINGERPRINT", where=TRAINING)
    return found["label"], found["fingerprint"]


def note_base(folder: Path, base: Checkpoint) -> None:
    """Note where the base model of a training is, so that what follows finds it, as long as neither is moved alone.

    Args:
        folder: of the training.
        base: the model.

    Raises:
        OSError: it cannot be written.
    """
    store.write_json(folder / BASE_HERE, {"folder": os.path.relpath(base.folder, folder.resolve())})


def base_here(folder: Path) -> str | None:
    """The place that :func:`note_base` noted; None where there is no such folder any more."""
    try:
        noted = json.loads((folder / BASE_HERE).read_text("utf-8"))["folder"]
        place = folder.resolve() / noted
        return str(place) if place.is_dir() else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def base_of(trained: Trained, folder: Path, place: str | None = None) -> Checkpoint:
    """The base model of a training, which must be the very one that was trained on.

    Args:
        trained: what the training came to.
        folder: of the training.
        place: folder or name of the Hub; None for where it was while it was trained on.

    Raises:
        InputError: it is not there, or its fingerprint is another.
    """
    label, fingerprint = label_and_fingerprint(trained.base)
    fix = "pass --base with the model that was trained on"
    try:
        checkpoint = find(place or base_here(folder) or trained.recipe.model.base)
    except InputError as error:
        if place is not None or error.code != "MODEL_MISSING":
            raise
        what = f"the base model is no longer where it was ({label})"
        raise InputError("BASE_MISSING", what, where=label, fix=fix) from None
    if checkpoint.fingerprint != fingerprint:
        what = f"another base: trained on {trained.base}, and this is {checkpoint.name}"
        raise InputError("BASE_DIFFERS", what, where=checkpoint.label, fix=fix)
    return checkpoint
