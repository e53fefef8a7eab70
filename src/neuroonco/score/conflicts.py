"""Where source label, readings and audit contradict each other most: that is where label errors are."""

from collections.abc import Iterator, Sequence

from pydantic import BaseModel, ConfigDict

from neuroonco.audit.records import AuditedLabel
from neuroonco.outcomes import Dropped
from neuroonco.readings.records import LesionReading
from neuroonco.score.records import ConflictFinding, SliceConflict
from neuroonco.semantics.records import DescribedSlice
from neuroonco.semantics.regions import adjacent
from neuroonco.vocabulary import ConflictKind, DropReason, LesionBasis, Sign, coarsenings, display


class ConflictRules(BaseModel):
    """Points of each kind of contradiction; meaning and source in ``rules/*.toml``, section ``[conflicts]``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lesion_not_stated: float
    lesion_not_seen: float
    lesion_disputed: float
    sequence_against_source: float
    sequence_disputed: float
    region_against_mask: float
    sign_disputed: float
    audit_rejected: float
    audit_changed: float


def conflict_of(
    record: DescribedSlice,
    readings: Sequence[LesionReading],
    label: AuditedLabel | Dropped | None,
    rules: ConflictRules,
) -> SliceConflict | None:
    """Everything on which the witnesses of one slice contradict each other; None if they do not.

    Args:
        record: what the source states.
        readings: of the slice; failed ones are no witnesses.
        label: what the audit made of it; None where the slice did not come so far.
        rules: points a contradiction.

    Silence contradicts nothing: a sign that is left out, a sequence that is not seen clearly. A slice of a patient
    with a tumor need not show it, so that ``lesion_not_seen`` weighs less than a lesion in a healthy slice.
    """
    witnesses = sorted((r for r in readings if r.error is None), key=lambda r: (str(r.kind), r.reader))
    found = [
        *_lesion(record, witnesses),
        *_sequence(record, witnesses),
        *_region(record, witnesses),
        *_signs(witnesses),
        *_audit(label),
    ]
    if not found:
        return None
    findings = tuple(
        ConflictFinding(kind=kind, field=field, said=said, points=getattr(rules, kind.value))
        for kind, field, said in found
    )
    return SliceConflict(
        slice_id=record.slice_id,
        sample_id=record.sample_id,
        source_id=record.source_id,
        image_path=record.image_path,
        patient_id=record.patient_id,
        tumor_type=record.tumor_type,
        source_label=record.source_label,
        sequence=record.sequence,
        points=sum(f.points for f in findings),
        findings=tuple(sorted(findings, key=lambda f: (-f.points, f.kind, f.field, f.said))),
    )


Found = Iterator[tuple[ConflictKind, str, str]]


def _who(reading: LesionReading) -> str:
    return reading.reader if reading.kind is None else f"{reading.kind.value} reading"


def _lesion(record: DescribedSlice, readings: Sequence[LesionReading]) -> Found:
    for reading in readings:
        if record.tumor_present is False and reading.lesion_found:
            where = "a lesion" if reading.region is None else f"a lesion, {display(reading.region)}"
            yield ConflictKind.LESION_NOT_STATED, "lesion", f"source: healthy; {_who(reading)}: {where}"
        # A measured "no lesion" from an empty mask is the source's own word about this slice.
        repeats = record.mask is not None and record.semantics is None and reading.request_hash is None
        if record.tumor_present and reading.lesion_found is False and not repeats:
            yield ConflictKind.LESION_NOT_SEEN, "lesion", f"source: tumor; {_who(reading)}: no lesion"
    if {r.lesion_found for r in readings} >= {True, False}:
        yield ConflictKind.LESION_DISPUTED, "lesion", "one reading finds a lesion, the other none"


def _sequence(record: DescribedSlice, readings: Sequence[LesionReading]) -> Found:
    seen = [(r, r.sequence_seen) for r in readings if r.sequence_seen is not None]
    for reading, sequence in seen:
        if record.sequence is not None and sequence is not record.sequence:
            said = f"source: {display(record.sequence)}; {_who(reading)}: {display(sequence)}"
            yield ConflictKind.SEQUENCE_AGAINST_SOURCE, "sequence", said
    if len({sequence for _, sequence in seen}) > 1:
        said = "; ".join(f"{_who(reading)}: {display(sequence)}" for reading, sequence in seen)
        yield ConflictKind.SEQUENCE_DISPUTED, "sequence", said


def _region(record: DescribedSlice, readings: Sequence[LesionReading]) -> Found:
    masked = None if record.semantics is None else record.semantics.location
    for reading in readings:
        if masked is None or reading.region is None or reading.lesion_basis is LesionBasis.MASK:
            continue
        if not adjacent(masked, reading.region):
            said = f"mask: {display(masked)}; {_who(reading)}: {display(reading.region)}"
            yield ConflictKind.REGION_AGAINST_MASK, "region", said


def _signs(readings: Sequence[LesionReading]) -> Found:
    """Values that share no declared coarser term; two degrees of one finding are no contradiction."""
    for sign in Sign:
        stated = [(r, v) for r in readings if r.lesion_found and (v := r.signs.get(sign)) is not None]
        if len(stated) < 2:
            continue
        shared = set.intersection(*(set(coarsenings(value)) for _, value in stated))
        if not shared:
            said = "; ".join(f"{_who(reading)}: {display(value)}" for reading, value in stated)
            yield ConflictKind.SIGN_DISPUTED, sign.value, said


def _audit(label: AuditedLabel | Dropped | None) -> Found:
    if isinstance(label, AuditedLabel):
        for change in label.changes:
            said = f"{change.before} became {change.after or 'nothing'}: {change.reason}"
            yield ConflictKind.AUDIT_CHANGED, change.field, said
    elif label is not None and label.reason is DropReason.AUDIT_REJECTED:
        yield ConflictKind.AUDIT_REJECTED, "lesion", label.detail or "rejected without a word"
