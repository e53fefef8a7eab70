"""Whether an answer takes back what it says: denials that nothing in the label accounts for."""

import re

from neuroonco.build.instruct.allowed import DENIES, PROVES, without_own_denials
from neuroonco.build.instruct.claims import LESION_DENIED, UNREMARKABLE, Fault, Found, Said
from neuroonco.build.instruct.known import Known
from neuroonco.vocabulary import Edema, Enhancement, PairFault, TumorType

_DENIAL = re.compile(
    r"\b(?:not|no|nor|neither|rather than|instead of|without|rul(?:es?|ing) out|exclud(?:es|ing))"
    r"(?:\s+(?:an?|any|the|of|one|in|merely))*\s*$",
    re.IGNORECASE,
)
_NO_UPTAKE = re.compile(
    r"\b(?:no|without|lacks?|absence of)(?: (?:any|a|visible|apparent|discernible|contrast|evident|clear|of)){0,3}"
    r" (?:uptake|enhancement)\b|\b(?:does|do|did|has|have) not (?:enhanced?|take up|taken up|show any|show)\b"
    r"|\bnot taken up\b|\b(?:uptake|enhancement) is absent\b|\bnor\b(?= (?:uptake|enhancement))",
    re.IGNORECASE,
)
_NO_EDEMA = re.compile(
    r"\b(?:no|without|lacks?|absence of|free of)(?: (?:any|a|visible|apparent|surrounding|perilesional|evident|of))"
    r"{0,3} (?:o?edema|swelling)\b|\bnot swollen\b|\b(?:o?edema|swelling) is absent\b",
    re.IGNORECASE,
)
_OF_THE_LIST = re.compile(
    r"\bnone of (?:the )?\w+(?: \w+)?|\bno (?:offered |listed )?(?:option|choice|term|answer)s?\b"
    r"|\b(?:is|are|was) not (?:among|offered|listed|given|available|an option|on the list|in the list)\b",
    re.IGNORECASE,
)


def denies(text: str, at: int) -> bool:
    """Whether the words right before a place deny what begins there.

    >>> denies("oval, not round", 10), denies("not oval but round", 13)
    (True, False)
    """
    return _DENIAL.search(text, 0, at) is not None


def taken_back(said: Said, known: Known, *, is_rejection: bool) -> Found:
    """Denials and doubts that the label does not account for.

    Args:
        said: of the answer.
        known: of the slice.
        is_rejection: the answer explains that no option is right.
    """
    rest = list(without_meant_denials(said, known))
    text = without_own_denials("".join(rest))
    if is_rejection:
        text = _OF_THE_LIST.sub(" ", text)
    if (found := PROVES.search(text)) is not None:
        yield Fault(PairFault.NOT_IN_LABEL, f"a cause: {found.group()}")
    if (found := DENIES.search(text)) is not None:
        yield Fault(PairFault.ANSWER_MISSING, f"taken back: {found.group()}")


def without_meant_denials(said: Said, known: Known) -> str:
    """A text in which what is rightly denied is blank, each place where it was."""
    text = list(said.text)
    for one in said.named:
        if one.negated:
            blank(text, denial_start(said.text, one.start), one.end)
        elif one.value in (Edema.ABSENT, Enhancement.ABSENT, TumorType.HEALTHY):
            blank(text, one.start, one.end)
    patterns = []
    values = known.values
    if values.get(TumorType) is TumorType.HEALTHY:
        patterns += [LESION_DENIED, UNREMARKABLE]
    if values.get(Enhancement) is Enhancement.ABSENT:
        patterns.append(_NO_UPTAKE)
    if values.get(Edema) is Edema.ABSENT:
        patterns.append(_NO_EDEMA)
    for pattern in patterns:
        for match in pattern.finditer(said.text):
            blank(text, *match.span())
    return "".join(text)


def denial_start(text: str, at: int) -> int:
    """Where the words begin that deny what stands at a place: the place itself, if none stand right before it.

    >>> denial_start("oval, not round", 10)
    6
    """
    found = _DENIAL.search(text, 0, at)
    return at if found is None else found.start()


def blank(text: list[str], start: int, end: int) -> None:
    """Put spaces for the characters from ``start`` to ``end``."""
    text[start:end] = " " * (end - start)
