"""Compare models on the same questions: paired, because all saw the same images."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest

from neuroonco.build.records import ClosedItem
from neuroonco.intervals import wilson
from neuroonco.predict.records import Prediction
from neuroonco.resampling import Floats, percentiles
from neuroonco.score.closed.clustering import FLAT, MIN_CLUSTERS, RESAMPLES, ClusteredQuestions, in_clusters
from neuroonco.score.closed.judge import Judged, counted, is_complete, judge
from neuroonco.score.closed.records import ComparedModel, Comparison, Difference, Pair, PairsOf

Flags = npt.NDArray[np.bool_]


def compare(
    items: Sequence[ClosedItem],
    models: Mapping[str, Sequence[Prediction]],
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
    pairs: PairsOf = PairsOf.ALL,
) -> Comparison:
    """Who is better, by how much, and whether that could be chance.

    The exact McNemar test asks whether questions that only one model gets right are split evenly between them. It
    takes questions as independent; those about one image are not, so that its p is somewhat too small. The
    bootstrap resamples whole clusters, the same ones for both models, and is the one to believe.

    Args:
        items: the benchmark, of which twins do not count; a question that a model did not answer counts as wrong
            for it.
        models: name -> predictions.
        seed, resamples: of the bootstrap.
        pairs: which are compared; Holm's correction is over these.

    Source: McNemar, Psychometrika 1947;12:153-157 (exact binomial form); Efron and Tibshirani, An Introduction to
    the Bootstrap, 1993, chapters 13 and 16; Holm, Scand J Stat 1979;6:65-70.

    Raises:
        InputError: the benchmark has the same question twice.
    """
    own = counted(items)
    questions = in_clusters(own, seed=seed, resamples=resamples)
    judged = {name: judge(own, predictions) for name, predictions in models.items()}
    right = {name: np.array([q.is_right for q in found], bool) for name, found in judged.items()}
    names = list(models)
    chosen = [(a, b) for a, b in combinations(names, 2) if pairs is PairsOf.ALL or a == names[0]]
    found = [_pair(a, b, right[a], right[b], questions) for a, b in chosen]
    corrected = holm([pair.bootstrap_p for pair in found])
    return Comparison(
        models=tuple(_model(name, judged[name], right[name], questions) for name in names),
        pairs=tuple(p.model_copy(update={"holm_p": q}) for p, q in zip(found, corrected, strict=True)),
        clusters=questions.clusters,
    )


def distinct_names(names: Sequence[str]) -> list[str]:
    """Names that tell models apart: the second of a name is numbered.

    >>> distinct_names(["a", "b", "a", "a (2)"])
    ['a', 'b', 'a (2)', 'a (2) (2)']
    """
    found: list[str] = []
    for name in names:
        number, distinct = 1, name
        while distinct in found:
            number += 1
            distinct = f"{name} ({number})"
        found.append(distinct)
    return found


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm's correction: the k-th smallest of m is multiplied by m - k + 1, and none is below a smaller one's.

    >>> holm([0.01, 0.04, None, 0.03, 0.005])
    [0.03, 0.06, None, 0.06, 0.02]
    """
    order = sorted((p, n) for n, p in enumerate(p_values) if p is not None)
    found: list[float | None] = [None] * len(p_values)
    least = 0.0
    for rank, (p, n) in enumerate(order):
        least = max(least, min(1.0, p * (len(order) - rank)))
        found[n] = least
    return found


def _model(name: str, judged: Sequence[Judged], right: Flags, questions: ClusteredQuestions) -> ComparedModel:
    types = [q.item.reported_type for q in judged]
    return ComparedModel(
        model=name,
        accuracy=questions.share(right),
        macro_by_type=questions.mean_of_groups(right, types),
        complete=is_complete(judged),
    )


def _pair(a: str, b: str, right_a: Flags, right_b: Flags, questions: ClusteredQuestions) -> Pair:
    n = len(right_a)
    only_a, only_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    both, discordant = int((right_a & right_b).sum()), only_a + only_b
    mcnemar = float(binomtest(only_a, discordant, 0.5).pvalue) if discordant else 1.0
    gains = questions.sums(np.stack([right_a.astype(int) - right_b.astype(int), np.ones(n, int)], axis=1))
    difference, p_value = paired_difference(gains, questions.resamples.totals(gains))
    return Pair(
        a=a,
        b=b,
        difference=difference,
        both_right=both,
        only_a=only_a,
        only_b=only_b,
        neither=n - both - discordant,
        mcnemar_p=mcnemar if n else None,
        bootstrap_p=p_value,
        holm_p=None,
    )


def paired_difference(gains: Floats, resampled: Floats) -> tuple[Difference, float | None]:
    """Difference of two accuracies with its interval and two-sided p over resampled clusters.

    The interval is the middle 95 % of the resampled differences d*. The p is that of the hypothesis of no difference,
    whose resamples are the same shifted by the difference d found: (k + 1) / (B + 1) where k of B have
    ``|d* - d| >= |d|``. It is never below 2^(1 - m), the least that an exact test of signs could give for the m
    clusters in which the models differ: resamples of few clusters know too little of chance.

    Where no resample differs, or clusters are fewer than 10, such a range would claim too much. A share of clusters of
    up to h, the upper Wilson bound of 0 in as many, could still behave in any way: the interval then takes in
    d - h (1 + d) to d + h (1 - d).

    Args:
        gains: (clusters, 2) sums of right of the first minus right of the second, and of questions.
        resampled: (resamples, 2) the same in each resample.

    >>> same = np.array([[0.0, 2.0], [0.0, 3.0]])
    >>> paired_difference(same, same.sum(axis=0)[None])[1]
    1.0
    """
    clusters, n = len(gains), round(float(gains[:, 1].sum()))
    if not clusters:
        return Difference(value=None, low=None, high=None, n=0, clusters=0), None
    value = float(gains[:, 0].sum()) / n
    if clusters < 2:
        return Difference(value=value, low=None, high=None, n=n, clusters=clusters), None
    found = resampled[:, 0] / resampled[:, 1]
    low, high = percentiles(found) or (value, value)
    if high - low <= FLAT or clusters < MIN_CLUSTERS:
        unseen = wilson(0, clusters).high or 0.0
        low, high = min(low, value - unseen * (1 + value)), max(high, value + unseen * (1 - value))
    extreme = int((np.abs(found - value) >= abs(value) - FLAT).sum())
    least = 2.0 ** (1 - int((gains[:, 0] != 0).sum()))
    p_value = min(1.0, max((extreme + 1) / (len(found) + 1), least))
    return Difference(value=value, low=min(low, value), high=max(high, value), n=n, clusters=clusters), p_value
