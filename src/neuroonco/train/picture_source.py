"""The picture that a row is trained with: its own, a blank one, or another image's."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from neuroonco.train.records import Pictures


class PictureSource:
    """Reads pictures as ``predict`` does: 8-bit gray under one root, shown as RGB.

    Args:
        root: folder to which paths are relative; nothing outside is read.
        content: what is shown.
        paths: of all pictures of the training; a shuffled picture is dealt among them, no picture to itself.
        seed: of the dealing.

    Raises:
        InputError: shuffled pictures, and there is one only.
    """

    def __init__(self, root: Path, content: Pictures, paths: Sequence[str], seed: int) -> None:
        raise NotImplementedError

    def read(self, path: str) -> Any:
        """The PIL picture (RGB) that is shown for a row's picture.

        Raises:
            InputError: outside the root, missing, or no picture.
        """
        raise NotImplementedError
