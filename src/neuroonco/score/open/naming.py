"""Which terms an answer in free words names, where, and whether it states them.

Beside the words that ``neuroonco.mentions`` finds, this reads short statements that answers of models make and no
spelling of the vocabulary covers ("edema: none", "does not enhance", "no mass"), a contrast agent that is named apart
from the sequence, and diagnoses and techniques that are no terms of ours and still contradict one.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from neuroonco.mentions import mentions
from neuroonco.score.open.standing import LINK, Standing, standing
from neuroonco.vocabulary import Edema, Enhancement, ImageRegion, LesionSize, LesionSpread, MRSequence, TumorType
from neuroonco.vocabulary.concepts import concept_spellings, uppers
from neuroonco.vocabulary.recoder import normalise

LONGEST_TEXT_CHARS = 8_000
"""Of an answer that are read; what stands behind is not."""
_USES_UP_A_NO = frozenset({Edema.ABSENT.value, Enhancement.ABSENT.value, TumorType.HEALTHY.value})
"""What "no edema", "without enhancement" and "no tumor" state; their "no" denies nothing that follows."""
_NO_DIAGNOSIS = frozenset({"cancer_elsewhere"})
_SHORT_NOT = re.compile(r"n['\u2019]t\b", re.IGNORECASE)
_NO_DENIAL = re.compile(
    r"\bnot (?:only|just|merely)\b|\b(?:no|without(?: a| any)?) (?:doubt|question)\b|\bnot unlikely\b", re.IGNORECASE
)
_LINE_END = re.compile(r"[ \t]*\r?\n\s*")
_MARKUP = re.compile(r"[*`]+|(?<!\w)_+|_+(?!\w)")
_RULES = re.compile(r"[#>|\\]+")
_BULLET = re.compile(r"(?:^|(?<=\n))\s*(?:[-\u2022\u2013]|\d{1,2}[.)])\s+")
_CONTRAST_AFTER = re.compile(
    r"^[\s\-\u2010-\u2013]*(?:weighted)?(?:\s+(?:brain|mri|mr|image|images|scan|slice|sequence|axial|sagittal|coronal))*"
    r"[\s,(\-\u2010-\u2013]*(?:(?:acquired|obtained|taken|image)\s+)?"
    r"(?:(?:with|after|following)\s+(?:intravenous\s+|iv\s+|the\s+)?(?:contrast|gadolinium|gd)\b"
    r"|(?:post|contrast|gadolinium|gd)[\s\-\u2010-\u2013]*(?:contrast|gadolinium|gd|enhanced)\b)",
    re.IGNORECASE,
)
_CONTRAST_BEFORE = re.compile(
    r"(?<!non-)(?<!non )(?<!without )(?<!un)(?:(?:contrast|gadolinium|gd)[\s\-\u2010-\u2013]*enhanced"
    r"|post[\s\-\u2010-\u2013]*(?:contrast|gadolinium|gd))[\s,\-\u2010-\u2013]*"
    r"(?:(?:brain|mri|mr|axial|sagittal|coronal)[\s,]+)*$",
    re.IGNORECASE,
)
_IS_FLAIR = re.compile(r"^[\s\-\u2010-\u2013]*(?:weighted)?[\s,(/\-\u2010-\u2013]*flair\b", re.IGNORECASE)
_ON = re.compile(r"\b(?:on|in)\s+(?:the|this|an?)?\s*$", re.IGNORECASE)
_LESION = r"(?:lesions?|mass(?:es)?|tumou?rs?|neoplasms?|abnormalit(?:y|ies)|growths?)"
_ADJECTIVES = (
    r"(?:(?!(?:in|of|at|near|with|from|on|is|are|part|area)\b)[\w\-]{1,40}(?:,\s(?:and\s)?|\s(?:and\s)?)){1,4}?"
)
"""As in "a large, lobulated, solitary lesion", where the noun is too far away for ``neuroonco.mentions``."""
_PATTERNS: tuple[tuple[StrEnum, re.Pattern[str]], ...] = tuple(
    (value, re.compile(pattern, re.IGNORECASE))
    for value, pattern in (
        (Edema.ABSENT, r"\b(?:o?edema|swelling)\s*[:=]\s*(?:none|no|nil|not (?:seen|present|visible))\b"),
        (Enhancement.ABSENT, r"\b(?:enhancement|uptake)\s*[:=]\s*(?:none|no|nil|not (?:seen|present|visible))\b"),
        (Edema.PRESENT, r"\b(?:o?edema|swelling)\s*[:=]\s*yes\b|\b(?:is|are) surrounded by (?:o?edema|swelling)\b"),
        (Edema.MILD, r"\b(?:o?edema|swelling)\s+(?:is|appears|seems)\s+(?:\w+ly\s+)?(?:minimal|slight)\b"),
        (Edema.EXTENSIVE, r"\b(?:o?edema|swelling)\s+(?:is|appears|seems)\s+(?:\w+ly\s+)?(?:marked|severe)\b"),
        (Enhancement.PRESENT, r"\b(?:enhancement|uptake)\s*[:=]\s*yes\b|\b(?<!not )(?<!to )enhances\b"),
        (
            Enhancement.ABSENT,
            r"\b(?:does|do|did) not (?:\w+ly )?(?:enhance|show (?:any )?(?:contrast )?(?:enhancement|uptake))\b"
            r"|\bfails? to enhance\b|\bunenhancing\b",
        ),
        (
            TumorType.HEALTHY,
            r"\b(?:no|without|absence of|free of)(?:\s+(?:an?|any|evidence of|signs? of|visible|discernible|obvious"
            r"|focal|discrete|acute|intracranial|suspicious|abnormal|brain|definite|clear|space[- ]occupying"
            rf"|significant)){{0,5}}\s+{_LESION}\b(?! (?:effect|like|extension|margins?))"
            r"|\bunremarkable (?:brain|scan|slice|image|mri|study)\b"
            r"|\b(?:brain|scan|slice|image|mri|study) is unremarkable\b|\bdisease[- ]free\b"
            r"|\b(?:impression|diagnosis|classification|assessment)\s*(?:is|:|=)\s*(?:healthy|normal)\b",
        ),
        *((size, rf"\b{size.value}(?=(?:,|\sand)\s{_ADJECTIVES}{_LESION}\b)") for size in LesionSize),
        (
            TumorType.TUMOR,
            r"(?<!without )(?<!of )(?<!than )\ban?\s+(?:[\w\-]{1,40},?\s){0,5}?"
            r"(?:lesion|mass|neoplasm|tumou?r|abnormality)\b(?! effect)",
        ),
    )
)
"""Statements that no spelling of the vocabulary covers."""


@dataclass(frozen=True)
class Named:
    """One term, or another concept of its group, that a text names.

    Attributes:
        token: of the vocabulary or of its concepts.
        standing: what the text does with it.
    """

    enum: type[StrEnum]
    token: str
    start: int
    end: int
    standing: Standing


def plain(text: str) -> str:
    r"""A text without markup, with lines ended as sentences and ``n't`` written out; not longer than is read.

    >>> plain("**Shape:** round\n- Edema isn't seen")
    'Shape: round. Edema is not seen'
    """
    text = unicodedata.normalize("NFKC", text[:LONGEST_TEXT_CHARS])
    text = _MARKUP.sub("", _RULES.sub(" ", _BULLET.sub("", _SHORT_NOT.sub(" not", text))))
    text = re.sub(r"\bcannot\b", "can not", text, flags=re.IGNORECASE)
    lines = [" ".join(line.split()) for line in _LINE_END.split(text) if line.strip()]
    joined = ""
    for line in lines:
        ended = not joined or joined[-1] in ".;!?:,"
        joined += line if not joined else f"{' ' if ended or line[0].islower() else '. '}{line}"
    return _NO_DENIAL.sub(" ", joined)


def named_in_text(spoken: str, a_lesion_is_a_tumor: bool = True) -> list[Named]:
    """All that a plain text names, in its order."""
    found: list[Named] = []
    free_from = 0
    for enum, token, start, end, negated in sorted(
        _places(spoken, a_lesion_is_a_tumor), key=lambda place: (place[2], -place[3])
    ):
        if enum is MRSequence and _ON.search(spoken, max(0, start - 20), start):
            negated, free_from = False, max(free_from, start)  # "no edema is seen on T2" denies no T2
        how = standing(spoken, start, end, negated, free_from)
        if token == Edema.ABSENT and how is Standing.DENIED and not negated:
            how = Standing.STATED  # the "no" of "no edema" says what is stated
        if token in _USES_UP_A_NO:
            free_from = max(free_from, end)
        if how is Standing.DENIED and enum in (TumorType, MRSequence) and spoken[end : end + 1] == ",":
            free_from = end  # "rather than a meningioma, round"; but "rather than a smooth, round contour"
        found.append(Named(enum, token, start, end, how))
    return list(_lists_denied(spoken, found))


Place = tuple[type[StrEnum], str, int, int, bool]


def _places(spoken: str, a_lesion_is_a_tumor: bool) -> Iterator[Place]:
    taken: list[tuple[type[StrEnum], int, int]] = []
    for one in mentions(spoken):
        enum, token = type(one.value), one.value.value
        if one.finer:
            token = concept_spellings(enum).get(normalise(one.text), token)
        if one.value is MRSequence.T1 and _is_contrast(spoken, one.start, one.end):
            token = MRSequence.T1CE.value
        taken.append((enum, one.start, one.end))
        if one.value is MRSequence.T2 and _IS_FLAIR.search(spoken[one.end : one.end + 40]):
            continue
        yield enum, token, one.start, one.end, one.negated
    for enum, token, start, end in (*_by_pattern(spoken, a_lesion_is_a_tumor), *_other_concepts(spoken)):
        if not any(kind is enum and a < end and start < b for kind, a, b in taken):
            yield enum, token, start, end, False


def _is_contrast(spoken: str, start: int, end: int) -> bool:
    """Whether the words around "T1" say that an agent was given."""
    return bool(_CONTRAST_AFTER.search(spoken[end : end + 80]) or _CONTRAST_BEFORE.search(spoken[:start][-80:]))


def _by_pattern(spoken: str, a_lesion_is_a_tumor: bool) -> Iterator[tuple[type[StrEnum], str, int, int]]:
    for value, pattern in _PATTERNS:
        if value is TumorType.TUMOR and not a_lesion_is_a_tumor:
            continue
        for match in pattern.finditer(spoken):
            # Of a tumor only the noun is taken, so that a finer name within the phrase does not hide it.
            start = match.end() - 1 if value is TumorType.TUMOR else match.start()
            yield type(value), value.value, start, match.end()


@cache
def _others() -> tuple[re.Pattern[str], dict[str, tuple[type[StrEnum], str]]]:
    """Spellings of concepts that are no terms of ours and still answer: other diagnoses, techniques and halves."""
    table: dict[str, tuple[type[StrEnum], str]] = {}
    for enum in (TumorType, MRSequence, ImageRegion, LesionSpread):
        ours = {value.value for value in enum}
        covering = {upper for token in ours for upper in uppers(enum, token)}
        for spelling, token in concept_spellings(enum).items():
            is_ours = token in ours or bool(uppers(enum, token) & ours)
            if is_ours or token in _NO_DIAGNOSIS or (enum in (ImageRegion, LesionSpread) and token not in covering):
                continue
            if enum is LesionSpread and " " not in spelling:
                continue  # "multiple" is said of vessels as well
            table.setdefault(spelling, (enum, token))
    words = sorted(table, key=lambda spelling: (-len(spelling), spelling))
    parts = (r"[\s_\-/]+".join(map(re.escape, spelling.split())) for spelling in words)
    return re.compile(rf"(?<![\w+])(?:{'|'.join(parts)})(?!\w)", re.IGNORECASE), table


def _other_concepts(spoken: str) -> Iterator[tuple[type[StrEnum], str, int, int]]:
    pattern, table = _others()
    for match in pattern.finditer(spoken):
        enum, token = table[normalise(match.group())]
        yield enum, token, match.start(), match.end()


def _lists_denied(spoken: str, named: list[Named]) -> Iterator[Named]:
    """A denial holds for the rest of a list that ends in "or": "no round, oval or lobulated shape"."""
    for i, one in enumerate(named):
        if one.standing is Standing.STATED and i and _is_denied_list(spoken, named, i):
            named[i] = Named(one.enum, one.token, one.start, one.end, Standing.DENIED)
        yield named[i]


def _is_denied_list(spoken: str, named: list[Named], i: int) -> bool:
    before = named[i - 1]
    if before.enum is not named[i].enum or before.standing is not Standing.DENIED:
        return False
    for left, right in zip(named[i - 1 :], named[i:], strict=False):
        link = LINK.fullmatch(spoken[left.end : right.start])
        if link is None or right.enum is not before.enum:
            return False
        if link.group(1).strip(" ,") in ("or", "nor", "and/or", "/"):
            return True
    return False
