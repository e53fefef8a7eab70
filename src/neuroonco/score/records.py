"""Records of scoring labels: every figure with its n and its interval. Those of answers: ``score.closed.records``."""

from neuroonco.intervals import Estimate
from neuroonco.outcomes import Record
from neuroonco.vocabulary import ConflictKind, MRSequence, TumorType

__all__ = [
    "AgreementReport",
    "AirReport",
    "AttributeReport",
    "ConflictFinding",
    "Estimate",
    "FieldAgreement",
    "Kappa",
    "SignQuality",
    "SliceConflict",
]


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
