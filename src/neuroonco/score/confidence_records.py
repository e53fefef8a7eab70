"""Records of what confidences are worth: curves, calibration, and readings cut to an omission."""

from neuroonco.intervals import Estimate
from neuroonco.outcomes import Record


class CurvePoint(Record):
    """What remains of a label where values below a confidence are left out.

    Attributes:
        threshold: values at least so sure remain; 0 leaves all.
        precision: right ones of the values that remain, a declared coarser term included.
        exact: the same without coarser terms.
        omission: assessable signs left empty.
    """

    threshold: float
    precision: Estimate
    exact: Estimate
    omission: Estimate


class Curve(Record):
    """Precision and omission over confidence, from the label as it was given to the right.

    What the reader itself kept back for doubt is not in the label: the curve has no part to the left of it.

    Attributes:
        points: by rising threshold, so that omission never falls; the first one is the label as given.
        without_confidence: values whose reader does not say how sure it is; they remain at every threshold.
    """

    points: tuple[CurvePoint, ...]
    without_confidence: int


class ReliabilityBin(Record):
    """Values of similar confidence.

    Attributes:
        low, high: of the bin; the last one holds its upper edge too.
        mean_confidence: None for an empty bin.
        right: how many are right.
    """

    low: float
    high: float
    mean_confidence: float | None
    right: Estimate


class Calibration(Record):
    """Whether values of confidence 0.8 are right in 80 of 100 cases.

    Attributes:
        ece: expected calibration error, with its n and a bootstrap interval over slices; chance alone makes it larger
            than 0, and more so in resamples, so that the interval leans upwards.
        without_confidence: values without a confidence.
    """

    bins: tuple[ReliabilityBin, ...]
    ece: Estimate
    without_confidence: int


class EqualOmission(Record):
    """A reading cut by its own confidences until it omits as much as a label made of it.

    Attributes:
        threshold: confidence below which the reading's values are left out, 0 for the reading as given; None where it
            cannot be cut to that omission, and then there is no difference.
        omission, precision, exact: of the reading so cut.
        difference: precision of the label minus that of the cut reading, from -1 to 1. Its n is the number of slices;
            its interval is a bootstrap over slices that cuts anew in each resample.
        difference_exact: the same where coarser terms are not right.
    """

    threshold: float | None
    omission: Estimate
    precision: Estimate
    exact: Estimate
    difference: Estimate
    difference_exact: Estimate
