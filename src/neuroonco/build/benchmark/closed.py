"""Closed questions whose text says nothing about their answer.

Of a pool's questions a fixed share are rejection items: their answer is not offered and ``None of the
above`` is right. For each question ``k + 1`` terms are drawn, the truth among them
(:func:`neuroonco.build.draw.candidates`). A plain question offers the truth and all but one of the others, a
rejection item all others. Both kinds offer the same sets equally often, and each term of a set is the truth
equally often, so that a reader of text alone can do no better than guess.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum

from neuroonco.audit.records import AuditedLabel
from neuroonco.build.draw import candidates
from neuroonco.build.records import NONE_OF_THE_ABOVE, OPTION_LETTERS, ClosedItem, Option
from neuroonco.build.rules import BuildRules
from neuroonco.build.select import Asked, LeftOut, Pool, benchmark_pools
from neuroonco.build.split import group_ids
from neuroonco.prompts import load_wordings
from neuroonco.rules import RuleSet
from neuroonco.seeded import random_for, shuffled
from neuroonco.vocabulary import QuestionType


def closed_items(labels: Sequence[AuditedLabel], seed: int, rules: RuleSet) -> list[ClosedItem]:
    """The benchmark's closed questions about some slices, ordered by slice and question type."""
    return closed_questions(labels, seed, rules)[0]


def closed_questions(
    labels: Sequence[AuditedLabel], seed: int, rules: RuleSet
) -> tuple[list[ClosedItem], list[LeftOut]]:
    """Like :func:`closed_items`, with the facts that are not asked."""
    values = rules.section("build", BuildRules)
    pools, left = benchmark_pools(labels, seed, values)
    return items_of(pools, group_ids(labels), seed, rules), left


def items_of(pools: Iterable[Pool], groups: dict[str, str], seed: int, rules: RuleSet) -> list[ClosedItem]:
    """Turn pools into questions.

    Args:
        groups: group id of each slice id.
        seed: of every draw; a question's draws depend on it and on the question alone.
    """
    values = rules.section("build", BuildRules)
    made: list[tuple[Asked, ClosedItem]] = []
    for pool in pools:
        order = shuffled(pool.asked, seed, "rejection", lambda a: a.name)
        rejected = 0 if pool.is_binary else round(values.rejection_share * len(order))
        for place, asked in enumerate(order):
            item = _item(asked, pool, reject=place < rejected, group=groups[asked.label.slice_id], seed=seed)
            made.append((asked, item.model_copy(update={"rules": rules.name})))
    types = list(QuestionType)
    made.sort(key=lambda pair: (pair[1].slice_id, types.index(pair[1].question_type)))
    items: list[ClosedItem] = []
    for _, item in made:
        index = items[-1].q_index + 1 if items and items[-1].slice_id == item.slice_id else 0
        items.append(item.model_copy(update={"q_index": index}))
    return items


def _item(asked: Asked, pool: Pool, *, reject: bool, group: str, seed: int) -> ClosedItem:
    wording = load_wordings().closed[pool.wording]
    offered = _offered(asked, pool, reject=reject, seed=seed)
    options = [Option(letter=OPTION_LETTERS[i], text=wording.text_of(t)) for i, t in enumerate(offered)]
    answer = None if reject else options[offered.index(asked.answer)].letter
    if not pool.is_binary:
        options.append(Option(letter=OPTION_LETTERS[-1], text=NONE_OF_THE_ABOVE))
    record = asked.label.slice
    return ClosedItem(
        image_id=record.slice_id,
        q_index=0,
        slice_id=record.slice_id,
        image_path=record.image_path,
        image_channel=record.image_channel,
        image_slice=record.image_slice,
        question_type=asked.fact.question_type,
        question=wording.question,
        options=tuple(options),
        answer=OPTION_LETTERS[-1] if answer is None else answer,
        is_rejection=reject,
        removed_answer=wording.text_of(asked.answer) if reject else None,
        label_source=asked.fact.label_source,
        source_id=record.source_id,
        group_id=group,
        seed=seed,
    )


def _offered(asked: Asked, pool: Pool, *, reject: bool, seed: int) -> list[StrEnum]:
    rng = random_for(seed, "options", asked.name)
    size = min(pool.size, len(pool.counts))
    drawn = candidates(asked.answer, pool.counts, size, rng)
    drawn += rng.sample(pool.fill, pool.size - size)
    others = [t for t in drawn if t is not asked.answer]
    if pool.is_binary or not reject:
        wanted = len(others) if pool.is_binary else len(others) - 1
        others = [asked.answer, *rng.sample(others, wanted)]
    rng.shuffle(others)
    return others
