"""Agreement of two readings against hand-computed and published figures."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuroonco.readings.records import LesionReading, Signs
from neuroonco.score.agreement import agreement, cohen_kappa
from neuroonco.vocabulary import ImageRegion, LesionBasis, MRSequence, Shape, Texture


def reading(**changes: Any) -> LesionReading:
    return LesionReading(**{"slice_id": "s", "sample_id": "s", "reader": "x", "lesion_found": True} | changes)


def test_published_kappa() -> None:
    # Fleiss, Levin, Paik, Statistical Methods for Rates and Proportions, table 18.1 in percent of 100 cases.
    kappa = cohen_kappa(np.array([[75, 1, 4], [5, 4, 1], [0, 0, 10]]))
    assert kappa.value == pytest.approx(0.676, abs=0.001)
    assert kappa.low is not None
    assert kappa.high is not None
    # Its large-sample standard error is 0.088.
    assert kappa.low == pytest.approx(0.676 - 1.96 * 0.088, abs=0.03)
    assert kappa.high == pytest.approx(0.676 + 1.96 * 0.088, abs=0.03)


def test_high_agreement_can_have_no_kappa_to_speak_of() -> None:
    kappa = cohen_kappa(np.array([[95, 2], [3, 0]]))
    assert kappa.value is not None
    assert kappa.value < 0


@given(st.lists(st.lists(st.integers(0, 20), min_size=3, max_size=3), min_size=3, max_size=3))
def test_kappa_does_not_depend_on_who_is_first(rows: list[list[int]]) -> None:
    matrix = np.array(rows)
    one, other = cohen_kappa(matrix).value, cohen_kappa(matrix.T).value
    assert (one is None) == (other is None)
    if one is not None:
        assert one == pytest.approx(other)
        assert -1 <= one <= 1


def test_silence_is_no_agreement_and_failures_count_apart() -> None:
    pairs = [
        (reading(signs=Signs(shape=Shape.ROUND)), reading(signs=Signs(shape=Shape.ROUND))),
        (reading(signs=Signs(shape=Shape.ROUND)), reading(signs=Signs(shape=Shape.OVAL))),
        (reading(signs=Signs(shape=Shape.OVAL)), reading(signs=Signs(shape=Shape.OVAL))),
        (reading(signs=Signs(shape=Shape.OVAL)), reading()),
        (reading(), reading()),
        (reading(lesion_found=False), reading(signs=Signs(shape=Shape.ROUND))),
        (reading(error="timeout", lesion_found=None), reading(lesion_found=False)),
        (reading(), None),
        (None, None),
    ]
    report = agreement(pairs)
    assert (report.n, report.failed, report.on_one_mask) == (9, 3, 0)
    shape = report.by_field["shape"]
    assert (shape.raw.value, shape.raw.n) == (pytest.approx(2 / 3), 3)
    # observed 2/3; expected (2 * 1 + 1 * 2) / 9
    assert shape.kappa.value == pytest.approx((2 / 3 - 4 / 9) / (1 - 4 / 9))
    assert (shape.one_silent, shape.both_silent) == (1, 1)
    row, column = shape.values.index("round"), shape.values.index("oval")
    assert shape.matrix[row][column] == 1
    assert shape.matrix[column][row] == 0
    found = report.by_field["lesion_found"]
    assert found.raw.n == 6
    assert found.raw.value == pytest.approx(5 / 6)
    assert report.by_field["texture"].raw.value is None
    assert report.by_field["texture"].kappa.n == 0


def test_regions_and_sequences_are_compared_as_seen() -> None:
    seen = {"sequence": MRSequence.T1, "region": ImageRegion.CENTER, "lesion_basis": LesionBasis.MASK}
    report = agreement(
        [
            (
                reading(sequence_seen=MRSequence.T1, **seen),
                reading(sequence_seen=MRSequence.T1CE, **seen, signs=Signs(texture=Texture.HOMOGENEOUS)),
            )
        ]
    )
    # The sequence by which both read is the source's; what they saw differs.
    assert report.by_field["sequence_seen"].raw.value == 0
    assert report.by_field["region"].raw.value == 1
    assert report.on_one_mask == 1
