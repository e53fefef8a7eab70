"""A lesion candidate in a slice without a mask: a bright place that the other half of the brain has not.

Precision first: nothing thin, ragged or near the edge of the brain, where two halves never match.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from scipy import ndimage

from neuroonco.images import Mask
from neuroonco.readings.brain import Pixels, View, disc, distance
from neuroonco.readings.rules import ReadRules
from neuroonco.readings.tissue import reference_of
from neuroonco.vocabulary import MRSequence, ReadingKind


@dataclass(frozen=True)
class Candidate:
    """An odd bright place.

    Attributes:
        mask: (height, width) its pixels.
        contrast: its signal against white matter: the difference as a share.
        thickness: radius of the largest disc inside it, as a share of the head's diameter.
        area: as a share of the head.
        solidity: area over area of the convex hull.
        rivals: thickness of the next candidate over this one's.
    """

    mask: Mask
    contrast: float
    thickness: float
    area: float
    solidity: float
    rivals: float


def candidate_of(view: View, rules: ReadRules, sequence: MRSequence | None) -> Candidate | None:
    """The thickest odd place, or None.

    Odd is what is brighter than white matter and than the other half, and, on sequences on which no normal tissue
    inside the brain is much brighter than white matter (T1, T1 with contrast, FLAIR), what is much brighter. Dark
    lesions are not sought: sulci and cisterns look the same.
    """
    nothing = np.zeros(view.head.shape, dtype=bool)
    reference = reference_of(view, nothing, ReadingKind.SKEPTICAL, sequence)
    if reference is None:
        return None
    unit, level = view.head_diameter_px, reference.level
    here = np.asarray(cv2.GaussianBlur(view.pixels, (0, 0), 0.01 * unit), np.float32)
    inner = view.depth_px > rules.detect_depth_from * unit
    odd = np.zeros(view.head.shape, dtype=bool)
    if view.mirrored is not None:
        other = cv2.GaussianBlur(view.mirrored, (0, 0), 0.01 * unit)
        tolerance = disc(0.02 * unit)  # halves are never in exact register
        margin = rules.detect_contrast_from * level
        odd = (here - cv2.dilate(other, tolerance) > margin) & (here > level + margin)
    if sequence in (MRSequence.T1, MRSequence.T1CE, MRSequence.FLAIR):
        odd |= here > (1 + 2 * rules.detect_contrast_from) * level
    if not inner.any() or odd[inner].mean() > rules.detect_area_to:
        return None  # not a lesion: the reference is wrong
    odd = cv2.morphologyEx((odd & inner).astype(np.uint8), cv2.MORPH_OPEN, disc(0.012 * unit)) > 0
    labels, count = ndimage.label(odd)
    if count == 0:
        return None
    depth = distance(odd)
    thickness = np.asarray(ndimage.maximum(depth, labels, index=np.arange(1, count + 1))) / unit
    order = np.argsort(-thickness, kind="stable")
    seed = np.asarray(labels == order[0] + 1)
    grown = _grow(here, seed, view, level)
    ys, xs = np.nonzero(grown)
    hull = cv2.convexHull(np.column_stack([xs, ys]).astype(np.int32))
    hull_area = float(cv2.fillConvexPoly(np.zeros(grown.shape, np.uint8), hull, 1).sum())
    return Candidate(
        mask=grown,
        contrast=float(np.median(here[seed])) / level - 1,
        thickness=float(distance(grown).max()) / unit,
        area=float(grown.sum() / view.head.sum()),
        solidity=float(grown.sum()) / max(1.0, hull_area),
        rivals=float(thickness[order[1]] / thickness[order[0]]) if count > 1 else 0.0,
    )


def _grow(here: Pixels, seed: Mask, view: View, level: float) -> Mask:
    """Everything joined to the seed that is nearer to the seed's signal than to that of normal tissue."""
    core = float(np.median(here[seed]))
    halfway = 0.5 * (core + level)
    alike = here > halfway
    near = cv2.dilate(seed.astype(np.uint8), disc(0.05 * view.head_diameter_px)) > 0
    body = (alike & near & view.brain) | seed
    body = cv2.morphologyEx(body.astype(np.uint8), cv2.MORPH_OPEN, disc(0.015 * view.head_diameter_px)) > 0
    labels, count = ndimage.label(body | seed)
    votes = np.bincount(labels[seed], minlength=count + 1)
    return np.asarray(ndimage.binary_fill_holes(labels == int(votes.argmax())))


def detect(view: View, rules: ReadRules, kind: ReadingKind, sequence: MRSequence | None) -> Mask | None:
    """Lesion pixels, or None where nothing stands out beyond doubt.

    Args:
        view: the prepared slice.
        rules: limits.
        kind: which reading; the conservative one wants more.
        sequence: as the source states it.
    """
    found = candidate_of(view, rules, sequence)
    if found is None:
        return None
    margin = 1 + rules.detect_caution(kind)
    clear = (
        found.contrast >= rules.detect_contrast_from * margin
        and found.thickness >= rules.detect_thickness_from * margin
        and found.area <= rules.detect_area_to
        and found.solidity >= rules.detect_solidity_from
        and found.rivals <= rules.detect_rivals_to
    )
    return found.mask if clear else None
