"""How an option looks among the others of its question, whatever it says: length, order, numbers, case, signs."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

_WORD = re.compile(r"\w+")
_NUMBER = re.compile(r"\d{1,15}(?:\.\d{1,15})?")
_BLANKS = re.compile(r"\A\s+|\s+\Z|\s{2,}|[^\S ]")


@dataclass(frozen=True)
class Looks:
    """Names of features of the options of one question.

    Attributes:
        of_option: of each option but ``None of the above``, only what differs among them.
        of_none: of ``None of the above``: what the others have in common, since it is right where none of them is odd.
    """

    of_option: tuple[tuple[str, ...], ...]
    of_none: tuple[str, ...]


def looks_of(texts: Sequence[str]) -> Looks:
    """Features of options by their looks.

    Args:
        texts: the options but ``None of the above``, in their order.

    >>> looks_of(("aa", "cc.", "bb")).of_option[1]
    ('long 2-0', 'alphabet 2-0', 'marks .', 'rest up')
    >>> looks_of(("aa", "bb", "cc")).of_none
    ('same case lower', 'same marks', 'same blanks', 'all up')
    """
    folded = [text.casefold() for text in texts]
    own: list[list[str]] = [[] for _ in texts]
    ranked: tuple[tuple[str, Sequence[Any]], ...] = (
        ("long", [len(text) for text in texts]),
        ("alphabet", folded),
        ("number", _numbers(texts)),
        ("near", _nearness(folded)),
    )
    for name, values in ranked:
        if len(set(values)) > 1:
            for row, value in zip(own, values, strict=True):
                row.append(f"{name} {sum(other < value for other in values)}-{sum(other > value for other in values)}")
    same: list[str] = []
    for name, seen in (
        ("case", [_case(text) for text in texts]),
        ("marks", [_marks(text) for text in texts]),
        ("blanks", [" ".join(map(repr, _BLANKS.findall(text))) for text in texts]),
    ):
        if len(set(seen)) > 1:
            for row, value in zip(own, seen, strict=True):
                row.append(f"{name} {value}")
        else:
            same.append(f"same {name} {seen[0] if seen else ''}".rstrip())
    for place, row in enumerate(own):
        row.append(f"rest {_order([*folded[:place], *folded[place + 1 :]])}")
    return Looks(tuple(map(tuple, own)), (*same, f"all {_order(folded)}"))


def _order(texts: Sequence[str]) -> str:
    """Whether texts stand in the order of the alphabet, or against it."""
    if all(a <= b for a, b in pairwise(texts)):
        return "up"
    return "down" if all(a >= b for a, b in pairwise(texts)) else "mixed"


def _numbers(texts: Sequence[str]) -> list[float]:
    """The first number of each option; nothing to compare where one has none."""
    found = [_NUMBER.search(text) for text in texts]
    return [float(number.group()) for number in found if number] if all(found) else []


def _nearness(texts: Sequence[str]) -> list[int]:
    """How many words an option shares with the others: wrong answers are often made from the right one."""
    words = [set(_WORD.findall(text)) for text in texts]
    return [
        sum(len(own & theirs) for other, theirs in enumerate(words) if other != place)
        for place, own in enumerate(words)
    ]


def _case(text: str) -> str:
    if text.isupper():
        return "upper"
    if text.islower():
        return "lower"
    return "title" if text.istitle() else "first" if text[:1].isupper() else "mixed"


def _marks(text: str) -> str:
    """What an option ends with if that is no letter, and whether it holds other signs."""
    end = text.rstrip()[-1:]
    signs = "".join(sorted({sign for sign in text if not sign.isalnum() and not sign.isspace()}))
    return signs if not end or end.isalnum() else f"{signs} {end}" if signs != end else end
