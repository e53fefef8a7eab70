"""What two pictures have in common by their own bytes and pixels, whatever their files are called."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from neuroonco import images, store
from neuroonco.check.leaks import Fact, Leak
from neuroonco.images import Gray, PictureRef

SIDE_PX = 32
ALIKE = 0.985
"""Correlation of two pictures, shrunk to 32 x 32, above which one is called a copy of the other.

Copies of 844 real slices, scaled by 0.5 to 1.5 and saved as JPEG of quality 60, correlate by at least 0.988 with their
originals; of 79,800 pairs of different phantoms none by more than 0.973. It finds copies, not neighboring slices: these
need keypoints, see ``docs/duplicates.md``.
"""
ROWS_AT_ONCE = 512


@dataclass(frozen=True)
class Look:
    """One picture, as far as it is compared.

    Attributes:
        slice_id: of the slice that shows it.
        facts: hash of the file and hash of the pixels, the same for all flips and quarter turns.
        small: (1024) the shrunk picture with mean 0 and length 1; None for a picture of one value.
    """

    slice_id: str
    facts: tuple[Fact, ...]
    small: npt.NDArray[np.float32] | None


def look_at(slice_id: str, root: Path, ref: PictureRef) -> Look:
    """Read one picture.

    Args:
        slice_id: of its slice.
        root: folder to which its path is relative.
        ref: a file, or a channel or slice of one.

    Raises:
        InputError: it cannot be read.
    """
    data = images.read_bytes(images.resolve(root, ref.image_path), ref.image_path)
    pixels = images.read_picture(root, ref)
    return Look(slice_id, (("bytes", store.sha256_bytes(data)), ("pixels", _digest(pixels))), _small(pixels))


def _turned(pixels: npt.NDArray[np.generic]) -> Iterator[npt.NDArray[np.generic]]:
    for flipped in (pixels, pixels[:, ::-1]):
        for quarter_turns in range(4):
            yield np.rot90(flipped, quarter_turns)


def _digest(pixels: Gray) -> str:
    """Hash of the pixels that is the same for a picture and its flips and quarter turns."""
    return min(store.sha256_bytes(repr(one.shape).encode() + one.tobytes()) for one in _turned(pixels))


def _small(pixels: Gray) -> npt.NDArray[np.float32] | None:
    shrunk = Image.fromarray(pixels).resize((SIDE_PX, SIDE_PX), Image.Resampling.BOX)
    values = np.asarray(shrunk, dtype=np.float32).ravel()
    values = values - values.mean()
    length = float(np.linalg.norm(values))
    return values / length if length > 0 else None


def alike(benchmark: Sequence[Look], instructions: Sequence[Look]) -> list[Leak]:
    """A leak for each picture of the benchmark that has a copy, maybe flipped or turned, in the instructions."""
    tested, trained = _stacked(benchmark), _stacked(instructions)
    found: list[Leak] = []
    if not tested[0] or not trained[0]:
        return found
    turned = np.stack([_turns(small) for small in tested[1]])  # (benchmark, 8, pixels)
    for start in range(0, len(turned), ROWS_AT_ONCE):
        part = turned[start : start + ROWS_AT_ONCE]
        best = np.full((len(part), len(trained[0])), -1.0, np.float32)
        for turn in range(part.shape[1]):
            np.maximum(best, part[:, turn] @ trained[1].T, out=best)
        for row, scores in enumerate(best):
            ends = np.flatnonzero(scores >= ALIKE)
            if ends.size:
                name = tested[0][start + row]
                order = ends[np.argsort(-scores[ends], kind="stable")]
                others = [trained[0][i] for i in order]
                score = f"correlation {float(scores[order[0]]):.3f}"
                found.append(
                    Leak(
                        kind="alike",
                        shared=score,
                        benchmark=(name,),
                        instructions=tuple(others[:5]),
                        n_benchmark=1,
                        n_instructions=len(others),
                    )
                )
    return found


def _stacked(looks: Iterable[Look]) -> tuple[list[str], npt.NDArray[np.float32]]:
    shown = [(look.slice_id, look.small) for look in looks if look.small is not None]
    if not shown:
        return [], np.zeros((0, SIDE_PX * SIDE_PX), np.float32)
    return [name for name, _ in shown], np.stack([small for _, small in shown])


def _turns(small: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    square = small.reshape(SIDE_PX, SIDE_PX)
    return np.stack([np.asarray(one, np.float32).ravel() for one in _turned(square)])
