"""Words of a model card: text from data that is no markup, and what became of questions."""

import html
import re
from collections.abc import Mapping
from typing import Final

from neuroonco.errors import printable

MARKUP: Final = re.compile(r"([\\`*_\[\]|~#!$])")
LOST: Final = {
    "unparsed": "unreadable",
    "refused": "refused",
    "api_error": "failed",
    "missing_image": "without their picture",
    "missing": "missing",
    "conflicting": "contradictory",
    "invalid_letter": "with a letter that was not offered",
}
"""What became of questions without a valid answer, in words."""


def escaped(value: object) -> str:
    r"""Text as a Markdown page shows it literally, on one line.

    >>> print(escaped("a|b <script> [x](http://y) *z*"))
    a\|b &lt;script&gt; \[x\](http\://y) \*z\*
    """
    text = MARKUP.sub(r"\\\1", html.escape(printable(str(value)), quote=False))
    return text.replace("://", r"\://")


def lost_words(counts: Mapping[str, int]) -> str:
    """Counts of questions without a valid answer, in words.

    >>> lost_words({"unparsed": 1440, "api_error": 2})
    '1,440 unreadable, 2 failed'
    """
    return ", ".join(f"{n:,} {LOST.get(name, name)}" for name, n in counts.items())
