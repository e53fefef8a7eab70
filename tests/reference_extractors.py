"""The reference system's two extractors of a letter, written anew from a description of what they do.

They are kept to be measured on the same replies as our parser; nothing else uses them.
"""

import re

_LETTERS = re.compile(r"[A-E]")
_WORDS = re.compile(r"\b[A-E]\b")


def last_letter(reply: str) -> str | None:
    """The extractor of its evaluators of local models: the last character from A to E, in a word or not.

    >>> last_letter("Unable to answer"), last_letter("glioma")
    ('E', 'A')
    """
    found = _LETTERS.findall(reply.upper())
    return found[-1] if found else None


def first_letter(reply: str) -> str | None:
    """The extractor of its evaluators of served models: the first A to E that stands alone, article or not.

    >>> first_letter("A large lesion, so the answer is C"), first_letter("(e.g. check quota)")
    ('A', 'E')
    """
    found = _WORDS.search(reply.upper())
    return found.group() if found else None
