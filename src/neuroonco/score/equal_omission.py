"""What a label made of two readings gains over either of them alone, where all of them omit as much."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from neuroonco.intervals import Estimate
from neuroonco.resampling import Resamples, around, clustered
from neuroonco.score.confidence_records import EqualOmission
from neuroonco.score.judged import Bools, Floats, SignTable

MAX_GAP = 0.01
"""In omission; a reading that cannot be cut nearer to the label's omission than this is not compared."""


@dataclass(frozen=True)
class _Ranked:
    """Stated values of a reading, the surest first; values of equal confidence stay together.

    Attributes:
        rows: (n,) slice of each value.
        facts: (n, 3) whether it is assessable, right, and exactly right.
        ends: position of the last value of each confidence.
        confidences: of those values, falling.
    """

    rows: npt.NDArray[np.intp]
    facts: Bools
    ends: npt.NDArray[np.intp]
    confidences: Floats

    def cut(self, weights: Floats, filled: float) -> tuple[int, Floats]:
        """Where the weighted number of assessable values kept is nearest to a given one, and the shares kept there.

        Returns:
            Number of the cut, and (precision, exact precision), NaN where nothing is kept.
        """
        w = weights[self.rows]
        kept = np.cumsum(w)[self.ends]
        sums = np.cumsum(self.facts * w[:, None], axis=0)[self.ends]
        at = int(np.abs(sums[:, 0] - filled).argmin())
        return at, sums[at, 1:] / kept[at] if kept[at] > 0 else np.full(2, np.nan)


def equal_omission(label: SignTable, reading: SignTable, resamples: Resamples) -> EqualOmission:
    """Cut a reading by its confidences until it omits as much as a label, and compare their precision.

    A label that keeps what two readings agree on is more precise than either, and omits more. So is a reading whose
    doubtful values are left out: only what remains at equal omission is owed to the second reading.

    One threshold cuts all signs, which is unfair to a reading whose confidences mean something else from sign to
    sign; a reading with worse confidences looks as if fusing had gained more. Without confidences a reading is
    compared only if it omits as much as given. The threshold is picked by omission alone, anew in each resample. Values
    kept back by the reader's own thresholds are not there to be cut, so that a reading which omits more than the
    label as given is not compared.

    Args:
        label: what was made of the readings.
        reading: one of them, of the same slices in the same order.
        resamples: over these slices.
    """
    ranked = _ranked(reading)
    stated, assessable = label.stated.sum(1), int(label.assessable.sum())
    filled = (label.stated & label.assessable).sum(1)
    kept = reading.stated
    threshold: float | None = None
    if ranked.ends.size:
        at, _ = ranked.cut(np.ones(reading.slices), float(filled.sum()))
        limit = float(ranked.confidences[at])
        kept = reading.stated & (_confidence(reading) >= limit)
        if abs(int((kept & reading.assessable).sum()) - int(filled.sum())) <= MAX_GAP * assessable:
            threshold = _threshold(limit, ranked)
    precision, exact, omission = _figures(reading, kept, resamples)
    empty = Estimate(value=None, low=None, high=None, n=reading.slices)
    differences = [empty, empty]
    if threshold is not None and stated.sum() > 0:
        own = np.array([(label.right & label.stated).sum(), label.exact.sum()]) / stated.sum()
        value = own - np.array([precision.value, exact.value], np.float64)
        drawn = _differences(label, ranked, resamples)
        differences = [_difference(float(v), drawn[:, k], reading.slices) for k, v in enumerate(value)]
    return EqualOmission(
        threshold=threshold,
        omission=omission,
        precision=precision,
        exact=exact,
        difference=differences[0],
        difference_exact=differences[1],
    )


def _threshold(limit: float, ranked: _Ranked) -> float | None:
    """0 for a reading as given; None where only values without confidence would remain, whichever these are."""
    if limit == ranked.confidences[-1]:
        return 0.0
    return None if np.isinf(limit) else limit


def _confidence(reading: SignTable) -> Floats:
    """A value without a confidence remains at every threshold."""
    return np.where(np.isnan(reading.confidence), np.inf, reading.confidence)


def _ranked(reading: SignTable) -> _Ranked:
    rows, columns = np.nonzero(reading.stated)
    order = np.argsort(-_confidence(reading)[rows, columns], kind="stable")
    rows, columns = rows[order], columns[order]
    confidences = _confidence(reading)[rows, columns]
    ends = np.nonzero(np.append(confidences[1:] != confidences[:-1], True)[: confidences.size])[0]
    facts = np.stack([table[rows, columns] for table in (reading.assessable, reading.right, reading.exact)], axis=1)
    return _Ranked(rows, facts, ends, confidences[ends])


def _figures(reading: SignTable, kept: Bools, resamples: Resamples) -> list[Estimate]:
    counts, all_ = kept.sum(1), reading.assessable.sum(1)
    omitted = all_ - (kept & reading.assessable).sum(1)
    successes = [(kept & reading.right).sum(1), (kept & reading.exact).sum(1), omitted]
    return clustered(np.stack(successes, axis=1), np.stack([counts, counts, all_], axis=1), resamples)


def _differences(label: SignTable, ranked: _Ranked, resamples: Resamples) -> Floats:
    """(resamples, 2) precision and exact precision of the label minus those of the reading cut in that resample."""
    columns = (label.stated & label.assessable, label.stated, label.right, label.exact)
    sums = resamples.totals(np.stack([c.sum(1) for c in columns], axis=1))
    found = np.full((resamples.number, 2), np.nan)
    for number, (filled, stated, right, exact) in enumerate(sums):
        _, shares = ranked.cut(resamples.weights[number].astype(np.float64), filled)
        if stated > 0:
            found[number] = np.array([right, exact]) / stated - shares
    return found


def _difference(value: float, drawn: Floats, slices: int) -> Estimate:
    found = around(value, drawn, slices)
    if found.low == found.high:  # no resample differs: that is no certainty
        return Estimate(value=value, low=None, high=None, n=slices)
    return found
