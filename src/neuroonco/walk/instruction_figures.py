"""Figures of instruction data for the page on questions, from the statistics that their build wrote down."""

from collections.abc import Mapping
from typing import Any

from neuroonco.report.question_records import Counted, InstructionSummary, Share, TypeShare
from neuroonco.vocabulary import PairFault, QuestionType, TumorType, display, recode

KINDS = {"open": "Open", "closed_nocot": "Closed, letter only", "closed_cot": "Closed, with explanation"}
"""Kinds of instruction files in words."""
SUBTYPES = {
    "open": "Open, one fact",
    "detail": "Open, detail",
    "reasoning": "Open, reasoning",
    "binary": "Two options",
    "options": "Answer offered beside E",
    "none_of_the_above": "Rejection items",
}
"""Kinds of pairs in words."""


def instruction_summary(document: Mapping[str, Any]) -> InstructionSummary:
    """What instruction files hold, as ``statistics.json`` says it."""
    pairs: Mapping[str, int] = document["pairs"]
    total = sum(pairs.values())
    types = [type_share(name, document["by_type"], total) for name in _names(document["by_type"])]
    return InstructionSummary(
        pairs=total,
        images=document["images"],
        distinct_questions=document["distinct_questions"],
        kinds=_shares({KINDS.get(k, k): n for k, n in pairs.items()}, total),
        classes=_shares({_class_name(k): n for k, n in document["images_by_class"].items()}, document["images"]),
        types=tuple(sorted(types, key=lambda one: -one.count)),
        most=max((one.count for one in types), default=0),
        subtypes=_shares(_summed(document["by_subtype"], SUBTYPES), total),
        sources=_shares(_summed(document["by_source"], {}), total),
        faults=tuple(Counted(name=_fault_name(code), count=n) for code, n in document["faults"].items()),
    )


def type_share(name: str, by_type: Mapping[str, Mapping[str, int]], total: int) -> TypeShare:
    """Pairs of one question type in all files; ``total`` is of all types."""
    kinds = tuple((KINDS.get(kind, kind), counts.get(name, 0)) for kind, counts in by_type.items())
    n, known = sum(count for _, count in kinds), recode(QuestionType, name)
    shown = SUBTYPES.get(name, name) if known is None else display(known)  # of several facts: no type is theirs
    return TypeShare(name=shown, count=n, share=n / total if total else None, kinds=kinds)


def _names(by_kind: Mapping[str, Mapping[str, int]]) -> list[str]:
    return sorted({name for counts in by_kind.values() for name in counts})


def _summed(by_kind: Mapping[str, Mapping[str, int]], names: Mapping[str, str]) -> dict[str, int]:
    return {names.get(name, name): sum(counts.get(name, 0) for counts in by_kind.values()) for name in _names(by_kind)}


def _shares(counts: Mapping[str, int], total: int) -> tuple[Share, ...]:
    """Largest first; what has the same count keeps its order."""
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    return tuple(Share(name=name, count=n, share=n / total if total else None) for name, n in ordered)


def _class_name(name: str) -> str:
    known = recode(TumorType, name)
    if known is TumorType.TUMOR:
        return "Tumor of unstated type"
    return name.replace("_", " ").capitalize() if known is None else display(known)


def _fault_name(code: str) -> str:
    known = recode(PairFault, code)
    return code if known is None else display(known)
