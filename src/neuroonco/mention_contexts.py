"""When an everyday word names a term: the rules of ``vocabulary/contexts.toml``, applied to the words around it."""

import re
import tomllib
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict

REACH_WORDS = 6
"""How far a deciding noun or a negation may stand from a word; further away it mostly belongs to another finding."""
COMMA_WORDS = 3
"""A comma counts as so many words: "edema present, enhancement absent"."""
_WORD = re.compile(r"[A-Za-z0-9+]+")
_SENTENCE_END = re.compile(r"[.;!?\n](?:\s|$)")
_NEGATORS = frozenset(
    ("no", "not", "non", "without", "neither", "nor", "never", "lacks", "lacking", "lack", "absence", "than", "instead")
)
_NEGATION_ENDS = frozenset(("and", "but", "however", "with", "which", "although", "while"))
_NOT_WHAT_STANDS_BEFORE = frozenset(("than", "instead"))


class Context(BaseModel):
    """When some spellings of a group count; the fields are explained in ``contexts.toml``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    group: str | None = None
    spellings: tuple[str, ...]
    alone: bool = False
    nouns: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    not_before: tuple[str, ...] = ()
    not_after: tuple[str, ...] = ()
    reason: str


class Noun(BaseModel):
    """Nouns that say that a finding is there, or not."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    group: str
    spellings: tuple[str, ...]
    reason: str


class Claims(BaseModel):
    """What turns such a noun into a claim, and what may stand between."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cues: tuple[str, ...]
    fillers: tuple[str, ...]
    reason: str


class Contexts(BaseModel):
    """The file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    nouns: dict[str, tuple[str, ...]]
    context: tuple[Context, ...]
    noun: tuple[Noun, ...]
    claims: tuple[Claims, ...]


@cache
def load_contexts() -> Contexts:
    """The rules of ``contexts.toml``."""
    raw = files("neuroonco.vocabulary").joinpath("contexts.toml").read_text("utf-8")
    return Contexts.model_validate(tomllib.loads(raw))


@cache
def _noun_groups() -> dict[str, str]:
    return {word: group for group, words in load_contexts().nouns.items() for word in words}


class Words:
    """The words of a text, with where they are and what separates them.

    Attributes:
        words: in lower case; ``+`` is a letter (T1C+).
        spans: start and end in the text.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        matches = list(_WORD.finditer(text))
        self.words = [match.group().lower() for match in matches]
        self.spans = [match.span() for match in matches]

    def gap(self, i: int) -> str:
        """What stands between word ``i`` and the next one."""
        return self.text[self.spans[i][1] : self.spans[i + 1][0]]

    def around(self, start: int, end: int, step: int) -> list[tuple[str, int]]:
        """Words of the sentence beside the words ``start`` to ``end``, nearest first, with their distance."""
        found: list[tuple[str, int]] = []
        distance = 0
        i = end - 1 if step > 0 else start
        while True:
            gap_at = i if step > 0 else i - 1
            i += step
            if not 0 <= i < len(self.words) or _SENTENCE_END.search(self.gap(gap_at)):
                return found
            distance += 1 + COMMA_WORDS * ("," in self.gap(gap_at))
            if distance > REACH_WORDS + COMMA_WORDS:
                return found
            found.append((self.words[i], distance))


def allowed(context: Context, words: Words, start: int, end: int) -> bool:
    """Whether the words ``start`` to ``end`` name a term, by one rule."""
    if context.alone:
        return False
    before = [word for word, _ in words.around(start, end, -1)[:2]]
    after = [word for word, _ in words.around(start, end, 1)[:2]]
    joined = [word for word, distance in words.around(start, end, 1)[:2] if distance <= 2]  # up to a comma
    if any(word in context.not_before for word in before[:1]) or any(word in context.not_after for word in joined):
        return False
    if not (context.nouns or context.before or context.after):
        return True
    if before and (before[0] in context.before or " ".join(reversed(before)) in context.before):
        return True
    if after and after[0] in context.after:
        return True
    return bool(context.nouns) and nearest_noun(words, start, end) in context.nouns


def nearest_noun(words: Words, start: int, end: int) -> str | None:
    """Group of the nearest attribute noun; of two as near, the one that follows."""
    groups = _noun_groups()
    best: tuple[int, int, str] | None = None
    for side, step in ((0, 1), (1, -1)):
        for word, distance in words.around(start, end, step):
            if word in groups and distance <= REACH_WORDS:
                found = (distance, side, groups[word])
                best = found if best is None or found < best else best
                break
    return None if best is None else best[2]


def denied(words: Words, start: int, end: int) -> bool:
    """Whether a negation governs the words ``start`` to ``end``.

    A comma and words like "and" end a negation, but for "rather than" and "instead of".
    """
    ended = False
    last = 0
    for word, distance in words.around(start, end, -1):
        ended = ended or distance - last > 1
        last = distance
        if word in _NEGATORS and (not ended or word in _NOT_WHAT_STANDS_BEFORE):
            return True
        ended = ended or word in _NEGATION_ENDS
    return False


def noun_claim(words: Words, start: int, end: int) -> bool | None:
    """What the bare noun says: True that its finding is there, False that it is not, None neither."""
    after = [word for word, _ in words.around(start, end, 1)[:3]]
    if denied(words, start, end) or after[:2] in (["is", "not"], ["not", "seen"]):
        return False
    claims = load_contexts().claims[0]
    previous = words.around(start, end, -1)
    for place, (word, _) in enumerate(previous):
        pair = f"{previous[place + 1][0]} {word}" if place + 1 < len(previous) else ""
        if word in claims.cues or pair in claims.cues:
            return True
        if word not in claims.fillers:
            return None
    return None
