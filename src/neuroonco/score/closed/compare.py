"""Compare two models on the same questions: paired, because both saw the same images."""

from collections.abc import Sequence

import numpy as np
from scipy.stats import binomtest

from neuroonco.build.records import ClosedItem
from neuroonco.intervals import wilson
from neuroonco.predict.records import Prediction
from neuroonco.score.closed.records import Comparison, Difference
from neuroonco.score.closed.score import counted, judge

RESAMPLES = 2000
"""Bootstrap resamples: the 2.5 % quantile then rests on 50 of them."""


def compare(
    items: Sequence[ClosedItem],
    a: Sequence[Prediction],
    b: Sequence[Prediction],
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Comparison:
    """Who is better, by how much, and whether that could be chance.

    The exact McNemar test asks whether questions that only one model gets right are split evenly between them. It
    takes questions as independent; those about one image are not, so that its p is somewhat too small. The
    interval of the difference resamples whole images and is the one to believe: a difference is established
    where it does not hold 0.

    Args:
        items: the benchmark, of which twins do not count; a question that a model did not answer counts as wrong
            for it.
        a, b: predictions of the two models.
        seed: of the bootstrap.
        resamples: how often images are drawn anew.

    Source: McNemar, Psychometrika 1947;12:153-157 (exact binomial form); Efron and Tibshirani, An Introduction to
    the Bootstrap, 1993, chapter 13 (percentile interval).

    Raises:
        InputError: the benchmark has the same question twice.
    """
    items = counted(items)
    judged = [(x.item.image_id, x.is_right, y.is_right) for x, y in zip(judge(items, a), judge(items, b), strict=True)]
    n = len(judged)
    both = sum(x and y for _, x, y in judged)
    only_a = sum(x and not y for _, x, y in judged)
    only_b = sum(y and not x for _, x, y in judged)
    discordant = only_a + only_b
    p_value = float(binomtest(only_a, discordant, 0.5).pvalue) if discordant else 1.0
    return Comparison(
        accuracy_a=wilson(both + only_a, n),
        accuracy_b=wilson(both + only_b, n),
        difference=_difference(judged, seed, resamples),
        both_right=both,
        only_a=only_a,
        only_b=only_b,
        neither=n - both - discordant,
        p_value=p_value if n else None,
        seed=seed,
        resamples=resamples,
    )


def _difference(judged: Sequence[tuple[str, bool, bool]], seed: int, resamples: int) -> Difference:
    by_image: dict[str, list[int]] = {}
    for image_id, right_a, right_b in judged:
        tally = by_image.setdefault(image_id, [0, 0])
        tally[0] += int(right_a) - int(right_b)
        tally[1] += 1
    images, n = len(by_image), len(judged)
    if not images:
        return Difference(value=None, low=None, high=None, n=0, images=0)
    # Sorted, so that the draw does not depend on the order of the questions.
    tallies = np.array([by_image[image_id] for image_id in sorted(by_image)], dtype=np.int64)
    value = float(tallies[:, 0].sum() / n)
    if images < 2:
        return Difference(value=value, low=None, high=None, n=n, images=images)
    random = np.random.default_rng(seed)
    drawn = [tallies[random.integers(images, size=images)].sum(axis=0) for _ in range(resamples)]
    low, high = np.quantile([gain / questions for gain, questions in drawn], [0.025, 0.975])
    return Difference(value=value, low=float(low), high=float(high), n=n, images=images)
