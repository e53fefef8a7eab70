"""Places in the picture that are told from its center: "slightly left of the center", "the middle of the lower third".

The vocabulary knows the cells of the grid by name. Here is what names one by two words apart, and what names none
although "central" is in it: "posterior central", where the direction is one of anatomy.
"""

import re
from collections.abc import Iterator

from neuroonco.vocabulary import ImageRegion

_UP, _DOWN = frozenset({"upper", "top", "above", "high"}), frozenset({"lower", "bottom", "below", "low"})
_CENTER = r"(?:cent(?:er|re)|middle)"
_PART = r"(?:part|portion|third|half|side|area|region|aspect|section|edge)"
_OF_PICTURE = r"(?:\s+of\s+the\s+(?:image|picture|slice|scan|frame|brain))?"
_OF_LESION = rf"(?!{_OF_PICTURE}\s+of\s+(?:the|its?|this)\s+(?:\w+\s+)?(?:lesion|tumou?r|mass|core|largest))"
_PATTERNS: tuple[re.Pattern[str], ...] = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\b(?:(?P<v>upper|lower|top|bottom|above|below)(?:\s+and\s+(?:slightly\s+)?(?:to\s+the\s+)?|[\s\-]+))?"
        rf"(?P<h>left|right)\s+of\s+(?:the\s+)?(?:(?:image|picture|exact|very)\s+)?{_CENTER}\b{_OF_LESION}",
        rf"\b(?P<v>above|below)\s+(?:the\s+)?(?:(?:image|picture|exact|very)\s+)?{_CENTER}\b{_OF_LESION}",
        rf"\b(?P<v>high|low)\s+in\s+the\s+{_CENTER}\b",
        rf"\b(?:in|at|near|of)\s+the\s+(?:{_CENTER}|central\s+{_PART})\s+of\s+the\s+"
        rf"(?:(?P<v>upper|lower|top|bottom)|(?P<h>left|right))\s+(?:{_PART}|edge|border)\b",
        rf"\b(?:(?P<v>upper|lower|top|bottom)|(?P<h>left|right))\s+{_PART}{_OF_PICTURE},?\s+(?:and\s+)?"
        rf"(?:central(?:ly)?\b|at\s+mid[\s\-]height\b|in\s+the\s+{_CENTER}\b(?!\s+of))",
    )
)
_CORNER = re.compile(r"\b(?:upper|lower|top|bottom)[\s\-]+(?:left|right)\b(?!\s+of)", re.IGNORECASE)
"""Says more than "left of the center" beside it, which then names no cell of its own."""
_NEAR_CHARS = 80
_OFF_CENTER = re.compile(
    r"\boff[\s\-]*cent(?:er|re)(?:ed)?,?\s+(?:slightly\s+)?(?:to|toward|towards)\s+the\s+(?P<h>left|right)\b"
    r"(?![\s\-]+(?:upper|lower|top|bottom))",
    re.IGNORECASE,
)
_ANATOMY = r"(?:anterior|posterior|superior|inferior|ventral|dorsal|frontal|occipital|parietal|temporal)(?:ly)?"
_NO_PLACE = re.compile(
    rf"\b{_ANATOMY}[\s\-]+central(?:ly)?\b|\bcentral(?:ly)?[\s\-]+{_ANATOMY}\b"
    rf"|\b(?:in|at|near)\s+the\s+(?:{_CENTER}|central\s+{_PART})\s+of\s+the\s+(?:(?:left|right)\s+)?(?:\w+\s+)?"
    r"(?:hemisphere|lobe|lesion|cerebellum|ventricle)\b",
    re.IGNORECASE,
)


def places(spoken: str) -> Iterator[tuple[str | None, int, int]]:
    """Token, start and end of each place; no token for words that name no place in the picture.

    >>> [token for token, *_ in places("It lies slightly left of the center, in the posterior central region.")]
    ['center_left', None]
    >>> list(places("Left of the center of the lesion there is a cyst."))
    []
    """
    for pattern in _PATTERNS:
        for match in pattern.finditer(spoken):
            said = {name: (word or "").lower() for name, word in match.groupdict().items()}
            vertical, horizontal = said.get("v", ""), said.get("h", "")
            around = max(0, match.start() - _NEAR_CHARS), match.end() + _NEAR_CHARS
            names_less = not (vertical and horizontal) and _CORNER.search(spoken, *around)
            yield None if names_less else _cell(vertical, horizontal), match.start(), match.end()
    for match in _OFF_CENTER.finditer(spoken):
        yield f"{match['h'].lower()}_side", match.start(), match.end()
    for match in _NO_PLACE.finditer(spoken):
        yield None, match.start(), match.end()


def _cell(vertical: str, horizontal: str) -> str:
    row = "upper" if vertical in _UP else "lower" if vertical in _DOWN else "center"
    return ImageRegion(f"{row}_{horizontal or 'center'}").value
