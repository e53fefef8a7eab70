"""Volumes and the medical formats: NIfTI, Jun Cheng's MATLAB files, DICOM (extra ``volumes``).

A slice of a volume is a record whose ``image_path`` is the volume's file and whose ``image_slice`` is a number within
the volume *as oriented here*; nothing is cut to pictures on disk.

**Orientation.** Through its affine a NIfTI volume is turned, by whole axes and without interpolation, so that its
axes run to the patient's left, to posterior and to superior. Pictures then stand as radiologists hang them:

=========  ================  ==================  ================
plane      row 0             column 0            ``display_left``
=========  ================  ==================  ================
axial      anterior          patient's right     right
coronal    superior          patient's right     right
sagittal   superior          anterior            None
=========  ================  ==================  ================

An oblique volume takes the nearest axes. Without orientation in the header (sform and qform codes 0) nothing is
turned: slices lie along the third stored axis, a row of the picture is the first axis, and no side is known.

**Slice numbers.** Axial slices count from 0 (inferior) up; coronal ones (from anterior back) follow after the last
axial, sagittal ones (from the patient's right to left) after the last coronal: one number names plane and place.

**Gray values.** A volume's window is set by percentiles of its own non-zero voxels (rules ``volumes.window_*``), one
window for all of its slices.

A process keeps the last decoded volumes, so that slices of one volume in a row decode it once.
"""

from neuroonco.volumes.lesions import lesion_extent, read_lesion_extent, read_lesion_slice
from neuroonco.volumes.read import read_slice
from neuroonco.volumes.records import LesionExtent
from neuroonco.volumes.rules import VolumeRules, volume_rules

__all__ = [
    "LesionExtent",
    "VolumeRules",
    "lesion_extent",
    "read_lesion_extent",
    "read_lesion_slice",
    "read_slice",
    "volume_rules",
]
