"""Records of scoring: every figure with its n and its interval."""

from neuroonco.outcomes import Record


class Estimate(Record):
    """A proportion with its Wilson interval.

    Attributes:
        value: successes over n; None (never 0.0) where n is 0.
        low, high: 95 % Wilson score interval; None where n is 0.
        n: denominator.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
