"""The stage: described slices in, readings out."""

from collections.abc import Sequence
from pathlib import Path

from neuroonco.errors import InputError
from neuroonco.images import read_picture
from neuroonco.masks import read_lesion_mask
from neuroonco.outcomes import StageOutcome, quarantine_slice
from neuroonco.readings.measuring import read_slice
from neuroonco.readings.records import LesionReading
from neuroonco.readings.rules import ReadRules
from neuroonco.semantics.records import DescribedSlice
from neuroonco.vocabulary import ReadingKind

READER = "measuring"


def read_slices(
    slices: Sequence[DescribedSlice], *, root: Path, kind: ReadingKind, rules: ReadRules
) -> StageOutcome[LesionReading]:
    """Read slices with the measuring reader, in the given order, each on its own.

    A box is not an outline: slices with box labels are read as if they had no mask.

    Args:
        slices: what to read.
        root: folder to which their paths are relative.
        kind: which of the two readings.
        rules: limits, section ``[read]``.

    Returns:
        Readings kept; a slice whose image or mask cannot be read is quarantined.
    """
    outcome: StageOutcome[LesionReading] = StageOutcome()
    for record in slices:
        try:
            image = read_picture(root, record)
            mask = None if record.mask is None else read_lesion_mask(root, record.mask, image.shape)
        except InputError as error:
            outcome.quarantined.append(quarantine_slice(error, record))
            continue
        findings = read_slice(image, mask, kind, rules, record.sequence)
        outcome.kept.append(
            LesionReading(
                slice_id=record.slice_id,
                sample_id=record.sample_id,
                image_path=record.image_path,
                kind=kind,
                reader=READER,
                lesion_found=findings.lesion_found,
                sequence=findings.sequence,
                region=findings.region,
                signs=findings.signs,
            )
        )
    return outcome
