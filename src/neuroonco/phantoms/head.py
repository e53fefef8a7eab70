"""Anatomy of a phantom: a stack of tissue layers, and where in it each kind of tumour sits."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

import cv2
import numpy as np

from neuroonco.head import Box
from neuroonco.images import Mask
from neuroonco.phantoms.fields import (
    SIDE_PX,
    Field,
    Values,
    distance_inside,
    edge,
    ring_noise,
    smooth_noise,
)

GRAY_RIBBON_PX = 4.2
"""Thickness of the cortex."""
DRAWN_FROM = 0.5
"""A pixel belongs to the head if tissue covers this much of it."""


class Tissue(Enum):
    """What a layer is made of; its gray value depends on the sequence."""

    SCALP = auto()
    BONE = auto()
    MARROW = auto()
    MUSCLE = auto()
    FLUID = auto()
    GRAY = auto()
    DEEP_GRAY = auto()
    WHITE = auto()
    VESSEL = auto()
    CHOROID = auto()
    MUCOSA = auto()
    FAT = auto()
    GLAND = auto()


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


Layers = list[tuple[Tissue, Field]]


@dataclass(frozen=True)
class Head:
    """A drawn head.

    Attributes:
        layers: tissue and coverage (SIDE_PX, SIDE_PX), 0 to 1, painted one over the other.
        side: distance from the midline in pixels, negative in the left half of the image; 0 if there is none.
        intracranial: everything inside the skull, fluid included.
        parenchyma: gray and white matter.
        white: white matter; oedema spreads here.
        deep_white: normal white matter away from cortex and nuclei, against which signal is judged.
        cranium: coverage of the contents of the skull; all that a skull-stripped slice shows.
        sites: pixels in which a tumour of a site may have its centre; absent if the slice does not show it.
    """

    layers: tuple[tuple[Tissue, Field], ...]
    side: Field
    intracranial: Mask
    parenchyma: Mask
    white: Mask
    deep_white: Mask
    cranium: Field
    sites: Mapping[Site, Mask]

    def box(self, *, stripped: bool) -> Box:
        """The true extent of what is drawn: of the head, or of the contents of the skull where it is stripped."""
        coverage = [self.cranium] if stripped else [layer for _, layer in self.layers]
        drawn = np.max(coverage, axis=0) >= DRAWN_FROM
        rows, columns = (np.flatnonzero(drawn.any(axis=axis)) for axis in (1, 0))
        return Box(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)


@dataclass(frozen=True)
class Frame:
    """Coordinates of the head in pixels: x to the right, y downwards, both 0 at its center."""

    x: Field
    y: Field

    @property
    def angle(self) -> Field:
        """Direction from the center, -pi to pi."""
        return np.arctan2(self.y, self.x)

    @property
    def radius(self) -> Field:
        """Distance from the center."""
        return np.hypot(self.x, self.y)

    def about(self, x: float, y: float) -> "Frame":
        """The same coordinates counted from another point."""
        return Frame(x=self.x - np.float32(x), y=self.y - np.float32(y))


def frame(rng: np.random.Generator) -> Frame:
    """A slightly turned, scaled and shifted head frame."""
    turn, scale = np.radians(rng.uniform(-6, 6)), rng.uniform(0.96, 1.05)
    half = (SIDE_PX - 1) / 2
    columns, rows = np.meshgrid(
        np.arange(SIDE_PX, dtype=np.float32) - half - rng.uniform(-12, 12),
        np.arange(SIDE_PX, dtype=np.float32) - half - rng.uniform(-4, 4),
    )
    c, s = np.float32(np.cos(turn) / scale), np.float32(np.sin(turn) / scale)
    return Frame(x=columns * c + rows * s, y=-columns * s + rows * c)


def vault(at: Frame, rng: np.random.Generator, axes: tuple[float, float]) -> Field:
    """Signed distance to a skull outline: an ellipse of the given axes with gentle bumps."""
    angle = at.angle
    radius = axes[0] * axes[1] / np.hypot(axes[1] * np.cos(angle), axes[0] * np.sin(angle))
    radius = radius * (1 + 0.012 * ring_noise(rng, angle, 5))
    return np.asarray(radius - at.radius, dtype=np.float32)


@dataclass(frozen=True)
class Mantle:
    """Cortex of a piece of brain: coverages of fluid in the sulci and of gray matter."""

    fluid: Field
    gray: Field
    depth: Field


def mantle(
    at: Frame,
    rng: np.random.Generator,
    brain: Field,
    *,
    sulcus_px: float = 20.0,
    gyrus_px: float = 8.0,
    fissures: Field | None = None,
) -> Mantle:
    """Fold a cortex into a piece of brain.

    Sulci are the zero lines of a noise that varies fast along the surface and slowly into the depth.

    Args:
        at: coordinates.
        rng: randomness.
        brain: signed distance to the surface of the brain.
        sulcus_px: typical depth of a sulcus.
        gyrus_px: typical width of half a fold.
        fissures: signed distance to named fissures, which have cortex on both sides.
    """
    cells = round(520 / gyrus_px)
    coarse = rng.standard_normal((4, cells)).astype(np.float32)
    coarse = np.hstack([coarse[:, -2:], coarse, coarse[:, :3]])
    fine = cv2.resize(coarse, None, fx=8, fy=8, interpolation=cv2.INTER_CUBIC)
    warp = smooth_noise(rng, 22) * 2.6
    column = ((at.angle + np.pi) / (2 * np.pi) * cells + 2 + warp / gyrus_px) * 8
    row = (np.clip(brain, 0, 60) / 60 * 2.4 + 0.3) * 8
    noise = cv2.remap(fine, column.astype(np.float32), row.astype(np.float32), cv2.INTER_LINEAR)
    noise = cv2.GaussianBlur(noise, (0, 0), 1.2)
    down, right = np.gradient(noise)
    to_line = np.abs(noise) / (np.hypot(down, right) + 1e-3)
    reach = sulcus_px * (1 + 0.45 * smooth_noise(rng, 14))
    # Near the pole of the coordinates the lines would crowd into a star.
    sulci = np.minimum.reduce([0.55 - to_line, (reach - brain) / 3, (at.radius - 48) / 4])
    if fissures is not None:
        sulci = np.maximum(sulci, fissures)
    depth = distance_inside((sulci <= 0) & (brain >= 0))
    gray = edge(np.float32(GRAY_RIBBON_PX) - depth, 0.6)
    return Mantle(fluid=edge(sulci, 0.45), gray=gray, depth=depth)


def shell(head: Field, skull_px: float, scalp_px: float) -> Layers:
    """Scalp and skull around the cranium whose signed distance is ``head``."""
    outer = head + np.float32(skull_px + scalp_px)
    bone = head + np.float32(skull_px)
    diploe = np.float32(skull_px * 0.22) - np.abs(head + np.float32(skull_px * 0.55))
    return [
        (Tissue.SCALP, edge(outer, 0.8)),
        (Tissue.BONE, edge(bone, 0.8)),
        (Tissue.MARROW, edge(diploe, 0.6) * np.float32(0.7)),
    ]


def folia(along: Values, lobe: Field, bark_px: float, rng: np.random.Generator) -> Layers:
    """Leaves of the cerebellum: gray matter of the given thickness, grooved along a coordinate."""
    bark = edge(lobe) * edge(np.float32(bark_px) * (1 + 0.15 * smooth_noise(rng, 16)) - lobe, 2.0)
    wave = np.abs(np.sin((along + 2.5 * smooth_noise(rng, 24)) * np.float32(np.pi / 4.5)))
    return [
        (Tissue.GRAY, bark),
        (Tissue.FLUID, bark * edge((0.24 - wave) * 4, 0.6) * np.float32(0.45)),
    ]


def assemble(
    layers: Layers,
    side: Field,
    cranium: Field,
    brain: Field,
    sites: Mapping[Site, Mask],
) -> Head:
    """Derive the masks of a head from its layers.

    Args:
        layers: all layers, lowest first.
        side: see :class:`Head`.
        cranium: signed distance to the inside of the skull.
        brain: signed distance to the surface of the cerebrum.
        sites: sites that the plane itself defines.
    """
    white, matter = np.zeros_like(side), np.zeros_like(side)
    for tissue, coverage in layers:
        white += coverage * ((tissue is Tissue.WHITE) - white)
        matter += coverage * ((tissue in (Tissue.WHITE, Tissue.GRAY, Tissue.DEEP_GRAY)) - matter)
    intracranial = cranium > 0
    is_white = (white > 0.9) & intracranial
    deep = cv2.erode(is_white.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool)
    common = {
        Site.DURA: (cranium > 3) & (cranium < 8),
        Site.CORTEX: (brain > 6) & (brain < 16),
        Site.JUNCTION: (brain > 12) & (brain < 30) & is_white,
        Site.DEEP_WHITE: deep,
    }
    return Head(
        layers=tuple(layers),
        side=side,
        intracranial=intracranial,
        parenchyma=np.asarray((matter > 0.5) & intracranial),
        white=is_white,
        deep_white=deep,
        cranium=edge(cranium, 0.8),
        sites={**common, **sites},
    )
