"""Path patterns of a source's layout: readable templates with named fields, compiled to anchored expressions.

A pattern is a path relative to the source's folder. ``{field}`` takes one or more characters up to ``/`` or up to
the character that follows the field in the pattern; ``{field*}`` may hold that character too and takes as much as it
can. ``{number}`` takes digits, ``{stem}`` the rest of a file name and ``{ext}`` the ending of an image, in any case.
A field that comes twice must have the same text both times. A field whose name starts with ``_`` is read over. ``**``
as a whole segment stands for any folders, or, at the end, for everything below.

No repetition lies inside another one, so that a hostile file name cannot make matching slow.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from neuroonco.errors import InputError
from neuroonco.images import IMAGE_SUFFIXES

FIELDS = ("label", "split", "sequence", "plane", "patient", "number", "stem", "ext")
"""Names a field may have, besides those that start with ``_``."""
FOLDERS = "**"
"""Key under which a match holds the folders that ``**`` stood for, with a slash at the end."""

_PARTS = re.compile(r"\{([^{}]*)\}|([^{}]+)")
_FOLDERS_GROUP = "_F"
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
        if found is None:
            return None
        fields = found.groupdict()
        if _FOLDERS_GROUP in fields:
            fields[FOLDERS] = fields.pop(_FOLDERS_GROUP)
        return fields

    def fill(self, fields: Mapping[str, str]) -> str:
        """The path that the pattern describes for these fields."""
        inside = self.text.removeprefix("**/")
        folders = fields[FOLDERS] if inside != self.text else ""
        return folders + _PARTS.sub(lambda part: fields[part[1].removesuffix("*")] if part[1] else part[2], inside)


@cache
def compile_pattern(text: str) -> PathPattern:
    """Compile a pattern.

    Raises:
        InputError: unknown field, two fields without text between them, a stray brace or ``*``.

    >>> compile_pattern("{split}/{label}/{stem}.{ext}").match("Training/no_tumor/image(1).JPG")
    {'split': 'Training', 'label': 'no_tumor', 'stem': 'image(1)', 'ext': 'JPG'}
    >>> compile_pattern("{split}/{label}/{stem}.{ext}").match("Training/x/y/1.jpg") is None
    True
    >>> compile_pattern("**/{label*} {sequence}/{number}.{ext}").match("archive/Glioma (low grade) T1C+/7.png")
    {'label': 'Glioma (low grade)', 'sequence': 'T1C+', 'number': '7', 'ext': 'png', '**': 'archive/'}
    """
    segments = text.split("/")
    if not text or "" in segments or ".." in segments or "." in segments:
        raise _invalid(text, "a pattern is a relative path")
    last_segment = len(segments) - 1
    if any(segment == "**" and 0 < position < last_segment for position, segment in enumerate(segments)):
        raise _invalid(text, "`**` may stand at the beginning and at the end")
    seen: set[str] = set()
    expression = ""
    for position, segment in enumerate(segments):
        last = position == last_segment
        if segment == "**" and last:
            expression += ".+"
        elif segment == "**":
            seen.add(FOLDERS)
            expression += f"(?P<{_FOLDERS_GROUP}>(?:[^/]+/)*)"
        else:
            expression += _segment_regex(segment, seen, text) + ("" if last else "/")
    return PathPattern(text, frozenset(seen), re.compile(expression, re.DOTALL))


def _segment_regex(segment: str, seen: set[str], text: str) -> str:
    parts = list(_PARTS.finditer(segment))
    if "".join(part[0] for part in parts) != segment or "*" in _PARTS.sub(r"\2", segment):
        raise _invalid(text, "a stray brace or `*`")
    expression, after_stem, starred = "", False, 0
    for part, following in zip(parts, [*parts[1:], None], strict=True):
        if part[2] is not None:
            expression += re.escape(part[2])
            continue
        name = part[1].removesuffix("*")
        starred += part[1].endswith("*")
        if name not in FIELDS and not re.fullmatch(r"_[a-z]+", name):
            raise _invalid(text, f"unknown field {{{name}}}; known: {', '.join(FIELDS)} and _anything")
        if following is not None and following[2] is None:
            raise _invalid(text, f"no text between {{{name}}} and {following[0]}")
        if after_stem and name != "ext":
            raise _invalid(text, f"only {{ext}} may follow {{stem}} in a segment, not {{{name}}}")
        if starred > 1 or (part[1].endswith("*") and name in ("number", "stem", "ext")):
            raise _invalid(text, "one field of a segment may have a `*`, and no number, stem or ext")
        after_stem = after_stem or name == "stem"
        stop = following[2][0] if following is not None and not part[1].endswith("*") else ""
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


def composed(text: str) -> str:
    """A spelling with its accents as single characters: archives unpacked elsewhere may hold them apart.

    >>> composed("Ati\u0301pico") == "At\u00edpico"
    True
    """
    return unicodedata.normalize("NFC", text)


def is_side_file(path: str) -> bool:
    """A file that macOS puts beside another one in an archive; it has an image's name and is none.

    >>> is_side_file("__MACOSX/yes/Y1.jpg"), is_side_file("yes/._Y1.jpg"), is_side_file("yes/Y1.jpg")
    (True, True, False)
    """
    folders, _, name = path.rpartition("/")
    return name.startswith("._") or "__MACOSX" in folders.split("/")
