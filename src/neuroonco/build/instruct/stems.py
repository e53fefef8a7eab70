"""What a question gives away about its slice."""

import re
from functools import lru_cache

from neuroonco.build.instruct.allowed import without_alternatives
from neuroonco.build.instruct.claims import LESION, Fault, Found
from neuroonco.build.instruct.forbidden import phrases_in
from neuroonco.build.instruct.plain_text import LISTS, LONGEST_STEM, plain_faults
from neuroonco.mentions import named_in
from neuroonco.vocabulary import PairFault, QuestionType

_PLACE = re.compile(
    r"\b(?:left|right)(?:most|ward|-hand)\b|\bon the (?:left|right)\b"
    r"|\b(?:upper|lower|top|bottom) (?:left|right|half|part)\b",
    re.IGNORECASE,
)
_WHETHER = re.compile(r"\b(?:any|if|whether|what kind|pattern|absent)\b", re.IGNORECASE)
_SINGLE = re.compile(
    r"\b(?:the|one|single|only|its|this|a)(?: (?:one|single|only))? (?:lesion|focus|mass|tumor)(?!'|,? or )\b",
    re.IGNORECASE,
)
_LESION = re.compile(rf"\b(?:{LESION}|disease[ds]?|patholog\w+)\b", re.IGNORECASE)
_CONCEPT = {
    QuestionType.EDEMA: re.compile(r"\b(?:o?edema\w*|swelling|swollen)\b", re.IGNORECASE),
    QuestionType.ENHANCEMENT: re.compile(r"\benhanc\w*", re.IGNORECASE),
}


@lru_cache(maxsize=20_000)
def stem_faults(stem: str, kind: QuestionType, is_binary: bool) -> tuple[Fault, ...]:
    """What a question gives away.

    Args:
        kind: what it asks.
        is_binary: it asks abnormal or healthy.
    """
    return tuple(_of_stem(stem, kind, is_binary))


def _of_stem(stem: str, kind: QuestionType, is_binary: bool) -> Found:
    """A question may name what it asks for, and the lesion where the slice is known to have one; nothing else."""
    leak = PairFault.STEM_NAMES_FINDING
    if len(stem) > LONGEST_STEM or not stem.strip():
        yield Fault(PairFault.NOT_PLAIN_TEXT, f"a question of {len(stem)} characters")
        return
    yield from plain_faults(stem)
    stem = without_alternatives(stem)
    named, others = named_in(stem)
    for one in (*(m.text for m in named), *others):
        yield Fault(leak, one)
    phrases = phrases_in(stem)
    yield from (Fault(fault, phrases[name]) for name, fault in LISTS if name in phrases)
    for name in ("not_seen", "anatomy", *(() if kind is QuestionType.MODALITY else ("anatomy_of_contrast",))):
        if name in phrases:
            yield Fault(leak, phrases[name])
    for asked, pattern in _CONCEPT.items():
        found = pattern.search(stem)
        if found is not None and (asked is not kind or not _WHETHER.search(stem)):
            yield Fault(leak, found.group())
    if found := _PLACE.search(stem):
        yield Fault(leak, found.group())
    if kind is QuestionType.SPREAD and (found := _SINGLE.search(stem)):
        yield Fault(leak, found.group())
    if (is_binary or kind is QuestionType.MODALITY) and (found := _LESION.search(stem)):
        yield Fault(leak, found.group())
