"""How much labels say: AIR."""

import pytest

from neuroonco.readings.records import Signs
from neuroonco.score.attributes import air
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
