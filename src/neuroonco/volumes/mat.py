"""Slices of Jun Cheng's brain tumour collection: MATLAB 7.3 files, which are HDF5.

A file holds one structure ``cjdata`` with ``image``, ``label``, ``PID``, ``tumorBorder`` and ``tumorMask`` (described
on the collection's page, doi:10.6084/m9.figshare.1512427). MATLAB stores columns first and HDF5 rows first, so that
arrays are read transposed; here they are turned back, and picture and mask stand as MATLAB shows them.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from neuroonco.errors import InputError
from neuroonco.images import MAX_FILE_BYTES, MAX_SIDE_PX
from neuroonco.volumes.extras import require
from neuroonco.volumes.window import Values

MAX_ARRAY_BYTES = 64 * 1024**2
MAX_ID_CHARACTERS = 64
_FILTERS = {1, 2, 3}
"""Deflate, shuffle and checksum, which the library itself has; every other filter would load code from a plug-in."""


@dataclass(frozen=True)
class ChengSlice:
    """One file.

    Attributes:
        image: (height, width) as stored, usually int16.
        mask: (height, width) bool, or None if the file has none.
        label: number of the tumour's class; None if it is no whole number.
        patient_id: None if it cannot be read as a line of text.
    """

    image: Values
    mask: Values | None
    label: int | None
    patient_id: str | None


def read_cheng(path: Path, where: str, *, with_image: bool = True) -> ChengSlice:
    """Read one file.

    Args:
        path: of the file.
        where: name for messages.
        with_image: False leaves the image empty, for who needs the mask only.

    Raises:
        InputError: not HDF5, without ``cjdata``, with data that lie in other files, with an unknown filter, of
            absurd size, or a mask of another size than its image.
        PrerequisiteError: h5py is not installed.
    """
    h5py = require("h5py")
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise InputError("IMAGE_TOO_LARGE", f"{size} bytes, at most {MAX_FILE_BYTES}", where=where)
        with h5py.File(path, "r") as file:
            group = _member(h5py, file, "cjdata", where)
            if not isinstance(group, h5py.Group):
                raise InputError("MAT_INVALID", "cjdata is not a structure", where=where)
            image = _picture(h5py, group, "image", where, read=with_image)
            mask = _picture(h5py, group, "tumorMask", where) if _has(group, "tumorMask") else None
            expected = _picture_shape(h5py, group, "image", where)
            if mask is not None and mask.shape != expected:
                found = f"mask is {mask.shape[1]} x {mask.shape[0]} px, its image {expected[1]} x {expected[0]}"
                raise InputError("MASK_SIZE", found, where=where)
            return ChengSlice(
                image=image,
                mask=None if mask is None else mask != 0,
                label=_label(h5py, group, where),
                patient_id=_patient_id(h5py, group, where),
            )
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError("FILE_MISSING", "no such file", where=where) from None
    except Exception as error:
        # h5py raises OSError, KeyError, RuntimeError, ValueError, ... on hostile bytes, and all mean the same
        what = "not an HDF5 (MATLAB 7.3) file, or damaged"
        raise InputError("MAT_INVALID", f"{what}: {str(error)[:80]}", where=where) from None


def _has(group: Any, name: str) -> bool:
    """Whether there is a link of this name; `in` would follow it, even into another file."""
    return group.get(name, getlink=True) is not None


def _member(h5py: Any, group: Any, name: str, where: str) -> Any:
    """A member that lies in this file: links are refused before they are followed."""
    if not _has(group, name):
        raise InputError("MAT_INVALID", f"no {name} in the file", where=where, fix="expected cjdata of Jun Cheng")
    link = group.get(name, getlink=True)
    if not isinstance(link, h5py.HardLink):
        raise InputError("MAT_LINKED", f"{name} is a link to somewhere else", where=where)
    return group[name]


def _dataset(h5py: Any, group: Any, name: str, where: str) -> Any:
    dataset = _member(h5py, group, name, where)
    if not isinstance(dataset, h5py.Dataset) or dataset.dtype.kind not in "iufb":
        raise InputError("MAT_INVALID", f"{name} is not an array of numbers", where=where)
    if dataset.is_virtual or dataset.external:
        raise InputError("MAT_LINKED", f"the values of {name} lie in another file", where=where)
    chunk = dataset.chunks or (1,)
    largest = max(_bytes(dataset.shape, dataset.dtype.itemsize), _bytes(chunk, dataset.dtype.itemsize))
    if largest > MAX_ARRAY_BYTES:
        limit = f"at most {MAX_ARRAY_BYTES // 1024**2} MB"
        raise InputError("IMAGE_TOO_LARGE", f"{name}: {largest} bytes, {limit}", where=where)
    properties = dataset.id.get_create_plist()
    filters = {properties.get_filter(number)[0] for number in range(properties.get_nfilters())}
    if not filters <= _FILTERS:
        raise InputError("MAT_FILTER", f"{name} is packed with filter {min(filters - _FILTERS)}", where=where)
    return dataset


def _bytes(shape: tuple[int, ...], itemsize: int) -> int:
    total = itemsize
    for side in shape:
        total *= int(side)
    return total


def _picture_shape(h5py: Any, group: Any, name: str, where: str) -> tuple[int, int]:
    shape = _dataset(h5py, group, name, where).shape
    if len(shape) != 2 or not all(1 <= side <= MAX_SIDE_PX for side in shape):
        raise InputError("MAT_INVALID", f"{name} has the shape {shape}, not that of a picture", where=where)
    return int(shape[1]), int(shape[0])


def _picture(h5py: Any, group: Any, name: str, where: str, *, read: bool = True) -> Values:
    _picture_shape(h5py, group, name, where)
    if not read:
        return np.zeros((0, 0), dtype=np.int16)
    return np.ascontiguousarray(_dataset(h5py, group, name, where)[()].T)


def _label(h5py: Any, group: Any, where: str) -> int | None:
    if not _has(group, "label"):
        return None
    dataset = _dataset(h5py, group, "label", where)
    if dataset.size != 1:
        return None
    value = float(dataset[()].reshape(-1)[0])
    return int(value) if np.isfinite(value) and value == int(value) else None


def _patient_id(h5py: Any, group: Any, where: str) -> str | None:
    """Text from an array of character codes, which is how MATLAB stores it."""
    if not _has(group, "PID"):
        return None
    dataset = _dataset(h5py, group, "PID", where)
    if dataset.dtype.kind not in "iu" or not 1 <= dataset.size <= MAX_ID_CHARACTERS:
        return None
    codes = [int(code) for code in dataset[()].reshape(-1)]
    if not all(0 < code < 0xD800 for code in codes):
        return None
    text = "".join(map(chr, codes)).strip()
    return text if text and text.isprintable() else None
