"""How much a label says about the six signs (AIR), and how much of it is true where the truth is known."""

from collections.abc import Iterable

from neuroonco.intervals import wilson
from neuroonco.readings.records import Signs, SignValue
from neuroonco.score.records import AirReport, AttributeReport, SignQuality
from neuroonco.vocabulary import Sign, coarsenings


def air(signs: Iterable[Signs]) -> AirReport:
    """Average Information Rate: the mean over the six signs of the share of labels that state it.

    Args:
        signs: of lesion-positive labels only.

    It measures how much is said, not whether it is true: filling every field at random gives 1. Nor can an honest
    label reach 1, because enhancement and edema are never both assessable on one slice; a set of many T2 slices
    has a lower rate than one of many contrast slices without being worse. ``absent`` is a statement and counts.
    Read it beside :func:`attribute_precision`.

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


def attribute_precision(pairs: Iterable[tuple[Signs, Signs]]) -> AttributeReport:
    """Precision and omission of emitted signs against their truth.

    An emitted value is right if it is the truth or a declared coarsening of it (``present`` for a true ``ring``);
    a value where the truth is not assessable is wrong. Omission is the share of assessable signs left empty.

    Args:
        pairs: (emitted, truth) for each slice, where None in the truth means not assessable.

    Precision misleads where little is emitted: a reader that speaks of the clearest tenth only is precise, and its
    omission says so. It also misleads where values are vague, which ``coarser`` counts. Omission rewards
    guessing. ``overall`` pools all values, so that the sign emitted most often weighs most. Figures from phantoms
    hold for phantoms.

    >>> from neuroonco.vocabulary import Enhancement, Texture
    >>> emitted = Signs(enhancement=Enhancement.PRESENT, texture=Texture.HOMOGENEOUS)
    >>> truth = Signs(enhancement=Enhancement.RING, texture=Texture.HETEROGENEOUS)
    >>> overall = attribute_precision([(emitted, truth)]).overall
    >>> overall.precision.value, overall.omission.value, overall.coarser
    (0.5, 0.0, 1)
    """
    tallies = {sign: _Tally() for sign in Sign}
    n = 0
    for emitted, truth in pairs:
        n += 1
        for sign, tally in tallies.items():
            tally.add(emitted.get(sign), truth.get(sign))
    overall = _Tally()
    for tally in tallies.values():
        overall.merge(tally)
    return AttributeReport(
        by_sign={sign.value: tally.quality() for sign, tally in tallies.items()}, overall=overall.quality(), n=n
    )


class _Tally:
    """Running counts of one sign."""

    def __init__(self) -> None:
        self.emitted = self.right = self.coarser = self.invented = self.assessable = self.omitted = 0

    def add(self, emitted: SignValue | None, truth: SignValue | None) -> None:
        self.assessable += truth is not None
        self.omitted += truth is not None and emitted is None
        self.emitted += emitted is not None
        self.invented += truth is None and emitted is not None
        if truth is not None and emitted is not None:
            accepted: tuple[SignValue, ...] = coarsenings(truth)
            self.right += emitted in accepted
            self.coarser += emitted in accepted[1:]

    def merge(self, other: "_Tally") -> None:
        for name, count in vars(other).items():
            setattr(self, name, getattr(self, name) + count)

    def quality(self) -> SignQuality:
        return SignQuality(
            precision=wilson(self.right, self.emitted),
            omission=wilson(self.omitted, self.assessable),
            coarser=self.coarser,
            invented=self.invented,
        )
