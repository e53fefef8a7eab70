"""Path patterns of a source's layout: readable templates with named fields, compiled to anchored expressions.

A pattern is a path relative to the source's folder. ``{field}`` takes one or more characters up to ``/`` or up to
the character that follows the field in the pattern; ``{number}`` takes digits, ``{stem}`` the rest of a file name
and ``{ext}`` the ending of an image, in any case. A field that comes twice must have the same text both times. A
field whose name starts with ``_`` is read over. ``**`` as a whole segment stands for any folders, or, at the end,
for everything below.

No repetition lies inside another one, so that a hostile file name cannot make matching slow.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from neuroonco.errors import InputError
from neuroonco.images import IMAGE_SUFFIXES

FIELDS = ("label", "split", "sequence", "plane", "patient", "number", "stem", "ext")
"""Names a field may have, besides those that start with ``_``."""

_PARTS = re.compile(r"\{([^{}]*)\}|([^{}]+)")
_ENDINGS = "|".join(suffix.removeprefix(".") for suffix in IMAGE_SUFFIXES)


@dataclass(frozen=True)
class PathPattern:
    """A compiled pattern.

    Attributes:
        text: as written.
        fields: names of its fields.
    """

    text: str
    fields: frozenset[str]
    regex: re.Pattern[str]

    def match(self, path: str) -> dict[str, str] | None:
        """The fields of a path, or None if the pattern does not describe the whole path."""
        found = self.regex.fullmatch(path)
        return None if found is None else found.groupdict()

    def fill(self, fields: Mapping[str, str]) -> str:
        """The path that the pattern describes for these fields."""
        return _PARTS.sub(lambda part: fields[part[1]] if part[1] else part[2], self.text)


@cache
def compile_pattern(text: str) -> PathPattern:
    """Compile a pattern.

    Raises:
        InputError: unknown field, two fields without text between them, a stray brace or ``*``.

    >>> compile_pattern("{split}/{label}/{stem}.{ext}").match("Training/no_tumor/image(1).JPG")
    {'split': 'Training', 'label': 'no_tumor', 'stem': 'image(1)', 'ext': 'JPG'}
    >>> compile_pattern("{split}/{label}/{stem}.{ext}").match("Training/x/y/1.jpg") is None
    True
    """
    segments = text.split("/")
    if not text or "" in segments or ".." in segments or "." in segments:
        raise _invalid(text, "a pattern is a relative path")
    if segments.count("**") > 1:
        raise _invalid(text, "`**` may come once")
    seen: set[str] = set()
    expression = ""
    for position, segment in enumerate(segments):
        last = position == len(segments) - 1
        if segment == "**":
            expression += ".+" if last else "(?:[^/]+/)*"
        else:
            expression += _segment_regex(segment, seen, text) + ("" if last else "/")
    return PathPattern(text, frozenset(seen), re.compile(expression, re.DOTALL))


def _segment_regex(segment: str, seen: set[str], text: str) -> str:
    parts = list(_PARTS.finditer(segment))
    if "".join(part[0] for part in parts) != segment or "*" in segment:
        raise _invalid(text, "a stray brace or `*`")
    expression, after_stem = "", False
    for part, following in zip(parts, [*parts[1:], None], strict=True):
        if part[2] is not None:
            expression += re.escape(part[2])
            continue
        name = part[1]
        if name not in FIELDS and not re.fullmatch(r"_[a-z]+", name):
            raise _invalid(text, f"unknown field {{{name}}}; known: {', '.join(FIELDS)} and _anything")
        if following is not None and following[2] is None:
            raise _invalid(text, f"no text between {{{name}}} and {following[0]}")
        if after_stem and name != "ext":
            raise _invalid(text, f"only {{ext}} may follow {{stem}} in a segment, not {{{name}}}")
        after_stem = after_stem or name == "stem"
        stop = following[2][0] if following is not None else ""
        expression += f"(?P={name})" if name in seen else f"(?P<{name}>{_field_regex(name, stop)})"
        seen.add(name)
    return expression


def _field_regex(name: str, stop: str) -> str:
    if name == "ext":
        return f"(?i:{_ENDINGS})"
    if name == "number":
        return "[0-9]+"
    return "[^/]+" if name == "stem" else f"[^/{re.escape(stop)}]+"


def _invalid(text: str, what: str) -> InputError:
    return InputError("PATTERN_INVALID", what, where=text, fix="see docs/sources.md")
