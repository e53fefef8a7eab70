"""Records of a validation: labels of slices against a known truth, every figure with its n and its interval."""

from pydantic import Field

from neuroonco.intervals import Estimate
from neuroonco.outcomes import Record
from neuroonco.score.confidence_records import Calibration, Curve, EqualOmission
from neuroonco.score.records import SignQuality
from neuroonco.vocabulary import PhantomStyle


class Condition(Record):
    """What the readers were given.

    Attributes:
        name: e.g. ``tuned_2_masks_given``; a folder name.
        style: in which the phantoms were drawn; None where it was not one.
        seed: of the series; None where it was not one.
        masks_given: the readers and the auditor saw the lesion's outline; None where that is not known.
        sequence_stated: they were told the MR sequence; None where that is not known.
    """

    name: str
    style: PhantomStyle | None = None
    seed: int | None = None
    masks_given: bool | None
    sequence_stated: bool | None


class Correlation(Record):
    """Phi coefficient of two yes-or-no facts, with the counts that it is made of.

    Attributes:
        value: None where one of the two never varies: then there is no correlation to speak of, which is not zero.
        low, high: 95 % bootstrap interval over slices; None where too few resamples have a value.
        n: cases, also where there is no value.
        both, only_first, only_second, neither: cases by who is wrong.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    both: int
    only_first: int
    only_second: int
    neither: int


class ErrorCorrelation(Record):
    """How far two readings err together, see :func:`neuroonco.score.agreement_of_errors.error_correlation`.

    Attributes:
        overall: over all signs, pooled.
        within_signs: over all signs, each about its own error rates; a correlation, so that it may be below 0. Its
            interval is a bootstrap over slices.
    """

    by_sign: dict[str, Correlation]
    overall: Correlation
    within_signs: Estimate


class SequenceReport(Record):
    """MR sequence as seen against the true one.

    Attributes:
        matrix: true sequence -> seen sequence, or ``none`` -> slices.
        precision: right ones of those seen.
        coverage: slices of which a sequence is seen, of all.
        right: right ones of all slices: an empty field counts as wrong.
    """

    matrix: dict[str, dict[str, int]]
    precision: Estimate
    coverage: Estimate
    right: Estimate


class LocalizationReport(Record):
    """Boxes against the true outline.

    Attributes:
        with_box: slices with lesion for which there is a box.
        iou_from_half: boxes with an intersection over union of at least 0.5, of all boxes.
        center_in_mask: boxes whose center lies on a lesion, of all boxes.
        iou_quartiles: 25th, 50th and 75th percentile with 95 % intervals from order statistics, over boxes.
        iou_histogram: boxes by tenths of intersection over union.
    """

    with_box: Estimate
    iou_from_half: Estimate
    center_in_mask: Estimate
    iou_quartiles: tuple[Estimate, Estimate, Estimate]
    iou_histogram: tuple[int, ...]


class LesionReport(Record):
    """Whether lesions were found, and where.

    Attributes:
        found: slices with lesion that are called so.
        missed: slices with lesion that are called healthy.
        false_lesion: healthy slices that are called a lesion.
        cleared: healthy slices that are called healthy.
        found_by: name of a property -> its value -> found.
        region_stated: found lesions whose region is stated.
        region: stated regions that are the true cell of the grid.
        region_near: stated regions that are the true cell or touch it.
        localization: None where labels of this kind have no boxes.
    """

    found: Estimate
    missed: Estimate
    false_lesion: Estimate
    cleared: Estimate
    found_by: dict[str, dict[str, Estimate]]
    region_stated: Estimate
    region: Estimate
    region_near: Estimate
    localization: LocalizationReport | None = None


class LabelReport(Record):
    """Everything about labels of one kind under one condition.

    Figures that pool several signs have bootstrap intervals over slices, those of one sign Wilson intervals.

    Attributes:
        labels: slices that have a label of this kind at all; the others count as left empty.
        overall: all signs pooled.
        by_sign, by_sequence, by_sign_and_sequence, by_hard_case, by_size, by_conspicuous: the same in groups; a slice
            with two hard cases is in both groups, one with none in ``none``. Healthy slices have no size and no
            conspicuity: they, and the values invented in them, are in no group of these two.
        curves: ``overall`` and each sign.
        calibration: ``overall`` and each sign.
        sequence: as seen in the pixels; what the source states does not enter.
    """

    labels: int
    overall: SignQuality
    by_sign: dict[str, SignQuality]
    by_sequence: dict[str, SignQuality]
    by_sign_and_sequence: dict[str, dict[str, SignQuality]]
    by_hard_case: dict[str, SignQuality]
    by_size: dict[str, SignQuality]
    by_conspicuous: dict[str, SignQuality]
    lesion: LesionReport
    curves: dict[str, Curve]
    calibration: dict[str, Calibration]
    sequence: SequenceReport


class ConditionReport(Record):
    """All kinds of label under one condition.

    Attributes:
        slices, lesions, healthy: how many were read.
        labels: ``conservative``, ``skeptical``, ``fused``, ``audited``; the last one only where there was an audit.
        errors_where_both_state: correlation of the two readings' errors over signs that both state.
        errors_where_assessable: the same over all assessable signs, where a sign left empty is no error.
        equal_omission: ``fused`` or ``audited`` -> reading -> that reading cut to the label's omission, and what
            the label is more precise by.
        unmatched: labels of slices that have no truth.
        dropped: stage -> reason -> slices.
    """

    condition: Condition
    slices: int
    lesions: int
    healthy: int
    labels: dict[str, LabelReport]
    errors_where_both_state: ErrorCorrelation
    errors_where_assessable: ErrorCorrelation
    equal_omission: dict[str, dict[str, EqualOmission]]
    unmatched: int = 0
    dropped: dict[str, dict[str, int]] = Field(default_factory=dict)


class RealFigures(Record):
    """Labels of one kind on real slices with masks.

    Attributes:
        found, missed: slices with lesion that are called so, and that are called healthy.
        false_lesion: slices with an empty mask that are called a lesion.
        localization: None where labels of this kind have no boxes.
    """

    found: Estimate
    missed: Estimate
    false_lesion: Estimate
    localization: LocalizationReport | None


class RealReport(Record):
    """Lesions found in real slices that have masks, and where; nothing is known there about the signs.

    Attributes:
        source_id: the collection.
        masks_given: the readers saw the masks.
        slices: catalogued slices with an outline of a lesion, read or not: the n of what is found.
        empty: catalogued slices with an empty mask, which states that there is no lesion.
        unlabeled: catalogued slices without an outline, of which nothing is known.
        masks_unreadable: catalogued slices whose mask cannot be read, so that they are in none of the three.
        unreadable: slices that a stage before fusion left out or could not read, each counted once.
        labels: kind of label -> found, and boxes.
    """

    source_id: str
    masks_given: bool
    slices: int
    empty: int
    unlabeled: int
    masks_unreadable: int
    unreadable: int
    labels: dict[str, RealFigures]


class Aim(Record):
    """What a figure is to be.

    Attributes:
        name: what it is about.
        precision: at least; None where it is not about precision.
        omission: at most.
        error_correlation: at most.
    """

    name: str
    precision: float | None = None
    omission: float | None = None
    error_correlation: float | None = None


class ValidationReport(Record):
    """A reader measured.

    Attributes:
        kind: says in words what was read, so that no figure is taken for a clinical one.
        reader, auditor: who read and who audited.
        resamples, seed: of the bootstrap.
    """

    kind: str
    neuroonco: str
    reader: str
    auditor: str | None
    aims: tuple[Aim, ...]
    resamples: int
    seed: int
    conditions: tuple[ConditionReport, ...] = ()
    real: tuple[RealReport, ...] = ()
