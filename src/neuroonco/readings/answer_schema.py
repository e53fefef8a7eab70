"""A model's reading: what its answer has to look like, and what it may say by MR physics and by plain sense."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator, ValidationError

from neuroonco.models.json_answer import AnswerError, faults_of, one_object, quoted
from neuroonco.models.records import AnswerSchema
from neuroonco.models.strict_schema import object_with, one_of, or_null, schema_of
from neuroonco.outcomes import Record
from neuroonco.readings.interop import NULL_SPELLINGS
from neuroonco.readings.records import Signs
from neuroonco.vocabulary import (
    SIGN_VALUES,
    Edema,
    Enhancement,
    ImageRegion,
    Margins,
    MRSequence,
    Shape,
    Sign,
    SignalIntensity,
    Texture,
    assessable,
    display,
    recode,
)

NOT_THERE = (Enhancement.ABSENT, Edema.ABSENT)
"""Values that do not contradict "no lesion"."""


def _term(enum: type[StrEnum]) -> BeforeValidator:
    def known(value: Any) -> Any:
        if value is None or (isinstance(value, str) and value.strip().casefold() in NULL_SPELLINGS):
            return None
        found = recode(enum, value) if isinstance(value, str) else None
        if found is None:
            raise ValueError(f"{quoted(value)} is none of {', '.join(display(term) for term in enum)}")
        return found

    return BeforeValidator(known)


def _truth(value: Any) -> Any:
    if isinstance(value, str):
        spelled = value.strip().casefold()
        value = None if spelled in NULL_SPELLINGS else {"true": True, "false": False}.get(spelled, value)
    if value is None or isinstance(value, bool):
        return value
    raise ValueError(f"{quoted(value)} is none of true, false, null")


class MetaAnswer(Record):
    """What is said of the slice as a whole; every field has to be there."""

    predicted_modality: Annotated[MRSequence | None, _term(MRSequence)]
    predicted_location: Annotated[ImageRegion | None, _term(ImageRegion)]
    lesion_found: Annotated[bool | None, BeforeValidator(_truth)]


class SignAnswers(Record):
    """What is said of the six signs; every field has to be there."""

    shape: Annotated[Shape | None, _term(Shape)]
    margins: Annotated[Margins | None, _term(Margins)]
    texture: Annotated[Texture | None, _term(Texture)]
    enhancement: Annotated[Enhancement | None, _term(Enhancement)]
    edema: Annotated[Edema | None, _term(Edema)]
    signal_intensity: Annotated[SignalIntensity | None, _term(SignalIntensity)]


class ReaderAnswer(Record):
    """A reader's whole answer, in the reference's shape, so that it can be kept as its JSON too."""

    meta_info: MetaAnswer
    structured_signs: SignAnswers


@dataclass(frozen=True)
class ReadAnswer:
    """What a reader's answer says.

    Attributes:
        emptied: signs that were said although the sequence cannot show them, as ``sign=value``; they are None.
    """

    lesion_found: bool | None
    sequence: MRSequence | None
    region: ImageRegion | None
    signs: Signs
    emptied: tuple[str, ...] = field(default=())


def reader_schema() -> AnswerSchema:
    """The schema of a reader's answer for endpoints that enforce one; its words are those of the prompt."""
    meta = {
        "predicted_modality": or_null(one_of([display(term) for term in MRSequence])),
        "predicted_location": or_null(one_of([display(term) for term in ImageRegion])),
        "lesion_found": or_null({"type": "boolean"}),
    }
    signs = {sign.value: or_null(one_of([display(term) for term in SIGN_VALUES[sign]])) for sign in Sign}
    return schema_of("reading", {"meta_info": object_with(meta), "structured_signs": object_with(signs)})


def read_answer(text: str, last: bool) -> ReadAnswer:
    """What a reader's raw answer says.

    A sign that its sequence cannot show is a fault; in the last answer it is emptied instead, as taking a claim away
    adds none. Everything else that is wrong stays a fault to the end.

    Args:
        text: raw.
        last: whether nothing will be asked after it.

    Raises:
        AnswerError: it is not one JSON object, a field is missing, unknown or outside the vocabulary, or fields
            contradict each other.
    """
    try:
        answer = ReaderAnswer.model_validate(one_object(text))
    except ValidationError as error:
        raise AnswerError(*faults_of(error)) from None
    meta = answer.meta_info
    signs = Signs.model_validate(answer.structured_signs.model_dump())
    faults = contradictions(meta, signs)
    sequence = meta.predicted_modality
    forbidden = unreadable_signs(signs, sequence) if meta.lesion_found else ()
    if not last:
        where = "an unknown sequence" if sequence is None else display(sequence)
        faults += [f"{sign}: cannot be read on {where}, and has to be null there" for sign in forbidden]
    if faults:
        raise AnswerError(*faults)
    if not meta.lesion_found:
        return ReadAnswer(meta.lesion_found, sequence, None, Signs())
    kept, emptied = without(signs, forbidden)
    return ReadAnswer(True, sequence, meta.predicted_location, kept, emptied)


def contradictions(meta: MetaAnswer, signs: Signs) -> list[str]:
    """Where an answer contradicts itself, whatever the sequence."""
    found = []
    if meta.lesion_found and meta.predicted_location is None:
        found.append("lesion_found is true without a predicted_location")
    if not meta.lesion_found:
        says = "false" if meta.lesion_found is False else "null"
        if meta.predicted_location is not None:
            found.append(f"lesion_found is {says} with a predicted_location")
        stated = [sign.value for sign in Sign if signs.get(sign) is not None and signs.get(sign) not in NOT_THERE]
        if stated:
            found.append(f"lesion_found is {says} with signs of a lesion: {', '.join(stated)}")
    return found


def unreadable_signs(signs: Signs, sequence: MRSequence | None) -> tuple[Sign, ...]:
    """Signs that are stated although the sequence cannot show them."""
    return tuple(sign for sign in Sign if signs.get(sign) is not None and not assessable(sign, sequence))


def without(signs: Signs, emptied: tuple[Sign, ...]) -> tuple[Signs, tuple[str, ...]]:
    """The signs without some of them, and those as ``sign=value``."""
    said = tuple(f"{sign}={signs.get(sign)}" for sign in emptied)
    for sign in emptied:
        signs = signs.with_value(sign, None)
    return signs, said
