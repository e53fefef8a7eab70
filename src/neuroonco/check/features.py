"""What the option ranker knows of an option: texts, letters and what stands beside it; never the image or its path."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from neuroonco.build.records import ClosedItem, Option, is_none
from neuroonco.check.looks import looks_of
from neuroonco.check.stem_features import StemFeatures

_WORD = re.compile(r"\w+")


def option_features(item: ClosedItem, stems: StemFeatures) -> list[list[str]]:
    """Names of the features of each option of a question, in the order of its options.

    By question type: the option's text, its letter, its words, which of them no other option has, each other option
    beside it, all options together, and how it looks among the others. The question counts with the option's words.

    Args:
        item: a question.
        stems: of all questions that are tried.
    """
    rows = [list(row) for row in _of_options(item.question_type.value, item.options)]
    for option, row in zip(item.options, rows, strict=True):
        row.extend(stems.whole(item, option))
    return rows


def trace_features(item: ClosedItem, stems: StemFeatures) -> list[list[str]]:
    """Names of further features of each option: many and seldom worth anything, so that they are tried apart.

    The option's text at its letter; which of two options stands first; the question with the letter; and of a rare
    question each word and sign with the option's words and with the letter.

    Args:
        item: a question.
        stems: of all questions that are tried.
    """
    kind = item.question_type.value
    texts = [option.text for option in item.options]
    rows = [[f"at|{kind}|{option.text}|{option.letter}", *stems.traces(item, option)] for option in item.options]
    real = [place for place, text in enumerate(texts) if not is_none(text)]
    for first, one in enumerate(real):
        for other in real[first + 1 :]:
            # On both: where others keep an order of their own, an option that breaks it is in each pair that does.
            name = f"order|{kind}|{texts[one]}|{texts[other]}"
            rows[one].append(name)
            rows[other].append(name)
    return rows


@lru_cache(maxsize=4096)
def _of_options(kind: str, options: tuple[Option, ...]) -> tuple[tuple[str, ...], ...]:
    """What the options tell without their question: most questions share theirs with others."""
    texts = [option.text for option in options]
    real = [place for place, text in enumerate(texts) if not is_none(text)]
    together = "|".join(sorted(texts))
    words = [words_of(text) for text in texts]
    looks = looks_of([texts[place] for place in real])
    rows = []
    for place, (option, own) in enumerate(zip(options, words, strict=True)):
        text = option.text
        elsewhere = {word for other, theirs in enumerate(words) if other != place for word in theirs}
        seen = looks.of_option[real.index(place)] if place in real else looks.of_none
        rows.append(
            (
                f"text|{kind}|{text}",
                f"letter|{kind}|{option.letter}",
                f"together|{kind}|{text}|{together}",
                *(f"word|{kind}|{word}" for word in own),
                *(f"{'shared' if word in elsewhere else 'alone'}|{kind}|{word}" for word in own),
                *(f"beside|{kind}|{text}|{other}" for other in sorted(set(texts)) if other != text),
                *(f"looks|{kind}|{look}" for look in seen),
            )
        )
    return tuple(rows)


@lru_cache(maxsize=4096)
def words_of(text: str) -> tuple[str, ...]:
    """Words of a text, each once, without case."""
    return tuple(sorted(set(_WORD.findall(text.casefold().replace("_", " ")))))


def with_siblings(items: Sequence[ClosedItem], stems: StemFeatures) -> Iterator[list[list[str]]]:
    """As :func:`option_features`, and which other questions the image has, with their options, not their answers.

    Args:
        items: all questions of an image stand together.
        stems: of all questions that are tried.
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
            rows = option_features(item, stems)
            for option, row in zip(item.options, rows, strict=True):
                row.extend(f"sibling|{kind}|{option.text}|{name}" for name in beside)
            yield rows
        start = stop


def _offers(item: ClosedItem) -> list[str]:
    kind = item.question_type.value
    return [kind, *(f"{kind}|{option.text}" for option in item.options)]
