"""Precision, omission and shared errors of labels against a known truth, counted by hand."""

from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories_validation import reading_of, truth_of
from neuroonco.intervals import wilson
from neuroonco.phantoms.records import PhantomTruth
from neuroonco.readings.records import LesionReading, Signs
from neuroonco.score.agreement_of_errors import error_correlation
from neuroonco.score.attributes import attribute_precision
from neuroonco.score.judged import SignTable, Statement, sign_table, statement_of
from neuroonco.score.lesions import lesion_report, sequence_report
from neuroonco.score.localization import Location, box_iou, boxes_of, localization, overlap
from neuroonco.score.resampling import Resamples
from neuroonco.score.signs import pooled_quality, quality_by, quality_by_sign, quality_by_sign_and_sequence
from neuroonco.score.validation import evaluate, worst_errors
from neuroonco.score.validation_records import Condition
from neuroonco.vocabulary import (
    SIGN_VALUES,
    Edema,
    Enhancement,
    HardCase,
    ImageRegion,
    LesionSize,
    Margins,
    MRSequence,
    Shape,
    Sign,
    Texture,
    TumorType,
)

CONDITION = Condition(name="c", masks_given=True, sequence_stated=True)
TRUTHS = [
    truth_of(0, signs=Signs(shape=Shape.ROUND, edema=Edema.MILD)),
    truth_of(1, signs=Signs(shape=Shape.OVAL, edema=Edema.ABSENT), hard_cases=(HardCase.SMALL, HardCase.MOTION)),
    truth_of(
        2, signs=Signs(shape=Shape.OVAL, enhancement=Enhancement.RING), sequence=MRSequence.T1CE, conspicuous=False
    ),
    truth_of(3, tumor_type=TumorType.HEALTHY),
]
STATEMENTS = [
    Statement(found=True, signs=Signs(shape=Shape.ROUND, edema=Edema.PRESENT)),  # right, right but coarser
    Statement(found=True, signs=Signs(shape=Shape.LOBULATED)),  # wrong, omitted
    Statement(found=True, signs=Signs(enhancement=Enhancement.SOLID, texture=Texture.HOMOGENEOUS)),  # wrong, invented
    Statement(found=True, signs=Signs(shape=Shape.ROUND)),  # of a healthy slice: invented
]


def table_of(statements: list[Statement] = STATEMENTS) -> SignTable:
    return sign_table(TRUTHS, statements)


def test_every_value_is_counted_once_overall() -> None:
    quality = pooled_quality(table_of(), Resamples(4, 100, 0))
    assert (quality.precision.value, quality.precision.n) == (2 / 6, 6)
    assert (quality.omission.value, quality.omission.n) == (2 / 6, 6)
    assert (quality.coarser, quality.invented) == (1, 2)


def test_each_sign_has_its_own_counts_and_wilson_intervals() -> None:
    by_sign = quality_by_sign(table_of())
    assert by_sign["shape"].precision == wilson(1, 3)
    assert by_sign["shape"].omission == wilson(1, 3)
    assert by_sign["edema"].precision == wilson(1, 1)
    assert by_sign["edema"].omission == wilson(1, 2)
    assert (by_sign["shape"].invented, by_sign["texture"].invented, by_sign["edema"].coarser) == (1, 1, 1)
    assert by_sign["margins"].precision.value is None
    assert list(by_sign) == [sign.value for sign in Sign]


def test_groups_hold_the_slices_that_belong_there() -> None:
    table, resamples = table_of(), Resamples(4, 100, 0)
    by_sequence = quality_by("sequence", table, TRUTHS, resamples)
    assert (by_sequence["t2"].precision.n, by_sequence["t1ce"].precision.n, by_sequence["t1"].precision.n) == (4, 2, 0)
    assert by_sequence["t1"].omission.value is None
    by_case = quality_by("hard_case", table, TRUTHS, resamples)
    assert by_case["small"].precision.n == by_case["motion"].precision.n == 1
    assert (by_case["none"].precision.n, by_case["isointense"].precision.n) == (5, 0)
    by_size = quality_by("size", table, TRUTHS, resamples)
    assert (by_size[LesionSize.SMALL].precision.n, by_size[LesionSize.LARGE].precision.n) == (5, 0)
    seen = quality_by("conspicuous", table, TRUTHS, resamples)
    assert (seen["yes"].precision.n, seen["no"].precision.n) == (3, 2)
    crossed = quality_by_sign_and_sequence(table, TRUTHS)
    assert crossed["shape"]["t2"].precision == wilson(1, 3)
    assert crossed["shape"]["t1ce"].omission == wilson(1, 1)


def test_counts_are_those_of_attribute_precision() -> None:
    report = attribute_precision((s.signs, t.signs) for s, t in zip(STATEMENTS, TRUTHS, strict=True))
    quality = pooled_quality(table_of(), Resamples(4, 100, 0))
    assert quality.precision.value == report.overall.precision.value
    assert quality.omission == report.overall.omission.model_copy(
        update={"low": quality.omission.low, "high": quality.omission.high}
    )
    assert quality_by_sign(table_of()) == report.by_sign


def test_a_failed_reading_and_a_reading_without_lesion_say_nothing() -> None:
    failed = reading_of(0, Signs(shape=Shape.ROUND), error="timeout")
    assert statement_of(failed) == statement_of(None) == Statement(found=None)
    cleared = statement_of(reading_of(0, Signs(shape=Shape.ROUND), lesion_found=False, sequence_seen=MRSequence.T1))
    assert (cleared.found, cleared.signs, cleared.seen) == (False, Signs(), MRSequence.T1)


def test_slices_are_resampled_whole() -> None:
    # Ten slices with six values each, all right or all wrong: ten cases, not sixty.
    full = {sign.value: SIGN_VALUES[sign] for sign in Sign}
    truths = [truth_of(i, signs=Signs.model_validate({k: next(iter(v)) for k, v in full.items()})) for i in range(10)]
    other = Signs(shape=Shape.IRREGULAR, margins=Margins.ILL_DEFINED)
    right, wrong = truths[0].signs, other.model_copy(update={"texture": Texture.HETEROGENEOUS})
    table = sign_table(truths, [Statement(found=True, signs=right if i < 5 else wrong) for i in range(10)])
    whole = pooled_quality(table, Resamples(10, 2000, 0)).precision
    independent = wilson(round((whole.value or 0) * whole.n), whole.n)
    assert whole.high is not None
    assert whole.low is not None
    assert whole.high - whole.low > 1.5 * ((independent.high or 0) - (independent.low or 0))


# --- errors of two readings ---


def two_tables(errors: list[tuple[bool | None, bool | None]]) -> tuple[SignTable, SignTable]:
    """Shape read by two readers; None where one states nothing."""
    truths = [truth_of(i, signs=Signs(shape=Shape.ROUND)) for i in range(len(errors))]
    said = {True: Signs(shape=Shape.OVAL), False: Signs(shape=Shape.ROUND), None: Signs()}
    first, second = (
        sign_table(truths, [Statement(found=True, signs=said[pair[side]]) for pair in errors]) for side in (0, 1)
    )
    return first, second


def test_phi_by_hand() -> None:
    errors = [(True, True)] * 3 + [(True, False)] * 2 + [(False, True)] + [(False, False)] * 4 + [(None, True)] * 5
    tables = two_tables(errors)
    drawn = Resamples(len(errors), 500, 0)
    both = error_correlation(*tables, drawn, all_assessable=False)
    expected = (3 * 4 - 2 * 1) / sqrt(5 * 5 * 4 * 6)
    shape = both.by_sign["shape"]
    assert shape.value == pytest.approx(expected)
    assert (shape.n, shape.both, shape.only_first, shape.only_second, shape.neither) == (10, 3, 2, 1, 4)
    assert shape.low is not None
    assert shape.low < expected < (shape.high or 0)
    assert both.overall == shape
    assert both.within_signs == pytest.approx(expected)
    everywhere = error_correlation(*tables, drawn, all_assessable=True).by_sign["shape"]
    assert (everywhere.n, everywhere.only_second) == (15, 6)
    assert everywhere.value == pytest.approx((3 * 4 - 2 * 6) / sqrt(5 * 10 * 9 * 6))


def test_no_correlation_where_one_never_errs_or_nothing_is_stated() -> None:
    tables = two_tables([(False, True), (False, False)])
    found = error_correlation(*tables, Resamples(2, 50, 0), all_assessable=False)
    assert (found.overall.value, found.overall.low, found.overall.n) == (None, None, 2)
    assert (found.by_sign["edema"].value, found.by_sign["edema"].n) == (None, 0)
    assert found.within_signs is None


def test_signs_that_are_hard_for_both_make_the_pooled_correlation_only() -> None:
    # Within each sign the errors are independent; one sign is hard for both, the other easy for both.
    rng = np.random.default_rng(5)
    hard, easy = rng.random((2000, 2)) < 0.5, rng.random((2000, 2)) < 0.02
    truths = [truth_of(i, signs=Signs(shape=Shape.ROUND, texture=Texture.HOMOGENEOUS)) for i in range(2000)]
    shape = {True: Shape.OVAL, False: Shape.ROUND}
    texture = {True: Texture.HETEROGENEOUS, False: Texture.HOMOGENEOUS}
    tables = [
        sign_table(
            truths,
            [
                Statement(found=True, signs=Signs(shape=shape[bool(h[k])], texture=texture[bool(e[k])]))
                for h, e in zip(hard, easy, strict=True)
            ],
        )
        for k in (0, 1)
    ]
    found = error_correlation(*tables, Resamples(2000, 20, 0), all_assessable=False)
    assert found.overall.value is not None
    assert found.overall.value > 0.25
    assert found.within_signs == pytest.approx(0, abs=0.06)


errors = st.lists(st.tuples(st.sampled_from([True, False, None]), st.sampled_from([True, False, None])), max_size=30)


@given(errors)
def test_swapping_the_readings_leaves_the_correlation(pairs: list[tuple[bool | None, bool | None]]) -> None:
    first, second = two_tables(pairs)
    drawn = Resamples(len(pairs), 30, 0)
    for all_assessable in (False, True):
        one = error_correlation(first, second, drawn, all_assessable=all_assessable).overall
        other = error_correlation(second, first, drawn, all_assessable=all_assessable).overall
        assert (one.value, one.low, one.high, one.n, one.both) == (
            other.value,
            other.low,
            other.high,
            other.n,
            other.both,
        )
        assert (one.only_first, one.only_second) == (other.only_second, other.only_first)


@given(st.permutations(range(4)))
def test_the_order_of_slices_changes_nothing(order: list[int]) -> None:
    truth = {f"s{i}": t for i, t in enumerate(TRUTHS)}
    readings = {f"s{i}": reading_of(i, s.signs) for i, s in enumerate(STATEMENTS)}
    labels = {"conservative": readings, "skeptical": readings, "fused": {}}

    def shuffled(table: dict[str, LesionReading] | dict[str, PhantomTruth]) -> dict:
        return {f"s{i}": table[f"s{i}"] for i in order if f"s{i}" in table}

    one = evaluate(truth, labels, CONDITION, resamples=20)
    other = evaluate(shuffled(truth), {k: shuffled(v) for k, v in labels.items()}, CONDITION, resamples=20)
    assert one == other


# --- lesions, sequences, boxes ---


def test_lesions_found_missed_and_made_up() -> None:
    statements = [
        Statement(found=True, region=ImageRegion.CENTER),
        Statement(found=True, region=ImageRegion.UPPER_LEFT),
        Statement(found=None, region=None),
        Statement(found=False),
    ]
    report = lesion_report(TRUTHS, statements, None)
    assert report.found == wilson(2, 3)
    assert report.missed == wilson(0, 3)
    assert (report.false_lesion, report.cleared) == (wilson(0, 1), wilson(1, 1))
    assert (report.region_stated, report.region, report.region_near) == (wilson(2, 2), wilson(1, 2), wilson(2, 2))
    assert (report.found_by["conspicuous"]["yes"], report.found_by["conspicuous"]["no"]) == (wilson(2, 2), wilson(0, 1))
    assert report.found_by["sequence"]["t1ce"] == wilson(0, 1)
    assert report.localization is None


def test_sequences_seen_and_not_seen() -> None:
    seen = [MRSequence.T2, MRSequence.FLAIR, None, MRSequence.T2]
    report = sequence_report(TRUTHS, [Statement(found=True, seen=s) for s in seen])
    assert report.matrix["t2"] == {"t1": 0, "t1ce": 0, "t2": 2, "flair": 1, "none": 0}
    assert report.matrix["t1ce"]["none"] == 1
    assert (report.precision, report.coverage, report.right) == (wilson(2, 3), wilson(3, 4), wilson(2, 4))


def test_boxes_against_masks() -> None:
    assert box_iou((0, 0, 4, 4), (2, 2, 6, 6)) == pytest.approx(4 / 28)
    mask = np.zeros((20, 20), dtype=bool)
    mask[2:8, 2:8] = True
    mask[15:17, 15:17] = True
    assert boxes_of(mask) == [(2, 2, 17, 17), (2, 2, 8, 8)]
    assert overlap((2, 2, 8, 8), mask) == (1.0, True)
    assert overlap((2, 2, 17, 17), mask) == (1.0, False)  # its middle lies between the two
    assert overlap((2, 2, 8, 14), mask) == (0.5, True)
    assert overlap((30, 30, 40, 40), mask) == (0.0, False)
    assert boxes_of(np.zeros((4, 4), dtype=bool)) == []


def test_localization_counts_slices_without_a_box_once() -> None:
    found = [
        Location(slice_id="a", label="x", iou=0.75, center_in_mask=True),
        Location(slice_id="b", label="x", iou=0.25, center_in_mask=False),
        Location(slice_id="c", label="x"),
    ]
    report = localization(found)
    assert (report.with_box, report.iou_from_half, report.center_in_mask) == (wilson(2, 3), wilson(1, 2), wilson(1, 2))
    assert report.iou_quartiles == (0.375, 0.5, 0.625)
    assert report.iou_histogram == (0, 0, 1, 0, 0, 0, 0, 1, 0, 0)
    assert localization([]).iou_quartiles is None


def test_labels_of_unknown_slices_are_counted_and_left_out() -> None:
    truth = {f"s{i}": t for i, t in enumerate(TRUTHS)}
    readings = {"s0": reading_of(0, STATEMENTS[0].signs), "elsewhere": reading_of(9)}
    report = evaluate(truth, {"conservative": readings, "skeptical": {}}, CONDITION, resamples=10)
    assert (report.unmatched, report.slices, report.lesions, report.healthy) == (1, 4, 3, 1)
    assert report.labels["conservative"].labels == 1
    assert report.labels["conservative"].lesion.found == wilson(1, 3)
    assert report.labels["skeptical"].overall.omission.value == 1.0
    assert "audited" not in report.labels


def test_the_worst_errors_are_the_surest_ones() -> None:
    truth = {f"s{i}": t for i, t in enumerate(TRUTHS)}
    wrong = Signs(shape=Shape.IRREGULAR)
    labels = {
        "s0": reading_of(0, wrong, confidences={"shape": 0.6}),
        "s1": reading_of(1, wrong, confidences={"shape": 0.9}),
        "s2": reading_of(2, Signs(shape=Shape.OVAL)),
        "s3": reading_of(3, wrong),  # two errors: a lesion that is not there, and its shape
    }
    assert worst_errors(truth, labels, 9) == ["s3", "s1", "s0"]
    assert worst_errors(truth, labels, 1) == ["s3"]
