"""A volume in memory, turned to a known orientation, and the geometry of its slices."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from neuroonco.errors import InputError
from neuroonco.vocabulary import PatientSide, Plane
from neuroonco.volumes.rules import volume_rules
from neuroonco.volumes.window import Values, Window, window_of

PLANES = (Plane.AXIAL, Plane.CORONAL, Plane.SAGITTAL)
"""In the order of their slice numbers."""
_AXIS = {Plane.AXIAL: 2, Plane.CORONAL: 1, Plane.SAGITTAL: 0}


@dataclass(frozen=True)
class Volume:
    """A decoded volume.

    Attributes:
        voxels: (a, b, c); if the orientation is known, to the patient's left, to posterior and to superior.
        affine: (4, 4), from voxel indices to millimeters (right, anterior, superior positive); None if the
            orientation is not known.
        spacing_mm: size of a voxel along the three axes; None if not known.
        bit_depth: of a stored value.
        where: name for messages.
    """

    voxels: Values
    affine: npt.NDArray[np.float64] | None
    spacing_mm: tuple[float, float, float] | None
    bit_depth: int
    where: str

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of voxels along the three axes."""
        a, b, c = self.voxels.shape
        return a, b, c

    @property
    def is_oriented(self) -> bool:
        """Whether the sides of the patient are known."""
        return self.affine is not None

    @cached_property
    def window(self) -> Window:
        """Values that become black and white; see :mod:`neuroonco.volumes.window`."""
        rules = volume_rules()
        return window_of(self.voxels, rules.window_low_percentile, rules.window_high_percentile, self.where)

    @cached_property
    def top(self) -> float:
        """The largest value."""
        return float(np.max(self.voxels))

    def take(self, number: int) -> Values:
        """Values of one slice as (height, width), standing as :mod:`neuroonco.volumes` says.

        Raises:
            InputError: ``SLICE_MISSING``: the volume has fewer slices.
        """
        plane, index = locate(self.shape, number, self.where)
        across = np.take(self.voxels, index, axis=_AXIS[plane])
        upright = across[:, ::-1] if self.is_oriented and plane is not Plane.AXIAL else across
        return np.asarray(upright.T)

    def along(self, plane: Plane, values: Values) -> Values:
        """Sum of (a, b, c) ``values`` within each slice of a plane, by index."""
        others = tuple(axis for axis in range(3) if axis != _AXIS[plane])
        return np.asarray(values.sum(axis=others, dtype=np.int64))

    def pixel_mm(self, plane: Plane) -> tuple[float, float] | None:
        """Distance between rows and between columns of a plane's pictures."""
        if self.spacing_mm is None:
            return None
        first, second = (self.spacing_mm[axis] for axis in range(3) if axis != _AXIS[plane])
        return second, first

    def distance_mm(self, plane: Plane) -> float | None:
        """Distance between neighboring slices of a plane."""
        return None if self.spacing_mm is None else self.spacing_mm[_AXIS[plane]]

    def display_left(self, plane: Plane) -> PatientSide | None:
        """The patient's side at the left edge of a plane's pictures."""
        return PatientSide.RIGHT if self.is_oriented and plane is not Plane.SAGITTAL else None


def slice_number(shape: tuple[int, int, int], plane: Plane, index: int) -> int:
    """The number that names a slice of a plane.

    >>> slice_number((5, 6, 7), Plane.AXIAL, 3), slice_number((5, 6, 7), Plane.SAGITTAL, 0)
    (3, 13)
    """
    before = PLANES[: PLANES.index(plane)]
    return sum(shape[_AXIS[p]] for p in before) + index


def slice_count(shape: tuple[int, int, int], plane: Plane) -> int:
    """How many slices of a plane there are."""
    return shape[_AXIS[plane]]


def locate(shape: tuple[int, int, int], number: int, where: str = "") -> tuple[Plane, int]:
    """Plane and index that a slice number names.

    Raises:
        InputError: ``SLICE_MISSING``.

    >>> locate((5, 6, 7), 13)
    (<Plane.SAGITTAL: 'sagittal'>, 0)
    """
    index = number
    for plane in PLANES:
        if 0 <= index < shape[_AXIS[plane]]:
            return plane, index
        index -= shape[_AXIS[plane]]
    found = f"slice {number} of a volume of {' x '.join(map(str, shape))} voxels"
    raise InputError("SLICE_MISSING", found, where=where, fix="catalog the files again")
