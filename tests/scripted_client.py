"""A model that answers from a script, and slices to ask it about."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from neuroonco.models.records import ModelAnswer, ModelCall
from neuroonco.semantics.records import DescribedSlice
from neuroonco.vocabulary import CallStatus, MRSequence, Plane, TumorType

Script = Callable[[ModelCall], str | ModelAnswer]


class ScriptedClient:
    """Answers each call by a function, or with the next of a list; remembers what it was asked.

    A text becomes an ``ok`` answer; an answer is given back as it is, but for its request hash.
    """

    def __init__(self, script: Script | list[str | CallStatus], name: str = "scripted:model") -> None:
        self.name = name
        self.calls: list[ModelCall] = []
        self.images: list[bytes | None] = []
        self._script = script
        self._listed: Iterator[str | CallStatus] = iter(script) if isinstance(script, list) else iter(())

    async def ask(self, call: ModelCall, image: bytes | None) -> ModelAnswer:
        self.calls.append(call)
        self.images.append(image)
        given: Any = next(self._listed) if isinstance(self._script, list) else self._script(call)
        digest = call.request_hash(self.name)
        if isinstance(given, ModelAnswer):
            return given.model_copy(update={"request_hash": digest, "model": self.name})
        if isinstance(given, CallStatus):
            return ModelAnswer(request_hash=digest, model=self.name, status=given, error=f"planned: {given}")
        return ModelAnswer(request_hash=digest, model=self.name, status=CallStatus.OK, text=given, attempts=1)


def described(name: str = "a", **fields: Any) -> DescribedSlice:
    """A slice whose every name says what must not be told."""
    facts: dict[str, Any] = {
        "slice_id": f"s_glioma_{name}",
        "sample_id": f"glioma_16_flair_{name}",
        "source_id": "16_glioma",
        "image_path": f"glioma/16_flair/patient_glioma_{name}.png",
        "image_sha256": "0" * 64,
        "height_px": 64,
        "width_px": 64,
        "channels": 1,
        "bit_depth": 8,
        "tumor_present": True,
        "tumor_type": TumorType.GLIOMA,
        "source_label": "glioma",
        "sequence": MRSequence.FLAIR,
        "plane": Plane.AXIAL,
        "patient_id": "glioma_7",
        "description": "An axial FLAIR brain MRI slice. The source states the diagnosis glioma.",
    }
    return DescribedSlice(**(facts | fields))


def reading_text(
    sequence: str | None = "FLAIR",
    location: str | None = "Upper left of the image",
    lesion_found: Any = True,
    **signs: Any,
) -> str:
    """A reader's answer as JSON; signs that are not named are null."""
    names = ("shape", "margins", "texture", "enhancement", "edema", "signal_intensity")
    return json.dumps(
        {
            "meta_info": {
                "predicted_modality": sequence,
                "predicted_location": location,
                "lesion_found": lesion_found,
            },
            "structured_signs": {name: signs.get(name) for name in names},
        }
    )


AUDIT_FIELDS = (
    *("predicted_modality", "predicted_location", "shape", "margins", "texture", "enhancement", "edema"),
    "signal_intensity",
)


def audit_text(decision: str = "ACCEPT", findings: Any = None, **actions: Any) -> str:
    """An auditor's answer as JSON; actions that are not named are null."""
    return json.dumps(
        {
            "final_decision": decision,
            "field_actions": {name: actions.get(name) for name in AUDIT_FIELDS},
            "additional_findings": findings,
        }
    )


def permits(schema: dict[str, Any], value: Any) -> bool:
    """Whether a strict schema, as ours are, permits a value; a word that it does not know is an error."""
    unknown = schema.keys() - {"type", "properties", "required", "additionalProperties", "anyOf", "enum"}
    assert not unknown, unknown
    if "anyOf" in schema:
        return any(permits(branch, value) for branch in schema["anyOf"])
    kind = {"object": dict, "string": str, "boolean": bool, "null": type(None)}[schema["type"]]
    if not isinstance(value, kind) or ("enum" in schema and value not in schema["enum"]):
        return False
    if kind is not dict:
        return True
    fields = schema["properties"]
    return value.keys() == fields.keys() and all(permits(fields[name], value[name]) for name in fields)
