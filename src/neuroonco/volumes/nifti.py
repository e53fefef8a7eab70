"""NIfTI-1 and NIfTI-2 volumes in one file: the header is judged before any voxel is read."""

import gzip
import zlib
from io import BufferedIOBase
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from neuroonco.errors import InputError
from neuroonco.volumes.extras import require
from neuroonco.volumes.volume import Volume

MAX_VOLUME_BYTES = 512 * 1024**2
MAX_SIDE_VOXELS = 4096
MAX_OFFSET_BYTES = 16 * 1024**2
MIN_SPACING_MM, MAX_SPACING_MM = 0.001, 1000.0
_HEADERS = {348: ("Nifti1Header", b"n+1", 348), 540: ("Nifti2Header", b"n+2", 540)}
_MM = {"mm": 1.0, "unknown": 1.0, "meter": 1000.0, "micron": 0.001}
"""Millimeters a unit; a header that names no unit is taken in millimeters, as the format's tools do."""


def read_nifti(path: Path, where: str) -> Volume:
    """Read a volume and turn it to the orientation of :mod:`neuroonco.volumes`.

    Args:
        path: ``.nii``, or the same compressed by gzip, which its first bytes tell and not its name.
        where: name for messages.

    Raises:
        InputError: not NIfTI, cut off, a header that contradicts itself or the file, not three-dimensional, larger
            than ``MAX_VOLUME_BYTES``, or an affine that is no orientation.
        PrerequisiteError: nibabel is not installed.
    """
    nib = require("nibabel")
    try:
        with path.open("rb") as file:
            is_gzip = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            if not is_gzip:
                return _read(nib, file, where)
            with gzip.GzipFile(fileobj=file) as stream:
                return _read(nib, stream, where)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise InputError(
            "NIFTI_TRUNCATED", "the compressed data break off", where=where, fix="download it again"
        ) from None
    except OSError as error:
        raise InputError("FILE_UNREADABLE", error.strerror or "unreadable", where=where) from None


def _read(nib: Any, stream: BufferedIOBase, where: str) -> Volume:
    header, consumed = _header(nib, stream, where)
    shape, dtype, offset = _extent(header, consumed, where)
    slope, intercept = _scaling(header, where)
    affine, spacing_mm = _orientation(header, where)
    if len(stream.read(offset - consumed)) < offset - consumed:
        raise _truncated(where)
    expected = int(np.prod(shape, dtype=object)) * dtype.itemsize
    data = stream.read(expected)
    if len(data) < expected:
        raise _truncated(where)
    if stream.read(1):
        raise _lies("more bytes follow than its header says", where)
    voxels: npt.NDArray[Any] = np.frombuffer(data, dtype).reshape(shape, order="F")
    if (slope, intercept) != (1.0, 0.0):
        voxels = voxels.astype(np.float32) * np.float32(slope) + np.float32(intercept)
    bit_depth = dtype.itemsize * 8
    if affine is None:
        return Volume(voxels, None, spacing_mm, bit_depth, where)
    return _turned(nib, Volume(voxels, affine, spacing_mm, bit_depth, where))


def _header(nib: Any, stream: BufferedIOBase, where: str) -> tuple[Any, int]:
    first = stream.read(4)
    size = next(
        (int.from_bytes(first, order) for order in ("little", "big") if int.from_bytes(first, order) in _HEADERS), 0
    )
    if size not in _HEADERS:
        raise InputError("NIFTI_INVALID", "not a NIfTI file", where=where)
    name, magic, length = _HEADERS[size]
    block = first + stream.read(length - 4)
    if len(block) < length:
        raise _truncated(where)
    try:
        header = getattr(nib, name)(binaryblock=block, check=False)
    except Exception as error:  # nibabel raises several types on hostile bytes
        raise InputError("NIFTI_INVALID", str(error)[:120], where=where) from None
    if not bytes(header["magic"]).startswith(magic):
        raise InputError("NIFTI_INVALID", "not a NIfTI file that holds its own data", where=where)
    return header, length


def _extent(header: Any, consumed: int, where: str) -> tuple[tuple[int, int, int], np.dtype[Any], int]:
    """Shape, type and position of the voxels, all believable."""
    dims = [int(d) for d in header["dim"]]
    rank, sizes = dims[0], dims[1:4]
    if rank not in (3, 4) or (rank == 4 and dims[4] != 1):
        found = " x ".join(map(str, dims[1 : 1 + rank])) if 0 < rank < 8 else f"{rank} dimensions"
        raise InputError("NIFTI_DIMENSIONS", f"{found}, not one volume", where=where, fix="one volume a file")
    if not all(1 <= size <= MAX_SIDE_VOXELS for size in sizes):
        raise _lies(f"its header says {' x '.join(map(str, sizes))} voxels", where)
    try:
        dtype = np.dtype(header.get_data_dtype())
    except Exception:
        raise _lies(f"unknown data type {int(header['datatype'])}", where) from None
    if dtype.kind not in "iuf" or dtype.itemsize > 8:
        raise InputError("NIFTI_TYPE", f"voxels of type {dtype.name} are not gray values", where=where)
    if int(header["bitpix"]) != dtype.itemsize * 8:
        raise _lies(f"data type {dtype.name} of {int(header['bitpix'])} bits", where)
    total = sizes[0] * sizes[1] * sizes[2] * max(dtype.itemsize, 4)
    if total > MAX_VOLUME_BYTES:
        limit = f"at most {MAX_VOLUME_BYTES // 1024**2} MB in memory"
        raise InputError("VOLUME_TOO_LARGE", f"{' x '.join(map(str, sizes))} voxels, {limit}", where=where)
    start = float(header["vox_offset"])
    if start == 0:
        start = float(consumed)
    if not (np.isfinite(start) and consumed <= start <= MAX_OFFSET_BYTES and start == int(start)):
        raise _lies(f"its voxels begin at byte {start}", where)
    return (sizes[0], sizes[1], sizes[2]), dtype, int(start)


def _scaling(header: Any, where: str) -> tuple[float, float]:
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    if slope == 0:  # the format: values as stored
        return 1.0, 0.0
    if not (np.isfinite(slope) and np.isfinite(intercept)):
        raise InputError("NIFTI_SCALING", f"slope {slope}, intercept {intercept}", where=where, fix="repair the header")
    return slope, intercept


def _orientation(header: Any, where: str) -> tuple[npt.NDArray[np.float64] | None, tuple[float, float, float] | None]:
    """Affine in millimeters and voxel size, of the axes as stored."""
    try:
        to_mm = _MM[header.get_xyzt_units()[0]]
    except KeyError:
        raise _lies("unknown unit of length", where) from None
    if int(header["sform_code"]) <= 0 and int(header["qform_code"]) <= 0:
        sizes = [abs(float(s)) * to_mm for s in header["pixdim"][1:4]]
        known = all(MIN_SPACING_MM <= s < MAX_SPACING_MM for s in sizes)
        return None, (sizes[0], sizes[1], sizes[2]) if known else None
    try:
        affine = np.array(header.get_best_affine(), dtype=np.float64)
    except Exception as error:
        raise InputError("NIFTI_AFFINE", str(error)[:120], where=where) from None
    affine[:3] *= to_mm
    if not np.isfinite(affine).all():
        raise InputError("NIFTI_AFFINE", "the affine holds values that are no numbers", where=where)
    sizes = [float(s) for s in np.sqrt((affine[:3, :3] ** 2).sum(axis=0))]
    if not all(MIN_SPACING_MM <= s < MAX_SPACING_MM for s in sizes):
        found = " x ".join(f"{s:.4g}" for s in sizes)
        raise InputError("NIFTI_AFFINE", f"the affine says voxels of {found} mm", where=where)
    if abs(np.linalg.det(affine[:3, :3] / sizes)) < 0.1:
        raise InputError("NIFTI_AFFINE", "the affine's axes do not span space", where=where)
    return affine, (sizes[0], sizes[1], sizes[2])


def _turned(nib: Any, stored: Volume) -> Volume:
    """The same volume with its axes to left, posterior and superior; a view, nothing is interpolated."""
    turning = nib.orientations
    axes = turning.io_orientation(stored.affine)
    if np.isnan(axes).any() or stored.spacing_mm is None:
        raise InputError("NIFTI_AFFINE", "the affine gives no orientation", where=stored.where)
    change = turning.ornt_transform(axes, turning.axcodes2ornt(("L", "P", "S")))
    affine = stored.affine @ turning.inv_ornt_aff(change, stored.voxels.shape)
    sizes = [float(s) for s in np.sqrt((affine[:3, :3] ** 2).sum(axis=0))]
    voxels = turning.apply_orientation(stored.voxels, change)
    return Volume(voxels, affine, (sizes[0], sizes[1], sizes[2]), stored.bit_depth, stored.where)


def _truncated(where: str) -> InputError:
    what = "the file ends before the voxels its header promises"
    return InputError("NIFTI_TRUNCATED", what, where=where, fix="download it again")


def _lies(what: str, where: str) -> InputError:
    return InputError("NIFTI_INVALID", what, where=where)
