"""A model for the fault server that answers readings and audits sensibly: what it says depends on the picture alone.

python tests/fault_server.py --answers model_answers:answer
"""

import hashlib
import json
import random
from typing import Any

from fault_answers import texts_of
from scripted_client import AUDIT_FIELDS, audit_text, reading_text

PATTERNS = ("Solid enhancement", "Ring enhancement", "Patchy enhancement", "No enhancement")


def answer(request: dict[str, Any]) -> str:
    """The answer to one request; both attitudes agree on most, and one slice in ten has no lesion."""
    rng = random.Random(picture_of(request))
    text = texts_of(request)
    if "You audit a label" in text:
        actions = {name: rng.choice(["KEEP", "KEEP", "KEEP", "DOWNGRADE", "ERASE"]) for name in AUDIT_FIELDS}
        return audit_text(rng.choice(["ACCEPT"] * 9 + ["REJECT"]), None, **actions)
    if rng.random() < 0.1:
        return reading_text("T2", None, lesion_found=False)
    sequence = stated_sequence(text)
    signs = {
        "shape": rng.choice(["Round", "Oval", "Lobulated", "Irregular"]),
        "margins": rng.choice(["Well-circumscribed", "Ill-defined"]),
        "texture": rng.choice(["Homogeneous", "Heterogeneous"]),
    }
    if sequence == "T1 with contrast":
        signs["enhancement"] = rng.choice(PATTERNS)
    elif sequence in ("T2", "FLAIR"):
        signs["edema"] = rng.choice(["Mild edema", "Extensive edema", "No edema"])
    if "Attitude: skeptical" in text and rng.random() < 0.2:
        signs["shape"] = "Oval"
    return reading_text(sequence, "Upper left of the image", True, **signs)


def stated_sequence(text: str) -> str:
    """The sequence that the notes state; FLAIR where they state none."""
    notes = text.rpartition("</data>")[0].rpartition("<data>")[2]
    for name in ("T1 with contrast", "T1", "T2"):
        if f" {name}." in notes:
            return name
    return "FLAIR"


def picture_of(request: dict[str, Any]) -> str:
    """Hash of the picture in a request."""
    found = []

    def collect(value: Any) -> None:
        if isinstance(value, dict):
            if isinstance(value.get("url"), str):
                found.append(value["url"])
            for inner in value.values():
                collect(inner)
        elif isinstance(value, list):
            for inner in value:
                collect(inner)

    collect(request)
    return hashlib.sha256(json.dumps(found).encode()).hexdigest()
