"""Which slices belong together: one patient, one file, one anatomy, or copies of each other, followed through."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from xxhash import xxh3_64_intdigest

from neuroonco.audit.records import AuditedLabel
from neuroonco.store import sha256_text

Rows = NDArray[np.int32]


def group_keys(label: AuditedLabel) -> list[str]:
    """What a slice shares with every slice of its group: each key that two slices have in common joins them."""
    record = label.slice
    keys = []
    if record.patient_id is not None:
        keys.append(f"patient/{record.source_id}/{record.patient_id}")
    if record.mask is not None:  # slices with one mask are one anatomy, whatever their sequences
        keys.append(f"mask/{record.mask.path}")
    if record.patient_group is not None:  # slices that curation holds to be one patient's, whatever their source
        keys.append(f"patients/{record.patient_group}")
    if record.duplicate_group is not None:
        keys.append(f"duplicate/{record.duplicate_group}")
    if record.image_sha256:
        keys.append(f"bytes/{record.image_sha256}")
    if record.image_path:
        keys.append(f"file/{record.image_path}")
    return keys


def key_hashes(label: AuditedLabel) -> list[int]:
    """The keys as 64-bit numbers, so that a collection's keys fit in memory; two of a million meet by chance once in
    forty million collections.
    """
    return [xxh3_64_intdigest(key.encode()) for key in group_keys(label)]


def first_rows(rows: NDArray[np.int32], hashes: NDArray[np.uint64], slices: int) -> Rows:
    """First row of the group of each row.

    Args:
        rows: row of the slice that has a key, one entry a key.
        hashes: the key.
        slices: how many rows there are.

    >>> first_rows(np.array([0, 1, 1, 2, 3], np.int32), np.array([7, 7, 9, 5, 9], np.uint64), 4).tolist()
    [0, 0, 2, 0]
    """
    if slices == 0:
        return np.zeros(0, np.int32)
    _, keys = np.unique(hashes, return_inverse=True)
    nodes = slices + int(keys.max(initial=-1)) + 1
    graph = coo_matrix((np.ones(rows.size, np.int32), (rows, keys + slices)), shape=(nodes, nodes))
    _, part = connected_components(graph, directed=False)
    _, first, which = np.unique(part[:slices], return_index=True, return_inverse=True)
    return first[which].astype(np.int32)


def group_name(slice_id: str) -> str:
    """Opaque id of the group whose smallest slice id this is."""
    return "g" + sha256_text(slice_id)[:16]


def group_ids(labels: Sequence[AuditedLabel]) -> dict[str, str]:
    """Group of each slice id; it depends on the group's smallest slice id, not on the order of the labels."""
    ids = sorted({label.slice_id for label in labels})
    row_of = {slice_id: row for row, slice_id in enumerate(ids)}
    pairs = [(row_of[label.slice_id], key) for label in labels for key in key_hashes(label)]
    rows = np.array([row for row, _ in pairs], np.int32)
    first = first_rows(rows, np.array([key for _, key in pairs], np.uint64), len(ids))
    return {slice_id: group_name(ids[first[row]]) for slice_id, row in row_of.items()}
