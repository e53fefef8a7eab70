"""DICOM files of one MR slice each, shown as stored; a series is put in order by where its slices lie.

Each file is one slice with a window of its own. Nothing that names a person is kept: the patient's id becomes a
short hash.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from neuroonco.errors import InputError
from neuroonco.images import MAX_PIXELS, MAX_SIDE_PX
from neuroonco.store import sha256_text
from neuroonco.vocabulary import PatientSide, Plane
from neuroonco.volumes.extras import require
from neuroonco.volumes.window import Values

MAX_DICOM_BYTES = 64 * 1024**2
MR_IMAGE = "1.2.840.10008.5.1.4.1.1.4"
READABLE = {
    "1.2.840.10008.1.2",  # implicit little endian
    "1.2.840.10008.1.2.1",  # explicit little endian
    "1.2.840.10008.1.2.2",  # explicit big endian
    "1.2.840.10008.1.2.5",  # run lengths
}
"""Transfer syntaxes that need no decoder of pictures and cannot unpack to more than the header says."""
MAX_TILT = 0.02
"""How far two axes may be from a right angle, as the cosine between them."""
_PLANE = (Plane.SAGITTAL, Plane.CORONAL, Plane.AXIAL)

Vector = tuple[float, float, float]


@dataclass(frozen=True)
class DicomSlice:
    """One file.

    Attributes:
        values: (height, width), rescaled as the file says; higher is brighter.
        bit_depth: bits of a stored value.
        spacing_mm: distance between rows and between columns.
        thickness_mm: distance between neighboring slices if the file states it, else the slice's own thickness.
        rows, columns: unit vectors along a row and along a column, to the patient's left, posterior and superior;
            None where the file does not state them.
        position_mm: of the first pixel, in the same directions.
        patient_id: a hash; None if the file has none.
        series: a hash of the series' UID; None if the file has none.
    """

    values: Values
    bit_depth: int
    spacing_mm: tuple[float, float] | None
    thickness_mm: float | None
    rows: Vector | None
    columns: Vector | None
    position_mm: Vector | None
    patient_id: str | None
    series: str | None

    @property
    def display_left(self) -> PatientSide | None:
        """The patient's side at the left edge; None where rows do not run from side to side."""
        if self.rows is None or _main_axis(self.rows) != 0:
            return None
        return PatientSide.RIGHT if self.rows[0] > 0 else PatientSide.LEFT

    @property
    def plane(self) -> Plane | None:
        """The body's plane nearest to the slice."""
        normal = self.normal
        return None if normal is None else _PLANE[_main_axis(normal)]

    @property
    def normal(self) -> Vector | None:
        """Unit vector across the slice."""
        if self.rows is None or self.columns is None:
            return None
        x, y, z = np.cross(self.rows, self.columns)
        return float(x), float(y), float(z)

    @property
    def depth_mm(self) -> float | None:
        """Where the slice lies along its normal."""
        if self.normal is None or self.position_mm is None:
            return None
        return float(np.dot(self.normal, self.position_mm))


def read_dicom(path: Path, where: str) -> DicomSlice:
    """Read one file.

    Raises:
        InputError: not DICOM, of another modality than MR (``DICOM_MODALITY``), no single image, compressed in a way
            that needs a decoder, without pixels or with pixels that contradict the header.
        PrerequisiteError: pydicom is not installed.
    """
    pydicom = require("pydicom")
    try:
        size = path.stat().st_size
    except OSError as error:
        raise InputError("FILE_UNREADABLE", error.strerror or "unreadable", where=where) from None
    if size > MAX_DICOM_BYTES:
        raise InputError("IMAGE_TOO_LARGE", f"{size} bytes, at most {MAX_DICOM_BYTES}", where=where)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _check_syntax(pydicom.filereader.read_file_meta_info(path), where)
            return _slice(pydicom.dcmread(path), where)
    except InputError:
        raise
    except Exception as error:  # pydicom raises many types on hostile bytes, and all mean the same
        raise InputError("DICOM_INVALID", str(error)[:120] or type(error).__name__, where=where) from None


def _check_syntax(meta: Any, where: str) -> None:
    """Before the rest is read: one syntax packs the whole file, and unpacks it without a limit."""
    syntax = meta.get("TransferSyntaxUID")
    if syntax is None:
        raise InputError("DICOM_INVALID", "no transfer syntax", where=where)
    if str(syntax) not in READABLE:
        name = f"{str(getattr(syntax, 'name', ''))[:40]} ({str(syntax)[:64]})"
        fix = "unpack it with a DICOM tool to explicit little endian"
        raise InputError("DICOM_COMPRESSED", f"transfer syntax {name} needs a decoder", where=where, fix=fix)


def _slice(data: Any, where: str) -> DicomSlice:
    modality = str(data.get("Modality", "none"))[:16]
    if modality != "MR":
        raise InputError("DICOM_MODALITY", f"modality {modality}, not MR", where=where)
    if str(data.get("SOPClassUID", "")) != MR_IMAGE:
        name = getattr(data.get("SOPClassUID"), "name", "unknown")
        raise InputError("DICOM_CLASS", f"{name[:80]}, not a single MR image", where=where)
    if int(data.get("NumberOfFrames") or 1) != 1 or int(data.get("SamplesPerPixel") or 1) != 1:
        raise InputError("DICOM_CLASS", "several frames or colors, not one gray image", where=where)
    height, width = int(data.get("Rows") or 0), int(data.get("Columns") or 0)
    if "PixelData" not in data or min(height, width) < 1:
        raise InputError("DICOM_NO_PIXELS", "the file holds no pixels", where=where)
    if max(height, width) > MAX_SIDE_PX or height * width > MAX_PIXELS:
        raise InputError("IMAGE_TOO_LARGE", f"{width} x {height} px", where=where)
    stored = np.asarray(data.pixel_array)
    if stored.shape != (height, width):
        raise InputError("DICOM_INVALID", f"pixels of shape {stored.shape}", where=where)
    rows, columns = _directions(_numbers(data, "ImageOrientationPatient", 6), where)
    between, thickness = (_lengths(_numbers(data, n, 1)) for n in ("SpacingBetweenSlices", "SliceThickness"))
    thickness = between if between is not None else thickness
    patient, series = data.get("PatientID"), data.get("SeriesInstanceUID")
    return DicomSlice(
        values=_bright(stored, data, where),
        bit_depth=int(data.get("BitsStored") or 16),
        spacing_mm=_pair(_lengths(_numbers(data, "PixelSpacing", 2))),
        thickness_mm=thickness[0] if thickness is not None else None,
        rows=rows,
        columns=columns,
        position_mm=_vector(_numbers(data, "ImagePositionPatient", 3)),
        patient_id=f"p{sha256_text('dicom patient', str(patient))[:12]}" if patient else None,
        series=sha256_text("dicom series", str(series))[:12] if series else None,
    )


def _bright(stored: Values, data: Any, where: str) -> Values:
    """Rescaled values; where the file says that low is white, they are turned over."""
    slope, intercept = _numbers(data, "RescaleSlope", 1), _numbers(data, "RescaleIntercept", 1)
    values = stored
    if slope is not None or intercept is not None:
        factor, shift = (slope or [1.0])[0], (intercept or [0.0])[0]
        if factor == 0:
            raise InputError("DICOM_INVALID", "rescale slope 0", where=where)
        if (factor, shift) != (1.0, 0.0):
            values = stored.astype(np.float64) * factor + shift
    interpretation = str(data.get("PhotometricInterpretation", "MONOCHROME2"))
    if interpretation == "MONOCHROME1":
        return np.asarray(values.max().astype(np.float64) - values)
    if interpretation != "MONOCHROME2":
        raise InputError("DICOM_CLASS", f"photometric interpretation {interpretation[:20]}", where=where)
    return values


def _numbers(data: Any, name: str, count: int) -> list[float] | None:
    """An element as finite numbers, or None if it is missing or something else."""
    value = data.get(name)
    if value is None or value == "":
        return None
    try:
        numbers = [float(v) for v in (value if count > 1 else [value])]
    except (TypeError, ValueError):
        return None
    return numbers if len(numbers) == count and np.isfinite(numbers).all() else None


def _lengths(numbers: list[float] | None) -> list[float] | None:
    return numbers if numbers is not None and all(0 < n < 1000 for n in numbers) else None


def _pair(numbers: list[float] | None) -> tuple[float, float] | None:
    return None if numbers is None else (numbers[0], numbers[1])


def _vector(numbers: list[float] | None) -> Vector | None:
    return None if numbers is None else (numbers[0], numbers[1], numbers[2])


def _directions(numbers: list[float] | None, where: str) -> tuple[Vector | None, Vector | None]:
    if numbers is None:
        return None, None
    rows, columns = np.array(numbers[:3]), np.array(numbers[3:])
    faults = [float(np.linalg.norm(rows)) - 1, float(np.linalg.norm(columns)) - 1, float(rows @ columns)]
    if max(map(abs, faults)) > MAX_TILT:
        raise InputError("DICOM_ORIENTATION", "the image's axes are no right angle of unit length", where=where)
    return _vector(numbers[:3]), _vector(numbers[3:])


def _main_axis(vector: Vector) -> int:
    return int(np.argmax(np.abs(vector)))


def order_series(slices: Sequence[tuple[str, DicomSlice]]) -> dict[str, list[str]]:
    """The files of each series, in order along the normal; what has no series or place is left out.

    Args:
        slices: name and content of each file.

    Returns:
        Series hash -> names; equal places are ordered by name.
    """
    found: dict[str, list[tuple[float, str]]] = {}
    for name, one in slices:
        if one.series is not None and one.depth_mm is not None:
            found.setdefault(one.series, []).append((one.depth_mm, name))
    return {series: [name for _, name in sorted(members)] for series, members in sorted(found.items())}
