"""Compare models on the same questions: paired, because all saw the same images."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest

from neuroonco.build.records import ClosedItem
from neuroonco.intervals import wilson
from neuroonco.predict.records import Prediction
from neuroonco.resampling import RESAMPLES, SEED, Floats, Resamples, percentiles
from neuroonco.score.closed.clustering import FLAT, MIN_CLUSTERS, ClusteredQuestions, in_clusters
from neuroonco.score.closed.judge import Judged, counted, is_complete, judge
from neuroonco.score.closed.records import ComparedModel, Comparison, Difference, Pair, PairsOf

Flags = npt.NDArray[np.bool_]
FLIPS = 1
"""Tells the draws of signs from those of resamples."""
FLIPS_AT_ONCE = 1024
EXACT_UP_TO = 10
"""Clusters that differ: all 1,024 choices of signs are then tried."""


def compare(
    items: Sequence[ClosedItem],
    models: Mapping[str, Sequence[Prediction]],
    *,
    seed: int = SEED,
    resamples: int = RESAMPLES,
    pairs: PairsOf = PairsOf.ALL,
    also: Sequence[tuple[str, str]] = (),
) -> Comparison:
    """Who is better, by how much, and whether that could be chance.

    The exact McNemar test asks whether questions that only one model gets right are split evenly between them. It
    takes questions as independent; those about one image are not, so that its p is somewhat too small. The sign-flip
    test takes clusters as independent and is the one to believe: see :func:`sign_flip_p`.

    Args:
        items: the benchmark, of which twins do not count; a question that a model did not answer counts as wrong
            for it.
        models: name -> predictions.
        seed, resamples: of the bootstrap and of the sign-flip test.
        pairs: which are compared. Holm's correction is over all pairs, and over those with the first alone where these
            were asked for: the first is then chosen before its answers are seen. The best is chosen after, so that
            pairs with it are corrected as all pairs are.
        also: pairs of names that are compared whatever ``pairs`` says: they stand first, as they are given, and are
            among those that are corrected for.

    Source: McNemar, Psychometrika 1947;12:153-157 (exact binomial form); Efron and Tibshirani, An Introduction to
    the Bootstrap, 1993, chapter 13; Holm, Scand J Stat 1979;6:65-70.

    Raises:
        InputError: the benchmark has the same question twice.
    """
    own = counted(items)
    questions = in_clusters(own, seed=seed, resamples=resamples)
    judged = {name: judge(own, predictions) for name, predictions in models.items()}
    right = {name: np.array([q.is_right for q in found], bool) for name, found in judged.items()}
    names = list(models)
    every = list(combinations(names, 2))
    # Of models that are as good the first one is the best.
    best = max(names, key=lambda name: int(right[name].sum()), default="")
    chosen = {
        PairsOf.ALL: every,
        PairsOf.FIRST: [pair for pair in every if pair[0] == names[0]],
        PairsOf.BEST: [(best, name) for name in names if name != best],
    }[pairs]
    shown = [*also, *(pair for pair in chosen if frozenset(pair) not in {frozenset(own) for own in also})]
    met = {frozenset(pair) for pair in shown}
    tested = shown if pairs is not PairsOf.BEST else [*shown, *(pair for pair in every if frozenset(pair) not in met)]
    hits = questions.sums(np.stack([right[name] for name in names], axis=1)) if names else np.zeros((0, 0))
    place = {name: n for n, name in enumerate(names)}
    gains = [hits[:, place[a]] - hits[:, place[b]] for a, b in tested]
    p_values = sign_flip_p(np.stack(gains, axis=1), questions.resamples) if gains else []
    corrected = holm(p_values)
    return Comparison(
        models=tuple(_model(name, judged[name], right[name], questions) for name in names),
        pairs=tuple(
            _pair(a, b, right[a], right[b], questions, p, holm_p)
            for (a, b), p, holm_p in zip(shown, p_values[: len(shown)], corrected[: len(shown)], strict=True)
        ),
        tests=len(tested),
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


def _pair(
    a: str,
    b: str,
    right_a: Flags,
    right_b: Flags,
    questions: ClusteredQuestions,
    p_value: float | None,
    holm_p: float | None,
) -> Pair:
    n = len(right_a)
    only_a, only_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    both, discordant = int((right_a & right_b).sum()), only_a + only_b
    mcnemar = float(binomtest(only_a, discordant, 0.5).pvalue) if discordant else 1.0
    gains = questions.sums(np.stack([right_a.astype(int) - right_b.astype(int), np.ones(n, int)], axis=1))
    return Pair(
        a=a,
        b=b,
        difference=paired_difference(gains, questions.resamples.totals(gains)),
        both_right=both,
        only_a=only_a,
        only_b=only_b,
        neither=n - both - discordant,
        mcnemar_p=mcnemar if n else None,
        sign_flip_p=p_value,
        holm_p=holm_p,
    )


def sign_flip_p(gains: Floats, resamples: Resamples) -> list[float | None]:
    """Two-sided p of the hypothesis that two models are as good as each other, for each pair.

    If they are, each cluster could as well have its two models swapped: the sign of its gain is a coin's. The p is the
    share of choices of all signs that give a sum at least as far from 0 as the one found, and (k + 1) / (B + 1) for k
    of B random choices where more than :data:`EXACT_UP_TO` clusters differ. It holds for few clusters as for many, and
    with one question a cluster it is McNemar's exact test.

    Args:
        gains: (clusters, pairs) right answers of the first less those of the second.
        resamples: how many choices, and their seed.

    Returns:
        None for fewer than two clusters.

    Source: Ernst, Stat Sci 2004;19:676-685.

    >>> sign_flip_p(np.array([[1.0], [0.0], [1.0]]), Resamples(3, 100, 0))
    [0.5]
    """
    clusters, pairs = gains.shape
    if clusters < 2:
        return [None] * pairs
    found, extreme = np.abs(gains.sum(axis=0)), np.zeros(pairs, np.int64)
    rng = np.random.default_rng([resamples.seed, FLIPS])
    for start in range(0, resamples.number, FLIPS_AT_ONCE):
        signs = rng.integers(0, 2, (min(FLIPS_AT_ONCE, resamples.number - start), clusters), np.int8) * 2.0 - 1.0
        extreme += (np.abs(signs @ gains) >= found - FLAT).sum(axis=0)
    return [
        _exact_p(own) if len(own := column[column != 0]) <= EXACT_UP_TO else (int(k) + 1) / (resamples.number + 1)
        for column, k in zip(gains.T, extreme, strict=True)
    ]


def _exact_p(gains: Floats) -> float:
    sums = np.zeros(1)
    for gain in gains:
        sums = np.concatenate([sums + gain, sums - gain])
    return float((np.abs(sums) >= abs(gains.sum()) - FLAT).mean())


def paired_difference(gains: Floats, resampled: Floats) -> Difference:
    """Difference of two accuracies with its interval over resampled clusters: the middle 95 % of their differences.

    Where no resample differs, or clusters are fewer than 10, such a range would claim too much. A share of clusters of
    up to h, the upper Wilson bound of 0 in as many, could still behave in any way: the interval then takes in
    d - h (1 + d) to d + h (1 - d) for the difference d.

    Args:
        gains: (clusters, 2) sums of right of the first minus right of the second, and of questions.
        resampled: (resamples, 2) the same in each resample.

    >>> same = np.array([[0.0, 2.0], [0.0, 3.0]])
    >>> paired_difference(same, same.sum(axis=0)[None]).value
    0.0
    """
    clusters, n = len(gains), round(float(gains[:, 1].sum()))
    if not clusters:
        return Difference(value=None, low=None, high=None, n=0, clusters=0)
    value = float(gains[:, 0].sum()) / n
    if clusters < 2:
        return Difference(value=value, low=None, high=None, n=n, clusters=clusters)
    low, high = percentiles(resampled[:, 0] / resampled[:, 1]) or (value, value)
    if high - low <= FLAT or clusters < MIN_CLUSTERS:
        unseen = wilson(0, clusters).high or 0.0
        low, high = min(low, value - unseen * (1 + value)), max(high, value + unseen * (1 - value))
    return Difference(value=value, low=min(low, value), high=max(high, value), n=n, clusters=clusters)
