"""Whether what stands behind an option takes it away again: denies it, makes it a condition, or names another thing."""

import re

_MARKS = r"[\s\"')\]}.,:;!?(\[|=–—\-]{0,12}"
_SUBJECT = (
    r"(?:(?:but|though|although|however|and|which|that|this|it|the|my|option|answer|choice|one|is|was|are|be|would|can"
    r"|could|seems?|appears?|looks?|very|highly|rather|quite|most|clearly|definitely|probably|therefore|thus|so|also|as)\b"
    r"[\s,:]{1,3}){0,6}"
)
_FALSE = (
    r"unlikely|improbable|implausible|incorrect|wrong|false|mistaken|exclu(?:ded?|ding)|ruled out|rejected|eliminated"
    r"|discarded|dismissed|doubtful|inconsistent|incompatible|unsupported|contraindicated|(?:less|least) (?:likely"
    r"|probable|plausible|favou?red)|not[ \t](?:(?:very|at all|so|really|the|a|my)[ \t]){0,2}(?:likely|right|correct"
    r"|probable|possible|plausible|supported|consistent|compatible|best|answer|case|option|choice|good|fitting"
    r"|fit|true)"
    r"|(?:does(?:n't| not)|do(?:n't| not)) (?:fit|apply|match)"
)
_DENIED_NEXT = re.compile(
    rf"{_MARKS}{_SUBJECT}(?:(?:{_FALSE})\b|(?:no|nope|never|not|none|x)[ \t]*(?:$|[.,;:!)\]–—\n-])"
    r"|not[ \t]+(?:it|this|that|here|seen|present|visible|applicable)\b|[✗✘❌✖]"
    r"|(?:un(?:able|certain|clear|known)|cannot|can't|impossible|i (?:can|could)(?:not|n't)"
    r"|i (?:am|was) (?:not able|unable)|i'm (?:not able|unable)|there is no image|no image)\b)",
    re.IGNORECASE,
)
"""Denied at once, in a bracket or in the next sentence: "A (unlikely)", "Glioma. No.", "A. I cannot see the image"."""
_DENIED = re.compile(rf"\b(?:{_FALSE}|rul(?:e|es|ing) out|retract\w*|withdraw\w*)\b", re.IGNORECASE)
_SUPPOSED = re.compile(
    r"\b(?:if|unless|provided|providing|assuming|otherwise|else|depending|when|whether)\b", re.IGNORECASE
)
_EXCEPT = re.compile(
    rf"{_MARKS}(?:apart from|aside from|except(?:ing|ion)?|besides|other than|excluding|outside|save for)\b",
    re.IGNORECASE,
)
_QUALIFIED_NEXT = re.compile(
    rf"{_MARKS}(?:with|without|plus|post|pre|after|before|following|like)\b|{_MARKS}[A-Za-z]{{1,3}}\+", re.IGNORECASE
)
_BUT = re.compile(
    rf"{_MARKS}(?:but|however|although|though|yet)\b(?! (?:i(?:'m| am)?|it is|not|only)\b(?! see))", re.IGNORECASE
)
"""Puts a fact against a text, and not only a doubt: "Healthy, but there is a mass"."""
_QUALIFIED = re.compile(
    r"\b(?:\w{{0,9}}contrast|\w{{0,4}}enhanc\w{{1,6}}|gadolinium"
    r"|gd|mimic\w{0,3})\b",
    re.IGNORECASE,
)
"""Makes another thing of an option's text: "T1, post-contrast" is not "T1"."""
_SHARE = re.compile(
    rf"{_MARKS}(?:(?:confidence|probability|likelihood|p|about|only)[ \t:=]{{1,3}}){{0,2}}"
    r"(?P<number>\d{1,3}(?:\.\d{1,4})?|\.\d{1,4})[ \t]?(?P<percent>%|percent\b)?(?![ \t]?(?:of\b|\w|[/-]))",
    re.IGNORECASE,
)
_LIKELIER_THAN_NOT = 0.5
_CLAUSE_ENDS = re.compile(
    r"[.!?;\n]|\b(?:because|since|given|due to|based on|owing to|as (?:the|there|it|this|these))\b", re.IGNORECASE
)
_AGAINST = re.compile(
    r"\b(?:not (?!(?:very |so )?(?:likely|right|correct|probable))|rather than|instead of|unlike|versus|as opposed to)",
    re.IGNORECASE,
)


def takes_away(tail: str, *, is_text: bool) -> bool:
    """Whether the clause behind an option denies it, sets a condition, or makes another thing of it.

    Args:
        tail: what stands behind the option to the end of its line.
        is_text: the option is named by its text alone, so that no letter says which one is meant.

    >>> tails = " (unlikely)", ", if enhancing", ", post-contrast", ", WHO grade I"
    >>> [takes_away(tail, is_text=True) for tail in tails]
    [True, True, True, False]
    """
    if _DENIED_NEXT.match(tail) or _EXCEPT.match(tail) or _is_small_share(tail):
        return True
    clause = clause_of(tail)
    if _DENIED.search(clause) or _SUPPOSED.search(clause):
        return True
    return is_text and bool(_QUALIFIED_NEXT.match(tail) or _BUT.match(tail) or _QUALIFIED.search(clause))


def clause_of(tail: str) -> str:
    """The clause behind an option, without its reasons and without what it is set against."""
    return _AGAINST.split(_CLAUSE_ENDS.split(tail, maxsplit=1)[0], maxsplit=1)[0]


def _is_small_share(tail: str) -> bool:
    match = _SHARE.match(tail)
    if match is None:
        return False
    number = float(match["number"])
    return number < _LIKELIER_THAN_NOT * 100 if match["percent"] else number < _LIKELIER_THAN_NOT
