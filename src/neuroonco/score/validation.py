"""Everything that is to be known of readings, fused and audited labels of slices with a known truth."""

from collections.abc import Mapping, Sequence

import numpy as np

from neuroonco.phantoms.records import PhantomTruth
from neuroonco.resampling import Resamples
from neuroonco.score.agreement_of_errors import error_correlation
from neuroonco.score.curves import calibration_of, curves_of
from neuroonco.score.equal_omission import equal_omission
from neuroonco.score.judged import Floats, Label, SignTable, Statement, sign_table, statement_of
from neuroonco.score.lesions import is_healthy, lesion_report, sequence_report
from neuroonco.score.localization import Location
from neuroonco.score.signs import (
    pooled_quality,
    quality_by,
    quality_by_sign,
    quality_by_sign_and_sequence,
)
from neuroonco.score.validation_records import Condition, ConditionReport, LabelReport
from neuroonco.vocabulary import ReadingKind

READINGS = tuple(kind.value for kind in ReadingKind)
FUSED, AUDITED = "fused", "audited"
KINDS = (*READINGS, FUSED, AUDITED)
"""Kinds of label, in the order in which they are made."""
RESAMPLES = 1000
Labels = Mapping[str, Mapping[str, Label]]
"""Kind of label -> slice id -> label."""


def evaluate(
    truth: Mapping[str, PhantomTruth],
    labels: Labels,
    condition: Condition,
    *,
    locations: Sequence[Location] = (),
    dropped: Mapping[str, dict[str, int]] | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> ConditionReport:
    """Hold all labels of one condition against the truth; the order of slices changes nothing.

    Args:
        truth: of every slice that was to be read, by slice id; a slice without a label counts as left empty.
        labels: both readings must be there, maybe empty; labels without a truth are counted and left out.
        condition: what the readers were given.
        locations: boxes of readings; see :func:`neuroonco.score.localization.overlap`.
        dropped: stage -> reason -> slices, for the record.
        resamples, seed: of the bootstrap.
    """
    ids = sorted(truth)
    truths = [truth[i] for i in ids]
    drawn = Resamples(len(ids), resamples, seed)
    reports: dict[str, LabelReport] = {}
    tables: dict[str, SignTable] = {}
    lesions = {i for i in ids if not is_healthy(truth[i])}
    for kind in KINDS:
        if kind not in labels:
            continue
        statements = [statement_of(labels[kind].get(i)) for i in ids]
        tables[kind] = sign_table(truths, statements)
        boxes = {x.slice_id: x for x in locations if x.label == kind and x.slice_id in lesions}
        places = [boxes.get(i, Location(slice_id=i, label=kind)) for i in ids if i in lesions]
        reports[kind] = _report(
            tables[kind],
            truths,
            statements,
            drawn,
            labels=sum(i in labels[kind] for i in ids),
            places=places if kind in READINGS else None,
        )
    first, second = (tables[kind] for kind in READINGS)
    return ConditionReport(
        condition=condition,
        slices=len(ids),
        lesions=len(lesions),
        healthy=len(ids) - len(lesions),
        labels=reports,
        errors_where_both_state=error_correlation(first, second, drawn, all_assessable=False),
        errors_where_assessable=error_correlation(first, second, drawn, all_assessable=True),
        equal_omission={
            made: {kind: equal_omission(tables[made], tables[kind], drawn) for kind in READINGS}
            for made in (FUSED, AUDITED)
            if made in tables
        },
        unmatched=len({i for kind in labels for i in labels[kind]} - truth.keys()),
        dropped=dict(dropped or {}),
    )


def _report(
    table: SignTable,
    truths: Sequence[PhantomTruth],
    statements: Sequence[Statement],
    drawn: Resamples,
    *,
    labels: int,
    places: Sequence[Location] | None,
) -> LabelReport:
    return LabelReport(
        labels=labels,
        overall=pooled_quality(table, drawn),
        by_sign=quality_by_sign(table),
        by_sequence=quality_by("sequence", table, truths, drawn),
        by_sign_and_sequence=quality_by_sign_and_sequence(table, truths),
        by_hard_case=quality_by("hard_case", table, truths, drawn),
        by_size=quality_by("size", table, truths, drawn),
        by_conspicuous=quality_by("conspicuous", table, truths, drawn),
        lesion=lesion_report(truths, statements, places),
        curves=curves_of(table, drawn),
        calibration=calibration_of(table, drawn),
        sequence=sequence_report(truths, statements),
    )


def worst_errors(truth: Mapping[str, PhantomTruth], labels: Mapping[str, Label], most: int) -> list[str]:
    """Slices whose labels are most wrong: those to look at first.

    Wrong values weigh their confidence, or 1 without one, so that a sure error comes before a doubtful one; a lesion
    made up in a healthy slice, and one called healthy, weigh 1 more.

    Args:
        truth: by slice id.
        labels: of one kind, by slice id.
        most: how many at most.

    Returns:
        Slice ids, worst first, ties by id; none without an error.
    """
    ids = sorted(truth.keys() & labels.keys())
    truths = [truth[i] for i in ids]
    statements = [statement_of(labels[i]) for i in ids]
    table = sign_table(truths, statements)
    wrong = table.stated & ~table.right
    weights = (wrong * _sure(table)).sum(1)
    for row, (true, statement) in enumerate(zip(truths, statements, strict=True)):
        weights[row] += statement.found is not None and statement.found is is_healthy(true)
    order = sorted(range(len(ids)), key=lambda row: (-weights[row], ids[row]))
    return [ids[row] for row in order if weights[row] > 0][:most]


def _sure(table: SignTable) -> Floats:
    return np.where(np.isnan(table.confidence), 1.0, table.confidence)
