"""Open questions that the image alone can answer, with reference answers made of the label's terms."""

from collections.abc import Sequence

from neuroonco.audit.records import AuditedLabel
from neuroonco.build.closed import built_by
from neuroonco.build.facts import Fact, facts
from neuroonco.build.instruct.wordings import asked_openly
from neuroonco.build.records import ClosedItem, OpenItem
from neuroonco.prompts import load_wordings


def open_items_of(
    label: AuditedLabel, closed: Sequence[ClosedItem] | None = None, *, seed: int, rules_name: str, group: str
) -> list[OpenItem]:
    """The open questions of one slice.

    The stem names no finding and no diagnosis. The key terms are the display names of the facts that the answer
    states: never none, and never two values of one attribute.

    Args:
        label: of the slice.
        closed: its closed questions, of which those whether there is a tumor are balanced: the open impression is asked
            of the same slices, or its words would tell the answer. None: of whatever is healthy or untyped.
        seed: recorded only.
        rules_name: of the rule set, for the record.
        group: of the slice, see :mod:`neuroonco.build.groups`.
    """
    wordings = load_wordings()
    stating = facts(label) if closed is None else asked_openly(facts(label), closed)
    known = {fact.wording: fact for fact in stating}
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
                rules=rules_name,
                seed=seed,
                version=built_by(),
                label_sources=tuple(dict.fromkeys(fact.label_source for fact in stated)),
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
