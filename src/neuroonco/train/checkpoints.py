"""Checkpoints of a training: which are whole, and which one to go on from."""

from pathlib import Path

WHOLE = "whole.json"
"""Written into a checkpoint after all its other files, with their sizes and hashes."""


def seal(checkpoint: Path) -> None:
    """Say that a checkpoint is whole: hash its files, have them on disk, and write :data:`WHOLE` last, atomically."""
    raise NotImplementedError


def is_whole(checkpoint: Path) -> bool:
    """Whether all files that were sealed are there with their sizes and hashes, and no pickle is among those loaded."""
    raise NotImplementedError


def last_whole(folder: Path) -> tuple[Path | None, tuple[str, ...]]:
    """The newest whole checkpoint of a training, and names of those that are not whole, which are set aside."""
    raise NotImplementedError
