"""What each phantom is to show: attributes dealt so that consecutive numbers are balanced."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from neuroonco.phantoms.shares import SHARES, Shares
from neuroonco.vocabulary import (
    Edema,
    Enhancement,
    HardCase,
    LesionSize,
    LesionSpread,
    Margins,
    MRSequence,
    PhantomStyle,
    Plane,
    Shape,
    SignalIntensity,
    Texture,
    TumorType,
)

T = TypeVar("T")
HEALTHY_EVERY = 8
"""One slice in so many is healthy."""
HARD_EVERY = 5
"""One slice in so many is hard on purpose."""
TYPES = tuple(t for t in TumorType if t.is_specific)
HARD_WITHOUT_LESION = (HardCase.MOTION, HardCase.MIRRORED)
STRIPPED = (True, False, False, False)
"""One slice in four is without skull and scalp."""


@dataclass(frozen=True)
class LesionPlan:
    """What a lesion is to look like. Its oedema is drawn on every sequence, also where it may not be judged.

    ``enhancement`` is None but on T1 with contrast, ``signal_intensity`` on it.
    """

    shape: Shape
    margins: Margins
    texture: Texture
    enhancement: Enhancement | None
    edema: Edema
    signal_intensity: SignalIntensity | None
    size: LesionSize
    spread: LesionSpread


@dataclass(frozen=True)
class SlicePlan:
    """What a slice is to show; a healthy one has no lesion."""

    tumor_type: TumorType
    sequence: MRSequence
    plane: Plane
    stripped: bool
    lesion: LesionPlan | None
    hard_cases: tuple[HardCase, ...] = ()


def dealt(seed: int, name: str, index: int, cards: Sequence[T]) -> T:
    """Card number ``index`` of a deck that is shuffled anew each time it is used up.

    Every run of ``len(cards)`` cards from a multiple of that number on holds each card once.

    >>> sorted(dealt(7, "abc", i, "abc") for i in range(3, 6))
    ['a', 'b', 'c']
    """
    return dealt_again(seed, name, index, cards)[0]


def dealt_again(seed: int, name: str, index: int, cards: Sequence[T]) -> tuple[T, int]:
    """The card as in :func:`dealt`, and how many equal ones were dealt before it.

    >>> [dealt_again(7, "aab", i, "aab")[1] for i in range(6) if dealt(7, "aab", i, "aab") == "a"]
    [0, 1, 2, 3]
    """
    rounds, place = divmod(index, len(cards))
    entropy = np.random.SeedSequence(seed, spawn_key=(rounds, *name.encode()))
    order = np.random.default_rng(entropy).permutation(len(cards))
    card = cards[int(order[place])]
    in_round = sum(cards[int(i)] == card for i in order[:place])
    return card, rounds * sum(c == card for c in cards) + in_round


def plan_slice(seed: int, number: int, style: PhantomStyle = PhantomStyle.TUNED) -> SlicePlan:
    """The plan of slice ``number`` of the series ``seed``; numbers start at 0."""
    shares = SHARES[style]
    block, place = divmod(number, HEALTHY_EVERY)
    healthy_place = dealt(seed, "healthy", block * HEALTHY_EVERY, range(HEALTHY_EVERY))
    plane = dealt(seed, "plane", number, shares.planes)
    stripped = dealt(seed, "stripped", number, STRIPPED)
    hard = _hard_case(seed, number)
    if place == healthy_place:
        sequence = dealt(seed, "healthy sequence", block, shares.sequences)
        if hard is not None and hard not in HARD_WITHOUT_LESION:
            hard = dealt(seed, "hard healthy", block, HARD_WITHOUT_LESION)
        return SlicePlan(TumorType.HEALTHY, sequence, plane, stripped, None, () if hard is None else (hard,))
    tumor = block * (HEALTHY_EVERY - 1) + place - (place > healthy_place)
    tumor_type = dealt(seed, "type", tumor, TYPES)
    sequence, earlier = dealt_again(seed, "sequence", tumor, shares.sequences)
    lesion = _plan_lesion(seed, tumor, tumor_type, sequence, earlier, shares)
    if hard is not None:
        lesion = _harder(lesion, hard)
    return SlicePlan(tumor_type, sequence, plane, stripped, lesion, () if hard is None else (hard,))


def _hard_case(seed: int, number: int) -> HardCase | None:
    block, place = divmod(number, HARD_EVERY)
    if place != dealt(seed, "hard", block * HARD_EVERY, range(HARD_EVERY)):
        return None
    return dealt(seed, "hard kind", block, tuple(HardCase))


def _plan_lesion(
    seed: int, tumor: int, tumor_type: TumorType, sequence: MRSequence, earlier: int, shares: Shares
) -> LesionPlan:
    """``earlier``: how many lesions were planned on this sequence before."""
    enhancement = signal = None
    if sequence is MRSequence.T1CE:
        enhancement = dealt(seed, "enhancement", earlier, shares.enhancements)
    else:
        signal = dealt(seed, f"signal {sequence}", earlier, shares.signals)
    texture = dealt(seed, "texture", tumor, shares.textures)
    if signal is SignalIntensity.MIXED or enhancement in (Enhancement.RING, Enhancement.PATCHY):
        texture = Texture.HETEROGENEOUS
    if tumor_type is TumorType.METASTASIS:
        spread = dealt(seed, "spread metastasis", tumor // len(TYPES), shares.spreads_metastasis)
    else:
        spread = dealt(seed, "spread", tumor, shares.spreads)
    return LesionPlan(
        shape=dealt(seed, "shape", tumor, shares.shapes),
        margins=dealt(seed, "margins", tumor, shares.margins),
        texture=texture,
        enhancement=enhancement,
        edema=dealt(seed, f"edema {sequence}", earlier, shares.edemas),
        signal_intensity=signal,
        size=dealt(seed, "size", tumor, shares.sizes),
        spread=spread,
    )


def _harder(plan: LesionPlan, hard: HardCase) -> LesionPlan:
    if hard is HardCase.ISOINTENSE:
        if plan.signal_intensity is None:
            return replace(plan, enhancement=Enhancement.ABSENT)
        return replace(plan, signal_intensity=SignalIntensity.ISOINTENSE)
    if hard is HardCase.SMALL:
        return replace(plan, size=LesionSize.SMALL, spread=LesionSpread.SOLITARY)
    if hard is HardCase.TWO_LESIONS:
        return replace(plan, spread=LesionSpread.SCATTERED)
    if hard is HardCase.NEAR_RIM and plan.size is LesionSize.LARGE:
        return replace(plan, size=LesionSize.MEDIUM)
    return plan
