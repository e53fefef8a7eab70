"""Records of scores of closed questions: every figure with its n and its interval.

Two kinds of interval: cells (a type, a source, a sequence, a bin) have Wilson's; aggregates over all questions resample
clusters, and where these are fewer than 10, or no resample differs, are no narrower than Wilson's over clusters.
"""

from enum import StrEnum
from typing import Any

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from neuroonco.intervals import Estimate
from neuroonco.outcomes import Record
from neuroonco.vocabulary import QuestionType


class Clusters(Record):
    """What is taken as independent in the intervals of aggregates.

    Attributes:
        unit: ``group`` where the benchmark knows patients or groups of copies for at least one image, whose images are
            then drawn together; else ``image``.
        n: how many.
        resamples, seed: of the bootstrap.
    """

    unit: str
    n: int
    resamples: int
    seed: int


class Rejection(Record):
    """How a model uses "None of the above"; the figures have to be read together, and beside those of always E.

    Positive is "None of the above". All are over the questions that offer it. Intervals resample clusters.

    Attributes:
        recall: rejection items so answered, of all rejection items. 1.0 for a model that always says so.
        precision: right ones, of all such answers to questions that offer it.
        f1: harmonic mean of the two; ``n`` as for recall. None where that is 0.
        false_rejection_rate: answerable questions so answered, of all answerable questions that offer it.
        youden_j: recall minus false rejection rate, -1 to 1; 0 for who ignores the question. ``n``: questions.
        mcc: Matthews correlation, -1 to 1; None where a row or column of the table is empty.
        true_rejections, false_rejections, missed_rejections, kept: the table; an unanswered question is not a
            rejection.
    """

    recall: Estimate
    precision: Estimate
    f1: Estimate
    false_rejection_rate: Estimate
    youden_j: Estimate
    mcc: Estimate
    true_rejections: int
    false_rejections: int
    missed_rejections: int
    kept: int


class TwinPairs(Record):
    """How a model answers a question together with its twin, which offers the truth where the question does not.

    The image and the wording are the same, so that who reads the image gets both right; who always rejects, or has a
    favorite among the options, gets one of the two at most. Shares are of all pairs whose twin was asked.

    Attributes:
        both_right: pairs with two right answers.
        both_rejected: pairs answered with "None of the above" twice.
        same_text: pairs answered with the same other option twice, whatever its letter; it is wrong at least once.
        unanswered: pairs of which at least one question has no valid answer.
        unpaired: twins whose question is not in the benchmark, e.g. rejected in review; they are in no pair.
        not_asked: twins without a prediction, e.g. left out of an export; they are in no pair.
    """

    both_right: Estimate
    both_rejected: Estimate
    same_text: Estimate
    unanswered: int
    unpaired: int
    not_asked: int = 0


class Position(Record):
    """One letter as it was shown.

    Attributes:
        letter: as shown.
        offered: questions that show it, with a valid answer.
        chosen: of these, how often it was chosen.
        right: of these, how often it is the answer.
        recall: questions whose answer stands there that were answered right.
    """

    letter: str
    offered: int
    chosen: Estimate
    right: Estimate
    recall: Estimate


class PositionBias(Record):
    """Whether a model prefers places among the options.

    Where "None of the above" always stands last, the last place is as much about rejecting as about places.

    Attributes:
        by_letter: in the order of the letters.
        p_value: Stuart and Maxwell's chi-square test of chosen against right, over letters, clusters as its units; None
            where a letter has fewer than 10 answers on one side only, or there is one letter.
        excess: half the sum over letters of ``|chosen - right|`` as shares of answers, 0 to 1: the share of answers
            that would have to move.
        excess_by_chance: what a model without a preference has of it in expectation; None with fewer than two clusters.
        recall_spread: standard deviation of the recalls over letters; None with fewer than two.
        left_out: valid answers of which nobody knows where the options stood: their ``shown_order`` does not fit.
    """

    by_letter: tuple[Position, ...]
    excess: Estimate
    excess_by_chance: float | None
    p_value: float | None
    recall_spread: float | None
    left_out: int = 0


class PermutationReport(Record):
    """The same questions with their options in other orders.

    Attributes:
        runs: how many, the first included.
        accuracy_by_run: in the order in which they were given.
        always_right: questions right in every run.
        ever_right: questions right in at least one.
        same_choice: questions whose chosen option (not letter) is the same in every run.
        majority: accuracy of the option chosen most often; a tie is wrong.
    """

    runs: int
    accuracy_by_run: tuple[Estimate, ...]
    always_right: Estimate
    ever_right: Estimate
    same_choice: Estimate
    majority: Estimate


class CalibrationBin(Record):
    """Answers of similar confidence: equal-width bins.

    Attributes:
        low, high: of the bin; the last one holds its upper edge too.
        mean_confidence: None for an empty bin.
        right: Wilson interval.
    """

    low: float
    high: float
    mean_confidence: float | None
    right: Estimate


class RiskPoint(Record):
    """What is wrong among the surest answers.

    Attributes:
        coverage: share of all answers that are kept.
        risk: share of the kept ones that are wrong.
        threshold: least confidence that is kept.
    """

    coverage: float
    risk: float
    threshold: float


class Calibration(Record):
    """What a model's confidences are worth, over the questions that have one.

    Attributes:
        source: ``logprobs`` (softmax over the offered letters) or ``stated`` (the model's own words).
        n: questions with a confidence. without_confidence: the rest; in no figure here.
        accuracy: of these n.
        mean_confidence: of these n.
        ece: expected calibration error over ``bins``, as it is found. ece_by_chance: what a calibrated model has of it
            in expectation; None with fewer than two clusters.
        brier: of the chosen option. auroc: of right against wrong answers; None where all are one of the two. aurc:
            area under the risk-coverage curve, ties of confidence taken as one step; lower is better.
        bins: reliability. risk_coverage: at most 101 points by rising coverage.
    """

    source: str
    n: int
    without_confidence: int
    accuracy: Estimate
    mean_confidence: float | None
    ece: Estimate
    ece_by_chance: float | None
    brier: Estimate
    auroc: Estimate
    aurc: Estimate
    bins: tuple[CalibrationBin, ...]
    risk_coverage: tuple[RiskPoint, ...]


class Confusion(Record):
    """Answers of one question type by what is true: rows are true terms, columns what was chosen.

    Attributes:
        terms: spellings as offered, folded to the vocabulary's display names where known; "None of the above" and
            "no answer" last.
        matrix: counts.
    """

    question_type: QuestionType
    terms: tuple[str, ...]
    matrix: tuple[tuple[int, ...], ...]


class Score(Record):
    """Closed questions scored; each question of the benchmark counts, answered or not. Twins do not: see ``twins``.

    Attributes:
        accuracy: right answers of all questions; interval over clusters.
        macro_by_type: mean of the accuracies in ``by_type``; ``n``: questions; interval over clusters.
        by_type: accuracy by question type, binary questions apart: keys of ``build.records.REPORTED_TYPES``; Wilson.
        binary, multiple_choice: accuracy by the number of options (two, or more), over all types; over clusters.
        by_source: by collection: as the benchmark states it, else the number in a path of the reference's layout;
            ``(none)`` where neither is known; Wilson. macro_by_source: mean of these.
        by_sequence: by MR sequence: the given one, else the answer of the image's own modality question; ``(none)``
            where neither is known; Wilson. macro_by_sequence: mean of these.
        rejection: see there. always_none: the same for a model that always says "None of the above" where offered.
        position, calibration, permutation: None where there is nothing to tell them from.
        confusion: by question type with more than two options.
        clusters: of the intervals.
        status: questions by what became of them: the prediction statuses, and ``missing`` (no prediction),
            ``conflicting`` (several that differ), ``invalid_letter`` (a letter that is not offered). Sums to n.
        unmatched_predictions: predictions for questions that the benchmark does not have.
        duplicate_predictions: predictions beyond the first of a question.
        chance: the best expected accuracy without a look at the image, where text says nothing; None without questions.
        chance_by_type: the same for the keys of ``by_type``.
        complete: every question was put to the model and came back: none missing, conflicting, failed, or without
            its image.
        twins: pairs of a question and its twin; None, and not written, where the benchmark has no twins.
    """

    accuracy: Estimate
    macro_by_type: Estimate
    by_type: dict[str, Estimate]
    rejection: Rejection
    always_none: Rejection
    binary: Estimate
    multiple_choice: Estimate
    by_source: dict[str, Estimate]
    macro_by_source: Estimate
    by_sequence: dict[str, Estimate]
    macro_by_sequence: Estimate
    position: PositionBias | None = None
    calibration: Calibration | None = None
    permutation: PermutationReport | None = None
    confusion: tuple[Confusion, ...] = ()
    clusters: Clusters
    status: dict[str, int]
    unmatched_predictions: int
    duplicate_predictions: int
    chance: float | None
    chance_by_type: dict[str, float] = Field(default_factory=dict)
    complete: bool
    twins: TwinPairs | None = None

    @model_serializer(mode="wrap")
    def _without_missing_twins(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # The JSON of a benchmark without twins is that of versions that knew none.
        return {name: value for name, value in write(self).items() if name != "twins" or value is not None}


# --- models compared ---


class Difference(Record):
    """Difference of two accuracies on the same questions.

    Attributes:
        value: the first minus the second; None where n is 0.
        low, high: 95 % interval over clusters; None with fewer than two.
        n: questions.
        clusters: what is resampled.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    clusters: int


class Pair(Record):
    """Two models on the same questions.

    Attributes:
        a, b: names of the models.
        difference: a minus b.
        both_right, only_a, only_b, neither: questions by who is right.
        mcnemar_p: exact McNemar test, two-sided; it takes questions as independent, so that it is too small where
            images have several. None without questions.
        sign_flip_p: two-sided, with clusters as units; the one to believe. None with fewer than two clusters. See
            :func:`neuroonco.score.closed.compare.sign_flip_p`.
        holm_p: ``sign_flip_p`` corrected for all pairs that are tested (Holm).
    """

    a: str
    b: str
    difference: Difference
    both_right: int
    only_a: int
    only_b: int
    neither: int
    mcnemar_p: float | None
    sign_flip_p: float | None
    holm_p: float | None


class ComparedModel(Record):
    """One model among several."""

    model: str
    accuracy: Estimate
    macro_by_type: Estimate
    complete: bool


class PairsOf(StrEnum):
    """Which pairs are compared: all of them, each model with the first, or each with the most accurate one."""

    ALL = "all"
    FIRST = "first"
    BEST = "best"


class Comparison(Record):
    """Several models on the same questions.

    Attributes:
        models: in the order in which they were given.
        pairs: those asked for.
        tests: pairs that ``holm_p`` is corrected for; those with the best alone are corrected as all pairs are.
    """

    models: tuple[ComparedModel, ...]
    pairs: tuple[Pair, ...]
    tests: int
    clusters: Clusters
