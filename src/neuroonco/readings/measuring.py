"""The measuring reader: one slice to findings, by measurement alone, silent where it is not sure."""

from dataclasses import dataclass

import numpy as np

from neuroonco.images import Gray, Mask
from neuroonco.outcomes import Record
from neuroonco.readings import brain, lesion
from neuroonco.readings.brain import View
from neuroonco.readings.decide import signs_from
from neuroonco.readings.evidence import evidence_of
from neuroonco.readings.records import SignConfidences, Signs
from neuroonco.readings.rules import ReadRules
from neuroonco.readings.sequence import sequence_seen
from neuroonco.readings.site import site_of
from neuroonco.semantics.regions import place_in_head, region_of
from neuroonco.vocabulary import ImageRegion, LesionBasis, MRSequence, ReadingKind

FILLS_HEAD_FROM = 0.6
"""A lesion that covers more of the head than this leaves nothing to compare with."""
Box = tuple[int, int, int, int]


class SliceFindings(Record):
    """What was measured in one slice; None means not assessable or not certain.

    The fields are those of :class:`neuroonco.readings.records.LesionReading` of the same names.
    """

    lesion_found: bool | None
    lesion_basis: LesionBasis | None = None
    lesion_confidence: float | None = None
    lesion_box: Box | None = None
    sequence: MRSequence | None = None
    sequence_seen: MRSequence | None = None
    sequence_confidence: float | None = None
    region: ImageRegion | None = None
    signs: Signs = Signs()
    confidences: SignConfidences = SignConfidences()
    abstained: str | None = None


@dataclass(frozen=True)
class Prepared:
    """A slice with what both readings of it share.

    Attributes:
        image, mask: as given.
        small: the mask at working size.
        view: None where there is no head.
        findings: of the whole slice: sequence stated and seen.
    """

    image: Gray
    mask: Mask | None
    small: Mask | None
    view: View | None
    findings: SliceFindings


def read_slice(
    image: Gray, mask: Mask | None, kind: ReadingKind, rules: ReadRules, sequence: MRSequence | None
) -> SliceFindings:
    """Read one slice.

    Args:
        image: (height, width) gray values.
        mask: (height, width) lesion pixels as the source states them; None where the source has no mask: then a
            lesion is searched for, and reported only if it stands out beyond doubt.
        kind: which of the two readings. They go by different measurements, see
            :mod:`neuroonco.readings.evidence`, and each is as careful as its rules say.
        rules: limits.
        sequence: as the source states it; None to go by what is seen, if that is clear. Signs that depend on the
            sequence stay None without it.

    Returns:
        Findings. ``lesion_found`` is False for an empty mask, which states that there is no lesion, and None where
        none was given and nothing stands out.
    """
    return _read(_prepare(image, mask, rules, sequence), kind, rules)


def read_slice_twice(
    image: Gray, mask: Mask | None, rules: ReadRules, sequence: MRSequence | None
) -> dict[ReadingKind, SliceFindings]:
    """Both readings of one slice, equal to two calls of :func:`read_slice`, with what they share done once."""
    prepared = _prepare(image, mask, rules, sequence)
    return {kind: _read(prepared, kind, rules) for kind in ReadingKind}


def _prepare(image: Gray, mask: Mask | None, rules: ReadRules, stated: MRSequence | None) -> Prepared:
    pixels, small, scale = brain.to_working_size(image, mask, rules.working_side_px)
    view = None
    if mask is None or mask.any() or stated is None:
        view = brain.prepare(pixels, scale, rules.min_symmetry)
    seen = None if view is None else sequence_seen(view, rules)
    findings = SliceFindings(
        lesion_found=False if mask is not None and not mask.any() else None,
        sequence=stated if stated is not None or seen is None else seen.sequence,
        sequence_seen=None if seen is None else seen.sequence,
        sequence_confidence=None if seen is None or seen.sequence is None else seen.confidence,
    )
    return Prepared(image, mask, small, view, findings)


def _read(prepared: Prepared, kind: ReadingKind, rules: ReadRules) -> SliceFindings:
    if prepared.mask is not None:
        return _by_mask(prepared, prepared.mask, kind, rules)
    return _by_search(prepared, kind, rules)


def _by_mask(prepared: Prepared, mask: Mask, kind: ReadingKind, rules: ReadRules) -> SliceFindings:
    """Read at the place that the source states; the mask's own pixels, so that the cell of the grid is exact."""
    if not mask.any() or prepared.small is None:
        return prepared.findings
    known: dict[str, object] = {
        "lesion_found": True,
        "lesion_basis": LesionBasis.MASK,
        "lesion_confidence": 1.0,
        "lesion_box": box_of(mask),
        "region": region_of(*place_in_head(prepared.image, mask, rules.box_holds_from)),
    }
    return prepared.findings.model_copy(update=known | _signs(prepared, prepared.small, kind, LesionBasis.MASK, rules))


def _by_search(prepared: Prepared, kind: ReadingKind, rules: ReadRules) -> SliceFindings:
    """Look for a lesion. Nothing that stands out is not "no lesion": only an empty mask says that."""
    view, findings = prepared.view, prepared.findings
    if view is None:
        return findings.model_copy(update={"abstained": "no head found"})
    found = lesion.detect(view, rules, kind, findings.sequence)
    if found is None:
        return findings.model_copy(update={"abstained": "no mask, and no lesion stands out"})
    x, y = place_in_head(np.rint(view.pixels).astype(np.uint8), found.mask, rules.box_holds_from)
    near_a_line = min(abs(v - line) for v in (x, y) for line in (1 / 3, 2 / 3)) < rules.detect_region_margin
    known: dict[str, object] = {
        "lesion_found": True,
        "lesion_basis": LesionBasis.DETECTED,
        "lesion_confidence": found.confidence,
        "lesion_box": _enlarged(box_of(found.mask), view.scale, prepared.image.shape),
        "region": None if near_a_line else region_of(x, y),
        "abstained": "outline of the lesion uncertain",
    }
    if found.outline_trusted:
        known |= _signs(prepared, found.mask, kind, LesionBasis.DETECTED, rules)
    return findings.model_copy(update=known)


def _signs(
    prepared: Prepared, small: Mask, kind: ReadingKind, basis: LesionBasis, rules: ReadRules
) -> dict[str, object]:
    """Signs and confidences, or why there are none."""
    view, sequence = prepared.view, prepared.findings.sequence
    if view is None:
        return {"abstained": "no head found"}
    if small.sum() < rules.min_lesion_px:
        return {"abstained": "lesion too small"}
    if small.sum() > FILLS_HEAD_FROM * view.head.sum():
        return {"abstained": "lesion fills the head"}
    site = site_of(view, small, sequence)
    if site is None:
        return {"abstained": "no tissue around the lesion"}
    signs, confidences = signs_from(evidence_of(site, kind), kind, basis, rules, sequence)
    reason = "sequence unknown: signal, enhancement and edema not read" if sequence is None else None
    return {"signs": signs, "confidences": confidences, "abstained": reason}


def box_of(mask: Mask) -> Box:
    """Half-open pixel box (top, left, bottom, right) of the largest separate lesion.

    >>> box_of(np.array([[1, 0, 0, 0], [0, 0, 1, 1]], dtype=bool))
    (1, 2, 2, 4)
    """
    piece = brain.largest(mask)
    rows, columns = np.flatnonzero(piece.any(axis=1)), np.flatnonzero(piece.any(axis=0))
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1


def _enlarged(box: Box, scale: float, shape: tuple[int, int]) -> Box:
    """A box at working size, in pixels of the file."""
    top, left, bottom, right = (v / scale for v in box)
    height, width = shape
    return int(top), int(left), min(height, int(np.ceil(bottom))), min(width, int(np.ceil(right)))
