"""Precision and omission of stated signs against a known truth, overall and in groups of slices."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from neuroonco.intervals import wilson
from neuroonco.phantoms.records import PhantomTruth
from neuroonco.resampling import Resamples, clustered
from neuroonco.score.judged import SIGNS, Bools, SignTable, Statement, sign_table
from neuroonco.score.records import AttributeReport, SignQuality
from neuroonco.vocabulary import HardCase, LesionSize, MRSequence

GROUPS: Mapping[str, tuple[tuple[str, ...], Callable[[PhantomTruth], Sequence[str]]]] = {
    "sequence": (tuple(MRSequence), lambda t: (t.sequence,)),
    "hard_case": ((*HardCase, "none"), lambda t: t.hard_cases or ("none",)),
    "size": (tuple(LesionSize), lambda t: () if t.size is None else (t.size,)),
    "conspicuous": (
        ("yes", "no"),
        lambda t: () if t.conspicuous is None else ("yes" if t.conspicuous else "no",),
    ),
}
"""Property of a phantom -> the names of its groups, and which of them a phantom is in.

A healthy phantom has no size and no conspicuity: it is in no group of these, and neither are the values invented in it,
so that precision there is higher than over all slices. It is in those of sequence and hard case.
"""


def rows_by(group: str, truths: Sequence[PhantomTruth]) -> dict[str, Bools]:
    """Which slices are in each group of a property; groups without slices are there too.

    Args:
        group: key of :data:`GROUPS`.
        truths: of all slices, in their order.
    """
    names, of = GROUPS[group]
    members = [frozenset(map(str, of(truth))) for truth in truths]
    return {str(name): np.array([str(name) in m for m in members], np.bool_) for name in names}


def attribute_report(
    truths: Sequence[PhantomTruth], statements: Sequence[Statement], resamples: Resamples
) -> AttributeReport:
    """Precision, exact precision and omission of stated signs against their truth, each sign and overall.

    A stated value is right if it is the truth or a declared coarser term of it (``present`` for a true ``ring``); a
    value where the truth is not assessable is wrong, and so is every value of a healthy slice.

    Precision misleads where little is stated: a reader that speaks of the clearest tenth only is precise, and its
    omission says so. It also misleads where values are vague: ``exact`` takes coarser terms as wrong. Omission
    rewards guessing. ``overall`` pools all values, so that the sign stated most often weighs most. Figures from
    phantoms hold for phantoms.

    Args:
        truths: of all slices, the healthy ones among them.
        statements: of the same slices, in the same order.
        resamples: over these slices.

    >>> from neuroonco.readings.records import Signs
    >>> from neuroonco.vocabulary import Enhancement, MRSequence, Plane, Texture, TumorType
    >>> signs = Signs(enhancement=Enhancement.RING, texture=Texture.HETEROGENEOUS)
    >>> truth = PhantomTruth(image_path="a.png", seed=2, number=0, tumor_type=TumorType.GLIOMA, signs=signs,
    ...     sequence=MRSequence.T1CE, plane=Plane.AXIAL, head_box=(0, 0, 9, 9),
    ...     mask_path=None, size=None, spread=None, region=None)
    >>> stated = Signs(enhancement=Enhancement.PRESENT, texture=Texture.HOMOGENEOUS)
    >>> found = attribute_report([truth], [Statement(found=True, signs=stated)], Resamples(1, 100, 0)).overall
    >>> found.precision.value, found.exact.value, found.omission.value, found.coarser
    (0.5, 0.0, 0.0, 1)
    """
    table = sign_table(truths, statements)
    return AttributeReport(by_sign=quality_by_sign(table), overall=pooled_quality(table, resamples), n=table.slices)


def quality_of_sign(table: SignTable, column: int, rows: Bools | None = None) -> SignQuality:
    """Precision and omission of one sign, with Wilson intervals.

    A slice states a sign once, so that the cases are as independent as the slices are.

    Args:
        table: all slices.
        column: of the sign, as in ``Sign``.
        rows: slices that count; None for all.
    """
    chosen = np.ones(table.slices, np.bool_) if rows is None else rows
    stated, assessable = table.stated[chosen, column], table.assessable[chosen, column]
    return SignQuality(
        precision=wilson(int(table.right[chosen, column].sum()), int(stated.sum())),
        exact=wilson(int(table.exact[chosen, column].sum()), int(stated.sum())),
        omission=wilson(int((assessable & ~stated).sum()), int(assessable.sum())),
        coarser=int(table.coarser[chosen, column].sum()),
        invented=int((stated & ~assessable).sum()),
    )


def pooled_quality(table: SignTable, resamples: Resamples, rows: Bools | None = None) -> SignQuality:
    """Precision and omission of all signs together, with bootstrap intervals over slices.

    The sign that is stated most often weighs most. A value stated of a healthy slice is invented, and so is one that
    the sequence cannot show; both count as wrong. Omission counts assessable signs of slices with lesion alone, and a
    lesion that was not found leaves all of its signs empty.

    Args:
        table: all slices.
        resamples: over all slices, also where only some count.
        rows: slices that count; None for all.
    """
    chosen = np.ones(table.slices, np.bool_) if rows is None else rows
    keep = chosen[:, None]
    stated, assessable = table.stated & keep, table.assessable & keep
    omitted = assessable & ~stated
    successes = np.stack([(table.right & keep).sum(1), (table.exact & keep).sum(1), omitted.sum(1)], axis=1)
    n = np.stack([stated.sum(1), stated.sum(1), assessable.sum(1)], axis=1)
    precision, exact, omission = clustered(successes, n, resamples)
    return SignQuality(
        precision=precision,
        exact=exact,
        omission=omission,
        coarser=int((table.coarser & keep).sum()),
        invented=int((stated & ~assessable).sum()),
    )


def quality_by_sign(table: SignTable, rows: Bools | None = None) -> dict[str, SignQuality]:
    """:func:`quality_of_sign` of each sign."""
    return {sign.value: quality_of_sign(table, column, rows) for column, sign in enumerate(SIGNS)}


def quality_by(
    group: str, table: SignTable, truths: Sequence[PhantomTruth], resamples: Resamples
) -> dict[str, SignQuality]:
    """:func:`pooled_quality` in each group of a property; by size and conspicuity without healthy slices, see
    :data:`GROUPS`.
    """
    return {name: pooled_quality(table, resamples, rows) for name, rows in rows_by(group, truths).items()}


def quality_by_sign_and_sequence(table: SignTable, truths: Sequence[PhantomTruth]) -> dict[str, dict[str, SignQuality]]:
    """:func:`quality_of_sign` of each sign on each MR sequence."""
    rows = rows_by("sequence", truths)
    return {
        sign.value: {name: quality_of_sign(table, column, chosen) for name, chosen in rows.items()}
        for column, sign in enumerate(SIGNS)
    }
