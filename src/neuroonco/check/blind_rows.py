"""The blind guessers' figures: accuracy by guesser, question type and kind of question, with clustered intervals."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from neuroonco.build.records import ClosedItem
from neuroonco.check.guessers import Guesses
from neuroonco.check.records import ALL, BINARY, GUESSERS, JUDGED, PLAIN, REJECTION, UNIFORM, BlindRow, TwinRow
from neuroonco.check.rules import CheckRules
from neuroonco.intervals import Estimate
from neuroonco.resampling import Resamples, around, clustered

Mask = NDArray[np.bool_]
SEED_OF_RESAMPLES = 0


def blind_rows(guesses: Guesses, rules: CheckRules) -> list[BlindRow]:
    """Accuracy of each guesser over all types and each type, of all, plain, rejection and binary questions.

    Questions with two options are no part of their type but one of their own, e.g. ``diagnosis_binary``. Twins
    count in none of the rows. A row without a question is left out.
    """
    counted = np.asarray([item.twin_of is None for item in guesses.items], bool)
    kinds = _subsets(guesses.items)
    chance = np.asarray([item.chance(rules.rejection_share) for item in guesses.items])
    clusters = _Clusters(guesses.items, counted, rules.resamples)
    rows = []
    for guesser in GUESSERS:
        if guesser not in guesses.credit:
            continue
        credit = guesses.credit[guesser]
        tried = counted & ~np.isnan(credit)
        keys = [(kind, subset, tried & mask) for (kind, subset), mask in kinds.items()]
        keys = [(kind, subset, mask) for kind, subset, mask in keys if mask.any()]
        estimates = clusters.estimates(credit, [mask for _, _, mask in keys], exact=guesser == UNIFORM)
        for (kind, subset, mask), accuracy in zip(keys, estimates, strict=True):
            level = guesses.credit[UNIFORM] if subset in (PLAIN, REJECTION) else chance
            row = BlindRow(
                guesser=guesser,
                question_type=kind,
                subset=subset,
                accuracy=accuracy,
                chance=float(level[mask].mean()),
            )
            rows.append(_judged(row, rules))
    return rows


def twin_rows(guesses: Guesses, rules: CheckRules) -> list[TwinRow]:
    """How often each guesser is right on both of a question and its twin."""
    pairs = guesses.twins()
    if not pairs:
        return []
    first, second = np.asarray(pairs).T
    items = [guesses.items[place] for place in first]
    everything = np.ones(len(items), bool)
    clusters = _Clusters(items, everything, rules.resamples)
    rows = []
    for guesser in GUESSERS:
        if guesser in guesses.credit:
            credit = guesses.credit[guesser]
            both = np.nan_to_num(credit[first]) * np.nan_to_num(credit[second])
            (estimate,) = clusters.estimates(both, [everything], exact=guesser == UNIFORM)
            rows.append(TwinRow(guesser=guesser, both_right=estimate))
    return rows


def _judged(row: BlindRow, rules: CheckRules) -> BlindRow:
    """The limit that a row is held to, if it is judged."""
    few = row.accuracy.n < rules.min_questions
    if row.guesser not in JUDGED or row.subset != ALL or row.chance is None or (few and row.question_type is not None):
        return row
    gain = rules.max_gain if row.question_type is None else rules.max_gain_of_type
    return row.model_copy(update={"limit": row.chance + gain, "judged_by": "low" if few else "value"})


def _subsets(items: Sequence[ClosedItem]) -> dict[tuple[str | None, str], Mask]:
    """Which questions each row counts, by question type (None: all) and subset."""
    types = np.asarray([item.reported_type for item in items])
    with_none = np.asarray([item.none_letter is not None for item in items], bool)
    rejection = np.asarray([item.rejects for item in items], bool)
    subsets = {
        ALL: np.ones(len(items), bool),
        PLAIN: with_none & ~rejection,
        REJECTION: rejection,
        BINARY: ~with_none,
    }
    names: Iterator[str | None] = iter([None, *sorted(set(types.tolist()))])
    return {
        (name, subset): mask if name is None else mask & (types == name)
        for name in names
        for subset, mask in subsets.items()
    }


class _Clusters:
    """Images as the units of the bootstrap: what is said of one is not independent."""

    def __init__(self, items: Sequence[ClosedItem], counted: Mask, resamples: int) -> None:
        names = sorted({item.image_id for item, counts in zip(items, counted, strict=True) if counts})
        number = {name: place for place, name in enumerate(names)}
        self._cluster = np.asarray([number.get(item.image_id, 0) for item in items], np.int64)
        self._resamples = Resamples(len(names), resamples, SEED_OF_RESAMPLES)

    def estimates(self, credit: NDArray[np.float64], masks: Sequence[Mask], *, exact: bool) -> list[Estimate]:
        """One proportion for each mask; ``exact`` credit is a probability, so that nothing is counted but averaged."""
        if not masks:
            return []
        right = np.stack([self._sums(np.where(mask, credit, 0.0)) for mask in masks], axis=1)
        n = np.stack([self._sums(mask) for mask in masks], axis=1)
        if not exact:
            return clustered(right.astype(np.int64), n.astype(np.int64), self._resamples)
        hits, all_ = self._resamples.totals(right), self._resamples.totals(n)
        with np.errstate(invalid="ignore", divide="ignore"):
            shares = np.where(all_ > 0, hits / all_, np.nan)
        totals = n.sum(axis=0)
        return [around(float(right[:, k].sum() / totals[k]), shares[:, k], int(totals[k])) for k in range(len(masks))]

    def _sums(self, values: NDArray[np.float64] | Mask) -> NDArray[np.float64]:
        return np.asarray(np.bincount(self._cluster, values, self._resamples.slices), np.float64)
