"""A head in one slice: shares of tissue, masks that lesions need, and what is painted around and over the brain.

Pictures are radiological: the patient's left is at the right of the picture, in axial and coronal slices. In sagittal
slices the face looks to the left of the picture.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto

import cv2
import numpy as np

from neuroonco.head import Box
from neuroonco.images import Mask
from neuroonco.phantoms.fields import Field
from neuroonco.vocabulary import Plane

DRAWN_FROM = 0.5
"""A pixel belongs to the head if tissue covers this much of it."""


class Tissue(Enum):
    """What a layer is made of; its gray value depends on the sequence."""

    AIR = auto()
    SKIN = auto()
    BONE = auto()
    MARROW = auto()
    MUSCLE = auto()
    FASCIA = auto()
    FLUID = auto()
    GRAY = auto()
    DEEP_GRAY = auto()
    WHITE = auto()
    VESSEL = auto()
    SINUS = auto()
    DURA = auto()
    CHOROID = auto()
    MUCOSA = auto()
    FAT = auto()
    GLAND = auto()
    EYE = auto()
    SPOT = auto()


class Site(Enum):
    """Where a tumour type typically sits."""

    DURA = auto()
    SELLA = auto()
    ANGLE = auto()
    VERMIS = auto()
    VENTRICLE = auto()
    DEEP_WHITE = auto()
    CORTEX = auto()
    JUNCTION = auto()


Layers = tuple[tuple[Tissue, Field], ...]
"""Tissues and their coverage (256, 256), 0 to 1, painted one over the other."""


@dataclass(frozen=True)
class Head:
    """A slice through a head; every field has shape (256, 256).

    Attributes:
        plane: orientation of the slice.
        white, gray, fluid: shares of tissue inside the skull, 0 to 1; their sum is at most 1.
        nuclei: how much of the gray matter is deep gray, 0 to 1.
        side: +1 in the patient's left half, -1 in the right, 0 everywhere in a sagittal slice.
        intracranial: everything inside the skull, fluid included.
        parenchyma: gray and white matter, without fluid.
        white_matter: white matter with a crisp border; edema spreads here.
        deep_white: normal white matter away from cortex, nuclei and ventricles, against which signal is judged.
        ventricles: fluid inside the brain.
        cranium: coverage of what stays when skull and scalp are stripped, 0 to 1.
        head: coverage of the whole head, 0 to 1.
        around: layers outside the brain, painted first.
        over: layers inside the skull, painted over the tissue shares.
        sites: pixels in which a tumour of a site may have its center; only the sites that the slice shows.
    """

    plane: Plane
    white: Field
    gray: Field
    fluid: Field
    nuclei: Field
    side: Field
    intracranial: Mask
    parenchyma: Mask
    white_matter: Mask
    deep_white: Mask
    ventricles: Mask
    cranium: Field
    head: Field
    around: Layers
    over: Layers
    sites: Mapping[Site, Mask]

    def box(self, *, stripped: bool) -> Box:
        """The true extent of what is drawn: of the head, or of the contents of the skull where it is stripped."""
        drawn = (self.cranium if stripped else self.head) >= DRAWN_FROM
        rows, columns = (np.flatnonzero(drawn.any(axis=axis)) for axis in (1, 0))
        return Box(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)

    def warped(self, map_x: Field, map_y: Field) -> "Head":
        """Move all that lies inside the skull, as mass effect does; skull, scalp and face stay.

        Args:
            map_x, map_y: (256, 256) column and row from which each pixel is taken; firm at the skull, else the brain
                would leave it.

        Returns:
            The moved head; ``intracranial``, ``cranium``, ``head`` and ``around`` are as before.
        """

        def moved(field: Field) -> Field:
            taken = cv2.remap(field, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            return np.asarray(taken, dtype=np.float32)

        def moved_mask(mask: Mask) -> Mask:
            return np.asarray(moved(mask.astype(np.float32)) > 0.5) & self.intracranial

        return replace(
            self,
            white=moved(self.white),
            gray=moved(self.gray),
            fluid=moved(self.fluid),
            nuclei=moved(self.nuclei),
            side=np.sign(moved(self.side)).astype(np.float32),
            parenchyma=moved_mask(self.parenchyma),
            white_matter=moved_mask(self.white_matter),
            deep_white=moved_mask(self.deep_white),
            ventricles=moved_mask(self.ventricles),
            over=tuple((tissue, moved(coverage)) for tissue, coverage in self.over),
            sites={site: moved_mask(mask) for site, mask in self.sites.items()},
        )
