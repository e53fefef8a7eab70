"""Ask the questions of any benchmark again, with options drawn by the law.

What a benchmark's questions ask, and what is right, is kept; how they are worded and what is offered beside the truth
is drawn anew, and only as many are kept as can be balanced.
"""

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
    own = sorted((item for item in items if item.twin_of is None), key=lambda item: item.image_id)
    truths = [(item, true_term(item)) for item in own]
    lost = [ANSWER_NOT_STATED if _true_text(item) is None else UNKNOWN_ANSWER for item, term in truths if term is None]
    kept = [(item, term) for item, term in truths if term is not None]
    index = index_entries((_entry(n, item, term) for n, (item, term) in enumerate(kept)), seed)
    plan = plan_benchmark(index, np.ones(index.slice_count, bool), rules.section("build", BuildRules), hard=hard)
    made = {}
    for row, (item, _) in enumerate(kept):
        for planned in plan.of_slice(row):
            made[item.image_id, item.q_index] = _redrawn(item, planned, seed, rules.name)
    left = count_by([*lost, *(WHYS[why] for why in plan.why.tolist() if why)])
    found = [made[key] for item in items if item.twin_of is None and (key := (item.image_id, item.q_index)) in made]
    return Redrawn(found, left, plan.shortages)


def true_term(item: ClosedItem) -> StrEnum | None:
    """The term that is right, offered or not; None where the vocabulary has none for it.

    Healthy and unspecific tumors are the answers of another question than tumor types are.
    """
    text = _true_text(item)
    return None if text is None else recode(ANSWERS[item.question_type], text)


def _true_text(item: ClosedItem) -> str | None:
    return item.removed_answer if item.is_rejection else item.text_of(item.answer)


def _wording(item: ClosedItem, term: StrEnum) -> str:
    if isinstance(term, TumorType) and not term.is_specific:
        return BINARY_DIAGNOSIS
    return item.question_type.value


def _entry(number: int, item: ClosedItem, term: StrEnum) -> Entry:
    return Entry(
        slice_id=f"{number:09d} {item.image_id} {item.q_index}",
        facts=[(_wording(item, term), term)],
        tumor_class=UNTYPED,
        source_id=item.source_id or "",
        sequence="unknown",
        is_whole=item.is_whole_file,
        keys=(),
    )


def _redrawn(item: ClosedItem, planned: Planned, seed: int, rules_name: str) -> ClosedItem:
    rng = random_for(seed, "options", item.image_id, str(item.q_index))
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
