"""What the label of one slice lets a text say."""

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from neuroonco.build.facts import Fact
from neuroonco.prompts import load_wordings
from neuroonco.vocabulary import (
    SIGN_VALUES,
    MeasureFrame,
    MRSequence,
    PairFault,
    QuestionType,
    Sign,
    TumorType,
    assessable,
)

_LEAST_WORDS = 3
"""Of a part of a definition that may stand alone, such as "longer than wide"."""
_SIGN_OF = {enum: sign for sign, enum in SIGN_VALUES.items() if sign is not Sign.SHAPE}


@dataclass(frozen=True)
class Known:
    """What may be said of a slice.

    Attributes:
        values: the label's value of each kind of term that it states.
        frame: what its size and its place are relative to, where they are known.
        sequence: by which signs are judged assessable; None if unknown.
        meanings: definitions of its terms and parts of them, which may stand in an explanation as they are.
    """

    values: dict[type[StrEnum], StrEnum]
    frame: MeasureFrame | None
    sequence: MRSequence | None
    meanings: tuple[str, ...]

    @property
    def has_lesion(self) -> bool | None:
        """Whether the label states a lesion; None if it states neither that nor its absence."""
        tumor = self.values.get(TumorType)
        if tumor is not None:
            return tumor is not TumorType.HEALTHY
        return True if set(self.values) - {MRSequence} else None

    def without_meanings(self, text: str) -> str:
        """A text without the definitions of the label's own terms, which say nothing about the slice."""
        for meaning in self.meanings:
            text = text.replace(meaning, "").replace(meaning[:1].upper() + meaning[1:], "")
        return text

    def missing(self, kind: type[StrEnum]) -> PairFault:
        """The fault of speaking of an attribute that the label does not state."""
        sign = _SIGN_OF.get(kind)
        return PairFault.PHYSICS if sign and not assessable(sign, self.sequence) else PairFault.OTHER_ATTRIBUTE


@lru_cache(maxsize=256)
def known_of(facts: tuple[Fact, ...], sequence: MRSequence | None) -> Known:
    """What the facts of one slice, and the sequence by which its signs were read, let a text say."""
    values: dict[type[StrEnum], StrEnum] = {type(fact.value): fact.value for fact in facts}
    if sequence is not None:
        values.setdefault(MRSequence, sequence)
    frames = [f.frame for f in facts if f.question_type in (QuestionType.SIZE, QuestionType.LOCATION)]
    closed = load_wordings().closed
    # Longest first, so that a definition within another does not tear it.
    whole = {closed[f.wording].meaning(f.value) for f in facts}
    parts = {part for meaning in whole for part in meaning.split(", ") if len(part.split()) >= _LEAST_WORDS}
    meanings = sorted(whole | parts, key=lambda m: (-len(m), m))
    frame = (frames[0] or MeasureFrame.CANVAS) if frames else None
    return Known(values, frame, sequence, tuple(meanings))
