"""AIR, and signs against a known truth."""

import pytest

from neuroonco.readings.records import Signs
from neuroonco.score.attributes import air, attribute_precision
from neuroonco.vocabulary import Edema, Enhancement, Margins, Shape, Sign, SignalIntensity, Texture

FULL = Signs(
    shape=Shape.OVAL,
    margins=Margins.ILL_DEFINED,
    texture=Texture.HOMOGENEOUS,
    enhancement=Enhancement.ABSENT,
    edema=Edema.ABSENT,
    signal_intensity=SignalIntensity.MIXED,
)


def test_air_is_the_mean_over_signs_and_counts_absent() -> None:
    report = air([FULL, Signs(shape=Shape.ROUND)])
    assert report.mean == pytest.approx((1.0 + 5 * 0.5) / 6)
    assert list(report.by_sign) == [sign.value for sign in Sign]
    assert (report.by_sign["edema"].value, report.by_sign["edema"].n) == (0.5, 2)


def test_air_of_nothing_is_none() -> None:
    report = air([])
    assert (report.mean, report.n, report.by_sign["shape"].value) == (None, 0, None)


def test_right_coarser_finer_wrong_invented_and_omitted() -> None:
    pairs = [
        (Signs(enhancement=Enhancement.RING), Signs(enhancement=Enhancement.RING)),
        (Signs(enhancement=Enhancement.PRESENT), Signs(enhancement=Enhancement.RING)),
        (Signs(enhancement=Enhancement.RING), Signs(enhancement=Enhancement.PRESENT)),  # says more than is true
        (Signs(enhancement=Enhancement.PRESENT), Signs(enhancement=Enhancement.ABSENT)),
        (Signs(enhancement=Enhancement.SOLID), Signs()),
        (Signs(), Signs(enhancement=Enhancement.PATCHY)),
        (Signs(), Signs()),
        (Signs(shape=Shape.ROUND_OR_OVAL), Signs(shape=Shape.OVAL)),
    ]
    report = attribute_precision(pairs)
    enhancement = report.by_sign["enhancement"]
    assert (enhancement.precision.value, enhancement.precision.n) == (2 / 5, 5)
    assert (enhancement.omission.value, enhancement.omission.n) == (1 / 5, 5)
    assert (enhancement.coarser, enhancement.invented) == (1, 1)
    assert (report.overall.precision.value, report.overall.precision.n) == (3 / 6, 6)
    assert (report.overall.omission.value, report.overall.omission.n) == (1 / 6, 6)
    assert report.overall.coarser == 2
    assert report.n == 8


def test_signs_that_were_never_emitted_have_no_precision() -> None:
    report = attribute_precision([(Signs(), FULL)])
    assert report.by_sign["texture"].precision.value is None
    assert report.by_sign["texture"].omission.value == 1.0
    assert attribute_precision([]).overall.omission.value is None
