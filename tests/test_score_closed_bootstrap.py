"""Intervals of aggregates: whole clusters are drawn, and the truth is within them as often as they say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from closed_items import closed_item, predicted
from neuroonco import resampling
from neuroonco.build.records import ClosedItem
from neuroonco.intervals import Estimate, wilson
from neuroonco.resampling import Resamples
from neuroonco.score.closed.clustering import MIN_CLUSTERS, ClusteredQuestions, in_clusters
from neuroonco.score.closed.score import score_closed
from neuroonco.vocabulary import QuestionType


def holds(estimate: Estimate, truth: float) -> bool:
    return estimate.low is not None and estimate.high is not None and estimate.low <= truth <= estimate.high


def test_the_interval_holds_the_truth_as_often_as_it_says_and_wilsons_does_not() -> None:
    """Images differ in difficulty, so that the answers to the four questions of one image go together."""
    rng = np.random.default_rng(20)
    trials, images, each, truth = 400, 80, 4, 0.6
    clustered = independent = 0
    for trial in range(trials):
        # Beta(0.9, 0.6) has mean 0.6 and correlates the answers of an image at 1 / (1 + 1.5) = 0.4.
        right = rng.random((images, each)) < rng.beta(0.9, 0.6, (images, 1))
        questions = ClusteredQuestions("image", np.repeat(np.arange(images), each), Resamples(images, 400, trial))
        clustered += holds(questions.share(right.ravel()), truth)
        independent += holds(wilson(int(right.sum()), right.size), truth)
    # 95 % of 400 is 380 with a standard deviation of 4.4. The independent one is narrower by sqrt(1 + 3 * 0.4) = 1.48,
    # which leaves 81 %.
    assert 365 <= clustered <= 394
    assert independent <= 345


def test_the_interval_of_a_mean_of_types_holds_the_truth_too() -> None:
    rng = np.random.default_rng(21)
    groups = ["a"] * 90 + ["b"] * 30
    questions_of = np.tile(np.arange(30), 4)
    held = 0
    for trial in range(300):
        easy = rng.beta(1, 1, 30)[questions_of]
        right = rng.random(120) < np.where(np.array(groups) == "a", easy, easy / 2)
        questions = ClusteredQuestions("image", questions_of, Resamples(30, 300, trial))
        held += holds(questions.mean_of_groups(right, groups), 0.375)
    assert 270 <= held <= 298


@pytest.mark.parametrize("correlation", [0.0, 1.0])
def test_the_width_is_that_of_theory(correlation: float) -> None:
    rng = np.random.default_rng(3)
    images, each = 200, 5
    right = np.repeat(rng.random((images, 1)) < 0.5, each, axis=1) if correlation else rng.random((images, each)) < 0.5
    questions = ClusteredQuestions("image", np.repeat(np.arange(images), each), Resamples(images, 4000, 0))
    found = questions.share(right.ravel())
    expected = 2 * 1.96 * np.sqrt(0.25 / (images if correlation else images * each))
    assert (found.high or 0) - (found.low or 0) == pytest.approx(expected, rel=0.1)


# --- what is drawn together ---


def grouped(image_id: str, group_id: str | None, q_index: int = 0) -> ClosedItem:
    return closed_item(image_id, "A", q_index=q_index).model_copy(update={"group_id": group_id})


def test_images_of_a_group_are_one_cluster_and_others_their_own() -> None:
    items = [grouped("1", "p"), grouped("2", "p"), grouped("3", None), grouped("4", None), grouped("3", None, 1)]
    # A group may be named like an image and is not that image.
    items.append(grouped("5", "3"))
    found = in_clusters(items)
    one, two, three, four, again, five = found.cluster_of.tolist()
    assert one == two
    assert three == again
    assert len({one, three, four, five}) == 4
    assert (found.unit, found.clusters.n) == ("group", 4)
    alone = in_clusters([grouped("1", None), grouped("2", None)])
    assert (alone.unit, alone.clusters.n) == ("image", 2)


def test_an_image_is_never_torn_apart() -> None:
    items = [grouped("1", None), grouped("1", "p", 1), grouped("1", "a", 2), grouped("2", "a")]
    assert set(in_clusters(items).cluster_of.tolist()) == {0}


@given(st.permutations(range(12)))
def test_the_draw_does_not_depend_on_the_order_of_questions(order: list[int]) -> None:
    items = [grouped(str(n // 2), "p" if n < 4 else None, n % 2) for n in range(12)]
    right = np.arange(12) % 3 == 0
    shuffled = in_clusters([items[n] for n in order], seed=3, resamples=50)
    assert shuffled.share(right[order]) == in_clusters(items, seed=3, resamples=50).share(right)


def test_seed_and_resamples_are_those_asked_for() -> None:
    items = [closed_item(str(n), "A") for n in range(40)]
    rows = [predicted(item, "A" if n % 3 else "B") for n, item in enumerate(items)]
    one, same, other, more = (
        score_closed(items, rows, seed=s, resamples=b) for s, b in ((1, 200), (1, 200), (2, 200), (1, 400))
    )
    assert one == same
    assert one.accuracy != other.accuracy
    assert (more.clusters.resamples, more.clusters.seed, other.clusters.seed) == (400, 1, 2)
    assert one.accuracy.value == other.accuracy.value == more.accuracy.value


# --- a figure over weights is the figure over repeated questions ---


def test_means_of_groups_by_hand() -> None:
    questions = ClusteredQuestions("image", np.arange(4), Resamples(4, 100, 0))
    found = questions.mean_of_groups(np.array([True, True, False, True]), ["a", "a", "a", "b"])
    assert (found.value, found.n) == (pytest.approx((2 / 3 + 1) / 2), 4)
    assert questions.mean_of_groups(np.array([True] * 4), ["a"] * 4).high == 1.0
    nothing = ClusteredQuestions("image", np.array([], np.int64), Resamples(0, 100, 0)).mean_of_groups(
        np.array([], bool), []
    )
    assert (nothing.value, nothing.low, nothing.n) == (None, None, 0)


def test_every_resample_is_the_figure_of_its_questions() -> None:
    rng = np.random.default_rng(0)
    cluster_of, right, kinds = rng.integers(0, 15, 90), rng.random(90) < 0.5, rng.choice(list("abc"), 90)
    drawn = Resamples(15, 200, 9)
    figures, means = [], []
    for weights in drawn.weights:
        times = weights[cluster_of]
        again, kind = np.repeat(right, times), np.repeat(kinds, times)
        figures.append(again.mean())
        means.append(np.mean([again[kind == k].mean() for k in set(kind.tolist())]))
    questions = ClusteredQuestions("image", cluster_of, drawn)
    assert all(len(set(cluster_of[kinds == k].tolist())) >= MIN_CLUSTERS for k in "abc")
    accuracy, mean = questions.share(right), questions.mean_of_groups(right, kinds.tolist())
    assert (accuracy.low, accuracy.high) == pytest.approx(tuple(np.percentile(figures, (2.5, 97.5))))
    assert (mean.low, mean.high) == pytest.approx(tuple(np.percentile(means, (2.5, 97.5))))


def test_certainty_is_never_claimed() -> None:
    many = ClusteredQuestions("image", np.repeat(np.arange(30), 3), Resamples(30, 200, 0))
    perfect = many.share(np.ones(90, bool))
    assert (perfect.value, perfect.low, perfect.n) == (1.0, wilson(30, 30).low, 90)
    # One type always right, the other never: no resample of a mean of both differs, but either could be another.
    mean = many.mean_of_groups(np.tile([True, False, False], 30), ["a", "b", "b"] * 30)
    unseen = (wilson(0, 30).high or 0) / 2
    assert (mean.value, mean.low, mean.high) == (0.5, pytest.approx(0.5 - unseen), pytest.approx(0.5 + unseen))


@pytest.mark.parametrize("few", [1, 2, 3, 5, 8])
def test_a_type_with_few_questions_makes_a_mean_unsure(few: int) -> None:
    rng = np.random.default_rng(few)
    held, kinds = 0, ["a"] * 200 + ["b"] * few
    for seed in range(300):
        cluster_of = np.concatenate([np.arange(200), rng.integers(0, 200, few)])
        right = np.concatenate([rng.random(200) < 0.6, rng.random(few) < 0.5])
        found = ClusteredQuestions("image", cluster_of, Resamples(200, 200, seed)).mean_of_groups(right, kinds)
        held += (found.low or 0) <= 0.55 <= (found.high or 0)
    assert held / 300 > 0.95 - 2 * 0.0126


def test_few_clusters_have_wide_intervals() -> None:
    few = ClusteredQuestions("image", np.repeat(np.arange(2), 10), Resamples(2, 500, 0))
    found = few.share(np.array([True] * 9 + [False] + [True] * 8 + [False] * 2))
    assert found.value == pytest.approx(0.85)
    assert found.low == wilson(2, 2).low
    assert MIN_CLUSTERS == 10


# --- weights in blocks ---


def test_large_weights_are_drawn_anew_and_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    columns = np.arange(22).reshape(11, 2)
    kept = Resamples(11, 150, 5)
    totals = kept.totals(columns)
    monkeypatch.setattr(resampling, "KEPT_BYTES", 10)
    anew = Resamples(11, 150, 5)
    assert (anew.totals(columns) == totals).all()
    assert "weights" not in vars(anew)
    assert (np.concatenate(list(anew.blocks(7))) == kept.weights).all()
    assert [len(block) for block in anew.blocks(64)] == [64, 64, 22]
    assert Resamples(3, 0, 0).totals(np.ones((3, 1))).shape == (0, 1)
    assert Resamples(0, 4, 0).totals(np.ones((0, 2))).tolist() == [[0, 0]] * 4


def test_the_draws_are_those_of_earlier_versions() -> None:
    # The figures of `validate` were made with these.
    assert Resamples(6, 3, 1).weights.tolist() == FIRST_DRAWS


FIRST_DRAWS = [[2, 0, 1, 1, 1, 1], [0, 2, 1, 0, 1, 2], [0, 2, 1, 2, 1, 0]]


def test_binary_and_multiple_choice_have_their_own_clusters() -> None:
    items = [closed_item(str(n), "A") for n in range(20)]
    items += [
        closed_item(str(n), "A", q_index=1, texts=("Smooth", "Irregular"), question_type=QuestionType.MARGINS)
        for n in range(20)
    ]
    rows = [predicted(item, "A") for item in items[:20]] + [
        predicted(item, "AB"[n % 2]) for n, item in enumerate(items[20:])
    ]
    score = score_closed(items, rows)
    assert (score.multiple_choice.value, score.multiple_choice.low) == (1.0, wilson(20, 20).low)
    assert (score.binary.value, score.binary.n) == (0.5, 20)
    assert score.binary.low == pytest.approx(wilson(10, 20).low, abs=0.06)
