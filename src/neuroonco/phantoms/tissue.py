"""Tissue of an individual: the average brain sharpened, its sulci opened, and the masks that lesions need."""

from dataclasses import dataclass

import cv2
import numpy as np

from neuroonco.images import Mask
from neuroonco.phantoms.fields import Field, edge, smooth_noise
from neuroonco.phantoms.warp import Individual

FORAMEN_MM = 74.0
"""How far below the anterior commissure the contents of the skull end."""
SHRINKAGE = (-0.25, 0.15)
"""How far sulci are open: from a young to an aged brain."""
SHARPENING, NUCLEAR_BLUR = 1.2, 0.55
"""How much the border of the white matter is sharpened, and the share of it that nuclei and brain stem are spared."""
LITTLE_WHITE_PX = 200
"""Where less pure white matter than this is in sight, as near the midplane, the purest that there is counts."""


@dataclass(frozen=True)
class Shares:
    """Shares of tissue inside the skull, each (256, 256), 0 to 1; their sum is at most 1."""

    white: Field
    gray: Field
    fluid: Field


@dataclass(frozen=True)
class Regions:
    """Masks of :class:`~neuroonco.phantoms.head.Head`, and the coverage of the contents of the skull."""

    intracranial: Mask
    parenchyma: Mask
    white_matter: Mask
    deep_white: Mask
    ventricles: Mask
    cranium: Field


def shares_of(one: Individual, rng: np.random.Generator) -> Shares:
    """Sharpen the tissue of the average brain and open its sulci."""
    shrinkage = float(rng.uniform(*SHRINKAGE))
    stem = np.clip(1 - np.abs(one.white - 0.45) * 3, 0, 1) * (one.outside < -30)
    gain = 1 + SHARPENING * (1 - NUCLEAR_BLUR * np.maximum(one.nuclei, stem))
    white = np.clip(0.5 + (one.white - np.float32(0.5)) * gain, 0, 1)
    strength = one.sulci * (1 + 0.35 * smooth_noise(rng, 9)) * (1 + 0.25 * smooth_noise(rng, 30))
    folds = np.clip(1.5 * strength - np.float32(0.55 - shrinkage), 0, 1)
    pools = np.clip(0.5 + (one.fluid - np.float32(0.5 - 0.25 * shrinkage)) * 1.9, 0, 1)
    pools = np.maximum(pools, edge(-one.wet, 0.8) * (one.fluid > 0.2))
    room = edge(-one.outside, 0.7)
    matter = room * np.clip((one.brain - 0.5) * 1.6 + 0.5, 0, 1) * (1 - np.maximum(folds, pools))
    return Shares(
        white=np.asarray(matter * white, np.float32),
        gray=np.asarray(matter * (1 - white), np.float32),
        fluid=np.asarray(room - matter, np.float32),
    )


def regions_of(one: Individual, shares: Shares) -> Regions:
    """Masks of a brain from its shares of tissue."""
    within = edge(one.height_mm + np.float32(FORAMEN_MM), 1.5)
    crisp = (shares.white > 0.6) & (one.nuclei < 0.4)
    deep = crisp & _all_around(shares.white > 0.85, 5) & (one.wet > 3)
    if deep.sum() < LITTLE_WHITE_PX:
        near = np.where(crisp & (one.wet > 1.5), cv2.blur(shares.white, (3, 3)), 0)
        deep = near >= max(np.partition(near, -LITTLE_WHITE_PX, axis=None)[-LITTLE_WHITE_PX], 0.5)
    return Regions(
        intracranial=np.asarray((one.outside < 0) & (within > 0.5)),
        parenchyma=np.asarray(shares.white + shares.gray > 0.5),
        white_matter=np.asarray(crisp),
        deep_white=np.asarray(deep),
        ventricles=np.asarray((one.wet < 0.7) & (shares.fluid > 0.5)),
        cranium=np.asarray(within * (shares.white + shares.gray + shares.fluid), np.float32),
    )


def _all_around(mask: Mask, side_px: int) -> Mask:
    return np.asarray(cv2.erode(mask.astype(np.uint8), np.ones((side_px, side_px), np.uint8)) > 0)
