"""Keywords on whole words, with precision, and less what repeating the question scores.

The reference system asks which of a question's keywords occur in an answer. Listing all keywords of the benchmark, or
repeating the question, then scores. Here a keyword is a whole word, every keyword of the benchmark that an answer
holds beside those of the question costs precision, and the score of the question's own text is subtracted.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from neuroonco.build.records import OpenItem


@dataclass(frozen=True)
class Keywords:
    """All keywords of a benchmark.

    Attributes:
        by_type: keywords of all questions of one type, folded.
    """

    by_type: dict[str, frozenset[str]]

    @classmethod
    def of(cls, items: Iterable[OpenItem]) -> "Keywords":
        """Collect the keywords of a benchmark."""
        found: dict[str, set[str]] = {}
        for item in items:
            found.setdefault(item.question_type, set()).update(wanted(item))
        return cls({kind: frozenset(words) for kind, words in found.items()})

    def f1(self, item: OpenItem, answer: str) -> float | None:
        """Harmonic mean of precision and recall of an answer's keywords.

        Returns:
            0 to 1; None for a question without keywords.
        """
        right = wanted(item)
        if not right:
            return None
        named = keywords_in(answer, tuple(sorted(self.by_type[item.question_type])))
        return 2 * len(right & named) / (len(right) + len(named))


def fold(text: str) -> str:
    """Case, spaces and hyphens do not matter.

    >>> fold("  Well-circumscribed ")
    'well circumscribed'
    """
    return " ".join(re.findall(r"[^\W_]+", text.casefold()))


def wanted(item: OpenItem) -> frozenset[str]:
    """A question's keywords, folded."""
    return frozenset(word for term in item.key_terms if (word := fold(term)))


def keywords_in(text: str, keywords: Sequence[str]) -> frozenset[str]:
    """Keywords that stand in a text as whole words; a keyword within a longer one that stands there counts as well.

    >>> sorted(keywords_in("An Upper-Left, irregularly shaped tumor.", ("upper left", "irregular", "tumor", "left")))
    ['left', 'tumor', 'upper left']
    """
    folded = f" {fold(text)} "
    return frozenset(word for word in keywords if f" {word} " in folded)


def mean_recall(items: Sequence[OpenItem], answers: Sequence[str], *, whole_words: bool) -> float | None:
    """Mean share of a question's keywords that occur in its answer: the reference system's figure, for comparison.

    Args:
        items: questions; those without keywords are left out.
        answers: in the same order.
        whole_words: False: anywhere, also within a word, as there.
    """
    shares = []
    for item, answer in zip(items, answers, strict=True):
        words = wanted(item)
        if words:
            named = keywords_in(answer, sorted(words)) if whole_words else {w for w in words if w in answer.casefold()}
            shares.append(len(named) / len(words))
    return sum(shares) / len(shares) if shares else None
