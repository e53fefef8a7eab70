"""Precision, omission and shared errors of labels against a known truth, counted by hand."""

from math import sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factories_validation import fused_of, reading_of, truth_of
from neuroonco.intervals import wilson
from neuroonco.phantoms.records import PhantomTruth
from neuroonco.readings.records import LesionReading, SignConfidences, Signs
from neuroonco.resampling import Resamples
from neuroonco.score.agreement_of_errors import error_correlation
from neuroonco.score.equal_omission import equal_omission
from neuroonco.score.judged import SignTable, Statement, sign_table, statement_of
from neuroonco.score.lesions import lesion_report, sequence_report
from neuroonco.score.localization import Location, box_iou, boxes_of, localization, overlap
from neuroonco.score.signs import (
    attribute_report,
    pooled_quality,
    quality_by,
    quality_by_sign,
    quality_by_sign_and_sequence,
)
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
    assert (quality.exact.value, quality.exact.n) == (1 / 6, 6)
    assert (quality.omission.value, quality.omission.n) == (2 / 6, 6)
    assert (quality.coarser, quality.invented) == (1, 2)


def test_each_sign_has_its_own_counts_and_wilson_intervals() -> None:
    by_sign = quality_by_sign(table_of())
    assert by_sign["shape"].precision == wilson(1, 3)
    assert by_sign["shape"].omission == wilson(1, 3)
    assert (by_sign["edema"].precision, by_sign["edema"].exact) == (wilson(1, 1), wilson(0, 1))
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


def test_right_coarser_finer_wrong_invented_and_omitted() -> None:
    ring, present = Signs(enhancement=Enhancement.RING), Signs(enhancement=Enhancement.PRESENT)
    pairs = [
        (ring, ring),
        (present, ring),
        (ring, present),  # says more than is true
        (present, Signs(enhancement=Enhancement.ABSENT)),
        (Signs(enhancement=Enhancement.SOLID), Signs()),
        (Signs(), Signs(enhancement=Enhancement.PATCHY)),
        (Signs(), Signs()),
        (Signs(shape=Shape.ROUND_OR_OVAL), Signs(shape=Shape.OVAL)),
    ]
    truths = [truth_of(i, signs=truth) for i, (_, truth) in enumerate(pairs)]
    report = attribute_report(truths, [Statement(found=True, signs=s) for s, _ in pairs], Resamples(8, 50, 0))
    enhancement = report.by_sign["enhancement"]
    assert (enhancement.precision, enhancement.exact, enhancement.omission) == (
        wilson(2, 5),
        wilson(1, 5),
        wilson(1, 5),
    )
    assert (enhancement.coarser, enhancement.invented) == (1, 1)
    assert (report.overall.precision.value, report.overall.precision.n) == (3 / 6, 6)
    assert (report.overall.exact.value, report.overall.exact.n) == (1 / 6, 6)
    assert (report.overall.omission.value, report.overall.omission.n) == (1 / 6, 6)
    assert (report.overall.coarser, report.n) == (2, 8)
    assert report.by_sign["texture"].precision.value is None
    assert attribute_report([], [], Resamples(0, 50, 0)).overall.omission.value is None


def test_values_made_up_in_healthy_slices_are_wrong() -> None:
    report = attribute_report(TRUTHS, STATEMENTS, Resamples(4, 50, 0))
    without = attribute_report(TRUTHS[:3], STATEMENTS[:3], Resamples(3, 50, 0))
    assert (report.overall.precision.value, without.overall.precision.value) == (2 / 6, 2 / 5)
    assert (report.by_sign["shape"].precision, without.by_sign["shape"].precision) == (wilson(1, 3), wilson(1, 2))


# --- at equal omission ---


def shapes(values: list[tuple[bool | None, float | None]]) -> SignTable:
    """Shape of a slice each: right or wrong or left empty, and how sure."""
    truths = [truth_of(i, signs=Signs(shape=Shape.ROUND)) for i in range(len(values))]
    said = {True: Signs(shape=Shape.ROUND), False: Signs(shape=Shape.OVAL), None: Signs()}
    labels = [fused_of(i, said[right], SignConfidences(shape=sure)) for i, (right, sure) in enumerate(values)]
    return sign_table(truths, [statement_of(label) for label in labels])


def test_a_reading_is_cut_to_the_omission_of_the_label() -> None:
    # The label drops one right and two wrong values of ten; the reading is least sure of its three wrong ones.
    reading = shapes([(True, 0.9)] * 7 + [(False, 0.6), (False, 0.5), (False, 0.4)])
    label = shapes([(None, None)] + [(True, 0.9)] * 6 + [(False, 0.6), (None, None), (None, None)])
    found = equal_omission(label, reading, Resamples(10, 400, 0))
    assert (found.threshold, found.omission.value) == (0.9, 0.3)
    assert (found.precision.value, found.precision.n) == (1.0, 7)
    assert found.difference.value == pytest.approx(6 / 7 - 1)  # as given it seemed to gain 6/7 - 7/10
    assert found.difference.n == 10
    assert found.difference.low is not None
    assert found.difference.low < 6 / 7 - 1 < (found.difference.high or 0)
    assert found.difference_exact.value == found.difference.value


def test_a_reading_that_cannot_be_cut_to_it_is_not_compared() -> None:
    label = shapes([(True, 0.9)] * 5 + [(None, None)] * 5)
    unsure = shapes([(True, None)] * 9 + [(False, None)])  # without confidences nothing can be left out
    silent = shapes([(True, 0.9)] * 2 + [(None, None)] * 8)
    for reading in (unsure, silent, shapes([(None, None)] * 10)):
        found = equal_omission(label, reading, Resamples(10, 50, 0))
        assert (found.threshold, found.difference.value, found.difference.low) == (None, None, None)
    assert equal_omission(sign_table([], []), sign_table([], []), Resamples(0, 50, 0)).difference.value is None


def test_a_label_that_is_the_reading_cut_gains_nothing() -> None:
    rng = np.random.default_rng(4)
    sure = [round(float(s), 4) for s in rng.uniform(0.3, 1, 300)]
    right = [bool(rng.random() < s) for s in sure]
    reading = shapes(list(zip(right, sure, strict=True)))
    cut = shapes([(r, s) if s >= 0.7 else (None, None) for r, s in zip(right, sure, strict=True)])
    found = equal_omission(cut, reading, Resamples(300, 100, 0))
    assert found.threshold == min(s for s in sure if s >= 0.7)
    assert found.difference.value == pytest.approx(0)
    # Each resample cuts anew and meets the same values: no resample differs, which is no certainty.
    assert found.difference.low is None or found.difference.low == pytest.approx(0, abs=0.02)
    # As many values without confidence as the label has are not those that it has.
    other = shapes([(r, None if s >= 0.7 else s / 2) for r, s in zip(right, sure, strict=True)])
    assert equal_omission(cut, other, Resamples(300, 20, 0)).threshold is None
    mute = shapes([(r if s >= 0.7 else None, None) for r, s in zip(right, sure, strict=True)])
    as_given = equal_omission(cut, mute, Resamples(300, 20, 0))
    assert (as_given.threshold, as_given.difference.value) == (0.0, 0.0)


def test_a_failed_reading_and_a_reading_without_lesion_say_nothing() -> None:
    failed = reading_of(0, Signs(shape=Shape.ROUND), error="timeout")
    assert statement_of(failed) == statement_of(None) == Statement(found=None)
    cleared = statement_of(reading_of(0, Signs(shape=Shape.ROUND), lesion_found=False, sequence_seen=MRSequence.T1))
    assert (cleared.found, cleared.signs, cleared.seen) == (False, Signs(), MRSequence.T1)


def test_the_sequence_is_the_one_seen_not_the_one_stated() -> None:
    told = fused_of(0, Signs(), SignConfidences()).model_copy(update={"sequence": MRSequence.T2})
    assert statement_of(told).seen is None
    assert statement_of(told.model_copy(update={"sequence_seen": MRSequence.FLAIR})).seen is MRSequence.FLAIR


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
    assert (both.within_signs.value, both.within_signs.n) == (pytest.approx(expected), 10)
    assert both.within_signs.low == pytest.approx(shape.low)  # one sign alone: the same figure in each resample
    everywhere = error_correlation(*tables, drawn, all_assessable=True).by_sign["shape"]
    assert (everywhere.n, everywhere.only_second) == (15, 6)
    assert everywhere.value == pytest.approx((3 * 4 - 2 * 6) / sqrt(5 * 10 * 9 * 6))


def test_no_correlation_where_one_never_errs_or_nothing_is_stated() -> None:
    tables = two_tables([(False, True), (False, False)])
    found = error_correlation(*tables, Resamples(2, 50, 0), all_assessable=False)
    assert (found.overall.value, found.overall.low, found.overall.n) == (None, None, 2)
    assert (found.by_sign["edema"].value, found.by_sign["edema"].n) == (None, 0)
    assert (found.within_signs.value, found.within_signs.low, found.within_signs.n) == (None, None, 2)


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
    assert found.within_signs.value == pytest.approx(0, abs=0.06)
    assert found.within_signs.n == 4000


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


@settings(deadline=None, max_examples=12)
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
    assert [(q.value, q.n) for q in report.iou_quartiles] == [(0.375, 2), (0.5, 2), (0.625, 2)]
    assert (report.iou_quartiles[1].low, report.iou_quartiles[1].high) == (0.0, 1.0)  # two boxes say little
    assert report.iou_histogram == (0, 0, 1, 0, 0, 0, 0, 1, 0, 0)
    assert localization([]).iou_quartiles == (wilson(0, 0),) * 3


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
