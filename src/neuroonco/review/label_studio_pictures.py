"""A room's pictures as files for other tools: opaque names, 8 bits as the viewer shows them first, pixels alone."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from neuroonco import store
from neuroonco.errors import InputError
from neuroonco.outcomes import Quarantined, quarantine
from neuroonco.review.label_studio import picture_name
from neuroonco.review.room_records import RoomItem
from neuroonco.viewer.records import SliceFacts
from neuroonco.viewer.values import Stored, read_values
from neuroonco.viewer.window_table import window_table


@dataclass
class Pictures:
    """What was written.

    Attributes:
        keys: of the questions that have a picture now.
        quarantined: those whose picture cannot be read, by key.
    """

    keys: set[str] = field(default_factory=set)
    quarantined: list[Quarantined] = field(default_factory=list)


def write_pictures(folder: Path, items: Iterable[RoomItem], root: Path) -> Pictures:
    """Write the picture of each question as a PNG named by its key; no path, id or metadata comes along.

    Args:
        folder: to write into; made if missing.
        items: the questions.
        root: folder to which the pictures' paths are relative.

    Raises:
        InputError: the folder cannot be written.
    """
    pictures = Pictures()
    for entry in items:
        try:
            data = _png(shown_first(*read_values(root, entry.item)))
        except InputError as error:
            pictures.quarantined.append(quarantine(error, slice_id=entry.key))
            continue
        with store.atomic(folder / picture_name(entry.key)) as temporary:
            temporary.write_bytes(data)
        pictures.keys.add(entry.key)
    return pictures


def shown_first(stored: Stored, facts: SliceFacts) -> npt.NDArray[np.uint8]:
    """Pixel values as the viewer's first window shows them, 0 to 255.

    >>> facts = SliceFacts(
    ...     width_px=3, height_px=1, channels=1, bits=16, slope=1.0, intercept=0.0,
    ...     center=500.0, width=1000.0, least=0.0, most=2000.0,
    ... )
    >>> shown_first(np.array([[0, 500, 2000]], np.uint16), facts).tolist()
    [[0, 128, 255]]
    """
    return window_table(facts.bits, facts.slope, facts.intercept, facts.center, facts.width)[stored]


def _png(pixels: npt.NDArray[np.uint8]) -> bytes:
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", optimize=False, compress_level=6)
    return buffer.getvalue()
