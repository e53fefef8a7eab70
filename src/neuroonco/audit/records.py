"""Records of the audit: what was asked, what was changed, and the label that stands."""

from neuroonco.fusion.records import FusedLabel
from neuroonco.outcomes import Record
from neuroonco.readings.records import SignConfidences, Signs
from neuroonco.semantics.records import DescribedSlice
from neuroonco.vocabulary import AuditAction, AuditDecision, ImageRegion, MRSequence


class FieldActions(Record):
    """What the auditor does to each field; None means that it did not say, and what it did not keep does not stand."""

    sequence: AuditAction | None = None
    region: AuditAction | None = None
    shape: AuditAction | None = None
    margins: AuditAction | None = None
    texture: AuditAction | None = None
    enhancement: AuditAction | None = None
    edema: AuditAction | None = None
    signal_intensity: AuditAction | None = None


KEEP_ALL = FieldActions.model_validate(dict.fromkeys(FieldActions.model_fields, AuditAction.KEEP))


class AuditAnswer(Record):
    """One auditor's answer for one label.

    Attributes:
        error: set if the answer could not be read.
        findings: a few words on something else seen.
    """

    slice_id: str
    sample_id: str
    auditor: str
    error: str | None = None
    decision: AuditDecision | None = None
    actions: FieldActions = FieldActions()
    findings: str | None = None


class AuditChange(Record):
    """One change of one field, so that nothing changes without a trace."""

    field: str
    before: str
    after: str | None
    reason: str


class AuditedLabel(Record):
    """The label that stands after the audit, with the slice that it labels.

    ``slice.tumor_type`` and ``slice.sequence`` are what the source states (the reference's ``true_tumor_type``
    and ``true_modality``). ``sequence`` is the one by which the signs were read, the stated one wherever there is one;
    ``sequence_seen`` is what the readings took it for on looking. Both go where the auditor takes the sequence.
    ``confidences`` are those of the fused label; a coarser term keeps that of the finer one, which it is at least as
    likely to be true as.
    """

    slice_id: str
    sample_id: str
    slice: DescribedSlice
    lesion_found: bool | None
    sequence: MRSequence | None = None
    sequence_seen: MRSequence | None = None
    region: ImageRegion | None = None
    signs: Signs = Signs()
    confidences: SignConfidences = SignConfidences()
    additional_clues: str | None = None
    changes: tuple[AuditChange, ...] = ()


def unknown_slice(label: FusedLabel) -> DescribedSlice:
    """Stand-in for a slice of which the source file says nothing: only its identity is known."""
    return DescribedSlice(
        slice_id=label.slice_id,
        sample_id=label.sample_id,
        source_id="unknown",
        image_path=label.image_path or "",
        image_sha256="",
        height_px=0,
        width_px=0,
        channels=0,
        bit_depth=0,
        notes=("not in the source file",),
    )
