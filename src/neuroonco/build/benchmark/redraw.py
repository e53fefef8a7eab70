"""Ask the questions of any benchmark again, with options drawn by the law.

What a benchmark's questions ask, and what is right, is kept; how they are worded and what is offered beside the truth
is drawn anew, and only as many are kept as can be balanced. Where a size or place is asked in words that are not ours,
it is taken to be one in the picture.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from neuroonco.build.closed import built_by, offering
from neuroonco.build.draw import offered_terms
from neuroonco.build.index import UNTYPED, Entry, index_entries
from neuroonco.build.plan import BINARY_DIAGNOSIS, plan_benchmark
from neuroonco.build.pools import WHYS, Planned, Shortage
from neuroonco.build.records import ANSWERS, ClosedItem
from neuroonco.build.rules import BuildRules
from neuroonco.build.shortages import NOT_KNOWN
from neuroonco.outcomes import count_by
from neuroonco.prompts import load_wordings
from neuroonco.rules import RuleSet
from neuroonco.seeded import random_for
from neuroonco.vocabulary import TumorType, recode

UNKNOWN_ANSWER = "the answer is not in the vocabulary"
ANSWER_NOT_STATED = "the question does not state its true answer"


@dataclass(frozen=True)
class Redrawn:
    """A benchmark whose options were drawn anew.

    Attributes:
        items: in the order of the benchmark; images and indices are kept.
        left: how many questions were left out for which reason.
        shortages: types with fewer questions than there were wanted.
    """

    items: list[ClosedItem]
    left: dict[str, int]
    shortages: list[Shortage]


def redraw(items: Sequence[ClosedItem], *, seed: int, rules: RuleSet, hard: bool = False) -> Redrawn:
    """Draw the options of closed questions by the law of ``docs/benchmark.md``.

    Args:
        items: of any origin; the true answer of a rejection item has to be recorded. Twins are left out.
        seed: of every draw.
        rules: section ``build``.
        hard: draw options from mimics of the answer.
    """
    own = [item for item in items if item.twin_of is None]
    truths = [true_term(item) for item in own]
    lost = [
        ANSWER_NOT_STATED if _true_text(item) is None else UNKNOWN_ANSWER
        for item, term in zip(own, truths, strict=True)
        if term is None
    ]
    named = _named([item for item, term in zip(own, truths, strict=True) if term is not None])
    entries = [_entry(name, item) for name, item in named]
    index = index_entries(entries, seed)
    rows = np.ones(index.slice_count, bool)
    plan = plan_benchmark(index, rows, rules.section("build", BuildRules), hard=hard, lend=False)
    made = {
        id(item): _redrawn(item, name, planned, seed, rules.name)
        for row, (name, item) in enumerate(named)
        for planned in plan.of_slice(row)
    }
    left = count_by([*lost, *(WHYS[why] for why in plan.why.tolist() if why)])
    said = [one for one in plan.shortages if one.why != NOT_KNOWN]  # types that the file does not ask are none of it
    return Redrawn([made[id(item)] for item in own if id(item) in made], left, said)


def _named(items: Sequence[ClosedItem]) -> list[tuple[str, ClosedItem]]:
    """Questions with names that depend on nothing but themselves, in the order of the names."""
    ordered = sorted(items, key=lambda item: (item.image_id, item.q_index, item.model_dump_json()))
    seen: Counter[tuple[str, int]] = Counter()
    named = []
    for item in ordered:
        key = (item.image_id, item.q_index)
        named.append((f"{item.image_id}#{item.q_index}#{seen[key]}", item))
        seen[key] += 1
    return named


def true_term(item: ClosedItem) -> StrEnum | None:
    """The term that is right, offered or not; None where the vocabulary has none for it.

    Healthy and unspecific tumors are the answers of another question than tumor types are.
    """
    text = _true_text(item)
    return None if text is None else recode(ANSWERS[item.question_type], text)


def _true_text(item: ClosedItem) -> str | None:
    return item.removed_answer if item.is_rejection else item.text_of(item.answer)


def _wording(item: ClosedItem, term: StrEnum) -> str:
    """The wording in which a question of ours was asked; else one about the picture, or whether there is a tumor."""
    for name, wording in load_wordings().closed.items():
        if item.question in wording.stems and name.startswith(item.question_type.value):
            return name
    if isinstance(term, TumorType) and not term.is_specific:
        return BINARY_DIAGNOSIS
    return item.question_type.value


def _entry(name: str, item: ClosedItem) -> Entry:
    term = true_term(item)
    if term is None:
        raise ValueError(f"{name}: no true term")
    return Entry(
        slice_id=name,
        facts=[(_wording(item, term), term)],
        tumor_class=UNTYPED,
        source_id=item.source_id or "",
        sequence="unknown",
        is_whole=item.is_whole_file,
        keys=(),
    )


def _redrawn(item: ClosedItem, name: str, planned: Planned, seed: int, rules_name: str) -> ClosedItem:
    rng = random_for(seed, "options", name)
    pool = planned.pool
    terms = offered_terms(planned.answer, pool.values, pool.options, planned.place, rng)
    worded = item.model_copy(
        update={
            "question": load_wordings().closed[pool.wording].question,
            "rules": rules_name,
            "seed": seed,
            "version": built_by(),
            "is_hard": pool.is_hard,
        }
    )
    return offering(worded, terms, planned.answer, pool)
