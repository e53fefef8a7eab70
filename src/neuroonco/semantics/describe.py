"""Stage ``describe``: what the source and the mask say, as text. Rules only, no model."""

from collections.abc import Iterable

from neuroonco.catalog.interop import reference_label
from neuroonco.outcomes import StageOutcome
from neuroonco.rules import RuleSet
from neuroonco.semantics.records import DescribedSlice, LesionSemantics, MeasuredSlice
from neuroonco.semantics.wording import lesion_sentences
from neuroonco.vocabulary import TumorType, display, interop

HEALTHY_SPELLINGS = ("notumor", "no tumor", "healthy", "normal", "control")
UNKNOWN_SPELLINGS = ("unknown", "none", "null", "nan", "undefined")
GENERIC_SPELLINGS = ("tumor", "brain tumor")
NO_MASK = (
    " No segmentation mask is available, so detailed morphological features (size, shape, location) cannot be "
    "determined."
)


def describe_slices(slices: Iterable[MeasuredSlice], *, rules: RuleSet) -> StageOutcome[DescribedSlice]:
    """Add the text of each slice; nothing is dropped."""
    outcome: StageOutcome[DescribedSlice] = StageOutcome()
    for record in slices:
        text = describe_as_reference(record) if rules.name == "paper" else describe(record)
        fields = {name: getattr(record, name) for name in type(record).model_fields if name != "description"}
        outcome.kept.append(DescribedSlice(**fields, description=text))
    return outcome


def describe_as_reference(record: MeasuredSlice) -> str:
    """The reference's coarse description, word for word.

    Source: MM-NeuroOnco v1.0; its published descriptions are reproduced in the tests.
    """
    tumor_type = reference_label(record)
    attributes = None if record.semantics is None else _reference_words(record.semantics)
    modality = None if record.sequence is None else record.sequence.value
    return coarse_description(tumor_type, modality, attributes)


def coarse_description(tumor_type: str | None, modality: str | None, attributes: dict[str, str] | None) -> str:
    """The reference's text from its own strings; unknown is spelled in any of its ways.

    >>> coarse_description("notumor", None, None)[:66]
    'A brain MRI scan. The scan appears normal with no visible patholog'
    """
    label = "unknown" if tumor_type is None else tumor_type.strip()
    known = modality is not None and modality.strip() != "" and modality.strip().lower() not in UNKNOWN_SPELLINGS
    base = f"A {modality.strip().upper()} brain MRI scan" if known and modality else "A brain MRI scan"
    note = "" if known else " The specific imaging modality is unknown."
    if label.lower() in HEALTHY_SPELLINGS:
        return f"{base}. The scan appears normal with no visible pathological findings.{note}"
    if label.lower() in UNKNOWN_SPELLINGS:
        text = f"{base} showing an abnormal mass.{note} The specific tumor type is not labeled."
    elif label.lower() in GENERIC_SPELLINGS:
        text = f"{base} showing a brain tumor.{note} The specific histological subtype is not specified."
    else:
        text = f"{base} showing signs of {label.title()}.{note}"
    if attributes is None:
        return text + NO_MASK
    lower = {name: value.lower() for name, value in attributes.items()}
    spread = f"a {lower['spread']}" if "solitary" in lower["spread"] else lower["spread"]
    return (
        f"{text} The mass is {lower['size']} and located in the {lower['location']}. "
        f"It presents as a {lower['shape']} structure and appears as {spread}."
    )


def _reference_words(semantics: LesionSemantics) -> dict[str, str]:
    return {
        "size": interop(semantics.size, attribute=True) or "unknown size",
        "location": interop(semantics.location, attribute=True) or "unknown location",
        "shape": interop(semantics.shape, attribute=True) or "irregular",
        "spread": interop(semantics.spread, attribute=True) or "lesion",
    }


def describe(record: MeasuredSlice) -> str:
    """Our text: says what the source states and the mask shows, and nothing about what is merely missing."""
    sequence = f"{display(record.sequence)} " if record.sequence is not None else ""
    plane = f"{display(record.plane).lower()} " if record.plane is not None else ""
    article = "An" if f"{plane}{sequence}"[:1].lower() in "aeiou" and (plane or sequence) else "A"
    sentences = [f"{article} {plane}{sequence}brain MRI slice."]
    if record.tumor_type is TumorType.HEALTHY:
        sentences.append("The source states that no tumor is present.")
    elif record.tumor_present is False:
        sentences.append("No lesion is marked on this slice of a patient with a tumor.")
    elif record.tumor_type is TumorType.TUMOR:
        sentences.append("The source states that a tumor is present; its type is not stated.")
    elif record.tumor_type is not None:
        sentences.append(f"The source states the diagnosis {display(record.tumor_type).lower()}.")
    else:
        sentences.append("The source does not state a diagnosis.")
    if record.sequence is None:
        sentences.append("The sequence is not stated.")
    if record.semantics is not None:
        sentences.extend(lesion_sentences(record.semantics))
    return " ".join(sentences)
