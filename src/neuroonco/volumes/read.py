"""The door to the pictures of volumes."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from neuroonco import images
from neuroonco.errors import InputError
from neuroonco.images import Gray
from neuroonco.volumes.dicom import read_dicom
from neuroonco.volumes.mat import read_cheng
from neuroonco.volumes.nifti import MAX_VOLUME_BYTES, read_nifti
from neuroonco.volumes.rules import volume_rules
from neuroonco.volumes.volume import Volume
from neuroonco.volumes.window import Values, to_gray, window_of

NIFTI_SUFFIXES = (".nii", ".nii.gz")
MAT_SUFFIX, DICOM_SUFFIX = ".mat", ".dcm"
MAX_KEPT = 2
"""Decoded volumes that a process keeps: an image and its mask."""


def read_slice(root: Path, relative: str, number: int | None) -> Gray:
    """Picture of a slice as (height, width) uint8.

    Args:
        root: folder to which the path is relative.
        relative: path of the file; its ending says the format.
        number: of the slice, see :mod:`neuroonco.volumes`; None for a file of one slice.

    Raises:
        InputError: see the formats' readers; ``SLICE_MISSING``.
        PrerequisiteError: the extra ``volumes`` is not installed.
    """
    name = relative.lower()
    if name.endswith(NIFTI_SUFFIXES):
        volume = open_nifti(root, relative)
        return to_gray(volume.take(numbered(number, relative)), volume.window)
    path = file_in(root, relative)
    if name.endswith(MAT_SUFFIX):
        return gray_of(read_cheng(path, relative).image, relative)
    if name.endswith(DICOM_SUFFIX):
        return gray_of(read_dicom(path, relative).values, relative)
    fix = f"expected {', '.join(images.VOLUME_SUFFIXES)}"
    raise InputError("VOLUME_FORMAT", "not a volume, by its name", where=relative, fix=fix)


def slice_values(root: Path, relative: str, number: int | None) -> tuple[Values, Volume | None]:
    """Values of a slice in the file's own units, standing as its picture does, and the volume it was cut from.

    Args:
        root, relative, number: see :func:`read_slice`.

    Returns:
        (height, width) of the file's type, or of floating point where the file rescales; and None for a file of one
        slice, which has a window of its own.

    Raises:
        InputError: see :func:`read_slice`.
        PrerequisiteError: the extra ``volumes`` is not installed.
    """
    name = relative.lower()
    if name.endswith(MAT_SUFFIX):
        return read_cheng(file_in(root, relative), relative).image, None
    if name.endswith(DICOM_SUFFIX):
        return read_dicom(file_in(root, relative), relative).values, None
    if not name.endswith(NIFTI_SUFFIXES):
        fix = f"expected {', '.join(images.VOLUME_SUFFIXES)}"
        raise InputError("VOLUME_FORMAT", "not a volume, by its name", where=relative, fix=fix)
    volume = open_nifti(root, relative)
    return volume.take(numbered(number, relative)), volume


def gray_of(values: Values, where: str) -> Gray:
    """A single slice's values as gray, in a window of their own.

    Raises:
        InputError: ``VOLUME_EMPTY``.
    """
    rules = volume_rules()
    return to_gray(values, window_of(values, rules.window_low_percentile, rules.window_high_percentile, where))


def open_nifti(root: Path, relative: str) -> Volume:
    """Decode a volume, or take it from the last ones.

    Raises:
        InputError: see :func:`neuroonco.volumes.nifti.read_nifti`.
    """
    return _LAST.get(file_in(root, relative), lambda path: read_nifti(path, relative))


def file_in(root: Path, relative: str) -> Path:
    """Path of a regular file under the root.

    Raises:
        InputError: outside, or missing.
    """
    path = images.resolve(root, relative)
    try:
        if path.is_file():
            return path
    except OSError as error:
        raise InputError("FILE_UNREADABLE", error.strerror or "unreadable", where=relative) from None
    raise InputError("FILE_MISSING", "no such file", where=relative)


def numbered(number: int | None, where: str) -> int:
    """The number of a slice that has to have one; ``SLICE_MISSING`` if it has none."""
    if number is None:
        raise InputError("SLICE_MISSING", "a volume, and no slice of it is named", where=where)
    return number


class LastVolumes:
    """The last decoded volumes, bounded in number and bytes; a file that has changed is read again."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[Any, ...], Volume] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, path: Path, read: Callable[[Path], Volume]) -> Volume:
        """A volume, decoded now or before."""
        status = path.stat()
        key = (str(path.absolute()), status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            volume = read(path)
            self._kept[key] = volume
            while len(self._kept) > 1 and (
                len(self._kept) > MAX_KEPT or sum(v.voxels.nbytes for v in self._kept.values()) > MAX_VOLUME_BYTES
            ):
                self._kept.popitem(last=False)
            return volume


_LAST = LastVolumes()
