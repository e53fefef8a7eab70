"""Which slices ask the benchmark's questions and which become instructions; no group lies in both."""

import numpy as np
from numpy.typing import NDArray

from neuroonco.build.index import FactIndex
from neuroonco.seeded import shuffled


def benchmark_rows(index: FactIndex, share: float) -> NDArray[np.bool_]:
    """Give groups to the benchmark, in a seeded order, as long as its share of the slices is not exceeded.

    A group (a patient, a file, an anatomy, copies of each other; see :mod:`neuroonco.build.groups`) that is too large
    for what is left is passed over. The same labels and seed give the same split, which is how the two build commands
    keep apart.

    Args:
        index: of all slices; its seed is that of the order.
        share: of the slices that the benchmark may take, 0 to 1.

    Returns:
        For each row whether it is the benchmark's; all others are for instructions.
    """
    firsts, sizes = np.unique(index.first_of_group, return_counts=True)
    size_of = dict(zip(firsts.tolist(), sizes.tolist(), strict=True))
    room = round(share * index.slice_count)
    chosen = []
    for first in shuffled(size_of, index.seed, "split", index.group):
        if size_of[first] <= room:
            chosen.append(first)
            room -= size_of[first]
    return np.isin(index.first_of_group, np.array(chosen, np.int32))
