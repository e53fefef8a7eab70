"""Open questions that the image alone can answer, with reference answers made of the label's terms."""

from collections.abc import Sequence

from neuroonco.audit.records import AuditedLabel
from neuroonco.build.facts import Fact, facts
from neuroonco.build.records import OpenItem
from neuroonco.build.split import group_ids
from neuroonco.prompts import load_wordings
from neuroonco.rules import RuleSet


def open_items(labels: Sequence[AuditedLabel], seed: int, rules: RuleSet) -> list[OpenItem]:
    """Open questions about some slices, ordered by slice.

    The stem names no finding and no diagnosis. The key terms are the display names of the facts that the answer
    states: never none, and never two values of one attribute.

    Args:
        seed: recorded only; nothing is drawn.
    """
    groups = group_ids(labels)
    return [
        item.model_copy(update={"rules": rules.name, "seed": seed})
        for label in sorted(labels, key=lambda one: one.slice_id)
        for item in _of(label, groups[label.slice_id])
    ]


def _of(label: AuditedLabel, group: str) -> list[OpenItem]:
    wordings = load_wordings()
    known = {fact.wording: fact for fact in facts(label)}
    record = label.slice
    items: list[OpenItem] = []
    for wording in wordings.open.values():
        stated = [known[name] for name in wording.about if name in known]
        if len(stated) < wording.at_least or any(name not in known for name in wording.needs):
            continue
        items.append(
            OpenItem(
                image_id=record.slice_id,
                question_id=f"{record.slice_id}_q{len(items) + 1}",
                slice_id=record.slice_id,
                image_path=record.image_path,
                image_channel=record.image_channel,
                image_slice=record.image_slice,
                question_type=wording.question_type,
                question=wording.question,
                reference_answer=sentence(stated),
                key_terms=tuple(wordings.closed[f.wording].text_of(f.value) for f in stated),
                source_id=record.source_id,
                group_id=group,
            )
        )
    return items


def sentence(stated: Sequence[Fact]) -> str:
    """One sentence that states facts, in their order.

    >>> from neuroonco.vocabulary import LesionSize, QuestionType, Texture
    >>> sentence([Fact(QuestionType.SIZE, LesionSize.SMALL, "mask"),
    ...           Fact(QuestionType.TEXTURE, Texture.HOMOGENEOUS, "audited")])
    'Its size is small, and its texture is homogeneous.'
    """
    closed = load_wordings().closed
    clauses = [closed[fact.wording].clause(fact.value) for fact in stated]
    text = clauses[0] if len(clauses) == 1 else f"{', '.join(clauses[:-1])}, and {clauses[-1]}"
    return text[0].upper() + text[1:] + "."
