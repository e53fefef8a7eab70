"""Which slices of a volume become records."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from neuroonco.volumes.rules import VolumeRules

Counts = npt.NDArray[np.int64]


def choose_slices(
    lesion_px: Counts | None, tissue_px: Counts, distance_mm: float | None, rules: VolumeRules
) -> list[int]:
    """Indices of the slices to keep, ascending.

    With a lesion, and if the rules ask for it, the slices with the largest lesion area, the lower index first where
    areas are equal, each at least ``min_distance_mm`` from those before; then, if wanted, slices without lesion that
    are as far from any lesion, fullest first. Otherwise every n-th slice, counted from the middle. Slices without
    lesion need the rules' share of tissue.

    Args:
        lesion_px: lesion pixels of each slice; None without a mask.
        tissue_px: pixels of each slice that are not background.
        distance_mm: between neighboring slices; if unknown, one millimeter is assumed.
        rules: section ``[volumes]``.

    >>> from neuroonco.volumes.rules import volume_rules
    >>> rules = volume_rules().model_copy(update={"slices_per_volume": 2, "min_distance_mm": 2.0})
    >>> choose_slices(np.array([0, 4, 9, 8, 7]), np.full(5, 10), 1.0, rules)
    [2, 4]
    """
    apart = rules.min_distance_mm / (distance_mm or 1.0)
    fullest = int(tissue_px.max(initial=0))
    has_tissue = tissue_px >= max(rules.min_tissue_share * fullest, 1)
    if lesion_px is None or not lesion_px.any() or rules.slice_choice == "every_nth":
        middle = len(tissue_px) // 2
        return [i for i in range(middle % rules.every_n, len(tissue_px), rules.every_n) if has_tissue[i]]
    with_lesion = sorted(np.flatnonzero(lesion_px), key=lambda i: (-int(lesion_px[i]), int(i)))
    chosen = _apart(with_lesion, [], apart, rules.slices_per_volume)
    without = sorted(np.flatnonzero((lesion_px == 0) & has_tissue), key=lambda i: (-int(tissue_px[i]), int(i)))
    healthy = _apart(without, [int(i) for i in with_lesion], apart, rules.healthy_slices)
    return sorted([*chosen, *healthy])


def _apart(candidates: Sequence[np.intp], taken: Sequence[int], apart: float, wanted: int) -> list[int]:
    """The first candidates that keep their distance from each other and from what is taken."""
    chosen: list[int] = []
    for candidate in map(int, candidates):
        if len(chosen) == wanted:
            break
        if all(abs(candidate - other) >= apart for other in (*taken, *chosen)):
            chosen.append(candidate)
    return chosen
