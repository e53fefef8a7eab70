"""A lesion in a slice without a mask: the candidate that most looks like one, if that is beyond doubt.

Each reading proposes its own candidates and judges them by its own evidence: the conservative one by comparison with
the other half and the surroundings (:mod:`neuroonco.readings.asymmetry`), the skeptical one by signal, texture and
form among the tissues of the slice (:mod:`neuroonco.readings.abnormal`). A fitted model says how probable it is that
a candidate is a lesion, and that its outline is the lesion's.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from neuroonco.images import Mask
from neuroonco.readings import abnormal, asymmetry
from neuroonco.readings.abnormal import Population
from neuroonco.readings.asymmetry import Comparison
from neuroonco.readings.brain import View
from neuroonco.readings.candidates import CUT, Candidate
from neuroonco.readings.evened import evened
from neuroonco.readings.logistic import LogisticModel, load_fitted
from neuroonco.readings.morphology import opened
from neuroonco.readings.rules import ReadRules
from neuroonco.vocabulary import MRSequence, ReadingKind

Values = dict[str, float | None]

OUTLINE, PART, NOTHING = "outline", "part", "nothing"
"""What a candidate is: the lesion in its outline, some of it or more than it, or no lesion."""
CORE = 0.4
"""The core of a candidate is what lies deeper than this share of its greatest depth."""
RING, GROWN_TO, MIN_RING_PX = (0.015, 0.05), 0.04, 20
"""Where the surroundings of a candidate begin and end and how far it may grow, as shares of the head's diameter."""
MIN_STEP = 0.04
"""Core and surroundings that differ less, in units of the brain's median, have no edge to move to."""
PART_WORTH = 0.5
"""What being part of a lesion counts against being all of it, in the choice among candidates."""


@dataclass(frozen=True)
class Detection:
    """A lesion found without a mask.

    Attributes:
        mask: (height, width) at working size; further lesions like the first, none larger, are part of it.
        confidence: probability that it is a lesion.
        outline_confidence: probability that its outline is the lesion's.
        outline_trusted: whether signs that need an outline may be read.
    """

    mask: Mask
    confidence: float
    outline_confidence: float
    outline_trusted: bool


@dataclass(frozen=True)
class Judged:
    """A candidate with the probabilities that it is a lesion, and that it is one in its outline."""

    candidate: Candidate
    lesion: float
    outline: float

    @property
    def worth(self) -> float:
        """By which the best candidate is chosen."""
        return self.outline + PART_WORTH * (self.lesion - self.outline)


def detect(view: View, rules: ReadRules, kind: ReadingKind, sequence: MRSequence | None) -> Detection | None:
    """The lesion, or None where nothing stands out beyond doubt.

    Args:
        view: the prepared slice.
        rules: how sure the reading has to be.
        kind: which reading.
        sequence: by which brightness is judged; None if unknown.
    """
    found = measured_candidates(view, kind)
    return reported(judged_candidates(found, sequence, load_fitted(f"detection_{kind.value}")), view, rules, kind)


def reported(judged: Sequence[Judged], view: View, rules: ReadRules, kind: ReadingKind) -> Detection | None:
    """The best of one reading's candidates with those like it, if it is sure enough of it."""
    if not judged:
        return None
    best = max(judged, key=lambda found: found.worth)
    if best.lesion < rules.detect_confidence(kind):
        return None
    shape = view.head.shape
    mask = at_half_height(best.candidate.on(shape), view)
    for other in sorted(judged, key=lambda found: -found.worth):
        if other.lesion < rules.detect_also_from * best.lesion or other.candidate.area_px > best.candidate.area_px:
            continue
        more = other.candidate.on(shape)
        if other.candidate.bright is best.candidate.bright and not (more & mask).any():
            mask |= at_half_height(more, view)
    return Detection(
        mask=mask,
        confidence=best.lesion,
        outline_confidence=best.outline,
        outline_trusted=best.outline >= rules.detect_outline_from,
    )


def judged_candidates(
    found: Iterable[tuple[Candidate, Values]], sequence: MRSequence | None, model: LogisticModel
) -> list[Judged]:
    """Measured candidates of one reading with what the model says of each."""
    judged = []
    for candidate, values in found:
        said = model.probabilities(by_sequence(values, sequence, bright=candidate.bright))
        judged.append(Judged(candidate, 1 - said[NOTHING], said[OUTLINE]))
    return judged


def measured_candidates(view: View, kind: ReadingKind) -> Iterable[tuple[Candidate, Values]]:
    """Candidates of one reading and their measurements."""
    even = evened(view)
    if even is None:
        return
    finder = Comparison(view, even) if kind is ReadingKind.CONSERVATIVE else Population(view, even)
    for candidate in finder.candidates():
        yield candidate, finder.features(candidate)


def feature_names(kind: ReadingKind) -> tuple[str, ...]:
    """Names of a reading's measurements, each also by sequence and by being bright or dark."""
    base = asymmetry.FEATURES if kind is ReadingKind.CONSERVATIVE else abnormal.FEATURES
    groups = tuple(_group(sequence, bright) for sequence in MRSequence for bright in (True, False))
    return (*base, *groups, *(f"{name}_{group}" for group in groups for name in base))


def by_sequence(values: Values, sequence: MRSequence | None, *, bright: bool) -> Values:
    """Measurements of a candidate, repeated under the name of its sequence and brightness; 0 under the others.

    What speaks for a lesion on one sequence is normal on another, and one model holds what is common to all.
    """
    found: Values = dict(values)
    for other in MRSequence:
        for side in (True, False):
            here = other is sequence and side is bright
            group = _group(other, side)
            found[group] = 1.0 if here else 0.0
            for name, value in values.items():
                found[f"{name}_{group}"] = value if here else 0.0
    return found


def _group(sequence: MRSequence, bright: bool) -> str:
    return f"{sequence.value}_{'bright' if bright else 'dark'}"


def at_half_height(mask: Mask, view: View) -> Mask:
    """The outline moved to where the signal is halfway between the lesion's core and what lies around it.

    A level set ends where its level is crossed, which is inside the edge of a lesion or outside it.
    """
    even = evened(view)
    unit = view.head_diameter_px
    away = np.asarray(ndimage.distance_transform_edt(~mask))
    inside = np.asarray(ndimage.distance_transform_edt(mask))
    deep = inside > CORE * inside.max()
    ring = view.brain & (away > RING[0] * unit) & (away <= RING[1] * unit)
    if even is None or ring.sum() < MIN_RING_PX:
        return mask
    core, around = float(np.median(even.values[deep])), float(np.median(even.values[ring]))
    if abs(core - around) < MIN_STEP:
        return mask
    nearer = np.abs(even.values - core) < np.abs(even.values - around)
    grown = opened(nearer & view.brain & (away <= GROWN_TO * unit), CUT * unit) | deep
    labels, count = ndimage.label(grown)
    votes = np.bincount(labels[mask], minlength=count + 1)
    votes[0] = 0
    return np.asarray(ndimage.binary_fill_holes(labels == int(votes.argmax())))


def overlap(one: Mask, other: Mask) -> float:
    """Intersection over union; 0 for two empty masks.

    >>> overlap(np.array([True, True, False]), np.array([False, True, True]))
    0.3333333333333333
    """
    union = int((one | other).sum())
    return float((one & other).sum() / union) if union else 0.0
