"""What confidences are worth."""

from math import exp, log

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, roc_auc_score

from closed_items import closed_item, predicted
from neuroonco.predict.records import LetterLogprob, Prediction
from neuroonco.resampling import Resamples
from neuroonco.score.closed.calibration import BINS, MAX_POINTS, Ranking, bin_of, calibration_of
from neuroonco.score.closed.clustering import ClusteredQuestions
from neuroonco.score.closed.distance import distance
from neuroonco.score.closed.records import Calibration
from neuroonco.score.closed.score import score_closed
from neuroonco.vocabulary import PredictionStatus

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


def of(confidence: list[float] | Floats, right: list[bool] | Flags, resamples: int = 50) -> Calibration:
    n = len(confidence)
    questions = ClusteredQuestions("image", np.arange(n), Resamples(n, resamples, 0))
    return calibration_of(np.array(confidence, np.float64), np.array(right, bool), questions, "stated")


# --- independent, naive ---


def naive_ece(confidence: Floats, right: Flags) -> float:
    total = 0.0
    for k in range(BINS):
        inside = [
            (c, r)
            for c, r in zip(confidence, right, strict=True)
            if k / BINS <= c < (k + 1) / BINS or (k == BINS - 1 and c == 1)
        ]
        if inside:
            sure, hits = (sum(column) / len(inside) for column in zip(*inside, strict=True))
            total += len(inside) / len(right) * abs(sure - hits)
    return total


def naive_aurc(confidence: Floats, right: Flags) -> float:
    risks = []
    for c in confidence:
        kept = right[confidence >= c]
        risks.append(1 - kept.mean())
    return float(np.mean(risks))


# Away from the edges of bins, where rounding decides.
ANSWERS = st.lists(st.tuples(st.integers(0, 40).map(lambda k: (k + 0.3) / 42), st.booleans()), min_size=1, max_size=60)


@given(ANSWERS)
def test_figures_are_those_of_independent_code(answers: list[tuple[float, bool]]) -> None:
    confidence, right = np.array([a[0] for a in answers]), np.array([a[1] for a in answers])
    found = of(confidence, right)
    assert found.ece.value == pytest.approx(naive_ece(confidence, right))
    assert found.aurc.value == pytest.approx(naive_aurc(confidence, right))
    assert found.brier.value == pytest.approx(brier_score_loss(right, confidence, labels=[False, True]))
    if right.all() or not right.any():
        assert (found.auroc.value, found.auroc.n) == (None, 0)
    else:
        assert found.auroc.value == pytest.approx(roc_auc_score(right, confidence))
    for figure in (found.ece, found.brier, found.aurc, found.auroc):
        if figure.value is not None and figure.low is not None and figure.high is not None:
            assert 0 <= figure.low <= figure.value <= figure.high <= 1
    assert sum(b.right.n for b in found.bins) == found.n == len(answers)


@given(ANSWERS, st.integers(0, 2**32 - 1))
def test_a_resample_is_the_figure_of_its_answers(answers: list[tuple[float, bool]], seed: int) -> None:
    """Weights stand for repeated answers, ties and all."""
    confidence, right = np.array([a[0] for a in answers]), np.array([a[1] for a in answers])
    order = np.argsort(-confidence, kind="stable")
    ranking = Ranking.of(confidence[order], right[order])
    times = np.random.default_rng(seed).integers(0, 4, len(answers))
    repeated_confidence, repeated_right = (np.repeat(x[order], times) for x in (confidence, right))
    auroc, aurc = (area[0] for area in ranking.areas(times[:, None].astype(float)))
    if times.sum() == 0:
        assert np.isnan(aurc)
    else:
        assert aurc == pytest.approx(naive_aurc(repeated_confidence, repeated_right))
    if repeated_right.all() or not repeated_right.any():
        assert np.isnan(auroc)
    else:
        assert auroc == pytest.approx(roc_auc_score(repeated_right, repeated_confidence))


@given(st.lists(st.booleans(), min_size=1, max_size=40), st.floats(0, 1))
def test_one_confidence_for_all_ranks_nothing(right: list[bool], confidence: float) -> None:
    found = of([confidence] * len(right), right)
    risk = 1 - sum(right) / len(right)
    assert found.aurc.value == pytest.approx(risk)
    assert found.auroc.value in (None, 0.5)
    assert [(p.coverage, p.risk) for p in found.risk_coverage] == [(1.0, pytest.approx(risk))]
    assert found.ece.value == pytest.approx(abs(confidence - (1 - risk)))


@given(ANSWERS)
def test_only_the_order_of_confidences_ranks(answers: list[tuple[float, bool]]) -> None:
    confidence, right = np.array([a[0] for a in answers]), np.array([a[1] for a in answers])
    one, other = of(confidence, right), of(0.2 + confidence**3 / 2, right)
    assert (one.auroc, one.aurc) == (other.auroc, other.aurc)
    assert [(p.coverage, p.risk) for p in one.risk_coverage] == [(p.coverage, p.risk) for p in other.risk_coverage]


def test_perfect_calibration_has_no_error() -> None:
    confidence = np.repeat([0.1, 0.5, 0.9], 100)
    right = np.concatenate([np.arange(100) < share for share in (10, 50, 90)])
    found = of(confidence, right)
    assert found.ece.value == pytest.approx(0)
    assert found.mean_confidence == pytest.approx(found.accuracy.value)
    assert found.brier.value == pytest.approx(np.mean([0.09, 0.25, 0.09]))
    assert (found.ece.high or 0) > 0.01


@pytest.mark.parametrize("gap", [0.0, 0.03, 0.1])
@pytest.mark.parametrize(("n", "repeats"), [(300, 100), (3000, 20)])
@pytest.mark.parametrize("shape", ["all", "some"])
def test_an_interval_of_the_calibration_error_holds_the_truth(gap: float, n: int, repeats: int, shape: str) -> None:
    """Off by the gap in every bin, or by four times as much in the surest answers alone."""
    rng = np.random.default_rng(1)
    held, values, chances = 0, [], []
    for seed in range(repeats):
        confidence = rng.uniform(0.3, 0.9, n)
        off = np.full(n, gap) if shape == "all" else -4 * gap * (confidence >= 0.8)
        questions = ClusteredQuestions("image", np.arange(n) // 3, Resamples(n // 3, 200, seed))
        right = rng.random(n) < confidence + off
        bins = bin_of(confidence)[:, None] == np.arange(BINS)
        found, chance = distance(bins * (confidence - right)[:, None], np.ones(n), questions)
        assert found.low is not None
        assert found.high is not None
        held += found.low <= np.abs(off).mean() <= found.high
        values.append(found.value)
        chances.append(chance)
    assert held >= 0.95 * repeats - 2 * (0.95 * 0.05 * repeats) ** 0.5
    if gap == 0:
        assert np.mean(chances) == pytest.approx(np.mean(values), rel=0.1)


def test_the_order_of_questions_changes_no_digit() -> None:
    rng = np.random.default_rng(3)
    items = [closed_item(f"{n:02}", "A") for n in range(60)]
    rows = [
        predicted(item, "AB"[n % 2]).model_copy(update={"confidence": float(rng.random())})
        for n, item in enumerate(items)
    ]
    first = score_closed(items, rows, resamples=100)
    for _ in range(5):
        order = rng.permutation(60)
        assert score_closed([items[k] for k in order], [rows[k] for k in order[::-1]], resamples=100) == first


def test_the_surest_first() -> None:
    found = of([0.9, 0.8, 0.8, 0.3], [True, False, True, False])
    assert [(p.coverage, p.risk, p.threshold) for p in found.risk_coverage] == [
        (0.25, 0.0, 0.9),
        (0.75, pytest.approx(1 / 3), 0.8),
        (1.0, 0.5, 0.3),
    ]
    assert found.aurc.value == pytest.approx((0 + 1 / 3 + 1 / 3 + 0.5) / 4)
    many = of(np.linspace(0, 1, 1000), np.arange(1000) % 2 == 0).risk_coverage
    assert len(many) == MAX_POINTS
    assert many[-1].coverage == 1.0
    assert [p.coverage for p in many] == sorted(p.coverage for p in many)


def test_certainty_is_never_claimed() -> None:
    found = of([1.0] * 30, [True] * 30)
    assert (found.ece.value, found.ece.low, found.brier.value, found.aurc.value) == (0.0, 0.0, 0.0, 0.0)
    assert all((figure.high or 0) > 0.05 for figure in (found.ece, found.brier, found.aurc))
    ranked = of([0.9] * 20 + [0.1] * 20, [True] * 20 + [False] * 20).auroc
    assert (ranked.value, ranked.high, ranked.n) == (1.0, 1.0, 40)
    assert (ranked.low or 1) < 0.9


def test_an_interval_of_auroc() -> None:
    # Hanley and McNeil, Radiology 1982: 60 of each kind at an area of 0.76 have a standard error near 0.043.
    rng = np.random.default_rng(1)
    confidence = 1 / (1 + np.exp(-np.concatenate([rng.normal(1, 1, 60), rng.normal(0, 1, 60)])))
    found = of(confidence, np.repeat([True, False], 60), 2000).auroc
    assert found.value is not None
    assert found.low == pytest.approx(found.value - 1.96 * 0.043, abs=0.025)
    assert found.high == pytest.approx(found.value + 1.96 * 0.043, abs=0.025)


def test_bins_have_equal_widths_and_the_last_holds_one() -> None:
    assert bin_of(np.array([0.0, 0.0667, 0.5, 1.0])).tolist() == [0, 1, 7, 14]
    found = of([0.03, 1.0, 0.99], [False, True, True])
    assert [b.mean_confidence for b in found.bins[1:14]] == [None] * 13
    assert found.bins[14].mean_confidence == pytest.approx(0.995)
    assert (found.bins[14].right.value, found.bins[14].right.n) == (1.0, 2)


# --- where confidences are from ---


def with_logprobs(pred: str, shares: dict[str, float], **more: object) -> Prediction:
    rows = tuple(LetterLogprob(letter=letter, logprob=log(share)) for letter, share in shares.items())
    return predicted(closed_item("1", "A"), pred).model_copy(update={"logprobs": rows, **more})


def test_letters_share_their_probability() -> None:
    shares = {"A": 0.4, "B": 0.2, "C": 0.1, "D": 0.05, "E": 0.05}
    found = score_closed([closed_item("1", "A")], [with_logprobs("A", shares, confidence=0.1)]).calibration
    assert found is not None
    assert (found.source, found.n, found.without_confidence) == ("logprobs", 1, 0)
    assert found.mean_confidence == pytest.approx(0.4 / 0.8)
    # Very unlikely letters are still compared with one another.
    far = {letter: exp(-700) * share for letter, share in shares.items()}
    again = score_closed([closed_item("1", "A")], [with_logprobs("A", far)]).calibration
    assert again is not None
    assert again.mean_confidence == pytest.approx(0.5)


def test_a_letter_without_probability_leaves_no_confidence() -> None:
    shares = {"A": 0.4, "B": 0.2, "C": 0.1, "D": 0.05}
    assert score_closed([closed_item("1", "A")], [with_logprobs("A", shares)]).calibration is None
    stated = score_closed([closed_item("1", "A")], [with_logprobs("A", shares, confidence=0.7)]).calibration
    assert stated is not None
    assert (stated.source, stated.mean_confidence) == ("stated", 0.7)


def test_only_answers_that_count_have_a_confidence() -> None:
    items = [closed_item(str(n), "A") for n in range(4)]
    rows = [
        predicted(items[0], "A").model_copy(update={"confidence": 0.9}),
        predicted(items[1], "B"),
        predicted(items[2], None, PredictionStatus.UNPARSED).model_copy(update={"confidence": 0.8}),
    ]
    found = score_closed(items, rows).calibration
    assert found is not None
    assert (found.n, found.without_confidence, found.accuracy.value, found.ece.n) == (1, 3, 1.0, 1)
    assert score_closed(items, [predicted(items[0], "A")]).calibration is None
