"""Slices of the MNI152 2009a template, and of a head around it, from the asset of the package.

The asset is baked by ``scripts/bake_template.py``; ``MNI_COPYRIGHT.txt`` beside it holds the notice of the template.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from neuroonco.images import Mask
from neuroonco.phantoms.fields import SIDE_PX, Field
from neuroonco.vocabulary import Plane

ASSET = Path(__file__).with_name("template.npz")
PLANES = (Plane.AXIAL, Plane.CORONAL, Plane.SAGITTAL)
"""Planes by their number in the asset."""
MIDLINE_COLUMN, AXIAL_FRONT_MM, SAGITTAL_FRONT_MM = 128, 121, 120
"""Column of the midplane in axial and coronal slices; y of the first axial row, and of the first sagittal column."""
TOP_MM = {Plane.CORONAL: 118, Plane.SAGITTAL: 112}
"""z of the first row of the other planes."""
DIFFERENCED = frozenset({"white", "fluid", "outside", "skin", "wet"})
"""Arrays stored as second differences."""
HIGHEST = {"white": 31, "fluid": 31, "sulci": 15, "nuclei": 15}
"""Stored value of a share of 1."""


class Part(IntEnum):
    """Labels of the asset."""

    NONE = 0
    MUSCLE = 1
    FAT = 2
    BONE = 3
    MARROW = 4
    AIR = 5
    MUCOSA = 6
    EYE = 7
    NERVE = 8
    GLAND = 9
    CORD = 10
    FLUID = 11
    SINUS = 12
    ARTERY = 13
    CHOROID = 14
    DURA = 15
    FASCIA = 16


@dataclass(frozen=True)
class AtlasSlice:
    """One slice of the template at 1 mm per pixel, (256, 256), in radiological display.

    Attributes:
        plane, level_mm: where it lies, in MNI coordinates.
        white, fluid: shares of tissue; gray matter is the rest of ``mask``.
        mask: the brain.
        sulci: where a sulcus runs that the average brain has blurred, 0 to 1.
        nuclei: coverage of deep gray matter.
        around, inside: :class:`Part` of each pixel outside the skull, and of vessels and glands inside it.
        outside, skin, wet: distance in mm from the inner surface of the skull, from the surface of the head and from
            the ventricles, negative inside, known up to 20 mm.
    """

    plane: Plane
    level_mm: int
    white: Field
    fluid: Field
    mask: Mask
    sulci: Field
    nuclei: Field
    around: npt.NDArray[np.uint8]
    inside: npt.NDArray[np.uint8]
    outside: Field
    skin: Field
    wet: Field


@cache
def _arrays() -> Mapping[str, npt.NDArray[np.generic]]:
    """All arrays of the asset, decoded to their stored values."""
    with np.load(ASSET, allow_pickle=False) as archive:
        stacks = {name: archive[name] for name in archive.files}
    for name in DIFFERENCED:
        for axis in (1, 2):
            stacks[name] = np.add.accumulate(stacks[name], axis=axis, dtype=np.uint8)
    return stacks


@cache
def levels(plane: Plane) -> tuple[int, ...]:
    """MNI levels in mm at which the asset has a slice of a plane, ascending.

    >>> levels(Plane.SAGITTAL)[:3]
    (2, 4, 6)
    """
    stacks = _arrays()
    return tuple(sorted(int(v) for v in stacks["level_mm"][stacks["plane"] == PLANES.index(plane)]))


@cache
def atlas_slice(plane: Plane, level_mm: int) -> AtlasSlice:
    """Load one slice; kept in memory from then on.

    Args:
        plane: orientation.
        level_mm: one of :func:`levels`.

    Raises:
        KeyError: the asset has no such slice.
    """
    stacks = _arrays()
    found = np.flatnonzero((stacks["plane"] == PLANES.index(plane)) & (stacks["level_mm"] == level_mm))
    if not len(found):
        raise KeyError(f"no {plane} slice at {level_mm} mm")
    n = int(found[0])

    def share(name: str) -> Field:
        return np.asarray(stacks[name][n], np.float32) / np.float32(HIGHEST[name])

    def distance(name: str) -> Field:
        coarse = (np.asarray(stacks[name][n], np.float32) - 128) / 4
        return np.asarray(cv2.resize(coarse, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_CUBIC), np.float32)

    return AtlasSlice(
        plane=plane,
        level_mm=level_mm,
        mask=np.asarray(stacks["mask"][n] > 0),
        around=np.asarray(stacks["around"][n], np.uint8),
        inside=np.asarray(stacks["inside"][n], np.uint8),
        white=share("white"),
        fluid=share("fluid"),
        sulci=share("sulci"),
        nuclei=share("nuclei"),
        outside=distance("outside"),
        skin=distance("skin"),
        wet=distance("wet"),
    )
