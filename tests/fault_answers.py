"""Valid answers of a model that has seen nothing: a function of the request, by its JSON schema or by its text."""

import hashlib
import json
import random
from typing import Any

Schema = dict[str, Any]
VOLATILE = ("stream", "user", "metadata")
SIGNS = ("shape", "margins", "texture", "enhancement", "edema", "signal_intensity")


def request_hash(body: dict[str, Any], path: str = "/v1/chat/completions") -> str:
    """Hash of a request's content, in canonical form and without what may differ between equal requests."""
    kept = {key: value for key, value in body.items() if key not in VOLATILE}
    text = path + json.dumps(kept, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def texts_of(request: dict[str, Any]) -> str:
    """All text of a request, one turn after the other, without pictures."""
    found: list[str] = []

    def collect(value: Any) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                if key in ("text", "content", "system") and isinstance(inner, str):
                    found.append(inner)
                elif key not in ("response_format", "output_config"):
                    collect(inner)
        elif isinstance(value, list):
            for inner in value:
                collect(inner)

    collect(request)
    return "\n".join(found)


def schema_of(request: dict[str, Any]) -> dict[str, Any] | None:
    """The JSON schema that a request asks for, in either dialect."""
    for path in (
        ("response_format", "json_schema", "schema"),
        ("output_config", "format", "schema"),
    ):
        value: Any = request
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        if isinstance(value, dict):
            return value
    return None


def _facts(rng: random.Random) -> dict[str, Any]:
    """A lesion whose signs its sequence can show, and an audit of it, by the names of fields in the prompts."""
    sequence = rng.choice(["T1", "T1_Contrast", "T2", "FLAIR"])
    with_contrast, shows_edema = sequence == "T1_Contrast", sequence in ("T2", "FLAIR")
    return {
        "predicted_modality": sequence,
        "predicted_location": rng.choice(["Upper-Left", "Upper-Right", "Center", "Center-Left", "Lower-Right"]),
        "lesion_found": "True",
        "shape": rng.choice(["Round", "Oval", "Lobulated", "Irregular"]),
        "margins": rng.choice(["Well-circumscribed", "Ill-defined"]),
        "texture": rng.choice(["Homogeneous", "Heterogeneous"]),
        "enhancement": rng.choice(["Solid", "Ring", "Absent"]) if with_contrast else None,
        "edema": rng.choice(["Mild", "Extensive", "Absent"]) if shows_edema else None,
        "signal_intensity": None if with_contrast else rng.choice(["Hyperintense", "Hypointense", None]),
        "final_decision": "ACCEPT",
        "additional_findings": None,
    }


def valid_answer(request: dict[str, Any]) -> str:
    """A valid answer as a function of the request: by its schema, else by what its text asks for."""
    rng = random.Random(request_hash(request))
    facts, text, schema = _facts(rng), texts_of(request), schema_of(request)
    audited = "final_decision" in text or "final_decision" in json.dumps(schema)
    if schema is not None:
        return json.dumps(_instance(schema, schema, facts, rng, None, audited))
    if audited:
        fields = ("predicted_modality", "predicted_location", *SIGNS)
        actions = {name: rng.choice(["KEEP", "KEEP", "DOWNGRADE", "ERASE"]) for name in fields}
        return json.dumps({"final_decision": "ACCEPT", "field_actions": actions, "additional_findings": None})
    meta = {name: facts[name] for name in ("predicted_modality", "predicted_location", "lesion_found")}
    return json.dumps({"meta_info": meta, "structured_signs": {name: facts[name] for name in SIGNS}})


def _instance(schema: Schema, root: Schema, facts: Schema, rng: random.Random, name: str | None, audited: bool) -> Any:
    """A value that a JSON schema permits; of those, the fact of that name where it is one."""
    for branch in (schema.get("anyOf") or schema.get("oneOf"), schema.get("allOf")):
        if branch:
            known = [b for b in branch if _permits(b, root, facts.get(name or ""))]
            schema = (known or branch)[0]
    while "$ref" in schema:
        schema = _resolved(schema, root)
    if name in facts and _permits(schema, root, facts[name]):
        return facts[name]
    if "const" in schema or "enum" in schema:
        choices = [schema["const"]] if "const" in schema else schema["enum"]
        return "KEEP" if audited and "KEEP" in choices else rng.choice(choices)
    kinds = schema.get("type", "object" if "properties" in schema else "string")
    kind = kinds[0] if isinstance(kinds, list) else kinds
    if kind == "object":
        inner = schema.get("properties", {})
        return {key: _instance(inner[key], root, facts, rng, key, audited) for key in inner}
    if kind == "array":
        items = schema.get("prefixItems") or [schema.get("items", {})] * schema.get("minItems", 0)
        return [_instance(item, root, facts, rng, None, audited) for item in items]
    if kind in ("number", "integer"):
        low, high = schema.get("minimum", 0), schema.get("maximum", 1)
        return rng.randint(low, high) if kind == "integer" else round(rng.uniform(low, high), 2)
    return {"boolean": True, "null": None}.get(kind, "nothing else")


def _resolved(schema: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    found: Any = root
    for key in schema["$ref"].removeprefix("#/").split("/"):
        found = found[key]
    return dict(found)


def _permits(schema: dict[str, Any], root: dict[str, Any], value: Any) -> bool:
    while "$ref" in schema:
        schema = _resolved(schema, root)
    if branches := schema.get("anyOf") or schema.get("oneOf"):
        return any(_permits(branch, root, value) for branch in branches)
    if "const" in schema:
        return bool(schema["const"] == value)
    if "enum" in schema:
        return value in schema["enum"]
    kinds = schema.get("type")
    if value is None:
        return kinds == "null" or (isinstance(kinds, list) and "null" in kinds)
    return isinstance(value, str) and (kinds == "string" or (isinstance(kinds, list) and "string" in kinds))
