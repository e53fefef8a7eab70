"""What a text says about a slice, held against what the label says."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from neuroonco.build.instruct.known import Known
from neuroonco.mentions import Mention, named_in
from neuroonco.vocabulary import (
    SIGN_VALUES,
    Edema,
    Enhancement,
    ImageRegion,
    LesionSize,
    LesionSpread,
    MeasureFrame,
    MRSequence,
    PairFault,
    Sign,
    SignalIntensity,
    TumorType,
    coarsenings,
    comparable,
)


class Fault(NamedTuple):
    """One thing that is wrong with a pair, with the words that show it."""

    code: PairFault
    detail: str


Found = Iterator[Fault]

LESION = r"(?:lesions?|mass(?:es)?|tumou?rs?|neoplasms?|nodules?|abnormalit(?:y|ies)|foc(?:us|i)|growths?)"
_LESION = re.compile(rf"\b{LESION}\b", re.IGNORECASE)
LESION_DENIED = re.compile(
    r"\b(?:no|without|neither|nor|absence of|free of|free from|rather than)\b"
    r"(?:\s+(?:an?|any|the|such|visible|discernible|obvious|apparent|evidence of|signs? of|focal|discrete|measurable"
    rf"|brain|intracranial|suspicious|abnormal|other)){{0,4}}\s+{LESION}\b"
    rf"|\b{LESION} (?:is|are) (?:absent|not (?:seen|visible|present|found|identified|evident))\b",
    re.IGNORECASE,
)
_SEVERAL = re.compile(
    r"\b(?:two|three|four|five|six|several|multiple|many|numerous|both|second|third|another|additional|further)"
    rf"(?: \w+){{0,2}}? (?:{LESION}|metastases)\b",
    re.IGNORECASE,
)
UNREMARKABLE = re.compile(r"\bunremarkable\b|\bnothing (?:abnormal|is seen|to see)\b", re.IGNORECASE)
_NOUNS = {
    Sign.MARGINS: re.compile(r"\bmargins?\b", re.IGNORECASE),
    Sign.TEXTURE: re.compile(r"\btextures?\b", re.IGNORECASE),
    Sign.ENHANCEMENT: re.compile(r"\benhanc\w*|\buptake\b|\btak(?:es|en|ing) up\b", re.IGNORECASE),
    Sign.EDEMA: re.compile(r"\b(?:o?edema\w*|swelling|swollen)\b", re.IGNORECASE),
    Sign.SIGNAL_INTENSITY: re.compile(r"\bsignal intensit\w+|\b(?:hyper|hypo|iso)intens\w*", re.IGNORECASE),
}
_SEEN = re.compile(
    r"\b(?:o?edema|swelling|enhancement|uptake)\b(?: \w+)? (?:is|are) (?:\w+ly )?"
    r"(?:seen|visible|present|evident|noted)\b|\benhances\b|\btakes up\b",
    re.IGNORECASE,
)
_SEEN_NOT = re.compile(r"\bno(?: \w+)? (?:o?edema|swelling|enhancement|uptake)\b", re.IGNORECASE)
_TISSUE = re.compile(
    r"\b(?:csf|cerebrospinal|fluid|ventric\w+|white matter|gr[ae]y matter|cortex|fat|vessels?|sinus\w*|mucosa|choroid"
    r"|water|tissues?|edema|oedema|images?)\b",
    re.IGNORECASE,
)
_NEGATION = re.compile(r"\b(?:no|not|non|without|neither|nor|never|than|instead)\b", re.IGNORECASE)
_RULED_OUT = re.compile(r"\b(?:rules?|ruled|ruling) out(?: an?| the)?\s+$|\bexcludes?(?: an?| the)?\s+$", re.IGNORECASE)
_OF_THE_PICTURE = re.compile(r"\b(?:image|picture|canvas|frame|field of view)\b", re.IGNORECASE)
_OF_THE_HEAD = re.compile(r"\b(?:head|brain)\b", re.IGNORECASE)
_SENTENCES = re.compile(r"[^.;!?]+")


@dataclass(frozen=True)
class Said:
    """What a text says.

    Attributes:
        text: as it was read.
        named: terms of the vocabulary, those of tissue left out where the sequence is asked.
        stated: the terms that it asserts.
        others: diagnoses and techniques that are no terms of ours.
    """

    text: str
    named: tuple[Mention, ...]
    stated: frozenset[StrEnum]
    others: tuple[str, ...]


def said_in(text: str, *, negations: bool, about_sequence: bool) -> Said:
    """Read a text.

    Args:
        text: without the definitions of the label's own terms, see :meth:`Known.without_meanings`.
        negations: False where words stand in it that make a denial doubtful; all that is named then counts as stated.
        about_sequence: the text explains a sequence, so that the brightness of tissues may be spoken of.
    """
    tissue = [m.span() for m in _SENTENCES.finditer(text) if _of_tissue(m.group())] if about_sequence else []
    named: list[Mention] = []
    found, others = named_in(text)
    for one in found:
        if type(one.value) in (SignalIntensity, Enhancement) and any(a <= one.start < b for a, b in tissue):
            continue
        denied = negations and (_denies(one, named, text) or _RULED_OUT.search(text, 0, one.start) is not None)
        named.append(Mention(one.value, one.start, one.end, one.text, denied, one.finer))
    stated = frozenset(one.value for one in named if not one.negated and not one.finer)
    return Said(text, tuple(named), stated, others)


def _denies(one: Mention, before: list[Mention], text: str) -> bool:
    """Whether a term is denied: a "no" that belongs to "no edema" denies nothing that follows."""
    if not one.negated or not before or before[-1].value not in (Edema.ABSENT, Enhancement.ABSENT):
        return one.negated
    return _NEGATION.search(text, before[-1].end, one.start) is not None


def _of_tissue(sentence: str) -> bool:
    return bool(_TISSUE.search(sentence)) and not _LESION.search(sentence)


def contradictions(said: Said, known: Known, *, about_sequence: bool) -> Found:
    """What a text says that the label does not."""
    for one in said.named:
        yield from _of_mention(one, said, known)
    for name in said.others:
        yield Fault(PairFault.NOT_IN_LABEL, name)
    yield from _of_nouns(said, known, about_sequence=about_sequence)
    yield from _of_lesion(said, known)


def _of_mention(one: Mention, said: Said, known: Known) -> Found:
    value = one.value
    truth = known.values.get(type(value))
    if truth is None:
        yield Fault(known.missing(type(value)), one.text)
    elif one.negated:
        if comparable(value, truth) or (value is TumorType.TUMOR and truth is not TumorType.HEALTHY):
            yield Fault(PairFault.NOT_IN_LABEL, f"denied: {one.text}")
    elif one.finer or not _is_or_covers(value, truth):
        yield Fault(PairFault.NOT_IN_LABEL, one.text)
    elif type(value) in (ImageRegion, LesionSize) and _wrong_frame(one, said.text, known.frame):
        yield Fault(PairFault.NOT_IN_LABEL, f"frame: {one.text}")


def _is_or_covers(value: StrEnum, truth: StrEnum) -> bool:
    """Whether a stated term is the label's, or one that is declared coarser."""
    if value is TumorType.TUMOR:
        return truth is not TumorType.HEALTHY
    return value in coarsenings(truth)


def _wrong_frame(one: Mention, text: str, frame: MeasureFrame | None) -> bool:
    """Whether a place or size is said of the picture where it was measured in the head, or the other way round."""
    end = next((m.end() for m in _SENTENCES.finditer(text) if m.start() <= one.start < m.end()), len(text))
    start = max((m.start() for m in _SENTENCES.finditer(text) if m.start() <= one.start), default=0)
    picture, head = (bool(p.search(text, start, end)) for p in (_OF_THE_PICTURE, _OF_THE_HEAD))
    return picture and not head if frame is MeasureFrame.BRAIN_BOX else head and not picture


def _of_nouns(said: Said, known: Known, *, about_sequence: bool) -> Found:
    """Attributes that are spoken of without a value."""
    text = without_sequences(said)
    for sign, pattern in _NOUNS.items():
        found = pattern.search(text)
        if found is not None and SIGN_VALUES[sign] not in known.values:
            if about_sequence and sign in (Sign.ENHANCEMENT, Sign.SIGNAL_INTENSITY) and _of_tissue(text):
                continue
            yield Fault(known.missing(SIGN_VALUES[sign]), found.group())
    absent = {Edema.ABSENT, Enhancement.ABSENT} & set(known.values.values())
    if absent and (seen := _SEEN.search(_SEEN_NOT.sub("", text))) is not None:
        yield Fault(PairFault.NOT_IN_LABEL, seen.group())


def _of_lesion(said: Said, known: Known) -> Found:
    """A lesion where there is none, none where there is one, more than there are, or one that nothing states."""
    several = _SEVERAL.search(said.text)
    if several is not None and known.values.get(LesionSpread) in (None, LesionSpread.SOLITARY):
        stated = LesionSpread in known.values
        yield Fault(PairFault.NOT_IN_LABEL if stated else PairFault.OTHER_ATTRIBUTE, several.group())
    found = _LESION.search(said.text)
    if found is None and not UNREMARKABLE.search(said.text):
        return
    rest = LESION_DENIED.sub("", said.text)
    asserted, denied = _LESION.search(rest), rest != said.text or bool(UNREMARKABLE.search(said.text))
    if known.has_lesion is None and found is not None:
        yield Fault(PairFault.OTHER_ATTRIBUTE, found.group())
    elif known.has_lesion is False and asserted is not None:
        yield Fault(PairFault.NOT_IN_LABEL, asserted.group())
    elif known.has_lesion and denied:
        yield Fault(PairFault.NOT_IN_LABEL, "a lesion is denied")


def without_sequences(said: Said) -> str:
    """A text in which names of sequences are blank: "contrast-enhanced T1" speaks of no enhancement."""
    text = said.text
    for one in said.named:
        if isinstance(one.value, MRSequence):
            text = text[: one.start] + " " * (one.end - one.start) + text[one.end :]
    return text
