"""Prompts and question wordings: versioned files, the same for every model.

A prompt is a Markdown file with a TOML head between ``+++`` lines::

    +++
    version = "1"
    description = "what it is for"
    +++
    text with {placeholders}

What several prompts share, and the words of the vocabulary, are filled in when a prompt is loaded, see
:mod:`neuroonco.prompts.expand`; what a request is about is filled in by :func:`neuroonco.prompts.render.render`. The
wordings of questions are in ``questions.toml``.
"""

import tomllib
from enum import StrEnum
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict

from neuroonco.errors import UsageError
from neuroonco.prompts.expand import expand
from neuroonco.store import sha256_text
from neuroonco.vocabulary import display


class Prompt(BaseModel):
    """One versioned prompt.

    Attributes:
        text: with its shared parts and the words of the vocabulary filled in.
        sha256: of the file and of that text; it travels into the manifest and the call ledger.
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
    raws: dict[str, str] = {}
    for entry in sorted(files("neuroonco.prompts").iterdir(), key=lambda e: e.name):
        if entry.name.endswith(".md"):
            raws[entry.name.removesuffix(".md")] = entry.read_text("utf-8")
    parts = {name: raw.split("+++", 2) for name, raw in raws.items()}
    texts = {name: text.strip() for name, (_, _, text) in parts.items()}
    found = {}
    for name, (_, head, _) in parts.items():
        text = expand(texts[name], texts)
        found[name] = Prompt(name=name, text=text, sha256=sha256_text(raws[name], text), **tomllib.loads(head))
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


class Wording(BaseModel):
    """How one kind of fact is asked for and stated.

    Attributes:
        question: the closed question.
        open_question: the same as an open question.
        statement: the fact as a clause; ``{value}`` is the display name, ``{lower}`` the same in lower case.
        statements: clauses of single terms, by token, where the general one does not fit.
        options: spellings of single terms as options, by token, where the display name does not fit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    question: str
    open_question: str
    statement: str
    statements: dict[str, str] = {}
    options: dict[str, str] = {}
    description: str
    source: str

    def text_of(self, value: StrEnum) -> str:
        """Spelling of a term as an option."""
        return self.options.get(value.value) or display(value)

    def clause(self, value: StrEnum) -> str:
        """The fact as a clause that begins in lower case and has no full stop."""
        text = self.text_of(value)
        template = self.statements.get(value.value, self.statement)
        return template.replace("{value}", text).replace("{lower}", text.lower())


class OpenWording(BaseModel):
    """An open question about several facts.

    Attributes:
        question_type: ``Detail``, ``Location`` or ``Reasoning``.
        about: wordings of the facts that the answer states, in this order.
        needs: wordings without which the question is not asked.
        at_least: how many of the facts must be known.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    question_type: str
    question: str
    about: tuple[str, ...]
    needs: tuple[str, ...] = ()
    at_least: int = 1
    description: str
    source: str


class Wordings(BaseModel):
    """All wordings of questions, with the version and hash that travel into the manifest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    closed: dict[str, Wording]
    open: dict[str, OpenWording]
    sha256: str


@cache
def load_wordings() -> Wordings:
    """The wordings of ``questions.toml``."""
    raw = files("neuroonco.prompts").joinpath("questions.toml").read_text("utf-8")
    return Wordings(sha256=sha256_text(raw), **tomllib.loads(raw))
