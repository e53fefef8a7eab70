"""What each phantom is to show: attributes dealt so that consecutive numbers are balanced."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from neuroonco.vocabulary import (
    Edema,
    Enhancement,
    LesionSize,
    LesionSpread,
    Margins,
    MRSequence,
    Plane,
    Shape,
    SignalIntensity,
    Texture,
    TumorType,
)

T = TypeVar("T")
HEALTHY_EVERY = 8
"""One slice in so many is healthy."""
TYPES = tuple(t for t in TumorType if t.is_specific)
PLANES = (Plane.AXIAL, Plane.AXIAL, Plane.CORONAL, Plane.SAGITTAL)
"""Half of the slices are axial, as in public collections."""
SHAPES = (Shape.ROUND, Shape.OVAL, Shape.LOBULATED, Shape.IRREGULAR)
ENHANCEMENTS = (Enhancement.SOLID, Enhancement.RING, Enhancement.PATCHY, Enhancement.ABSENT)
EDEMAS = (Edema.ABSENT, Edema.MILD, Edema.EXTENSIVE)
TEXTURES = (Texture.HOMOGENEOUS, Texture.HOMOGENEOUS, Texture.HETEROGENEOUS)
"""Weighted, because ring and patchy enhancement and mixed signal are heterogeneous by definition."""
SPREADS = (LesionSpread.SOLITARY,) * 4 + (LesionSpread.DOMINANT_WITH_SATELLITES, LesionSpread.SCATTERED)
SPREADS_METASTASIS = (
    LesionSpread.SCATTERED,
    LesionSpread.SCATTERED,
    LesionSpread.DOMINANT_WITH_SATELLITES,
    LesionSpread.SOLITARY,
)


@dataclass(frozen=True)
class LesionPlan:
    """What a lesion is to look like; None where the sequence cannot show it."""

    shape: Shape
    margins: Margins
    texture: Texture
    enhancement: Enhancement | None
    edema: Edema | None
    signal_intensity: SignalIntensity | None
    size: LesionSize
    spread: LesionSpread


@dataclass(frozen=True)
class SlicePlan:
    """What a slice is to show; a healthy one has no lesion."""

    tumor_type: TumorType
    sequence: MRSequence
    plane: Plane
    lesion: LesionPlan | None


def dealt(seed: int, name: str, index: int, cards: Sequence[T]) -> T:
    """Card number ``index`` of a deck that is shuffled anew each time it is used up.

    Every run of ``len(cards)`` cards from a multiple of that number on holds each card once.

    >>> sorted(dealt(7, "abc", i, "abc") for i in range(3, 6))
    ['a', 'b', 'c']
    """
    rounds, place = divmod(index, len(cards))
    entropy = np.random.SeedSequence(seed, spawn_key=(rounds, *name.encode()))
    return cards[int(np.random.default_rng(entropy).permutation(len(cards))[place])]


def plan_slice(seed: int, number: int) -> SlicePlan:
    """The plan of slice ``number`` of the series ``seed``; numbers start at 0."""
    block, place = divmod(number, HEALTHY_EVERY)
    healthy_place = dealt(seed, "healthy", block * HEALTHY_EVERY, range(HEALTHY_EVERY))
    plane = dealt(seed, "plane", number, PLANES)
    if place == healthy_place:
        return SlicePlan(TumorType.HEALTHY, dealt(seed, "healthy sequence", block, tuple(MRSequence)), plane, None)
    tumor = block * (HEALTHY_EVERY - 1) + place - (place > healthy_place)
    tumor_type = dealt(seed, "type", tumor, TYPES)
    sequence = dealt(seed, "sequence", tumor, tuple(MRSequence))
    return SlicePlan(tumor_type, sequence, plane, _plan_lesion(seed, tumor, tumor_type, sequence))


def _plan_lesion(seed: int, tumor: int, tumor_type: TumorType, sequence: MRSequence) -> LesionPlan:
    # Each deck of sequences holds each once: so many slices of one sequence came before.
    earlier = tumor // len(MRSequence)
    enhancement = edema = signal = None
    if sequence is MRSequence.T1CE:
        enhancement = dealt(seed, "enhancement", earlier, ENHANCEMENTS)
    else:
        signal = dealt(seed, f"signal {sequence}", earlier, tuple(SignalIntensity))
    if sequence in (MRSequence.T2, MRSequence.FLAIR):
        edema = dealt(seed, f"edema {sequence}", earlier, EDEMAS)
    texture = dealt(seed, "texture", tumor, TEXTURES)
    if signal is SignalIntensity.MIXED or enhancement in (Enhancement.RING, Enhancement.PATCHY):
        texture = Texture.HETEROGENEOUS
    if tumor_type is TumorType.METASTASIS:
        spread = dealt(seed, "spread metastasis", tumor // len(TYPES), SPREADS_METASTASIS)
    else:
        spread = dealt(seed, "spread", tumor, SPREADS)
    return LesionPlan(
        shape=dealt(seed, "shape", tumor, SHAPES),
        margins=dealt(seed, "margins", tumor, tuple(Margins)),
        texture=texture,
        enhancement=enhancement,
        edema=edema,
        signal_intensity=signal,
        size=dealt(seed, "size", tumor, tuple(LesionSize)),
        spread=spread,
    )
