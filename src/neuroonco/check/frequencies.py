"""What is offered and right too often or too seldom in a benchmark, and in how many spellings."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from scipy.stats import binom, binomtest, chisquare

from neuroonco.build.records import ANSWERS, ClosedItem
from neuroonco.check.meanings import (
    NONE_MEANING,
    is_known,
    meaning_of,
    offers_none,
    real_options,
    truth_of,
    wording_of,
)
from neuroonco.vocabulary import QuestionType, confusion_groups
from neuroonco.vocabulary.concepts import display_of

RARE_P = 0.001
"""What is less probable than this under equal chances is called unbalanced; a file is tested some dozen times."""
LEAST_EXPECTED = 5
"""Cochran's rule: a chi-square test needs about so many expected of each kind."""


def several_spellings(items: Sequence[ClosedItem]) -> list[str]:
    """Meanings with several spellings among the options and removed answers of one question type, most first.

    Our own wordings are a group of their own each: they spell the places in a head other than those in a picture.
    """
    seen: dict[tuple[QuestionType, str, str], dict[str, None]] = {}
    for item in items:
        kind, wording = item.question_type, wording_of(item) or ""
        for text in (*(option.text for option in item.options), *filter(None, [item.removed_answer])):
            seen.setdefault((kind, wording, meaning_of(kind, text)), {})[text] = None
    many = [(kind, token, sorted(texts)) for (kind, _, token), texts in seen.items() if len(texts) > 1]
    many.sort(key=lambda one: (-len(one[2]), one[0].value, one[1]))
    return [f"{kind.value} {_name(kind, token)}: {' | '.join(texts)}" for kind, token, texts in many]


def _name(kind: QuestionType, token: str) -> str:
    return display_of(ANSWERS[kind], token) if is_known(token) and token != NONE_MEANING else token.lstrip("=")


def one_sided(items: Sequence[ClosedItem], least: int) -> tuple[list[str], list[str]]:
    """Options, as they are spelled, that were offered ``least`` times or more and never, or always, right."""
    offered: Counter[tuple[str, str]] = Counter()
    right: Counter[tuple[str, str]] = Counter()
    for item in items:
        for option in item.options:
            key = (item.question_type.value, option.text)
            offered[key] += 1
            right[key] += option.letter == item.answer
    often = sorted((key, n) for key, n in offered.items() if n >= least)
    never = [f"{kind} {text}: 0 of {n}" for (kind, text), n in often if right[kind, text] == 0]
    always = [f"{kind} {text}: {n} of {n}" for (kind, text), n in often if right[kind, text] == n]
    return never, always


def letters(items: Sequence[ClosedItem]) -> list[str]:
    """Letters of the right answers by number of options, without ``None of the above``, whose place is fixed."""
    by_size: dict[int, Counter[str]] = defaultdict(Counter)
    for item in items:
        offered = [option.letter for option in real_options(item)]
        if item.answer in offered:
            counts = by_size[len(offered)]
            counts.update(dict.fromkeys(offered, 0))
            counts[item.answer] += 1
    return [
        f"{size} options: {', '.join(f'{letter} {counts[letter]}' for letter in sorted(counts))}"
        for size, counts in sorted(by_size.items())
        if _unbalanced(counts)
    ]


def answers(items: Sequence[ClosedItem], least: int) -> list[str]:
    """Questions whose true answers, the removed ones included, are not equally frequent.

    Questions of one wording are a pool of their own where there are ``least`` or more; the others of a type are pooled,
    the binary ones apart. Of hard questions each group of terms that are mistaken for one another is a pool.
    """
    wordings = Counter((item.question_type, _wording(item)) for item in items)
    pools: dict[tuple[QuestionType, str, str], Counter[str]] = defaultdict(Counter)
    for item in items:
        truth = truth_of(item)
        if truth is None:
            continue
        kind, wording = item.question_type, _wording(item)
        rest = "other wordings" if offers_none(item) else "other wordings without E"
        own = wordings[kind, wording] >= least
        pools[kind, wording if own else rest, _mimics(kind, truth) if item.is_hard else ""][truth] += 1
    return [
        f"{kind.value}, {wording}: {_shown(kind, counts)}"
        for (kind, wording, _), counts in pools.items()
        if _unbalanced(counts)
    ]


def _wording(item: ClosedItem) -> str:
    return wording_of(item) or repr(item.question)


def _mimics(kind: QuestionType, token: str) -> str:
    """The group of terms that a term is mistaken for, by its first member."""
    return next((group[0].value for group in confusion_groups(ANSWERS[kind]) if token in group), token)


def _shown(kind: QuestionType, counts: Counter[str], most: int = 6) -> str:
    shown = [f"{_name(kind, token)} {n}" for token, n in counts.most_common(most)]
    return ", ".join([*shown, f"{len(counts) - most} more"] if len(counts) > most else shown)


def _unbalanced(counts: Counter[str]) -> bool:
    """Whether counts are too uneven for equal chances: by chi-square, and where that is not valid by the largest."""
    n, kinds = counts.total(), len(counts)
    if kinds < 2:
        return False
    if n >= LEAST_EXPECTED * kinds:
        return bool(chisquare(list(counts.values())).pvalue < RARE_P)
    return bool(kinds * binom.sf(max(counts.values()) - 1, n, 1 / kinds) < RARE_P)


def rejections(items: Sequence[ClosedItem], wanted: float) -> list[str]:
    """Shares of rejection items, of all questions and by type, that the wanted share makes improbable."""
    pools: dict[str, list[bool]] = defaultdict(list)
    for item in items:
        if offers_none(item):
            right = item.text_of(item.answer)
            rejected = right is not None and meaning_of(item.question_type, right) == NONE_MEANING
            pools["all"].append(rejected)
            pools[item.question_type.value].append(rejected)
    return [
        f"{name}: {sum(found)} of {len(found)}, the rule is {wanted:g}"
        for name, found in pools.items()
        if binomtest(sum(found), len(found), wanted).pvalue < RARE_P
    ]
