"""A proportion and how far it can be trusted: the one shape in which every figure of the project is given."""

from math import sqrt
from statistics import NormalDist

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


def wilson(successes: int, n: int, confidence: float = 0.95) -> Estimate:
    """Proportion with its Wilson score interval, without continuity correction.

    Unlike ``p ± z·se`` it never leaves 0 to 1 and does not collapse to a point at 0 or n successes. It takes the n
    cases as independent: questions about one image are not, so that the true uncertainty is somewhat larger.

    Args:
        successes: cases that count, 0 to ``n``.
        n: all cases.
        confidence: two-sided coverage, between 0 and 1.

    Returns:
        value, low and high, all None where n is 0.

    Raises:
        ValueError: ``successes`` is not within 0 to ``n``, or ``confidence`` not between 0 and 1.

    Source: Newcombe, Stat Med 1998;17:857-872, method 3; his Table I gives 81/263, 15/148, 0/20 and 1/29:

    >>> def published(successes: int, n: int) -> str:
    ...     estimate = wilson(successes, n)
    ...     return f"{estimate.low:.4f} to {estimate.high:.4f}"
    >>> published(81, 263), published(15, 148)
    ('0.2553 to 0.3662', '0.0624 to 0.1605')
    >>> published(0, 20), published(1, 29)
    ('0.0000 to 0.1611', '0.0061 to 0.1718')
    >>> wilson(0, 0)
    Estimate(value=None, low=None, high=None, n=0)
    """
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes of {n}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence {confidence}, expected between 0 and 1")
    if n == 0:
        return Estimate(value=None, low=None, high=None, n=0)
    share = successes / n
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    spread = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    center = share + z * z / (2 * n)
    # The exact bounds at 0 and n successes are 0 and 1; rounding must not push them past the value.
    low = 0.0 if successes == 0 else (center - spread) / scale
    high = 1.0 if successes == n else (center + spread) / scale
    return Estimate(value=share, low=low, high=high, n=n)
