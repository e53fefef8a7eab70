"""What confidences are worth: reliability, ranking, and what is wrong among the surest answers."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from neuroonco.intervals import wilson
from neuroonco.resampling import BLOCK, Counts, Floats
from neuroonco.score.closed.clustering import ClusteredQuestions
from neuroonco.score.closed.confidences import confidences
from neuroonco.score.closed.distance import distance
from neuroonco.score.closed.judge import Judged
from neuroonco.score.closed.records import Calibration, CalibrationBin, RiskPoint

BINS = 15
"""Guo et al., ICML 2017."""
MAX_POINTS = 101
Flags = npt.NDArray[np.bool_]


def calibration(judged: Sequence[Judged], questions: ClusteredQuestions) -> Calibration | None:
    """Calibration over the answers that have a confidence; None where none has."""
    known = confidences(judged)
    if known is None:
        return None
    source, values = known
    confidence = np.array([np.nan if value is None else value for value in values], np.float64)
    return calibration_of(confidence, np.array([q.is_right for q in judged], bool), questions, source)


def calibration_of(confidence: Floats, right: Flags, questions: ClusteredQuestions, source: str) -> Calibration:
    """The same from numbers.

    Args:
        confidence: (questions,) 0 to 1, NaN where there is none.
        right: (questions,).
        questions: their clusters.
        source: see :class:`Calibration`.

    Source: expected calibration error, Guo et al., ICML 2017; Brier, Mon Weather Rev 1950;78:1-3; area under the
    risk-coverage curve, Geifman et al., ICLR 2019.
    """
    has = ~np.isnan(confidence)
    sure, right = np.where(has, confidence, 0.0), right & has
    in_bin = has[:, None] & (bin_of(sure)[:, None] == np.arange(BINS))
    per_bin = np.concatenate([in_bin * sure[:, None], in_bin & right[:, None], in_bin], axis=1)
    error = distance(in_bin * (sure - right)[:, None], has, questions)
    squares = np.stack([has * (sure - right) ** 2, has], axis=1)
    order = np.argsort(-confidence[has], kind="stable")
    ranked = np.flatnonzero(has)[order]
    ranking = Ranking.of(confidence[ranked], right[ranked])
    drawn = _resampled_ranking(ranking, questions.cluster_of[ranked], questions)
    wrong = has & ~right
    fewer = right if right.sum() <= wrong.sum() else wrong
    auroc, aurc = (_value(found) for found in ranking.areas())
    area = questions.figure(auroc, drawn[:, 0], fewer)
    n = int(has.sum())
    return Calibration(
        source=source,
        n=n,
        without_confidence=len(has) - n,
        accuracy=questions.share(right, has),
        mean_confidence=float(sure.sum() / n) if n else None,
        ece=error.found,
        ece_by_chance=error.by_chance,
        brier=questions.figure(_value(_mean(squares.sum(axis=0)[None])), _mean(questions.totals(squares)), has),
        auroc=area.model_copy(update={"n": n if auroc is not None else 0}),
        aurc=questions.figure(aurc, drawn[:, 1], has),
        bins=_bins(per_bin.sum(axis=0)),
        risk_coverage=ranking.points(),
    )


def bin_of(confidence: Floats) -> Counts:
    """Number of the equal-width bin; 1.0 is in the last.

    >>> bin_of(np.array([0.0, 1 / 15, 0.9999, 1.0])).tolist()
    [0, 1, 14, 14]
    """
    found: Counts = np.minimum(np.floor(confidence * BINS), BINS - 1).astype(np.int64)
    return found


class Ranking:
    """Answers from the surest to the least sure, those of equal confidence as one level.

    Attributes:
        starts: index of the first answer of each level. thresholds: confidence of each level.
        right: (answers,).
    """

    def __init__(self, starts: Counts, thresholds: Floats, right: Flags) -> None:
        self.starts, self.thresholds, self.right = starts, thresholds, right

    @classmethod
    def of(cls, confidence: Floats, right: Flags) -> "Ranking":
        """From confidences that fall from answer to answer."""
        new = np.ones(len(confidence), bool)
        new[1:] = confidence[1:] != confidence[:-1]
        starts = np.flatnonzero(new)
        return cls(starts, confidence[starts], right)

    def levels(self, weights: Floats | None = None) -> tuple[Floats, Floats]:
        """(levels, draws) weight of the right and of all answers of each level.

        Args:
            weights: (answers, draws) how often each answer is drawn; once each where there are none.
        """
        drawn = np.ones((len(self.right), 1)) if weights is None else weights
        right = drawn * self.right[:, None]
        if len(self.starts) == len(self.right):
            return right, drawn
        return np.add.reduceat(right, self.starts, axis=0), np.add.reduceat(drawn, self.starts, axis=0)

    def areas(self, weights: Floats | None = None) -> tuple[Floats, Floats]:
        """(draws,) area under the ROC curve, and under the risk-coverage curve.

        The first is the chance that a right answer is surer than a wrong one, ties counting half; NaN with one kind.
        The second is the mean over answers of the risk among all that are at least as sure; NaN without answers.
        """
        right, all_ = self.levels(weights)
        kept, kept_right = np.cumsum(all_, axis=0), np.cumsum(right, axis=0)
        risk = 1 - np.divide(kept_right, kept, out=np.ones_like(kept), where=kept > 0)
        n, n_right = all_.sum(axis=0), right.sum(axis=0)
        aurc = _ratio(np.einsum("ij,ij->j", risk, all_), n)
        above = np.einsum("ij,ij->j", all_ - right, kept_right - right / 2)
        return _ratio(above, n_right * (n - n_right)), aurc

    def points(self) -> tuple[RiskPoint, ...]:
        """The curve, thinned to :data:`MAX_POINTS` by even steps of its levels; its last point holds every answer."""
        right, all_ = (part[:, 0] for part in self.levels())
        kept, wrong = np.cumsum(all_), np.cumsum(all_ - right)
        if not len(kept):
            return ()
        places = np.unique(np.linspace(0, len(kept) - 1, min(len(kept), MAX_POINTS)).round().astype(np.int64))
        return tuple(
            RiskPoint(
                coverage=float(kept[k] / kept[-1]),
                risk=float(wrong[k] / kept[k]),
                threshold=float(self.thresholds[k]),
            )
            for k in places
        )


def _resampled_ranking(ranking: Ranking, cluster_of: Counts, questions: ClusteredQuestions) -> Floats:
    """(resamples, 2) area under the ROC curve and under the risk-coverage curve."""
    found = [np.zeros((0, 2))]
    for block in questions.resamples.blocks(BLOCK):
        # Answers along the first axis, so that sums over them add whole rows.
        weights = block.T[cluster_of].astype(np.float64)
        found.append(np.stack(ranking.areas(weights), axis=1))
    return np.concatenate(found)


def _bins(per_bin: Floats) -> tuple[CalibrationBin, ...]:
    sure, right, n = per_bin.reshape(3, BINS)
    return tuple(
        CalibrationBin(
            low=k / BINS,
            high=(k + 1) / BINS,
            mean_confidence=float(sure[k] / n[k]) if n[k] else None,
            right=wilson(round(float(right[k])), round(float(n[k]))),
        )
        for k in range(BINS)
    )


def _mean(sums: Floats) -> Floats:
    return _ratio(sums[:, 0], sums[:, 1])


def _value(found: Floats) -> float | None:
    return None if np.isnan(found[0]) else float(found[0])


def _ratio(above: Floats, below: Floats) -> Floats:
    found: Floats = np.divide(above, below, out=np.full_like(above, np.nan, dtype=np.float64), where=below > 0)
    return found
