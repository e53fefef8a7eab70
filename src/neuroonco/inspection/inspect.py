"""Inspect slices: from pixels to content hash, quality scores and fingerprint. Nothing is judged here."""

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt
import xxhash

from neuroonco.errors import InputError
from neuroonco.images import Gray, PictureRef
from neuroonco.inspection.content import reduce_picture
from neuroonco.inspection.fingerprint import fingerprint_of
from neuroonco.inspection.quality import score_quality
from neuroonco.inspection.records import Inspection
from neuroonco.outcomes import Identified, StageOutcome, quarantine_slice
from neuroonco.pictures import LastPicture


class InspectedSlice(Identified, PictureRef, Protocol):
    """Anything that names a slice and its picture."""


def inspect_slice(slice_id: str, gray: Gray, color: npt.NDArray[np.uint8] | None = None) -> Inspection:
    """Look at one picture.

    Args:
        slice_id: identity of the slice.
        gray: (height, width).
        color: (height, width, 3); None where all channels are equal or the picture is one channel of several.
    """
    small = reduce_picture(gray)
    return Inspection(
        slice_id=slice_id,
        pixels_hash=pixels_hash(gray),
        gray_range=gray_range(small),
        quality=score_quality(gray, color, small),
        fingerprint=fingerprint_of(small),
    )


def inspect_slices(slices: Iterable[InspectedSlice], *, root: Path) -> StageOutcome[Inspection]:
    """Read slices and look at each; for a catalogue that was made before, as `catalog` looks while it reads.

    Args:
        slices: what to look at; slices of one file that follow each other are decoded once.
        root: folder to which their paths are relative.

    Returns:
        Inspections kept, in the given order; a slice whose image cannot be read is quarantined.
    """
    outcome: StageOutcome[Inspection] = StageOutcome()
    last = LastPicture()
    for record in slices:
        try:
            gray, color = last.read(root, record)
        except InputError as error:
            outcome.quarantined.append(quarantine_slice(error, record))
        else:
            outcome.kept.append(inspect_slice(record.slice_id, gray, color))
    return outcome


def pixels_hash(gray: Gray) -> str:
    """Hash of a picture's size and gray values (height, width): equal for equal pictures, whatever file holds them.

    128 bits against accident, not against intent: who would forge a copy may as well delete the original.

    >>> pixels_hash(np.zeros((2, 3), np.uint8)) == pixels_hash(np.zeros((3, 2), np.uint8))
    False
    """
    digest = xxhash.xxh3_128(f"{gray.shape[0]}x{gray.shape[1]}:".encode())
    digest.update(np.ascontiguousarray(gray).data)
    return digest.hexdigest()


def gray_range(picture: Gray) -> int:
    """Span of gray values between the 0.5th and the 99.5th percentile, from the histogram.

    >>> gray_range(np.repeat(np.arange(200, dtype=np.uint8), 2).reshape(20, 20))
    198
    """
    filled = np.cumsum(cv2.calcHist([picture], [0], None, [256], [0, 256]).ravel())
    low, high = np.searchsorted(filled, [0.005 * picture.size, 0.995 * picture.size], side="left")
    return int(high - low)
