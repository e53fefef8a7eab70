"""Volumes, MAT and DICOM files for tests."""

from pathlib import Path
from typing import Any

import numpy as np

SHAPE_LPS = (40, 48, 20)
"""Voxels to the left, to posterior, to superior."""


def head_lps(lesion_value: int = 900) -> tuple[Any, Any]:
    """A head with every voxel different, and a lesion on the patient's right; axes to left, posterior, superior."""
    left, back, up = np.indices(SHAPE_LPS)
    image = (100 + left + 40 * (back % 7) + 3 * up).astype(np.int16)
    outside = ((left - 19.5) / 18) ** 2 + ((back - 23.5) / 22) ** 2 > 1
    image[outside] = 0
    seg = np.zeros(SHAPE_LPS, dtype=np.uint8)
    seg[6:14, 20:30, 5:9] = 2
    seg[8:12, 22:28, 7] = 4
    seg[5:15, 19:31, 7] = np.where(seg[5:15, 19:31, 7] == 0, 1, seg[5:15, 19:31, 7])
    image[seg > 0] = lesion_value
    return image, seg


def affine_lps(spacing_mm: tuple[float, float, float] = (1.0, 1.5, 4.0)) -> Any:
    """The affine of voxels to left, posterior, superior: the world's first two axes run to right and anterior."""
    affine = np.diag([-spacing_mm[0], -spacing_mm[1], spacing_mm[2], 1.0])
    affine[:3, 3] = (20.0, 30.0, -15.0)
    return affine


def stored_as(
    voxels: Any, affine: Any, order: tuple[int, int, int] = (0, 1, 2), flips: tuple[bool, ...] = (False,) * 3
) -> tuple[Any, Any]:
    """The same volume with its axes in another order and direction, and the affine that says so."""
    moved = voxels.transpose(order)
    matrix = np.zeros((4, 4))
    matrix[3, 3] = 1
    for new_axis, old_axis in enumerate(order):
        side = voxels.shape[old_axis]
        matrix[old_axis, new_axis] = -1.0 if flips[new_axis] else 1.0
        matrix[old_axis, 3] = side - 1 if flips[new_axis] else 0.0
    moved = moved[tuple(slice(None, None, -1) if flip else slice(None) for flip in flips)]
    return np.ascontiguousarray(moved), affine @ matrix


def write_nifti(path: Path, voxels: Any, affine: Any | None) -> Path:
    """A NIfTI-1 file; without an affine, one that does not state its orientation."""
    import nibabel

    image = nibabel.Nifti1Image(voxels, affine)
    image.header.set_xyzt_units("mm")
    if affine is None:
        image.header["pixdim"][1:4] = (1.0, 2.0, 3.0)
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(image, path)
    return path


def write_cheng(path: Path, image: Any, mask: Any | None, label: float = 2.0, patient: str = "100360") -> Path:
    """A file as MATLAB 7.3 writes it: HDF5 behind a block of 512 bytes, arrays column by column."""
    import h5py

    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w", userblock_size=512) as file:
        group = file.create_group("cjdata")
        group["image"] = np.ascontiguousarray(image.T)
        group["label"] = np.array([[label]])
        group["PID"] = np.array([[ord(c)] for c in patient], dtype=np.uint16)
        group["tumorBorder"] = np.zeros((1, 8))
        if mask is not None:
            group["tumorMask"] = np.ascontiguousarray(mask.T.astype(np.uint8))
    with path.open("r+b") as raw:
        raw.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64")
    return path


def write_dicom(path: Path, pixels: Any, **elements: Any) -> Path:
    """A DICOM MR slice; elements given as None are left out."""
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = elements.get("SOPClassUID", "1.2.840.10008.5.1.4.1.1.4")
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[path.name])
    meta.TransferSyntaxUID = elements.pop("TransferSyntaxUID", ExplicitVRLittleEndian)
    data = FileDataset(path, {}, file_meta=meta, preamble=b"\0" * 128)
    values = {
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.4",
        "SOPInstanceUID": meta.MediaStorageSOPInstanceUID,
        "Modality": "MR",
        "PatientID": "Mustermann-1",
        "PatientName": "Mustermann^Erika",
        "SeriesInstanceUID": "1.2.3.4",
        "Rows": pixels.shape[0],
        "Columns": pixels.shape[1],
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": 16,
        "BitsStored": 12,
        "HighBit": 11,
        "PixelRepresentation": 0,
        "PixelSpacing": [0.5, 0.75],
        "SliceThickness": 5,
        "SpacingBetweenSlices": 6.5,
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
        "ImagePositionPatient": [0, 0, 10],
        "PixelData": pixels.astype("<u2").tobytes(),
        **elements,
    }
    for name, value in values.items():
        if value is not None:
            setattr(data, name, value)
    path.parent.mkdir(parents=True, exist_ok=True)
    data.save_as(path, enforce_file_format=True)
    return path
