"""Write a folder of phantoms, laid out like a public collection."""

from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from neuroonco.errors import UsageError
from neuroonco.images import Gray
from neuroonco.phantoms.generate import draw_phantom
from neuroonco.phantoms.records import PhantomTruth
from neuroonco.store import atomic, save
from neuroonco.vocabulary import PhantomStyle


def write_phantoms(
    root: Path, n: int, seed: int, truth_path: Path, style: PhantomStyle = PhantomStyle.TUNED
) -> list[PhantomTruth]:
    """Draw ``n`` slices and write them as gray PNG, with masks (0 and 255) and the record of their truth.

    Args:
        root: folder of images and masks: ``<type>/phantoms_<sequence>/<plane>_<number>[_mask].png``.
        n: number of slices.
        seed: of the series; the same seed gives the same bytes.
        truth_path: ``.jsonl`` or ``.parquet`` file for the truth, outside ``root``.
        style: way of drawing.

    Returns:
        The truth of each slice, by number.

    Raises:
        UsageError: ``n`` or ``seed`` is negative, or ``truth_path`` lies inside ``root``.
        InputError: the folder cannot be written.
    """
    if n < 0 or seed < 0:
        raise UsageError("PHANTOM_COUNT", f"n = {n}, seed = {seed}", fix="use whole numbers from 0")
    if truth_path.resolve().is_relative_to(root.resolve()):
        raise UsageError(
            "TRUTH_IN_ROOT", "the truth would lie among the images", where=str(truth_path), fix="put it outside"
        )
    truths = list(write_images(root, range(n), seed, style))
    save(truth_path, truths, PhantomTruth)
    return truths


def write_images(
    root: Path, numbers: Iterable[int], seed: int, style: PhantomStyle = PhantomStyle.TUNED
) -> Iterator[PhantomTruth]:
    """Draw and write some slices of a series, each independent of the others; yields the truth of each."""
    for number in numbers:
        phantom = draw_phantom(seed, number, style)
        _write(root / phantom.truth.image_path, phantom.image)
        if phantom.mask is not None and phantom.truth.mask_path is not None:
            _write(root / phantom.truth.mask_path, phantom.mask.astype(np.uint8) * np.uint8(255))
        yield phantom.truth


def _write(path: Path, pixels: Gray) -> None:
    with atomic(path) as temporary:
        temporary.write_bytes(png_bytes(pixels))


def png_bytes(pixels: Gray) -> bytes:
    """Encode (height, width) gray values as PNG without any metadata."""
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG", compress_level=6)
    return buffer.getvalue()
