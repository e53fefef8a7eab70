"""Planned questions of a slice as closed questions: terms drawn, worded and lettered."""

from collections.abc import Sequence
from enum import StrEnum

from neuroonco import __version__
from neuroonco.audit.records import AuditedLabel
from neuroonco.build.draw import offered_terms, turned
from neuroonco.build.facts import facts
from neuroonco.build.pools import Planned, Pool
from neuroonco.build.records import NONE_OF_THE_ABOVE, OPTION_LETTERS, ClosedItem, Option
from neuroonco.prompts import load_wordings
from neuroonco.seeded import random_for


def built_by() -> str:
    """Versions of what builds questions, as every question records them."""
    return f"neuroonco {__version__}, wordings {load_wordings().version}"


def closed_items_of(
    label: AuditedLabel, planned: Sequence[Planned], *, seed: int, rules_name: str, group: str
) -> list[ClosedItem]:
    """The closed questions of one slice, numbered from 0.

    Args:
        label: of the slice.
        planned: what :class:`neuroonco.build.pools.Plan` says of it.
        seed: of the draws; a question's draws depend on it and on the question alone.
        rules_name: of the rule set, for the record.
        group: of the slice, see :mod:`neuroonco.build.groups`.
    """
    known = facts(label)
    record = label.slice
    items = []
    for index, one in enumerate(planned):
        fact = known[one.fact]
        item = ClosedItem(
            image_id=record.slice_id,
            q_index=index,
            slice_id=record.slice_id,
            image_path=record.image_path,
            image_channel=record.image_channel,
            image_slice=record.image_slice,
            question_type=fact.question_type,
            question=load_wordings().closed[one.pool.wording].question,
            options=(),
            answer="",
            label_source=fact.label_source,
            source_id=record.source_id,
            group_id=group,
            rules=rules_name,
            seed=seed,
            version=built_by(),
            is_hard=one.pool.is_hard,
        )
        rng = random_for(seed, "options", record.slice_id, one.pool.wording)
        terms = offered_terms(one.answer, one.pool.values, one.pool.options, one.place, rng)
        items.append(offering(item, terms, one.answer, one.pool))
    return items


def offering(item: ClosedItem, terms: Sequence[StrEnum], answer: StrEnum, pool: Pool) -> ClosedItem:
    """A question with these terms as its options, and the letter that is right.

    Args:
        item: everything but its options and answer.
        terms: in the order of their letters.
        answer: the truth, offered or not.
        pool: says whether ``None of the above`` stands beside them, and how terms are worded.
    """
    wording = load_wordings().closed[pool.wording]
    options = [Option(letter=OPTION_LETTERS[i], text=wording.text_of(term)) for i, term in enumerate(terms)]
    if not pool.is_binary:
        options.append(Option(letter=OPTION_LETTERS[-1], text=NONE_OF_THE_ABOVE))
    reject = answer not in terms
    return item.model_copy(
        update={
            "options": tuple(options),
            "answer": OPTION_LETTERS[-1] if reject else OPTION_LETTERS[list(terms).index(answer)],
            "is_rejection": reject,
            "removed_answer": wording.text_of(answer) if reject else None,
        }
    )


def twins_of(items: Sequence[ClosedItem], planned: Sequence[Planned], *, seed: int) -> list[ClosedItem]:
    """For each question with ``None of the above`` the same one with the truth put in or taken out.

    Args:
        items: of one slice, as :func:`closed_items_of` made them.
        planned: what they were made from.
        seed: of the draws.

    Returns:
        Twins, numbered on from the last of ``items``.
    """
    twins: list[ClosedItem] = []
    for item, one in zip(items, planned, strict=True):
        if one.pool.is_binary:
            continue
        wording = load_wordings().closed[one.pool.wording]
        term_of = {wording.text_of(value): value for value in one.pool.values}
        terms = [term_of[option.text] for option in item.options if option.text != NONE_OF_THE_ABOVE]
        rng = random_for(seed, "twin", item.slice_id, one.pool.wording)
        turned_terms = turned(terms, one.answer, one.pool.values, rng)
        numbered = item.model_copy(update={"q_index": len(items) + len(twins), "twin_of": item.q_index})
        twins.append(offering(numbered, turned_terms, one.answer, one.pool))
    return twins
