"""What kinds of paths a folder holds: digits and names aside, how often, and an example of each."""

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from pydantic import BaseModel, ConfigDict

SHOWN = 4
"""Shapes that an error message names; the commands list all."""


class PathShape(BaseModel):
    """One kind of path.

    Attributes:
        shape: the folders, with digits as ``#``, and the ending of the files.
        count: how many paths are of this shape.
        example: the first of them.
    """

    model_config = ConfigDict(frozen=True)

    shape: str
    count: int
    example: str


def shape_of(path: str) -> str:
    """The kind of a path.

    >>> shape_of("BraTS2021_01648/BraTS2021_01648_t1.nii.gz"), shape_of("Training/glioma/gg (1).JPG")
    ('BraTS#_#/*.nii.gz', 'Training/glioma/*.jpg')
    """
    pure = PurePosixPath(path)
    folder = re.sub(r"[0-9]+", "#", str(pure.parent))
    ending = ".nii.gz" if pure.name.lower().endswith(".nii.gz") else pure.suffix.lower()
    return f"*{ending}" if folder == "." else f"{folder}/*{ending}"


def path_shapes(paths: Iterable[str]) -> list[PathShape]:
    """The kinds of some paths, the most frequent first.

    >>> [(s.shape, s.count, s.example) for s in path_shapes(["a/1.png", "b/1.png", "a/2.png"])]
    [('a/*.png', 2, 'a/1.png'), ('b/*.png', 1, 'b/1.png')]
    """
    counts: dict[str, int] = {}
    examples: dict[str, str] = {}
    for path in paths:
        shape = shape_of(path)
        counts[shape] = counts.get(shape, 0) + 1
        examples.setdefault(shape, path)
    ordered = sorted(counts, key=lambda shape: (-counts[shape], shape))
    return [PathShape(shape=shape, count=counts[shape], example=examples[shape]) for shape in ordered]


def shapes_of(paths: Sequence[str]) -> str:
    """The most frequent kinds of some paths in half a line.

    >>> shapes_of(["a/1.png", "b/1.png", "a/2.png"])
    'a/*.png (2), b/*.png (1)'
    """
    shapes = path_shapes(paths)
    more = f" and {len(shapes) - SHOWN} more" if len(shapes) > SHOWN else ""
    return ", ".join(f"{s.shape} ({s.count})" for s in shapes[:SHOWN]) + more
