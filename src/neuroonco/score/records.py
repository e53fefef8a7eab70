"""Records of scoring: every figure with its n and its interval."""

from typing import Any

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from neuroonco.intervals import Estimate
from neuroonco.outcomes import Record
from neuroonco.score.twin_records import TwinPairs
from neuroonco.vocabulary import ConflictKind, MRSequence, TumorType

__all__ = [
    "AgreementReport",
    "AirReport",
    "AttributeReport",
    "Comparison",
    "ConflictFinding",
    "Difference",
    "Estimate",
    "FieldAgreement",
    "Kappa",
    "Rejection",
    "Score",
    "SignQuality",
    "SliceConflict",
    "TwinPairs",
]


class Rejection(Record):
    """How a model uses "None of the above"; the three have to be read together.

    Attributes:
        recall: rejection items so answered, of all rejection items. 1.0 for a model that always says so.
        precision: right ones, of all such answers to questions that offer it.
        false_rejection_rate: answerable questions so answered, of all answerable questions that offer it.
    """

    recall: Estimate
    precision: Estimate
    false_rejection_rate: Estimate


class Score(Record):
    """Closed questions scored; each question of the benchmark counts, answered or not. Twins do not: see ``twins``.

    Attributes:
        accuracy: right answers of all questions.
        by_type: the same, by question type, binary questions apart: the keys of ``build.records.REPORTED_TYPES``.
        binary, multiple_choice: the same, by the number of options (two, or more), over all types.
        by_source: the same, by collection; ``(none)`` where none is stated.
        by_sequence: the same, by MR sequence; None where the sequences were not given.
        status: questions by what became of them: the prediction statuses, and ``missing`` (no prediction),
            ``conflicting`` (several that differ), ``invalid_letter`` (a letter that is not offered). Sums to n.
        unmatched_predictions: predictions for questions that the benchmark does not have.
        duplicate_predictions: predictions beyond the first of a question.
        macro_by_type: mean of the accuracies in ``by_type``; None without questions.
        chance: the best expected accuracy without a look at the image, where text says nothing; None without questions.
        chance_by_type: the same for the keys of ``by_type``; empty in files of versions that did not write it.
        complete: every question was put to the model and came back: none missing, conflicting, failed, or without
            its image.
        twins: pairs of a question and its twin; None, and not written, where the benchmark has no twins.
    """

    accuracy: Estimate
    by_type: dict[str, Estimate]
    rejection: Rejection
    binary: Estimate
    multiple_choice: Estimate
    by_source: dict[str, Estimate]
    by_sequence: dict[str, Estimate] | None = None
    status: dict[str, int]
    unmatched_predictions: int
    duplicate_predictions: int
    macro_by_type: float | None
    chance: float | None
    chance_by_type: dict[str, float] = Field(default_factory=dict)
    complete: bool
    twins: TwinPairs | None = None

    @model_serializer(mode="wrap")
    def _without_missing_twins(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # The JSON of a benchmark without twins is that of versions that knew none.
        return {name: value for name, value in write(self).items() if name != "twins" or value is not None}


class Difference(Record):
    """Difference of two accuracies on the same questions.

    Attributes:
        value: the first minus the second; None where n is 0.
        low, high: 95 % bootstrap interval; None with fewer than two images.
        n: questions.
        images: images, the unit that is resampled.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    images: int


class Comparison(Record):
    """Two models on the same questions.

    Attributes:
        accuracy_a, accuracy_b: each on its own.
        difference: a minus b.
        both_right, only_a, only_b, neither: questions by who is right.
        p_value: exact McNemar test, two-sided; None without questions.
        seed, resamples: of the bootstrap.
    """

    accuracy_a: Estimate
    accuracy_b: Estimate
    difference: Difference
    both_right: int
    only_a: int
    only_b: int
    neither: int
    p_value: float | None
    seed: int
    resamples: int


class AirReport(Record):
    """Attribute informativeness of lesion-positive labels.

    Attributes:
        by_sign: share of labels whose sign is not null.
        mean: mean of the six shares; None without labels.
        n: labels.
    """

    by_sign: dict[str, Estimate]
    mean: float | None
    n: int


class SignQuality(Record):
    """Emitted values of one sign, or of all, against a known truth.

    Attributes:
        precision: right values of all emitted values; a declared coarser term of the truth is right.
        exact: the same where a coarser term is not right.
        omission: assessable signs left empty, of all assessable signs.
        coarser: right values that are coarser than the truth.
        invented: emitted values where the truth is not assessable; they count as wrong.
    """

    precision: Estimate
    exact: Estimate
    omission: Estimate
    coarser: int
    invented: int


class AttributeReport(Record):
    """Signs against a known truth, each and overall.

    Attributes:
        n: slices, the healthy ones among them.
    """

    by_sign: dict[str, SignQuality]
    overall: SignQuality
    n: int


class Kappa(Record):
    """Cohen's kappa.

    Attributes:
        value: None where it is not defined.
        low, high: 95 % bootstrap interval over the cases.
        n: cases in which both state a value.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int


class FieldAgreement(Record):
    """Agreement of two readings on one field.

    Attributes:
        values: what can be said, ``not stated`` last.
        matrix: counts; rows are the first reading's values, columns the second's, in the order of ``values``.
        raw: equal values, of the cases in which both state one.
        one_silent, both_silent: cases in which only one, or neither, states a value.
    """

    values: tuple[str, ...]
    matrix: tuple[tuple[int, ...], ...]
    raw: Estimate
    kappa: Kappa
    one_silent: int
    both_silent: int


class AgreementReport(Record):
    """Agreement of two readings of the same slices.

    Attributes:
        n: pairs of readings.
        failed: pairs of which at least one reading failed or is missing; they are in none of the figures.
        on_one_mask: pairs in which both readings looked inside the same mask, so that the lesion and its region
            are no agreement of theirs.
    """

    by_field: dict[str, FieldAgreement]
    n: int
    failed: int
    on_one_mask: int


class ConflictFinding(Record):
    """One contradiction about a slice.

    Attributes:
        field: sign name, ``sequence``, ``region`` or ``lesion``.
        said: who said what, in words.
        points: weight in the order of the list.
    """

    kind: ConflictKind
    field: str
    said: str
    points: float


class SliceConflict(Record):
    """What source, readings and audit contradict each other on, about one slice.

    Attributes:
        points: sum over the findings.
        source_label: as the source spells it.
    """

    slice_id: str
    sample_id: str
    source_id: str
    image_path: str
    patient_id: str | None = None
    tumor_type: TumorType | None = None
    source_label: str | None = None
    sequence: MRSequence | None = None
    points: float
    findings: tuple[ConflictFinding, ...]
