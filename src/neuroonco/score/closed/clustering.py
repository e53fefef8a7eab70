"""Questions and what is drawn together when they are resampled: the core of every interval of an aggregate."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from neuroonco.intervals import Estimate, wilson
from neuroonco.resampling import RESAMPLES, SEED, Counts, Floats, Resamples, around, clustered
from neuroonco.score.closed.records import Clusters

Values = npt.NDArray[np.bool_] | Counts | Floats


class OfAnImage(Protocol):
    """A question, closed or open."""

    @property
    def image_id(self) -> str:
        """Shared by all questions about the image."""
        ...

    @property
    def group_id(self) -> str | None:
        """Patient or group of copies."""
        ...


@dataclass(frozen=True)
class ClusteredQuestions:
    """Questions in clusters, drawn with replacement as often as there are clusters.

    Attributes:
        unit: see :class:`neuroonco.score.closed.records.Clusters`.
        cluster_of: (questions,) index of each question's cluster.
        resamples: over the clusters.
    """

    unit: str
    cluster_of: Counts
    resamples: Resamples

    @property
    def clusters(self) -> Clusters:
        """For the report."""
        drawn = self.resamples
        return Clusters(unit=self.unit, n=drawn.slices, resamples=drawn.number, seed=drawn.seed)

    def sums(self, values: Values) -> Floats:
        """(clusters, k) sums of (questions, k) values; (clusters, 1) of (questions,)."""
        columns = np.asarray(values, np.float64)
        columns = columns[:, None] if columns.ndim == 1 else columns
        found = [np.bincount(self.cluster_of, column, self.resamples.slices) for column in columns.T]
        return np.stack(found, axis=1) if found else np.zeros((self.resamples.slices, 0))

    def totals(self, values: Values) -> Floats:
        """(resamples, k) sums of (questions, k) values in each resample."""
        return self.resamples.totals(self.sums(values))

    def shares(self, successes: Values, trials: Values) -> list[Estimate]:
        """Pooled proportions of counts, each (questions, k); see :func:`neuroonco.resampling.clustered`.

        With fewer than :data:`MIN_CLUSTERS` clusters an interval is no narrower than Wilson's of as many cases.
        """
        hits, all_ = (self.sums(values).astype(np.int64) for values in (successes, trials))
        found = clustered(hits, all_, self.resamples)
        return [_no_narrower(one, few) for one, few in zip(found, (all_ > 0).sum(axis=0).tolist(), strict=True)]

    def share(self, successes: Values, trials: Values | None = None) -> Estimate:
        """One pooled proportion of counts (questions,); of all questions where no trials are named."""
        return self.shares(successes, np.ones(len(self.cluster_of)) if trials is None else trials)[0]

    def figure(self, value: float | None, resampled: Floats, among: Values) -> Estimate:
        """A figure from 0 to 1 that is no pooled proportion, with the middle 95 % of its resamples.

        Where no resample differs, or there are fewer than :data:`MIN_CLUSTERS` clusters with questions, such a range
        would claim too much: it then takes in the Wilson interval with as many cases as there are such clusters.

        Args:
            value: None where there is no figure.
            resampled: the figure in each resample, NaN where it has none.
            among: (questions,) counts of what the figure is over; their sum is its ``n``.
        """
        return self.widened(around(value, resampled, round(float(np.sum(among)))), among)

    def widened(self, found: Estimate, among: Values) -> Estimate:
        """An interval that claims no more than the clusters with questions can tell; see :meth:`figure`."""
        few = int((self.sums(among)[:, 0] > 0).sum())
        flat = found.low is not None and found.high is not None and found.high - found.low <= FLAT
        return _no_narrower(found, few, always=flat)

    def mean_of_groups(self, right: Values, group_of: Sequence[str]) -> Estimate:
        """Mean over groups of the share that is right in each, groups weighing the same however large.

        Of a group with fewer than :data:`MIN_CLUSTERS` clusters, or where all answers are right or all wrong,
        resamples know too little. Its share stays as it is in all of them, and its Wilson interval, with as many cases
        as clusters, is added instead, distances from the share to either end over the number of groups; those of
        several such groups by their squares.

        Args:
            right: (questions,).
            group_of: name of each question's group.

        Source: square-and-add, Newcombe, Stat Med 1998;17:873-890; Zou and Donner, Stat Med 2008;27:1693-1702.
        """
        names = sorted(set(group_of))
        member = np.array([[group == name for name in names] for group in group_of], bool)
        member = member.reshape(len(group_of), len(names))
        if not names:
            return wilson(0, 0)
        hits = member & np.asarray(right, bool)[:, None]
        all_, clusters = member.sum(axis=0), (self.sums(member) > 0).sum(axis=0)
        shares = hits.sum(axis=0) / all_
        value = float(shares.mean())
        weak = (clusters < MIN_CLUSTERS) | (shares == 0) | (shares == 1)
        low = high = value
        if not weak.all():
            drawn = _mean_share(self.totals(hits[:, ~weak]), self.totals(member[:, ~weak]))
            strong = around(float(shares[~weak].mean()), drawn, len(group_of))
            if strong.value is not None and strong.low is not None and strong.high is not None:
                part = (~weak).sum() / len(names)
                low, high = value - (strong.value - strong.low) * part, value + (strong.high - strong.value) * part
        below, above = [0.0], [0.0]
        for share, n in zip(shares[weak].tolist(), clusters[weak].tolist(), strict=True):
            few = wilson(round(share * n), n)
            below.append(max(0.0, share - (few.low or 0.0)) / len(names))
            above.append(max(0.0, (1.0 if few.high is None else few.high) - share) / len(names))
        found = Estimate(
            value=value,
            low=max(0.0, low - float(np.hypot.reduce(below))),
            high=min(1.0, high + float(np.hypot.reduce(above))),
            n=len(group_of),
        )
        return self.widened(found, np.ones(len(group_of)))


def _no_narrower(found: Estimate, clusters: int, *, always: bool = False) -> Estimate:
    if found.value is None or found.low is None or found.high is None or not (always or clusters < MIN_CLUSTERS):
        return found
    few = wilson(round(found.value * clusters), clusters)
    low, high = (0.0 if few.low is None else few.low), (1.0 if few.high is None else few.high)
    return found.model_copy(update={"low": min(low, found.low), "high": max(high, found.high)})


FLAT = 1e-12
"""Resamples that differ by less do not differ: sums of floating point."""
MIN_CLUSTERS = 10
"""Resamples of fewer clusters know too little of chance: two images give three samples."""


def _mean_share(hits: Floats, counts: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = np.where(counts > 0, hits / counts, 0.0).sum(axis=1)
        found: Floats = shares / (counts > 0).sum(axis=1)
    return found


def in_clusters(items: Sequence[OfAnImage], *, seed: int = SEED, resamples: int = RESAMPLES) -> ClusteredQuestions:
    """Put questions about one patient, group of copies or image together.

    An image of which any question names a group is in that group; an image without a group is a cluster of its own.
    Clusters are numbered by name, so that the draw does not depend on the order of the questions.

    Args:
        items: the questions.
        seed, resamples: of the bootstrap.
    """
    groups: dict[str, str] = {}
    for item in items:
        if item.group_id is not None:
            groups[item.image_id] = min(item.group_id, groups.get(item.image_id, item.group_id))
    # Two kinds of name: a group named like an image is not that image.
    keys = [("group", groups[item.image_id]) if item.image_id in groups else ("image", item.image_id) for item in items]
    number = {key: n for n, key in enumerate(sorted(set(keys)))}
    cluster_of = np.array([number[key] for key in keys], np.int64)
    return ClusteredQuestions("group" if groups else "image", cluster_of, Resamples(len(number), resamples, seed))
