"""Which words a pair may be made of: ours, those of its label's terms, and a list of neutral ones.

A list of what is forbidden is never complete; what stands on no list here is unknown, and an unknown word may be a
finding. What this cannot do: words that are allowed one by one may still say together what is not so.
"""

import re
import string
import tomllib
from collections.abc import Iterable
from enum import StrEnum
from functools import cache, lru_cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict

from neuroonco.prompts import load_wordings
from neuroonco.vocabulary import TumorType, coarsenings, display
from neuroonco.vocabulary.recoder import group_of, spellings

_WORD = re.compile(r"[a-z0-9+]+(?:'[a-z]+)?")


class AllowedWords(BaseModel):
    """The file ``allowed_words.toml``; what its fields are stands there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    neutral: str
    questions: str
    answers: str
    explanations: str
    about: dict[str, str]
    asking: dict[str, str]
    values: dict[str, str]
    alternatives: dict[str, tuple[str, ...]]


@cache
def load_allowed() -> AllowedWords:
    """The lists."""
    raw = files("neuroonco.build.instruct").joinpath("allowed_words.toml").read_text("utf-8")
    return AllowedWords.model_validate(tomllib.loads(raw))


def words_of(texts: Iterable[str]) -> frozenset[str]:
    """Words in lower case, without a possessive s.

    >>> sorted(words_of(["The lesion's T1C+ signal", "ill-defined"]))
    ['defined', 'ill', 'lesion', 'signal', 't1c+', 'the']
    """
    found = (w for text in texts for w in _WORD.findall(text.lower().replace("\u2019", "'")))
    return frozenset(w.removesuffix("'s").removesuffix("'") for w in found)


def unknown_word(text: str, allowed: frozenset[str]) -> str | None:
    """The first word of a text, in its order, that is not allowed.

    >>> unknown_word("The lesion is purple.", frozenset(("the", "lesion", "is")))
    'purple'
    """
    missing = words_of([text]) - allowed
    return min(missing, key=text.lower().find) if missing else None


# --- questions ---


@lru_cache(maxsize=64)
def words_of_questions(names: tuple[str, ...], subtype: str | None) -> frozenset[str]:
    """Words that a question may be made of.

    Args:
        names: wordings in ``questions.toml`` that ask for the fact.
        subtype: of an open question about several facts (``detail``, ``reasoning``); None for one fact.
    """
    lists, wordings = load_allowed(), load_wordings()
    texts = [lists.neutral, lists.questions, *wordings.leads]
    for name in names:
        texts += [lists.asking.get(name, ""), *wordings.closed[name].stems, *wordings.closed[name].open_stems]
    if subtype is not None:
        texts += [s for one in wordings.open.values() if one.question_type.lower() == subtype for s in one.stems]
    return words_of(texts)


@cache
def own_questions() -> frozenset[str]:
    """Our own questions, word for word: with and without a lead."""
    wordings = load_wordings()
    stems = [s for one in wordings.closed.values() for s in (*one.stems, *one.open_stems)]
    stems += [s for one in wordings.open.values() for s in one.stems]
    return frozenset([*stems, *(f"{lead} {stem}" for lead in wordings.leads for stem in stems)])


def without_alternatives(question: str) -> str:
    """A question without the choices that it may offer, which tell nothing.

    >>> without_alternatives("Is this slice normal or abnormal overall?")
    'Is this slice   overall?'
    """
    pattern = _alternatives()
    return pattern.sub(" ", question)


@cache
def _alternatives() -> re.Pattern[str]:
    phrases = sorted(load_allowed().alternatives["phrases"], key=len, reverse=True)
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, phrases))})\b", re.IGNORECASE)


# --- answers ---


@lru_cache(maxsize=4096)
def words_of_answers(facts: tuple[tuple[str, StrEnum], ...], explained: str | None) -> frozenset[str]:
    """Words that an answer may be made of.

    Args:
        facts: what it may speak of: the wording of each fact with its value.
        explained: wording of the closed question that it explains; None for an open one.
    """
    found = _neutral_in_answers(explained)
    for name, value in facts:
        found |= _words_of_fact(name, value)
    return found


_FRAMES = ("attribute", "place", "modality", "diagnosis", "impression", "described")
_FRAMES_OF = {"location": "place", "location_in_head": "place", "modality": "modality", "diagnosis": "diagnosis",
    "diagnosis_binary": "impression", None: "described"}  # fmt: skip


@cache
def _neutral_in_answers(explained: str | None) -> frozenset[str]:
    lists, reasons = load_allowed(), load_wordings().reasons
    texts = [lists.neutral, lists.answers, *([lists.explanations] if explained is not None else [])]
    for name, frames in reasons.items():
        kind = next((one for one in _FRAMES if name.startswith(one)), None)  # one that is not known here serves all
        if kind in (None, _FRAMES_OF.get(explained, "attribute")):
            texts += [_literal(frame) for frame in (*frames.plain, *frames.rejection, *frames.binary)]
    return words_of(texts)


@lru_cache(maxsize=256)
def _words_of_fact(name: str, value: StrEnum) -> frozenset[str]:
    lists, wording = load_allowed(), load_wordings().closed[name]
    texts = [lists.about.get(name, ""), *wording.clauses(value), wording.meaning(value)]
    same = [value, *coarsenings(value)]
    if isinstance(value, TumorType) and value is not TumorType.HEALTHY:
        same.append(TumorType.TUMOR)
    for one in same:
        texts += [display(one), wording.text_of(one), lists.values.get(f"{group_of(type(one))}.{one.value}", "")]
        texts += [text for text, token in _spelled(type(one)) if token is one]
    return words_of(texts)


@cache
def _spelled(enum: type[StrEnum]) -> tuple[tuple[str, StrEnum], ...]:
    return tuple(spellings(enum).items())


def _literal(frame: str) -> str:
    """A frame without its placeholders."""
    return " ".join(text for text, *_ in string.Formatter().parse(frame) if text)


# --- what our frames deny ---

DENIES = re.compile(
    r"\b(?:no|not|non|none|nothing|nor|neither|never|without|cannot|\w+n't|hardly|scarcely|barely|few|far from"
    r"|dismiss\w*|doubt\w*|wrong\w*|unlikely|instead|rarely|seldom|except\w*|apart|lack\w*|absent|absence|fail\w*|exclud\w*|refut\w*"
    r"|rul(?:e|es|ed|ing) out|rather than|otherwise|surpris\w*|if|unless|whether|could|may|might|perhaps|possibl\w*)\b",
    re.IGNORECASE,
)
"""What denies something, or takes it back by halves."""
PROVES = re.compile(r"\bprov(?:e|es|ed|ing|en)\b", re.IGNORECASE)
_LEAST_WORDS = 4
"""A shorter piece of a frame ("is not") would excuse what is not ours."""


@cache
def _own_denials() -> re.Pattern[str]:
    pieces: set[str] = set()
    for frames in load_wordings().reasons.values():
        for frame in (*frames.plain, *frames.rejection, *frames.binary):
            for text, *_ in string.Formatter().parse(frame):
                pieces.add(text.strip(" .,;:()"))
    for wording in load_wordings().closed.values():
        pieces.update(wording.statements.values(), *wording.term_paraphrases.values())
    kept = [
        p for p in pieces if "{" not in p and (DENIES.search(p) or PROVES.search(p)) and len(p.split()) >= _LEAST_WORDS
    ]
    ordered = sorted(kept, key=lambda p: (-len(p), p))
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, ordered))})", re.IGNORECASE) if ordered else re.compile(r"(?!)")


def without_own_denials(text: str) -> str:
    """A text without the denials that our own frames make, such as that features prove no diagnosis."""
    return _own_denials().sub(" ", text)
