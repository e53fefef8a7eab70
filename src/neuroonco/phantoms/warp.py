"""Turn a slice of the template into one of an individual: pose, proportions, bends and size of the ventricles."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
import numpy.typing as npt

from neuroonco.phantoms.atlas import TOP_MM, AtlasSlice, atlas_slice
from neuroonco.phantoms.fields import SIDE_PX, Field, smooth_noise
from neuroonco.vocabulary import Plane

Span = tuple[float, float]
Stack = npt.NDArray[np.float32]
"""Fields of shape (256, 256, n)."""
SCALES: Mapping[Plane, Span] = {Plane.AXIAL: (1.02, 1.12), Plane.CORONAL: (1.04, 1.14), Plane.SAGITTAL: (0.96, 1.03)}
"""Pixels per mm."""
CENTERS: Mapping[Plane, Span] = {
    Plane.AXIAL: (127.5, 134.0),
    Plane.CORONAL: (127.5, 122.0),
    Plane.SAGITTAL: (126.0, 125.0),
}
"""Column and row of the asset that come to the middle of the picture."""
FACE_SCALE, FACE_CENTER, FACE_BELOW_MM = 0.94, (127.5, 126.5), -22
"""Axial slices below this level show the face, which needs more room."""
TURN_DEG, STRETCH, SHIFT_PX = 4.5, 0.035, (4.0, 3.0)
"""Largest rotation, logarithm of the ratio of width to height, and shift to the right and down."""
BENDS = ((3, 3.0), (7, 1.0), (13, 0.65))
"""Cells along a side, and standard deviation in mm, of each scale of the elastic warp."""
WIDENING_MM: Span = (-1.0, 3.5)
"""How far the walls of the ventricles move outwards."""


@dataclass(frozen=True)
class Individual:
    """A slice of the template as one head shows it; every field has shape (256, 256).

    Attributes:
        source: the slice.
        x, y: column and row of the asset from which each pixel is taken.
        white, fluid, sulci, nuclei, brain: shares 0 to 1, still blurred as in the average brain.
        outside, skin, wet: distances in mm as in :class:`AtlasSlice`.
        height_mm: above the anterior commissure.
    """

    source: AtlasSlice
    x: Field
    y: Field
    white: Field
    fluid: Field
    sulci: Field
    nuclei: Field
    brain: Field
    outside: Field
    skin: Field
    wet: Field
    height_mm: Field

    def coverage(self, labels: npt.NDArray[np.uint8], label: int) -> Field:
        """Coverage of one label of the asset; a blur takes the steps of its 1 mm grid away."""
        alone = cv2.GaussianBlur(np.where(labels == label, np.uint8(255), np.uint8(0)), (0, 0), 0.75)
        return _taken(np.asarray(alone, np.uint8), self.x, self.y) / np.float32(255)


def draw_individual(source: AtlasSlice, rng: np.random.Generator, boldness: float) -> Individual:
    """Warp a slice of the template.

    Args:
        source: the slice.
        rng: randomness.
        boldness: factor of all that varies.
    """
    plane, level = source.plane, source.level_mm
    x, y = _pose(source, rng, boldness)
    for cells, amount in BENDS:
        drift = rng.normal(0, amount * boldness, (cells, cells, 2)).astype(np.float32)
        moved = cv2.resize(drift, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_CUBIC)
        x, y = x + moved[..., 0], y + moved[..., 1]
    away = _taken(_outwards(plane, level), x, y) * np.float32(rng.uniform(*WIDENING_MM))
    x, y = x - away[..., 0], y - away[..., 1]
    tissue, distances = (_taken(stack, x, y) for stack in _packed(plane, level))
    top = TOP_MM.get(plane)
    return Individual(
        source=source,
        x=x,
        y=y,
        white=tissue[..., 0],
        fluid=tissue[..., 1],
        sulci=tissue[..., 2],
        nuclei=np.ascontiguousarray(tissue[..., 3]),
        outside=distances[..., 0] + np.float32(0.35) * smooth_noise(rng, 34),
        skin=distances[..., 1] + np.float32(rng.uniform(-1.6, 1.0) * boldness),
        wet=np.ascontiguousarray(distances[..., 2]),
        brain=distances[..., 3],
        height_mm=np.full_like(y, level) if top is None else np.float32(top) - y,
    )


def _pose(source: AtlasSlice, rng: np.random.Generator, boldness: float) -> tuple[Field, Field]:
    turn, scale = np.radians(rng.uniform(-TURN_DEG, TURN_DEG) * boldness), float(rng.uniform(*SCALES[source.plane]))
    center = CENTERS[source.plane]
    if source.plane is Plane.AXIAL and source.level_mm < FACE_BELOW_MM:
        scale, center = scale * FACE_SCALE, FACE_CENTER
    stretch = np.float32(np.exp(rng.uniform(-STRETCH, STRETCH) * boldness))
    half = (SIDE_PX - 1) / 2
    columns = np.arange(SIDE_PX, dtype=np.float32)[None, :] - np.float32(half + rng.uniform(-1, 1) * SHIFT_PX[0])
    rows = np.arange(SIDE_PX, dtype=np.float32)[:, None] - np.float32(half + rng.uniform(-1, 1) * SHIFT_PX[1])
    c, s = np.float32(np.cos(turn) / scale), np.float32(np.sin(turn) / scale)
    x = (columns * c + rows * s) * stretch + np.float32(center[0])
    y = (rows * c - columns * s) / stretch + np.float32(center[1])
    return np.asarray(x, np.float32), np.asarray(y, np.float32)


def _taken(field: Stack | npt.NDArray[np.uint8], x: Field, y: Field) -> Stack:
    out = cv2.remap(field, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(out, dtype=np.float32)


@cache
def _packed(plane: Plane, level_mm: int) -> tuple[Stack, Stack]:
    """Fields that are warped together: tissue, and distances with the brain mask."""
    s = atlas_slice(plane, level_mm)
    tissue = np.stack([s.white, s.fluid, s.sulci, s.nuclei], axis=2)
    return tissue, np.stack([s.outside, s.skin, s.wet, s.mask.astype(np.float32)], axis=2)


@cache
def _outwards(plane: Plane, level_mm: int) -> Stack:
    """Direction away from the ventricles as (x, y), fading with the distance."""
    wet = cv2.GaussianBlur(atlas_slice(plane, level_mm).wet, (0, 0), 2.5)
    down, right = np.gradient(wet)
    fade = np.exp(-np.abs(wet) / 7) * np.clip((18 - wet) / 6, 0, 1)
    return np.asarray(np.stack([right * fade, down * fade], axis=2), np.float32)
