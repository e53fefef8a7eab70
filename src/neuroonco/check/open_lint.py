"""Faults of open questions, each with a stable code.

STEM_NAMES_FINDING       error    the question names a finding or a diagnosis
MEASUREMENT_IN_QUESTION  error    the question gives coordinates, percentages, lengths, pixels or shape indices
MEASUREMENT_IN_REFERENCE error    the reference does; no reader of the image could
REFERENCE_EMPTY          error    there is no reference
KEYWORDS_MISSING         error    there is no keyword, so that any answer is as good as any other
KEYWORDS_CONTRADICT      error    two values of one attribute are keywords, so that one of them is wrong
KEYWORD_IN_QUESTION      error    the question names a keyword: an answer that repeats it scores
KEYWORD_DENIED           error    the reference names a keyword only to deny it ("rather than round")
ITEM_TWICE               error    two questions share an id, or an image is asked the same twice
IMAGE_TWICE              error    one image stands under two ids; with a root, one of the same bytes or pixels
KEYWORD_NOT_IN_REFERENCE warning  the reference does not name a keyword, in any spelling
MASK_CITED               warning  the question or reference argues from the mask: components, centroid, circularity
IMAGE_UNREADABLE         warning  with a root: the image cannot be read
ANSWER_IN_PATH           info     the image's path names the diagnosis that the reference or a keyword names
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from enum import StrEnum
from itertools import combinations, pairwise
from pathlib import Path

from neuroonco.build.records import OpenItem
from neuroonco.check.closed_lint import findings_of
from neuroonco.check.images import images_twice, values_in_path
from neuroonco.check.records import ERROR, INFO, WARNING, Finding
from neuroonco.check.stems import named_in_stem
from neuroonco.mentions import Mention, has_measurement, mentions
from neuroonco.vocabulary import QuestionType, TumorType
from neuroonco.vocabulary.concepts import overlap, uppers

_MASK = re.compile(
    r"\b(?:segmentation|masks?|connected components?|centroids?|circularity|pixels?|coordinates?)\b", re.IGNORECASE
)
_RANGE = re.compile(r"\W+(?:to|or)\W+", re.IGNORECASE)


def lint_open(items: Sequence[OpenItem], root: Path | None = None) -> list[Finding]:
    """All findings that occur, errors first, in the order of the table above.

    Args:
        root: folder of the images; without it, they are compared by path only.
    """
    seen = {code: [f"{_place(item)}: {found}" for item in items if (found := of(item))] for code, of in _FAULTS.items()}
    twice, unreadable = images_twice(items, root)
    faults = [(code, _LEVELS.get(code, ERROR), found) for code, found in seen.items()]
    faults += [("ITEM_TWICE", ERROR, _items_twice(items)), ("IMAGE_TWICE", ERROR, twice)]
    faults.append(("IMAGE_UNREADABLE", WARNING, unreadable))
    return findings_of(sorted(faults, key=lambda fault: (ERROR, WARNING, INFO).index(fault[1])))


def _place(item: OpenItem) -> str:
    return f"{item.image_id}#{item.question_id}"


# --- one question ---


def _stem(item: OpenItem) -> str | None:
    return named_in_stem(item.question)


def _measured_question(item: OpenItem) -> str | None:
    return has_measurement(item.question)


def _measured_reference(item: OpenItem) -> str | None:
    return has_measurement(item.reference_answer)


def _no_reference(item: OpenItem) -> str | None:
    return "no text" if not item.reference_answer.strip() else None


def _no_keyword(item: OpenItem) -> str | None:
    return item.question_type if not item.key_terms else None


def _values(term: str) -> tuple[StrEnum, ...]:
    """Terms that a keyword is a spelling of."""
    return tuple(mention.value for mention in mentions(term))


def _contradicting(item: OpenItem) -> str | None:
    """Two keywords of one attribute that cannot both hold; a coarser term that the reference states joins two.

    "Round to oval" states the coarser term, in other words.
    """
    stated: frozenset[StrEnum] | None = None
    for a, b in combinations(item.key_terms, 2):
        first, second = _values(a), _values(b)
        if len(first) != 1 or len(second) != 1 or type(first[0]) is not type(second[0]):
            continue
        enum = type(first[0])
        if overlap(enum, first[0].value, second[0].value):
            continue
        if stated is None:
            stated = frozenset(m.value for m in mentions(item.reference_answer))
        shared = uppers(enum, first[0].value) & uppers(enum, second[0].value)
        if shared and _is_range(item.reference_answer, {first[0], second[0]}):
            continue
        if not any(type(value) is enum and value.value in shared for value in stated):
            return f"{a} / {b}"
    return None


def _is_range(text: str, ends: set[StrEnum]) -> bool:
    """Whether a text names one of two values, "to" or "or", and the other."""
    return any(
        {one.value, other.value} == ends and _RANGE.fullmatch(text[one.end : other.start])
        for one, other in pairwise(mentions(text))
    )


def _named(term: str, text: str) -> list[Mention] | None:
    """Where a text names a keyword by any spelling; an empty list where the words stand there and are no mention."""
    values = _values(term)
    found = [m for m in mentions(text) if any(_says(m, value) for value in values)]
    if found:
        return found
    return [] if _stands(term, text) else None


def _stands(term: str, text: str) -> bool:
    """Whether a text holds the words of a keyword as they are."""
    words = r"[\W_]+".join(map(re.escape, re.findall(r"\w+", term)))
    return bool(words) and re.search(rf"(?<!\w){words}(?!\w)", text, re.IGNORECASE) is not None


def _says(mention: Mention, value: StrEnum) -> bool:
    """Whether a mention names a value, or a finer term of it."""
    if type(mention.value) is not type(value):
        return False
    return mention.value is value or value.value in uppers(type(value), mention.value.value)


def _echoed(item: OpenItem) -> str | None:
    return next((term for term in item.key_terms if _stands(term, item.question)), None)


def _denied(item: OpenItem) -> str | None:
    for term in item.key_terms:
        found = _named(term, item.reference_answer)
        if found and all(mention.negated for mention in found):
            return f"{term}: {_excerpt(item.reference_answer, found[0])}"
    return None


def _excerpt(text: str, mention: Mention, reach: int = 30) -> str:
    return f"…{text[max(0, mention.start - reach) : mention.end]}"


def _not_in_reference(item: OpenItem) -> str | None:
    return next((term for term in item.key_terms if _named(term, item.reference_answer) is None), None)


def _mask_cited(item: OpenItem) -> str | None:
    found = _MASK.search(item.question) or _MASK.search(item.reference_answer)
    return found.group() if found else None


def _path(item: OpenItem) -> str | None:
    """The path, if it names one diagnosis and the answer names the same."""
    named = values_in_path(QuestionType.DIAGNOSIS, item.image_path)
    answer = {m.value.value for m in mentions(" ; ".join((item.reference_answer, *item.key_terms)), (TumorType,))}
    return item.image_path if len(named) == 1 and named & answer else None


_FAULTS: dict[str, Callable[[OpenItem], str | None]] = {
    "STEM_NAMES_FINDING": _stem,
    "MEASUREMENT_IN_QUESTION": _measured_question,
    "MEASUREMENT_IN_REFERENCE": _measured_reference,
    "REFERENCE_EMPTY": _no_reference,
    "KEYWORDS_MISSING": _no_keyword,
    "KEYWORDS_CONTRADICT": _contradicting,
    "KEYWORD_IN_QUESTION": _echoed,
    "KEYWORD_DENIED": _denied,
    "KEYWORD_NOT_IN_REFERENCE": _not_in_reference,
    "MASK_CITED": _mask_cited,
    "ANSWER_IN_PATH": _path,
}
_LEVELS = {"KEYWORD_NOT_IN_REFERENCE": WARNING, "MASK_CITED": WARNING, "ANSWER_IN_PATH": INFO}


def _items_twice(items: Sequence[OpenItem]) -> list[str]:
    ids = Counter((item.image_id, item.question_id) for item in items)
    asked = Counter((item.image_id, item.question_type, item.question) for item in items)
    same_id = [f"{image}#{question}" for (image, question), n in ids.items() if n > 1]
    known = {image for (image, _), n in ids.items() if n > 1}
    return same_id + [f"{image}: {text}" for (image, _, text), n in asked.items() if n > 1 and image not in known]
