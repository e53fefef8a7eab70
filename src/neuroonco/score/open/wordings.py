"""Short statements that answers make and no spelling of the vocabulary covers: "edema: none", "only one lesion".

Each is a pattern of words. A repetition in one is bounded, so that a long text costs no more than its length.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from neuroonco.score.open.places import places
from neuroonco.vocabulary import Edema, Enhancement, ImageRegion, LesionSize, LesionSpread, Shape, TumorType

WEAK, USUAL, STRONG = 0, 1, 2
"""Of several values of one attribute the strongest count: a weak one only where nothing else is stated."""
MULTIPLE = "multiple"
"""Concept of the vocabulary: more than one focus, whatever they share."""
_LESION = r"(?:lesions?|mass(?:es)?|tumou?rs?|neoplasms?|abnormalit(?:y|ies)|growths?)"
_NO_ADJECTIVE = (
    r"(?!(?:an?|the|in|of|at|near|with|without|from|on|to|or|is|are|was|has|have|shows?|reveals?|demonstrates?|depicts?|see"
    r"|contains?|slices?|images?|scans?|sections?|views?|planes?|sequences?|part|area|satellite)\b)"
)
_ADJECTIVES = rf"(?:{_NO_ADJECTIVE}[\w\-]{{1,40}}(?:,\s(?:and\s)?|\s(?:and\s)?)){{1,4}}?"
"""As in "a large, lobulated, solitary lesion", where the noun is too far away for ``neuroonco.mentions``."""
_UP_TO_FOUR = rf"(?:{_ADJECTIVES})?"
_ONE_NOUN = r"(?:lesion|mass|tumou?r|neoplasm|abnormality|growth|focus|glioma|meningioma|schwannoma|metastasis|adenoma)"
_NOUNS = (
    r"(?:lesions|masses|tumou?rs|neoplasms|abnormalities|growths|foci|nodules|gliomas|meningiomas|schwannomas"
    r"|metastases|adenomas)"
)
_PART_OF_ONE = (
    r"(?!(?:[\w\-]+,?\s+){0,3}?(?:(?:enhanc|cyst|necro|ha?emorrh|calcif|hyperint|hypoint|bright|dark|mural)"
    r"[\w\-]*\s+(?:\w+\s+)?(?:foci|nodules?|focus)|white\s+matter)\b)"
)
"""Not "multiple necrotic foci", which lie inside of a lesion."""
_OF_WHAT = r"(?!\s+(?:within|inside)\b)(?!\s+of\s+(?!the\b|involvement|disease|tumou?r|abnormal|spread|metasta))"
_IN_GENERAL = r"(?!\s+(?:would|could|might|may|usually|typically|often|generally|commonly|tend)\b)"
_SEVERAL = (
    r"(?<!grade )(?<!type )(?<!stage )\b(?:two|three|four|five|six|seven|eight|nine|ten|[2-9]|1\d|several|multiple|many"
    r"|numerous|various|(?:a )?few|a couple of|a pair of|both)"
)
_NO = (
    r"\b(?:no|without|absence of|free of|not (?:any|show|reveal|demonstrate|see))(?:\s+(?:an?|any|evidence of|signs? of"
    r"|definite|clear|visible|obvious|discernible))"
)
_OTHER_FOLLOWS = r"(?![^.;!?]{0,120}(?<!\bno )\b(?:another|the other|others|a second|the second)\b)"
_SATELLITES = (
    r"satellites?(?:\s+(?:foc(?:i|us)|lesions?|components?|nodules?|deposits?|tumou?rs?|mass(?:es)?|involvement))?\b"
)
_SAME_SENTENCE = r"(?:(?![.;!?](?:\s|$)|\b(?:no|not|nor|without|than|lack\w*|absen\w+)\b).){0,160}?"
_DOMINANT = (
    r"\b(?:dominant|main|primary|principal|largest|major)\s+(?:[\w\-]+\s+){0,2}?"
    r"(?:cores?|mass|lesion|focus|component|tumou?r|nodule|glioma|meningioma)\b"
)


@dataclass(frozen=True)
class Wording:
    """One statement found.

    Attributes:
        token: what it states; None where the words are known to name no term.
        start, end: of the words that state it.
        strength: :data:`WEAK`, :data:`USUAL` or :data:`STRONG`.
        hides: terms that the vocabulary finds within these words are not meant: "left of the center" is not the center.
    """

    enum: type[StrEnum]
    token: str | None
    start: int
    end: int
    strength: int = USUAL
    hides: bool = False


@dataclass(frozen=True)
class _Pattern:
    enum: type[StrEnum]
    token: str
    pattern: re.Pattern[str]
    strength: int = USUAL


def _of(value: StrEnum, pattern: str, strength: int = USUAL, token: str | None = None) -> _Pattern:
    return _Pattern(type(value), token or value.value, re.compile(pattern, re.IGNORECASE), strength)


_SPREADS: tuple[_Pattern, ...] = (
    _of(
        LesionSpread.DOMINANT_WITH_SATELLITES,
        rf"{_DOMINANT}{_SAME_SENTENCE}\b{_SATELLITES}"
        rf"|\b{_SATELLITES}\s+(?:around|surrounding|near|adjacent to|next to|beside|about)\s+(?:an?|the|one)\s+"
        rf"(?:[\w\-]+\s+){{0,2}}?(?:{_DOMINANT}|core\b|mass\b)|\bmultifocal\b{_SAME_SENTENCE}\b{_SATELLITES}",
        STRONG,
    ),
    _of(LesionSpread.DOMINANT_WITH_SATELLITES, rf"\b{_SATELLITES}"),
    _of(
        LesionSpread.SOLITARY,
        rf"\b(?:only|just|exactly|there (?:is|was)|i (?:can )?see|shows?|demonstrates?|contains?|reveals?)\s+"
        rf"(?:only\s+|just\s+|exactly\s+)?(?:one|1|an? (?:single|lone))\s+{_UP_TO_FOUR}(?:{_ONE_NOUN}|component)\b"
        rf"{_OF_WHAT}{_IN_GENERAL}{_OTHER_FOLLOWS}"
        rf"|(?<!least )\bone\s+{_UP_TO_FOUR}(?:{_ONE_NOUN}|component)\s+(?:only|alone)\b"
        rf"|(?<!least )\b(?:one|1)\s+{_UP_TO_FOUR}(?:{_ONE_NOUN}|component)\s+(?:is|was|can be|could be)\s+"
        rf"(?:seen|visible|present|identified|detected|found|noted|observed|shown|depicted)\b{_OTHER_FOLLOWS}"
        rf"|(?<!every )(?<!each )\b(?:single|lone|sole|isolated),?\s+{_PART_OF_ONE}{_UP_TO_FOUR}"
        rf"(?:{_ONE_NOUN}|connected component)\b{_OF_WHAT}{_IN_GENERAL}"
        r"|\b(?:number of (?:lesions|foci|tumou?rs|masses)|(?:lesion|tumou?r|mass) count)\s*(?:is|are|:|=)\s*"
        r"(?:one|1|single)\b(?!\s*[\-\u2010-\u2013.,]\d|\s*(?:or|to)\b)|\b(?:unifocal|monofocal|unicentric)\b",
    ),
    _of(
        LesionSpread.SOLITARY,
        rf"{_NO}{{0,4}}\s+(?:additional|other|further|second|multiple|separate|more|multifocal|multicentric)\s+"
        rf"(?:(?:or|and)\s+[\w\-]+\s+)?(?:[\w\-]+\s+){{0,2}}?(?:{_LESION}|foc(?:i|us)|nodules?|disease|involvement|spread"
        rf"|metastas[ie]s|components?)\b|{_NO}{{0,4}}\s+(?:multifocality|multiplicity)\b"
        rf"|\b(?:additional|other|further|second|multiple|separate)\s+(?:[\w\-]+\s+){{0,2}}?(?:{_LESION}|foc(?:i|us)|nodules?"
        r"|components?)\s+(?:is|are|was|were)\s+not\s+(?:\w+ly\s+)?\w+(?:ed|en|ble|ent)\b",
        WEAK,
    ),
    _of(
        LesionSpread.SCATTERED,
        rf"{_SEVERAL}\s+{_PART_OF_ONE}{_UP_TO_FOUR}{_NOUNS}\b{_OF_WHAT}{_IN_GENERAL}"
        rf"|\bmore than (?:one|1|a single)\s+(?:[\w\-]+\s+){{0,3}}?(?:{_ONE_NOUN}|component)\b{_OF_WHAT}"
        rf"|{_SEVERAL}\s+(?:detected|connected|separate|distinct|disconnected|discrete|individual)\s+(?:\w+\s+)?components\b"
        rf"|{_SEVERAL}\s+(?:\w+\s+)?components\s+(?:are|were|have been)\s+(?:detected|found|present|seen|identified)\b"
        r"|\bmultiple\s+(?:tumou?r\s+|lesion\s+)?components\b(?![^.;!?]{0,40}\b(?:solid|cyst|necro|enhanc|ha?emorrh))"
        r"|\b(?:number of (?:lesions|foci|tumou?rs|masses)|(?:lesion|tumou?r|mass) count)\s*(?:is|are|:|=)\s*"
        r"(?:two|three|four|five|several|multiple|many|[2-9]|1\d)\b",
        token=MULTIPLE,
    ),
)
_PATTERNS: tuple[_Pattern, ...] = (
    _of(Edema.ABSENT, r"\b(?:o?edema|swelling)\s*[:=]\s*(?:none|no|nil|not (?:seen|present|visible))\b"),
    _of(Enhancement.ABSENT, r"\b(?:enhancement|uptake)\s*[:=]\s*(?:none|no|nil|not (?:seen|present|visible))\b"),
    _of(Edema.PRESENT, r"\b(?:o?edema|swelling)\s*[:=]\s*yes\b|\b(?:is|are) surrounded by (?:o?edema|swelling)\b"),
    _of(Edema.MILD, r"\b(?:o?edema|swelling)\s+(?:is|appears|seems)\s+(?:\w+ly\s+)?(?:minimal|slight)\b"),
    _of(Edema.EXTENSIVE, r"\b(?:o?edema|swelling)\s+(?:is|appears|seems)\s+(?:\w+ly\s+)?(?:marked|severe)\b"),
    _of(Enhancement.PRESENT, r"\b(?:enhancement|uptake)\s*[:=]\s*yes\b|\b(?<!not )(?<!to )enhances\b"),
    _of(
        Enhancement.ABSENT,
        r"\b(?:does|do|did) not (?:\w+ly )?(?:enhance|show (?:any )?(?:contrast )?(?:enhancement|uptake))\b"
        r"|\bfails? to enhance\b|\bunenhancing\b",
    ),
    _of(
        TumorType.HEALTHY,
        r"\b(?:no|without|absence of|free of)(?:\s+(?:an?|any|evidence of|signs? of|visible|discernible|obvious"
        r"|focal|discrete|acute|intracranial|suspicious|abnormal|brain|definite|clear|space[- ]occupying"
        rf"|significant)){{0,5}}\s+{_LESION}\b(?! (?:effect|like|extension|margins?))"
        r"|\bunremarkable (?:brain|scan|slice|image|mri|study)\b"
        r"|\b(?:brain|scan|slice|image|mri|study) is unremarkable\b|\bdisease[- ]free\b"
        r"|\b(?:impression|diagnosis|classification|assessment)\s*(?:is|:|=)\s*(?:healthy|normal)\b",
    ),
    _of(
        ImageRegion.CENTER,
        r"\b(?:sits|lies)\s+(?:\w+ly\s+)?centrally\b|\bfrom the (?:cent(?:er|re)|middle) (?:in)?to\b",
    ),
    _of(
        LesionSize.MEDIUM,
        r"\b(?:intermediate|average|middling|moderate) in size\b|\bof (?:intermediate|average) size\b",
    ),
    *(_of(size, rf"\b{size.value}(?=(?:,|\sand)\s{_ADJECTIVES}{_LESION}\b)") for size in LesionSize),
    _of(
        Shape.ROUND,
        r"\brounded\b(?!,?\s+(?:and\s+)?(?:\w+\s+)?(?:lobul\w+|nodul\w+|corners?|foci|areas?|components?|projections?))",
    ),
    _of(Shape.IRREGULAR, r"\birregularit(?:y|ies)\b(?! of (?:the )?(?:signal|enhancement|ventric))|\bspiculations?\b"),
    _of(Shape.LOBULATED, r"\blobulations?\b|\bmultiple lobules\b"),
    _of(
        TumorType.TUMOR,
        r"(?<!without )(?<!of )(?<!than )\ban?\s+(?:[\w\-]{1,40},?\s){0,5}?"
        r"(?:lesion|mass|neoplasm|tumou?r|abnormality)\b(?! effect)",
    ),
)

_NO_SIZE = re.compile(r"\bmoderately[\s\-]+(?:large|small)\b", re.IGNORECASE)
"""Between two terms."""

# --- what "it is ..." says of a lesion ---

_SUBJECT = (
    r"(?:(?:^|(?<=[.;:!?]\s)|\band\s|,\s)(?:it|they|this)"
    r"|\b(?:the|this|these|its?)\s+(?:[\w\-]+\s+){0,3}?(?:lesions?|mass(?:es)?|tumou?rs?|neoplasms?|abnormalit(?:y|ies)"
    r"|gliomas?|meningiomas?|schwannomas?|adenomas?|metastas[ei]s|size))"
)
_IS = re.compile(
    rf"{_SUBJECT}\s+(?:is|are|was|were|appears?|seems?|looks?|would be|can be|may be|measures?)\b\s*", re.IGNORECASE
)
_PREDICATE_CHARS = 200
_PREDICATE_ENDS = re.compile(
    r"[.;!?:](?:\s|$)|\b(?:with|which|that|while|whereas|because|causing|showing|containing|compared|relative|than)\b",
    re.IGNORECASE,
)
_SIZE_WORDS = {"tiny": LesionSize.SMALL, "huge": LesionSize.LARGE, **{size.value: size for size in LesionSize}}
_ALONE: dict[str, tuple[type[StrEnum], str]] = {
    **{word: (LesionSize, size.value) for word, size in _SIZE_WORDS.items()},
    "central": (ImageRegion, ImageRegion.CENTER.value),
    "single": (LesionSpread, LesionSpread.SOLITARY.value),
    "multiple": (LesionSpread, MULTIPLE),
}
"""Everyday words that name a term as a predicate of a lesion, or as a whole sentence."""
_WORD = "|".join(_ALONE)
_PREDICATE = re.compile(
    r"(?:^|,\s*(?:and\s+|or\s+|but\s+)?|\band\s+|\bor\s+|\bbut\s+|\bto be\s+|\bneither\s+|\bnor\s+)"
    r"(?:(?:not|also|both|clearly|relatively|rather|quite|fairly|overall|only|(?:classified|categori[sz]ed|described"
    r"|regarded) as|considered|deemed|of)\s+){0,3}"
    rf"(?P<at>{_WORD})(?=\s*(?:[,.;:!?()\u2013\u2014]|$|(?:and|or|but|in|for|not|rather|overall|on|at|to)\b))",
    re.IGNORECASE,
)
_SENTENCE_IS = re.compile(
    rf"(?:^|(?<=[.;:!?]\s)|\b(?:so|hence|thus|therefore|making it),?\s+)(?P<at>{_WORD})(?:-sized)?"
    r"(?=\s*(?:[.;:!?(\u2013\u2014~<>\u2264\u2265]|$"
    r"|,?\s*(?:about|approximately|roughly|around|covering|occupying|at|between|i\.e|since|as|because|~|\d)))",
    re.IGNORECASE,
)


def wordings(spoken: str, *, a_lesion_is_a_tumor: bool = True) -> Iterator[Wording]:
    """The statements of a plain text that no spelling covers, strong ones first.

    >>> [(one.token, one.strength) for one in wordings("There are two lesions.")]
    [('multiple', 1)]
    >>> [one.token for one in wordings("A main mass and small satellite nodules, left of the center.")]
    ['center_left', 'dominant_with_satellites', 'dominant_with_satellites', 'tumor']
    """
    for token, start, end in places(spoken):
        yield Wording(ImageRegion, token, start, end, STRONG, hides=True)
    for match in _NO_SIZE.finditer(spoken):
        yield Wording(LesionSize, None, match.start(), match.end(), STRONG, hides=True)
    for one in (*_SPREADS, *_PATTERNS):
        if one.token == TumorType.TUMOR and not a_lesion_is_a_tumor:
            continue
        for match in one.pattern.finditer(spoken):
            # Of a tumor only the noun is taken, so that a finer name within the phrase does not hide it.
            start = match.end() - 1 if one.token == TumorType.TUMOR else match.start()
            yield Wording(one.enum, one.token, start, match.end(), one.strength)
    yield from _said_of_a_lesion(spoken)


def _said_of_a_lesion(spoken: str) -> Iterator[Wording]:
    found = {(match.start("at"), match.end("at")) for match in _SENTENCE_IS.finditer(spoken)}
    for subject in _IS.finditer(spoken):
        start = subject.end()
        predicate = spoken[start : start + _PREDICATE_CHARS]
        if end := _PREDICATE_ENDS.search(predicate):
            predicate = predicate[: end.start()]
        found |= {(start + match.start("at"), start + match.end("at")) for match in _PREDICATE.finditer(predicate)}
    for at, until in sorted(found):
        enum, token = _ALONE[spoken[at:until].lower()]
        yield Wording(enum, token, at, until)
