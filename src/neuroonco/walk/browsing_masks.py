"""Masks that the catalogue set aside, joined to the slices that were catalogued without them."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from neuroonco.catalog.records import slice_id_of

Row = Mapping[str, Any]
NOTED = "mask:"
"""How the catalogue's notes begin where a slice's mask was set aside."""


def mask_ids(row: Row) -> Iterator[str]:
    """Ids that an error of a catalogued slice's mask may have; none where no mask of it was set aside.

    How many folders lie above the source is not in the row, so that there is one for each.

    Args:
        row: ``source_id``, ``image_path``, ``image_sha256``, ``notes``.
    """
    if any(str(note).startswith(NOTED) for note in row.get("notes") or ()):
        parts = PurePosixPath(str(row["image_path"])).parts
        for start in range(len(parts)):
            inside = "/".join(parts[start:])
            yield slice_id_of(str(row["source_id"]), f"{inside}#mask", None, str(row["image_sha256"]))


def slices_of_masks(rows: Iterable[Row], set_aside: set[str]) -> dict[str, str]:
    """The slice of each mask that was set aside, by the mask's id; one of several slices has an entry of its own.

    Args:
        rows: of the catalogue, as for :func:`mask_ids`, with ``slice_id``.
        set_aside: ids of all that the catalogue set aside.
    """
    found: dict[str, set[str]] = {}
    for row in rows:
        for mask_id in mask_ids(row):
            if mask_id in set_aside:
                found.setdefault(mask_id, set()).add(str(row["slice_id"]))
    return {mask_id: slices.pop() for mask_id, slices in sorted(found.items()) if len(slices) == 1}
