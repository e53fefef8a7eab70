"""The collections we know: one TOML a collection, read here and nowhere else.

>>> source("01").labels["no_tumor"]
<TumorType.HEALTHY: 'healthy'>
"""

import tomllib
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from pydantic import ValidationError

from neuroonco.errors import InputError, UsageError
from neuroonco.sources.patterns import composed, is_side_file
from neuroonco.sources.propose import propose
from neuroonco.sources.shapes import PathShape, path_shapes, shapes_of
from neuroonco.sources.spec import Exclusion, LayoutRule, MaskRule, Reader, SourceSpec

__all__ = [
    "Exclusion",
    "LayoutRule",
    "MaskRule",
    "PathShape",
    "Reader",
    "SourceSpec",
    "composed",
    "is_side_file",
    "load_sources",
    "parse_source",
    "path_shapes",
    "propose",
    "require_layout",
    "shapes_of",
    "source",
]


def parse_source(text: str, where: str) -> SourceSpec:
    """Read the TOML of one source.

    Raises:
        InputError: not TOML, an unknown key, a missing or wrong value; one line with its place.
    """
    try:
        return SourceSpec.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise InputError("SOURCE_INVALID", f"not TOML: {error}", where=where) from None
    except ValidationError as error:
        raise InputError("SOURCE_INVALID", _first_fault(error), where=where, fix="see docs/sources.md") from None


def _first_fault(error: ValidationError) -> str:
    """The first thing that is wrong, with its place and what would be right."""
    found = error.errors(include_url=False)
    first, place = found[0], _place(found[0]["loc"])
    if first["type"] in ("enum", "literal_error"):
        # A union of terms fails once for each of its members; together they say what is allowed.
        allowed = ", ".join(e["ctx"]["expected"] for e in found if _place(e["loc"]) == place and "ctx" in e)
        return f"{place}: {first['input']!r} is none of {allowed.replace(' or ', ', ')}"
    what = "no such key" if first["type"] == "extra_forbidden" else first["msg"].removeprefix("Value error, ")
    return f"{place}: {what}" if place else what


def _place(loc: tuple[int | str, ...]) -> str:
    is_member = str(loc[-1]).startswith(("str-enum[", "literal[")) if loc else False
    return ".".join(str(part) for part in (loc[:-1] if is_member else loc))


def load_sources(folder: Path | None = None) -> dict[str, SourceSpec]:
    """All declared sources by id, in order of their ids.

    Args:
        folder: holds further TOMLs; one with the id of a source of the package takes its place.

    Raises:
        InputError: the folder cannot be read, a TOML is wrong, or two of one folder have the same id.
    """
    return dict(sorted((_shipped() | ({} if folder is None else _declared_in(folder))).items()))


@cache
def _shipped() -> dict[str, SourceSpec]:
    return _parse_all((f"sources/{entry.name}", entry) for entry in _by_name(files("neuroonco.sources")))


def _declared_in(folder: Path) -> dict[str, SourceSpec]:
    try:
        entries = _by_name(folder)
    except OSError as error:
        what = error.strerror or "unreadable"
        raise InputError("SOURCES_UNREADABLE", what, where=str(folder), fix="pass a folder of TOML files") from None
    if not entries:
        raise InputError("SOURCES_EMPTY", "no TOML files in here", where=str(folder), fix="see docs/sources.md")
    return _parse_all((str(folder / entry.name), entry) for entry in entries)


def _by_name(folder: Traversable) -> list[Traversable]:
    return sorted((entry for entry in folder.iterdir() if entry.name.endswith(".toml")), key=lambda entry: entry.name)


def _parse_all(entries: Iterable[tuple[str, Traversable]]) -> dict[str, SourceSpec]:
    found: dict[str, SourceSpec] = {}
    for where, entry in entries:
        try:
            text = entry.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError("SOURCE_INVALID", f"cannot be read as text: {error}", where=where) from None
        spec = parse_source(text, where)
        if spec.id in found:
            raise InputError("SOURCE_TWICE", f"id {spec.id!r} is declared twice", where=where)
        found[spec.id] = spec
    return found


def source(source_id: str, folder: Path | None = None) -> SourceSpec:
    """One source.

    Args:
        source_id: its id.
        folder: see :func:`load_sources`.

    Raises:
        UsageError: no such source.
        InputError: see :func:`load_sources`.
    """
    sources = load_sources(folder)
    if source_id not in sources:
        known = ", ".join(sources)
        raise UsageError("SOURCE_UNKNOWN", f"no source {source_id!r}", fix=f"use one of {known}")
    return sources[source_id]


def require_layout(spec: SourceSpec) -> None:
    """Refuse a source whose folders nobody has described yet.

    Raises:
        InputError: the source has no layout; the message names what is missing.
    """
    if not spec.layout:
        raise InputError(
            "SOURCE_NO_LAYOUT",
            f"source {spec.id} ({spec.name}) is declared without [[layout]] rules: {spec.layout_note}",
            fix="describe its folders under [[layout]], see docs/sources.md",
        )
