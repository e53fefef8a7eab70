"""From evidence to signs: the fitted model of each sign, silent where it is not sure."""

from collections.abc import Mapping
from typing import cast

from neuroonco.readings.evidence import FEATURES
from neuroonco.readings.logistic import FeatureValues, load_fitted
from neuroonco.readings.records import SignConfidences, Signs, SignValue
from neuroonco.readings.rules import ReadRules
from neuroonco.vocabulary import SIGN_VALUES, LesionBasis, MRSequence, ReadingKind, Sign, assessable, coarsenings

MEASURED_FROM = 0.5
"""With less than this share of a sign's measurements, nothing is said about it."""


def model_name(sign: Sign, kind: ReadingKind, basis: LesionBasis, sequence: MRSequence | None) -> str:
    """Name of the fitted model that one reading uses for one sign.

    Outlines that were detected have their own models. So has edema on T2 and on FLAIR: on one of them fluid is
    bright, on the other dark.

    >>> model_name(Sign.SHAPE, ReadingKind.SKEPTICAL, LesionBasis.MASK, MRSequence.T2)
    'shape_skeptical_mask'
    >>> model_name(Sign.EDEMA, ReadingKind.SKEPTICAL, LesionBasis.MASK, MRSequence.T2)
    'edema_t2_skeptical_mask'
    """
    what = f"{sign}_{sequence}" if sign is Sign.EDEMA and sequence is not None else str(sign)
    return f"{what}_{kind}_{basis}"


def measured_enough(evidence: FeatureValues, features: tuple[str, ...]) -> bool:
    """Whether enough of a sign's measurements could be made."""
    return sum(evidence.get(name) is not None for name in features) >= MEASURED_FROM * len(features)


def named(sign: Sign, probabilities: Mapping[str, float], sure_from: float) -> tuple[SignValue, float] | None:
    """The value that is sure enough, else the coarser term that is: ``present`` where only the degree is open.

    Args:
        sign: which sign.
        probabilities: of its values; they sum to 1.
        sure_from: probability that a value or a coarser term must reach.

    Returns:
        The value and its probability, or None if nothing is sure enough.

    >>> named(Sign.EDEMA, {"absent": 0.1, "mild": 0.5, "extensive": 0.4}, 0.8)
    (<Edema.PRESENT: 'present'>, 0.9)
    >>> named(Sign.MARGINS, {"well_circumscribed": 0.7, "ill_defined": 0.3}, 0.8) is None
    True
    """
    terms = {_term(sign, text): p for text, p in probabilities.items()}
    for step in coarsenings(max(terms, key=terms.__getitem__)):
        together = sum(p for value, p in terms.items() if step in coarsenings(value))
        if together >= sure_from:
            return step, float(together)
    return None


def _term(sign: Sign, text: str) -> SignValue:
    return cast(SignValue, SIGN_VALUES[sign](text))


def signs_from(
    evidence: FeatureValues, kind: ReadingKind, basis: LesionBasis, rules: ReadRules, sequence: MRSequence | None
) -> tuple[Signs, SignConfidences]:
    """Name each sign that the sequence can show and of which the reading is sure enough.

    Args:
        evidence: measurements of this reading's family.
        kind: which reading.
        basis: where the outline is from.
        rules: how sure to be, by sign, reading and basis.
        sequence: None if unknown.

    Returns:
        The signs, and the probability of each that is named.
    """
    values: dict[str, object] = {}
    confidences: dict[str, float] = {}
    for sign in Sign:
        sure_from = rules.sure_from(sign, kind, basis)
        readable = assessable(sign, sequence) and sure_from <= 1
        if not readable or not measured_enough(evidence, FEATURES[kind][sign]):
            continue
        model = load_fitted(model_name(sign, kind, basis, sequence))
        found = named(sign, model.probabilities(evidence), sure_from)
        if found is not None:
            values[sign.value], confidences[sign.value] = found[0], round(found[1], 4)
    return Signs.model_validate(values), SignConfidences.model_validate(confidences)
