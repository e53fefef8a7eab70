"""Whether lesions and MR sequences were recognised, against a known truth."""

from collections.abc import Sequence

from neuroonco.intervals import Estimate, wilson
from neuroonco.phantoms.records import PhantomTruth
from neuroonco.score.judged import Statement
from neuroonco.score.localization import Location, localization
from neuroonco.score.signs import GROUPS
from neuroonco.score.validation_records import LesionReport, SequenceReport
from neuroonco.semantics.regions import adjacent
from neuroonco.vocabulary import MRSequence, TumorType

NONE = "none"
"""Column of the slices whose sequence is not seen."""


def is_healthy(truth: PhantomTruth) -> bool:
    """Whether there is nothing to find."""
    return truth.tumor_type is TumorType.HEALTHY


def lesion_report(
    truths: Sequence[PhantomTruth], statements: Sequence[Statement], locations: Sequence[Location] | None
) -> LesionReport:
    """Lesions found, missed and made up, and the regions and boxes given for them.

    A label that cannot tell counts neither as found nor as missed, so that the two need not add up to 1. Found does
    not mean found in the right place: see the region and the boxes.

    Args:
        truths: what was drawn.
        statements: of the same slices, in the same order.
        locations: boxes of the slices with lesion; None where labels of this kind have none.
    """
    pairs = list(zip(truths, statements, strict=True))
    lesions = [(t, s) for t, s in pairs if not is_healthy(t)]
    healthy = [s for t, s in pairs if is_healthy(t)]
    found = [(t, s) for t, s in lesions if s.found]
    regions = [(t.region, s.region) for t, s in found if t.region is not None and s.region is not None]
    return LesionReport(
        found=wilson(len(found), len(lesions)),
        missed=wilson(sum(s.found is False for _, s in lesions), len(lesions)),
        false_lesion=wilson(sum(bool(s.found) for s in healthy), len(healthy)),
        cleared=wilson(sum(s.found is False for s in healthy), len(healthy)),
        found_by={group: _found_by(group, lesions) for group in GROUPS},
        region_stated=wilson(len(regions), len(found)),
        region=wilson(sum(a is b for a, b in regions), len(regions)),
        region_near=wilson(sum(adjacent(a, b) for a, b in regions), len(regions)),
        localization=None if locations is None else localization(locations),
    )


def _found_by(group: str, lesions: Sequence[tuple[PhantomTruth, Statement]]) -> dict[str, Estimate]:
    names, of = GROUPS[group]
    chosen = {str(name): [bool(s.found) for t, s in lesions if name in of(t)] for name in names}
    return {name: wilson(sum(found), len(found)) for name, found in chosen.items()}


def sequence_report(truths: Sequence[PhantomTruth], statements: Sequence[Statement]) -> SequenceReport:
    """The MR sequence as seen against the true one.

    Precision alone can be bought by silence: read it beside the coverage. Phantoms have a share of each sequence that
    their plan gives them; where other sequences are rare, the same reader has another precision.

    Args:
        truths: what was drawn.
        statements: of the same slices, in the same order.
    """
    columns = [*(s.value for s in MRSequence), NONE]
    matrix = {true.value: dict.fromkeys(columns, 0) for true in MRSequence}
    for truth, statement in zip(truths, statements, strict=True):
        matrix[truth.sequence.value][NONE if statement.seen is None else statement.seen.value] += 1
    right = sum(matrix[s.value][s.value] for s in MRSequence)
    seen = sum(n for row in matrix.values() for name, n in row.items() if name != NONE)
    return SequenceReport(
        matrix=matrix,
        precision=wilson(right, seen),
        coverage=wilson(seen, len(truths)),
        right=wilson(right, len(truths)),
    )
