"""The collections we know: one TOML a collection, read here and nowhere else.

>>> source("01").labels["no_tumor"]
<TumorType.HEALTHY: 'healthy'>
"""

import tomllib
from functools import cache
from importlib.resources import files

from pydantic import ValidationError

from neuroonco.errors import InputError, UsageError
from neuroonco.sources.spec import Exclusion, LayoutRule, MaskRule, SourceSpec

__all__ = [
    "Exclusion",
    "LayoutRule",
    "MaskRule",
    "SourceSpec",
    "load_sources",
    "parse_source",
    "require_layout",
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
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        what = "no such key" if first["type"] == "extra_forbidden" else first["msg"].removeprefix("Value error, ")
        raise InputError(
            "SOURCE_INVALID", f"{place}: {what}" if place else what, where=where, fix="see docs/sources.md"
        ) from None


@cache
def load_sources() -> dict[str, SourceSpec]:
    """All declared sources by id, in order of their ids.

    Raises:
        InputError: a TOML is wrong, or two have the same id.
    """
    found: dict[str, SourceSpec] = {}
    for entry in sorted(files("neuroonco.sources").iterdir(), key=lambda e: e.name):
        if entry.name.endswith(".toml"):
            where = f"sources/{entry.name}"
            spec = parse_source(entry.read_text("utf-8"), where)
            if spec.id in found:
                raise InputError("SOURCE_TWICE", f"id {spec.id!r} is declared twice", where=where)
            found[spec.id] = spec
    return dict(sorted(found.items()))


def source(source_id: str) -> SourceSpec:
    """One source.

    Raises:
        UsageError: no such source.
    """
    sources = load_sources()
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
