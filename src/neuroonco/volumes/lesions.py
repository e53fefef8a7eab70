"""Masks that are volumes: the lesion of a slice, and its extent in space."""

from pathlib import Path

import numpy as np

from neuroonco import masks
from neuroonco.catalog.records import MaskRef
from neuroonco.errors import InputError
from neuroonco.images import Mask
from neuroonco.volumes.mat import read_cheng
from neuroonco.volumes.read import MAT_SUFFIX, NIFTI_SUFFIXES, file_in, numbered, open_nifti
from neuroonco.volumes.records import LesionExtent
from neuroonco.volumes.volume import Volume


def read_lesion_slice(root: Path, mask: MaskRef, label_values_to: int = masks.LABEL_VALUES_TO) -> Mask:
    """Lesion pixels of a slice whose mask is a volume or lies in a file of :mod:`neuroonco.volumes.mat`.

    Without declared label values it is the whole volume, not the slice, that decides whether a mask holds labels or
    gray values.

    Raises:
        InputError: as :func:`read_slice`; ``MASK_FORMAT``: no mask of a format that is read here.
    """
    name = mask.path.lower()
    if name.endswith(MAT_SUFFIX):
        found = read_cheng(file_in(root, mask.path), mask.path, with_image=False).mask
        if found is None:
            raise InputError("FILE_MISSING", "no tumorMask in the file", where=mask.path)
        return found
    if not name.endswith(NIFTI_SUFFIXES):
        raise InputError("MASK_FORMAT", "not a mask volume", where=mask.path, fix="expected .nii or .nii.gz")
    volume = open_mask(root, mask.path)
    values = volume.take(numbered(mask.slice_index, mask.path))
    return masks.foreground(values, mask.lesion_values, label_values_to, top=volume.top)


def read_lesion_extent(root: Path, mask: MaskRef, label_values_to: int = masks.LABEL_VALUES_TO) -> LesionExtent | None:
    """Volume and edges of the lesion of which a mask shows one slice.

    Returns:
        None if the mask is no volume, its voxels' size or orientation is not known, or it marks no lesion.

    Raises:
        InputError: the mask cannot be read.
        PrerequisiteError: the extra ``volumes`` is not installed.
    """
    if mask.slice_index is None or not mask.path.lower().endswith(NIFTI_SUFFIXES):
        return None
    volume = open_mask(root, mask.path)
    if not volume.is_oriented or volume.spacing_mm is None:
        return None
    return lesion_extent(lesion_of(volume, mask, label_values_to), volume.spacing_mm)


def lesion_of(volume: Volume, mask: MaskRef, label_values_to: int = masks.LABEL_VALUES_TO) -> Mask:
    """Lesion voxels of a mask volume, (a, b, c)."""
    return masks.foreground(volume.voxels, mask.lesion_values, label_values_to, top=volume.top)


def lesion_extent(lesion: Mask, spacing_mm: tuple[float, float, float]) -> LesionExtent | None:
    """Size of everything that a mask volume marks; None if it marks nothing.

    Args:
        lesion: bool, axes left to right, anterior to posterior, inferior to superior, in any direction.
        spacing_mm: size of a voxel along these axes.

    >>> lesion = np.zeros((8, 8, 8), dtype=bool)
    >>> lesion[2:4, 3:6, 1:5] = True
    >>> lesion_extent(lesion, (1.0, 2.0, 0.5))
    LesionExtent(volume_mm3=24.0, extent_mm=(2.0, 6.0, 2.0), slice_count=4)
    """
    present = [lesion.any(axis=others) for others in ((1, 2), (0, 2), (0, 1))]
    if not present[0].any():
        return None
    spans = [np.flatnonzero(line) for line in present]
    left, front, up = (float(s[-1] - s[0] + 1) * mm for s, mm in zip(spans, spacing_mm, strict=True))
    return LesionExtent(
        volume_mm3=float(np.count_nonzero(lesion)) * spacing_mm[0] * spacing_mm[1] * spacing_mm[2],
        extent_mm=(left, front, up),
        slice_count=len(spans[2]),
    )


def open_mask(root: Path, relative: str) -> Volume:
    """Decode a volume of whole numbers.

    Raises:
        InputError: as :func:`open_nifti`; ``MASK_VALUES``: values between the whole numbers.
    """
    volume = open_nifti(root, relative)
    if volume.voxels.dtype.kind == "f" and not (volume.voxels == np.rint(volume.voxels)).all():
        raise InputError("MASK_VALUES", "a mask holds whole numbers, this volume others", where=relative)
    return volume


def open_mask_of(volume: Volume, root: Path, relative: str, max_shift_mm: float) -> Volume:
    """The mask volume, if its voxels are those of the image.

    Args:
        volume: the image.
        root: folder to which the path is relative.
        relative: path of the mask.
        max_shift_mm: how far their corners may be apart.

    Raises:
        InputError: as :func:`open_mask`; ``MASK_SIZE`` or ``MASK_AFFINE``.
    """
    found = open_mask(root, relative)
    if found.shape != volume.shape:
        sizes = (" x ".join(map(str, shape)) for shape in (found.shape, volume.shape))
        what = "mask of {} voxels, its image of {}".format(*sizes)
        raise InputError("MASK_SIZE", what, where=relative, fix="pair the mask with its own image")
    shift = _shift_mm(found, volume)
    if shift > max_shift_mm:
        what = f"mask and image are up to {shift:.3g} mm apart" if np.isfinite(shift) else "one has no orientation"
        raise InputError("MASK_AFFINE", what, where=relative, fix="pair the mask with its own image")
    return found


def _shift_mm(first: Volume, second: Volume) -> float:
    """The largest distance between the same corners of two volumes of equal shape."""
    if first.affine is None or second.affine is None:
        return 0.0 if first.affine is second.affine else float("inf")
    corners = np.stack(np.meshgrid(*[(0, side - 1) for side in first.shape], [1], indexing="ij"), -1).reshape(-1, 4)
    apart = corners @ (first.affine - second.affine).T
    return float(np.linalg.norm(apart[:, :3], axis=1).max())
