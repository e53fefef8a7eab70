"""Faults of single questions and of a benchmark's wording, each with a stable code.

DUPLICATE_OPTION       error    one option stands twice in a question, or two spellings of one thing do
ANSWER_NOT_OFFERED     error    the answer's letter is not among the options
REMOVED_ANSWER_OFFERED error    a rejection item offers its answer, or a spelling, coarser or finer name of it
ANSWER_NOT_UNIQUE      error    a coarser or finer name of the right answer is offered beside it
REJECTION_MISMARKED    error    ``None of the above`` is right without the mark, or the mark without it
NONE_NOT_LAST          error    ``None of the above`` is offered and is not the last option, at letter E
STEM_NAMES_FINDING     error    the question names a finding or a diagnosis
ITEM_TWICE             error    two questions share image id and position, or an image is asked the same twice
IMAGE_TWICE            error    one image stands under two ids; with a root, one of the same bytes or pixels
SEVERAL_SPELLINGS      warning  one thing is spelled in several ways, in the options of a question type
OVERLAPPING_OPTIONS    warning  of two wrong options one is a coarser name of the other, so neither can be right
REMOVED_ANSWER_UNKNOWN warning  a rejection item does not say which answer was removed
NEVER_RIGHT            warning  an option is offered often and never right
ALWAYS_RIGHT           warning  an option is offered often and always right
UNBALANCED_LETTERS     warning  the right answers' letters are not equally frequent
UNBALANCED_ANSWERS     warning  the true answers of a question are not equally frequent
REJECTION_SHARE        warning  the share of rejection items is not that of the rules
IMAGE_UNREADABLE       warning  with a root: the image cannot be read
ANSWER_IN_PATH         info     the image's path names the answer; no model may be shown the path

What spellings mean is said by the vocabulary, ``synonyms.toml`` and ``concepts.toml``.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import combinations
from pathlib import Path

from neuroonco.build.records import OPTION_LETTERS, ClosedItem
from neuroonco.check.frequencies import answers, letters, one_sided, rejections, several_spellings
from neuroonco.check.images import images_twice, path_names_answer
from neuroonco.check.meanings import NONE_MEANING, meaning_of, meanings, overlapping, place, real_options
from neuroonco.check.records import ERROR, INFO, WARNING, Finding
from neuroonco.check.rules import CheckRules
from neuroonco.check.stems import named_in_stem

EXAMPLES = 5
Faults = list[tuple[str, str, list[str]]]


def lint_closed(items: Sequence[ClosedItem], rules: CheckRules, root: Path | None = None) -> list[Finding]:
    """All findings that occur, errors first, in the order of the table above.

    Args:
        rules: how often an option must be offered to be judged, and the wanted share of rejection items.
        root: folder of the images; without it, they are compared by path only.
    """
    seen = {code: [f"{place(item)}: {found}" for item in items if (found := of(item))] for code, of in _FAULTS.items()}
    twice, unreadable = images_twice(items, root)
    own = [item for item in items if item.twin_of is None]
    never, always = one_sided(own, rules.min_occurrences)
    errors = ("DUPLICATE_OPTION", "ANSWER_NOT_OFFERED", "REMOVED_ANSWER_OFFERED", "ANSWER_NOT_UNIQUE")
    more = ("REJECTION_MISMARKED", "NONE_NOT_LAST", "STEM_NAMES_FINDING")
    faults: Faults = [(code, ERROR, seen[code]) for code in errors + more]
    faults += [("ITEM_TWICE", ERROR, _items_twice(items)), ("IMAGE_TWICE", ERROR, twice)]
    faults.append(("SEVERAL_SPELLINGS", WARNING, several_spellings(items)))
    faults += [(code, WARNING, seen[code]) for code in ("OVERLAPPING_OPTIONS", "REMOVED_ANSWER_UNKNOWN")]
    faults += [("NEVER_RIGHT", WARNING, never), ("ALWAYS_RIGHT", WARNING, always)]
    faults.append(("UNBALANCED_LETTERS", WARNING, letters(own)))
    faults.append(("UNBALANCED_ANSWERS", WARNING, answers(own, rules.min_questions)))
    faults.append(("REJECTION_SHARE", WARNING, rejections(own, rules.rejection_share)))
    faults.append(("IMAGE_UNREADABLE", WARNING, unreadable))
    faults.append(("ANSWER_IN_PATH", INFO, seen["ANSWER_IN_PATH"]))
    return findings_of(faults)


def findings_of(faults: Iterable[tuple[str, str, list[str]]]) -> list[Finding]:
    """Codes, levels and what was seen, as findings; codes of which nothing was seen are left out."""
    return [
        Finding(code=code, level=level, n=len(seen), examples=tuple(seen[:EXAMPLES]))
        for code, level, seen in faults
        if seen
    ]


# --- one question ---


def _duplicate(item: ClosedItem) -> str | None:
    found = meanings(item)
    for a, b in combinations(range(len(found)), 2):
        if found[a] == found[b]:
            return f"{item.options[a].text} / {item.options[b].text}"
    return None


def _not_offered(item: ClosedItem) -> str | None:
    return f"answer {item.answer}" if item.text_of(item.answer) is None else None


def removed_still_offered(item: ClosedItem) -> tuple[str, ...]:
    """Letters of a rejection item's options that are, in the wide sense, the answer that was removed."""
    if not item.is_rejection or item.removed_answer is None:
        return ()
    kind, removed = item.question_type, meaning_of(item.question_type, item.removed_answer)
    return tuple(o.letter for o in real_options(item) if overlapping(kind, removed, meaning_of(kind, o.text)))


def _removed_offered(item: ClosedItem) -> str | None:
    still = removed_still_offered(item)
    return f"{item.removed_answer} / {item.text_of(still[0])}" if still else None


def _not_unique(item: ClosedItem) -> str | None:
    right = item.text_of(item.answer)
    if right is None:
        return None
    kind, meant = item.question_type, meaning_of(item.question_type, right)
    for option in item.options:
        other = meaning_of(kind, option.text)
        if other != meant and overlapping(kind, meant, other):
            return f"{right} / {option.text}"
    return None


def _overlapping(item: ClosedItem) -> str | None:
    kind = item.question_type
    wrong = [o for o in real_options(item) if o.letter != item.answer]
    for a, b in combinations(wrong, 2):
        first, second = meaning_of(kind, a.text), meaning_of(kind, b.text)
        if first != second and overlapping(kind, first, second):
            return f"{a.text} / {b.text}"
    return None


def _mismarked(item: ClosedItem) -> str | None:
    right = item.text_of(item.answer)
    none_is_right = right is not None and meaning_of(item.question_type, right) == NONE_MEANING
    if none_is_right != item.is_rejection:
        return f"answer {item.answer} ({right}), marked {'as' if item.is_rejection else 'as no'} rejection item"
    return f"keeps a removed answer: {item.removed_answer}" if item.removed_answer and not item.is_rejection else None


def _removed_unknown(item: ClosedItem) -> str | None:
    return f"answer {item.answer}" if item.is_rejection and not item.removed_answer else None


def _none_not_last(item: ClosedItem) -> str | None:
    at = [i for i, meant in enumerate(meanings(item)) if meant == NONE_MEANING]
    last = len(item.options) - 1
    if not at or (at[-1] == last and item.options[last].letter == OPTION_LETTERS[-1]):
        return None
    return f"at {item.options[at[0]].letter}"


def _in_stem(item: ClosedItem) -> str | None:
    return named_in_stem(item.question, item.question_type)


_FAULTS: dict[str, Callable[[ClosedItem], str | None]] = {
    "DUPLICATE_OPTION": _duplicate,
    "ANSWER_NOT_OFFERED": _not_offered,
    "REMOVED_ANSWER_OFFERED": _removed_offered,
    "ANSWER_NOT_UNIQUE": _not_unique,
    "REJECTION_MISMARKED": _mismarked,
    "NONE_NOT_LAST": _none_not_last,
    "STEM_NAMES_FINDING": _in_stem,
    "OVERLAPPING_OPTIONS": _overlapping,
    "REMOVED_ANSWER_UNKNOWN": _removed_unknown,
    "ANSWER_IN_PATH": path_names_answer,
}


def _items_twice(items: Sequence[ClosedItem]) -> list[str]:
    places = Counter(map(place, items))
    asked = Counter((i.image_id, i.question_type, i.question) for i in items if i.twin_of is None)
    same_place = [name for name, n in places.items() if n > 1]
    known = {name.rpartition("#")[0] for name in same_place}
    again = [f"{name}: {text}" for (name, _, text), n in asked.items() if n > 1 and name not in known]
    return same_place + again
