"""Labels of any kind as one table of slices by signs: stated, assessable, right, how sure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from neuroonco.audit.records import AuditedLabel
from neuroonco.fusion.records import FusedLabel
from neuroonco.outcomes import Record
from neuroonco.phantoms.records import PhantomTruth
from neuroonco.readings.records import LesionReading, SignConfidences, Signs, SignValue
from neuroonco.vocabulary import ImageRegion, MRSequence, Sign, coarsenings

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
SIGNS = tuple(Sign)


class Statement(Record):
    """What one label says, whatever its kind.

    Attributes:
        signs, confidences: empty unless a lesion is found: a sign of no lesion says nothing.
        seen: the MR sequence as the pixels show it, whatever the source states.
        box: half-open pixel box (top, left, bottom, right) of the lesion.
    """

    found: bool | None
    signs: Signs = Signs()
    confidences: SignConfidences = SignConfidences()
    region: ImageRegion | None = None
    seen: MRSequence | None = None
    box: tuple[int, int, int, int] | None = None


Label = LesionReading | FusedLabel | AuditedLabel | Statement
SILENT = Statement(found=None)
"""What a slice without a label says."""


def statement_of(label: Label | None) -> Statement:
    """Read a label of any kind; none, or a reading that failed, says nothing.

    >>> statement_of(LesionReading(slice_id="s", sample_id="s", reader="r", error="timeout", lesion_found=False)).found
    """
    if label is None:
        return SILENT
    if isinstance(label, Statement):
        return label
    seen, box = label.sequence_seen, None
    if isinstance(label, LesionReading):
        if label.error is not None:
            return SILENT
        box = label.lesion_box
    if not label.lesion_found:
        return Statement(found=label.lesion_found, seen=seen)
    return Statement(
        found=True, signs=label.signs, confidences=label.confidences, region=label.region, seen=seen, box=box
    )


@dataclass(frozen=True)
class SignTable:
    """(slices, signs) each; a value that is not stated is neither right nor coarser, and has no confidence.

    Attributes:
        stated: a value is given.
        assessable: the truth has a value.
        right: the value is the truth or a declared coarser term of it.
        coarser: it is right, and coarser than the truth.
        confidence: NaN where the reader does not say.
    """

    stated: Bools
    assessable: Bools
    right: Bools
    coarser: Bools
    confidence: Floats

    @property
    def exact(self) -> Bools:
        """The value is the truth itself."""
        return self.right & ~self.coarser

    @property
    def slices(self) -> int:
        """How many rows there are."""
        return len(self.stated)


def sign_table(truths: Sequence[PhantomTruth], statements: Sequence[Statement]) -> SignTable:
    """Hold statements against the truth, slice by slice.

    Args:
        truths: what was drawn.
        statements: of the same slices, in the same order.
    """
    shape = (len(truths), len(SIGNS))
    stated, assessable, right, coarser = (np.zeros(shape, np.bool_) for _ in range(4))
    table = SignTable(stated, assessable, right, coarser, np.full(shape, np.nan))
    for row, (truth, statement) in enumerate(zip(truths, statements, strict=True)):
        for column, sign in enumerate(SIGNS):
            value, true = statement.signs.get(sign), truth.signs.get(sign)
            table.assessable[row, column] = true is not None
            if value is None:
                continue
            table.stated[row, column] = True
            accepted: tuple[SignValue, ...] = () if true is None else coarsenings(true)
            table.right[row, column] = value in accepted
            table.coarser[row, column] = value in accepted[1:]
            confidence = statement.confidences.get(sign)
            table.confidence[row, column] = np.nan if confidence is None else confidence
    return table
