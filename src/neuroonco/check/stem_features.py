"""What a question's own words may point to: an option's words, or a letter."""

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from neuroonco.build.records import ClosedItem, Option

FREQUENT = 50
"""A question asked so often teaches by itself; of a rarer one the words and signs are looked at one by one."""
MOST = 9
"""Counts of signs are told apart up to here."""
_WORD = re.compile(r"[^\W_]+")
_BLANKS = re.compile(r"\s{2,}|[^\S ]")


class StemFeatures:
    """The questions that are tried, and which of their words can teach anything.

    A word that only one question of its type has cannot be learned; one that all have tells nothing.
    """

    def __init__(self, items: Sequence[ClosedItem]) -> None:
        """Count questions and their words.

        Args:
            items: all questions that are tried.
        """
        self._asked = Counter((item.question_type.value, item.question) for item in items)
        self._of_type = Counter(item.question_type.value for item in items)
        self._words: Counter[tuple[str, str]] = Counter()
        for (kind, question), n in self._asked.items():
            for word in _words(question):
                self._words[kind, word] += n

    def whole(self, item: ClosedItem, option: Option) -> list[str]:
        """The question as it is worded, with an option's words."""
        return [f"question|{item.question}|{_joined(option.text)}"] if self._times(item) > 1 else []

    def traces(self, item: ClosedItem, option: Option) -> list[str]:
        """The question with the option's letter; of a rare one its words and signs, with the option and its letter."""
        kind, question, times = item.question_type.value, item.question, self._times(item)
        found = [f"question|{question}|@{option.letter}"] if times > 1 else []
        if times < FREQUENT:
            text = _joined(option.text)
            for token in self._tokens(kind, question):
                found += [f"asks|{kind}|{token}|{text}", f"asks|{kind}|{token}|@{option.letter}"]
        return found

    def _times(self, item: ClosedItem) -> int:
        return self._asked[item.question_type.value, item.question]

    def _tokens(self, kind: str, question: str) -> list[str]:
        words = [word for word in _words(question) if 1 < self._words[kind, word] < self._of_type[kind]]
        return words + _signs(question)


@lru_cache(maxsize=4096)
def _joined(text: str) -> str:
    return " ".join(_words(text))


def _words(text: str) -> list[str]:
    return sorted(set(_WORD.findall(text.casefold())))


def _signs(question: str) -> list[str]:
    """What the eye skips: how long a question is, its blanks, its punctuation, its capitals."""
    plain = question.rstrip()
    blanks = [len(run) for run in _BLANKS.findall(question)]
    punctuation = [sign for sign in question if not sign.isalnum() and not sign.isspace()]
    return [
        f"~words {min(len(question.split()), 4 * MOST)}",
        f"~blanks {min(sum(blanks), MOST)}",
        f"~behind {min(len(question) - len(plain), MOST)}",
        f"~signs {min(len(punctuation), MOST)} {plain[-1:] if not plain[-1:].isalnum() else ''}",
        f"~capitals {min(sum(letter.isupper() for letter in question), MOST)}",
    ]
