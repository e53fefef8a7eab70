"""Faults of single questions and of a benchmark's wording, each with a stable code.

DUPLICATE_OPTION      error    one option stands twice in a question, or two spellings of one term do
ANSWER_NOT_OFFERED    error    the answer's letter is not among the options
REMOVED_ANSWER_OFFERED error   a rejection item offers its answer, or a spelling, coarser or finer term of it
ANSWER_NOT_UNIQUE     error    a coarser or finer term of the right answer is offered beside it
REJECTION_MISMARKED   error    ``None of the above`` is right without the mark, or the mark without it
NONE_NOT_LAST         error    ``None of the above`` is offered and is not the last option, at letter E
ITEM_TWICE            error    two questions share image id and position
SEVERAL_SPELLINGS     warning  one term of a question type is spelled in several ways
NEVER_RIGHT           warning  an option is offered often and never right
ALWAYS_RIGHT          warning  an option is offered often and always right
UNBALANCED_LETTERS    warning  the right answers' letters are not equally frequent
ANSWER_IN_PATH        info     the image's path names the answer; no model may be shown the path
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from enum import StrEnum

from scipy.stats import chisquare

from neuroonco.build.records import ANSWERS, NONE_OF_THE_ABOVE, OPTION_LETTERS, ClosedItem
from neuroonco.check.records import ERROR, INFO, WARNING, Finding
from neuroonco.vocabulary import QuestionType, comparable, recode

EXAMPLES = 5
LETTERS_P = 0.001
"""Letters are called unbalanced below this chi-square probability."""


def lint(items: Sequence[ClosedItem], min_occurrences: int) -> list[Finding]:
    """All findings that occur, errors first, in the order of the table above.

    Args:
        min_occurrences: an option offered at least this often is judged never or always right.
    """
    faults: list[tuple[str, str, list[str]]] = [
        (code, ERROR, [f"{_place(item)}: {seen}" for item in items if (seen := of(item)) is not None])
        for code, of in _QUESTION_FAULTS.items()
    ]
    places = Counter(map(_place, items))
    faults.append(("ITEM_TWICE", ERROR, [place for place, n in places.items() if n > 1]))
    faults.append(("SEVERAL_SPELLINGS", WARNING, _spellings(items)))
    never, always = _one_sided(items, min_occurrences)
    faults.append(("NEVER_RIGHT", WARNING, never))
    faults.append(("ALWAYS_RIGHT", WARNING, always))
    faults.append(("UNBALANCED_LETTERS", WARNING, _letters(items)))
    faults.append(("ANSWER_IN_PATH", INFO, [_place(item) for item in items if _in_path(item)]))
    findings = []
    for code, level, examples in faults:
        if examples:
            shown = tuple(examples[:EXAMPLES])
            findings.append(Finding(code=code, level=level, n=len(examples), examples=shown))
    return findings


def _place(item: ClosedItem) -> str:
    return f"{item.image_id}#{item.q_index}"


def _term(item: ClosedItem, text: str) -> StrEnum | None:
    return recode(ANSWERS[item.question_type], text)


def _fold(text: str) -> str:
    return " ".join(text.casefold().replace("_", " ").replace("-", " ").split())


def _same(item: ClosedItem, a: str, b: str) -> bool:
    """Whether two texts say the same thing, as far as the vocabulary knows."""
    if _fold(a) == _fold(b):
        return True
    first = _term(item, a)
    return first is not None and first is _term(item, b)


def _overlap(item: ClosedItem, a: str, b: str) -> bool:
    """Whether two texts say the same thing, or one says it more coarsely."""
    first, second = _term(item, a), _term(item, b)
    if _fold(a) == _fold(b):
        return True
    return first is not None and second is not None and comparable(first, second)


def _duplicate(item: ClosedItem) -> str | None:
    texts = [option.text for option in item.options]
    twice = [(a, b) for i, a in enumerate(texts) for b in texts[:i] if _same(item, a, b)]
    return f"{twice[0][1]} / {twice[0][0]}" if twice else None


def _not_offered(item: ClosedItem) -> str | None:
    return item.answer if item.text_of(item.answer) is None else None


def _removed_offered(item: ClosedItem) -> str | None:
    removed = item.removed_answer
    if not item.is_rejection or removed is None:
        return None
    texts = [option.text for option in item.options if option.text != NONE_OF_THE_ABOVE]
    still = [text for text in texts if _overlap(item, removed, text)]
    return f"{removed} / {still[0]}" if still else None


def _not_unique(item: ClosedItem) -> str | None:
    right = item.text_of(item.answer)
    if right is None:
        return None
    others = [option.text for option in item.options if option.letter != item.answer]
    also = [text for text in others if _overlap(item, right, text) and not _same(item, right, text)]
    return f"{right} / {also[0]}" if also else None


def _mismarked(item: ClosedItem) -> str | None:
    none_is_right = item.text_of(item.answer) == NONE_OF_THE_ABOVE
    return item.answer if none_is_right != item.is_rejection else None


def _none_not_last(item: ClosedItem) -> str | None:
    at = [i for i, option in enumerate(item.options) if _fold(option.text) == _fold(NONE_OF_THE_ABOVE)]
    last = len(item.options) - 1
    if not at or (at == [last] and item.options[last].letter == OPTION_LETTERS[-1]):
        return None
    return item.options[at[0]].letter


_QUESTION_FAULTS: dict[str, Callable[[ClosedItem], str | None]] = {
    "DUPLICATE_OPTION": _duplicate,
    "ANSWER_NOT_OFFERED": _not_offered,
    "REMOVED_ANSWER_OFFERED": _removed_offered,
    "ANSWER_NOT_UNIQUE": _not_unique,
    "REJECTION_MISMARKED": _mismarked,
    "NONE_NOT_LAST": _none_not_last,
}


def _spellings(items: Sequence[ClosedItem]) -> list[str]:
    seen: dict[tuple[QuestionType, StrEnum], dict[str, None]] = {}
    for item in items:
        for option in item.options:
            term = _term(item, option.text)
            if term is not None:
                seen.setdefault((item.question_type, term), {})[option.text] = None
    many = sorted((key, sorted(texts)) for key, texts in seen.items() if len(texts) > 1)
    return [f"{kind.value} {term.value}: {', '.join(texts)}" for (kind, term), texts in many]


def _one_sided(items: Sequence[ClosedItem], least: int) -> tuple[list[str], list[str]]:
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


def _letters(items: Sequence[ClosedItem]) -> list[str]:
    """Letters of the right answers by number of options, without ``None of the above``, whose place is fixed."""
    by_size: dict[int, Counter[str]] = defaultdict(Counter)
    for item in items:
        letters = [option.letter for option in item.options if option.text != NONE_OF_THE_ABOVE]
        if item.answer in letters:
            counts = by_size[len(letters)]
            counts.update(dict.fromkeys(letters, 0))
            counts[item.answer] += 1
    found = []
    for size, counts in sorted(by_size.items()):
        if size > 1 and float(chisquare(list(counts.values())).pvalue) < LETTERS_P:
            shares = ", ".join(f"{letter} {counts[letter]}" for letter in sorted(counts))
            found.append(f"{size} options: {shares}")
    return found


def _in_path(item: ClosedItem) -> bool:
    answer = item.removed_answer or item.text_of(item.answer)
    return answer is not None and _fold(answer).replace(" ", "") in _fold(item.image_path).replace(" ", "")
