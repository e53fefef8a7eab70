r"""Read the chosen option from a model's reply; fail closed.

Three things name an option: a reply or line that is nothing but the option (and perhaps its reason), a marked statement
("the answer is C", "Final: C", ``\boxed{C}``, ``{"answer": "C"}``), and a reply of one plain sentence ("This is most
likely a meningioma."). Everything else is prose: a letter or a tumor's name inside it is never taken as a choice. If
what is named is not exactly one offered option, the reply is unreadable, and the score says so.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from neuroonco.predict.parse_context import is_first_idea, is_of_other_kind, is_own_choice, is_own_label, leaves_open
from neuroonco.predict.parse_marks import (
    CONCLUDES,
    CONDITION,
    CORRECTS,
    FINAL,
    GOES_THROUGH,
    HEADED,
    LINE_START,
    LISTED,
    MARKER,
    NEGATION,
    OPTION_WORD,
    OPTIONS_FOLLOW,
    PLAIN_SENTENCE,
    SAID_CORRECT,
    TAKES_BACK,
)
from neuroonco.predict.parse_markup import plain
from neuroonco.predict.parse_options import CUT, MAX_STATEMENT_CHARS, Options
from neuroonco.predict.parse_tail import takes_away
from neuroonco.predict.parse_text import spoken

UNSETTLED = frozenset({"?"})
"""Beside the option of a statement that may not be the last word, so that it names no single one."""
HEADING_CHARS = 80
LISTED_LETTERS = 3
"""Lines that name so many options one by one are a list of options, not a choice."""


def read_letter(text: str, letters: Sequence[str], texts: Mapping[str, str]) -> str | None:
    r"""The option that a reply chooses, or None unless it names exactly one that is offered.

    ``E`` is returned only where the reply says "E" or spells its text; it is never inferred from a refusal.

    Args:
        text: the reply as it came.
        letters: offered letters, upper case.
        texts: text of each offered letter.

    >>> offered = {"A": "Glioma", "B": "Meningioma", "C": "Metastasis", "E": "None of the above"}
    >>> chosen = "(C)", "A large lesion; the answer is C", "meningioma."
    >>> [read_letter(reply, "ABCE", offered) for reply in chosen]
    ['C', 'C', 'B']
    >>> unclear = "Unable to answer", "B or C", "C. Glioma", "(e.g. check quota)"
    >>> [read_letter(reply, "ABCE", offered) for reply in unclear]
    [None, None, None, None]
    """
    said = spoken(text)
    told = plain(said) if said else None
    if not told:
        return None
    options = Options(letters, texts)
    named = _named(told, options)
    if len(named) != 1:
        return None
    (letter,) = named
    return letter if letter in options.letters else None


class _Statement(NamedTuple):
    """Where a reply names options.

    Attributes:
        at, end: places in the reply.
        is_final: it says so, or stands in a box, a tag or a field for the answer.
    """

    at: int
    end: int
    named: frozenset[str]
    is_final: bool = False


def _named(told: str, options: Options) -> frozenset[str]:
    marked = list(_marked(told, options))
    lines, listed = _lines(told, options)
    one_by_one = _union(lines)
    if len(one_by_one | listed) >= min(LISTED_LETTERS, len(options.letters)) and marked:
        lines = []  # a repeated list of the options says nothing beside a marked choice
    statements = _corrected(told, sorted([*marked, *lines], key=lambda statement: statement.at))
    if not statements:
        return frozenset() if listed else _of_sentence(told, options)
    behind = statements[-1].end
    if TAKES_BACK.search(told, behind) or (not marked and _begins_a_list(told, lines[0], options)):
        return frozenset()
    # Options discussed one by one: the line that happens to be bare is not thereby the choice.
    named = _union(statements) | (frozenset() if marked else listed)
    return frozenset() if len(named) == 1 and options.denied(next(iter(named)), told[behind:]) else named


def _begins_a_list(told: str, line: "_Statement", options: Options) -> bool:
    """Whether a line is the first of the options that the reply says it will go through, and was cut off in."""
    is_first = line.named == frozenset(sorted(options.letters)[:1])
    before = told[: line.at]
    return is_first and bool(GOES_THROUGH.search(before) or OPTIONS_FOLLOW.search(before[-HEADING_CHARS:]))


def _union(statements: Sequence[_Statement]) -> frozenset[str]:
    return frozenset(letter for statement in statements for letter in statement.named)


def _marked(told: str, options: Options) -> Iterator[_Statement]:
    for match in MARKER.finditer(told):
        at = match.start()
        if leaves_open(told, at) or not _is_own(told, match):
            continue
        if named := options.named(_statement(told, match.end()), whole=False):
            is_final = FINAL.search(told, max(0, at - len("final ")), match.end()) is not None
            yield _Statement(at, match.end(), _settled(told, at, named, is_final), is_final)
    for match in CONCLUDES.finditer(told):
        if match["letter"].isupper() and not leaves_open(told, match.start()):
            yield _Statement(match.start(), match.end(), _settled(told, match.start(), frozenset(match["letter"])))
    for match in SAID_CORRECT.finditer(told):
        if match["before"] or leaves_open(told, match.start()):
            continue
        if not takes_away(_statement(told, match.end()), is_text=False):
            yield _Statement(match.start(), match.end(), _settled(told, match.start(), frozenset(match["letter"])))


def _is_own(told: str, match: re.Match[str]) -> bool:
    if match["choose"]:
        return is_own_choice(told, match.start())
    return match["label"] is None or is_own_label(told, match.start(), match["label"])


def _settled(told: str, at: int, named: frozenset[str], is_final: bool = False) -> frozenset[str]:
    return named | UNSETTLED if not is_final and is_first_idea(told, at) else named


def _lines(told: str, options: Options) -> tuple[list[_Statement], frozenset[str]]:
    """Lines that are an option, and the letters of those that discuss one."""
    lines, listed, at, heading = [], set(), 0, ""
    for raw in told.split("\n"):
        # As it stands first: "> 1 cm" may be an option, or "1 cm" behind the mark of a quotation.
        line = LINE_START.sub("", raw).strip()
        if named := options.named(raw.strip(), whole=True) or options.named(line, whole=True):
            if not _is_headed_otherwise(heading):
                lines.append(_Statement(at, at + 1, named))
        elif match := LISTED.match(line):
            listed.add(match["letter"])
        at += len(raw) + 1
        heading = line or heading
    return lines, frozenset(listed) & options.letters


def _is_headed_otherwise(heading: str) -> bool:
    """Whether the line above ends with a colon, and says that what follows is not the choice: "Rejected options:"."""
    if not heading.endswith(":"):
        return False
    label = HEADED.search(heading)
    return leaves_open(heading, len(heading) - 1) or (
        label is not None and not is_own_label(heading, label.start(), label.group())
    )


def _corrected(told: str, statements: Sequence[_Statement]) -> list[_Statement]:
    """Statements without those that a later one corrects in so many words, or that stand before a final one."""
    kept: list[_Statement] = []
    seen_final = False
    for statement in statements:
        if kept and kept[-1].named != statement.named:
            is_first_final = statement.is_final and not seen_final
            if is_first_final or CORRECTS.search(told, kept[-1].end - 1, statement.end):
                kept = []
        seen_final = seen_final or statement.is_final
        kept.append(statement)
    return kept


def _of_sentence(told: str, options: Options) -> frozenset[str]:
    """What a reply of one plain sentence says with the text of an option; never "None of the above"."""
    match = PLAIN_SENTENCE.match(told) if len(told) <= MAX_STATEMENT_CHARS else None
    if match is None or match["rest"].casefold().startswith("the "):
        return frozenset()
    before = told[: match.start("rest")]
    if is_of_other_kind(before) or leaves_open(told, len(before)):
        return frozenset()
    if NEGATION.search(before) or CONDITION.search(before) or options.others(before, frozenset()):
        return frozenset()
    if lettered := OPTION_WORD.match(match["rest"]):
        return frozenset(lettered["letter"])
    spelled, tail = options.spelled(match["rest"])
    return spelled - options.none if not tail.strip(" .!") else frozenset()


def _statement(told: str, start: int) -> str:
    """From a marker to the end of its line, or of what is read of it."""
    end = told.find("\n", start, start + MAX_STATEMENT_CHARS)
    if end >= 0:
        return told[start:end]
    rest = told[start : start + MAX_STATEMENT_CHARS]
    return rest if start + MAX_STATEMENT_CHARS >= len(told) else rest + CUT
