"""What an explanation of a sequence says of the brightness of tissues, held against ``tissues.toml``."""

import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from neuroonco.vocabulary import MRSequence

_COPULA = frozenset(
    [
        "is",
        "are",
        "appears",
        "appear",
        "stays",
        "stay",
        "looks",
        "look",
        "remains",
        "remain",
        "seems",
        "seem",
        "has",
        "have",
        "shows",
        "show",
        "being",
        "very",
        "rather",
        "clearly",
        "also",
        "still",
        "the",
        "a",
        "of",
        "that",
        "while",
    ]
)
_JOINS = frozenset((",", "and", "the", "or"))
_AGENT = re.compile(r"\bgadolinium\b|\bagents?\b|\benhanc\w*", re.IGNORECASE)
_BRIGHTNESS = ("bright", "dark", "brighter", "darker")


class Shown(BaseModel):
    """What one sequence shows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bright: frozenset[str]
    dark: frozenset[str]
    ordered: frozenset[tuple[str, str]]


class Tissues(BaseModel):
    """The file ``tissues.toml``; what its fields are stands there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    source: str
    agent: frozenset[MRSequence]
    tissues: dict[str, tuple[str, ...]]
    brightness: dict[str, tuple[str, ...]]
    sequence: dict[MRSequence, Shown]


@cache
def load_tissues() -> Tissues:
    """The table."""
    raw = files("neuroonco.build.instruct").joinpath("tissues.toml").read_text("utf-8")
    return Tissues.model_validate(tomllib.loads(raw))


class _Token(NamedTuple):
    kind: str  # "tissue", one of _BRIGHTNESS, or "word"
    text: str


def against_physics(text: str, sequence: MRSequence) -> str | None:
    """The first words about brightness or contrast agent that the table does not hold for a sequence; None if all hold.

    >>> against_physics("Cerebrospinal fluid is bright and gray matter is brighter than white matter.", MRSequence.T2)
    >>> against_physics("It shows dark cerebrospinal fluid.", MRSequence.T2)
    'dark fluid'
    >>> against_physics("White matter is brighter than gray matter.", MRSequence.FLAIR)
    'white brighter gray'
    >>> against_physics("Something is bright.", MRSequence.T1)
    'bright'
    """
    table = load_tissues()
    if sequence not in table.agent and (agent := _AGENT.search(text)) is not None:
        return agent.group()
    for sentence in re.split(r"[.;:!?()]", text):
        wrong = _wrong(_tokens(sentence.lower()), table.sequence[sequence])
        if wrong is not None:
            return wrong
    return None


@cache
def _scanner() -> tuple[re.Pattern[str], dict[str, _Token]]:
    table = load_tissues()
    known = {phrase: _Token("tissue", name) for name, phrases in table.tissues.items() for phrase in phrases}
    known |= {phrase: _Token(name, name) for name, phrases in table.brightness.items() for phrase in phrases}
    known |= {"high signal": _Token("bright", "bright"), "low signal": _Token("dark", "dark")}
    phrases = "|".join(map(re.escape, sorted(known, key=len, reverse=True)))
    return re.compile(rf"\b(?:{phrases})\b|[a-z0-9]+|,"), known


def _tokens(sentence: str) -> list[_Token]:
    pattern, known = _scanner()
    return [known.get(found, _Token("word", found)) for found in pattern.findall(sentence)]


def _wrong(tokens: list[_Token], shown: Shown) -> str | None:
    for i, (kind, text) in enumerate(tokens):
        if kind not in _BRIGHTNESS:
            # "brighter" without "than" compares with nothing
            if kind == "word" and text in ("brighter", "darker", "brightest", "darkest", "lighter", "whiter"):
                return text
            continue
        if kind in ("brighter", "darker"):
            before, after = _before(tokens, i), _after(tokens, i)[:1]
            if not before or not after:
                return kind
            for one in before:
                pair = (one, after[0]) if kind == "brighter" else (after[0], one)
                if pair not in shown.ordered:
                    return f"{one} {kind} {after[0]}"
            continue
        of = _before(tokens, i) or _after(tokens, i)
        if not of:
            return text
        for one in of:
            if one not in (shown.bright if kind == "bright" else shown.dark):
                return f"{kind} {one}"
    return None


def _before(tokens: list[_Token], i: int) -> list[str]:
    """Tissues of which the word at ``i`` is said: those in a row that end before it."""
    j = i - 1
    while j >= 0 and tokens[j].kind == "word" and tokens[j].text in _COPULA:
        j -= 1
    found: list[str] = []
    while j >= 0:
        if tokens[j].kind == "tissue":
            # "bright fluid and gray matter is ...": the first tissue has its own word
            if found and j > 0 and tokens[j - 1].kind in _BRIGHTNESS:
                break
            found.append(tokens[j].text)
            if j > 0 and tokens[j - 1].kind in _BRIGHTNESS and tokens[i].kind in ("bright", "dark"):
                return []
        elif tokens[j].text not in _JOINS:
            break
        j -= 1
    return found


def _after(tokens: list[_Token], i: int) -> list[str]:
    """Tissues in a row that begin after the word at ``i``, up to one of which something else is said."""
    found: list[str] = []
    for j in range(i + 1, len(tokens)):
        kind, text = tokens[j]
        if kind == "tissue":
            following = next((t for t in tokens[j + 1 :]), None)
            own = following is not None and (
                following.kind in _BRIGHTNESS or following.text in ("is", "are", "appears")
            )
            if found and own:
                break
            found.append(text)
        elif text not in _JOINS and text not in ("that", "of", "normal"):
            break
    return found
