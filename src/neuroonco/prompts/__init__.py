"""Prompts and question wordings: versioned files, the same for every model.

A prompt is a Markdown file with a TOML head between ``+++`` lines::

    +++
    version = "1"
    description = "what it is for"
    +++
    text with {placeholders}
"""

import tomllib
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict

from neuroonco.errors import UsageError
from neuroonco.store import sha256_text


class Prompt(BaseModel):
    """One versioned prompt.

    Attributes:
        sha256: of the whole file; it travels into the manifest and the call ledger.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    version: str
    description: str
    text: str
    sha256: str


@cache
def load_prompts() -> dict[str, Prompt]:
    """All shipped prompts by name, sorted."""
    found = {}
    for entry in sorted(files("neuroonco.prompts").iterdir(), key=lambda e: e.name):
        if entry.name.endswith(".md"):
            raw = entry.read_text("utf-8")
            _, head, text = raw.split("+++", 2)
            name = entry.name.removesuffix(".md")
            found[name] = Prompt(name=name, text=text.strip(), sha256=sha256_text(raw), **tomllib.loads(head))
    return found


def prompt(name: str) -> Prompt:
    """One prompt.

    Raises:
        UsageError: no such prompt.
    """
    prompts = load_prompts()
    if name not in prompts:
        raise UsageError("PROMPT_UNKNOWN", f"no prompt {name!r}", fix=f"use one of {', '.join(prompts)}")
    return prompts[name]
