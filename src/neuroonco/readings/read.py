"""The stage: described slices in, readings out."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from neuroonco.errors import InputError
from neuroonco.images import Gray, Mask, read_picture
from neuroonco.masks import read_lesion_mask
from neuroonco.outcomes import StageOutcome, quarantine_slice
from neuroonco.readings.measuring import SliceFindings, read_slice, read_slice_twice
from neuroonco.readings.records import LesionReading
from neuroonco.readings.rules import ReadRules
from neuroonco.semantics.records import DescribedSlice
from neuroonco.vocabulary import MRSequence, ReadingKind

READER = "measuring"
Findings = Mapping[ReadingKind, SliceFindings]
Reader = Callable[[Gray, Mask | None, MRSequence | None], Findings]


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
    return _read(slices, root, lambda image, mask, sequence: {kind: read_slice(image, mask, kind, rules, sequence)})


def read_slices_twice(slices: Sequence[DescribedSlice], *, root: Path, rules: ReadRules) -> StageOutcome[LesionReading]:
    """Both readings of each slice from one decoding and one preparation: for whoever wants both, as the walk does.

    Args:
        slices: what to read.
        root: folder to which their paths are relative.
        rules: limits, section ``[read]``.

    Returns:
        Two readings kept a slice, the conservative one first, equal to those of two calls of :func:`read_slices`. A
        slice whose image or mask cannot be read is quarantined once.
    """
    return _read(slices, root, lambda image, mask, sequence: read_slice_twice(image, mask, rules, sequence))


def _read(slices: Sequence[DescribedSlice], root: Path, reader: Reader) -> StageOutcome[LesionReading]:
    outcome: StageOutcome[LesionReading] = StageOutcome()
    for record in slices:
        try:
            image = read_picture(root, record)
            mask = None if record.mask is None else read_lesion_mask(root, record.mask, image.shape)
        except InputError as error:
            outcome.quarantined.append(quarantine_slice(error, record))
            continue
        for kind, findings in reader(image, mask, record.sequence).items():
            outcome.kept.append(reading_of(record, kind, findings))
    return outcome


def reading_of(record: DescribedSlice, kind: ReadingKind, findings: SliceFindings) -> LesionReading:
    """The record of what was measured in a slice."""
    seen = {name: getattr(findings, name) for name in SliceFindings.model_fields}
    return LesionReading(
        slice_id=record.slice_id,
        sample_id=record.sample_id,
        image_path=record.image_path,
        kind=kind,
        reader=READER,
        **seen,
    )
