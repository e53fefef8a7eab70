"""How long samples are: sums and quantiles, without a list of lengths."""

from collections import Counter

import numpy as np

from neuroonco.train.records import TokenCounts
from neuroonco.train.samples import SampleLength


class TokenTally:
    """Adds up tokens of samples; of their lengths only how often each occurs is held.

    >>> tally = TokenTally()
    >>> for tokens in (7, 9, 30):
    ...     tally.add(SampleLength(tokens=tokens, of_pictures=4, learned=1))
    >>> counts = tally.counts()
    >>> counts.total, counts.learned, counts.p50, counts.p99
    (46, 3, 9, 30)
    """

    def __init__(self) -> None:
        self._lengths: Counter[int] = Counter()
        self._of_pictures = self._learned = 0

    def add(self, length: SampleLength) -> None:
        """Count one sample."""
        self._lengths[length.tokens] += 1
        self._of_pictures += length.of_pictures
        self._learned += length.learned

    def counts(self) -> TokenCounts | None:
        """Sums and quantiles, None without samples; a quantile is the least length that so many do not exceed."""
        if not self._lengths:
            return None
        lengths = np.array(sorted(self._lengths), np.int64)
        up_to = np.cumsum([self._lengths[int(length)] for length in lengths])
        samples, total = int(up_to[-1]), sum(length * n for length, n in self._lengths.items())
        p50, p99 = (int(lengths[np.searchsorted(up_to, share * samples)]) for share in (0.5, 0.99))
        return TokenCounts(
            samples=samples,
            total=total,
            of_pictures=self._of_pictures,
            learned=self._learned,
            mean=total / samples,
            p50=p50,
            p99=p99,
            longest=int(lengths[-1]),
        )
