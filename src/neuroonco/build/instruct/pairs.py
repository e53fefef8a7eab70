"""Instruction pairs for training: open, closed with the letter only, and closed with an explanation."""

from collections.abc import Sequence

from neuroonco.audit.records import AuditedLabel
from neuroonco.build.benchmark.closed import items_of
from neuroonco.build.benchmark.open import sentence
from neuroonco.build.facts import Fact, facts
from neuroonco.build.instruct.records import CLOSED, CLOSED_WITH_REASON, OPEN, InstructionPair
from neuroonco.build.records import ClosedItem
from neuroonco.build.rules import BuildRules
from neuroonco.build.select import LeftOut, instruction_pools
from neuroonco.build.split import group_ids
from neuroonco.prompts import load_wordings
from neuroonco.rules import RuleSet
from neuroonco.vocabulary import MRSequence, QuestionType, term

_ASK = {
    CLOSED: "Answer with the option letter only.",
    CLOSED_WITH_REASON: "Give the option letter first, as `Final: <letter>`, then a short explanation.",
}


def instruction_pairs(labels: Sequence[AuditedLabel], seed: int, rules: RuleSet) -> list[InstructionPair]:
    """Instruction pairs about some slices, ordered by kind, slice and question type."""
    return instruction_questions(labels, seed, rules)[0]


def instruction_questions(
    labels: Sequence[AuditedLabel], seed: int, rules: RuleSet
) -> tuple[list[InstructionPair], list[LeftOut]]:
    """Like :func:`instruction_pairs`, with the facts of which no closed question could be made."""
    groups = group_ids(labels)
    by_slice = {label.slice_id: label for label in labels}
    pools, left = instruction_pools(labels, seed, rules.section("build", BuildRules))
    items = items_of(pools, groups, seed, rules)
    pairs = [p for _, label in sorted(by_slice.items()) for p in _open(label, groups[label.slice_id])]
    for kind in (CLOSED, CLOSED_WITH_REASON):
        pairs += [_closed(item, by_slice[item.slice_id], kind) for item in items]
    return pairs, left


def _open(label: AuditedLabel, group: str) -> list[InstructionPair]:
    closed = load_wordings().closed
    return [
        _pair(
            label,
            kind=OPEN,
            index=index,
            question_type=fact.question_type,
            subtype="open",
            question=closed[fact.wording].open_question,
            answer=sentence([fact]),
            group=group,
        )
        for index, fact in enumerate(facts(label))
    ]


def _closed(item: ClosedItem, label: AuditedLabel, kind: str) -> InstructionPair:
    options = "\n".join(f"{option.letter}. {option.text}" for option in item.options)
    explained = f"Final: {item.answer}\nExplanation: {_explanation(item, label)}"
    subtype = "binary" if item.is_binary else "none_of_the_above" if item.is_rejection else "options"
    return _pair(
        label,
        kind=kind,
        index=item.q_index,
        question_type=item.question_type,
        subtype=subtype,
        question=f"{item.question}\nOptions:\n{options}\n\n{_ASK[kind]}",
        answer=item.answer if kind == CLOSED else explained,
        group=item.group_id,
    )


def _explanation(item: ClosedItem, label: AuditedLabel) -> str:
    """Why the answer is right, from the label's terms; a rejection says first that no offered term fits."""
    known = facts(label)
    asked = next(fact for fact in known if fact.question_type is item.question_type)
    text = "None of the offered terms fits. " if item.is_rejection else ""
    if isinstance(asked.value, MRSequence):
        return f"{text}{sentence([asked])} {term(asked.value).description}"
    if asked.question_type is QuestionType.DIAGNOSIS:
        features = [f for f in known if f.question_type not in (QuestionType.DIAGNOSIS, QuestionType.MODALITY)]
        return text + _diagnosis(asked, features)
    return text + sentence([asked])


def _diagnosis(asked: Fact, features: Sequence[Fact]) -> str:
    if not features:
        return sentence([asked])
    seen = f"What the slice shows of the lesion: {sentence(features)[:1].lower()}{sentence(features)[1:]}"
    return f"{seen} {sentence([asked])}"


def _pair(
    label: AuditedLabel,
    *,
    kind: str,
    index: int,
    question_type: QuestionType,
    subtype: str,
    question: str,
    answer: str,
    group: str | None,
) -> InstructionPair:
    record = label.slice
    return InstructionPair(
        pair_id=f"{record.slice_id}_{kind}_{index}",
        pair_index=index,
        slice_id=record.slice_id,
        image_path=record.image_path,
        image_channel=record.image_channel,
        image_slice=record.image_slice,
        file_kind=kind,
        question_type=question_type,
        subtype=subtype,
        question=question,
        answer=answer,
        source_id=record.source_id,
        group_id=group,
    )


def chat_line(pair: InstructionPair) -> dict[str, object]:
    """One line of a chat JSONL file: image, user text, assistant text, and where they come from."""
    meta: dict[str, object] = {
        "id": pair.slice_id,
        "pair_index": pair.pair_index,
        "question_type": pair.question_type.value,
        "subtype": pair.subtype,
        "source": pair.source_id,
    }
    return {
        "images": [pair.image_path],
        "messages": [
            {"role": "user", "content": f"<image>\n{pair.question}"},
            {"role": "assistant", "content": pair.answer},
        ],
        "meta": meta,
    }
