"""What lies around the brain and over it: scalp, skull, face and neck; dura, vessels, plexus and spots."""

from collections.abc import Mapping

import cv2
import numpy as np
import numpy.typing as npt

from neuroonco.images import Mask
from neuroonco.phantoms.atlas import Part
from neuroonco.phantoms.fields import Field, edge, smooth_noise
from neuroonco.phantoms.head import Layers, Tissue
from neuroonco.phantoms.tissue import Shares
from neuroonco.phantoms.warp import Individual

SOFT = {Part.MUSCLE: Tissue.MUSCLE, Part.FASCIA: Tissue.FASCIA, Part.FAT: Tissue.FAT}
"""Parts that lie under the skull, in the order of painting."""
HARD = {
    Part.BONE: Tissue.BONE,
    Part.MARROW: Tissue.MARROW,
    Part.MUCOSA: Tissue.MUCOSA,
    Part.AIR: Tissue.AIR,
    Part.EYE: Tissue.EYE,
    Part.NERVE: Tissue.WHITE,
    Part.GLAND: Tissue.GLAND,
    Part.FLUID: Tissue.EYE,
    Part.ARTERY: Tissue.VESSEL,
    Part.SINUS: Tissue.SINUS,
}
"""Parts that lie over it."""
CONTENTS = {
    Part.DURA: Tissue.DURA,
    Part.CHOROID: Tissue.CHOROID,
    Part.GLAND: Tissue.GLAND,
    Part.SINUS: Tissue.SINUS,
    Part.ARTERY: Tissue.VESSEL,
    Part.CORD: Tissue.WHITE,
}
"""Parts inside the skull and the spinal canal."""
BASE_MM, BASE_THICK_MM = -18.0, 2.8
"""Height below which the skull is base, thin and without an even marrow, and its thickness there."""
SCALP_MM, MOST_BONE_MM, TABLE_MM = (2.8, 4.4), 8.0, 1.4
"""Thickness of the scalp, greatest thickness of the vault, and thickness of the bone on each side of its marrow."""
SPOT_COUNTS = (0, 0, 1, 3, 6)
"""Equally frequent numbers of spots in the white matter."""


def layers_around(one: Individual, rng: np.random.Generator, boldness: float) -> Layers:
    """Scalp, face, neck and skull, lowest first."""
    vault = np.clip((one.height_mm - np.float32(BASE_MM)) / 16, 0, 1)
    scalp = np.float32(rng.uniform(*SCALP_MM) + 2 * (boldness - 1)) * (1 + np.float32(0.08) * smooth_noise(rng, 60))
    vault_thick = np.minimum(one.outside - one.skin - scalp, MOST_BONE_MM)
    thick = BASE_THICK_MM + vault * (vault_thick - BASE_THICK_MM)
    marrow = edge(np.minimum(one.outside, thick - one.outside) - TABLE_MM, 0.6) * vault
    within = edge(-one.skin, 0.8)
    galea = np.exp(-np.square((one.outside - thick - np.float32(1.2)) / np.float32(0.8))) * vault
    return (
        (Tissue.FAT, within),
        *((tissue, coverage * within) for tissue, coverage in _parts(one, one.source.around, SOFT)),
        (Tissue.SKIN, within * edge(one.skin + np.float32(1.6), 0.7)),
        (Tissue.MUSCLE, np.asarray(galea * within * np.float32(0.5), np.float32)),
        (Tissue.BONE, edge(thick - one.outside, 0.7)),
        (Tissue.MARROW, np.asarray(marrow * np.float32(rng.uniform(0.35, 0.85)), np.float32)),
        *_parts(one, one.source.around, HARD),
    )


def layers_over(one: Individual, shares: Shares, deep_white: Mask, rng: np.random.Generator) -> Layers:
    """Dura, small vessels in the sulci, spots in the white matter, and the named contents of the skull."""
    lining = np.exp(-np.square((one.outside + np.float32(0.3)) / np.float32(0.9))) * np.float32(0.5)
    narrow = cv2.blur(shares.fluid, (7, 7)) < 0.4
    small = np.clip((smooth_noise(rng, 3.2) - 1.2) * 2, 0, 1) * shares.fluid * narrow
    return (
        (Tissue.DURA, np.asarray(lining, np.float32)),
        (Tissue.VESSEL, np.asarray(small * np.float32(rng.uniform(0.3, 0.9)), np.float32)),
        (Tissue.SPOT, _spots(deep_white, rng)),
        *_parts(one, one.source.inside, CONTENTS),
    )


def _parts(one: Individual, labels: npt.NDArray[np.uint8], chosen: Mapping[Part, Tissue]) -> Layers:
    present = np.bincount(labels.ravel(), minlength=len(Part)) > 0
    return tuple((tissue, one.coverage(labels, part)) for part, tissue in chosen.items() if present[part])


def _spots(where: Mask, rng: np.random.Generator) -> Field:
    """A few small spots, as white matter shows them with age."""
    field = np.zeros(where.shape, np.float32)
    places = np.argwhere(where)
    count = int(rng.choice(SPOT_COUNTS)) if len(places) else 0
    for row, column in places[rng.integers(max(len(places), 1), size=count)]:
        size = (round(float(rng.uniform(14, 35))), round(float(rng.uniform(13, 26))))  # sixteenths of a pixel
        turn = float(rng.uniform(0, 180))
        cv2.ellipse(field, (int(column) * 16, int(row) * 16), size, turn, 0, 360, 1.0, -1, cv2.LINE_8, 4)
    return np.asarray(cv2.GaussianBlur(field, (0, 0), 0.8), np.float32)
