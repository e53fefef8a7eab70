"""Which questions are asked, so that no answer can be told from how often it is right.

A benchmark is balanced: an answer so frequent that it would be right more often than the other options gives
up some of its questions, and an answer so rare that it would drag the others down gives up all. Instructions
are not: there every fact is asked, and only the draw of the options (:mod:`neuroonco.build.draw`) hides the
answer.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import log2

from neuroonco.audit.records import AuditedLabel
from neuroonco.build.facts import Fact, facts
from neuroonco.build.rules import BuildRules
from neuroonco.seeded import shuffled
from neuroonco.vocabulary import TumorType, coarsenings, comparable

BINARY_DIAGNOSIS = "diagnosis_binary"


@dataclass(frozen=True)
class Asked:
    """One fact of one slice that becomes a question.

    Attributes:
        wording: key in ``prompts/questions.toml``.
        answer: the term that is right; differs from the fact's for a specific tumour that is asked abnormal
        or not.
    """

    label: AuditedLabel
    fact: Fact
    wording: str
    answer: StrEnum

    @property
    def name(self) -> str:
        """Identity of the question, for seeded draws."""
        return f"{self.label.slice_id}/{self.wording}"


@dataclass(frozen=True)
class Pool:
    """All questions of one wording, whose options come from each other's answers.

    Attributes:
        counts: how many of the questions each term answers.
        size: terms drawn a question: the options and, for ``None of the above``, one that may be left out.
        fill: further terms to draw from where the answers are fewer than ``size``.
    """

    wording: str
    asked: tuple[Asked, ...]
    counts: dict[StrEnum, int]
    size: int
    fill: tuple[StrEnum, ...] = ()

    @property
    def is_binary(self) -> bool:
        """With two terms in all, both are offered and there is nothing else to be right."""
        return self.size == 2


@dataclass(frozen=True)
class LeftOut:
    """A fact that is not asked, and why."""

    asked: Asked
    why: str


def benchmark_pools(labels: Iterable[AuditedLabel], seed: int, rules: BuildRules) -> tuple[list[Pool], list[LeftOut]]:
    """Balanced questions: given the options, each of them is right equally often."""
    pools: list[Pool] = []
    left: list[LeftOut] = []
    for wording, asked in _by_wording(labels, seed, as_binary=True).items():
        comparable_free, coarse = _one_grain(asked)
        kept, surplus = _balance(comparable_free, seed, rules)
        left += coarse + surplus
        if kept:
            counts = _counts(kept)
            pools.append(Pool(wording, tuple(kept), counts, _size(len(counts), rules)))
    return pools, left


def instruction_pools(labels: Iterable[AuditedLabel], seed: int, rules: BuildRules) -> tuple[list[Pool], list[LeftOut]]:
    """Every fact is asked; where its kind has too few answers, terms of the same kind stand in."""
    pools: list[Pool] = []
    left: list[LeftOut] = []
    for wording, asked in _by_wording(labels, seed, as_binary=False).items():
        kept, coarse = _one_grain(asked)
        left += coarse
        counts = _counts(kept)
        fill = _fill(counts)
        size = _size(len(counts) + len(fill), rules)
        if size < 2:
            left += [LeftOut(a, "no other answer to offer") for a in kept]
        else:
            pools.append(Pool(wording, tuple(kept), counts, size, fill))
    return pools, left


def _size(values: int, rules: BuildRules) -> int:
    return min(rules.max_options + 1, values)


def _counts(asked: Iterable[Asked]) -> dict[StrEnum, int]:
    counts = Counter(a.answer for a in asked)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0].value)))


def _by_wording(labels: Iterable[AuditedLabel], seed: int, *, as_binary: bool) -> dict[str, list[Asked]]:
    found: dict[str, list[Asked]] = {}
    for label in labels:
        for fact in facts(label):
            found.setdefault(fact.wording, []).append(Asked(label, fact, fact.wording, fact.value))
    if as_binary:
        _lend_to_binary(found, seed)
    return {wording: found[wording] for wording in sorted(found) if found[wording]}


def _lend_to_binary(found: dict[str, list[Asked]], seed: int) -> None:
    """Let typed tumours be asked abnormal or healthy where untyped ones are too few to balance the healthy.

    At most half of the typed ones, or all if they are of one type only and could not be told apart anyway.
    """
    binary = found.setdefault(BINARY_DIAGNOSIS, [])
    typed = found.setdefault("diagnosis", [])
    healthy = sum(a.answer is TumorType.HEALTHY for a in binary)
    missing = max(0, healthy - (len(binary) - healthy))
    lendable = len(typed) // 2 if len({a.answer for a in typed}) > 1 else len(typed)
    order = shuffled(typed, seed, "ask abnormal or healthy", lambda a: a.name)
    lent = order[: min(missing, lendable)]
    found["diagnosis"] = order[len(lent) :]
    binary += [Asked(a.label, a.fact, BINARY_DIAGNOSIS, TumorType.TUMOR) for a in lent]


def _one_grain(asked: Sequence[Asked]) -> tuple[list[Asked], list[LeftOut]]:
    """Where a coarse and a finer term are both answers, keep the side with more questions; the finer on a tie."""
    counts = _counts(asked)
    out: set[StrEnum] = set()
    for coarse in counts:
        finer = [t for t in counts if t is not coarse and coarse in coarsenings(t) and t not in out]
        if finer and coarse not in out:
            out |= {coarse} if sum(counts[t] for t in finer) >= counts[coarse] else set(finer)
    return (
        [a for a in asked if a.answer not in out],
        [LeftOut(a, "a coarser or finer term is another answer") for a in asked if a.answer in out],
    )


def _balance(asked: Sequence[Asked], seed: int, rules: BuildRules) -> tuple[list[Asked], list[LeftOut]]:
    """Keep the answers, most frequent first, and the questions that together tell a model most (in bits)."""
    counts = list(_counts(asked).items())
    best, cap, kept_count = 0.0, 0, 0
    for values in range(2, len(counts) + 1):
        size = _size(values, rules)
        limit = _limit([n for _, n in counts[:values]], size)
        bits = log2(size) * sum(min(n, limit) for _, n in counts[:values])
        if bits >= best:
            best, cap, kept_count = bits, limit, values
    room = {term: cap for term, _ in counts[:kept_count]}
    kept: list[Asked] = []
    left: list[LeftOut] = []
    for a in shuffled(asked, seed, "balance", lambda a: a.name):
        if room.get(a.answer, 0) > 0:
            room[a.answer] -= 1
            kept.append(a)
        elif a.answer in room:
            left.append(LeftOut(a, f"{a.answer.value}: more questions than a balanced set can hold"))
        else:
            why = "the only answer" if len(counts) == 1 else "too rare an answer for a balanced set"
            left.append(LeftOut(a, f"{a.answer.value}: {why}"))
    return kept, left


def _limit(counts: Sequence[int], size: int) -> int:
    """Most questions an answer may have so that none has more than 1/size of all.

    >>> _limit([90, 8, 2], 3), _limit([50, 30, 20, 10, 10, 10, 5], 5)
    (2, 17)
    """
    limit = max(counts)
    while (lower := sum(min(n, limit) for n in counts) // size) < limit:
        limit = lower
    return limit


def _fill(counts: dict[StrEnum, int]) -> tuple[StrEnum, ...]:
    """Terms of the same group that are neither an answer nor coarser or finer than one, finest first."""
    kind = type(next(iter(counts)))
    found: list[StrEnum] = []
    terms = [t for t in kind if not isinstance(t, TumorType) or t.is_specific == _is_specific(counts)]
    for term in sorted(terms, key=lambda t: -len(coarsenings(t))):
        if not any(comparable(term, other) for other in (*counts, *found)):
            found.append(term)
    return tuple(found)


def _is_specific(counts: dict[StrEnum, int]) -> bool:
    return all(isinstance(t, TumorType) and t.is_specific for t in counts)
