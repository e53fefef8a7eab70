"""JSON schemas that every provider's strict mode takes: all fields required, nothing else, null said with anyOf.

The order of the fields is the order in which an endpoint that enforces the schema lets them be written, so it is kept.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from neuroonco.models.records import AnswerSchema


def schema_of(name: str, fields: Mapping[str, Any]) -> AnswerSchema:
    """The schema of an object as text without spaces; equal fields in equal order have equal hashes.

    Args:
        name: letters, digits and underscores.
        fields: schema of each field, by name.
    """
    return AnswerSchema(name=name, document=json.dumps(object_with(fields), separators=(",", ":")))


def object_with(fields: Mapping[str, Any]) -> dict[str, Any]:
    """An object with exactly these fields."""
    return {
        "type": "object",
        "properties": dict(fields),
        "required": list(fields),
        "additionalProperties": False,
    }


def one_of(words: Sequence[str]) -> dict[str, Any]:
    """One of some texts."""
    return {"type": "string", "enum": list(words)}


def or_null(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The same, or null."""
    return {"anyOf": [dict(schema), {"type": "null"}]}
