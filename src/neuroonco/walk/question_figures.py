"""Figures of the page on questions, from the benchmark's items and from what check and build wrote down."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from neuroonco.build.records import ANSWERS, REPORTED_TYPES, ClosedItem, is_none
from neuroonco.check.leaks import MEANINGS
from neuroonco.check.records import (
    ALL,
    BINARY,
    GUESSERS,
    JUDGED,
    MAJORITY,
    PLAIN,
    RANKER,
    REJECTION,
    SIBLINGS,
    BlindRow,
    Finding,
)
from neuroonco.intervals import Estimate
from neuroonco.prompts import load_wordings
from neuroonco.report.page import type_name
from neuroonco.report.question_records import (
    AnswerCount,
    AnswerShortage,
    AnswerSpread,
    Counted,
    LeakSummary,
    LetterTable,
    Shortage,
)
from neuroonco.report.records import BenchmarkSummary, BlindCheck, BlindFigure, BlindLine, TypeCount
from neuroonco.vocabulary import QuestionType, display, recode

NO_ESTIMATE = Estimate(value=None, low=None, high=None, n=0)
GUESSER_NAMES = dict(
    zip(GUESSERS, ("Uniform draw", "Most frequent", "Always E", "Ranker", "With siblings"), strict=True)
)
LEARNING = (MAJORITY, RANKER)
"""The judged guessers that learn; what the others get follows from how many options there are."""
SUBSET_NAMES = {PLAIN: "Answer offered beside E", REJECTION: "Rejection items", BINARY: "Binary, all types"}


def benchmark_summary(items: Sequence[ClosedItem]) -> BenchmarkSummary:
    """What a benchmark is made of; twins count as twins alone."""
    own = [item for item in items if item.twin_of is None]
    by_type = {kind: [i for i in own if i.question_type is kind] for kind in QuestionType}
    return BenchmarkSummary(
        images=len({item.image_id for item in own}),
        questions=len(own),
        by_type=tuple(
            TypeCount(
                question_type=kind,
                questions=len(found),
                rejections=sum(i.is_rejection for i in found),
                binary=sum(i.is_binary for i in found),
            )
            for kind, found in by_type.items()
            if found
        ),
        twins=len(items) - len(own),
    )


def letter_table(items: Iterable[ClosedItem]) -> LetterTable:
    """How often each letter is right among questions that offer equally many; twins do not count."""
    right: dict[tuple[int, bool], Counter[str]] = {}
    offered: dict[tuple[int, bool], set[str]] = {}
    for item in items:
        if item.twin_of is None:
            none = item.none_letter is not None
            key = (len(item.options) - none, none)
            right.setdefault(key, Counter()).update([item.answer])
            offered.setdefault(key, set()).update(option.letter for option in item.options)
    columns = tuple(sorted({letter for letters in offered.values() for letter in letters}))
    rows = (
        (
            _offered(terms, none),
            tuple(counts[letter] if letter in offered[terms, none] else None for letter in columns),
        )
        for (terms, none), counts in sorted(right.items())
    )
    return LetterTable(columns=columns, rows=tuple(rows))


def _offered(terms: int, none: bool) -> str:
    """What a question offers.

    >>> _offered(4, True), _offered(1, False)
    ('4 terms and E', '1 term')
    """
    return f"{terms} {'term' if terms == 1 else 'terms'}" + (" and E" if none else "")


def answer_spread(items: Iterable[ClosedItem]) -> tuple[AnswerSpread, ...]:
    """How often each term is the answer, by question type and apart for two options; twins do not count."""
    right: dict[tuple[QuestionType, bool], Counter[str]] = {}
    removed: dict[tuple[QuestionType, bool], Counter[str]] = {}
    offered: dict[tuple[QuestionType, bool], Counter[str]] = {}
    for item in items:
        if item.twin_of is not None:
            continue
        key = (item.question_type, item.is_binary)
        own, gone, shown = (counts.setdefault(key, Counter()) for counts in (right, removed, offered))
        texts = [o.text for o in item.options if not is_none(o.text)]
        shown.update(dict.fromkeys(texts, 1))
        answer = item.text_of(item.answer)
        if item.is_rejection:
            gone.update([item.removed_answer] if item.removed_answer is not None else [])
        elif answer is not None and not is_none(answer):
            own.update([answer])
    keys = sorted(offered, key=lambda key: (list(QuestionType).index(key[0]), key[1]))
    return tuple(_spread(*key, right[key], removed[key], offered[key]) for key in keys)


def _spread(
    kind: QuestionType, binary: bool, right: Counter[str], removed: Counter[str], offered: Counter[str]
) -> AnswerSpread:
    asked = right + removed
    texts = sorted(asked.keys() | offered.keys(), key=lambda text: (-asked[text], text))
    answers = tuple(AnswerCount(text=t, right=right[t], removed=removed[t], offered=offered[t]) for t in texts)
    return AnswerSpread(question_type=kind, binary=binary, most=max(asked.values(), default=0), answers=answers)


def blind_check(document: Mapping[str, Any]) -> BlindCheck:
    """The check of a benchmark, as :meth:`neuroonco.check.records.BenchmarkCheck.document` writes it."""
    fields = BlindRow.model_fields
    rows = [BlindRow.model_validate({k: row[k] for k in fields if k in row}) for row in document["blind"]]
    found = {row.guesser for row in rows}
    guessers = [name for name in GUESSERS if name in found] + sorted(found - set(GUESSERS))
    types = [kind for kind in REPORTED_TYPES if any(row.question_type == kind for row in rows)]
    lines = [_line("All questions", rows, guessers, None, ALL)]
    lines += [_line(type_name(kind), rows, guessers, kind, ALL) for kind in types]
    subsets = [_line(name, rows, guessers, None, subset) for subset, name in SUBSET_NAMES.items()]
    twins = {row["guesser"]: Estimate.model_validate(row["both_right"]) for row in document.get("twins", ())}
    return BlindCheck(
        guessers=tuple(GUESSER_NAMES.get(name, name) for name in guessers),
        by_type=tuple(line for line in lines if line.n),
        subsets=tuple(line for line in subsets if line.n),
        siblings=guessers.index(SIBLINGS) if SIBLINGS in guessers else None,
        twins=tuple(twins.get(name, NO_ESTIMATE) for name in guessers) if twins else (),
        passed=document["passed"],
        reasons=tuple(document["reasons"]),
        findings=tuple(Finding.model_validate(finding) for finding in document["findings"]),
    )


def _line(name: str, rows: Sequence[BlindRow], guessers: Sequence[str], kind: str | None, subset: str) -> BlindLine:
    by_guesser = {row.guesser: row for row in rows if (row.question_type, row.subset) == (kind, subset)}
    if subset != ALL:  # the text does not tell these apart, so that there is no best guess to compare with
        by_guesser = {name: row.model_copy(update={"chance": None}) for name, row in by_guesser.items()}
    found = [by_guesser.get(guesser) for guesser in guessers]
    n = max((row.accuracy.n for row in found if row is not None), default=0)
    # Always E tries only some of the questions, so that its chance and limit are not those of the line.
    whole = [row for row in found if row is not None and row.accuracy.n == n]
    # Rounded, for sums of equal shares may differ in the last digit; of equals the last, who learns.
    gains = [
        (round(row.accuracy.value - row.chance, 9), place)
        for place, row in enumerate(found)
        if row is not None and row.guesser in JUDGED and row.accuracy.value is not None and row.chance is not None
    ]
    return BlindLine(
        name=name,
        n=n,
        chance=next((row.chance for row in whole if row.chance is not None), None),
        limit=next((row.limit for row in whole if row.limit is not None), None),
        figures=tuple(map(_figure, found)),
        strongest=max(gains)[1] if gains else None,
    )


def _figure(row: BlindRow | None) -> BlindFigure:
    if row is None:
        return BlindFigure(share=NO_ESTIMATE)
    high, learns = row.accuracy.high, row.guesser in LEARNING
    return BlindFigure(
        share=row.accuracy,
        chance=row.chance,
        limit=row.limit,
        failed=None if row.passes is None else not row.passes,
        is_below=learns and high is not None and row.chance is not None and high < row.chance,
    )


def shortages(document: Iterable[Mapping[str, Any]]) -> tuple[Shortage, ...]:
    """What the build could not balance, as ``shortages.json`` holds it."""
    return tuple(
        Shortage(
            name=wording_name(row["wording"]),
            wanted=row["wanted"],
            built=row["built"],
            said=row.get("why") or row.get("said") or "",  # the answers and their numbers stand beside it
            answers=tuple(
                AnswerShortage(
                    text=answer_name(row["wording"], answer), available=n, missing=row["missing"].get(answer, 0)
                )
                for answer, n in sorted(row["available"].items(), key=lambda i: (-row["missing"].get(i[0], 0), i))
            ),
        )
        for row in document
    )


def wording_name(wording: str) -> str:
    """Name of a question's wording.

    >>> wording_name("location_in_head"), wording_name("diagnosis_binary")
    ('Location (in head)', 'Diagnosis, binary')
    """
    if wording in REPORTED_TYPES:
        return type_name(wording)
    kind = _type_of(wording)
    if kind is None:
        return wording
    rest = wording[len(kind.value) :].strip("_").replace("_", " ")
    return f"{display(kind)} ({rest})" if rest else display(kind)


def answer_name(wording: str, answer: str) -> str:
    """Name of an answer to a wording, as its options spell it.

    >>> answer_name("location_in_head", "upper_left"), answer_name("diagnosis", "glioma"), answer_name("x", "y")
    ('Upper left', 'Glioma', 'y')
    """
    words, kind = load_wordings().closed.get(wording), _type_of(wording)
    known = None if kind is None else recode(ANSWERS[kind], answer)
    shown = answer if known is None else display(known)
    return shown if words is None else words.options.get(answer, shown)


def _type_of(wording: str) -> QuestionType | None:
    fitting = [kind for kind in QuestionType if wording == kind.value or wording.startswith(f"{kind.value}_")]
    return max(fitting, key=lambda kind: len(kind.value), default=None)


def leak_summary(document: Mapping[str, Any]) -> LeakSummary:
    """What benchmark and instructions share, as `check leaks --json` says it."""
    kinds = Counter(MEANINGS.get(leak["kind"], leak["kind"]) for leak in document["leaks"])
    return LeakSummary(
        found=len(document["leaks"]),
        benchmark_slices=document["benchmark_slices"],
        instruction_slices=document["instruction_slices"],
        compared=document["compared"],
        kinds=tuple(Counted(name=kind, count=n) for kind, n in kinds.items()),
        not_compared=document["not_compared"],
    )
