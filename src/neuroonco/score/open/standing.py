r"""Whether what a sentence names is stated, denied, or left open; words around it decide.

``neuroonco.mentions`` sees negations that stand before a term. Answers of models deny after it as well ("a meningioma
is unlikely"), deny lists ("no round, oval or lobulated shape"), and leave open ("the differential includes ...").

What is left open is no statement: alternatives, what cannot be excluded, conditions and questions. A best guess in
words of doubt ("probably a glioma") is a statement, as otherwise no careful answer could be scored.
"""

import re
from enum import StrEnum

MAX_TAIL_CHARS = 120
"""How far behind a term a verdict on it may stand."""
MAX_SENTENCE_CHARS = 400
"""How far from a term its sentence is read, so that a text without stops costs no more than another."""
MAX_CUE_CHARS = 160
"""How far before a term the words may begin that lead up to it: "inconsistent with any evidence of"."""
_STOP = re.compile(r"[.;!?](?=\s|$)")
_ARTICLES = r"(?:\s+(?:an?|any|the|one|of|for|to|be|being|evidence|signs?|this|as|it))*"
_SMOOTH = r"(?:\s+(?:(?:perfectly|entirely|completely|simply)\s+)?smooth(?:ly)?(?:,?\s+(?:and|or|nor)|,)?)?"
"""Of "not smooth and round", which is one denial."""
_DENIES_NEXT = re.compile(
    r"\b(?:unlikely|rul(?:es?|ed|ing) out|exclud(?:es?|ed|ing)|argu(?:es?|ing) against|speaks? against|against"
    r"|as opposed to|in contrast to|unlike|other than|except(?: for)?|rather than|instead of|absence of|free of"
    rf"|devoid of|lacks?|lacking|without|not|no|nor|neither|non){_ARTICLES}{_SMOOTH}[\s\-\u2010-\u2013]*$",
    re.IGNORECASE,
)
_NOT_LIKE = re.compile(
    r"\b(?:(?:not|never|hardly|less)\s+(?:\w+ly\s+)?(?:consistent|compatible|suggestive|typical|characteristic|indicative"
    r"|representative|suspicious|in keeping|in line)|inconsistent|incompatible)\s+(?:with|of|for)"
    rf"{_ARTICLES}\s*$|\b(?:favou?r\w*|prefer\w*)\b[^.;]*\b(?:over|to){_ARTICLES}\s*$",
    re.IGNORECASE,
)
"""Denials across words that end one in ``neuroonco.mentions``."""
_NEGATOR = re.compile(
    r"\b(?:no|not|without|neither|nor|never|lacks|lacking|lack|absence|than|instead of|non)\b", re.IGNORECASE
)
_NON = re.compile(r"\bnon\b", re.IGNORECASE)
_SEEN = (
    r"(?:seen|present|visible|evident|identified|apparent|detected|found|observed|demonstrated|supported|favou?red"
    r"|likely|possible|plausible|noted|shown|suspected|the case|the diagnosis|considered)"
)
_IS = r"(?:is|are|was|were|seems?|appears?|remains?|looks?|can be|could be|has been|have been)"
_TAIL = (
    r"^(?:[^\w,;:.]+(?!but\b|which\b|while\b|whereas\b|although\b|and\b(?! \w+ (?:is|are)\b)|with\b)\w+){0,5}?"
    r"[^\w,;:.]+"
)
_DENIED_AFTER = re.compile(
    rf"{_TAIL}{_IS}\s+(?:(?:\w+ly|very|quite|rather)\s+)?"
    rf"(?:unlikely|improbable|absent|excluded|ruled out|out of the question|not\s+(?:\w+ly\s+)?{_SEEN})\b",
    re.IGNORECASE,
)
_NOT_EXCLUDED = r"(?:can ?not|could not|not)\s+(?:be\s+)?(?:\w+ly\s+)?(?:exclude|rule(?:d)? out|excluded)"
_OPEN_AFTER = re.compile(
    rf"{_TAIL}(?:(?:is|are|remains?|seems?)\s+(?:less likely|(?:also\s+)?possible|in the differential|an alternative)"
    r"|can (?:not )?be (?:assessed|evaluated|determined|judged|told)"
    rf"|{_NOT_EXCLUDED})\b",
    re.IGNORECASE,
)
_IS_BEFORE = re.compile(rf"\b{_IS}\s+(?:[\w\-]+\s+){{0,3}}$", re.IGNORECASE)
_AND = re.compile(r"\band\b", re.IGNORECASE)
"""Behind a predicate it begins another statement: "it is a glioma and a metastasis is unlikely"."""
_OPEN_FROM = re.compile(
    r"\b(?:differentials?|ddx|alternatives?|alternatively|other (?:possibilit\w+|considerations?|diagnos\w+)"
    rf"|less likely|{_NOT_EXCLUDED})\b",
    re.IGNORECASE,
)
_CONDITION = re.compile(r"\b(?:if|whether|suppose|supposing|assuming|unless)\b[^,.;!?]*$", re.IGNORECASE)
LINK = re.compile(r"\s*(,|/|,?\s*(?:or|nor|and/or))\s*(?:(?:an?|the|even|a possible)\s+)?", re.IGNORECASE)
"""What stands between the members of a list; ``and`` ends a denial in ``neuroonco.mentions`` as well."""


class Standing(StrEnum):
    """What a text does with a term that it names."""

    STATED = "stated"
    DENIED = "denied"
    OPEN = "open"


def sentence_around(text: str, start: int, end: int) -> tuple[int, int]:
    """Start and end of the sentence that holds a place.

    >>> text = "It is round. It is large! So?"
    >>> text[slice(*sentence_around(text, 19, 24))]
    'It is large!'
    """
    reach = max(0, start - MAX_SENTENCE_CHARS)
    first = max((m.end() for m in _STOP.finditer(text, reach, start)), default=reach)
    first = next((i for i in range(first, start) if not text[i].isspace()), start)
    furthest = min(len(text), end + MAX_SENTENCE_CHARS)
    found = _STOP.search(text, end, furthest)
    return first, furthest if found is None else found.start() + 1


def standing(text: str, start: int, end: int, negated: bool, free_from: int = 0) -> Standing:
    """What a text does with the term at a place.

    Args:
        text: as :func:`neuroonco.score.open.naming.plain` gives it.
        start, end: of the term.
        negated: what ``neuroonco.mentions`` says of it.
        free_from: a negation before this place has been used up: the "no" of "no edema" denies nothing that follows.

    >>> text = "Glioma, whereas a meningioma is very unlikely; metastasis cannot be excluded."
    >>> [standing(text, a, a + n, False).value for a, n in ((0, 6), (18, 10), (47, 10))]
    ['stated', 'denied', 'open']
    """
    first, last = sentence_around(text, start, end)
    before, after = text[max(first, free_from) : start], text[end:last][:MAX_TAIL_CHARS]
    if text[last - 1 : last] == "?" or _CONDITION.search(before) or _OPEN_FROM.search(text[first:start]):
        return Standing.OPEN
    near = before[-MAX_CUE_CHARS:]
    if _IS_BEFORE.search(near) and (joined := _AND.search(after)):
        after = after[: joined.start()]
    if _OPEN_AFTER.search(after):
        return Standing.OPEN
    if _DENIES_NEXT.search(near) or _NOT_LIKE.search(near) or _DENIED_AFTER.search(after):
        return Standing.DENIED
    return Standing.DENIED if negated and _negation_reaches(before.rpartition(": ")[2]) else Standing.STATED


def _negation_reaches(before: str) -> bool:
    """Whether one of the negations before a term can be meant: "non-encapsulated tumor" denies no tumor."""
    return any(not _NON.fullmatch(one.group()) for one in _NEGATOR.finditer(before))
