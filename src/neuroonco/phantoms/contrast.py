"""Contrast of a head: gray values of its tissues in each sequence."""

from collections.abc import Mapping

import numpy as np

from neuroonco.phantoms.fields import SIDE_PX, Field, Values, smooth_noise
from neuroonco.phantoms.head import Head, Tissue
from neuroonco.vocabulary import MRSequence, PhantomStyle

SEQUENCES = (MRSequence.T1, MRSequence.T1CE, MRSequence.T2, MRSequence.FLAIR)
"""Columns of the tables of gray values."""
GRAY_LEVELS: Mapping[Tissue, tuple[float, float, float, float]] = {
    Tissue.AIR: (5, 5, 5, 5),
    Tissue.SKIN: (110, 120, 78, 80),
    Tissue.BONE: (18, 18, 14, 15),
    Tissue.MARROW: (130, 126, 72, 68),
    Tissue.MUSCLE: (84, 90, 44, 58),
    Tissue.FASCIA: (100, 104, 56, 66),
    Tissue.FAT: (205, 198, 132, 124),
    Tissue.MUCOSA: (88, 170, 175, 135),
    Tissue.EYE: (36, 32, 228, 30),
    Tissue.FLUID: (27, 25, 226, 22),
    Tissue.GRAY: (102, 94, 110, 122),
    Tissue.DEEP_GRAY: (110, 99, 94, 108),
    Tissue.WHITE: (138, 114, 80, 95),
    Tissue.SPOT: (112, 100, 150, 165),
    Tissue.VESSEL: (42, 215, 24, 30),
    Tissue.SINUS: (50, 232, 34, 38),
    Tissue.DURA: (60, 150, 60, 62),
    Tissue.CHOROID: (72, 205, 150, 92),
    Tissue.GLAND: (110, 196, 98, 106),
}
"""Gray value of each tissue: an order as in clinical images, not a simulation of relaxation times."""
HELD_OUT_LEVELS: Mapping[Tissue, tuple[float, float, float, float]] = {
    Tissue.FAT: (226, 170, 168, 84),
    Tissue.FLUID: (36, 32, 214, 30),
    Tissue.GRAY: (111, 98, 121, 131),
    Tissue.DEEP_GRAY: (119, 104, 100, 117),
    Tissue.WHITE: (138, 120, 92, 106),
    Tissue.VESSEL: (48, 190, 30, 36),
    Tissue.SINUS: (66, 214, 44, 48),
}
"""Where the held-out style differs."""
BACKGROUND = 3.0
"""Gray value of the air around the head."""
GRAIN = {PhantomStyle.TUNED: 0.016, PhantomStyle.HELD_OUT: 0.022}
"""Unevenness of normal tissue, as a share of its gray value."""
SPREAD = 0.03
"""By how much the gray value of a tissue varies from head to head, as a share of it; that of white matter does not."""


def tissue_levels(sequence: MRSequence, style: PhantomStyle) -> dict[Tissue, float]:
    """Gray value of each tissue."""
    table = GRAY_LEVELS if style is PhantomStyle.TUNED else {**GRAY_LEVELS, **HELD_OUT_LEVELS}
    return {tissue: values[SEQUENCES.index(sequence)] for tissue, values in table.items()}


def white_level(sequence: MRSequence, style: PhantomStyle) -> float:
    """Gray value of normal white matter before bias and noise.

    >>> white_level(MRSequence.T2, PhantomStyle.TUNED)
    80
    """
    return tissue_levels(sequence, style)[Tissue.WHITE]


def paint_head(head: Head, sequence: MRSequence, style: PhantomStyle, rng: np.random.Generator) -> Field:
    """Noise-free gray values of a head, skull and scalp included.

    Args:
        head: what to paint.
        sequence: MR sequence, which orders the tissues.
        style: which gray values.
        rng: randomness of single tissues and of their grain.

    Returns:
        (256, 256) gray values, 0 to 255 but for the grain.
    """
    level = {
        tissue: value * (1 if tissue is Tissue.WHITE else float(np.clip(rng.normal(1, SPREAD), 0.93, 1.07)))
        for tissue, value in tissue_levels(sequence, style).items()
    }
    image: Values = np.full((SIDE_PX, SIDE_PX), BACKGROUND, np.float32)
    for tissue, coverage in head.around:
        image += coverage * (np.float32(level[tissue]) - image)
    gray = np.float32(level[Tissue.GRAY]) + head.nuclei * np.float32(level[Tissue.DEEP_GRAY] - level[Tissue.GRAY])
    brain = head.white * np.float32(level[Tissue.WHITE]) + head.gray * gray
    within = head.white + head.gray + head.fluid
    image = image * (1 - within) + brain + head.fluid * np.float32(level[Tissue.FLUID])
    for tissue, coverage in head.over:
        image += coverage * (np.float32(level[tissue]) - image)
    grain = smooth_noise(rng, 5) * np.float32(0.5) + smooth_noise(rng, 18)
    return np.asarray(image * (1 + np.float32(GRAIN[style]) * grain), np.float32)
