"""Which terms an answer in free words names, where, and whether it states them.

Beside the words that ``neuroonco.mentions`` finds, this reads the short statements of
:mod:`neuroonco.score.open.wordings`, a contrast agent that is named apart from the sequence, and diagnoses and
techniques that are no terms of ours and still contradict one.
"""

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from itertools import pairwise

from neuroonco.mention_contexts import Words, denied
from neuroonco.mentions import mentions
from neuroonco.score.open.standing import LINK, Standing, standing
from neuroonco.score.open.wordings import STRONG, USUAL, wordings
from neuroonco.vocabulary import Edema, Enhancement, ImageRegion, LesionSize, LesionSpread, MRSequence, Shape, TumorType
from neuroonco.vocabulary.concepts import concept_spellings, uppers
from neuroonco.vocabulary.recoder import normalise

LONGEST_TEXT_CHARS = 8_000
"""Of an answer that are read; what stands behind is not."""
_LONGEST_LIST = 12
"""Members of a denied list behind one of them that are looked at."""
_USES_UP_A_NO = frozenset({Edema.ABSENT.value, Enhancement.ABSENT.value, TumorType.HEALTHY.value})
"""What "no edema", "without enhancement" and "no tumor" state; their "no" denies nothing that follows."""
_NO_DIAGNOSIS = frozenset({"cancer_elsewhere"})
_SHORT_NOT = re.compile(r"n['\u2019]t\b", re.IGNORECASE)
_NO_DENIAL = re.compile(
    r"\bnot (?:only|just|merely)\b(?!\s+(?:one|1|an?|single)\b)"
    r"|\b(?:no|without(?: a| any)?) (?:doubt|question)\b|\bnot unlikely\b",
    re.IGNORECASE,
)
_CAN_NOT = re.compile(r"\bcannot\b", re.IGNORECASE)
_MARKUP = re.compile(r"[*`]+|(?<!\w)_+|_+(?!\w)")
_RULES = re.compile(r"[#>|\\]+")
_BULLET = re.compile(r"^(?:[-\u2022\u2013]|\d{1,2}[.)])\s+")
_LETTERS_ALIKE = str.maketrans({"\u0130": "I", "\u0131": "i"})
"""Dotted and dotless i, which a search without regard to case takes for an i."""
_DENIED_BY_WORDS = (ImageRegion, LesionSize, LesionSpread, Shape)
"""Attributes whose short statements hold no "no" of their own, so that one before them denies them."""
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


@dataclass(frozen=True)
class Named:
    """One term, or another concept of its group, that a text names.

    Attributes:
        token: of the vocabulary or of its concepts.
        standing: what the text does with it.
        strength: see :mod:`neuroonco.score.open.wordings`.
    """

    enum: type[StrEnum]
    token: str
    start: int
    end: int
    standing: Standing
    strength: int = USUAL


def plain(text: str) -> str:
    r"""A text without markup, with lines ended as sentences and ``n't`` written out; not longer than is read.

    >>> plain("**Shape:** round\n- Edema isn't seen")
    'Shape: round. Edema is not seen'
    """
    text = unicodedata.normalize("NFKC", text[:LONGEST_TEXT_CHARS]).translate(_LETTERS_ALIKE)
    lines = []
    for line in text.split("\n"):
        words = _MARKUP.sub("", _RULES.sub(" ", _BULLET.sub("", _SHORT_NOT.sub(" not", line.strip()))))
        words = " ".join(_CAN_NOT.sub("can not", words).split())
        if words:
            lines.append(words)
    parts = lines[:1]
    for before, line in pairwise(lines):
        parts += [" " if before[-1] in ".;!?:," or line[0].islower() else ". ", line]
    return _NO_DENIAL.sub(" ", "".join(parts))


def named_in_text(spoken: str, a_lesion_is_a_tumor: bool = True) -> list[Named]:
    """All that a plain text names, in its order."""
    found: list[Named] = []
    free_from = 0
    for enum, token, start, end, negated, strength in sorted(
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
        found.append(Named(enum, token, start, end, how, strength))
    return list(_lists_denied(spoken, found))


Place = tuple[type[StrEnum], str, int, int, bool, int]


def _places(spoken: str, a_lesion_is_a_tumor: bool) -> Iterator[Place]:
    said = list(wordings(spoken, a_lesion_is_a_tumor=a_lesion_is_a_tumor))
    hidden = _Spans((one.enum, one.start, one.end) for one in said if one.hides)
    taken = _Spans()
    for one in mentions(spoken):
        enum, token = type(one.value), one.value.value
        if hidden.overlap(enum, one.start, one.end):
            continue
        if one.finer:
            token = concept_spellings(enum).get(normalise(one.text), token)
        if one.value is MRSequence.T1 and _is_contrast(spoken, one.start, one.end):
            token = MRSequence.T1CE.value
        taken.add(enum, one.start, one.end)
        if one.value is MRSequence.T2 and _IS_FLAIR.search(spoken[one.end : one.end + 40]):
            continue
        yield enum, token, one.start, one.end, one.negated, USUAL
    words = Words(spoken)
    starts = [start for start, _ in words.spans]
    for wording in said:
        enum, start, end = wording.enum, wording.start, wording.end
        spans = hidden.overlap(enum, start, end) and not wording.hides, taken.overlap(enum, start, end)
        if wording.token is None or (wording.strength != STRONG and any(spans)):
            continue
        first = bisect_left(starts, start)
        negated = enum in _DENIED_BY_WORDS and first < len(starts) and denied(words, first, first + 1)
        yield enum, wording.token, start, end, negated, wording.strength
    for enum, token, start, end in _other_concepts(spoken):
        if not (taken.overlap(enum, start, end) or hidden.overlap(enum, start, end)):
            yield enum, token, start, end, False, USUAL


def _is_contrast(spoken: str, start: int, end: int) -> bool:
    """Whether the words around "T1" say that an agent was given."""
    return bool(
        _CONTRAST_AFTER.search(spoken[end : end + 80]) or _CONTRAST_BEFORE.search(spoken[max(0, start - 80) : start])
    )


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


class _Spans:
    """Places in a text by attribute; asking costs no more the more places there are.

    >>> spans = _Spans([(Edema, 3, 9)])
    >>> spans.overlap(Edema, 8, 10), spans.overlap(Edema, 9, 12), spans.overlap(Shape, 3, 9)
    (True, False, False)
    """

    def __init__(self, places: Iterable[tuple[type[StrEnum], int, int]] = ()) -> None:
        self._taken: dict[type[StrEnum], set[int]] = {}
        for place in places:
            self.add(*place)

    def add(self, enum: type[StrEnum], start: int, end: int) -> None:
        """Take a place."""
        self._taken.setdefault(enum, set()).update(range(start, end))

    def overlap(self, enum: type[StrEnum], start: int, end: int) -> bool:
        """Whether a character of a place is taken."""
        taken = self._taken.get(enum)
        return taken is not None and not taken.isdisjoint(range(start, end))


def _lists_denied(spoken: str, named: list[Named]) -> Iterator[Named]:
    """A denial holds for the rest of a list that ends in "or": "no round, oval or lobulated shape"."""
    for i, one in enumerate(named):
        if one.standing is Standing.STATED and i and _is_denied_list(spoken, named, i):
            named[i] = replace(one, standing=Standing.DENIED)
        yield named[i]


def _is_denied_list(spoken: str, named: list[Named], i: int) -> bool:
    before = named[i - 1]
    if before.enum is not named[i].enum or before.standing is not Standing.DENIED:
        return False
    for at in range(i, min(len(named), i + _LONGEST_LIST)):
        left, right = named[at - 1], named[at]
        link = LINK.fullmatch(spoken, left.end, right.start)
        if link is None or right.enum is not before.enum:
            return False
        if link.group(1).strip(" ,") in ("or", "nor", "and/or", "/"):
            return True
    return False
