"""How much a label says about the six signs (AIR); how much of it is true, see :mod:`neuroonco.score.signs`."""

from collections.abc import Iterable

from neuroonco.intervals import wilson
from neuroonco.readings.records import Signs
from neuroonco.score.records import AirReport
from neuroonco.vocabulary import Sign


def air(signs: Iterable[Signs]) -> AirReport:
    """Average Information Rate: the mean over the six signs of the share of labels that state it.

    Args:
        signs: of lesion-positive labels only.

    It measures how much is said, not whether it is true: filling every field at random gives 1. Nor can an honest
    label reach 1, because enhancement and edema are never both assessable on one slice; a set of many T2 slices
    has a lower rate than one of many contrast slices without being worse. ``absent`` is a statement and counts.
    Read it beside :func:`neuroonco.score.signs.attribute_report`.

    Source: MM-NeuroOnco v1.0, which gives it in percent.

    >>> from neuroonco.vocabulary import Edema, Shape
    >>> report = air([Signs(shape=Shape.ROUND, edema=Edema.ABSENT), Signs(shape=Shape.OVAL), Signs()])
    >>> round(report.by_sign["shape"].value, 3), round(report.mean, 3), report.n
    (0.667, 0.167, 3)
    >>> air([]).mean is None
    True
    """
    labels = list(signs)
    n = len(labels)
    by_sign = {sign.value: wilson(sum(s.get(sign) is not None for s in labels), n) for sign in Sign}
    shares = [estimate.value for estimate in by_sign.values() if estimate.value is not None]
    return AirReport(by_sign=by_sign, mean=sum(shares) / len(shares) if shares else None, n=n)
