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
from neuroonco.vocabulary import display, term


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

    In a clause ``{value}`` is the display name, ``{lower}`` the same in lower case and ``{a_lower}`` that with its
    article.

    Attributes:
        question: the closed question of the benchmark, one for all images.
        paraphrases: the same question in other words, for instruction data.
        open_question, open_paraphrases: the same without options.
        statement: the fact as a clause.
        statements: clauses of single terms, by token, where the general one does not fit.
        statement_paraphrases: the fact as a clause in other words.
        term_paraphrases: these for single terms, by token, where the general ones do not fit.
        meanings: definitions of single terms for explanations, by token, as phrases.
        options: spellings of single terms as options, by token, where the display name does not fit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    question: str
    paraphrases: tuple[str, ...]
    open_question: str
    open_paraphrases: tuple[str, ...]
    statement: str
    statements: dict[str, str] = {}
    statement_paraphrases: tuple[str, ...]
    term_paraphrases: dict[str, tuple[str, ...]] = {}
    meanings: dict[str, str] = {}
    options: dict[str, str] = {}
    description: str
    source: str

    @property
    def stems(self) -> tuple[str, ...]:
        """All wordings of the closed question, the benchmark's first."""
        return (self.question, *self.paraphrases)

    @property
    def open_stems(self) -> tuple[str, ...]:
        """All wordings of the open question."""
        return (self.open_question, *self.open_paraphrases)

    def text_of(self, value: StrEnum) -> str:
        """Spelling of a term as an option."""
        return self.options.get(value.value) or display(value)

    def clause(self, value: StrEnum) -> str:
        """The fact as a clause that has no full stop."""
        return self._filled(self.statements.get(value.value, self.statement), value)

    def clauses(self, value: StrEnum) -> tuple[str, ...]:
        """All clauses that state the fact, that of :meth:`clause` first."""
        others = self.term_paraphrases.get(value.value, self.statement_paraphrases)
        return (self.clause(value), *(self._filled(one, value) for one in others))

    def meaning(self, value: StrEnum) -> str:
        """What a term means, as a phrase without a full stop."""
        found = self.meanings.get(value.value)
        if found is not None:
            return found
        text = term(value).description.removesuffix(".")
        return text[:1].lower() + text[1:]

    def _filled(self, template: str, value: StrEnum) -> str:
        text = self.text_of(value)
        lower = text.lower()
        article = "an" if lower[:1] in "aeiou" else "a"
        filled = template.replace("{value}", text).replace("{lower}", lower)
        return filled.replace("{a_lower}", f"{article} {lower}")


class OpenWording(BaseModel):
    """An open question about several facts.

    Attributes:
        question_type: ``Detail``, ``Location`` or ``Reasoning``.
        paraphrases: the question in other words, for instruction data; none where no instruction asks it.
        about: wordings of the facts that the answer states, in this order.
        needs: wordings without which the question is not asked.
        at_least: how many of the facts must be known.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    question_type: str
    question: str
    paraphrases: tuple[str, ...] = ()
    about: tuple[str, ...]
    needs: tuple[str, ...] = ()
    at_least: int = 1
    description: str
    source: str

    @property
    def stems(self) -> tuple[str, ...]:
        """All wordings of the question, the benchmark's first."""
        return (self.question, *self.paraphrases)


class ReasonFrames(BaseModel):
    """Sentences into which explanations of closed questions are put; the file says what the placeholders are.

    Attributes:
        plain: several options, the truth among them; also the two options of the overall impression.
        rejection: several options without the truth.
        binary: two options.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    plain: tuple[str, ...]
    rejection: tuple[str, ...] = ()
    binary: tuple[str, ...] = ()


class Wordings(BaseModel):
    """All wordings of questions, with the version and hash that travel into the manifest.

    Attributes:
        leads: sentences that may stand before a question of instruction data.
        closed: by what is asked; open: questions about several facts; reasons: by what is explained.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    leads: tuple[str, ...]
    closed: dict[str, Wording]
    open: dict[str, OpenWording]
    reasons: dict[str, ReasonFrames]
    sha256: str


@cache
def load_wordings() -> Wordings:
    """The wordings of ``questions.toml``."""
    raw = files("neuroonco.prompts").joinpath("questions.toml").read_text("utf-8")
    return Wordings(sha256=sha256_text(raw), **tomllib.loads(raw))
