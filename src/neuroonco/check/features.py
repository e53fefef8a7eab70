"""What the option ranker knows of an option: texts, letters and what stands beside it; never the image or its path."""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

from neuroonco.build.records import ClosedItem

OptionFeatures = Callable[[ClosedItem], list[list[str]]]
_WORD = re.compile(r"\w+")


def option_features(item: ClosedItem) -> list[list[str]]:
    """Names of the features of each option of a question, in the order of its options.

    By question type: the option's text, its letter, its words, which of them no other option has, each other option
    beside it, and all options together. The question's own words count with the option that they may point to.
    """
    kind = item.question_type.value
    texts = [option.text for option in item.options]
    together = "|".join(sorted(texts))
    words = [_words(text) for text in texts]
    rows = []
    for place, (option, own) in enumerate(zip(item.options, words, strict=True)):
        text = option.text
        elsewhere = {word for other, theirs in enumerate(words) if other != place for word in theirs}
        rows.append(
            [
                f"text|{kind}|{text}",
                f"letter|{kind}|{option.letter}",
                f"question|{item.question}|{' '.join(own)}",
                f"together|{kind}|{text}|{together}",
                *(f"word|{kind}|{word}" for word in own),
                *(f"{'shared' if word in elsewhere else 'alone'}|{kind}|{word}" for word in own),
                *(f"beside|{kind}|{text}|{other}" for other in sorted(set(texts)) if other != text),
            ]
        )
    return rows


@lru_cache(maxsize=4096)
def _words(text: str) -> tuple[str, ...]:
    return tuple(sorted(set(_WORD.findall(text.casefold().replace("_", " ")))))


def with_siblings(items: Sequence[ClosedItem]) -> Iterator[list[list[str]]]:
    """As :func:`option_features`, and which other questions the image has, with their options, not their answers.

    Args:
        items: all questions of an image stand together.
    """
    start = 0
    while start < len(items):
        stop = start
        while stop < len(items) and items[stop].image_id == items[start].image_id:
            stop += 1
        for place in range(start, stop):
            beside = sorted({name for other in range(start, stop) if other != place for name in _offers(items[other])})
            item = items[place]
            kind = item.question_type.value
            rows = option_features(item)
            for option, row in zip(item.options, rows, strict=True):
                row.extend(f"sibling|{kind}|{option.text}|{name}" for name in beside)
            yield rows
        start = stop


def _offers(item: ClosedItem) -> list[str]:
    kind = item.question_type.value
    return [kind, *(f"{kind}|{option.text}" for option in item.options)]
