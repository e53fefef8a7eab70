"""What a prompt takes from elsewhere: shared parts, and words of the vocabulary, so that they are written once.

``{include:NAME}`` stands for the text of another prompt, ``{values:GROUP}`` for the terms of a group with their
meaning, ``{names:GROUP}`` for their names alone, ``{readable_on:SIGN}`` for the sequences that can show a sign, and
``{coarser_values}`` for what each term may be coarsened to.
"""

import re
from collections.abc import Callable, Mapping
from enum import StrEnum

from neuroonco.vocabulary import SIGN_VALUES, MRSequence, Sign, assessable, coarser, display, enum_of, term

_MARK = re.compile(r"\{(?:(include|values|names|readable_on):([a-z_]+)|(coarser_values))\}")


def expand(text: str, texts: Mapping[str, str]) -> str:
    """Fill in everything that does not depend on what is asked.

    Args:
        text: of a prompt.
        texts: name -> text of each prompt, for inclusion; a part may include further ones.

    Raises:
        KeyError: a part, group or sign that there is not.

    >>> expand("{names:margins}; {readable_on:edema}", {})
    '"Well-circumscribed", "Ill-defined"; "T2" or "FLAIR"'
    """

    def fill(found: re.Match[str]) -> str:
        if found[3]:
            return coarser_values()
        if found[1] == "include":
            return expand(texts[found[2]], texts)
        return _FILLERS[found[1]](found[2])

    return _MARK.sub(fill, text)


def coarser_values() -> str:
    """One line for each term of a sign that has a declared coarser one."""
    terms: list[StrEnum] = [value for values in SIGN_VALUES.values() for value in values]
    pairs = [(value, upper) for value in terms if (upper := coarser(value)) is not None]
    return "\n".join(f"     {_quoted(value)} becomes {_quoted(upper)}" for value, upper in pairs)


def _values(group: str) -> str:
    return "\n".join(f"- {_quoted(value)}: {term(value).description}" for value in enum_of(group))


def _names(group: str) -> str:
    return ", ".join(_quoted(value) for value in enum_of(group))


def _readable_on(sign: str) -> str:
    *others, last = [_quoted(sequence) for sequence in MRSequence if assessable(Sign(sign), sequence)]
    return f"{', '.join(others)} or {last}" if others else last


def _quoted(value: StrEnum) -> str:
    return f'"{display(value)}"'


_FILLERS: dict[str, Callable[[str], str]] = {"values": _values, "names": _names, "readable_on": _readable_on}
