"""Checkpoints of a training: which are whole, and which one to go on from.

A checkpoint is a folder that the trainer fills file by file, so that a kill can leave a part of it. It counts once it
is sealed: its files are on disk, and :data:`WHOLE` names each with size and hash. Optimizer and generators are kept by
the library as pickles, and read by it as tensors and plain values alone (``weights_only=True``); none of them is opened
unless it is the very file that was sealed here, beside no other.
"""

import os
import re
import shutil
from pathlib import Path
from typing import Final

import xxhash
from pydantic import ValidationError

from neuroonco import store
from neuroonco.errors import InputError
from neuroonco.outcomes import Record

WHOLE = "whole.json"
"""Written into a checkpoint after all its other files, with their sizes and hashes."""
NAME: Final = re.compile(r"checkpoint-(\d+)")
LEAVING: Final = ".leaving-"
"""Beginning of the name of a checkpoint that is being deleted."""
CHUNK_BYTES: Final = 1 << 22


class SealedFile(Record):
    """A file of a checkpoint.

    Attributes:
        size_bytes: its length.
        xxh3: 128-bit XXH3 of its content, hexadecimal.
    """

    size_bytes: int
    xxh3: str


class Seal(Record):
    """What :data:`WHOLE` says: the files of a checkpoint by their places in it."""

    files: dict[str, SealedFile]


def steps_of(checkpoint: Path) -> int:
    """Steps that were taken when a checkpoint was written.

    >>> steps_of(Path("run/checkpoints/checkpoint-400"))
    400
    """
    found = NAME.fullmatch(checkpoint.name)
    if found is None:
        raise ValueError(f"{checkpoint.name} is no name of a checkpoint")
    return int(found[1])


def checkpoints_in(folder: Path) -> list[Path]:
    """Checkpoints of a folder, whole or not, the newest first."""
    if not folder.is_dir():
        return []
    found = [path for path in folder.iterdir() if NAME.fullmatch(path.name) and path.is_dir()]
    return sorted(found, key=steps_of, reverse=True)


def seal(checkpoint: Path) -> None:
    """Say that a checkpoint is whole: hash its files, have them on disk, and write :data:`WHOLE` last, atomically."""
    (checkpoint / WHOLE).unlink(missing_ok=True)
    files = {name: _hashed(checkpoint / name, is_flushed=True) for name in _names(checkpoint)}
    for folder in {checkpoint, *((checkpoint / name).parent for name in files)}:
        _flush_folder(folder)
    store.write_text(checkpoint / WHOLE, Seal(files=files).model_dump_json(indent=2) + "\n")
    _flush_folder(checkpoint)
    _flush_folder(checkpoint.parent)


def is_whole(checkpoint: Path) -> bool:
    """Whether the files of a checkpoint are those that were sealed, with their sizes and hashes, and no others."""
    try:
        sealed = Seal.model_validate_json((checkpoint / WHOLE).read_bytes())
        return (
            list(sealed.files) == _names(checkpoint)
            and all((checkpoint / name).stat().st_size == file.size_bytes for name, file in sealed.files.items())
            and all(_hashed(checkpoint / name) == file for name, file in sealed.files.items())
        )
    except (OSError, ValidationError):
        return False


def last_whole(folder: Path) -> tuple[Path | None, tuple[str, ...]]:
    """The newest whole checkpoint of a training, and names of those that are not whole, which are set aside.

    A checkpoint that is newer than the one found and not whole is renamed to ``checkpoint-N.broken-M``; what a kill
    left of a checkpoint that was being deleted goes.

    Args:
        folder: with the checkpoints of one training.

    Raises:
        InputError: a checkpoint cannot be renamed.
    """
    aside: list[str] = []
    for leaving in folder.glob(f"{LEAVING}*"):
        _delete(leaving)
    for checkpoint in checkpoints_in(folder):
        if is_whole(checkpoint):
            return checkpoint, tuple(aside)
        number = 1
        while (place := folder / f"{checkpoint.name}.broken-{number}").exists():
            number += 1
        try:
            checkpoint.rename(place)
        except OSError as error:
            what = f"a checkpoint that is not whole cannot be renamed ({error.strerror})"
            raise InputError("CANNOT_WRITE", what, where=checkpoint.name, fix="choose a writable folder") from None
        aside.append(place.name)
    return None, tuple(aside)


def keep_newest(folder: Path, count: int) -> None:
    """Delete all checkpoints but the newest; each is renamed before, so that no kill leaves half of one by its name.

    Args:
        folder: with the checkpoints of one training.
        count: of those that stay.
    """
    for checkpoint in checkpoints_in(folder)[count:]:
        leaving = folder / f"{LEAVING}{checkpoint.name}"
        _delete(leaving)
        checkpoint.rename(leaving)
        _delete(leaving)


def _delete(leaving: Path) -> None:
    """Delete a folder; of a link, the link alone."""
    if leaving.is_symlink():
        leaving.unlink()
    else:
        shutil.rmtree(leaving, ignore_errors=True)


def _names(checkpoint: Path) -> list[str]:
    """Places of all files in a checkpoint, sorted; links too, and whatever else is no folder."""
    found = (path for path in checkpoint.rglob("*") if path.is_symlink() or not path.is_dir())
    return sorted(name for path in found if (name := path.relative_to(checkpoint).as_posix()) != WHOLE)


def _hashed(path: Path, *, is_flushed: bool = False) -> SealedFile:
    digest, size = xxhash.xxh3_128(), 0
    with path.open("rb") as file:
        while piece := file.read(CHUNK_BYTES):
            digest.update(piece)
            size += len(piece)
        if is_flushed:
            os.fsync(file.fileno())
    return SealedFile(size_bytes=size, xxh3=digest.hexdigest())


def _flush_folder(folder: Path) -> None:
    """Have the names of a folder's files on disk."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
