"""Stage ``fuse``: two readings in, one label out. Symmetric, order-independent, never invents a value."""

from collections.abc import Iterable, Sequence

from neuroonco.fusion.interop import fuse_as_reference
from neuroonco.fusion.records import Disagreement, FusedLabel
from neuroonco.outcomes import Dropped, Quarantined, StageOutcome
from neuroonco.readings.records import LesionReading, SignConfidences, Signs, SignValue
from neuroonco.rules import RuleSet
from neuroonco.semantics.regions import adjacent, cells_from_center
from neuroonco.vocabulary import DropReason, ImageRegion, MRSequence, Sign, coarsenings

CANNOT_TELL = "the other reading cannot tell whether there is a lesion"
NEARER = "neighboring regions: the one nearer to the middle"


def fuse_readings(
    first: Sequence[LesionReading], second: Sequence[LesionReading], *, rules: RuleSet
) -> StageOutcome[FusedLabel]:
    """Fuse two sets of readings of the same slices.

    Returns:
        Kept are lesions by consensus, healthy by consensus (``lesion_found`` False), and slices of which a reading
        could not tell (None). Dropped are slices that one reading lacks, that failed in one, of which both are one
        and the same reading, or on which the readings dispute the lesion or the sequence. Sorted by ``slice_id``. A
        slice that occurs twice in one set is quarantined.
    """
    outcome: StageOutcome[FusedLabel] = StageOutcome()
    table_a, table_b = _by_id(first, outcome), _by_id(second, outcome)
    twice = {q.slice_id for q in outcome.quarantined}
    for slice_id in sorted((table_a.keys() | table_b.keys()) - twice):
        a, b = table_a.get(slice_id), table_b.get(slice_id)
        present = a if a is not None else table_b[slice_id]
        if a is None or b is None:
            outcome.dropped.append(_drop(present, DropReason.READING_MISSING, "one reading has no such slice"))
            continue
        fused = fuse_as_reference(a, b) if rules.name == "paper" else fuse_pair(a, b)
        if isinstance(fused, FusedLabel):
            outcome.kept.append(fused)
        else:
            outcome.dropped.append(fused)
    return outcome


def _by_id(readings: Iterable[LesionReading], outcome: StageOutcome[FusedLabel]) -> dict[str, LesionReading]:
    table: dict[str, LesionReading] = {}
    for reading in readings:
        if reading.slice_id in table:
            message = "the slice occurs twice in one set of readings; fix: keep one"
            if not any(q.slice_id == reading.slice_id for q in outcome.quarantined):
                outcome.quarantined.append(
                    Quarantined(
                        slice_id=reading.slice_id,
                        sample_id=reading.sample_id,
                        image_path=reading.image_path,
                        code="ID_TWICE",
                        message=message,
                    )
                )
        table[reading.slice_id] = reading
    return table


def fuse_pair(a: LesionReading, b: LesionReading) -> FusedLabel | Dropped:
    """Fuse two readings of one slice by our rules.

    Swapping ``a`` and ``b`` changes nothing; two equal readings come out as they went in; every value that
    comes out was read by one of them, or is a declared coarser term of both. Readings that answer one and the same
    call, or were made by one reader with one attitude, are no two witnesses and are dropped.
    """
    a, b = sorted((a, b), key=lambda r: r.model_dump_json())
    if same := _one_reading(a, b):
        return _drop(a, DropReason.SAME_READING, same)
    if a.error is not None or b.error is not None:
        return _drop(a, DropReason.READING_FAILED, a.error or b.error)
    if {a.lesion_found, b.lesion_found} == {True, False}:
        return _drop(a, DropReason.LESION_DISPUTED, "one reading found a lesion, the other none")

    notes: list[Disagreement] = []
    sequence, conflict = _fuse_sequence("sequence", a.sequence, b.sequence, notes)
    if conflict:
        return _drop(a, DropReason.SEQUENCE_CONFLICT, f"{a.sequence} and {b.sequence}")
    seen, _ = _fuse_sequence("sequence_seen", a.sequence_seen, b.sequence_seen, notes)
    region, signs = None, Signs()
    if a.lesion_found != b.lesion_found:
        _note_undecided(a, b, notes)
    elif a.lesion_found:
        for sign in Sign:
            signs = signs.with_value(sign, _fuse_sign(sign, a.signs.get(sign), b.signs.get(sign), notes))
        region = _fuse_region(a.region, b.region, notes)
    return FusedLabel(
        slice_id=a.slice_id,
        sample_id=min(a.sample_id, b.sample_id),
        image_path=a.image_path if a.image_path is not None else b.image_path,
        lesion_found=a.lesion_found if a.lesion_found == b.lesion_found else None,
        sequence=sequence,
        sequence_seen=seen,
        region=region,
        signs=signs,
        confidences=lower_confidences(a, b, signs),
        disagreements=tuple(notes),
    )


def _one_reading(a: LesionReading, b: LesionReading) -> str | None:
    """Why two readings are one and the same, and so no two witnesses; None where nothing says that they are."""
    if a.request_hash is not None and a.request_hash == b.request_hash:
        return f"both are the answer to one call of {a.reader}"
    if a.kind is not None and (a.kind, a.reader) == (b.kind, b.reader):
        return f"both are the {a.kind} reading of {a.reader}"
    return None


def lower_confidences(a: LesionReading, b: LesionReading, signs: Signs) -> SignConfidences:
    """The lower confidence of the two readings in each sign that is kept; None where one does not say.

    The lower one, because a fused value stands only as firmly as its weaker witness.

    >>> from neuroonco.vocabulary import Shape
    >>> a, b = (
    ...     LesionReading(slice_id="s", sample_id="s", reader=r, confidences=SignConfidences(shape=c, margins=0.9))
    ...     for r, c in (("x", 0.9), ("y", 0.7))
    ... )
    >>> lower_confidences(a, b, Signs(shape=Shape.OVAL)).model_dump(exclude_none=True)
    {'shape': 0.7}
    """
    found: dict[str, float] = {}
    for sign in Sign:
        both = [r.confidences.get(sign) for r in (a, b)]
        stated = [c for c in both if c is not None]
        if signs.get(sign) is not None and len(stated) == len(both):
            found[sign.value] = min(stated)
    return SignConfidences(**found)


def _fuse_sequence(
    field: str, a: MRSequence | None, b: MRSequence | None, notes: list[Disagreement]
) -> tuple[MRSequence | None, bool]:
    """Equal or unopposed is kept; T1 against T1CE, or T2 against FLAIR, is left open; the rest is a conflict."""
    if a == b:
        return a, False
    if a is None or b is None:
        known = a if a is not None else b
        notes.append(_disagreement(field, a, b, known, "one reading only"))
        return known, False
    neighbors = {a, b} in ({MRSequence.T1, MRSequence.T1CE}, {MRSequence.T2, MRSequence.FLAIR})
    reason = "neighboring sequences: left open" if neighbors else "differing sequences"
    notes.append(_disagreement(field, a, b, None, reason))
    return None, not neighbors


def _note_undecided(a: LesionReading, b: LesionReading, notes: list[Disagreement]) -> None:
    """Put down what one reading states and the label loses because the other cannot tell whether there is a lesion."""
    words = {True: "lesion", False: "no lesion", None: None}
    notes.append(_disagreement("lesion_found", words[a.lesion_found], words[b.lesion_found], None, CANNOT_TELL))
    stated = [("region", a.region, b.region), *((s.value, a.signs.get(s), b.signs.get(s)) for s in Sign)]
    for field, one, other in stated:
        if one is not None or other is not None:
            notes.append(_disagreement(field, one, other, None, CANNOT_TELL))


def _fuse_sign(sign: Sign, a: SignValue | None, b: SignValue | None, notes: list[Disagreement]) -> SignValue | None:
    """Both must have read the sign; differing degrees give their common coarser term; the rest is omitted."""
    if a == b:
        return a
    fused: SignValue | None = None
    reason = "read by one only"
    if a is not None and b is not None:
        reason = "differing values"
        shared = [v for v in coarsenings(a) if v in coarsenings(b)]
        if shared:
            fused, reason = shared[0], "common coarser term"
    notes.append(_disagreement(sign.value, a, b, fused, reason))
    return fused


def _fuse_region(a: ImageRegion | None, b: ImageRegion | None, notes: list[Disagreement]) -> ImageRegion | None:
    """Equal regions agree, and so do neighboring ones, of which the one nearer to the middle is named.

    A lesion on the line between two cells is in both. Two cells that are equally near to the middle and touch at a
    corner only (upper center and center left) are left open: neither would be more than a guess.
    """
    if a == b:
        return a
    region, reason = None, "read by one only"
    if a is not None and b is not None:
        reason = "distant regions"
        if adjacent(a, b):
            inner, outer = sorted((a, b), key=cells_from_center)
            tied = cells_from_center(inner) == cells_from_center(outer)
            region, reason = (None, "neighboring regions, neither nearer to the middle") if tied else (inner, NEARER)
    notes.append(_disagreement("region", a, b, region, reason))
    return region


def _disagreement(field: str, a: str | None, b: str | None, fused: str | None, reason: str) -> Disagreement:
    values = sorted((None if v is None else str(v) for v in (a, b)), key=lambda v: (v is None, v or ""))
    return Disagreement(field=field, values=tuple(values), fused=None if fused is None else str(fused), reason=reason)


def _drop(reading: LesionReading, reason: DropReason, detail: str | None) -> Dropped:
    return Dropped(
        slice_id=reading.slice_id,
        sample_id=reading.sample_id,
        image_path=reading.image_path,
        reason=reason,
        detail=detail,
    )
