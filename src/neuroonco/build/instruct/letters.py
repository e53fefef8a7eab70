"""Whether the explanation of a closed question ends in its letter and in no other."""

import re
from enum import StrEnum
from functools import lru_cache

from neuroonco.build.instruct.allowed import without_own_denials
from neuroonco.build.instruct.claims import Fault, Found, Said
from neuroonco.build.instruct.denials import denies
from neuroonco.build.records import ANSWERS, NONE_OF_THE_ABOVE, ClosedItem
from neuroonco.vocabulary import ImageRegion, PairFault, recode

LETTER = re.compile(
    r"\b(?:[Oo]ption|[Aa]nswer|[Cc]hoice|[Ll]etter)s?(?: is| are| would be|:)?:?\s*\(?\"?([A-E])\b(?! \w)"
    r"|\(([A-E])\)|\b([B-E])\b(?!')|\b(?:[Tt]herefore|[Hh]ence|[Tt]hus),? (A)\b(?! \w)"
)
_ORDINAL = (
    r"(?:first|second|third|fourth|fifth|last|final|former|latter|top|bottom|next|previous|uppermost|lowest|topmost)"
)
_CHOICE = (
    r"(?:options?|entry|entries|choices?|picks?|ones?|items?|lines?|letters?|candidates?|alternatives?|answers?|terms?)"
)
_PLACE = re.compile(
    rf"\b{_ORDINAL}(?:[ -](?:mentioned|named|listed|offered|of the|two|in the list))? {_CHOICE}\b"
    rf"|\b{_CHOICE} (?:number |no )?(?:one|two|three|four|five|{_ORDINAL})\b"
    rf"|\b(?:the )?{_ORDINAL} (?:of|on|in) (?:the )?(?:list|options|terms|choices|above|offered)\b"
    r"|\b[A-Ea-e]{2}\b(?<!\b[Bb]e)(?<!\b[Aa]d)",
    re.IGNORECASE,
)
_NONE_RIGHT = re.compile(
    r"\bnone of (?:the )?(?:above|offered|options|listed|these|them|two|choices|answers|terms|given)|\bno option\b"
    r"|\bnot (?:among|offered|listed)|\bmissing from the list\b",
    re.IGNORECASE,
)
_NONE = re.compile(r"\bnone of\b|\bno (?:\w+ )?(?:option|choice|answer)s?\b|\bneither of\b", re.IGNORECASE)
_RIGHT = r"(?:right|correct|true|suitable|appropriate|applicable|fitting)"
_NONE_CLAUSE = re.compile(
    r"(?:none of (?:the |these |those |them\b)?(?:above\b|(?:\w+ )?\w+s\b|\w+ses\b)?"
    r"(?: (?:offered|listed|given|above))?|no (?:\w+ )?(?:option|choice|answer)|neither of (?:the two|them))"
    rf"(?: (?:is|are) {_RIGHT}| fits?(?: it| this| the lesion| the slice| here)?| appl(?:y|ies)| remains?"
    rf"| match(?:es)?(?: it| this)?| (?:says|names|states|gives|offers|describes) (?:so|this|it|that)| holds)?",
    re.IGNORECASE,
)
_CLAUSE_END = re.compile(r"[.,;:!?()]|$| (?:and|so|because|since|which|as)\b")


def letter_faults(said: Said, whole: str, item: ClosedItem, right: StrEnum | None) -> Found:
    """What in an explanation speaks for another option than the right one.

    Args:
        said: of the explanation, without definitions.
        whole: the explanation as it was written.
        item: the closed question.
        right: its right term, offered or not.
    """
    code = PairFault.LETTER_INCONSISTENT
    for match in LETTER.finditer(whole):
        if item.answer not in match.groups():
            yield Fault(code, match.group())
    if (place := _PLACE.search(whole)) is not None:
        yield Fault(code, place.group())
    yield from _other_options(said, item, right)
    none_right = _NONE_RIGHT.search(whole)
    if not item.is_rejection:
        if none_right is not None:
            yield Fault(code, none_right.group())
        return
    if not says_none_right(said.text):  # without definitions, which may deny as well
        yield Fault(code, "does not say that no option is right")


def says_none_right(text: str) -> bool:
    """Whether a text says in a whole clause that no option is right, and nowhere the contrary.

    >>> says_none_right("It is oval, so none of the above is right."), says_none_right("None of the above is wrong.")
    (True, False)
    """
    rest = without_own_denials(text)
    said = rest != text and _NONE_RIGHT.search(text) is not None and _NONE_RIGHT.search(rest) is None
    for found in _NONE.finditer(rest):
        end = _CLAUSE_END.search(rest, found.end())
        if _NONE_CLAUSE.fullmatch(rest[found.start() : end.start() if end else len(rest)].strip()) is None:
            return False
        said = True
    return said


def _other_options(said: Said, item: ClosedItem, right: StrEnum | None) -> Found:
    text = said.text.lower()
    own = [(one.start, one.end) for one in said.named if one.value is right and not one.negated]
    for option in item.options:
        value = recode(ANSWERS[item.question_type], option.text)
        if option.letter == item.answer or option.text == NONE_OF_THE_ABOVE or value is ImageRegion.CENTER:
            continue  # "its center lies ..." names no place; where it does, it is a value that the label has not
        for match in spelled(option.text).finditer(text):
            start, end = match.span()
            if not any(a <= start and end <= b for a, b in own) and not denies(text, start):
                yield Fault(PairFault.LETTER_INCONSISTENT, f"asserts {option.text}")
                break
        if any(one.value is value and not one.negated and not one.finer for one in said.named):
            yield Fault(PairFault.LETTER_INCONSISTENT, f"asserts {option.text}")


@lru_cache(maxsize=256)
def spelled(option: str) -> re.Pattern[str]:
    """Finds an option's text in lower case, without what all places have in common."""
    return re.compile(rf"\b{re.escape(option.lower().removesuffix(' of the image'))}\b")
